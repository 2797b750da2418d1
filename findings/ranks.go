package findings

import (
	"slices"

	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// Ranks is how well each of many kernels explains a recording.
type Ranks struct {
	Result *replay.Result
	// Scores are of Plan.Judged, the best first. Rank is that of each, from 1; kernels that
	// explain the recording equally well share it.
	Scores []replay.KernelScore
	Rank   []int
	// Named is the kernel that was named, or else the recorded release; nil if neither is
	// known. NamedAt is its index, -1 if it is not among the scores.
	Named   *rules.Kernel
	NamedAt int
	// Entries are the decisions, in order of time, that left the sched domains for an
	// isolated CPU and that some kernel cannot have made.
	Entries []RankedEntry
	// With and Without are the best scores with smt-span and without it, -1 if there is
	// none.
	With, Without int
}

// RankedEntry is an entry that not every kernel can have made.
type RankedEntry struct {
	replay.Wakeup
	// Can tells for each score whether that kernel can have made it, Kernels how many can.
	Can     []bool
	Kernels int
	// Lacking are the fixes one of which every kernel that can have made it lacks: as few
	// as possible, nil if no two will do.
	Lacking []rules.Fix
}

// RanksOf ranks the kernels that a result judged. named is the kernel whose rank is
// wanted, empty for the recorded release.
func RanksOf(res *replay.Result, named string) (*Ranks, error) {
	r := &Ranks{Result: res, Scores: res.Scores, NamedAt: -1, With: -1, Without: -1}
	replay.Rank(r.Scores)
	n := 0
	for i := range r.Scores {
		s := &r.Scores[i]
		if i == 0 || !equallyGood(s, &r.Scores[i-1]) {
			n++
		}
		r.Rank = append(r.Rank, n)
		best := &r.Without
		if s.Kernel.Rules.Carries(rules.FixSMTSpan) {
			best = &r.With
		}
		if *best < 0 {
			*best = i
		}
	}
	r.findEntries()
	return r, r.findNamed(named)
}

func equallyGood(a, b *replay.KernelScore) bool {
	return a.Entries == b.Entries && a.Missed() == b.Missed() && a.Exact == b.Exact
}

// findEntries collects the entries that rule kernels out, as far as the scores name them.
func (r *Ranks) findEntries() {
	at := map[int64]*RankedEntry{}
	for i := range r.Scores {
		s := &r.Scores[i]
		for j := range s.RuledOutBy[:min(int(s.Entries), len(s.RuledOutBy))] {
			w := &s.RuledOutBy[j]
			e := at[w.N]
			if e == nil {
				e = &RankedEntry{Wakeup: *w, Can: slices.Repeat([]bool{true}, len(r.Scores))}
				at[w.N] = e
			}
			e.Can[i] = false
		}
	}
	for _, e := range at {
		for _, can := range e.Can {
			if can {
				e.Kernels++
			}
		}
		e.Lacking = r.lacking(e.Can)
		r.Entries = append(r.Entries, *e)
	}
	slices.SortFunc(r.Entries, func(x, y RankedEntry) int { return int(x.N - y.N) })
}

func (r *Ranks) lacking(can []bool) []rules.Fix {
	fits := func(set ...rules.Fix) bool {
		tells := false
		for i := range r.Scores {
			k := &r.Scores[i].Kernel.Rules
			lacks := slices.ContainsFunc(set, func(f rules.Fix) bool { return !k.Carries(f) })
			if can[i] && !lacks {
				return false
			}
			tells = tells || !can[i] && !lacks
		}
		return tells
	}
	fs := rules.Fixes()
	for _, f := range fs {
		if fits(f) {
			return []rules.Fix{f}
		}
	}
	for i, f := range fs {
		for _, g := range fs[i+1:] {
			if fits(f, g) {
				return []rules.Fix{f, g}
			}
		}
	}
	return nil
}

func (r *Ranks) findNamed(name string) error {
	version := ""
	h := r.Result.Host
	given := name != ""
	if !given {
		if name, version = h.Release.Value, h.Version.Value; name == "" {
			return nil
		}
	}
	k, err := rules.ParseKernel(name, version)
	if err != nil {
		if given {
			return err
		}
		return nil // a release that the model does not cover is ranked nowhere
	}
	if r.Named = k; len(k.Unknown) == 0 {
		r.NamedAt = slices.IndexFunc(r.Scores, func(s replay.KernelScore) bool { return s.Kernel.Rules == k.Rules })
	}
	return nil
}

// Decisions is the number of decisions judged.
func (r *Ranks) Decisions() int64 {
	if len(r.Scores) == 0 {
		return 0
	}
	return r.Scores[0].Decisions
}

// Last is the worst rank.
func (r *Ranks) Last() int {
	if len(r.Rank) == 0 {
		return 0
	}
	return r.Rank[len(r.Rank)-1]
}

// Telling is the first entry that only kernels without smt-span can have made, or without
// it or one other fix; nil if there is none.
func (r *Ranks) Telling() *RankedEntry {
	for i := range r.Entries {
		if l := r.Entries[i].Lacking; slices.Contains(l, rules.FixSMTSpan) {
			return &r.Entries[i]
		}
	}
	return nil
}

// NamedImpossible reports whether the kernel named cannot have made the recording although
// others can.
func (r *Ranks) NamedImpossible() bool {
	return r.NamedAt >= 0 && r.Scores[r.NamedAt].Entries > 0 && r.Scores[0].Entries == 0
}
