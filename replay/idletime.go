package replay

import (
	"math"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// idleTime follows rq->avg_idle of a CPU, in ns: how long it has been idle, on
// average, when a wakeup ended that (ttwu_do_wakeup, ttwu_do_activate,
// kernel/sched/core.c). Before 6.0 it limits the scan for an idle CPU that is made
// on this CPU. What it was when the capture begins is in no event, nor the bound
// that the kernel keeps it under, so it lies below most, and is most likely likely.
type idleTime struct {
	likely, most int64
	// stamp is rq->idle_stamp, NoTime if 0; woken when the last sample was taken,
	// NoTime if never (wake_stamp).
	stamp, woken int64
}

const (
	// idleTimeMax is twice sysctl_sched_migration_cost, the bound of avg_idle unless
	// newly-idle balancing was seen to cost more, and its value at boot.
	idleTimeMax = 1_000_000
	// idleTimeCeiling is that bound where a pass of newly-idle balancing costs 10 ms.
	idleTimeCeiling = 20_000_000
	// scanOne is what it costs to look at one CPU, and the least that a scan costs.
	scanOne = 100
	// leastProp is the least nr that SIS_PROP gives.
	leastProp = 4
)

func newIdleTime() idleTime {
	return idleTime{likely: idleTimeMax, most: idleTimeCeiling, stamp: parser.NoTime, woken: parser.NoTime}
}

// idles notes that the CPU went idle.
func (a *idleTime) idles(now int64) { a.stamp = now }

// wakes notes that a wakeup was activated there. One that ends no idle time takes
// no sample; a fork or a move to an idle CPU leaves the stamp where it is.
func (a *idleTime) wakes(now int64) {
	if a.stamp == parser.NoTime {
		return
	}
	d := max(0, now-a.stamp)
	a.likely = min(a.likely+(d-a.likely)/8, idleTimeMax)
	a.most = min(a.most+(d-a.most)/8, idleTimeCeiling)
	a.stamp, a.woken = parser.NoTime, now
}

// left is wake_avg_idle (94aafc3ee31d): half of avg_idle when the CPU was woken
// last, and half of that again for each jiffy since. What scans have taken of it
// since is not followed, which makes it an upper bound.
func (a *idleTime) left(avg, now, jiffy int64) int64 {
	if a.woken == parser.NoTime {
		return avg // as at boot, or less
	}
	return avg / 2 >> min(62, max(0, now-a.woken)/jiffy)
}

// propBudget is how many CPUs a scan of an LLC of the given weight may look at
// under the rules before 6.0. The cost of a scan is in no event: at least what it
// costs to look at one CPU, and most likely what it costs to look at all that may be
// looked at.
func (a *idleTime) propBudget(rule rules.BudgetRule, weight, now, jiffy int64) explore.Range {
	likely, most := a.likely/512, a.most/512
	if rule == rules.BudgetWakeAvgIdle {
		likely, most = a.left(a.likely, now, jiffy), a.left(a.most, now, jiffy)
	}
	r := explore.Range{From: fact.Estimated}
	if rule == rules.BudgetAvgCost {
		// All or nothing.
		if likely >= weight*scanOne {
			r.Best = weight
		}
		if most >= scanOne {
			r.Hi = weight
		}
		return r
	}
	// The CPU that ends the scan counts and is not looked at.
	r.Lo = min(leastProp-1, weight)
	r.Hi = min(max(leastProp, weight*most/scanOne)-1, weight)
	r.Best = min(max(leastProp, int64(math.Sqrt(float64(weight*likely/scanOne))))-1, r.Hi)
	return r
}
