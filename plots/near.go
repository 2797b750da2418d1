package plots

import (
	"cmp"
	"fmt"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/columns"
	"schedreplay/replay"
)

// Bounds on what is kept of the CPUs beside an isolated one.
const (
	nearBefore   = 32      // slices per CPU before an entry
	nearAfter    = 400     // and after
	maxNearClips = 4       // entries per isolated CPU
	maxNearKept  = 200_000 // slices of all entries
	maxNearLanes = 12      // CPUs drawn
)

// near keeps what ran on the CPUs of an isolated CPU's LLC around its first entries.
type near struct {
	llc    map[int]cpumask.Mask // by isolated CPU, without itself
	recent map[int][]nearSlice  // by CPU, the last ones
	clips  map[int][]*nearClip  // by isolated CPU
	open   map[int][]*nearClip  // those that still take slices, by CPU beside
	kept   int
}

// nearSlice is a slice on one of those CPUs; the task of an idle one has pid 0.
type nearSlice struct {
	start, end int64
	task       replay.TaskRef
}

// nearClip is what ran around one entry.
type nearClip struct {
	at   int64
	cpus map[int][]nearSlice
}

func newNear() near {
	return near{llc: map[int]cpumask.Mask{}, recent: map[int][]nearSlice{}, clips: map[int][]*nearClip{}, open: map[int][]*nearClip{}}
}

// begin learns which CPUs share an LLC with an isolated one.
func (n *near) begin(res *replay.Result) {
	iso, _ := res.Isolated.Get()
	if res.Host == nil {
		return
	}
	for c := range iso.All() {
		if c < len(res.Host.CPU) && res.Host.CPU[c].Known {
			n.llc[c] = res.Host.CPU[c].LLC.AndNot(cpumask.Of(c))
		}
	}
}

// entry begins to keep what runs around a wakeup that brings a task to an isolated CPU.
func (n *near) entry(w *replay.Wakeup) {
	llc, ok := n.llc[w.RecordedCPU]
	if !ok || !w.Selection || w.PrevCPU == w.RecordedCPU || len(n.clips[w.RecordedCPU]) == maxNearClips {
		return
	}
	clip := &nearClip{at: w.Time, cpus: map[int][]nearSlice{}}
	n.clips[w.RecordedCPU] = append(n.clips[w.RecordedCPU], clip)
	for c := range llc.All() {
		clip.cpus[c] = slices.Clone(n.recent[c])
		n.kept += len(clip.cpus[c])
		n.open[c] = append(n.open[c], clip)
	}
}

// slice takes a slice of any CPU that shares an LLC with an isolated one.
func (n *near) slice(r *replay.Slice) {
	s := nearSlice{r.Start, r.End, r.Task}
	if list := n.recent[r.CPU]; len(list) < nearBefore {
		n.recent[r.CPU] = append(list, s)
	} else {
		copy(list, list[1:])
		list[nearBefore-1] = s
	}
	if len(n.open[r.CPU]) == 0 {
		return
	}
	n.open[r.CPU] = slices.DeleteFunc(n.open[r.CPU], func(clip *nearClip) bool {
		if n.kept == maxNearKept || len(clip.cpus[r.CPU]) == nearBefore+nearAfter {
			return true
		}
		clip.cpus[r.CPU] = append(clip.cpus[r.CPU], s)
		n.kept++
		return false
	})
}

// strip shows what the other CPUs of the LLC ran from start to end, around the entry at a
// time; nil if nothing was kept of it. left counts the CPUs that have no lane.
func (n *near) strip(cpu int, at, start, end int64, base *columns.Timebase) (s *strip, left int) {
	i := slices.IndexFunc(n.clips[cpu], func(c *nearClip) bool { return c.at == at })
	if i < 0 {
		return nil, 0
	}
	clip := n.clips[cpu][i]
	s = &strip{title: "the other CPUs of its LLC"}
	llc := n.llc[cpu]
	for c := range llc.All() {
		if len(s.lanes) == maxNearLanes {
			left = llc.Weight() - maxNearLanes
			break
		}
		busy, open := columns.NewCoverage(base), columns.NewCoverage(base)
		ran := map[int32]int64{}
		var most replay.TaskRef
		told := start
		for _, x := range clip.cpus[c] {
			from, to := max(x.start, start), min(x.end, end)
			if to <= from {
				continue
			}
			open.Add(told, from)
			told = to
			if x.task.PID == 0 {
				continue
			}
			busy.Add(from, to)
			if ran[x.task.PID] += to - from; ran[x.task.PID] > ran[most.PID] || most.PID == 0 {
				most = x.task
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

// busyAt lists the CPUs beside that ran a task at a time, and how many there are.
func (n *near) busyAt(cpu int, at int64) (busy cpumask.Mask, of int) {
	i := slices.IndexFunc(n.clips[cpu], func(c *nearClip) bool { return c.at == at })
	if i < 0 {
		return busy, 0
	}
	for c, list := range n.clips[cpu][i].cpus {
		j, _ := slices.BinarySearchFunc(list, at, func(s nearSlice, t int64) int { return cmp.Compare(s.end, t+1) })
		if j < len(list) && list[j].start <= at && list[j].task.PID != 0 {
			busy.Set(c)
		}
	}
	return busy, len(n.clips[cpu][i].cpus)
}

// busyWords says which of them were busy.
func busyWords(busy cpumask.Mask, of int) string {
	if of == 0 || busy.Empty() {
		return ""
	}
	if busy.Weight() == of {
		return fmt.Sprintf(" All other CPUs of the LLC (%s) were busy at that moment.", busy)
	}
	return fmt.Sprintf(" Of the other %s of the LLC, %s busy at that moment.", say.Counted(int64(of), "CPU"), map[bool]string{true: say.CPUNoun(busy) + " was", false: say.CPUNoun(busy) + " were"}[busy.Weight() == 1])
}
