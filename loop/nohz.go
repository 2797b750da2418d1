package loop

import (
	"errors"
	"fmt"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// This file is the tick that stops while one task runs (CONFIG_NO_HZ_FULL, nohz_full=,
// kernel/time/tick-sched.c).

// policyRR is SCHED_RR.
const policyRR = 2

// canStopTick is sched_can_stop_tick. Tasks are SCHED_FIFO where the bundle does not tell.
func (s *sim) canStopTick(c *cpu) bool {
	rr, fifo, deadline := 0, 0, false
	count := func(p *task) {
		switch {
		case p == nil || p.stop || s.isFair(p):
		case p.prio < 0:
			deadline = true
		case p.w.Policy == policyRR && !p.t.setPrio:
			rr++
		default:
			fifo++
		}
	}
	count(c.curr)
	for _, p := range c.rt {
		count(p)
	}
	switch {
	case deadline:
		return false
	case rr > 0:
		return rr == 1
	case fifo > 0:
		return true
	}
	return len(c.queued) <= 1 && !(s.kernel.Tick.Limited && c.curr != nil && s.limited(c.curr))
}

// stopsTick reports whether the tick of a CPU that runs something stops. Up to 4.16 one comes
// each second all the same (scheduler_tick_max_deferment), since then another CPU does what it
// did (sched_tick_remote).
func (s *sim) stopsTick(c *cpu) bool {
	if !s.nohzFull.Test(int(c.id)) || !s.canStopTick(c) {
		return false
	}
	if !s.kernel.Tick.Remote && c.residual <= s.now {
		c.residual = s.nextJiffy() + second - s.jiffy
		s.plan(c.residual, evTick, c.id, 1)
	}
	return true
}

// restartTick is sched_update_tick_dependency of a CPU that has got a task.
func (s *sim) restartTick(c *cpu) {
	if c.curr != nil && s.nohzFull.Test(int(c.id)) {
		s.startTick(c)
	}
}

// nohzFullOf reads the CPUs of nohz_full=: one at least is left to keep the time.
func nohzFullOf(list string, cpus int, h *parser.Host) error {
	m, err := cpumask.ParseList(list, cpus)
	switch {
	case err != nil:
		return err
	case m.Empty():
		return errors.New("it names no CPU")
	case cpumask.Range(0, cpus-1).SubsetOf(m):
		return errors.New("it leaves no CPU that keeps the time")
	case h.Config["NO_HZ_FULL"] == "n":
		return fmt.Errorf("%s is built without CONFIG_NO_HZ_FULL", h.Release.Value)
	}
	h.NohzFull = fact.Of(m, fact.Observed, "scenario")
	return nil
}

// workqueues gives the workers of unbound workqueues the CPUs of
// /sys/devices/virtual/workqueue/cpumask: those that had all of what any of them has have
// these, others keep what they have in common with these, as far as there is any
// (wqattrs_actualize_cpumask). Workers of a CPU stay there.
func (w *world) workqueues(list string) error {
	cpus, err := cpumask.ParseList(list, w.prog.CPUs)
	switch {
	case err != nil:
		return err
	case cpus.Empty():
		return errors.New("it names no CPU")
	}
	var before cpumask.Mask
	found := false
	each := func(do func(t *tasking)) {
		for i := range w.tasks {
			if p := &w.prog.Tasks[i]; parser.UnboundWorker(p.Comm) && p.Kthread {
				found = true
				do(&w.tasks[i])
			}
		}
	}
	each(func(t *tasking) { before = before.Or(t.allowed) })
	if !found {
		return errors.New("no worker of an unbound workqueue (kworker/u…) is in the recording")
	}
	each(func(t *tasking) {
		t.remask(func(m cpumask.Mask) cpumask.Mask {
			if common := m.And(cpus); !m.Equal(before) && !common.Empty() {
				return common
			}
			return cpus
		})
	})
	return nil
}
