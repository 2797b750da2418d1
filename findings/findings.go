package findings

import (
	"cmp"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// Findings is what a result amounts to. Whoever prints a number of it prints this one.
type Findings struct {
	// Result is what it is made of.
	Result *replay.Result
	// CPUs are the isolated CPUs looked at, the one held longest first.
	CPUs []*CPU
	// Sum sums them up.
	Sum Sum
	// Fix says how the kernels compared differ.
	Fix Fix
	// Elsewhere is what the alternative changes for tasks that ran on none of the CPUs.
	Elsewhere Elsewhere
	// Fidelity is how well the model of the recorded kernel explains the recording.
	Fidelity Fidelity
	// Changes are the decisions that the alternative changes; empty without a
	// [Collector].
	Changes Changes
	// Routes are where all decisions went; empty without a [Collector].
	Routes Routes
}

// Of computes the findings of a result.
func Of(res *replay.Result) *Findings {
	f := &Findings{Result: res, Fix: fixOf(res), Fidelity: Fidelity{res.Fidelity}}
	for _, c := range res.CPUs {
		f.CPUs = append(f.CPUs, cpuOf(res, c))
	}
	slices.SortStableFunc(f.CPUs, func(a, b *CPU) int {
		return cmp.Or(
			cmp.Compare(b.Came.NS, a.Came.NS), cmp.Compare(b.All.NS, a.All.NS),
			cmp.Compare(b.All.Stays(), a.All.Stays()), cmp.Compare(a.CPU, b.CPU))
	})
	for _, c := range f.CPUs {
		f.Sum.Merge(c.sum())
	}
	f.Elsewhere = elsewhereOf(res, f.CPUs)
	return f
}

// Isolation says what a result can tell of isolated CPUs at all.
type Isolation uint8

// The kinds of isolation.
const (
	// IsolationSeen: isolated CPUs were looked at.
	IsolationSeen Isolation = iota
	// IsolationUnknown: which CPUs are isolated is not known.
	IsolationUnknown
	// NoneIsolated: the host isolates no CPU.
	NoneIsolated
	// NoneLookedAt: CPUs are isolated, but none of those looked at.
	NoneLookedAt
)

// Isolation says whether there is anything to tell of isolated CPUs.
func (f *Findings) Isolation() Isolation {
	switch iso, known := f.Result.Isolated.Get(); {
	case !known:
		return IsolationUnknown
	case iso.Empty():
		return NoneIsolated
	case len(f.CPUs) == 0:
		return NoneLookedAt
	}
	return IsolationSeen
}

// Visited are the CPUs on which there was a foreign task, the one held longest first.
func (f *Findings) Visited() []*CPU {
	var out []*CPU
	for _, c := range f.CPUs {
		if c.All.Stays() > 0 {
			out = append(out, c)
		}
	}
	return out
}

// WindowNS is the length of the recording in ns, never negative.
func (f *Findings) WindowNS() int64 { return max(0, f.Result.End-f.Result.Start) }

// Recorded is the kernel that made the recording, nil if there is none to speak of.
func (f *Findings) Recorded() *rules.Kernel { return f.Result.BaselineKernel() }

// TopologyKnown reports whether the model could place anything at all.
func (f *Findings) TopologyKnown() bool { return f.Result.Host.TopologyKnown() }

// Fidelity is how well a model explains a recording.
type Fidelity struct{ replay.Fidelity }

// Judged is the number of decisions judged.
func (f *Fidelity) Judged() int64 { return f.Decisions - f.Unjudged }

// The bounds below which a model is not to be relied on.
const (
	MinExact   = 0.90
	MinCovered = 0.98
)

// Doubtful reports whether the model explains too little of the recording for what it
// says to be relied on: fewer than 90 % of the decisions exactly, or the recorded CPU
// not held possible in 98 % of them.
func (f *Fidelity) Doubtful() bool {
	n := float64(f.Judged())
	return n > 0 && (float64(f.Exact) < MinExact*n || float64(f.Covered) < MinCovered*n)
}

// Entries counts the arrivals of foreign tasks on isolated CPUs within the window, by
// how they came. A task that was there when the recording begins has not entered.
type Entries struct {
	// Wakeup and Migration came in by a wakeup, or were moved in while runnable.
	Wakeup    int64 `json:"wakeup"`
	Migration int64 `json:"migration"`
	// Unseen were found there: the recording shows neither how they came nor whether
	// they were there before.
	Unseen int64 `json:"unseen"`
	// Dropped are beyond [replay.MaxStays] of a CPU: counted, and nothing else is kept.
	Dropped int64 `json:"dropped"`
}

// Total is the number of entries: what the report calls entered, what check and compare
// bound.
func (e Entries) Total() int64 { return e.Wakeup + e.Migration + e.Unseen + e.Dropped }

func (e *Entries) merge(o Entries) {
	e.Wakeup += o.Wakeup
	e.Migration += o.Migration
	e.Unseen += o.Unseen
	e.Dropped += o.Dropped
}

// Remains is what an alternative leaves of some stays.
type Remains struct {
	// Certain and Possible count the wakings, entries by wakeup among them, that land on
	// an isolated CPU, surely or perhaps.
	Certain  int64 `json:"certain"`
	Possible int64 `json:"possible"`
	// MinNS and MaxNS bound the run time that remains on isolated CPUs.
	MinNS int64 `json:"min_ns"`
	MaxNS int64 `json:"max_ns"`
}

// Nothing reports whether nothing can remain.
func (r Remains) Nothing() bool { return r.MaxNS == 0 && r.Certain+r.Possible == 0 }

func (r *Remains) merge(o Remains) {
	r.Certain += o.Certain
	r.Possible += o.Possible
	r.MinNS += o.MinNS
	r.MaxNS += o.MaxNS
}

// Held is what foreign tasks did to isolated CPUs: one of them or several, over one stay
// or many. Helds merge.
type Held struct {
	// Task and Class are those of the one task; empty where there are several.
	Task  replay.TaskRef `json:"-"`
	Class replay.Class   `json:"-"`
	// Entries within the window; Residents counts the stays that began before it.
	Entries   Entries `json:"entries"`
	Residents int64   `json:"residents"`
	// Runs and NS are the slices and their time in ns. CutRuns of them were cut by the
	// window's edge or a gap, so that NS is a lower bound if it is not 0.
	Runs    int64 `json:"runs"`
	CutRuns int64 `json:"cut_runs"`
	NS      int64 `json:"ns"`
	// Wakings counts the entries by wakeup and the wakings after any arrival.
	Wakings int64 `json:"wakings"`
	// Remains is what the first alternative leaves of it, More what each further one does.
	Remains Remains   `json:"remains"`
	More    []Remains `json:"-"`
	// Delayed counts the owner's waits lengthened, by DelayedNS in all.
	Delayed   int64 `json:"delayed_owner"`
	DelayedNS int64 `json:"delayed_owner_ns"`
	// Main is the stay that tells most of the story, nil without stays: one that began
	// within the window if there is any, then the one that cost most. MainIndex is its
	// place in the CPU's list.
	Main      *replay.Stay `json:"-"`
	MainIndex int          `json:"-"`
}

// Stays is the number of stays.
func (h *Held) Stays() int64 { return h.Entries.Total() + h.Residents }

// AtLeast reports whether NS is a lower bound.
func (h *Held) AtLeast() bool { return h.CutRuns > 0 }

// Unreproduced reports whether the main stay began with a wakeup that the model of the
// recorded kernel cannot lead to where it was recorded.
func (h *Held) Unreproduced() bool {
	m := h.Main
	if m == nil || m.Entry == nil {
		return false
	}
	o := m.Entry.Made()
	return m.Entry.ModelMiss || o.Bounded && !o.Possible.Test(m.Entry.RecordedCPU)
}

// Merge adds another.
func (h *Held) Merge(o *Held) {
	h.Entries.merge(o.Entries)
	h.Residents += o.Residents
	h.Runs += o.Runs
	h.CutRuns += o.CutRuns
	h.NS += o.NS
	h.Wakings += o.Wakings
	h.Remains.merge(o.Remains)
	for i, m := range o.More {
		if i == len(h.More) {
			h.More = append(h.More, Remains{})
		}
		h.More[i].merge(m)
	}
	h.Delayed += o.Delayed
	h.DelayedNS += o.DelayedNS
	if o.Main != nil && (h.Main == nil || tellsMore(o.Main, h.Main)) {
		h.Main, h.MainIndex = o.Main, o.MainIndex
	}
}

// HeldBy is what one stay amounts to; i is its place in the CPU's list.
func HeldBy(s *replay.Stay, i int) *Held {
	h := &Held{
		Task: s.Task, Class: s.Class, Runs: s.Runs, CutRuns: s.CutRuns, NS: s.RunNS, Wakings: s.Wakings,
		Remains: Remains{s.PatchedCertain, s.PatchedPossible, s.PatchedRunNS, max(s.PatchedRunNS, s.PatchedRunMaxNS)},
		Delayed: s.DelayedOwner, DelayedNS: s.DelayedOwnerNS, Main: s, MainIndex: i,
	}
	for _, m := range s.More {
		h.More = append(h.More, Remains{m.Certain, m.Possible, m.RunNS, max(m.RunNS, m.RunMaxNS)})
	}
	switch s.How {
	case replay.CameByWakeup:
		h.Entries.Wakeup = 1
		h.Wakings++
	case replay.CameByMigration:
		h.Entries.Migration = 1
	case replay.CameBefore:
		h.Residents = 1
	default:
		h.Entries.Unseen = 1
	}
	return h
}

// tellsMore reports whether a stay tells more of the story than another: entries
// before residents, then by cost, wakeups before moves.
func tellsMore(a, b *replay.Stay) bool {
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

// CPU is what a result amounts to for one isolated CPU.
type CPU struct {
	*replay.CPUResult
	// All sums the foreign stays: the time held is All.NS, those who were there before
	// included. Came sums those that began within the window, Resident the others.
	All, Came, Resident Held
	// Dropped is what the stays beyond [replay.MaxStays] amount to, nil if there are none.
	Dropped *Held
	// Tasks are the foreign tasks, the longest first.
	Tasks []*Held
	// WindowNS is the length of the recording, UnknownNS the time of which it does not
	// tell who ran.
	WindowNS, UnknownNS int64
	// LongestRuns are the longest runs of intruders, LongestWaits the runs that ended the
	// longest waits of the owner, by kind, longest first; empty without a [Collector].
	LongestRuns  []replay.Slice
	LongestWaits [replay.WaitKinds][]replay.Slice
}

// sharesFrom is the share of the window, in percent, from which a task pinned to a CPU
// counts as one that the CPU is there for, as its owner is.
const sharesFrom = 10

// Balanced is the first stay that the load balancer began, nil if there is none: then the
// CPU is in a sched domain, whatever its host says.
func (c *CPU) Balanced() *replay.Stay {
	if i := slices.IndexFunc(c.Stays, func(s *replay.Stay) bool { return s.MovedBy.Balances() }); i >= 0 {
		return c.Stays[i]
	}
	return nil
}

// Owners are the tasks that the CPU is there for: its owner, and the others that are
// pinned to it and had a good part of its time, the longest first; none if the owner is
// not known.
func (c *CPU) Owners() []replay.TaskRef {
	if c.Owner == nil {
		return nil
	}
	list := slices.DeleteFunc(slices.Clone(c.Others), func(o replay.OtherTask) bool {
		return o.Class != replay.ClassPinned || 100*o.RunNS < sharesFrom*c.WindowNS
	})
	slices.SortStableFunc(list, func(a, b replay.OtherTask) int { return cmp.Compare(b.RunNS, a.RunNS) })
	out := []replay.TaskRef{*c.Owner}
	for _, o := range list {
		out = append(out, o.Task)
	}
	return out
}

func cpuOf(res *replay.Result, c *replay.CPUResult) *CPU {
	s := &CPU{CPUResult: c, WindowNS: max(0, res.End-res.Start), UnknownNS: c.Time[replay.ClassUnknown]}
	byPID := map[int32]*Held{}
	for i, st := range c.Stays {
		h := HeldBy(st, i)
		s.All.Merge(h)
		if st.How == replay.CameBefore {
			s.Resident.Merge(h)
		} else {
			s.Came.Merge(h)
		}
		t := byPID[st.Task.PID]
		if t == nil {
			t = &Held{}
			byPID[st.Task.PID] = t
			s.Tasks = append(s.Tasks, t)
		}
		t.Task, t.Class = st.Task, st.Class
		t.Merge(h)
	}
	if n := c.StaysDropped; n > 0 { // their time is held, and what remains of it is open
		ns := max(0, c.Time[replay.ClassForeign]-s.All.NS)
		s.Dropped = &Held{Entries: Entries{Dropped: n}, NS: ns, Remains: Remains{MaxNS: ns}}
		s.All.Merge(s.Dropped)
		s.Came.Merge(s.Dropped)
	}
	slices.SortStableFunc(s.Tasks, func(a, b *Held) int {
		return cmp.Or(cmp.Compare(b.NS, a.NS), cmp.Compare(a.Task.PID, b.Task.PID))
	})
	return s
}

func (s *CPU) sum() *Sum {
	sum := &Sum{CPUs: 1, WindowNS: s.WindowNS, Held: s.All, UnknownNS: s.UnknownNS}
	if s.Owner != nil {
		sum.Owners = 1
	}
	for kind := range s.Waits {
		sum.Waits[kind].add(&s.Waits[kind])
	}
	return sum
}

// Sum is what isolated CPUs amount to together, those of one recording or of many. Sums
// merge.
type Sum struct {
	// CPUs counts them, Owners those whose owner is known.
	CPUs, Owners int
	// WindowNS adds up the windows, so that Held.NS / WindowNS is the share of the time.
	WindowNS int64
	Held     Held
	// UnknownNS is the time of which the recordings do not tell who ran.
	UnknownNS int64
	// Waits are the owners', by kind.
	Waits [replay.WaitKinds]Delays
}

// Merge adds another sum.
func (s *Sum) Merge(o *Sum) {
	s.CPUs += o.CPUs
	s.Owners += o.Owners
	s.WindowNS += o.WindowNS
	s.Held.Merge(&o.Held)
	s.UnknownNS += o.UnknownNS
	for kind := range s.Waits {
		s.Waits[kind].merge(&o.Waits[kind])
	}
}

// Share is the part of the time that foreign tasks held the CPUs, 0 to 1; 0 without a
// window.
func (s *Sum) Share() float64 {
	if s.WindowNS <= 0 {
		return 0
	}
	return float64(s.Held.NS) / float64(s.WindowNS)
}

// Elsewhere counts the decisions that the first alternative changes for tasks that ran on
// none of the CPUs looked at.
type Elsewhere struct {
	Tasks             int64
	Certain, Possible int64
	// Leave an isolated CPU, come to one, or move between others.
	Leave, Come, Within int64
	// Any is true where no task ran on the CPUs, so that these are all tasks.
	Any bool
}

func elsewhereOf(res *replay.Result, cpus []*CPU) Elsewhere {
	mine := map[int32]bool{}
	for _, c := range cpus {
		for _, t := range c.Tasks {
			mine[t.Task.PID] = true
		}
	}
	e := Elsewhere{Any: len(mine) == 0}
	for _, m := range res.Moved {
		if mine[m.Task.PID] {
			continue
		}
		e.Tasks++
		e.Certain += m.Certain
		e.Possible += m.Possible
		e.Leave += m.ToHousekeeping
		e.Come += m.ToIsolated
		e.Within += m.Within
	}
	return e
}

// IsIntruder reports whether a run belongs to a stay, kept or not.
func IsIntruder(r *replay.Slice) bool { return r.Stay >= 0 || r.Class == replay.ClassForeign }

// CPUs is the set of the CPUs looked at.
func CPUs(list []*CPU) cpumask.Mask {
	var m cpumask.Mask
	for _, c := range list {
		m.Set(c.CPU)
	}
	return m
}
