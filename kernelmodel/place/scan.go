package place

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
)

// scan is one walk of select_idle_cpu.
type scan struct {
	// cores: it looks for a wholly idle core; fallback is the CPU remembered if there
	// is none, -1 so far.
	cores    bool
	fallback int
	// limited: it has a budget, the number named number.
	limited bool
	number  int
	budget  explore.Range
	odds    explore.Odds
	// pos is how many CPUs it has counted. second is the first CPU that runs SCHED_IDLE
	// tasks only, -1 so far, and secondPos its number.
	pos, second, secondPos int
}

// selectIdleCPU scans the LLC within the budget; where has is set it looks for
// a whole idle core first and remembers a CPU to fall back on.
//
// Models select_idle_cpu (kernel/sched/fair.c, 4.9 and later, 10e2f1acd010) and, from
// 5.12 on (9fe1f127b913), select_idle_core inside it.
func (s *Selector) selectIdleCPU(llc, target int, has bool) bool {
	r, m := s.Rules, s.Machine
	if m.LLC(s.this) < 0 {
		if s.Parts |= rules.PartScanNoDomain; r.ThisDomain {
			return s.scanWithoutDomain()
		}
	}
	s.beginScan(llc, target, has)
	if has && r.Budget == rules.BudgetUtil {
		if ok, a := s.enough(1); !ok {
			s.step(Step{Func: "select_idle_cpu", Kind: AskMayScan, CPU: target, Answer: No, Fact: a})
			return false
		}
	}
	start := target
	if s.Parts |= rules.PartScanAfter; r.ScanAfterTarget {
		start++
	}
	s.x.Lean(s.w.AllowedFrom)
	s.cpus.AndFrom(m.LLCSpan(llc), s.w.Allowed)
	g, clustered := m.ClusterGroup(target)
	if clustered = clustered && s.clusters(); clustered {
		if done, found := s.walk(&g, start, true); done {
			return found
		}
		s.cpus.Remove(g)
	}
	among := &s.cpus
	if !has {
		if clustered || !m.LLCSpan(llc).SubsetOf(s.w.Allowed) {
			s.Parts |= rules.PartScanAffinity
		}
		if !r.ScanAffinityFree {
			s.llcMask.CopyFrom(m.LLCSpan(llc))
			among = &s.llcMask
		}
	}
	if done, found := s.walk(among, start, false); done {
		return found
	}
	return s.endScan(target)
}

// scanWithoutDomain is the end of select_idle_cpu where the waker's CPU has no sd_llc
// (4.9 to 6.0), and what the second patch for 4.19 made of it.
func (s *Selector) scanWithoutDomain() bool {
	s.step(Step{Func: "select_idle_cpu", Kind: AskThisLLC, CPU: s.this, Answer: No})
	if s.Rules.HousekeepingAny {
		if c := s.Machine.HousekeepingAny(s.this); c >= 0 {
			s.take(c, PathIdleCPU)
			return true
		}
	}
	return false
}

// beginScan asks for the budget.
func (s *Selector) beginScan(llc, target int, has bool) {
	r := s.Rules
	if has {
		s.Parts |= rules.PartBudgetUtil
	}
	sc := &s.scanning
	*sc = scan{cores: has, fallback: -1, second: -1, number: llc<<4 | int(r.Budget)}
	sc.budget, sc.odds = s.State.ScanBudget(r.Budget, s.this, target)
	if r.Budget != rules.BudgetUtil {
		sc.number |= (s.this + 1) << 20 // it is the waker's CPU's
	}
	sc.limited = r.Budget == rules.BudgetUtil || (r.Budget != rules.BudgetNone && !has)
}

// enough says whether the budget lets the scan look at n CPUs, and what that hangs on.
func (s *Selector) enough(n int) (bool, explore.Answer) {
	sc := &s.scanning
	if !sc.cores {
		s.Parts |= rules.PartBudget
	}
	if !sc.limited {
		return true, explore.Known(true, fact.Observed)
	}
	if s.Rules.Budget == rules.BudgetAvgCost {
		n = 1 // all or nothing
	}
	ok, a := s.x.AtLeast(fBudget, sc.number, sc.budget, sc.odds, int64(n))
	if ok {
		s.o.BudgetLo = int64(n)
	} else {
		s.o.BudgetHi = int64(n - 1)
	}
	return ok, a
}

// walk looks at the CPUs of a mask from start on, around; with inside only at those in
// the scan's mask. It reports whether the scan is over, and whether it found a CPU.
func (s *Selector) walk(mask *cpumask.Mask, start int, inside bool) (done, found bool) {
	c, wrapped := start-1, false
	for {
		if c, wrapped = nextWrap(*mask, c, start, wrapped); c < 0 {
			return false, false
		}
		if inside && !s.cpus.Test(c) {
			continue
		}
		if done, found = s.visit(c); done {
			return true, found
		}
	}
}

// visit looks at one CPU, or at its core, and reports whether the scan is over.
func (s *Selector) visit(c int) (done, found bool) {
	const fn = "select_idle_cpu"
	sc := &s.scanning
	if sc.cores {
		if s.coreIdle(c, &sc.fallback) {
			s.take(c, PathIdleCore)
			return true, true
		}
		return false, false
	}
	sc.pos++
	switch {
	case !s.w.Allowed.Test(c):
	case s.idle(fn, c):
		return true, s.within(c, sc.pos) || sc.second >= 0 && s.within(sc.second, sc.secondPos)
	case sc.second < 0 && s.schedIdle(fn, c):
		if !s.Rules.SchedIdleSecond {
			return true, s.within(c, sc.pos)
		}
		sc.second, sc.secondPos = c, sc.pos
	}
	return false, false
}

// within takes CPU c, number pos of the scan, if the budget reaches so far.
func (s *Selector) within(c, pos int) bool {
	ok, a := s.enough(pos)
	s.step(Step{Func: "select_idle_cpu", Kind: AskBudget, CPU: c, N: int64(pos), M: s.scanning.budget.Best, Answer: yesno(ok), Fact: a})
	s.o.Scan = ScanShort
	if ok {
		s.take(c, PathIdleCPU)
		s.o.Scan = ScanFound
	}
	return ok
}

// endScan is what a scan does that came to its end: one for CPUs takes the second
// choice, one for cores clears has_idle_cores and takes its fallback.
func (s *Selector) endScan(target int) bool {
	sc := &s.scanning
	if !sc.cores {
		s.o.Scan, s.o.ScanWidth = ScanVain, int64(sc.pos)
		return sc.second >= 0 && s.within(sc.second, sc.secondPos)
	}
	s.o.ClearIdleCores = target
	if s.Parts |= rules.PartClear; s.Rules.ClearThis {
		s.o.ClearIdleCores = s.this
	}
	if sc.fallback >= 0 {
		s.take(sc.fallback, PathIdleCore)
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
		inside, allowed := s.cpus.Test(t), s.allowed(t)
		if inside != allowed {
			s.Parts |= rules.PartCoreSpan
		}
		return inside || allowed && !s.Rules.CoreSpan
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
