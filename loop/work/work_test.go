package work

import (
	"fmt"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"schedreplay/cpumask"
	"schedreplay/fact"

	"schedreplay/internal/capturetest"
	"schedreplay/internal/traces"
	"schedreplay/parser"
)

// slices adds up the run time of each task from the switches alone.
func runTimes(t *testing.T, c parser.Capture, start, end int64) map[int32]int64 {
	t.Helper()
	type cur struct {
		pid   int32
		since int64
		known bool
	}
	on, run, seen := map[int32]cur{}, map[int32]int64{}, map[int32]bool{}
	for ev, err := range c.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind != parser.KindSwitch {
			continue
		}
		k := on[ev.CPU]
		switch {
		case k.known:
			run[k.pid] += ev.Time - k.since
		case !seen[ev.Task.PID]:
			run[ev.Task.PID] += ev.Time - start // it ran when the window began
		}
		on[ev.CPU] = cur{ev.Next.PID, ev.Time, true}
		seen[ev.Task.PID], seen[ev.Next.PID] = true, true
	}
	for _, k := range on {
		run[k.pid] += end - k.since
	}
	delete(run, 0)
	return run
}

// Of every recording: the bursts of a task sum to its recorded run time, what wakes and
// what is woken agree, and no edge comes before the wait that it ends.
func TestExtractOnCaptures(t *testing.T) {
	for _, r := range traces.Recordings(t) {
		t.Run(r.Folder+"/"+r.Name, func(t *testing.T) {
			c, host := capturetest.Open(t, r.Path, r.Bundle)
			p, err := Extract(c, host)
			if err != nil {
				t.Fatal(err)
			}
			want := runTimes(t, c, p.Start, p.End)
			edges := map[string]int{}
			for i := range p.Tasks {
				task := &p.Tasks[i]
				sum := int64(0)
				for j := range task.Steps {
					s := &task.Steps[j]
					sum += s.Burst
					edges[s.Then.Edge.String()]++
					if w := &s.Then; w.Edge == EdgeTask {
						found := false
						for _, k := range p.Tasks[w.Waker].Steps[w.WakerStep].Wakes {
							found = found || int(k.Task) == i && int(k.Step) == j && k.At == w.WakerAt
						}
						if !found {
							t.Fatalf("%s step %d: its waker does not know of it", task.Comm, j)
						}
					}
					for _, k := range s.Wakes {
						if k.At > s.Burst && p.Unmatched == 0 {
							t.Errorf("%s step %d wakes after %d of %d ns", task.Comm, j, k.At, s.Burst)
						}
					}
				}
				if sum != task.Recorded.Run {
					t.Errorf("%s: bursts of %d ns, run time %d", task.Comm, sum, task.Recorded.Run)
				}
				if got := want[task.PID]; got != sum && p.Unmatched == 0 {
					t.Errorf("%s[%d]: bursts of %d ns, slices of %d", task.Comm, task.PID, sum, got)
				}
			}
			t.Log(fmt.Sprint(p.Unmatched, " unmatched; edges ", edges))
		})
	}
}

// scene is a capture made up by a test.
type scene struct{ events []parser.Event }

func (s *scene) Meta() *parser.Meta { return &parser.Meta{HasWakings: true} }
func (s *scene) Close() error       { return nil }
func (s *scene) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		for _, ev := range s.events {
			if !yield(ev, nil) {
				return
			}
		}
	}
}

func named(pid int32) parser.Task {
	return parser.Task{PID: pid, Prio: 120, Comm: map[int32]string{0: "swapper", 1: "one", 2: "two", 3: "three"}[pid]}
}

func (s *scene) sw(t int64, cpu, prev int32, st parser.State, next int32) *scene {
	ev := parser.NewEvent(parser.KindSwitch, t, cpu)
	ev.Task, ev.Next, ev.State = named(prev), named(next), st
	s.events = append(s.events, ev)
	return s
}

func (s *scene) wake(kind parser.Kind, t int64, cpu, pid, target int32, ctx parser.Context) *scene {
	ev := parser.NewEvent(kind, t, cpu)
	ev.Task, ev.TargetCPU, ev.Context = named(pid), target, ctx
	s.events = append(s.events, ev)
	return s
}

func extract(t *testing.T, s *scene) *Program {
	t.Helper()
	p, err := Extract(s, &parser.Host{Possible: fact.Seen(cpumask.Range(0, 1), "test")})
	if err != nil {
		t.Fatal(err)
	}
	if p.Unmatched != 0 {
		t.Errorf("%d unmatched", p.Unmatched)
	}
	return p
}

// A task wakes another in the middle of its burst, is preempted, and sleeps by its own
// timer; the other blocks and is not woken again.
func TestExtract(t *testing.T) {
	const S, R = parser.StateSleeping, parser.StateRunning
	p := extract(t, new(scene).
		sw(100, 0, 0, R, 1).
		wake(parser.KindWaking, 130, 0, 2, 1, parser.ContextTask).
		wake(parser.KindWakeup, 135, 0, 2, 1, parser.ContextTask).
		sw(140, 1, 0, R, 2).
		sw(150, 0, 1, R, 3). // preempted after 50
		sw(160, 1, 2, S, 0).
		sw(170, 0, 3, S, 1).
		sw(190, 0, 1, S, 0). // 70 in all
		wake(parser.KindWaking, 290, 0, 1, 0, parser.ContextHardirq).
		wake(parser.KindWakeup, 292, 0, 1, 0, parser.ContextHardirq).
		sw(300, 0, 0, R, 1).
		sw(310, 0, 1, R, 3))
	one, two := &p.Tasks[0], &p.Tasks[1]
	want := []Step{
		{Burst: 70, Prio: 120, Wakes: []Wake{{At: 30, Task: 1, Step: 0}}, Then: Wait{Edge: EdgeTimer, From: fact.Estimated, Sleep: 100, Time: 290, Slept: true, Lag: 2, Exit: 8, Preempt: None}},
		{Burst: 10, Prio: 120, Then: Wait{Slept: true, Exit: None, Preempt: None}},
	}
	if d := cmp.Diff(want, one.Steps, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("one: -want +got:\n%s", d)
	}
	want = []Step{
		{Prio: 120, Then: Wait{Edge: EdgeTask, From: fact.Observed, Waker: 0, WakerStep: 0, WakerAt: 30, Sleep: 30, Time: 130, Sync: true, Slept: true, Lag: 5, Exit: None, Preempt: None}},
		{Burst: 20, Prio: 120, Then: Wait{Slept: true, Exit: None, Preempt: None}},
	}
	want[0].Then.Exit = None // CPU 1 was not known to be idle
	if d := cmp.Diff(want, two.Steps, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("two: -want +got:\n%s", d)
	}
	if one.Begin != BeginQueued || two.Begin != BeginAsleep {
		t.Errorf("begin %d and %d", one.Begin, two.Begin)
	}
	if d := cmp.Diff(one.Recorded.Gap, []int64{20}); d != "" {
		t.Errorf("gaps of one: %s", d)
	}
	if d := cmp.Diff(two.Recorded.Delay, []int64{10}); d != "" {
		t.Errorf("delays of two: %s", d)
	}
}

// perf sched record has no sched_wakeup: a task is queued from its waking on, but where its CPU
// was idle between, and a move by the waker's CPU is the wakeup's.
func TestExtractWithoutWakeups(t *testing.T) {
	const S, R = parser.StateSleeping, parser.StateRunning
	s := new(scene).
		sw(90, 1, 2, S, 0).
		sw(100, 0, 0, R, 1).
		wake(parser.KindWaking, 130, 0, 2, 1, parser.ContextTask).
		sw(140, 1, 0, R, 2).
		wake(parser.KindWaking, 150, 1, 1, 0, parser.ContextTask). // it is about to sleep
		sw(151, 0, 1, S, 0)
	move := parser.NewEvent(parser.KindMigrate, 152, 1)
	move.Task, move.OrigCPU, move.TargetCPU = named(1), 0, 1
	s.events = append(s.events, move)
	s.sw(170, 1, 2, S, 1).sw(190, 1, 1, S, 3)
	s.wake(parser.KindWaking, 200, 0, 2, 1, parser.ContextHardirq) // it is not queued yet
	p := extract(t, s.sw(210, 1, 3, S, 0).sw(260, 1, 0, R, 2).sw(270, 1, 2, S, 0))
	one, two := &p.Tasks[0], &p.Tasks[1]
	if d := cmp.Diff(two.Steps[1:2], []Step{}, cmpopts.EquateEmpty()); d == "" {
		t.Error("two has no second step")
	}
	if w := two.Steps[0].Then; w.Edge != EdgeTask || w.Exit != 10 || w.Lag != 0 {
		t.Errorf("two wakes by %+v", w)
	}
	if w := two.Steps[1].Then; w.Lag != 60 || w.Exit != None {
		t.Errorf("its CPU was idle between, and two was queued all the time: %+v", w)
	}
	if w := one.Steps[0].Then; w.Edge != EdgeTask || !w.Slept || w.Waker != 1 {
		t.Errorf("one wakes by %+v", w)
	}
	if one.Recorded.Moves[MoveWakeup] != 1 || one.Recorded.Wakings != 1 || one.Recorded.Delay[0] != 20 {
		t.Errorf("one: %+v", one.Recorded)
	}
}

// A waking that comes before the task has left its CPU ends its wait all the same; one
// that comes so early that it does not leave it at all splits the burst there.
func TestExtractEarlyWakings(t *testing.T) {
	const S, R = parser.StateSleeping, parser.StateRunning
	p := extract(t, new(scene).
		sw(90, 1, 0, R, 2).
		sw(100, 0, 0, R, 1).
		wake(parser.KindWaking, 110, 1, 1, 0, parser.ContextTask). // two wakes one, that runs
		wake(parser.KindWakeup, 112, 1, 1, 0, parser.ContextTask).
		wake(parser.KindWaking, 130, 1, 1, 0, parser.ContextTask).
		sw(131, 0, 1, S, 0).
		wake(parser.KindWakeup, 134, 1, 1, 0, parser.ContextTask).
		sw(140, 0, 0, R, 1).
		sw(150, 0, 1, S, 0))
	one := &p.Tasks[0]
	var got []string
	for _, s := range one.Steps {
		got = append(got, fmt.Sprint(s.Burst, " ", s.Then.Edge, " ", s.Then.Slept, " ", s.Then.Sleep))
	}
	if d := cmp.Diff([]string{"12 task false 0", "19 task true 0", "10 none true 0"}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]Wake{{At: 20, Task: 0, Step: 0}, {At: 40, Task: 0, Step: 1}}, p.Tasks[1].Steps[0].Wakes); d != "" {
		t.Errorf("wakes of two: -want +got:\n%s", d)
	}
}

func TestKeepsGrid(t *testing.T) {
	timer := func(at ...int64) *Task {
		p := &Task{}
		for _, t := range at {
			p.Steps = append(p.Steps, Step{Then: Wait{Edge: EdgeTimer, Time: t}})
		}
		return p
	}
	if !keepsGrid(timer(1000, 2010, 3000, 4020, 5001, 6000, 7030, 8000, 9001)) {
		t.Error("a grid of 1000 is not seen")
	}
	if keepsGrid(timer(1000, 2100, 3500, 4610, 6000, 7160, 8590, 9700, 11100)) {
		t.Error("a sleep that drifts is taken for a grid")
	}
}

// A task that executes a program does so at that point of its burst; where the stopper moved
// it for that, which comes before the event, at the point of the move.
func TestExtractExec(t *testing.T) {
	const S, R = parser.StateSleeping, parser.StateRunning
	exec := func(s *scene, at int64, cpu, pid int32) *scene {
		ev := parser.NewEvent(parser.KindExec, at, cpu)
		ev.Task = named(pid)
		s.events = append(s.events, ev)
		return s
	}
	s := exec(new(scene).sw(100, 0, 0, R, 1), 130, 0, 1).sw(140, 0, 1, S, 0)
	if d := cmp.Diff([]Wake{{At: 30, Exec: true}}, extract(t, s).Tasks[0].Steps[0].Wakes); d != "" {
		t.Errorf("where it is: -want +got:\n%s", d)
	}
	stopper := parser.Task{PID: 3, Prio: 0, Comm: "migration/0"}
	s = new(scene).sw(100, 0, 0, R, 1).sw(120, 0, 1, R, 3)
	s.events[1].Next = stopper
	move := parser.NewEvent(parser.KindMigrate, 122, 0)
	move.Task, move.OrigCPU, move.TargetCPU = named(1), 0, 1
	s.events = append(s.events, move)
	s.sw(125, 1, 0, R, 1).sw(126, 0, 3, S, 0)
	s.events[4].Task = stopper
	p := extract(t, exec(s, 150, 1, 1).sw(160, 1, 1, S, 0))
	if d := cmp.Diff([]Wake{{At: 20, Exec: true}}, p.Tasks[0].Steps[0].Wakes); d != "" {
		t.Errorf("moved: -want +got:\n%s", d)
	}
	if one := p.Tasks[0]; one.Recorded.Moves[MoveActive] != 1 || one.Steps[0].Burst != 55 {
		t.Errorf("moved: %+v", one)
	}
}

// The bundle tells of the end: a task that ran elsewhere before was given its affinity when
// it left there. One that is elsewhere at the end keeps all it was seen on. A narrower
// affinity found by other means counts where the bundle tells nothing.
func TestRebinds(t *testing.T) {
	const S, R = parser.StateSleeping, parser.StateRunning
	host := &parser.Host{Possible: fact.Seen(cpumask.Range(0, 1), "test"), Task: map[int32]parser.TaskInfo{
		1: {Comm: "one", Affinity: fact.Seen(cpumask.Of(1), "test")}, 2: {Comm: "two", Affinity: fact.Seen(cpumask.Of(1), "test")},
	}}
	s := new(scene).sw(100, 0, 0, R, 1).sw(140, 0, 1, S, 2).sw(200, 1, 0, R, 1).sw(230, 1, 1, S, 3).sw(240, 0, 2, S, 0).sw(250, 1, 3, S, 0)
	p, err := Extract(s, host)
	if err != nil {
		t.Fatal(err)
	}
	p.Rebind(1, 150, None, cpumask.Of(0))
	p.Rebind(3, 235, 245, cpumask.Of(1))
	p.Rebind(9, 1, 2, cpumask.Of(1))
	var got []string
	for i := range p.Tasks {
		got = append(got, fmt.Sprint(p.Tasks[i].Allowed, p.Tasks[i].Rebinds, p.Tasks[i].Last()))
	}
	if d := cmp.Diff([]string{"0-1 [{140 1}] 1", "0-1 [] 0-1", "0-1 [{235 1} {245 0-1}] 0-1"}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Task groups: control groups that have a weight, nested; else the autogroup or the session,
// where the machine has them; of a task that is not listed its parent's, else that of the
// task made before it.
func TestGroups(t *testing.T) {
	task := func(pid, session int32, cgroup string, auto int64) parser.TaskInfo {
		i := parser.TaskInfo{PID: pid, Session: session, Cgroup: fact.Of(cgroup, fact.Observed, "")}
		if auto >= 0 {
			i.Autogroup = fact.Of(parser.Autogroup{ID: auto, Nice: 5}, fact.Observed, "")
		}
		return i
	}
	shares := func(n int64) parser.CgroupInfo { return parser.CgroupInfo{Shares: fact.Of(n, fact.Observed, "")} }
	x := &extraction{p: &Program{}, kin: map[int32]int32{40: 30}, host: &parser.Host{
		Tunables: map[string]int64{"sched_autogroup_enabled": 1},
		Cgroups:  parser.Cgroups{Info: map[string]parser.CgroupInfo{"/s": shares(100), "/s/a": shares(200), "/t": {}}},
		Task: map[int32]parser.TaskInfo{
			10: task(10, 1, "/s/a", 7), 20: task(20, 1, "/s/b", 7), 30: task(30, 1, "/t/u", 7), 31: task(31, 2, "/", -1), 50: task(50, 0, "/", 0), 51: task(51, 9, "/", 0),
		},
	}}
	for _, pid := range []int32{10, 20, 30, 31, 33, 40, 50, 51} {
		x.p.Tasks = append(x.p.Tasks, Task{PID: pid})
	}
	x.groups()
	want := map[int32]string{10: "/s/a", 20: "/s", 30: "autogroup-7", 31: "session 2", 33: "session 2", 40: "autogroup-7", 50: "", 51: ""}
	for i := range x.p.Tasks {
		p := &x.p.Tasks[i]
		if got := x.p.Groups[p.Group].Name; got != want[p.PID] {
			t.Errorf("task %d is in %q, want %q", p.PID, got, want[p.PID])
		}
	}
	if g := x.p.Groups[x.p.Tasks[0].Group]; g.Shares != 200 || x.p.Groups[g.Above].Name != "/s" || x.p.Groups[g.Above].Above != 0 {
		t.Errorf("groups %+v", x.p.Groups)
	}
	if g := x.p.Groups[x.p.Tasks[2].Group]; g.Nice != 5 || g.Shares != 0 || !x.p.GroupsKnown {
		t.Errorf("groups %+v, known %v", x.p.Groups, x.p.GroupsKnown)
	}
}

// A run whose beginning was not recorded, nor what woke the task: the wait before it ends from
// outside, so that the task goes on. A waking after the last that is known of its burst is done
// at the burst's end.
func TestExtractMissed(t *testing.T) {
	const S, R = parser.StateSleeping, parser.StateRunning
	s := new(scene).
		sw(100, 0, 0, R, 1).
		sw(110, 0, 1, S, 0).
		sw(150, 0, 1, S, 0). // its waking and the switch to it are missing
		wake(parser.KindWaking, 160, 0, 1, 0, parser.ContextHardirq).
		sw(170, 0, 0, R, 1).
		wake(parser.KindWaking, 175, 0, 2, 0, parser.ContextTask). // and then the switch from it
		sw(190, 0, 3, S, 2).
		sw(195, 0, 2, S, 0)
	p, err := Extract(s, &parser.Host{Possible: fact.Seen(cpumask.Range(0, 1), "test")})
	if err != nil {
		t.Fatal(err)
	}
	one, two := &p.Tasks[0], &p.Tasks[1]
	var got []string
	for _, s := range one.Steps {
		got = append(got, fmt.Sprint(s.Burst, " ", s.Then.Edge, " ", s.Then.Time))
	}
	if d := cmp.Diff([]string{"10 outside 150", "0 timer 160", "0 none 0"}, got); d != "" {
		t.Errorf("one: -want +got:\n%s", d)
	}
	if k := one.Steps[2].Wakes; len(k) != 1 || k[0].At > one.Steps[2].Burst || two.Steps[0].Then.WakerAt != k[0].At {
		t.Errorf("wakes %+v of a burst of %d, waits for %d", k, one.Steps[2].Burst, two.Steps[0].Then.WakerAt)
	}
}

// How long a busy CPU took to give up its task is told by who came while that task ran, or was
// the next to run; not by who waited for a turn behind others.
func TestExtractPreempt(t *testing.T) {
	const S, R = parser.StateSleeping, parser.StateRunning
	wake := func(s *scene, at int64, pid int32) *scene {
		return s.wake(parser.KindWaking, at, 0, pid, 0, parser.ContextTask).wake(parser.KindWakeup, at, 0, pid, 0, parser.ContextTask)
	}
	at := func(s *scene) []Sample {
		p := extract(t, s)
		for i := range p.Preempt {
			p.Preempt[i].Task = int(p.Tasks[p.Preempt[i].Task].PID)
		}
		return p.Preempt
	}
	s := wake(new(scene).sw(100, 0, 0, R, 1), 130, 2).sw(140, 0, 1, R, 2).sw(150, 0, 2, S, 1).sw(160, 0, 1, S, 0)
	if d := cmp.Diff([]Sample{{140, 10, 1}}, at(s)); d != "" {
		t.Errorf("at once: -want +got:\n%s", d)
	}
	s = wake(wake(new(scene).sw(100, 0, 0, R, 1), 120, 3), 130, 2).sw(140, 0, 1, S, 3).sw(150, 0, 3, R, 2).sw(160, 0, 2, S, 3).sw(170, 0, 3, S, 0)
	if d := cmp.Diff([]Sample{{150, 20, 3}}, at(s)); d != "" {
		t.Errorf("from the next: -want +got:\n%s", d)
	}
	s = wake(wake(new(scene).sw(100, 0, 0, R, 1), 120, 3), 130, 2).sw(140, 0, 1, R, 3).sw(145, 0, 3, R, 1).sw(150, 0, 1, R, 2).sw(160, 0, 2, S, 0)
	if d := cmp.Diff([]Sample{{140, 20, 1}}, at(s)); d != "" {
		t.Errorf("in turn: -want +got:\n%s", d)
	}
}

// What wakee_flips were before the recording counts as half at each halving since; before, they
// began from nothing, and were halved at once when the loop began.
func TestSettleFlips(t *testing.T) {
	for _, c := range []struct {
		flips, want int64
		halved      int
	}{{75, 75, 0}, {75, 75, 1}, {75, 150, 2}, {75, 100, 3}, {75, 75, 90}} {
		p := tasking{Task: &Task{Flips: c.flips}, flipping: flipping{decay: 700, halved: c.halved}}
		if p.settleFlips(1000); p.Flips != c.want || p.FlipsAge != 300 {
			t.Errorf("%d halved %d times: %d, halved %d ns ago; want %d", c.flips, c.halved, p.Flips, p.FlipsAge, c.want)
		}
	}
}

// An exit from idle comes with how long the CPU had been idle.
func TestExtractExit(t *testing.T) {
	const S, R = parser.StateSleeping, parser.StateRunning
	s := new(scene).sw(100, 0, 1, S, 0).
		wake(parser.KindWaking, 590, 0, 1, 0, parser.ContextHardirq).wake(parser.KindWakeup, 600, 0, 1, 0, parser.ContextHardirq).
		sw(640, 0, 0, R, 1).sw(650, 0, 1, S, 0)
	if d := cmp.Diff([][]Exit{{{640, 40, Rested(500)}}}, extract(t, s).Exit, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if Rested(511) != Rested(500) || Rested(512) != Rested(511)+1 || Rested(-1) != 0 {
		t.Error("the classes are not powers of two")
	}
}

// How long a task kept its CPU from one that had been queued when it began: until a tick took it,
// or until it blocked.
func TestExtractHeld(t *testing.T) {
	const S, R = parser.StateSleeping, parser.StateRunning
	wake := func(s *scene, at int64, pid int32) *scene {
		return s.wake(parser.KindWaking, at, 0, pid, 0, parser.ContextTask).wake(parser.KindWakeup, at, 0, pid, 0, parser.ContextTask)
	}
	s := wake(new(scene).sw(100, 0, 0, R, 1), 130, 2).sw(140, 0, 1, R, 2).sw(3_000_140, 0, 2, R, 1).sw(7_000_140, 0, 1, S, 2).sw(7_000_200, 0, 2, S, 0)
	p := extract(t, s)
	want := []Held{
		{Sample: Sample{3_000_140, 3_000_000, 1}, NR: 2, Load: 2048},
		{Sample: Sample{7_000_140, 4_000_000, 0}, NR: 2, Load: 2048, Kept: true},
	}
	if d := cmp.Diff(want, p.Held); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
