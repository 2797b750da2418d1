package replay

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/parser"
)

// periodNS is one period of 1024 units of 1024 ns.
const periodNS = 1 << 20

// y is the decay of one period: y to the 32nd is a half.
var y = math.Pow(0.5, 1.0/32)

// The constants, computed anew.
func TestPeltConstants(t *testing.T) {
	for n, got := range peltInverse {
		if want := uint32((1<<32 - 1) * math.Pow(y, float64(n))); got != want {
			t.Errorf("inverse[%d] = %#x, want %#x", n, got, want)
		}
	}
	// An endless series of full periods, in the kernel's integers.
	sum, last := uint64(0), uint64(1)
	for sum != last {
		last = sum
		sum = sum*uint64(peltInverse[1])>>32 + peltPeriod
	}
	if sum != peltMax {
		t.Errorf("an endless series sums to %d, want %d", sum, peltMax)
	}
	if decayLoad(math.MaxUint64, peltHorizon+1) != 0 {
		t.Error("something is left beyond the horizon")
	}
}

func TestDecayLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint64Range(0, 1<<40).Draw(t, "v")
		n := rapid.Int64Range(0, 600).Draw(t, "n")
		got, want := float64(decayLoad(v, n)), float64(v)*math.Pow(y, float64(n))
		if got > want || got < want*(1-1e-6)-2 {
			t.Fatalf("%d after %d periods is %g, want %g", v, n, got, want)
		}
	})
}

// The weights fall by a quarter with every nice level.
func TestWeights(t *testing.T) {
	for nice := -20; nice < 20; nice++ {
		got, want := float64(weightOf(int32(120+nice))), 1024/math.Pow(1.25, float64(nice))
		if math.Abs(got-want) > want*0.06+1 {
			t.Errorf("nice %d: weight %g, want about %g", nice, got, want)
		}
	}
	for prio, want := range map[int32]int64{100: 88761, 120: 1024, 139: 15, 99: 1024, -1: 1024, 140: 1024, math.MaxInt32: 1024, parser.NoPrio: 1024} {
		if got := weightOf(prio); got != want {
			t.Errorf("priority %d: weight %d, want %d", prio, got, want)
		}
	}
}

// An average against the closed form: a task that runs, waits or sleeps for
// some periods at a time.
func TestAverage(t *testing.T) {
	for _, c := range []struct {
		name           string
		phases         [][3]int64 // periods, queued, running
		util, runnable float64
	}{
		{"runs on and on", [][3]int64{{1000, 1, 1}}, 1024, 1024},
		{"runs for a half-life", [][3]int64{{32, 1, 1}}, 512, 512},
		{"runs for ten periods", [][3]int64{{10, 1, 1}}, 1024 * (1 - math.Pow(y, 10)), 1024 * (1 - math.Pow(y, 10))},
		{"sleeps for a half-life", [][3]int64{{1000, 1, 1}, {32, 0, 0}}, 512, 512},
		{"sleeps for long", [][3]int64{{1000, 1, 1}, {3000, 0, 0}}, 0, 0},
		{"waits", [][3]int64{{1000, 1, 0}}, 0, 1024},
		{"runs, then waits for a half-life", [][3]int64{{1000, 1, 1}, {32, 1, 0}}, 512, 1024},
		{"waits, sleeps, runs", [][3]int64{{1000, 1, 0}, {64, 0, 0}, {32, 1, 1}}, 512, 128 + 512},
	} {
		for _, step := range []int64{periodNS, 3 * periodNS / 7, 17 * periodNS} {
			e := entity{weight: 1024}
			now := int64(12345)
			e.step(now, false, false)
			for _, ph := range c.phases {
				for end := now + ph[0]*periodNS; now < end; {
					now = min(now+step, end)
					e.step(now, ph[1] == 1, ph[2] == 1)
				}
			}
			near := func(what string, got int64, want float64) {
				if math.Abs(float64(got)-want) > 12 {
					t.Errorf("%s in steps of %d ns: %s %d, want %.0f", c.name, step, what, got, want)
				}
			}
			near("util", e.util, c.util)
			near("runnable", e.runnable, c.runnable)
			near("load", e.load, c.runnable) // at nice 0 the weight is 1024
		}
	}
}

// A queue's load is the sum of the weights queued, in the long run.
func TestQueueLoad(t *testing.T) {
	q := queue{}
	q.advance(0)
	q.weight, q.nr, q.running = 1024+335, 2, true
	for now := int64(0); now < 1000*periodNS; now += periodNS / 3 {
		q.advance(now)
	}
	if math.Abs(float64(q.load)-1359) > 16 || math.Abs(float64(q.runnable)-2048) > 24 || math.Abs(float64(q.util)-1024) > 12 {
		t.Errorf("load %d, runnable %d, util %d", q.load, q.runnable, q.util)
	}
	q.weight, q.nr, q.running = 0, 0, false
	q.advance(1032 * periodNS)
	if math.Abs(float64(q.load)-1359.0/2) > 16 {
		t.Errorf("a half-life later load %d", q.load)
	}
}

// The clock does not run backwards in an average, and time below 1024 ns is not
// lost.
func TestAverageClock(t *testing.T) {
	e := entity{weight: 1024}
	e.step(1_000_000_000, true, true)
	e.step(1_500_000_000, true, true)
	was := e.average
	e.step(1_400_000_000, true, true)
	if e.util != was.util || e.last != 1_400_000_000 {
		t.Errorf("backwards: %+v, was %+v", e.average, was)
	}
	a, b := entity{weight: 1024}, entity{weight: 1024}
	a.step(0, true, true)
	b.step(0, true, true)
	for now := int64(1); now <= 64*periodNS; now += 1023 {
		a.step(now, true, true)
	}
	b.step(64*periodNS, true, true)
	if d := a.util - b.util; d < -8 || d > 8 {
		t.Errorf("in crumbs %d, at once %d", a.util, b.util)
	}
}

// What is attached to a queue and detached leaves it as it was.
func TestAttachDetach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := queue{}
		q.advance(0)
		q.weight, q.nr, q.running = rapid.Int64Range(15, 88761).Draw(t, "weight"), 1, true
		now := rapid.Int64Range(0, 1<<30).Draw(t, "now")
		q.advance(now)
		e := entity{weight: weightOf(rapid.Int32Range(100, 139).Draw(t, "prio"))}
		e.util, e.runnable = rapid.Int64Range(0, 1024).Draw(t, "util"), 0
		e.runnable = rapid.Int64Range(e.util, 1024).Draw(t, "runnable")
		e.load = e.weight * e.runnable / 1024
		was := q
		q.attach(&e)
		if q.load != was.load+e.load || q.util != was.util+e.util || q.runnable != was.runnable+e.runnable {
			t.Fatalf("attached: %+v to %+v gives %+v", e, was, q)
		}
		q.detach(&e)
		if q.load != was.load || q.util != was.util || q.runnable != was.runnable {
			t.Fatalf("detached: %+v, was %+v", q, was)
		}
		// The sums follow, but for what the floors keep.
		div := q.divider()
		if d := (int64(q.utilSum) - int64(was.utilSum)) / div; d < -1 || d > 1 {
			t.Fatalf("util sum %d, was %d", q.utilSum, was.utilSum)
		}
	})
}

// What left for another CPU is taken off at the queue's next update.
func TestRemoved(t *testing.T) {
	l := timelineOf(switches(1, 0, swapper, runnable, busy[0]))
	p := l.get(ksmd.PID)
	l.see(&ksmd)
	l.now = 0
	l.enqueue(p, 0)
	l.cpu[0].cfs.running = true
	l.cpu[0].cur = ksmd.PID
	for range 200 {
		l.now += periodNS
		l.cpu[0].cfs.advance(l.now)
	}
	l.dequeue(p, 0, false)
	before, own := l.cpu[0].cfs.util, p.entity.util
	l.loadLeave(p)
	if p.entity.attached != parser.NoCPU || l.cpu[0].cfs.util != before {
		t.Errorf("taken off at once: %d, was %d", l.cpu[0].cfs.util, before)
	}
	l.cpu[0].cfs.advance(l.now)
	if own < 900 || l.cpu[0].cfs.util > before-own+8 || l.cpu[0].cfs.removedN != 0 {
		t.Errorf("util %d after %d of %d left", l.cpu[0].cfs.util, own, before)
	}
}

// util_est: rises at once, falls by a quarter of the distance, and small changes
// are passed over.
func TestUtilEst(t *testing.T) {
	e := entity{}
	for _, c := range []struct{ util, want int64 }{{500, 500}, {495, 500}, {100, 400}, {100, 325}, {600, 600}} {
		e.util = c.util
		if e.remember(false); e.est != c.want {
			t.Errorf("at util %d: %d, want %d", c.util, e.est, c.want)
		}
	}
	// Since 6.8 it does not fall for a task that had to wait.
	for _, c := range []struct {
		spares   bool
		runnable int64
		want     int64
	}{{false, 900, 400}, {true, 900, 500}, {true, 110, 400}} {
		e := entity{est: 500}
		e.util, e.runnable = 100, c.runnable
		if e.remember(c.spares); e.est != c.want {
			t.Errorf("runnable %d, spares %v: %d, want %d", c.runnable, c.spares, e.est, c.want)
		}
	}
}

// A task whose dequeue is delayed weighs, but is not runnable.
func TestLinger(t *testing.T) {
	e := entity{weight: 1024}
	for now := int64(0); now < 1<<30; now += periodNS {
		e.linger(now)
	}
	if e.load < 1000 || e.runnable != 0 || e.util != 0 {
		t.Errorf("%+v", e.average)
	}
}

// A forked task starts with half of the room that its CPU has left.
func TestNewborn(t *testing.T) {
	for util, want := range map[int64]int64{0: 512, 512: 256, 1023: 0, 1024: 0, 2000: 0} {
		e := entity{weight: 335}
		e.newborn(&queue{average: average{util: util}}, false)
		if e.util != want || e.runnable != want || e.load != 335 {
			t.Errorf("on a queue of util %d: %+v", util, e.average)
		}
	}
	// 6.12 gives it no more than its share of what the queue uses.
	for _, c := range []struct{ util, load, want int64 }{{0, 0, 512}, {100, 2047, 50}, {512, 511, 256}} {
		e := entity{weight: 1024}
		if e.newborn(&queue{average: average{util: c.util, load: c.load}}, true); e.util != c.want {
			t.Errorf("on a queue of util %d and load %d: %d, want %d", c.util, c.load, e.util, c.want)
		}
	}
}

// Averages keep within bounds whatever happens.
func TestAverageBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entity{weight: weightOf(rapid.Int32Range(100, 139).Draw(t, "prio"))}
		now := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "start")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.Int64Range(-1<<22, 1<<34).Draw(t, "d")
			queued := rapid.Bool().Draw(t, "queued")
			e.step(now, queued, queued && rapid.Bool().Draw(t, "running"))
			if e.util < 0 || e.util > 1024 || e.runnable < e.util || e.runnable > 1024 || e.load < 0 || e.load > e.weight {
				t.Fatalf("%+v with weight %d", e.average, e.weight)
			}
		}
	})
}

// A task that runs since before the capture counts from when its priority is
// known; it takes its load along when its priority changes, and leaves the fair
// queue while it is boosted.
func TestQueuedTaskChangesPriority(t *testing.T) {
	hog := busy[0]
	l := after(10, switches(10, 0, hog, preempted, other))
	q := &l.cpu[0].cfs
	if q.nr != 2 || q.weight != 2048 {
		t.Fatalf("from the start: %d queued of weight %d", q.nr, q.weight)
	}
	for range 100 {
		l.now += periodNS
		q.advance(l.now)
	}
	p := l.get(hog.PID)
	hog.Prio = 139
	l.see(&hog)
	if q.nr != 2 || q.weight != 1024+15 || p.entity.attached != 0 || p.entity.load > 15 || q.load > 1024+64 {
		t.Errorf("at nice 19: %d queued of weight %d, load %d of %d", q.nr, q.weight, p.entity.load, q.load)
	}
	hog.Prio = 50
	l.see(&hog)
	if q.nr != 1 || q.weight != 1024 || p.entity.attached != parser.NoCPU || len(l.cpu[0].queue) != 2 {
		t.Errorf("boosted: %d queued of weight %d, attached to %d", q.nr, q.weight, p.entity.attached)
	}
	hog.Prio = 120
	l.see(&hog)
	if q.nr != 2 || q.weight != 2048 || p.entity.attached != 0 {
		t.Errorf("back: %d queued of weight %d, attached to %d", q.nr, q.weight, p.entity.attached)
	}
	ev := switches(1_000_000, 0, other, sleeps, hog)
	l.apply(&ev)
	ev = switches(1_000_001, 0, hog, sleeps, swapper)
	l.apply(&ev)
	if q.nr != 0 || q.weight != 0 || len(l.cpu[0].queue) != 0 {
		t.Errorf("asleep: %d queued of weight %d", q.nr, q.weight)
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
