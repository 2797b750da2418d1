package timeline

import (
	"slices"

	"schedreplay/kernelmodel/fair"
	"schedreplay/parser"
)

// This file follows what decides delayed dequeue on kernels that have it (6.12
// and later): a task that goes to sleep while it is not eligible stays queued,
// counts for nr_running and the load weight, and is woken in place until the
// CPU picks it and drops it. Whether it is eligible follows from virtual run
// times, which the recorded slices give.
//
// Source: kernel/sched/fair.c (update_curr, avg_vruntime, entity_lag,
// place_entity, pick_eevdf, dequeue_entity, requeue_delayed_entity);
// docs/kernel/fair-queue.md#eevdf-in-612.

// virtual is a task's place in its CPU's fair queue.
type virtual struct {
	v        int64 // vruntime in ns
	vlag     int64 // lag saved when it left
	deadline int64
	On       int32 // CPU whose queue holds it, NoCPU if none
	Delayed  bool
	movedAt  int64 // when it was last moved delayed, NoTime if never
	// back and ahead are how far below and above v the kernel's own may lie: what
	// a task had left over before the capture is in no event.
	back, ahead int64
	// came is when a wakeup put it behind a current task, NoTime if none did since
	// it was last judged; gap is by how much its v would have had to be lower for
	// that task to be ineligible, and so preempted.
	came, gap int64
}

// move shifts a task on its virtual time line.
func (x *virtual) move(to int64) {
	x.deadline += to - x.v
	x.v = to
}

// atMost takes it as proven that v is not above b: the best guess is the middle
// of what is left.
func (x *virtual) atMost(b int64) {
	if x.v > b {
		low := min(x.v-x.back, b)
		x.move(low + (b-low)/2)
		x.back = x.v - low
	}
	x.ahead = min(x.ahead, b-x.v)
}

// atLeast takes it as proven that v is not below b.
func (x *virtual) atLeast(b int64) {
	if x.v < b {
		high := max(x.v+x.ahead, b)
		x.move(b + (high-b)/2)
		x.ahead = high - x.v
	}
	x.back = min(x.back, x.v-b)
}

// fairQueue holds the tasks of one CPU's fair queue, delayed ones included.
type fairQueue struct {
	tasks   []*Task
	Delayed int   // of these, the delayed ones
	at      int64 // up to when the current task's vruntime was advanced
	owed    int64 // time that passed before and is still to be charged
	slice   int64
	// tick is for how long the kernel may leave the current task's virtual time and deadline
	// as they are, where no other event brings them up to date.
	tick    int64
	lagTick bool // see [fair.ClampLag]
	// ahead is by how much the current task's v was put ahead of what was charged, at
	// last.
	ahead int64
	// renewed: the CPU has been told to pick anew since the current task was charged;
	// unprotected: that task has got a new deadline since it was switched in, so that it may
	// be preempted while it is not eligible (did_preempt_short).
	renewed, unprotected bool
	// total is kept as tasks come, go and run; known is false after anything else.
	total fair.Mean
	known bool
	// unjudged: a task came since the last switch.
	unjudged bool
	// early are the tasks that were placed ahead of the charge that goes with it.
	early []*Task
}

// rebaseAfter is how far virtual times may be from total's base: weights are up to
// 88,761.
const rebaseAfter = 1 << 36

// add puts a task on the queue as it is.
func (q *fairQueue) add(p *Task) {
	q.tasks = append(q.tasks, p)
	if p.Virtual.Delayed {
		q.Delayed++
	}
	if d := p.Virtual.v - q.total.Base; len(q.tasks) == 1 || d > rebaseAfter || d < -rebaseAfter {
		q.known = false
	}
	if q.known {
		q.total.Add(p.Virtual.v, p.Entity.Weight)
	}
}

// HasDelayed reports whether the dequeue of such a task is delayed.
func (q *fairQueue) HasDelayed(such func(*Task) bool) bool {
	return q.Delayed > 0 && slices.ContainsFunc(q.tasks, func(p *Task) bool { return p.Virtual.Delayed && such(p) })
}

// move advances a queued task's virtual time.
func (q *fairQueue) move(p *Task, by int64) {
	p.Virtual.v += by
	q.total.Sum += by * p.Entity.Weight
}

// sum is the weighted sum of how far the queue is ahead of a virtual time, and of its
// weights.
func (q *fairQueue) sum(v int64) (sum, weight int64) {
	if len(q.tasks) == 0 {
		return 0, 0
	}
	t := q.totals()
	return t.Lag(v), t.Weight
}

// totals brings total up to date; there is a task.
func (q *fairQueue) totals() *fair.Mean {
	if !q.known {
		q.total, q.known = fair.Mean{Base: q.tasks[0].Virtual.v}, true
		for _, p := range q.tasks {
			q.total.Add(p.Virtual.v, p.Entity.Weight)
		}
	}
	return &q.total
}

// average is avg_vruntime, the weighted mean of the queue rounded down, and the
// sum of its weights.
func (q *fairQueue) average() (v, weight int64) {
	if len(q.tasks) == 0 {
		return 0, 0
	}
	t := q.totals()
	return t.Vruntime(), t.Weight
}

// eligible is entity_eligible: the task got no more than its share.
func (q *fairQueue) eligible(p *Task) bool {
	sum, _ := q.sum(p.Virtual.v)
	return sum >= 0
}

// defaultHZ stands in where CONFIG_HZ is not known: what distributions build with.
const defaultHZ = 250

// maxRenewals bounds how many slices of one run are told apart.
const maxRenewals = 64

// advance lets the current task run up to now. Where its slice has ended it gets
// a new deadline at the next tick (update_deadline) and the CPU picks anew; if the
// task stayed current after that, it was picked itself. From then on it is so at every tick
// that finds it not eligible (did_preempt_short).
func (q *fairQueue) advance(cur *Task, now int64) (dropped []*Task) {
	d := now - q.at
	q.at = max(q.at, now)
	if cur == nil || d <= 0 || cur.Virtual.On < 0 || cur.Virtual.Delayed {
		return nil
	}
	x, w := &cur.Virtual, cur.Entity.Weight
	d += q.owed
	q.owed = 0
	unprotected := q.unprotected
	for i := 0; i < maxRenewals && x.v+fair.CalcDeltaFair(d, w) >= x.deadline; i++ {
		// The tick comes half its period after the slice's end, on average.
		run := min(d, max(0, x.deadline-x.v)*w/1024+q.tick/2)
		q.move(cur, fair.CalcDeltaFair(run, w))
		x.deadline = max(x.v, x.deadline) + fair.CalcDeltaFair(q.slice, w)
		q.unprotected = true
		if d -= run; d > 0 {
			unprotected = true
			dropped = append(dropped, q.pick(cur)...)
		}
	}
	q.move(cur, fair.CalcDeltaFair(d, w))
	if x.v >= x.deadline {
		x.deadline = x.v + fair.CalcDeltaFair(q.slice, w)
	}
	if unprotected && q.Delayed > 0 && !q.eligible(cur) {
		dropped = append(dropped, q.pick(nil)...) // at the last tick, and it went on with cur
	}
	return dropped
}

// charge lets the current task have run for some ns since the last charge, as
// update_curr does. If it had a new deadline then, the CPU has picked it anew since.
func (q *fairQueue) charge(cur *Task, ns, now int64) (dropped []*Task) {
	q.expect(cur, q.at)
	q.at = now
	if q.renewed {
		if dropped, q.renewed = q.pick(cur), false; !q.eligible(cur) {
			dropped = append(dropped, q.pick(nil)...)
		}
	}
	x, w := &cur.Virtual, cur.Entity.Weight
	q.move(cur, fair.CalcDeltaFair(ns, w))
	if x.v >= x.deadline {
		x.deadline, q.renewed, q.unprotected = x.v+fair.CalcDeltaFair(q.slice, w), true, true
	}
	q.renewed = q.renewed || q.unprotected && !q.eligible(cur)
	q.placeAgain(cur, now)
	return dropped
}

// placeAgain puts the tasks that were placed ahead of the current task's charge
// where it puts them.
func (q *fairQueue) placeAgain(cur *Task, now int64) {
	for _, p := range q.early {
		if p != cur && !p.Virtual.Delayed && q.remove(p) {
			q.place(p, p.Virtual.On)
			q.came(p, cur, now)
		}
	}
	q.early = q.early[:0]
}

// expect puts the current task's virtual time where it will be by now if it ran on
// since the last charge.
func (q *fairQueue) expect(cur *Task, now int64) {
	if cur == nil || cur.Virtual.On < 0 || cur.Virtual.Delayed {
		return
	}
	ahead := fair.CalcDeltaFair(max(0, now-q.at), cur.Entity.Weight)
	q.move(cur, ahead-q.ahead)
	q.ahead = ahead
}

// stall takes back the time of a current task that goes to sleep long after its
// slice ended, though another waited: no tick came that would have preempted it. A
// virtual CPU that is held up sees none, and where the TSC is not stable the
// scheduler's clock goes no further than a tick beyond the last one
// (sched_clock_local). The rest is charged to whom the next tick finds.
func (q *fairQueue) stall(cur *Task, now int64) {
	if cur == nil || cur.Virtual.On < 0 || cur.Virtual.Delayed {
		return
	}
	d := now - q.at
	left := max(0, cur.Virtual.deadline-cur.Virtual.v) * cur.Entity.Weight / 1024
	waits := slices.ContainsFunc(q.tasks, func(p *Task) bool { return p != cur && !p.Virtual.Delayed })
	if waits && d > left+2*q.tick {
		q.advance(cur, q.at+q.tick)
		q.at, q.owed = now, d-q.tick
	}
}

// pick models pick_next_entity as far as delayed tasks go: those that are
// eligible and have an earlier deadline than the task that gets the CPU were
// picked before it, and dropped.
func (q *fairQueue) pick(winner *Task) (dropped []*Task) {
	for q.Delayed > 0 {
		var first *Task
		for _, p := range q.tasks {
			x := &p.Virtual
			if x.Delayed && (winner == nil || x.deadline < winner.Virtual.deadline) &&
				(first == nil || x.deadline < first.Virtual.deadline) && q.eligible(p) {
				first = p
			}
		}
		if first == nil {
			return dropped
		}
		q.drop(first)
		dropped = append(dropped, first)
	}
	return dropped
}

// picked takes what it proves that the CPU picked a task: pick_eevdf takes the eligible one
// with the earliest deadline. So this one is not ahead of what the others average, and each
// other that is surely queued is ahead of the average, or has a later deadline.
func (q *fairQueue) picked(p *Task) {
	if !q.eligible(p) {
		sum, weight := q.sum(p.Virtual.v) // below 0, and p itself adds nothing to it
		others := weight - p.Entity.Weight
		p.Virtual.atMost(p.Virtual.v + (sum-(others-1))/others)
		q.known = false
	}
	for _, o := range q.tasks {
		x, sooner := &o.Virtual, p.Virtual.deadline-o.Virtual.deadline
		if sooner > 0 && !x.Delayed && o.assumed == 0 && !o.withWaker && q.eligible(o) {
			sum, weight := q.sum(x.v)
			x.atLeast(x.v + min(sum/(weight-o.Entity.Weight)+1, sooner))
			q.known = false
		}
	}
}

// drop ends a task's stay on the queue. A delayed one is picked once it is eligible, and its
// lag zeroed (DELAY_ZERO); one that selects a CPU without that was not delayed, so it is
// owed something, but not what was thought.
func (q *fairQueue) drop(p *Task) {
	x := &p.Virtual
	mean, _ := q.average()
	x.vlag = fair.ClampLag(mean-x.v, p.Entity.Weight, q.slice, q.tick, q.lagTick)
	if x.Delayed {
		x.vlag = 0
	}
	q.remove(p)
	x.On, x.Delayed = parser.NoCPU, false
}

// remove takes a task off the queue as it is, and reports whether it was there.
func (q *fairQueue) remove(p *Task) bool {
	i := slices.Index(q.tasks, p)
	if i < 0 {
		return false
	}
	q.tasks = slices.Delete(q.tasks, i, i+1)
	q.total.Add(p.Virtual.v, -p.Entity.Weight)
	if p.Virtual.Delayed {
		q.Delayed--
	}
	return true
}

// place puts a task on the queue with the lag it left with (place_entity).
func (q *fairQueue) place(p *Task, cpu int32) {
	x := &p.Virtual
	mean, weight := q.average()
	if weight == 0 {
		x.back, x.ahead = 0, 0
	}
	x.v, x.deadline = fair.Place(mean, weight, x.vlag, p.Entity.Weight, q.slice, p.born)
	x.On, x.Delayed = cpu, false
	q.add(p)
}

// sleep takes a task that blocks off the queue, or leaves it there delayed, and
// reports which. may is false for the states that do not bear a delay
// (is_special_task_state).
func (q *fairQueue) sleep(p *Task, may bool) (delayed bool) {
	x := &p.Virtual
	if x.On < 0 {
		return false
	}
	if may && !q.eligible(p) {
		x.Delayed = true
		q.Delayed++
		return true
	}
	q.drop(p)
	return false
}

// came notes that a wakeup put p behind the current task.
func (q *fairQueue) came(p, cur *Task, now int64) {
	sum, _ := q.sum(cur.Virtual.v)
	p.Virtual.came, p.Virtual.gap = now, sum/p.Entity.Weight
	q.unjudged = true
}

// judge takes what a switch from prev to next proves of the tasks that came while
// prev ran, since the given time. RUN_TO_PARITY keeps an eligible task from being
// preempted: if one that came takes its place, it was not; if it went on to sleep
// with only one other queued, it was.
func (q *fairQueue) judge(prev, next *Task, preempted bool, since int64) {
	if !q.unjudged {
		return
	}
	q.unjudged = false
	for _, p := range q.tasks {
		x := &p.Virtual
		if p == prev || x.came == parser.NoTime {
			continue
		}
		switch {
		case x.came < since || len(q.tasks) != 2:
		case preempted && p == next && x.gap >= 0:
			x.atMost(x.v - x.gap - 1)
			q.known = false
		case !preempted && x.gap < 0:
			x.atLeast(x.v - x.gap)
			q.known = false
		}
		x.came = parser.NoTime
	}
}

// awake ends a delay, if there is one.
func (q *fairQueue) awake(p *Task) {
	if p.Virtual.Delayed {
		p.Virtual.Delayed = false
		q.Delayed--
	}
}

// wakeInPlace ends a delayed task's delay; lag it has gained is zeroed. The
// current task's virtual time is that of its last update: requeue_delayed_entity
// brings nothing up to date.
func (q *fairQueue) wakeInPlace(p *Task) {
	x := &p.Virtual
	q.awake(p)
	if mean, _ := q.average(); mean > x.v {
		q.drop(p)
		x.vlag = 0
		q.place(p, p.CPU)
	}
}
