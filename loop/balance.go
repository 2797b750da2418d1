package loop

import (
	"schedreplay/cpumask"
	"schedreplay/kernelmodel/balance"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/loop/work"
)

// migrationCost is sysctl_sched_migration_cost.
const migrationCost = 500_000

// domain is what a CPU keeps of one of its domains.
type domain struct {
	sd       *topo.Domain
	others   cpumask.Mask // the span without the group of the CPU
	alone    bool         // the CPU alone balances for its group
	child    bool
	last     int64                      // last_balance in jiffies
	interval int64                      // balance_interval in ms
	every    struct{ idle, busy int64 } // the same in jiffies (get_sd_balance_interval)
	failed   int
	cost     int64 // max_newidle_lb_cost
	ratio    int   // newidle_ratio
	calls    int
	success  int
}

// domainsOf are the domains of a machine's CPUs before anything was balanced.
func domainsOf(m *topo.Machine) [][]domain {
	all := make([][]domain, m.NumCPU())
	for c := range all {
		for i := range m.Levels(c) {
			sd := m.Level(c, i)
			d := domain{sd: sd, ratio: 512, child: i > 0 && m.Level(c, i-1).Has(rules.SDPreferSibling)}
			if len(sd.Groups) > 0 {
				d.others = sd.Span.AndNot(sd.Groups[0].Span)
				by := sd.Groups[0].BalanceMask
				d.alone = by.First() == c && by.Next(c) < 0 && m.Active().Test(c)
			}
			all[c] = append(all[c], d)
		}
	}
	return all
}

func (s *sim) startDomains(c *cpu) {
	c.dom = append(c.dom[:0], s.domains[c.id]...)
	for i := range c.dom {
		d := &c.dom[i]
		s.balanceEvery(d, int64(max(1, d.sd.Weight)))
		d.last = -s.rng.Int64N(max(1, 2*d.interval))
		// What a pass costs is in no event.
		d.cost = 15_000 + s.rng.Int64N(60_000)
	}
	c.nextBal = s.rng.Int64N(8)
}

// busyTick is trigger_load_balance.
func (s *sim) triggerBalance(c *cpu) {
	if len(c.dom) == 0 {
		return
	}
	if s.jiffies() >= c.nextBal {
		s.rebalanceDomains(c, balance.NotIdle)
	}
	s.nohzBalancerKick(c)
}

// rebalanceDomains is rebalance_domains (sched_balance_domains since 6.10).
func (s *sim) rebalanceDomains(c *cpu, idle balance.Idle) {
	now := s.jiffies()
	next := now + 60*s.hz
	for i := range c.dom {
		d := &c.dom[i]
		at := d.last + d.balanceInterval(idle)
		if now >= at {
			moved, goOn := s.loadBalance(c, i, idle)
			if moved > 0 {
				idle = balance.NotIdle
			}
			d.last = now
			at = now + d.balanceInterval(idle)
			next = min(next, at)
			if !goOn {
				break
			}
			continue
		}
		next = min(next, at)
	}
	c.nextBal = next
}

// balanceInterval is get_sd_balance_interval, in jiffies.
func (d *domain) balanceInterval(idle balance.Idle) int64 {
	if idle == balance.NotIdle {
		return d.every.busy
	}
	return d.every.idle
}

// balanceEvery sets a domain's balance_interval.
func (s *sim) balanceEvery(d *domain, ms int64) {
	d.interval = ms
	most := s.hz * int64(len(s.cpus)) / 10
	d.every.idle = max(1, min(ms*s.hz/1000, most))
	busy := ms * int64(d.sd.BusyFactor) * s.hz / 1000
	if s.kernel.Balance.BusyLess {
		busy--
	}
	d.every.busy = max(1, min(busy, most))
}

// loadBalance is load_balance (sched_balance_rq since 6.10): it reports how many tasks
// it moved, and whether higher levels are to be balanced.
func (s *sim) loadBalance(c *cpu, level int, idle balance.Idle) (moved int, goOn bool) {
	s.balances++
	d := &c.dom[level]
	if d.alone && !s.busy.Intersects(d.others) { // as mostly between two threads
		s.idleScan(c, d, idle, s.m.Active())
		s.balanced(d, idle)
		return 0, true
	}
	e := &s.env
	e.SD, e.Child, e.Dst, e.Idle, e.Active, e.Failed = d.sd, d.child, int(c.id), idle, s.m.Active(), d.failed
	if !e.ShouldWeBalance() {
		s.balanced(d, idle)
		return 0, false
	}
	for range 4 { // redo
		var m balance.Imbalance
		ok := s.busy.Intersects(d.others) // else no group has a task to take
		if ok {
			m, ok = e.FindBusiestGroup()
		}
		s.idleScan(c, d, idle, e.Active)
		src := -1
		if ok {
			src = e.FindBusiestQueue(&m)
		}
		if src < 0 {
			s.balanced(d, idle)
			return 0, true
		}
		from := &s.cpus[src]
		pinned := false
		if from.nr > 1 {
			moved, pinned = s.detachTasks(e, &m, from, c)
			if pinned {
				e.Active = e.Active.AndNot(cpumask.Of(src))
				continue
			}
		}
		if moved == 0 {
			if idle != balance.NewlyIdle {
				d.failed++
			}
			if e.Failed = d.failed; e.NeedActiveBalance(&m) && s.activeBalance(from, c) {
				d.failed = d.sd.CacheNiceTries + 1
			}
		} else {
			d.failed = 0
		}
		s.balanceEvery(d, int64(max(1, d.sd.Weight)))
		return moved, true
	}
	s.balanced(d, idle)
	return moved, true
}

// balanced notes with a domain that there was nothing to move.
func (s *sim) balanced(d *domain, idle balance.Idle) {
	d.failed = 0
	if idle != balance.NewlyIdle && d.interval < 2*int64(d.sd.Weight) {
		s.balanceEvery(d, 2*d.interval)
	}
}

// detachTasks is detach_tasks and attach_tasks. pinned: none of the tasks may run on the
// destination.
func (s *sim) detachTasks(e *balance.Env, m *balance.Imbalance, from, to *cpu) (moved int, pinned bool) {
	pinned = true
	tested := from.nr
	for range min(32, tested) {
		if e.Idle != balance.NotIdle && from.nr <= 1 || m.Amount <= 0 {
			break
		}
		p := tail(from)
		if p == nil {
			break
		}
		t := s.lbTask(p, to)
		pinned = pinned && (!t.Allowed || t.PerCPU)
		if !e.CanMigrate(&t, s.now, migrationCost, to.nr > 0) || !e.Take(m, &t) {
			s.picks++
			p.pick = s.picks
			continue
		}
		s.move(p, to)
		if e.Idle == balance.NewlyIdle {
			p.got.Moves[work.MoveNewidle]++
		} else {
			p.got.Moves[work.MoveBalance]++
		}
		moved++
		s.preempt(to, p, nil)
		if e.Idle == balance.NewlyIdle && s.preemptible {
			break
		}
	}
	return moved, pinned && moved == 0
}

// tail is the last of a CPU's list of tasks, the one that was queued or picked longest
// ago.
func tail(c *cpu) *task {
	var last *task
	for _, p := range c.queued {
		if p.delayed {
			continue
		}
		if last == nil || p.pick < last.pick {
			last = p
		}
	}
	return last
}

func (s *sim) lbTask(p *task, to *cpu) balance.Task {
	from := &s.cpus[p.cpu]
	return balance.Task{
		Load: s.taskLoad(p) * s.queueLoad(from) / (s.queueLoad(from) + 1), Util: max(p.pelt.Util, p.pelt.Est),
		Allowed: p.allowed.Test(int(to.id)), PerCPU: p.w.PerCPU, Running: from.curr == p,
		Ineligible: !from.fair.Eligible(&p.se) && to.fair.Has(p.se.Group) > 0,
		Idle:       p.t.idle, Buddy: from.fair.Buddy(&p.se), Ran: p.se.ExecStart,
	}
}

// activeBalance is active_load_balance_cpu_stop: the stopper takes the CPU and moves a
// task, the running one too. Its own run time is left out.
func (s *sim) activeBalance(from, to *cpu) bool {
	curr := from.curr
	if curr == nil || !s.isFair(curr) || !curr.allowed.Test(int(to.id)) || from.resched {
		return false
	}
	s.unseat(from)
	p := tail(from)
	if p == nil || !p.allowed.Test(int(to.id)) {
		p = curr
	}
	s.move(p, to)
	p.got.Moves[work.MoveActive]++
	s.schedule(from)
	s.preempt(to, p, nil)
	return true
}

// idleScan is update_idle_cpu_scan: how far a scan of the LLC may go (6.0 and later).
func (s *sim) idleScan(c *cpu, d *domain, idle balance.Idle, active cpumask.Mask) {
	llc := s.m.LLC(int(c.id))
	if idle == balance.NewlyIdle || llc < 0 || s.kernel.Rules.Budget != rules.BudgetUtil || d.sd.Span.Weight() != s.m.LLCSize(int(c.id)) {
		return
	}
	sum := int64(0)
	span := d.sd.Span
	for i := span.First(); i >= 0; i = span.Next(i) {
		if active.Test(i) {
			sum += s.cpus[i].util()
		}
	}
	w := int64(s.m.LLCSize(int(c.id)))
	pct := int64(d.sd.ImbalancePct)
	x := sum / w
	y := x * x * pct * pct / (10000 * 1024)
	s.scan[llc] = (1024 - min(y, 1024)) * w / 1024
}

// newidle is newidle_balance (idle_balance up to 5.3, sched_balance_newidle since 6.10):
// a CPU that runs out of tasks pulls one.
func (s *sim) newidle(c *cpu, prev *task) {
	if prev == nil {
		return
	}
	c.idle = s.now
	if c.pending > 0 || len(c.dom) == 0 {
		return
	}
	s.updateNextBalance(c, &c.dom[0])
	gate := int64(migrationCost)
	if s.kernel.Balance.NewidleByCost {
		gate = c.dom[0].cost
	}
	if c.avgIdle < gate || !s.overload(c) || s.rng.Uint32N(1<<16) >= s.pulls {
		return
	}
	cost := int64(0)
	for i := range c.dom {
		d := &c.dom[i]
		s.updateNextBalance(c, d)
		if c.avgIdle < cost+d.cost {
			break
		}
		if !d.sd.Has(rules.SDBalanceNewidle) {
			continue
		}
		if s.random && !s.dice(d) {
			continue
		}
		s.updateBlocked(c)
		moved, _ := s.loadBalance(c, i, balance.NewlyIdle)
		cost += d.cost
		if moved > 0 {
			d.success++
			c.idle = 0
			return
		}
		if c.nr > 0 || c.pending > 0 {
			return
		}
	}
}

// updateNextBalance is update_next_balance: an idle CPU is to balance sooner than a busy
// one.
func (s *sim) updateNextBalance(c *cpu, d *domain) {
	c.nextBal = min(c.nextBal, d.last+d.balanceInterval(balance.IsIdle))
}

// dice decides by the successes so far whether a level is tried (NI_RANDOM, 33cf66d88306).
func (s *sim) dice(d *domain) bool {
	d.calls++
	if d.calls >= 512 {
		d.ratio, d.calls, d.success = d.success*2, 0, 0
	}
	return s.rng.IntN(1024) <= 1+d.ratio
}

// overload is rd->overload: a CPU of the root domain has two tasks.
func (s *sim) overload(c *cpu) bool {
	root := s.m.RootSpan(int(c.id))
	for i := root.First(); i >= 0; i = root.Next(i) {
		if s.cpus[i].nr >= 2 {
			return true
		}
	}
	return false
}

// updateBlocked is update_blocked_averages.
func (s *sim) updateBlocked(c *cpu) { c.pelt.Advance(s.now) }

// nohzBalancerKick is nohz_balancer_kick and kick_ilb: a busy CPU has an idle one balance
// for all idle ones.
func (s *sim) nohzBalancerKick(c *cpu) {
	if s.jiffies() < s.nohz {
		return
	}
	if c.nr < 2 {
		llc := s.m.LLC(int(c.id))
		if llc < 0 {
			return
		}
		busy := 0
		span := s.m.LLCSpan(llc)
		for i := span.First(); i >= 0; i = span.Next(i) {
			if s.cpus[i].curr != nil {
				busy++
			}
		}
		if busy < 2 {
			return
		}
	}
	for i := range s.cpus {
		o := &s.cpus[i]
		if o != c && len(o.dom) > 0 && s.idleCPU(i) && !o.resched {
			s.nohz = s.jiffies() + 1
			s.plan(s.now+s.res.exit(i, s.now, s.now-o.swapper, work.None), evNohz, o.id, 0)
			return
		}
	}
}

// nohzIdleBalance is nohz_idle_balance: the CPU balances for every idle one, itself last.
func (s *sim) nohzIdleBalance(owner *cpu) {
	if !s.idleCPU(int(owner.id)) {
		return
	}
	now, next := s.jiffies(), s.jiffies()+60*s.hz
	n := len(s.cpus)
	for k := 1; k <= n; k++ {
		i := (int(owner.id) + k) % n
		c := &s.cpus[i]
		if len(c.dom) == 0 || !s.idleCPU(i) {
			continue
		}
		if i != int(owner.id) && owner.nr > 0 {
			return
		}
		if now >= c.nextBal {
			s.updateBlocked(c)
			s.rebalanceDomains(c, balance.IsIdle)
		}
		next = min(next, c.nextBal)
	}
	s.nohz = max(now+1, next)
}

// lbState answers the balancer's questions: it implements balance.State.
type lbState struct{ s *sim }

// Idle implements [balance.State].
func (l lbState) Idle(i int) bool { return l.s.cpus[i].idleCPU() }

// CPU implements [balance.State].
func (l lbState) CPU(i int, q *balance.CPU) {
	c := &l.s.cpus[i]
	q.Running, q.Fair, q.Load = int64(c.nr), int64(len(c.queued)), l.s.cpuLoad(l.s.kernel.Rules.CPULoad, c)
	q.Util, q.Runnable, q.Idle = c.util(), c.pelt.Runnable, c.idleCPU()
}
