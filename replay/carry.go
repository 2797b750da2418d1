package replay

import (
	"slices"

	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// This file moves both worlds past a decision, and past a CPU's going idle.

// chosen is where a selection sent its wakee as far as the present pass may know.
func (r *replayer) chosen(o *outcome) int32 {
	if r.rehearsing {
		return o.ran
	}
	return o.cpu
}

// baseless reports a decision of a task in its recorded place about which
// something believed is wrong, since the recorded kernel would have decided
// otherwise: what the patched one would have done by the same belief is no reason to
// take the task elsewhere.
func (r *replayer) baseless(line *Wakeup) bool { return line.ModelMiss && line.DivergedSince == 0 }

// carry moves both worlds past the decision: the original to what was
// recorded, the patched by its own choice.
func (r *replayer) carry(d *decision, p *task, consistent []int, complete bool) {
	line := &d.line
	c := &r.runs[consistent[0]]
	recorded := line.RecordedCPU
	if recorded < 0 {
		recorded = c.o.CPU
	}
	if line.Selection {
		r.setRecent(p, consistent, wakeesRecent)
		if cur := r.t.find(line.Waker.PID); cur != nil && cur.pid > 0 {
			r.setRecent(cur, consistent, wakersRecent)
		}
		r.clearCores(consistent)
	}
	if !p.queued || d.kind != place.KindWakeup {
		r.send(d, p, recorded)
		if line.RecordedCPU < 0 {
			p.queuedKnown = false // it is a guess that it went there
			for c := range line.Original.Possible.All() {
				if c < len(r.t.cpu) {
					r.t.cpu[c].guessedAt = max(r.t.cpu[c].guessedAt, d.win.est)
				}
			}
		}
	}
	r.places = r.places[:0]
	for _, i := range consistent {
		// Where the kernels agree the patched one does what was recorded, even if
		// the model missed it.
		cpu := recorded
		if r.runs[i].p.CPU != r.runs[i].o.CPU {
			cpu = r.runs[i].p.CPU
		}
		if !slices.Contains(r.places, cpu) {
			r.places = append(r.places, cpu)
		}
	}
	if line.Patched.Bounded && !complete {
		for cpu := range line.Patched.Possible.All() {
			if !slices.Contains(r.places, cpu) && line.Moved != MovedNo {
				r.places = append(r.places, cpu)
			}
		}
	}
	if r.baseless(line) {
		r.places = append(r.places[:0], recorded)
	}
	if r.places[0] == recorded && !r.anyIsolated(r.places) {
		// Only the less likely answers part the worlds. Carrying those on would
		// soon make every place of every task possible; see docs/model.md.
		r.places = r.places[:1]
	}
	if r.places[0] != recorded && r.patched.diverged[p.pid] == nil && !r.ownDifference() {
		// It only makes room for a task that is elsewhere. That is told of this
		// decision; carried on, it would move every task of the machine within a
		// second, and no decision after that would be about the patch.
		r.places = append(r.places[:0], recorded)
	}
	r.track.enteredInPatched(p, line.PrevCPU, r.places)
	r.patched.diverge(p.pid, d.n, r.places, recorded)
	if r.patched.diverged[p.pid] != nil {
		r.patched.setActive(p.pid, true)
	}
}

// send puts the wakee on its way to the CPU chosen: to that CPU's wake list, or
// where the capture has no sched_wakeup to tell and the waker activates it
// itself (ttwu_queue_cond), onto its queue.
func (r *replayer) send(d *decision, p *task, cpu int) {
	this := int(d.ev.CPU)
	if !r.s.hasWakeup && cpu >= 0 && cpu < len(r.t.cpu) && cpu < r.m.NumCPU() && this < r.m.NumCPU() &&
		r.m.ShareCache(this, cpu) && (this == cpu || len(r.t.cpu[cpu].queue) > 0) {
		r.t.activate(p, int32(cpu), d.win)
		return
	}
	r.t.fly(p, d.ev.CPU, int32(cpu), d.win)
}

// ownDifference reports whether the kernels differ about this decision in the
// recorded state too, not only because the patched world has tasks elsewhere.
func (r *replayer) ownDifference() bool {
	if r.twins {
		return false
	}
	sel := r.selP
	sel.State = &r.stateO
	differ := false
	r.x.Explore(r.limit, func() {
		o := r.selO.Select(&r.x, &r.askO)
		differ = differ || sel.Select(&r.x, &r.askO).CPU != o.CPU
	})
	return differ
}

func (r *replayer) anyIsolated(cpus []int) bool {
	iso := r.isolated.Value
	for _, c := range cpus {
		if iso.Test(c) {
			return true
		}
	}
	return false
}

// maxRecent bounds the CPUs that recent_used_cpu is held to be one of.
const maxRecent = 4

// What a selection writes to the recent_used_cpu of its wakee, and of the task that
// was current on the waker's CPU; -1 if nothing.
func wakeesRecent(o *place.Outcome) int { return o.SetRecentUsed }
func wakersRecent(o *place.Outcome) int { return o.SetWakersRecent }

// setRecent writes a task's recent_used_cpu in both worlds: in the recorded one what
// any run that fits leaves in it.
func (r *replayer) setRecent(p *task, consistent []int, set func(*place.Outcome) int) {
	first := &r.runs[consistent[0]]
	was := parser.NoCPU
	if len(p.recent) == 1 {
		was = p.recent[0]
	}
	may, open := r.recent[:0], false
	add := func(cpu int) {
		if !slices.Contains(may, cpu) {
			may = append(may, cpu)
		}
	}
	for _, i := range consistent {
		switch c := set(&r.runs[i].o); {
		case c >= 0:
			add(c)
		case len(p.recent) == 0:
			open = true
		default:
			for _, cpu := range p.recent {
				add(cpu)
			}
		}
	}
	r.recent = may
	if open || len(may) > maxRecent {
		p.recent = p.recent[:0]
	} else {
		p.recent = append(p.recent[:0], may...)
	}
	if set(&first.p) != set(&first.o) || r.patched.diverged[p.pid] != nil {
		v, ok := r.patched.recentUsed[p.pid]
		if !ok {
			v = int32(was)
		}
		if c := set(&first.p); c >= 0 {
			v = int32(c)
		}
		r.patched.recentUsed[p.pid] = v
	}
}

// clearCores applies failed core scans, which clear has_idle_cores: surely if
// every run that fits the recording clears it or found it so, perhaps if some clear
// it.
func (r *replayer) clearCores(consistent []int) {
	of := func(pick func(*bothRun) *place.Outcome) (llc int, all bool) {
		llc, all = -1, true
		for _, i := range consistent {
			if cpu := pick(&r.runs[i]).ClearIdleCores; cpu >= 0 && r.m.LLC(cpu) >= 0 {
				llc = r.m.LLC(cpu)
			}
		}
		for _, i := range consistent {
			o := pick(&r.runs[i])
			cleared := o.ClearIdleCores >= 0 && r.m.LLC(o.ClearIdleCores) == llc
			unset := o.IdleCores == 0 && r.m.LLC(o.Target) == llc // as it was read, and is left
			all = all && (cleared || unset)
		}
		return llc, all
	}
	o, oAll := of(func(b *bothRun) *place.Outcome { return &b.o })
	p, pAll := of(func(b *bothRun) *place.Outcome { return &b.p })
	if o != p || oAll != pAll {
		// The worlds part over this flag.
		for _, llc := range [2]int{o, p} {
			if _, own := r.patched.idleCores[llc]; llc >= 0 && !own {
				r.patched.idleCores[llc] = r.original.idleCores[llc]
			}
		}
	}
	first := &r.runs[consistent[0]]
	clear := func(w *world, llc int, all, likely bool) {
		f, own := w.idleCores[llc]
		switch {
		case llc < 0 || !own || f.before(r.stateO.win):
		case all:
			w.idleCores[llc] = tristate{known: true, since: f.since}
		case f.value || !f.known:
			w.idleCores[llc] = tristate{value: f.value && !likely, guessed: f.guessed, since: f.since}
		}
	}
	clear(r.original, o, oAll, first.o.ClearIdleCores >= 0)
	clear(r.patched, p, pAll, first.p.ClearIdleCores >= 0)
	r.joinCores(o)
	r.joinCores(p)
}

// joinCores ends a difference over has_idle_cores that is none any more.
func (r *replayer) joinCores(llc int) {
	if own, ok := r.patched.idleCores[llc]; ok && own.known && own.value == r.original.idleCores[llc].value && r.original.idleCores[llc].known {
		delete(r.patched.idleCores, llc)
	}
}

// wentIdle applies __update_idle_core in each world: a CPU that picks idle
// advertises its core if every sibling is idle too.
func (r *replayer) wentIdle(c int) {
	if r.m == nil || !r.m.SMTActive() || c >= r.m.NumCPU() {
		return
	}
	llc := r.m.LLC(c)
	if llc < 0 {
		return
	}
	for _, w := range [2]*world{r.original, r.patched} {
		f, own := w.idleCores[llc]
		if !own && w == r.patched || f.known && f.value {
			continue
		}
		s := state{r: r, world: w, win: window{r.t.now, r.t.now - r.t.slack, r.t.now}, self: noWakee}
		all, open, guessed := true, false, false
		for t := range r.m.SMT(c).All() {
			if t == c {
				continue
			}
			switch a := s.Idle(t); {
			case a.Open:
				open, guessed = true, guessed || a.From == fact.Unknown
				all = all && a.Value
			case !a.Value:
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
	r.joinCores(llc)
}
