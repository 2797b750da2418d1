package perfetto

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"slices"

	"schedreplay/parser"
	"schedreplay/parser/perfetto/pb"
	"schedreplay/parser/tep"
)

// Events implements [parser.Capture]: all events in order of time, then CPU. Passes may
// run side by side.
func (c *capture) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		var stats parser.Stats
		err := c.run(yield, &stats)
		if errors.Is(err, errStopped) {
			return
		}
		c.mu.Lock()
		c.stats = stats
		c.mu.Unlock()
		if err != nil {
			yield(parser.Event{}, err)
		}
	}
}

var errStopped = errors.New("the consumer has enough")

// pass is one run over the bundles.
type pass struct {
	c     *capture
	heap  tep.Heap[*stream]
	cpus  map[int32]*cpu
	names parser.Names
	comm  parser.ByPID[string]
	held  int
	count parser.Tally
}

// cpu is what is known of a CPU during a pass.
type cpu struct {
	// current is the task that the last switch brought in; its PID is NoPID at the
	// beginning and behind a loss.
	current parser.Task
	started bool
	first   int64
	last    int64
	vague   bool // a loss of unknown size was told
	lanes   int  // that have not ended
}

func nobody() parser.Task { return parser.Task{PID: parser.NoPID, Prio: parser.NoPrio} }

// stream is a lane with the event to deliver next.
type stream struct {
	*lane
	p      *pass
	state  *cpu
	bundle bundle
	at     int   // in spans
	next   int64 // where the bundle before ended
	queue  []parser.Event
	early  parser.Early // damages before the first event, which gives them their time
	last   int64        // time of the event queued last
	some   bool
	ev     parser.Event
	order  int
	over   bool
}

// run merges the lanes. The error is errStopped, or the reason why the trace ends
// early, delivered behind everything else.
func (c *capture) run(yield func(parser.Event, error) bool, stats *parser.Stats) error {
	p := &pass{c: c, cpus: map[int32]*cpu{}}
	p.comm.Set(0, "<idle>")
	for i, l := range c.lanes {
		k := p.cpus[l.cpu]
		if k == nil {
			k = &cpu{current: nobody()}
			p.cpus[l.cpu] = k
		}
		k.lanes++
		s := &stream{lane: l, p: p, state: k, order: i}
		if s.advance() {
			p.heap = append(p.heap, s)
		}
		if p.held > maxHeld {
			return p.full()
		}
	}
	p.heap.Init()
	if len(p.heap) > 0 {
		for _, ev := range c.damages {
			ev.Time = p.heap[0].ev.Time
			p.count.Add(ev.Kind)
			if !yield(ev, nil) {
				return errStopped
			}
		}
	}
	for len(p.heap) > 0 {
		s := p.heap[0]
		s.infer()
		p.count.Add(s.ev.Kind)
		if !yield(s.ev, nil) {
			return errStopped
		}
		p.heap.Next(s.advance())
		if p.held > maxHeld {
			return p.full()
		}
	}
	if stats != nil {
		*stats = parser.Stats{Events: p.count.Map(), Bytes: c.src.Size, Skipped: maps.Clone(c.skipped)}
	}
	return c.cut
}

func (p *pass) full() error {
	return p.c.fail(-1, "record with smaller buffers, or fewer CPUs",
		fmt.Errorf("%w: its bundles of events hold more than %d MiB at a time", parser.ErrLimit, maxHeld>>20))
}

// Before is the order of delivery.
func (s *stream) Before(t *stream) bool {
	switch {
	case s.ev.Time != t.ev.Time:
		return s.ev.Time < t.ev.Time
	case s.ev.CPU != t.ev.CPU:
		return s.ev.CPU < t.ev.CPU
	}
	return s.order < t.order
}

// infer fills in what a record in columns leaves out, from the event delivered before it
// on its CPU, and follows the CPU's chain of switches.
func (s *stream) infer() {
	k, ev := s.state, &s.ev
	switch ev.Kind {
	case parser.KindLost, parser.KindOverwritten, parser.KindDamaged:
		k.current = nobody()
		return
	case parser.KindSwitch:
		if ev.Task.PID == parser.NoPID {
			ev.Task = k.current
		}
		if ev.Cur.PID == parser.NoPID {
			ev.Cur.PID, ev.Cur.Comm = ev.Task.PID, ev.Task.Comm
		}
		k.current = ev.Next
		s.p.called(ev.Next)
		return
	case parser.KindComm:
		s.p.called(ev.Task)
		if k.current.PID == ev.Task.PID {
			k.current.Comm = ev.Task.Comm
		}
	case parser.KindFork:
		s.p.called(ev.Task)
		s.p.called(ev.Next)
	}
	if s.cpu == parser.NoCPU {
		return
	}
	switch {
	case ev.Cur.PID == parser.NoPID:
		ev.Cur.PID, ev.Cur.Comm = k.current.PID, k.current.Comm
	case k.current.PID != ev.Cur.PID && ev.Kind != parser.KindSwitch:
		// The kernel recorded no switch to it, or a thread took its leader's pid.
		k.current = nobody()
		k.current.PID, k.current.Comm = ev.Cur.PID, s.p.comm.Get(ev.Cur.PID)
	}
}

// called notes a task's name.
func (p *pass) called(k parser.Task) {
	const maxPID = 1 << 22 // PID_MAX_LIMIT
	if k.PID > 0 && k.PID <= maxPID {
		p.comm.Set(k.PID, k.Comm)
	}
}

// advance makes s.ev the lane's next event; false at the end.
func (s *stream) advance() bool {
	for len(s.queue) == 0 {
		if s.over {
			return false
		}
		s.fetch()
	}
	s.ev = s.queue[0]
	s.queue = s.queue[:copy(s.queue, s.queue[1:])]
	return true
}

// fetch decodes the lane's next record and queues what comes of it.
func (s *stream) fetch() {
	b := &s.bundle
	if b.empty() {
		if b.rest() {
			s.damage(b.pos, badColumns)
		}
		if !s.load() {
			s.over = true
			s.remainder()
		}
		return
	}
	ev, time, ok := b.next(s)
	switch {
	case !ok:
		return
	case time > math.MaxInt64/2:
		s.damage(ev.Pos, fmt.Sprintf("an event with the time stamp %d", time))
		return
	case s.some && int64(time) < s.last:
		s.damage(ev.Pos, fmt.Sprintf("time runs backwards by %d ns: one event left out", s.last-int64(time)))
		return
	}
	ev.Time = int64(time)
	s.queue = s.early.AppendTo(s.queue, ev.Time)
	if b.lost || b.overwritten {
		s.lost(ev.Time, ev.Pos)
	}
	k := s.state
	if !k.started {
		k.started, k.first, k.last = true, ev.Time, ev.Time
	}
	k.first, k.last = min(k.first, ev.Time), max(k.last, ev.Time)
	s.some, s.last = true, ev.Time
	s.queue = append(s.queue, ev)
}

// lost tells of events missing before the one at time.
func (s *stream) lost(time, pos int64) {
	ev := parser.NewEvent(parser.KindLost, time, s.cpu)
	ev.Pos = pos
	if s.some {
		ev.Start = s.last
		s.state.vague = true
	} else {
		ev.Kind = parser.KindOverwritten
	}
	s.bundle.lost, s.bundle.overwritten = false, false
	s.queue = append(s.queue, ev)
}

// remainder tells of losses that the ring buffer counted and no bundle marks: nobody
// knows where on this CPU they were.
func (s *stream) remainder() {
	k := s.state
	if !s.some {
		s.queue = s.early.AppendTo(s.queue, parser.NoTime)
	}
	if k.lanes--; k.lanes > 0 || !k.started {
		return
	}
	l := s.p.c.losses[s.cpu]
	if l == nil || !l.end.set {
		return
	}
	left := max(l.end.dropped-l.begin.dropped, 0)
	if !k.vague {
		left += max(l.end.overrun-l.begin.overrun, 0)
	}
	if left <= 0 {
		return
	}
	ev := parser.NewEvent(parser.KindLost, k.last, s.cpu)
	ev.Start, ev.Count, ev.Pos = k.first, left, s.next
	s.queue = append(s.queue, ev)
}

// damage queues a damaged place. It has the time of the event before it, or that of the
// lane's first event if it comes before.
func (s *stream) damage(pos int64, why string) {
	ev := parser.NewEvent(parser.KindDamaged, s.last, s.cpu)
	ev.Pos, ev.Text = pos, why
	if s.some {
		s.queue = append(s.queue, ev)
	} else {
		s.early.Add(ev)
	}
}

// load reads the lane's next bundle; false at the end.
func (s *stream) load() bool {
	if s.at >= len(s.spans) {
		return false
	}
	gap, n := binary.Uvarint(s.spans[s.at:])
	size, m := binary.Uvarint(s.spans[s.at+n:])
	s.at += n + m
	b := &s.bundle
	off := s.next + int64(gap)
	s.next = off + int64(size>>1)
	s.p.held -= cap(b.raw)
	b.raw = slices.Grow(b.raw[:0], int(size>>1))[:size>>1]
	s.p.held += cap(b.raw)
	var at io.ReaderAt = s.p.c.src.At
	if s.unpacked {
		at = s.p.c.unpacked
	}
	if got, err := at.ReadAt(b.raw, off); got < len(b.raw) {
		b.raw = b.raw[:0]
		b.lost = true
		s.damage(off, fmt.Sprintf("a bundle that cannot be read: %v", err))
		return true
	}
	b.pos = off
	if s.cpu == parser.NoCPU {
		s.tree()
		return true
	}
	if why := b.open(size&1 != 0); why != "" {
		s.damage(off, why)
	}
	b.overwritten = !s.some && b.previous != 0
	if b.failed != 0 {
		s.damage(off, fmt.Sprintf("the recorder could not read the ring buffer here (ftrace_parse_status %d)", b.failed))
	}
	return true
}

// tree queues the names that a ProcessTree tells, at the packet's time.
func (s *stream) tree() {
	when := pb.Uint(s.bundle.raw, pb.PacketTimestamp)
	s.last, s.some = max(int64(min(when, math.MaxInt64/2)), s.last), true
	for r := pb.Read(pb.Bytes(s.bundle.raw, pb.PacketProcessTree)); r.Next(); {
		var name []byte
		k := parser.Thread{TID: parser.NoPID, TGID: parser.NoPID, PPID: parser.NoPID}
		comm := false
		for f := pb.Read(r.Bytes); f.Next(); {
			n := int32(f.Uint)
			switch {
			case r.Num == pb.TreeThread && f.Num == pb.ThreadTID:
				k.TID = n
			case r.Num == pb.TreeThread && f.Num == pb.ThreadTGID:
				k.TGID = max(n, parser.NoPID)
			case r.Num == pb.TreeThread && f.Num == pb.ThreadName:
				name, comm = f.Bytes, true
			case r.Num == pb.TreeProcess && f.Num == pb.ProcessPID:
				k.TID, k.TGID = n, n
			case r.Num == pb.TreeProcess && f.Num == pb.ProcessParent:
				k.PPID = max(n, parser.NoPID)
			case r.Num == pb.TreeProcess && f.Num == pb.ProcessCmdline && name == nil:
				name = f.Bytes
			case r.Num == pb.TreeProcess && (f.Num == pb.ProcessIsComm || f.Num == pb.ProcessIsKthread):
				comm = comm || f.Uint != 0
			}
		}
		if comm && len(name) > 0 && k.TID >= 0 { // else it is a command line
			ev := parser.NewEvent(parser.KindComm, s.last, parser.NoCPU)
			ev.Pos, ev.Thread = s.bundle.pos, k
			ev.Task.PID, ev.Task.Comm = k.TID, s.p.names.Intern(name)
			s.queue = append(s.queue, ev)
		}
	}
	s.bundle.raw = s.bundle.raw[:0]
	s.bundle.clear()
}
