package rules

// Rules is one kernel's row of switches: everything in which the placement of
// a waking task differs between the kernels that the model covers. Code asks
// the row; it never asks for a version.
//
// Words and commits for each switch are in the table, and in docs/model.md.
type Rules struct {
	// CurShortcut: waking the current task only sets its state back; no
	// selection (5.3+).
	CurShortcut bool
	// OnCPUQueue: a wakee still switching out may be put on the wake list of its
	// old CPU without selection (5.8+).
	OnCPUQueue bool
	// Wakelist says when a wakeup is queued for its target to finish.
	Wakelist WakelistRule
	// WakeWide is the form of wake_wide.
	WakeWide WakeWideRule
	// WakeCap: a wakee too large for the smaller of the waker's CPU and prev is not
	// pulled, on whatever machine has CPUs of different capacity (4.9 to 4.19).
	WakeCap bool
	// CurrentCPUFlag: WF_CURRENT_CPU exists (6.6+).
	CurrentCPUFlag bool
	// EAS: find_energy_efficient_cpu exists (5.0+); such machines are recognised
	// and not modelled.
	EAS bool
	// SiblingNeedsAffine: select_idle_sibling runs only if a domain of the
	// waker's CPU spans prev; otherwise the task stays without a search (3.x).
	SiblingNeedsAffine bool
	// AffineIdle: wake_affine asks for idleness before it compares loads (4.14+).
	AffineIdle bool
	// AffineEager: an idle waker's CPU is taken whatever prev is and does, and
	// equal loads speak for it too (4.14 and 4.15; 7332dec055f2, 806486c377e3 and
	// 082f764a2f3f ended it).
	AffineEager bool
	// IdlePrev: wake_affine_idle also returns an idle prev when this is not
	// taken (d8fcb81f1acf, 5.11+).
	IdlePrev bool
	// DelayedDiscount: wake_affine_idle counts nr_running without the delayed
	// fair tasks (aa3ee4f0b754, 6.16+, 6.12.37+).
	DelayedDiscount bool
	// Affine is the form in which wake_affine compares loads.
	Affine AffineRule
	// CPULoad is the load of a CPU that wake_affine and the slow path compare.
	CPULoad LoadRule
	// TaskWeight: wake_affine adds the wakee's weight to it, and takes away that of
	// the waker's task, instead of their load averages (up to 4.2).
	TaskWeight bool
	// SchedIdle: a CPU that runs SCHED_IDLE tasks only passes as idle (5.4+).
	SchedIdle bool
	// SchedIdleSecond: the scans take such a CPU only if they find no idle one
	// (5.4 and 5.5; 17346452b25b).
	SchedIdleSecond bool
	// SchedIdleOthers: such a CPU does not pass for a wakee that is SCHED_IDLE itself
	// (fd54d81c2c0e, 7.1+).
	SchedIdleOthers bool
	// RecentUsed is the life of recent_used_cpu.
	RecentUsed RecentUsedRule
	// RecentUsedMask: the recent-used test looks at the affinity of the CPU it
	// returns. Between 5.15 and 6.4 it looked at prev instead (ae2ad293d6be).
	RecentUsedMask bool
	// PerCPUKthread: a per-CPU kthread's wakee may stack on prev (5.6+).
	PerCPUKthread bool
	// KthreadInTask: that rule applies in task context only (8b4e74ccb582).
	KthreadInTask bool
	// Sibling says where select_idle_smt stands.
	Sibling SiblingRule
	// SMTSpan: select_idle_smt demands membership of the LLC's domain span
	// (df3cb4ea1fb6, 8aeaffef8c6e): the fix this program is about.
	SMTSpan bool
	// SMTSkipsTarget: select_idle_smt passes over the CPU it starts from
	// (b9bae70440d2, 6.1+).
	SMTSkipsTarget bool
	// Scan is the shape of the core and CPU scans.
	Scan ScanRule
	// CoreSpan: the fallback CPU of the core scan must be in the mask scanned
	// (23d04d8c6b8e); without it, in the task's affinity only.
	CoreSpan bool
	// Budget is how many CPUs select_idle_cpu may look at.
	Budget BudgetRule
	// ScanAffinityFree: CPUs outside the affinity do not use up the budget
	// (60588bfa223f, 5.6+; stable branches from 4.14 on took it).
	ScanAffinityFree bool
	// ScanAfterTarget: the scan starts behind target, not at it (5.15+).
	ScanAfterTarget bool
	// ThisDomain: select_idle_cpu gives up when the waker's CPU has no LLC
	// domain (until 6.0).
	ThisDomain bool
	// HasIdleCoresDefault is what has_idle_cores reads where no LLC is shared:
	// only the setter notices (398ba2b0cc0a).
	HasIdleCoresDefault bool
	// ClearThis: a failed core scan clears has_idle_cores of the waker's LLC, not
	// of the target's (5.12).
	ClearThis bool
	// Cluster: prev and recent-used CPUs must share the target's cluster to be
	// taken at once, and the cluster is scanned first (6.7+).
	Cluster bool
	// PendingLast: a CPU clears ttwu_pending after it has queued what was on its
	// wake list, not before (d6962c4fe8f9, 6.2+).
	PendingLast bool
	// Throttle is what a CPU limit does to the tasks of a control group.
	Throttle ThrottleRule
	// DelayDequeue: a task that sleeps while not eligible stays queued and is
	// woken in place (6.12+).
	DelayDequeue bool
	// SlowPath is the form of find_idlest_group.
	SlowPath SlowPathRule
	// GroupAllowed: find_idlest_group counts the CPUs that the task may use only, not the
	// whole group (82d6e01a0699, 6.19+ and stable branches).
	GroupAllowed bool
	// ForkQuarter: find_idlest_group keeps a task on its node while fewer tasks
	// than a quarter of the domain's CPUs run there (23e6082a522e, 5.11 to 5.17).
	ForkQuarter bool
	// ImbNumaNr: find_idlest_group lets imb_numa_nr tasks stay on a node (5.18+).
	ImbNumaNr bool
	// HousekeepingAny: select_idle_cpu, called on a CPU without LLC domain,
	// returns a housekeeping CPU: the second, unmerged 4.19 patch.
	HousekeepingAny bool
}

// WakelistRule says when ttwu_queue leaves the activation to the target CPU.
type WakelistRule uint8

// The forms of ttwu_queue_cond, oldest first.
const (
	// WakelistRemote: every other CPU (3.0).
	WakelistRemote WakelistRule = iota
	// WakelistNoShare: CPUs that share no LLC with the waker's (3.3+).
	WakelistNoShare
	// WakelistOnCPU: or the wakee is still on its CPU, which has nothing else to
	// run (5.8+).
	WakelistOnCPU
	// WakelistOnCPUEmpty: and that CPU's queue must be empty, the wakee being off it
	// already (28156108fecb alone, 5.10.137+).
	WakelistOnCPUEmpty
	// WakelistIdle: or another CPU whose queue is empty (6.0+).
	WakelistIdle
)

// WakeWideRule is the form of wake_wide.
type WakeWideRule uint8

// The forms of wake_wide.
const (
	WakeWideNone WakeWideRule = iota
	// WakeWideInAffine is asked by wake_affine only, and needs the waker to be the
	// one that flips more (62470419e993, 3.12 to 4.2).
	WakeWideInAffine
	// WakeWideLLC compares master and slave flips with sd_llc_size before any
	// domain is looked at (63b0e9edceec, 4.3+).
	WakeWideLLC
)

// AffineRule is the form in which wake_affine compares loads.
type AffineRule uint8

// The forms.
const (
	// AffinePerTask takes the waker's CPU also where both CPUs together hold no more
	// than one average task of it (up to 3.17).
	AffinePerTask AffineRule = iota
	// AffineEffective compares what the loads would be (3.18 to 4.12).
	AffineEffective
	// AffineCache takes the waker's CPU wherever it shares prev's LLC, and compares
	// the loads of whole nodes elsewhere (4.13).
	AffineCache
	// AffineWeight is wake_affine_weight, which takes the wakee's load from prev
	// (4.14+).
	AffineWeight
)

// LoadRule is the load of a CPU that wakeups compare.
type LoadRule uint8

// The loads.
const (
	// LoadWeights is the sum of the weights queued (weighted_cpuload, 3.10).
	LoadWeights LoadRule = iota
	// LoadRunnable is the load average of the tasks queued (weighted_cpuload,
	// cpu_runnable_load, 3.11 to 5.4).
	LoadRunnable
	// LoadAverage is the load average with its blocked part (cpu_load, 5.5+).
	LoadAverage
)

// RecentUsedRule is the life of task_struct.recent_used_cpu.
type RecentUsedRule uint8

// The rules.
const (
	RecentUsedNone RecentUsedRule = iota
	// RecentUsedOnHit: written when the test hits, and for the waker when the
	// wakeup was affine (4.16 to 5.14).
	RecentUsedOnHit
	// RecentUsedAlways: the wakee's is set to prev whenever the test is reached
	// (5.15+).
	RecentUsedAlways
)

// SiblingRule says where select_idle_smt stands in select_idle_sibling.
type SiblingRule uint8

// The places.
const (
	// SiblingNone: no such stage (before 4.9, and 5.12).
	SiblingNone SiblingRule = iota
	// SiblingLast: after the scans, on the siblings of target (4.9 to 5.11).
	SiblingLast
	// SiblingFirst: before the scan, on the siblings of prev, where no idle core
	// is advertised (5.13+).
	SiblingFirst
)

// ScanRule is the shape of the scans.
type ScanRule uint8

// The shapes.
const (
	// ScanGroups walks the groups of the LLC's domains (3.x).
	ScanGroups ScanRule = iota
	// ScanSeparate runs select_idle_core, then select_idle_cpu (4.9 to 5.11).
	ScanSeparate
	// ScanMerged looks for a core or a CPU in one walk (9fe1f127b913, 5.12+).
	ScanMerged
)

// ThrottleRule is how CFS bandwidth control stops the tasks of a control group that has
// used up its quota (cpu.max, cpu.cfs_quota_us).
type ThrottleRule uint8

// The rules.
const (
	// ThrottleQueues: throttle_cfs_rq takes the group's queue off its CPU, and what is woken
	// there waits with it, until unthrottle_cfs_rq, on any CPU, puts it back.
	ThrottleQueues ThrottleRule = iota
	// ThrottleAsync: the queue's own CPU puts it back, by an IPI (8ad075c2eb1f, 6.3+).
	ThrottleAsync
	// ThrottleTasks: each task is taken off as it returns to user mode
	// (throttle_cfs_rq_work, e1fad12dcb66, 6.18+).
	ThrottleTasks
)

// BudgetRule says how many CPUs select_idle_cpu may look at.
type BudgetRule uint8

// The rules.
const (
	BudgetNone BudgetRule = iota
	// BudgetAvgIdle is SIS_PROP from the waker CPU's avg_idle/512 (1ad3aaf3fcd2,
	// 4.13 to 5.13).
	BudgetAvgIdle
	// BudgetWakeAvgIdle is SIS_PROP from wake_avg_idle (5.14 to 5.19).
	BudgetWakeAvgIdle
	// BudgetUtil is SIS_UTIL: nr_idle_scan of the target's LLC (6.0+).
	BudgetUtil
	// BudgetAvgCost is all or nothing: no scan where the waker CPU's avg_idle/512
	// is below the average cost of one (4.9 and 4.10; 4c77b18cf8b7 switched it off).
	BudgetAvgCost
)

// SlowPathRule is the form of find_idlest_group.
type SlowPathRule uint8

// The forms.
const (
	// SlowPathLoad compares scaled loads (3.x).
	SlowPathLoad SlowPathRule = iota
	// SlowPathSpare compares runnable load, then spare capacity (4.x to 5.4).
	SlowPathSpare
	// SlowPathTypes classifies groups (5.5+).
	SlowPathTypes
)
