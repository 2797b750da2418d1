package timeline

import (
	"testing"

	"schedreplay/fact"
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// What left for another CPU is taken off at the queue's next update.
func TestRemoved(t *testing.T) {
	l := timelineOf(made.Switches(1, 0, made.Swapper, made.Runnable, made.Busy[0]))
	p := l.Get(made.Ksmd.PID)
	l.See(&made.Ksmd)
	l.Now = 0
	l.enqueue(p, 0)
	l.CPU[0].CFS.Running = true
	l.CPU[0].Cur = made.Ksmd.PID
	for range 200 {
		l.Now += load.Period
		l.CPU[0].CFS.Advance(l.Now)
	}
	l.dequeue(p, 0, false)
	before, own := l.CPU[0].CFS.Util, p.Entity.Util
	l.loadLeave(p)
	if p.Entity.Attached != parser.NoCPU || l.CPU[0].CFS.Util != before {
		t.Errorf("taken off at once: %d, was %d", l.CPU[0].CFS.Util, before)
	}
	l.CPU[0].CFS.Advance(l.Now)
	if own < 900 || l.CPU[0].CFS.Util > before-own+8 || l.CPU[0].CFS.RemovedN != 0 {
		t.Errorf("util %d after %d of %d left", l.CPU[0].CFS.Util, own, before)
	}
}

// What a task brings along has decayed as far as the queue that it leaves is up to date: a
// busy CPU's by its ticks, an idle one's not before 6.0.
func TestBroughtAlong(t *testing.T) {
	for _, c := range []struct {
		name              string
		busy, lag, decays bool
		asleep            int64 // as wake_cap most likely finds it
	}{
		{"from an idle CPU before 6.0", false, false, false, 1000},
		{"from an idle CPU", false, true, true, 1000},
		{"from a busy CPU", true, false, true, 500},
	} {
		l := timelineOf(made.Switches(1, 0, made.Swapper, made.Runnable, made.Busy[0]))
		l.idleLag = c.lag
		p := l.Get(made.Ksmd.PID)
		l.See(&made.Ksmd)
		p.Entity = load.Entity{Average: load.Average{Known: true, Util: 1000, UtilSum: 1000 * 46718}, Weight: 1024, Attached: 0}
		l.CPU[0].CFS = load.Queue{Average: load.Average{Known: true}}
		if l.CPU[0].Cur = 0; c.busy {
			l.CPU[0].Cur = made.Busy[0].PID
		}
		l.Now = 32 * load.Period // it halves in
		best, other := l.UtilAsleep(p, 0)
		if best < c.asleep-10 || best > c.asleep+10 || best == other {
			t.Errorf("%s: %d asleep, or %d", c.name, best, other)
		}
		l.loadLeave(p)
		if got := p.Entity.Util < 600; got != c.decays {
			t.Errorf("%s: %d left of 1000", c.name, p.Entity.Util)
		}
	}
}

// A task that runs since before the capture counts from when its priority is
// known; it takes its load along when its priority changes, and leaves the fair
// queue while it is boosted.
func TestQueuedTaskChangesPriority(t *testing.T) {
	hog := made.Busy[0]
	l := after(10, made.Switches(10, 0, hog, made.Preempted, made.Other))
	q := &l.CPU[0].CFS
	if q.NR != 2 || q.Weight != 2048 {
		t.Fatalf("from the start: %d queued of weight %d", q.NR, q.Weight)
	}
	for range 100 {
		l.Now += load.Period
		q.Advance(l.Now)
	}
	p := l.Get(hog.PID)
	hog.Prio = 139
	l.See(&hog)
	if q.NR != 2 || q.Weight != 1024+15 || p.Entity.Attached != 0 || p.Entity.Load > 15 || q.Load > 1024+64 {
		t.Errorf("at nice 19: %d queued of weight %d, load %d of %d", q.NR, q.Weight, p.Entity.Load, q.Load)
	}
	hog.Prio = 50
	l.See(&hog)
	if q.NR != 1 || q.Weight != 1024 || p.Entity.Attached != parser.NoCPU || len(l.CPU[0].Queue) != 2 {
		t.Errorf("boosted: %d queued of weight %d, attached to %d", q.NR, q.Weight, p.Entity.Attached)
	}
	hog.Prio = 120
	l.See(&hog)
	if q.NR != 2 || q.Weight != 2048 || p.Entity.Attached != 0 {
		t.Errorf("back: %d queued of weight %d, attached to %d", q.NR, q.Weight, p.Entity.Attached)
	}
	ev := made.Switches(1_000_000, 0, made.Other, made.Sleeps, hog)
	l.Apply(&ev)
	ev = made.Switches(1_000_001, 0, hog, made.Sleeps, made.Swapper)
	l.Apply(&ev)
	if q.NR != 0 || q.Weight != 0 || len(l.CPU[0].Queue) != 0 {
		t.Errorf("asleep: %d queued of weight %d", q.NR, q.Weight)
	}
}

// A SCHED_IDLE task weighs 3 at any nice value, running since before the capture or
// first seen in it.
func TestIdlePolicyWeighsThree(t *testing.T) {
	events := []parser.Event{
		made.Switches(10, 0, made.Busy[0], made.Preempted, made.Other),
		made.Waking(20, 0, made.Other, made.Ksmd, 0), made.Wakeup(21, 0, made.Other, made.Ksmd, 0),
	}
	idle := parser.TaskInfo{Policy: fact.Seen(5, "test")}
	host := &parser.Host{Task: map[int32]parser.TaskInfo{made.Busy[0].PID: idle, made.Ksmd.PID: idle}}
	k, err := rules.ParseKernel("6.1", "")
	if err != nil {
		t.Fatal(err)
	}
	l := Of(made.Record(events...), host, SurveyOf(made.Record(events...), host, nil)).Begin(k)
	for i := range events {
		l.Apply(&events[i])
	}
	if q := &l.CPU[0].CFS; q.NR != 3 || q.Weight != 1024+3+3 {
		t.Errorf("%d queued of weight %d", q.NR, q.Weight)
	}
}

// The same with delayed dequeue: a boosted task is on no fair queue.
func TestBoostedLeavesFairQueue(t *testing.T) {
	s := SurveyOf(made.Record(made.Switches(10, 0, made.Busy[0], made.Preempted, made.Other)), &parser.Host{}, nil)
	l := New(s, 8, true)
	ev := made.Switches(10, 0, made.Busy[0], made.Preempted, made.Other)
	l.Apply(&ev)
	f := &l.CPU[0].Fair
	if len(f.tasks) != 2 {
		t.Fatalf("%d on the fair queue", len(f.tasks))
	}
	hog := made.Busy[0]
	hog.Prio = 1
	l.See(&hog)
	if len(f.tasks) != 1 || l.Get(hog.PID).Virtual.On != parser.NoCPU {
		t.Errorf("boosted: %d on the fair queue", len(f.tasks))
	}
	hog.Prio = 120
	l.See(&hog)
	if len(f.tasks) != 2 || l.Get(hog.PID).Virtual.On != 0 {
		t.Errorf("back: %d on the fair queue", len(f.tasks))
	}
}

// Only a wakeup takes a sample: a fork to an idle CPU leaves the stamp, until the
// CPU goes idle again.
func TestIdleTimeOfEvents(t *testing.T) {
	child := made.ATask(900, "kid", 120)
	for _, wakeups := range []bool{true, false} {
		ev := []parser.Event{
			made.Switches(100, 7, made.Poller, made.Sleeps, made.Swapper),
			made.Forks(190, 0, made.Busy[0], child), made.WakeupNew(200, 0, made.Busy[0], child, 7),
			made.Switches(210, 7, made.Swapper, made.Runnable, child),
			made.Switches(300, 7, child, made.Sleeps, made.Swapper),
			made.Waking(390, 0, made.Busy[0], made.Poller, 7),
		}
		if wakeups {
			ev = append(ev, made.Wakeup(400, 7, made.Swapper, made.Poller, 7))
		}
		ev = append(ev, made.Switches(400, 7, made.Swapper, made.Runnable, made.Poller))
		l := New(SurveyOf(made.Record(ev...), &parser.Host{}, nil), 8, false)
		for i := range ev {
			l.Apply(&ev[i])
		}
		want := load.NewIdleTime()
		want.Idles(300 * made.Microsecond)
		want.Wakes(400 * made.Microsecond)
		if got := l.CPU[7].Rest; got != want {
			t.Errorf("with sched_wakeup %v: %+v, want %+v", wakeups, got, want)
		}
	}
}
