package noise

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/parser"
)

func at(time int64, a parser.Aside, name string, number int64, in parser.Context) *parser.Event {
	ev := parser.NewEvent(parser.KindOther, time, 1)
	ev.Aside, ev.Text, ev.Count, ev.Context = a, name, number, in
	ev.Cur = parser.Task{PID: 7, Comm: "worker", Prio: parser.NoPrio}
	return &ev
}

// told is what a CPU's asides amount to.
func told(c *CPU, events ...*parser.Event) []string {
	var out []string
	for _, ev := range events {
		for _, in := range c.Take(ev) {
			s := fmt.Sprintf("%s %s %d-%d %d", in.Kind, in.Name, in.Start, in.End, in.NS)
			for _, by := range in.Causes {
				s += fmt.Sprintf(" %d:%s", by.By, by.Name)
			}
			out = append(out, s)
		}
	}
	return out
}

const (
	hard = parser.ContextHardirq
	soft = parser.ContextSoftirq
	task = parser.ContextTask
)

func TestTake(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []*parser.Event
		want   []string
		lost   int64
	}{
		{"an interrupt", []*parser.Event{at(10, parser.IRQEntry, "eth0", 36, hard), at(15, parser.IRQExit, "", 36, hard)}, []string{"hard irq eth0 10-15 5"}, 0},
		{
			"the tick, and the softirq it raises", []*parser.Event{
				at(10, parser.VectorEntry, "local_timer", 236, hard), at(11, parser.HrtimerEntry, "tick_nohz_handler", -1, hard), at(12, parser.SoftirqRaise, "RCU", 9, hard),
				at(14, parser.HrtimerExit, "", -1, hard), at(15, parser.VectorExit, "local_timer", 236, hard), at(16, parser.SoftirqEntry, "RCU", 9, soft), at(19, parser.SoftirqExit, "RCU", 9, soft),
			}, []string{"tick local_timer 10-15 5 0:tick_nohz_handler", "softirq RCU 16-19 3 2:local_timer"}, 0,
		},
		{
			"an interrupt over a softirq", []*parser.Event{
				at(10, parser.SoftirqEntry, "NET_RX", 3, soft), at(20, parser.IRQEntry, "eth0", 36, hard), at(25, parser.IRQExit, "", 36, hard), at(40, parser.SoftirqExit, "NET_RX", 3, soft),
			}, []string{"hard irq eth0 20-25 5", "softirq NET_RX 10-40 25"}, 0,
		},
		{
			"timers, and nothing around them", []*parser.Event{
				at(10, parser.HrtimerEntry, "hrtimer_wakeup", -1, hard), at(13, parser.HrtimerExit, "", -1, hard),
				at(20, parser.TimerEntry, "process_timeout", -1, soft), at(21, parser.TimerExit, "", -1, soft),
			}, []string{"hard irq timer 10-13 3 0:hrtimer_wakeup", "softirq timer 20-21 1 0:process_timeout"}, 0,
		},
		{
			"an inter-processor interrupt in the handler of its number", []*parser.Event{
				at(10, parser.IRQEntry, "IPI", 1, hard), at(11, parser.IPIEntry, "Rescheduling interrupts", -1, hard), at(12, parser.IPIExit, "Rescheduling interrupts", -1, hard), at(13, parser.IRQExit, "", 1, hard),
			}, []string{"IPI Rescheduling interrupts 10-13 3"}, 0,
		},
		{
			"an end is lost, and the task runs on", []*parser.Event{
				at(10, parser.IRQEntry, "eth0", 36, hard), at(50, parser.SoftirqRaise, "TIMER", 1, task), at(60, parser.IRQEntry, "eth0", 36, hard), at(61, parser.IRQExit, "", 36, hard),
			}, []string{"hard irq eth0 60-61 1"}, 1,
		},
		{
			"an end is lost, in a dialect without contexts", []*parser.Event{
				at(10, parser.IRQEntry, "eth0", 36, 0), at(60, parser.IRQEntry, "eth0", 36, 0), at(61, parser.IRQExit, "", 36, 0),
			}, []string{"hard irq eth0 60-61 1"}, 1,
		},
		{"an end without a beginning", []*parser.Event{at(10, parser.IRQExit, "", 36, hard)}, nil, 1},
		{
			"an inner end is lost", []*parser.Event{
				at(10, parser.SoftirqEntry, "NET_RX", 3, soft), at(20, parser.IRQEntry, "eth0", 36, hard), at(40, parser.SoftirqExit, "NET_RX", 3, soft),
			}, []string{"softirq NET_RX 10-40 30"}, 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var k CPU
			if got := told(&k, c.events...); !slices.Equal(got, c.want) || k.Unpaired != c.lost {
				t.Errorf("%s, %d unpaired; want %s, %d", strings.Join(got, "; "), k.Unpaired, strings.Join(c.want, "; "), c.lost)
			}
		})
	}
}

// Whatever comes, the time of all interruptions does not exceed the time that passed, and
// no stretch counts for two.
func TestExclusive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k CPU
		now, sum := int64(0), int64(0)
		busy := map[int64]bool{}
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			now += rapid.Int64Range(0, 5).Draw(t, "later")
			a := parser.Aside(rapid.IntRange(1, int(parser.ProcessHang)).Draw(t, "aside"))
			name := rapid.SampledFrom([]string{"a", "b", "tick_nohz_handler", ""}).Draw(t, "name")
			in := parser.Context(rapid.IntRange(0, 4).Draw(t, "context"))
			for _, i := range k.Take(at(now, a, name, rapid.Int64Range(-1, 12).Draw(t, "number"), in)) {
				sum += i.NS
				spans := int64(0)
				for _, s := range i.Spans {
					for ns := s.From; ns < s.To; ns++ {
						if busy[ns] {
							t.Fatalf("%d counts twice", ns)
						}
						busy[ns] = true
					}
					spans += s.To - s.From
				}
				if spans > i.NS || len(i.Spans) < maxSpans && spans != i.NS || i.NS > i.End-i.Start {
					t.Fatalf("%+v has spans of %d", i, spans)
				}
			}
			if rapid.Bool().Draw(t, "switch") && rapid.Bool().Draw(t, "really") {
				k.Switched()
			}
		}
		if sum > now {
			t.Fatalf("%d ns of interruptions in %d", sum, now)
		}
	})
}
