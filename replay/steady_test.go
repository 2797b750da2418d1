package replay

import (
	"slices"
	"testing"

	"schedreplay/parser"
)

// stillScene is CPU 1 whose clock stands at 20 us: it goes idle, is woken by CPU 2 and
// switches to a task that CPU 3 wakes at 60 us, before its clock goes on at 100 us.
func stillScene() []parser.Event {
	return []parser.Event{
		switches(5, 3, other, sleeps, busy[3]),
		switches(20, 1, busy[1], sleeps, swapper),
		waking(20, 1, swapper, busy[1], 1),
		switches(20, 1, swapper, runnable, other),
		waking(30, 2, busy[2], busy[6], 2),
		waking(60, 3, busy[3], other, 1),
		waking(70, 3, busy[3], busy[7], 1),
		switches(100, 1, other, sleeps, swapper),
	}
}

// What a CPU wrote at one time comes a step apart, not before a task that it shows running
// was woken, and not after the CPU's next event.
func TestSteady(t *testing.T) {
	c := record(stillScene()...)
	c.meta.Resolution = 1
	s := surveyCapture(c, &parser.Host{}, nil)
	if got := s.stood.until(1, 20*us); got != 100*us || len(s.stood) != 1 {
		t.Fatalf("CPU 1 stood until %d us; %v", got/us, s.stood)
	}
	type seen struct {
		cpu  int32
		at   int64
		late bool
	}
	var got []seen
	for ev, err := range (&steady{c, 8 * us, s.stood}).Events() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, seen{ev.CPU, ev.Time / us, movedOn(&ev)})
	}
	want := []seen{{3, 5, false}, {1, 20, true}, {1, 28, true}, {2, 30, false}, {3, 60, false}, {1, 60, true}, {3, 70, false}, {1, 100, false}}
	if !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}

// What was at one time may have been at any until the clock went on, for the CPU itself
// and for others; a clock in microseconds shows nothing.
func TestSteadyWindows(t *testing.T) {
	c := record(stillScene()...)
	c.meta.Resolution = 1
	s := surveyCapture(c, &parser.Host{}, nil)
	l := newTimeline(s, 8, false)
	for ev := range (&steady{c, 8 * us, s.stood}).Events() {
		if ev.Time >= 60*us {
			break
		}
		l.apply(&ev)
	}
	if v := l.at(1, window{40 * us, 39 * us, 41 * us}); !v.idleOpen {
		t.Errorf("CPU 1 in between: %+v", v)
	}
	if v := l.at(1, window{200 * us, 199 * us, 201 * us}); v.idleOpen {
		t.Errorf("CPU 1 later: %+v", v)
	}
	c.meta.Resolution = 1000
	if s := surveyCapture(c, &parser.Host{}, nil); len(s.stood) != 0 {
		t.Errorf("in microseconds: %v", s.stood)
	}
}
