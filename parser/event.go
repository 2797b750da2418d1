package parser

import (
	"fmt"
	"strings"
)

// Kind says what an [Event] is: a scheduler tracepoint hit, or something that
// happened to the recording itself.
type Kind uint8

// The kinds of events. The field comments of [Event] say which fields each
// kind fills.
const (
	// KindOther is a tracepoint that is none of the scheduler's, or tells no placement:
	// Aside is what it says, Text its name where that is NoAside.
	KindOther Kind = iota
	// KindSwitch is sched_switch: Task leaves the CPU in State, Next enters.
	KindSwitch
	// KindWaking is sched_waking: the current task or an interrupt over it
	// starts waking Task; TargetCPU is the task's CPU before selection.
	KindWaking
	// KindWakeup is sched_wakeup: Task is now runnable on TargetCPU.
	KindWakeup
	// KindWakeupNew is sched_wakeup_new: the new Task is runnable on TargetCPU.
	KindWakeupNew
	// KindMigrate is sched_migrate_task: Task moves from OrigCPU to TargetCPU.
	KindMigrate
	// KindFork is sched_process_fork: Task created Next.
	KindFork
	// KindExec is sched_process_exec: Task executed Text; OldPID was its pid.
	KindExec
	// KindExit is sched_process_exit: Task is exiting.
	KindExit
	// KindStatRuntime is sched_stat_runtime: Task ran for Runtime ns since the
	// last such event.
	KindStatRuntime
	// KindSlice is one line of perf sched timehist: Task ran on CPU from Start
	// to Time; Wait and Delay as printed.
	KindSlice
	// KindComm is a task named outside sched_process_fork and sched_process_exec
	// (PERF_RECORD_COMM and FORK, task_rename): Task.PID is now called Task.Comm.
	KindComm
	// KindLost is the recorder's own word that events are missing on CPU
	// between Start and Time; Count of them, or -1 if it does not say.
	KindLost
	// KindOverwritten is history the ring buffer overwrote before Time (the
	// start of what is left); Count events of CPU, or of all CPUs when CPU is
	// -1.
	KindOverwritten
	// KindHole is a break in a CPU's chain of switches that no loss marker
	// announces: Next was current when the CPU's event of Start was recorded, and
	// Task is when the next one is, at Time, and had been for Runtime if that is told.
	KindHole
	// KindDamaged is a piece of input that could not be decoded; Text says why.
	KindDamaged
)

var kindNames = [...]string{
	KindOther: "other", KindSwitch: "sched_switch", KindWaking: "sched_waking", KindWakeup: "sched_wakeup",
	KindWakeupNew: "sched_wakeup_new", KindMigrate: "sched_migrate_task", KindFork: "sched_process_fork",
	KindExec: "sched_process_exec", KindExit: "sched_process_exit", KindStatRuntime: "sched_stat_runtime",
	KindSlice: "slice", KindComm: "comm", KindLost: "lost", KindOverwritten: "overwritten", KindHole: "hole", KindDamaged: "damaged",
}

// String returns the tracepoint's name, or a word for what is not one.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Context says in which context the recording CPU was when it hit the event,
// from the record's common_flags.
type Context uint8

// The contexts. [ContextUnknown] is the zero value: many dialects do not say.
const (
	ContextUnknown Context = iota
	ContextTask
	ContextSoftirq
	ContextHardirq
	ContextNMI
)

// Bits of common_flags (include/linux/trace_events.h, enum trace_flag_type).
const (
	flagHardirq = 0x08
	flagSoftirq = 0x10
	flagNMI     = 0x40
)

// FlagsContext returns the context that a record's common_flags tell. An NMI
// may interrupt a hard interrupt and that a soft one, so the innermost wins.
func FlagsContext(flags uint64) Context {
	switch {
	case flags&flagNMI != 0:
		return ContextNMI
	case flags&flagHardirq != 0:
		return ContextHardirq
	case flags&flagSoftirq != 0:
		return ContextSoftirq
	}
	return ContextTask
}

// Flags is the inverse of [FlagsContext]: the common_flags of a record made in the
// context; false if it is unknown.
func (c Context) Flags() (flags uint64, known bool) {
	switch c {
	case ContextSoftirq:
		return flagSoftirq, true
	case ContextHardirq:
		return flagHardirq, true
	case ContextNMI:
		return flagNMI, true
	}
	return 0, c == ContextTask
}

// String returns the context in lower case.
func (c Context) String() string {
	switch c {
	case ContextTask:
		return "task"
	case ContextSoftirq:
		return "softirq"
	case ContextHardirq:
		return "hardirq"
	case ContextNMI:
		return "nmi"
	}
	return "unknown"
}

// State is the prev_state of a sched_switch, in the bits of kernels 4.14 and
// later (include/trace/events/sched.h, __trace_sched_switch_state) whatever the
// dialect and the kernel printed. The zero State is unknown.
type State uint16

// The task states. A running task that was preempted is
// StateRunning|StatePreempted ("R+").
const (
	StateRunning   State = 0x1000 // R: left the CPU still runnable
	StateSleeping  State = 0x01   // S
	StateBlocked   State = 0x02   // D
	StateStopped   State = 0x04   // T
	StateTraced    State = 0x08   // t
	StateDead      State = 0x10   // X
	StateZombie    State = 0x20   // Z
	StateParked    State = 0x40   // P
	StateIdle      State = 0x80   // I: uninterruptible, not counted as load
	StatePreempted State = 0x100  // +: preempted
	// StateOff is set for a task that certainly left its run queue when the
	// dialect does not tell the letter.
	StateOff State = 0x2000
)

// Known reports whether the state is known at all.
func (s State) Known() bool { return s != 0 }

// Runnable reports whether the task stayed on the run queue. It is false for
// an unknown state: ask [State.Known] first.
func (s State) Runnable() bool { return s&(StateRunning|StatePreempted) != 0 }

// Gone reports whether the task left its CPU for the last time.
func (s State) Gone() bool { return s&(StateDead|StateZombie) != 0 && !s.Runnable() }

// Special reports whether the state is one in which a task must not be woken
// without a cause: stopped, traced, parked or dead.
func (s State) Special() bool {
	return s&(StateStopped|StateTraced|StateDead|StateZombie|StateParked) != 0
}

// String returns the letters that a kernel from 4.14 on prints in the text of
// sched_switch, or "?" if the state is unknown.
func (s State) String() string {
	if s == 0 {
		return "?"
	}
	var b strings.Builder
	for i, letter := range "SDTtXZPI" {
		if s&(1<<i) != 0 {
			if b.Len() > 0 {
				b.WriteByte('|')
			}
			b.WriteRune(letter)
		}
	}
	switch {
	case b.Len() > 0:
	case s.Runnable():
		b.WriteByte('R')
	default:
		b.WriteByte('?')
	}
	if s&StatePreempted != 0 {
		b.WriteByte('+')
	}
	return b.String()
}

// Numbers that stand for "not known" in the fields of an [Event].
const (
	// NoCPU is an unknown CPU number.
	NoCPU = -1
	// NoPID is an unknown process id. Real ids are 0 (idle) and up.
	NoPID = -1
	// NoPrio is an unknown priority. It lies outside the kernel's range, in
	// which -1 is a deadline task, 0 to 99 real-time, 100 to 139 fair.
	NoPrio = -1000
	// NoTime is an unknown time, duration or count.
	NoTime = -1 << 63
)

// Task names a task as an event does.
type Task struct {
	// PID is the kernel's pid: a thread id. [NoPID] if unknown.
	PID int32
	// Prio is the kernel's priority, [NoPrio] if the event does not carry it.
	Prio int32
	// Comm is the task's name, byte for byte as recorded: it may hold spaces,
	// control characters and broken UTF-8. Empty if unknown.
	Comm string
}

// Thread is a thread by the recorder's own record of it, beside the event:
// the ids of a perf sample or task record, the thread group that ftrace prints
// with its record-tgid option. They are in the recorder's pid namespace. All
// are [NoPID] if not told.
type Thread struct {
	// TID is the thread's id; perf has -1, too, for one already released.
	TID int32
	// TGID is the id of its thread group: what user space calls a process id.
	TGID int32
	// PPID is the id of the thread that made it, told for forks and for tasks
	// that were there when the recording began.
	PPID int32
}

// Event is one thing that a capture says happened. Which fields are filled
// depends on Kind; unknown ones hold NoCPU, NoPID, NoPrio or NoTime, never a
// plausible value.
type Event struct {
	// Time is in ns of the capture's own clock.
	Time int64
	// Start is where the span of a slice, loss or hole begins, in ns.
	Start int64
	// Pos is the place in the decoded input: a line number for text, a byte
	// offset for binary dialects.
	Pos int64
	// Task is the subject: see the kinds.
	Task Task
	// Next is the task switched to (KindSwitch) or the child (KindFork).
	Next Task
	// Cur is the task that was current on CPU when the event was recorded, from
	// the record's header (common_pid). Its Comm may be a name the recorder
	// cached: believe the payload's first.
	Cur Task
	// Runtime is the time run in ns (KindStatRuntime, KindSlice), at least (KindHole).
	Runtime int64
	// Wait and Delay are the wait time and the sch delay of a KindSlice, in ns.
	Wait, Delay int64
	// Count is the number of events a KindLost or KindOverwritten stands for, or that
	// which an Aside has; -1 if it does not say.
	Count int64
	// CPU is the CPU that recorded the event.
	CPU int32
	// OrigCPU and TargetCPU: see the kinds.
	OrigCPU, TargetCPU int32
	// OldPID is the pid before an exec.
	OldPID int32
	// Thread is the current thread when the event was recorded; in the recorder's
	// own record of a task (a KindComm, KindFork or KindExit without Cur) the
	// thread that it is about, of a fork the child.
	Thread Thread
	Kind   Kind
	// Context is what the recording CPU was doing.
	Context Context
	// Aside is what a KindOther tells of its CPU beside its tasks.
	Aside Aside
	// State is the state in which Task left the CPU (KindSwitch, KindSlice).
	State State
	// Text: see the kinds.
	Text string
}

// NewEvent returns an event of the given kind with every optional field
// unknown. Readers start from it.
func NewEvent(k Kind, time int64, cpu int32) (e Event) {
	e.Renew(k, time, cpu)
	return e
}

// Renew makes it what [NewEvent] returns, where it is: an event is large.
func (e *Event) Renew(k Kind, time int64, cpu int32) {
	e.Time, e.Start, e.Pos = time, NoTime, 0
	e.Task.forget()
	e.Next.forget()
	e.Cur.forget()
	e.Runtime, e.Wait, e.Delay, e.Count = NoTime, NoTime, NoTime, -1
	e.CPU, e.OrigCPU, e.TargetCPU, e.OldPID = cpu, NoCPU, NoCPU, NoPID
	e.Thread = Thread{TID: NoPID, TGID: NoPID, PPID: NoPID}
	e.Kind, e.Context, e.Aside, e.State, e.Text = k, ContextUnknown, NoAside, 0, ""
}

// Shown is from when on, in ns, the Task of a KindHole was certainly current.
func (e *Event) Shown() int64 { return e.RanSince(e.Start) }

// RanSince is from when on, in ns, a task that ran for Runtime was certainly current, if another
// one was up to a time: update_curr charges it since its pick.
func (e *Event) RanSince(other int64) int64 {
	if e.Runtime <= 0 {
		return e.Time
	}
	return max(other, e.Time-e.Runtime)
}

func (t *Task) forget() { t.PID, t.Prio, t.Comm = NoPID, NoPrio, "" }
