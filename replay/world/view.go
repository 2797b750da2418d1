package world

import (
	"slices"

	"schedreplay/kernelmodel/rules"
	"schedreplay/replay/timeline"
)

// This file tells whether worlds that differ look the same to a decision: then what a kernel
// does in one of them it does in the other.

// SeesAs reports whether all that another side asked about a decision has the same answer in
// this side's world. The wakee is given by pid; inTask: the waker may have done the waking
// itself.
func (a *Side) SeesAs(o *Side, wakee int32, inTask bool) bool {
	x, y := a.World, o.World
	if !a.AllowsAs(o) || !a.Wakee.placesAs(o.Wakee) || inTask && !a.Waker.placesAs(o.Waker) {
		return false
	}
	if o.Selector.Parts&rules.ReadsRecent != 0 {
		r, own := x.Recent(wakee)
		if s, owns := y.Recent(wakee); r != s || own != owns {
			return false
		}
	}
	for i := range o.Memo.cores {
		if k := &o.Memo.cores[i]; a.State.coresOf(k.llc) != k.answer {
			return false
		}
	}
	return a.seesActiveAs(o)
}

// seesActiveAs reports the same of what hangs on the tasks that are elsewhere in either world.
func (a *Side) seesActiveAs(o *Side) bool {
	x, y := a.World, o.World
	for i, j := 0, 0; i < len(x.active) || j < len(y.active); {
		switch {
		case j == len(y.active) || i < len(x.active) && x.active[i].pid < y.active[j].pid:
			if t := &x.active[i]; !t.placesAs(y.Diverged(t.pid)) && !a.same(o, t) {
				return false
			}
			i++
		case i == len(x.active) || y.active[j].pid < x.active[i].pid:
			if t := &y.active[j]; !t.placesAs(x.Diverged(t.pid)) && !a.same(o, t) {
				return false
			}
			j++
		default:
			if t, u := &x.active[i], &y.active[j]; !t.placesAs(u.Divergence) && !(a.same(o, t) && a.same(o, u)) {
				return false
			}
			i, j = i+1, j+1
		}
	}
	return true
}

// AllowsAs reports whether the wakee has the same affinity under another side's kernel.
func (a *Side) AllowsAs(o *Side) bool {
	return a.OwnAllowed == o.OwnAllowed && (!a.OwnAllowed || a.Allowed.From == o.Allowed.From && a.Allowed.Mask.Equal(o.Allowed.Mask))
}

// placesAs reports whether a task's places are those of another world; nil are those recorded.
func (d *Divergence) placesAs(e *Divergence) bool {
	if d == nil || e == nil {
		return d == e
	}
	return slices.Equal(d.CPUs, e.CPUs)
}

// same reports whether what another side asked of the CPUs where a task is recorded, and
// where it is in a world, has the same answer here.
func (a *Side) same(o *Side, t *activeTask) bool {
	p := a.State.Worlds.Timeline.Find(t.pid)
	return p == nil || a.sameAt(o, p.QueuedOn()) && a.sameAt(o, p.Inflight) &&
		!slices.ContainsFunc(t.CPUs, func(c int) bool { return !a.sameAt(o, int32(c)) })
}

// sameAt is the same of one CPU.
func (a *Side) sameAt(o *Side, cpu int32) bool {
	c, m := int(cpu), &o.Memo
	if !timeline.UsableCPU(cpu) || c >= len(m.cpu) {
		return true
	}
	return (m.cpu[c].idle != m.gen || a.State.looks(c) == o.State.looks(c)) &&
		(m.cpu[c].nr != m.gen || a.State.runs(c) == o.State.runs(c))
}
