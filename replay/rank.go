package replay

import (
	"context"
	"slices"

	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
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

// Rank replays a capture and judges every decision by each candidate, in the
// recorded state. The best comes first: fewest impossible entries, then fewest
// impossible decisions, then most exact ones; equal ones keep the candidates'
// order. Leaving the sched domain is not a matter of timing, so one entry
// outweighs any number of decisions that a race may explain.
func Rank(ctx context.Context, c parser.Capture, host *parser.Host, candidates []rules.Candidate, o Options) ([]KernelScore, error) {
	o.Original, o.Patched = "", ""
	r, err := prepare(ctx, c, host, &o)
	if err != nil {
		return nil, err
	}
	r.ranking = &ranking{score: make([]KernelScore, len(candidates)), entries: make([][]Wakeup, len(candidates))}
	for i, k := range candidates {
		r.ranking.score[i].Candidate = k
	}
	r.limit = manyRuns
	r.opt.Observer = Observer{Progress: o.Observer.Progress}
	if err := r.pass(ctx, 3); err != nil {
		return nil, err
	}
	out := r.ranking.score
	for i := range out {
		out[i].RuledOutBy = append(r.ranking.entries[i], out[i].RuledOutBy...)
		out[i].RuledOutBy = out[i].RuledOutBy[:min(len(out[i].RuledOutBy), MaxRuledOut)]
	}
	slices.SortStableFunc(out, func(a, b KernelScore) int {
		switch {
		case a.Entries != b.Entries:
			return int(a.Entries - b.Entries)
		case a.Missed() != b.Missed():
			return int(a.Missed() - b.Missed())
		}
		return int(b.Exact - a.Exact)
	})
	return out, nil
}

// ranking judges the candidates while a replay goes.
type ranking struct {
	score   []KernelScore
	entries [][]Wakeup
	can     []bool
}

// judge takes one decision in the recorded state.
func (r *replayer) judge(line *Wakeup) {
	if !line.Selection || line.RecordedCPU < 0 || line.Task.Prio < place.MaxRTPrio || line.Kind == place.KindExec {
		return
	}
	g := r.ranking
	g.can = append(g.can[:0], make([]bool, len(g.score))...)
	sel := r.selO
	sel.Variants, sel.State = nil, &r.stateO
	any := false
	for i := range g.score {
		s := &g.score[i]
		sel.Rules = &s.Kernel.Rules
		first := true
		complete := r.x.Explore(r.limit, func() {
			o := sel.Select(&r.x, &r.askO)
			if o.CPU == line.RecordedCPU {
				g.can[i] = true
				if first {
					s.Exact++
				}
			}
			first = false
		})
		if !complete && sel.Widest(&r.askO).Test(line.RecordedCPU) {
			g.can[i] = true
		}
		s.Decisions++
		if g.can[i] {
			s.Covered++
			any = true
		}
	}
	entry := line.Isolated && line.PrevCPU >= 0 && !r.isolated.Value.Test(line.PrevCPU)
	for i := range g.score {
		if g.can[i] || !any {
			continue
		}
		s := &g.score[i]
		if entry {
			s.Entries++
			if len(g.entries[i]) < MaxRuledOut {
				g.entries[i] = append(g.entries[i], *line)
			}
		} else if len(s.RuledOutBy) < MaxRuledOut {
			s.RuledOutBy = append(s.RuledOutBy, *line)
		}
	}
}
