package perfdata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"sync"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

const (
	formatName    = string(parser.DialectPerfData)
	magicLittle   = "PERFILE2"
	magicBig      = "2ELIFREP"
	magicV1       = "PERFFILE"
	pipeHeader    = 16  // bytes of the header in pipe mode
	fileHeader    = 104 // bytes of the header of a file
	maxAttrStride = 4096
)

const remedyCopy = "copy or record again"

// loss sums up the records about lost events of one CPU.
type loss struct {
	placed int64 // told by records with a time
	total  int64 // told by records without
	pos    int64 // of the last one without
}

// gaps is what a recording lacks, and what of it is not read.
type gaps struct {
	losses     map[int32]loss
	lost       int64 // all of them, each counted once
	damages    []parser.Event
	moreDamage int64
	placed     []parser.Event // damages and unplaced losses in order
	ended      *parser.Error  // why a stream ended early
	skipped    map[string]int64
}

// capture is an opened recording. After open it changes no more, but for the
// fields behind mu.
type capture struct {
	order tep.Order
	meta  parser.Meta
	ev    Types
	table *tep.Table
	lanes laneSet

	cgroups cgroups

	spool *spool // decompressed records, nil if there are none
	inner *store // the same, for lanes

	bytes       int64
	first, last int64 // time of the first and last record; first > last if none has one
	// When the first and the last CPU begins whose buffer was in overwrite mode.
	ringFrom, ringTo int64
	opened           parser.CPUs // CPUs the tracepoints were opened on
	taskOnly         bool        // only some tasks were recorded
	gaps
	temp    parser.Temp
	feat    features
	rest    func() error // walks over further files of a folder
	closers []io.Closer

	mu     sync.Mutex
	closed bool
	stats  parser.Stats
}

// New opens a recording in one file or pipe stream. It walks over the whole
// input once; see the package comment for what that costs.
//
// File mode needs src.At. Pipe mode (perf record -o -) reads src.Open and
// keeps a temporary copy if src.At is nil. The error is a [parser.Error] that
// wraps [parser.ErrFormat] if the input is no perf.data file,
// [parser.ErrUnsupported] if it is one that cannot be used, such as one
// without scheduler events, and [parser.ErrTruncated] or [parser.ErrDamaged] if
// it ends or breaks before anything can be decoded. Damage behind that point is
// told by Events.
func New(src parser.Source) (parser.Capture, error) {
	c := newCapture(src.Name)
	if err := c.open(src); err != nil {
		_ = c.Close()
		return nil, asError(src.Name, err)
	}
	return c, nil
}

func newCapture(name string) *capture {
	c := &capture{
		first: math.MaxInt64, last: math.MinInt64, ringFrom: math.MaxInt64, ringTo: math.MinInt64,
		gaps: gaps{losses: make(map[int32]loss), skipped: make(map[string]int64)},
	}
	c.meta = parser.Meta{
		Name: name, Dialect: parser.DialectPerfData, Confidence: "magic bytes", Resolution: 1, Host: &parser.Host{},
	}
	return c
}

// asError makes a [parser.Error] of err if it is none.
func asError(file string, err error) error {
	var e *parser.Error
	if errors.As(err, &e) {
		return e
	}
	return &parser.Error{File: file, Format: formatName, Offset: -1, Err: err}
}

// fail makes an error about the input at off.
func (c *capture) fail(off int64, remedy string, cause error) error {
	return &parser.Error{File: c.meta.Name, Format: formatName, Offset: off, Err: cause, Remedy: remedy}
}

// open reads the head and walks over the records.
func (c *capture) open(src parser.Source) error {
	c.temp = src.Temp
	r, err := src.Open()
	if err != nil {
		return fmt.Errorf("cannot open: %w", err)
	}
	defer r.Close()
	f, err := readHead(src, r)
	if err != nil {
		return err
	}
	c.order, c.bytes = f.Order, int64(len(f.Header))
	if f.Pipe {
		err = c.openPipe(src, r, f.Header)
	} else {
		err = c.openFile(src, f)
	}
	if err == nil && c.rest != nil {
		err = c.rest()
	}
	if err != nil {
		return err
	}
	return c.finish()
}

// openPipe walks over a stream in which everything is a record.
func (c *capture) openPipe(src parser.Source, r io.Reader, head []byte) error {
	s := scan{c: c, file: src.Name}
	if src.At != nil {
		s.outer = &store{src.At}
	} else {
		sp := &spool{temp: src.Temp}
		c.closers = append(c.closers, sp)
		if _, err := sp.Write(head); err != nil {
			return err
		}
		s.outer = &store{sp}
		r = io.TeeReader(r, sp)
	}
	_, err := s.run(r, pipeHeader)
	return err
}

// openFile takes in the event types and the features, then walks over the data.
func (c *capture) openFile(src parser.Source, f *File) error {
	for i, a := range f.Attrs {
		if err := c.ev.Add(a.Attr, a.IDs, c.order); err != nil {
			return c.fail(-1, "", fmt.Errorf("event type %d: %w", i, err))
		}
	}
	size, end := f.DataSize, f.DataOff+f.DataSize
	switch {
	case size == 0:
		c.feat.killed = true
		size = math.MaxInt64 - f.DataOff
		if src.Size >= 0 {
			size = max(src.Size-f.DataOff, 0)
		}
	case src.Size >= 0 && src.Size < end:
		c.feat.missing = true
	default:
		c.readFeatures(f)
	}
	s := scan{c: c, file: src.Name, outer: &store{src.At}}
	at, err := s.run(io.NewSectionReader(src.At, f.DataOff, size), f.DataOff)
	switch {
	case err != nil:
	case c.feat.killed:
		c.stop(src.Name, at, fmt.Errorf("%w: the recorder was killed before it could finish the file", parser.ErrTruncated))
	case at < end:
		c.stop(src.Name, at, fmt.Errorf("%w: it ends %d bytes before its data does", parser.ErrTruncated, end-at))
	}
	return err
}

// readUpTo reads n bytes, or those that are there. Memory grows with what is
// there, not with n.
func readUpTo(at io.ReaderAt, off, n int64) ([]byte, error) {
	var buf bytes.Buffer
	_, err := io.Copy(&buf, io.NewSectionReader(at, off, n))
	if err == nil && int64(buf.Len()) < n {
		err = io.ErrUnexpectedEOF
	}
	return buf.Bytes(), err
}

// settle is called before the first record that needs the event types.
func (c *capture) settle() error {
	if err := c.ev.settle(); err != nil {
		return c.fail(-1, "", err)
	}
	return nil
}

// finish turns what the walk found into the capture's description.
func (c *capture) finish() error {
	if err := c.settle(); err != nil {
		if c.ended != nil {
			return c.ended
		}
		return err
	}
	for _, l := range c.lanes.all {
		l.close()
	}
	if c.table == nil || c.table.Len() == 0 {
		if err := c.guess(); err != nil {
			return err
		}
	}
	if err := c.usable(); err != nil {
		return err
	}
	if c.first > c.last {
		c.first, c.last = parser.NoTime, parser.NoTime
	}
	c.place()
	c.cgroups.tell(c.meta.Host)
	c.describeMeta()
	return nil
}

// usable says whether there is something to replay.
func (c *capture) usable() error {
	const remedy = "record scheduler events: perf sched record -a"
	tracepoints, timed, sched := false, false, false
	for i := range c.ev.attrs {
		a := &c.ev.attrs[i]
		if a.typ != typeTracepoint {
			continue
		}
		tracepoints = true
		timed = timed || a.time >= 0
		if c.table != nil {
			kind, name, _ := c.table.Kind(int(min(a.config, math.MaxInt32)))
			aside, _ := parser.AsideOf([]byte(name))
			c.meta.Asides.Add(aside)
			sched = sched || kind != parser.KindOther
			if kind == parser.KindWaking || kind == parser.KindWakeup {
				c.meta.HasWakings = true
			}
		}
	}
	switch {
	case !tracepoints:
		return c.fail(-1, remedy, fmt.Errorf("%w: it holds no tracepoints", parser.ErrUnsupported))
	case !timed:
		return c.fail(-1, "record again without --no-timestamp", fmt.Errorf("%w: its samples carry no time", parser.ErrUnsupported))
	case c.table == nil && c.ended != nil:
		return c.fail(c.ended.Offset, "record again and let perf end by itself or by Ctrl-C",
			fmt.Errorf("%w: and perf writes the event formats, without which nothing can be decoded, behind the data", c.ended.Err))
	case c.table == nil:
		return c.fail(-1, remedy, fmt.Errorf("%w: it holds no event formats", parser.ErrUnsupported))
	case !sched:
		return c.fail(-1, remedy, fmt.Errorf("%w: it holds no scheduler events", parser.ErrUnsupported))
	}
	return nil
}

// place puts damages and losses without a place of their own in order.
func (c *capture) place() {
	if c.moreDamage > 0 {
		ev := parser.NewEvent(parser.KindDamaged, c.last, parser.NoCPU)
		ev.Text = fmt.Sprintf("%d more damaged places", c.moreDamage)
		c.damages = append(c.damages, ev)
	}
	for i := range c.damages {
		if c.damages[i].Time == parser.NoTime {
			c.damages[i].Time = c.first
		}
	}
	c.placed = c.damages
	lastOn := make(map[int32]int64)
	begins := make(map[int32]int64)
	for _, l := range c.lanes.all {
		if l.newest != 0 {
			lastOn[l.cpu] = max(lastOn[l.cpu], int64(l.newest))
		}
		if l.back {
			if t, ok := begins[l.cpu]; !ok || int64(l.last) < t {
				begins[l.cpu] = int64(l.last)
			}
		}
	}
	for cpu, t := range begins {
		// Its buffer kept what was newest.
		c.placed = append(c.placed, parser.NewEvent(parser.KindOverwritten, t, cpu))
		c.ringFrom, c.ringTo = min(c.ringFrom, t), max(c.ringTo, t)
	}
	var placedOn int64
	for _, l := range c.losses {
		placedOn += l.placed
	}
	c.lost = placedOn
	for cpu, l := range c.losses {
		left := l.total - l.placed
		if cpu == parser.NoCPU {
			left = l.total - placedOn
		}
		if left <= 0 {
			continue
		}
		c.lost += left
		// Whatever was lost before a record of a CPU was told in that CPU's
		// buffer; so the rest was lost behind its last one.
		ev := parser.NewEvent(parser.KindLost, c.last, cpu)
		ev.Start, ev.Count, ev.Pos = c.first, left, l.pos
		if t, ok := lastOn[cpu]; ok && cpu != parser.NoCPU {
			ev.Start = t
		}
		c.placed = append(c.placed, ev)
	}
	sort.SliceStable(c.placed, func(i, j int) bool {
		a, b := &c.placed[i], &c.placed[j]
		if a.Time != b.Time {
			return a.Time < b.Time
		}
		if a.CPU != b.CPU {
			return a.CPU < b.CPU
		}
		return a.Pos < b.Pos
	})
}

// Meta implements [parser.Capture].
func (c *capture) Meta() *parser.Meta { return &c.meta }

// Stats returns the counts of the last pass that ended; before one, those of
// opening, without events.
func (c *capture) Stats() parser.Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Close removes temporary files. A pass under way then ends with an error.
func (c *capture) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	var errs []error
	for _, cl := range slices.Backward(c.closers) {
		errs = append(errs, cl.Close())
	}
	return errors.Join(errs...)
}
