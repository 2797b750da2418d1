package decide

import (
	"slices"

	"schedreplay/kernelmodel/place"
)

// pathOrder is the order in which paths are listed.
var pathOrder = []place.Path{
	place.PathTargetIdle, place.PathPrevIdle, place.PathPerCPUKthread, place.PathRecentUsed,
	place.PathNoLLC, place.PathIdleSMT, place.PathIdleCore, place.PathIdleCPU,
	place.PathIdleCapacity, place.PathTarget, place.PathClusterPrev, place.PathClusterRecent,
	place.PathSlow, place.PathEAS, place.PathCurrentCPU, place.PathRT, place.PathDeadline,
	place.PathStop, place.PathFallback, place.PathNoSelection, place.PathNotModelled, place.PathUnknown,
}

// Scorer counts the fidelity of wakeups, of all of a replay or of some. The zero
// Scorer is ready to use.
type Scorer struct {
	total Fidelity
	path  map[place.Path]*PathScore
}

// Add counts a wakeup, the baseline's answer against the recorded CPU, if it is one
// that counts: a selection for a fair wakee with a recorded CPU, at a wakeup or a fork.
func (s *Scorer) Add(w *Wakeup) {
	if !w.Selection || w.Task.Prio < place.MaxRTPrio || w.RecordedCPU < 0 || w.Kind == place.KindExec {
		return
	}
	pl, recorded := w.Made(), w.RecordedCPU
	ps := s.path[pl.Path]
	if ps == nil {
		if s.path == nil {
			s.path = map[place.Path]*PathScore{}
		}
		ps = &PathScore{Path: pl.Path}
		s.path[pl.Path] = ps
	}
	s.total.Decisions++
	ps.Decisions++
	if !pl.Bounded {
		s.total.Unjudged++
		return
	}
	s.total.PossibleSum += int64(pl.Possible.Weight())
	if pl.CPU == recorded {
		s.total.Exact++
		ps.Exact++
	}
	if pl.Possible.Test(recorded) {
		s.total.Covered++
		ps.Covered++
	}
}

// Result returns the counts so far, the paths in the order of the kernel's tests.
func (s *Scorer) Result() Fidelity {
	f := s.total
	for _, p := range s.path {
		f.Paths = append(f.Paths, *p)
	}
	slices.SortFunc(f.Paths, func(a, b PathScore) int {
		return slices.Index(pathOrder, a.Path) - slices.Index(pathOrder, b.Path)
	})
	return f
}

// PathScore is the fidelity of one predicted path.
type PathScore struct {
	Path                      place.Path
	Decisions, Exact, Covered int64
}

// Fidelity is how well the baseline's model explains the recording.
type Fidelity struct {
	Decisions, Exact, Covered, Unjudged int64
	// PossibleSum is the sum of the set sizes of judged decisions.
	PossibleSum int64
	// Paths are in the order of kernelmodel's path list, only those that occur.
	Paths []PathScore
}

// PossibleMean is the mean size of the set in CPUs, 0 without decisions.
func (f *Fidelity) PossibleMean() float64 {
	if n := f.Decisions - f.Unjudged; n > 0 {
		return float64(f.PossibleSum) / float64(n)
	}
	return 0
}
