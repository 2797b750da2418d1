package replay

import "schedreplay/parser"

// This file keeps the load averages of the queues (see pelt.go) as the timeline shows
// who is on them. Only fair tasks count.

func (t *timeline) loadEnqueue(p *task, c int32) {
	if !p.fair() {
		return
	}
	q, e := &t.cpu[c].cfs, &p.entity
	q.advance(t.now)
	switch {
	case p.born:
		e.newborn(q, t.delays)
		q.attach(e)
	case e.attached == c:
		e.step(t.now, false, false)
	default:
		t.loadLeave(p)
		q.attach(e)
	}
	e.attached = c
	q.weight += e.weight
	q.nr++
	q.est += e.est
}

// loadLeave takes a sleeping task's blocked load off the CPU it slept on, as
// migrate_task_rq_fair does at the selection: it goes with the queue's next
// update.
func (t *timeline) loadLeave(p *task) {
	e := &p.entity
	if e.attached == parser.NoCPU {
		return
	}
	o := &t.cpu[e.attached].cfs
	to := max(o.last, e.last)
	if t.cpu[e.attached].cur == 0 {
		to = t.now // an idle CPU's queue lags: migrate_se_pelt_lag
	}
	e.step(to, false, false)
	o.removedLoad += e.load
	o.removedUtil += e.util
	o.removedRunnable += e.runnable
	o.removedN++
	e.attached = parser.NoCPU
}

func (t *timeline) loadDequeue(p *task, c int32) {
	if !p.fair() || p.entity.attached != c {
		return
	}
	q, e := &t.cpu[c].cfs, &p.entity
	q.advance(t.now)
	current := q.running && t.cpu[c].cur == p.pid
	if t.delays {
		// Since 6.12 util_est_update comes before the dequeue brings the averages
		// up to date: they are those of the last tick.
		if t.now-e.last > tick/2 {
			e.step(t.now-tick/2, true, current)
		}
		e.remember(t.spares)
		e.step(t.now, true, current)
	} else {
		e.step(t.now, true, current)
		e.remember(t.spares)
	}
	q.weight = max(0, q.weight-e.weight)
	q.nr = max(0, q.nr-1)
	q.est = max(0, q.est-e.est)
	if t.cpu[c].cur == p.pid {
		q.running = false
	}
}

func (t *timeline) loadPut(p *task, c int32) {
	q := &t.cpu[c].cfs
	q.advance(t.now)
	p.entity.step(t.now, true, q.running)
	q.running = false
}

func (t *timeline) loadPick(p *task, c int32) {
	q := &t.cpu[c].cfs
	q.advance(t.now)
	q.running = p.fair()
	if p.fair() {
		p.entity.step(t.now, true, false)
	}
}

func (t *timeline) loadIdle(c int32) {
	q := &t.cpu[c].cfs
	q.advance(t.now)
	q.running, q.nr, q.weight, q.est = false, 0, 0, 0
}

func (t *timeline) loadMigrate(p *task, from, to int32) {
	if !p.fair() {
		return
	}
	a, b, e := &t.cpu[from].cfs, &t.cpu[to].cfs, &p.entity
	a.advance(t.now)
	e.step(t.now, true, false)
	if e.attached == from {
		a.detach(e)
		a.weight, a.nr, a.est = max(0, a.weight-e.weight), max(0, a.nr-1), max(0, a.est-e.est)
	}
	b.advance(t.now)
	b.attach(e)
	e.attached = to
	b.weight += e.weight
	b.nr++
	b.est += e.est
}

// loadOf returns a CPU's averages brought up to now, as a tick keeps them, and
// as its last update left them, which is what readers find of an idle CPU.
func (t *timeline) loadOf(c int) (now, stale average) {
	q := t.cpu[c].cfs
	stale = q.average
	if !q.known {
		return q.average, stale
	}
	q.advance(t.now)
	return q.average, stale
}
