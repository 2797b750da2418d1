package decide

import (
	"slices"

	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/ahead"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// This file moves all worlds past a decision, and past a CPU's going idle.

// chosen is where a selection sent its wakee as far as the present pass may know.
func (r *Decider) chosen(o *ahead.Outcome) int32 {
	if r.Hidden.Blind() {
		return o.Ran
	}
	return o.CPU
}

// baseless reports a decision of a task in its recorded place about which
// something believed is wrong, since the recorded kernel would have decided
// otherwise: what another one would have done by the same belief is no reason to
// take the task elsewhere.
func baseless(line *Wakeup, since int64) bool { return line.ModelMiss && since == 0 }

// carry moves every world past the decision: the baseline's to what was recorded, the
// alternatives' by their own choice.
func (r *Decider) carry(d *decision, p *timeline.Task, consistent []int, complete bool) {
	line := &d.line
	recorded := line.RecordedCPU
	if recorded < 0 {
		recorded = r.runs[consistent[0]].CPU
	}
	r.choosePlaces(p, line, recorded) // while the recorded state is that of the decision
	if line.Selection {
		r.setRecent(p, consistent, wakeesRecent)
		if cur := r.Timeline.Find(line.Waker.PID); cur != nil && cur.PID > 0 {
			r.setRecent(cur, consistent, wakersRecent)
		}
		r.clearCores(consistent, complete)
	}
	if r.unexplained(line, consistent) {
		r.forgetBy(d, p)
	}
	if !p.Queued || d.kind != place.KindWakeup || r.Timeline.IsLeaving(p, d.ev.Time) {
		r.send(d, p, recorded)
		if recorded >= 0 && recorded < len(r.Timeline.CPU) && r.Timeline.Mute(recorded, &r.Base.State.Looker) {
			p.QueuedKnown = false // it may have run there and slept, and nothing would show it
		}
		if line.RecordedCPU < 0 {
			p.QueuedKnown = false // it is a guess that it went there
			for c := range line.Made().Possible.All() {
				if c < len(r.Timeline.CPU) {
					r.Timeline.CPU[c].GuessedAt = max(r.Timeline.CPU[c].GuessedAt, d.win.Est)
				}
			}
		}
	}
	for at, a := range r.Alts {
		r.Cfg.Watcher.Entered(at, p, line.PrevCPU, a.Places)
		a.World.Diverge(p.PID, d.n, a.Places, recorded)
		if a.World.Diverged(p.PID) != nil {
			a.World.SetActive(p.PID, true)
		}
	}
}

// choosePlaces settles where the wakee may be in each alternative's world.
func (r *Decider) choosePlaces(p *timeline.Task, line *Wakeup, recorded int) {
	r.scratch.parted, r.scratch.home = r.scratch.parted[:0], append(r.scratch.home[:0], recorded)
	for at, a := range r.Alts {
		a.Places = r.placesIn(at, p, line)
	}
}

// placesIn tells where a wakee may be in an alternative's world after a decision, the
// likeliest first.
func (r *Decider) placesIn(at int, p *timeline.Task, line *Wakeup) []int {
	w, home := r.answers[at], r.scratch.home
	if w.stays() {
		return home
	}
	since, apart := int64(0), 0
	if div := r.Alts[at].Wakee; div != nil {
		since, apart = div.Since, 1
	}
	places := w.places[apart]
	switch {
	case !w.complete: // what else it may do is the side's own
		r.spread[at] = r.placesBy(w, r.spread[at][:0], line, since, &r.placed[at])
		places = r.spread[at]
	case len(places) == 0:
		places = r.placesBy(w, places, line, since, nil)
		w.places[apart] = places
	}
	if places[0] != home[0] && since == 0 && !r.differs(at) {
		// It only makes room for a task that is elsewhere. That is told of this
		// decision; carried on, it would move every task of the machine within a
		// second, and no decision after that would be about the kernels.
		return home
	}
	return places
}

// placesBy tells where a wakee may be by an answer, in a world in which it has been elsewhere
// since a decision, 0 if it was where it was recorded. More than was tried is in pl.
func (r *Decider) placesBy(w *answer, places []int, line *Wakeup, since int64, pl *Placed) []int {
	recorded := r.scratch.home[0]
	for _, i := range w.fits {
		// Where the kernels agree the alternative does what was recorded, even if
		// the model missed it.
		cpu := recorded
		if w.runs[i].differs() {
			cpu = w.runs[i].other.CPU
		}
		if !slices.Contains(places, cpu) {
			places = append(places, cpu)
		}
	}
	if !w.complete && pl.Bounded && r.moved(line, w, since) != MovedNo {
		for cpu := range pl.Possible.All() {
			if !slices.Contains(places, cpu) {
				places = append(places, cpu)
			}
		}
	}
	if baseless(line, since) {
		places = append(places[:0], recorded)
	}
	if places[0] == recorded && !r.anyIsolated(places) {
		// Only the less likely answers part the worlds. Carrying those on would
		// soon make every place of every task possible; see docs/model.md.
		places = places[:1]
	}
	return places
}

// send puts the wakee on its way to the CPU chosen: to that CPU's wake list, or
// where the capture has no sched_wakeup to tell and the waker activates it
// itself (ttwu_queue_cond), onto its queue.
func (r *Decider) send(d *decision, p *timeline.Task, cpu int) {
	this := int(d.ev.CPU)
	if !r.Survey.HasWakeup && cpu >= 0 && cpu < len(r.Timeline.CPU) && cpu < r.Base.Machine.NumCPU() && this < r.Base.Machine.NumCPU() && r.Base.Machine.ShareCache(this, cpu) {
		others := len(r.Timeline.CPU[cpu].Queue)
		if p.Queued && p.CPU == int32(cpu) {
			others-- // it has left, though its switch is to come
		}
		idle := this != cpu && others == 0
		if !idle || !r.Timeline.Pends {
			r.Timeline.Activate(p, d.ev.CPU, int32(cpu), d.win)
			return
		}
	}
	r.Timeline.Fly(p, d.ev.CPU, int32(cpu), d.win)
}

// ownDifference is whether an alternative differs from the baseline about this decision in the
// recorded state.
type ownDifference struct {
	asked
	differ bool
}

// differs reports whether an alternative differs from the baseline about this decision in
// the recorded state too, not only because its world has tasks elsewhere.
func (r *Decider) differs(i int) bool {
	for _, o := range r.scratch.parted {
		if o.like.Same(i+1, o.alt+1) && r.Alts[i].AllowsAs(r.Alts[o.alt]) {
			return o.differ
		}
	}
	b, a := r.Base, r.Alts[i]
	sel, differ := a.Selector, false
	sel.State, sel.Parts = &b.State, 0
	ask := b.Ask
	a.Allow(&ask)
	r.x.Explore(r.Cfg.Runs, func() {
		cpu := b.Selector.Select(&r.x, &b.Ask).CPU
		if differ = sel.Select(&r.x, &ask).CPU != cpu; differ {
			r.x.Enough()
		}
	})
	r.scratch.parted = append(r.scratch.parted, ownDifference{asked{i, r.alike.By(sel.Parts)}, differ})
	return differ
}

func (r *Decider) anyIsolated(cpus []int) bool {
	return slices.ContainsFunc(cpus, r.Isolated.Value.Test)
}

// maxRecent bounds the CPUs that recent_used_cpu is held to be one of.
const maxRecent = 4

// recentOf is what a selection writes to the recent_used_cpu of a task, -1 if nothing, and where
// that task is in a world.
type recentOf struct {
	set func(*place.Outcome) int
	at  func(*world.Side) *world.Divergence
}

// The tasks are the wakee, and the one that was current on the waker's CPU.
var (
	wakeesRecent = recentOf{func(o *place.Outcome) int { return o.SetRecentUsed }, func(a *world.Side) *world.Divergence { return a.Wakee }}
	wakersRecent = recentOf{func(o *place.Outcome) int { return o.SetWakersRecent }, func(a *world.Side) *world.Divergence { return a.Waker }}
)

// setRecent writes a task's recent_used_cpu in all worlds: in the recorded one what any
// run that fits leaves in it.
func (r *Decider) setRecent(p *timeline.Task, consistent []int, of recentOf) {
	own := r.Hidden.Of(p.PID)
	was := parser.NoCPU
	if len(own.Recent) == 1 {
		was = own.Recent[0]
	}
	may, open := r.scratch.recent[:0], false
	add := func(cpu int) {
		if !slices.Contains(may, cpu) {
			may = append(may, cpu)
		}
	}
	for _, i := range consistent {
		switch c := of.set(&r.runs[i]); {
		case c >= 0:
			add(c)
		case len(own.Recent) == 0:
			open = true
		default:
			for _, cpu := range own.Recent {
				add(cpu)
			}
		}
	}
	r.scratch.recent = may
	if open || len(may) > maxRecent {
		own.Recent = own.Recent[:0]
	} else {
		own.Recent = append(own.Recent[:0], may...)
	}
	for i, a := range r.Alts {
		if r.answers[i] == nil {
			continue
		}
		first := r.answers[i].likeliest()
		c := of.set(first.other)
		if c == of.set(first.base) && of.at(a) == nil {
			continue
		}
		v, ok := a.World.Recent(p.PID)
		switch {
		case c >= 0 && !(ok && v == int32(c)):
			a.World.SetRecent(p.PID, int32(c))
		case !ok:
			a.World.SetRecent(p.PID, int32(was))
		}
	}
}

// cleared is the LLC of which core scans clear has_idle_cores on the machine of a side, all if
// each does; of no side if it is not known yet.
type cleared struct {
	of  *world.Side
	llc int
	all bool
}

// clearedOn tells what the runs that fit do to has_idle_cores on the machine of a side.
func (a *answer) clearedOn(s *world.Side) (llc int, all bool) {
	c := &a.cleared
	if c.of == nil || c.of.Machine != s.Machine {
		c.of = s
		c.llc, c.all = s.Cleared(len(a.fits), func(i int) *place.Outcome { return a.runs[a.fits[i]].other })
	}
	return c.llc, c.all
}

// clearCores applies failed core scans, which clear has_idle_cores, in every world: surely only if
// all runs were made.
func (r *Decider) clearCores(consistent []int, complete bool) {
	b := r.Base
	first := &r.runs[consistent[0]]
	o, oAll := b.Cleared(len(consistent), func(i int) *place.Outcome { return &r.runs[consistent[i]] })
	oAll = oAll && complete
	for i, a := range r.Alts {
		p, pAll, likely := o, oAll, first.ClearIdleCores >= 0
		if w := r.answers[i]; w != nil && !w.clears {
			p = -1
		} else if w != nil {
			p, pAll = w.clearedOn(a)
			pAll = pAll && w.complete
			likely = w.likeliest().other.ClearIdleCores >= 0
		}
		if o < 0 && p < 0 {
			continue
		}
		if o != p || oAll != pAll {
			// The worlds part over this flag.
			for _, llc := range [2]int{o, p} {
				if _, own := a.World.IdleCores(llc); llc >= 0 && !own {
					f, _ := b.World.IdleCores(llc)
					a.World.SetIdleCores(llc, f)
				}
			}
		}
		a.World.Clear(p, pAll, likely, b.State.Window)
	}
	b.World.Clear(o, oAll, first.ClearIdleCores >= 0, b.State.Window)
	for _, a := range r.Alts {
		r.JoinAllCores(a.World)
	}
}
