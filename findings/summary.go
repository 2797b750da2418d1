package findings

import (
	"cmp"
	"slices"

	"schedreplay/replay"
)

// Held is what one task, or all of them, did to one isolated CPU.
type Held struct {
	Task  replay.TaskRef
	class replay.Class
	// stays by how they began.
	Wakeups, migrations, Residents, Unseen int64
	Runs, Cut, NS                          int64
	// Patched and patchedMax bound the time that remains under the patched
	// kernel.
	Patched, PatchedMax int64
	// Wakings counts the entries by wakeup and the wakings after any arrival;
	// patchedCertain and patchedPossible those that land on an isolated CPU under
	// the patched kernel.
	Wakings, PatchedCertain, PatchedPossible int64
	// Main is the stay that cost most, one that began within the capture if
	// there is any; its index.
	Main      *replay.Stay
	MainIndex int
	// delayed counts the owner's wakings lengthened, by delayedNS in all.
	delayed, delayedNS int64
}

// Entries is the number of arrivals that the capture shows.
func (h *Held) Entries() int64 { return h.Wakeups + h.migrations }

func (h *Held) Stays() int64 { return h.Wakeups + h.migrations + h.Residents + h.Unseen }

// CPU is an isolated CPU's result, summed up.
type CPU struct {
	*replay.CPUResult
	// All sums the foreign stays, came those that began within the capture,
	// resident those that did not.
	All, Came, Resident Held
	// Tasks are the foreign tasks, the longest first.
	Tasks []*Held
	// Window is the length of the capture in ns, unknown the time of which the
	// recording does not tell who ran.
	Window, Unknown int64
}

func (h *Held) add(s *replay.Stay, i int) {
	switch s.How {
	case replay.CameByWakeup:
		h.Wakeups++
		h.Wakings++
	case replay.CameByMigration:
		h.migrations++
	case replay.CameBefore:
		h.Residents++
	default:
		h.Unseen++
	}
	h.Runs += s.Runs
	h.Cut += s.CutRuns
	h.NS += s.RunNS
	h.Patched += s.PatchedRunNS
	h.PatchedMax += max(s.PatchedRunNS, s.PatchedRunMaxNS)
	h.Wakings += s.Wakings
	h.PatchedCertain += s.PatchedCertain
	h.PatchedPossible += s.PatchedPossible
	h.delayed += s.DelayedOwner
	h.delayedNS += s.DelayedOwnerNS
	if h.Main == nil || better(s, h.Main) {
		h.Main, h.MainIndex = s, i
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

func summarizeCPU(res *replay.Result, c *replay.CPUResult) *CPU {
	s := &CPU{CPUResult: c, Window: res.End - res.Start, Unknown: c.Time[replay.ClassUnknown]}
	byPID := map[int32]*Held{}
	for i, st := range c.Stays {
		s.All.add(st, i)
		if st.How == replay.CameBefore {
			s.Resident.add(st, i)
		} else {
			s.Came.add(st, i)
		}
		t := byPID[st.Task.PID]
		if t == nil {
			t = &Held{}
			byPID[st.Task.PID] = t
			s.Tasks = append(s.Tasks, t)
		}
		t.Task, t.class = st.Task, st.Class
		t.add(st, i)
	}
	slices.SortStableFunc(s.Tasks, func(a, b *Held) int {
		return cmp.Or(cmp.Compare(b.NS, a.NS), cmp.Compare(a.Task.PID, b.Task.PID))
	})
	return s
}

// Summarize sums up every CPU of the focus, the longest held first.
func Summarize(res *replay.Result) []*CPU {
	var list []*CPU
	for _, c := range res.CPUs {
		list = append(list, summarizeCPU(res, c))
	}
	slices.SortStableFunc(list, func(a, b *CPU) int {
		return cmp.Or(
			cmp.Compare(b.Came.NS, a.Came.NS), cmp.Compare(b.All.NS, a.All.NS),
			cmp.Compare(b.All.Stays(), a.All.Stays()), cmp.Compare(a.CPU, b.CPU))
	})
	return list
}

// Delays is the number of the owner's delays measured.
func (s *CPU) Delays() (free, intruded int64) {
	if s.OwnerDelay != nil {
		free = s.OwnerDelay.Count()
	}
	if s.OwnerDelayIntruded != nil {
		intruded = s.OwnerDelayIntruded.Count()
	}
	return free, intruded
}

// IsIntruder reports whether a run belongs to a stay, kept or not.
func IsIntruder(r *replay.Run) bool { return r.Stay >= 0 || r.Class == replay.ClassForeign }

// Worst is the longest delay of the owner in ns.
func (s *CPU) Worst() int64 {
	w := s.WorstDelay
	for _, h := range []*replay.DelayHistogram{s.OwnerDelay, s.OwnerDelayIntruded} {
		if h != nil {
			w = max(w, h.Max())
		}
	}
	return w
}
