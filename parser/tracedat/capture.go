package tracedat

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/parser/tep"
)

const formatName = string(parser.DialectTraceDat)

const (
	maxCPUs     = cpumask.MaxCPUs
	maxBuffers  = 64
	minPageSize = 4 << 10
	maxPageSize = 1 << 20
)

// capture is an opened recording. After open it changes no more, but for the
// fields behind mu.
type capture struct {
	src     parser.Source
	pre     tep.Preamble
	page    tep.HeaderPage
	table   *tep.Table
	codec   codec // of compressed sections
	comm    map[int32]string
	meta    parser.Meta
	buffers []*buffer
	chosen  *buffer
	stamp   stamper
	opts    options
	skipped map[string]int64
	cut     error // the file ends before the table of its data
	// For ReadFile: parts of the file as written. nil for New.
	pieces map[uint16][]byte
	kept   []Option

	mu    sync.Mutex
	stats parser.Stats
}

// buffer is the data of one ring buffer: the main one, or an instance.
type buffer struct {
	name       string // empty for the main buffer
	clock      string // empty if told elsewhere
	off        int64
	pageSize   int
	cpus       []cpuData
	compressed bool
	text       bool // a latency trace: text, not pages
}

// cpuData places the data of one CPU.
type cpuData struct {
	cpu       int
	off, size int64
}

// New opens a recording. It needs src.At. The error is a [parser.Error] that
// wraps [parser.ErrFormat] if the input is no trace.dat file,
// [parser.ErrUnsupported] if it is one that cannot be used, such as one of an
// unusable clock or without scheduler events, and [parser.ErrTruncated] or
// [parser.ErrDamaged] if it ends or breaks before anything can be decoded.
// Damage behind that point is told by Events.
func New(src parser.Source) (parser.Capture, error) {
	c := newCapture(src)
	err := c.read()
	if err == nil {
		err = c.choose()
	}
	if err != nil {
		return nil, c.fail(-1, "", err)
	}
	c.describe()
	return c, nil
}

func newCapture(src parser.Source) *capture {
	return &capture{
		src: src, skipped: make(map[string]int64),
		meta: parser.Meta{
			Name: src.Name, Dialect: parser.DialectTraceDat, Confidence: "magic bytes", Resolution: 1, Host: &parser.Host{},
		},
	}
}

// fail makes an error about the input at off; an off that is none, as damaged
// files state, is left out.
func (c *capture) fail(off int64, remedy string, cause error) error {
	off = max(off, -1)
	var e *parser.Error
	if errors.As(cause, &e) {
		return e
	}
	return &parser.Error{File: c.src.Name, Format: formatName, Offset: off, Err: cause, Remedy: remedy}
}

const remedyCopy = "copy or record again"

// read reads what stands around the pages.
func (c *capture) read() error {
	if c.src.At == nil {
		return c.fail(-1, "give it as a file", fmt.Errorf("%w: a trace.dat file cannot be read as a stream", parser.ErrUnsupported))
	}
	if c.src.Size < 0 {
		size, err := sizeOf(c.src.At)
		if err != nil {
			return c.fail(-1, "", err)
		}
		c.src.Size = size
	}
	head := make([]byte, len(tep.Magic))
	n, err := c.src.At.ReadAt(head, 0)
	if n < len(head) && strings.HasPrefix(tep.Magic, string(head[:n])) && n > 0 {
		return c.fail(int64(n), remedyCopy, fmt.Errorf("%w: it ends inside the file header: %w", parser.ErrTruncated, err))
	}
	if string(head[:n]) != tep.Magic {
		return c.fail(0, "", fmt.Errorf("%w: it begins %q", parser.ErrFormat, head[:n]))
	}
	d, err := tep.NewReader(io.NewSectionReader(c.src.At, 0, c.src.Size))
	if err != nil {
		off := int64(0)
		if d != nil {
			off = d.Offset()
		}
		return c.fail(off, remedyCopy, err)
	}
	c.pre = d.Preamble
	c.table = tep.NewTable(c.pre.Order)
	if c.pre.PageSize < minPageSize || c.pre.PageSize > maxPageSize {
		return c.fail(d.Offset(), "", fmt.Errorf("%w: pages of %d bytes", parser.ErrDamaged, c.pre.PageSize))
	}
	switch c.pre.Version {
	case "6":
		err = c.open6(d)
	case "7":
		err = c.open7(d)
	default:
		return c.fail(10, "convert it with a trace-cmd that knows it: trace-cmd convert", fmt.Errorf("%w: trace.dat version %.10q", parser.ErrUnsupported, c.pre.Version))
	}
	return err
}

// sizeOf finds the size of what at reads.
func sizeOf(at io.ReaderAt) (int64, error) {
	var one [1]byte
	has := func(off int64) (bool, error) {
		n, err := at.ReadAt(one[:], off)
		if n == 1 || err == io.EOF {
			return n == 1, nil
		}
		return false, err
	}
	lo, hi := int64(0), int64(1)
	for {
		ok, err := has(hi - 1)
		if err != nil {
			return 0, err
		}
		if !ok || hi > 1<<61 {
			break
		}
		lo, hi = hi, 2*hi
	}
	for lo+1 < hi { // lo bytes are there, hi are not
		mid := lo + (hi-lo)/2
		ok, err := has(mid - 1)
		if err != nil {
			return 0, err
		}
		if ok {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, nil
}

// choose picks the buffer to read: the main one, or the first instance with
// scheduler events if the main one has none.
func (c *capture) choose() error {
	const remedy = "record scheduler events: trace-cmd record -e sched"
	slices.SortStableFunc(c.buffers, func(a, b *buffer) int {
		switch { // the main buffer first
		case a.name == "" && b.name != "":
			return -1
		case a.name != "" && b.name == "":
			return 1
		}
		return 0
	})
	var refused error
	pages := false
	for _, b := range c.buffers {
		if b.text {
			continue
		}
		pages = true
		stamp, err := c.stamperFor(b)
		if err != nil {
			if refused == nil {
				refused = err
			}
			continue
		}
		c.stamp = stamp
		found, err := c.hasSched(b)
		if found {
			c.chosen = b
			break
		}
		if refused == nil {
			refused = err // it may hold some where it is damaged
		}
	}
	switch {
	case c.chosen != nil:
	case refused != nil:
		return refused
	case !pages && len(c.buffers) > 0:
		return c.fail(c.buffers[0].off, "record events instead of a latency tracer: trace-cmd record -e sched",
			fmt.Errorf("%w: it holds a latency trace, which is text without scheduler events", parser.ErrUnsupported))
	case !c.table.Has(parser.KindSwitch) && !c.table.Has(parser.KindWaking) && !c.table.Has(parser.KindWakeup):
		return c.fail(-1, remedy, fmt.Errorf("%w: it holds no formats of scheduler events", parser.ErrUnsupported))
	default:
		return c.fail(-1, remedy, fmt.Errorf("%w: it holds no scheduler events", parser.ErrUnsupported))
	}
	for _, b := range c.buffers {
		if b == c.chosen {
			continue
		}
		name := fmt.Sprintf("the instance %.40q", b.name)
		if b.name == "" {
			name = "the main buffer"
		}
		c.note("%s is not read", name)
	}
	if c.chosen.name != "" {
		c.note("the events are those of the instance %.40q: the main buffer holds none of the scheduler", c.chosen.name)
	}
	return nil
}

// hasSched looks for a scheduler event in a buffer, and for wakeups among the
// first ones. The error says why the buffer's data ended early.
func (c *capture) hasSched(b *buffer) (found bool, err error) {
	const enough = 10000
	n := 0
	err = newPass(c, b).run(func(e *parser.Event, _ error) bool {
		switch e.Kind {
		case parser.KindOther, parser.KindLost, parser.KindOverwritten, parser.KindDamaged:
			return true
		case parser.KindWaking, parser.KindWakeup:
			c.meta.HasWakings = true
		}
		found = true
		n++
		return !c.meta.HasWakings && n < enough
	})
	return found, err
}

func (c *capture) note(format string, args ...any) {
	c.meta.Notes = append(c.meta.Notes, fmt.Sprintf(format, args...))
}

// describe fills the description from the options.
func (c *capture) describe() {
	h, o := c.meta.Host, &c.opts
	c.meta.Clock = c.stamp.clock
	c.meta.Resolution = c.stamp.resolution
	// "sysname nodename release machine"; the first and last have no blanks.
	if f := strings.Fields(o.uname); len(f) == 4 {
		const source = "trace.dat option UNAME"
		h.Hostname, h.Release, h.Arch = fact.Seen(f[1], source), fact.Seen(f[2], source), fact.Seen(f[3], source)
	}
	if o.cpuCount > 0 && o.cpuCount <= maxCPUs {
		h.Present = fact.Of(cpumask.Range(0, o.cpuCount-1), fact.Assumed, "trace.dat option CPUCOUNT")
	}
	if o.version != "" {
		c.note("recorded by trace-cmd %s", o.version)
	}
	c.meta.Notes = append(c.meta.Notes, c.stamp.notes...)
	c.meta.Notes = append(c.meta.Notes, c.table.Notes()...)
	c.meta.Notes = append(c.meta.Notes, o.notes...)
	if !c.meta.HasWakings {
		c.note("no wakeups were recorded: neither sched_waking nor sched_wakeup is among the events")
	}
	for _, s := range o.stats {
		if s.buffer != c.chosen.name {
			continue
		}
		for _, l := range []struct {
			n    int64
			what string
		}{
			{s.overrun, "events of CPU %d were overwritten before they could be read"},
			{s.dropped, "events of CPU %d found no room"},
			{s.commitOverrun, "events of CPU %d were lost in nested interrupts"},
			{s.left, "events of CPU %d were still in the ring buffer when the recording ended"},
		} {
			if l.n > 0 {
				c.note("%d "+l.what, l.n, s.cpu)
			}
		}
	}
}

// Meta implements [parser.Capture].
func (c *capture) Meta() *parser.Meta { return &c.meta }

// Stats returns the counts of the last pass that ended.
func (c *capture) Stats() parser.Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Close implements [parser.Capture]; there is nothing to release.
func (c *capture) Close() error { return nil }
