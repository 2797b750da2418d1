package decide

import (
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay/hidden"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// This file takes from a recorded choice what it proves about hidden facts.

// lesson is what a recorded choice proves about hidden facts: the scan budget of the
// target's LLC from lo to hi, and of the others whether they hold, -1 where that stays
// open. target is below 0 where even that does. lean is wide, or where that stays open
// what of it leads likelier to the recorded CPU.
type lesson struct {
	lo, hi                 int64
	idle, sync, wide, lean int8
	target                 int
	// scan is how the scan ended and width how many CPUs it had, by the likeliest run.
	scan  place.ScanEnd
	width int64
}

// lesson tells what those runs have in common that fit the recording.
func (r *Decider) lesson(consistent []int) lesson {
	runs := r.runs
	if runs[0].Selected() {
		// A delayed dequeue is always open on a contended CPU, and fits every wakee
		// that stays: where it is not the likelier answer it shall not hide what the
		// selection shows.
		selected := r.scratch.selected[:0]
		for _, i := range consistent {
			if runs[i].Selected() {
				selected = append(selected, i)
			}
		}
		if r.scratch.selected = selected; len(selected) > 0 {
			consistent = selected
		}
	}
	first := &runs[consistent[0]]
	const none, several = -1, -2
	l := lesson{1 << 40, -1, first.IdleCores, first.Sync, first.Wide, -1, none, first.Scan, first.ScanWidth}
	for _, i := range consistent {
		o := &runs[i]
		l.lo = min(l.lo, o.BudgetLo)
		if o.BudgetHi < 0 {
			l.hi = 1 << 40
		} else {
			l.hi = max(l.hi, o.BudgetHi)
		}
		if o.IdleCores != l.idle {
			l.idle = -1
		}
		if o.Sync != l.sync {
			l.sync = -1
		}
		if o.Wide != l.wide {
			l.wide = -1
		}
		if l.target == none {
			l.target = o.Target
		} else if l.target != o.Target {
			l.target = several
		}
	}
	if l.lean = l.wide; l.lean < 0 {
		l.lean = r.leansWide(runs[consistent[0]].CPU)
	}
	return l
}

// leansWide tells whether the pair was rather wide (1) or not (0) if the wakee went to
// a CPU, -1 if that does not tell. Of each the first run has all else as is likeliest.
func (r *Decider) leansWide(cpu int) int8 {
	var seen, leads [2]bool
	for i := range r.runs {
		if o := &r.runs[i]; o.Wide >= 0 && !seen[o.Wide] {
			seen[o.Wide], leads[o.Wide] = true, o.CPU == cpu
		}
	}
	switch {
	case !seen[0] || !seen[1] || leads[0] == leads[1]:
		return -1
	case leads[1]:
		return 1
	}
	return 0
}

// learn takes what the recorded choice proves for later decisions.
func (r *Decider) learn(d *decision, p *timeline.Task, consistent []int) {
	line := &d.line
	if line.RecordedCPU < 0 || !line.Selection || r.unexplained(line, consistent) {
		return
	}
	l := r.lesson(consistent)
	if llc := r.Base.LLC(l.target); llc >= 0 {
		r.Hidden.LearnScan(llc, r.Base.Kernel.Rules.Budget, r.Base.Ask.This, d.win.Est, l.lo, l.hi, l.scan, l.width)
		if l.idle >= 0 {
			if f := r.Base.World.IdleCores[llc]; !f.Before(d.win) {
				r.Base.World.IdleCores[llc] = world.Tristate{Value: l.idle == 1, Known: true, Since: f.Since}
			}
		}
	}
	if l.sync >= 0 {
		r.Hidden.Sync.Learn(line.wake(false), l.sync == 1)
	}
	if cur := r.Timeline.Find(line.Waker.PID); l.lean >= 0 && cur != nil && line.Waker.PID > 0 && cur != p {
		doubt := uint64(hidden.FlipsDoubt)
		if l.wide < 0 {
			doubt = hidden.FlipsLean
		}
		hidden.LearnFlips(&r.Hidden.Of(cur.PID).Flips, &r.Hidden.Of(p.PID).Flips, int64(r.Base.Machine.LLCSize(line.WakerCPU)), l.lean == 1, doubt)
	}
}

// shownBusy tells which CPUs that may be held up a decision has shown not to look idle:
// had one, the kernel would have chosen otherwise.
func (r *Decider) shownBusy(d *decision, tell func(c int)) {
	recorded := d.line.RecordedCPU
	if recorded < 0 || r.runs[0].CPU != recorded {
		return
	}
	b := r.Base
	sel := b.Selector
	for i := range len(b.State.Stalled) {
		c := b.State.Stalled[i]
		sel.State = world.Supposing{State: &b.State, On: c}
		r.x.Explore(1, func() {
			if sel.Select(&r.x, &b.Ask).CPU != recorded {
				tell(c)
			}
		})
	}
}

// recordWakee counts the waking for the waker's flips, as the fair selector
// does.
func (r *Decider) recordWakee(d *decision, p *timeline.Task) {
	line := &d.line
	if cur := r.Timeline.Find(line.Waker.PID); line.Selection && cur != nil && cur.PID > 0 && line.Task.Prio >= place.MaxRTPrio && d.kind == place.KindWakeup {
		r.Hidden.Of(cur.PID).Flips.Wakes(p.PID, d.ev.Time)
	}
}

// Contradicts reports whether a decision that the baseline misses shows that the recorded
// kernel lacks a fix: the kernel without it, in the same recorded state, leads exactly
// there, out of the domain.
func (r *Decider) Contradicts(line *Wakeup, without *rules.Kernel) bool {
	if !line.Isolated || !line.ModelMiss || line.RecordedCPU == line.PrevCPU {
		return false
	}
	sel, found := r.Base.Selects(without), false
	sel.State = &r.Base.State
	r.x.Explore(MaxRuns, func() {
		o := sel.Select(&r.x, &r.Base.Ask)
		found = found || o.CPU == line.RecordedCPU && o.Path == place.PathIdleSMT
	})
	return found
}
