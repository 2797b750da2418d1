package loop

import (
	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/load"
)

// taskGroup is struct task_group in a run: its weight, and what each of its queues
// contributes to its load.
type taskGroup struct {
	above  int
	shares int64
	load   int64 // load_avg
	fresh  int64 // when the averages of idle CPUs were last brought up to date
	on     []groupQueue
}

// groupQueue is a group's cfs_rq on one CPU as far as its load goes, and the load of the
// entity that stands for it above. The root's has no such entity.
type groupQueue struct {
	load.Average
	weight int64 // on the queue
	contri int64 // tg_load_avg_contrib
	se     load.Average
	shares int64 // of the entity, 0 while it is on no queue
}

// advance brings the queue's average up to now, and its part of the group's
// (update_tg_load_avg).
func (g *taskGroup) advance(cpu int32, now int64) {
	q := &g.on[cpu]
	if !q.Known {
		q.Last, q.Known = now, true
	}
	q.Update(now, uint64(q.weight), 0, false, 1)
	if !q.se.Known {
		q.se.Last, q.se.Known = now, true
	}
	q.se.Update(now, uint64(q.shares), 0, false, 1)
	if d := q.Load - q.contri; d > q.contri/64 || -d > q.contri/64 {
		g.load += d
		q.contri = q.Load
	}
}

// groupShares is calc_group_shares: what a group weighs on a CPU, where the weights on its
// queue are weight from now on.
func (s *sim) groupShares(group int, cpu int32, weight, now int64) int64 {
	g := &s.groups[group]
	g.advance(cpu, now)
	q := &g.on[cpu]
	q.weight = weight
	if now-g.fresh > s.jiffy { // update_blocked_averages
		g.fresh = now
		for c := range g.on {
			if g.on[c].Known {
				g.advance(int32(c), now)
			}
		}
	}
	load := max(weight, q.Load)
	shares := g.shares * load
	if all := g.load - q.contri + load; all > 0 {
		shares /= all
	}
	shares = max(1, min(shares, g.shares))
	if q.shares = shares; weight == 0 {
		q.shares = 0
	}
	return shares
}

// settleGroups gives the groups the averages that those of their tasks make.
func (s *sim) settleGroups() {
	if len(s.groups) < 2 {
		return
	}
	set := func(a *load.Average, v int64) {
		a.Last, a.Known = s.now, true
		a.Load, a.LoadSum = v, uint64(v*a.Divider())
	}
	for i := range s.all {
		if p := &s.all[i]; p.pelt.Attached >= 0 {
			for g := p.se.Group; ; g = s.groups[g].above {
				q := &s.groups[g].on[p.pelt.Attached]
				q.Load += p.pelt.Load
				if g == fair.Root {
					break
				}
			}
		}
	}
	for i := range s.groups {
		g := &s.groups[i]
		for c := range g.on {
			set(&g.on[c].Average, g.on[c].Load)
			g.on[c].contri = g.on[c].Load
			g.load += g.on[c].Load
		}
	}
	root := s.groups[fair.Root].on
	for i := 1; i < len(s.groups); i++ {
		g := &s.groups[i]
		for c := range g.on {
			q := &g.on[c]
			v := g.shares * q.Load / max(1, g.load)
			v = v * min(g.load, g.shares) / g.shares // it does not always want to run
			set(&q.se, v)
			if g.above == fair.Root {
				root[c].Load += v - q.Load
			}
		}
	}
	for c := range root {
		set(&root[c].Average, max(0, root[c].Load))
	}
}

// rootWeighs notes the weights on the root's queue of a CPU, where there are task groups.
func (s *sim) rootWeighs(c *cpu) {
	if len(s.groups) > 1 {
		s.groups[fair.Root].advance(c.id, s.now)
		s.groups[fair.Root].on[c.id].weight = c.fair.Load()
	}
}

// queueLoad is the load of a CPU's root queue (cfs_rq.avg.load_avg).
func (s *sim) queueLoad(c *cpu) int64 {
	if len(s.groups) < 2 {
		return c.pelt.Load
	}
	s.rootWeighs(c)
	return s.groups[fair.Root].on[c.id].Load
}

// taskLoad is task_h_load: a task's part of the load of its CPU's root queue.
func (s *sim) taskLoad(p *task) int64 {
	l := p.pelt.Load
	for g := p.se.Group; g != fair.Root; g = s.groups[g].above {
		q := &s.groups[g].on[p.cpu]
		l = l * q.se.Load / (q.Load + 1)
	}
	return l
}

// newTree is the fair queue of a CPU: with the groups of the program, or one flat queue where
// there are none.
func (s *sim) newTree(cpu int32) fair.Queue {
	if len(s.groups) < 2 {
		return s.newQueue()
	}
	return &fair.Tree{
		New:    s.newQueue,
		Above:  func(group int) int { return s.groups[group].above },
		Shares: func(group int, load, now int64) int64 { return s.groupShares(group, cpu, load, now) },
	}
}
