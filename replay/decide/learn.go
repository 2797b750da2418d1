package decide

import (
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay/hidden"
	"schedreplay/replay/world"
)

// This file takes from a recorded choice what it proves about hidden facts.

// lesson tells what those runs have in common that fit the recording.
func (r *Decider) lesson(consistent []int) hidden.Lesson {
	consistent = r.telling(consistent)
	first := &r.runs[consistent[0]]
	l := hidden.Lesson{Idle: first.IdleCores, Sync: first.Sync, Wide: first.Wide, Scan: first.Scan, Width: first.ScanWidth}
	l.Lo, l.Hi, l.Target = r.scanned(consistent)
	for _, i := range consistent {
		o := &r.runs[i]
		if o.IdleCores != l.Idle {
			l.Idle = -1
		}
		if o.Sync != l.Sync {
			l.Sync = -1
		}
		if o.Wide != l.Wide {
			l.Wide = -1
		}
	}
	if l.Lean = l.Wide; l.Lean < 0 {
		l.Lean = r.leans(first.CPU, func(o *place.Outcome) int8 { return o.Wide })
	}
	if l.LeanSync = l.Sync; l.LeanSync < 0 {
		l.LeanSync = r.leans(first.CPU, func(o *place.Outcome) int8 { return o.Sync })
	}
	return l
}

// telling leaves out the runs that call no selector, where others do. A delayed dequeue is
// always open on a contended CPU, and fits every wakee that stays: where it is not the
// likelier answer it shall not hide what the selection shows.
func (r *Decider) telling(consistent []int) []int {
	if !r.runs[0].Selected() {
		return consistent
	}
	selected := r.scratch.selected[:0]
	for _, i := range consistent {
		if r.runs[i].Selected() {
			selected = append(selected, i)
		}
	}
	if r.scratch.selected = selected; len(selected) > 0 {
		return selected
	}
	return consistent
}

// scanned tells within which bounds the scan budget lay in all of some runs, and the target
// that they have in common, below 0 if they have none.
func (r *Decider) scanned(consistent []int) (lo, hi int64, target int) {
	const none, several = -1, -2
	lo, hi, target = 1<<40, -1, none
	for _, i := range consistent {
		o := &r.runs[i]
		if lo = min(lo, o.BudgetLo); o.BudgetHi < 0 {
			hi = 1 << 40
		} else {
			hi = max(hi, o.BudgetHi)
		}
		if target == none {
			target = o.Target
		} else if target != o.Target {
			target = several
		}
	}
	return lo, hi, target
}

// leans tells whether an answer was rather yes (1) or no (0) if the wakee went to a CPU, -1
// if that does not tell. Of each the first run has all else as is likeliest.
func (r *Decider) leans(cpu int, answer func(*place.Outcome) int8) int8 {
	var seen, leads [2]bool
	for i := range r.runs {
		if a := answer(&r.runs[i]); a >= 0 && !seen[a] {
			seen[a], leads[a] = true, r.runs[i].CPU == cpu
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

// learn takes what the recorded choice proves for later decisions. Where not all runs were made it
// makes has_idle_cores only likelier.
func (r *Decider) learn(d *decision, consistent []int, complete bool) {
	line := &d.line
	if line.RecordedCPU < 0 || !line.Selection || r.unexplained(line, consistent) {
		return
	}
	l := r.lesson(consistent)
	llc := r.Base.LLC(l.Target)
	if llc >= 0 && l.Idle >= 0 {
		if f, _ := r.Base.World.IdleCores(llc); !f.Before(d.win) {
			r.Base.World.SetIdleCores(llc, world.Tristate{Value: l.Idle == 1, Known: complete, Since: f.Since})
			r.Base.Memo.ForgetCores()
		}
	}
	r.Hidden.Learn(&r.scratch.waking, &l, hidden.Scanned{
		LLC: llc, Rule: r.Base.Kernel.Rules.Budget, This: r.Base.Ask.This, At: d.win.Est, LLCSize: r.Base.Machine.LLCSize(line.WakerCPU),
	})
}

// passedOver learns which silent CPUs are not idle: those with which, if they were, the
// decision could not have been made.
func (r *Decider) passedOver(d *decision) {
	recorded, b := d.line.RecordedCPU, r.Base
	if recorded < 0 || d.kind != place.KindWakeup || len(b.State.Quiet) == 0 {
		return // a selector is large
	}
	sel := b.Selector
	for i := range len(b.State.Quiet) {
		c, can := b.State.Quiet[i], false
		sel.State = world.Supposing{State: &b.State, On: c}
		complete := r.x.Explore(ManyRuns, func() { can = can || sel.Select(&r.x, &b.Ask).CPU == recorded })
		if complete && !can && c != recorded {
			r.Hidden.Passed[c]++
		}
	}
}

// shownBusy tells which CPUs that may be held up a decision has shown not to look idle:
// had one, the kernel would have chosen otherwise.
func (r *Decider) shownBusy(d *decision, tell func(c int)) {
	recorded, b := d.line.RecordedCPU, r.Base
	if recorded < 0 || r.runs[0].CPU != recorded || len(b.State.Stalled) == 0 {
		return
	}
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
func (r *Decider) recordWakee(line *Wakeup) {
	if line.Selection && line.Task.Prio >= place.MaxRTPrio && line.Kind == place.KindWakeup {
		r.Hidden.Woke(&r.scratch.waking)
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
		if found = o.CPU == line.RecordedCPU && o.Path == place.PathIdleSMT; found {
			r.x.Enough()
		}
	})
	return found
}
