package tracedat

import (
	"errors"
	"fmt"
	"io"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// maxOption is the size of the largest option, in bytes. PROCMAPS, which is
// skipped, may be long.
const maxOption = 64 << 20

// open6 reads the rest of a version 6 file: metadata in a fixed order, then
// options, then the table of data.
func (c *capture) open6(d *tep.Reader) error {
	fail := func(err error) error { return c.fail(d.Offset(), remedyCopy, err) }
	for _, p := range []struct {
		id   uint16 // of its section in version 7
		read func() error
	}{
		{optHeaderInfo, func() (err error) { c.page, err = d.HeaderPage(); return err }},
		{optFtraceEvents, func() error { return d.FtraceEvents(c.table) }},
		{optEventFormats, func() error { return d.Events(c.table) }},
		{optKallsyms, func() error { return d.Symbols(c.table) }},
		{optPrintk, func() error { return d.Printk(c.table) }},
		{optCmdlines, func() (err error) { c.comm, err = d.Cmdlines(); return err }},
	} {
		from := d.Offset()
		err := p.read()
		if err == nil {
			err = c.piece(p.id, from, d.Offset())
		}
		if err != nil {
			return fail(err)
		}
	}
	cpus, err := d.Uint32()
	if err != nil {
		return fail(err)
	}
	if cpus > maxCPUs {
		return fail(fmt.Errorf("%w: %d CPUs", parser.ErrDamaged, cpus))
	}
	main := &buffer{pageSize: int(c.pre.PageSize)}
	if err := c.data6(d, main, int(cpus), true); err != nil {
		return fail(err)
	}
	instances := c.buffers
	c.buffers = append([]*buffer{main}, instances...)
	for _, b := range instances {
		if b.off >= c.src.Size {
			c.note("the instance %.40q lies behind the end of the file", b.name)
			b.cpus = nil
			continue
		}
		sub := tep.NewSection(c.pre, io.NewSectionReader(c.src.At, b.off, c.src.Size-b.off))
		if err := c.data6(sub, b, int(cpus), false); err != nil {
			return c.fail(b.off+sub.Offset(), remedyCopy, err)
		}
	}
	if !main.text {
		// Behind the table of the main buffer stands its clock.
		if text, err := d.Sized(maxClock); err == nil && c.opts.clock == "" {
			c.opts.clock = currentClock(string(text))
		}
	}
	return nil
}

// maxClock bounds the text of a trace_clock file.
const maxClock = 4 << 10

// data6 reads the kind of the data and the table that places it. Options may
// stand before.
func (c *capture) data6(d *tep.Reader, b *buffer, cpus int, options bool) error {
	b.off = d.Offset() + b.off
	for {
		kind, err := d.Bytes(10)
		if err != nil {
			return err
		}
		switch string(tep.CString(kind)) {
		case "options  ":
			if !options {
				return fmt.Errorf("%w: options inside a buffer", parser.ErrDamaged)
			}
			options = false
			if err := c.options6(d); err != nil {
				return err
			}
			if c.opts.cpuCount > cpus && c.opts.cpuCount <= maxCPUs {
				cpus = c.opts.cpuCount
			}
			continue
		case "latency  ":
			b.text = true
			return nil
		case "flyrecord":
		default:
			return fmt.Errorf("%w: data of the kind %.10q", parser.ErrDamaged, kind)
		}
		break
	}
	for cpu := range cpus {
		off, err := d.Uint64()
		if err != nil {
			return err
		}
		size, err := d.Uint64()
		if err != nil {
			return err
		}
		if err := c.addCPU(b, uint64(cpu), off, size); err != nil {
			return err
		}
	}
	return nil
}

func (c *capture) options6(d *tep.Reader) error {
	for {
		id, err := d.Uint16()
		if err != nil || id == optDone {
			return err
		}
		size, err := d.Uint32()
		if err != nil {
			return err
		}
		if err := c.readOption(d, id, size, false); err != nil {
			return err
		}
	}
}

func (c *capture) readOption(d *tep.Reader, id uint16, size uint32, sectioned bool) error {
	if size > maxOption {
		return fmt.Errorf("%w: option %d of %d bytes", parser.ErrDamaged, id, size)
	}
	b, err := d.Bytes(int64(size))
	if err != nil {
		return err
	}
	return c.option(id, b, sectioned)
}

// maxSections bounds the chain of option sections.
const maxSections = 1024

// sectionHeader is {u16 id, u16 flags, u32 description, u64 size}.
const (
	sectionHeader     = 16
	sectionCompressed = 1
)

// open7 reads the rest of a version 7 file: the name of the compression, the
// chain of options, then the sections they place.
func (c *capture) open7(d *tep.Reader) error {
	fail := func(off int64, err error) error { return c.fail(off, remedyCopy, err) }
	name, err := d.Word()
	if err != nil {
		return fail(d.Offset(), err)
	}
	if _, err := d.Word(); err != nil { // the library's version
		return fail(d.Offset(), err)
	}
	if c.codec, err = codecOf(name); err != nil {
		return c.fail(d.Offset(), "convert it: trace-cmd convert --compression none", err)
	}
	next, err := d.Uint64()
	if err != nil {
		return fail(d.Offset(), err)
	}
	seen := make(map[uint64]bool)
	end := int64(0) // of the last section of options
	for next != 0 {
		if seen[next] || len(seen) >= maxSections {
			return fail(int64(next), fmt.Errorf("%w: the option sections form no chain", parser.ErrDamaged))
		}
		seen[next] = true
		last := end
		if next, end, err = c.options7(next); err != nil {
			if !errors.Is(err, parser.ErrTruncated) || last == 0 {
				return err
			}
			if c.cut = err; len(c.buffers) == 0 && !c.salvage(last) {
				return err
			}
			break
		}
	}
	if err := c.sections(); err != nil {
		return err
	}
	for _, b := range c.buffers {
		if b.text {
			continue
		}
		flags, _, err := c.header(b.off, optBuffer)
		if err != nil {
			return fail(b.off, err)
		}
		b.compressed = flags&sectionCompressed != 0
	}
	return nil
}

// sections reads the sections that the options told of.
func (c *capture) sections() error {
	for _, s := range []struct {
		id   uint16
		read func(*tep.Reader) error
	}{
		{optHeaderInfo, func(d *tep.Reader) (err error) { c.page, err = d.HeaderPage(); return err }},
		{optFtraceEvents, func(d *tep.Reader) error { return d.FtraceEvents(c.table) }},
		{optEventFormats, func(d *tep.Reader) error { return d.Events(c.table) }},
		{optKallsyms, func(d *tep.Reader) error { return d.Symbols(c.table) }},
		{optPrintk, func(d *tep.Reader) error { return d.Printk(c.table) }},
		{optCmdlines, func(d *tep.Reader) (err error) { c.comm, err = d.Cmdlines(); return err }},
	} {
		off, ok := c.opts.section[s.id]
		addresses := s.id == optKallsyms || s.id == optPrintk
		if addresses && c.pieces != nil {
			continue // no copy has them
		}
		if !ok {
			if s.id == optHeaderInfo {
				c.page, _ = tep.ParseHeaderPage(nil, c.pre.LongSize)
			}
			continue
		}
		r, close, err := c.sectionAt(off, s.id)
		if err != nil {
			return c.fail(off, remedyCopy, err)
		}
		if symbols, printk := c.table.Wants(); s.id == optKallsyms && !symbols || s.id == optPrintk && !printk {
			close()
			continue // it is large, and compressed
		}
		err = c.copied(s.id, r, s.read)
		close()
		if err != nil {
			if addresses {
				continue // what they would name has none then
			}
			if s.id == optCmdlines {
				c.note("the cached names of tasks cannot be read in full: %v", err)
				continue
			}
			return c.fail(off, remedyCopy, err)
		}
	}
	return nil
}

// options7 reads one section of options and returns where the next one is, and
// where this one ends.
func (c *capture) options7(at uint64) (next uint64, end int64, err error) {
	if at > uint64(c.src.Size) {
		return 0, 0, c.fail(c.src.Size, remedyCopy, fmt.Errorf("%w: its options are at offset %d, behind its end", parser.ErrTruncated, at))
	}
	_, size, err := c.header(int64(at), optDone)
	if err != nil {
		return 0, 0, c.fail(int64(at), remedyCopy, err)
	}
	end = int64(at) + sectionHeader + size
	r, close, err := c.sectionAt(int64(at), optDone)
	if err != nil {
		return 0, 0, c.fail(int64(at), remedyCopy, err)
	}
	defer close()
	d := tep.NewSection(c.pre, r)
	fail := func(err error) (uint64, int64, error) {
		return 0, 0, c.fail(int64(at)+sectionHeader+d.Offset(), remedyCopy, err)
	}
	for {
		id, err := d.Uint16()
		if err != nil {
			return fail(err)
		}
		size, err := d.Uint32()
		if err != nil {
			return fail(err)
		}
		if id == optDone {
			if size < 8 {
				return 0, end, nil
			}
			if next, err = d.Uint64(); err != nil {
				return fail(err)
			}
			return next, end, nil
		}
		if err := c.readOption(d, id, size, true); err != nil {
			return fail(err)
		}
	}
}

// header reads a section header and checks its id.
func (c *capture) header(off int64, id uint16) (flags uint16, size int64, err error) {
	var h [sectionHeader]byte
	if off < 0 || off > c.src.Size {
		return 0, 0, fmt.Errorf("%w: section %d is at offset %d, behind its end", parser.ErrTruncated, id, uint64(off))
	}
	if n, err := c.src.At.ReadAt(h[:], off); n < len(h) {
		return 0, 0, fmt.Errorf("%w: it ends inside a section header: %w", parser.ErrTruncated, err)
	}
	o := c.pre.Order
	if got := o.Uint16(h[:]); got != id {
		return 0, 0, fmt.Errorf("%w: section %d where %d is due", parser.ErrDamaged, got, id)
	}
	n := o.Uint64(h[8:])
	if n > 1<<62 {
		return 0, 0, fmt.Errorf("%w: section of %d bytes", parser.ErrDamaged, n)
	}
	return o.Uint16(h[2:]), int64(n), nil
}

// sectionAt returns the content of a metadata section, decompressed.
func (c *capture) sectionAt(off int64, id uint16) (io.Reader, func(), error) {
	flags, size, err := c.header(off, id)
	if err != nil {
		return nil, nil, err
	}
	off += sectionHeader
	if flags&sectionCompressed == 0 {
		return io.NewSectionReader(c.src.At, off, size), func() {}, nil
	}
	var h [8]byte // compressed and plain size
	if n, err := c.src.At.ReadAt(h[:], off); n < len(h) {
		return nil, nil, fmt.Errorf("%w: it ends inside a section header: %w", parser.ErrTruncated, err)
	}
	packed, plain := c.pre.Order.Uint32(h[:]), c.pre.Order.Uint32(h[4:])
	r, close, err := c.codec.reader(io.NewSectionReader(c.src.At, off+8, int64(packed)))
	if err != nil {
		return nil, nil, err
	}
	return io.LimitReader(r, int64(plain)), close, nil
}
