package replay

import "math/bits"

// This file keeps the kernel's per-entity load tracking (kernel/sched/pelt.c)
// for what sched events show: who was queued, who ran. Periods are 1024 units
// of 1024 ns; a contribution halves every 32 periods. docs/kernel/pelt.md#arithmetic.

const (
	peltPeriod  = 1024
	peltMax     = 47742 // LOAD_AVG_MAX: the sum of an endless series
	peltMinDiv  = peltMax - 1024
	peltHorizon = 2016 // beyond this many periods nothing is left
)

// peltInverse[n] is floor((2^32-1) * 2^(-n/32)).
var peltInverse = [32]uint32{
	0xffffffff, 0xfa83b2da, 0xf5257d14, 0xefe4b99a, 0xeac0c6e6, 0xe5b906e6, 0xe0ccdeeb, 0xdbfbb796,
	0xd744fcc9, 0xd2a81d91, 0xce248c14, 0xc9b9bd85, 0xc5672a10, 0xc12c4cc9, 0xbd08a39e, 0xb8fbaf46,
	0xb504f333, 0xb123f581, 0xad583ee9, 0xa9a15ab4, 0xa5fed6a9, 0xa2704302, 0x9ef5325f, 0x9b8d39b9,
	0x9837f050, 0x94f4efa8, 0x91c3d373, 0x8ea4398a, 0x8b95c1e3, 0x88980e80, 0x85aac367, 0x82cd8698,
}

// decayLoad is decay_load: v after n periods.
func decayLoad(v uint64, n int64) uint64 {
	if n > peltHorizon {
		return 0
	}
	v >>= uint(n / 32)
	hi, lo := bits.Mul64(v, uint64(peltInverse[n%32]))
	return hi<<32 | lo>>32
}

// average is struct sched_avg: sums and the averages made of them.
type average struct {
	last     int64 // ns
	known    bool  // last is meaningful
	part     int64 // period_contrib
	loadSum  uint64
	runSum   uint64
	utilSum  uint64
	load     int64
	runnable int64
	util     int64
}

// divider is get_pelt_divider.
func (a *average) divider() int64 { return peltMinDiv + a.part }

// update is ___update_load_sum and ___update_load_avg: time passed up to now
// with the given load, runnable count and running state; weight scales
// load_avg. It reports whether the averages were computed anew.
func (a *average) update(now int64, load, runnable uint64, running bool, weight int64) bool {
	d := now - a.last
	if d < 0 {
		a.last = now
		return false
	}
	d >>= 10
	if d == 0 {
		return false
	}
	a.last += d << 10
	if load == 0 {
		runnable, running = 0, false
	}
	c := d
	d += a.part
	p := d / peltPeriod
	if p > 0 {
		a.loadSum = decayLoad(a.loadSum, p)
		a.runSum = decayLoad(a.runSum, p)
		a.utilSum = decayLoad(a.utilSum, p)
		d %= peltPeriod
		if load != 0 {
			c = int64(decayLoad(uint64(peltPeriod-a.part), p)) +
				int64(peltMax-decayLoad(peltMax, p)-peltPeriod) + d
		}
	}
	a.part = d
	if load != 0 {
		a.loadSum += load * uint64(c)
	}
	if runnable != 0 {
		a.runSum += runnable * uint64(c) << 10
	}
	if running {
		a.utilSum += uint64(c) << 10
	}
	if p == 0 {
		return false
	}
	div := a.divider()
	a.load = weight * int64(a.loadSum) / div
	a.runnable = int64(a.runSum) / div
	a.util = int64(a.utilSum) / div
	return true
}

// niceWeight is sched_prio_to_weight, nice -20 to 19.
var niceWeight = [40]int64{
	88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
	9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277,
	1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
	110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
}

// weightOf is the load weight of a fair task of the given priority.
func weightOf(prio int32) int64 {
	if prio < 100 || prio > 139 {
		return 1024
	}
	return niceWeight[prio-100]
}

// entity is a task's sched_entity as far as load tracking goes.
type entity struct {
	average
	attached int32 // CPU whose queue holds its contribution, NoCPU if none
	// est is util_est: the utilisation remembered from the last sleep.
	est int64
	// weight comes last, beside the task's virtual time: avg_vruntime reads both.
	weight int64
}

// queue is a CPU's root cfs_rq as far as load tracking goes.
type queue struct {
	average
	weight  int64 // of the fair tasks queued
	nr      int64 // fair tasks queued
	est     int64 // sum of util_est of the tasks queued
	running bool  // a fair task is current
	// removed* is what left for other CPUs since the last update.
	removedLoad, removedUtil, removedRunnable int64
	removedN                                  int
}

// advance brings the queue up to now.
func (q *queue) advance(now int64) {
	if !q.known {
		q.last, q.known = now, true
	}
	if q.removedN > 0 {
		div := q.divider()
		q.load, q.loadSum = take(q.load, q.loadSum, q.removedLoad, div)
		q.util, q.utilSum = take(q.util, q.utilSum, q.removedUtil, div)
		q.runnable, q.runSum = take(q.runnable, q.runSum, q.removedRunnable, div)
		q.removedLoad, q.removedUtil, q.removedRunnable, q.removedN = 0, 0, 0, 0
	}
	q.update(now, uint64(max(q.weight, 0)), uint64(max(q.nr, 0)), q.running, 1)
}

// take subtracts a departed entity's average from a queue's, with the floors
// that update_cfs_rq_load_avg keeps.
func take(avg int64, sum uint64, r, div int64) (int64, uint64) {
	avg = max(avg-r, 0)
	s := int64(sum) - r*div
	return avg, uint64(max(s, avg*peltMinDiv, 0))
}

// detach takes an entity's contribution away at once (detach_entity_load_avg).
func (q *queue) detach(e *entity) {
	div := q.divider()
	q.load, q.loadSum = take(q.load, q.loadSum, e.load, div)
	q.util, q.utilSum = take(q.util, q.utilSum, e.util, div)
	q.runnable, q.runSum = take(q.runnable, q.runSum, e.runnable, div)
}

// attach adds an entity's averages to the queue (attach_entity_load_avg).
func (q *queue) attach(e *entity) {
	e.last, e.part, e.known = q.last, q.part, true
	div := q.divider()
	e.utilSum = uint64(e.util * div)
	e.runSum = uint64(e.runnable * div)
	e.loadSum = uint64(max(e.load*div/e.weight, 1))
	q.load += e.load
	q.loadSum += e.loadSum * uint64(e.weight)
	q.util += e.util
	q.utilSum += e.utilSum
	q.runnable += e.runnable
	q.runSum += e.runSum
}

// step brings an entity up to now.
func (e *entity) step(now int64, queued, running bool) {
	if !e.known {
		e.last, e.known = now, true
		return
	}
	var load, runnable uint64
	if queued {
		load, runnable = 1, 1
	}
	e.update(now, load, runnable, running, e.weight)
}

// linger brings an entity up to now that sleeps with its dequeue delayed: it
// weighs, but is not runnable (se_runnable).
func (e *entity) linger(now int64) {
	if !e.known {
		e.last, e.known = now, true
		return
	}
	e.update(now, 1, 0, false, e.weight)
}

// newborn gives a forked task its first averages (post_init_entity_util_avg).
// shared is the rule of 6.12: at most its weight's share of the queue's
// utilisation, where before a slip in the units left that bound without effect.
func (e *entity) newborn(q *queue, shared bool) {
	e.average = average{load: e.weight}
	if room := (1024 - q.util) / 2; room > 0 {
		e.util = room
		if shared && q.util != 0 {
			e.util = min(room, q.util*e.weight/(q.load+1))
		}
	}
	e.runnable = e.util
}

// remember updates util_est when the task goes to sleep (util_est_update).
// spares is the rule since 50181c0cff31 (6.8): what a task used that had to wait
// is less than it wanted, and does not lower the estimate.
func (e *entity) remember(spares bool) {
	switch u := e.util; {
	case e.est <= u:
		e.est = u
	case e.est-u < 10:
	case spares && u+10 < e.runnable:
	default:
		e.est = (4*e.est - (e.est - u)) >> 2
	}
}
