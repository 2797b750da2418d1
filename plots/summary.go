package plots

import (
	"cmp"
	"slices"

	"schedreplay/replay"
)

// held is what one task, or all of them, did to one isolated CPU.
type held struct {
	task  replay.TaskRef
	class replay.Class
	// stays by how they began.
	wakeups, migrations, residents, unseen int64
	runs, cut, ns                          int64
	// patched and patchedMax bound the time that remains under the patched
	// kernel.
	patched, patchedMax int64
	// wakings counts the entries by wakeup and the wakings after any arrival;
	// patchedCertain and patchedPossible those that land on an isolated CPU under
	// the patched kernel.
	wakings, patchedCertain, patchedPossible int64
	// main is the stay that cost most, one that began within the capture if
	// there is any; its index.
	main      *replay.Stay
	mainIndex int
	// delayed counts the owner's wakings lengthened, by delayedNS in all.
	delayed, delayedNS int64
}

// entries is the number of arrivals that the capture shows.
func (h *held) entries() int64 { return h.wakeups + h.migrations }

func (h *held) stays() int64 { return h.wakeups + h.migrations + h.residents + h.unseen }

// cpuSummary is an isolated CPU's result, summed up.
type cpuSummary struct {
	*replay.CPUResult
	// all sums the foreign stays, came those that began within the capture,
	// resident those that did not.
	all, came, resident held
	// tasks are the foreign tasks, the longest first.
	tasks []*held
	// window is the length of the capture in ns, unknown the time of which the
	// recording does not tell who ran.
	window, unknown int64
}

func (h *held) add(s *replay.Stay, i int) {
	switch s.How {
	case replay.CameByWakeup:
		h.wakeups++
		h.wakings++
	case replay.CameByMigration:
		h.migrations++
	case replay.CameBefore:
		h.residents++
	default:
		h.unseen++
	}
	h.runs += s.Runs
	h.cut += s.CutRuns
	h.ns += s.RunNS
	h.patched += s.PatchedRunNS
	h.patchedMax += max(s.PatchedRunNS, s.PatchedRunMaxNS)
	h.wakings += s.Wakings
	h.patchedCertain += s.PatchedCertain
	h.patchedPossible += s.PatchedPossible
	h.delayed += s.DelayedOwner
	h.delayedNS += s.DelayedOwnerNS
	if h.main == nil || better(s, h.main) {
		h.main, h.mainIndex = s, i
	}
}

// better reports whether a stay tells more of the story than another: entries
// before residents, wakeups before moves, then by cost.
func better(a, b *replay.Stay) bool {
	rank := func(s *replay.Stay) int {
		switch s.How {
		case replay.CameByWakeup:
			return 3
		case replay.CameByMigration:
			return 2
		case replay.CameUnseen:
			return 1
		}
		return 0
	}
	if (rank(a) > 0) != (rank(b) > 0) {
		return rank(a) > 0
	}
	return cmp.Or(cmp.Compare(a.RunNS, b.RunNS), cmp.Compare(rank(a), rank(b))) > 0
}

func summarize(res *replay.Result, c *replay.CPUResult) *cpuSummary {
	s := &cpuSummary{CPUResult: c, window: res.End - res.Start, unknown: c.Time[replay.ClassUnknown]}
	byPID := map[int32]*held{}
	for i, st := range c.Stays {
		s.all.add(st, i)
		if st.How == replay.CameBefore {
			s.resident.add(st, i)
		} else {
			s.came.add(st, i)
		}
		t := byPID[st.Task.PID]
		if t == nil {
			t = &held{}
			byPID[st.Task.PID] = t
			s.tasks = append(s.tasks, t)
		}
		t.task, t.class = st.Task, st.Class
		t.add(st, i)
	}
	slices.SortStableFunc(s.tasks, func(a, b *held) int {
		return cmp.Or(cmp.Compare(b.ns, a.ns), cmp.Compare(a.task.PID, b.task.PID))
	})
	return s
}

// summarizeAll sums up every CPU of the focus, the longest held first.
func summarizeAll(res *replay.Result) []*cpuSummary {
	var list []*cpuSummary
	for _, c := range res.CPUs {
		list = append(list, summarize(res, c))
	}
	slices.SortStableFunc(list, func(a, b *cpuSummary) int {
		return cmp.Or(
			cmp.Compare(b.came.ns, a.came.ns), cmp.Compare(b.all.ns, a.all.ns),
			cmp.Compare(b.all.stays(), a.all.stays()), cmp.Compare(a.CPU, b.CPU))
	})
	return list
}

// delays is the number of the owner's delays measured.
func (s *cpuSummary) delays() (free, intruded int64) {
	if s.OwnerDelay != nil {
		free = s.OwnerDelay.Count()
	}
	if s.OwnerDelayIntruded != nil {
		intruded = s.OwnerDelayIntruded.Count()
	}
	return free, intruded
}
