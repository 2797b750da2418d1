package replay

import "schedreplay/kernelmodel/rules"

// SweepRow is what one kernel would have done.
type SweepRow struct {
	rules.Candidate
	// Holds are the CPUs of Result.Focus, in that order.
	Holds []Hold
}

// Sweep makes scenarios of kernels on the recorded host, for Plan.Alternatives.
func Sweep(candidates []rules.Candidate) []Scenario {
	out := make([]Scenario, 0, len(candidates))
	for i := range candidates {
		out = append(out, scenarioOf(candidates[i].Kernel))
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
