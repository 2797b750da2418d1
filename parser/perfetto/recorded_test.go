package perfetto

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/internal/traceprocessor"
	"schedreplay/parser"
	"schedreplay/parser/ftrace"
	"schedreplay/replay"
)

// recorded are traces of one machine (Perfetto 56, Linux 6.18), with the text that its
// tracefs printed of the same buffer before Perfetto took the events out.
var recorded = []string{"compact", "full"}

// line is an event in words. The previous task of a switch that the chain of switches
// contradicts is not compared: columns do not tell it.
type line struct {
	begin, payload string
	broken         bool
}

// chains follows the switches of each CPU.
type chains map[int32]int32

// broken reports whether a switch comes from another task than its CPU's last switch
// went to.
func (c chains) broken(ev *parser.Event) bool {
	if ev.Kind != parser.KindSwitch {
		return false
	}
	pid, ok := c[ev.CPU]
	c[ev.CPU] = ev.Next.PID
	return !ok || pid != ev.Task.PID
}

func compare(t *testing.T, other string, want, got line) {
	t.Helper()
	if want.broken || got.broken {
		_, want.payload, _ = strings.Cut(want.payload, "prev_state=")
		_, got.payload, _ = strings.Cut(got.payload, "prev_state=")
	}
	if want.begin != got.begin || want.payload != got.payload {
		t.Fatalf("%s: %s %s\nours: %s %s", other, want.begin, want.payload, got.begin, got.payload)
	}
}

func read(t *testing.T, c parser.Capture, err error) []parser.Event {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	var events []parser.Event
	for ev, err := range c.Events() {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, ev)
	}
	return events
}

// A trace tells what the ftrace text of the same window tells.
func TestSameAsFtrace(t *testing.T) {
	for _, name := range recorded {
		t.Run(name, func(t *testing.T) {
			text, err := ftrace.New(eventtest.Source("text", eventtest.Unpack(t, "testdata/"+name+".ftrace.zst")))
			want := read(t, text, err)
			trace, err := New(eventtest.Source("trace", eventtest.Unpack(t, "testdata/"+name+".pftrace.zst")))
			got := read(t, trace, err)
			if !trace.Meta().HasWakings || trace.Meta().Host.Release.Value != "6.18.44-fc-v657" || !trace.Meta().Clock.HasWall || trace.Meta().Clock.Name != "boot" {
				t.Errorf("%+v", trace.Meta())
			}
			until := want[len(want)-1].Time
			lines := func(events []parser.Event) (l []line) {
				chains := chains{}
				for i := range events {
					ev := &events[i]
					ev.Time = (ev.Time + 500) / 1000 * 1000 // as ftrace rounds
					s, ok := eventtest.Kernel(ev)
					if !ok || ev.Time > until || ev.Kind == parser.KindComm {
						continue
					}
					l = append(l, line{fmt.Sprintf("%d [%d] %s", ev.Time, ev.CPU, ev.Kind), s, chains.broken(ev)})
				}
				// Rounded times have no order within a CPU.
				slices.SortStableFunc(l, func(a, b line) int { return cmp.Compare(a.begin+a.payload, b.begin+b.payload) })
				return l
			}
			w, g := lines(want), lines(got)
			if len(w) < 1000 || len(g) != len(w) {
				t.Errorf("%d events, the text has %d", len(g), len(w))
			}
			for i := range min(len(w), len(g)) {
				compare(t, "text", w[i], g[i])
			}
			// Who was current, and in which context: columns tell it of wakings.
			contexts := map[parser.Context]int{}
			for i := range got {
				if got[i].Kind == parser.KindWaking {
					contexts[got[i].Context]++
				}
			}
			if compact := contexts[parser.ContextUnknown] == 0; compact != (name == "compact") {
				t.Errorf("contexts %v", contexts)
			}
		})
	}
}

// window is a capture as far as a time.
type window struct {
	parser.Capture
	until int64
}

func (w window) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		for ev, err := range w.Capture.Events() {
			if err == nil && ev.Time > w.until {
				return
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

// A replay of a trace finds the wakeups that it finds in the ftrace text of the same
// window: of the same tasks, by the same ones, to the same CPUs.
func TestSameWakeups(t *testing.T) {
	for _, name := range recorded {
		t.Run(name, func(t *testing.T) {
			text, err := ftrace.New(eventtest.Source("text", eventtest.Unpack(t, "testdata/"+name+".ftrace.zst")))
			last := read(t, text, err)
			trace, err := New(eventtest.Source("trace", eventtest.Unpack(t, "testdata/"+name+".pftrace.zst")))
			if err != nil {
				t.Fatal(err)
			}
			defer trace.Close()
			wakeups := func(c parser.Capture) (l []string) {
				h := *trace.Meta().Host
				_, err := replay.Run(t.Context(), c, &h, replay.Plan{Observer: replay.Observer{Wakeup: func(w *replay.Wakeup) {
					l = append(l, fmt.Sprintf("%s %d by %d on %d: %d", w.Kind, w.Task.PID, w.Waker.PID, w.WakerCPU, w.RecordedCPU))
				}}})
				if err != nil {
					t.Fatal(err)
				}
				return l
			}
			want, got := wakeups(text), wakeups(window{trace, last[len(last)-1].Time + 500})
			// Within a microsecond ftrace's text has no order between CPUs.
			slices.Sort(want)
			slices.Sort(got)
			differ := 0
			for i := range min(len(want), len(got)) {
				if want[i] != got[i] {
					differ++
				}
			}
			// Columns tell the waker by the switch before: not where the kernel left that out.
			holes, chains := 0, chains{}
			for i := range last {
				if chains.broken(&last[i]) {
					holes++
				}
			}
			if name == "full" {
				holes = len(chains)
			}
			if len(got) != len(want) || len(got) < 500 || differ > holes-len(chains) {
				t.Errorf("%d wakeups, %d in the text; %d differ, at %d holes", len(got), len(want), differ, holes-len(chains))
			}
		})
	}
}

// Event for event, what Perfetto's own trace processor says of the same trace. It leaves
// out of columns what comes before a CPU's first switch.
func TestTraceProcessor(t *testing.T) {
	for _, name := range recorded {
		t.Run(name, func(t *testing.T) {
			b := eventtest.Unpack(t, "testdata/"+name+".pftrace.zst")
			c, err := New(eventtest.Source("trace", b))
			events := read(t, c, err)
			rows := traceprocessor.Query(t, b, `select e.ts, e.cpu, e.name, e.common_flags, t.tid, a.args
				from ftrace_event e left join thread t using (utid) left join
				(select arg_set_id, group_concat(key || '=' || display_value, ' ') as args from args
				where key not in ('oldcomm', 'oom_score_adj', 'tgid') group by arg_set_id) a using (arg_set_id)
				order by e.ts, e.cpu, e.id`,
				`select tid, name from thread where tid > 0`)
			var want, got []line
			for _, r := range rows[0] {
				flags, _ := strconv.ParseUint(r["common_flags"], 10, 64)
				want = append(want, line{fmt.Sprintf("%s [%s] %s %s", r["ts"], r["cpu"], r["name"], context(r["name"], name, parser.FlagsContext(flags))), r["tid"] + ": " + r["args"], false})
			}
			started, chains := map[int32]bool{}, chains{}
			for i := range events {
				ev := &events[i]
				s, ok := processed(ev)
				if !ok {
					continue
				}
				broken := chains.broken(ev)
				if !started[ev.CPU] && name == "compact" && (ev.Kind == parser.KindSwitch || ev.Kind == parser.KindWaking) {
					started[ev.CPU] = ev.Kind == parser.KindSwitch
					continue
				}
				kind := ev.Kind.String()
				if ev.Kind == parser.KindComm {
					kind = "task_rename"
				}
				got = append(got, line{fmt.Sprintf("%d [%d] %s %s", ev.Time, ev.CPU, kind, context(kind, name, ev.Context)), fmt.Sprintf("%d: %s", ev.Cur.PID, s), broken})
			}
			if len(got) != len(want) || len(got) < 3000 {
				t.Errorf("%d events, the trace processor has %d", len(got), len(want))
			}
			for i := range min(len(got), len(want)) {
				compare(t, "trace processor", want[i], got[i])
			}
			names := map[string]bool{}
			for _, r := range rows[1] {
				names[r["tid"]+" "+r["name"]] = true
			}
			told := 0
			for _, ev := range events {
				if ev.Kind == parser.KindComm && ev.CPU == parser.NoCPU {
					told++
					if !names[fmt.Sprintf("%d %s", ev.Task.PID, ev.Task.Comm)] && ev.Thread.PPID == parser.NoPID {
						t.Errorf("the trace processor knows no task %d called %q", ev.Task.PID, ev.Task.Comm)
					}
				}
			}
			if told < 10 {
				t.Errorf("%d names", told)
			}
		})
	}
}

// context is what both know of an event's context: of wakings in columns.
func context(event, encoding string, c parser.Context) string {
	if event == "sched_waking" && encoding == "compact" {
		return c.String()
	}
	return "-"
}

// processed prints the arguments as the trace processor does.
func processed(ev *parser.Event) (string, bool) {
	state := int64(ev.State &^ parser.StateRunning)
	switch ev.Kind {
	case parser.KindSwitch:
		return fmt.Sprintf("prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%d next_comm=%s next_pid=%d next_prio=%d",
			ev.Task.Comm, ev.Task.PID, ev.Task.Prio, state, ev.Next.Comm, ev.Next.PID, ev.Next.Prio), true
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		return fmt.Sprintf("comm=%s pid=%d prio=%d target_cpu=%d", ev.Task.Comm, ev.Task.PID, ev.Task.Prio, ev.TargetCPU), true
	case parser.KindMigrate:
		return fmt.Sprintf("comm=%s pid=%d prio=%d orig_cpu=%d dest_cpu=%d", ev.Task.Comm, ev.Task.PID, ev.Task.Prio, ev.OrigCPU, ev.TargetCPU), true
	case parser.KindFork:
		return fmt.Sprintf("parent_comm=%s parent_pid=%d child_comm=%s child_pid=%d", ev.Task.Comm, ev.Task.PID, ev.Next.Comm, ev.Next.PID), true
	case parser.KindExec:
		return fmt.Sprintf("filename=%s pid=%d old_pid=%d", ev.Text, ev.Task.PID, ev.OldPID), true
	case parser.KindExit:
		return fmt.Sprintf("comm=%s pid=%d prio=%d", ev.Task.Comm, ev.Task.PID, ev.Task.Prio), true
	case parser.KindComm:
		return fmt.Sprintf("pid=%d newcomm=%s", ev.Task.PID, ev.Task.Comm), ev.CPU != parser.NoCPU
	}
	return "", false
}
