package loop

import (
	"fmt"
	"runtime"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/internal/capturetest"
	"schedreplay/loop/work"
	"schedreplay/parser"
	"schedreplay/replay/noise"
)

// noisy is the recording of a machine of two CPUs under 6.18 with its interrupts: a disk's, timers,
// ticks and those that CPUs send each other.
func noisy(t *testing.T) (*work.Program, *parser.Host) {
	t.Helper()
	c, host := capturetest.Open(t, "testdata/interrupts/perf.data.zst", "testdata/interrupts/host.tar.gz")
	p, err := work.Extract(c, host)
	if err != nil {
		t.Fatal(err)
	}
	return p, host
}

// Interrupts take their time from whoever runs on their CPU; one that waits there for an idle
// CPU waits as long as they run. A tick takes what ticks took.
func TestInterruptsTakeTime(t *testing.T) {
	for _, kernel := range []string{"4.19", "6.1", "6.12"} {
		s := hogs(t, kernel, cpumask.Of(1), 120)
		p := s.prog
		p.Tasks[0].Steps = []work.Step{
			{Burst: second / 10, Prio: 120, Then: work.Wait{Edge: work.EdgeOutside, Time: second, CPU: 1, Slept: true, Exit: 1000, Preempt: work.None}},
			{Burst: second / 10, Prio: 120, Then: work.Wait{Edge: work.EdgeTimer, Sleep: second / 10, CPU: 1, Slept: true, Exit: 1000, Preempt: work.None, Rest: 500}},
			{Burst: second / 10, Prio: 120, Exit: true},
		}
		p.Sources = []work.Source{{Kind: noise.Hardirq, Name: "disk"}}
		p.Interrupts = make([][]work.Interrupt, p.CPUs)
		p.Interrupts[1] = []work.Interrupt{{Start: 1_000_000, NS: 700_000}, {Start: second, NS: 20_000}, {Start: second + 50_000_000, NS: 300_000}}
		p.Interrupts[2] = []work.Interrupt{{Start: 1_500_000, NS: 5_000_000}}
		p.Ticks = make([][]work.Sample, p.CPUs)
		s = newSim(remade(t, s), 1, 0).toEnd()
		got := s.all[0].got
		if got.Taken != 1_000_000 || got.Run != 3*second/10+got.Taken {
			t.Errorf("%s: it ran %d ns of which interrupts took %d", kernel, got.Run, got.Taken)
		}
		if fmt.Sprint(got.Delay) != "[21000 1500]" {
			t.Errorf("%s: delays of %v ns, want 20 and 0.5 µs more than a microsecond", kernel, got.Delay)
		}
		p.Interrupts[1], p.Ticks[1] = nil, []work.Sample{{NS: 2000}}
		s = newSim(remade(t, s), 1, 0).toEnd()
		if n, hz := s.all[0].got.Taken/2000, s.hz; n < 3*hz/10-3 || n > 3*hz/10+3 {
			t.Errorf("%s: %d ticks in 0.3 s of %d Hz", kernel, n, hz)
		}
	}
}

// The baseline of a recording with its interrupts is no further off than without them, its runs
// lose nothing of what they take, and are the same on one core as on two.
func TestInterruptsOfHost(t *testing.T) {
	p, host := noisy(t)
	r := sixteenRuns(t, p, host)
	t.Logf("p50 %.2f p90 %.2f p99 %.2f of %d tasks", r.Trust.P50, r.Trust.P90, r.Trust.P99, len(r.Trust.Tasks))
	if r.Trust.P50.Off() > 1.05 || r.Trust.P90.Off() > 1.2 || r.Trust.P99.Off() > 1.6 {
		t.Errorf("p50 is off by %.2f, p90 by %.2f, p99 by %.2f", r.Trust.P50.Off(), r.Trust.P90.Off(), r.Trust.P99.Off())
	}
	recorded, taken := int64(0), int64(0)
	for i := range r.Recorded.Tasks {
		recorded += r.Recorded.Tasks[i].Taken.Mid
		taken += r.Outcomes[0].Tasks[i].Taken.Mid
	}
	if taken < recorded*8/10 || taken > recorded*12/10 {
		t.Errorf("interrupts took %d ns from tasks, recorded %d", taken, recorded)
	}
	old := runtime.GOMAXPROCS(1)
	one := fmt.Sprintf("%+v", sixteenRuns(t, p, host).Outcomes)
	runtime.GOMAXPROCS(old)
	if one != fmt.Sprintf("%+v", r.Outcomes) {
		t.Error("one core gives something else than two")
	}
}
