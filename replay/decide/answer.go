package decide

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// This file asks the model about a decision, under every combination of the facts that
// are open, and turns the runs into answers.

// MaxRuns bounds how many combinations of unknown facts are tried for one
// decision; beyond it the sets widen.
const MaxRuns = 64

// ManyRuns is that bound where every decision is made under many kernels.
const ManyRuns = 16

// told are the alternatives of which somebody hears how they answer each decision.
func (r *Decider) told() []*world.Side {
	if !r.Cfg.Told {
		return nil
	}
	return r.Alts
}

// explore runs the baseline under every combination of answers, then each of the
// alternatives that may differ together with it.
func (r *Decider) explore(d *decision, p *timeline.Task, alts []*world.Side) (complete bool) {
	b := r.Base
	r.runs, b.Selector.Parts = r.runs[:0], 0
	complete = r.x.Explore(MaxRuns, func() {
		if r.runs = append(r.runs, b.Selector.Select(&r.x, &b.Ask)); len(alts) > 0 {
			r.noteTrail()
		}
	})
	r.scratch.asked = r.scratch.asked[:0]
	like := r.alike.By(b.Selector.Parts)
	for i, a := range alts {
		a.Clear()
		a.Complete = complete
		if a.Parts = (!a.World.Same() || a.MayPart(r.runs, complete)) && !(like.Same(0, i+1) && r.follows(a, d, complete)); a.Parts && !r.share(i, d) {
			r.exploreWith(a, d, p)
			r.scratch.asked = append(r.scratch.asked, asked{i, r.alike.By(a.Selector.Parts)})
		}
	}
	if r.partly || r.foreign {
		complete = false
		for _, a := range alts {
			a.Complete = false
		}
	}
	return complete
}

// asked is an alternative that was asked, by number, and the sides by what its runs read.
type asked struct {
	alt  int
	like *world.Classes
}

// noteTrail notes how the baseline's last run went.
func (r *Decider) noteTrail() {
	n := len(r.runs)
	if n > len(r.trails) {
		r.trails = append(r.trails, explore.Trail{})
	}
	r.trails[n-1].Note(&r.x)
}

// runAgain is the baseline's run number i, in an exploration together with an alternative
// that asks after it, so that its runs come in the same order. There are no others: that
// exploration ends where the baseline's alone did, if not before.
func (r *Decider) runAgain(i int) *place.Outcome {
	r.x.Follow(&r.trails[i], r.runs[i].From)
	return &r.runs[i]
}

// exploreWith runs an alternative together with the baseline, and by itself where that has
// too many combinations: alone it may still have few.
func (r *Decider) exploreWith(a *world.Side, d *decision, p *timeline.Task) {
	r.askApart(d, p, a)
	a.Selector.Parts = 0
	var o *place.Outcome
	var made explore.Mark
	n := 0 // of the baseline's runs
	r.memo.Forget()
	run := func(end int) { *a.End(end) = a.Selector.Select(&r.x, a.Asked) }
	a.Complete = r.x.Explore(r.Cfg.Runs, func() {
		if !r.x.Again(&made) {
			o = r.runAgain(n)
			made = r.x.Mark()
			n++
		}
		other := a.End(r.x.Recall(&r.memo, run))
		a.Runs = append(a.Runs, world.Pair{Base: o, Other: other, From: r.x.Weakest()})
	})
	if a.AloneOK = !a.Complete && !r.partly; !a.AloneOK {
		return
	}
	a.Alone = cpumask.Mask{}
	a.AloneOK = r.x.Explore(r.Cfg.Runs, func() {
		o := a.End(r.x.Recall(&r.memo, run))
		a.Alone.Set(o.CPU)
		a.AloneOK = a.AloneOK && o.Path != place.PathNotModelled && o.Path != place.PathUnknown
	}) && a.AloneOK
}

// share lets alternative number i have what one of those asked before came to, if it does
// the same. Where the answers of each are told, each is asked by itself.
func (r *Decider) share(i int, d *decision) bool {
	if r.Cfg.Told {
		return false
	}
	a := r.Alts[i]
	for _, k := range r.scratch.asked {
		if o := r.Alts[k.alt]; k.like.Same(i+1, k.alt+1) && r.seesAs(a, o, d) {
			a.Share(o)
			return true
		}
	}
	return false
}

// follows reports whether an alternative surely does what the baseline does, whose kernel is like
// its own in all that was read: it sees the same.
func (r *Decider) follows(a *world.Side, d *decision, complete bool) bool {
	return complete && !r.partly && len(r.runs) <= r.Cfg.Runs &&
		a.World.Diverged(d.ev.Task.PID) == nil && a.World.Diverged(d.line.Waker.PID) == nil && r.seesAs(a, r.Base, d)
}

// seesAs reports whether all that a side asked about a decision has the same answer in
// another's world.
func (r *Decider) seesAs(a, o *world.Side, d *decision) bool {
	waker := int32(parser.NoPID)
	if d.line.inTask() {
		waker = d.line.Waker.PID
	}
	return a.SeesAs(o, d.ev.Task.PID, waker) && !slices.ContainsFunc(r.queue.undecided, func(u *decision) bool {
		return (a.World.Diverged(u.ev.Task.PID) == nil) != (o.World.Diverged(u.ev.Task.PID) == nil)
	})
}

// settled reports whether all combinations lead the baseline to the same.
func (r *Decider) settled() bool {
	first := &r.runs[0]
	return !slices.ContainsFunc(r.runs, func(o place.Outcome) bool { return o.CPU != first.CPU || o.Path != first.Path })
}

// agree reports whether all kernels that are told of do the same.
func (r *Decider) agree() bool {
	return !slices.ContainsFunc(r.told(), func(a *world.Side) bool { return !a.Agree() })
}

// placeAll turns the runs into every kernel's answer, and reports whether that holds all
// that the kernels can do.
func (r *Decider) placeAll(line *Wakeup, complete bool) bool {
	r.placeEach(line, complete)
	if r.packs {
		for _, a := range r.Alts {
			a.Complete = false
		}
	}
	return complete && !r.packs
}

// placeEach places the task under the baseline and under each alternative.
func (r *Decider) placeEach(line *Wakeup, complete bool) {
	made := line.Made()
	r.place(made, r.Base, &r.Base.Ask, complete, len(r.runs), func(i int) *place.Outcome { return &r.runs[i] })
	if len(r.Alts) == 0 {
		*line.Other() = *made
		return
	}
	for i, at := range r.Of {
		pl := line.Other()
		if i > 0 {
			pl = &line.More[i-1].Placed
		}
		a := r.Alts[at]
		if !a.Parts {
			*pl = *made
			continue
		}
		r.place(pl, a, a.Asked, a.Complete, len(a.Runs), func(i int) *place.Outcome { return a.Runs[i].Other })
		pl.From = a.Runs[0].From
		if !a.Complete && a.AloneOK {
			pl.Possible, pl.Bounded = a.Alone, true
		}
	}
}

func (r *Decider) all() []int {
	idx := r.scratch.idx[:0]
	for i := range r.runs {
		idx = append(idx, i)
	}
	r.scratch.idx = idx
	return idx
}

// consistent lists the runs in which the baseline yields the recorded CPU.
func (r *Decider) consistent(line *Wakeup) []int {
	idx := r.scratch.idx[:0]
	for i := range r.runs {
		if r.runs[i].CPU == line.RecordedCPU {
			idx = append(idx, i)
		}
	}
	r.scratch.idx = idx
	return idx
}

// only returns the mask of one CPU, which many answers share.
func (r *Decider) only(cpu int) cpumask.Mask {
	if cpu < 0 || cpu >= r.Base.Machine.NumCPU() {
		return cpumask.Of(cpu)
	}
	if r.scratch.single == nil {
		r.scratch.single = make([]cpumask.Mask, r.Base.Machine.NumCPU())
	}
	if r.scratch.single[cpu].Empty() {
		r.scratch.single[cpu] = cpumask.Of(cpu)
	}
	return r.scratch.single[cpu]
}

// place turns n runs into one kernel's answer.
func (r *Decider) place(pl *Placed, a *world.Side, q *place.Wakeup, complete bool, n int, run func(int) *place.Outcome) {
	o := run(0)
	*pl = Placed{CPU: o.CPU, Path: o.Path, Reason: o.Reason, Prev: o.Prev, Target: o.Target, From: o.From}
	if o.Path == place.PathNotModelled || o.Path == place.PathUnknown {
		pl.CPU = parser.NoCPU
		return
	}
	pl.Bounded, pl.Possible = true, r.only(o.CPU)
	shared, selected := true, false
	for i := range n {
		c := run(i)
		selected = selected || c.Selected()
		switch {
		case c.Path == place.PathNotModelled || c.Path == place.PathUnknown:
			pl.Bounded, pl.Possible = false, cpumask.Mask{}
			return
		case pl.Possible.Test(c.CPU):
		case shared:
			shared, pl.Possible = false, cpumask.Of(o.CPU, c.CPU)
		default:
			pl.Possible.Set(c.CPU)
		}
	}
	if !complete {
		pl.Possible = pl.Possible.Or(a.Selector.Widest(q))
	}
	if r.packs && selected && q.Prio >= place.MaxRTPrio {
		pl.Possible = pl.Possible.Or(r.packed(a, q))
	}
}

// packed are the waker's CPU, if it is allowed and within prev's root domain, and such others
// as run one task at most and are not surely idle.
func (r *Decider) packed(a *world.Side, q *place.Wakeup) (cpus cpumask.Mask) {
	for c := range a.Machine.RootSpan(q.Prev[0]).And(q.Allowed).All() {
		idle := a.State.Idle(c)
		if c == q.This || a.State.NrRunnable(c).Lo <= 1 && (idle.Open || !idle.Value) {
			cpus.Set(c)
		}
	}
	return cpus
}

// explainEntry tells the story of a decision, as the line has it, that put a task on an
// isolated CPU from outside, or that was asked for.
func (r *Decider) explainEntry(d *decision, line *Wakeup) {
	asked := r.Cfg.Explain != nil && r.Cfg.Explain(line)
	if !asked && (!line.Isolated || line.RecordedCPU == line.PrevCPU || !line.Selection) {
		return
	}
	idx := 0
	if c := r.consistent(line); len(c) > 0 {
		idx = c[0]
	}
	d.path = r.runs[idx].Path
	if len(r.Alts) > 0 && r.Alts[r.Of[0]].Parts {
		idx = r.Alts[r.Of[0]].Fitting(line.RecordedCPU)[0]
	}
	d.entry = r.explain(idx)
	if asked {
		line.Explanation = d.entry
	}
}

// explain repeats run number i of the baseline with the first alternative, with every test
// told.
func (r *Decider) explain(i int) *Explanation {
	var made, other []place.Step
	b, a := r.Base, r.Base
	if len(r.Alts) > 0 {
		a = r.Alts[r.Of[0]]
	}
	n := 0
	r.x.Explore(MaxRuns, func() {
		on := n == i
		tell := func(steps *[]place.Step) func(place.Step) {
			if !on {
				return nil
			}
			return func(s place.Step) { *steps = append(*steps, s) }
		}
		b.Selector.Trace = tell(&made)
		b.Selector.Select(&r.x, &b.Ask)
		a.Selector.Trace = tell(&other)
		a.Selector.Select(&r.x, a.Asked)
		a.Selector.Trace, b.Selector.Trace = nil, nil
		n++
	})
	if r.Cfg.Role == RolePatched {
		made, other = other, made
	}
	return &Explanation{Original: made, Patched: other}
}
