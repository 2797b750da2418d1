package timeline

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// timelineOf surveys a recording and starts a timeline of eight CPUs.
func timelineOf(events ...parser.Event) *Timeline {
	s := SurveyOf(made.Record(events...), &parser.Host{}, nil)
	return New(s, 8, false)
}

// after applies events up to and including time t.
func after(t int64, events ...parser.Event) *Timeline {
	l := timelineOf(events...)
	for i := range events {
		if events[i].Time <= t*made.Microsecond {
			l.Apply(&events[i])
		}
	}
	return l
}

func TestTimeline(t *testing.T) {
	events := []parser.Event{
		made.Switches(10, 0, made.Swapper, made.Runnable, made.Busy[0]),
		made.Switches(20, 1, made.Busy[1], made.Sleeps, made.Swapper),
		made.Wakeup(30, 0, made.Busy[0], made.Other, 0),                 // waits behind busy0
		made.Switches(40, 0, made.Busy[0], made.Preempted, made.Other),  // preempts it
		made.Migrates(50, 1, made.Swapper, made.Busy[0], 0, 1),          // is pulled
		made.Switches(60, 1, made.Swapper, made.Runnable, made.Busy[0]), // and runs
		made.Switches(70, 0, made.Other, made.Sleeps, made.Swapper),     // idle
		made.Switches(80, 1, made.Busy[0], made.Runnable, made.Busy[0]), // yields to itself
		made.Lost(100, 1, 90, 3),                                        //
		made.Wakeup(110, 0, made.Swapper, made.Other, 1),                // on the CPU that is not known
		made.Switches(120, 1, made.Busy[1], made.Sleeps, made.Other),    // known again
	}
	for _, c := range []struct {
		at    int64
		cpu   int
		cur   int32
		known bool
		queue int
		idle  bool
	}{
		{0, 0, 0, true, 0, true},
		{0, 1, made.Busy[1].PID, true, 1, false},
		{0, 2, parser.NoPID, false, 0, false},
		{10, 0, made.Busy[0].PID, true, 1, false},
		{20, 1, 0, true, 0, true},
		{30, 0, made.Busy[0].PID, true, 2, false},
		{40, 0, made.Other.PID, true, 2, false},
		{50, 0, made.Other.PID, true, 1, false},
		{50, 1, 0, true, 1, false},
		{60, 1, made.Busy[0].PID, true, 1, false},
		{70, 0, 0, true, 0, true},
		{80, 1, made.Busy[0].PID, true, 1, false},
		{100, 1, parser.NoPID, false, 0, false},
		{110, 1, parser.NoPID, false, 1, false},
		{120, 1, made.Other.PID, true, 1, false},
	} {
		l := after(c.at, events...)
		k := &l.CPU[c.cpu]
		if k.Cur != c.cur || k.Known != c.known || len(k.Queue) != c.queue || k.Idle() != c.idle {
			t.Errorf("CPU %d at %d us: runs %d (known %v), %d queued, idle %v; want %d (%v), %d, %v",
				c.cpu, c.at, k.Cur, k.Known, len(k.Queue), k.Idle(), c.cur, c.known, c.queue, c.idle)
		}
	}
}

// What the recording shows of a task stands against what was thought of it.
func TestTimelineCorrects(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []parser.Event
		queue  []int // by CPU
	}{
		{"runs where it was not queued", []parser.Event{
			made.Switches(10, 0, made.Busy[0], made.Preempted, made.Other), made.Switches(20, 1, made.Swapper, made.Runnable, made.Busy[0]),
		}, []int{1, 1}},
		{"leaves where it was not queued", []parser.Event{
			made.Switches(10, 0, made.Busy[0], made.Preempted, made.Other), made.Switches(15, 1, made.Swapper, made.Runnable, made.Busy[1]), made.Switches(20, 1, made.Busy[0], made.Sleeps, made.Busy[1]),
		}, []int{1, 1}},
		{"left in an unknown state and is woken", []parser.Event{
			made.Switches(10, 0, made.Busy[0], 0, made.Other), made.Wakeup(20, 1, made.Busy[1], made.Busy[0], 0),
		}, []int{2, 1}},
		{"left in an unknown state and is woken elsewhere", []parser.Event{
			made.Switches(5, 1, made.Swapper, made.Runnable, made.Busy[1]), made.Switches(10, 0, made.Busy[0], 0, made.Other), made.Wakeup(20, 1, made.Busy[1], made.Busy[0], 1),
		}, []int{1, 2}},
		{"idle says that nothing is queued", []parser.Event{
			made.Switches(10, 0, made.Busy[0], made.Preempted, made.Other), made.Switches(20, 0, made.Other, made.Sleeps, made.Swapper),
		}, []int{0}},
		{"moved from where it was not queued", []parser.Event{
			made.Switches(10, 0, made.Busy[0], made.Preempted, made.Other), made.Migrates(20, 2, made.Busy[2], made.Busy[0], 3, 1),
		}, []int{1, 1}},
		{"woken twice", []parser.Event{
			made.Switches(10, 0, made.Swapper, made.Runnable, made.Other), made.Wakeup(20, 0, made.Other, made.Busy[0], 0), made.Wakeup(21, 0, made.Other, made.Busy[0], 0),
		}, []int{2}},
		{"everything is lost", []parser.Event{
			made.Switches(10, 0, made.Busy[0], made.Preempted, made.Other), made.Switches(11, 1, made.Swapper, made.Runnable, made.Busy[1]), made.Lost(20, -1, 12, -1),
		}, []int{0, 0}},
	} {
		l := after(1<<40, c.events...)
		for cpu, n := range c.queue {
			if got := len(l.CPU[cpu].Queue); got != n {
				t.Errorf("%s: %d tasks on CPU %d, want %d", c.name, got, cpu, n)
			}
			for i, p := range l.CPU[cpu].Queue {
				if p.seat.cpu != int32(cpu) || p.seat.slot != i || !p.Queued || p.CPU != int32(cpu) {
					t.Errorf("%s: task %d on CPU %d is out of place: %+v", c.name, p.PID, cpu, *p)
				}
			}
		}
	}
}

// From the selection until its sched_wakeup a wakeup in flight makes the CPU
// chosen not idle.
func TestInFlight(t *testing.T) {
	ev := []parser.Event{
		made.Switches(1, 0, made.Swapper, made.Runnable, made.Busy[0]),
		made.Switches(2, 1, made.Busy[1], made.Sleeps, made.Swapper),
		made.Waking(10, 0, made.Busy[0], made.Other, 0),
		made.Migrates(11, 0, made.Busy[0], made.Other, 0, 1),
		made.Wakeup(15, 1, made.Swapper, made.Other, 1),
		made.Switches(16, 1, made.Swapper, made.Runnable, made.Other),
	}
	l := timelineOf(ev...)
	for i := range ev[:3] {
		l.Apply(&ev[i])
	}
	k := &l.CPU[1]
	if !k.Idle() {
		t.Fatal("CPU 1 is not idle at first")
	}
	l.Fly(l.Get(made.Other.PID), 0, 1, Window{10_500, 10_000, 11_000})
	if k.Idle() || k.Inflight != 1 || k.sure != 0 {
		t.Fatalf("in flight: idle %v, %d in flight, %d surely queued", k.Idle(), k.Inflight, k.sure)
	}
	if v := l.seen(1, Window{10_200, 10_100, 10_400}); !v.IdleVal || !v.IdleOpen {
		t.Errorf("around the selection CPU 1 may be either, idle more likely: %+v", v)
	}
	if v := l.seen(1, Window{10_900, 10_800, 10_950}); v.IdleVal {
		t.Errorf("after it CPU 1 is most likely not idle: %+v", v)
	}
	if v := l.seen(1, Window{12_000, 11_500, 12_500}); v.IdleVal || v.IdleOpen {
		t.Errorf("later CPU 1 is certainly not idle: %+v", v)
	}
	l.Own = true
	l.Apply(&ev[3]) // its own migration proves nothing of the wake list
	if k.sure != 0 {
		t.Error("the selection's own migration shows no arrival")
	}
	l.Own = false
	next := made.Switches(13, 0, made.Busy[0], made.Preempted, made.Busy[2])
	l.Apply(&next) // the waker's CPU went on: it is on the list
	if k.sure != 1 {
		t.Error("the waker's CPU went on, so the wakeup has arrived")
	}
	l.Apply(&ev[4])
	if k.Inflight != 0 || k.sure != 0 || len(k.Queue) != 1 || k.Idle() {
		t.Errorf("after sched_wakeup: %d in flight, %d sure, %d queued, idle %v", k.Inflight, k.sure, len(k.Queue), k.Idle())
	}
	l.Apply(&ev[5])
	if k.Cur != made.Other.PID || len(k.Queue) != 1 {
		t.Errorf("after the switch %d runs, %d queued", k.Cur, len(k.Queue))
	}
}

// A task that is moved, but not by its selection, was queued where it came from, and is
// where it goes, whatever was believed of it.
func TestMovedIsQueued(t *testing.T) {
	ev := []parser.Event{
		made.Switches(1, 1, made.Busy[1], made.Sleeps, made.Swapper),
		made.Switches(2, 0, made.Other, made.Sleeps, made.Swapper),
		made.Migrates(20, 1, made.Swapper, made.Other, 0, 1),
	}
	l := timelineOf(ev...)
	for i := range ev[:2] {
		l.Apply(&ev[i])
	}
	l.Fly(l.Get(made.Other.PID), 2, 0, Window{10_500, 10_000, 11_000})
	l.Apply(&ev[2])
	if k := &l.CPU[1]; k.Idle() || len(k.Queue) != 1 || !l.CPU[0].Idle() || l.CPU[0].Inflight != 0 {
		t.Errorf("CPU 1 idle %v with %d queued; CPU 0 idle %v with %d in flight", k.Idle(), len(k.Queue), l.CPU[0].Idle(), l.CPU[0].Inflight)
	}
}

// A loss forgets wakeups in flight along with the rest.
func TestLossForgetsFlights(t *testing.T) {
	for _, cpu := range []int32{1, -1} {
		l := timelineOf(made.Switches(1, 0, made.Swapper, made.Runnable, made.Busy[0]), made.Switches(2, 1, made.Busy[1], made.Sleeps, made.Swapper))
		p := l.Get(made.Other.PID)
		l.Fly(p, 0, 1, Window{10_000, 10_000, 10_000})
		e := made.Lost(20, cpu, 5, 1)
		l.Apply(&e)
		if l.CPU[1].Inflight != 0 || p.Inflight != parser.NoCPU || l.CPU[1].Known {
			t.Errorf("loss on %d: %+v, task on its way to %d", cpu, l.CPU[1], p.Inflight)
		}
		if (cpu == -1) == l.CPU[0].Known {
			t.Errorf("loss on %d: CPU 0 known %v", cpu, l.CPU[0].Known)
		}
		if v := l.seen(1, Window{6_000, 6_000, 6_000}); v.Known {
			t.Error("within the lost span the CPU is not known")
		}
		if v := l.seen(1, Window{1_000, 1_000, 1_000}); !v.Known {
			t.Error("before the lost span it is")
		}
	}
}

// A recording without sched_wakeup: the target's next event shows that it has
// emptied its wake list.
func TestNoWakeupEvents(t *testing.T) {
	ev := []parser.Event{
		made.Switches(1, 0, made.Swapper, made.Runnable, made.Busy[0]), made.Switches(2, 1, made.Busy[1], made.Sleeps, made.Swapper), made.Waking(10, 0, made.Busy[0], made.Other, 1),
	}
	l := after(1<<40, ev...)
	l.Fly(l.Get(made.Other.PID), 0, 1, Window{10_000, 10_000, 10_000})
	for _, next := range []parser.Event{made.Switches(15, 0, made.Busy[0], made.Preempted, made.Busy[0]), made.Waking(20, 1, made.Swapper, made.Busy[2], 2)} {
		l.Apply(&next)
	}
	if k := &l.CPU[1]; k.Inflight != 0 || len(k.Queue) != 1 || len(k.landing) != 0 {
		t.Errorf("%d in flight, %d queued, %d to land", k.Inflight, len(k.Queue), len(k.landing))
	}
}

// A task that is woken when it has left its queue, but not its CPU, goes to that CPU's wake
// list. With no sched_wakeup to tell, the CPU is not idle when it has switched.
func TestWokenOnItsWayOut(t *testing.T) {
	charge := made.At(100, parser.KindStatRuntime, 1)
	charge.Task, charge.Runtime = made.Other, 90_000
	ev := []parser.Event{
		made.Switches(1, 0, made.Swapper, made.Runnable, made.Busy[0]), made.Switches(2, 1, made.Swapper, made.Runnable, made.Other),
		charge, made.Waking(200, 0, made.Busy[0], made.Other, 1), made.Switches(900, 0, made.Busy[0], made.Preempted, made.Busy[0]),
		made.Switches(5000, 1, made.Other, made.Sleeps, made.Swapper), made.Waking(6000, 1, made.Swapper, made.Busy[2], 2),
	}
	for _, late := range []bool{false, true} {
		l := timelineOf(ev...)
		l.Survey.HasWakeup = false
		p, at := l.Get(made.Other.PID), int64(200_000)
		for i := range ev {
			if l.Apply(&ev[i]); ev[i].Time != at {
				continue
			}
			if late {
				at = 50_000 // before its dequeue
			}
			if l.IsLeaving(p, at) == late || l.Left(1, at) == late {
				t.Fatalf("at %d it is on its way out: %v", at, !late)
			}
			if l.Fly(p, 0, 1, Window{at, at, at}); (l.CPU[1].Inflight == 1) == late || !p.Queued {
				t.Errorf("woken at %d: %d in flight", at, l.CPU[1].Inflight)
			}
			at = 0
		}
		if k := &l.CPU[1]; k.Idle() != late || p.Queued == late {
			t.Errorf("after its switch: idle %v, queued %v", k.Idle(), p.Queued)
		}
	}
}

// Where no sched_wakeup tells, a task is assumed to be queued by its CPU's next
// event, if it had left its waker by then. If the CPU then goes idle it was not: it is
// on its way still, once.
func TestAssumedQueued(t *testing.T) {
	ev := []parser.Event{
		made.Switches(1, 0, made.Swapper, made.Runnable, made.Busy[0]), made.Switches(2, 1, made.Swapper, made.Runnable, made.Busy[1]), made.Waking(10, 0, made.Busy[0], made.Other, 1),
	}
	for _, direct := range []bool{false, true} {
		l := after(1<<40, ev...)
		if direct {
			l.Activate(l.Get(made.Other.PID), 0, 1, Window{10_000, 10_000, 10_000})
		} else {
			l.Fly(l.Get(made.Other.PID), 0, 1, Window{10_000, 10_000, 10_000})
			l.Apply(&parser.Event{Kind: parser.KindWaking, CPU: 1, Time: 12_000, Task: made.Busy[2], TargetCPU: 2})
			if k := &l.CPU[1]; k.Inflight != 1 || k.sure != 0 || len(k.Queue) != 1 {
				t.Errorf("its waker may have it still: %d in flight, %d queued", k.Inflight, len(k.Queue))
			}
			went := made.Switches(15, 0, made.Busy[0], made.Preempted, made.Busy[0])
			l.Apply(&went)
		}
		for i, step := range []struct {
			ev               parser.Event
			inflight, queued int
			idle             bool
		}{
			{made.Waking(20, 1, made.Busy[1], made.Busy[2], 2), 0, 2, false},
			{made.Switches(30, 1, made.Busy[1], made.Sleeps, made.Swapper), 1, 0, false},
			{made.Switches(40, 1, made.Swapper, made.Runnable, made.Busy[1]), 0, 2, false},
			{made.Switches(50, 1, made.Busy[1], made.Sleeps, made.Swapper), 0, 0, true},
		} {
			l.Apply(&step.ev)
			k := &l.CPU[1]
			if v := l.seen(1, Window{1 << 40, 1 << 40, 1 << 40}); k.Inflight != step.inflight || len(k.Queue) != step.queued || v.IdleVal != step.idle {
				t.Errorf("direct %v, step %d: %d in flight, %d queued, idle %v", direct, i, k.Inflight, len(k.Queue), v.IdleVal)
			}
		}
	}
}

// A waker that queues its wakee itself may be held up on the way: until its CPU records
// something the target may look idle.
func TestActivatedLater(t *testing.T) {
	l := after(1<<40, made.Switches(1, 0, made.Swapper, made.Runnable, made.Busy[0]), made.Switches(2, 1, made.Busy[1], made.Sleeps, made.Swapper), made.Waking(10, 0, made.Busy[0], made.Other, 1))
	l.Activate(l.Get(made.Other.PID), 0, 1, Window{10_000, 10_000, 10_000})
	look := func() Look {
		w := Window{14_000, 14_000, 14_000}
		v := l.seen(1, w)
		return l.Look(1, &v, &Looker{Window: w, Self: NoTask})
	}
	if got := look(); got != LooksFlown {
		t.Errorf("its waker's CPU is silent since: %v", got)
	}
	went := made.Switches(15, 0, made.Busy[0], made.Preempted, made.Busy[0])
	l.Apply(&went)
	if got := look(); got == LooksFlown {
		t.Error("its waker went on")
	}
}

// How the machine stood at the start follows from each CPU's and each task's
// first event.
func TestStart(t *testing.T) {
	l := timelineOf(
		made.Waking(10, 0, made.Busy[0], made.Other, 3),                  // busy0 runs on 0; other sleeps
		made.Wakeup(20, 1, made.Swapper, made.Busy[1], 1),                // 1 is idle, but busy1 tells so: guarded
		made.Switches(30, 2, made.Busy[2], made.Preempted, made.Busy[3]), // both queued on 2
		made.Migrates(40, 4, made.Busy[4], made.Busy[5], 5, 4),           // queued on 5
		made.Forks(50, 4, made.Busy[4], made.ATask(900, "child", 120)),
	)
	for c, want := range map[int]struct {
		cur   int32
		known bool
		queue int
		guard int32
	}{
		0: {made.Busy[0].PID, true, 1, parser.NoPID}, 1: {0, true, 0, made.Busy[1].PID}, 2: {made.Busy[2].PID, true, 2, made.Busy[3].PID},
		3: {parser.NoPID, false, 0, parser.NoPID}, 4: {made.Busy[4].PID, true, 1, parser.NoPID}, 5: {parser.NoPID, false, 1, parser.NoPID},
	} {
		if k := &l.CPU[c]; k.Cur != want.cur || k.Known != want.known || len(k.Queue) != want.queue || k.guard != want.guard {
			t.Errorf("CPU %d: runs %d (known %v), %d queued, told by %d; want %+v", c, k.Cur, k.Known, len(k.Queue), k.guard, want)
		}
	}
	if p := l.Get(made.Other.PID); p.Queued || !p.QueuedKnown || p.CPU != 3 {
		t.Errorf("the woken task slept on CPU 3: %+v", p)
	}
	if p := l.Get(900); p.CPU != parser.NoCPU || p.QueuedKnown {
		t.Errorf("a child is nowhere before its fork: %+v", p)
	}
}

// A task that arrives at an idle CPU without a waking was woken before the capture
// begins, where every waking is recorded: until then the CPU is idle but for its wake
// list.
func TestStartInFlight(t *testing.T) {
	arrives := made.Switches(30, 2, made.Swapper, made.Runnable, made.Other)
	for _, c := range []struct {
		name   string
		events []parser.Event
		only   cpumask.Mask
		waits  bool
	}{
		{"by its sched_switch", []parser.Event{made.Waking(10, 0, made.Busy[0], made.Ksmd, 3), arrives}, cpumask.Mask{}, true},
		{"by its sched_wakeup", []parser.Event{made.Waking(10, 0, made.Busy[0], made.Ksmd, 3), made.Wakeup(20, 2, made.Swapper, made.Other, 2), arrives}, cpumask.Mask{}, true},
		{"with its waking", []parser.Event{made.Waking(10, 0, made.Busy[0], made.Other, 2), arrives}, cpumask.Mask{}, false},
		{"without any waking", []parser.Event{made.Wakeup(10, 0, made.Busy[0], made.Ksmd, 3), arrives}, cpumask.Mask{}, false},
		{"of a CPU recorded alone", []parser.Event{made.Waking(10, 0, made.Busy[0], made.Ksmd, 3), arrives}, cpumask.Of(0, 2), false},
	} {
		rec := made.Record(c.events...)
		rec.About.RecordedCPUs = c.only
		l := New(SurveyOf(rec, &parser.Host{}, nil), 8, false)
		if k := &l.CPU[2]; k.Idle() == c.waits || (k.Inflight == 1) != c.waits || k.Cur != 0 {
			t.Errorf("%s: idle %v, %d in flight, runs %d", c.name, k.Idle(), k.Inflight, k.Cur)
		}
		for i := range c.events {
			l.Apply(&c.events[i])
		}
		if k := &l.CPU[2]; k.Inflight != 0 || k.sure != 0 || len(k.landing) != 0 || len(k.Queue) != 1 || k.Cur != made.Other.PID {
			t.Errorf("%s, afterwards: %d in flight (%d sure), %d queued, runs %d", c.name, k.Inflight, k.sure, len(k.Queue), k.Cur)
		}
	}
}

// A task that is gone leaves nothing behind, and its pid is another's when it
// comes back.
func TestGone(t *testing.T) {
	first, second := made.ATask(900, "first", 110), made.ATask(900, "second", 120)
	ev := []parser.Event{
		made.Switches(1, 0, made.Swapper, made.Runnable, made.Busy[0]),
		made.Forks(10, 0, made.Busy[0], first), made.WakeupNew(11, 0, made.Busy[0], first, 0),
		made.Switches(20, 0, made.Busy[0], made.Preempted, first), made.Exits(30, 0, first), made.Switches(31, 0, first, parser.StateZombie, made.Busy[0]),
		made.Forks(40, 0, made.Busy[0], second), made.WakeupNew(41, 0, made.Busy[0], second, 1),
	}
	for _, tracked := range []bool{false, true} {
		l := after(20, ev...)
		l.Delays = tracked
		e := ev[5]
		l.Apply(&e)
		l.Bury(first.PID)
		if l.Find(first.PID) != nil || l.task.Len() != 1 || len(l.CPU[0].Queue) != 1 {
			t.Errorf("%d tasks, %d queued", l.task.Len(), len(l.CPU[0].Queue))
		}
		for i := range ev[6:] {
			l.Apply(&ev[6+i])
		}
		if p := l.Find(second.PID); p == nil || p.Comm != "second" || p.Prio != 120 || p.CPU != 1 || !p.Queued || p.Exiting {
			t.Errorf("the new task: %+v", p)
		}
	}
}

// perf enables the CPUs in their order: one that recorded shows that those before it did,
// and where it moved itself tells that it has not come to the next.
func TestEnabledInOrder(t *testing.T) {
	const ms = 1000 // us
	perf, stopper := made.ATask(500, "perf", 120), func(c int32) parser.Task { return made.ATask(10+c, fmt.Sprintf("migration/%d", c), 0) }
	ev := []parser.Event{
		made.Switches(0, 0, made.Swapper, made.Runnable, made.Busy[0]), made.Migrates(50*ms, 0, stopper(0), perf, 0, 1),
		made.Switches(60*ms, 1, made.Busy[1], made.Preempted, perf), made.Migrates(600*ms, 1, stopper(1), perf, 1, 2), made.Switches(650*ms, 2, made.Busy[2], made.Preempted, perf),
	}
	for i := range int64(20) {
		for c := range int32(3) {
			if at := 750*ms + i*100*ms; c > 0 || i < 18 {
				ev = append(ev, made.Switches(at+int64(c), c, made.Busy[c], made.Preempted, made.Busy[c]))
			}
		}
	}
	for _, dialect := range []parser.Dialect{parser.DialectPerfData, parser.DialectFtrace} {
		rec := made.Record(ev...)
		rec.About.Dialect = dialect
		s := New(SurveyOf(rec, &parser.Host{}, nil), 3, false)
		got := []bool{s.Partly(610 * ms * 1000), s.Partly(640 * ms * 1000), s.Partly(2440 * ms * 1000), s.Partly(2500 * ms * 1000)}
		want := []bool{true, false, false, true}
		if dialect == parser.DialectFtrace {
			want = make([]bool, 4)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: partly recorded %v, want %v", dialect, got, want)
		}
	}
}

// A CPU clears ttwu_pending before the sched_wakeup of what was on its wake list: it may have
// looked idle to a selection that was over just before.
func TestLandsLater(t *testing.T) {
	a := made.ATask(101, "a", 120)
	events := []parser.Event{
		made.Switches(1000, 1, a, made.Sleeps, made.Swapper), made.Waking(1100, 0, made.Swapper, a, 1),
		made.Waking(1110, 0, made.Swapper, made.Other, 0), made.Wakeup(1300, 1, made.Swapper, a, 1), made.Switches(1310, 1, made.Swapper, made.Runnable, a),
	}
	l := New(SurveyOf(made.Record(events...), &parser.Host{}, nil), 2, false)
	l.Slack = 5 * made.Microsecond
	l.Apply(&events[0])
	l.Fly(l.Get(a.PID), 0, 1, Window{Est: 1100 * made.Microsecond, Lo: 1100 * made.Microsecond, Hi: 1100 * made.Microsecond})
	l.Apply(&events[2])
	for hi, want := range map[int64]Look{1250: LooksWaiting, 1295: LooksLanding} {
		by := Looker{Window: Window{Est: hi * made.Microsecond, Lo: (hi - 20) * made.Microsecond, Hi: hi * made.Microsecond}, Self: NoTask}
		v := l.seen(1, by.Window)
		if got := l.Look(1, &v, &by); got != want {
			t.Errorf("by %d us it looks %d, want %d", hi, got, want)
		}
		if by.PendingLast = true; l.Look(1, &v, &by) != LooksPlain {
			t.Errorf("by %d us it is idle where ttwu_pending is cleared last", hi)
		}
	}
}

// What a CPU looked like in a window is what its last change before the likeliest moment left,
// and open where another one may lie in the window.
func TestAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := New(&Survey{}, 1, false)
		k, at := &l.CPU[0], int64(0)
		for range rapid.IntRange(0, 12).Draw(t, "changes") {
			at += rapid.Int64Range(0, 100).Draw(t, "later")
			lo, hi := rapid.Int64Range(0, 60).Draw(t, "before"), rapid.Int64Range(0, 60).Draw(t, "after")
			nr := rapid.IntRange(0, 2).Draw(t, "nr")
			k.last[k.n] = transition{est: at, lo: at - lo, hi: at + hi, idle: nr == 0, nr: nr, known: rapid.IntRange(0, 9).Draw(t, "known") > 0}
			k.n++
		}
		est := rapid.Int64Range(0, 1300).Draw(t, "est")
		w := Window{Est: est, Lo: est - rapid.Int64Range(0, 80).Draw(t, "lo"), Hi: est + rapid.Int64Range(0, 80).Draw(t, "hi")}
		var seen []transition // from the last on, all that may hold in the window
		for i := k.n - 1; i >= 0; i-- {
			if x := k.last[i]; x.lo <= w.Hi {
				if seen = append(seen, x); x.hi < w.Lo {
					break
				}
			}
		}
		want := View{Known: true, NrLo: 2, IdleVal: seen[0].idle}
		for _, x := range seen {
			want.Known = want.Known && x.known
			want.NrLo, want.NrHi = min(want.NrLo, x.nr), max(want.NrHi, x.nr)
			want.IdleOpen = want.IdleOpen || x.idle != seen[0].idle
		}
		for i := k.n - 1; i >= 0; i-- {
			if x := k.last[i]; x.est <= w.Est {
				want.IdleVal, want.NrAt = x.idle, x.nr
				break
			}
		}
		if got := l.seen(0, w); got != want {
			t.Fatalf("%+v, want %+v: %+v in %+v", got, want, k.last[:k.n], w)
		}
	})
}

// seen is what At sees.
func (t *Timeline) seen(c int, w Window) (v View) {
	t.At(c, w, &v)
	return v
}
