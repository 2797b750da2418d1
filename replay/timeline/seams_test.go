package timeline

import (
	"testing"

	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// interrupted is a recording that two CPUs' breaks, or with one only CPU 0's, show to have
// been interrupted after 1 ms: A ran on CPU 0 and B on CPU 1, after it D on CPU 0, for
// which E waited, and nothing on CPU 1 until C came there.
func interrupted(both bool) (events []parser.Event, a, b, c, d, e parser.Task) {
	a, b, c = made.ATask(101, "a", 120), made.ATask(102, "b", 120), made.ATask(103, "c", 120)
	d, e = made.ATask(104, "d", 120), made.ATask(105, "e", 120)
	hole := func(at int64, cpu int32, since int64, left, entered parser.Task) parser.Event {
		ev := made.At(at, parser.KindHole, cpu)
		ev.Start, ev.Task, ev.Next = since*made.Microsecond, left, entered
		return ev
	}
	events = []parser.Event{
		made.Switches(900, 0, made.Swapper, made.Runnable, a),
		made.Switches(1000, 1, made.Swapper, made.Runnable, b),
	}
	if both {
		events = append(events,
			hole(9_000, 1, 1000, made.Swapper, b), made.Waking(9_000, 1, made.Swapper, c, 1), made.Wakeup(9_010, 1, made.Swapper, c, 1),
			made.Switches(9_100, 1, made.Swapper, made.Runnable, c))
	} else {
		events = append(events, made.Switches(9_100, 1, b, made.Sleeps, made.Swapper))
	}
	return append(events, hole(9_500, 0, 900, d, a), made.Switches(9_500, 0, d, made.Sleeps, e)), a, b, c, d, e
}

// After an interruption the CPUs stand as their next events tell, from the moment on that
// their breaks have in common.
func TestSeam(t *testing.T) {
	events, a, b, c, d, e := interrupted(true)
	s := SurveyOf(made.Record(events...), &parser.Host{}, nil)
	if len(s.seams) != 1 || s.seams[0].at != 1000*made.Microsecond || len(s.seams[0].breaks) != 2 {
		t.Fatalf("seams %+v", s.seams)
	}
	l := New(s, 2, false)
	l.Apply(&events[0])
	l.Apply(&events[1])
	if l.Resume(1000*made.Microsecond) || l.CPU[0].Cur != a.PID || l.CPU[1].Cur != b.PID {
		t.Error("resumed before it was interrupted")
	}
	if !l.Resume(1001*made.Microsecond) || l.Resume(1002*made.Microsecond) {
		t.Error("it resumes once")
	}
	k, o := &l.CPU[0], &l.CPU[1]
	if !k.Known || k.Cur != d.PID || k.guard != e.PID || len(k.Queue) != 2 || !l.Get(e.PID).Queued {
		t.Errorf("CPU 0: known %v, current %d, guard %d, %d queued", k.Known, k.Cur, k.guard, len(k.Queue))
	}
	if !o.Idle() || o.guard != parser.NoPID || l.Get(c.PID).Queued || l.Get(c.PID).CPU != 1 {
		t.Errorf("CPU 1: idle %v, guard %d, it waits %v", o.Idle(), o.guard, l.Get(c.PID).Queued)
	}
	if l.Get(a.PID).QueuedKnown || l.Get(b.PID).QueuedKnown {
		t.Error("what became of those that ran before is known")
	}
	for i := range events[2:] {
		l.Apply(&events[2+i])
	}
	if !o.Known || o.Cur != c.PID || k.Cur != e.PID || l.Get(d.PID).Queued {
		t.Errorf("in the end CPU 0 runs %d and CPU 1 %d", k.Cur, o.Cur)
	}
}

// After an interruption tasks are taken to have done what they do from then on: the averages
// are not those of before.
func TestSeamLoads(t *testing.T) {
	events, a, _, c, d, e := interrupted(true)
	s := SurveyOf(made.Record(events...), &parser.Host{}, nil)
	l := New(s, 2, false)
	l.warm(startShares(made.Record(events...), s, false))
	l.Apply(&events[0])
	l.Apply(&events[1])
	l.Resume(1001 * made.Microsecond)
	for _, x := range []struct {
		task           parser.Task
		util, runnable int64
	}{{a, 0, 0}, {c, 48, 60}, {d, 1024, 1024}, {e, 0, 1024}} {
		if k := l.Get(x.task.PID).Entity; k.Util != x.util || k.Runnable < x.runnable-10 || k.Runnable > x.runnable+10 {
			t.Errorf("%s: util %d and runnable %d, want %d and about %d", x.task.Comm, k.Util, k.Runnable, x.util, x.runnable)
		}
	}
	if k := &l.CPU[0].CFS; k.Util != 1024 || k.NR != 2 || k.Weight != 2048 || !k.Running {
		t.Errorf("CPU 0: util %d, %d queued of weight %d", k.Util, k.NR, k.Weight)
	}
	if k := &l.CPU[1].CFS; k.Util != 48 || k.Runnable > 70 || k.NR != 0 {
		t.Errorf("CPU 1: util %d, runnable %d, %d queued", k.Util, k.Runnable, k.NR)
	}
}

// A break on one CPU has no moment in common with another: what it did is unknown until the
// event that shows the break, which tells what it does.
func TestLoneBreak(t *testing.T) {
	events, _, _, _, d, e := interrupted(false)
	s := SurveyOf(made.Record(events...), &parser.Host{}, nil)
	l := New(s, 2, false)
	known := true
	for i := range events {
		ev := &events[i]
		if l.Resume(ev.Time) {
			t.Error("resumed")
		}
		if l.CPU[0].Known != known {
			t.Errorf("before event %d CPU 0 is known: %v", i, !known)
		}
		if l.Apply(ev); ev.Kind == parser.KindHole && l.CPU[0].Cur != d.PID {
			t.Errorf("CPU 0 runs %d", l.CPU[0].Cur)
		}
		known = ev.Kind == parser.KindHole || known && i > 0
	}
	if l.CPU[0].Cur != e.PID {
		t.Errorf("CPU 0 runs %d in the end", l.CPU[0].Cur)
	}
}

// Where a kernel leaves switches out of idle out of the recording, a task that was woken to an
// idle CPU runs there from when it is known to, and what else waits there still does. Of one
// that came there unseen nothing is known before.
func TestSwitchOutOfIdle(t *testing.T) {
	a, b, c := made.ATask(101, "a", 120), made.ATask(102, "b", 120), made.ATask(103, "c", 120)
	hole := func(at int64, cur parser.Task, since, ran int64) parser.Event {
		ev := made.At(at, parser.KindHole, 1)
		ev.Start, ev.Task, ev.Next, ev.Runtime = since*made.Microsecond, cur, made.Swapper, ran*made.Microsecond
		return ev
	}
	charged := func(at int64, p parser.Task, ran int64) parser.Event {
		ev := made.At(at, parser.KindStatRuntime, 1)
		ev.Task, ev.Cur, ev.Runtime = p, p, ran*made.Microsecond
		return ev
	}
	events := []parser.Event{
		made.Switches(100, 1, b, made.Sleeps, made.Swapper),
		made.Switches(200, 0, made.Swapper, made.Runnable, c),
		made.Waking(300, 0, c, a, 1), made.Wakeup(302, 0, c, a, 1), made.Waking(310, 0, c, b, 1), made.Wakeup(312, 0, c, b, 1),
		made.Switches(420, 0, c, made.Preempted, made.Swapper),
		hole(500, a, 100, 90), charged(500, a, 90),
		made.Switches(510, 1, a, made.Sleeps, b), made.Switches(520, 1, b, made.Sleeps, made.Swapper),
		made.Switches(530, 0, made.Swapper, made.Runnable, c), made.Switches(540, 0, c, made.Preempted, made.Swapper),
		made.Switches(650, 0, made.Swapper, made.Runnable, a), made.Switches(660, 0, a, made.Sleeps, made.Swapper),
		hole(700, c, 520, 30), charged(700, c, 30), made.Switches(710, 1, c, made.Sleeps, made.Swapper),
	}
	s := SurveyOf(made.Record(events...), &parser.Host{}, nil)
	l := New(s, 2, false)
	for i := range events {
		ev := &events[i]
		l.Resume(ev.Time)
		k := &l.CPU[1]
		cur, known, waits := k.Cur, k.Known, len(k.Queue)
		switch ev.Time / made.Microsecond {
		case 310, 312: // they wait, the CPU is about to run one
			if cur != 0 || !known || waits == 0 {
				t.Errorf("at %d ns it runs %d, known: %v, %d queued", ev.Time, cur, known, waits)
			}
		case 420, 500:
			if cur != a.PID || k.Since != 410*made.Microsecond || waits != 2 || !l.Get(b.PID).Waits() {
				t.Errorf("it runs %d since %d ns, %d queued", cur, k.Since, waits)
			}
		case 530, 540:
			if !k.Idle() {
				t.Errorf("at %d ns it is not idle", ev.Time)
			}
		case 650, 660: // c may have come
			if known {
				t.Errorf("at %d ns it is known", ev.Time)
			}
		case 700:
			if cur != c.PID || k.Since != 670*made.Microsecond {
				t.Errorf("it runs %d since %d ns", cur, k.Since)
			}
		}
		l.Apply(ev)
	}
}

// A charge of which the time is not told tells no more than that its task runs.
func TestChargeNotTold(t *testing.T) {
	a := made.ATask(101, "a", 120)
	hole, charge := made.At(500, parser.KindHole, 1), made.At(500, parser.KindStatRuntime, 1)
	hole.Start, hole.Task, hole.Next = 100*made.Microsecond, a, made.Swapper
	charge.Task, charge.Cur = a, a
	events := []parser.Event{
		made.Switches(100, 1, a, made.Sleeps, made.Swapper), made.Switches(200, 0, made.Swapper, made.Runnable, made.Other),
		hole, charge, made.Switches(600, 1, a, made.Sleeps, made.Swapper),
	}
	l := New(SurveyOf(made.Record(events...), &parser.Host{}, nil), 2, false)
	for i := range events[:2] {
		l.Apply(&events[i])
	}
	if l.Resume(450 * made.Microsecond); l.CPU[1].Cur == a.PID {
		t.Error("it runs before its charge, of which the time is not told")
	}
}

// perf is current on each CPU as it stops and starts the recording there, so that no chain
// of switches breaks: that it comes to one CPU and has not left another tells. Until each
// records again what it does is not known.
func TestSeamOfPerf(t *testing.T) {
	perf, a, b := made.ATask(90, "perf", 120), made.ATask(101, "a", 120), made.ATask(102, "b", 120)
	events := []parser.Event{
		made.Switches(900, 0, a, made.Sleeps, perf),
		made.Switches(1_000, 1, b, made.Sleeps, perf),
		made.Switches(21_000, 0, perf, made.Runnable, a),
		made.Switches(25_000, 1, perf, made.Runnable, b),
		made.Switches(26_000, 1, b, made.Sleeps, perf),
	}
	s := SurveyOf(made.Record(events...), &parser.Host{}, nil)
	if len(s.seams) != 1 || s.seams[0].at != 1_000*made.Microsecond || len(s.seams[0].breaks) != 2 {
		t.Fatalf("seams %+v", s.seams)
	}
	l := New(s, 2, false)
	for _, x := range []struct {
		at   int64
		want [3]bool // some CPU is not recorded, CPU 0, CPU 1
	}{{800, [3]bool{}}, {950, [3]bool{true, true}}, {2_000, [3]bool{true, true, true}}, {22_000, [3]bool{true, false, true}}, {25_500, [3]bool{}}} {
		at := x.at * made.Microsecond
		l.Resume(at)
		if got := [3]bool{l.Partly(at), l.mute(0, at), l.mute(1, at)}; got != x.want {
			t.Errorf("at %d us: %v, want %v", x.at, got, x.want)
		}
	}
	l = New(s, 2, false)
	for i := range events {
		l.Resume(events[i].Time)
		l.Apply(&events[i])
	}
	if l.CPU[0].Cur != a.PID || l.CPU[1].Cur != perf.PID || len(l.CPU[0].Queue) != 1 || len(l.CPU[1].Queue) != 1 {
		t.Errorf("in the end CPU 0 runs %d of %d, CPU 1 %d of %d", l.CPU[0].Cur, len(l.CPU[0].Queue), l.CPU[1].Cur, len(l.CPU[1].Queue))
	}
	events[0].Next.Comm, events[1].Next.Comm, events[2].Task.Comm = "p", "p", "p"
	if s := SurveyOf(made.Record(events[:4]...), &parser.Host{}, nil); len(s.seams) > 0 {
		t.Errorf("of a task that records nothing: %+v", s.seams)
	}
}
