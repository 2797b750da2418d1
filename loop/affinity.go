package loop

import (
	"schedreplay/cpumask"
	"schedreplay/kernelmodel/place"
	"schedreplay/loop/work"
)

// setAffinity is __set_cpus_allowed_ptr: a task that is where it may no longer be goes to a
// CPU of its new affinity at once (affine_move_task), one that sleeps when it wakes.
func (s *sim) setAffinity(p *task, allowed cpumask.Mask) {
	p.allowed = allowed
	if p.state == tsGone || allowed.Test(int(p.cpu)) {
		return
	}
	c := &s.cpus[p.cpu]
	if p.delayed { // it is taken off the queue on which it sleeps
		c.fair.Dequeue(&p.se, false, s.now)
		s.drop(c, p)
	}
	to := &s.cpus[s.anyOf(p)]
	switch p.state {
	case tsWaking:
		c.pending--
		to.pending++
		p.cpu = to.id
		s.moved(p, to.id)
	case tsThrottled:
		s.rebound(p, to)
	case tsQueued:
		s.push(p, to)
	case tsRunning:
		s.unseat(c)
		s.push(p, to)
		s.schedule(c)
	}
}

// anyOf is the CPU of its affinity to which a task is sent: any (cpumask_any_and_distribute
// since 5.8), the first before that (cpumask_any_and).
func (s *sim) anyOf(p *task) int32 {
	m := p.allowed.And(s.m.Active())
	if m.Empty() {
		return p.cpu
	}
	c := m.First()
	if s.kernel.Since(5, 8) {
		for n := s.rng.IntN(m.Weight()); n > 0; n-- {
			c = m.Next(c)
		}
	}
	return int32(c)
}

// unseat puts the current task back on its queue.
func (s *sim) unseat(c *cpu) {
	s.charge(c)
	p := c.curr
	if s.isFair(p) {
		c.pelt.Advance(s.now)
		p.pelt.Step(s.now, true, true)
		c.pelt.Running = false
		c.fair.Put(s.now)
	} else {
		s.queueRT(c, p, true)
	}
	c.curr, p.state, p.since = nil, tsQueued, s.now
}

// push is what the stopper does with a task that is queued (migration_cpu_stop): it takes it
// to another CPU. Its own run time is left out.
func (s *sim) push(p *task, to *cpu) {
	if s.isFair(p) {
		s.move(p, to)
		p.got.Moves[work.MoveActive]++
	} else {
		s.moveRT(p, to, work.MoveActive)
	}
	s.preempt(to, p, nil)
}

// exec is sched_exec: the current task goes to the CPU that suits it best now that it has
// little in the caches. It reports whether that is another.
func (s *sim) exec(c *cpu, p *task) bool {
	to := s.selectCPU(p, p, c.id, place.KindExec, &work.Wait{})
	if to == c.id || !s.m.Active().Test(int(to)) {
		return false
	}
	s.unseat(c)
	s.push(p, &s.cpus[to])
	s.schedule(c)
	return true
}
