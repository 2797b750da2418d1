package replay

import (
	"schedreplay/kernelmodel/load"
	"schedreplay/parser"
)

// This file keeps the load averages of the queues (see pelt.go) as the timeline shows
// who is on them. Only fair tasks count.

func (t *timeline) loadEnqueue(p *task, c int32) {
	if !p.fair() {
		return
	}
	q, e := &t.cpu[c].cfs, &p.entity
	q.Advance(t.now)
	switch {
	case p.born:
		e.Newborn(q, t.delays)
		q.Attach(e)
	case e.Attached == c:
		e.Step(t.now, false, false)
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
func (t *timeline) loadLeave(p *task) {
	e := &p.entity
	if e.Attached == parser.NoCPU {
		return
	}
	o := &t.cpu[e.Attached].cfs
	to := max(o.Last, e.Last)
	if t.cpu[e.Attached].cur == 0 {
		to = t.now // an idle CPU's queue lags: migrate_se_pelt_lag
	}
	e.Step(to, false, false)
	o.RemovedLoad += e.Load
	o.RemovedUtil += e.Util
	o.RemovedRunnable += e.Runnable
	o.RemovedN++
	e.Attached = parser.NoCPU
}

func (t *timeline) loadDequeue(p *task, c int32) {
	if !p.fair() || p.entity.Attached != c {
		return
	}
	q, e := &t.cpu[c].cfs, &p.entity
	q.Advance(t.now)
	current := q.Running && t.cpu[c].cur == p.pid
	if t.delays {
		// Since 6.12 util_est_update comes before the dequeue brings the averages
		// up to date: they are those of the last tick.
		if t.now-e.Last > tick/2 {
			e.Step(t.now-tick/2, true, current)
		}
		e.Remember(t.spares)
		e.Step(t.now, true, current)
	} else {
		e.Step(t.now, true, current)
		e.Remember(t.spares)
	}
	q.Weight = max(0, q.Weight-e.Weight)
	q.NR = max(0, q.NR-1)
	q.Est = max(0, q.Est-e.Est)
	if t.cpu[c].cur == p.pid {
		q.Running = false
	}
}

func (t *timeline) loadPut(p *task, c int32) {
	q := &t.cpu[c].cfs
	q.Advance(t.now)
	p.entity.Step(t.now, true, q.Running)
	q.Running = false
}

func (t *timeline) loadPick(p *task, c int32) {
	q := &t.cpu[c].cfs
	q.Advance(t.now)
	q.Running = p.fair()
	if p.fair() {
		p.entity.Step(t.now, true, false)
	}
}

func (t *timeline) loadIdle(c int32) {
	q := &t.cpu[c].cfs
	q.Advance(t.now)
	q.Running, q.NR, q.Weight, q.Est = false, 0, 0, 0
}

func (t *timeline) loadMigrate(p *task, from, to int32) {
	if !p.fair() {
		return
	}
	a, b, e := &t.cpu[from].cfs, &t.cpu[to].cfs, &p.entity
	a.Advance(t.now)
	e.Step(t.now, true, false)
	if e.Attached == from {
		a.Detach(e)
		a.Weight, a.NR, a.Est = max(0, a.Weight-e.Weight), max(0, a.NR-1), max(0, a.Est-e.Est)
	}
	b.Advance(t.now)
	b.Attach(e)
	e.Attached = to
	b.Weight += e.Weight
	b.NR++
	b.Est += e.Est
}

// loadOf returns a CPU's averages brought up to now, as a tick keeps them, and
// as its last update left them, which is what readers find of an idle CPU.
func (t *timeline) loadOf(c int) (now, stale load.Average) {
	q := t.cpu[c].cfs
	stale = q.Average
	if !q.Known {
		return q.Average, stale
	}
	q.Advance(t.now)
	return q.Average, stale
}
