package loop

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/rules"
	"schedreplay/loop/work"
)

// This file is the CPU limits of control groups (cpu.max, CFS bandwidth control) in a run.

// limits are those of a run; nil where no group has one.
type limits struct {
	// of are the groups' by number, nil of one without a limit.
	of []*limit
	// off are by CPU the tasks that limits have taken off its queue, in that order.
	off [][]*task
	// switching: a CPU switches, and sees by itself that time is up.
	switching bool
}

// limit is that of a group: its quota, and what it has by CPU.
type limit struct {
	fair.Bandwidth
	on []fair.QueueRuntime
	// phase is when the first of its periods begins, in ns of the window.
	phase int64
}

// newLimits makes the limits of a world's groups. When their periods begin is in no event: it
// is drawn, and of the one that has begun before the window so much of the quota is left as of
// the period.
func (s *sim) newLimits(cpus int) {
	for g := range s.world.groups {
		q := &s.world.groups[g]
		if q.Quota <= 0 || q.Period <= 0 {
			continue
		}
		if s.limits == nil {
			s.limits = &limits{of: make([]*limit, len(s.world.groups)), off: make([][]*task, cpus)}
		}
		l := &limit{on: make([]fair.QueueRuntime, cpus), phase: s.rng.Int64N(q.Period)}
		l.Bandwidth = fair.Bandwidth{Quota: q.Quota, Period: q.Period, Slice: fair.BandwidthSlice, Expires: s.kernel.Limits.Expire}
		l.Runtime = int64(float64(q.Quota) * (float64(l.phase) / float64(q.Period))) // what is left of the period
		if v := s.tunables["sched_cfs_bandwidth_slice_us"]; v > 0 {
			l.Slice = v * 1000
		}
		for c := range l.on {
			l.on[c].CPU = c
		}
		s.limits.of[g] = l
	}
}

// chain does something for the group and those above that have a limit, up to the first for
// which it reports false.
func (s *sim) chain(group int, do func(g int, l *limit) bool) {
	for g := group; s.limits != nil && g != fair.Root; g = s.groups[g].above {
		if l := s.limits.of[g]; l != nil && !do(g, l) {
			return
		}
	}
}

// limited reports whether a task's group, or one above, has a limit (cfs_task_bw_constrained).
func (s *sim) limited(p *task) bool {
	found := false
	s.chain(p.se.Group, func(int, *limit) bool { found = true; return false })
	return found
}

// throttledOn reports whether a group's queue on a CPU is throttled, or one above
// (throttled_hierarchy).
func (s *sim) throttledOn(c *cpu, group int) bool {
	found := false
	s.chain(group, func(_ int, l *limit) bool { found = l.on[c.id].Throttled; return !found })
	return found
}

// accountRuntime is account_cfs_rq_runtime for the current task's groups; a CPU whose group has
// nothing left is to switch.
func (s *sim) accountRuntime(c *cpu, p *task, ns int64) {
	s.chain(p.se.Group, func(g int, l *limit) bool {
		ok := l.Account(&l.on[c.id], ns)
		s.startPeriod(g, l)
		if !ok && !s.limits.switching && !c.resched {
			c.resched = true
			s.plan(s.now, evResched, c.id, 0)
		}
		return true
	})
}

// chargeLast charges the current task of a CPU that is about to switch anyway.
func (s *sim) chargeLast(c *cpu) {
	if s.limits == nil {
		s.charge(c)
		return
	}
	s.limits.switching = true
	s.charge(c)
	s.limits.switching = false
}

// startPeriod is start_cfs_bandwidth: periods are a grid, the timer runs while the quota is used.
func (s *sim) startPeriod(g int, l *limit) {
	if l.Active {
		return
	}
	l.Active = true
	since := s.now - s.prog.Start - l.phase
	n := since/l.Period + 1
	if since < 0 {
		n = 0
	}
	l.Refresh = s.prog.Start + l.phase + n*l.Period
	s.plan(l.Refresh, evPeriod, int32(g), 0)
}

// period is sched_cfs_period_timer, or sched_cfs_slack_timer.
func (s *sim) period(g int, slack bool) {
	l := s.limits.of[g]
	if slack {
		if l.SlackEnds(s.now) {
			s.distribute(l)
		}
		return
	}
	active, distribute := l.Refill()
	if !active {
		return
	}
	l.Refresh += l.Period
	s.plan(l.Refresh, evPeriod, int32(g), 0)
	if distribute {
		s.distribute(l)
	}
}

// distribute unthrottles the queues that get what they lack.
func (s *sim) distribute(l *limit) {
	for _, q := range l.Distribute() {
		s.unthrottle(&s.cpus[q.CPU])
	}
}

// checkEnqueue is check_enqueue_throttle for the groups whose queues a task has made no longer
// empty.
func (s *sim) checkEnqueue(c *cpu, p *task) {
	s.chain(p.se.Group, func(g int, l *limit) bool {
		q := &l.on[c.id]
		if q.Throttled || c.curr != nil && s.isFair(c.curr) && s.under(c.curr.se.Group, g) {
			return true
		}
		ok := l.Account(q, 0)
		s.startPeriod(g, l)
		if !ok {
			l.Throttle(q)
		}
		return true
	})
	if s.kernel.Rules.Throttle != rules.ThrottleTasks && s.throttledOn(c, p.se.Group) {
		s.takeOff(c, p)
	}
}

// under reports whether a group is another or below it.
func (s *sim) under(g, of int) bool {
	for ; g != of; g = s.groups[g].above {
		if g == fair.Root {
			return false
		}
	}
	return true
}

// checkRuntime is check_cfs_rq_runtime for a task that is put back: queues of its groups that
// have nothing left are throttled. Up to 6.17 all their tasks leave with them; since, each as it
// returns to user mode.
func (s *sim) checkRuntime(c *cpu, p *task) {
	if s.limits == nil || !s.isFair(p) {
		return
	}
	s.chain(p.se.Group, func(_ int, l *limit) bool {
		if q := &l.on[c.id]; !q.Throttled && q.Remaining <= 0 {
			l.Throttle(q)
		}
		return true
	})
	switch {
	case !s.throttledOn(c, p.se.Group):
	case s.kernel.Rules.Throttle == rules.ThrottleTasks:
		if p.state == tsRunning {
			s.takeOff(c, p)
		}
	default:
		for _, q := range slices.Clone(c.queued) {
			if s.throttledOn(c, q.se.Group) {
				s.takeOff(c, q)
			}
		}
	}
}

// stopsPicked is throttle_cfs_rq_work for a task that has just been picked: on its way to user
// mode it is taken off. It reports whether it was.
func (s *sim) stopsPicked(c *cpu, p *task) bool {
	if s.limits == nil || !s.isFair(p) || s.kernel.Rules.Throttle != rules.ThrottleTasks || !s.throttledOn(c, p.se.Group) {
		return false
	}
	s.switchedIn(c, p)
	c.pelt.Advance(s.now)
	c.pelt.Running = false
	c.fair.Put(s.now)
	s.takeOff(c, p)
	return true
}

// takeOff takes a queued task of a throttled group off its CPU's queue. One that sleeps there
// sleeps on without it.
func (s *sim) takeOff(c *cpu, p *task) {
	if p.delayed {
		c.fair.Dequeue(&p.se, false, s.now)
		s.drop(c, p)
		return
	}
	if p.state == tsRunning {
		p.since = s.now
	}
	c.nr--
	s.leave(c, p)
	c.fair.Dequeue(&p.se, false, s.now)
	s.rootWeighs(c)
	p.state, p.how = tsThrottled, fair.Moved
	s.limits.off[c.id] = append(s.limits.off[c.id], p)
}

// unthrottle is unthrottle_cfs_rq: the tasks that are no longer throttled come back, and an idle
// CPU is woken.
func (s *sim) unthrottle(c *cpu) {
	off := s.limits.off[c.id]
	s.limits.off[c.id] = nil
	for _, p := range off {
		if s.throttledOn(c, p.se.Group) {
			s.limits.off[c.id] = append(s.limits.off[c.id], p)
			continue
		}
		since := p.since
		if s.enqueue(c, p); p.state == tsQueued {
			p.since = since
		}
	}
	if c.curr == nil && c.nr > 0 {
		s.wakesIdle(c)
	}
}

// wakesIdle lets an idle CPU switch.
func (s *sim) wakesIdle(c *cpu) {
	if !c.resched {
		s.reschedAfter(c, s.res.exit(int(c.id), s.now, s.now-c.swapper, work.None))
	}
}

// rebound takes a throttled task that may no longer be where it is to another CPU.
func (s *sim) rebound(p *task, to *cpu) {
	off := &s.limits.off[p.cpu]
	*off = slices.DeleteFunc(*off, func(q *task) bool { return q == p })
	s.cpus[p.cpu].pelt.Detach(&p.pelt)
	p.pelt.Attached = -2
	s.moved(p, to.id)
	p.got.Moves[work.MoveActive]++
	s.enqueue(to, p)
	if to.curr == nil && to.nr > 0 {
		s.wakesIdle(to)
	}
}

// returnRuntime is return_cfs_rq_runtime for the groups whose queues a task has left empty.
func (s *sim) returnRuntime(c *cpu, p *task) {
	s.chain(p.se.Group, func(g int, l *limit) bool {
		if c.fair.Has(g) > 0 {
			return false
		}
		if l.Return(&l.on[c.id], s.now) {
			s.plan(s.now+fair.BandwidthSlack, evPeriod, int32(g), 1)
		}
		return true
	})
}

// The bounds of a limit (min_cfs_quota_period, max_cfs_quota_period; tg_set_cfs_bandwidth).
const (
	leastQuota   = time.Millisecond
	longestQuota = time.Second
	usualPeriod  = 100 * time.Millisecond
)

// groupLimit gives a control group a CPU limit as cpu.max has it: QUOTA/PERIOD or QUOTA, as
// durations or in µs, or max for none.
func (w *world) groupLimit(c Change) error {
	quota, period := time.Duration(0), usualPeriod
	if c.Value != "max" {
		q, p, both := strings.Cut(c.Value, "/")
		var err, err2 error
		if quota, err = limitTime(q); both {
			period, err2 = limitTime(p)
		}
		switch {
		case err != nil || err2 != nil:
			return errors.New("a limit is written as 20ms/100ms, as cpu.max in µs (20000/100000), or max")
		case quota < leastQuota:
			return fmt.Errorf("a quota is at least %v", leastQuota)
		case period < leastQuota || period > longestQuota:
			return fmt.Errorf("a period is %v to %v", leastQuota, longestQuota)
		}
	}
	i := slices.IndexFunc(w.groups, func(g work.Group) bool { return g.Name == c.Task })
	if i < 0 {
		return errors.New("the bundle knows no such control group with a weight or a limit that tasks of the recording are in")
	}
	w.groups = slices.Clone(w.groups)
	w.groups[i].Quota, w.groups[i].Period = int64(quota), int64(period)
	return nil
}

// limitTime reads a duration, or a number of µs.
func limitTime(s string) (time.Duration, error) {
	if us, err := strconv.ParseInt(s, 10, 32); err == nil {
		return time.Duration(us) * time.Microsecond, nil
	}
	return time.ParseDuration(s)
}
