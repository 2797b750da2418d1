package perfdata

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

var errClosed = fmt.Errorf("the capture was closed: %w", os.ErrClosed)

// Events implements [parser.Capture]: all events in order of time, then CPU,
// then place (from the end where a buffer was written backward). Passes may run side by side.
func (c *capture) Events() iter.Seq2[parser.Event, error] { return parser.Given(c.Lend()) }

// Lend implements [parser.Lender].
func (c *capture) Lend() iter.Seq2[*parser.Event, error] {
	return func(yield func(*parser.Event, error) bool) {
		c.mu.Lock()
		closed := c.closed
		c.mu.Unlock()
		if closed {
			yield(&parser.Event{}, asError(c.meta.Name, errClosed))
			return
		}
		p := newPass(c)
		err := p.run(yield)
		if err == errStopped {
			return
		}
		c.mu.Lock()
		c.stats = parser.Stats{Events: p.count.Map(), Bytes: c.bytes, Skipped: maps.Clone(c.skipped)}
		c.mu.Unlock()
		switch {
		case err != nil:
			yield(&parser.Event{}, asError(c.meta.Name, err))
		case c.ended != nil:
			yield(&parser.Event{}, c.ended)
		}
	}
}

var errStopped = errors.New("the consumer has enough")

// pass is one run over the lanes.
type pass struct {
	c      *capture
	table  *tep.Table
	names  parser.Names
	heap   tep.Heap[*cursor]
	placed []parser.Event
	count  parser.Tally
	comm   parser.ByPID[string] // as perf keeps them
	ev     parser.Event
	// alive is the last task that perf synthesised a FORK record for: its COMM
	// record, which follows, does not tell who made it.
	alive  parser.Thread
	lastOn []int64 // by CPU+1: time of the last record, NoTime before it
	// Task events of perf stand in for tracepoints that were not recorded.
	forks, exits bool
}

func newPass(c *capture) *pass {
	p := &pass{
		c: c, table: c.table.Clone(), placed: c.placed, forks: true, exits: true,
	}
	p.comm.Set(0, "swapper")
	top := int32(0)
	for _, l := range c.lanes.all {
		top = max(top, l.cpu)
	}
	p.lastOn = slices.Repeat([]int64{parser.NoTime}, int(top)+2)
	for i := range c.ev.attrs {
		a := &c.ev.attrs[i]
		if a.typ == typeTracepoint && a.config < 1<<16 {
			switch kind, _, _ := c.table.Kind(int(a.config)); kind {
			case parser.KindFork:
				p.forks = false
			case parser.KindExit:
				p.exits = false
			}
		}
	}
	return p
}

// run merges the lanes.
func (p *pass) run(yield func(*parser.Event, error) bool) error {
	buf := min(max(laneBuffers/max(len(p.c.lanes.all), 1), 4<<10), 64<<10)
	for _, l := range p.c.lanes.all {
		cur := l.cursor(buf)
		if ok, err := p.c.step(cur); err != nil {
			return err
		} else if ok {
			p.heap = append(p.heap, cur)
		}
	}
	p.heap.Init()
	for len(p.heap) > 0 {
		cur := p.heap[0]
		if !p.deliverPlaced(cur, yield) {
			return errStopped
		}
		if p.event(cur) {
			p.count.Add(p.ev.Kind)
			if !yield(&p.ev, nil) {
				return errStopped
			}
		}
		more, err := p.c.step(cur)
		if err != nil {
			return err
		}
		p.heap.Next(more)
	}
	if !p.deliverPlaced(nil, yield) {
		return errStopped
	}
	return nil
}

// deliverPlaced delivers the damages and losses that come before a record, or
// all of them.
func (p *pass) deliverPlaced(cur *cursor, yield func(*parser.Event, error) bool) bool {
	for len(p.placed) > 0 {
		ev := &p.placed[0]
		if cur != nil {
			if t := cur.when; ev.Time > t || ev.Time == t && (ev.CPU > cur.lane.cpu || ev.CPU == cur.lane.cpu && ev.Pos > cur.off) {
				return true
			}
		}
		p.placed = p.placed[1:]
		p.count.Add(ev.Kind)
		if !yield(ev, nil) {
			return false
		}
	}
	return true
}

// step moves a cursor on; false at the end of its lane.
func (c *capture) step(cur *cursor) (bool, error) {
	err := cur.next(c.order)
	if err == io.EOF {
		return false, nil
	}
	var time uint64
	if err == nil {
		time, cur.origin, err = c.ev.locate(cur.rec, c.order)
	}
	if err != nil {
		return false, c.fail(cur.pos, "", err)
	}
	if cur.pair != nil {
		if t, _, err := c.ev.locate(cur.pair, c.order); err == nil {
			time = min(time, t)
		}
	}
	// The tasks alive at the start have the time of the first record.
	cur.timed, cur.when = time != 0, int64(time)
	if !cur.timed {
		cur.when = c.first
	}
	return true, nil
}

// Before is the order of delivery.
func (c *cursor) Before(d *cursor) bool {
	if c.when != d.when {
		return c.when < d.when
	}
	if c.lane.cpu != d.lane.cpu {
		return c.lane.cpu < d.lane.cpu
	}
	return c.place() < d.place()
}

// place orders the records of one CPU that state the same time.
func (c *cursor) place() int64 {
	if c.lane.back {
		return -c.off
	}
	return c.off
}

// event decodes the record under a cursor into p.ev; false if it is none of
// interest.
func (p *pass) event(cur *cursor) bool {
	o, rec, ev := p.c.order, cur.rec, &p.ev
	ev.Renew(parser.KindOther, cur.when, cur.lane.cpu)
	ev.Pos = cur.off
	ok := true
	switch typ := o.Uint32(rec); typ {
	case recSample:
		p.sample(cur, ev)
	case recComm:
		ok = p.commRecord(cur, ev)
	case recFork, recExit:
		ok = p.task(cur, ev)
	case recLost, recLostSamples:
		ev.Kind, ev.Start = parser.KindLost, p.c.first
		if t := p.lastOn[ev.CPU+1]; t != parser.NoTime {
			ev.Start = t
		}
		ev.Count, _ = lossCount(rec, o)
	}
	if cur.timed {
		p.lastOn[ev.CPU+1] = ev.Time
	}
	return ok
}

// sample decodes a sample into ev; whatever is wrong with it makes a
// KindDamaged.
func (p *pass) sample(cur *cursor, ev *parser.Event) {
	a := &p.c.ev.attrs[cur.origin.attr]
	if a.typ != typeTracepoint {
		ev.Text = a.describe()
		return
	}
	raw, err := a.raw(cur.rec, p.c.order)
	if err == nil && raw == nil {
		ev.Text = a.describe()
		return
	}
	if err == nil {
		if typ := p.table.Type(raw); p.c.ev.id >= 0 && uint64(typ) != a.config {
			err = fmt.Errorf("%w: sample of event %d holds a record of type %d", tep.ErrRecord, a.config, typ)
		} else {
			err = p.table.DecodeAs(typ, raw, ev)
		}
	}
	switch {
	case err == nil:
		ev.Cur.Comm = p.comm.Get(ev.Cur.PID)
		ev.Thread = a.thread(cur.rec, p.c.order)
		if ev.Kind == parser.KindComm {
			p.comm.Set(ev.Task.PID, ev.Task.Comm)
		}
	case errors.Is(err, tep.ErrUnknownEvent):
		ev.Text = a.describe()
	default:
		ev.Renew(parser.KindDamaged, ev.Time, ev.CPU)
		ev.Pos, ev.Text = cur.off, parser.DamageText(err)
	}
}

// describe names an event type without a format.
func (a *attr) describe() string {
	if a.name != "" {
		return a.name
	}
	return fmt.Sprintf("perf event %d:%d", a.typ, a.config)
}

// validPID bounds the table of names: pids above do not exist
// (PID_MAX_LIMIT).
func validPID(pid int32) bool { return pid >= 0 && pid <= 1<<22 }

// commRecord reads {pid, tid, comm}.
func (p *pass) commRecord(cur *cursor, ev *parser.Event) bool {
	o, rec := p.c.order, cur.rec
	trailer := p.c.ev.attrs[cur.origin.attr].trailer
	if len(rec) < sizeofCommHeader+trailer {
		return p.damaged(cur, ev)
	}
	tid := int32(o.Uint32(rec[headerSize+4:]))
	ev.Kind = parser.KindComm
	ev.Task.PID = tid
	ev.Task.Comm = p.names.Intern(tep.CString(rec[sizeofCommHeader : len(rec)-trailer]))
	ev.Thread = p.named(int32(o.Uint32(rec[headerSize:])), tid, cur.timed)
	if o.Uint16(rec[4:])&commExec != 0 {
		ev.Text = "exec"
	}
	if validPID(tid) {
		p.comm.Set(tid, ev.Task.Comm)
	}
	return true
}

// task reads {pid, ppid, tid, ptid, time} of FORK and EXIT. Where
// sched_process_fork is recorded, a FORK record only tells what the child is
// called and to which thread group it belongs.
func (p *pass) task(cur *cursor, ev *parser.Event) bool {
	o, rec := p.c.order, cur.rec
	if len(rec) < sizeofForkRecord {
		return p.damaged(cur, ev)
	}
	tid, ptid := int32(o.Uint32(rec[headerSize+8:])), int32(o.Uint32(rec[headerSize+12:]))
	ev.Thread = parser.Thread{TID: tid, TGID: int32(o.Uint32(rec[headerSize:])), PPID: parser.NoPID}
	if o.Uint32(rec) == recExit {
		ev.Kind = parser.KindExit
		ev.Task.PID, ev.Task.Comm = tid, p.comm.Get(tid)
		return p.exits && cur.timed
	}
	ev.Thread.PPID = ptid
	comm := p.comm.Get(ptid)
	if validPID(tid) && comm != "" {
		p.comm.Set(tid, comm)
	}
	if !cur.timed {
		p.alive = ev.Thread
		return false
	}
	if !p.forks {
		ev.Kind = parser.KindComm
		ev.Task.PID, ev.Task.Comm = tid, comm
		return comm != ""
	}
	ev.Kind = parser.KindFork
	ev.Task.PID, ev.Task.Comm = ptid, comm
	ev.Next.PID, ev.Next.Comm = tid, comm
	return true
}

// named returns the thread of a COMM record.
func (p *pass) named(tgid, tid int32, timed bool) parser.Thread {
	t := parser.Thread{TID: tid, TGID: tgid, PPID: parser.NoPID}
	if !timed && p.alive.TID == tid {
		t.PPID = p.alive.PPID
	}
	return t
}

func (p *pass) damaged(cur *cursor, ev *parser.Event) bool {
	ev.Kind = parser.KindDamaged
	ev.Text = fmt.Sprintf("%s of %d bytes", recordName(p.c.order.Uint32(cur.rec)), len(cur.rec))
	return true
}
