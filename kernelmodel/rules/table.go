package rules

// Fix names a change to placement that kernels carry or lack independently of
// their release: the words after the + or - in a KERNEL.
type Fix string

// The fixes.
const (
	// FixSMTSpan: select_idle_smt asks for sched_domain_span (df3cb4ea1fb6 in
	// 5.10, 8aeaffef8c6e in 6.9).
	FixSMTSpan Fix = "smt-span"
	// FixCoreSpan: the core scan's fallback CPU too (23d04d8c6b8e, 6.9).
	FixCoreSpan Fix = "core-span"
	// FixRecentUsedMask: the recent-used test looks at the right CPU's affinity
	// (ae2ad293d6be, 6.5).
	FixRecentUsedMask Fix = "recent-used-mask"
	// FixKthreadInTask: stacking on a per-CPU kthread in task context only
	// (8b4e74ccb582, 5.17).
	FixKthreadInTask Fix = "kthread-in-task"
	// FixScanAffinity: CPUs outside the affinity use up no scan budget
	// (60588bfa223f, 5.6).
	FixScanAffinity Fix = "scan-affinity"
	// FixDelayedDiscount: wake_affine_idle does not count tasks whose dequeue is
	// delayed (aa3ee4f0b754, 6.16).
	FixDelayedDiscount Fix = "delayed-discount"
	// FixHousekeepingAny: the second, unmerged patch for 4.19.
	FixHousekeepingAny Fix = "housekeeping-any"
)

// fixInfo says what a fix sets, where it means something, and what it does.
type fixInfo struct {
	name    Fix
	field   string // of Rules
	commits string
	doc     string
	get     func(*Rules) *bool
	applies func(*Rules) bool
}

var fixTable = []fixInfo{
	{
		FixSMTSpan, "SMTSpan", "df3cb4ea1fb6, 8aeaffef8c6e", "select_idle_smt looks only at siblings inside the sched domain",
		func(r *Rules) *bool { return &r.SMTSpan }, func(r *Rules) bool { return r.Sibling != SiblingNone },
	},
	{
		FixCoreSpan, "CoreSpan", "23d04d8c6b8e", "the fallback CPU of the core scan lies inside the sched domain",
		func(r *Rules) *bool { return &r.CoreSpan }, func(r *Rules) bool { return r.Scan == ScanMerged },
	},
	{
		FixRecentUsedMask, "RecentUsedMask", "ae2ad293d6be", "the recent_used_cpu test looks at that CPU's own affinity",
		func(r *Rules) *bool { return &r.RecentUsedMask }, func(r *Rules) bool { return r.RecentUsed != RecentUsedNone },
	},
	{
		FixKthreadInTask, "KthreadInTask", "8b4e74ccb582", "wakees stack on a per-CPU kthread's CPU in task context only",
		func(r *Rules) *bool { return &r.KthreadInTask }, func(r *Rules) bool { return r.PerCPUKthread },
	},
	{
		FixScanAffinity, "ScanAffinityFree", "60588bfa223f", "CPUs outside the affinity use up no scan budget",
		func(r *Rules) *bool { return &r.ScanAffinityFree }, func(r *Rules) bool { return r.Scan != ScanGroups },
	},
	{
		FixDelayedDiscount, "DelayedDiscount", "aa3ee4f0b754", "wake_affine_idle does not count tasks whose dequeue is delayed",
		func(r *Rules) *bool { return &r.DelayedDiscount }, func(r *Rules) bool { return r.DelayDequeue },
	},
	{
		FixHousekeepingAny, "HousekeepingAny", "not merged (linux-4.19.y, 2025-01)", "select_idle_cpu called on a CPU without LLC domain returns a housekeeping CPU",
		func(r *Rules) *bool { return &r.HousekeepingAny }, func(r *Rules) bool { return r.ThisDomain },
	},
}

func fixByName(f Fix) *fixInfo {
	for i := range fixTable {
		if fixTable[i].name == f {
			return &fixTable[i]
		}
	}
	return nil
}

func fixByField(field string) *fixInfo {
	for i := range fixTable {
		if fixTable[i].field == field {
			return &fixTable[i]
		}
	}
	return nil
}

// Fixes returns the names of all fixes in the table's order.
func Fixes() []Fix {
	fs := make([]Fix, len(fixTable))
	for i := range fixTable {
		fs[i] = fixTable[i].name
	}
	return fs
}

// Describe returns what the fix does, in one clause, and its commits.
func (f Fix) Describe() (doc, commits string) {
	if i := fixByName(f); i != nil {
		return i.doc, i.commits
	}
	return "", ""
}

// Has reports whether the row carries the fix.
func (r *Rules) Has(f Fix) bool { i := fixByName(f); return i != nil && *i.get(r) }

// release is one line of the rule table as it is written: what a mainline release
// does otherwise than the line before, in words and by which commits.
type release struct {
	major, minor int
	changes      []Change
	backports    []backport
}

// Change is one thing that a release does otherwise than the one before.
type Change struct {
	// Field is what it sets: a field of [Rules], or of another part of [Settings] as
	// in "Domains.NodeLevel". "" is a change that no code of the model asks about.
	Field string
	// To is the field's new value.
	To any
	// Does says what kernels with that value do; "" where an earlier line has said it.
	Does string
	// Commits brought it; "" if they were not looked up.
	Commits string
}

// backport is what a stable branch took at a point release: a fix, or a change
// that has no name of its own.
type backport struct {
	patch  int
	change Change
}

// pickBuddy came to three branches.
var pickBuddy = Change{"Fair.PickBuddy", true, "a group that a task leaves to sleep is picked next as long as it is eligible (PICK_BUDDY)", "2a77e4be12cb"}

// took is a fix that a stable branch took at a point release.
func took(f Fix, patch int) backport {
	return backport{patch, Change{Field: fixByName(f).field, To: true, Commits: fixByName(f).commits}}
}

// The flags of which a domain of one group has no use, before and since 5.10.
const (
	groupFlags   = SDLoadBalance | SDBalanceNewidle | SDBalanceFork | SDBalanceExec | SDShareCPUCapacity | SDAsymCPUCapacity | SDShareLLC
	allButAffine = ^SDWakeAffine
	balanceFlags = SDBalanceNewidle | SDBalanceExec | SDBalanceFork | SDWakeAffine | SDPreferSibling
)

// table is every mainline release that differs from the one before, oldest first.
// The first line words each switch, in the order in which a wakeup meets them; what
// follows for each release is derived ([Rows]).
var table = []release{
	{3, 10, []Change{
		{"CurShortcut", false, "waking the current task goes through the selector", ""},
		{"OnCPUQueue", false, "a wakee still switching out is waited for", ""},
		{"Wakelist", WakelistNoShare, "queued for their CPU to finish: wakeups to other LLCs", "518cd6234178"},
		{"PendingLast", false, "a CPU that takes a wakeup off its wake list can look idle until the task is queued", ""},
		{"Throttle", ThrottleQueues, "a CPU limit takes a group's queue off its CPU, and any CPU puts it back", "85dac906bec3"},
		{"DelayDequeue", false, "a task that sleeps leaves its queue", ""},
		{"CurrentCPUFlag", false, "there is no WF_CURRENT_CPU", ""},
		{"EAS", false, "there is no energy-aware placement", ""},
		{"WakeWide", WakeWideNone, "there is no wake_wide", ""},
		{"WakeCap", false, "wake_cap asks on asymmetric machines only, if there is one", ""},
		{"SiblingNeedsAffine", true, "an idle sibling is looked for only where a domain spans waker and prev", ""},
		{"AffineIdle", false, "wake_affine compares loads only", ""},
		{"AffineEager", false, "an idle waker's CPU is taken only if it shares prev's LLC and prev is busy", ""},
		{"IdlePrev", false, "wake_affine_idle takes the waker's CPU or decides nothing", ""},
		{"DelayedDiscount", false, "wake_affine_idle counts every queued task", ""},
		{"Affine", AffinePerTask, "wake_affine compares the loads as they would be, and takes a waker's CPU that has room for an average task", ""},
		{"CPULoad", LoadWeights, "the load of a CPU is the weight queued there", ""},
		{"TaskWeight", true, "a task counts in wake_affine with its weight", ""},
		{"SchedIdle", false, "only an idle CPU is idle", ""},
		{"SchedIdleSecond", false, "the scans take the first CPU that passes", ""},
		{"SchedIdleOthers", false, "a CPU that runs SCHED_IDLE tasks only passes for every wakee, where it passes at all", ""},
		{"Cluster", false, "clusters play no part", ""},
		{"PerCPUKthread", false, "no stacking on per-CPU kthreads", ""},
		{"KthreadInTask", false, "wakees stack on a per-CPU kthread's CPU from interrupts too", ""},
		{"RecentUsed", RecentUsedNone, "there is no recent_used_cpu", ""},
		{"RecentUsedMask", true, "", ""},
		{"Scan", ScanGroups, "the scan walks the groups of the LLC's domains", ""},
		{"Sibling", SiblingNone, "there is no select_idle_smt", ""},
		{"SMTSpan", false, "select_idle_smt takes any idle sibling that the task's affinity allows: it leaks onto isolated CPUs", ""},
		{"SMTSkipsTarget", false, "select_idle_smt looks at the CPU it starts from too", ""},
		{"CoreSpan", false, "the core scan's fallback may be any CPU that the task's affinity allows: it leaks onto isolated CPUs", ""},
		{"Budget", BudgetNone, "the scan has no budget", ""},
		{"ScanAffinityFree", false, "CPUs outside the affinity use up the budget", ""},
		{"ScanAfterTarget", false, "the scan starts at target", ""},
		{"ThisDomain", false, "the waker's CPU needs no LLC domain", ""},
		{"HasIdleCoresDefault", false, "test_idle_cores falls back to false", ""},
		{"ClearThis", false, "a failed core scan clears has_idle_cores of the target's LLC", ""},
		{"HousekeepingAny", false, "select_idle_cpu called on a CPU without LLC domain finds nothing", ""},
		{"SlowPath", SlowPathLoad, "find_idlest_group compares scaled loads", ""},
		{"GroupAllowed", false, "find_idlest_group counts all CPUs of a group", ""},
		{"ForkQuarter", false, "no quarter of a domain counts for new tasks", ""},
		{"ImbNumaNr", false, "no tasks are let stay on a node", ""},
		{"Domains.Levels", levels(0, "DIE"), "the levels are SMT, MC, DIE and NUMA", ""},
		{"Domains.NodeLevel", false, "there is no NODE level", ""},
		{"Domains.Default", SDLoadBalance | balanceFlags, "domains carry SD_LOAD_BALANCE", ""},
		{"Domains.ImbalancePct", 125, "imbalance_pct is 125 where no cache is shared", ""},
		{"Domains.BusyFactor", 32, "busy_factor is 32", ""},
		{"Domains.ShareLLCName", "SD_SHARE_PKG_RESOURCES", "the flag of a shared cache is SD_SHARE_PKG_RESOURCES", ""},
		{"Domains.NeedsGroups", groupFlags, "a domain of one group has no use for seven flags", ""},
		{"Domains.ParentNeedsGroups", groupFlags | SDPreferSibling, "a parent of one group may have those and SD_PREFER_SIBLING", ""},
		{"Domains.NUMAOfFirstNode", true, "NUMA levels come from the distances of the first node", ""},
		{"Domains.Descended", false, "groups of overlapping levels may reach beyond their domain", ""},
		{"Domains.SpanSane", false, "partly overlapping masks below NUMA are taken as they are", ""},
		{"Domains.SMTGain", true, "the threads of a core share smt_gain, a lone one has 1024", ""},
		{"Domains.AsymCapacity", AsymNone, "domains of different CPU capacities are not marked", ""},
		{"Domains.AsymPreferSibling", false, "SD_PREFER_SIBLING stays below a domain of different capacities", ""},
		{"Domains.AsymBalanceWake", true, "SD_BALANCE_WAKE is set below a domain of different capacities", ""},
		{"Domains.ClusterBelowCore", false, "a cluster as large as the core group is a level", ""},
		{"Domains.GroupFlagsFollow", false, "a group keeps its flags when the level below it is dropped", ""},
		{"Domains.HybridCluster", false, "hybrid x86 machines have no cluster level", ""},
		{"Domains.ITMTPackage", false, "SD_ASYM_PACKING of ITMT machines is on SMT", ""},
		{"Domains.ImbNUMAShift", uint(0), "there is no imb_numa_nr", ""},
		{"Domains.LLCIDs", LLCIDsFirstCPU, "the LLC id is the first CPU of the domain; 0 for a CPU isolated at boot, its own for one isolated later", ""},
		{"Domains.OverlapFlag", true, "domains of NUMA levels carry SD_OVERLAP", ""},
		{"Domains.SpanWeight", false, "balancing intervals count the CPUs of the level, isolated ones too", ""},
		{"Load.IdleLag", false, "what a task brings from an idle CPU is as old as that CPU's averages", ""},
		{"Load.NewbornShares", false, "a new task starts with half of the room that its CPU has left", ""},
		{"Load.Est", false, "a CPU's utilisation is its average", ""},
		{"Load.EstSpares", false, "util_est falls also for a task that had to wait", ""},
		{"Tasks.Kthreads", KthreadsAnywhere, "unbound kernel threads may run on every CPU", ""},
		{"Fair.EEVDF", false, "the fair class is CFS", ""},
		{"Fair.BaseSlice", false, "a slice may be shorter than the granularity", ""},
		{"Fair.ShortSlice", false, "the base slice, where there is one, is 0.75 ms", ""},
		{"Fair.HRTick", false, "a slice ends at a tick", ""},
		{"Fair.PlaceCurrent", false, "an entity that gets a new weight keeps its lag", ""},
		{"Fair.PickBuddy", false, "EEVDF picks by deadline also where a task left its group to sleep", ""},
		{"Fair.LagTick", false, "a lag is kept within two slices, or a tick", ""},
		{"Fair.RequeueCharges", false, "a task that wakes where it slept meets the current one as of its last update", ""},
		{"Fair.Protect", ProtectMark, "EEVDF protects a slice until the deadline changes, which a new weight does too", "63304558ba5d"},
		{"Balance.BusyLess", false, "a busy CPU balances busy_factor times as seldom", ""},
		{"Balance.Eligible", false, "tasks are moved whatever they have had", ""},
		{"Balance.NewidleByCost", false, "a CPU pulls when it idles longer than the cost of a migration", ""},
		{"Balance.Types", false, "find_busiest_group compares loads", ""},
		{"Balance.WholeCore", false, "an idle CPU balances for its group", ""},
		{"Balance.GroupSiblings", false, "the level below says whether siblings are preferred", ""},
		{"Balance.Random", false, "every level is tried when a CPU goes idle", ""},
		{"RT.Own", false, "real-time tasks borrow the runtime that other CPUs do not use", ""},
		{"RT.Server", false, "throttling alone limits real-time tasks", ""},
		{"Limits.Expire", true, "what a CPU has taken of a group's quota is lost with the period", ""},
		{"Tick.Remote", false, "one tick a second is left where the tick stops", ""},
		{"Tick.Limited", false, "the tick stops also for a task that has a CPU limit", ""},
	}, nil},
	{3, 11, []Change{{"CPULoad", LoadRunnable, "the load of a CPU is the load average of the tasks queued there", "b92486cbf2aa"}}, nil},
	{3, 12, []Change{{"WakeWide", WakeWideInAffine, "wake_wide is asked by wake_affine only, about the wakee first", "62470419e993, 7d9ffa896148"}}, nil},
	{3, 18, []Change{{"Affine", AffineEffective, "wake_affine compares the loads as they would be", "05bfb65f52cb, bd61c98f9b3f"}}, nil},
	{4, 3, []Change{
		{"WakeWide", WakeWideLLC, "wake_wide compares the flips of both with the LLC's size, before any domain is looked at", "63b0e9edceec"},
		{"SiblingNeedsAffine", false, "an idle sibling is looked for on every fast path", "63b0e9edceec"},
		{"TaskWeight", false, "a task counts in wake_affine with its load average", "9d89c257dfb9"},
	}, nil},
	{4, 9, []Change{
		{"WakeCap", true, "a wakee too large for the smaller of the two CPUs is not pulled, where their capacities differ", "3273163c6775"},
		{"Scan", ScanSeparate, "cores are scanned first, then CPUs", "10e2f1acd010"},
		{"Sibling", SiblingLast, "select_idle_smt runs last, on target's siblings", "10e2f1acd010"},
		{"Budget", BudgetAvgCost, "no scan where the waker CPU's avg_idle is below the average cost of one", "10e2f1acd010"},
		{"ThisDomain", true, "select_idle_cpu gives up where the waker's CPU has no LLC domain", "10e2f1acd010"},
		{"HasIdleCoresDefault", true, "test_idle_cores falls back to the caller's default", "10e2f1acd010"},
		{"SlowPath", SlowPathSpare, "find_idlest_group compares runnable load, then spare capacity", ""},
	}, nil},
	{4, 11, []Change{{"Budget", BudgetNone, "", "4c77b18cf8b7"}}, nil},
	{4, 13, []Change{
		{"Affine", AffineCache, "wake_affine takes the waker's CPU wherever it shares prev's LLC, and compares the loads of nodes elsewhere", "7d894e6e34a5, 3fed382b46ba"},
		{"Budget", BudgetAvgIdle, "SIS_PROP: the budget follows the waker CPU's avg_idle", "1ad3aaf3fcd2"},
	}, nil},
	{4, 14, []Change{
		{"AffineIdle", true, "wake_affine asks for idleness before it compares loads", "d153b153446f"},
		{"AffineEager", true, "an idle waker's CPU is taken whatever prev is, and equal loads speak for it", "d153b153446f"},
		{"Affine", AffineWeight, "wake_affine_weight takes the wakee's load from prev before it compares", "d153b153446f"},
	}, []backport{took(FixScanAffinity, 236)}},
	{4, 15, []Change{{"Domains.NodeLevel", true, "a NODE level stands before the NUMA levels", "051f3ca02e46"}}, nil},
	{4, 16, []Change{
		{"AffineEager", false, "", "7332dec055f2, 806486c377e3, 082f764a2f3f"},
		{"RecentUsed", RecentUsedOnHit, "recent_used_cpu is written on a hit", "32e839dda3ba"},
	}, nil},
	{4, 17, []Change{
		{"Load.Est", true, "a CPU's utilisation is at least the util_est of the tasks queued there", "7f65ea42eb00, f9be3e5961c5"},
		{"Tick.Remote", true, "another CPU does what the tick did where that stops", "d84b31313ef8"},
	}, nil},
	{4, 18, nil, nil},
	{4, 19, nil, []backport{took(FixScanAffinity, 194)}},
	{4, 20, []Change{
		{"WakeCap", false, "", "df054e8445a4"},
		{"Domains.AsymCapacity", AsymOneLevel, "the lowest level that sees the largest capacity is marked", "05484e098448"},
		{"Domains.AsymPreferSibling", true, "SD_PREFER_SIBLING is cleared below a domain of different capacities", "9c63e84db29b"},
	}, nil},
	{5, 0, []Change{
		{"EAS", true, "energy-aware placement exists (not modelled)", "732cd75b8c92"},
		{"Domains.SMTGain", false, "every thread of a core has capacity 1024", "765d0af19f5f"},
	}, nil},
	{5, 3, []Change{{"CurShortcut", true, "waking the current task selects no CPU", "aacedf26fb76"}}, nil},
	{5, 4, []Change{
		{"Limits.Expire", false, "a CPU keeps what it has taken of a group's quota", "de53fd7aedb1"},
		{"SchedIdle", true, "a CPU that runs SCHED_IDLE tasks only passes as idle", "3c29e651e16d"},
		{"SchedIdleSecond", true, "the scans take a CPU that runs SCHED_IDLE tasks only if they find no idle one", "3c29e651e16d"},
	}, []backport{took(FixScanAffinity, 24), took(FixSMTSpan, 73)}},
	{5, 5, []Change{
		{"CPULoad", LoadAverage, "the load of a CPU is its load average with the blocked part", "11f10e5420f6"},
		{"SlowPath", SlowPathTypes, "find_idlest_group classifies groups", "57abff067a08"},
		{"Balance.Types", true, "find_busiest_group classifies groups", "0b0695f2b34a"},
	}, []backport{took(FixScanAffinity, 8)}},
	{5, 6, []Change{
		{"SchedIdleSecond", false, "", "17346452b25b"},
		{"PerCPUKthread", true, "a per-CPU kthread's wakee may stack on its CPU", "52262ee567ad"},
		{"ScanAffinityFree", true, "", "60588bfa223f"},
		{"Domains.SpanSane", true, "partly overlapping masks below NUMA leave their CPUs without domains", "ccf74128d66c"},
	}, nil},
	{5, 7, []Change{{"Domains.AsymBalanceWake", false, "no domain has SD_BALANCE_WAKE", "a526d466798d"}}, nil},
	{5, 8, []Change{
		{"OnCPUQueue", true, "a wakee still switching out may be queued on its old CPU without selection", "c6e7bd7afaeb, 2ebb17717550"},
		{"Wakelist", WakelistOnCPU, "queued for their CPU to finish: wakeups to other LLCs, and of a wakee still on its CPU", "2ebb17717550"},
		{"Domains.Default", balanceFlags, "there is no SD_LOAD_BALANCE", "36c5bdc43870"},
	}, []backport{took(FixSMTSpan, 17)}},
	{5, 9, []Change{
		{"Tasks.Kthreads", KthreadsNoHZ, "unbound kernel threads keep off nohz_full CPUs", "9cc5b8656892"},
	}, []backport{took(FixSMTSpan, 2)}},
	{5, 10, []Change{
		{"SMTSpan", true, "", "df3cb4ea1fb6"},
		{"Domains.NeedsGroups", allButAffine, "a domain of one group has no use for any flag but SD_WAKE_AFFINE", "4ee4ea443a5d"},
		{"Domains.ParentNeedsGroups", allButAffine, "a parent of one group may have any flag but SD_WAKE_AFFINE", "4ee4ea443a5d"},
		{"Domains.ImbalancePct", 117, "imbalance_pct is 117 where no cache is shared", "2208cdaa56c9"},
		{"Domains.BusyFactor", 16, "busy_factor is 16", "6e7499135db7"},
		{"Balance.BusyLess", true, "a busy CPU balances a jiffy early, so that levels do not meet", "e4d32e4d5444"},
		{"RT.Own", true, "real-time tasks have their own CPU's runtime alone", "2586af1ac187"},
	}, []backport{
		took(FixKthreadInTask, 94),
		{137, Change{"Wakelist", WakelistOnCPUEmpty, "queued for their CPU to finish: wakeups to other LLCs, and of a wakee still on its CPU if nothing else is queued there", "28156108fecb"}},
		{261, Change{"GroupAllowed", true, "find_idlest_group counts the allowed CPUs of a group", "82d6e01a0699"}},
	}},
	{5, 11, []Change{
		{"IdlePrev", true, "wake_affine_idle also takes an idle prev", "d8fcb81f1acf"},
		{"ForkQuarter", true, "a new task stays on its node while fewer tasks than a quarter of the domain's CPUs run there", "23e6082a522e"},
	}, nil},
	{5, 12, []Change{
		{"Scan", ScanMerged, "one walk looks for a core or a CPU", "9fe1f127b913"},
		{"Sibling", SiblingNone, "", "6cd56ef1df39"},
		{"SMTSpan", false, "", "6cd56ef1df39"},
		{"ClearThis", true, "a failed core scan clears has_idle_cores of the waker's LLC", "9fe1f127b913"},
		{"Domains.NUMAOfFirstNode", false, "NUMA levels come from the distances between all nodes", "620a6dc40754"},
	}, nil},
	{5, 13, []Change{
		{"Sibling", SiblingFirst, "select_idle_smt runs before the scan, on prev's siblings, where no idle core is advertised", "c722f35b513f"},
		{"SMTSpan", true, "", "c722f35b513f"},
		{"ClearThis", false, "", "02dbb7246c5b"},
		{"Domains.Descended", true, "groups of overlapping levels stay within their domain", "585b6d2723dc"},
		{"Fair.BaseSlice", true, "no slice is shorter than the granularity", "0c2de3f054a5"},
	}, nil},
	{5, 14, []Change{
		{"Budget", BudgetWakeAvgIdle, "SIS_PROP: the budget follows wake_avg_idle", "94aafc3ee31d"},
		{"Domains.AsymCapacity", AsymClassify, "every domain is marked by the capacities it spans", "c744dc4ab58d"},
	}, nil},
	{5, 15, []Change{
		{"RecentUsed", RecentUsedAlways, "recent_used_cpu is set to prev at every test", "89aafd67f28c"},
		{"RecentUsedMask", false, "the recent_used_cpu test looks at the affinity to prev instead", "89aafd67f28c"},
		{"ScanAfterTarget", true, "the scan starts behind target", "56498cfb045d"},
	}, []backport{
		took(FixKthreadInTask, 17),
		{61, Change{"Wakelist", WakelistIdle, "", "28156108fecb, f3dd3f674555"}},
		took(FixCoreSpan, 153),
	}},
	{5, 16, []Change{
		{"Domains.Levels", levels(SDShareLLC, "DIE"), "the levels are SMT, CLS, MC, DIE and NUMA", "778c558f49a2"},
		{"Balance.NewidleByCost", true, "a CPU pulls when it idles longer than the lowest level costs", "c5b0a7eefc70"},
	}, []backport{took(FixKthreadInTask, 3)}},
	{5, 17, []Change{{"KthreadInTask", true, "", "8b4e74ccb582"}}, nil},
	{5, 18, []Change{
		{"ForkQuarter", false, "", "e496132ebedd"},
		{"ImbNumaNr", true, "imb_numa_nr tasks may stay on a node", "e496132ebedd"},
		{"Domains.ImbNUMAShift", uint(2), "imb_numa_nr of a node with one LLC is a quarter of its CPUs", "e496132ebedd"},
	}, nil},
	{6, 0, []Change{
		{"Wakelist", WakelistIdle, "queued for their CPU to finish: wakeups to other LLCs, to any other CPU with an empty queue, and of a wakee still on its CPU", "28156108fecb, f3dd3f674555"},
		{"Budget", BudgetUtil, "SIS_UTIL: the budget is the LLC's nr_idle_scan", "70fb5ccf2ebb"},
		{"Domains.ClusterBelowCore", true, "a cluster as large as the core group is no level of its own", "bfcc4397435d"},
		{"Domains.ImbNUMAShift", uint(3), "imb_numa_nr of a node with one LLC is an eighth of its CPUs", "026b98a93bbd"},
		{"Load.IdleLag", true, "what a task brings from an idle CPU has decayed up to now", "e2f3e35f1f5a"},
	}, nil},
	{6, 1, []Change{
		{"SMTSpan", false, "", "3e6efe87cd5c"},
		{"SMTSkipsTarget", true, "select_idle_smt passes over the CPU it starts from", "b9bae70440d2"},
		{"ThisDomain", false, "", ""},
		{"HasIdleCoresDefault", false, "", "398ba2b0cc0a"},
	}, []backport{
		took(FixRecentUsedMask, 42), took(FixSMTSpan, 83), took(FixCoreSpan, 83),
		{187, Change{"GroupAllowed", true, "", "82d6e01a0699"}}, // between 6.1.177 and this
	}},
	{6, 2, []Change{{"PendingLast", true, "a CPU looks busy from when a wakeup is on its wake list until the task is queued", "d6962c4fe8f9"}}, nil},
	{6, 3, []Change{{"Throttle", ThrottleAsync, "a CPU limit takes a group's queue off its CPU, which puts it back itself", "8ad075c2eb1f"}}, nil},
	{6, 4, nil, []backport{took(FixRecentUsedMask, 7)}},
	{6, 5, []Change{{"RecentUsedMask", true, "", "ae2ad293d6be"}}, nil},
	{6, 6, []Change{
		{"Tick.Limited", true, "the tick goes on for a task that has a CPU limit", "88c56cfeaec4"},
		{"CurrentCPUFlag", true, "WF_CURRENT_CPU can keep a wakee on the waker's CPU", "ab83f455f04d"},
		{"Domains.GroupFlagsFollow", true, "a group takes over the flags of the level dropped below it", "bf2dc42d6bea"},
		{"Domains.HybridCluster", true, "hybrid x86 machines keep the cluster level", ""},
		{"Domains.ITMTPackage", true, "SD_ASYM_PACKING of ITMT machines is on the package level", "044f0e27dec6"},
		{"Fair.EEVDF", true, "the fair class is EEVDF", "147f3efaa241"},
		{"Balance.WholeCore", true, "an idle CPU of a wholly idle core balances first", "b1bfeab9b002"},
		{"Balance.GroupSiblings", true, "the busiest group says whether siblings are preferred", "7ff1693236f5"},
	}, []backport{took(FixSMTSpan, 23), took(FixCoreSpan, 23), {90, Change{"Fair.ShortSlice", true, "", "2ae891b82695"}}}},
	{6, 7, []Change{
		{"Cluster", true, "prev and recent-used CPUs must share the target's cluster, which is scanned first", "8881e1639f1f, 22165f61d0c4"},
		{"Domains.Levels", levels(SDShareLLC|SDCluster, "PKG"), "the levels are SMT, CLS with SD_CLUSTER, MC, PKG and NUMA", "b95303e0aeaf, f577cd57bfaa"},
	}, []backport{took(FixSMTSpan, 11), took(FixCoreSpan, 11)}},
	{6, 8, []Change{
		{"Load.EstSpares", true, "util_est does not fall for a task that had to wait", "50181c0cff31"},
	}, []backport{took(FixSMTSpan, 2), took(FixCoreSpan, 2)}},
	{6, 9, []Change{
		{"SMTSpan", true, "", "8aeaffef8c6e"},
		{"CoreSpan", true, "", "23d04d8c6b8e"},
		{"Domains.ShareLLCName", "SD_SHARE_LLC", "the flag of a shared cache is SD_SHARE_LLC", ""},
	}, nil},
	{6, 10, []Change{{"Load.NewbornShares", true, "a new task starts with its weight's share of the queue's utilisation", "72bffbf57c52"}}, nil},
	{6, 12, []Change{
		{"DelayDequeue", true, "a task that sleeps while not eligible stays queued and is woken in place", "152e11f6df29"},
		{"RT.Server", true, "the fair server limits real-time tasks, and nothing else does", "557a6bfc662c, 5f6bd380c7bd"},
	}, []backport{{13, pickBuddy}, {27, Change{"Fair.ShortSlice", true, "", "2ae891b82695"}}, took(FixDelayedDiscount, 37), {97, Change{"GroupAllowed", true, "", "82d6e01a0699"}}}},
	{6, 13, []Change{
		{"Fair.PlaceCurrent", true, "an entity that runs and gets a new weight goes farther from the average", "6d71a9c61604"},
		{"", nil, "preemption may be lazy", "7c70cb94d29c"},
	}, []backport{{2, pickBuddy}}},
	{6, 14, []Change{
		pickBuddy,
		{"Balance.Eligible", true, "a task that has had more than its share is moved only after a failure to balance", "873199d27bb2"},
		{"", nil, "isolcpus=nohz counts as nohz_full", "1174b9344bc7"},
		{"", nil, "find_idlest_group classes groups by their tasks without delayed ones", "1a49104496d3"},
		{"", nil, "load averages count tasks without delayed ones", "76f2f783294d"},
	}, nil},
	{6, 15, []Change{{"Fair.ShortSlice", true, "the base slice is 0.70 ms", "2ae891b82695"}}, []backport{took(FixDelayedDiscount, 3)}},
	{6, 16, []Change{
		{"DelayedDiscount", true, "", "aa3ee4f0b754"},
		{"", nil, "sched_process_exit tells whether the whole process is gone", "3e816361e94a"},
	}, nil},
	{6, 17, []Change{
		{"Domains.OverlapFlag", false, "there is no SD_OVERLAP, SD_NUMA stands for it", ""},
		{"Fair.Protect", ProtectTime, "EEVDF protects a slice up to a virtual time, and past it each update reschedules; a new weight ends that", "052c3d87c82e, 3a0baa8e6c57"},
		{"", nil, "the owner of a mutex may run with the scheduling of a waiter on the same queue (proxy execution)", "be41bde4c3a8"},
		{"", nil, "x86 has no SMT level where SMT is off", "f79c9aa446d6"},
	}, nil},
	{6, 18, []Change{{"Throttle", ThrottleTasks, "a CPU limit stops tasks, each as it returns to user mode", "e1fad12dcb66"}}, []backport{{17, Change{"Fair.Protect", ProtectScaled, "", "ff38424030f9"}}}},
	{6, 19, []Change{
		{"GroupAllowed", true, "", "82d6e01a0699"},
		{"Balance.Random", true, "newly idle balancing is tried by chance", "33cf66d88306"},
	}, []backport{{7, Change{"Fair.Protect", ProtectScaled, "", "ff38424030f9"}}}},
	{7, 0, []Change{
		{"Domains.SpanWeight", true, "balancing intervals count the CPUs that a domain spans", ""},
		{"Fair.Protect", ProtectScaled, "EEVDF protects a slice up to a virtual time that follows a change of weight", "ff38424030f9"},
		{"Fair.LagTick", true, "a lag is kept within the longest slice queued and a tick", "6e3c0a4e1ad1"},
		{"Tasks.Kthreads", KthreadsDomain, "unbound kernel threads keep off CPUs isolated at boot or by a partition", "041ee6f3727a, e894f6339808"},
		{"", nil, "a task whose affinity has no CPU left gets the housekeeping CPUs", "bf5b0c27fad2"},
		{"", nil, "x86 has neither PREEMPT_NONE nor PREEMPT_VOLUNTARY", "7dadeaa6e851"},
		{"", nil, "avg_idle is updated whenever a CPU stops idling, not by wakeups alone", "4b603f1551a7"},
	}, nil},
	{7, 1, []Change{
		{"SchedIdleOthers", true, "a CPU that runs SCHED_IDLE tasks only does not pass for a wakee that is SCHED_IDLE itself", "fd54d81c2c0e"},
		{"Fair.PlaceCurrent", false, "", "101f3498b4bd"},
		{"Fair.HRTick", true, "a slice ends by a timer of its own (HRTICK)", "9213aa4784cf"},
	}, nil},
	{7, 2, []Change{
		{"Domains.LLCIDs", LLCIDsAllocated, "LLC ids are allocated; a CPU isolated at boot has -1, one isolated later keeps the id of its LLC", "b5ea300a17e3"},
		{"", nil, "balancing gathers the tasks of a process in one LLC", "47d8696b95f7"},
	}, nil},
	{7, 3, []Change{
		{"Fair.PickBuddy", false, "all cgroups share one flat fair queue", "85570f10a4c6"},
		{"Fair.RequeueCharges", true, "the current task is charged before one wakes where it slept", "85570f10a4c6"},
	}, nil},
}
