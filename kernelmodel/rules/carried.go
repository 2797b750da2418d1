package rules

// Carries reports whether the rules carry a fix: they have the code that it mends, and the
// fix. Code that is right by its form carries none.
func (r *Rules) Carries(f Fix) bool {
	if !r.Has(f) {
		return false
	}
	switch f {
	case FixSMTSpan:
		return r.Sibling != SiblingNone
	case FixCoreSpan:
		return r.Scan == ScanMerged
	case FixRecentUsedMask:
		return r.RecentUsed == RecentUsedAlways // right before, by its form
	case FixKthreadInTask:
		return r.PerCPUKthread
	case FixScanAffinity:
		return r.Scan == ScanSeparate // later scans have no other form
	case FixDelayedDiscount:
		return r.DelayDequeue
	}
	return true
}

// Carried lists the fixes that the rules carry.
func (r *Rules) Carried() []Fix {
	var out []Fix
	for _, f := range Fixes() {
		if r.Carries(f) {
			out = append(out, f)
		}
	}
	return out
}
