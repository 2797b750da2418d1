package replay

import (
	"slices"

	"schedreplay/kernelmodel"
)

// pathOrder is the order in which paths are listed.
var pathOrder = []kernelmodel.Path{
	kernelmodel.PathTargetIdle, kernelmodel.PathPrevIdle, kernelmodel.PathPerCPUKthread, kernelmodel.PathRecentUsed,
	kernelmodel.PathNoLLC, kernelmodel.PathIdleSMT, kernelmodel.PathIdleCore, kernelmodel.PathIdleCPU,
	kernelmodel.PathIdleCapacity, kernelmodel.PathTarget, kernelmodel.PathClusterPrev, kernelmodel.PathClusterRecent,
	kernelmodel.PathSlow, kernelmodel.PathEAS, kernelmodel.PathCurrentCPU, kernelmodel.PathRT, kernelmodel.PathDeadline,
	kernelmodel.PathStop, kernelmodel.PathFallback, kernelmodel.PathNoSelection, kernelmodel.PathNotModelled, kernelmodel.PathUnknown,
}

// scorer counts fidelity while a replay goes.
type scorer struct {
	total Fidelity
	path  map[kernelmodel.Path]*PathScore
}

// add counts one decision: the original's answer against the recorded CPU.
func (s *scorer) add(pl *Placed, recorded int) {
	ps := s.path[pl.Path]
	if ps == nil {
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

func (s *scorer) result() Fidelity {
	f := s.total
	for _, p := range s.path {
		f.Paths = append(f.Paths, *p)
	}
	slices.SortFunc(f.Paths, func(a, b PathScore) int {
		return slices.Index(pathOrder, a.Path) - slices.Index(pathOrder, b.Path)
	})
	return f
}
