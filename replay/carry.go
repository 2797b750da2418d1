package replay

import (
	"slices"

	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// This file moves all worlds past a decision, and past a CPU's going idle.

// chosen is where a selection sent its wakee as far as the present pass may know.
func (r *decider) chosen(o *outcome) int32 {
	if r.hidden.blind() {
		return o.ran
	}
	return o.cpu
}

// baseless reports a decision of a task in its recorded place about which
// something believed is wrong, since the recorded kernel would have decided
// otherwise: what another one would have done by the same belief is no reason to
// take the task elsewhere.
func baseless(line *Wakeup, since int64) bool { return line.ModelMiss && since == 0 }

// carry moves every world past the decision: the baseline's to what was recorded, the
// alternatives' by their own choice.
func (r *decider) carry(d *decision, p *task, consistent []int) {
	line := &d.line
	recorded := line.RecordedCPU
	if recorded < 0 {
		recorded = r.runs[consistent[0]].CPU
	}
	if line.Selection {
		r.setRecent(p, consistent, line.RecordedCPU, wakeesRecent)
		if cur := r.t.find(line.Waker.PID); cur != nil && cur.pid > 0 {
			r.setRecent(cur, consistent, line.RecordedCPU, wakersRecent)
		}
		r.clearCores(consistent, line.RecordedCPU)
	}
	if !p.queued || d.kind != place.KindWakeup {
		r.send(d, p, recorded)
		if line.RecordedCPU < 0 {
			p.queuedKnown = false // it is a guess that it went there
			for c := range line.Made().Possible.All() {
				if c < len(r.t.cpu) {
					r.t.cpu[c].guessedAt = max(r.t.cpu[c].guessedAt, d.win.est)
				}
			}
		}
	}
	for i, at := range r.of {
		if slices.Index(r.of, at) != i {
			continue // equal to one before
		}
		a, pl, moved := r.alts[at], line.Other(), line.Moved
		if i > 0 {
			m := &line.More[i-1]
			pl, moved = &m.Placed, m.Moved
		}
		places := r.placesIn(a, p, line, recorded, pl, moved)
		r.cfg.watcher.entered(at, p, line.PrevCPU, places)
		a.world.diverge(p.pid, d.n, places, recorded)
		if a.world.diverged[p.pid] != nil {
			a.world.setActive(p.pid, true)
		}
	}
}

// placesIn tells where a wakee may be in an alternative's world after a decision, the
// likeliest first.
func (r *decider) placesIn(a *side, p *task, line *Wakeup, recorded int, pl *Placed, moved Moved) []int {
	places := r.scratch.places[:0]
	if !a.parts {
		return append(places, recorded)
	}
	for _, i := range a.fitting(line.RecordedCPU) {
		// Where the kernels agree the alternative does what was recorded, even if
		// the model missed it.
		cpu := recorded
		if a.runs[i].p.CPU != a.runs[i].o.CPU {
			cpu = a.runs[i].p.CPU
		}
		if !slices.Contains(places, cpu) {
			places = append(places, cpu)
		}
	}
	if pl.Bounded && !a.complete {
		for cpu := range pl.Possible.All() {
			if !slices.Contains(places, cpu) && moved != MovedNo {
				places = append(places, cpu)
			}
		}
	}
	since := int64(0)
	if div := a.world.diverged[p.pid]; div != nil {
		since = div.since
	}
	if baseless(line, since) {
		places = append(places[:0], recorded)
	}
	if places[0] == recorded && !r.anyIsolated(places) {
		// Only the less likely answers part the worlds. Carrying those on would
		// soon make every place of every task possible; see docs/model.md.
		places = places[:1]
	}
	if places[0] != recorded && since == 0 && !r.ownDifference(a) {
		// It only makes room for a task that is elsewhere. That is told of this
		// decision; carried on, it would move every task of the machine within a
		// second, and no decision after that would be about the kernels.
		places = append(places[:0], recorded)
	}
	r.scratch.places = places
	return places
}

// send puts the wakee on its way to the CPU chosen: to that CPU's wake list, or
// where the capture has no sched_wakeup to tell and the waker activates it
// itself (ttwu_queue_cond), onto its queue.
func (r *decider) send(d *decision, p *task, cpu int) {
	this := int(d.ev.CPU)
	if !r.s.hasWakeup && cpu >= 0 && cpu < len(r.t.cpu) && cpu < r.base.m.NumCPU() && this < r.base.m.NumCPU() && r.base.m.ShareCache(this, cpu) {
		idle := this != cpu && len(r.t.cpu[cpu].queue) == 0
		if !idle || !r.t.pends {
			r.t.activate(p, int32(cpu), d.win)
			return
		}
	}
	r.t.fly(p, d.ev.CPU, int32(cpu), d.win)
}

// ownDifference reports whether an alternative differs from the baseline about this
// decision in the recorded state too, not only because its world has tasks elsewhere.
func (r *decider) ownDifference(a *side) bool {
	b, sel := r.base, a.sel
	sel.State = &b.state
	ask, differ := b.ask, false
	a.allow(&ask)
	r.x.Explore(r.cfg.runs, func() {
		o := b.sel.Select(&r.x, &b.ask)
		differ = differ || sel.Select(&r.x, &ask).CPU != o.CPU
	})
	return differ
}

func (r *decider) anyIsolated(cpus []int) bool {
	return slices.ContainsFunc(cpus, r.isolated.Value.Test)
}

// maxRecent bounds the CPUs that recent_used_cpu is held to be one of.
const maxRecent = 4

// What a selection writes to the recent_used_cpu of its wakee, and of the task that
// was current on the waker's CPU; -1 if nothing.
func wakeesRecent(o *place.Outcome) int { return o.SetRecentUsed }
func wakersRecent(o *place.Outcome) int { return o.SetWakersRecent }

// setRecent writes a task's recent_used_cpu in all worlds: in the recorded one what any
// run that fits leaves in it.
func (r *decider) setRecent(p *task, consistent []int, recorded int, set func(*place.Outcome) int) {
	own := r.hidden.of(p.pid)
	was := parser.NoCPU
	if len(own.recent) == 1 {
		was = own.recent[0]
	}
	may, open := r.scratch.recent[:0], false
	add := func(cpu int) {
		if !slices.Contains(may, cpu) {
			may = append(may, cpu)
		}
	}
	for _, i := range consistent {
		switch c := set(&r.runs[i]); {
		case c >= 0:
			add(c)
		case len(own.recent) == 0:
			open = true
		default:
			for _, cpu := range own.recent {
				add(cpu)
			}
		}
	}
	r.scratch.recent = may
	if open || len(may) > maxRecent {
		own.recent = own.recent[:0]
	} else {
		own.recent = append(own.recent[:0], may...)
	}
	for _, a := range r.alts {
		if !a.parts {
			continue
		}
		first := &a.runs[a.fitting(recorded)[0]]
		if set(&first.p) != set(&first.o) || a.world.diverged[p.pid] != nil {
			v, ok := a.world.recentUsed[p.pid]
			if !ok {
				v = int32(was)
			}
			if c := set(&first.p); c >= 0 {
				v = int32(c)
			}
			a.world.recentUsed[p.pid] = v
		}
	}
}

// clearCores applies failed core scans, which clear has_idle_cores, in every world.
func (r *decider) clearCores(consistent []int, recorded int) {
	b := r.base
	first := &r.runs[consistent[0]]
	o, oAll := b.cleared(len(consistent), func(i int) *place.Outcome { return &r.runs[consistent[i]] })
	for _, a := range r.alts {
		p, pAll, likely := o, oAll, first.ClearIdleCores >= 0
		if a.parts {
			fits := a.fitting(recorded)
			p, pAll = a.cleared(len(fits), func(i int) *place.Outcome { return &a.runs[fits[i]].p })
			likely = a.runs[fits[0]].p.ClearIdleCores >= 0
		}
		if o != p || oAll != pAll {
			// The worlds part over this flag.
			for _, llc := range [2]int{o, p} {
				if _, own := a.world.idleCores[llc]; llc >= 0 && !own {
					a.world.idleCores[llc] = b.world.idleCores[llc]
				}
			}
		}
		a.world.clear(p, pAll, likely, b.state.win)
	}
	b.world.clear(o, oAll, first.ClearIdleCores >= 0, b.state.win)
	for _, a := range r.alts {
		for llc := range a.world.idleCores {
			r.joinCores(a.world, llc)
		}
	}
}
