package replay

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/decide"
)

// Unknown is something the program could not know, and what that costs.
type Unknown struct {
	Kind UnknownKind
	// CPUs are those it is about, N counts what it is about; each kind says which.
	CPUs cpumask.Mask
	N    int64
	// Release is the kernel's, for [UnknownFixes].
	Release string
	// Change is that of [UnknownAffinityChange].
	Change *AffinityChange
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
	// UnknownSilent: N CPUs have no event; of them CPUs were passed over by decisions that
	// wanted an idle one, so they were busy.
	UnknownSilent
	// UnknownHidden: what is in no event: WF_SYNC, load averages, nr_idle_scan.
	UnknownHidden
	// UnknownFixes: which fixes Release carries.
	UnknownFixes
	// UnknownAffinityChange: a narrower affinity that a task seems to have had.
	UnknownAffinityChange
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
	Baseline    decide.Role
	Settled     Settlement
	KernelsFrom fact.Provenance
	// StoodStill counts the CPUs that wrote many events at one time, since their clocks
	// stood still.
	StoodStill int
	// Start and End of the window in ns of the capture's clock.
	Start, End int64
	// Recorded is the set of CPUs with events; Only those that the recording is
	// limited to (perf record -C, lines of one CPU), empty if it is not.
	Recorded, Only cpumask.Mask
	// Isolated is the set of isolated CPUs; Focus those looked at (--cpu).
	Isolated fact.Fact[cpumask.Mask]
	Focus    []int
	// CPUs holds the results of Focus, in its order.
	CPUs []*account.CPUResult
	// Fidelity of the baseline.
	Fidelity decide.Fidelity
	// Alternatives are the plan's, in its order; the first is one of Original and
	// Patched. Scores are of Plan.Judged, in that order.
	Alternatives []AlternativeResult
	Scores       []decide.KernelScore
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
	Moved []account.MovedTask
	// Landings of the tasks that had a foreign stay, by pid.
	Landings []*account.Landing
	// Spare is how long CPUs were idle while tasks waited on others, nil unless
	// Observer.Why asked for it.
	Spare *account.Spare
	// Hung are the tasks that the kernel reported to hang (sched_process_hang).
	Hung Hung
	// Migrations are all recorded ones by what made them, the most first.
	Migrations []account.Migrations
	// BalancerMoves counts migrations outside wakeups; BalancerIgnored those of
	// diverged tasks that the first alternative's world ignored.
	BalancerMoves, BalancerIgnored int64
	// AffinityChanges are narrower affinities that explain decisions, in the order in which
	// they came to be believed.
	AffinityChanges []AffinityChange
	// Unknown lists what is not known and what it costs, in a fixed order.
	Unknown []Unknown
	// Partial is the error that ended the reading early, nil if it was complete.
	Partial error
}

// Hung are reports of hung tasks: how many, and the first.
type Hung struct {
	Count int64
	First []HungTask
}

// HungTask is a task that has not been scheduled for a long time, reported At, in ns.
type HungTask struct {
	Task TaskRef
	At   int64
}

// maxHung bounds the reports kept.
const maxHung = 10

func (h *Hung) add(ev *parser.Event) {
	if h.Count++; len(h.First) < maxHung {
		h.First = append(h.First, HungTask{TaskRef{PID: ev.Task.PID, Comm: ev.Task.Comm, Prio: ev.Task.Prio}, ev.Time})
	}
}

// BaselineKernel is the kernel that made the recording.
func (r *Result) BaselineKernel() *rules.Kernel {
	if r.Baseline == decide.RolePatched {
		return r.Patched
	}
	return r.Original
}
