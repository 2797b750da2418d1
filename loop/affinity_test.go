package loop

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/cpumask"
	"schedreplay/loop/work"
)

// A task whose affinity changes in the middle of the window goes where it then may run,
// whether it runs, is queued or sleeps, of any class; and comes back to where it was let
// again only as the scheduler sends it.
func TestRebind(t *testing.T) {
	for _, kernel := range []string{"4.19", "6.1", "6.12"} {
		for name, prios := range map[string][]int32{"runs": {120}, "is queued": {120, 120, 120}, "is a real-time task": {50}, "waits for one": {120, 50}} {
			s := hogs(t, kernel, cpumask.Of(1), prios...)
			s.prog.Tasks[0].Rebinds = []work.Rebind{{Time: second, Allowed: cpumask.Of(5)}}
			s = newSim(remade(t, s), 1, 0).toEnd()
			p := &s.all[0]
			if on := p.got.RunOn; on[5] < 19*second/10 || on[5] > 2*second || p.got.Run != on[1]+on[5] || p.got.Moves[work.MoveActive] != 1 || p.got.Entries[5] != 1 {
				t.Errorf("%s: one that %s ran %v ns by CPU, %v moves", kernel, name, on, p.got.Moves)
			}
			checkQueues(t, kernel+": "+name, s)
		}
		s := hogs(t, kernel, cpumask.Range(0, 7), 120)
		s.prog.Tasks[0].Steps = []work.Step{
			{Burst: second / 10, Prio: 120, Then: work.Wait{Edge: work.EdgeOutside, Time: 2 * second, CPU: 1, Slept: true}},
			{Burst: second / 2, Prio: 120, Then: work.Wait{}},
		}
		s.prog.Tasks[0].Rebinds = []work.Rebind{{Time: second, Allowed: cpumask.Range(5, 6)}, {Time: 3 * second / 2, Allowed: cpumask.Of(6)}}
		s = newSim(remade(t, s), 1, 0).toEnd()
		if on := s.all[0].got.RunOn; on[6] != second/2 || s.all[0].got.Moves[work.MoveActive] != 0 {
			t.Errorf("%s: one that sleeps ran %v ns by CPU", kernel, on)
		}
	}
}

// remade is a world of the sim's program as that is now.
func remade(t *testing.T, s *sim) *world {
	t.Helper()
	_, h, _ := recording(t, "smt8-isolated3-original")
	return newBase(s.prog, h, s.kernel)
}

func checkQueues(t *testing.T, what string, s *sim) {
	t.Helper()
	for i := range s.cpus {
		c := &s.cpus[i]
		n := len(c.queued) + len(c.rt)
		if c.curr != nil && !s.isFair(c.curr) {
			n++
		}
		if n != c.nr || c.pending != 0 && s.now < s.prog.End {
			t.Errorf("%s: CPU %d has nr_running %d of %d tasks, %d on the way", what, i, c.nr, n, c.pending)
		}
	}
}

// A change of an affinity in a scenario stands for the whole window, whatever the recording
// has; isolating CPUs changes also those that come later.
func TestScenarioOverridesRebind(t *testing.T) {
	s := hogs(t, "6.1", cpumask.Range(0, 7), 120)
	s.prog.Tasks[0].Rebinds = []work.Rebind{{Time: second, Allowed: cpumask.Range(0, 7).AndNot(cpumask.Of(3))}}
	_, h, _ := recording(t, "smt8-isolated3-original")
	base := remade(t, s)
	for text, want := range map[string]string{"a=affinity:100=4-5": "4-5 []", "a=isolated=2-3": "0-1,4-7 [0-1,4-7]", "a=smt=off": "0,2,4,6 [0,2,4,6]"} {
		sc, err := ParseScenario(text)
		if err != nil {
			t.Fatal(err)
		}
		w, err := apply(&sc, s.prog, h, base)
		if err != nil {
			t.Fatal(err)
		}
		var later []string
		for _, r := range w.tasks[0].later {
			later = append(later, r.Allowed.String())
		}
		if got := fmt.Sprintf("%s [%s]", w.tasks[0].allowed, strings.Join(later, " ")); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if got := s.prog.Tasks[0].Rebinds[0].Allowed.String(); got != "0-2,4-7" {
		t.Errorf("the program's own became %s", got)
	}
}

// A task that executes a program goes to an idle CPU, as its domain says; a real-time task
// stays.
func TestExec(t *testing.T) {
	for _, kernel := range []string{"4.19", "6.1", "6.12"} {
		for _, prio := range []int32{120, 50} {
			s := hogs(t, kernel, cpumask.Range(0, 7), prio, 120, 120)
			s.prog.Tasks[0].Steps[0].Wakes = []work.Wake{{At: 1_000_000, Task: 0, Exec: true}}
			s.prog.End = second / 100
			s = newSim(remade(t, s), 1, 0)
			from := s.all[0].cpu
			s.toEnd()
			p := &s.all[0]
			left := p.got.RunOn[from] < second/200
			if fair := prio == 120; left != fair || p.got.Moves[work.MoveActive] > 1 || p.got.Run < second/100-2_000_000 && fair {
				t.Errorf("%s: one of priority %d runs %v ns by CPU, began on %d; %v", kernel, prio, p.got.RunOn, from, p.got.Moves)
			}
			checkQueues(t, kernel, s)
		}
	}
}

// Two tasks on one CPU share it by their weights; those of a task are as nice values have
// them, in the measure of cpu.weight.
func TestWeight(t *testing.T) {
	for _, kernel := range []string{"4.19", "6.1", "6.12"} {
		s := hogs(t, kernel, cpumask.Of(1), 120, 120)
		_, h, _ := recording(t, "smt8-isolated3-original")
		for text, want := range map[string]float64{"a=weight:100=100": 0.5, "a=weight:100=300": 0.75, "a=weight:100=100,weight:101=900": 0.1} {
			sc, err := ParseScenario(text)
			if err != nil {
				t.Fatal(err)
			}
			w, err := apply(&sc, s.prog, h, remade(t, s))
			if err != nil {
				t.Fatal(err)
			}
			r := newSim(w, 1, 0).toEnd()
			if got := float64(r.all[0].got.Run) / float64(s.prog.End); got < want-0.02 || got > want+0.02 {
				t.Errorf("%s: %s: it runs %.3f of the time, want %.2f", kernel, text, got, want)
			}
		}
	}
}

// A scenario that changes nothing is the baseline, to the last figure.
func TestNoChange(t *testing.T) {
	for _, folder := range []string{"smt8-isolated3-original", "k419-numa8-isolated7-original", "smt8-isolated3-612-original"} {
		p, h, k := recording(t, folder)
		r, err := Run(context.Background(), p, h, Options{Runs: 3, Seed: 5, Kernel: k, Trace: true, Owners: []int32{p.Tasks[len(p.Tasks)/2].PID}, Scenarios: []Scenario{
			{Name: "nothing"},
			{Name: "kernel", Changes: []Change{{Key: "kernel", Value: k.Name}}},
			{Name: "isolated", Changes: []Change{{Key: "isolated", Value: h.Isolated.Value.String()}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range r.Outcomes[1:] {
			o.Name, o.Changes, o.Kernel = "baseline", nil, r.Outcomes[0].Kernel
			if d := cmp.Diff(r.Outcomes[0], o); d != "" {
				t.Errorf("%s: not the baseline:\n%.2000s", folder, d)
			}
		}
	}
}
