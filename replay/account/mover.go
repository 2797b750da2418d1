package account

import (
	"strings"

	"schedreplay/parser"
)

// Mover says what moved a runnable task to another CPU, outside a selection.
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
	// MovedUnknown: the record does not tell.
	MovedUnknown Mover = "unknown"
)

// Balances reports whether the load balancer surely did it. It moves tasks within sched
// domains alone, so a CPU that it reaches is in one.
func (m Mover) Balances() bool { return m == MovedNewidle || m == MovedPeriodic || m == MovedNohz }

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
