package replay

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// A kernel whose scheduler has what no mainline kernel has may do other things than its
// release tells: what is known of it widens the answer, and of what is not nothing is sure.
func TestForeignScheduler(t *testing.T) {
	events := append(made.Crowd(), made.Switches(20, 7, made.Swapper, made.Runnable, made.Poller), made.Waking(100, 6, made.Busy[6], made.Other, 6), made.Wakeup(110, 6, made.Busy[6], made.Other, 6),
		made.Waking(500, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(510, 6, made.Busy[6], made.Ksmd, 6),
		made.Switches(600, 6, made.Busy[6], made.Preempted, made.Ksmd))
	for c := int32(0); c < 7; c++ { // they record to the end
		events = append(events, made.Switches(1000+int64(c), c, made.Busy[c], made.Preempted, made.Busy[c]))
	}
	for cmdline, want := range map[string]cpumask.Mask{
		"quiet": cpumask.Of(6), "sched_vcpu_pack=15": cpumask.Range(0, 6), "sched_own=1": cpumask.Range(0, 7),
	} {
		h := made.Bench("6.18", 7)
		h.Cmdline = fact.Seen(cmdline, "")
		w := replayScene(t, made.Record(events...), h, Plan{Original: "6.18", Patched: []string{"6.18-smt-span"}}).of(made.Ksmd)[0]
		if o := &w.Original; o.CPU != 6 || !o.Possible.Equal(want) || w.ModelMiss || w.Moved == MovedCertain {
			t.Errorf("%s: CPU %d, possible %s, want %s; moved %s", cmdline, o.CPU, o.Possible, want, w.Moved)
		}
	}
}

// That kernel may pull a wakee to the waker's CPU whatever is queued there.
func TestPackingPullsToTheWaker(t *testing.T) {
	events := append(made.Crowd(), made.Switches(20, 7, made.Swapper, made.Runnable, made.Poller),
		made.Switches(50, 3, made.Busy[3], made.Sleeps, made.Swapper),
		made.Waking(100, 6, made.Busy[6], made.Other, 6), made.Wakeup(110, 6, made.Busy[6], made.Other, 6),
		made.Waking(500, 6, made.Busy[6], made.Ksmd, 3), made.Wakeup(510, 6, made.Busy[6], made.Ksmd, 3))
	for c := int32(0); c < 7; c++ { // they record to the end
		events = append(events, made.Switches(1000+int64(c), c, made.Busy[c], made.Preempted, made.Busy[c]))
	}
	h := made.Bench("6.18", 7)
	h.Cmdline = fact.Seen("sched_vcpu_pack=15", "")
	w := replayScene(t, made.Record(events...), h, Plan{Original: "6.18"}).of(made.Ksmd)[0]
	if o := &w.Original; !o.Possible.Test(6) {
		t.Errorf("CPU %d, possible %s: CPU 6 wakes it, though two tasks run there", o.CPU, o.Possible)
	}
}

// Where both the waker's CPU and prev are idle, that kernel may keep the wakee on the first.
func TestPackingKeepsToTheWaker(t *testing.T) {
	events := append(made.Crowd(), made.Switches(20, 2, made.Busy[2], made.Sleeps, made.Swapper), made.Switches(30, 4, made.Busy[4], made.Sleeps, made.Swapper),
		made.Waking(500, 4, made.Swapper, made.Busy[2], 2), made.Wakeup(510, 4, made.Swapper, made.Busy[2], 2))
	for c := int32(0); c < 8; c++ { // they record to the end
		events = append(events, made.Switches(1000+int64(c), c, made.Busy[min(c, 6)], made.Preempted, made.Other))
	}
	h := made.Bench("6.18", 7)
	h.Cmdline = fact.Seen("sched_vcpu_pack=15", "")
	w := replayScene(t, made.Record(events...), h, Plan{Original: "6.18"}).of(made.Busy[2])[0]
	if o := &w.Original; o.CPU != 2 || !o.Possible.Test(4) {
		t.Errorf("CPU %d, possible %s", o.CPU, o.Possible)
	}
}

// A CPU that runs one task beside one that may be on its way out counts as running one.
func TestPackingBesideOneThatLeaves(t *testing.T) {
	for _, leaves := range []bool{true, false} {
		charge, later := made.At(400, parser.KindStatRuntime, 5), made.Waking(410, 5, made.Busy[5], made.Poller, 7)
		charge.Task, charge.Cur, charge.Runtime = made.Busy[5], made.Busy[5], 300*made.Microsecond
		events := append(made.Crowd(), made.Switches(20, 7, made.Swapper, made.Runnable, made.Poller),
			made.Waking(100, 5, made.Busy[5], made.Other, 5), made.Wakeup(110, 5, made.Busy[5], made.Other, 5), charge)
		if !leaves {
			events = append(events, later) // it runs on
		}
		events = append(events, made.Waking(500, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(510, 6, made.Busy[6], made.Ksmd, 6))
		for c := int32(0); c < 7; c++ { // they record to the end
			events = append(events, made.Switches(1000+int64(c), c, made.Busy[c], made.Preempted, made.Busy[c]))
		}
		h := made.Bench("6.18", 7)
		h.Cmdline = fact.Seen("sched_vcpu_pack=15", "")
		w := replayScene(t, made.Record(events...), h, Plan{Original: "6.18"}).of(made.Ksmd)[0]
		if o := &w.Original; o.Possible.Test(5) != leaves {
			t.Errorf("one of two may leave CPU 5: %v; possible %s", leaves, o.Possible)
		}
	}
}
