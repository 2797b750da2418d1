package loop

import (
	"slices"

	"schedreplay/kernelmodel/fair"
	"schedreplay/loop/work"
)

// rank orders the classes and real-time priorities: the higher runs first.
func (s *sim) rank(p *task) int {
	switch {
	case p == nil:
		return -1
	case p.stop:
		return 1000
	case p.prio < 0:
		return 500
	case p.prio < 100:
		return 200 - int(p.prio)
	}
	return 0
}

// enqueue puts a task on a CPU's queue (enqueue_task).
func (s *sim) enqueue(c *cpu, p *task) {
	c.nr++
	p.cpu, p.state, p.since = c.id, tsQueued, s.now
	if !s.isFair(p) {
		s.queueRT(c, p, false)
		s.restartTick(c)
		return
	}
	s.attach(c, p)
	c.pelt.Weight += p.weight
	c.pelt.NR++
	c.pelt.Est += p.pelt.Est
	p.se.Weight = p.weight
	c.fair.Enqueue(&p.se, p.how, s.now)
	s.rootWeighs(c)
	s.joins(c, p)
	if s.limits != nil {
		s.checkEnqueue(c, p)
	}
}

// joins puts a task at the head of the queue's list of tasks (cfs_tasks).
func (s *sim) joins(c *cpu, p *task) {
	c.queued = append(c.queued, p)
	s.busy.Set(int(c.id))
	s.picks++
	p.pick = s.picks
	s.startHRTick(c)
	s.restartTick(c)
}

// quits takes it from there.
func (s *sim) quits(c *cpu, p *task) {
	i := slices.Index(c.queued, p)
	c.queued = slices.Delete(c.queued, i, i+1)
	if len(c.queued) == 0 {
		s.busy.Clear(int(c.id))
	}
}

// queueRT puts a real-time or stop task in line, ahead of its equals if it was preempted.
func (s *sim) queueRT(c *cpu, p *task, head bool) {
	i := 0
	for i < len(c.rt) && (s.rank(c.rt[i]) > s.rank(p) || !head && s.rank(c.rt[i]) == s.rank(p)) {
		i++
	}
	c.rt = slices.Insert(c.rt, i, p)
}

// attach brings the load averages of a task that comes to a queue up to date.
func (s *sim) attach(c *cpu, p *task) {
	c.pelt.Advance(s.now)
	e := &p.pelt
	e.Weight = p.weight
	if e.Attached != c.id {
		if e.Attached >= 0 {
			e.Step(s.now, false, false)
			from := &s.cpus[e.Attached].pelt
			from.RemovedLoad += e.Load
			from.RemovedUtil += e.Util
			from.RemovedRunnable += e.Runnable
			from.RemovedN++
		} else {
			e.Newborn(&c.pelt, s.kernel.Load.NewbornShares)
		}
		c.pelt.Attach(e)
		e.Attached = c.id
		return
	}
	e.Step(s.now, false, false)
}

// dequeue takes a task off its queue because it blocks (dequeue_task).
func (s *sim) dequeue(c *cpu, p *task, mayDelay bool) {
	if !s.isFair(p) {
		c.nr--
		if i := slices.Index(c.rt, p); i >= 0 {
			c.rt = slices.Delete(c.rt, i, i+1)
		}
		return
	}
	if !c.fair.Dequeue(&p.se, mayDelay, s.now) {
		// It sleeps on the queue: it weighs, and is not runnable.
		c.pelt.Advance(s.now)
		p.pelt.Step(s.now, true, true)
		c.pelt.Est = max(0, c.pelt.Est-p.pelt.Est) // util_est_dequeue, before util_est_update
		p.pelt.Remember(s.kernel.Load.EstSpares)
		p.delayed = true
		c.delayed++
		c.pelt.NR--
		return
	}
	s.rootWeighs(c)
	s.leave(c, p)
	c.nr--
	p.pelt.Remember(s.kernel.Load.EstSpares)
	s.returnRuntime(c, p)
}

// drop takes a task off the queue on which it slept.
func (s *sim) drop(c *cpu, p *task) {
	p.delayed = false
	c.delayed--
	c.nr--
	c.pelt.Advance(s.now)
	p.pelt.Linger(s.now)
	c.pelt.Weight -= p.weight
	s.quits(c, p)
	s.returnRuntime(c, p)
}

// requeue wakes a task where it slept on its queue.
func (s *sim) requeue(c *cpu, p *task) {
	p.delayed = false
	c.delayed--
	p.state, p.since = tsQueued, s.now
	c.pelt.Advance(s.now)
	p.pelt.Linger(s.now)
	c.pelt.NR++
	c.pelt.Est += p.pelt.Est
	c.fair.Requeue(&p.se, s.now)
}

// leave takes a task out of the sums of its queue.
func (s *sim) leave(c *cpu, p *task) {
	c.pelt.Advance(s.now)
	p.pelt.Step(s.now, true, c.curr == p)
	c.pelt.Weight -= p.weight
	c.pelt.NR--
	c.pelt.Est = max(0, c.pelt.Est-p.pelt.Est)
	s.quits(c, p)
}

// schedule is __schedule: the CPU puts its task back and picks the next.
func (s *sim) schedule(c *cpu) {
	s.chargeLast(c)
	prev := c.curr
	if prev != nil && !s.isFair(prev) && prev.state == tsRunning {
		s.queueRT(c, prev, true)
	}
	if prev != nil && s.isFair(prev) {
		c.pelt.Advance(s.now)
		if prev.state == tsRunning {
			prev.pelt.Step(s.now, true, true)
		}
		c.pelt.Running = false
		c.fair.Put(s.now)
	}
	c.curr = nil
	if prev != nil {
		s.checkRuntime(c, prev)
	}
	if prev != nil && prev.realTime() && s.top(c) < s.rank(prev) {
		s.pullRT(c)
	}
	next := s.nextRT(c)
	if next == nil {
		next = s.pickFair(c)
		if next == nil {
			s.newidle(c, prev)
			next = s.pickFair(c)
		}
		if next != nil || len(c.queued) == 0 {
			c.fairRan = s.now
		}
	}
	if prev != nil && prev != next && prev.state == tsRunning {
		prev.state, prev.since = tsQueued, s.now
	}
	c.curr, c.since = next, s.now
	if next == nil {
		c.swapper = s.now
		s.goIdle(c)
		return
	}
	if next != prev {
		s.switchedIn(c, next)
	}
	s.planRun(c)
	s.startTick(c)
	s.startHRTick(c)
	if next.realTime() && len(c.rt) > 0 {
		s.pushRT(c)
	}
}

// pickFair is pick_next_task_fair, without balancing; one that a limit stops is passed over.
func (s *sim) pickFair(c *cpu) *task {
	p := s.pickEntity(c)
	for p != nil && s.stopsPicked(c, p) {
		p = s.pickEntity(c)
	}
	return p
}

// pickEntity picks what is first in the fair queue.
func (s *sim) pickEntity(c *cpu) *task {
	se, dropped := c.fair.Pick(s.now)
	for _, e := range dropped {
		s.drop(c, &s.all[e.ID])
	}
	if se == nil {
		return nil
	}
	p := &s.all[se.ID]
	c.pelt.Advance(s.now)
	p.pelt.Step(s.now, true, false)
	c.pelt.Running = true
	s.picks++
	p.pick = s.picks
	return p
}

// switchedIn counts what a task waited for its run.
func (s *sim) switchedIn(c *cpu, p *task) {
	switch {
	case p.woken != 0:
		p.got.Wakings++
		p.got.Delay = append(p.got.Delay, s.now-p.woken)
		p.woken = 0
	case s.now > p.since && p.since > s.prog.Start:
		p.got.Gap = append(p.got.Gap, s.now-p.since)
	}
	p.state = tsRunning
}

// goIdle makes swapper the current task (pick_next_task_idle, __update_idle_core).
func (s *sim) goIdle(c *cpu) {
	c.gen++
	llc := s.m.LLC(int(c.id))
	if llc < 0 || s.cores[llc] {
		return
	}
	smt := s.m.SMT(int(c.id))
	for t := smt.First(); t >= 0; t = smt.Next(t) {
		if t != int(c.id) && !s.idleCPU(t) {
			return
		}
	}
	s.cores[llc] = true
}

// idleCPU is idle_cpu.
func (s *sim) idleCPU(i int) bool { return s.cpus[i].idleCPU() }

func (c *cpu) idleCPU() bool { return c.curr == nil && c.nr == 0 && c.pending == 0 }

// startTick lets a CPU tick from the next jiffy on; an idle CPU has stopped.
func (s *sim) startTick(c *cpu) {
	if c.ticking || s.stopsTick(c) {
		return
	}
	c.ticking = true
	s.plan(s.nextJiffy(), evTick, c.id, 0)
}

func (s *sim) nextJiffy() int64 {
	since := s.now - s.prog.Start - s.phase
	n := since/s.jiffy + 1
	if since < 0 {
		n = 0
	}
	return s.prog.Start + s.phase + n*s.jiffy
}

// jiffies is the kernel's count of ticks.
func (s *sim) jiffies() int64 { return (s.now - s.prog.Start - s.phase + s.jiffy) / s.jiffy }

// tick is scheduler_tick.
func (s *sim) tick(c *cpu) {
	c.ticking = false
	p := c.curr
	if p == nil {
		return
	}
	s.charge(c)
	s.tickTakes(c)
	again := p.realTime() && s.tickRT(c)
	if s.isFair(p) {
		c.pelt.Advance(s.now)
		p.pelt.Step(s.now, true, true)
		again = c.fair.Tick(s.now)
	}
	s.startTick(c)
	s.triggerBalance(c)
	if again && !c.resched && c.curr == p {
		s.gives(c, p)
	}
}

// startHRTick is hrtick_start_fair and hrtick_update: where others wait, the timer of the current
// task's slice is started anew.
func (s *sim) startHRTick(c *cpu) {
	if !s.kernel.Fair.HRTick || len(c.queued) < 2 || c.curr == nil || !s.isFair(c.curr) {
		return
	}
	c.hrticks++
	s.plan(s.now+max(hrtickLeast, c.fair.Left(s.now)), evHRTick, c.id, c.hrticks)
}

// hrtickLeast is the least that hrtick_start starts its timer with.
const hrtickLeast = 10_000

// hrtick is the timer's function, task_tick_fair for a slice: it may be early.
func (s *sim) hrtick(c *cpu, n int32) {
	p := c.curr
	if n != c.hrticks || p == nil || !s.isFair(p) {
		return
	}
	s.charge(c)
	c.pelt.Advance(s.now)
	p.pelt.Step(s.now, true, true)
	switch again := c.fair.Tick(s.now); {
	case !again:
		s.startHRTick(c)
	case c.resched:
	default:
		s.gives(c, p)
	}
}

// gives lets a CPU switch because the slice of its task is over: later, if it is late.
func (s *sim) gives(c *cpu, p *task) {
	if late := s.res.late(p, s.now); late > 0 || c.Owed > 0 {
		s.reschedAfter(c, max(0, late-c.Owed))
		return
	}
	s.schedule(c)
}

// activate queues a task that was woken (ttwu_do_activate) and lets it preempt.
func (s *sim) activate(p *task) {
	c := &s.cpus[p.cpu]
	c.pending--
	if c.idle != 0 { // ttwu_do_wakeup, update_avg_idle
		d := s.now - c.idle
		c.avgIdle += (d - c.avgIdle) / 8
		c.avgIdle = min(c.avgIdle, 2*max(migrationCost, c.maxCost))
		c.idle = 0
	}
	if p.delayed {
		s.requeue(c, p)
	} else {
		s.enqueue(c, p)
	}
	s.preempt(c, p, p.wokenBy())
	if p.realTime() && !c.resched { // task_woken_rt
		s.pushRT(c)
	}
}

// reschedAfter is resched_curr: so long it takes the CPU to switch, if it does not before, and
// interrupts leave it that time.
func (s *sim) reschedAfter(c *cpu, ns int64) {
	c.resched = true
	if c.Owed > 0 {
		s.charge(c)
	}
	s.plan(c.After(s.now, ns), evResched, c.id, 0)
}

// preempt is check_preempt_curr for a task that has come to a queue. by is the
// recorded waking, nil for none.
func (s *sim) preempt(c *cpu, p *task, by *work.Wait) {
	exit, take := int64(work.None), int64(work.None)
	if by != nil {
		exit, take = by.Exit, by.Preempt
	}
	if c.resched || p.state == tsThrottled {
		return
	}
	switch curr := c.curr; {
	case curr == nil:
		s.reschedAfter(c, s.res.exit(int(c.id), s.now, s.now-c.swapper, exit))
	case s.rank(p) > s.rank(curr), s.rank(curr) == 0 && s.rank(p) == 0 && s.preempts(c, p):
		s.reschedAfter(c, s.res.preempt(curr, s.now, take))
	}
}

func (s *sim) preempts(c *cpu, p *task) bool { return c.fair.WakeupPreempt(&p.se, s.now) }

// move takes a queued fair task to another CPU (detach_task, attach_task).
func (s *sim) move(p *task, to *cpu) {
	from := &s.cpus[p.cpu]
	from.nr--
	s.leave(from, p)
	from.pelt.Detach(&p.pelt)
	from.fair.Dequeue(&p.se, false, s.now)
	s.rootWeighs(from)
	p.pelt.Attached = -2
	s.moved(p, to.id)
	to.nr++
	p.cpu = to.id
	to.pelt.Advance(s.now)
	to.pelt.Attach(&p.pelt)
	p.pelt.Attached = to.id
	to.pelt.Weight += p.weight
	to.pelt.NR++
	to.pelt.Est += p.pelt.Est
	p.se.ExecStart = s.now - 2*migrationCost
	to.fair.Enqueue(&p.se, fair.Moved, s.now)
	s.rootWeighs(to)
	s.joins(to, p)
	if s.limits != nil {
		s.returnRuntime(from, p)
		s.checkEnqueue(to, p)
	}
}

// moved counts an arrival.
func (s *sim) moved(p *task, to int32) { p.got.Entries[to]++ }
