// Package work turns a recording into what its tasks wanted, apart from what the
// scheduler gave them: for each task the bursts of CPU time it wanted until it
// blocked, and what ended each wait after them. Preemption, the CPU and the delay are
// not in it: those are the scheduler's doing, and the closed loop makes them anew.
//
// What it does not know it says: every wait carries its class and how sure that is.
// Interrupts are apart from the bursts where they are recorded, else in them. Locks are in no
// event and so not in the program; changes of affinity are there as far as they can be
// inferred; a burst costs what it cost when it was recorded, whoever ran on the sibling thread.
package work

import (
	"math/bits"

	"schedreplay/cpumask"
	"schedreplay/fact"
)

// Edge is the class of what ends a wait.
type Edge uint8

// The classes.
const (
	// EdgeNone: nothing ended the wait within the window.
	EdgeNone Edge = iota
	// EdgeTask: another task woke it, after so much of a burst of its own.
	EdgeTask
	// EdgeTimer: its own timer, so long after it blocked.
	EdgeTimer
	// EdgeGrid: its own timer, at set times whatever the delays before.
	EdgeGrid
	// EdgeOutside: a device, a signal from elsewhere or what no task explains, at the
	// recorded time.
	EdgeOutside
)

// String returns the class in a word.
func (e Edge) String() string {
	return [...]string{"none", "task", "timer", "grid", "outside"}[e]
}

// Wait is what happens after a burst: the task sleeps until the edge. Long recordings have
// millions of them: the fields are in order of size.
type Wait struct {
	// WakerAt is, of [EdgeTask], how much of the waker's burst it had run, in ns.
	WakerAt int64
	// Sleep is, of [EdgeTimer], the ns from blocking to waking.
	Sleep int64
	// Time and CPU are when and where the waking was recorded.
	Time int64
	// Lag is the ns from waking to runnable (sched_waking to sched_wakeup), Exit those
	// from runnable to running where the CPU was idle, [None] where it was not. Preempt
	// is the same where it took the CPU from a running task.
	Lag, Exit, Preempt int64
	// Waker and WakerStep are, of [EdgeTask], the waker as an index of Program.Tasks, and
	// its step.
	Waker, WakerStep int32
	CPU              int32
	// Rest is, of [EdgeTimer] and [EdgeGrid], what was left of the interrupt that did the waking, in ns.
	// Source is one over the index in Program.Sources of a device's interrupt that did it.
	Rest, Source int32
	Edge         Edge
	// From says how sure the class is: observed where the record itself says that the
	// task did the waking, estimated where a rule of thumb does.
	From fact.Provenance
	// Sync: WF_SYNC is taken to have been passed. It is in no event: user tasks that
	// wake user tasks mostly do so through pipes and sockets, which pass it.
	Sync bool
	// Slept is false where the waking came before the task had left its CPU, so that it
	// did not sleep.
	Slept bool
}

// Rebind is a change of a task's affinity in the middle of the window.
type Rebind struct {
	Time    int64
	Allowed cpumask.Mask
}

// None stands for a duration or time that is not known.
const None = -1 << 63

// Wake is a waking that a task does in a burst, or an exec of its own.
type Wake struct {
	// At is the ns of the burst after which it happens.
	At int64
	// Task and Step are the wakee, as an index of Program.Tasks, and its step whose
	// wait ends. Fork: the wakee is new.
	Task, Step int32
	Fork       bool
	// Exec: it is no waking, the task itself executes another program (sched_exec).
	Exec bool
	// Answer: the two wake each other, so that the wakee has to have come to that wait
	// first: what it sent before is what the waker answers to.
	Answer bool
}

// Step is a burst and the wait after it.
type Step struct {
	// Burst is the CPU time wanted before the task blocks, in ns; 0 for the wait in
	// which the window finds a sleeping task.
	Burst int64
	Then  Wait
	Wakes []Wake // in order of At
	// Prio is the task's priority in the burst, on the kernel's scale.
	Prio int32
	// Cut: the window ended in the burst, and it makes up half of what the task ran: a
	// task that hardly ever blocks, and wants the CPU for as long as the window lasts.
	Cut bool
	// Exit: the task ends after the burst.
	Exit bool
}

// Begin says how the window finds a task.
type Begin uint8

// The ways.
const (
	// BeginAsleep: in the wait of its first step.
	BeginAsleep Begin = iota
	// BeginQueued and BeginRunning: in its first burst.
	BeginQueued
	BeginRunning
	// BeginUnborn: a fork within the window makes it.
	BeginUnborn
)

// Task is one task's program.
type Task struct {
	PID  int32
	Comm string
	// Steps are done in order.
	Steps []Step
	Begin Begin
	// CPU is where the task is in the beginning.
	CPU int32
	// Allowed is its affinity, AllowedFrom how that is known. Rebinds change it, in order
	// of time.
	Allowed     cpumask.Mask
	AllowedFrom fact.Provenance
	Rebinds     []Rebind
	bundled     bool // its affinity at the end is the bundle's
	// Kthread and PerCPU: a kernel thread, and one bound to its CPU. Recorder: the
	// program that made the recording. Stop: migration/N.
	Kthread, PerCPU, Recorder, Stop bool
	// Policy is the scheduling policy of the bundle, -1 if unknown: 5 is SCHED_IDLE, 3
	// SCHED_BATCH.
	Policy int
	// Group is the task group that it is in, as an index of Program.Groups.
	Group int
	// Flips is wakee_flips by the window's end, if it began as it ends, and FlipsAge how many
	// ns before that it was last halved.
	Flips, FlipsAge int64
	// Ran is its run time by part of the window and CPU, in order of the parts.
	Ran []Ran
	// Recorded is what the recording gave the task.
	Recorded Figures
}

// Group is a task group: its name, the group above it, and its weight among the groups and
// tasks there (tg->shares), 0 where it is that of a task of Nice, or not told.
type Group struct {
	Name   string
	Above  int
	Shares int64
	Nice   int
	// Quota is the CPU time that its tasks may use together in each Period, in ns (cpu.max);
	// 0 where there is no limit.
	Quota, Period int64
}

// Cause is why a task changed its CPU.
type Cause uint8

// The causes.
const (
	MoveWakeup  Cause = iota // selected elsewhere when it woke, forked or executed
	MoveBalance              // moved by periodic balancing while it was queued
	MoveNewidle              // pulled by a CPU that ran out of tasks
	MoveActive               // moved by the stopper: active balance, affinity, exec
	Causes                   // how many there are
)

// Figures are what a task got, in a recording or a run of the loop.
type Figures struct {
	// Wakings counts those after which it ran; Delay holds the ns from each to running.
	Wakings int64
	Delay   []int64
	// Gap holds the ns of each time it was off its CPU while runnable, having not slept.
	Gap []int64
	// Run is its run time in ns, RunOn that by CPU; Taken is what interrupts that are recorded
	// took of it.
	Run   int64
	Taken int64
	RunOn []int64
	// Moves counts its changes of CPU.
	Moves [Causes]int64
	// Entries counts its arrivals, by CPU, by wakeup or move.
	Entries []int64
}

// Sample is a residual: a delay that the recording shows and no model explains. Task is
// the one that was to give up its CPU, as an index of Program.Tasks.
type Sample struct {
	Time, NS int64
	Task     int
}

// Exit is an exit from idle. Rested is the class of how long the CPU had been idle, see [Rested].
type Exit struct {
	Time, NS int64
	Rested   uint8
}

// Rested is the class of a time in ns that a CPU has been idle: how many times it has doubled. The
// longer the time the longer the way out, of deeper states and with colder caches.
func Rested(ns int64) uint8 { return uint8(bits.Len64(uint64(max(0, ns)))) }

// Held is how long a task ran while another, queued when it began, waited. NR and Load are the
// tasks that wanted the CPU, its own included, and the sum of their weights. Kept: nothing took the
// CPU from it, it blocked.
type Held struct {
	Sample
	NR, Load int64
	Kept     bool
}

// Program is the work of one recording.
type Program struct {
	// Start and End of the window in ns of the capture's clock.
	Start, End int64
	CPUs       int
	Tasks      []Task // by pid
	// Groups are the task groups, the root's first: control groups with a weight, and the
	// autogroups of sessions. GroupsKnown is false where the machine has autogroups and it is
	// not told who is in which.
	Groups      []Group
	GroupsKnown bool
	// Exit holds by CPU the exits from idle that were recorded whole, in order of time: ns from the
	// wakeup to the switch. Preempt holds those of wakeups that took a busy CPU.
	Exit    [][]Exit
	Preempt []Sample
	// Held are the times that a task ran before it gave its CPU, still runnable, to one
	// that had been queued when it began; or, longer than any slice, until it blocked (Kept).
	Held []Held
	// Interrupts are, by CPU, in order of time and apart from each other, those that no task of
	// its own doing brought about; nil where none are recorded. Ticks are what the ticks that
	// came over tasks took, with the softirqs that follow: they are not among the interrupts.
	Interrupts [][]Interrupt
	Ticks      [][]Sample
	Sources    []Source
	// Unmatched counts what contradicts itself: a task that runs on two CPUs, leaves one
	// it was not on, or wakes twice.
	Unmatched int64
	// Lost: the recording says that events are missing.
	Lost bool
}

// Ran is the time in ns that a task ran on a CPU in one of the [Parts] of the window.
type Ran struct {
	Part int
	CPU  int32
	NS   int64
}

// Parts is in how many parts of one length a window is cut.
const Parts = 16

// PartEnd is when a part of the window ends, the first being 0.
func (p *Program) PartEnd(part int) int64 {
	return p.Start + (p.End-p.Start)/Parts*int64(part+1) + (p.End-p.Start)%Parts*int64(part+1)/Parts
}

// ran adds a run of a task.
func (p *Program) ran(t *Task, cpu int32, from, to int64) {
	part := 0
	if n := len(t.Ran); n > 0 {
		part = t.Ran[n-1].Part
	}
	for ; from < to; part++ {
		end := p.PartEnd(part)
		if part >= Parts-1 {
			end = to
		}
		if ns := min(end, to) - from; ns > 0 {
			t.adds(Ran{part, cpu, ns})
			from += ns
		}
	}
}

// adds counts a run, the last part's first.
func (t *Task) adds(r Ran) {
	for i := len(t.Ran) - 1; i >= 0 && t.Ran[i].Part == r.Part; i-- {
		if t.Ran[i].CPU == r.CPU {
			t.Ran[i].NS += r.NS
			return
		}
	}
	t.Ran = append(t.Ran, r)
}

// Rebind takes a narrower affinity that a task was found to have had from one time to
// another, None if to the end. Where the bundle tells more of the task, it does nothing; of
// one task those that come later in time are to be given later.
func (p *Program) Rebind(pid int32, from, until int64, cpus cpumask.Mask) {
	i := p.Find(pid)
	if i < 0 || cpus.Empty() || p.Tasks[i].bundled {
		return
	}
	t := &p.Tasks[i]
	t.Rebinds = append(t.Rebinds, Rebind{from, cpus})
	if until != None {
		t.Rebinds = append(t.Rebinds, Rebind{until, t.Allowed})
	}
}

// Last is the affinity that the window leaves the task with.
func (t *Task) Last() cpumask.Mask {
	if n := len(t.Rebinds); n > 0 {
		return t.Rebinds[n-1].Allowed
	}
	return t.Allowed
}

// Limited reports whether a task is in a group with a limit, or below one.
func (p *Program) Limited(task int) bool {
	for g := p.Tasks[task].Group; g > 0 && g < len(p.Groups); g = p.Groups[g].Above {
		if p.Groups[g].Quota > 0 {
			return true
		}
	}
	return false
}

// Find returns the index of a pid in Tasks, -1 if it is not there.
func (p *Program) Find(pid int32) int {
	for i := range p.Tasks {
		if p.Tasks[i].PID == pid {
			return i
		}
	}
	return -1
}
