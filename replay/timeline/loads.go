package timeline

import (
	"schedreplay/kernelmodel/load"
	"schedreplay/parser"
)

// This file keeps the load averages of the queues (see pelt.go) as the timeline shows
// who is on them. Only fair tasks count.

// queue is a CPU's queue brought up to now, to be changed.
func (t *Timeline) queue(c int32) *load.Queue {
	t.Touched.Set(int(c))
	q := &t.CPU[c].CFS
	q.Advance(t.Now)
	return q
}

func (t *Timeline) loadEnqueue(p *Task, c int32) {
	if !p.Fair() {
		return
	}
	q, e := t.queue(c), &p.Entity
	switch {
	case p.born:
		e.Newborn(q, t.shares)
		q.Attach(e)
	case e.Attached == c:
		e.Step(t.Now, false, false)
	default:
		t.loadLeave(p)
		q.Attach(e)
	}
	e.Attached = c
	q.Weight += e.Weight
	q.NR++
	q.Est += e.Est
}

// loadLeave takes a sleeping task's blocked load off the CPU it slept on, as
// migrate_task_rq_fair does at the selection: it goes with the queue's next
// update.
func (t *Timeline) loadLeave(p *Task) {
	e := &p.Entity
	if e.Attached == parser.NoCPU {
		return
	}
	o := &t.CPU[e.Attached].CFS
	to := t.Now // ticks keep a busy CPU's queue up to date
	if t.CPU[e.Attached].Cur == 0 && !t.idleLag {
		to = max(o.Last, e.Last)
	}
	e.Step(to, false, false)
	o.RemovedLoad += e.Load
	o.RemovedUtil += e.Util
	o.RemovedRunnable += e.Runnable
	o.RemovedN++
	e.Attached = parser.NoCPU
}

func (t *Timeline) loadDequeue(p *Task, c int32) {
	if !p.Fair() || p.Entity.Attached != c {
		return
	}
	q, e := t.queue(c), &p.Entity
	current := q.Running && t.CPU[c].Cur == p.PID
	if t.Delays {
		// Since 6.12 util_est_update comes before the dequeue brings the averages
		// up to date: they are those of the last tick.
		if half := t.tick / 2; t.Now-e.Last > half {
			e.Step(t.Now-half, true, current)
		}
		e.Remember(t.spares)
		e.Step(t.Now, true, current)
	} else {
		e.Step(t.Now, true, current)
		e.Remember(t.spares)
	}
	q.Weight = max(0, q.Weight-e.Weight)
	q.NR = max(0, q.NR-1)
	q.Est = max(0, q.Est-e.Est)
	if t.CPU[c].Cur == p.PID {
		q.Running = false
	}
}

func (t *Timeline) loadPut(p *Task, c int32) {
	q := t.queue(c)
	p.Entity.Step(t.Now, true, q.Running)
	q.Running = false
}

func (t *Timeline) loadPick(p *Task, c int32) {
	q := t.queue(c)
	q.Running = p.Fair()
	if p.Fair() {
		p.Entity.Step(t.Now, true, false)
	}
}

func (t *Timeline) loadIdle(c int32) {
	q := t.queue(c)
	q.Running, q.NR, q.Weight, q.Est = false, 0, 0, 0
}

func (t *Timeline) loadMigrate(p *Task, from, to int32) {
	if !p.Fair() {
		return
	}
	a, e := t.queue(from), &p.Entity
	e.Step(t.Now, true, false)
	if e.Attached == from {
		a.Detach(e)
		a.Weight, a.NR, a.Est = max(0, a.Weight-e.Weight), max(0, a.NR-1), max(0, a.Est-e.Est)
	}
	b := t.queue(to)
	b.Attach(e)
	e.Attached = to
	b.Weight += e.Weight
	b.NR++
	b.Est += e.Est
}

// UtilAsleep is a sleeping task's utilisation as wake_cap finds it, which brings it to the
// last update of the queue it slept on, and as that may be otherwise. Ticks update a busy
// CPU's queue; an idle one's stays as it was, but for balancing on its behalf.
func (t *Timeline) UtilAsleep(p *Task, c int32) (best, other int64) {
	then, now := p.Entity, p.Entity
	now.Step(max(now.Last, t.Now), false, false)
	if !UsableCPU(c) || int(c) >= len(t.CPU) {
		return then.Util, now.Util
	}
	k := &t.CPU[c]
	then.Step(max(then.Last, k.CFS.Last), false, false)
	if k.Cur > 0 {
		return now.Util, then.Util
	}
	return then.Util, now.Util
}

// LoadOf returns a CPU's averages brought up to now, as a tick keeps them, and
// as its last update left them, which is what readers find of an idle CPU.
func (t *Timeline) LoadOf(c int) (now, stale load.Average) {
	q := t.CPU[c].CFS
	if stale = q.Average; q.Known {
		q.Advance(t.Now)
	}
	return q.Average, stale
}
