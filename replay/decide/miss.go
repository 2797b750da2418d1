package decide

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/hidden"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// This file is about decisions that the model cannot reproduce: something that it
// believed was wrong, so what it would have done to hidden facts is not known either.

// unexplained reports a recorded decision that none of the runs explored leads to.
func (r *Decider) unexplained(line *Wakeup, consistent []int) bool {
	return line.RecordedCPU >= 0 && r.runs[consistent[0]].CPU != line.RecordedCPU
}

// forgetBy takes a decision that is not explained: what a selection may have written,
// if there was one, it may have written or not.
func (r *Decider) forgetBy(d *decision, p *timeline.Task) {
	line, this := &d.line, r.Base.Ask.This
	rule := r.Base.Kernel.Rules.RecentUsed
	if rule != rules.RecentUsedNone {
		r.mayHaveRecent(p, line.PrevCPU)
	}
	if cur := r.Timeline.Find(line.Waker.PID); cur != nil && cur.PID > 0 && rule == rules.RecentUsedOnHit {
		r.mayHaveRecent(cur, this)
	}
	r.Hidden.ForgetScan(this)
	worlds := []*world.World{r.Base.World}
	for _, a := range r.Alts {
		worlds = append(worlds, a.World)
	}
	for _, c := range [3]int{this, line.PrevCPU, line.RecordedCPU} {
		for _, llc := range r.LLCsAt[c] {
			for _, w := range worlds {
				w.GuessCores(llc)
			}
		}
	}
}

// mayHaveRecent adds a CPU to what a task's recent_used_cpu may be.
func (r *Decider) mayHaveRecent(p *timeline.Task, cpu int) {
	own := r.Hidden.Of(p.PID)
	if n := len(own.Recent); n > 0 && !slices.Contains(own.Recent, cpu) {
		if own.Recent = append(own.Recent, cpu); n >= maxRecent {
			own.Recent = own.Recent[:0]
		}
	}
	for _, a := range r.Alts {
		if _, own := a.World.Recent(p.PID); own {
			a.World.SetRecent(p.PID, parser.NoCPU)
		}
	}
}

// doubtOthers tells what else other kernels may do about a decision that the baseline
// misses: as it did, or as it should have.
func doubtOthers(line *Wakeup) {
	var also cpumask.Mask
	if line.ModelMiss {
		also = line.Made().Possible.Or(cpumask.Of(line.RecordedCPU))
	}
	line.Other().Also = also
	for i := range line.More {
		line.More[i].Placed.Also = also
	}
}

// AffinityChange is a narrower affinity that explains decisions which the one believed
// does not, as after sched_setaffinity.
type AffinityChange struct {
	Task timeline.TaskRef
	// From and Until are when it was in force, in ns of the capture's clock: from the
	// first decision that it explains to the task's first sight elsewhere, NoTime if
	// there was none.
	From, Until int64
	// CPUs are where the task went meanwhile; Believed is the affinity that it had by all
	// else that is known.
	CPUs, Believed cpumask.Mask
	// Misses is how many decisions the affinity believed could not explain, and Moved
	// whether a stopper (migration/N) moved the task there.
	Misses int
	Moved  bool
}

// maxChanges bounds the changes kept.
const maxChanges = 1000

// How many decisions must be out of reach of the affinity believed: fewer where a
// stopper moved the task within the narrowPushed ns before, as sched_setaffinity does with
// one that runs where it may not.
const (
	narrowMisses      = 5
	narrowMissesMoved = 3
	narrowPushed      = 1_000_000_000
	// narrowApart is how far apart, in ns, they must be to count each: what is wrong about
	// a CPU for a while is wrong in all that is decided meanwhile.
	narrowApart = 5_000_000
)

// narrow takes a decision, missed if the model could not reproduce it.
func (r *Decider) narrow(d *decision, p *timeline.Task, missed bool) {
	own := r.Hidden.Of(p.PID)
	line, n := &d.line, own.Narrow
	if line.RecordedCPU < 0 || d.kind != place.KindWakeup || n == nil && !missed || n != nil && n.Change >= 0 {
		return
	}
	if n == nil {
		n = &hidden.Narrowed{Since: line.Time, Change: -1, Moved: p.PushedFrom != parser.NoCPU && line.Time-p.PushedAt < narrowPushed}
		own.Narrow = n
	}
	n.CPUs.Set(line.RecordedCPU)
	n.Decisions++
	if missed {
		if n.Misses++; n.Apart == 0 || line.Time-n.Counted >= narrowApart {
			n.Apart, n.Counted = n.Apart+1, line.Time
		}
	}
	if !r.leadsWithin(n.CPUs, line.RecordedCPU) || n.Misses*2 < n.Decisions {
		own.Narrow = nil
		return
	}
	aff := r.Timeline.Affinities.Of(p)
	enough := narrowMisses
	if n.Moved {
		enough = narrowMissesMoved
	}
	if n.Apart < enough || aff.Mask.SubsetOf(n.CPUs) || len(r.Narrower) >= maxChanges {
		return
	}
	n.Change = len(r.Narrower)
	r.Narrower = append(r.Narrower, AffinityChange{
		Task: p.Ref(), From: n.Since, Until: parser.NoTime, CPUs: n.CPUs.Clone(), Believed: aff.Mask, Misses: n.Misses, Moved: n.Moved,
	})
	aff.Mask, aff.From = n.CPUs.Clone(), fact.Assumed
}

// leadsWithin reports whether the baseline can have sent the wakee to a CPU if its
// affinity was the one given.
func (r *Decider) leadsWithin(mask cpumask.Mask, cpu int) bool {
	q, can := *r.Base.Asked, false
	q.Allowed, q.OneCPU = mask, explore.Known(mask.Weight() == 1, fact.Assumed)
	r.x.Explore(ManyRuns, func() {
		if can = r.Base.Selector.Select(&r.x, &q).CPU == cpu; can {
			r.x.Enough()
		}
	})
	return can
}

// widen ends a narrower affinity of a task that is seen elsewhere.
func (r *Decider) widen(p *timeline.Task, cpu int32, at int64) {
	own := r.Hidden.Of(p.PID)
	n := own.Narrow
	if n == nil || cpu < 0 || n.Change < 0 || n.CPUs.Test(int(cpu)) {
		return
	}
	r.Narrower[n.Change].Until = at
	own.Narrow = nil
	p.ForgetAffinity()
}
