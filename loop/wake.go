package loop

import (
	"math"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/loop/work"
)

func known(b bool) explore.Answer { return explore.Known(b, fact.Observed) }

func exactly(v int64) explore.Range { return explore.Exactly(v, fact.Observed) }

// tryToWakeUp selects a CPU for a sleeping task and sends it there. waker is the task
// that does it, nil for an interrupt on the CPU.
func (s *sim) tryToWakeUp(p, waker *task, on int32) {
	then := p.wait()
	kind := place.KindWakeup
	if p.w.Begin == work.BeginUnborn && p.pos == 0 {
		kind = place.KindWakeupNew
	}
	if then.Edge == work.EdgeOutside && then.CPU >= 0 && int(then.CPU) < len(s.cpus) {
		on = s.irqTo.From(then.Source-1, then.CPU)
	}
	s.interruptedBy(then, on)
	if kind == place.KindWakeupNew {
		p.cpu = on // sched_fork: the parent's
		if s.isFair(p) {
			s.cpus[on].fair.Fork(&p.se, s.now)
		}
	}
	p.advance()
	s.newStep(p)
	s.wakeUp(p, waker, on, then, kind)
}

// wakeUp selects a CPU and sends the task there; then has the residuals.
func (s *sim) wakeUp(p, waker *task, on int32, then *work.Wait, kind place.Kind) {
	p.woken, p.state = s.now, tsWaking
	prev := p.cpu
	if p.delayed { // ttwu_runnable: no CPU is selected
		s.cpus[prev].pending++
		s.plan(s.now+then.Lag, evActivate, p.id, 0)
		return
	}
	s.recordWakee(s.cpus[on].curr, p)
	to := s.selectCPU(p, waker, on, kind, then)
	p.how = fair.Wakeup
	switch {
	case kind == place.KindWakeupNew:
		p.how = fair.Moved
	case to != prev && s.isFair(p):
		p.how = fair.WakeupMigrated
		s.cpus[prev].fair.Leave(&p.se)
	}
	if to != prev {
		p.got.Moves[work.MoveWakeup]++
		s.moved(p, to)
	}
	p.cpu = to
	s.cpus[to].pending++
	s.plan(s.now+then.Lag, evActivate, p.id, 0)
}

// recordWakee is record_wakee.
func (s *sim) recordWakee(curr, p *task) {
	if curr == nil {
		return
	}
	if flips, halved := fair.DecayFlips(curr.flips, curr.decay, s.now); halved {
		curr.flips, curr.decay = flips, s.now
	}
	if curr.partner != p.id {
		curr.partner = p.id
		curr.flips++
	}
}

// selectCPU asks the model where the task goes.
func (s *sim) selectCPU(p, waker *task, on int32, kind place.Kind, then *work.Wait) int32 {
	curr := s.cpus[on].curr
	w := &s.ask
	s.prev[0], s.used[0] = int(p.cpu), p.recent
	s.wf[0] = place.Weighted{Value: p.flips, Weight: 1}
	s.cf[0] = place.Weighted{Weight: 1}
	*w = place.Wakeup{
		Kind: kind, This: int(on), Prev: s.prev[:], PrevFrom: fact.Observed, Prio: int(p.prio), Stop: p.stop,
		Allowed: p.allowed, AllowedFrom: fact.Observed, OneCPU: known(p.allowed.Weight() == 1),
		Sync: known(waker != nil && then.Sync), InTask: known(waker != nil),
		Flips: s.wf[:], Load: exactly(s.taskLoad(p)), Weight: p.weight, Util: exactly(max(p.pelt.Util, p.pelt.Est)),
		RecentUsed: s.used[:],
		Cur:        place.Current{PerCPUKthread: known(curr == nil || curr.w.PerCPU), Flips: s.cf[:], Load: exactly(0)},
	}
	if curr != nil {
		s.cf[0].Value = curr.flips
		w.Cur.Load, w.Cur.Weight = exactly(s.taskLoad(curr)), curr.weight
	}
	var o *place.Outcome
	s.x.Explore(1, func() { o = s.sel.Select(&s.x, w) })
	if o.SetRecentUsed >= 0 {
		p.recent = o.SetRecentUsed
	}
	if o.SetWakersRecent >= 0 && curr != nil {
		curr.recent = o.SetWakersRecent
	}
	if o.ClearIdleCores >= 0 {
		if llc := s.m.LLC(o.ClearIdleCores); llc >= 0 {
			s.cores[llc] = false
		}
	}
	if o.CPU < 0 || o.CPU >= len(s.cpus) {
		return p.cpu
	}
	return int32(o.CPU)
}

// The run answers exactly what the selector asks: it implements place.State.

// Idle implements [place.State].
func (s *sim) Idle(i int) explore.Answer { return known(s.idleCPU(i)) }

// SchedIdle implements [place.State].
func (s *sim) SchedIdle(i int) explore.Answer {
	c := &s.cpus[i]
	if c.nr == 0 {
		return known(false)
	}
	idle := 0
	for _, p := range c.queued {
		if p.t.idle {
			idle++
		}
	}
	return known(idle == c.nr)
}

// NrRunning implements [place.State].
func (s *sim) NrRunning(i int) explore.Range { return exactly(int64(s.cpus[i].nr)) }

// NrRunnable implements [place.State].
func (s *sim) NrRunnable(i int) explore.Range {
	return exactly(int64(s.cpus[i].nr - s.cpus[i].delayed))
}

// HasIdleCores implements [place.State].
func (s *sim) HasIdleCores(i int) explore.Answer {
	llc := s.m.LLC(i)
	return known(llc >= 0 && s.cores[llc])
}

// ScanBudget implements [place.State].
func (s *sim) ScanBudget(rule rules.BudgetRule, this, i int) (explore.Range, explore.Odds) {
	llc := s.m.LLC(i)
	if llc < 0 {
		return exactly(math.MaxInt32), nil
	}
	weight := int64(s.m.LLCSpan(llc).Weight())
	switch rule {
	case rules.BudgetUtil:
		return exactly(s.scan[llc]), nil
	case rules.BudgetAvgIdle, rules.BudgetWakeAvgIdle:
		avg, cost := s.cpus[this].avgIdle/512, s.scost[this]+1
		if span := weight * avg; span > 4*cost {
			return exactly(span / cost), nil
		}
		return exactly(4), nil
	case rules.BudgetAvgCost:
		if s.cpus[this].avgIdle/512 < s.scost[this] {
			return exactly(0), nil
		}
	}
	return exactly(math.MaxInt32), nil
}

// Load implements [place.State].
func (s *sim) Load(rule rules.LoadRule, i int) explore.Range {
	return exactly(s.cpuLoad(rule, &s.cpus[i]))
}

// cpuLoad is cpu_load, by the kernel's rule.
func (s *sim) cpuLoad(rule rules.LoadRule, c *cpu) int64 {
	switch rule {
	case rules.LoadWeights:
		return c.pelt.Weight
	case rules.LoadRunnable:
		sum := int64(0)
		for _, p := range c.queued {
			sum += p.pelt.Load
		}
		return sum
	}
	return s.queueLoad(c)
}

// Runnable implements [place.State].
func (s *sim) Runnable(i int) explore.Range { return exactly(s.cpus[i].pelt.Runnable) }

// Util implements [place.State].
func (s *sim) Util(i int) explore.Range { return exactly(s.cpus[i].util()) }

// util is cpu_util.
func (c *cpu) util() int64 { return min(1024, max(c.pelt.Util, c.pelt.Est)) }

// Capacity implements [place.State].
func (s *sim) Capacity(i int) explore.Range { return exactly(int64(s.m.Capacity(i))) }

// IdleSince implements [place.State].
func (s *sim) IdleSince(i int) explore.Range { return exactly(s.cpus[i].idle) }

// CurPrio implements [place.State].
func (s *sim) CurPrio(i int) explore.Range {
	if p := s.cpus[i].curr; p != nil {
		return exactly(int64(p.prio))
	}
	return exactly(140)
}
