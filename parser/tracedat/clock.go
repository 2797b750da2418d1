package tracedat

import (
	"fmt"
	"math/bits"

	"schedreplay/parser"
)

// stamper turns the ring buffer's stamps into ns of the capture's clock.
type stamper struct {
	clock      parser.Clock
	resolution int64
	notes      []string

	unit        uint64 // ns of one unit
	mult, shift uint32 // ns = stamp*mult >> shift, if mult is not 0
	offset      int64
}

// ns converts a stamp; false if the result is no time.
func (s *stamper) ns(stamp uint64) (int64, bool) {
	if s.mult != 0 {
		hi, lo := bits.Mul64(stamp, uint64(s.mult))
		if hi>>s.shift != 0 {
			return 0, false
		}
		stamp = lo >> s.shift
		if s.shift > 0 {
			stamp |= hi << (64 - s.shift)
		}
	} else if s.unit != 1 {
		hi, lo := bits.Mul64(stamp, s.unit)
		if hi != 0 {
			return 0, false
		}
		stamp = lo
	}
	if stamp > 1<<62 {
		return 0, false
	}
	return int64(stamp) + s.offset, true
}

// stamperFor knows the trace clocks (kernel/trace/trace.c, trace_clocks).
func (c *capture) stamperFor(b *buffer) (stamper, error) {
	name := b.clock
	if name == "" {
		name = c.opts.clock
	}
	s := stamper{clock: parser.Clock{Name: name}, unit: 1, resolution: 1}
	refuse := func(why string) (stamper, error) {
		return s, c.fail(-1, "record with a clock that tells time: trace-cmd record -C mono",
			fmt.Errorf("%w: the clock %q %s", parser.ErrUnsupported, name, why))
	}
	switch name {
	case "counter":
		return refuse("counts events and tells no time")
	case "uptime":
		// jiffies_to_clock_t: hundredths of a second on every architecture
		// but alpha and ia64.
		s.unit, s.resolution = 10_000_000, 10_000_000
		s.notes = append(s.notes, "the clock uptime ticks every 10 ms: no latency below that can be told")
	case "x86-tsc", "tsc2nsec", "ppc-tb":
		if c.opts.tscMult == 0 || c.opts.tscShift > 63 {
			return refuse("counts cycles, and the file does not tell how long they are")
		}
		s.mult, s.shift = c.opts.tscMult, c.opts.tscShift
		s.notes = append(s.notes, fmt.Sprintf("stamps of the clock %s are converted to ns with the file's factors", name))
	case "local":
		s.clock.PerCPU = true
		s.notes = append(s.notes, "the clock local may disagree between CPUs: latencies from one CPU to another are not sure (trace-cmd record -C mono)")
	case "":
		s.clock.PerCPU = true
		s.notes = append(s.notes, "the file does not tell its clock: it may disagree between CPUs")
	}
	if c.opts.hasDate {
		s.clock.WallOffset, s.clock.HasWall = c.opts.date, true
	}
	if c.opts.offset != 0 {
		s.offset = c.opts.offset
		if s.clock.HasWall {
			s.clock.WallOffset -= s.offset
		}
		s.notes = append(s.notes, fmt.Sprintf("all stamps are shifted by %d ns, as asked for with trace-cmd record --ts-offset", s.offset))
	}
	if c.opts.timeShift {
		s.notes = append(s.notes, "the file tells how its clock relates to that of a host or guest traced with it (TIME_SHIFT): this is not applied")
	}
	return s, nil
}
