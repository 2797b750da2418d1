package replay

import (
	"context"

	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// Hold is what foreign tasks do to one isolated CPU in a world.
type Hold struct {
	CPU int
	// Entries counts selections that take a foreign task there from elsewhere;
	// EntriesPossible those that may.
	Entries, EntriesPossible int64
	// HeldNS is the run time of foreign tasks that are predicted there, in ns:
	// the time they ran as recorded.
	HeldNS int64
}

// SweepRow is what one kernel would have done.
type SweepRow struct {
	rules.Candidate
	// Holds are the CPUs of Result.Focus, in that order.
	Holds []Hold
}

// Sweep replays a capture under each candidate in turn, as the patched kernel
// against the one that recorded. Residents of an isolated CPU hold it under
// every kernel: only entries differ. Without isolated CPUs or without a
// topology there are no rows.
func Sweep(ctx context.Context, c parser.Capture, host *parser.Host, candidates []rules.Candidate, o Options) (*Result, []SweepRow, error) {
	r, err := prepare(ctx, c, host, &o)
	if err != nil {
		return nil, nil, err
	}
	r.limit = manyRuns
	progress := o.Observer.Progress
	r.opt.Observer = Observer{}
	if r.isolated.Value.Empty() || r.m == nil {
		candidates = nil // nothing to enter, or nothing to judge by
		r.begin()
	}
	var out []SweepRow
	for i, k := range candidates {
		if progress != nil {
			progress(i+1, len(candidates), 0)
		}
		r.kPatched = k.Kernel
		if err := r.pass(ctx, 3); err != nil {
			return nil, nil, err
		}
		out = append(out, SweepRow{Candidate: k, Holds: r.track.holds()})
	}
	return r.finish(), out, nil
}
