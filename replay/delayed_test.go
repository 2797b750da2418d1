package replay

import (
	"context"
	"testing"

	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// What selections show of hidden facts is learned though the wakee's dequeue may
// have been delayed: here that no budget is left to find the idle CPU.
func TestContendedSelectionsTeach(t *testing.T) {
	w := replayScene(t, record(noBudget(0)...), bench("6.12.30", 7), Plan{Original: "6.12.30", Patched: []string{"6.12.30"}}).of(ksmd)
	if last := &w[len(w)-1]; !last.Selection || last.Original.CPU != 6 || last.Original.Path != place.PathTarget {
		t.Errorf("in the end on %d by %s", last.Original.CPU, last.Original.Path)
	}
}

// noBudget is a machine with idle CPUs on which, some ms after the start, every waking
// of ksmd leaves it on a busy CPU.
func noBudget(after int64) []parser.Event {
	var events []parser.Event
	for c := range int32(7) {
		run := busy[c]
		if c%2 == 1 {
			run = swapper
		}
		events = append(events, switches(int64(c)+1, c, aTask(20+c, "before", 120), sleeps, run))
	}
	for i := int64(1); i <= 12; i++ {
		now := 1000*after + 2000*i
		events = append(events,
			waking(now, 6, busy[6], ksmd, 6), wakeup(now+2, 6, busy[6], ksmd, 6),
			switches(now+500, 6, busy[6], preempted, ksmd), switches(now+510, 6, ksmd, sleeps, busy[6]))
	}
	return events
}

// A waking of a task whose dequeue may be delayed selects no CPU, on kernels
// that delay dequeues; once its CPU was idle it selects again.
func TestDelayedWaking(t *testing.T) {
	contended := append(crowd(),
		waking(100, 6, busy[6], ksmd, 6), wakeup(101, 6, busy[6], ksmd, 6), switches(105, 6, busy[6], preempted, ksmd),
		switches(3000, 6, ksmd, sleeps, busy[6]), // it ran for longer than the other
		switches(3001, 7, swapper, runnable, poller),
		waking(3100, 6, busy[6], ksmd, 6), wakeup(3101, 6, busy[6], ksmd, 6), switches(4000, 6, busy[6], preempted, ksmd), switches(4100, 6, ksmd, sleeps, busy[6]),
	)
	idled := append(contended[:len(contended)-4:len(contended)-4],
		switches(3050, 6, busy[6], sleeps, swapper), switches(3060, 6, swapper, runnable, busy[6]),
		waking(3100, 6, busy[6], ksmd, 6), wakeup(3101, 6, busy[6], ksmd, 6))
	for _, c := range []struct {
		name    string
		release string
		events  []parser.Event
		delayed bool
	}{
		{"6.12, contended", "6.12.30", contended, true}, {"6.12, idle since", "6.12.30", idled, false}, {"6.9, contended", "6.9", contended, false},
	} {
		s := replayScene(t, record(c.events...), bench(c.release, 7), Plan{Original: c.release})
		w := s.of(ksmd)[1]
		if got := w.Original.Reason == place.ReasonDelayed; got != c.delayed || w.Selection == c.delayed {
			t.Errorf("%s: %s %s, selection %v", c.name, w.Original.Path, w.Original.Reason, w.Selection)
		}
	}
}

// A rehearsal takes another pass: of a long capture there is none, and that is told.
func TestRehearsedUpTo(t *testing.T) {
	s := replayScene(t, record(noBudget(0)...), bench("6.12.30", 7), Plan{})
	if s.Unrehearsed != 0 {
		t.Errorf("%d events are too many", s.Unrehearsed)
	}
	plan := &Plan{Original: "6.12.30"}
	rec, err := newRecorded(context.Background(), record(noBudget(0)...), bench("6.12.30", 7), nil)
	if err == nil {
		err = settle(context.Background(), rec, plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	rec.s.events[parser.KindSwitch] = MaxRehearsed
	if later, tooMany, err := rehearse(context.Background(), rec, plan); err != nil || later != nil || tooMany == 0 {
		t.Errorf("rehearsed %v, %d events too many, %v", later != nil, tooMany, err)
	}
}

// A decision before all others is judged by what those show: here that no budget is
// left to find the idle CPU.
func TestHindsightOfReplay(t *testing.T) {
	// TestContendedSelectionsTeach has the machine; there the last decision is judged.
	s := replayScene(t, record(noBudget(300)...), bench("6.12.30", 7), Plan{Original: "6.12.30", Patched: []string{"6.12.30"}})
	w := s.of(ksmd)
	for i := range w {
		if w[i].Original.CPU != 6 {
			t.Errorf("waking %d on CPU %d by %s", i+1, w[i].Original.CPU, w[i].Original.Path)
		}
	}
}
