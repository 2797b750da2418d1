package ahead

import (
	"slices"
	"testing"

	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
	"schedreplay/replay/timeline"
)

// emitted is what the look-ahead hands on.
type emitted struct {
	ev  parser.Event
	out *Outcome
}

func lookThrough(t *testing.T, events ...parser.Event) []emitted {
	t.Helper()
	var got []emitted
	l := New(timeline.SurveyOf(made.Record(events...), &parser.Host{}, nil), false, func(e *parser.Event, o *Outcome) error {
		got = append(got, emitted{*e, o})
		return nil
	})
	for i := range events {
		if err := l.Push(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.End(); err != nil {
		t.Fatal(err)
	}
	// The replay has no use for sched_stat_runtime.
	events = slices.DeleteFunc(slices.Clone(events), func(e parser.Event) bool { return e.Kind == parser.KindStatRuntime })
	if len(got) != len(events) {
		t.Fatalf("%d of %d events came out", len(got), len(events))
	}
	for i := range got {
		if got[i].ev.Time != events[i].Time || got[i].ev.Kind != events[i].Kind {
			t.Fatalf("event %d came out as %s at %d", i, got[i].ev.Kind, got[i].ev.Time)
		}
	}
	return got
}

// What became of a waking, by what the recording shows of it. Every scene
// begins with the waking at 10 us: CPU 2 wakes a task that slept on CPU 4.
func TestLookahead(t *testing.T) {
	elsewhere := made.Migrates(1, 5, made.Busy[5], made.Busy[4], 5, 6) // so that the capture holds migrations
	const no = parser.NoCPU
	stat := func(t int64, cpu int32) parser.Event {
		e := made.At(t, parser.KindStatRuntime, cpu)
		e.Task, e.Runtime = made.Busy[2], 1000
		return e
	}
	for _, c := range []struct {
		name   string
		before []parser.Event // of the recording, to say which kinds it has
		then   []parser.Event
		cpu    int32
		from   fact.Provenance
		upper  int64 // in us; 0 for none
		own    bool
		moved  bool // by its own migration
	}{
		{"its migration", []parser.Event{elsewhere}, []parser.Event{made.Migrates(12, 2, made.Busy[2], made.Other, 4, 6)}, 6, fact.Observed, 12, true, true},
		{"moved from there by another CPU, so it was queued there", []parser.Event{elsewhere}, []parser.Event{made.Migrates(12, 3, made.Busy[3], made.Other, 4, 6)}, 4, fact.Reconstructed, 12, false, false},
		{"woken by its waker's CPU", nil, []parser.Event{made.Wakeup(12, 2, made.Busy[2], made.Other, 5)}, 5, fact.Observed, 12, true, false},
		{"woken on the CPU chosen", nil, []parser.Event{made.Wakeup(12, 5, made.Swapper, made.Other, 5)}, 5, fact.Observed, 12, false, false},
		{"the waker's CPU went on, then it is woken", nil, []parser.Event{made.Switches(11, 2, made.Busy[2], made.Sleeps, made.Swapper), made.Wakeup(12, 5, made.Swapper, made.Other, 5)}, 5, fact.Observed, 11, false, false},
		{"no migration before the waker's next event", []parser.Event{elsewhere}, []parser.Event{made.Switches(11, 2, made.Busy[2], made.Sleeps, made.Swapper), made.Wakeup(12, 4, made.Swapper, made.Other, 4)}, 4, fact.Reconstructed, 11, false, false},
		{"only its switch-in", nil, []parser.Event{made.Switches(12, 5, made.Swapper, made.Runnable, made.Other)}, 5, fact.Reconstructed, 12, false, false},
		{"events of other CPUs tell nothing", nil, []parser.Event{made.Switches(11, 3, made.Busy[3], made.Sleeps, made.Swapper), made.Wakeup(12, 3, made.Swapper, made.Busy[3], 3)}, no, 0, 0, false, false},
		{"a loss on the waker's CPU", []parser.Event{elsewhere}, []parser.Event{made.Lost(11, 2, 10, 5), made.Switches(12, 2, made.Busy[2], made.Sleeps, made.Swapper)}, no, 0, 0, false, false},
		{"a loss everywhere", []parser.Event{elsewhere}, []parser.Event{made.Lost(11, -1, 10, 5), made.Switches(12, 2, made.Busy[2], made.Sleeps, made.Swapper)}, no, 0, 0, false, false},
		{"a loss elsewhere", []parser.Event{elsewhere}, []parser.Event{made.Lost(11, 3, 10, 5), made.Switches(12, 2, made.Busy[2], made.Sleeps, made.Swapper)}, 4, fact.Reconstructed, 12, false, false},
		{"a loss, then it is woken", nil, []parser.Event{made.Lost(11, 2, 10, 5), made.Wakeup(12, 5, made.Swapper, made.Other, 5)}, 5, fact.Observed, 12, false, false},
		{"woken again before anything is known", nil, []parser.Event{made.Waking(11, 3, made.Busy[3], made.Other, 4), made.Wakeup(12, 5, made.Swapper, made.Other, 5)}, no, 0, 0, false, false},
		{"a statistic of the waker's CPU", []parser.Event{elsewhere}, []parser.Event{stat(11, 2)}, 4, fact.Reconstructed, 11, false, false},
	} {
		events := append(append([]parser.Event{}, c.before...), made.Waking(10, 2, made.Busy[2], made.Other, 4))
		o := lookThrough(t, append(events, c.then...)...)[len(c.before)].out
		upper := int64(parser.NoTime)
		if c.upper > 0 {
			upper = c.upper * made.Microsecond
		}
		if o.CPU != c.cpu || o.From != c.from || o.Upper != upper || o.Own != c.own || o.migrated != c.moved {
			t.Errorf("%s: CPU %d (%s), over by %d us, own %v, migrated %v; want %d (%s), %d, %v, %v",
				c.name, o.CPU, o.From, o.Upper/made.Microsecond, o.Own, o.migrated, c.cpu, c.from, c.upper, c.own, c.moved)
		}
	}
}

// sched_wakeup_new always tells its CPU, and so does sched_wakeup where no
// waking is recorded; where it is, only the waking is a decision.
func TestLookaheadWithoutWaking(t *testing.T) {
	got := lookThrough(t, made.Wakeup(10, 2, made.Busy[2], made.Other, 5), made.WakeupNew(11, 2, made.Busy[2], made.Ksmd, 3))
	for i, want := range []int32{5, 3} {
		if o := got[i].out; o == nil || o.CPU != want || o.From != fact.Observed || !o.Done {
			t.Errorf("event %d: %+v", i, o)
		}
	}
	got = lookThrough(t, made.Waking(9, 2, made.Busy[2], made.Other, 4), made.Wakeup(10, 2, made.Busy[2], made.Other, 5))
	if got[0].out == nil || got[1].out != nil {
		t.Error("the waking is the decision, not the wakeup")
	}
}

// Waiting is bounded in time and in events, and what was waited in is used again.
func TestLookaheadBounded(t *testing.T) {
	first := made.Waking(10, 2, made.Busy[2], made.Other, 4)
	run := func(n int, step int64) (most int) {
		l := New(&timeline.Survey{HasWaking: true}, false, func(*parser.Event, *Outcome) error { return nil })
		if err := l.Push(&first); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			e := made.Switches(0, 3, made.Busy[3], made.Runnable, made.Busy[4])
			e.Time = first.Time + int64(i+1)*step
			if err := l.Push(&e); err != nil {
				t.Fatal(err)
			}
			most = max(most, l.queue.len())
		}
		if got := len(l.queue.blocks); got > most/heldBlock+2 {
			t.Errorf("%d blocks for %d events", got, most)
		}
		return most
	}
	if n := run(3*maxHeld, 1); n > maxHeld {
		t.Errorf("%d events held", n)
	}
	if n := run(100, maxHeldNS/10); n > 11 {
		t.Errorf("%d events held for longer than %d ns", n, maxHeldNS)
	}
}

// A rehearsal is told of a selection what it chose and where the wakee was next, by its
// run or the load balancer's move; what the selection left of itself is told of nobody.
func TestLookaheadBlind(t *testing.T) {
	p := made.Busy[4]
	runs := func(t int64, cpu int32) parser.Event { return made.Switches(t, cpu, made.Swapper, made.Runnable, p) }
	child := made.ATask(77, "child", 120)
	for _, c := range []struct {
		name     string
		then     []parser.Event
		cpu, ran int32
		hidden   int // of the events after the waking, those told as KindOther
	}{
		{"runs where it was put", []parser.Event{made.Migrates(11, 2, made.Busy[2], p, 4, 5), made.Wakeup(12, 5, made.Swapper, p, 5), runs(13, 5)}, 5, 5, 2},
		{"the choice says otherwise", []parser.Event{made.Migrates(11, 2, made.Busy[2], p, 4, 6), made.Wakeup(12, 5, made.Swapper, p, 6), runs(13, 5)}, 6, 5, 2},
		{
			"moved before it ran",
			[]parser.Event{made.Wakeup(12, 2, made.Busy[2], p, 4), made.Migrates(15, 3, made.Busy[3], p, 4, 3), runs(16, 3)},
			4, 4, 1,
		},
		{"never ran", []parser.Event{made.Wakeup(12, 2, made.Busy[2], p, 4)}, 4, parser.NoCPU, 1},
		{"was current", []parser.Event{made.Wakeup(12, 2, made.Busy[2], p, 4), made.Switches(13, 4, p, made.Sleeps, made.Swapper)}, 4, parser.NoCPU, 1},
	} {
		events := append([]parser.Event{made.Waking(10, 2, made.Busy[2], p, 4)}, c.then...)
		var got []emitted
		l := New(&timeline.Survey{HasWaking: true, HasWakeup: true, HasMigrate: true}, false, func(e *parser.Event, o *Outcome) error {
			got = append(got, emitted{*e, o})
			return nil
		})
		l.Blind = true
		for i := range events {
			if err := l.Push(&events[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.End(); err != nil || len(got) != len(events) {
			t.Fatalf("%s: %d of %d events, %v", c.name, len(got), len(events), err)
		}
		hidden := 0
		for _, e := range got[1:] {
			if e.ev.Kind == parser.KindOther {
				hidden++
			}
		}
		if o := got[0].out; o.CPU != c.cpu || o.Ran != c.ran || hidden != c.hidden {
			t.Errorf("%s: chosen %d, ran on %d, %d hidden; want %d, %d, %d", c.name, o.CPU, o.Ran, hidden, c.cpu, c.ran, c.hidden)
		}
	}
	var born []parser.Event
	l := New(&timeline.Survey{HasWaking: true, HasWakeup: true}, false, func(e *parser.Event, _ *Outcome) error {
		born = append(born, *e)
		return nil
	})
	l.Blind = true
	for _, ev := range []parser.Event{made.WakeupNew(10, 2, made.Busy[2], child, 6), made.Switches(20, 5, made.Swapper, made.Runnable, child)} {
		if err := l.Push(&ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.End(); err != nil || len(born) != 2 || born[0].TargetCPU != 5 {
		t.Errorf("a child put on CPU 6 that ran on CPU 5: %+v, %v", born, err)
	}
}

// Many wakings of many tasks leave nothing behind.
func TestLookaheadForgets(t *testing.T) {
	l := New(&timeline.Survey{HasWaking: true, HasMigrate: true}, false, func(*parser.Event, *Outcome) error { return nil })
	for i := range int64(50_000) {
		p := made.Other
		p.PID = int32(i%4000) + 1000
		w, s := made.Waking(10*i, 2, made.Busy[2], p, 4), made.Switches(10*i+5, 2, made.Busy[2], made.Sleeps, made.Swapper)
		for _, e := range []parser.Event{w, s} {
			if err := l.Push(&e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if l.byPID.Len() > 1 || len(l.byCPU) > 3 || l.queue.len() > 16_384 {
		t.Errorf("%d by pid, %d by CPU, %d queued", l.byPID.Len(), len(l.byCPU), l.queue.len())
	}
}
