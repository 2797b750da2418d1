package account

import (
	"slices"
	"strings"

	"schedreplay/parser"
)

// Mover says what moved a task to another CPU.
type Mover string

// The movers: docs/kernel/balance.md#what-is-seen has where each is seen.
const (
	// MovedNewidle: newidle_balance, by the CPU that ran out of tasks.
	MovedNewidle Mover = "newidle"
	// MovedPeriodic: load_balance in the softirq of a tick, for the CPU itself or one of
	// its group. MovedNohz: the same, by an idle CPU for all idle ones.
	MovedPeriodic Mover = "periodic"
	MovedNohz     Mover = "nohz"
	// MovedStopper: migration/N of the source pushed it: active balance, a changed affinity,
	// NUMA balancing or an exec.
	MovedStopper Mover = "stopper"
	// MovedAffinity: a task on another CPU than the target did, by sched_setaffinity.
	MovedAffinity Mover = "affinity"
	// MovedWakeup and MovedFork: the selection of a wakeup or of a new task. No stay has
	// them: its How tells.
	MovedWakeup Mover = "wakeup"
	MovedFork   Mover = "fork"
	// MovedUnknown: the record does not tell.
	MovedUnknown Mover = "unknown"
)

// Balances reports whether the load balancer surely did it. It moves tasks within sched
// domains alone, so a CPU that it reaches is in one.
func (m Mover) Balances() bool { return m == MovedNewidle || m == MovedPeriodic || m == MovedNohz }

// Migrations are the recorded migrations by one mover.
type Migrations struct {
	By Mover
	// Count is how many there are, Isolated those of them to isolated CPUs.
	Count, Isolated int64
	tasks           map[int32]struct{}
}

// Tasks is the number of tasks moved.
func (m *Migrations) Tasks() int { return len(m.tasks) }

// Migrated counts a sched_migrate_task in the list of them by mover; isolated says whether its
// target is.
func (t *Tracker) Migrated(list []Migrations, ev *parser.Event, isolated bool) []Migrations {
	by := MovedWakeup
	switch p := t.Timeline.Get(ev.Task.PID); {
	case !t.Timeline.Own:
		by = t.mover(ev)
	case p.Forked:
		by = MovedFork
	}
	i := slices.IndexFunc(list, func(m Migrations) bool { return m.By == by })
	if i < 0 {
		i = len(list)
		list = append(list, Migrations{By: by, tasks: map[int32]struct{}{}})
	}
	list[i].Count++
	list[i].tasks[ev.Task.PID] = struct{}{}
	if isolated {
		list[i].Isolated++
	}
	return list
}

// mover tells from a sched_migrate_task by whom it was: the CPU and the context in which it
// was recorded, and the task that was current there.
func (t *Tracker) mover(ev *parser.Event) Mover {
	cur := ev.Cur.PID
	switch here := ev.CPU == ev.TargetCPU; {
	case cur > 0 && strings.HasPrefix(t.Timeline.Get(cur).Comm, "migration/"):
		return MovedStopper
	case ev.Context == parser.ContextSoftirq && cur == 0 && !here:
		return MovedNohz
	case ev.Context == parser.ContextSoftirq:
		return MovedPeriodic
	case ev.Context == parser.ContextTask && here && cur > 0:
		return MovedNewidle
	case ev.Context == parser.ContextTask && cur > 0:
		return MovedAffinity
	}
	return MovedUnknown
}
