package loop

import (
	"errors"
	"strings"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
	"schedreplay/loop/work"
	"schedreplay/parser"
)

// made is the world of a scenario.
func made(t testing.TB, p *work.Program, h *parser.Host, kernel, text string) (*world, error) {
	t.Helper()
	k, err := rules.ParseKernel(kernel, "")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := ParseScenario("a=" + text)
	if err != nil {
		return nil, err
	}
	base := newBase(p, h, k)
	return apply(&sc, p, h, base)
}

// A device's interrupt goes with the softirqs that follow, and so do the wakings that it does;
// what comes to a CPU that may take it stays.
func TestMoveInterrupts(t *testing.T) {
	p, host := noisy(t)
	const disk = "tbbbbbbbbbj00"
	took := func(w *world, cpu int) (ns int64) {
		for _, s := range w.irqs[cpu] {
			ns += s.End - s.Start
		}
		return ns
	}
	of, wakings := int64(0), 0
	for _, in := range p.Interrupts[1] {
		if p.Sources[in.Source].Name == disk {
			of += int64(in.NS)
		}
	}
	for i := range p.Tasks {
		for j := range p.Tasks[i].Steps {
			if w := &p.Tasks[i].Steps[j].Then; w.Source > 0 && p.Sources[w.Source-1].Name == disk {
				wakings++
			}
		}
	}
	if of == 0 || wakings == 0 {
		t.Fatalf("the disk took %d ns and woke %d times", of, wakings)
	}
	base, err := made(t, p, host, "6.18", "irq:"+disk+"=0-1")
	if err != nil {
		t.Fatal(err)
	}
	w, err := made(t, p, host, "6.18", "irq:"+disk+"=0")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := took(w, 0)-took(base, 0), took(base, 1)-took(w, 1); a != of || b != of {
		t.Errorf("CPU 0 got %d ns and CPU 1 lost %d of %d", a, b, of)
	}
	for i, s := range p.Sources {
		if to := w.irqTo.From(int32(i), 1); (to == 0) != (s.Name == disk) {
			t.Errorf("%v goes to CPU %d", s, to)
		}
	}
	for text, want := range map[string]string{
		"irq:" + disk + "=5": "CPU", "irq:nothing=0": "it has tbbbb", "irq:local_timer=0": "no such interrupt",
	} {
		if _, err := made(t, p, host, "6.18", text); !errors.Is(err, ErrScenario) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	q, h, _ := recording(t, "smt8-isolated3-original")
	if _, err := made(t, q, h, "6.1", "irq:eth0=0"); !errors.Is(err, ErrScenario) || !strings.Contains(err.Error(), "--noise") {
		t.Errorf("without interrupts: %v", err)
	}
}

// The tick of a nohz_full CPU stops while one task runs there, and takes nothing from it; up to
// 4.16 one a second is left. With two tasks it ticks as ever.
func TestNohzFull(t *testing.T) {
	const cost = 1000
	for kernel, residual := range map[string]int64{"4.16": 3, "4.17": 0, "4.19": 0, "6.1": 0, "6.12": 0} {
		run := func(prios ...int32) *sim {
			s := hogs(t, kernel, cpumask.Of(1), prios...)
			s.prog.Interrupts, s.prog.Ticks = make([][]work.Interrupt, s.prog.CPUs), make([][]work.Sample, s.prog.CPUs)
			s.prog.Ticks[1] = []work.Sample{{NS: cost}}
			_, h, _ := recording(t, "smt8-isolated3-original")
			w, err := made(t, s.prog, h, kernel, "nohz_full=1")
			if err != nil {
				t.Fatal(err)
			}
			return newSim(w, 1, 0).toEnd()
		}
		ticks := func(s *sim) (n int64) {
			for i := range s.all {
				n += s.all[i].got.Taken / cost
			}
			return n
		}
		if n := ticks(run(120)); n < residual-1 || n > residual {
			t.Errorf("%s: one task has %d ticks in 3 s, want %d", kernel, n, residual)
		}
		if n := ticks(run(50)); n > residual {
			t.Errorf("%s: one real-time task has %d ticks in 3 s", kernel, n)
		}
		s := run(120, 120)
		if n, want := ticks(s), 3*s.hz; n < want-2 || n > want {
			t.Errorf("%s: two tasks have %d ticks in 3 s of %d Hz", kernel, n, s.hz)
		}
		if a, b := s.all[0].got.Run, s.all[1].got.Run; a < 14*second/10 || b < 14*second/10 {
			t.Errorf("%s: two tasks run %d and %d ns", kernel, a, b)
		}
		if n := ticks(run(50, 120)); n > residual+1 { // FIFO needs none
			t.Errorf("%s: a FIFO task beside a fair one has %d ticks", kernel, n)
		}
		// From two tasks to one, the tick stops with the next.
		s = run(120, 10)
		if got := s.all[1].got; got.Run != second+got.Taken {
			t.Fatalf("%s: the one that ends ran %d ns", kernel, s.all[1].got.Run)
		}
		if n, most := ticks(s), 21*s.hz/10; n > most+residual {
			t.Errorf("%s: %d ticks, want none after the second has gone", kernel, n)
		}
	}
	p, h, _ := recording(t, "smt8-isolated3-original")
	for _, bad := range []string{"nohz_full=0-7", "nohz_full=9", "nohz_full=,"} {
		if _, err := made(t, p, h, "6.1", bad); !errors.Is(err, ErrScenario) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	h.Config = map[string]string{"NO_HZ_FULL": "n"}
	if _, err := made(t, p, h, "6.1", "nohz_full=3"); !errors.Is(err, ErrScenario) {
		t.Errorf("a kernel without it: %v", err)
	}
}

// The workers of unbound workqueues go by the mask of all of them; those with a narrower one of
// their own keep what that has in common; the CPUs' own workers stay.
func TestWorkqueueCPUs(t *testing.T) {
	all := cpumask.Range(0, 7)
	p := &work.Program{CPUs: 8, End: second, Exit: make([][]work.Exit, 8)}
	for i, c := range []struct {
		comm    string
		allowed cpumask.Mask
	}{{"kworker/u16:0", all}, {"kworker/u16:1", cpumask.Range(2, 5)}, {"kworker/u17:2", cpumask.Range(6, 7)}, {"kworker/3:1", cpumask.Of(3)}, {"ksmd", all}} {
		p.Tasks = append(p.Tasks, work.Task{PID: int32(i + 1), Comm: c.comm, Allowed: c.allowed, Kthread: true, Steps: []work.Step{{Prio: 120}}})
	}
	_, h, _ := recording(t, "smt8-isolated3-original")
	w, err := made(t, p, h, "6.1", "workqueue=0-3")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"0-3", "2-3", "0-3", "3", "0-7"} {
		if got := w.tasks[i].allowed.String(); got != want {
			t.Errorf("%s may run on %s, want %s", p.Tasks[i].Comm, got, want)
		}
	}
	p.Tasks = p.Tasks[3:]
	if _, err := made(t, p, h, "6.1", "workqueue=0-3"); !errors.Is(err, ErrScenario) {
		t.Errorf("without workers: %v", err)
	}
	if _, err := made(t, p, h, "6.1", "workqueue=99"); !errors.Is(err, ErrScenario) {
		t.Errorf("a CPU that is not there: %v", err)
	}
}
