package balance

import (
	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// Idle is enum cpu_idle_type: what the CPU that balances does.
type Idle uint8

// The types.
const (
	NotIdle Idle = iota
	IsIdle
	NewlyIdle
)

// State answers what the balancer asks of CPUs.
type State interface {
	// Idle is idle_cpu.
	Idle(cpu int) bool
	// CPU tells what the statistics of groups are made of.
	CPU(cpu int, to *CPU)
}

// CPU is a CPU as the balancer sees it.
type CPU struct {
	// Running is rq->nr_running, Fair its cfs.h_nr_running.
	Running, Fair int64
	// Load is cpu_load, weighted_cpuload up to 5.4; Util is cpu_util, Runnable cpu_runnable.
	Load, Util, Runnable int64
	// Idle is idle_cpu.
	Idle bool
}

// Env is struct lb_env: one attempt to balance a domain.
type Env struct {
	Rules rules.BalanceRules
	SD    *topo.Domain
	// Child: the domain below has SD_PREFER_SIBLING.
	Child   bool
	Dst     int
	Idle    Idle
	State   State
	Machine *topo.Machine
	// Active is cpu_active_mask less the CPUs left out of this attempt.
	Active cpumask.Mask
	// Failed is the domain's nr_balance_failed.
	Failed int
	// Imbalanced, by group of SD, is sgc->imbalance; nil for none.
	Imbalanced []bool

	cpu CPU // the one looked at
}

// Unit is enum migration_type: what the imbalance counts.
type Unit uint8

// The units.
const (
	ByLoad Unit = iota
	ByUtil
	ByTask
)

// Imbalance is what is to move: so much, of a group of the domain.
type Imbalance struct {
	Group  int // index in SD.Groups
	Amount int64
	Unit   Unit
}

// ShouldWeBalance is should_we_balance: one CPU balances for its group, an idle one if
// there is one.
func (e *Env) ShouldWeBalance() bool {
	if !e.Active.Test(e.Dst) {
		return false
	}
	if e.Idle == NewlyIdle {
		return true
	}
	if len(e.SD.Groups) == 0 {
		return false
	}
	mask := e.SD.Groups[0].BalanceMask
	first, idle := -1, -1
	for c := mask.First(); c >= 0; c = mask.Next(c) {
		if !e.Active.Test(c) {
			continue
		}
		if first < 0 {
			first = c
		}
		if !e.State.Idle(c) {
			continue
		}
		if e.Rules.WholeCore && !e.SD.Has(rules.SDShareCPUCapacity) && !e.wholeCoreIdle(c) {
			if idle < 0 {
				idle = c
			}
			continue
		}
		return c == e.Dst
	}
	if idle >= 0 {
		return idle == e.Dst
	}
	return first == e.Dst
}

// wholeCoreIdle is is_core_idle.
func (e *Env) wholeCoreIdle(cpu int) bool {
	smt := e.Machine.SMT(cpu)
	for c := smt.First(); c >= 0; c = smt.Next(c) {
		if c != cpu && !e.State.Idle(c) {
			return false
		}
	}
	return true
}

// group is struct sg_lb_stats.
type group struct {
	index                                int
	kind                                 groupType
	load, util, runnable, capacity       int64
	running, fair, idle, weight, avgLoad int64
	perTask                              int64 // load_per_task
	full                                 bool  // group_no_capacity
	prefer                               bool  // flags: SD_PREFER_SIBLING
	cores                                int64
}

type groupType uint8

const (
	hasSpare groupType = iota
	fullyBusy
	imbalanced
	overloaded
)

const scale = 1024 // SCHED_CAPACITY_SCALE

// stats is update_sg_lb_stats.
func (e *Env) stats(i int) group {
	g := group{index: i}
	span := e.SD.Groups[i].Span
	g.weight = int64(span.Weight())
	g.prefer = e.SD.Groups[i].Flags&rules.SDPreferSibling != 0
	for c := span.First(); c >= 0; c = span.Next(c) {
		g.capacity += int64(e.Machine.Capacity(c))
		if !e.Active.Test(c) {
			continue
		}
		q := &e.cpu
		e.State.CPU(c, q)
		g.load += q.Load
		g.util += q.Util
		g.runnable += q.Runnable
		g.running += q.Running
		g.fair += q.Fair
		if q.Running == 0 && q.Idle {
			g.idle++
		}
		if e.Rules.GroupSiblings && e.Machine.SMT(c).First() == c {
			g.cores++
		}
	}
	if !e.Rules.Types {
		g.running = g.fair // sum_nr_running counted fair tasks
	}
	if g.running > 0 {
		g.perTask = g.load / g.running
	}
	e.classify(&g)
	if !e.Rules.Types || g.kind == overloaded {
		g.avgLoad = g.load * scale / max(1, g.capacity)
	}
	return g
}

// classify is group_classify with group_is_overloaded and group_has_capacity.
func (e *Env) classify(g *group) {
	switch {
	case e.isOverloaded(g):
		g.kind, g.full = overloaded, true
	case e.Imbalanced != nil && e.Imbalanced[g.index]:
		g.kind = imbalanced
	case e.hasCapacity(g):
		g.kind = hasSpare
	default:
		g.kind = fullyBusy
	}
}

func (e *Env) isOverloaded(g *group) bool {
	pct := int64(e.SD.ImbalancePct)
	if g.running <= g.weight {
		return false
	}
	return g.capacity*100 < g.util*pct || e.Rules.Types && g.capacity*pct < g.runnable*100
}

func (e *Env) hasCapacity(g *group) bool {
	pct := int64(e.SD.ImbalancePct)
	if g.running < g.weight {
		return true
	}
	if e.Rules.Types && g.capacity*pct < g.runnable*100 {
		return false
	}
	return g.capacity*100 > g.util*pct
}

// FindBusiestGroup is find_busiest_group: the group to take tasks from and how much; ok
// is false if the domain is balanced.
func (e *Env) FindBusiestGroup() (Imbalance, bool) {
	if !e.Rules.Types {
		return e.byLoad()
	}
	return e.byType()
}

// FindBusiestQueue is find_busiest_queue: the CPU of a group to take tasks from, -1 if
// there is none.
func (e *Env) FindBusiestQueue(m *Imbalance) int {
	best, most, room := -1, int64(0), int64(1)
	span := e.SD.Groups[m.Group].Span
	for c := span.First(); c >= 0; c = span.Next(c) {
		if !e.Active.Test(c) {
			continue
		}
		q, capacity := &e.cpu, int64(e.Machine.Capacity(c))
		e.State.CPU(c, q)
		if q.Fair == 0 {
			continue
		}
		switch m.Unit {
		case ByLoad:
			if q.Fair == 1 && q.Load > m.Amount {
				continue
			}
			if q.Load*room > most*capacity {
				best, most, room = c, q.Load, capacity
			}
		case ByUtil:
			if q.Fair > 1 && q.Util > most {
				best, most = c, q.Util
			}
		case ByTask:
			if q.Fair > most {
				best, most = c, q.Fair
			}
		}
	}
	return best
}

// Task is what the balancer asks of a task.
type Task struct {
	// Load is task_h_load, Util task_util_est.
	Load, Util int64
	// Allowed: the destination is in its affinity. PerCPU: a kernel thread of one CPU.
	// Running: it is on its CPU.
	Allowed, PerCPU, Running bool
	// Ineligible: it has had more than its share, and its group has tasks on the destination
	// (task_is_ineligible_on_dst_cpu).
	Ineligible bool
	// Idle: SCHED_IDLE. Buddy: the next or last buddy of its queue.
	Idle, Buddy bool
	// Ran is when it was last charged, exec_start.
	Ran int64
}

// CanMigrate is can_migrate_task with task_hot. dstBusy: the destination runs something;
// now is the source's clock, cost sysctl_sched_migration_cost.
func (e *Env) CanMigrate(t *Task, now, cost int64, dstBusy bool) bool {
	switch {
	case t.PerCPU, !t.Allowed, t.Running, e.Rules.Eligible && e.Failed == 0 && t.Ineligible:
		return false
	}
	hot := false
	switch {
	case t.Idle, e.SD.Has(rules.SDShareCPUCapacity):
	case t.Buddy && dstBusy:
		hot = true
	default:
		hot = now-t.Ran < cost
	}
	return !hot || e.Failed > e.SD.CacheNiceTries
}

// Take is the test and the accounting of detach_tasks: whether a task that may move fits
// what is still to move, and takes it from that.
func (e *Env) Take(m *Imbalance, t *Task) bool {
	switch m.Unit {
	case ByLoad:
		load := max(1, t.Load)
		if !e.Rules.Types {
			if t.Load/2 > m.Amount {
				return false
			}
			m.Amount -= t.Load
			return true
		}
		if load>>min(62, e.Failed) > m.Amount {
			return false
		}
		m.Amount -= load
	case ByUtil:
		if t.Util > m.Amount {
			return false
		}
		m.Amount -= t.Util
	case ByTask:
		m.Amount--
	}
	return true
}

// NeedActiveBalance is need_active_balance: whether the running task of a queue of which
// none could be moved is to be pushed. Where the unit is tasks it takes so many failures
// since 5.5, before whatever the unit.
func (e *Env) NeedActiveBalance(m *Imbalance) bool {
	if e.Rules.Types && m.Unit != ByTask {
		return false
	}
	return e.Failed > e.SD.CacheNiceTries+2
}
