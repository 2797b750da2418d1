package tracedat

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// Ids of options, and in version 7 of sections (lib/trace-cmd/include/private,
// TRACECMD_OPTION_*).
const (
	optDone         = 0
	optDate         = 1
	optCPUStat      = 2
	optBuffer       = 3
	optTraceClock   = 4
	optUname        = 5
	optOffset       = 7
	optCPUCount     = 8
	optVersion      = 9
	optTimeShift    = 12
	optTSC2NSEC     = 14
	optHeaderInfo   = 16
	optFtraceEvents = 17
	optEventFormats = 18
	optKallsyms     = 19
	optPrintk       = 20
	optCmdlines     = 21
	optBufferText   = 22
)

// options is what the options tell.
type options struct {
	date              int64 // ns to add for wall time
	hasDate           bool
	offset            int64 // ns to add, by the user's wish
	clock             string
	uname, version    string
	cpuCount          int
	tscMult, tscShift uint32
	timeShift         bool
	stats             []cpuStat
	statBuffer        string // the buffer that the next CPUSTAT belongs to
	notes             []string
	section           map[uint16]int64 // offsets of metadata sections
}

// cpuStat is the ring buffer's own count of losses on one CPU.
type cpuStat struct {
	buffer                          string
	cpu                             int
	overrun, commitOverrun, dropped int64
	left                            int64 // entries never read
}

// option takes in one option. sectioned tells version 7.
func (c *capture) option(id uint16, b []byte, sectioned bool) error {
	o, order := &c.opts, c.pre.Order
	number := func() (int64, bool) {
		v, err := strconv.ParseInt(string(tep.CString(b)), 0, 64)
		return v, err == nil
	}
	switch id {
	case optDate:
		if us, ok := number(); ok && us > math.MinInt64/1000 && us < math.MaxInt64/1000 {
			o.date, o.hasDate = us*1000, true
		}
	case optOffset:
		if ns, ok := number(); ok && ns > -1<<61 && ns < 1<<61 {
			o.offset = ns
		}
	case optCPUStat:
		o.cpuStat(string(tep.CString(b)))
	case optTraceClock:
		if s := string(tep.CString(b)); s != "" {
			o.clock = currentClock(s)
		}
	case optUname:
		o.uname = string(tep.CString(b))
	case optVersion:
		o.version = strings.TrimSpace(string(tep.CString(b)))
	case optCPUCount:
		if len(b) >= 4 {
			o.cpuCount = int(min(order.Uint32(b), math.MaxInt32))
		}
	case optTimeShift:
		o.timeShift = true
	case optTSC2NSEC:
		if len(b) >= 16 {
			o.tscMult, o.tscShift = order.Uint32(b), order.Uint32(b[4:])
		}
	case optHeaderInfo, optFtraceEvents, optEventFormats, optKallsyms, optCmdlines:
		if len(b) >= 8 {
			if o.section == nil {
				o.section = make(map[uint16]int64)
			}
			o.section[id] = int64(order.Uint64(b))
		}
	case optBuffer, optBufferText:
		return c.bufferOption(id, b, sectioned)
	default:
		return nil
	}
	if c.pieces != nil && id < optHeaderInfo {
		c.kept = append(c.kept, Option{id, bytes.Clone(b)})
	}
	return nil
}

// currentClock finds the clock in brackets in a trace_clock file, or takes the
// text for a bare name.
func currentClock(s string) string {
	if _, rest, ok := strings.Cut(s, "["); ok {
		if name, _, ok := strings.Cut(rest, "]"); ok {
			return name
		}
	}
	return strings.TrimSpace(s)
}

// cpuStat reads a per_cpu/cpuN/stats file; between those of different buffers
// stands a line with the buffer's name.
func (o *options) cpuStat(text string) {
	s := cpuStat{buffer: o.statBuffer, cpu: -1}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		if key == "Buffer" {
			o.statBuffer = value
			return
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			continue
		}
		switch key {
		case "CPU":
			s.cpu = int(n)
		case "entries":
			s.left = n
		case "overrun":
			s.overrun = n
		case "commit overrun":
			s.commitOverrun = n
		case "dropped events":
			s.dropped = n
		}
	}
	if s.cpu >= 0 && s.cpu < maxCPUs && len(o.stats) < maxBuffers*maxCPUs {
		o.stats = append(o.stats, s)
	}
}

// bufferOption reads where the data of a buffer is.
func (c *capture) bufferOption(id uint16, b []byte, sectioned bool) error {
	order := c.pre.Order
	short := func() error {
		return fmt.Errorf("%w: BUFFER option of %d bytes ends inside its fields", parser.ErrDamaged, len(b))
	}
	if len(c.buffers) >= maxBuffers {
		return fmt.Errorf("%w: more than %d buffers", parser.ErrLimit, maxBuffers)
	}
	if len(b) < 8 {
		return short()
	}
	buf := &buffer{off: int64(order.Uint64(b)), pageSize: int(c.pre.PageSize), text: id == optBufferText}
	rest := b[8:]
	text := func() (string, bool) {
		s, after, ok := bytes.Cut(rest, []byte{0})
		rest = after
		return string(s), ok
	}
	var ok bool
	if buf.name, ok = text(); !ok {
		return short()
	}
	if buf.off < 0 {
		return fmt.Errorf("%w: a buffer at offset %d", parser.ErrDamaged, uint64(buf.off))
	}
	c.buffers = append(c.buffers, buf)
	if !sectioned {
		return nil // the data tells its CPUs
	}
	if buf.clock, ok = text(); !ok {
		return short()
	}
	buf.clock = currentClock(buf.clock)
	if buf.text {
		return nil
	}
	if len(rest) < 8 {
		return short()
	}
	size, n := order.Uint32(rest), order.Uint32(rest[4:])
	if size < minPageSize || size > maxPageSize {
		return fmt.Errorf("%w: ring buffer pages of %d bytes", parser.ErrDamaged, size)
	}
	buf.pageSize = int(size)
	rest = rest[8:]
	const entry = 20
	if n > maxCPUs || int(n)*entry > len(rest) {
		return fmt.Errorf("%w: BUFFER option of %d bytes states %d CPUs", parser.ErrDamaged, len(b), n)
	}
	for range n {
		if err := c.addCPU(buf, uint64(order.Uint32(rest)), order.Uint64(rest[4:]), order.Uint64(rest[12:])); err != nil {
			return err
		}
		rest = rest[entry:]
	}
	return nil
}

// addCPU adds the data of a CPU to a buffer.
func (c *capture) addCPU(b *buffer, cpu, off, size uint64) error {
	if cpu >= maxCPUs {
		return fmt.Errorf("%w: data of CPU %d", parser.ErrDamaged, cpu)
	}
	for _, d := range b.cpus {
		if d.cpu == int(cpu) {
			return fmt.Errorf("%w: data of CPU %d twice", parser.ErrDamaged, cpu)
		}
	}
	if off > math.MaxInt64 || size > math.MaxInt64-off {
		return fmt.Errorf("%w: %d bytes of CPU %d at offset %d", parser.ErrDamaged, size, cpu, off)
	}
	if size > 0 {
		b.cpus = append(b.cpus, cpuData{int(cpu), int64(off), int64(size)})
	}
	return nil
}
