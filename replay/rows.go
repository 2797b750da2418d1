package replay

import (
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/decide"
	"schedreplay/replay/hidden"
	"schedreplay/replay/noise"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// What a result consists of, by the room that makes it; see there. The rooms are for this
// package alone, so these are the names that others use.
type (
	// TaskRef, WakerContext: who, from the timeline; OffCPU: since when off its CPU.
	TaskRef      = timeline.TaskRef
	OffCPU       = timeline.OffCPU
	WakerContext = hidden.WakerContext
	// Scenario is a kernel on a host.
	Scenario = world.Scenario

	// Wakeup and what it holds, from the decisions.
	Wakeup      = decide.Wakeup
	Placed      = decide.Placed
	Moved       = decide.Moved
	Role        = decide.Role
	Alternative = decide.Alternative
	Explanation = decide.Explanation
	Step        = decide.Step
	Occupant    = world.Occupant
	Occupies    = world.Occupies
	Fidelity    = decide.Fidelity
	PathScore   = decide.PathScore
	Scorer      = decide.Scorer
	KernelScore = decide.KernelScore
	// AffinityChange is an affinity that decisions tell of.
	AffinityChange = decide.AffinityChange

	// CPUResult and what it holds, from the accounts of isolated CPUs.
	CPUResult = account.CPUResult
	Stay      = account.Stay
	Entry     = account.Entry
	Slice     = account.Slice
	Remains   = account.Remains
	OtherTask = account.OtherTask
	Landing   = account.Landing
	MovedTask = account.MovedTask
	Hold      = account.Hold
	Class     = account.Class
	WaitKind  = account.WaitKind
	Waits     = account.Waits
	Part      = account.Part
	Cause     = account.Cause
	How       = account.How
	Mover     = account.Mover
	// Noise is what took a CPU from its owner, Wake how a task was woken.
	Noise      = account.Noise
	NoiseItem  = account.NoiseItem
	NoiseCause = account.NoiseCause
	NoiseKind  = noise.Kind
	NoiseBy    = noise.By
	// Interrupts follows what one CPU does beside its tasks; an Interruption is an
	// interrupt or softirq that ran there.
	Interrupts   = noise.CPU
	Interruption = noise.Interruption
	NoiseSpan    = noise.Span
	// Instigator is who woke a task, raised a softirq or sent an interrupt.
	Instigator = noise.Cause
	Wake       = account.Wake
	Spare      = account.Spare
	SpareWait  = account.SpareWait
)

// The values of the types above.
const (
	WakerTask    = hidden.WakerTask
	WakerSoftirq = hidden.WakerSoftirq
	WakerHardirq = hidden.WakerHardirq
	WakerIdle    = hidden.WakerIdle
	WakerUnknown = hidden.WakerUnknown

	RoleOriginal    = decide.RoleOriginal
	RolePatched     = decide.RolePatched
	OccupiesUnknown = world.OccupiesUnknown
	OccupiesRunning = world.OccupiesRunning
	OccupiesQueued  = world.OccupiesQueued
	OccupiesPending = world.OccupiesPending
	OccupiesMoved   = world.OccupiesMoved
	MovedNo         = decide.MovedNo
	MovedPossible   = decide.MovedPossible
	MovedCertain    = decide.MovedCertain

	ClassUnknown      = account.ClassUnknown
	ClassOwner        = account.ClassOwner
	ClassForeign      = account.ClassForeign
	ClassPinned       = account.ClassPinned
	ClassHousekeeping = account.ClassHousekeeping
	ClassRecorder     = account.ClassRecorder
	ClassIdle         = account.ClassIdle
	SchDelay          = account.SchDelay
	OffCPUGap         = account.OffCPUGap
	WaitKinds         = account.WaitKinds
	CauseUnknown      = account.CauseUnknown
	CauseForeign      = account.CauseForeign
	CausePinned       = account.CausePinned
	CauseHousekeeping = account.CauseHousekeeping
	CauseRecorder     = account.CauseRecorder
	CauseThrottled    = account.CauseThrottled
	CauseIdle         = account.CauseIdle
	CauseElsewhere    = account.CauseElsewhere
	NoiseTask         = noise.Task
	NoiseKthread      = noise.Kthread
	NoiseHardirq      = noise.Hardirq
	NoiseSoftirq      = noise.Softirq
	NoiseTick         = noise.Tick
	NoiseIPI          = noise.IPI
	NoiseKinds        = noise.Kinds
	ByFunction        = noise.ByFunction
	ByTask            = noise.ByTask
	ByHardirq         = noise.ByHardirq
	BySoftirq         = noise.BySoftirq
	BySender          = noise.BySender
	CauseHardirq      = account.CauseHardirq
	CauseSoftirq      = account.CauseSoftirq
	CauseIdleState    = account.CauseIdleState
	Causes            = account.Causes
	CameByWakeup      = account.CameByWakeup
	CameByMigration   = account.CameByMigration
	CameBefore        = account.CameBefore
	CameUnseen        = account.CameUnseen
	MovedWakeup       = account.MovedWakeup
	MovedFork         = account.MovedFork
	MovedNewidle      = account.MovedNewidle
	MovedUnknown      = account.MovedUnknown
	MovedPeriodic     = account.MovedPeriodic
	MovedNohz         = account.MovedNohz
	MovedStopper      = account.MovedStopper
	MovedAffinity     = account.MovedAffinity

	// MaxStays bounds the stays kept per CPU.
	MaxStays = account.MaxStays
	// MaxRuledOut bounds KernelScore.RuledOutBy.
	MaxRuledOut = decide.MaxRuledOut
)

// BuildMachine makes the model's machine from a host description for a kernel that builds
// its domains by the given rules, nil if the topology is not known.
func BuildMachine(h *parser.Host, built rules.DomainRules) *topo.Machine {
	return world.BuildMachine(h, built)
}

// Rank orders scores, the best first; see [decide.Rank].
func Rank(scores []KernelScore) { decide.Rank(scores) }
