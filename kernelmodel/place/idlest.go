package place

import (
	"math"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// findIdlestCPU places a new or executing task by walking down from domain
// level top of the waker's CPU. Its inputs are averages, so its choice is an
// estimate: every other CPU it could have come to is left possible.
//
// Models find_idlest_cpu (sched_balance_find_dst_cpu from 6.12 on),
// kernel/sched/fair.c. docs/kernel/slow-path.md#find_idlest_cpu.
func (s *Selector) findIdlestCPU(top int) {
	w, m := s.w, s.Machine
	s.Parts |= rules.PartSlow | rules.PartSchedIdle
	s.o.Path = PathSlow
	span := m.Level(s.this, top).Span
	s.x.Lean(w.AllowedFrom)
	s.cpus.AndFrom(span, w.Allowed)
	if s.cpus.Empty() {
		s.o.CPU = s.prev
		return
	}
	if s.Trace != nil || !s.x.Again(&s.idlest.made) {
		s.idlest = s.walkDown(top)
		s.idlest.made = s.x.Mark()
	}
	s.o.CPU = s.orOtherIdle(s.idlest.cpu, s.idlest.idle)
	s.step(Step{Func: "find_idlest_cpu", Kind: AskIdlest, CPU: s.o.CPU, Domain: m.Level(s.this, top), Answer: Chose, Fact: explore.Answer{Open: true}})
}

// idlest is the CPU estimated, and whether the walk surely ends at one that is idle: in most
// runs of an exploration as in the run before.
type idlest struct {
	cpu  int
	idle bool
	made explore.Mark
}

// walkDown estimates the idlest CPU.
func (s *Selector) walkDown(top int) idlest {
	w, m := s.w, s.Machine
	wanted := func(d *topo.Domain) bool {
		if w.Kind == KindExec {
			return d.Has(rules.SDBalanceExec)
		}
		return d.Has(rules.SDBalanceFork)
	}
	cpu, chosen := s.this, s.this
	for i := top; i >= 0; {
		d := m.Level(cpu, i)
		if !wanted(d) {
			i--
			continue
		}
		g := s.findIdlestGroup(d, cpu)
		if g == nil {
			i--
			continue
		}
		if chosen = s.findIdlestGroupCPU(*g, cpu); chosen == cpu {
			i--
			continue
		}
		weight := d.Span.Weight()
		cpu, i = chosen, -1
		for j := range m.Levels(cpu) {
			if e := m.Level(cpu, j); weight <= e.Span.Weight() {
				break
			} else if wanted(e) {
				i = j
			}
		}
	}
	return idlest{cpu: chosen, idle: s.findsIdle(top, s.this, wanted) && (chosen == s.this || s.findsIdle(top-1, chosen, wanted))}
}

// orOtherIdle splits between the CPU estimated and every other allowed CPU of
// the mask: those that may be idle if idleOnly says so, else all. The CPU of a task in exec
// is one: the task itself does not count (idle_cpu_without).
func (s *Selector) orOtherIdle(best int, idleOnly bool) int {
	own := -1
	if s.w.Kind == KindExec {
		own = s.prev
	}
	other := func(c int) bool { return c != best && (!idleOnly || c == own || s.possiblyIdle(c)) }
	n := 1
	for c := s.cpus.First(); c >= 0; c = s.cpus.Next(c) {
		if other(c) {
			n++
		}
	}
	k := s.x.Pick(fSlowCPU, 0, n)
	for c := s.cpus.First(); k > 0 && c >= 0; c = s.cpus.Next(c) {
		if other(c) {
			if k--; k == 0 {
				return c
			}
		}
	}
	return best
}

// findsIdle says whether the walk surely ends at an idle CPU, as far as the domains of a
// CPU from level top down tell: each must have a group with an idle CPU and fewer tasks than
// CPUs. Such a group has spare capacity whatever its averages are, so that no group without
// an idle CPU is preferred to it, and the local one is left if it has none. Across nodes it
// must be the local group, which may be kept for its few tasks alone. Before 5.5 idleness
// plays no part in the choice of a group.
func (s *Selector) findsIdle(top, cpu int, wanted func(*topo.Domain) bool) bool {
	if r := s.Rules.SlowPath; r == rules.SlowPathLoad || r == rules.SlowPathSpare {
		return false
	}
	for i := min(top, s.Machine.Levels(cpu)-1); i >= 0; i-- {
		d := s.Machine.Level(cpu, i)
		if !wanted(d) {
			continue
		}
		spares, stays := false, false
		for j := range d.Groups {
			g := &d.Groups[j].Span
			local := g.Test(cpu)
			sure, maybe := s.sparesIdle(g)
			spares = spares || sure && (local || !d.Has(rules.SDNUMA))
			stays = stays || local && maybe
		}
		if !spares || !stays {
			return spares
		}
	}
	return true
}

// sparesIdle says whether a group surely has an idle CPU that is allowed and counted, and
// fewer tasks than CPUs, and whether it may have one that is idle.
func (s *Selector) sparesIdle(g *cpumask.Mask) (surely, maybe bool) {
	idle, strange, running := false, false, int64(0)
	for c := g.First(); c >= 0; c = g.Next(c) {
		if !s.w.Allowed.Test(c) {
			// Before 82d6e01a0699 one that is not allowed counts, and may be the one that is idle.
			strange = strange || !s.Rules.GroupAllowed
			continue
		}
		a := s.State.Idle(c)
		own := s.w.Kind == KindExec && c == s.prev
		idle, maybe = idle || a.Value && !a.Open, maybe || a.Value || a.Open || own
		running += s.State.NrRunning(c).Hi
	}
	return idle && !strange && running < int64(g.Weight()), maybe || strange
}

// groupType is enum group_type in the order of the slow path's comparisons.
type groupType uint8

const (
	groupHasSpare groupType = iota
	groupFullyBusy
	groupMisfit
	groupImbalanced
	groupOverloaded
)

// groupStats is struct sg_lb_stats as update_sg_wakeup_stats fills it.
type groupStats struct {
	cpus                      *cpumask.Mask
	kind                      groupType
	load, util, running, idle int64
	// runnable is the load of the tasks queued up to 5.4, the runnable average since.
	runnable                             int64
	capacity, weight, avgLoad, spareMost int64
	// guessed: nothing is known of some CPU's load.
	guessed bool
}

// updateSgWakeupStats gathers a group's statistics, with GroupAllowed over the
// allowed CPUs; weight and capacity count the whole group (update_sg_wakeup_stats, and
// the loop of find_idlest_group before 5.5).
func (s *Selector) updateSgWakeupStats(d *topo.Domain, g *cpumask.Mask) groupStats {
	st := s.State
	gs := groupStats{cpus: g, weight: int64(g.Weight())}
	for c := g.First(); c >= 0; c = g.Next(c) {
		gs.capacity += st.Capacity(c).Best
		if s.Rules.GroupAllowed && !s.w.Allowed.Test(c) {
			continue
		}
		known, util, runnable := st.Load(rules.LoadAverage, c), st.Util(c).Best, int64(0)
		load := known.Best
		gs.guessed = gs.guessed || known.From == fact.Unknown
		switch s.Rules.SlowPath {
		case rules.SlowPathLoad:
			load = st.Load(s.Rules.CPULoad, c).Best
		case rules.SlowPathSpare:
			runnable = st.Load(rules.LoadRunnable, c).Best
		default:
			runnable = st.Runnable(c).Best
		}
		if s.w.Kind == KindExec && c == s.prev {
			load, util = max(0, load-s.w.Load.Best), max(0, util-s.w.Util.Best)
		}
		running, idle := st.NrRunning(c).Best, st.Idle(c).Value
		if s.w.Kind == KindExec && c == s.prev {
			// The task itself does not count (task_running_on_cpu,
			// idle_cpu_without).
			running = max(0, running-1)
			idle = running == 0
		}
		gs.load += load
		gs.util += util
		gs.runnable += runnable
		gs.running += running
		gs.spareMost = max(gs.spareMost, st.Capacity(c).Best-util)
		if idle {
			gs.idle++
		}
	}
	pct := int64(d.ImbalancePct)
	overloaded := gs.running > gs.weight && (gs.capacity*100 < gs.util*pct || gs.capacity*pct < gs.runnable*100)
	spare := gs.running < gs.weight || (gs.capacity*pct >= gs.runnable*100 && gs.capacity*100 > gs.util*pct)
	switch {
	case overloaded:
		gs.kind = groupOverloaded
	case spare:
		gs.kind = groupHasSpare
	default:
		gs.kind = groupFullyBusy
	}
	if gs.capacity > 0 {
		gs.avgLoad = gs.load * 1024 / gs.capacity
		if s.Rules.SlowPath == rules.SlowPathSpare {
			gs.runnable = gs.runnable * 1024 / gs.capacity
		}
	}
	return gs
}

// findIdlestGroup returns the group to go to, nil to stay in cpu's own.
//
// Models find_idlest_group (sched_balance_find_dst_group) in the row's form.
func (s *Selector) findIdlestGroup(d *topo.Domain, cpu int) *cpumask.Mask {
	var local, best, spare groupStats // spare has most spare capacity of those elsewhere
	for i := range d.Groups {
		g := &d.Groups[i].Span
		if !g.Intersects(s.w.Allowed) {
			continue
		}
		gs := s.updateSgWakeupStats(d, g)
		if g.Test(cpu) {
			local = gs
			continue
		}
		if best.cpus == nil || s.idler(d, &gs, &best) {
			best = gs
		}
		if spare.cpus == nil || gs.spareMost > spare.spareMost {
			spare = gs
		}
	}
	if best.cpus == nil {
		return nil
	}
	if local.cpus == nil {
		return best.cpus
	}
	stay := false
	switch s.Rules.SlowPath {
	case rules.SlowPathLoad:
		stay = 100*local.avgLoad < int64(100+(d.ImbalancePct-100)/2)*best.avgLoad
	case rules.SlowPathSpare:
		if s.w.Kind != KindWakeupNew { // of a new task the utilisation is not set yet
			scale, need := int64(100+(d.ImbalancePct-100)/2), s.w.Util.Best/2
			switch {
			case local.spareMost > need && scale*local.spareMost > 100*spare.spareMost:
				return nil
			case spare.spareMost > need:
				return spare.cpus
			}
		}
		stay = s.stayByLoad(d, &local, &best)
	default:
		stay = s.stayByType(d, &local, &best)
	}
	if stay {
		return nil
	}
	return best.cpus
}

// idler says whether a beats b as the group to push to (update_pick_idlest).
func (s *Selector) idler(d *topo.Domain, a, b *groupStats) bool {
	switch s.Rules.SlowPath {
	case rules.SlowPathLoad:
		return a.avgLoad < b.avgLoad
	case rules.SlowPathSpare:
		imbalance := int64(1024 * (d.ImbalancePct - 100) / 100)
		scale := int64(100 + (d.ImbalancePct-100)/2)
		return b.runnable > a.runnable+imbalance ||
			(a.runnable < b.runnable+imbalance && 100*b.avgLoad > scale*a.avgLoad)
	}
	if a.kind != b.kind {
		return a.kind < b.kind
	}
	if a.kind == groupHasSpare {
		if a.idle != b.idle {
			return a.idle > b.idle
		}
		return a.util < b.util
	}
	return a.avgLoad < b.avgLoad
}

// stayByLoad is what 4.9 to 5.4 do where spare capacity does not decide.
func (s *Selector) stayByLoad(d *topo.Domain, local, best *groupStats) bool {
	imbalance := int64(1024 * (d.ImbalancePct - 100) / 100)
	scale := int64(100 + (d.ImbalancePct-100)/2)
	switch {
	case d.Has(rules.SDNUMA) && best.runnable+imbalance >= local.runnable:
		return true
	case best.runnable > local.runnable+imbalance:
		return true
	}
	return local.runnable < best.runnable+imbalance && 100*local.avgLoad < scale*best.avgLoad
}

// stayByType is the decision of 5.5 and later.
func (s *Selector) stayByType(d *topo.Domain, local, best *groupStats) bool {
	if local.kind != best.kind {
		return local.kind < best.kind
	}
	if local.kind != groupHasSpare {
		if local.guessed || best.guessed {
			return true // it takes a difference to leave
		}
		imbalance := int64(1024 * (d.ImbalancePct - 100) / 100)
		if d.Has(rules.SDNUMA) && best.avgLoad+imbalance >= local.avgLoad {
			return true
		}
		return best.avgLoad >= local.avgLoad+imbalance || 100*local.avgLoad <= int64(d.ImbalancePct)*best.avgLoad
	}
	if d.Has(rules.SDNUMA) {
		switch {
		case s.Rules.ImbNumaNr:
			s.llcMask.AndFrom(*local.cpus, s.w.Allowed)
			n := int64(min(s.llcMask.Weight(), d.ImbNUMA))
			gap := local.idle - best.idle
			if gap < 0 {
				gap = -gap
			}
			if local.running+1 <= n && gap <= 2 {
				return true
			}
		case s.Rules.ForkQuarter:
			if local.running < int64(d.Span.Weight()>>2) {
				return true
			}
		case local.idle > 0:
			return true
		}
	}
	return local.idle >= best.idle
}

// findIdlestGroupCPU picks within a group: the idle CPU that went idle last
// (exit latencies are in no capture), else the least loaded one. One that runs SCHED_IDLE
// tasks only comes before the latter, since 5.6 before both.
//
// Models find_idlest_group_cpu (sched_balance_find_dst_group_cpu).
func (s *Selector) findIdlestGroupCPU(g cpumask.Mask, cpu int) int {
	if g.Weight() == 1 {
		return g.First()
	}
	idlest, second, least := -1, -1, cpu
	stamp, load := int64(math.MinInt64), int64(math.MaxInt64)
	for c := g.First(); c >= 0; c = g.Next(c) {
		if !s.w.Allowed.Test(c) {
			continue
		}
		schedIdle := s.Rules.SchedIdle && s.State.SchedIdle(c).Value && !s.sameIdlePolicy()
		switch {
		case schedIdle && !s.Rules.SchedIdleSecond:
			return c
		case s.State.Idle(c).Value:
			if t := s.State.IdleSince(c).Best; t > stamp {
				idlest, stamp = c, t
			}
		case idlest >= 0 || second >= 0:
		case schedIdle:
			second = c
		default:
			if l := s.State.Load(s.Rules.CPULoad, c).Best; l < load {
				least, load = c, l
			}
		}
	}
	switch {
	case idlest >= 0:
		return idlest
	case second >= 0:
		return second
	}
	return least
}
