package replay

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/internal/made"
)

// Who moved a task to the isolated CPU follows from where the move was recorded.
func TestMover(t *testing.T) {
	stopper := made.ATask(40, "migration/0", 0)
	for _, c := range []struct {
		name    string
		cpu     int32
		cur     parser.Task
		context parser.Context
		want    account.Mover
	}{
		{"the CPU that ran out of tasks", 7, made.Poller, parser.ContextTask, account.MovedNewidle},
		{"a tick's softirq on the CPU", 7, made.Poller, parser.ContextSoftirq, account.MovedPeriodic},
		{"one on a sibling that is busy", 6, made.Busy[6], parser.ContextSoftirq, account.MovedPeriodic},
		{"an idle CPU for idle ones", 5, made.Swapper, parser.ContextSoftirq, account.MovedNohz},
		{"the stopper of the source", 0, stopper, parser.ContextTask, account.MovedStopper},
		{"a task elsewhere", 3, made.Busy[3], parser.ContextTask, account.MovedAffinity},
		{"a dialect without contexts", 3, made.Busy[3], parser.ContextUnknown, account.MovedUnknown},
	} {
		h := made.Bench("6.1.0", 7)
		h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
		move := made.Migrates(100, c.cpu, c.cur, made.Other, 0, 7)
		move.Context = c.context
		ev := append(made.Crowd()[:7], made.Switches(20, 0, made.Busy[0], made.Preempted, stopper), move, made.Switches(150, 7, made.Swapper, made.Runnable, made.Other))
		scene := replayScene(t, made.Record(ev...), h, Plan{})
		if m := scene.Migrations; len(m) != 1 || m[0].By != c.want || m[0].Count != 1 || m[0].Tasks() != 1 || m[0].Isolated != 1 {
			t.Errorf("%s: migrations %+v", c.name, m)
		}
		st := scene.cpu(t, 7).Stays
		if len(st) != 1 || st[0].How != account.CameByMigration || st[0].MovedBy != c.want {
			t.Errorf("%s: %+v, want %s", c.name, st[0], c.want)
		}
	}
}
