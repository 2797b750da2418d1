package load

import "math/bits"

// Period is the length of one period in ns.
const Period = period * 1024

const (
	period     = 1024
	maxSum     = 47742 // LOAD_AVG_MAX: the sum of an endless series
	minDivider = maxSum - 1024
	horizon    = 2016 // beyond this many periods nothing is left
)

// inverse[n] is floor((2^32-1) * 2^(-n/32)).
var inverse = [32]uint32{
	0xffffffff, 0xfa83b2da, 0xf5257d14, 0xefe4b99a, 0xeac0c6e6, 0xe5b906e6, 0xe0ccdeeb, 0xdbfbb796,
	0xd744fcc9, 0xd2a81d91, 0xce248c14, 0xc9b9bd85, 0xc5672a10, 0xc12c4cc9, 0xbd08a39e, 0xb8fbaf46,
	0xb504f333, 0xb123f581, 0xad583ee9, 0xa9a15ab4, 0xa5fed6a9, 0xa2704302, 0x9ef5325f, 0x9b8d39b9,
	0x9837f050, 0x94f4efa8, 0x91c3d373, 0x8ea4398a, 0x8b95c1e3, 0x88980e80, 0x85aac367, 0x82cd8698,
}

// decayLoad is decay_load: v after n periods.
func decayLoad(v uint64, n int64) uint64 {
	if n > horizon {
		return 0
	}
	v >>= uint(n) / 32
	hi, lo := bits.Mul64(v, uint64(inverse[uint(n)%32]))
	return hi<<32 | lo>>32
}

// Average is struct sched_avg: sums and the averages made of them.
type Average struct {
	Last     int64 // ns
	Known    bool  // Last is meaningful
	Part     int64 // period_contrib
	LoadSum  uint64
	RunSum   uint64
	UtilSum  uint64
	Load     int64
	Runnable int64
	Util     int64
}

// Divider is get_pelt_divider: what a sum is divided by to make the average of it.
func (a *Average) Divider() int64 { return minDivider + a.Part }

// Update is ___update_load_sum and ___update_load_avg: time passed up to now
// with the given load, runnable count and running state; weight scales
// load_avg. It reports whether the averages were computed anew.
func (a *Average) Update(now int64, load, runnable uint64, running bool, weight int64) bool {
	d := now - a.Last
	if d < 0 {
		a.Last = now
		return false
	}
	d >>= 10
	if d == 0 {
		return false
	}
	a.Last += d << 10
	if load == 0 {
		runnable, running = 0, false
	}
	c := d
	d += a.Part
	p := d / period
	if p > 0 {
		a.LoadSum = decayLoad(a.LoadSum, p)
		a.RunSum = decayLoad(a.RunSum, p)
		a.UtilSum = decayLoad(a.UtilSum, p)
		d %= period
		if load != 0 {
			c = int64(decayLoad(uint64(period-a.Part), p)) +
				int64(maxSum-decayLoad(maxSum, p)-period) + d
		}
	}
	a.Part = d
	if load != 0 {
		a.LoadSum += load * uint64(c)
	}
	if runnable != 0 {
		a.RunSum += runnable * uint64(c) << 10
	}
	if running {
		a.UtilSum += uint64(c) << 10
	}
	if p == 0 {
		return false
	}
	div := a.Divider()
	a.Load = mean(weight*int64(a.LoadSum), div)
	a.Runnable = mean(int64(a.RunSum), div)
	a.Util = mean(int64(a.UtilSum), div)
	return true
}

// mean divides a sum, where something comes of it: of most idle CPUs nothing does.
func mean(sum, div int64) int64 {
	if sum < minDivider {
		return 0
	}
	return sum / div
}

// niceWeight is sched_prio_to_weight, nice -20 to 19.
var niceWeight = [40]int64{
	88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
	9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277,
	1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
	110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
}

// WeightIdle is the load weight of a SCHED_IDLE task, whatever its priority
// (WEIGHT_IDLEPRIO, kernel/sched/sched.h).
const WeightIdle = 3

// WeightOf is the load weight of a fair task of the given priority.
func WeightOf(prio int32) int64 {
	if prio < 100 || prio > 139 {
		return 1024
	}
	return niceWeight[prio-100]
}

// Entity is a task's sched_entity as far as load tracking goes.
type Entity struct {
	Average
	Attached int32 // CPU whose queue holds its contribution, NoCPU if none
	// Est is util_est: the utilisation remembered from the last sleep.
	Est int64
	// Weight comes last, beside the task's virtual time: avg_vruntime reads both.
	Weight int64
}

// Queue is a CPU's root cfs_rq as far as load tracking goes.
type Queue struct {
	Average
	Weight  int64 // of the fair tasks queued
	NR      int64 // fair tasks queued
	Est     int64 // sum of util_est of the tasks queued
	Running bool  // a fair task is current
	// Removed* is what left for other CPUs since the last update.
	RemovedLoad, RemovedUtil, RemovedRunnable int64
	RemovedN                                  int
}

// Advance brings the queue up to now.
func (q *Queue) Advance(now int64) {
	if !q.Known {
		q.Last, q.Known = now, true
	}
	if q.RemovedN > 0 {
		div := q.Divider()
		q.Load, q.LoadSum = take(q.Load, q.LoadSum, q.RemovedLoad, div)
		q.Util, q.UtilSum = take(q.Util, q.UtilSum, q.RemovedUtil, div)
		q.Runnable, q.RunSum = take(q.Runnable, q.RunSum, q.RemovedRunnable, div)
		q.RemovedLoad, q.RemovedUtil, q.RemovedRunnable, q.RemovedN = 0, 0, 0, 0
	}
	q.Update(now, uint64(max(q.Weight, 0)), uint64(max(q.NR, 0)), q.Running, 1)
}

// UtilAt is what Util would be if the queue were brought up to now.
func (q *Queue) UtilAt(now int64) int64 {
	if !q.Known {
		return q.Util
	}
	util, sum := q.Util, q.UtilSum
	if q.RemovedN > 0 {
		util, sum = take(util, sum, q.RemovedUtil, q.Divider())
	}
	d := (now - q.Last) >> 10
	part := d + q.Part
	p := part / period
	if d <= 0 || p == 0 {
		return util
	}
	sum, part = decayLoad(sum, p), part%period
	if q.Running && q.Weight > 0 {
		sum += (decayLoad(uint64(period-q.Part), p) + maxSum - decayLoad(maxSum, p) - period + uint64(part)) << 10
	}
	return mean(int64(sum), minDivider+part)
}

// UtilMost is what UtilAt is at most, at any time, until something happens to the queue: where
// no fair task is current the utilisation only falls.
func (q *Queue) UtilMost() int64 {
	if q.Running {
		return 1024
	}
	return max(q.Util, int64(q.UtilSum/minDivider))
}

// take subtracts a departed entity's average from a queue's, with the floors
// that update_cfs_rq_load_avg keeps.
func take(avg int64, sum uint64, r, div int64) (int64, uint64) {
	avg = max(avg-r, 0)
	s := int64(sum) - r*div
	return avg, uint64(max(s, avg*minDivider, 0))
}

// Detach takes an entity's contribution away at once (detach_entity_load_avg).
func (q *Queue) Detach(e *Entity) {
	div := q.Divider()
	q.Load, q.LoadSum = take(q.Load, q.LoadSum, e.Load, div)
	q.Util, q.UtilSum = take(q.Util, q.UtilSum, e.Util, div)
	q.Runnable, q.RunSum = take(q.Runnable, q.RunSum, e.Runnable, div)
}

// Attach adds an entity's averages to the queue (attach_entity_load_avg).
func (q *Queue) Attach(e *Entity) {
	e.Last, e.Part, e.Known = q.Last, q.Part, true
	div := q.Divider()
	e.UtilSum = uint64(e.Util * div)
	e.RunSum = uint64(e.Runnable * div)
	e.LoadSum = uint64(max(e.Load*div/e.Weight, 1))
	q.Load += e.Load
	q.LoadSum += e.LoadSum * uint64(e.Weight)
	q.Util += e.Util
	q.UtilSum += e.UtilSum
	q.Runnable += e.Runnable
	q.RunSum += e.RunSum
}

// Step brings an entity up to now.
func (e *Entity) Step(now int64, queued, running bool) {
	if !e.Known {
		e.Last, e.Known = now, true
		return
	}
	var load, runnable uint64
	if queued {
		load, runnable = 1, 1
	}
	e.Update(now, load, runnable, running, e.Weight)
}

// Linger brings an entity up to now that sleeps with its dequeue delayed: it
// weighs, but is not runnable (se_runnable).
func (e *Entity) Linger(now int64) {
	if !e.Known {
		e.Last, e.Known = now, true
		return
	}
	e.Update(now, 1, 0, false, e.Weight)
}

// Newborn gives a forked task its first averages (post_init_entity_util_avg).
// shared is the rule of 6.12: at most its weight's share of the queue's
// utilisation, where before a slip in the units left that bound without effect.
func (e *Entity) Newborn(q *Queue, shared bool) {
	e.Average = Average{Load: e.Weight}
	if room := (1024 - q.Util) / 2; room > 0 {
		e.Util = room
		if shared && q.Util != 0 {
			e.Util = min(room, q.Util*e.Weight/(q.Load+1))
		}
	}
	e.Runnable = e.Util
}

// Remember updates util_est when the task goes to sleep (util_est_update).
// spares is the rule since 50181c0cff31 (6.8): what a task used that had to wait
// is less than it wanted, and does not lower the estimate.
func (e *Entity) Remember(spares bool) {
	switch u := e.Util; {
	case e.Est <= u:
		e.Est = u
	case e.Est-u < 10:
	case spares && u+10 < e.Runnable:
	default:
		e.Est = (4*e.Est - (e.Est - u)) >> 2
	}
}
