package place

import (
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
	if a := s.w.Cur.PerCPUKthread; prev == s.this && (may(a) || a.From < fact.Reconstructed) {
		s.Parts |= rules.PartKthread
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
	b := &s.begun
	b.llc, b.clusterPrev, b.clusterRecent = llc, clusterPrev, clusterRecent
	b.o, b.made = s.o, s.x.Mark()
	s.finishSibling()
}

// begun is how far a run came before it scanned the LLC: most runs of an exploration differ
// in what comes after that, and begin there.
type begun struct {
	o   Outcome
	llc int
	// clusterPrev and clusterRecent are CPUs to be taken if the scan finds none, or -1.
	clusterPrev, clusterRecent int
	made                       explore.Mark
}

// finishSibling is select_idle_sibling from its scan on.
func (s *Selector) finishSibling() {
	b := &s.begun
	switch {
	case s.scan(b.llc, s.prev, s.o.Target):
	case b.clusterPrev >= 0:
		s.take(b.clusterPrev, PathClusterPrev)
	case b.clusterRecent >= 0:
		s.take(b.clusterRecent, PathClusterRecent)
	default:
		s.take(s.o.Target, PathTarget)
	}
}

func (s *Selector) take(cpu int, p Path) { s.o.CPU, s.o.Path = cpu, p }

func (s *Selector) clusters() bool {
	s.Parts |= rules.PartCluster
	return s.Rules.Cluster && s.Machine.ClusterActive()
}

// stackOnPerCPUKthread: the work a per-CPU kthread has just done was queued by
// the wakee on the same CPU, so the wakeup is as good as sync.
func (s *Selector) stackOnPerCPUKthread(prev int) bool {
	w, x := s.w, s.x
	if prev != s.this {
		return false
	}
	if s.Rules.KthreadInTask && !may(w.InTask) { // then it leans on nothing about current
		x.Lean(w.InTask.From)
		return false
	}
	if !x.Ask(fCurKthread, 0, w.Cur.PerCPUKthread) {
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
	if s.Parts |= rules.PartRecent; r.RecentUsed == rules.RecentUsedNone {
		return -1
	}
	if r.RecentUsed == rules.RecentUsedAlways {
		s.o.SetRecentUsed = prev
	}
	usable := func(c int) bool {
		if c < 0 || c == prev || c == target || !m.ShareCache(c, target) || !s.idleEnough(fn, c) {
			return false
		}
		if s.Parts |= rules.PartRecentMask; !r.RecentUsedMask {
			return s.allowed(prev)
		}
		return s.allowed(c)
	}
	hit := -1
	s.Parts |= rules.ReadsRecent
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
	if s.Parts |= rules.PartRecentMask; !s.Rules.RecentUsedMask && !s.allowed(prev) {
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
	s.Parts |= rules.PartSchedIdle
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
	s.Parts |= rules.PartScan
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
		s.Parts |= rules.PartSibling
		return r.Sibling == rules.SiblingLast && m.SMTActive() && s.selectIdleSMT(llc, target)
	}
	has := false
	if m.SMTActive() {
		if has = s.hasIdleCores(target); !has && m.ShareCache(prev, target) {
			if s.Parts |= rules.PartSibling; r.Sibling == rules.SiblingFirst && s.selectIdleSMT(llc, prev) {
				return true
			}
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
		if t == cpu {
			if s.possiblyIdle(t) {
				s.Parts |= rules.PartSMT
			}
			if s.Rules.SMTSkipsTarget {
				continue
			}
		}
		if !s.allowed(t) {
			continue
		}
		inside := m.LLCSpan(llc).Test(t)
		if !inside {
			s.Parts |= rules.PartSMTSpan
		}
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
