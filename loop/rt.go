package loop

import (
	"slices"

	"schedreplay/kernelmodel/place"
	"schedreplay/loop/work"
)

// rtLimit is what real-time tasks leave to others: sched_rt_runtime_us of each
// sched_rt_period_us, in ns. runtime is below 0 where there is no limit.
type rtLimit struct{ runtime, period int64 }

// The fair server's share (fair_server_init): so much of each second, once fair tasks have
// waited for the rest of it.
const (
	serverRuntime = 50_000_000
	serverPeriod  = second
)

// newRTLimit reads the limit; a kernel that lets CPUs borrow from each other has none on a
// machine of several (do_balance_runtime), one with a fair server none at all.
func newRTLimit(w *world, tunables map[string]int64) rtLimit {
	l := rtLimit{runtime: 950_000_000, period: second}
	if v, ok := tunables["sched_rt_runtime_us"]; ok {
		l.runtime = v * 1000
	}
	if v := tunables["sched_rt_period_us"]; v > 0 {
		l.period = v * 1000
	}
	if r := w.kernel.RT; r.Server || !r.Own && w.m.NumCPU() > 1 {
		l.runtime = -1
	}
	return l
}

// realTime reports whether a task is of the real-time class.
func (p *task) realTime() bool { return !p.stop && p.prio >= 0 && p.prio < place.MaxRTPrio }

// chargeRT accounts a real-time task's run against its CPU's limit.
func (s *sim) chargeRT(c *cpu, d int64) {
	if s.rt.runtime < 0 {
		return
	}
	if c.rtTime == 0 && !c.rtOff {
		at := s.prog.Start + s.phase*997%s.rt.period // the phase of the period is not known
		at += (s.now - at + s.rt.period) / s.rt.period * s.rt.period
		s.plan(at, evRTPeriod, c.id, 0)
	}
	c.rtTime += d
}

// tickRT is update_curr_rt with sched_rt_runtime_exceeded, and the start of the fair server:
// it reports whether the current real-time task is to leave the CPU to others.
func (s *sim) tickRT(c *cpu) bool {
	switch {
	case c.rtOff:
	case s.kernel.RT.Server:
		if len(c.queued) > c.delayed && s.now-c.fairRan >= serverPeriod-serverRuntime {
			c.rtOff = true
			s.plan(s.now+serverRuntime, evRTPeriod, c.id, 0)
		}
	case s.rt.runtime >= 0 && c.rtTime > s.rt.runtime:
		c.rtOff = true
	}
	return c.rtOff
}

// rtPeriod is do_sched_rt_period_timer for a CPU, or the end of the fair server's budget.
func (s *sim) rtPeriod(c *cpu) {
	s.charge(c)
	if s.kernel.RT.Server {
		c.rtOff, c.fairRan = false, s.now
	} else {
		c.rtTime -= min(c.rtTime, s.rt.runtime)
		if c.rtTime > 0 {
			s.plan(s.now+s.rt.period, evRTPeriod, c.id, 0)
		}
		c.rtOff = c.rtOff && c.rtTime >= s.rt.runtime
	}
	if !c.rtOff && len(c.rt) > 0 && s.rank(c.rt[0]) > s.rank(c.curr) {
		s.schedule(c)
	}
}

// nextRT takes the first in line of the stop, deadline and real-time tasks, nil if there is
// none or a limit holds it back.
func (s *sim) nextRT(c *cpu) *task {
	if len(c.rt) == 0 || c.rtOff && c.rt[0].realTime() {
		return nil
	}
	p := c.rt[0]
	c.rt = c.rt[1:]
	return p
}

// top is the rank of what a CPU runs or is about to.
func (s *sim) top(c *cpu) int {
	r := s.rank(c.curr)
	if len(c.rt) > 0 && !(c.rtOff && c.rt[0].realTime()) {
		r = max(r, s.rank(c.rt[0]))
	}
	return max(r, 0)
}

// lowestRq is find_lowest_rq: the CPU of the least priority below the task's, the nearest
// of those; nil if there is none.
func (s *sim) lowestRq(p *task) *cpu {
	var best *cpu
	key := func(c *cpu) int {
		far := 2
		switch {
		case c.id == p.cpu:
			far = 0
		case s.m.LLC(int(c.id)) == s.m.LLC(int(p.cpu)):
			far = 1
		}
		return 4*s.top(c) + far
	}
	root := s.m.RootSpan(int(p.cpu))
	for i := root.First(); i >= 0; i = root.Next(i) {
		c := &s.cpus[i]
		if p.allowed.Test(i) && s.top(c) < s.rank(p) && (best == nil || key(c) < key(best)) {
			best = c
		}
	}
	return best
}

// pushRT is push_rt_tasks: what waits in line goes where less runs.
func (s *sim) pushRT(c *cpu) {
	for _, p := range slices.Clone(c.rt) {
		if !p.realTime() || p.allowed.Weight() == 1 {
			continue
		}
		to := s.lowestRq(p)
		if to == nil || to == c {
			return
		}
		s.moveRT(p, to, work.MoveBalance)
		s.preempt(to, p, nil)
	}
}

// pullRT is pull_rt_task: a CPU about to run something of less priority takes what waits
// elsewhere.
func (s *sim) pullRT(c *cpu) {
	root := s.m.RootSpan(int(c.id))
	for i := root.First(); i >= 0; i = root.Next(i) {
		from := &s.cpus[i]
		if from == c {
			continue
		}
		for _, p := range from.rt {
			if p.realTime() && p.allowed.Test(int(c.id)) && s.rank(p) > s.top(c) && s.rank(p) <= s.rank(from.curr) {
				s.moveRT(p, c, work.MoveBalance)
				break
			}
		}
	}
}

// moveRT takes a waiting real-time task to another CPU.
func (s *sim) moveRT(p *task, to *cpu, why work.Cause) {
	from := &s.cpus[p.cpu]
	i := slices.Index(from.rt, p)
	from.rt = slices.Delete(from.rt, i, i+1)
	from.nr--
	to.nr++
	p.cpu = to.id
	p.got.Moves[why]++
	s.moved(p, to.id)
	s.queueRT(to, p, false)
}
