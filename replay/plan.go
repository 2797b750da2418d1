package replay

import (
	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay/account"
	"schedreplay/replay/decide"
	"schedreplay/replay/world"
)

// Plan says what to replay against what. The zero Plan compares the recorded release
// with the same that has smt-span, or where it has that, with the same without.
type Plan struct {
	// Original and Patched name kernels, KERNELs of the command line, where Baseline and
	// Alternatives give none: Original the one that made the recording, Patched those to
	// compare it with.
	Original string
	Patched  []string
	// Baseline made the recording: predictions are scored and corrected by it.
	Baseline world.Scenario
	// Role is the baseline's; empty is RoleOriginal. The first alternative plays the
	// other one.
	Role decide.Role
	// Alternatives run free, each in a world of its own.
	Alternatives []world.Scenario
	// Judged are kernels that are held against every decision in the recorded state;
	// see Result.Scores.
	Judged []rules.Candidate

	// CPUs are the isolated CPUs to look at; empty for all of them.
	CPUs cpumask.Mask
	// Owner names the owner of the isolated CPUs by name or pid, empty to find
	// it.
	Owner string
	// Explain chooses the wakeups to be told test by test, in
	// Wakeup.Explanation; nil chooses none. Entries of foreign tasks are always
	// explained.
	Explain func(*decide.Wakeup) bool
	// HoldsOnly: of the alternatives nothing is wanted but the Holds of their Difference, as of a
	// sweep's many kernels. The rest of it, and what they leave of stays, is not worked out, and
	// an observer of wakeups gets no answers of theirs.
	HoldsOnly bool
	// Observer receives the results that grow with the capture.
	Observer Observer

	settled Settlement
}

// manyAlternatives is the number from which on each gets fewer runs per decision.
const manyAlternatives = 5

// runs bounds the runs that the exploration of an alternative may make.
func (p *Plan) runs() int {
	if len(p.Alternatives) >= manyAlternatives {
		return decide.ManyRuns
	}
	return decide.MaxRuns
}

// AlternativeResult is what one alternative makes of the capture.
type AlternativeResult struct {
	world.Scenario
	account.Difference
}
