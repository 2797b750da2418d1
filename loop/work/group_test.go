package work

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// Task groups are the control groups with a weight or a limit, one below the other; who is in
// which the bundle tells, the recording itself, or the task that made it.
func TestLimitedGroups(t *testing.T) {
	const S, R = parser.StateSleeping, parser.StateRunning
	s := new(scene).sw(100, 0, 0, R, 1)
	fork := parser.NewEvent(parser.KindFork, 110, 0)
	fork.Task, fork.Next = named(1), named(3)
	s.events = append(s.events, fork)
	s.wake(parser.KindWakeupNew, 111, 0, 3, 1, parser.ContextTask).sw(112, 1, 0, R, 3).sw(120, 0, 1, S, 2).sw(130, 1, 3, S, 0).sw(140, 0, 2, S, 0)
	p, err := Extract(s, &parser.Host{
		Possible: fact.Seen(cpumask.Range(0, 1), "test"),
		Task:     map[int32]parser.TaskInfo{1: {Comm: "one", Cgroup: fact.Seen("/a/b", "test")}},
		Cgroups: parser.Cgroups{
			Of: map[int32]string{2: "/a"},
			Info: map[string]parser.CgroupInfo{
				"/a":   {Quota: fact.Seen(int64(20), "test"), Period: fact.Seen(int64(100), "test")},
				"/a/b": {Shares: fact.Seen(int64(512), "test")},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Group{{}, {Name: "/a", Quota: 20, Period: 100}, {Name: "/a/b", Above: 1, Shares: 512}}
	if d := cmp.Diff(want, p.Groups); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for i, group := range []int{2, 1, 2} {
		if g := p.Tasks[i].Group; g != group || !p.Limited(i) {
			t.Errorf("%s is in group %d, limited %v", p.Tasks[i].Comm, g, p.Limited(i))
		}
	}
}
