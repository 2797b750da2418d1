package plots

import (
	"fmt"

	"schedreplay/cpumask"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/columns"
	"schedreplay/plots/internal/near"
	"schedreplay/replay"
)

// maxBeside bounds the CPUs drawn beside an isolated one.
const maxBeside = 12

// besideStrip shows what the other CPUs of the LLC ran from start to end, around the entry at a
// time; nil if nothing was kept of it. left counts the CPUs that have no lane.
func besideStrip(n *near.Near, cpu int, at, start, end int64, base *columns.Timebase) (s *strip, left int) {
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
