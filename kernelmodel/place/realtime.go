package place

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
)

// selectTaskRqRT places a real-time task: it stays on its CPU unless that runs
// real-time work that would have to wait or cannot be moved.
//
// Models select_task_rq_rt (kernel/sched/rt.c, 6.1 and 6.12;
// docs/kernel/rt-and-deadline.md#select_task_rq_rt). Whether the current task is pinned is in no event: where only that
// decides, both answers stay possible. So do they where a deadline task is
// current, which counts as real-time in 6.1 and not in 6.12.
func (s *Selector) selectTaskRqRT() {
	const fn = "select_task_rq_rt"
	s.o.CPU, s.o.Path = s.prev, PathRT
	if s.w.Kind == KindExec {
		return
	}
	cur := s.State.CurPrio(s.prev)
	a := atMost(cur, MaxRTPrio-1)
	a.Open = a.Open || cur.Lo < 0
	busy := s.x.Ask(fPrioAbove, s.prev, a)
	s.step(Step{Func: fn, Kind: AskRunsRT, CPU: s.prev, Answer: yesno(busy), Fact: a})
	if !busy {
		return
	}
	a = atMost(cur, int64(s.w.Prio))
	above := s.x.Ask(fPrioNotBelow, s.prev, a)
	s.step(Step{Func: fn, Kind: AskPrioNotBelow, CPU: s.prev, N: int64(s.w.Prio), Answer: yesno(above), Fact: a})
	if above || s.x.Ask(fCurPinned, s.prev, explore.Either(false, fact.Unknown)) {
		s.findLowestRq(fn)
	}
}

// findLowestRq moves the task to a CPU of the root domain that runs work of the
// lowest priority, if that is below the task's own: the waker's CPU in the
// smallest domain that holds it or others, else another one there. Which of
// several equal ones it is depends on a cursor that no event shows: all stay
// possible.
//
// Models find_lowest_rq and cpupri_find (kernel/sched/rt.c, cpupri.c). The
// priority of a CPU is that of its current task, up to a level for everything
// that is not real-time.
func (s *Selector) findLowestRq(fn string) {
	m, w := s.Machine, s.w
	s.x.Lean(w.AllowedFrom)
	s.cpus.AndFrom(m.RootSpan(s.prev), w.Allowed)
	level := func(r explore.Range) int64 { return min(r.Best, MaxRTPrio) }
	known, lowest, from := true, int64(w.Prio), fact.Observed
	for c := s.cpus.First(); c >= 0; c = s.cpus.Next(c) {
		r := s.State.CurPrio(c)
		s.x.Lean(r.From)
		from = min(from, r.From)
		known = known && r.Lo == r.Hi
		lowest = max(lowest, level(r))
	}
	for c := s.cpus.First(); c >= 0; c = s.cpus.Next(c) {
		r := s.State.CurPrio(c)
		if r.Hi <= int64(w.Prio) || known && level(r) < lowest {
			s.cpus.Clear(c)
		}
	}
	switch {
	case !known:
		s.cpus.Clear(s.prev)
		s.anyOf(s.cpus, s.prev)
	case s.cpus.Empty() || s.cpus.Test(s.prev):
	default:
		s.nearest()
	}
	s.step(Step{Func: fn, Kind: AskLowestRQ, CPU: s.o.CPU, Answer: Chose, Fact: explore.Answer{Open: !known, From: from}})
}

// nearest picks from the scan's mask by the domains of the old CPU.
func (s *Selector) nearest() {
	m := s.Machine
	this := s.cpus.Test(s.this)
	for i := range m.Levels(s.prev) {
		d := m.Level(s.prev, i)
		if !d.Has(rules.SDWakeAffine) {
			continue
		}
		if this && d.Span.Test(s.this) {
			s.o.CPU = s.this
			return
		}
		if s.llcMask.AndFrom(s.cpus, d.Span); !s.llcMask.Empty() {
			s.anyOf(s.llcMask, -1)
			return
		}
	}
	if this {
		s.o.CPU = s.this
		return
	}
	s.anyOf(s.cpus, -1)
}

// anyOf splits over the CPUs of a mask, and over stay before them if it is not
// negative.
func (s *Selector) anyOf(mask cpumask.Mask, stay int) {
	n := mask.Weight()
	if stay >= 0 {
		n++
	}
	k := s.x.Pick(fPick, 0, n)
	if stay >= 0 {
		if k == 0 {
			s.o.CPU = stay
			return
		}
		k--
	}
	for c := mask.First(); c >= 0; c = mask.Next(c) {
		if k--; k < 0 {
			s.o.CPU = c
			return
		}
	}
}

// selectTaskRqDL places a deadline task: at a wakeup it may leave a CPU that
// runs another one, for any CPU of the root domain without one or, if there is
// none, for one whose deadline is later. Deadlines are in no event.
//
// Models select_task_rq_dl, find_later_rq and cpudl_find
// (kernel/sched/deadline.c, cpudeadline.c).
func (s *Selector) selectTaskRqDL() {
	const fn = "select_task_rq_dl"
	s.o.CPU, s.o.Path = s.prev, PathDeadline
	if s.w.Kind != KindWakeup {
		return
	}
	a := atMost(s.State.CurPrio(s.prev), -1)
	busy := s.x.Ask(fPrioAbove, s.prev, a)
	s.step(Step{Func: fn, Kind: AskRunsDeadline, CPU: s.prev, Answer: yesno(busy), Fact: a})
	if !busy {
		return
	}
	s.x.Lean(s.w.AllowedFrom)
	s.cpus.AndFrom(s.Machine.RootSpan(s.prev), s.w.Allowed)
	free := false
	for c := s.cpus.First(); c >= 0; c = s.cpus.Next(c) {
		free = free || s.State.CurPrio(c).Lo >= 0
	}
	for c := s.cpus.First(); free && c >= 0; c = s.cpus.Next(c) {
		if s.State.CurPrio(c).Hi < 0 {
			s.cpus.Clear(c)
		}
	}
	s.cpus.Clear(s.prev)
	s.anyOf(s.cpus, s.prev)
}
