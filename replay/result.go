package replay

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// TaskRef names a task in results.
type TaskRef struct {
	PID int32
	// Comm is the name as recorded, byte for byte; the last one if it changed.
	Comm string
	// Prio is on the kernel's scale, parser.NoPrio if unknown.
	Prio int32
}

// Class says what a task is to an isolated CPU.
type Class uint8

// The classes, in the words of the design.
const (
	ClassUnknown Class = iota
	// ClassOwner: the isolated CPU's own task.
	ClassOwner
	// ClassForeign: a task whose affinity is wider than the isolated set.
	ClassForeign
	// ClassPinned: a task other than the owner whose affinity lies within the
	// isolated set.
	ClassPinned
	// ClassHousekeeping: a kernel thread bound to this CPU.
	ClassHousekeeping
	// ClassRecorder: the program that made the recording.
	ClassRecorder
	// ClassIdle: swapper.
	ClassIdle
)

// String returns the class as reports print it.
func (c Class) String() string {
	return [...]string{"unknown", "owner", "foreign", "pinned", "housekeeping", "recorder", "idle"}[c]
}

// WakerContext says who did the waking.
type WakerContext string

// The waker contexts of the wakeups contract.
const (
	WakerTask    WakerContext = "task"
	WakerSoftirq WakerContext = "softirq"
	WakerHardirq WakerContext = "hardirq"
	WakerIdle    WakerContext = "idle"
	WakerUnknown WakerContext = "unknown"
)

// Placed is where one kernel puts a task: the prediction and everything else
// that is possible.
type Placed struct {
	// CPU is the prediction, -1 if there is none.
	CPU int
	// Possible is the set of CPUs possible; valid only if Bounded. It contains
	// CPU.
	Possible cpumask.Mask
	// Bounded is false when no bound is known ("possible": null).
	Bounded bool
	// Path and Reason are those of the prediction.
	Path   place.Path
	Reason place.Reason
	// Prev is the task's previous CPU in this kernel's world, as predicted.
	Prev int
	// Target is the CPU handed to select_idle_sibling, as predicted.
	Target int
	// From is the weakest provenance that the prediction leans on.
	From fact.Provenance
}

// Certain reports whether exactly one CPU is possible.
func (p *Placed) Certain() bool { return p.Bounded && p.Possible.Weight() == 1 }

// Moved says whether the kernels differ about a wakeup.
type Moved string

// The values of "moved".
const (
	MovedNo       Moved = "no"
	MovedPossible Moved = "possible"
	MovedCertain  Moved = "certain"
)

// Wakeup is one line of `schedreplay wakeups`: a placement decision as
// recorded and as each kernel makes it. Pointers and masks in it are valid only
// during the callback that delivers it, unless noted.
type Wakeup struct {
	// N counts from 1 over the whole capture.
	N int64
	// Time is that of the event that starts the decision, in ns of the capture's
	// clock.
	Time int64
	Kind place.Kind
	// Task is the wakee.
	Task TaskRef
	// Waker is the task current on WakerCPU; WakerContext says whether it or an
	// interrupt over it did the waking.
	Waker        TaskRef
	WakerContext WakerContext
	WakerCPU     int
	// PrevCPU is the wakee's CPU before, NoCPU if unknown.
	PrevCPU int
	// RecordedCPU is the CPU that the recorded kernel chose, NoCPU if the capture
	// does not show it; RecordedFrom tells how it is known.
	RecordedCPU  int
	RecordedFrom fact.Provenance
	// Selection: the class's selector ran. SelectionKnown is false where that
	// cannot be told.
	Selection, SelectionKnown bool
	// Original and Patched are the answers of the two kernels by their roles, Baseline
	// the role of the one that made the recording; empty is RoleOriginal.
	Original, Patched Placed
	Baseline          Role
	Moved             Moved
	// ModelMiss: no assignment of the unknown facts makes the baseline yield the
	// recorded CPU.
	ModelMiss bool
	// Isolated: the recorded CPU is isolated; IsolatedKnown is false if isolation
	// is unknown.
	Isolated, IsolatedKnown bool
	// DivergedSince is the N of the decision since which the task's place differs
	// between the recording and the alternative's world, 0 if it does not.
	DivergedSince int64
	// More are the answers of the alternatives after the first.
	More []Alternative
	// Explanation is the decision test by test, nil unless it was asked for.
	Explanation *Explanation
}

// Made is the answer of the kernel that made the recording, Other that of the first
// alternative.
func (w *Wakeup) Made() *Placed {
	if w.Baseline == RolePatched {
		return &w.Patched
	}
	return &w.Original
}

// Other is the answer of the first alternative.
func (w *Wakeup) Other() *Placed {
	if w.Baseline == RolePatched {
		return &w.Original
	}
	return &w.Patched
}

// Alternative is what a further kernel makes of a wakeup; see [Wakeup].
type Alternative struct {
	// Kernel is the scenario's name.
	Kernel string
	Placed
	Moved         Moved
	DivergedSince int64
}

// Slice is one run of a task on an isolated CPU, from switch to switch.
type Slice struct {
	CPU   int
	Task  TaskRef
	Class Class
	// Start and End in ns; CutStart and CutEnd say that the window's edge or a
	// hole cut the run there, so that it was at least this long.
	Start, End       int64
	CutStart, CutEnd bool
	// Delay is the sch delay before the run in ns, from sched_waking (else
	// sched_wakeup) to Start; parser.NoTime if the run began otherwise.
	Delay int64
	// Intruded: a foreign task ran on the CPU between the waking and Start.
	Intruded bool
	// Stay is the index of the stay the run belongs to in CPUResult.Stays, -1
	// for owner, idle and others.
	Stay int
	// Patched says where this run's task is in the patched world: on this CPU or
	// another isolated one (Certain), perhaps (Possible), or not (No).
	Patched Moved
}

// Entry is the wakeup by which a stay began.
type Entry struct {
	Wakeup
	// Path is how the baseline arrives at the recorded CPU; that of its
	// prediction if it cannot (ModelMiss).
	Path place.Path
	// Explanation is the decision step by step under both kernels; nil if it was
	// not asked for.
	Explanation *Explanation
}

// Explanation tells one decision test by test.
type Explanation struct {
	Original, Patched []place.Step
}

// How says how a task came to an isolated CPU.
type How string

// The ways in.
const (
	// CameByWakeup: selected there by a wakeup or fork; Stay.Entry holds it.
	CameByWakeup How = "wakeup"
	// CameByMigration: moved there while runnable (load balancer, affinity
	// change, stopper).
	CameByMigration How = "migration"
	// CameBefore: there when the capture begins; its entry is outside it.
	CameBefore How = "resident-at-start"
	// CameUnseen: the recording does not show how it came, nor whether it was there
	// when the capture begins (loss, hole, CPU not recorded). Arrived is when it was
	// first seen there; what the patched kernel leaves of the stay is possible at most.
	CameUnseen How = "unseen"
)

// Stay is a task's time on an isolated CPU from arrival to departure.
type Stay struct {
	CPU   int
	Task  TaskRef
	Class Class
	How   How
	// Entry is the wakeup that brought the task; nil unless How is CameByWakeup.
	Entry *Entry
	// FromCPU is the CPU the task came from, NoCPU if unknown.
	FromCPU int
	// Arrived and Left in ns; Left is parser.NoTime if the task was still there
	// when the capture ends, Arrived if it was there when it begins.
	Arrived, Left int64
	// Wakings is the number of wakings of the task after the entry while its CPU
	// was this one; Selections of them went through the selector; StayedPut of
	// those chose this CPU again.
	Wakings, Selections, StayedPut int64
	// SelectionsUnknown counts those of Wakings of which it is not known whether
	// they went through the selector.
	SelectionsUnknown int64
	// Runs and RunNS count the slices and their time in ns; CutRuns of them were
	// cut by the window or a hole, so that RunNS is a lower bound if it is not 0.
	Runs, CutRuns int64
	RunNS         int64
	// PatchedCertain, PatchedPossible count those of Wakings plus the entry that
	// land on an isolated CPU under the patched kernel, surely or perhaps.
	// PatchedRunNS is the run time of the runs that surely remain there, and
	// PatchedRunMaxNS of those that may. Where the patched kernel made the recording
	// all of it does.
	PatchedCertain, PatchedPossible int64
	PatchedRunNS, PatchedRunMaxNS   int64
	// More is the same for the alternatives after the first.
	More []Remains
	// DelayedOwner is the number of owner wakings whose sch delay a run of this
	// stay lengthened, and DelayedOwnerNS the time it ran between waking and
	// switch-in.
	DelayedOwner   int64
	DelayedOwnerNS int64
}

// Remains is what an alternative leaves of a stay: wakings with the entry, and run time
// in ns of the runs that surely remain on an isolated CPU, RunMaxNS with those that may.
type Remains struct {
	// Kernel is the scenario's name.
	Kernel            string
	Certain, Possible int64
	RunNS, RunMaxNS   int64
}

// CPUResult is what the recording shows of one isolated CPU.
type CPUResult struct {
	CPU int
	// Owner is nil if unknown.
	Owner *TaskRef
	// OwnerFrom tells how the owner is known.
	OwnerFrom fact.Provenance
	// Time in ns by class over the window; ClassUnknown is the time of which the
	// recording does not tell who ran.
	Time map[Class]int64
	// Stays of foreign and unknown-class tasks in order of arrival; at most
	// MaxStays are kept, StaysDropped counts the rest.
	Stays        []*Stay
	StaysDropped int64
	// Others are the housekeeping, pinned and recorder tasks seen on the CPU, by
	// pid, with their runs.
	Others []OtherTask
	// OwnerDelay and OwnerDelayIntruded are the owner's sch delays without and
	// with an intruder on the core between waking and switch-in.
	OwnerDelay, OwnerDelayIntruded *DelayHistogram
	// WorstDelay is the longest owner delay and when it ended.
	WorstDelay, WorstDelayAt int64
}

// OtherTask is a task seen on an isolated CPU that is neither owner nor
// foreign.
type OtherTask struct {
	Task  TaskRef
	Class Class
	Runs  int64
	RunNS int64
}

// PathScore is the fidelity of one predicted path.
type PathScore struct {
	Path                      place.Path
	Decisions, Exact, Covered int64
}

// Fidelity is how well the baseline's model explains the recording.
type Fidelity struct {
	Decisions, Exact, Covered, Unjudged int64
	// PossibleSum is the sum of the set sizes of judged decisions.
	PossibleSum int64
	// Paths are in the order of kernelmodel's path list, only those that occur.
	Paths []PathScore
}

// PossibleMean is the mean size of the set in CPUs, 0 without decisions.
func (f *Fidelity) PossibleMean() float64 {
	if n := f.Decisions - f.Unjudged; n > 0 {
		return float64(f.PossibleSum) / float64(n)
	}
	return 0
}

// Landing counts where one intruder's wakeups land under each kernel.
type Landing struct {
	Task TaskRef
	// Recorded, Original and Patched count decisions by CPU chosen; predictions.
	Recorded, Original, Patched map[int]int64
	// RecordedRunNS is the task's run time by CPU in ns, as recorded.
	RecordedRunNS map[int]int64
}

// MovedTask is one task's share of the wakeups that the patch changes.
type MovedTask struct {
	Task              TaskRef
	Certain, Possible int64
	// ToHousekeeping counts the certain and possible ones that leave an isolated
	// CPU, ToIsolated those that come to one, Within those that do neither.
	ToHousekeeping, ToIsolated, Within int64
}

// Unknown is something the program could not know, and what that costs.
type Unknown struct {
	Kind UnknownKind
	// CPUs are those it is about, N counts what it is about; each kind says which.
	CPUs cpumask.Mask
	N    int64
	// Release is the kernel's, for [UnknownFixes].
	Release string
}

// UnknownKind says what could not be known; findings/say has the words.
type UnknownKind uint8

// What may be unknown, in the order in which it is listed.
const (
	// UnknownTopology: SMT siblings, caches, NUMA nodes.
	UnknownTopology UnknownKind = iota
	// UnknownIsolation: which CPUs are isolated; CPUs look so, none if it is empty.
	UnknownIsolation
	// UnknownSliceWakeups: the capture holds slices and no wakeups.
	UnknownSliceWakeups
	// UnknownWakeups: the capture holds no wakeups.
	UnknownWakeups
	// UnknownWakings: the capture holds no sched_waking.
	UnknownWakings
	// UnknownAffinity: nothing tells the affinity of any task.
	UnknownAffinity
	// UnknownElsewhere: the recorder was limited to CPUs.
	UnknownElsewhere
	// UnknownSilentElsewhere: the capture holds no event of other CPUs than CPUs.
	UnknownSilentElsewhere
	// UnknownSilent: N CPUs have no event.
	UnknownSilent
	// UnknownHidden: what is in no event: WF_SYNC, load averages, nr_idle_scan.
	UnknownHidden
	// UnknownFixes: which fixes Release carries.
	UnknownFixes
	// UnknownBalancer: N recorded moves could not be applied in the alternative's world.
	UnknownBalancer
)

// Result is the outcome of a replay.
type Result struct {
	// Meta and Host are the capture's and the machine's descriptions.
	Meta *parser.Meta
	Host *parser.Host
	// Original and Patched are the kernels compared.
	Original, Patched *rules.Kernel
	// Baseline is the role of the kernel that made the recording; Settled tells how the
	// kernels were chosen, KernelsFrom where the baseline's name comes from.
	Baseline    Role
	Settled     Settlement
	KernelsFrom fact.Provenance
	// StoodStill counts the CPUs that wrote many events at one time, since their clocks
	// stood still.
	StoodStill int
	// Unrehearsed is the number of events of a capture too long for a rehearsal, more than
	// [MaxRehearsed]; 0 if there was one, or nothing to rehearse.
	Unrehearsed int64
	// Start and End of the window in ns of the capture's clock.
	Start, End int64
	// Recorded is the set of CPUs with events; Only those that the recording is
	// limited to (perf record -C, lines of one CPU), empty if it is not.
	Recorded, Only cpumask.Mask
	// Isolated is the set of isolated CPUs; Focus those looked at (--cpu).
	Isolated fact.Fact[cpumask.Mask]
	Focus    []int
	// CPUs holds the results of Focus, in its order.
	CPUs []*CPUResult
	// Fidelity of the baseline.
	Fidelity Fidelity
	// Alternatives are the plan's, in its order; the first is one of Original and
	// Patched. Scores are of Plan.Judged, in that order.
	Alternatives []AlternativeResult
	Scores       []KernelScore
	// Wakeups counts placements of every kind; Events the events by kind.
	Wakeups int64
	Events  map[parser.Kind]int64
	// Lost is the number of events the recorder says it lost (-1 in LostUnknown
	// spans counted apart), Holes the breaks that no loss explains, Damaged the
	// undecodable pieces.
	Lost, LostUnknown, Holes, Damaged, Overwritten int64
	// Unplaced counts the wakeups that the model has no answer for.
	Unplaced int64
	// MovedCertain and MovedPossible count decisions by Moved, of the first
	// alternative.
	MovedCertain, MovedPossible int64
	// Moved lists the tasks they belong to, most certain first, then by pid.
	Moved []MovedTask
	// Landings of the tasks that had a foreign stay, by pid.
	Landings []*Landing
	// BalancerMoves counts migrations outside wakeups; BalancerIgnored those of
	// diverged tasks that the first alternative's world ignored.
	BalancerMoves, BalancerIgnored int64
	// Unknown lists what is not known and what it costs, in a fixed order.
	Unknown []Unknown
	// Partial is the error that ended the reading early, nil if it was complete.
	Partial error
}

// BaselineKernel is the kernel that made the recording.
func (r *Result) BaselineKernel() *rules.Kernel {
	if r.Baseline == RolePatched {
		return r.Patched
	}
	return r.Original
}

// MaxStays bounds the stays kept per CPU.
const MaxStays = 10_000
