package replay

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// This file asks the model about a decision, under every combination of the facts that
// are open, and turns the runs into answers.

// maxRuns bounds how many combinations of unknown facts are tried for one
// decision; beyond it the sets widen.
const maxRuns = 64

// manyRuns is that bound where every decision is made under many kernels.
const manyRuns = 16

// told are the alternatives of which somebody hears how they answer each decision.
func (r *decider) told() []*side {
	if !r.cfg.told {
		return nil
	}
	return r.alts
}

// explore runs the baseline under every combination of answers, then each of the
// alternatives that may differ together with it.
func (r *decider) explore(alts []*side) (complete bool) {
	b := r.base
	r.runs = r.runs[:0]
	complete = r.x.Explore(maxRuns, func() { r.runs = append(r.runs, b.sel.Select(&r.x, &b.ask)) })
	for _, a := range alts {
		a.runs, a.complete = a.runs[:0], complete
		if a.parts = !a.world.same() || a.mayPart(r.runs, complete); !a.parts {
			continue
		}
		a.complete = r.x.Explore(r.cfg.runs, func() {
			o := b.sel.Select(&r.x, &b.ask)
			a.runs = append(a.runs, bothRun{o: o, p: a.sel.Select(&r.x, a.now)})
		})
	}
	return complete
}

// settled reports whether all combinations lead the baseline to the same.
func (r *decider) settled() bool {
	first := &r.runs[0]
	return !slices.ContainsFunc(r.runs, func(o place.Outcome) bool { return o.CPU != first.CPU || o.Path != first.Path })
}

// agree reports whether all kernels that are told of do the same.
func (r *decider) agree() bool {
	return !slices.ContainsFunc(r.told(), func(a *side) bool { return !a.agree() })
}

// placeAll turns the runs into every kernel's answer.
func (r *decider) placeAll(line *Wakeup, complete bool) {
	made := line.Made()
	r.place(made, r.base, &r.base.ask, complete, len(r.runs), func(i int) *place.Outcome { return &r.runs[i] })
	if len(r.alts) == 0 {
		*line.Other() = *made
		return
	}
	for i, at := range r.of {
		pl := line.Other()
		if i > 0 {
			pl = &line.More[i-1].Placed
		}
		a := r.alts[at]
		if !a.parts {
			*pl = *made
			continue
		}
		r.place(pl, a, a.now, a.complete, len(a.runs), func(i int) *place.Outcome { return &a.runs[i].p })
		if !a.complete {
			r.alone(pl, a)
		}
	}
}

// alone explores an alternative by itself, where together with the baseline it has too
// many combinations: it may still have few.
func (r *decider) alone(pl *Placed, a *side) {
	var possible cpumask.Mask
	bounded := true
	if r.x.Explore(r.cfg.runs, func() {
		o := a.sel.Select(&r.x, a.now)
		possible.Set(o.CPU)
		bounded = bounded && o.Path != place.PathNotModelled && o.Path != place.PathUnknown
	}) && bounded {
		pl.Possible, pl.Bounded = possible, true
	}
}

func (r *decider) all() []int {
	idx := r.scratch.idx[:0]
	for i := range r.runs {
		idx = append(idx, i)
	}
	r.scratch.idx = idx
	return idx
}

// consistent lists the runs in which the baseline yields the recorded CPU.
func (r *decider) consistent(line *Wakeup) []int {
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
func (r *decider) only(cpu int) cpumask.Mask {
	if cpu < 0 || cpu >= r.base.m.NumCPU() {
		return cpumask.Of(cpu)
	}
	if r.scratch.single == nil {
		r.scratch.single = make([]cpumask.Mask, r.base.m.NumCPU())
	}
	if r.scratch.single[cpu].Empty() {
		r.scratch.single[cpu] = cpumask.Of(cpu)
	}
	return r.scratch.single[cpu]
}

// place turns n runs into one kernel's answer.
func (r *decider) place(pl *Placed, a *side, q *place.Wakeup, complete bool, n int, run func(int) *place.Outcome) {
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
		pl.Possible = pl.Possible.Or(a.sel.Widest(q))
	}
}

// explainEntry tells the story of a decision, as the line has it, that put a task on an
// isolated CPU from outside, or that was asked for.
func (r *decider) explainEntry(d *decision, line *Wakeup) {
	asked := r.cfg.explain != nil && r.cfg.explain(line)
	if !asked && (!line.Isolated || line.RecordedCPU == line.PrevCPU || !line.Selection) {
		return
	}
	idx := 0
	if c := r.consistent(line); len(c) > 0 {
		idx = c[0]
	}
	d.path = r.runs[idx].Path
	if len(r.alts) > 0 && r.alts[r.of[0]].parts {
		idx = r.alts[r.of[0]].fitting(line.RecordedCPU)[0]
	}
	d.entry = r.explain(idx)
	if asked {
		line.Explanation = d.entry
	}
}

// explain repeats run number i of the baseline with the first alternative, with every test
// told.
func (r *decider) explain(i int) *Explanation {
	var made, other []place.Step
	b, a := r.base, r.base
	if len(r.alts) > 0 {
		a = r.alts[r.of[0]]
	}
	n := 0
	r.x.Explore(maxRuns, func() {
		on := n == i
		tell := func(steps *[]place.Step) func(place.Step) {
			if !on {
				return nil
			}
			return func(s place.Step) { *steps = append(*steps, s) }
		}
		b.sel.Trace = tell(&made)
		b.sel.Select(&r.x, &b.ask)
		a.sel.Trace = tell(&other)
		a.sel.Select(&r.x, a.now)
		a.sel.Trace, b.sel.Trace = nil, nil
		n++
	})
	if r.cfg.role == RolePatched {
		made, other = other, made
	}
	return &Explanation{Original: made, Patched: other}
}
