package loop

import (
	"context"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
	"schedreplay/loop/work"
)

// hogs makes a program of tasks that want a CPU for the whole of three seconds, on the
// machine of a capture; those of prio below 100 are SCHED_FIFO, and those of prio 10 end
// after a second.
func hogs(t *testing.T, kernel string, cpus cpumask.Mask, prios ...int32) *sim {
	t.Helper()
	p, h, _ := recording(t, "smt8-isolated3-original")
	k, err := rules.ParseKernel(kernel, "")
	if err != nil {
		t.Fatal(err)
	}
	q := &work.Program{Start: 0, End: 3 * second, CPUs: p.CPUs, Exit: make([][]work.Exit, p.CPUs)}
	for i, prio := range prios {
		q.Tasks = append(q.Tasks, work.Task{
			PID: int32(100 + i), Begin: work.BeginQueued, CPU: int32(cpus.First()), Allowed: cpus, Policy: -1,
			Steps:    []work.Step{{Burst: second, Cut: prio != 10, Exit: prio == 10, Prio: prio}},
			Recorded: work.Figures{RunOn: make([]int64, p.CPUs)},
		})
	}
	return newSim(newBase(q, h, k), 1, 0)
}

func (s *sim) toEnd() *sim {
	s.run(context.Background(), s.prog.End)
	return s
}

// A real-time hog leaves five of a hundred to a fair one: by throttling from 5.10 on, by the
// fair server from 6.12 on. Before, it borrowed the runtime of other CPUs.
func TestRTLimit(t *testing.T) {
	for kernel, want := range map[string][2]int64{"5.4": {0, 0}, "5.10": {90, 160}, "6.6": {90, 160}, "6.12": {90, 160}} { // ms of the fair one
		s := hogs(t, kernel, cpumask.Of(1), 50, 120).toEnd()
		if got := s.all[1].got.Run / 1e6; got < want[0] || got > want[1] {
			t.Errorf("%s: a fair task beside a real-time hog runs %d ms of 3 s, want %d to %d", kernel, got, want[0], want[1])
		}
		if sum := s.all[0].got.Run + s.all[1].got.Run; sum > s.prog.End || sum < s.prog.End*9/10 {
			t.Errorf("%s: the two run for %d ns of 3 s", kernel, sum)
		}
	}
	// Throttling takes the CPU from one that is alone there too, the fair server does not.
	for kernel, want := range map[string]bool{"5.4": false, "5.10": true, "6.6": true, "6.12": false} {
		s := hogs(t, kernel, cpumask.Of(1), 50).toEnd()
		if ran := s.all[0].got.Run; (ran < s.prog.End*97/100) != want || ran < s.prog.End*9/10 {
			t.Errorf("%s: a real-time hog alone runs %d ms of 3 s", kernel, ran/1e6)
		}
	}
}

// Of real-time tasks queued on one CPU all but the first are pushed to CPUs that run less;
// of more than there are CPUs the least waits, and is pulled when another ends.
func TestRTPushPull(t *testing.T) {
	s := hogs(t, "6.1", cpumask.Range(0, 1), 20, 50).toEnd()
	if a, b := s.all[0].got, s.all[1].got; a.Run < 2800*1e6 || b.Run < 2800*1e6 {
		t.Errorf("two real-time hogs on two CPUs run for %d and %d ms of 3 s", a.Run/1e6, b.Run/1e6)
	}
	s = hogs(t, "6.1", cpumask.Range(0, 1), 60, 20, 50).toEnd()
	if low := s.all[0].got.Run; low > 10*1e6 {
		t.Errorf("the least of three on two CPUs runs for %d ms", low/1e6)
	}
	s = hogs(t, "6.1", cpumask.Range(0, 1), 60, 10, 50).toEnd()
	if low := s.all[0].got.Run; low < 1800*1e6 || low > 2*second {
		t.Errorf("the least of three, one of which ends after a second, runs for %d ms of 3 s", low/1e6)
	}
}

// A task that becomes a real-time one while it runs leaves the fair queue, and comes back to
// it; so it is with its nice value.
func TestSetScheduler(t *testing.T) {
	for _, kernel := range []string{"6.1", "6.12"} {
		s := hogs(t, kernel, cpumask.Of(1), 120, 120)
		step := func(prio int32) work.Step {
			return work.Step{Burst: second / 10, Prio: prio, Then: work.Wait{Edge: work.EdgeOutside, Time: 0}}
		}
		s.prog.Tasks[0].Steps = []work.Step{step(120), step(49), step(120), step(130), step(120), {Burst: second / 10, Prio: 49, Exit: true}}
		s = newSim(s.world, 1, 0).toEnd()
		if a := s.all[0].got.Run; a != 6*second/10 {
			t.Errorf("%s: the one that changes runs for %d ms of 600", kernel, a/1e6)
		}
		if c := &s.cpus[1]; c.nr != 1 || len(c.queued) != 1 || c.pelt.Weight != 1024 {
			t.Errorf("%s: at the end %d tasks run, %d are queued, their weight is %d", kernel, c.nr, len(c.queued), c.pelt.Weight)
		}
	}
}
