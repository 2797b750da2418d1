package table

import (
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/replay"
)

// cells fills a row from left to right.
type cells struct{ row []Value }

func (c *cells) number(n int64, known bool) { c.row = append(c.row, number(n, known)) }
func (c *cells) time(ns int64)              { c.number(ns, ns != parser.NoTime) }
func (c *cells) cpu(n int)                  { c.number(int64(n), n >= 0) }
func (c *cells) word(s string)              { c.row = append(c.row, word(s)) }
func (c *cells) boolean(b, known bool)      { c.row = append(c.row, boolean(b, known)) }

func (c *cells) comm(s string) {
	c.row = append(c.row, Value{}, Value{})
	names(c.row, len(c.row)-2, s)
}

func (c *cells) task(pid int32, comm string) {
	c.number(int64(pid), pid != parser.NoPID)
	c.comm(comm)
}

func (c *cells) prio(p int32) { c.number(int64(p), p != parser.NoPrio) }

func (c *cells) from(p fact.Provenance) { c.word(p.String()) }

// Rows makes rows of what a replay finds. The slice returned is valid until
// the next call.
type Rows struct{ c cells }

// Slice is a row of [Slices].
func (r *Rows) Slice(s *Slice) []Value {
	c := &r.c
	c.row = c.row[:0]
	c.cpu(int(s.CPU))
	c.task(s.Task.PID, s.Task.Comm)
	c.prio(s.Task.Prio)
	c.time(s.Start)
	c.time(s.End)
	c.number(s.End-s.Start, s.Start != parser.NoTime && s.End != parser.NoTime)
	c.time(s.Wait)
	c.time(s.Delay)
	state := ""
	if s.State.Known() {
		state = s.State.String()
	}
	c.word(state)
	c.boolean(s.CutStart, true)
	c.boolean(s.CutEnd, true)
	return c.row
}

// Wakeup is a row of [Wakeups].
func (r *Rows) Wakeup(w *replay.Wakeup) []Value {
	c := &r.c
	c.row = c.row[:0]
	c.number(w.N, true)
	c.time(w.Time)
	c.word(w.Kind.String())
	c.task(w.Task.PID, w.Task.Comm)
	c.prio(w.Task.Prio)
	c.word(string(w.WakerContext))
	c.task(w.Waker.PID, w.Waker.Comm)
	c.cpu(w.WakerCPU)
	c.cpu(w.PrevCPU)
	c.cpu(w.RecordedCPU)
	if w.RecordedCPU >= 0 {
		c.from(w.RecordedFrom)
	} else {
		c.word("")
	}
	c.boolean(w.Selection, w.SelectionKnown)
	for _, p := range [2]*replay.Placed{&w.Original, &w.Patched} {
		c.cpu(p.CPU)
		if p.Bounded {
			c.word(p.Possible.String())
		} else {
			c.word("")
		}
		c.word(string(p.Path))
		c.word(string(p.Reason))
		c.boolean(p.Certain(), true)
		c.cpu(p.Prev)
		c.from(p.From)
	}
	c.word(string(w.Moved))
	c.boolean(w.ModelMiss, true)
	c.boolean(w.Isolated, w.IsolatedKnown && w.RecordedCPU >= 0)
	c.number(w.DivergedSince, w.DivergedSince > 0)
	return c.row
}

// Intrusion is a row of [Intrusions].
func (r *Rows) Intrusion(x *replay.Run) []Value {
	c := &r.c
	c.row = c.row[:0]
	c.cpu(x.CPU)
	c.number(int64(x.Stay)+1, x.Stay >= 0)
	c.task(x.Task.PID, x.Task.Comm)
	c.prio(x.Task.Prio)
	c.word(x.Class.String())
	c.time(x.Start)
	c.time(x.End)
	c.number(x.End-x.Start, true)
	c.boolean(x.CutStart, true)
	c.boolean(x.CutEnd, true)
	c.time(x.Delay)
	c.word(string(x.Patched))
	return c.row
}

// Intrudes reports whether a run belongs into [Intrusions]: one of a foreign
// task, or of one of which that is not known.
func Intrudes(x *replay.Run) bool {
	return x.Class == replay.ClassForeign || x.Class == replay.ClassUnknown && x.Task.PID > 0
}

// Stay is a row of [Stays].
func (r *Rows) Stay(s *replay.Stay) []Value {
	c := &r.c
	c.row = c.row[:0]
	c.cpu(s.CPU)
	c.task(s.Task.PID, s.Task.Comm)
	c.prio(s.Task.Prio)
	c.word(s.Class.String())
	c.word(string(s.How))
	c.cpu(s.FromCPU)
	c.time(s.Arrived)
	c.time(s.Left)
	if s.Entry != nil {
		c.number(s.Entry.N, true)
		c.word(string(s.Entry.Original.Path))
	} else {
		c.number(0, false)
		c.word("")
	}
	for _, n := range [...]int64{
		s.Wakings, s.Selections, s.StayedPut, s.Runs, s.CutRuns, s.RunNS,
		s.PatchedCertain, s.PatchedPossible, s.PatchedRunNS, s.PatchedRunMaxNS, s.DelayedOwner, s.DelayedOwnerNS,
	} {
		c.number(n, true)
	}
	return c.row
}
