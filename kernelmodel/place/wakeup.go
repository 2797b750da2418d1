package place

import (
	"math"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
)

// Path is how the kernel arrived at a CPU, in the words of the design. They
// are part of the output's contract.
type Path string

// The paths.
const (
	PathTargetIdle    Path = "target-idle"
	PathPrevIdle      Path = "prev-idle"
	PathPerCPUKthread Path = "per-cpu-kthread"
	PathRecentUsed    Path = "recent-used"
	PathNoLLC         Path = "no-llc"
	PathIdleSMT       Path = "idle-smt"
	PathIdleCore      Path = "idle-core"
	PathIdleCPU       Path = "idle-cpu"
	PathIdleCapacity  Path = "idle-capacity"
	PathTarget        Path = "target"
	PathClusterPrev   Path = "cluster-prev"
	PathClusterRecent Path = "cluster-recent"
	PathSlow          Path = "slow-path"
	PathEAS           Path = "eas"
	PathCurrentCPU    Path = "current-cpu"
	PathRT            Path = "rt"
	PathDeadline      Path = "deadline"
	PathStop          Path = "stop"
	PathFallback      Path = "fallback"
	PathNoSelection   Path = "no-selection"
	PathNotModelled   Path = "not-modelled"
	PathUnknown       Path = "unknown"
)

// Reason says why a wakeup selected no CPU.
type Reason string

// The reasons beside [PathNoSelection].
const (
	ReasonNone              Reason = ""
	ReasonCurrent           Reason = "current"            // the task woke itself
	ReasonOnRq              Reason = "on-rq"              // still queued
	ReasonOnCPUQueue        Reason = "on-cpu-queue"       // still switching out; queued on its CPU
	ReasonDelayed           Reason = "delayed"            // asleep but still queued (delayed dequeue)
	ReasonOneCPU            Reason = "one-cpu"            // affinity of one CPU
	ReasonMigrationDisabled Reason = "migration-disabled" // migrate_disable()
)

// Kind is the event that places a task.
type Kind uint8

// The kinds of placement.
const (
	KindWakeup    Kind = iota // try_to_wake_up
	KindWakeupNew             // wake_up_new_task
	KindExec                  // sched_exec
)

// String returns the word that every output has for the kind: "wakeup",
// "wakeup-new" or "exec".
func (k Kind) String() string {
	switch k {
	case KindWakeupNew:
		return "wakeup-new"
	case KindExec:
		return "exec"
	}
	return "wakeup"
}

// Priorities of the kernel's scale: below MaxRTPrio real-time, below 0
// deadline.
const MaxRTPrio = 100

// Wakeup is one placement to be decided: what is known of the wakee, of the
// CPU that does the waking and of the task current there.
type Wakeup struct {
	Kind Kind
	// This is the CPU that executes the wakeup. With ThisIsPrev it is instead the
	// CPU the wakee was on: its own timer, which fires where it was armed.
	This       int
	ThisIsPrev bool
	// Prev holds the CPUs the task may be on, the likeliest first: one in the
	// recorded world, several where a world has lost track. Never empty.
	Prev []int
	// PrevFrom is the provenance of Prev.
	PrevFrom fact.Provenance
	// Prio is the wakee's priority on the kernel's scale.
	Prio int
	// Stop: the wakee is of the stop class (migration/N).
	Stop bool
	// Allowed is the wakee's affinity (cpus_ptr); AllowedFrom its provenance.
	Allowed     cpumask.Mask
	AllowedFrom fact.Provenance
	// OneCPU: nr_cpus_allowed is 1.
	OneCPU explore.Answer
	// MigrationDisabled: inside migrate_disable().
	MigrationDisabled explore.Answer
	// IsCurrent: the wakee is current on This.
	IsCurrent explore.Answer
	// OnRq: the wakee is still queued (on_rq).
	OnRq explore.Answer
	// OnCPU: the wakee has been dequeued but its CPU has not finished switching
	// away from it (on_cpu).
	OnCPU explore.Answer
	// Delayed: the wakee sleeps with delayed dequeue.
	Delayed explore.Answer
	// Sync: WF_SYNC was passed and the waker is not exiting.
	Sync explore.Answer
	// InTask: the wakeup is done in task context.
	InTask explore.Answer
	// Cur is the task current on This.
	Cur Current
	// IdlePolicy: the wakee's policy is SCHED_IDLE.
	IdlePolicy explore.Answer
	// Flips are the wakee_flips of the wakee: the values they may have with their
	// weights. Nil is unknown. Wides has them instead where it is set.
	Flips []Weighted
	// Load is task_h_load of the wakee, Weight its load weight.
	Load   explore.Range
	Weight int64
	// Util is the wakee's util_avg.
	Util explore.Range
	// RecentUsed holds the values recent_used_cpu may have, the likeliest first;
	// nil if it may be any.
	RecentUsed []int

	// Wides, if set, keeps the flips and the answers about them for all who ask about this
	// wakeup.
	Wides *Wides
}

// Current is the task that is current on the CPU that executes a wakeup.
type Current struct {
	// PerCPUKthread: it is a kthread of one CPU.
	PerCPUKthread explore.Answer
	// Flips are its wakee_flips after record_wakee: the values they may have with
	// their weights. Nil is unknown.
	Flips []Weighted
	// Load is its task_h_load, Weight its load weight; 0 of swapper.
	Load   explore.Range
	Weight int64
}

// Wides are the flips of the waker, after record_wakee, and of the wakee, with the answers
// about them. Most wakeups do not ask for them.
type Wides struct {
	// Tell says what they are. It is asked once for each wakeup, if at all.
	Tell func() (waker, wakee Counts)

	held       bool
	cur, wakee Counts
	known      []wideAnswer
}

// Forget empties them, for another pair of tasks or another time.
func (k *Wides) Forget() { k.held, k.known = false, k.known[:0] }

// Hold keeps the flips as they are now, for those who ask when they have changed.
func (k *Wides) Hold() {
	if !k.held {
		k.held = true
		k.cur, k.wakee = k.Tell()
	}
}

// wideAnswer keeps the answer about the flips by a rule for an LLC of size CPUs.
type wideAnswer struct {
	explore.Answer
	size int64
	rule rules.WakeWideRule
}

// Weighted is a value that a number may have, and how likely it is among the
// others.
type Weighted struct {
	Value  int64
	Weight uint32
}

// Counts are values that a number may have with their weights, each value by More more; none
// where nothing is known of it.
type Counts struct {
	Of   []Weighted
	More int64

	// The tests are made for many wakeups, so single values are looked at only where the least
	// and the greatest, without More, do not decide for all.
	weight      uint64
	least, most int64
}

// NewCounts are values with their weights.
func NewCounts(of []Weighted) Counts {
	c := Counts{Of: of, least: math.MaxInt64, most: math.MinInt64}
	for i := range of {
		x := &of[i]
		c.weight += uint64(x.Weight)
		c.least, c.most = min(c.least, x.Value), max(c.most, x.Value)
	}
	return c
}

// State answers what the kernel's code asks of the machine at the moment of
// the selection, in one world. CPU numbers are those of the machine.
type State interface {
	// Idle is available_idle_cpu: swapper is current, nothing is queued and no
	// wakeup is in flight.
	Idle(cpu int) explore.Answer
	// SchedIdle is sched_idle_cpu: only SCHED_IDLE tasks are runnable.
	SchedIdle(cpu int) explore.Answer
	// NrRunning is rq->nr_running, all classes.
	NrRunning(cpu int) explore.Range
	// NrRunnable is NrRunning less the delayed fair tasks that it includes.
	NrRunnable(cpu int) explore.Range
	// HasIdleCores is has_idle_cores of the LLC that cpu belongs to.
	HasIdleCores(cpu int) explore.Answer
	// ScanBudget is the number of CPUs that select_idle_cpu may look at for a
	// target in cpu's LLC, by the given rule, when called on this, and how likely
	// each number is; nil if nothing is known of that.
	ScanBudget(rule rules.BudgetRule, this, cpu int) (explore.Range, explore.Odds)
	// Load is the load of the CPU's fair queue by the given rule.
	Load(rule rules.LoadRule, cpu int) explore.Range
	// Runnable and Util are the runnable and utilisation averages.
	Runnable(cpu int) explore.Range
	Util(cpu int) explore.Range
	// Capacity is capacity_of: 1024 less what other classes and interrupts took.
	Capacity(cpu int) explore.Range
	// IdleSince is the time at which the CPU went idle (rq->idle_stamp), in ns of
	// the capture's clock.
	IdleSince(cpu int) explore.Range
	// CurPrio is the priority of the task current on cpu, 140 for swapper.
	CurPrio(cpu int) explore.Range
}

// Outcome is where one kernel puts the task under one assignment of the open
// questions.
type Outcome struct {
	// CPU is the CPU chosen.
	CPU int
	// Path leads to it.
	Path Path
	// Reason is set with [PathNoSelection].
	Reason Reason
	// Prev is the previous CPU in this run.
	Prev int
	// Target is the CPU handed to select_idle_sibling or the slow path.
	Target int
	// Affine is want_affine: the wakeup was allowed to pull the task.
	Affine bool
	// SetRecentUsed is the value written to the wakee's recent_used_cpu, -1 if
	// it was left alone.
	SetRecentUsed int
	// SetWakersRecent is the value written to the recent_used_cpu of the waker's
	// CPU's current task, -1 if it was left alone.
	SetWakersRecent int
	// ClearIdleCores is a CPU whose LLC has its has_idle_cores cleared, -1 if
	// none.
	ClearIdleCores int
	// IdleCores is the has_idle_cores that the run read: 0 or 1, -1 if it did not
	// read it.
	IdleCores int8
	// Sync is the WF_SYNC that the run asked for: 0 or 1, -1 if it did not ask.
	Sync int8
	// Wide is the answer of wake_wide: 0 or 1, -1 if it was not asked.
	Wide int8
	// Cap is the answer of wake_cap, in the same way.
	Cap int8
	// BudgetLo and BudgetHi bound the scan budget by what the run did: at least
	// Lo CPUs were looked at, no more than Hi; 0 and -1 where it shows nothing.
	BudgetLo, BudgetHi int64
	// Scan is what became of the walk that the budget limits; ScanWidth is how many
	// CPUs it had to look at where none of them was idle.
	Scan      ScanEnd
	ScanWidth int64
	// From is the weakest provenance that the run leaned on.
	From fact.Provenance
}

// ScanEnd is how select_idle_cpu's walk over single CPUs ended.
type ScanEnd uint8

// The ends.
const (
	ScanNone  ScanEnd = iota // there was none, or one for a whole core, which has no budget
	ScanFound                // it came to an idle CPU
	ScanShort                // its budget ran out before it came to one
	ScanVain                 // none of the CPUs was idle
)

// Selected reports whether the class's selector was called.
func (o *Outcome) Selected() bool { return o.Path != PathNoSelection && o.Path != PathUnknown }
