package work

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/capturetest"
	"schedreplay/parser"
	"schedreplay/replay/noise"
)

func (s *scene) aside(t int64, cpu int32, a parser.Aside, name string, n int64, cur int32, ctx parser.Context) *scene {
	ev := parser.NewEvent(parser.KindOther, t, cpu)
	ev.Aside, ev.Text, ev.Count, ev.Cur, ev.Context = a, name, n, named(cur), ctx
	s.events = append(s.events, ev)
	return s
}

func (s *scene) device(from, to int64, cpu int32, name string) *scene {
	return s.aside(from, cpu, parser.IRQEntry, name, 9, 0, parser.ContextHardirq).aside(to, cpu, parser.IRQExit, "", 9, 0, parser.ContextHardirq)
}

// A burst is without the interrupts that came in it; so are the points of it where it wakes
// others, and the residuals. A softirq that an interrupt raised is of that one, one that the
// task raised is the task's own work.
func TestInterruptsApart(t *testing.T) {
	const S, R, hard, soft = parser.StateSleeping, parser.StateRunning, parser.ContextHardirq, parser.ContextSoftirq
	s := new(scene).
		sw(90, 1, 2, S, 0).
		sw(100, 0, 0, R, 1).
		aside(110, 0, parser.IRQEntry, "disk", 9, 1, hard).
		aside(112, 0, parser.SoftirqRaise, "BLOCK", 4, 1, hard).
		aside(115, 0, parser.IRQExit, "", 9, 1, hard).
		aside(116, 0, parser.SoftirqEntry, "BLOCK", 4, 1, soft).
		aside(119, 0, parser.SoftirqExit, "BLOCK", 4, 1, soft).
		wake(parser.KindWaking, 130, 0, 2, 1, parser.ContextTask).
		wake(parser.KindWakeup, 131, 0, 2, 1, parser.ContextTask).
		aside(132, 1, parser.IPIEntry, "reschedule", 253, 0, hard). // of that waking
		aside(133, 1, parser.IPIExit, "reschedule", 253, 0, hard).
		device(134, 136, 1, "net").
		sw(140, 1, 0, R, 2).
		aside(150, 0, parser.SoftirqRaise, "NET_RX", 3, 1, parser.ContextTask). // its own packet
		aside(151, 0, parser.SoftirqEntry, "NET_RX", 3, 1, soft).
		aside(158, 0, parser.SoftirqExit, "NET_RX", 3, 1, soft).
		aside(160, 0, parser.VectorEntry, "local_timer", 236, 1, hard).
		aside(161, 0, parser.HrtimerEntry, "tick_nohz_handler", -1, 1, hard).
		aside(164, 0, parser.HrtimerExit, "", -1, 1, hard).
		aside(165, 0, parser.VectorExit, "local_timer", 236, 1, hard).
		sw(180, 1, 2, S, 0).
		sw(190, 0, 1, S, 0).
		aside(200, 0, parser.IRQEntry, "disk", 9, 0, hard).
		wake(parser.KindWaking, 203, 0, 1, 0, hard).
		wake(parser.KindWakeup, 204, 0, 1, 0, hard).
		aside(206, 0, parser.IRQExit, "", 9, 0, hard).
		sw(210, 0, 0, R, 1).
		sw(220, 0, 1, S, 0).
		aside(290, 0, parser.VectorEntry, "local_timer", 236, 0, hard).
		wake(parser.KindWaking, 295, 0, 1, 0, hard).
		wake(parser.KindWakeup, 296, 0, 1, 0, hard).
		aside(299, 0, parser.VectorExit, "local_timer", 236, 0, hard).
		sw(304, 0, 0, R, 1).
		sw(310, 0, 1, S, 0)
	p := extract(t, s)
	one, two := &p.Tasks[0], &p.Tasks[1]
	if b := one.Steps[0].Burst; b != 90-5-3-5 {
		t.Errorf("a burst of %d ns, want 77", b)
	}
	if at := one.Steps[0].Wakes[0].At; at != 30-8 || two.Steps[0].Then.WakerAt != at {
		t.Errorf("wakes after %d ns, want 22", at)
	}
	if one.Recorded.Run != 90+10+6 || one.Recorded.Taken != 13 {
		t.Errorf("ran %d ns of which interrupts took %d", one.Recorded.Run, one.Recorded.Taken)
	}
	if w := two.Steps[0].Then; w.Exit != 9-2 {
		t.Errorf("the exit from idle took %d ns, want 7: the interrupt of the waking is in it, the device's is not", w.Exit)
	}
	if w := one.Steps[0].Then; w.Edge != EdgeOutside || p.Sources[w.Source-1].Name != "disk" || w.Exit != 6-2 || w.Rest != 0 {
		t.Errorf("a device's interrupt is not what woke it: %+v", w)
	}
	if w := one.Steps[1].Then; w.Edge != EdgeTimer || w.Source != 0 || w.Rest != 4 || w.Exit != 8-3 {
		t.Errorf("its timer's interrupt is not what woke it: %+v", w)
	}
	type told struct {
		name     string
		from, ns int64
	}
	var got [2][]told
	for c := range got {
		for _, i := range p.Interrupts[c] {
			got[c] = append(got[c], told{p.Sources[i.Source].Name, i.Start, int64(i.NS)})
		}
	}
	want := [2][]told{{{"disk", 110, 5}, {"disk", 116, 3}, {"disk", 200, 6}, {"local_timer", 290, 5}}, {{"net", 134, 2}}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(told{})); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([][]Sample{{{Time: 160, NS: 5}}, nil}, p.Ticks); d != "" {
		t.Errorf("ticks: -want +got:\n%s", d)
	}
}

// Of a recording: what the bursts and the interrupts take is the run time, the interrupts of a
// CPU do not overlap, and those that went over tasks are all told.
func TestInterruptsOfCapture(t *testing.T) {
	c, host := capturetest.Open(t, "../testdata/interrupts/perf.data.zst", "../testdata/interrupts/host.tar.gz")
	p, err := Extract(c, host)
	if err != nil {
		t.Fatal(err)
	}
	taken, told, rests := int64(0), int64(0), int64(0)
	for i := range p.Tasks {
		task := &p.Tasks[i]
		sum := int64(0)
		for j := range task.Steps {
			sum += task.Steps[j].Burst
			rests += int64(task.Steps[j].Then.Rest)
		}
		if sum+task.Recorded.Taken != task.Recorded.Run {
			t.Errorf("%s: bursts of %d ns and interrupts of %d, run time %d", task.Comm, sum, task.Recorded.Taken, task.Recorded.Run)
		}
		taken += task.Recorded.Taken
	}
	devices := map[string]int{}
	for c, all := range p.Interrupts {
		end := int64(0)
		for i := range all {
			if all[i].Start < end || all[i].NS <= 0 {
				t.Fatalf("CPU %d: an interrupt at %d of %d ns, one before it ends at %d", c, all[i].Start, all[i].NS, end)
			}
			end = all[i].End()
			told += int64(all[i].NS)
			if s := p.Sources[all[i].Source]; s.Device() {
				devices[s.Name]++
			} else if s.Kind == noise.Softirq && s.Name == "BLOCK" {
				t.Error("a disk's softirq is not the disk's")
			}
		}
		for _, k := range p.Ticks[c] {
			told += k.NS
		}
	}
	if taken == 0 || told+rests < taken {
		t.Errorf("interrupts took %d ns from tasks, %d are told of and %d with wakings", taken, told, rests)
	}
	if devices["tbbbbbbbbbj00"] == 0 {
		t.Errorf("devices: %v", devices)
	}
}
