package rules

// Parts names switches that a run of the code has read: kernels that agree about them do
// the same in that run.
type Parts uint32

// The parts.
const (
	PartWake Parts = 1 << iota
	PartWakelist
	PartSchedIdle
	PartWide
	PartCap
	PartAffine
	PartAffineIdle
	PartAffineWeight
	PartUnspanned
	PartKthread
	PartRecent
	PartRecentMask
	PartCluster
	PartScan
	PartSibling
	PartScanAfter
	PartScanAffinity
	PartScanNoDomain
	PartBudget
	// PartBudgetUtil is of the budget's rule only whether it is BudgetUtil.
	PartBudgetUtil
	PartSMT
	PartSMTSpan
	PartCoreSpan
	PartClear
	PartSlow
	// ReadsRecent: the runs read the wakee's recent_used_cpu, which is no switch.
	ReadsRecent

	// PartsAll stands for every switch, those included that no part has.
	PartsAll Parts = 1<<32 - 1
)

// Only returns the switches of some parts, all others off.
func (r *Rules) Only(p Parts) Rules {
	if p == PartsAll {
		return *r
	}
	var o Rules
	if p&PartWake != 0 {
		o.CurShortcut, o.OnCPUQueue, o.DelayDequeue = r.CurShortcut, r.OnCPUQueue, r.DelayDequeue
	}
	if p&PartWakelist != 0 {
		o.Wakelist = r.Wakelist
	}
	if p&PartSchedIdle != 0 {
		o.SchedIdle, o.SchedIdleSecond, o.SchedIdleOthers = r.SchedIdle, r.SchedIdleSecond, r.SchedIdleOthers
	}
	if p&PartWide != 0 {
		o.WakeWide = r.WakeWide
	}
	if p&PartCap != 0 {
		o.WakeCap = r.WakeCap
	}
	if p&PartAffine != 0 {
		o.AffineIdle, o.WakeWide = r.AffineIdle, r.WakeWide
	}
	if p&PartAffineIdle != 0 {
		o.AffineEager, o.IdlePrev, o.DelayedDiscount = r.AffineEager, r.IdlePrev, r.DelayedDiscount
	}
	if p&PartAffineWeight != 0 {
		o.Affine, o.CPULoad, o.TaskWeight, o.AffineEager = r.Affine, r.CPULoad, r.TaskWeight, r.AffineEager
	}
	if p&PartUnspanned != 0 {
		o.SiblingNeedsAffine = r.SiblingNeedsAffine
	}
	if p&PartKthread != 0 {
		o.PerCPUKthread, o.KthreadInTask = r.PerCPUKthread, r.KthreadInTask
	}
	if p&PartRecent != 0 {
		o.RecentUsed = r.RecentUsed
	}
	if p&PartRecentMask != 0 {
		o.RecentUsedMask = r.RecentUsedMask
	}
	if p&PartCluster != 0 {
		o.Cluster = r.Cluster
	}
	return r.onlyScan(p, o)
}

// onlyScan adds the switches of the scans and of the slow path.
func (r *Rules) onlyScan(p Parts, o Rules) Rules {
	if p&PartScan != 0 {
		o.Scan = r.Scan
	}
	if p&PartSibling != 0 {
		o.Sibling = r.Sibling
	}
	if p&PartScanAfter != 0 {
		o.ScanAfterTarget = r.ScanAfterTarget
	}
	if p&PartScanAffinity != 0 {
		o.ScanAffinityFree = r.ScanAffinityFree
	}
	if p&PartScanNoDomain != 0 {
		o.ThisDomain, o.HousekeepingAny = r.ThisDomain, r.HousekeepingAny
	}
	if p&PartBudget != 0 || p&PartBudgetUtil != 0 && r.Budget == BudgetUtil {
		o.Budget = r.Budget
	}
	if p&PartSMT != 0 {
		o.SMTSkipsTarget = r.SMTSkipsTarget
	}
	if p&PartSMTSpan != 0 {
		o.SMTSpan = r.SMTSpan
	}
	if p&PartCoreSpan != 0 {
		o.CoreSpan = r.CoreSpan
	}
	if p&PartClear != 0 {
		o.ClearThis = r.ClearThis
	}
	if p&PartSlow != 0 {
		o.SlowPath, o.CPULoad, o.GroupAllowed, o.ForkQuarter, o.ImbNumaNr = r.SlowPath, r.CPULoad, r.GroupAllowed, r.ForkQuarter, r.ImbNumaNr
	}
	return o
}
