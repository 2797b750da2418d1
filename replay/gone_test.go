package replay

import (
	"slices"
	"testing"

	"schedreplay/replay/internal/made"
)

// The window of the capture cuts runs at its edges; runs that end within it
// are whole.
func TestWindowCutsRuns(t *testing.T) {
	s := replayScene(t, made.Record(
		made.Switches(100, 6, made.Busy[6], made.Preempted, made.Busy[5]),
		made.Switches(150, 7, made.Poller, made.Preempted, made.Other),
		made.Switches(200, 7, made.Other, made.Preempted, made.Poller),
		made.Switches(300, 6, made.Busy[5], made.Preempted, made.Busy[6]),
	), made.Bench("6.1.0", 7), Plan{})
	type run struct {
		pid        int32
		start, end int64
		cut        [2]bool
	}
	var got []run
	for _, r := range s.runs {
		got = append(got, run{r.Task.PID, r.Start / made.Microsecond, r.End / made.Microsecond, [2]bool{r.CutStart, r.CutEnd}})
	}
	want := []run{
		{made.Poller.PID, 100, 150, [2]bool{true, false}}, {made.Other.PID, 150, 200, [2]bool{false, false}}, {made.Poller.PID, 200, 300, [2]bool{false, true}},
	}
	if !slices.Equal(got, want) {
		t.Errorf("runs %v, want %v", got, want)
	}
	if s.Start != 100*made.Microsecond || s.End != 300*made.Microsecond {
		t.Errorf("window %d to %d", s.Start, s.End)
	}
}

// A task that is gone leaves nothing behind: in the patched world the next one of its pid
// is not where the old one was.
func TestGoneFromWorlds(t *testing.T) {
	// In the patched world it is not where the old one was.
	h := made.Bench("6.1.0", 7)
	dead := append(made.Incident(1), made.Waking(3000, 7, made.Swapper, made.Ksmd, 7), made.Wakeup(3001, 7, made.Swapper, made.Ksmd, 7), made.Switches(3002, 7, made.Swapper, made.Runnable, made.Ksmd), made.Switches(3100, 7, made.Ksmd, made.Dies, made.Swapper),
		made.Forks(3200, 6, made.Busy[6], made.Ksmd), made.WakeupNew(3201, 6, made.Busy[6], made.Ksmd, 6), made.Switches(3202, 6, made.Busy[6], made.Preempted, made.Ksmd), made.Switches(3250, 6, made.Ksmd, made.Sleeps, made.Busy[6]),
		made.Waking(3300, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(3301, 6, made.Busy[6], made.Ksmd, 6))
	s := replayScene(t, made.Record(dead...), h, Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	w := s.of(made.Ksmd)
	if w[2].DivergedSince == 0 || w[3].DivergedSince != 0 {
		t.Errorf("diverged since %d, then %d", w[2].DivergedSince, w[3].DivergedSince)
	}
}
