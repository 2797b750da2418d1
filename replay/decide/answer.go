package decide

import (
	"slices"

	"schedreplay/cpumask"
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
	r.runs = r.runs[:0]
	complete = r.x.Explore(MaxRuns, func() { r.runs = append(r.runs, b.Selector.Select(&r.x, &b.Ask)) })
	for _, a := range alts {
		a.Runs, a.Complete = a.Runs[:0], complete
		if a.Parts = r.seesOther(a, d, complete) || a.MayPart(r.runs, complete); !a.Parts {
			continue
		}
		r.askApart(d, p, a)
		a.Complete = r.x.Explore(r.Cfg.Runs, func() {
			o := b.Selector.Select(&r.x, &b.Ask)
			a.Runs = append(a.Runs, world.Pair{Base: o, Other: a.Selector.Select(&r.x, a.Asked)})
		})
	}
	if r.partly {
		complete = false
		for _, a := range alts {
			a.Complete = false
		}
	}
	return complete
}

// seesOther reports whether what the baseline asked may have another answer in an
// alternative's world.
func (r *Decider) seesOther(a *world.Side, d *decision, complete bool) bool {
	switch {
	case a.World.Same():
		return false
	case !complete || r.partly || a.SeesOther(r.Base, d.ev.Task.PID, d.line.Waker.PID):
		return true
	}
	return slices.ContainsFunc(r.queue.undecided, func(o *decision) bool { return a.World.Diverged[o.ev.Task.PID] != nil })
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

// placeAll turns the runs into every kernel's answer.
func (r *Decider) placeAll(line *Wakeup, complete bool) {
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
		r.place(pl, a, a.Asked, a.Complete, len(a.Runs), func(i int) *place.Outcome { return &a.Runs[i].Other })
		if !a.Complete && !r.partly {
			r.alone(pl, a)
		}
	}
}

// alone explores an alternative by itself, where together with the baseline it has too
// many combinations: it may still have few.
func (r *Decider) alone(pl *Placed, a *world.Side) {
	var possible cpumask.Mask
	bounded := true
	if r.x.Explore(r.Cfg.Runs, func() {
		o := a.Selector.Select(&r.x, a.Asked)
		possible.Set(o.CPU)
		bounded = bounded && o.Path != place.PathNotModelled && o.Path != place.PathUnknown
	}) && bounded {
		pl.Possible, pl.Bounded = possible, true
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
	shared := true
	for i := range n {
		switch c := run(i); {
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
