package fair

import (
	"slices"

	"schedreplay/kernelmodel/rules"
)

// This file is the fair class since 6.6: EEVDF (147f3efaa241) with lag kept over a sleep
// (PLACE_LAG), slices run to parity (63304558ba5d) and, since 6.12, delayed dequeue
// (152e11f6df29): one queue, of a CPU or of a task group on it (tree.go). Slices that a task
// asks for are not modelled.

// BaseSliceFor is sysctl_sched_base_slice on a machine of so many CPUs: 0.75 ms times
// their factor, 0.70 ms where the kernel has it shorter (from 6.15 on, and in the
// stable branches that took that).
func BaseSliceFor(cpus int, short bool) int64 {
	if short {
		return 700_000 * updateSysctlFactor(cpus)
	}
	return 750_000 * updateSysctlFactor(cpus)
}

// EEVDF is struct cfs_rq of one CPU. The zero value with Slice and Jiffy set is an empty
// queue.
type EEVDF struct {
	// Slice is the base slice, Jiffy the time between ticks, in ns.
	Slice, Jiffy int64
	// Delay: a task that sleeps while not eligible stays queued (6.12 and later).
	Delay bool
	// Rules are those of the kernel.
	Rules rules.FairRules

	all  []*Entity // queued, the current one included
	curr *Entity
	last *Entity // current before it was put back
	next *Entity // the buddy that is to run next, a group's
	need bool    // the current entity's slice has ended
}

// Running is the number of entities on the queue.
func (q *EEVDF) Running() int { return len(q.all) }

// Load is the sum of their weights.
func (q *EEVDF) Load() int64 {
	sum := int64(0)
	for _, e := range q.all {
		sum += e.Weight
	}
	return sum
}

// Curr is the entity that runs, nil if none does.
func (q *EEVDF) Curr() *Entity { return q.curr }

// Has is the number of entities on the queue, whatever the group.
func (q *EEVDF) Has(int) int { return len(q.all) }

// Reweight is reweight_entity: a queued entity keeps its lag in time, and so what is left to
// its deadline, in the virtual time of the new weight. The protection of its slice follows from
// 7.0 on; before, it ends there.
func (q *EEVDF) Reweight(se *Entity, weight, now int64) {
	old := se.Weight
	if !se.OnRq {
		se.Lag, se.Weight = se.Lag*old/weight, weight
		return
	}
	q.UpdateCurr(now)
	left, protected := se.Deadline-se.Vruntime, int64(0)
	if q.Rules.Protect == rules.ProtectScaled && q.protected(se) {
		protected = se.protect - se.Vruntime
	}
	q.saveLag(se)
	se.Lag, se.Weight = se.Lag*old/weight, weight
	if q.Rules.PlaceCurrent && se == q.curr {
		q.place(se, false)
	} else {
		i := slices.Index(q.all, se)
		q.all = slices.Delete(q.all, i, i+1)
		q.place(se, false)
		q.all = append(q.all, se)
	}
	se.Deadline = se.Vruntime + left*old/weight
	se.protect = se.Vruntime + protected*old/weight
}

// Buddy reports whether the entity is the next buddy, which only a group's is: yield_to, the
// other who sets one, is not modelled.
func (q *EEVDF) Buddy(se *Entity) bool { return se == q.next }

func (q *EEVDF) setNext(se *Entity) { q.next = se }

// clearBuddies is clear_buddies.
func (q *EEVDF) clearBuddies(se *Entity) {
	if q.next == se {
		q.next = nil
	}
}

// mean is what the queue's virtual times amount to; it must not be empty.
func (q *EEVDF) mean() Mean {
	m := Mean{Base: q.all[0].Vruntime}
	for _, e := range q.all {
		m.Add(e.Vruntime, e.Weight)
	}
	return m
}

// AvgVruntime is avg_vruntime: the weighted mean of the queue, rounded down; 0 of an
// empty one.
func (q *EEVDF) AvgVruntime() int64 {
	if len(q.all) == 0 {
		return 0
	}
	m := q.mean()
	return m.Vruntime()
}

// Eligible is entity_eligible: the entity got no more than its share.
func (q *EEVDF) Eligible(se *Entity) bool {
	if len(q.all) == 0 {
		return true
	}
	m := q.mean()
	return m.Eligible(se.Vruntime)
}

// UpdateCurr charges the current entity and renews its deadline where its slice has
// ended (update_curr, update_deadline).
func (q *EEVDF) UpdateCurr(now int64) {
	se := q.curr
	if se == nil {
		return
	}
	d := now - se.ExecStart
	if d <= 0 {
		return
	}
	se.ExecStart = now
	se.Sum += d
	se.Vruntime += calcDeltaFair(d, se)
	if se.Vruntime >= se.Deadline {
		se.Deadline = se.Vruntime + calcDeltaFair(q.Slice, se)
		q.need = len(q.all) > 1
	}
	if len(q.all) > 1 && !q.protected(se) && (q.Rules.Protect != rules.ProtectMark || q.Delay && !q.Eligible(se)) {
		q.need = true // did_preempt_short up to 6.16
	}
	if q.need {
		q.clearBuddies(se)
	}
}

// protected is protect_slice.
func (q *EEVDF) protected(se *Entity) bool {
	if q.Rules.Protect == rules.ProtectMark {
		return se.protect == se.Deadline
	}
	return se.protect > se.Vruntime
}

// saveLag is update_entity_lag.
func (q *EEVDF) saveLag(se *Entity) {
	se.Lag = ClampLag(q.AvgVruntime()-se.Vruntime, se.Weight, q.Slice, q.Jiffy, q.Rules.LagTick)
}

// place is place_entity: with the lag it left with, so much more as its own weight
// moves the mean.
func (q *EEVDF) place(se *Entity, initial bool) {
	var m Mean
	if len(q.all) > 0 {
		m = q.mean()
	}
	left := se.Deadline
	se.Vruntime, se.Deadline = Place(q.AvgVruntime(), m.Weight, se.Lag, se.Weight, q.Slice, initial)
	if se.relative {
		se.Deadline, se.relative = left+se.Vruntime, false
	}
}

// Fork gives a new task no lag; it is placed when it is enqueued.
func (q *EEVDF) Fork(se *Entity, now int64) {
	q.UpdateCurr(now)
	se.Lag = 0
}

// Enqueue is enqueue_entity.
func (q *EEVDF) Enqueue(se *Entity, how How, now int64) {
	q.UpdateCurr(now)
	q.place(se, how == Moved && se.Sum == 0)
	q.all = append(q.all, se)
	se.OnRq, se.Delayed = true, false
}

// Dequeue is dequeue_entity: an entity that sleeps while it is not eligible stays.
func (q *EEVDF) Dequeue(se *Entity, sleep bool, now int64) bool {
	q.UpdateCurr(now)
	if q.clearBuddies(se); sleep && q.Delay && !q.Eligible(se) {
		se.Delayed = true
		return false
	}
	q.saveLag(se)
	if !sleep && q.Delay {
		se.Deadline -= se.Vruntime
		se.relative = true
	}
	q.remove(se)
	return true
}

func (q *EEVDF) remove(se *Entity) {
	if i := slices.Index(q.all, se); i >= 0 {
		q.all = slices.Delete(q.all, i, i+1)
	}
	if q.last == se {
		q.last = nil
	}
	q.clearBuddies(se)
	se.OnRq, se.Delayed = false, false
}

// Requeue is requeue_delayed_entity: the entity wakes where it is; lag it has gained is
// zeroed (DELAY_ZERO). Up to 7.2 the current entity is not charged first: its virtual time is
// that of its last update, so that one which ran since is ahead of who wakes.
func (q *EEVDF) Requeue(se *Entity, now int64) {
	if q.Rules.RequeueCharges {
		q.UpdateCurr(now)
	}
	if q.saveLag(se); se.Lag > 0 {
		q.remove(se)
		se.Lag = 0
		q.place(se, false)
		q.all = append(q.all, se)
	}
	se.OnRq, se.Delayed = true, false
}

// Leave marks that the entity wakes on another CPU.
func (q *EEVDF) Leave(se *Entity) { se.ExecStart = 0 }

// pickEEVDF is pick_eevdf: the eligible entity with the earliest deadline, but for a
// current one that is eligible and protected.
func (q *EEVDF) pickEEVDF(curr *Entity) *Entity {
	if curr != nil && (!curr.OnRq || curr.Delayed) {
		curr = nil
	}
	if curr != nil && q.protected(curr) && q.Eligible(curr) {
		return curr
	}
	var best *Entity
	for _, e := range q.all {
		if (best == nil || e.Deadline < best.Deadline) && q.Eligible(e) {
			best = e
		}
	}
	if best == nil && len(q.all) > 0 {
		best = q.all[0] // rounding leaves none
	}
	return best
}

// Pick is pick_next_entity and set_next_entity. An entity that is picked while it sleeps
// leaves, with no lag gained.
func (q *EEVDF) Pick(now int64) (picked *Entity, dropped []*Entity) {
	for len(q.all) > 0 {
		se := q.next
		if se == nil || !q.Rules.PickBuddy || !q.Eligible(se) {
			se = q.pickEEVDF(q.last)
		}
		if se.Delayed {
			if q.saveLag(se); se.Lag > 0 {
				se.Lag = 0
			}
			q.remove(se)
			dropped = append(dropped, se)
			continue
		}
		if se != q.last {
			se.protect, se.PrevSum = se.Deadline, se.Sum
		}
		q.clearBuddies(se)
		se.ExecStart = now
		q.curr, q.need = se, false
		return se, dropped
	}
	return nil, dropped
}

// Put is put_prev_entity.
func (q *EEVDF) Put(now int64) {
	q.UpdateCurr(now)
	if q.last = q.curr; q.last != nil && !q.last.OnRq {
		q.last = nil
	}
	q.curr = nil
}

// Tick is entity_tick.
func (q *EEVDF) Tick(now int64) bool {
	q.UpdateCurr(now)
	return q.curr != nil && q.need && len(q.all) > 1
}

// Left is what hrtick_start_fair starts the timer with: the time up to the deadline.
func (q *EEVDF) Left(now int64) int64 {
	if q.curr == nil {
		return 0
	}
	return (q.curr.Deadline-q.curr.Vruntime)*q.curr.Weight/nice0Load - (now - q.curr.ExecStart)
}

// WakeupPreempt is check_preempt_wakeup_fair.
func (q *EEVDF) WakeupPreempt(se *Entity, now int64) bool {
	curr := q.curr
	switch {
	case curr == nil || curr == se:
		return false
	case curr.Idle && !se.Idle:
		curr.protect = curr.Vruntime // cancel_protect_slice
		return true
	case se.Idle != curr.Idle, se.Batch || se.Idle:
		return false
	}
	q.UpdateCurr(now)
	return q.need || q.pickEEVDF(curr) == se
}
