package tracedat

import "fmt"

// salvage finds the data of a version 7 file that was cut before the table
// which places it: trace-cmd writes that table, a BUFFER option, behind the
// data. end is where the last whole section of options ends; the buffer's
// section comes next. Compressed data can be followed from CPU to CPU, because
// it tells its own lengths; plain pages cannot.
func (c *capture) salvage(end int64) bool {
	flags, _, err := c.header(end, optBuffer)
	if err != nil || flags&sectionCompressed == 0 || c.codec == codecNone {
		return false
	}
	page := int64(c.pre.PageSize)
	align := func(off int64) int64 { return (off + page - 1) / page * page }
	o := c.pre.Order
	b := &buffer{off: end, pageSize: int(page)}
	off := align(end + sectionHeader)
	var h [8]byte
	for cpu := range min(c.opts.cpuCount, maxCPUs) {
		if n, _ := c.src.At.ReadAt(h[:4], off); n < 4 {
			break
		}
		at := off + 4
		for range o.Uint32(h[:]) {
			if n, _ := c.src.At.ReadAt(h[:], at); n < len(h) {
				break
			}
			packed := o.Uint32(h[:])
			if packed > 2*maxChunk {
				return false
			}
			at += 8 + int64(packed)
		}
		// Data that ends behind the file's end is read as far as it goes.
		if err := c.addCPU(b, uint64(cpu), uint64(off), uint64(at-off)); err != nil {
			return false
		}
		if off = align(at); at >= c.src.Size {
			break
		}
	}
	if len(b.cpus) == 0 {
		return false
	}
	if len(b.cpus) < c.opts.cpuCount {
		for _, d := range b.cpus {
			c.meta.RecordedCPUs.Set(d.cpu)
		}
	}
	c.buffers = append(c.buffers, b)
	c.opts.notes = append(c.opts.notes, fmt.Sprintf("the file is cut before the table of its data: the data of %d of %d CPUs was found without it", len(b.cpus), c.opts.cpuCount))
	return true
}
