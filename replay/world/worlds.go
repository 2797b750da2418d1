// Package world is the machine as it would be under each kernel: the scenarios with their
// machines, what differs in their worlds from what was recorded, and the answers to what the
// model asks there.
package world

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/hidden"
	"schedreplay/replay/timeline"
)

// Worlds are the scenarios of a pass, each in its world, over what was recorded and what
// is known of hidden facts.
type Worlds struct {
	*timeline.Recorded
	Timeline *timeline.Timeline
	Hidden   *hidden.Facts
	Base     *Side
	Alts     []*Side
	// Names are those of the alternatives as asked for; of gives each the index of its
	// side: equal ones share one. followers judge in the recorded state, and followerOf is
	// the same for them.
	Names      []string
	Of         []int
	First      []int // by side, the first of the names that have it
	Followers  []*Side
	FollowerOf []int
	// LLCs are the LLCs of all sides; llcsAt gives for each CPU those it belongs to.
	LLCs   []hidden.LLC
	LLCsAt [][]int
	// Overlaps tells of a selection that chose a CPU and is not computed yet, but may have
	// been over before the one that asks.
	Overlaps func(s *State, c int) bool

	looks State // of a CPU that goes idle
	loads loads
}

// New begins a pass: every scenario gets its machine, and those that cannot differ
// on it share one side. later is what a rehearsal learned, nil if there was none.
func New(rec *timeline.Recorded, baseline Scenario, alternatives, followers []Scenario, later *hidden.Rehearsed) *Worlds {
	b := machines{recorded: rec.Host}
	w := &Worlds{Recorded: rec, Base: newSide(baseline, b.of(&baseline), 0, rec.AnyIdlePolicy)}
	w.LLCs = w.Base.number(nil)
	w.Alts, w.Of = w.sides(&b, alternatives, 1)
	w.Followers, w.FollowerOf = w.sides(&b, followers, 0)
	for i := range alternatives {
		w.Names = append(w.Names, alternatives[i].Name)
		if w.Of[i] == len(w.First) {
			w.First = append(w.First, i)
		}
	}
	w.LLCsAt = make([][]int, cpumask.MaxCPUs)
	for i, l := range w.LLCs {
		for c := range l.Span.All() {
			w.LLCsAt[c] = append(w.LLCsAt[c], i)
		}
	}
	for _, a := range slices.Concat([]*Side{w.Base}, w.Alts, w.Followers) {
		a.State = State{Worlds: w, Side: a}
		a.Selector.State = &a.State
	}
	w.Timeline = rec.Begin(baseline.Kernel)
	w.Hidden = hidden.New(rec, w.Timeline, w.LLCs, later, w.anyUtil())
	w.Hidden.Throttles(baseline.Kernel.Rules.Throttle)
	w.startCores()
	return w
}

// anyUtil reports whether some kernel has its scan budget from the utilisation.
func (r *Worlds) anyUtil() bool {
	return slices.ContainsFunc(slices.Concat([]*Side{r.Base}, r.Alts, r.Followers), func(a *Side) bool {
		return a.Kernel.Rules.Budget == rules.BudgetUtil
	})
}

// sides makes scenarios ready to be asked; of gives each the index of its side.
func (r *Worlds) sides(b *machines, scenarios []Scenario, index int) (sides []*Side, of []int) {
next:
	for i := range scenarios {
		a := newSide(scenarios[i], b.of(&scenarios[i]), index, r.AnyIdlePolicy)
		a.differs = r.Base.compare(a)
		for j, o := range sides {
			if o.compare(a) == neverDiffers {
				of = append(of, j)
				continue next
			}
		}
		r.LLCs = a.number(r.LLCs)
		of = append(of, len(sides))
		sides = append(sides, a)
	}
	return sides, of
}

// Apply takes an event that is not a decision's.
func (r *Worlds) Apply(ev *parser.Event) {
	known := r.Timeline.Resumed(ev)
	r.Hidden.Before(ev)
	r.Timeline.Apply(ev)
	r.Hidden.Observe(ev)
	switch ev.Kind {
	case parser.KindLost, parser.KindHole, parser.KindOverwritten:
		if !known {
			r.Unsettle()
		}
		return
	case parser.KindSwitch:
	default:
		return
	}
	if p := r.Timeline.Find(ev.Task.PID); ev.Task.PID > 0 && ev.State.Known() && !ev.State.Runnable() && (p == nil || p.Inflight == parser.NoCPU) {
		for _, a := range r.Alts {
			a.World.SetActive(ev.Task.PID, false)
		}
	}
	if ev.Next.PID == 0 && timeline.UsableCPU(ev.CPU) {
		r.wentIdle(int(ev.CPU))
	}
	if ev.Task.PID > 0 && ev.Task.PID != ev.Next.PID && ev.State.Gone() {
		r.Timeline.Bury(ev.Task.PID)
		for _, a := range r.Alts {
			a.World.forget(ev.Task.PID)
		}
	}
}

// Resume goes past the seams of the recording that lie before a time.
func (r *Worlds) Resume(now int64) {
	if r.Timeline.Resume(now) {
		r.Unsettle()
		for _, a := range r.Alts {
			r.rejoin(a.World)
		}
		r.Hidden.Resume()
		if r.Base.Machine != nil {
			r.startCores()
		}
	}
}

// rejoin puts tasks that are elsewhere in a world back to where the recording has them: which
// decisions they met meanwhile is not recorded. But an isolated CPU keeps its tasks, so those
// that are on one, in that world or in the recording, stay apart.
func (r *Worlds) rejoin(w *World) {
	for pid, d := range w.diverged {
		if p := r.Timeline.Find(pid); p == nil || !r.Isolated.Value.Test(int(p.CPU)) && !slices.ContainsFunc(d.CPUs, r.Isolated.Value.Test) {
			w.forget(pid)
		}
	}
}

// Unsettle forgets what was known of hidden facts that decisions which were not recorded
// may have changed: the tasks' and has_idle_cores, in every world.
func (r *Worlds) Unsettle() {
	r.Hidden.Unsettle()
	for _, a := range r.Alts {
		a.World.unsettle()
	}
	for _, a := range append([]*Side{r.Base}, r.Alts...) {
		for llc := range r.LLCs {
			a.World.GuessCores(llc)
		}
	}
}

// startCores gives has_idle_cores its value at the start: an LLC with an idle
// core has most likely advertised it, one without has not kept the flag long.
func (r *Worlds) startCores() {
	for i, l := range r.LLCs {
		found := false
		for c := range l.Span.All() {
			idle := true
			for t := range r.Base.Machine.SMT(c).All() {
				idle = idle && t < len(r.Timeline.CPU) && r.Timeline.CPU[t].Idle()
			}
			found = found || idle
		}
		r.Base.World.SetIdleCores(i, Tristate{Value: found, Guessed: true, Since: parser.NoTime})
	}
}

// GuessCores notes that a flag which the world has may have changed.
func (w *World) GuessCores(llc int) {
	if f, own := w.IdleCores(llc); own {
		w.SetIdleCores(llc, Tristate{Value: f.Value, Guessed: true, Since: f.Since})
	}
}

// Clear applies a failed core scan to a flag: surely if all runs that fit clear it or
// found it so, perhaps if some do.
func (w *World) Clear(llc int, all, likely bool, win timeline.Window) {
	f, own := w.IdleCores(llc)
	switch {
	case llc < 0 || !own || f.Before(win):
	case all:
		w.SetIdleCores(llc, Tristate{Known: true, Since: f.Since})
	case f.Value || !f.Known:
		w.SetIdleCores(llc, Tristate{Value: f.Value && !likely, Guessed: f.Guessed, Since: f.Since})
	}
}

// JoinCores ends a difference over has_idle_cores that is none any more.
func (r *Worlds) JoinCores(w *World, llc int) {
	own, ok := w.IdleCores(llc)
	if !ok || !own.Known {
		return
	}
	if base, _ := r.Base.World.IdleCores(llc); own.Value == base.Value && base.Known {
		w.dropIdleCores(llc)
	}
}

// JoinAllCores does so with each flag of a world.
func (r *Worlds) JoinAllCores(w *World) {
	for llc := 0; w.own > 0 && llc < len(w.cores); llc++ {
		r.JoinCores(w, llc)
	}
}

// wentIdle applies __update_idle_core in each world: a CPU that picks idle
// advertises its core if every sibling is idle too.
func (r *Worlds) wentIdle(c int) {
	if r.Base.Machine == nil || !r.Base.Machine.SMTActive() || c >= r.Base.Machine.NumCPU() {
		return
	}
	for _, llc := range r.LLCsAt[c] {
		r.advertise(r.Base, llc, c)
		for _, a := range r.Alts {
			if _, own := a.World.IdleCores(llc); own {
				r.advertise(a, llc, c)
				r.JoinCores(a.World, llc)
			}
		}
	}
}

// advertise sets has_idle_cores in one world if every sibling of a CPU that went idle is
// idle too, or may be.
func (r *Worlds) advertise(a *Side, llc, c int) {
	w := a.World
	f, _ := w.IdleCores(llc)
	if f.Known && f.Value {
		return
	}
	s := &r.looks
	s.Worlds, s.Side = r, a
	s.Begin(&timeline.Looker{
		Window: timeline.Window{Est: r.Timeline.Now, Lo: r.Timeline.Now - r.Timeline.Slack, Hi: r.Timeline.Now}, Self: NoWakee,
		PendingLast: r.Base.Kernel.Rules.PendingLast,
	}, nil)
	all, open, guessed := true, false, false
	for t := range a.Machine.SMT(c).All() {
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
		since := f.Since
		if all && !f.Value {
			since = r.Timeline.Now
		}
		w.SetIdleCores(llc, Tristate{Value: all || f.Value, Guessed: guessed || f.Guessed, Since: since})
	case all:
		w.SetIdleCores(llc, Tristate{Value: true, Known: true, Since: r.Timeline.Now})
	}
}
