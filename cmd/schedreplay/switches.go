package main

import (
	"schedreplay/kernelmodel/rules"
)

// placementSwitch puts one switch of the rule table into words.
type placementSwitch struct {
	// field is the switch's name in rules.Rules.
	field string
	// words says what a row does, and which commits made it do so, if that is
	// known.
	words func(*rules.Rules) (does, commits string)
}

// yesNo words a switch that is on or off; commits turned it on.
func yesNo(get func(*rules.Rules) bool, yes, no, commits string) func(*rules.Rules) (string, string) {
	return func(r *rules.Rules) (string, string) {
		if get(r) {
			return yes, commits
		}
		return no, ""
	}
}

// position is one position of a switch that has several.
type position struct{ does, commits string }

// choice words a switch with several positions.
func choice[T ~uint8](get func(*rules.Rules) T, positions ...position) func(*rules.Rules) (string, string) {
	return func(r *rules.Rules) (string, string) {
		if i := int(get(r)); i < len(positions) {
			return positions[i].does, positions[i].commits
		}
		return "?", ""
	}
}

// fixSwitch words a fix by the model's own description.
func fixSwitch(field string, f rules.Fix, without string) placementSwitch {
	doc, commits := f.Describe()
	return placementSwitch{field, yesNo(func(r *rules.Rules) bool { return r.Has(f) }, doc, without, commits)}
}

// smtSpan words the fix that this program is about, which came twice and was
// taken away once.
func smtSpan(r *rules.Rules) (does, commits string) {
	doc, commits := rules.FixSMTSpan.Describe()
	switch {
	case r.SMTSpan:
		return doc, commits
	case r.Sibling == rules.SiblingFirst:
		commits = "3e6efe87cd5c"
	default:
		commits = ""
	}
	return "select_idle_smt takes any idle sibling that the task's affinity allows: it leaks onto isolated CPUs", commits
}

// switches are in the order in which a wakeup meets them.
var switches = []placementSwitch{
	{"CurShortcut", yesNo(func(r *rules.Rules) bool { return r.CurShortcut },
		"waking the current task selects no CPU", "waking the current task goes through the selector", "aacedf26fb76")},
	{"OnCPUQueue", yesNo(func(r *rules.Rules) bool { return r.OnCPUQueue },
		"a wakee still switching out may be queued on its old CPU without selection", "a wakee still switching out is waited for", "c6e7bd7afaeb, 2ebb17717550")},
	{"Wakelist", choice(func(r *rules.Rules) rules.WakelistRule { return r.Wakelist },
		position{"queued for their CPU to finish: wakeups to every other CPU", ""},
		position{"queued for their CPU to finish: wakeups to other LLCs", "518cd6234178"},
		position{"queued for their CPU to finish: wakeups to other LLCs, and of a wakee still on its CPU", "2ebb17717550"},
		position{"queued for their CPU to finish: wakeups to other LLCs, to any other CPU with an empty queue, and of a wakee still on its CPU", "28156108fecb"},
	)},
	{"PendingLast", yesNo(func(r *rules.Rules) bool { return r.PendingLast },
		"a CPU looks busy from when a wakeup is on its wake list until the task is queued", "a CPU that takes a wakeup off its wake list can look idle until the task is queued", "d6962c4fe8f9")},
	{"DelayDequeue", yesNo(func(r *rules.Rules) bool { return r.DelayDequeue },
		"a task that sleeps while not eligible stays queued and is woken in place", "a task that sleeps leaves its queue", "152e11f6df29")},
	{"CurrentCPUFlag", yesNo(func(r *rules.Rules) bool { return r.CurrentCPUFlag },
		"WF_CURRENT_CPU can keep a wakee on the waker's CPU", "there is no WF_CURRENT_CPU", "ab83f455f04d")},
	{"EAS", yesNo(func(r *rules.Rules) bool { return r.EAS },
		"energy-aware placement exists (not modelled)", "there is no energy-aware placement", "732cd75b8c92")},
	{"WakeWide", choice(func(r *rules.Rules) rules.WakeWideRule { return r.WakeWide },
		position{"there is no wake_wide", ""},
		position{"wake_wide is asked by wake_affine only, about the wakee first", "62470419e993"},
		position{"wake_wide compares the flips of both with the LLC's size, before any domain is looked at", "63b0e9edceec"},
	)},
	{"WakeCap", yesNo(func(r *rules.Rules) bool { return r.WakeCap },
		"a wakee too large for the smaller of the two CPUs is not pulled, where their capacities differ", "wake_cap asks on asymmetric machines only, if there is one", "3273163c6775, df054e8445a4")},
	{"SiblingNeedsAffine", yesNo(func(r *rules.Rules) bool { return r.SiblingNeedsAffine },
		"an idle sibling is looked for only where a domain spans waker and prev", "an idle sibling is looked for on every fast path", "63b0e9edceec")},
	{"AffineIdle", yesNo(func(r *rules.Rules) bool { return r.AffineIdle },
		"wake_affine asks for idleness before it compares loads", "wake_affine compares loads only", "")},
	{"AffineEager", yesNo(func(r *rules.Rules) bool { return r.AffineEager },
		"an idle waker's CPU is taken whatever prev is, and equal loads speak for it", "an idle waker's CPU is taken only if it shares prev's LLC and prev is busy", "7332dec055f2, 806486c377e3, 082f764a2f3f")},
	{"IdlePrev", yesNo(func(r *rules.Rules) bool { return r.IdlePrev },
		"wake_affine_idle also takes an idle prev", "wake_affine_idle takes the waker's CPU or decides nothing", "d8fcb81f1acf")},
	fixSwitch("DelayedDiscount", rules.FixDelayedDiscount, "wake_affine_idle counts every queued task"),
	{"Affine", choice(func(r *rules.Rules) rules.AffineRule { return r.Affine },
		position{"wake_affine compares the loads as they would be, and takes a waker's CPU that has room for an average task", ""},
		position{"wake_affine compares the loads as they would be", "05bfb65f52cb, bd61c98f9b3f"},
		position{"wake_affine takes the waker's CPU wherever it shares prev's LLC, and compares the loads of nodes elsewhere", "7d894e6e34a5, 3fed382b46ba"},
		position{"wake_affine_weight takes the wakee's load from prev before it compares", "d153b153446f"},
	)},
	{"CPULoad", choice(func(r *rules.Rules) rules.LoadRule { return r.CPULoad },
		position{"the load of a CPU is the weight queued there", ""},
		position{"the load of a CPU is the load average of the tasks queued there", "b92486cbf2aa"},
		position{"the load of a CPU is its load average with the blocked part", "11f10e5420f6"},
	)},
	{"TaskWeight", yesNo(func(r *rules.Rules) bool { return r.TaskWeight },
		"a task counts in wake_affine with its weight", "a task counts in wake_affine with its load average", "9d89c257dfb9")},
	{"SchedIdle", yesNo(func(r *rules.Rules) bool { return r.SchedIdle },
		"a CPU that runs SCHED_IDLE tasks only passes as idle", "only an idle CPU is idle", "3c29e651e16d")},
	{"SchedIdleSecond", yesNo(func(r *rules.Rules) bool { return r.SchedIdleSecond },
		"the scans take such a CPU only if they find no idle one", "the scans take the first CPU that passes", "17346452b25b")},
	{"Cluster", yesNo(func(r *rules.Rules) bool { return r.Cluster },
		"prev and recent-used CPUs must share the target's cluster, which is scanned first", "clusters play no part", "8881e1639f1f, 22165f61d0c4")},
	{"PerCPUKthread", yesNo(func(r *rules.Rules) bool { return r.PerCPUKthread },
		"a per-CPU kthread's wakee may stack on its CPU", "no stacking on per-CPU kthreads", "52262ee567ad")},
	fixSwitch("KthreadInTask", rules.FixKthreadInTask, "wakees stack on a per-CPU kthread's CPU from interrupts too"),
	{"RecentUsed", choice(func(r *rules.Rules) rules.RecentUsedRule { return r.RecentUsed },
		position{"there is no recent_used_cpu", ""},
		position{"recent_used_cpu is written on a hit", "32e839dda3ba"},
		position{"recent_used_cpu is set to prev at every test", "89aafd67f28c"},
	)},
	fixSwitch("RecentUsedMask", rules.FixRecentUsedMask, "the recent_used_cpu test looks at the affinity to prev instead"),
	{"Scan", choice(func(r *rules.Rules) rules.ScanRule { return r.Scan },
		position{"the scan walks the groups of the LLC's domains", ""},
		position{"cores are scanned first, then CPUs", "10e2f1acd010"},
		position{"one walk looks for a core or a CPU", "9fe1f127b913"},
	)},
	{"Sibling", choice(func(r *rules.Rules) rules.SiblingRule { return r.Sibling },
		position{"there is no select_idle_smt", "6cd56ef1df39"},
		position{"select_idle_smt runs last, on target's siblings", "10e2f1acd010"},
		position{"select_idle_smt runs before the scan, on prev's siblings, where no idle core is advertised", "c722f35b513f"},
	)},
	{"SMTSpan", smtSpan},
	{"SMTSkipsTarget", yesNo(func(r *rules.Rules) bool { return r.SMTSkipsTarget },
		"select_idle_smt passes over the CPU it starts from", "select_idle_smt looks at the CPU it starts from too", "b9bae70440d2")},
	fixSwitch("CoreSpan", rules.FixCoreSpan, "the core scan's fallback may be any CPU that the task's affinity allows: it leaks onto isolated CPUs"),
	{"Budget", choice(func(r *rules.Rules) rules.BudgetRule { return r.Budget },
		position{"the scan has no budget", ""},
		position{"SIS_PROP: the budget follows the waker CPU's avg_idle", "1ad3aaf3fcd2"},
		position{"SIS_PROP: the budget follows wake_avg_idle", "94aafc3ee31d"},
		position{"SIS_UTIL: the budget is the LLC's nr_idle_scan", "70fb5ccf2ebb"},
		position{"no scan where the waker CPU's avg_idle is below the average cost of one", "10e2f1acd010"},
	)},
	fixSwitch("ScanAffinityFree", rules.FixScanAffinity, "CPUs outside the affinity use up the budget"),
	{"ScanAfterTarget", yesNo(func(r *rules.Rules) bool { return r.ScanAfterTarget },
		"the scan starts behind target", "the scan starts at target", "56498cfb045d")},
	{"ThisDomain", yesNo(func(r *rules.Rules) bool { return r.ThisDomain },
		"select_idle_cpu gives up where the waker's CPU has no LLC domain", "the waker's CPU needs no LLC domain", "")},
	{"HasIdleCoresDefault", yesNo(func(r *rules.Rules) bool { return r.HasIdleCoresDefault },
		"test_idle_cores falls back to the caller's default", "test_idle_cores falls back to false", "")},
	{"ClearThis", yesNo(func(r *rules.Rules) bool { return r.ClearThis },
		"a failed core scan clears has_idle_cores of the waker's LLC", "a failed core scan clears has_idle_cores of the target's LLC", "9fe1f127b913, 02dbb7246c5b")},
	fixSwitch("HousekeepingAny", rules.FixHousekeepingAny, "select_idle_cpu called on a CPU without LLC domain finds nothing"),
	{"SlowPath", choice(func(r *rules.Rules) rules.SlowPathRule { return r.SlowPath },
		position{"find_idlest_group compares scaled loads", ""},
		position{"find_idlest_group compares runnable load, then spare capacity", ""},
		position{"find_idlest_group classifies groups", "57abff067a08"},
	)},
	{"ForkQuarter", yesNo(func(r *rules.Rules) bool { return r.ForkQuarter },
		"a new task stays on its node while fewer tasks than a quarter of the domain's CPUs run there", "no quarter of a domain counts for new tasks", "23e6082a522e")},
	{"ImbNumaNr", yesNo(func(r *rules.Rules) bool { return r.ImbNumaNr },
		"imb_numa_nr tasks may stay on a node", "no tasks are let stay on a node", "e496132ebedd")},
}
