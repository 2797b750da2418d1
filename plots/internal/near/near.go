// Package near keeps what ran on the CPUs beside the isolated ones.
package near

import (
	"cmp"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/replay"
)

// Bounds on what is kept of the CPUs beside an isolated one.
const (
	before   = 32      // slices per CPU before an entry
	after    = 400     // and after
	maxClips = 4       // entries per isolated CPU
	maxKept  = 200_000 // slices of all entries
)

// Near keeps what ran on the CPUs of an isolated CPU's LLC around its first entries.
type Near struct {
	llc    map[int]cpumask.Mask // by isolated CPU, without itself
	recent map[int][]Slice      // by CPU, the last ones
	clips  map[int][]*clip      // by isolated CPU
	open   map[int][]*clip      // those that still take slices, by CPU beside
	kept   int
}

// Slice is a slice on one of those CPUs; the task of an idle one has pid 0.
type Slice struct {
	Start, End int64
	Task       replay.TaskRef
}

// clip is what ran around one entry.
type clip struct {
	at   int64
	cpus map[int][]Slice
}

// New returns an empty one.
func New() Near {
	return Near{llc: map[int]cpumask.Mask{}, recent: map[int][]Slice{}, clips: map[int][]*clip{}, open: map[int][]*clip{}}
}

// Begin learns which CPUs share an LLC with an isolated one.
func (n *Near) Begin(res *replay.Result) {
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

// Entry begins to keep what runs around a wakeup that brings a task to an isolated CPU.
func (n *Near) Entry(w *replay.Wakeup) {
	llc, ok := n.llc[w.RecordedCPU]
	if !ok || !w.Selection || w.PrevCPU == w.RecordedCPU || len(n.clips[w.RecordedCPU]) == maxClips {
		return
	}
	clip := &clip{at: w.Time, cpus: map[int][]Slice{}}
	n.clips[w.RecordedCPU] = append(n.clips[w.RecordedCPU], clip)
	for c := range llc.All() {
		clip.cpus[c] = slices.Clone(n.recent[c])
		n.kept += len(clip.cpus[c])
		n.open[c] = append(n.open[c], clip)
	}
}

// Slice takes a slice of any CPU that shares an LLC with an isolated one.
func (n *Near) Slice(r *replay.Slice) {
	s := Slice{r.Start, r.End, r.Task}
	if list := n.recent[r.CPU]; len(list) < before {
		n.recent[r.CPU] = append(list, s)
	} else {
		copy(list, list[1:])
		list[before-1] = s
	}
	if len(n.open[r.CPU]) == 0 {
		return
	}
	n.open[r.CPU] = slices.DeleteFunc(n.open[r.CPU], func(clip *clip) bool {
		if n.kept == maxKept || len(clip.cpus[r.CPU]) == before+after {
			return true
		}
		clip.cpus[r.CPU] = append(clip.cpus[r.CPU], s)
		n.kept++
		return false
	})
}

// BusyAt lists the CPUs beside that ran a task at a time, and how many there are.
func (n *Near) BusyAt(cpu int, at int64) (busy cpumask.Mask, of int) {
	i := slices.IndexFunc(n.clips[cpu], func(c *clip) bool { return c.at == at })
	if i < 0 {
		return busy, 0
	}
	for c, list := range n.clips[cpu][i].cpus {
		j, _ := slices.BinarySearchFunc(list, at, func(s Slice, t int64) int { return cmp.Compare(s.End, t+1) })
		if j < len(list) && list[j].Start <= at && list[j].Task.PID != 0 {
			busy.Set(c)
		}
	}
	return busy, len(n.clips[cpu][i].cpus)
}

// At is what ran beside an isolated CPU around the entry at a time, by CPU, and those CPUs;
// nil if nothing was kept of it.
func (n *Near) At(cpu int, at int64) (ran map[int][]Slice, llc cpumask.Mask) {
	i := slices.IndexFunc(n.clips[cpu], func(c *clip) bool { return c.at == at })
	if i < 0 {
		return nil, llc
	}
	return n.clips[cpu][i].cpus, n.llc[cpu]
}
