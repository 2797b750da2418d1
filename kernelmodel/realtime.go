package kernelmodel

import "fmt"

// selectTaskRqRT places a real-time task: it stays on its CPU unless that runs
// real-time work that would have to wait or cannot be moved.
//
// Models select_task_rq_rt and find_lowest_rq (kernel/sched/rt.c, 6.1 and
// 6.12; details section (c)). Which of several equally low CPUs the rotating
// pick returns depends on a cursor that no event shows: all stay possible.
func (s *Selector) selectTaskRqRT() {
	const fn = "select_task_rq_rt"
	s.o.CPU, s.o.Path = s.prev, PathRT
	if s.w.Kind == KindExec {
		return
	}
	cur := s.State.CurPrio(s.prev)
	a := Answer{Value: cur.Best < MaxRTPrio, Open: cur.Lo < MaxRTPrio && cur.Hi >= MaxRTPrio, From: cur.From}
	busy := s.x.ask(fPrioAbove, s.prev, a)
	if s.Trace != nil {
		s.step(fn, fmt.Sprintf("CPU %d runs a real-time task", s.prev), yesno(busy), a)
	}
	if !busy {
		return
	}
	s.lowestRq(fn)
}

// lowestRq splits over the CPUs of the root domain that run nothing of the
// wakee's priority or above; staying is possible too, since the current task
// may be movable.
func (s *Selector) lowestRq(fn string) {
	m, w := s.Machine, s.w
	s.cpus.AndFrom(m.rootSpan(s.prev), w.Allowed)
	s.x.lean(w.AllowedFrom)
	lower := func(c int) bool { return c != s.prev && s.State.CurPrio(c).Hi > int64(w.Prio) }
	n := 1
	for c := s.cpus.First(); c >= 0; c = s.cpus.Next(c) {
		if lower(c) {
			n++
		}
	}
	k := s.x.pick(fPick, 0, n)
	for c := s.cpus.First(); k > 0 && c >= 0; c = s.cpus.Next(c) {
		if lower(c) {
			if k--; k == 0 {
				s.o.CPU = c
			}
		}
	}
	if s.Trace != nil {
		s.step(fn, "find_lowest_rq", fmt.Sprint(s.o.CPU), Answer{Open: n > 1})
	}
}

// selectTaskRqDL places a deadline task: it stays unless its CPU runs another
// one; then any allowed CPU of the root domain without one is possible
// (select_task_rq_dl, find_later_rq, kernel/sched/deadline.c).
func (s *Selector) selectTaskRqDL() {
	s.o.CPU, s.o.Path = s.prev, PathDeadline
	if s.w.Kind == KindExec {
		return
	}
	cur := s.State.CurPrio(s.prev)
	a := Answer{Value: cur.Best < 0, Open: cur.Lo < 0 && cur.Hi >= 0, From: cur.From}
	if s.x.ask(fPrioAbove, s.prev, a) {
		s.lowestRq("select_task_rq_dl")
	}
}
