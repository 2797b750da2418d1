package place

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
)

// selectIdleSibling looks for an idle CPU near target and ends at target.
//
// Models select_idle_sibling (kernel/sched/fair.c, 4.9 and later) in the forms
// that the row's switches name. docs/kernel/select_idle_sibling.md#order.
func (s *Selector) selectIdleSibling(prev, target int) {
	const fn = "select_idle_sibling"
	r, m := s.Rules, s.Machine
	if s.idleEnough(fn, target) {
		s.take(target, PathTargetIdle)
		return
	}
	clusterPrev, clusterRecent := -1, -1
	if prev != target && m.ShareCache(prev, target) && s.idleEnough(fn, prev) {
		if !s.clusters() || m.ShareResources(prev, target) {
			s.take(prev, PathPrevIdle)
			return
		}
		clusterPrev = prev
	}
	if r.PerCPUKthread && s.stackOnPerCPUKthread(prev) {
		s.take(prev, PathPerCPUKthread)
		return
	}
	if c := s.recentUsedCPU(prev, target); c >= 0 {
		if !s.clusters() || m.ShareResources(c, target) {
			s.take(c, PathRecentUsed)
			return
		}
		clusterRecent = c
	}
	llc := m.LLC(target)
	if llc < 0 {
		s.step(Step{Func: fn, Kind: AskLLC, CPU: target, Answer: No})
		s.take(target, PathNoLLC)
		return
	}
	if s.scan(llc, prev, target) {
		return
	}
	switch {
	case clusterPrev >= 0:
		s.take(clusterPrev, PathClusterPrev)
	case clusterRecent >= 0:
		s.take(clusterRecent, PathClusterRecent)
	default:
		s.take(target, PathTarget)
	}
}

func (s *Selector) take(cpu int, p Path) { s.o.CPU, s.o.Path = cpu, p }

func (s *Selector) clusters() bool { return s.Rules.Cluster && s.Machine.ClusterActive() }

// stackOnPerCPUKthread: the work a per-CPU kthread has just done was queued by
// the wakee on the same CPU, so the wakeup is as good as sync.
func (s *Selector) stackOnPerCPUKthread(prev int) bool {
	w, x := s.w, s.x
	if prev != s.this || !x.Ask(fCurKthread, 0, w.CurPerCPUKthread) {
		return false
	}
	if s.Rules.KthreadInTask && !x.Ask(fInTask, 0, w.InTask) {
		return false
	}
	a := atMost(s.State.NrRunning(s.this), 1)
	v := x.Ask(fNrRunningMax, s.this, a)
	s.step(Step{Func: "select_idle_sibling", Kind: AskPerCPUKthread, CPU: prev, Answer: yesno(v), Fact: a})
	return v
}

// recentUsedCPU applies the recent_used_cpu test and returns its CPU or -1. It
// notes what becomes of the field.
//
// A boot-isolated CPU has LLC id 0, so the test can return one to a target in
// the LLC of CPU 0, and can let a task leave one:
// docs/kernel/isolation.md#llc-id-of-an-isolated-cpu.
func (s *Selector) recentUsedCPU(prev, target int) int {
	const fn = "select_idle_sibling"
	r, m, w := s.Rules, s.Machine, s.w
	if r.RecentUsed == rules.RecentUsedNone {
		return -1
	}
	if r.RecentUsed == rules.RecentUsedAlways {
		s.o.SetRecentUsed = prev
	}
	usable := func(c int) bool {
		if c < 0 || c == prev || c == target || !m.ShareCache(c, target) || !s.idleEnough(fn, c) {
			return false
		}
		if !r.RecentUsedMask {
			return s.allowed(prev)
		}
		return s.allowed(c)
	}
	hit := -1
	if w.RecentUsed != nil {
		c := w.RecentUsed[s.x.Pick(fRecentUsed, 0, len(w.RecentUsed))]
		s.step(Step{Func: fn, Kind: AskRecentUsed, CPU: c, Answer: Chose, Fact: explore.Answer{Open: len(w.RecentUsed) > 1, From: fact.Reconstructed}})
		if usable(c) {
			hit = c
		}
	} else {
		hit = s.anyRecentUsed(prev, target)
	}
	if hit >= 0 && r.RecentUsed == rules.RecentUsedOnHit {
		s.o.SetRecentUsed = prev
	}
	return hit
}

// anyRecentUsed splits over every CPU that an unknown recent_used_cpu could
// make the test return; the preferred answer is none.
func (s *Selector) anyRecentUsed(prev, target int) int {
	if !s.Rules.RecentUsedMask && !s.allowed(prev) {
		return -1
	}
	among := s.Machine.Sharers(target)
	candidate := func(c int) bool {
		return c != prev && c != target && (!s.Rules.RecentUsedMask || s.w.Allowed.Test(c)) && s.possiblyIdle(c)
	}
	n := 1
	for c := among.First(); c >= 0; c = among.Next(c) {
		if candidate(c) {
			n++
		}
	}
	k := s.x.Pick(fRecentUsed, 0, n)
	for c := among.First(); k > 0 && c >= 0; c = among.Next(c) {
		if candidate(c) {
			if k--; k == 0 {
				s.step(Step{Func: "select_idle_sibling", Kind: AskRecentUsed, CPU: c, Answer: Chose, Fact: explore.Answer{Open: true}})
				if s.idleEnough("select_idle_sibling", c) {
					return c
				}
			}
		}
	}
	return -1
}

func (s *Selector) possiblyIdle(c int) bool {
	a := s.State.Idle(c)
	if a.Value || a.Open {
		return true
	}
	b := s.State.SchedIdle(c)
	return s.Rules.SchedIdle && (b.Value || b.Open) && !s.sameIdlePolicy()
}

// sameIdlePolicy says whether a CPU that runs SCHED_IDLE tasks only surely does not
// pass as idle for the wakee.
func (s *Selector) sameIdlePolicy() bool {
	p := s.w.IdlePolicy
	return s.Rules.SchedIdleOthers && p.Value && !p.Open
}

// scan runs the core, CPU and SMT stages in the row's order and reports
// whether one of them found a CPU.
func (s *Selector) scan(llc, prev, target int) bool {
	r, m := s.Rules, s.Machine
	switch r.Scan {
	case rules.ScanGroups:
		return s.scanGroups(target)
	case rules.ScanSeparate:
		has := m.SMTActive() && s.hasIdleCores(target)
		if has && s.selectIdleCoreSeparate(llc, target) {
			return true
		}
		if s.selectIdleCPU(llc, target, false) {
			return true
		}
		return r.Sibling == rules.SiblingLast && m.SMTActive() && s.selectIdleSMT(llc, target)
	}
	has := false
	if m.SMTActive() {
		has = s.hasIdleCores(target)
		if r.Sibling == rules.SiblingFirst && !has && m.ShareCache(prev, target) && s.selectIdleSMT(llc, prev) {
			return true
		}
	}
	return s.selectIdleCPU(llc, target, has)
}

// hasIdleCores is test_idle_cores.
func (s *Selector) hasIdleCores(cpu int) bool {
	a := s.State.HasIdleCores(cpu)
	v := s.x.Ask(fHasIdleCores, s.Machine.LLC(cpu), a)
	s.o.IdleCores = bit(v)
	s.step(Step{Func: "select_idle_sibling", Kind: AskIdleCores, CPU: cpu, Answer: yesno(v), Fact: a})
	return v
}

// selectIdleSMT looks for an idle sibling of cpu. Without SMTSpan it asks the
// affinity only, and can return a sibling outside the sched domain: an isolated
// CPU. That is the leak.
//
// Models select_idle_smt: 10e2f1acd010 (4.9, without the test), df3cb4ea1fb6
// (5.10, with it), 3e6efe87cd5c (6.1, removed again), 8aeaffef8c6e (6.9).
func (s *Selector) selectIdleSMT(llc, cpu int) bool {
	const fn = "select_idle_smt"
	m := s.Machine
	second := -1
	for t := m.SMT(cpu).First(); t >= 0; t = m.SMT(cpu).Next(t) {
		if t == cpu && s.Rules.SMTSkipsTarget {
			continue
		}
		if !s.allowed(t) {
			continue
		}
		inside := m.LLCSpan(llc).Test(t)
		if s.Rules.SMTSpan && !inside {
			s.step(Step{Func: fn, Kind: AskSpan, CPU: t, Other: cpu, Answer: No})
			continue
		}
		if !inside {
			s.step(Step{Func: fn, Kind: AskSpan, CPU: t, Other: cpu, Answer: NotAsked})
		}
		switch {
		case s.idle(fn, t):
			s.take(t, PathIdleSMT)
			return true
		case second < 0 && s.schedIdle(fn, t):
			if !s.Rules.SchedIdleSecond {
				s.take(t, PathIdleSMT)
				return true
			}
			second = t
		}
	}
	if second >= 0 {
		s.take(second, PathIdleSMT)
		return true
	}
	return false
}

// selectIdleCoreSeparate is select_idle_core of 4.9 to 5.11: it returns the
// first CPU met of a wholly idle core, and clears has_idle_cores if there is
// none.
func (s *Selector) selectIdleCoreSeparate(llc, target int) bool {
	const fn = "select_idle_core"
	m := s.Machine
	s.x.Lean(s.w.AllowedFrom)
	s.cpus.AndFrom(m.LLCSpan(llc), s.w.Allowed)
	c, wrapped := target-1, false
	for {
		if c, wrapped = nextWrap(s.cpus, c, target, wrapped); c < 0 {
			break
		}
		idle := true
		for t := m.SMT(c).First(); t >= 0; t = m.SMT(c).Next(t) {
			if !s.idle(fn, t) {
				idle = false
				break
			}
		}
		if idle {
			s.take(c, PathIdleCore)
			return true
		}
		s.cpus.Remove(m.SMT(c))
	}
	s.o.ClearIdleCores = target
	return false
}

// selectIdleCPU scans the LLC within the budget; where has is set it looks for
// a whole idle core first and remembers a CPU to fall back on.
//
// Models select_idle_cpu and, from 5.12 on, select_idle_core inside it.
func (s *Selector) selectIdleCPU(llc, target int, has bool) bool {
	const fn = "select_idle_cpu"
	r, m, w := s.Rules, s.Machine, s.w
	if r.ThisDomain && m.LLC(s.this) < 0 {
		s.step(Step{Func: fn, Kind: AskThisLLC, CPU: s.this, Answer: No})
		if r.HousekeepingAny {
			if c := m.HousekeepingAny(s.this); c >= 0 {
				s.take(c, PathIdleCPU)
				return true
			}
		}
		return false
	}
	budget, odds := s.State.ScanBudget(r.Budget, s.this, target)
	number := llc<<4 | int(r.Budget)
	if r.Budget != rules.BudgetUtil {
		number |= (s.this + 1) << 20 // it is the waker's CPU's
	}
	limited := r.Budget == rules.BudgetUtil || (r.Budget != rules.BudgetNone && !has)
	enough := func(n int) (bool, explore.Answer) {
		if !limited {
			return true, explore.Known(true, fact.Observed)
		}
		if r.Budget == rules.BudgetAvgCost {
			n = 1 // all or nothing
		}
		ok, a := s.x.AtLeast(fBudget, number, budget, odds, int64(n))
		if ok {
			s.o.BudgetLo = int64(n)
		} else {
			s.o.BudgetHi = int64(n - 1)
		}
		return ok, a
	}
	if has && r.Budget == rules.BudgetUtil {
		if ok, a := enough(1); !ok {
			s.step(Step{Func: fn, Kind: AskMayScan, CPU: target, Answer: No, Fact: a})
			return false
		}
	}
	start := target
	if r.ScanAfterTarget {
		start++
	}
	s.x.Lean(w.AllowedFrom)
	s.cpus.AndFrom(m.LLCSpan(llc), w.Allowed)
	fallback, pos := -1, 0
	second, secondPos := -1, 0
	within := func(c, pos int) bool {
		ok, a := enough(pos)
		s.step(Step{Func: fn, Kind: AskBudget, CPU: c, N: int64(pos), M: budget.Best, Answer: yesno(ok), Fact: a})
		s.o.Scan = ScanShort
		if ok {
			s.take(c, PathIdleCPU)
			s.o.Scan = ScanFound
		}
		return ok
	}
	// visit looks at one CPU and reports whether the scan is over.
	visit := func(c int) (done, found bool) {
		if has {
			if s.coreIdle(c, &fallback) {
				s.take(c, PathIdleCore)
				return true, true
			}
			return false, false
		}
		pos++
		switch {
		case !w.Allowed.Test(c):
		case s.idle(fn, c):
			return true, within(c, pos) || second >= 0 && within(second, secondPos)
		case second < 0 && s.schedIdle(fn, c):
			if !r.SchedIdleSecond {
				return true, within(c, pos)
			}
			second, secondPos = c, pos
		}
		return false, false
	}
	if s.clusters() {
		if g, ok := m.ClusterGroup(target); ok {
			c, wrapped := start-1, false
			for {
				if c, wrapped = nextWrap(g, c, start, wrapped); c < 0 {
					break
				}
				if !s.cpus.Test(c) {
					continue
				}
				if done, found := visit(c); done {
					return found
				}
			}
			s.cpus.Remove(g)
		}
	}
	scan := &s.cpus
	if !r.ScanAffinityFree && !has {
		s.llcMask.CopyFrom(m.LLCSpan(llc))
		scan = &s.llcMask
	}
	c, wrapped := start-1, false
	for {
		if c, wrapped = nextWrap(*scan, c, start, wrapped); c < 0 {
			break
		}
		if done, found := visit(c); done {
			return found
		}
	}
	if !has {
		s.o.Scan, s.o.ScanWidth = ScanVain, int64(pos)
		return second >= 0 && within(second, secondPos)
	}
	s.o.ClearIdleCores = target
	if r.ClearThis {
		s.o.ClearIdleCores = s.this
	}
	if fallback >= 0 {
		s.take(fallback, PathIdleCore)
		return true
	}
	return false
}

// nextWrap continues a walk over mask that began at start and wraps around
// (for_each_cpu_wrap). It returns -1 at the end.
func nextWrap(mask cpumask.Mask, cur, start int, wrapped bool) (int, bool) {
	c := mask.Next(cur)
	if !wrapped {
		if c >= 0 {
			return c, false
		}
		c, wrapped = mask.Next(-1), true
	}
	if c < 0 || c >= start {
		return -1, true
	}
	return c, true
}

// coreIdle says whether every thread of c's core is idle; if not, the core
// leaves the scan's mask. It remembers the first idle CPU it sees in fallback:
// any that the affinity holds, or with CoreSpan only one that is still in the
// scan's mask. Threads outside the domain count for the core's idleness.
//
// Models select_idle_core of 5.12 and later; 23d04d8c6b8e is CoreSpan.
func (s *Selector) coreIdle(c int, fallback *int) bool {
	const fn = "select_idle_core"
	smt := s.Machine.SMT(c)
	ok := func(t int) bool {
		if s.Rules.CoreSpan {
			return s.cpus.Test(t)
		}
		return s.allowed(t)
	}
	idle := true
	for t := smt.First(); t >= 0; t = smt.Next(t) {
		if s.idle(fn, t) {
			if *fallback < 0 && ok(t) {
				*fallback = t
			}
			continue
		}
		idle = false
		if *fallback >= 0 {
			break
		}
		if s.schedIdle(fn, t) && ok(t) {
			*fallback = t
			break
		}
	}
	if !idle {
		s.cpus.Remove(smt)
	}
	return idle
}

// scanGroups walks the groups of the LLC's domains for a wholly idle one (3.10
// select_idle_sibling). Groups come from domains, so it never returns an
// isolated CPU.
func (s *Selector) scanGroups(target int) bool {
	const fn = "select_idle_sibling"
	m := s.Machine
	for i := m.LLCLevel(target); i >= 0; i-- {
		for _, sg := range m.Level(target, i).Groups {
			g := sg.Span
			if !g.Intersects(s.w.Allowed) {
				continue
			}
			idle := !g.Test(target)
			for c := g.First(); idle && c >= 0; c = g.Next(c) {
				idle = s.idle(fn, c)
			}
			if idle {
				s.cpus.AndFrom(g, s.w.Allowed)
				s.take(s.cpus.First(), PathIdleCPU)
				return true
			}
		}
	}
	return false
}
