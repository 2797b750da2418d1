package replay

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/internal/made"
	"schedreplay/replay/noise"
)

// asideAt is an event of a CPU beside its tasks.
func asideAt(t int64, cpu int32, a parser.Aside, name string, number int64, in parser.Context) parser.Event {
	e := made.At(t, parser.KindOther, cpu)
	e.Aside, e.Text, e.Count, e.Context = a, name, number, in
	return e
}

const (
	hard = parser.ContextHardirq
	soft = parser.ContextSoftirq
)

// noiseScene is an owner on CPU 7 that is interrupted, waits behind a foreign task and an
// idle state, and what else is on its core.
func noiseScene() []parser.Event {
	return append(
		made.Crowd()[:7],
		made.Switches(50, 7, made.Swapper, made.Runnable, made.Poller),
		// The tick over the owner, and the softirq that it raises.
		asideAt(60, 7, parser.VectorEntry, "local_timer", 236, hard), asideAt(61, 7, parser.HrtimerEntry, "tick_nohz_handler", -1, hard),
		asideAt(62, 7, parser.SoftirqRaise, "RCU", 9, hard), asideAt(63, 7, parser.HrtimerExit, "", -1, hard), asideAt(64, 7, parser.VectorExit, "local_timer", 236, hard),
		asideAt(65, 7, parser.SoftirqEntry, "RCU", 9, soft), asideAt(68, 7, parser.SoftirqExit, "RCU", 9, soft),
		// It is preempted for 80 us, 10 of them by an interrupt.
		made.Switches(100, 7, made.Poller, made.Preempted, made.Other),
		asideAt(120, 7, parser.IRQEntry, "eth0", 36, hard), asideAt(130, 7, parser.IRQExit, "", 36, hard),
		made.Switches(180, 7, made.Other, made.Sleeps, made.Poller),
		// It sleeps, and is woken from CPU 0 out of an idle state that takes 40 us to leave.
		made.Switches(200, 7, made.Poller, made.Sleeps, made.Swapper),
		asideAt(205, 7, parser.CPUIdle, "", 2, parser.ContextTask),
		func() parser.Event {
			e := made.Waking(300, 0, made.Busy[0], made.Poller, 7)
			e.Context = parser.ContextTask
			return e
		}(),
		func() parser.Event {
			e := asideAt(301, 0, parser.IPISend, "", -1, parser.ContextTask)
			e.Cur, e.TargetCPU = made.Busy[0], 7
			return e
		}(),
		asideAt(340, 7, parser.CPUIdle, "", parser.IdleExit, parser.ContextTask),
		asideAt(341, 7, parser.IPIEntry, "reschedule", 253, hard), asideAt(342, 7, parser.IPIExit, "reschedule", 253, hard),
		made.Wakeup(343, 7, made.Swapper, made.Poller, 7),
		made.Switches(350, 7, made.Swapper, made.Runnable, made.Poller),
		made.Switches(900, 7, made.Poller, made.Sleeps, made.Swapper),
	)
}

// Interrupts are parts of the owner's waits, and of the CPU's noise, each of them once.
func TestNoise(t *testing.T) {
	h := made.Bench("6.1.0", 7)
	h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	k := replayScene(t, made.Record(noiseScene()...), h, Plan{Observer: Observer{Why: true}}).cpu(t, 7)
	var got []string
	for _, n := range k.Noise.Items {
		s := fmt.Sprintf("%s %s %d %d/%d", n.Kind, n.Name, n.Count, n.NS/made.Microsecond, n.OwnerNS/made.Microsecond)
		for _, c := range n.Causes {
			s += fmt.Sprintf(" %s:%s", c.By, c.Name)
		}
		got = append(got, s)
	}
	want := []string{
		"task other 1 70/70", "hard irq eth0 1 10/10", "softirq RCU 1 3/3 hardirq:local_timer",
		"tick local_timer 1 4/4 function:tick_nohz_handler", "IPI reschedule 1 1/1 sender:busy0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("noise %q, want %q", got, want)
	}
	if all := [noise.Kinds]bool{true, true, true, true, true, true}; k.Noise.Known != all || k.Noise.Unpaired != 0 || k.Noise.InOwner != 7*made.Microsecond {
		t.Errorf("%+v", k.Noise)
	}
	parts := func(kind account.WaitKind) (s []string) {
		sum := int64(0)
		for _, p := range k.Waits[kind].Parts {
			s = append(s, fmt.Sprintf("%s %s%s %d", p.Cause, p.Task.Comm, p.Name, p.NS/made.Microsecond))
			sum += p.NS
		}
		if sum != k.Waits[kind].Sum() {
			t.Errorf("parts of %d ns, waits of %d", sum, k.Waits[kind].Sum())
		}
		return s
	}
	if got, want := parts(account.OffCPUGap), []string{"hardirq eth0 10", "foreign other 70"}; !slices.Equal(got, want) {
		t.Errorf("gap: %q, want %q", got, want)
	}
	if got, want := parts(account.SchDelay), []string{"idle-state state 2 40", "hardirq reschedule 1", "idle  9"}; !slices.Equal(got, want) {
		t.Errorf("delay: %q, want %q", got, want)
	}
}

// What is not recorded is not known.
func TestNoiseUnknown(t *testing.T) {
	events := slices.DeleteFunc(noiseScene(), func(e parser.Event) bool {
		return e.Aside == parser.SoftirqEntry || e.Aside == parser.SoftirqExit || e.Aside == parser.IRQEntry
	})
	for i := range events {
		if events[i].Aside == parser.HrtimerEntry {
			events[i].Text = "0xffffffff81234560"
		}
	}
	k := replayScene(t, made.Record(events...), made.Bench("6.1.0", 7), Plan{}).cpu(t, 7)
	if want := [noise.Kinds]bool{noise.Task: true, noise.Kthread: true, noise.IPI: true}; k.Noise.Known != want || k.Noise.Unpaired != 1 {
		t.Errorf("%+v", k.Noise)
	}
}

// Millions of interrupts with names of their own keep no more than a bounded number.
func TestNoiseBounded(t *testing.T) {
	events := append(made.Crowd()[:7], made.Switches(50, 7, made.Swapper, made.Runnable, made.Poller))
	for i := range int64(3000) {
		events = append(events, asideAt(60+2*i, 7, parser.IRQEntry, fmt.Sprint("irq", i), i, hard), asideAt(61+2*i, 7, parser.IRQExit, "", i, hard))
	}
	events = append(events, made.Switches(9000, 7, made.Poller, made.Preempted, made.Swapper))
	k := replayScene(t, made.Record(events...), made.Bench("6.1.0", 7), Plan{}).cpu(t, 7)
	n, left := len(k.Noise.Items), k.Noise.Left[noise.Hardirq]
	if n > 600 || int64(n)+left.Count != 3000 || left.NS != left.Count*made.Microsecond {
		t.Errorf("%d items, left %+v", n, left)
	}
}

// A chain of wakers goes back to an interrupt.
func TestWakerChain(t *testing.T) {
	a, b := made.ATask(400, "a", 120), made.ATask(401, "b", 120)
	by := func(e parser.Event) parser.Event {
		e.Context = parser.ContextTask
		return e
	}
	events := append(
		made.Crowd()[:7],
		made.Waking(50, 0, made.Busy[0], a, 1), // by an interrupt
		made.Wakeup(51, 0, made.Busy[0], a, 1),
		made.Switches(60, 1, made.Busy[1], made.Preempted, a),
		by(made.Waking(70, 1, a, b, 2)), made.Wakeup(71, 1, a, b, 2),
		made.Switches(80, 2, made.Busy[2], made.Preempted, b),
		by(made.Waking(90, 2, b, made.Poller, 7)), made.Wakeup(91, 2, b, made.Poller, 7),
		made.Switches(100, 7, made.Swapper, made.Runnable, made.Poller),
		made.Switches(900, 7, made.Poller, made.Sleeps, made.Swapper),
	)
	s := replayScene(t, made.Record(events...), made.Bench("6.1.0", 7), Plan{Observer: Observer{Why: true}})
	var got []string
	for _, r := range s.runs {
		for w := r.Woken; w != nil && r.Task.PID == made.Poller.PID; w = w.Waker {
			got = append(got, fmt.Sprintf("%s by %s %s on %d", w.Task.Comm, w.By.By, w.By.Name, w.By.CPU))
		}
	}
	if want := []string{"poller by task b on 2", "b by task a on 1", "a by hardirq  on 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Two tasks that wake each other for ever make a chain that is cut.
func TestWakerChainCut(t *testing.T) {
	events := made.Crowd()[:7]
	at, who, whom := int64(50), made.Busy[1], made.Poller
	for range 200 {
		cpu := map[int32]int32{made.Busy[1].PID: 1, made.Poller.PID: 7}
		from, to := cpu[who.PID], cpu[whom.PID]
		w := made.Waking(at, from, who, whom, to)
		w.Context = parser.ContextTask
		events = append(events, w, made.Wakeup(at+1, from, who, whom, to), made.Switches(at+2, from, who, made.Sleeps, made.Swapper), made.Switches(at+3, to, made.Swapper, made.Runnable, whom))
		at, who, whom = at+10, whom, who
	}
	s := replayScene(t, made.Record(events...), made.Bench("6.1.0", 7), Plan{Observer: Observer{Why: true}})
	longest, cut := 0, false
	for _, r := range s.runs {
		n := 0
		for w := r.Woken; w != nil; w = w.Waker {
			n++
			cut = cut || w.Cut
		}
		longest = max(longest, n)
	}
	if longest < account.MaxChain || longest > 2*account.MaxChain || !cut {
		t.Errorf("a chain of %d wakings, cut: %v", longest, cut)
	}
}

// A CPU that is idle while a task waits that it could run, and one that is not known to be.
func TestSpare(t *testing.T) {
	pinned, free := made.ATask(400, "pinned", 120), made.ATask(401, "free", 120)
	host := func() *parser.Host {
		h := made.Bench("6.1.0", 7)
		h.Task[pinned.PID] = parser.TaskInfo{PID: pinned.PID, Comm: "pinned", Affinity: fact.Seen(cpumask.Of(1), "")}
		h.Task[free.PID] = parser.TaskInfo{PID: free.PID, Comm: "free", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
		return h
	}
	scene := func(p parser.Task, more ...parser.Event) []parser.Event {
		return append(append(
			made.Crowd()[:7],
			made.Waking(50, 1, made.Busy[1], p, 1), made.Wakeup(51, 1, made.Busy[1], p, 1),
			made.Switches(100, 3, made.Busy[3], made.Sleeps, made.Swapper)),
			append(more, made.Switches(180, 1, made.Busy[1], made.Sleeps, p), made.Switches(900, 1, p, made.Sleeps, made.Swapper))...)
	}
	busyAgain := []parser.Event{
		made.Waking(140, 3, made.Swapper, made.Busy[3], 3), made.Wakeup(141, 3, made.Swapper, made.Busy[3], 3), made.Switches(142, 3, made.Swapper, made.Runnable, made.Busy[3]),
	}
	for _, c := range []struct {
		name   string
		events []parser.Event
		us     int64
	}{
		{"it could have run there", scene(free), 80},
		{"it is pinned", scene(pinned), 0},
		{"its affinity is not known", scene(made.ATask(402, "unknown", 120)), 0},
		{"the CPU gets work again", scene(free, busyAgain...), 41},
		{"events of the idle CPU are lost", scene(free, made.Lost(150, 3, 120, 3)), 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := replayScene(t, made.Record(c.events...), host(), Plan{Observer: Observer{Why: true}}).Spare
			if !s.Known || s.NS/made.Microsecond != c.us || s.WaitNS != s.NS || (s.Count > 0) != (c.us > 0) {
				t.Errorf("%+v, want %d us", s, c.us)
			}
			if c.us > 0 && (s.Longest[0].CPU != 1 || s.Longest[0].First != 3 || s.Longest[0].Task.PID != free.PID) {
				t.Errorf("%+v", s.Longest)
			}
		})
	}
	partial := made.Record(scene(free)...)
	partial.About.RecordedCPUs = cpumask.Of(1)
	if s := replayScene(t, partial, host(), Plan{Observer: Observer{Why: true}}).Spare; s.Known {
		t.Error("of a recording of one CPU it is known which others were idle")
	}
}

// Whatever a CPU says of interrupts, its noise is the time that others than its owner had it,
// and the parts of each wait are the wait.
func TestAnyNoise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cast := []parser.Task{made.Poller, made.Other, made.ATask(9, "ksoftirqd/7", 120), made.Swapper}
		events, now, cur := append(made.Crowd()[:7], made.Switches(50, 7, made.Swapper, made.Runnable, made.Poller)), int64(50), made.Poller
		for range rapid.IntRange(0, 80).Draw(t, "events") {
			now += rapid.Int64Range(0, 4).Draw(t, "later")
			var e parser.Event
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1:
				next := rapid.SampledFrom(cast).Draw(t, "next")
				if next.PID == cur.PID {
					continue
				}
				e = made.Switches(now, 7, cur, rapid.SampledFrom([]parser.State{made.Sleeps, made.Preempted, made.Runnable}).Draw(t, "state"), next)
				cur = next
			case 2:
				e = made.Waking(now, 7, cur, rapid.SampledFrom(cast[:3]).Draw(t, "wakee"), 7)
			case 3:
				if e = made.Lost(now, 7, now, 1); rapid.Bool().Draw(t, "really") {
					break
				}
				continue
			default:
				e = asideAt(now, 7, parser.Aside(rapid.IntRange(1, int(parser.ProcessHang)).Draw(t, "aside")), rapid.SampledFrom([]string{"a", "b", "tick_nohz_handler"}).Draw(t, "name"),
					rapid.Int64Range(0, 3).Draw(t, "number"), parser.Context(rapid.IntRange(0, 4).Draw(t, "context")))
				e.Cur = cur
			}
			events = append(events, e)
		}
		s, err := tryScene(made.Record(events...), made.Bench("6.1.0", 7), Plan{Observer: Observer{Why: true}})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range s.CPUs {
			if err := noiseAddsUp(k); err != nil {
				t.Fatal(err)
			}
			if err := addsUp(k); err != nil {
				t.Fatal(err)
			}
		}
		for i := range s.runs {
			if err := adds(&s.runs[i]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// An idle state is not counted beside what interrupted it: not where an end was lost before
// it, nor where a timer's function is all that is recorded of an interrupt.
func TestIdleStateBesideInterrupts(t *testing.T) {
	aside := func(us int64, a parser.Aside) parser.Event {
		e := asideAt(us, 7, a, "a", 0, parser.ContextUnknown)
		e.Cur = made.Swapper
		return e
	}
	for name, told := range map[string][]parser.Event{
		"a softirq's end was lost": {aside(61, parser.SoftirqEntry), aside(61, parser.CPUIdle), aside(63, parser.SoftirqExit), aside(63, parser.IRQEntry)},
		"timers alone are told":    {aside(61, parser.CPUIdle), aside(61, parser.TimerEntry), aside(63, parser.TimerExit), aside(63, parser.IRQEntry)},
	} {
		events := append(made.Crowd()[:7], made.Switches(50, 7, made.Swapper, made.Runnable, made.Poller),
			made.Switches(60, 7, made.Poller, made.Sleeps, made.Swapper), made.Waking(61, 7, made.Swapper, made.Poller, 7))
		events = append(events, told...)
		events = append(events, made.Switches(63, 7, made.Swapper, made.Runnable, made.Poller))
		s := replayScene(t, made.Record(events...), made.Bench("6.1.0", 7), Plan{Observer: Observer{Why: true}})
		for _, k := range s.CPUs {
			if err := addsUp(k); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if k.CPU == 7 && k.Waits[account.SchDelay].Sum() != 2000 {
				t.Errorf("%s: the owner waited for %d ns", name, k.Waits[account.SchDelay].Sum())
			}
		}
	}
}
