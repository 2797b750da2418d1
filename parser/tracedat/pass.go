package tracedat

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// Events implements [parser.Capture]: all events in order of time, then CPU,
// then place. Passes may run side by side.
func (c *capture) Events() iter.Seq2[parser.Event, error] { return parser.Given(c.Lend()) }

// Lend implements [parser.Lender].
func (c *capture) Lend() iter.Seq2[*parser.Event, error] {
	return func(yield func(*parser.Event, error) bool) {
		p := newPass(c, c.chosen)
		err := p.run(yield)
		if err == errStopped {
			return
		}
		c.mu.Lock()
		c.stats = parser.Stats{Events: p.count.Map(), Bytes: p.bytes(), Skipped: maps.Clone(c.skipped)}
		c.mu.Unlock()
		if err != nil {
			yield(&parser.Event{}, err)
		}
	}
}

var errStopped = errors.New("the consumer has enough")

// pass is one run over the data of a buffer.
type pass struct {
	c      *capture
	table  *tep.Table
	unpack *unpacker
	held   int64
	cpus   []*stream
	heap   tep.Heap[*stream]
	count  parser.Tally
	comm   parser.ByPID[string]
	ended  error // why a CPU's data ended early
}

// stream is one CPU's data, with the event to deliver next.
type stream struct {
	cursor
	ev      parser.Event
	queue   []parser.Event // events that come before ev, already in order
	early   parser.Early   // damages before the first event, which gives them their time
	started bool
	first   int64 // time of the first event
	last    int64 // time of the last one
	told    int64 // losses told so far
	vague   bool  // a loss of unknown size was told
	stat    cpuStat
	over    bool
}

func newPass(c *capture, b *buffer) *pass {
	p := &pass{c: c, table: c.table.Clone()}
	p.comm.Set(0, "<idle>")
	for pid, comm := range c.comm {
		p.comm.Set(pid, comm)
	}
	if b.compressed {
		p.unpack = &unpacker{codec: c.codec}
	}
	stats := make(map[int]cpuStat)
	for _, st := range c.opts.stats {
		if st.buffer == b.name {
			stats[st.cpu] = st
		}
	}
	for _, d := range b.cpus {
		s := &stream{stat: stats[d.cpu]}
		s.cursor = cursor{cpu: int32(d.cpu), header: c.page}
		s.pager = pager{
			at: c.src.At, order: c.pre.Order, size: b.pageSize, next: d.off, end: d.off + d.size, origin: d.off,
			unpack: p.unpack, held: &p.held, room: min(maxRoom, allRoom/len(b.cpus)),
		}
		p.cpus = append(p.cpus, s)
	}
	return p
}

// bytes is how much of the data was read.
func (p *pass) bytes() int64 {
	var n int64
	for _, s := range p.cpus {
		n += s.read
	}
	return n
}

// run merges the CPUs. The error is errStopped, or the reason why data ended
// early, delivered after everything else.
func (p *pass) run(yield func(*parser.Event, error) bool) error {
	if p.unpack != nil {
		defer p.unpack.close()
	}
	for _, s := range p.cpus {
		if p.advance(s) {
			p.heap = append(p.heap, s)
		}
	}
	p.heap.Init()
	for len(p.heap) > 0 {
		s := p.heap[0]
		p.count.Add(s.ev.Kind)
		if !yield(&s.ev, nil) {
			return errStopped
		}
		p.heap.Next(p.advance(s))
	}
	if p.ended == nil {
		p.ended = p.c.cut
	}
	return p.ended
}

// Before is the order of delivery.
func (s *stream) Before(t *stream) bool {
	if s.ev.Time != t.ev.Time {
		return s.ev.Time < t.ev.Time
	}
	return s.ev.CPU < t.ev.CPU
}

// advance makes s.ev the CPU's next event; false at the end.
func (p *pass) advance(s *stream) bool {
	for len(s.queue) == 0 {
		if s.over {
			return false
		}
		if p.fetch(s) {
			return true
		}
	}
	s.ev = s.queue[0]
	s.queue = s.queue[:copy(s.queue, s.queue[1:])]
	return true
}

// fetch makes s.ev the event of the CPU's next record, or queues what comes of it, and reports
// whether it did the first.
func (p *pass) fetch(s *stream) bool {
	err := s.step()
	switch page, damaged := err.(*errPage); {
	case err == io.EOF:
		s.over = true
		p.remainder(s)
		return false
	case damaged:
		s.damage(page.pos, page.msg)
		return false
	case err != nil:
		s.over = true
		s.damage(s.origin+s.read, parser.DamageText(err))
		p.remainder(s)
		if p.ended == nil {
			p.ended = p.c.fail(s.next, "the events before it stand; copy or record again for the rest",
				fmt.Errorf("the data of CPU %d: %w", s.cpu, err))
		}
		return false
	}
	time, ok := p.c.stamp.ns(s.stamp)
	if !ok {
		s.damage(s.rawPos, fmt.Sprintf("an event with the stamp %d", s.stamp))
		return false
	}
	if s.started && time < s.last {
		s.damage(s.rawPos, fmt.Sprintf("time runs backwards by %d ns: one event left out", s.last-time))
		return false
	}
	if !s.started {
		s.queue = s.early.AppendTo(s.queue, time)
	}
	if s.missed != 0 {
		p.lost(s, time)
	}
	if !s.started {
		s.started, s.first = true, time
	}
	s.last = time
	ev := &s.ev
	ev.Renew(parser.KindOther, time, s.cpu)
	ev.Pos = s.rawPos
	switch err := p.table.Decode(s.raw, ev); {
	case errors.Is(err, tep.ErrUnknownEvent):
		ev.Text = fmt.Sprintf("event %d", p.table.Type(s.raw))
	case err != nil:
		s.damage(s.rawPos, parser.DamageText(err))
		return false
	default:
		ev.Cur.Comm = p.comm.Get(ev.Cur.PID)
	}
	if len(s.queue) > 0 {
		s.queue = append(s.queue, *ev)
		return false
	}
	return true
}

// lost tells of events missing before the one at time.
func (p *pass) lost(s *stream, time int64) {
	ev := parser.NewEvent(parser.KindLost, time, s.cpu)
	ev.Pos, ev.Count = s.rawPos, s.missed
	if s.started {
		ev.Start = s.last
	} else {
		ev.Kind = parser.KindOverwritten
	}
	if s.missed > 0 {
		s.told += s.missed
	} else {
		s.vague = true
	}
	s.missed = 0
	s.queue = append(s.queue, ev)
}

// remainder tells of losses that the ring buffer counted and no page marked:
// nobody knows where on this CPU they were.
func (p *pass) remainder(s *stream) {
	left := s.stat.dropped + s.stat.commitOverrun
	if !s.vague {
		left += max(s.stat.overrun-s.told, 0)
	}
	if !s.started {
		s.queue = s.early.AppendTo(s.queue, parser.NoTime)
		return
	}
	if left <= 0 {
		return
	}
	ev := parser.NewEvent(parser.KindLost, s.last, s.cpu)
	ev.Start, ev.Count, ev.Pos = s.first, left, s.origin+s.read
	s.queue = append(s.queue, ev)
}

// damage queues a damaged place. It has the time of the event before it, or
// that of the first event if it comes before.
func (s *stream) damage(pos int64, why string) {
	ev := parser.NewEvent(parser.KindDamaged, s.last, s.cpu)
	ev.Pos, ev.Text = pos, why
	if s.started {
		s.queue = append(s.queue, ev)
	} else {
		s.early.Add(ev)
	}
}
