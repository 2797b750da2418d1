package place

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// Selector runs the wakeup code of one kernel on one machine. It holds scratch
// space, so it serves one goroutine.
type Selector struct {
	// Rules is the kernel's row; where it is not known which fixes a kernel has,
	// Variants holds the row for each possibility, and Rules is set from it.
	Rules    *rules.Rules
	Variants []*rules.Rules
	// NoSchedIdle: no task is of SCHED_IDLE, so that State.SchedIdle need not be asked.
	NoSchedIdle bool
	// Index tells kernels explored together apart.
	Index   int
	Machine *topo.Machine
	State   State
	// Trace, if set, is told every test that the code makes and its answer.
	Trace func(Step)
	// Parts gathers the switches that the runs read and on which they may hang.
	Parts rules.Parts

	x        *explore.Explorer
	w        *Wakeup
	prev     int
	this     int
	o        Outcome
	cpus     cpumask.Mask // the scan's mask, select_rq_mask
	llcMask  cpumask.Mask
	scanning scan
	aim      aim
	begun    begun
	idlest   idlest
}

// What a run may split on. The argument is a CPU unless it says otherwise.
const (
	fIdle explore.Topic = iota
	fKernel
	fSchedIdle
	fNrRunningOne // exactly one runnable (minus delayed): wake_affine_idle
	fNrRunningMax // at most one runnable: per-CPU kthread stacking
	fHasIdleCores
	fBudget
	fSync
	fInTask
	fWide
	fWakeCap
	fAffineWeight
	fPrev
	fRecentUsed
	fOneCPU
	fMigrationDisabled
	fOnRq
	fOnCPU
	fDelayed
	fWakelist
	fSlowCPU
	fPick
	fPrioAbove
	fPrioNotBelow
	fCurPinned
	fCurKthread
	fIsCurrent
	fIdlePolicy
)

// cpuPair names an ordered pair of CPUs in a fact's argument.
func cpuPair(a, b int) int { return a<<14 | b }

// idle is available_idle_cpu.
func (s *Selector) idle(fn string, cpu int) bool {
	a := s.State.Idle(cpu)
	v := s.x.Ask(fIdle, cpu, a)
	if s.Trace != nil {
		s.step(Step{Func: fn, Kind: AskIdle, CPU: cpu, Answer: yesno(v), Fact: a})
	}
	return v
}

// schedIdle is sched_idle_cpu, on kernels that ask it; since 7.1
// choose_sched_idle_rq, which asks the wakee's policy too.
func (s *Selector) schedIdle(fn string, cpu int) bool {
	if s.Parts |= rules.PartSchedIdle; !s.Rules.SchedIdle {
		return false
	}
	if s.NoSchedIdle {
		s.x.Lean(fact.Reconstructed)
		return false
	}
	a := s.State.SchedIdle(cpu)
	v := s.x.Ask(fSchedIdle, cpu, a)
	if v && s.Rules.SchedIdleOthers && s.x.Ask(fIdlePolicy, 0, s.w.IdlePolicy) {
		s.step(Step{Func: fn, Kind: AskIdlePolicy, CPU: cpu, Answer: Yes, Fact: s.w.IdlePolicy})
		return false
	}
	if v && s.Trace != nil {
		s.step(Step{Func: fn, Kind: AskSchedIdle, CPU: cpu, Answer: Yes, Fact: a})
	}
	return v
}

func (s *Selector) idleEnough(fn string, cpu int) bool {
	return s.idle(fn, cpu) || s.schedIdle(fn, cpu)
}

func (s *Selector) allowed(cpu int) bool {
	s.x.Lean(s.w.AllowedFrom)
	return s.w.Allowed.Test(cpu)
}

// Select runs the code once, for the run that x is in, and returns the
// outcome, valid until the next run. It models try_to_wake_up, wake_up_new_task or
// sched_exec up to the CPU chosen (kernel/sched/core.c).
func (s *Selector) Select(x *explore.Explorer, w *Wakeup) *Outcome {
	s.x, s.w = x, w
	if s.Trace == nil && x.Again(&s.begun.made) {
		s.o = s.begun.o
		s.finishSibling()
		s.finishFair()
		s.finishRq()
		s.o.From = x.Weakest()
		return &s.o
	}
	if n := len(s.Variants); n > 0 {
		s.Rules = s.Variants[x.Pick(fKernel, s.Index, n)]
	}
	x.Lean(w.PrevFrom)
	s.prev = w.Prev[x.Pick(fPrev, 0, len(w.Prev))]
	s.this = w.This
	if w.ThisIsPrev {
		s.this = s.prev
	}
	s.o = Outcome{CPU: s.prev, Prev: s.prev, Target: s.prev, Path: PathUnknown, SetRecentUsed: -1, SetWakersRecent: -1, ClearIdleCores: -1, IdleCores: -1, Sync: -1, Wide: -1, Cap: -1, BudgetHi: -1}
	switch w.Kind {
	case KindWakeup:
		s.tryToWakeUp()
	case KindWakeupNew, KindExec:
		s.selectTaskRq()
	}
	s.o.From = x.Weakest()
	return &s.o
}

func (s *Selector) noSelection(r Reason) {
	s.o.CPU, s.o.Path, s.o.Reason = s.prev, PathNoSelection, r
}

// tryToWakeUp tells the wakeups that select no CPU from those that do.
//
// Models try_to_wake_up, ttwu_runnable (ttwu_remote before 5.8) and
// ttwu_queue_wakelist in kernel/sched/core.c; docs/kernel/try_to_wake_up.md#order.
func (s *Selector) tryToWakeUp() {
	r, w, x := s.Rules, s.w, s.x
	if may(w.IsCurrent) || may(w.Delayed) || may(w.OnCPU) {
		s.Parts |= rules.PartWake
	}
	if r.CurShortcut && x.Ask(fIsCurrent, 0, w.IsCurrent) {
		s.step(Step{Func: "try_to_wake_up", Kind: AskCurrent, CPU: s.this, Answer: Yes, Fact: w.IsCurrent})
		s.noSelection(ReasonCurrent)
		return
	}
	if x.Ask(fOnRq, 0, w.OnRq) {
		s.step(Step{Func: "ttwu_runnable", Kind: AskOnRq, CPU: s.prev, Answer: Yes, Fact: w.OnRq})
		s.noSelection(ReasonOnRq)
		return
	}
	if r.DelayDequeue && x.Ask(fDelayed, 0, w.Delayed) {
		s.step(Step{Func: "ttwu_runnable", Kind: AskDelayed, CPU: s.prev, Answer: Yes, Fact: w.Delayed})
		s.noSelection(ReasonDelayed)
		return
	}
	if r.OnCPUQueue && x.Ask(fOnCPU, 0, w.OnCPU) && s.ttwuQueueCond(s.prev) {
		s.step(Step{Func: "try_to_wake_up", Kind: AskOnCPU, CPU: s.prev, Answer: Yes, Fact: w.OnCPU})
		s.noSelection(ReasonOnCPUQueue)
		return
	}
	s.selectTaskRq()
}

// ttwuQueueCond says whether a wakee that is still on its CPU is put on that
// CPU's wake list (ttwu_queue_cond, kernel/sched/core.c).
func (s *Selector) ttwuQueueCond(cpu int) bool {
	s.Parts |= rules.PartWakelist
	if s.Rules.Wakelist == rules.WakelistIdle && !s.isCPUAllowed(cpu) {
		return false
	}
	if !s.Machine.ShareCache(s.this, cpu) {
		return true
	}
	if s.Rules.Wakelist == rules.WakelistIdle && cpu == s.this {
		return false
	}
	limit := 0
	if s.Rules.Wakelist == rules.WakelistOnCPU {
		limit = 1
	}
	n := s.State.NrRunning(cpu)
	return s.x.Ask(fWakelist, cpu<<1|limit, atMost(n, int64(limit)))
}

// may says whether an answer is or can be yes.
func may(a explore.Answer) bool { return a.Value || a.Open }

// atMost turns a range into the answer to "is it at most v".
func atMost(n explore.Range, v int64) explore.Answer {
	return explore.Answer{Value: n.Best <= v, Open: n.Lo <= v && n.Hi > v, From: n.From}
}

// selectTaskRq calls the class's selector if there is a choice, and the
// fallback if the selector's CPU may not be used.
//
// Models select_task_rq in kernel/sched/core.c;
// docs/kernel/try_to_wake_up.md#select_task_rq.
func (s *Selector) selectTaskRq() {
	w, x := s.w, s.x
	if x.Ask(fOneCPU, 0, w.OneCPU) {
		s.step(Step{Func: "select_task_rq", Kind: AskOneCPU, CPU: s.prev, Answer: Yes, Fact: w.OneCPU})
		s.noSelection(ReasonOneCPU)
		if c := w.Allowed.First(); c >= 0 && w.Allowed.Weight() == 1 {
			s.o.CPU = c
		}
		return
	}
	if x.Ask(fMigrationDisabled, 0, w.MigrationDisabled) {
		s.step(Step{Func: "select_task_rq", Kind: AskMigrationDisabled, CPU: s.prev, Answer: Yes, Fact: w.MigrationDisabled})
		s.noSelection(ReasonMigrationDisabled)
		return
	}
	switch {
	case w.Stop:
		s.o.CPU, s.o.Path = s.prev, PathStop
	case w.Prio < 0:
		s.selectTaskRqDL()
	case w.Prio < MaxRTPrio:
		s.selectTaskRqRT()
	default:
		s.selectTaskRqFair()
	}
	s.finishRq()
}

// finishRq takes the fallback if the class's choice may not be used.
func (s *Selector) finishRq() {
	if !s.isCPUAllowed(s.o.CPU) {
		s.selectFallbackRq()
	}
}

// isCPUAllowed models is_cpu_allowed: in the affinity and active.
func (s *Selector) isCPUAllowed(cpu int) bool {
	return s.allowed(cpu) && s.Machine.Active().Test(cpu)
}

// selectFallbackRq takes the first usable CPU of the old CPU's node, else the
// first usable one anywhere, else keeps the old CPU.
//
// Models select_fallback_rq in kernel/sched/core.c.
func (s *Selector) selectFallbackRq() {
	from := s.o.CPU
	s.o.CPU, s.o.Path = s.prev, PathFallback
	if c := s.fallback(s.w, s.prev); c >= 0 {
		s.o.CPU = c
	}
	s.step(Step{Func: "select_fallback_rq", Kind: AskUsable, CPU: s.o.CPU, Other: from, Answer: Chose})
}

// fallback is the first usable CPU of prev's node, else of any; -1 if none is.
func (s *Selector) fallback(w *Wakeup, prev int) int {
	for _, within := range [2]cpumask.Mask{s.Machine.NodeMask(prev), w.Allowed} {
		for c := within.First(); c >= 0; c = within.Next(c) {
			if w.Allowed.Test(c) && s.Machine.Active().Test(c) {
				return c
			}
		}
	}
	return -1
}
