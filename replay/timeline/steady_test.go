package timeline

import (
	"slices"
	"testing"

	"schedreplay/parser"
	"schedreplay/replay/internal/made"
	"schedreplay/replay/still"
)

// stillScene is CPU 1 whose clock stands at 20 us: it goes idle, is woken by CPU 2 and
// switches to a task that CPU 3 wakes at 60 us, before its clock goes on at 100 us.
func stillScene() []parser.Event {
	return []parser.Event{
		made.Switches(5, 3, made.Other, made.Sleeps, made.Busy[3]),
		made.Switches(20, 1, made.Busy[1], made.Sleeps, made.Swapper),
		made.Waking(20, 1, made.Swapper, made.Busy[1], 1),
		made.Switches(20, 1, made.Swapper, made.Runnable, made.Other),
		made.Waking(30, 2, made.Busy[2], made.Busy[6], 2),
		made.Waking(60, 3, made.Busy[3], made.Other, 1),
		made.Waking(70, 3, made.Busy[3], made.Busy[7], 1),
		made.Switches(100, 1, made.Other, made.Sleeps, made.Swapper),
	}
}

// What a CPU wrote at one time comes a step apart, not before a task that it shows running
// was woken, and not after the CPU's next event.
func TestSteady(t *testing.T) {
	c := made.Record(stillScene()...)
	c.About.Resolution = 1
	s := SurveyOf(c, &parser.Host{}, nil)
	if got := s.Stood.Until(1, 20*made.Microsecond); got != 100*made.Microsecond || len(s.Stood) != 1 {
		t.Fatalf("CPU 1 stood until %d us; %v", got/made.Microsecond, s.Stood)
	}
	type seen struct {
		cpu  int32
		at   int64
		late bool
	}
	var got []seen
	for ev, err := range (&still.Capture{Capture: c, Step: 8 * made.Microsecond, Stood: s.Stood}).Events() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, seen{ev.CPU, ev.Time / made.Microsecond, still.MovedOn(&ev)})
	}
	want := []seen{{3, 5, false}, {1, 20, true}, {1, 28, true}, {2, 30, false}, {3, 60, false}, {1, 60, true}, {3, 70, false}, {1, 100, false}}
	if !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

// What was at one time may have been at any until the clock went on, for the CPU itself
// and for others; a clock in microseconds shows nothing.
func TestSteadyWindows(t *testing.T) {
	c := made.Record(stillScene()...)
	c.About.Resolution = 1
	s := SurveyOf(c, &parser.Host{}, nil)
	if s.Stood.Often() != 0 || (still.Times{1: {{From: 1, To: 2}, {From: 3, To: 4}, {From: 5, To: 6}}, 2: {{From: 1, To: 2}}}).Often() != 1 {
		t.Errorf("%v stood often", s.Stood)
	}
	l := New(s, 8, false)
	for ev := range (&still.Capture{Capture: c, Step: 8 * made.Microsecond, Stood: s.Stood}).Events() {
		if ev.Time >= 60*made.Microsecond {
			break
		}
		l.Apply(&ev)
	}
	if v := l.seen(1, Window{40 * made.Microsecond, 39 * made.Microsecond, 41 * made.Microsecond}); !v.IdleOpen {
		t.Errorf("CPU 1 in between: %+v", v)
	}
	if v := l.seen(1, Window{200 * made.Microsecond, 199 * made.Microsecond, 201 * made.Microsecond}); v.IdleOpen {
		t.Errorf("CPU 1 later: %+v", v)
	}
	c.About.Resolution = 1000
	if s := SurveyOf(c, &parser.Host{}, nil); len(s.Stood) != 0 {
		t.Errorf("in microseconds: %v", s.Stood)
	}
}

// Clocks stand still at some times and not at others: two events of one time are no reason to
// doubt what comes long after.
func TestStillHere(t *testing.T) {
	c := made.Record(append(stillScene(), made.Switches(1_000_000, 1, made.Swapper, made.Runnable, made.Other))...)
	c.About.Resolution = 1
	s := SurveyOf(c, &parser.Host{}, nil)
	for at, want := range map[int64]Look{500: LooksStood, 1_000_500: LooksPlain} {
		l := New(s, 8, false)
		for ev := range (&still.Capture{Capture: c, Step: 8 * made.Microsecond, Stood: s.Stood}).Events() {
			if ev.Time < at*made.Microsecond {
				l.Apply(&ev)
			}
		}
		by := Looker{Window: Window{at * made.Microsecond, (at - 1) * made.Microsecond, (at + 1) * made.Microsecond}, Self: NoTask, Here: 5}
		v := l.seen(1, by.Window)
		if got := l.Look(1, &v, &by); got != want {
			t.Errorf("after %d us: %v, want %v", at, got, want)
		}
	}
}
