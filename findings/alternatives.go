package findings

import (
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// Alternative is what one kernel would have made of the recording, on the CPUs looked at.
type Alternative struct {
	Name   string
	Kernel *rules.Kernel
	// Entries counts the wakeups that bring a foreign task to one of the CPUs,
	// EntriesPossible those that may.
	Entries, EntriesPossible int64
	// HeldNS is the run time of the foreign tasks that it keeps there, as recorded: of
	// those that were there before too.
	HeldNS int64
	// MovedCertain and MovedPossible count the decisions that it changes.
	MovedCertain, MovedPossible int64
}

// Alternatives are the kernels that the recording was replayed under, beside the one that
// made it.
func (f *Findings) Alternatives() []Alternative {
	var out []Alternative
	for i := range f.Result.Alternatives {
		a := &f.Result.Alternatives[i]
		x := Alternative{Name: a.Name, Kernel: a.Kernel, MovedCertain: a.MovedCertain, MovedPossible: a.MovedPossible}
		for _, h := range a.Holds {
			x.Entries += h.Entries
			x.EntriesPossible += h.EntriesPossible
			x.HeldNS += h.HeldNS
		}
		out = append(out, x)
	}
	return out
}

// Without sums up what foreign tasks do to some CPUs under the first alternative.
func (f *Findings) Without(cpus ...*CPU) (sum replay.Hold) {
	if len(f.Result.Alternatives) == 0 {
		return sum
	}
	looked := CPUs(cpus)
	for _, h := range f.Result.Alternatives[0].Holds {
		if looked.Test(h.CPU) {
			sum.Entries += h.Entries
			sum.EntriesPossible += h.EntriesPossible
			sum.HeldNS += h.HeldNS
		}
	}
	return sum
}
