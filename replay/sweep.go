package replay

import (
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay/account"
	"schedreplay/replay/world"
)

// SweepRow is what one kernel would have done.
type SweepRow struct {
	rules.Candidate
	// Holds are the CPUs of Result.Focus, in that order.
	Holds []account.Hold
}

// Sweep makes scenarios of kernels on the recorded host, for Plan.Alternatives.
func Sweep(candidates []rules.Candidate) []world.Scenario {
	out := make([]world.Scenario, 0, len(candidates))
	for i := range candidates {
		out = append(out, world.ScenarioOf(candidates[i].Kernel))
	}
	return out
}

// Swept tells what each of the kernels of a Sweep did.
func (r *Result) Swept(candidates []rules.Candidate) []SweepRow {
	out := make([]SweepRow, 0, len(candidates))
	for i := range candidates {
		out = append(out, SweepRow{Candidate: candidates[i], Holds: r.Alternatives[i].Holds})
	}
	return out
}
