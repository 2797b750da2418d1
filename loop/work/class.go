package work

import (
	"slices"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

func isStopper(comm string) bool { return strings.HasPrefix(comm, "migration/") }

// describe gives the tasks what the bundle and their names tell of them, and their
// affinity: as stated, in the bundle, by a kernel thread's name, the parent's, else
// all CPUs but the isolated ones; the CPUs a task was seen on always count.
func (x *extraction) describe() {
	all := cpumask.Range(0, x.p.CPUs-1)
	if m, ok := x.host.Possible.Get(); ok {
		all = m
	}
	for i := range x.p.Tasks {
		p := &x.p.Tasks[i]
		info, listed := x.host.Task[p.PID]
		if listed && info.Comm != "" && p.Comm != "" && !parser.SameComm(p.Comm, info.Comm) {
			listed = false
		}
		p.Recorder, p.Stop = parser.IsRecorder(p.Comm), isStopper(p.Comm)
		p.Kthread = parser.MayBeKthread(p.Comm)
		if listed {
			p.Kthread = info.Kthread.Value
			if v, ok := info.Policy.Get(); ok {
				p.Policy = v
			}
		}
		p.Allowed, p.AllowedFrom = x.affinity(p.PID, p.Comm, all, 0)
		own := p.Allowed
		_, bound := parser.BoundCPU(p.Comm)
		p.PerCPU = p.Kthread && p.Allowed.Weight() == 1 && (bound || info.Bound.Value)
		for c, ns := range p.Recorded.RunOn {
			if ns > 0 && !p.Allowed.Test(c) {
				p.Allowed = p.Allowed.Or(cpumask.Of(c))
				p.AllowedFrom = fact.Assumed
			}
		}
		if s := x.strays[p.PID]; listed && info.Affinity.Value.And(all).Equal(own) && s.inside > s.outside {
			p.Rebinds, p.bundled = []Rebind{{s.outside, own}}, true
		}
	}
}

func (x *extraction) affinity(pid int32, comm string, all cpumask.Mask, depth int) (cpumask.Mask, fact.Provenance) {
	if cpus, ok := x.host.StatedFor(pid, comm); ok {
		return cpus, fact.Observed
	}
	if info, ok := x.host.Task[pid]; ok && (info.Comm == "" || comm == "" || parser.SameComm(comm, info.Comm)) {
		if m, ok := info.Affinity.Get(); ok && !m.And(all).Empty() {
			return m.And(all), info.Affinity.From
		}
	}
	if c, ok := parser.BoundCPU(comm); ok && all.Test(c) {
		return cpumask.Of(c), fact.Assumed
	}
	if parser.MayBeKthread(comm) {
		return all, fact.Assumed
	}
	if parent, ok := x.kin[pid]; ok && parent != 2 && depth < 8 {
		name := ""
		if i := x.p.Find(parent); i >= 0 {
			name = x.p.Tasks[i].Comm
		}
		m, from := x.affinity(parent, name, all, depth+1)
		return m, min(from, fact.Reconstructed)
	}
	house := all.AndNot(x.host.Isolated.Value)
	if i := x.p.Find(pid); i >= 0 && !parser.IsRecorder(comm) {
		seen := seenOn(&x.p.Tasks[i])
		if !seen.Empty() && seen.SubsetOf(x.host.Isolated.Value) {
			return seen, fact.Assumed // never anywhere else: pinned there
		}
	}
	return house, fact.Assumed
}

func seenOn(p *Task) cpumask.Mask {
	var m cpumask.Mask
	for c, ns := range p.Recorded.RunOn {
		if ns > 0 {
			m.Set(c)
		}
	}
	return m
}

// class settles the classes that need the whole window: which timers keep a grid, and
// which wakeups pass WF_SYNC.
func (x *extraction) class() {
	for i := range x.p.Tasks {
		p := &x.p.Tasks[i]
		grid := keepsGrid(p)
		for j := range p.Steps {
			w := &p.Steps[j].Then
			switch w.Edge {
			case EdgeTimer:
				if grid {
					w.Edge, w.From = EdgeGrid, fact.Estimated
				}
			case EdgeTask:
				w.Sync = !p.Kthread && !x.p.Tasks[w.Waker].Kthread && p.Begin != BeginUnborn
			}
		}
	}
}

// answers marks the wakings that answer: between two user tasks that talk to each other
// alone, each being woken by the other nine times of ten.
func (x *extraction) answers() {
	n, all := map[[2]int]int{}, make([]int, len(x.p.Tasks))
	for i := range x.p.Tasks {
		for j := range x.p.Tasks[i].Steps {
			if w := &x.p.Tasks[i].Steps[j].Then; w.Edge == EdgeTask {
				all[i]++
				if w.Sync {
					n[[2]int{int(w.Waker), i}]++
				}
			}
		}
	}
	for i := range x.p.Tasks {
		for j := range x.p.Tasks[i].Steps {
			wakes := x.p.Tasks[i].Steps[j].Wakes
			for k := range wakes {
				if wakes[k].Exec {
					continue
				}
				y := int(wakes[k].Task)
				to, fro := n[[2]int{i, y}], n[[2]int{y, i}]
				wakes[k].Answer = to >= answersLeast && fro >= answersLeast && 10*to >= 9*all[y] && 10*fro >= 9*all[i]
			}
		}
	}
}

// answersLeast is the number of wakings each way from which a conversation is told.
const answersLeast = 8

// gridLeast is the number of timer wakings from which a grid can be told.
const gridLeast = 8

// keepsGrid reports whether a task's timer goes off at multiples of one period,
// whatever time it ran in between: four in five lie within a twentieth of the period
// from where they should be.
func keepsGrid(p *Task) bool {
	var at []int64
	for i := range p.Steps {
		if w := &p.Steps[i].Then; w.Edge == EdgeTimer {
			at = append(at, w.Time)
		}
	}
	if len(at) < gridLeast {
		return false
	}
	var apart []int64
	for i := 1; i < len(at); i++ {
		apart = append(apart, at[i]-at[i-1])
	}
	slices.Sort(apart)
	period := apart[len(apart)/2]
	if period <= 0 {
		return false
	}
	// A drifting sleep has other phases: compare with the middle one.
	phase := make([]int64, len(at))
	for i, t := range at {
		phase[i] = (t - at[0]) % period
	}
	best := 0
	for i := 0; i < len(phase); i += 1 + len(phase)/64 {
		of, n := phase[i], 0
		for _, f := range phase {
			d := (f - of + period) % period
			if min(d, period-d) <= period/20 {
				n++
			}
		}
		best = max(best, n)
	}
	return best*5 >= len(at)*4
}
