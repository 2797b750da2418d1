package rules

import "slices"

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
	commits string
	doc     string
	get     func(*Rules) *bool
	applies func(*Rules) bool
}

var fixTable = []fixInfo{
	{
		FixSMTSpan, "df3cb4ea1fb6, 8aeaffef8c6e", "select_idle_smt looks only at siblings inside the sched domain",
		func(r *Rules) *bool { return &r.SMTSpan }, func(r *Rules) bool { return r.Sibling != SiblingNone },
	},
	{
		FixCoreSpan, "23d04d8c6b8e", "the fallback CPU of the core scan lies inside the sched domain",
		func(r *Rules) *bool { return &r.CoreSpan }, func(r *Rules) bool { return r.Scan == ScanMerged },
	},
	{
		FixRecentUsedMask, "ae2ad293d6be", "the recent_used_cpu test looks at that CPU's own affinity",
		func(r *Rules) *bool { return &r.RecentUsedMask }, func(r *Rules) bool { return r.RecentUsed != RecentUsedNone },
	},
	{
		FixKthreadInTask, "8b4e74ccb582", "wakees stack on a per-CPU kthread's CPU in task context only",
		func(r *Rules) *bool { return &r.KthreadInTask }, func(r *Rules) bool { return r.PerCPUKthread },
	},
	{
		FixScanAffinity, "60588bfa223f", "CPUs outside the affinity use up no scan budget",
		func(r *Rules) *bool { return &r.ScanAffinityFree }, func(r *Rules) bool { return r.Scan != ScanGroups },
	},
	{
		FixDelayedDiscount, "aa3ee4f0b754", "wake_affine_idle does not count tasks whose dequeue is delayed",
		func(r *Rules) *bool { return &r.DelayedDiscount }, func(r *Rules) bool { return r.DelayDequeue },
	},
	{
		FixHousekeepingAny, "not merged (linux-4.19.y, 2025-01)", "select_idle_cpu called on a CPU without LLC domain returns a housekeeping CPU",
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

// backport is a fix that a stable branch took at a point release.
type backport struct {
	fix   Fix
	patch int
}

// Row is one line of the rule table: the rules of a mainline release as it
// came out, and what its stable branch took later.
type Row struct {
	Major, Minor int
	Rules        Rules
	backports    []backport
}

// Name is the row's mainline release, "6.1".
func (r *Row) Name() string { return versionName(r.Major, r.Minor) }

// rows lists the releases that differ from the one before, each built from it.
var rows = buildRows()

func buildRows() []Row {
	r := Rules{ // 3.10
		Wakelist: WakelistNoShare, Scan: ScanGroups, SlowPath: SlowPathLoad,
		RecentUsedMask: true, SiblingNeedsAffine: true, TaskWeight: true,
	}
	var out []Row
	add := func(major, minor int, change func(*Rules), b ...backport) {
		change(&r)
		out = append(out, Row{major, minor, r, b})
	}
	add(3, 10, func(*Rules) {})
	add(3, 11, func(r *Rules) { r.CPULoad = LoadRunnable })
	add(3, 12, func(r *Rules) { r.WakeWide = WakeWideInAffine })
	add(3, 18, func(r *Rules) { r.Affine = AffineEffective })
	// 63b0e9edceec moved wake_wide out of wake_affine, and no search for an idle
	// sibling depends on a common domain any more.
	add(4, 3, func(r *Rules) { r.WakeWide, r.SiblingNeedsAffine, r.TaskWeight = WakeWideLLC, false, false })
	// 10e2f1acd010 rewrote the scans and brought the SMT leak.
	add(4, 9, func(r *Rules) {
		r.Scan, r.Sibling, r.Budget, r.ThisDomain = ScanSeparate, SiblingLast, BudgetAvgCost, true
		r.SlowPath, r.HasIdleCoresDefault, r.WakeCap = SlowPathSpare, true, true
	})
	add(4, 11, func(r *Rules) { r.Budget = BudgetNone })
	add(4, 13, func(r *Rules) { r.Budget, r.Affine = BudgetAvgIdle, AffineCache })
	add(4, 14, func(r *Rules) { r.Affine, r.AffineIdle, r.AffineEager = AffineWeight, true, true }, backport{FixScanAffinity, 236})
	add(4, 16, func(r *Rules) { r.AffineEager, r.RecentUsed = false, RecentUsedOnHit })
	add(4, 18, func(*Rules) {})
	add(4, 19, func(*Rules) {}, backport{FixScanAffinity, 194})
	add(4, 20, func(r *Rules) { r.WakeCap = false })
	add(5, 0, func(r *Rules) { r.EAS = true })
	add(5, 3, func(r *Rules) { r.CurShortcut = true })
	add(5, 4, func(r *Rules) { r.SchedIdle, r.SchedIdleSecond = true, true }, backport{FixScanAffinity, 24}, backport{FixSMTSpan, 73})
	add(5, 5, func(r *Rules) { r.CPULoad, r.SlowPath = LoadAverage, SlowPathTypes }, backport{FixScanAffinity, 8})
	add(5, 6, func(r *Rules) { r.PerCPUKthread, r.ScanAffinityFree, r.SchedIdleSecond = true, true, false })
	add(5, 8, func(r *Rules) { r.OnCPUQueue, r.Wakelist = true, WakelistOnCPU }, backport{FixSMTSpan, 17})
	add(5, 9, func(*Rules) {}, backport{FixSMTSpan, 2})
	add(5, 10, func(r *Rules) { r.SMTSpan = true }, backport{FixKthreadInTask, 94})
	add(5, 11, func(r *Rules) { r.IdlePrev, r.ForkQuarter = true, true })
	// 9fe1f127b913 merged the scans and brought the core-scan leak; 6cd56ef1df39
	// took select_idle_smt away.
	add(5, 12, func(r *Rules) {
		r.Scan, r.Sibling, r.SMTSpan, r.ClearThis = ScanMerged, SiblingNone, false, true
	})
	// c722f35b513f brought select_idle_smt back, with the test.
	add(5, 13, func(r *Rules) { r.Sibling, r.SMTSpan, r.ClearThis = SiblingFirst, true, false })
	add(5, 14, func(r *Rules) { r.Budget = BudgetWakeAvgIdle })
	add(5, 15, func(r *Rules) {
		r.RecentUsed, r.RecentUsedMask, r.ScanAfterTarget = RecentUsedAlways, false, true
	}, backport{FixKthreadInTask, 17}, backport{FixCoreSpan, 153})
	add(5, 16, func(*Rules) {}, backport{FixKthreadInTask, 3})
	add(5, 17, func(r *Rules) { r.KthreadInTask = true })
	add(5, 18, func(r *Rules) { r.ImbNumaNr, r.ForkQuarter = true, false })
	add(6, 0, func(r *Rules) { r.Budget, r.Wakelist = BudgetUtil, WakelistIdle })
	// 3e6efe87cd5c took the test away again.
	add(6, 1, func(r *Rules) {
		r.SMTSpan, r.SMTSkipsTarget, r.ThisDomain, r.HasIdleCoresDefault = false, true, false, false
	}, backport{FixRecentUsedMask, 42}, backport{FixSMTSpan, 83}, backport{FixCoreSpan, 83})
	add(6, 2, func(r *Rules) { r.PendingLast = true })
	add(6, 3, func(*Rules) {})
	add(6, 4, func(*Rules) {}, backport{FixRecentUsedMask, 7})
	add(6, 5, func(r *Rules) { r.RecentUsedMask = true })
	add(6, 6, func(r *Rules) { r.CurrentCPUFlag = true }, backport{FixSMTSpan, 23}, backport{FixCoreSpan, 23})
	add(6, 7, func(r *Rules) { r.Cluster = true }, backport{FixSMTSpan, 11}, backport{FixCoreSpan, 11})
	add(6, 8, func(*Rules) {}, backport{FixSMTSpan, 2}, backport{FixCoreSpan, 2})
	// 8aeaffef8c6e and 23d04d8c6b8e closed both leaks.
	add(6, 9, func(r *Rules) { r.SMTSpan, r.CoreSpan = true, true })
	add(6, 12, func(r *Rules) { r.DelayDequeue = true }, backport{FixDelayedDiscount, 37})
	add(6, 15, func(*Rules) {}, backport{FixDelayedDiscount, 3})
	add(6, 16, func(r *Rules) { r.DelayedDiscount = true })
	return out
}

// Rows returns the rule table, oldest release first.
func Rows() []Row { return slices.Clone(rows) }
