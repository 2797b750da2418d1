package fair

// This file is the hierarchy of task groups on one CPU (CONFIG_FAIR_GROUP_SCHED): each group
// has a queue of its own, and an entity that stands for it on the queue of the group above.

// Root is the group of tasks that are in no other (root_task_group).
const Root = 0

// Tree is the fair queue of one CPU with task groups: a queue for each group that has or had
// tasks here, under the root's. Entities of tasks say by Group where they belong.
type Tree struct {
	// New makes the queue of a group. Above is the group above a group but the root. Shares
	// is what a group weighs on this CPU (calc_group_shares), the weights on its queue there
	// being load from now on.
	New    func() Queue
	Above  func(group int) int
	Shares func(group int, load, now int64) int64

	nodes map[int]*node
	curr  *node // of the task that runs
}

// node is struct cfs_rq of a group, and the sched_entity that stands for it above; that of
// the root has none.
type node struct {
	Queue
	group int
	up    *node
	se    Entity
}

// at is a group's queue here.
func (t *Tree) at(group int) *node {
	n := t.nodes[group]
	if n == nil {
		if t.nodes == nil {
			t.nodes = map[int]*node{}
		}
		n = &node{Queue: t.New(), group: group}
		t.nodes[group] = n
		if group != Root {
			n.up = t.at(t.Above(group))
			n.se = Entity{ID: -group, Weight: nice0Load, Group: n.up.group}
		}
	}
	return n
}

// minShares is MIN_SHARES.
const minShares = 2

// reweight is update_cfs_group for a group and all above it: an empty one keeps its weight.
func (t *Tree) reweight(n *node, now int64) {
	for ; n.up != nil; n = n.up {
		w := max(minShares, t.Shares(n.group, n.Load(), now))
		if n.se.OnRq && w != n.se.Weight && n.Queue.Running() > 0 {
			n.up.Reweight(&n.se, w, now)
		}
	}
}

// UpdateCurr charges the current entities up to now.
func (t *Tree) UpdateCurr(now int64) {
	for n := t.curr; n != nil; n = n.up {
		n.Queue.UpdateCurr(now)
	}
}

// Load is the sum of the weights on the root's queue.
func (t *Tree) Load() int64 { return t.at(Root).Queue.Load() }

// Running is the number of entities on the root's queue.
func (t *Tree) Running() int { return t.at(Root).Queue.Running() }

// Curr is the entity on the root's queue that runs, nil if none does.
func (t *Tree) Curr() *Entity { return t.at(Root).Queue.Curr() }

// Fork places a new task beside its parent.
func (t *Tree) Fork(se *Entity, now int64) { t.at(se.Group).Queue.Fork(se, now) }

// Enqueue is enqueue_task_fair: the task's entity comes to its group's queue, and the groups'
// to those above as far as they are not there.
func (t *Tree) Enqueue(se *Entity, how How, now int64) {
	n := t.at(se.Group)
	n.Queue.Enqueue(se, how, now)
	t.rises(n, now)
	t.reweight(n, now)
}

// rises brings the entities of a group and those above it to their queues.
func (t *Tree) rises(n *node, now int64) {
	for ; n.up != nil; n = n.up {
		switch {
		case n.se.OnRq && n.se.Delayed:
			n.up.Requeue(&n.se, now)
			return
		case n.se.OnRq:
			return
		}
		n.up.Reweight(&n.se, max(minShares, t.Shares(n.group, n.Load(), now)), now)
		n.up.Queue.Enqueue(&n.se, Wakeup, now)
	}
}

// Dequeue is dequeue_task_fair: an empty group leaves the queue above, as a task that sleeps.
func (t *Tree) Dequeue(se *Entity, sleep bool, now int64) bool {
	n := t.at(se.Group)
	if !n.Queue.Dequeue(se, sleep, now) {
		return false
	}
	t.falls(n, sleep, now)
	return true
}

// falls takes empty groups off the queues above them.
func (t *Tree) falls(n *node, sleep bool, now int64) {
	bottom := n
	for n.up != nil && n.Queue.Running() == 0 && n.se.OnRq && !n.se.Delayed {
		if !n.up.Queue.Dequeue(&n.se, true, now) {
			break
		}
		n = n.up
	}
	defer t.reweight(bottom, now)
	if n.up == nil {
		return
	}
	// A group that a task leaves to sleep is to run on (set_next_buddy).
	if b, ok := n.up.Queue.(interface{ setNext(*Entity) }); ok && sleep && n.se.OnRq && n.Queue.Running() > 0 {
		b.setNext(&n.se)
	}
}

// Requeue wakes a task where it slept on its queue.
func (t *Tree) Requeue(se *Entity, now int64) {
	n := t.at(se.Group)
	n.Queue.Requeue(se, now)
	t.rises(n, now)
	t.reweight(n, now)
}

// Leave marks that the task wakes on another CPU.
func (t *Tree) Leave(se *Entity) { t.at(se.Group).Queue.Leave(se) }

// Pick is pick_next_task_fair: from the root down to a task. A group that turns out to have
// but tasks that sleep leaves, and the pick begins anew.
func (t *Tree) Pick(now int64) (picked *Entity, dropped []*Entity) {
	n := t.at(Root)
	for {
		se, gone := n.Queue.Pick(now)
		for _, e := range gone {
			if e.ID >= 0 {
				dropped = append(dropped, e)
			}
		}
		switch {
		case se == nil && n.up == nil:
			t.curr = nil
			return nil, dropped
		case se == nil:
			for up := n.up; up != nil; up = up.up {
				up.Queue.Put(now)
			}
			t.falls(n, true, now)
			n = t.at(Root)
		case se.ID >= 0:
			t.curr = n
			return se, dropped
		default:
			n = t.nodes[-se.ID]
		}
	}
}

// Put is put_prev_task_fair.
func (t *Tree) Put(now int64) {
	for n := t.curr; n != nil; n = n.up {
		n.Queue.Put(now)
	}
	t.curr = nil
}

// Tick is task_tick_fair.
func (t *Tree) Tick(now int64) bool {
	again := false
	for n := t.curr; n != nil; n = n.up {
		again = n.Queue.Tick(now) || again
	}
	if t.curr != nil {
		t.reweight(t.curr, now)
	}
	return again
}

// Left is how long the task has to run until its own slice ends.
func (t *Tree) Left(now int64) int64 {
	if t.curr == nil {
		return 0
	}
	return t.curr.Queue.Left(now)
}

// WakeupPreempt is check_preempt_wakeup_fair: the entities that the two tasks, or their
// groups, have on one queue are compared (find_matching_se).
func (t *Tree) WakeupPreempt(se *Entity, now int64) bool {
	for n := t.at(se.Group); n != nil; n = n.up {
		if n.Queue.Curr() != nil {
			return n.Queue.WakeupPreempt(se, now)
		}
		se = &n.se
	}
	return false
}

// Reweight changes the weight of a task's entity.
func (t *Tree) Reweight(se *Entity, weight, now int64) {
	t.at(se.Group).Queue.Reweight(se, weight, now)
}

// Eligible reports whether the entity got no more than its share of its group's queue.
func (t *Tree) Eligible(se *Entity) bool { return t.at(se.Group).Queue.Eligible(se) }

// Has is the number of entities on the queue of a group.
func (t *Tree) Has(group int) int { return t.at(group).Queue.Running() }

// Buddy reports whether the entity is to run next or was the last on its queue.
func (t *Tree) Buddy(se *Entity) bool { return t.at(se.Group).Queue.Buddy(se) }
