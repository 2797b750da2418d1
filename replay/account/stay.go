package account

import (
	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/decide"
	"schedreplay/replay/timeline"
)

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

// Slice is one run of a task on an isolated CPU, from switch to switch.
type Slice struct {
	CPU   int
	Task  timeline.TaskRef
	Class Class
	// Start and End in ns; CutStart and CutEnd say that the window's edge or a
	// hole cut the run there, so that it was at least this long.
	Start, End       int64
	CutStart, CutEnd bool
	// Delay is the sch delay before the run in ns, from sched_waking (else
	// sched_wakeup) to Start; parser.NoTime if the run began otherwise.
	Delay int64
	// Gap is the off-CPU gap before the run in ns, NoTime if the run did not end one.
	Gap int64
	// Intruded: of an owner's run, a foreign task ran on the CPU in its wait. Parts are what
	// the wait went to; they sum to it. Kept is the wait in ns less the runs that the first
	// alternative surely takes elsewhere.
	Intruded bool
	Parts    []Part
	Kept     int64
	// Woken is how the task was woken to this run, nil if it was not, or that is not told.
	Woken *Wake
	// Stay is the index of the stay the run belongs to in CPUResult.Stays, -1
	// for owner, idle and others.
	Stay int
	// Patched says where this run's task is in the patched world: on this CPU or
	// another isolated one (Certain), perhaps (Possible), or not (No).
	Patched decide.Moved
}

// Wait is the wait that the run ended; its time is NoTime if it ended none.
func (s *Slice) Wait() (WaitKind, int64) {
	if s.Delay != parser.NoTime {
		return SchDelay, s.Delay
	}
	return OffCPUGap, s.Gap
}

// OwnerWait is the owner's wait that the run ended; ok is false if it ended none.
func (s *Slice) OwnerWait() (kind WaitKind, ns int64, ok bool) {
	kind, ns = s.Wait()
	return kind, ns, s.Class == ClassOwner && ns >= 0
}

// Entry is the wakeup by which a stay began.
type Entry struct {
	decide.Wakeup
	// Path is how the baseline arrives at the recorded CPU; that of its
	// prediction if it cannot (ModelMiss).
	Path place.Path
	// Explanation is the decision step by step under both kernels; nil if it was
	// not asked for.
	Explanation *decide.Explanation
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
	Task  timeline.TaskRef
	Class Class
	How   How
	// Entry is the wakeup that brought the task; nil unless How is CameByWakeup.
	Entry *Entry
	// Cgroup is the short name of the task's control group, empty if it is the root or
	// not known.
	Cgroup string
	// MovedBy is what moved it, where How is CameByMigration; else empty.
	MovedBy Mover
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
	// DelayedOwner is the number of the owner's waits, of either kind, in which the
	// task ran, and DelayedOwnerNS the time that it ran in them.
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
	Owner *timeline.TaskRef
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
	// Waits are the owner's, by kind.
	Waits [WaitKinds]Waits
	// Noise is what took the CPU from its owner.
	Noise *Noise
}

// OtherTask is a task seen on an isolated CPU that is neither owner nor
// foreign.
type OtherTask struct {
	Task  timeline.TaskRef
	Class Class
	Runs  int64
	RunNS int64
}

// Landing counts where one intruder's wakeups land under each kernel.
type Landing struct {
	Task timeline.TaskRef
	// Recorded, Original and Patched count decisions by CPU chosen; predictions.
	Recorded, Original, Patched map[int]int64
	// RecordedRunNS is the task's run time by CPU in ns, as recorded.
	RecordedRunNS map[int]int64
}

// MovedTask is one task's share of the wakeups that the patch changes.
type MovedTask struct {
	Task              timeline.TaskRef
	Certain, Possible int64
	// ToHousekeeping counts the certain and possible ones that leave an isolated
	// CPU, ToIsolated those that come to one, Within those that do neither.
	ToHousekeeping, ToIsolated, Within int64
}

// MaxStays bounds the stays kept per CPU.
const MaxStays = 10_000

// Hold is what foreign tasks do to one isolated CPU in a world.
type Hold struct {
	CPU int
	// Entries counts selections that take a foreign task there from elsewhere;
	// EntriesPossible those that may.
	Entries, EntriesPossible int64
	// HeldNS is the run time of foreign tasks that are predicted there, in ns:
	// the time they ran as recorded.
	HeldNS int64
}

// Difference is what an alternative makes of a capture.
type Difference struct {
	// Holds are the CPUs of Result.Focus, in that order.
	Holds []Hold
	// MovedCertain and MovedPossible count decisions by Moved.
	MovedCertain, MovedPossible int64
	// Moved lists the tasks they belong to, most certain first, then by pid.
	Moved []MovedTask
}
