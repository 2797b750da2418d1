package replay

import (
	"slices"

	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
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

// Rank orders scores, the best first: fewest impossible entries, then fewest
// impossible decisions, then most exact ones; equal ones keep their order. Leaving the
// sched domain is not a matter of timing, so one entry outweighs any number of decisions
// that a race may explain.
func Rank(scores []KernelScore) {
	slices.SortStableFunc(scores, func(a, b KernelScore) int {
		switch {
		case a.Entries != b.Entries:
			return int(a.Entries - b.Entries)
		case a.Missed() != b.Missed():
			return int(a.Missed() - b.Missed())
		}
		return int(b.Exact - a.Exact)
	})
}

// ranking judges kernels while a replay goes: each follows the recorded state on a machine
// with the domains that it builds.
type ranking struct {
	// sides are the kernels that can differ on this machine, of gives each candidate the
	// index of its own.
	sides   []*side
	of      []int
	score   []KernelScore // by side
	entries [][]Wakeup
	can     []bool
	memo    idleMemo
	asked   []rules.Candidate
}

func newRanking(r *pass, candidates []rules.Candidate, b *machines) *ranking {
	g := &ranking{asked: candidates}
next:
	for i := range candidates {
		sc := scenarioOf(candidates[i].Kernel)
		a := newSide(sc, b.of(&sc), 0)
		a.sel.Variants = nil
		for j, o := range g.sides {
			if o.compare(a) == neverDiffers {
				g.of = append(g.of, j)
				continue next
			}
		}
		r.llcs = a.number(r.llcs)
		g.of = append(g.of, len(g.sides))
		g.sides = append(g.sides, a)
	}
	n := len(g.sides)
	g.score, g.entries, g.can = make([]KernelScore, n), make([][]Wakeup, n), make([]bool, n)
	return g
}

// result gives every candidate its score.
func (g *ranking) result() []KernelScore {
	out := make([]KernelScore, 0, len(g.of))
	for i, at := range g.of {
		s := g.score[at]
		s.Candidate = g.asked[i]
		s.RuledOutBy = slices.Concat(g.entries[at], s.RuledOutBy)
		s.RuledOutBy = s.RuledOutBy[:min(len(s.RuledOutBy), MaxRuledOut)]
		out = append(out, s)
	}
	return out
}

// judge takes one decision in the recorded state, in hindsight if that tells more.
func (r *pass) judge(line *Wakeup, hindsight bool) {
	if !line.Selection || line.RecordedCPU < 0 || line.Task.Prio < place.MaxRTPrio || line.Kind == place.KindExec {
		return
	}
	g := r.judged
	g.memo.forget(r.ncpu) // all see the recorded state
	any := false
	for i, a := range g.sides {
		a.state = state{r: r, side: a, win: r.base.state.win, until: r.base.state.until, here: r.base.state.here, memo: &g.memo, self: r.base.state.self, stalled: a.state.stalled[:0], hindsight: hindsight}
		a.sel.State = &a.state
		exact, can := r.makes(a, line.RecordedCPU)
		s := &g.score[i]
		s.Decisions++
		if g.can[i] = can; can {
			s.Covered++
			any = true
		}
		if exact {
			s.Exact++
		}
	}
	if !any {
		return
	}
	entry := line.Isolated && line.PrevCPU >= 0 && !r.isolated.Value.Test(line.PrevCPU)
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

// makes tells whether a kernel chooses the recorded CPU by the likeliest answers, and
// whether it can.
func (r *pass) makes(a *side, recorded int) (exact, can bool) {
	first := true
	complete := r.x.Explore(manyRuns, func() {
		hit := a.sel.Select(&r.x, &r.base.ask).CPU == recorded
		can = can || hit
		exact = exact || hit && first
		first = false
	})
	return exact, can || !complete && a.sel.Widest(&r.base.ask).Test(recorded)
}
