package replay

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// worlds are the scenarios of a pass, each in its world, over what was recorded and what
// is known of hidden facts.
type worlds struct {
	*recorded
	t      *timeline
	hidden *facts
	base   *side
	alts   []*side
	// names are those of the alternatives as asked for; of gives each the index of its
	// side: equal ones share one. followers judge in the recorded state, and followerOf is
	// the same for them.
	names      []string
	of         []int
	followers  []*side
	followerOf []int
	// llcs are the LLCs of all sides; llcsAt gives for each CPU those it belongs to.
	llcs   []llcSpan
	llcsAt [][]int
	// overlaps tells of a selection that chose a CPU and is not computed yet, but may have
	// been over before the one that asks.
	overlaps func(s *state, c int) bool
}

// newWorlds begins a pass: every scenario gets its machine, and those that cannot differ
// on it share one side. later is what a rehearsal learned, nil if there was none.
func newWorlds(rec *recorded, baseline Scenario, alternatives, followers []Scenario, later *rehearsed) *worlds {
	b := machines{recorded: rec.host}
	w := &worlds{recorded: rec, base: newSide(baseline, b.of(&baseline), 0)}
	w.llcs = w.base.number(nil)
	w.alts, w.of = w.sides(&b, alternatives, 1)
	w.followers, w.followerOf = w.sides(&b, followers, 0)
	for i := range alternatives {
		w.names = append(w.names, alternatives[i].Name)
	}
	w.llcsAt = make([][]int, cpumask.MaxCPUs)
	for i, l := range w.llcs {
		for c := range l.span.All() {
			w.llcsAt[c] = append(w.llcsAt[c], i)
		}
	}
	for _, a := range append([]*side{w.base}, w.alts...) {
		a.state = state{r: w, side: a}
	}
	w.t = rec.timeline(baseline.Kernel)
	w.hidden = newFacts(rec, w.t, w.llcs, later)
	w.startCores()
	return w
}

// sides makes scenarios ready to be asked; of gives each the index of its side.
func (r *worlds) sides(b *machines, scenarios []Scenario, index int) (sides []*side, of []int) {
next:
	for i := range scenarios {
		a := newSide(scenarios[i], b.of(&scenarios[i]), index)
		a.differs = r.base.compare(a)
		for j, o := range sides {
			if o.compare(a) == neverDiffers {
				of = append(of, j)
				continue next
			}
		}
		r.llcs = a.number(r.llcs)
		of = append(of, len(sides))
		sides = append(sides, a)
	}
	return sides, of
}

// apply takes an event that is not a decision's.
func (r *worlds) apply(ev *parser.Event) {
	r.t.apply(ev)
	r.hidden.observe(ev)
	if ev.Kind != parser.KindSwitch {
		return
	}
	if ev.Task.PID > 0 && ev.State.Known() && !ev.State.Runnable() {
		for _, a := range r.alts {
			a.world.setActive(ev.Task.PID, false)
		}
	}
	if ev.Next.PID == 0 && usableCPU(ev.CPU) {
		r.wentIdle(int(ev.CPU))
	}
	if ev.Task.PID > 0 && ev.Task.PID != ev.Next.PID && ev.State.Gone() {
		r.t.bury(ev.Task.PID)
		for _, a := range r.alts {
			a.world.forget(ev.Task.PID)
		}
	}
}

// startCores gives has_idle_cores its value at the start: an LLC with an idle
// core has most likely advertised it, one without has not kept the flag long.
func (r *worlds) startCores() {
	for i, l := range r.llcs {
		found := false
		for c := range l.span.All() {
			idle := true
			for t := range r.base.m.SMT(c).All() {
				idle = idle && t < len(r.t.cpu) && r.t.cpu[t].idle()
			}
			found = found || idle
		}
		r.base.world.idleCores[i] = tristate{value: found, guessed: true, since: parser.NoTime}
	}
}

// clear applies a failed core scan to a flag: surely if all runs that fit clear it or
// found it so, perhaps if some do.
func (w *world) clear(llc int, all, likely bool, win window) {
	f, own := w.idleCores[llc]
	switch {
	case llc < 0 || !own || f.before(win):
	case all:
		w.idleCores[llc] = tristate{known: true, since: f.since}
	case f.value || !f.known:
		w.idleCores[llc] = tristate{value: f.value && !likely, guessed: f.guessed, since: f.since}
	}
}

// joinCores ends a difference over has_idle_cores that is none any more.
func (r *worlds) joinCores(w *world, llc int) {
	base := r.base.world.idleCores[llc]
	if own, ok := w.idleCores[llc]; ok && own.known && own.value == base.value && base.known {
		delete(w.idleCores, llc)
	}
}

// wentIdle applies __update_idle_core in each world: a CPU that picks idle
// advertises its core if every sibling is idle too.
func (r *worlds) wentIdle(c int) {
	if r.base.m == nil || !r.base.m.SMTActive() || c >= r.base.m.NumCPU() {
		return
	}
	for _, llc := range r.llcsAt[c] {
		r.advertise(r.base, llc, c)
		for _, a := range r.alts {
			if _, own := a.world.idleCores[llc]; own {
				r.advertise(a, llc, c)
				r.joinCores(a.world, llc)
			}
		}
	}
}

// advertise sets has_idle_cores in one world if every sibling of a CPU that went idle is
// idle too, or may be.
func (r *worlds) advertise(a *side, llc, c int) {
	w := a.world
	f := w.idleCores[llc]
	if f.known && f.value {
		return
	}
	s := state{r: r, side: a, win: window{r.t.now, r.t.now - r.t.slack, r.t.now}, self: noWakee}
	all, open, guessed := true, false, false
	for t := range a.m.SMT(c).All() {
		if t == c {
			continue
		}
		switch x := s.Idle(t); {
		case x.Open:
			open, guessed = true, guessed || x.From == fact.Unknown
			all = all && x.Value
		case !x.Value:
			all, open = false, false
		}
		if !all && !open {
			break
		}
	}
	switch {
	case open:
		since := f.since
		if all && !f.value {
			since = r.t.now
		}
		w.idleCores[llc] = tristate{value: all || f.value, guessed: guessed || f.guessed, since: since}
	case all:
		w.idleCores[llc] = tristate{value: true, known: true, since: r.t.now}
	}
}
