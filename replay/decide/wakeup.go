package decide

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay/hidden"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// Role is the part that a kernel plays in a comparison.
type Role string

// The roles. One of the two made the recording.
const (
	RoleOriginal Role = "original"
	RolePatched  Role = "patched"
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
	// Widened: not every combination of what is open was tried, so that Possible holds all that
	// the rest could come to.
	Widened bool
	// Path and Reason are those of the prediction.
	Path   place.Path
	Reason place.Reason
	// Prev is the task's previous CPU in this kernel's world, as predicted.
	Prev int
	// Target is the CPU handed to select_idle_sibling, as predicted.
	Target int
	// From is the weakest provenance that the prediction leans on.
	From fact.Provenance
	// Also holds CPUs that this answer does not keep the kernel from either: the model
	// cannot reproduce what the recorded kernel decided, so something that the answer
	// leans on is wrong. Empty but beside ModelMiss.
	Also cpumask.Mask
}

// Certain reports whether exactly one CPU is possible.
func (p *Placed) Certain() bool { return p.Bounded && p.May().Weight() == 1 }

// May is the set of CPUs that the kernel may have chosen: Possible and Also.
func (p *Placed) May() cpumask.Mask {
	if p.Also.Empty() {
		return p.Possible
	}
	return p.Possible.Or(p.Also)
}

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
	Task timeline.TaskRef
	// Waker is the task current on WakerCPU; WakerContext says whether it or an
	// interrupt over it did the waking.
	Waker        timeline.TaskRef
	WakerContext hidden.WakerContext
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

// Explanation tells one decision test by test.
type Explanation struct {
	Original, Patched []Step
}

// Step is one test of a decision. Of a CPU that is not idle, Occupant says what is there.
type Step struct {
	place.Step
	Occupant world.Occupant
}

// inTask reports whether the task current on WakerCPU did the waking, as far as is known.
func (w *Wakeup) inTask() bool {
	return w.WakerContext == hidden.WakerTask || w.WakerContext == hidden.WakerUnknown
}

// waking is the line as hidden facts hang on it.
func (w *Wakeup) waking() hidden.Waking {
	return hidden.Waking{
		Time: w.Time, Context: w.WakerContext, Waker: w.Waker.PID, CPU: w.WakerCPU, Wakee: w.Task.PID, WakerComm: w.Waker.Comm, WakeeComm: w.Task.Comm,
	}
}
