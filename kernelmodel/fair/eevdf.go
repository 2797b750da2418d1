package fair

// This file is the arithmetic of EEVDF: what a queue keeps of its entities' virtual
// times, who is eligible, and where an entity is placed (kernel/sched/fair.c, 6.6 and
// later, 147f3efaa241). docs/kernel/fair-queue.md#eevdf-in-612.

// Mean is what a queue keeps to tell the mean of its entities' virtual times by weight
// (cfs_rq.avg_vruntime and avg_load): the weighted sum of how far they are from Base.
type Mean struct {
	// Base is any virtual time near the queue's, in ns.
	Base int64
	// Sum is in ns times weight, Weight the sum of the weights.
	Sum, Weight int64
}

// Add counts an entity in (avg_vruntime_add), or with its weight negative out.
func (m *Mean) Add(vruntime, weight int64) {
	m.Sum += (vruntime - m.Base) * weight
	m.Weight += weight
}

// Vruntime is avg_vruntime: the mean, rounded down. The queue must not be empty.
func (m *Mean) Vruntime() int64 {
	sum := m.Sum
	if sum < 0 {
		sum -= m.Weight - 1
	}
	return m.Base + sum/m.Weight
}

// Lag is the weighted sum of how far the queue is ahead of a virtual time.
func (m *Mean) Lag(vruntime int64) int64 { return m.Sum + (m.Base-vruntime)*m.Weight }

// Eligible is entity_eligible of an entity of the queue with that virtual time: it got
// no more than its share. It does not divide, so it is exact.
func (m *Mean) Eligible(vruntime int64) bool { return m.Lag(vruntime) >= 0 }

// ClampLag is entity_lag: a lag as it is kept over a sleep, at most two slices or a tick of the
// entity; or a slice and a tick, by [rules.FairRules].LagTick.
func ClampLag(lag, weight, slice, tick int64, andTick bool) int64 {
	limit := max(2*slice, tick)
	if andTick {
		limit = slice + tick
	}
	limit = CalcDeltaFair(limit, weight)
	return max(-limit, min(limit, lag))
}

// Place is place_entity: where an entity of a weight comes to on a queue whose mean and
// weight are given, with the lag it left with, so much more as its own weight moves the
// mean. On an empty queue lag counts for nothing. A forked one (initial) gets half a
// slice at first (PLACE_DEADLINE_INITIAL).
func Place(mean, load, lag, weight, slice int64, initial bool) (vruntime, deadline int64) {
	vruntime = mean
	if load != 0 {
		vruntime -= lag * (load + weight) / load
	}
	if initial {
		slice /= 2
	}
	return vruntime, vruntime + CalcDeltaFair(slice, weight)
}
