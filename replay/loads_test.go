package replay

import (
	"testing"

	"schedreplay/kernelmodel/load"
	"schedreplay/parser"
)

// What left for another CPU is taken off at the queue's next update.
func TestRemoved(t *testing.T) {
	l := timelineOf(switches(1, 0, swapper, runnable, busy[0]))
	p := l.get(ksmd.PID)
	l.see(&ksmd)
	l.now = 0
	l.enqueue(p, 0)
	l.cpu[0].cfs.Running = true
	l.cpu[0].cur = ksmd.PID
	for range 200 {
		l.now += load.Period
		l.cpu[0].cfs.Advance(l.now)
	}
	l.dequeue(p, 0, false)
	before, own := l.cpu[0].cfs.Util, p.entity.Util
	l.loadLeave(p)
	if p.entity.Attached != parser.NoCPU || l.cpu[0].cfs.Util != before {
		t.Errorf("taken off at once: %d, was %d", l.cpu[0].cfs.Util, before)
	}
	l.cpu[0].cfs.Advance(l.now)
	if own < 900 || l.cpu[0].cfs.Util > before-own+8 || l.cpu[0].cfs.RemovedN != 0 {
		t.Errorf("util %d after %d of %d left", l.cpu[0].cfs.Util, own, before)
	}
}

// A task that runs since before the capture counts from when its priority is
// known; it takes its load along when its priority changes, and leaves the fair
// queue while it is boosted.
func TestQueuedTaskChangesPriority(t *testing.T) {
	hog := busy[0]
	l := after(10, switches(10, 0, hog, preempted, other))
	q := &l.cpu[0].cfs
	if q.NR != 2 || q.Weight != 2048 {
		t.Fatalf("from the start: %d queued of weight %d", q.NR, q.Weight)
	}
	for range 100 {
		l.now += load.Period
		q.Advance(l.now)
	}
	p := l.get(hog.PID)
	hog.Prio = 139
	l.see(&hog)
	if q.NR != 2 || q.Weight != 1024+15 || p.entity.Attached != 0 || p.entity.Load > 15 || q.Load > 1024+64 {
		t.Errorf("at nice 19: %d queued of weight %d, load %d of %d", q.NR, q.Weight, p.entity.Load, q.Load)
	}
	hog.Prio = 50
	l.see(&hog)
	if q.NR != 1 || q.Weight != 1024 || p.entity.Attached != parser.NoCPU || len(l.cpu[0].queue) != 2 {
		t.Errorf("boosted: %d queued of weight %d, attached to %d", q.NR, q.Weight, p.entity.Attached)
	}
	hog.Prio = 120
	l.see(&hog)
	if q.NR != 2 || q.Weight != 2048 || p.entity.Attached != 0 {
		t.Errorf("back: %d queued of weight %d, attached to %d", q.NR, q.Weight, p.entity.Attached)
	}
	ev := switches(1_000_000, 0, other, sleeps, hog)
	l.apply(&ev)
	ev = switches(1_000_001, 0, hog, sleeps, swapper)
	l.apply(&ev)
	if q.NR != 0 || q.Weight != 0 || len(l.cpu[0].queue) != 0 {
		t.Errorf("asleep: %d queued of weight %d", q.NR, q.Weight)
	}
}

// The same with delayed dequeue: a boosted task is on no fair queue.
func TestBoostedLeavesFairQueue(t *testing.T) {
	s := surveyCapture(record(switches(10, 0, busy[0], preempted, other)), &parser.Host{}, nil)
	l := newTimeline(s, 8, true)
	ev := switches(10, 0, busy[0], preempted, other)
	l.apply(&ev)
	f := &l.cpu[0].fair
	if len(f.tasks) != 2 {
		t.Fatalf("%d on the fair queue", len(f.tasks))
	}
	hog := busy[0]
	hog.Prio = 1
	l.see(&hog)
	if len(f.tasks) != 1 || l.get(hog.PID).virtual.on != parser.NoCPU {
		t.Errorf("boosted: %d on the fair queue", len(f.tasks))
	}
	hog.Prio = 120
	l.see(&hog)
	if len(f.tasks) != 2 || l.get(hog.PID).virtual.on != 0 {
		t.Errorf("back: %d on the fair queue", len(f.tasks))
	}
}
