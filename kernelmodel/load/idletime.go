package load

import (
	"math"

	"schedreplay/kernelmodel/rules"
)

// IdleTime follows rq->avg_idle of a CPU, in ns: how long it has been idle, on
// average, when a wakeup ended that (ttwu_do_wakeup, ttwu_do_activate,
// kernel/sched/core.c). Before 6.0 it limits the scan for an idle CPU that is made
// on this CPU. What it was when the capture begins is in no event, nor the bound
// that the kernel keeps it under, so it lies below most, and is most likely likely.
type IdleTime struct {
	likely, most int64
	// stamp is rq->idle_stamp, never if 0; woken when the last sample was taken (wake_stamp).
	stamp, woken int64
}

const (
	// idleTimeCeiling is the bound of avg_idle where a pass of newly-idle balancing costs
	// 10 ms.
	idleTimeCeiling = 20_000_000
	// never is no time.
	never = math.MinInt64
	// IdleBounds is the number of bounds that avg_idle may have.
	IdleBounds = 2
)

// NewIdleTime is that of a CPU of which nothing was seen yet.
func NewIdleTime() IdleTime {
	return IdleTime{likely: AvgIdleMost, most: idleTimeCeiling, stamp: never, woken: never}
}

// Idles notes that the CPU went idle.
func (a *IdleTime) Idles(now int64) { a.stamp = now }

// Wakes notes that a wakeup was activated there. One that ends no idle time takes
// no sample; a fork or a move to an idle CPU leaves the stamp where it is.
func (a *IdleTime) Wakes(now int64) {
	if a.stamp == never {
		return
	}
	d := max(0, now-a.stamp)
	a.likely = AvgIdle(a.likely, d, AvgIdleMost)
	a.most = AvgIdle(a.most, d, idleTimeCeiling)
	a.stamp, a.woken = never, now
}

// left is wake_avg_idle. What scans have taken of it since is not followed, which makes
// it an upper bound.
func (a *IdleTime) left(avg, now, jiffy int64) int64 {
	if a.woken == never {
		return avg // as at boot, or less
	}
	return WakeAvgIdle(avg, now-a.woken, jiffy)
}

// Counted is, in ns, what a rule counts of the idle time, by the bound of avg_idle.
func (a *IdleTime) Counted(rule rules.BudgetRule, now, jiffy int64) [IdleBounds]int64 {
	if rule == rules.BudgetWakeAvgIdle {
		return [IdleBounds]int64{a.left(a.likely, now, jiffy), a.left(a.most, now, jiffy)}
	}
	return [IdleBounds]int64{ScanIdle(a.likely), ScanIdle(a.most)}
}
