package replay

import (
	"cmp"
	"slices"
	"testing"

	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// What selections show of hidden facts is learned though the wakee's dequeue may
// have been delayed: here that no budget is left to find the idle CPU.
func TestContendedSelectionsTeach(t *testing.T) {
	w := replayScene(t, made.Record(noBudget(0)...), made.Bench("6.12.30", 7), Plan{Original: "6.12.30", Patched: []string{"6.12.30"}}).of(made.Ksmd)
	if last := &w[len(w)-1]; !last.Selection || last.Original.CPU != 6 || last.Original.Path != place.PathTarget {
		t.Errorf("in the end on %d by %s", last.Original.CPU, last.Original.Path)
	}
}

// noBudget is a machine with idle CPUs on which, some ms after the start, every waking
// of ksmd leaves it on a busy CPU.
func noBudget(after int64) []parser.Event {
	var events []parser.Event
	for c := range int32(7) {
		run := made.Busy[c]
		if c%2 == 1 {
			run = made.Swapper
		}
		events = append(events, made.Switches(int64(c)+1, c, made.ATask(20+c, "before", 120), made.Sleeps, run))
	}
	for i := int64(1); i <= 12; i++ {
		now := 1000*after + 2000*i
		events = append(events,
			made.Waking(now, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(now+2, 6, made.Busy[6], made.Ksmd, 6),
			made.Switches(now+500, 6, made.Busy[6], made.Preempted, made.Ksmd), made.Switches(now+510, 6, made.Ksmd, made.Sleeps, made.Busy[6]))
	}
	for c := int32(1); c < 7; c += 2 { // they record to the end
		events = append(events, made.Switches(1000*after+30000, c, made.Swapper, made.Runnable, made.Busy[c]))
	}
	return events
}

// A waking of a task whose dequeue may be delayed selects no CPU, on kernels
// that delay dequeues; once its CPU was idle it selects again.
func TestDelayedWaking(t *testing.T) {
	contended := append(made.Crowd(),
		made.Waking(100, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(101, 6, made.Busy[6], made.Ksmd, 6), made.Switches(105, 6, made.Busy[6], made.Preempted, made.Ksmd),
		made.Switches(3000, 6, made.Ksmd, made.Sleeps, made.Busy[6]), // it ran for longer than the other
		made.Switches(3001, 7, made.Swapper, made.Runnable, made.Poller),
		made.Waking(3100, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(3101, 6, made.Busy[6], made.Ksmd, 6), made.Switches(4000, 6, made.Busy[6], made.Preempted, made.Ksmd), made.Switches(4100, 6, made.Ksmd, made.Sleeps, made.Busy[6]),
	)
	idled := append(contended[:len(contended)-4:len(contended)-4],
		made.Switches(3050, 6, made.Busy[6], made.Sleeps, made.Swapper), made.Switches(3060, 6, made.Swapper, made.Runnable, made.Busy[6]),
		made.Waking(3100, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(3101, 6, made.Busy[6], made.Ksmd, 6))
	// A virtual CPU is held up between the two; the waker has interrupts off, so no tick that
	// ends its slice comes before its wakee is found queued.
	heldUp := append(contended[:len(contended)-3:len(contended)-3],
		made.Wakeup(33101, 6, made.Busy[6], made.Ksmd, 6), made.Switches(34000, 6, made.Busy[6], made.Preempted, made.Ksmd), made.Switches(34100, 6, made.Ksmd, made.Sleeps, made.Busy[6]))
	for c := int32(0); c < 6; c++ { // others go on
		heldUp = append(heldUp, made.Switches(20000+int64(c), c, made.Busy[c], made.Preempted, made.Other))
	}
	slices.SortStableFunc(heldUp, func(a, b parser.Event) int { return cmp.Compare(a.Time, b.Time) })
	for _, c := range []struct {
		name    string
		release string
		events  []parser.Event
		delayed bool
	}{
		{"6.12, contended", "6.12.30", contended, true}, {"6.12, waker held up", "6.12.30", heldUp, true}, {"6.12, idle since", "6.12.30", idled, false}, {"6.9, contended", "6.9", contended, false},
	} {
		s := replayScene(t, made.Record(c.events...), made.Bench(c.release, 7), Plan{Original: c.release})
		w := s.of(made.Ksmd)[1]
		if got := w.Original.Reason == place.ReasonDelayed; got != c.delayed || w.Selection == c.delayed {
			t.Errorf("%s: %s %s, selection %v", c.name, w.Original.Path, w.Original.Reason, w.Selection)
		}
	}
}

// A decision before all others is judged by what those show: here that no budget is
// left to find the idle CPU.
func TestHindsightOfReplay(t *testing.T) {
	// TestContendedSelectionsTeach has the machine; there the last decision is judged.
	s := replayScene(t, made.Record(noBudget(300)...), made.Bench("6.12.30", 7), Plan{Original: "6.12.30", Patched: []string{"6.12.30"}})
	w := s.of(made.Ksmd)
	for i := range w {
		if w[i].Original.CPU != 6 {
			t.Errorf("waking %d on CPU %d by %s", i+1, w[i].Original.CPU, w[i].Original.Path)
		}
	}
}
