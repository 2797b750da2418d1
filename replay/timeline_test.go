package replay

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/parser"
)

// timelineOf surveys a recording and starts a timeline of eight CPUs.
func timelineOf(events ...parser.Event) *timeline {
	s := surveyCapture(record(events...), &parser.Host{}, nil)
	return newTimeline(s, 8, false)
}

// after applies events up to and including time t.
func after(t int64, events ...parser.Event) *timeline {
	l := timelineOf(events...)
	for i := range events {
		if events[i].Time <= t*us {
			l.apply(&events[i])
		}
	}
	return l
}

func TestTimeline(t *testing.T) {
	events := []parser.Event{
		switches(10, 0, swapper, runnable, busy[0]),
		switches(20, 1, busy[1], sleeps, swapper),
		wakeup(30, 0, busy[0], other, 0),            // waits behind busy0
		switches(40, 0, busy[0], preempted, other),  // preempts it
		migrates(50, 1, swapper, busy[0], 0, 1),     // is pulled
		switches(60, 1, swapper, runnable, busy[0]), // and runs
		switches(70, 0, other, sleeps, swapper),     // idle
		switches(80, 1, busy[0], runnable, busy[0]), // yields to itself
		lost(100, 1, 90, 3),                         //
		wakeup(110, 0, swapper, other, 1),           // on the CPU that is not known
		switches(120, 1, busy[1], sleeps, other),    // known again
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
		{0, 1, busy[1].PID, true, 1, false},
		{0, 2, parser.NoPID, false, 0, false},
		{10, 0, busy[0].PID, true, 1, false},
		{20, 1, 0, true, 0, true},
		{30, 0, busy[0].PID, true, 2, false},
		{40, 0, other.PID, true, 2, false},
		{50, 0, other.PID, true, 1, false},
		{50, 1, 0, true, 1, false},
		{60, 1, busy[0].PID, true, 1, false},
		{70, 0, 0, true, 0, true},
		{80, 1, busy[0].PID, true, 1, false},
		{100, 1, parser.NoPID, false, 0, false},
		{110, 1, parser.NoPID, false, 1, false},
		{120, 1, other.PID, true, 1, false},
	} {
		l := after(c.at, events...)
		k := &l.cpu[c.cpu]
		if k.cur != c.cur || k.known != c.known || len(k.queue) != c.queue || k.idle() != c.idle {
			t.Errorf("CPU %d at %d us: runs %d (known %v), %d queued, idle %v; want %d (%v), %d, %v",
				c.cpu, c.at, k.cur, k.known, len(k.queue), k.idle(), c.cur, c.known, c.queue, c.idle)
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
			switches(10, 0, busy[0], preempted, other), switches(20, 1, swapper, runnable, busy[0]),
		}, []int{1, 1}},
		{"leaves where it was not queued", []parser.Event{
			switches(10, 0, busy[0], preempted, other), switches(15, 1, swapper, runnable, busy[1]), switches(20, 1, busy[0], sleeps, busy[1]),
		}, []int{1, 1}},
		{"left in an unknown state and is woken", []parser.Event{
			switches(10, 0, busy[0], 0, other), wakeup(20, 1, busy[1], busy[0], 0),
		}, []int{2, 1}},
		{"left in an unknown state and is woken elsewhere", []parser.Event{
			switches(5, 1, swapper, runnable, busy[1]), switches(10, 0, busy[0], 0, other), wakeup(20, 1, busy[1], busy[0], 1),
		}, []int{1, 2}},
		{"idle says that nothing is queued", []parser.Event{
			switches(10, 0, busy[0], preempted, other), switches(20, 0, other, sleeps, swapper),
		}, []int{0}},
		{"moved from where it was not queued", []parser.Event{
			switches(10, 0, busy[0], preempted, other), migrates(20, 2, busy[2], busy[0], 3, 1),
		}, []int{1, 1}},
		{"woken twice", []parser.Event{
			switches(10, 0, swapper, runnable, other), wakeup(20, 0, other, busy[0], 0), wakeup(21, 0, other, busy[0], 0),
		}, []int{2}},
		{"everything is lost", []parser.Event{
			switches(10, 0, busy[0], preempted, other), switches(11, 1, swapper, runnable, busy[1]), lost(20, -1, 12, -1),
		}, []int{0, 0}},
	} {
		l := after(1<<40, c.events...)
		for cpu, n := range c.queue {
			if got := len(l.cpu[cpu].queue); got != n {
				t.Errorf("%s: %d tasks on CPU %d, want %d", c.name, got, cpu, n)
			}
			for i, p := range l.cpu[cpu].queue {
				if p.seat != int32(cpu) || p.slot != i || !p.queued || p.cpu != int32(cpu) {
					t.Errorf("%s: task %d on CPU %d is out of place: %+v", c.name, p.pid, cpu, *p)
				}
			}
		}
	}
}

// From the selection until its sched_wakeup a wakeup in flight makes the CPU
// chosen not idle.
func TestInFlight(t *testing.T) {
	ev := []parser.Event{
		switches(1, 0, swapper, runnable, busy[0]),
		switches(2, 1, busy[1], sleeps, swapper),
		waking(10, 0, busy[0], other, 0),
		migrates(11, 0, busy[0], other, 0, 1),
		wakeup(15, 1, swapper, other, 1),
		switches(16, 1, swapper, runnable, other),
	}
	l := timelineOf(ev...)
	for i := range ev[:3] {
		l.apply(&ev[i])
	}
	k := &l.cpu[1]
	if !k.idle() {
		t.Fatal("CPU 1 is not idle at first")
	}
	l.fly(l.get(other.PID), 0, 1, window{10_500, 10_000, 11_000})
	if k.idle() || k.inflight != 1 || k.sure != 0 {
		t.Fatalf("in flight: idle %v, %d in flight, %d surely queued", k.idle(), k.inflight, k.sure)
	}
	if v := l.at(1, window{10_200, 10_100, 10_400}); !v.idleVal || !v.idleOpen {
		t.Errorf("around the selection CPU 1 may be either, idle more likely: %+v", v)
	}
	if v := l.at(1, window{10_900, 10_800, 10_950}); v.idleVal {
		t.Errorf("after it CPU 1 is most likely not idle: %+v", v)
	}
	if v := l.at(1, window{12_000, 11_500, 12_500}); v.idleVal || v.idleOpen {
		t.Errorf("later CPU 1 is certainly not idle: %+v", v)
	}
	l.own = true
	l.apply(&ev[3]) // its own migration proves nothing of the wake list
	if k.sure != 0 {
		t.Error("the selection's own migration shows no arrival")
	}
	l.own = false
	next := switches(13, 0, busy[0], preempted, busy[2])
	l.apply(&next) // the waker's CPU went on: it is on the list
	if k.sure != 1 {
		t.Error("the waker's CPU went on, so the wakeup has arrived")
	}
	l.apply(&ev[4])
	if k.inflight != 0 || k.sure != 0 || len(k.queue) != 1 || k.idle() {
		t.Errorf("after sched_wakeup: %d in flight, %d sure, %d queued, idle %v", k.inflight, k.sure, len(k.queue), k.idle())
	}
	l.apply(&ev[5])
	if k.cur != other.PID || len(k.queue) != 1 {
		t.Errorf("after the switch %d runs, %d queued", k.cur, len(k.queue))
	}
}

// A task that is moved, but not by its selection, was queued where it came from, and is
// where it goes, whatever was believed of it.
func TestMovedIsQueued(t *testing.T) {
	ev := []parser.Event{
		switches(1, 1, busy[1], sleeps, swapper),
		switches(2, 0, other, sleeps, swapper),
		migrates(20, 1, swapper, other, 0, 1),
	}
	l := timelineOf(ev...)
	for i := range ev[:2] {
		l.apply(&ev[i])
	}
	l.fly(l.get(other.PID), 2, 0, window{10_500, 10_000, 11_000})
	l.apply(&ev[2])
	if k := &l.cpu[1]; k.idle() || len(k.queue) != 1 || !l.cpu[0].idle() || l.cpu[0].inflight != 0 {
		t.Errorf("CPU 1 idle %v with %d queued; CPU 0 idle %v with %d in flight", k.idle(), len(k.queue), l.cpu[0].idle(), l.cpu[0].inflight)
	}
}

// A loss forgets wakeups in flight along with the rest.
func TestLossForgetsFlights(t *testing.T) {
	for _, cpu := range []int32{1, -1} {
		l := timelineOf(switches(1, 0, swapper, runnable, busy[0]), switches(2, 1, busy[1], sleeps, swapper))
		p := l.get(other.PID)
		l.fly(p, 0, 1, window{10_000, 10_000, 10_000})
		e := lost(20, cpu, 5, 1)
		l.apply(&e)
		if l.cpu[1].inflight != 0 || p.inflight != parser.NoCPU || l.cpu[1].known {
			t.Errorf("loss on %d: %+v, task on its way to %d", cpu, l.cpu[1], p.inflight)
		}
		if (cpu == -1) == l.cpu[0].known {
			t.Errorf("loss on %d: CPU 0 known %v", cpu, l.cpu[0].known)
		}
		if v := l.at(1, window{6_000, 6_000, 6_000}); v.known {
			t.Error("within the lost span the CPU is not known")
		}
		if v := l.at(1, window{1_000, 1_000, 1_000}); !v.known {
			t.Error("before the lost span it is")
		}
	}
}

// A recording without sched_wakeup: the target's next event shows that it has
// emptied its wake list.
func TestNoWakeupEvents(t *testing.T) {
	ev := []parser.Event{
		switches(1, 0, swapper, runnable, busy[0]), switches(2, 1, busy[1], sleeps, swapper), waking(10, 0, busy[0], other, 1),
	}
	l := after(1<<40, ev...)
	l.fly(l.get(other.PID), 0, 1, window{10_000, 10_000, 10_000})
	for _, next := range []parser.Event{switches(15, 0, busy[0], preempted, busy[0]), waking(20, 1, swapper, busy[2], 2)} {
		l.apply(&next)
	}
	if k := &l.cpu[1]; k.inflight != 0 || len(k.queue) != 1 || len(k.landing) != 0 {
		t.Errorf("%d in flight, %d queued, %d to land", k.inflight, len(k.queue), len(k.landing))
	}
}

// Where no sched_wakeup tells, a task is assumed to be queued by its CPU's next
// event, if it had left its waker by then. If the CPU then goes idle it was not: it is
// on its way still, once.
func TestAssumedQueued(t *testing.T) {
	ev := []parser.Event{
		switches(1, 0, swapper, runnable, busy[0]), switches(2, 1, swapper, runnable, busy[1]), waking(10, 0, busy[0], other, 1),
	}
	for _, direct := range []bool{false, true} {
		l := after(1<<40, ev...)
		if direct {
			l.activate(l.get(other.PID), 1, window{10_000, 10_000, 10_000})
		} else {
			l.fly(l.get(other.PID), 0, 1, window{10_000, 10_000, 10_000})
			l.apply(&parser.Event{Kind: parser.KindWaking, CPU: 1, Time: 12_000, Task: busy[2], TargetCPU: 2})
			if k := &l.cpu[1]; k.inflight != 1 || k.sure != 0 || len(k.queue) != 1 {
				t.Errorf("its waker may have it still: %d in flight, %d queued", k.inflight, len(k.queue))
			}
			went := switches(15, 0, busy[0], preempted, busy[0])
			l.apply(&went)
		}
		for i, step := range []struct {
			ev               parser.Event
			inflight, queued int
			idle             bool
		}{
			{waking(20, 1, busy[1], busy[2], 2), 0, 2, false},
			{switches(30, 1, busy[1], sleeps, swapper), 1, 0, false},
			{switches(40, 1, swapper, runnable, busy[1]), 0, 2, false},
			{switches(50, 1, busy[1], sleeps, swapper), 0, 0, true},
		} {
			l.apply(&step.ev)
			k := &l.cpu[1]
			if v := l.at(1, window{1 << 40, 1 << 40, 1 << 40}); k.inflight != step.inflight || len(k.queue) != step.queued || v.idleVal != step.idle {
				t.Errorf("direct %v, step %d: %d in flight, %d queued, idle %v", direct, i, k.inflight, len(k.queue), v.idleVal)
			}
		}
	}
}

// How the machine stood at the start follows from each CPU's and each task's
// first event.
func TestStart(t *testing.T) {
	l := timelineOf(
		waking(10, 0, busy[0], other, 3),             // busy0 runs on 0; other sleeps
		wakeup(20, 1, swapper, busy[1], 1),           // 1 is idle, but busy1 tells so: guarded
		switches(30, 2, busy[2], preempted, busy[3]), // both queued on 2
		migrates(40, 4, busy[4], busy[5], 5, 4),      // queued on 5
		forks(50, 4, busy[4], aTask(900, "child", 120)),
	)
	for c, want := range map[int]struct {
		cur   int32
		known bool
		queue int
		guard int32
	}{
		0: {busy[0].PID, true, 1, parser.NoPID}, 1: {0, true, 0, busy[1].PID}, 2: {busy[2].PID, true, 2, busy[3].PID},
		3: {parser.NoPID, false, 0, parser.NoPID}, 4: {busy[4].PID, true, 1, parser.NoPID}, 5: {parser.NoPID, false, 1, parser.NoPID},
	} {
		if k := &l.cpu[c]; k.cur != want.cur || k.known != want.known || len(k.queue) != want.queue || k.guard != want.guard {
			t.Errorf("CPU %d: runs %d (known %v), %d queued, told by %d; want %+v", c, k.cur, k.known, len(k.queue), k.guard, want)
		}
	}
	if p := l.get(other.PID); p.queued || !p.queuedKnown || p.cpu != 3 {
		t.Errorf("the woken task slept on CPU 3: %+v", p)
	}
	if p := l.get(900); p.cpu != parser.NoCPU || p.queuedKnown {
		t.Errorf("a child is nowhere before its fork: %+v", p)
	}
}

// A task that arrives at an idle CPU without a waking was woken before the capture
// begins, where every waking is recorded: until then the CPU is idle but for its wake
// list.
func TestStartInFlight(t *testing.T) {
	arrives := switches(30, 2, swapper, runnable, other)
	for _, c := range []struct {
		name   string
		events []parser.Event
		only   cpumask.Mask
		waits  bool
	}{
		{"by its sched_switch", []parser.Event{waking(10, 0, busy[0], ksmd, 3), arrives}, cpumask.Mask{}, true},
		{"by its sched_wakeup", []parser.Event{waking(10, 0, busy[0], ksmd, 3), wakeup(20, 2, swapper, other, 2), arrives}, cpumask.Mask{}, true},
		{"with its waking", []parser.Event{waking(10, 0, busy[0], other, 2), arrives}, cpumask.Mask{}, false},
		{"without any waking", []parser.Event{wakeup(10, 0, busy[0], ksmd, 3), arrives}, cpumask.Mask{}, false},
		{"of a CPU recorded alone", []parser.Event{waking(10, 0, busy[0], ksmd, 3), arrives}, cpumask.Of(0, 2), false},
	} {
		rec := record(c.events...)
		rec.meta.RecordedCPUs = c.only
		l := newTimeline(surveyCapture(rec, &parser.Host{}, nil), 8, false)
		if k := &l.cpu[2]; k.idle() == c.waits || (k.inflight == 1) != c.waits || k.cur != 0 {
			t.Errorf("%s: idle %v, %d in flight, runs %d", c.name, k.idle(), k.inflight, k.cur)
		}
		for i := range c.events {
			l.apply(&c.events[i])
		}
		if k := &l.cpu[2]; k.inflight != 0 || k.sure != 0 || len(k.landing) != 0 || len(k.queue) != 1 || k.cur != other.PID {
			t.Errorf("%s, afterwards: %d in flight (%d sure), %d queued, runs %d", c.name, k.inflight, k.sure, len(k.queue), k.cur)
		}
	}
}

// A task that is gone leaves nothing behind, and its pid is another's when it
// comes back.
func TestGone(t *testing.T) {
	first, second := aTask(900, "first", 110), aTask(900, "second", 120)
	ev := []parser.Event{
		switches(1, 0, swapper, runnable, busy[0]),
		forks(10, 0, busy[0], first), wakeupNew(11, 0, busy[0], first, 0),
		switches(20, 0, busy[0], preempted, first), exits(30, 0, first), switches(31, 0, first, parser.StateZombie, busy[0]),
		forks(40, 0, busy[0], second), wakeupNew(41, 0, busy[0], second, 1),
	}
	for _, tracked := range []bool{false, true} {
		l := after(20, ev...)
		l.delays = tracked
		e := ev[5]
		l.apply(&e)
		l.bury(first.PID)
		if l.find(first.PID) != nil || l.task.Len() != 1 || len(l.cpu[0].queue) != 1 {
			t.Errorf("%d tasks, %d queued", l.task.Len(), len(l.cpu[0].queue))
		}
		for i := range ev[6:] {
			l.apply(&ev[6+i])
		}
		if p := l.find(second.PID); p == nil || p.comm != "second" || p.prio != 120 || p.cpu != 1 || !p.queued || p.exiting {
			t.Errorf("the new task: %+v", p)
		}
	}
}
