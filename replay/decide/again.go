package decide

import (
	"slices"

	"schedreplay/kernelmodel/place"
	"schedreplay/replay/timeline"
)

// This file judges a decision by what later ones show, and writes that down in a
// rehearsal.

// inHindsight answers a decision with what later ones show of what it asked about, scan
// budgets and CPUs that may be held up, and explains it so. The worlds go on without
// that: what is learned of one decision must not come back to it by way of those before
// it. So the line is left alone and a copy is told, valid until the next decision. Whether
// a kernel differs it has from the line, as the worlds go on by that. nil where there is
// nothing to tell, or where the kernels part and nothing in hindsight leads to what was
// recorded.
func (r *Decider) inHindsight(d *decision, p *timeline.Task) *Wakeup {
	asked, stalled := r.Base.State.Asked, len(r.Base.State.Stalled) > 0
	for _, a := range r.told() {
		asked, stalled = asked || a.State.Asked, stalled || len(a.State.Stalled) > 0
	}
	if r.Hidden.Later == nil || !(asked && !r.settled() || stalled) {
		return nil
	}
	parted := !r.agree()
	r.lookBack(true)
	defer r.lookBack(false)
	complete := r.explore(d, p, r.told())
	told := &r.scratch.told
	*told = d.line
	told.More = slices.Clone(told.More)
	complete = r.placeAll(told, complete)
	told.ModelMiss = complete && told.RecordedCPU >= 0 && len(r.consistent(told)) == 0
	if told.ModelMiss && (parted || !r.agree()) {
		return nil
	}
	doubtOthers(told)
	r.explainEntry(d, told)
	return told
}

// lookBack turns to the answers in hindsight, on, or back to those that the worlds go on
// by.
func (r *Decider) lookBack(on bool) {
	s := &r.scratch
	r.runs, s.runsAgain = s.runsAgain, r.runs
	s.idx, s.idxAgain = s.idxAgain, s.idx
	r.others, s.othersAgain = s.othersAgain, r.others
	if on {
		s.looked = s.looked[:0]
	}
	s.sides = append(append(s.sides[:0], r.Base), r.told()...)
	for i, a := range s.sides {
		a.Memo.Forget(r.NCPU)
		if on {
			s.looked = append(s.looked, a.State)
			a.State.Hindsight = true
		} else {
			a.State = s.looked[i]
		}
	}
}

// writeDown keeps for earlier decisions what a decision shows, and goes on as if nobody
// knew what was chosen: by what all of its runs leave, and by where the wakee ran next.
func (r *Decider) writeDown(d *decision, p *timeline.Task, complete bool) {
	line := &d.line
	lo, hi, target := int64(0), int64(0), -1
	if fits := r.consistent(line); len(fits) > 0 && complete && !r.Base.State.Ahead && line.RecordedCPU >= 0 {
		lo, hi, target = r.scanned(r.telling(fits))
	}
	r.Hidden.Note(d.n, r.Base.LLC(target), lo, hi)
	r.shownBusy(d, func(c int) {
		k := &r.Timeline.CPU[c]
		r.Hidden.Book.Busy(c, max(k.ChangedAt(), k.FlownAt, k.HeardAt), d.win.Est)
	})
	if line.Selection = r.runs[0].Selected(); line.Selection {
		all := r.all()
		r.setRecent(p, all, wakeesRecent)
		r.clearCores(all, complete)
	}
	r.recordWakee(&d.line)
	if !p.Queued || d.kind != place.KindWakeup {
		to := r.chosen(d.out)
		r.send(d, p, int(to))
		if to < 0 {
			p.QueuedKnown = false
		}
	}
}
