package fair

// This file is the arithmetic of CFS bandwidth control (CONFIG_CFS_BANDWIDTH, kernel/sched/fair.c,
// 3.2 and later): a group's quota of each period, and what its queues have of it.

// The kernel's own times, in ns: sysctl_sched_cfs_bandwidth_slice as it comes, min_cfs_rq_runtime,
// min_bandwidth_expiration and cfs_bandwidth_slack_period.
const (
	BandwidthSlice   = 5_000_000
	minQueueRuntime  = 1_000_000
	minExpiration    = 2_000_000
	BandwidthSlack   = 5_000_000
	minRefreshWithin = BandwidthSlack + minExpiration
)

// Bandwidth is struct cfs_bandwidth of a group with a limit, in ns. Its timers are the caller's.
type Bandwidth struct {
	// Quota of each Period; Slice is what a queue takes of it at a time.
	Quota, Period, Slice int64
	// Expires: what a queue has of the quota is worth nothing in the next period
	// (expire_cfs_rq_runtime, up to 5.3; de53fd7aedb1).
	Expires bool
	// Runtime is what is left of the quota in this period.
	Runtime int64
	// Periods counts those begun, Refresh is when the next begins.
	Periods, Refresh int64
	// Active: the timer of the period runs. Slack: that of the slack does.
	Active, Slack bool

	idle      bool
	throttled []*QueueRuntime // the first to be throttled first
}

// QueueRuntime is what a group's queue on a CPU has of the quota (struct cfs_rq).
type QueueRuntime struct {
	CPU int
	// Remaining may be below 0: what was used too much.
	Remaining int64
	Throttled bool

	period int64 // in which it was taken
}

// assign is __assign_cfs_rq_runtime: it reports whether the queue has some.
func (b *Bandwidth) assign(q *QueueRuntime, target int64) bool {
	if b.Runtime > 0 {
		amount := min(b.Runtime, target-q.Remaining)
		b.Runtime -= amount
		q.Remaining += amount
		b.idle = false
	}
	q.period = b.Periods
	return q.Remaining > 0
}

// Account is account_cfs_rq_runtime: the queue has used so much. It reports whether it has some
// left or got more; else its CPU is to switch.
func (b *Bandwidth) Account(q *QueueRuntime, used int64) bool {
	q.Remaining -= used
	if b.Expires && q.Remaining > 0 && q.period != b.Periods {
		q.Remaining = 0
	}
	return q.Remaining > 0 || q.Throttled || b.assign(q, b.Slice)
}

// Throttle is throttle_cfs_rq: it reports whether the queue is throttled, as nothing is left.
func (b *Bandwidth) Throttle(q *QueueRuntime) bool {
	if b.assign(q, 1) {
		return false
	}
	q.Throttled = true
	b.throttled = append(b.throttled, q)
	return true
}

// Refill is do_sched_cfs_period_timer up to the distribution: it reports whether the timer goes
// on, and whether there is what to distribute.
func (b *Bandwidth) Refill() (active, distribute bool) {
	b.Runtime = b.Quota
	b.Periods++
	switch {
	case b.idle && len(b.throttled) == 0:
		b.Active = false
		return false, false
	case len(b.throttled) == 0:
		b.idle = true
		return true, false
	}
	b.idle = false
	return true, true
}

// Distribute is distribute_cfs_runtime: it gives those throttled what they lack, one after the
// other, and returns the ones that go on, whose queues are to be unthrottled.
func (b *Bandwidth) Distribute() (goOn []*QueueRuntime) {
	left := b.throttled[:0]
	for _, q := range b.throttled {
		if b.Runtime > 0 {
			amount := min(b.Runtime, 1-q.Remaining)
			b.Runtime -= amount
			q.Remaining += amount
			q.period = b.Periods
		}
		if q.Remaining > 0 {
			q.Throttled = false
			goOn = append(goOn, q)
		} else {
			left = append(left, q)
		}
	}
	b.throttled = left
	return goOn
}

// Return is return_cfs_rq_runtime of a queue that has become empty: it keeps a millisecond. It
// reports whether the timer of the slack is to be started.
func (b *Bandwidth) Return(q *QueueRuntime, now int64) bool {
	slack := q.Remaining - minQueueRuntime
	if slack <= 0 {
		return false
	}
	q.Remaining -= slack
	if b.Expires && q.period != b.Periods {
		return false
	}
	b.Runtime += slack
	if b.Runtime <= b.Slice || len(b.throttled) == 0 || b.Refresh-now < minRefreshWithin || b.Slack {
		return false
	}
	b.Slack = true
	return true
}

// SlackEnds is do_sched_cfs_slack_timer: it reports whether there is what to distribute.
func (b *Bandwidth) SlackEnds(now int64) bool {
	b.Slack = false
	return b.Refresh-now >= minExpiration && b.Runtime > b.Slice
}
