package loop

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/internal/capturetest"
	"schedreplay/loop/work"
)

const ms = second / 1000

// limitedHogs makes hogs of the groups given: 1 is a control group of 20 ms of each 100, 2 one
// below it of 5 ms of each 50, 3 one without a limit.
func limitedHogs(t *testing.T, kernel string, cpus cpumask.Mask, groups ...int) *sim {
	t.Helper()
	s := hogs(t, kernel, cpus, make([]int32, len(groups))...)
	s.prog.Groups = []work.Group{{}, {Name: "/l", Quota: 20 * ms, Period: 100 * ms}, {Name: "/l/m", Above: 1, Quota: 5 * ms, Period: 50 * ms}, {Name: "/n", Shares: 1024}}
	for i, g := range groups {
		s.prog.Tasks[i].Group = g
		s.prog.Tasks[i].Steps[0].Prio = 120
	}
	s.world.groups = s.prog.Groups
	return newSim(s.world, 1, 0).toEnd()
}

var limitKernels = []string{"4.19", "5.10", "6.1", "6.6", "6.12", "6.18", "7.0"}

// A group with a limit gets its quota, on one CPU as on several, alone as beside others; who is
// beside it gets the rest. What it uses beyond, up to the tick, it owes.
func TestLimits(t *testing.T) {
	for _, kernel := range limitKernels {
		run := func(s *sim, tasks ...int) (ns int64) {
			for _, i := range tasks {
				ns += s.all[i].got.Run
			}
			return ns
		}
		near := func(what string, got, want int64) {
			if got < want*9/10 || got > want*11/10 {
				t.Errorf("%s: %s runs %d ms of 3 s, want %d", kernel, what, got/ms, want/ms)
			}
		}
		s := limitedHogs(t, kernel, cpumask.Of(1), 1)
		near("one alone", run(s, 0), 600*ms)
		if g := s.all[0].got.Gap; len(g) < 28 || len(g) > 33 {
			t.Errorf("%s: %d gaps in thirty periods", kernel, len(g))
		}
		s = limitedHogs(t, kernel, cpumask.Of(1), 1, 3)
		near("one beside another", run(s, 0), 600*ms)
		near("the other", run(s, 1), 2400*ms)
		s = limitedHogs(t, kernel, cpumask.Range(0, 3), 1, 1, 1, 1)
		near("a group on four CPUs", run(s, 0, 1, 2, 3), 600*ms)
		s = limitedHogs(t, kernel, cpumask.Of(1), 2)
		near("a group below of a tighter limit", run(s, 0), 300*ms)
		s = limitedHogs(t, kernel, cpumask.Of(1), 2, 1)
		near("both", run(s, 0, 1), 600*ms)
		checkLimits(t, kernel, s)
	}
}

// checkLimits holds what a run keeps of its CPUs and tasks together.
func checkLimits(t *testing.T, what string, s *sim) {
	t.Helper()
	checkQueues(t, what, s)
	off := 0
	for c, list := range s.limits.off {
		for _, p := range list {
			if off++; p.state != tsThrottled || int(p.cpu) != c || !s.throttledOn(&s.cpus[c], p.se.Group) {
				t.Errorf("%s: one is off CPU %d in state %d, on CPU %d", what, c, p.state, p.cpu)
			}
		}
	}
	for i := range s.all {
		if s.all[i].state == tsThrottled {
			off--
		}
	}
	if off != 0 {
		t.Errorf("%s: %d of those throttled are not", what, -off)
	}
}

// Tasks that sleep and wake lose no work by a limit that they keep, and wait for the next period
// by one that they do not.
func TestLimitsOfSleepers(t *testing.T) {
	for _, kernel := range limitKernels {
		for quota, want := range map[int64]int64{40 * ms: 900 * ms, 20 * ms: 600 * ms} {
			s := hogs(t, kernel, cpumask.Of(1), 120)
			s.prog.Groups = []work.Group{{}, {Name: "/l", Quota: quota, Period: 100 * ms}}
			task := &s.prog.Tasks[0]
			task.Group, task.Steps = 1, nil
			for range 300 {
				task.Steps = append(task.Steps, work.Step{Burst: 3 * ms, Prio: 120, Then: work.Wait{Edge: work.EdgeTimer, Sleep: 7 * ms, CPU: 1, Slept: true, Exit: 1000, Preempt: work.None}})
			}
			task.Steps = append(task.Steps, work.Step{Burst: ms, Prio: 120, Exit: true})
			s = newSim(remade(t, s), 1, 0).toEnd()
			if got := s.all[0].got.Run; got < want*95/100 || got > want*105/100 {
				t.Errorf("%s: with %d ms of each 100 it runs %d ms, want %d", kernel, quota/ms, got/ms, want/ms)
			}
			if n := len(s.limits.of); n != 2 {
				t.Fatalf("%d limits", n)
			}
			checkLimits(t, kernel, s)
		}
	}
}

// A task that is throttled when its affinity changes goes where it then may run.
func TestLimitedRebind(t *testing.T) {
	for _, kernel := range limitKernels {
		s := limitedHogs(t, kernel, cpumask.Of(1), 1, 1)
		for i := range s.prog.Tasks {
			s.prog.Tasks[i].Rebinds = []work.Rebind{{Time: second + 73*ms, Allowed: cpumask.Of(5)}}
		}
		s = newSim(remade(t, s), 1, 0).toEnd()
		a, b := s.all[0].got.RunOn, s.all[1].got.RunOn
		if on1, on5 := a[1]+b[1], a[5]+b[5]; on1 < 180*ms || on1 > 240*ms || on5 < 330*ms || on5 > 420*ms {
			t.Errorf("%s: %d ms on CPU 1 and %d on CPU 5", kernel, on1/ms, on5/ms)
		}
		checkLimits(t, kernel, s)
	}
}

// The tick goes on on a nohz_full CPU for a task with a limit, from 6.6 on: else nothing would
// end its quota.
func TestLimitedNohz(t *testing.T) {
	for kernel, keeps := range map[string]bool{"6.5": false, "6.6": true, "6.12": true} {
		s := limitedHogs(t, kernel, cpumask.Of(1), 1)
		s.world.nohzFull = cpumask.Of(1)
		s = newSim(s.world, 1, 0).toEnd()
		if got := s.all[0].got.Run; (got < 700*ms) != keeps {
			t.Errorf("%s: it runs %d ms", kernel, got/ms)
		}
	}
}

// A limit is written as cpu.max has it, or as durations.
func TestParseLimit(t *testing.T) {
	p, h, _ := recording(t, "smt8-isolated3-original")
	p.Groups = []work.Group{{}, {Name: "/l", Quota: 5, Period: 6}}
	for text, want := range map[string][2]int64{
		"max:/l=max": {0, 100 * ms}, "max:/l=20ms/50ms": {20 * ms, 50 * ms}, "max:/l=20000/50000": {20 * ms, 50 * ms}, "max:/l=30000": {30 * ms, 100 * ms}, "max:/l=1s/1s": {second, second},
	} {
		w, err := made(t, p, h, "6.1", text)
		if err != nil {
			t.Fatal(err)
		}
		if g := w.groups[1]; g.Quota != want[0] || g.Period != want[1] {
			t.Errorf("%s: %d in %d", text, g.Quota, g.Period)
		}
	}
	if p.Groups[1].Quota != 5 {
		t.Error("the recording's limit is another")
	}
	for _, bad := range []string{"max:/m=max", "max:/l=20", "max:/l=x", "max:/l=20ms/2s", "max:/l=20ms/x", "max:/l=-5ms", "max:l=max"} {
		if _, err := made(t, p, h, "6.1", bad); !errors.Is(err, ErrScenario) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// limitedHost is a recording of a machine of two CPUs under 6.18: in a control group whose weight is two
// hundred times the usual, two tasks that run for a millisecond and for an eighth of one between
// sleeps of 5 and 2 ms.
func limitedHost(t *testing.T, name string) (*Result, func(scenario string) *Result) {
	t.Helper()
	c, host := capturetest.Open(t, "testdata/"+name+"/perf.data.zst", "testdata/"+name+"/host.tar.gz")
	p, err := work.Extract(c, host)
	if err != nil {
		t.Fatal(err)
	}
	return sixteenRuns(t, p, host), func(text string) *Result {
		sc, err := ParseScenario("x=" + text)
		if err != nil {
			t.Fatal(err)
		}
		return sixteenRuns(t, p, host, sc)
	}
}

// gaps sums the time that tasks in a control group were off their CPUs.
func gaps(r *Result, o *Outcome) (ns int64) {
	for i := range o.Tasks {
		if g := r.Program.Tasks[i].Group; strings.HasPrefix(r.Program.Groups[g].Name, "/") {
			ns += o.Tasks[i].OffCPU.Sum.Mid
		}
	}
	return ns
}

// Two recordings of one load, with a limit of 10 ms in each 100 and without. Each tells what the
// other shows: how long the limit keeps the tasks from their CPUs.
func TestLimitsOfHost(t *testing.T) {
	if testing.Short() {
		t.Skip("two recordings")
	}
	with, change := limitedHost(t, "limited")
	without, limit := limitedHost(t, "unlimited")
	recorded, free := gaps(with, &with.Recorded), gaps(without, &without.Recorded)
	base := gaps(with, &with.Outcomes[0])
	lifted := change("max:/tbm=max")
	limited := limit("max:/tbl=10000/100000")
	t.Logf("recorded with the limit %d ms, in the loop %d, lifted %d; recorded without %d, with it in the loop %d",
		recorded/ms, base/ms, gaps(lifted, &lifted.Outcomes[1])/ms, free/ms, gaps(limited, &limited.Outcomes[1])/ms)
	for what, got := range map[string]int64{"the baseline": base, "the limit that was not recorded": gaps(limited, &limited.Outcomes[1])} {
		if got < recorded*80/100 || got > recorded*120/100 {
			t.Errorf("%s keeps them off their CPUs for %d ms, recorded %d", what, got/ms, recorded/ms)
		}
	}
	if got := gaps(lifted, &lifted.Outcomes[1]); got > recorded/20 || free > recorded/20 {
		t.Errorf("without the limit they are off for %d ms, recorded %d", got/ms, free/ms)
	}
	if r := with.Trust.StoppedRatio; r.Off() > 1.25 || without.Trust.RecordedStopped != 0 {
		t.Errorf("the trust tells %.2f, and %d without a limit", r, without.Trust.RecordedStopped)
	}
	old := runtime.GOMAXPROCS(1)
	one := change("max:/tbm=max")
	runtime.GOMAXPROCS(old)
	if fmt.Sprintf("%+v", one.Outcomes) != fmt.Sprintf("%+v", lifted.Outcomes) {
		t.Error("one core gives something else than two")
	}
}
