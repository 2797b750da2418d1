package plots

import (
	"fmt"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/plots/internal/columns"
	"schedreplay/plots/internal/near"
	"schedreplay/replay"
)

// maxBeside bounds the CPUs drawn beside an isolated one.
const maxBeside = 12

// waiting is a task that kept a CPU beside busy without running there, from when it was woken
// until it ran.
type waiting struct {
	cpu        int
	task       replay.TaskRef
	from, till int64
}

// waitingAt are those for which the kernel passed over CPUs of the LLC at an entry. One that is
// not seen to run there next is told up to the entry.
func waitingAt(n *near.Near, cpu int, e *replay.Entry) (out []waiting) {
	all, _ := n.At(cpu, e.Time)
	for _, s := range findings.FoundBusy(e) {
		o := &s.Occupant
		ran, beside := all[s.CPU]
		if !beside || o.Since == parser.NoTime || o.How != replay.OccupiesQueued && o.How != replay.OccupiesPending {
			continue
		}
		w := waiting{s.CPU, o.Task, o.Since, e.Time}
		next := slices.IndexFunc(ran, func(x near.Slice) bool { return x.Start >= e.Time && x.Task.PID != 0 })
		if next >= 0 && ran[next].Task.PID == o.Task.PID {
			w.till = ran[next].Start
		}
		out = append(out, w)
	}
	return out
}

// waitingWords says who they were.
func waitingWords(list []waiting) string {
	if len(list) == 0 {
		return ""
	}
	who := say.Each(list, func(w waiting) string { return fmt.Sprintf("%s on CPU %d", say.CommName(w.task), w.cpu) })
	return " An outline is a task that was queued and did not run yet, so that its CPU was not idle to the kernel: " + say.JoinUpTo(who, maxBeside, "task") + "."
}

// besideStrip shows what the other CPUs of the LLC ran from start to end, around the entry at a
// time, and who waited there; nil if nothing was kept of it. left counts the CPUs that have no
// lane.
func besideStrip(n *near.Near, cpu int, at, start, end int64, base *columns.Timebase, queued []waiting) (s *strip, left int) {
	all, llc := n.At(cpu, at)
	if all == nil {
		return nil, 0
	}
	s = &strip{title: "the other CPUs of its LLC"}
	for c := range llc.All() {
		if len(s.lanes) == maxBeside {
			left = llc.Weight() - maxBeside
			break
		}
		busy, open := columns.NewCoverage(base), columns.NewCoverage(base)
		ran := map[int32]int64{}
		var most replay.TaskRef
		told := start
		for _, x := range all[c] {
			from, to := max(x.Start, start), min(x.End, end)
			if to <= from {
				continue
			}
			open.Add(told, from)
			told = to
			if x.Task.PID == 0 {
				continue
			}
			busy.Add(from, to)
			if ran[x.Task.PID] += to - from; ran[x.Task.PID] > ran[most.PID] || most.PID == 0 {
				most = x.Task
			}
		}
		open.Add(told, end)
		name := fmt.Sprintf("CPU %d", c)
		l := lane{name: name, short: name, style: laneOther, solid: &busy, possible: &open, note: "idle"}
		if most.PID != 0 {
			l.name += ", " + shortName(most)
			if len(ran) > 1 {
				l.name += fmt.Sprintf(" and %d more", len(ran)-1)
			}
		}
		wait := columns.NewCoverage(base)
		for _, w := range queued {
			if w.cpu == c {
				wait.Add(max(w.from, start), min(w.till, end))
				l.over = []overlay{{laneQueued, &wait}}
			}
		}
		s.lanes = append(s.lanes, l)
	}
	if len(s.lanes) == 0 {
		return nil, 0
	}
	return s, left
}

// busyWords says which of them were busy.
func busyWords(busy cpumask.Mask, of int) string {
	if of == 0 || busy.Empty() {
		return ""
	}
	if busy.Weight() == of {
		return fmt.Sprintf(" All other CPUs of the LLC (%s) ran a task at that moment.", busy)
	}
	return fmt.Sprintf(" Of the other %s of the LLC, %s ran a task at that moment.", say.Counted(int64(of), "CPU"), say.CPUNoun(busy))
}
