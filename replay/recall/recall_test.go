package recall

import (
	"slices"
	"testing"

	"schedreplay/parser"
)

func waking(at int64, pid int32) *parser.Event {
	ev := parser.NewEvent(parser.KindWaking, at, 3)
	ev.Task, ev.TargetCPU = parser.Task{PID: pid, Prio: 120}, 5
	return &ev
}

func charge(at int64, pid int32) *parser.Event {
	ev := parser.NewEvent(parser.KindStatRuntime, at, 3)
	ev.Task.PID, ev.Cur.PID = pid, pid
	return &ev
}

func times(l *Log) (at []int64) {
	for ev := range l.All() {
		at = append(at, ev.Time)
	}
	return at
}

// What is kept of a break: all within it, then what runs over a span, then new tasks.
func TestKept(t *testing.T) {
	l := New(100)
	for at := int64(10); at <= 50; at += 10 {
		l.Add(charge(at, 1))
	}
	if !l.Break(20, 50) {
		t.Fatal("not kept")
	}
	for _, ev := range []*parser.Event{charge(60, 1), charge(70, 1), waking(80, 1), charge(90, 2), waking(150, 1), waking(151, 1), waking(160, 3)} {
		l.Add(ev)
	}
	want := []int64{30, 40, 50, 60, 80, 90, 150, 160}
	if got := times(l); !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if l.Break(45, 160) {
		t.Error("a break from before the end of another is not kept apart")
	}
	if !l.Break(150, 160) || !slices.Equal(times(l), []int64{30, 40, 50, 60, 80, 90, 150, 151, 160}) {
		t.Errorf("after another break %v", times(l))
	}
	l.Add(charge(400, 1))
	l.Add(charge(401, 1))
	if got := times(l); got[len(got)-1] != 400 {
		t.Errorf("a task is new after each break: %v", got)
	}
}

// All has what was added.
func TestFields(t *testing.T) {
	l := New(0)
	ev := parser.NewEvent(parser.KindSwitch, -7, 8191)
	ev.Task, ev.Next, ev.Cur.PID = parser.Task{PID: 1 << 22, Prio: -1}, parser.Task{PID: parser.NoPID, Prio: parser.NoPrio}, 9
	ev.State, ev.OrigCPU, ev.TargetCPU = parser.StateRunning|parser.StatePreempted, 1<<20, 17
	l.Add(&ev)
	if !l.Break(-8, -7) {
		t.Fatal("not kept")
	}
	ev.OrigCPU = parser.NoCPU // no mask could hold it
	n := 0
	for got := range l.All() {
		if n++; *got != ev {
			t.Errorf("got %+v, want %+v", *got, ev)
		}
	}
	if n != 1 {
		t.Errorf("%d events", n)
	}
}

// Memory is bounded by the events remembered, the bytes and the breaks.
func TestBounds(t *testing.T) {
	l := New(1)
	for at := range int64(recent + 10) {
		l.Add(charge(at, 1))
	}
	if l.Break(8, recent+9) || !l.Break(9, recent+9) {
		t.Error("a break is kept whose events are remembered, and no other")
	}
	l = New(1 << 40)
	l.Add(charge(1, 1))
	l.Break(0, 1)
	for at := int64(0); l.Whole(); at++ {
		if l.Add(waking(at, 1)); len(l.kept) > maxKept+maxKept/8 {
			t.Fatalf("%d bytes", len(l.kept))
		}
	}
	if len(times(l)) > 0 || l.Break(1<<41, 1<<41) {
		t.Error("it goes on when it is full")
	}
	l = New(0)
	for at := int64(0); l.Whole(); at++ {
		if l.Add(waking(at, 1)); l.Break(at-1, at) == (at >= maxBreaks) {
			t.Fatalf("break %d", at)
		}
	}
}
