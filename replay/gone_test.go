package replay

import (
	"slices"
	"testing"
)

// The window of the capture cuts runs at its edges; runs that end within it
// are whole.
func TestWindowCutsRuns(t *testing.T) {
	s := replayScene(t, record(
		switches(100, 6, busy[6], preempted, busy[5]),
		switches(150, 7, poller, preempted, other),
		switches(200, 7, other, preempted, poller),
		switches(300, 6, busy[5], preempted, busy[6]),
	), bench("6.1.0", 7), Plan{})
	type run struct {
		pid        int32
		start, end int64
		cut        [2]bool
	}
	var got []run
	for _, r := range s.runs {
		got = append(got, run{r.Task.PID, r.Start / us, r.End / us, [2]bool{r.CutStart, r.CutEnd}})
	}
	want := []run{
		{poller.PID, 100, 150, [2]bool{true, false}}, {other.PID, 150, 200, [2]bool{false, false}}, {poller.PID, 200, 300, [2]bool{false, true}},
	}
	if !slices.Equal(got, want) {
		t.Errorf("runs %v, want %v", got, want)
	}
	if s.Start != 100*us || s.End != 300*us {
		t.Errorf("window %d to %d", s.Start, s.End)
	}
}

// A task that is gone leaves nothing behind: in the patched world the next one of its pid
// is not where the old one was.
func TestGoneFromWorlds(t *testing.T) {
	// In the patched world it is not where the old one was.
	h := bench("6.1.0", 7)
	dead := append(incident(1), waking(3000, 7, swapper, ksmd, 7), wakeup(3001, 7, swapper, ksmd, 7), switches(3002, 7, swapper, runnable, ksmd), switches(3100, 7, ksmd, dies, swapper),
		forks(3200, 6, busy[6], ksmd), wakeupNew(3201, 6, busy[6], ksmd, 6), switches(3202, 6, busy[6], preempted, ksmd), switches(3250, 6, ksmd, sleeps, busy[6]),
		waking(3300, 6, busy[6], ksmd, 6), wakeup(3301, 6, busy[6], ksmd, 6))
	s := replayScene(t, record(dead...), h, Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	w := s.of(ksmd)
	if w[2].DivergedSince == 0 || w[3].DivergedSince != 0 {
		t.Errorf("diverged since %d, then %d", w[2].DivergedSince, w[3].DivergedSince)
	}
}
