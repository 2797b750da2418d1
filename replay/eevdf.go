package replay

import (
	"slices"

	"schedreplay/parser"
)

// This file follows what decides delayed dequeue on kernels that have it (6.12
// and later): a task that goes to sleep while it is not eligible stays queued,
// counts for nr_running and the load weight, and is woken in place until the
// CPU picks it and drops it. Whether it is eligible follows from virtual run
// times, which the recorded slices give.
//
// Source: kernel/sched/fair.c (update_curr, avg_vruntime, entity_lag,
// place_entity, pick_eevdf, dequeue_entity, requeue_delayed_entity); details,
// section (e).

// virtual is a task's place in its CPU's fair queue.
type virtual struct {
	v        int64 // vruntime in ns
	vlag     int64 // lag saved when it left
	deadline int64
	on       int32 // CPU whose queue holds it, NoCPU if none
	delayed  bool
}

// fairQueue holds the tasks of one CPU's fair queue, delayed ones included.
type fairQueue struct {
	tasks []*task
	at    int64 // up to when the current task's vruntime was advanced
	slice int64
}

// baseSlice is sysctl_sched_base_slice after scaling: 0.7 ms times 1 +
// floor(log2(min(CPUs, 8))), in ns (6.12.y).
func baseSlice(cpus int) int64 {
	f := int64(1)
	for n := min(cpus, 8); n > 1; n >>= 1 {
		f++
	}
	return 700_000 * f
}

// scaled is calc_delta_fair: run time to virtual time.
func scaled(ns, weight int64) int64 { return ns * 1024 / weight }

// average is avg_vruntime, the weighted mean of the queue, and the sum of its
// weights.
func (q *fairQueue) average() (v, weight int64) {
	if len(q.tasks) == 0 {
		return 0, 0
	}
	base := q.tasks[0].virtual.v
	sum := int64(0)
	for _, p := range q.tasks {
		w := p.entity.weight
		sum += (p.virtual.v - base) / 64 * w
		weight += w
	}
	return base + sum/weight*64, weight
}

// advance lets the current task run up to now; where its slice ends it gets a
// new deadline and the CPU picks anew.
func (q *fairQueue) advance(cur *task, now int64) (dropped []*task) {
	d := now - q.at
	q.at = max(q.at, now)
	if cur == nil || d <= 0 || cur.virtual.on < 0 || cur.virtual.delayed {
		return nil
	}
	x := &cur.virtual
	x.v += scaled(d, cur.entity.weight)
	if x.v >= x.deadline {
		x.deadline = x.v + scaled(q.slice, cur.entity.weight)
		return q.pick(cur)
	}
	return nil
}

// pick models pick_next_entity as far as delayed tasks go: those that are
// eligible and have an earlier deadline than the task that gets the CPU were
// picked before it, and dropped.
func (q *fairQueue) pick(winner *task) (dropped []*task) {
	for {
		mean, _ := q.average()
		var first *task
		for _, p := range q.tasks {
			x := &p.virtual
			if x.delayed && x.v <= mean && (winner == nil || x.deadline < winner.virtual.deadline) &&
				(first == nil || x.deadline < first.virtual.deadline) {
				first = p
			}
		}
		if first == nil {
			return dropped
		}
		q.drop(first)
		dropped = append(dropped, first)
	}
}

// drop ends a task's stay on the queue; positive lag of a delayed task is
// zeroed (DELAY_ZERO).
func (q *fairQueue) drop(p *task) {
	x := &p.virtual
	mean, _ := q.average()
	x.vlag = q.clampLag(mean-x.v, p.entity.weight)
	if x.delayed && x.vlag > 0 {
		x.vlag = 0
	}
	x.on, x.delayed = parser.NoCPU, false
	if i := slices.Index(q.tasks, p); i >= 0 {
		q.tasks = slices.Delete(q.tasks, i, i+1)
	}
}

func (q *fairQueue) clampLag(lag, weight int64) int64 {
	limit := scaled(max(2*q.slice, 1_000_000), weight)
	return max(-limit, min(limit, lag))
}

// place puts a task on the queue with the lag it left with (place_entity).
func (q *fairQueue) place(p *task, cpu int32) {
	x := &p.virtual
	mean, weight := q.average()
	lag := int64(0)
	if weight > 0 {
		lag = x.vlag * (weight + p.entity.weight) / weight
	}
	x.v = mean - lag
	slice := q.slice
	if p.born {
		slice /= 2
	}
	x.deadline = x.v + scaled(slice, p.entity.weight)
	x.on, x.delayed = cpu, false
	q.tasks = append(q.tasks, p)
}

// sleep takes a task that blocks off the queue, or leaves it there delayed, and
// reports which.
func (q *fairQueue) sleep(p *task) (delayed bool) {
	x := &p.virtual
	if x.on < 0 {
		return false
	}
	mean, _ := q.average()
	if len(q.tasks) > 1 && x.v > mean {
		x.delayed = true
		return true
	}
	q.drop(p)
	return false
}

// wakeInPlace ends a delayed task's delay; lag it has gained is zeroed.
func (q *fairQueue) wakeInPlace(p *task) {
	x := &p.virtual
	x.delayed = false
	if mean, _ := q.average(); mean > x.v {
		q.drop(p)
		x.vlag = 0
		q.place(p, p.cpu)
	}
}
