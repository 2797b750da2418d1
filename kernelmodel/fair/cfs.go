package fair

import "slices"

// This file is the completely fair scheduler of kernels up to 6.5
// (kernel/sched/fair.c): one queue, of a CPU or of a task group on it (tree.go).
// EEVDF replaced it in 6.6 (147f3efaa241, 5e963f2bd465).

// CFSTunables are the numbers that the fair class of these kernels is tuned with, in
// ns. They lie in /proc/sys/kernel/sched_*_ns up to 5.12, in debugfs from 5.13 on.
type CFSTunables struct {
	// Latency is sysctl_sched_latency: the time in which every task is to run once.
	Latency int64
	// MinGranularity is sysctl_sched_min_granularity, WakeupGranularity
	// sysctl_sched_wakeup_granularity.
	MinGranularity, WakeupGranularity int64
}

// CFSTunablesFor returns the kernel's own tunables on a machine of so many CPUs
// (update_sysctl).
func CFSTunablesFor(cpus int) CFSTunables {
	f := updateSysctlFactor(cpus)
	return CFSTunables{Latency: 6_000_000 * f, MinGranularity: 750_000 * f, WakeupGranularity: 1_000_000 * f}
}

// nrLatency is sched_nr_latency.
func (t *CFSTunables) nrLatency() int64 {
	return (t.Latency + t.MinGranularity - 1) / max(1, t.MinGranularity)
}

// CFS is struct cfs_rq of one CPU. The zero value with Tunables set is an empty queue.
type CFS struct {
	Tunables CFSTunables
	// BaseSlice: no slice is shorter than the granularity (0c2de3f054a5, 5.13 and
	// later).
	BaseSlice bool

	min        int64 // min_vruntime
	load       int64
	nr         int
	curr       *Entity
	tree       []*Entity // by vruntime, those of one in the order they came
	next, last *Entity
}

// Running is the number of entities on the queue, the current one included.
func (q *CFS) Running() int { return q.nr }

// Load is the sum of their weights.
func (q *CFS) Load() int64 { return q.load }

// Curr is the entity that runs, nil if none does.
func (q *CFS) Curr() *Entity { return q.curr }

// Requeue does nothing: no sleeping entity stays on the queue.
func (q *CFS) Requeue(*Entity, int64) {}

// MinVruntime is min_vruntime: it only grows.
func (q *CFS) MinVruntime() int64 { return q.min }

// Buddy reports whether the entity is the next or the last buddy.
func (q *CFS) Buddy(se *Entity) bool { return se == q.next || se == q.last }

// UpdateCurr charges the current entity for the time since it was last charged
// (update_curr).
func (q *CFS) UpdateCurr(now int64) {
	se := q.curr
	if se == nil {
		return
	}
	delta := now - se.ExecStart
	if delta <= 0 {
		return
	}
	se.ExecStart = now
	se.Sum += delta
	se.Vruntime += calcDeltaFair(delta, se)
	q.updateMinVruntime()
}

// updateMinVruntime is update_min_vruntime.
func (q *CFS) updateMinVruntime() {
	v, known := q.min, false
	if q.curr != nil && q.curr.OnRq {
		v, known = q.curr.Vruntime, true
	}
	if len(q.tree) > 0 {
		if left := q.tree[0].Vruntime; !known || left < v {
			v = left
		}
	}
	q.min = max(q.min, v)
}

// insert is __enqueue_entity, remove __dequeue_entity.
func (q *CFS) insert(se *Entity) {
	i, _ := slices.BinarySearchFunc(q.tree, se.Vruntime+1, func(e *Entity, v int64) int {
		if e.Vruntime < v {
			return -1
		}
		return 1
	})
	q.tree = slices.Insert(q.tree, i, se)
}

func (q *CFS) remove(se *Entity) {
	if i := slices.Index(q.tree, se); i >= 0 {
		q.tree = slices.Delete(q.tree, i, i+1)
	}
}

// SchedSlice is sched_slice: how long the entity may run before the others are due.
func (q *CFS) SchedSlice(se *Entity) int64 {
	nr, load := int64(q.nr), q.load
	if !se.OnRq {
		nr++
		load += se.Weight
	}
	return q.Tunables.SchedSlice(se.Weight, nr, load, q.BaseSlice)
}

// SchedSlice is sched_slice of an entity of a weight among nr of which the weights sum to load;
// base: it is no shorter than the granularity.
func (t *CFSTunables) SchedSlice(weight, nr, load int64, base bool) int64 {
	period := t.Latency
	if nr > t.nrLatency() {
		period = nr * t.MinGranularity // __sched_period
	}
	slice := calcDelta(period, weight, load)
	if base {
		slice = max(slice, t.MinGranularity)
	}
	return slice
}

// placeEntity is place_entity, with START_DEBIT for a new task and
// GENTLE_FAIR_SLEEPERS for one that wakes. That a sleep of 104 days counts in full is
// left out.
func (q *CFS) placeEntity(se *Entity, initial bool) {
	v := q.min
	if initial {
		v += calcDeltaFair(q.SchedSlice(se), se) // sched_vslice
	} else {
		v -= q.Tunables.Latency >> 1
	}
	se.Vruntime = max(se.Vruntime, v)
}

// Fork places a new task on the queue of its parent, which runs there: what
// task_fork_fair does. The entity then has to be enqueued as [Moved].
func (q *CFS) Fork(se *Entity, now int64) {
	q.UpdateCurr(now)
	if q.curr != nil {
		se.Vruntime = q.curr.Vruntime
	}
	q.placeEntity(se, true)
	se.Vruntime -= q.min
}

// Enqueue is enqueue_entity. The entity is not the current one.
func (q *CFS) Enqueue(se *Entity, how How, now int64) {
	q.UpdateCurr(now)
	if how != Wakeup {
		se.Vruntime += q.min
	}
	if how != Moved {
		q.placeEntity(se, false)
	}
	q.insert(se)
	q.load += se.Weight
	q.nr++
	se.OnRq = true
}

// Dequeue is dequeue_entity; sleep says that the task blocks and is not moved. It
// reports that the entity has left.
func (q *CFS) Dequeue(se *Entity, sleep bool, now int64) bool {
	q.UpdateCurr(now)
	q.clearBuddies(se)
	if se != q.curr {
		q.remove(se)
	}
	se.OnRq = false
	q.load -= se.Weight
	q.nr--
	if !sleep {
		se.Vruntime -= q.min
	}
	q.updateMinVruntime()
	return true
}

// Leave makes the virtual time of a sleeping entity relative, for it wakes on another
// CPU than this queue's (migrate_task_rq_fair).
func (q *CFS) Leave(se *Entity) {
	se.Vruntime -= q.min
	se.ExecStart = 0
}

// Eligible is true of all: CFS has no such notion.
func (q *CFS) Eligible(*Entity) bool { return true }

// Has is the number of entities on the queue, whatever the group.
func (q *CFS) Has(int) int { return q.nr }

// Reweight is reweight_entity.
func (q *CFS) Reweight(se *Entity, weight, now int64) {
	if se.OnRq {
		if q.curr == se {
			q.UpdateCurr(now)
		}
		q.load += weight - se.Weight
	}
	se.Weight = weight
}

func (q *CFS) setNext(se *Entity) { q.next = se }

func (q *CFS) clearBuddies(se *Entity) {
	if q.last == se {
		q.last = nil
	}
	if q.next == se {
		q.next = nil
	}
}

// wakeupPreemptEntity is wakeup_preempt_entity: -1 if curr is owed no less than se, 1 if
// se is behind by more than the wakeup granularity, else 0.
func (q *CFS) wakeupPreemptEntity(curr, se *Entity) int {
	d := curr.Vruntime - se.Vruntime
	switch {
	case d <= 0:
		return -1
	case d > calcDeltaFair(q.Tunables.WakeupGranularity, se): // wakeup_gran
		return 1
	}
	return 0
}

// Pick is pick_next_entity and set_next_entity: the entity that is to run, taken out of
// the tree, nil from an empty queue. The one before has to be put back first. None is
// dropped.
func (q *CFS) Pick(now int64) (picked *Entity, dropped []*Entity) {
	if len(q.tree) == 0 {
		return nil, nil
	}
	left := q.tree[0]
	se := left
	switch {
	case q.next != nil && q.wakeupPreemptEntity(q.next, left) < 1:
		se = q.next
	case q.last != nil && q.wakeupPreemptEntity(q.last, left) < 1:
		se = q.last
	}
	q.clearBuddies(se)
	q.remove(se)
	se.ExecStart, se.PrevSum = now, se.Sum
	q.curr = se
	return se, nil
}

// Put is put_prev_entity: the current entity stops running.
func (q *CFS) Put(now int64) {
	se := q.curr
	if se == nil {
		return
	}
	if se.OnRq {
		q.UpdateCurr(now)
		q.insert(se)
	}
	q.curr = nil
}

// Tick is entity_tick with check_preempt_tick: it reports whether the current entity is
// to give the CPU away.
func (q *CFS) Tick(now int64) bool {
	q.UpdateCurr(now)
	curr := q.curr
	if curr == nil || q.nr < 2 {
		return false
	}
	ideal, ran := q.SchedSlice(curr), curr.Sum-curr.PrevSum
	switch {
	case ran > ideal:
		q.clearBuddies(curr)
		return true
	case ran < q.Tunables.MinGranularity || len(q.tree) == 0:
		return false
	}
	return curr.Vruntime-q.tree[0].Vruntime > ideal
}

// Left is what hrtick_start_fair starts the timer with.
func (q *CFS) Left(now int64) int64 {
	if q.curr == nil {
		return 0
	}
	return q.SchedSlice(q.curr) - (q.curr.Sum - q.curr.PrevSum) - (now - q.curr.ExecStart)
}

// WakeupPreempt is check_preempt_wakeup: it reports whether an entity that has come to
// the queue takes the CPU from the current one. Resched pending is the caller's to ask.
func (q *CFS) WakeupPreempt(se *Entity, now int64) bool {
	curr := q.curr
	switch {
	case curr == nil || curr == se:
		return false
	case curr.Idle && !se.Idle:
		return true
	case se.Batch || se.Idle: // only SCHED_NORMAL preempts
		return false
	}
	q.UpdateCurr(now)
	if q.wakeupPreemptEntity(curr, se) != 1 {
		return false
	}
	q.next = se
	if int64(q.nr) >= q.Tunables.nrLatency() && curr.OnRq {
		q.last = curr // LAST_BUDDY
	}
	return true
}
