package findings

import (
	"slices"

	"schedreplay/replay"
)

// FirstEntry is the earliest entry of a foreign task, and the runs of the stay
// that it begins.
func FirstEntry(res *replay.Result) (first *replay.Entry, runs int64) {
	for _, c := range res.CPUs {
		for _, s := range c.Stays {
			if s.Entry != nil && s.Class == replay.ClassForeign && (first == nil || s.Entry.Time < first.Time) {
				first, runs = s.Entry, s.Runs
			}
		}
	}
	return first, runs
}

// SameEntry reports whether two entries are the same wakeup with the same outcome under both
// kernels.
func SameEntry(a, b *replay.Entry) bool {
	same := func(x, y *replay.Placed) bool { return x.CPU == y.CPU && x.Path == y.Path }
	return a.Time == b.Time && a.Task.PID == b.Task.PID && a.RecordedCPU == b.RecordedCPU &&
		same(&a.Original, &b.Original) && same(&a.Patched, &b.Patched) && a.Moved == b.Moved
}

// FoundBusy are the CPUs that the kernel which made the recording surely found busy before it
// chose, in the order in which it looked at them.
func FoundBusy(e *replay.Entry) []Candidate {
	if e.Explanation == nil {
		return nil
	}
	steps := e.Explanation.Original
	if e.Baseline == replay.RolePatched {
		steps = e.Explanation.Patched
	}
	return slices.DeleteFunc(candidates(steps), func(c Candidate) bool { return c.Seen != SeenBusy || c.Open })
}
