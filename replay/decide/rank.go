package decide

import (
	"cmp"
	"slices"

	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay/world"
)

// KernelScore says how well one kernel explains a recording.
type KernelScore struct {
	rules.Candidate
	// Decisions were judged; Covered of them the kernel can have made, Exact it
	// makes by the likeliest values of what is not known.
	Decisions, Covered, Exact int64
	// Entries are recorded selections that took a task from inside the sched
	// domains to an isolated CPU and that this kernel cannot make, whatever the
	// unknown facts are.
	Entries int64
	// RuledOutBy are decisions that this kernel cannot have made and another one
	// can: entries first, then the first in time; at most MaxRuledOut.
	RuledOutBy []Wakeup
}

// MaxRuledOut bounds KernelScore.RuledOutBy.
const MaxRuledOut = 3

// Missed is the number of decisions that the kernel cannot have made.
func (s *KernelScore) Missed() int64 { return s.Decisions - s.Covered }

// wrong counts the decisions that the kernel makes otherwise, those twice that it cannot
// have made: of the kernel that made a recording the model misses one decision in some
// hundreds, and makes one in twenty otherwise, which is half the bits.
func (s *KernelScore) wrong() int64 { return s.Decisions - s.Exact + s.Missed() }

// Rank orders scores, the best first: fewest impossible entries, then fewest decisions
// made otherwise, of which the impossible ones count twice; equal ones keep their order.
// Leaving the sched domain is not a matter of timing, so one entry outweighs any number of
// decisions that a race may explain.
func Rank(scores []KernelScore) {
	slices.SortStableFunc(scores, func(a, b KernelScore) int {
		return cmp.Or(cmp.Compare(a.Entries, b.Entries), cmp.Compare(a.wrong(), b.wrong()), cmp.Compare(a.Missed(), b.Missed()))
	})
}

// ranking judges kernels while a replay goes: each follows the recorded state on a machine
// with the domains that it builds.
type ranking struct {
	sides   []*world.Side
	score   []KernelScore // by side
	entries [][]Wakeup
	can     []bool
	memo    world.Memo
	alike   world.Alike
}

func newRanking(sides []*world.Side) *ranking {
	n := len(sides)
	for _, a := range sides {
		a.Selector.Variants = nil
	}
	return &ranking{sides: sides, score: make([]KernelScore, n), entries: make([][]Wakeup, n), can: make([]bool, n), alike: world.NewAlike(sides)}
}

// Scores gives every candidate that follows the score of its side.
func (r *Decider) Scores(candidates []rules.Candidate) []KernelScore {
	out := make([]KernelScore, 0, len(candidates))
	for i, at := range r.FollowerOf {
		s := r.Judged.score[at]
		s.Candidate = candidates[i]
		s.RuledOutBy = slices.Concat(r.Judged.entries[at], s.RuledOutBy)
		s.RuledOutBy = s.RuledOutBy[:min(len(s.RuledOutBy), MaxRuledOut)]
		out = append(out, s)
	}
	return out
}

// judge takes one decision in the recorded state, in hindsight if that tells more. A wakeup
// that the baseline takes for one of a task whose dequeue was delayed is a decision to
// kernels without that. While some CPU is not recorded nothing rules a kernel out.
func (r *Decider) judge(line *Wakeup, hindsight bool) {
	if r.partly || !line.Selection && line.Made().Reason != place.ReasonDelayed || line.RecordedCPU < 0 || line.Task.Prio < place.MaxRTPrio || line.Kind == place.KindExec {
		return
	}
	g := r.Judged
	g.memo.Forget(r.NCPU) // all see the recorded state
	any := false
	g.alike.Begin()
	for i, a := range g.sides {
		if g.alike.Done(i) {
			continue
		}
		a.State.Begin(&r.Base.State.Looker, &g.memo)
		a.State.Hindsight = hindsight
		exact, can, parts := r.makes(a, line.RecordedCPU)
		any = any || can
		for j := range g.alike.To(i, parts) {
			s := &g.score[j]
			s.Decisions++
			if g.can[j] = can; can {
				s.Covered++
			}
			if exact {
				s.Exact++
			}
		}
	}
	if !any {
		return
	}
	entry := line.Isolated && line.PrevCPU >= 0 && !r.Isolated.Value.Test(line.PrevCPU)
	for i := range g.sides {
		if g.can[i] {
			continue
		}
		if s := &g.score[i]; entry {
			s.Entries++
			if len(g.entries[i]) < MaxRuledOut {
				g.entries[i] = append(g.entries[i], *line)
			}
		} else if len(s.RuledOutBy) < MaxRuledOut {
			s.RuledOutBy = append(s.RuledOutBy, *line)
		}
	}
}

// makes tells whether a kernel chooses the recorded CPU by the likeliest answers, whether it
// can, and which of its switches that may hang on.
func (r *Decider) makes(a *world.Side, recorded int) (exact, can bool, parts rules.Parts) {
	first := true
	a.Selector.Parts = 0
	complete := r.x.Explore(ManyRuns, func() {
		hit := a.Selector.Select(&r.x, &r.Base.Ask).CPU == recorded
		can = can || hit
		exact = exact || hit && first
		if first = false; can {
			r.x.Enough()
		}
	})
	if parts = a.Selector.Parts; !complete && !can {
		return exact, a.Selector.Widest(&r.Base.Ask).Test(recorded), rules.PartsAll
	}
	return exact, can, parts
}
