package decide

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
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

// toldOf gives each name of which that is the index of its side.
func (r *Decider) toldOf() []int {
	if !r.Cfg.Told {
		return nil
	}
	return r.Of
}

// others are what the alternatives come to, by side: answers are nil of one that does what the
// baseline does, own is space for each, and placed is where it may place the wakee, if that is
// told or more is possible than was tried; spread is space for where it may be then.
type others struct {
	answers []*answer
	own     []answer
	placed  []Placed
	spread  [][]int
}

func newOthers(n int) others {
	return others{make([]*answer, n), make([]answer, n), make([]Placed, n), make([][]int, n)}
}

// explore runs the baseline under every combination of answers, then each of the
// alternatives that may differ together with it.
func (r *Decider) explore(d *decision, p *timeline.Task, alts []*world.Side) (complete bool) {
	b := r.Base
	r.runs, b.Selector.Parts = r.runs[:0], 0
	complete = r.x.Explore(MaxRuns, func() {
		if r.runs = append(r.runs, *b.Selector.Select(&r.x, &b.Ask)); len(alts) > 0 {
			r.noteTrail()
		}
	})
	r.scratch.asked = r.scratch.asked[:0]
	like := r.alike.By(b.Selector.Parts)
	for i, a := range alts {
		r.answers[i] = nil
		if a.World.Same() && !a.MayPart(r.runs, complete) || like.Same(0, i+1) && r.follows(a, d, complete) {
			continue
		}
		if r.answers[i] = r.shared(i, d); r.answers[i] == nil {
			r.answers[i] = r.exploreWith(i, d, p)
			r.scratch.asked = append(r.scratch.asked, asked{i, r.alike.By(a.Selector.Parts)})
		}
	}
	if r.partly || r.foreign {
		complete = false
		r.widenAnswers(len(alts))
	}
	for i, a := range alts {
		if w := r.answers[i]; w != nil && (r.Cfg.Told || r.packs || !w.complete) {
			r.placed[i] = *r.placedBy(a, w)
		}
	}
	return complete
}

// widenAnswers notes that the first n alternatives may do more than was tried.
func (r *Decider) widenAnswers(n int) {
	for _, a := range r.answers[:n] {
		if a != nil {
			a.complete = false
		}
	}
}

// asked is an alternative that was asked, by number, and the sides by what its runs read.
type asked struct {
	alt  int
	like *world.Classes
}

// answer is what an alternative, and those that do the same, come to about a decision.
type answer struct {
	// runs are those together with the baseline, complete if they are all there can be.
	runs     []pair
	complete bool
	// alone is where it may send the wakee where it was explored by itself, aloneOK that
	// this was possible.
	alone   cpumask.Mask
	aloneOK bool
	// fits are the runs that fit the recording, all if none does; in differ of them the
	// kernels send the wakee elsewhere.
	fits   []int
	differ int
	// clears: some of them clears has_idle_cores.
	clears bool
	// cleared is what they clear on the machine of a side.
	cleared cleared
	ends    []*place.Outcome // what the runs came to
	// placed is the answer that the runs amount to for the side by, nil if for none yet.
	placed Placed
	by     *world.Side
	// places are where the wakee may be after it, the likeliest first, if it was where it was
	// recorded and if it was elsewhere, empty where that is not known yet.
	places [2][]int
}

// pair holds the outcomes of one run of two kernels under the same answers: the
// baseline's and an alternative's, and the weakest provenance that both lean on.
type pair struct {
	base, other *place.Outcome
	from        fact.Provenance
}

// differs reports whether the kernels send the wakee elsewhere.
func (p *pair) differs() bool { return p.base.CPU != p.other.CPU }

// end is where runs end, by number.
func (a *answer) end(n int) *place.Outcome {
	if n == len(a.ends) {
		a.ends = append(a.ends, &place.Outcome{})
	}
	return a.ends[n]
}

// fit finds the runs in which the baseline yields the recorded CPU, all if there are none.
func (a *answer) fit(recorded int) {
	a.fits = a.fits[:0]
	for i := range a.runs {
		if a.runs[i].base.CPU == recorded {
			a.fits = append(a.fits, i)
		}
	}
	if len(a.fits) == 0 {
		for i := range a.runs {
			a.fits = append(a.fits, i)
		}
	}
	a.differ, a.clears, a.cleared.of, a.places = 0, false, nil, [2][]int{a.places[0][:0], a.places[1][:0]}
	for _, i := range a.fits {
		if a.runs[i].differs() {
			a.differ++
		}
		a.clears = a.clears || a.runs[i].other.ClearIdleCores >= 0
	}
}

// stays reports whether the wakee surely goes where it was recorded.
func (a *answer) stays() bool { return a == nil || a.complete && a.differ == 0 }

// likeliest is the first run that fits the recording.
func (a *answer) likeliest() *pair { return &a.runs[a.fits[0]] }

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

// exploreWith runs an alternative, by number, together with the baseline, and by itself where
// that has too many combinations: alone it may still have few.
func (r *Decider) exploreWith(i int, d *decision, p *timeline.Task) *answer {
	a, w := r.Alts[i], &r.own[i]
	r.askApart(d, p, a)
	a.Selector.Parts = 0
	var o *place.Outcome
	var made explore.Mark
	n := 0 // of the baseline's runs
	r.memo.Forget()
	run := func(end int) { *w.end(end) = *a.Selector.Select(&r.x, a.Asked) }
	w.runs, w.by = w.runs[:0], nil
	w.complete = r.x.Explore(r.Cfg.Runs, func() {
		if !r.x.Again(&made) {
			o = r.runAgain(n)
			made = r.x.Mark()
			n++
		}
		other := w.end(r.x.Recall(&r.memo, run))
		w.runs = append(w.runs, pair{o, other, r.x.Weakest()})
	})
	w.fit(d.line.RecordedCPU)
	if w.aloneOK = !w.complete && !r.partly; !w.aloneOK {
		return w
	}
	w.alone = cpumask.Mask{}
	w.aloneOK = r.x.Explore(r.Cfg.Runs, func() {
		o := w.end(r.x.Recall(&r.memo, run))
		w.alone.Set(o.CPU)
		w.aloneOK = w.aloneOK && o.Path != place.PathNotModelled && o.Path != place.PathUnknown
	}) && w.aloneOK
	return w
}

// shared is what one of the alternatives asked before came to, if number i does the same, else
// nil. Where the answers of each are told, each is asked by itself.
func (r *Decider) shared(i int, d *decision) *answer {
	if r.Cfg.Told {
		return nil
	}
	a := r.Alts[i]
	for _, k := range r.scratch.asked {
		if o := r.Alts[k.alt]; k.like.Same(i+1, k.alt+1) && r.seesAs(a, o, d) {
			a.Asked = o.Asked
			return r.answers[k.alt]
		}
	}
	return nil
}

// follows reports whether an alternative surely does what the baseline does, whose kernel is like
// its own in all that was read: it sees the same.
func (r *Decider) follows(a *world.Side, d *decision, complete bool) bool {
	return complete && !r.partly && len(r.runs) <= r.Cfg.Runs &&
		a.Wakee == nil && a.Waker == nil && r.seesAs(a, r.Base, d)
}

// seesAs reports whether all that a side asked about a decision has the same answer in
// another's world.
func (r *Decider) seesAs(a, o *world.Side, d *decision) bool {
	return a.SeesAs(o, d.ev.Task.PID, d.line.inTask()) && !slices.ContainsFunc(r.queue.undecided, func(u *decision) bool {
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
	return !slices.ContainsFunc(r.answers[:len(r.told())], func(a *answer) bool {
		return a != nil && slices.ContainsFunc(a.runs, func(p pair) bool { return p.differs() })
	})
}

// placeAll turns the runs into every kernel's answer, and reports whether that holds all
// that the kernels can do.
func (r *Decider) placeAll(line *Wakeup, complete bool) bool {
	r.placeEach(line, complete)
	if r.packs {
		r.widenAnswers(len(r.Alts))
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
	for i, at := range r.toldOf() {
		pl := line.Other()
		if i > 0 {
			pl = &line.More[i-1].Placed
		}
		if r.answers[at] == nil {
			*pl = *made
		} else {
			*pl = r.placed[at]
		}
	}
}

// placedBy is an alternative's answer.
func (r *Decider) placedBy(a *world.Side, w *answer) *Placed {
	tried := w.complete || w.aloneOK
	if w.by != nil && !r.packs && (tried || a.ReachesAs(w.by)) {
		return &w.placed
	}
	w.by = a
	r.place(&w.placed, a, a.Asked, tried, len(w.runs), func(i int) *place.Outcome { return w.runs[i].other })
	w.placed.From = w.runs[0].from
	if !w.complete && w.aloneOK {
		w.placed.Possible, w.placed.Bounded = w.alone, true
	}
	return &w.placed
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
	if pl.Widened = !complete; pl.Widened {
		pl.Possible = pl.Possible.Or(a.Selector.Widest(q))
	}
	if r.packs && selected && q.Prio >= place.MaxRTPrio {
		pl.Possible = pl.Possible.Or(r.packed(a, q))
	}
}

// packed are the waker's CPU, if it is allowed and within prev's root domain, and such others
// as run one task at most, beside one that may be on its way out, and are not surely idle.
func (r *Decider) packed(a *world.Side, q *place.Wakeup) (cpus cpumask.Mask) {
	for c := range a.Machine.RootSpan(q.Prev[0]).And(q.Allowed).All() {
		idle, most := a.State.Idle(c), int64(1)
		if r.Timeline.MayLeave(c) {
			most++
		}
		if c == q.This || a.State.NrRunnable(c).Lo <= most && (idle.Open || !idle.Value) {
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
	if len(r.Alts) > 0 && r.answers[r.Of[0]] != nil {
		idx = r.answers[r.Of[0]].fits[0]
	}
	d.entry = r.explain(idx)
	if asked {
		line.Explanation = d.entry
	}
}

// explain repeats run number i of the baseline with the first alternative, with every test
// told.
func (r *Decider) explain(i int) *Explanation {
	var made, other []Step
	b, a := r.Base, r.Base
	if len(r.Alts) > 0 {
		a = r.Alts[r.Of[0]]
	}
	n := 0
	r.x.Explore(MaxRuns, func() {
		on := n == i
		tell := func(steps *[]Step, side *world.Side) func(place.Step) {
			if !on {
				return nil
			}
			return func(s place.Step) {
				t := Step{Step: s}
				if s.Kind == place.AskIdle && s.Answer == place.No {
					t.Occupant = side.State.Occupant(s.CPU)
				}
				*steps = append(*steps, t)
			}
		}
		b.Selector.Trace = tell(&made, b)
		b.Selector.Select(&r.x, &b.Ask)
		a.Selector.Trace = tell(&other, a)
		a.Selector.Select(&r.x, a.Asked)
		a.Selector.Trace, b.Selector.Trace = nil, nil
		n++
	})
	if r.Cfg.Role == RolePatched {
		made, other = other, made
	}
	return &Explanation{Original: made, Patched: other}
}
