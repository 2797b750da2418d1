package replay

import (
	"slices"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// pinnedAt is a busy machine with CPU 7 idle on which ksmd is woken n times on CPU 5,
// where it slept: nothing but an affinity of that CPU keeps 4.19 from CPU 7, which is the
// third of three that every scan looks at.
func pinnedAt(n int) []parser.Event {
	ev := append(made.Crowd(), made.Switches(10, 5, made.Busy[5], made.Preempted, made.Ksmd), made.Switches(20, 5, made.Ksmd, made.Sleeps, made.Busy[5]))
	for i := range int64(n) {
		at := 1000 + 6000*i
		ev = append(ev,
			made.Waking(at, 5, made.Busy[5], made.Ksmd, 5), made.Wakeup(at+2, 5, made.Busy[5], made.Ksmd, 5),
			made.Switches(at+10, 5, made.Busy[5], made.Preempted, made.Ksmd), made.Switches(at+20, 5, made.Ksmd, made.Sleeps, made.Busy[5]),
		)
	}
	return ev
}

// No answer about a decision that the model cannot reproduce is certain.
func TestNothingCertainBesideAMiss(t *testing.T) {
	s := replayScene(t, made.Record(pinnedAt(1)...), made.Bench("4.19.90"), Plan{})
	w := s.of(made.Ksmd)
	if len(w) != 1 || !w[0].ModelMiss {
		t.Fatalf("%+v", w)
	}
	if w[0].Patched.Certain() || w[0].Moved == MovedCertain {
		t.Errorf("certain beside a miss: %+v, moved %s", w[0].Patched, w[0].Moved)
	}
}

// Misses that a narrower affinity explains tell of it, from the first of them on, and of
// its end when the task is seen elsewhere; decisions after that follow it.
func TestNarrowerAffinity(t *testing.T) {
	const n = 12
	ev := pinnedAt(n)
	ev = append(ev, made.Waking(80000, 5, made.Busy[5], made.Ksmd, 5), made.Migrates(80001, 5, made.Busy[5], made.Ksmd, 5, 7), made.Wakeup(80002, 7, made.Swapper, made.Ksmd, 7),
		made.Switches(80010, 7, made.Swapper, made.Runnable, made.Ksmd), made.Switches(80020, 7, made.Ksmd, made.Sleeps, made.Swapper), made.Waking(90000, 7, made.Swapper, made.Ksmd, 7), made.Wakeup(90002, 7, made.Swapper, made.Ksmd, 7))
	s := replayScene(t, made.Record(ev...), made.Bench("4.19.90"), Plan{})
	if len(s.AffinityChanges) != 1 {
		t.Fatalf("%+v", s.AffinityChanges)
	}
	c := s.AffinityChanges[0]
	if c.Task.PID != made.Ksmd.PID || c.From != 1000*made.Microsecond || c.Until != 90000*made.Microsecond || !c.CPUs.Equal(cpumask.Of(5)) || !c.Believed.Equal(cpumask.Range(0, 7)) || c.Misses != 5 {
		t.Errorf("%+v", c)
	}
	w := s.of(made.Ksmd)
	for i, w := range w[:n] {
		if miss := i < 5; w.ModelMiss != miss {
			t.Errorf("wakeup %d: missed %v, by %s", i, w.ModelMiss, w.Original.Path)
		}
		if i >= 5 && w.Original.Reason != place.ReasonOneCPU {
			t.Errorf("wakeup %d: %s", i, w.Original.Path)
		}
	}
	if last := w[len(w)-1]; last.Original.Reason == place.ReasonOneCPU {
		t.Errorf("after it was seen elsewhere: %+v", last.Original)
	}
}

// A CPU without events need not be idle: one that decisions pass over is busy, and the
// result says so. 4.14 has no recent_used_cpu by which they could.
func TestSilentCPUPassedOver(t *testing.T) {
	ev := slices.DeleteFunc(made.Crowd(), func(e parser.Event) bool { return e.CPU == 6 })
	ev = append(ev, made.Switches(10, 5, made.Busy[5], made.Preempted, made.Ksmd), made.Switches(20, 5, made.Ksmd, made.Sleeps, made.Busy[5]))
	for i := range int64(3) {
		at := 1000 + 6000*i
		ev = append(ev,
			made.Waking(at, 5, made.Busy[5], made.Ksmd, 5), made.Migrates(at+1, 5, made.Busy[5], made.Ksmd, 5, 7), made.Wakeup(at+2, 5, made.Busy[5], made.Ksmd, 7),
			made.Switches(at+10, 7, made.Swapper, made.Runnable, made.Ksmd), made.Switches(at+20, 7, made.Ksmd, made.Runnable, made.Swapper),
			made.Migrates(at+30, 5, made.Busy[5], made.Ksmd, 7, 5), made.Switches(at+40, 5, made.Busy[5], made.Preempted, made.Ksmd), made.Switches(at+50, 5, made.Ksmd, made.Sleeps, made.Busy[5]),
		)
	}
	for c := range int32(5) { // they record to the end
		ev = append(ev, made.Switches(90000, c, made.Busy[c], made.Preempted, made.Busy[c]))
	}
	s := replayScene(t, made.Record(ev...), made.Bench("4.14.100"), Plan{})
	i := slices.IndexFunc(s.Unknown, func(u Unknown) bool { return u.Kind == UnknownSilent })
	if i < 0 || s.Unknown[i].N != 1 || !s.Unknown[i].CPUs.Equal(cpumask.Of(6)) {
		t.Errorf("%+v", s.Unknown)
	}
	w := s.of(made.Ksmd)
	if len(w) != 3 || !w[0].Original.Possible.Test(6) || !w[0].Original.Possible.Test(7) || w[2].Original.CPU != 7 {
		t.Errorf("%+v", w)
	}
}

// Whom a stopper wakes was waiting for another affinity, or another CPU, and where that
// leads is in no event: nothing is said of it, and nothing missed.
func TestWokenByStopper(t *testing.T) {
	h := made.Bench("6.12", 7)
	stopper := made.ATask(8, "migration/4", 0)
	waking := made.Waking(1000, 4, stopper, made.Other, 4)
	waking.Context = parser.ContextTask
	ev := append(made.Crowd(),
		made.Switches(900, 4, made.Busy[4], made.Preempted, stopper),
		waking, made.Wakeup(1002, 1, stopper, made.Other, 1),
		made.Switches(1010, 4, stopper, made.Sleeps, made.Busy[4]))
	s := replayScene(t, made.Record(ev...), h, Plan{})
	w := s.of(made.Other)[0]
	if w.RecordedCPU != 1 || w.ModelMiss || w.Selection || w.Original.Bounded || w.Patched.Bounded || s.Unplaced != 1 {
		t.Errorf("%+v, %d unplaced", w, s.Unplaced)
	}
}
