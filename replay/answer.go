package replay

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// This file asks the model about a decision, under every combination of the facts that
// are open, and turns the runs into answers.

// bothRun holds the outcomes of one run of both kernels under the same answers.
type bothRun struct {
	o, p place.Outcome
}

// maxRuns bounds how many combinations of unknown facts are tried for one
// decision; beyond it the sets widen.
const maxRuns = 64

// manyRuns is that bound where every decision is made under many kernels.
const manyRuns = 16

// explore runs both kernels under every combination of answers.
func (r *replayer) explore() (complete bool) {
	r.runs = r.runs[:0]
	return r.x.Explore(r.limit, func() {
		o := r.selO.Select(&r.x, &r.askO)
		pt := o
		if !r.twins {
			pt = r.selP.Select(&r.x, r.nowP)
		}
		r.runs = append(r.runs, bothRun{o: o, p: pt})
	})
}

// settled reports whether all combinations lead the original to the same.
func (r *replayer) settled() bool {
	first := &r.runs[0].o
	return !slices.ContainsFunc(r.runs, func(b bothRun) bool { return b.o.CPU != first.CPU || b.o.Path != first.Path })
}

// agree reports whether the kernels do the same under every combination.
func (r *replayer) agree() bool {
	return !slices.ContainsFunc(r.runs, func(b bothRun) bool { return b.o.CPU != b.p.CPU })
}

// placeBoth turns the runs into both kernels' answers.
func (r *replayer) placeBoth(line *Wakeup, complete bool) {
	r.place(&line.Original, &r.selO, &r.askO, complete, func(b *bothRun) *place.Outcome { return &b.o })
	r.place(&line.Patched, &r.selP, r.nowP, complete, func(b *bothRun) *place.Outcome { return &b.p })
	if !complete {
		r.alone(line)
	}
}

// alone explores each kernel by itself, where both together have too many
// combinations: either may still have few.
func (r *replayer) alone(line *Wakeup) {
	for _, k := range [2]struct {
		pl  *Placed
		sel *place.Selector
		ask *place.Wakeup
	}{{&line.Original, &r.selO, &r.askO}, {&line.Patched, &r.selP, r.nowP}} {
		var possible cpumask.Mask
		bounded := true
		if r.x.Explore(r.limit, func() {
			o := k.sel.Select(&r.x, k.ask)
			possible.Set(o.CPU)
			bounded = bounded && o.Path != place.PathNotModelled && o.Path != place.PathUnknown
		}) && bounded {
			k.pl.Possible, k.pl.Bounded = possible, true
		}
	}
}

func (r *replayer) all() []int {
	r.idx = r.idx[:0]
	for i := range r.runs {
		r.idx = append(r.idx, i)
	}
	return r.idx
}

// consistent lists the runs in which the original yields the recorded CPU.
func (r *replayer) consistent(line *Wakeup) []int {
	r.idx = r.idx[:0]
	for i := range r.runs {
		if r.runs[i].o.CPU == line.RecordedCPU {
			r.idx = append(r.idx, i)
		}
	}
	return r.idx
}

// only returns the mask of one CPU, which many answers share.
func (r *replayer) only(cpu int) cpumask.Mask {
	if cpu < 0 || cpu >= r.m.NumCPU() {
		return cpumask.Of(cpu)
	}
	if r.single == nil {
		r.single = make([]cpumask.Mask, r.m.NumCPU())
	}
	if r.single[cpu].Empty() {
		r.single[cpu] = cpumask.Of(cpu)
	}
	return r.single[cpu]
}

// place turns the runs into one kernel's answer.
func (r *replayer) place(pl *Placed, sel *place.Selector, q *place.Wakeup, complete bool, of func(*bothRun) *place.Outcome) {
	o := of(&r.runs[0])
	*pl = Placed{CPU: o.CPU, Path: o.Path, Reason: o.Reason, Prev: o.Prev, Target: o.Target, From: o.From}
	if o.Path == place.PathNotModelled || o.Path == place.PathUnknown {
		pl.CPU = parser.NoCPU
		return
	}
	pl.Bounded, pl.Possible = true, r.only(o.CPU)
	shared := true
	for i := range r.runs {
		switch c := of(&r.runs[i]); {
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
		pl.Possible = pl.Possible.Or(sel.Widest(q))
	}
}

// explainEntry tells the story of a decision, as the line has it, that put a task on an
// isolated CPU from outside, or that was asked for.
func (r *replayer) explainEntry(d *decision, line *Wakeup) {
	asked := r.opt.Explain != nil && r.opt.Explain(line)
	if !asked && (!line.Isolated || line.RecordedCPU == line.PrevCPU || !line.Selection) {
		return
	}
	idx := 0
	if c := r.consistent(line); len(c) > 0 {
		idx = c[0]
	}
	d.path = r.runs[idx].o.Path
	d.entry = r.explain(idx)
	if asked {
		line.Explanation = d.entry
	}
}

// explain repeats run number i with every test told.
func (r *replayer) explain(i int) *Explanation {
	e := &Explanation{}
	n := 0
	r.x.Explore(r.limit, func() {
		on := n == i
		if on {
			r.selO.Trace = func(s place.Step) { e.Original = append(e.Original, s) }
			r.selP.Trace = func(s place.Step) { e.Patched = append(e.Patched, s) }
		}
		r.selO.Select(&r.x, &r.askO)
		r.selP.Select(&r.x, r.nowP)
		r.selO.Trace, r.selP.Trace = nil, nil
		n++
	})
	return e
}
