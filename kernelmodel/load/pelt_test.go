package load

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// periodNS is one period of 1024 units of 1024 ns.
const periodNS = 1 << 20

// y is the decay of one period: y to the 32nd is a half.
var y = math.Pow(0.5, 1.0/32)

// The constants, computed anew.
func TestPeltConstants(t *testing.T) {
	for n, got := range inverse {
		if want := uint32((1<<32 - 1) * math.Pow(y, float64(n))); got != want {
			t.Errorf("inverse[%d] = %#x, want %#x", n, got, want)
		}
	}
	// An endless series of full periods, in the kernel's integers.
	sum, last := uint64(0), uint64(1)
	for sum != last {
		last = sum
		sum = sum*uint64(inverse[1])>>32 + period
	}
	if sum != maxSum {
		t.Errorf("an endless series sums to %d, want %d", sum, maxSum)
	}
	if decayLoad(math.MaxUint64, horizon+1) != 0 {
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
		got, want := float64(WeightOf(int32(120+nice))), 1024/math.Pow(1.25, float64(nice))
		if math.Abs(got-want) > want*0.06+1 {
			t.Errorf("nice %d: weight %g, want about %g", nice, got, want)
		}
	}
	for prio, want := range map[int32]int64{100: 88761, 120: 1024, 139: 15, 99: 1024, -1: 1024, 140: 1024, math.MaxInt32: 1024, -1000: 1024} {
		if got := WeightOf(prio); got != want {
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
			e := Entity{Weight: 1024}
			now := int64(12345)
			e.Step(now, false, false)
			for _, ph := range c.phases {
				for end := now + ph[0]*periodNS; now < end; {
					now = min(now+step, end)
					e.Step(now, ph[1] == 1, ph[2] == 1)
				}
			}
			near := func(what string, got int64, want float64) {
				if math.Abs(float64(got)-want) > 12 {
					t.Errorf("%s in steps of %d ns: %s %d, want %.0f", c.name, step, what, got, want)
				}
			}
			near("util", e.Util, c.util)
			near("runnable", e.Runnable, c.runnable)
			near("load", e.Load, c.runnable) // at nice 0 the weight is 1024
		}
	}
}

// A queue's load is the sum of the weights queued, in the long run.
func TestQueueLoad(t *testing.T) {
	q := Queue{}
	q.Advance(0)
	q.Weight, q.NR, q.Running = 1024+335, 2, true
	for now := int64(0); now < 1000*periodNS; now += periodNS / 3 {
		q.Advance(now)
	}
	if math.Abs(float64(q.Load)-1359) > 16 || math.Abs(float64(q.Runnable)-2048) > 24 || math.Abs(float64(q.Util)-1024) > 12 {
		t.Errorf("load %d, runnable %d, util %d", q.Load, q.Runnable, q.Util)
	}
	q.Weight, q.NR, q.Running = 0, 0, false
	q.Advance(1032 * periodNS)
	if math.Abs(float64(q.Load)-1359.0/2) > 16 {
		t.Errorf("a half-life later load %d", q.Load)
	}
}

// The clock does not run backwards in an average, and time below 1024 ns is not
// lost.
func TestAverageClock(t *testing.T) {
	e := Entity{Weight: 1024}
	e.Step(1_000_000_000, true, true)
	e.Step(1_500_000_000, true, true)
	was := e.Average
	e.Step(1_400_000_000, true, true)
	if e.Util != was.Util || e.Last != 1_400_000_000 {
		t.Errorf("backwards: %+v, was %+v", e.Average, was)
	}
	a, b := Entity{Weight: 1024}, Entity{Weight: 1024}
	a.Step(0, true, true)
	b.Step(0, true, true)
	for now := int64(1); now <= 64*periodNS; now += 1023 {
		a.Step(now, true, true)
	}
	b.Step(64*periodNS, true, true)
	if d := a.Util - b.Util; d < -8 || d > 8 {
		t.Errorf("in crumbs %d, at once %d", a.Util, b.Util)
	}
}

// What is attached to a queue and detached leaves it as it was.
func TestAttachDetach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Queue{}
		q.Advance(0)
		q.Weight, q.NR, q.Running = rapid.Int64Range(15, 88761).Draw(t, "weight"), 1, true
		now := rapid.Int64Range(0, 1<<30).Draw(t, "now")
		q.Advance(now)
		e := Entity{Weight: WeightOf(rapid.Int32Range(100, 139).Draw(t, "prio"))}
		e.Util, e.Runnable = rapid.Int64Range(0, 1024).Draw(t, "util"), 0
		e.Runnable = rapid.Int64Range(e.Util, 1024).Draw(t, "runnable")
		e.Load = e.Weight * e.Runnable / 1024
		was := q
		q.Attach(&e)
		if q.Load != was.Load+e.Load || q.Util != was.Util+e.Util || q.Runnable != was.Runnable+e.Runnable {
			t.Fatalf("attached: %+v to %+v gives %+v", e, was, q)
		}
		q.Detach(&e)
		if q.Load != was.Load || q.Util != was.Util || q.Runnable != was.Runnable {
			t.Fatalf("detached: %+v, was %+v", q, was)
		}
		// The sums follow, but for what the floors keep.
		div := q.Divider()
		if d := (int64(q.UtilSum) - int64(was.UtilSum)) / div; d < -1 || d > 1 {
			t.Fatalf("util sum %d, was %d", q.UtilSum, was.UtilSum)
		}
	})
}

// What left for another CPU is taken off at the queue's next update.
// util_est: rises at once, falls by a quarter of the distance, and small changes
// are passed over.
func TestUtilEst(t *testing.T) {
	e := Entity{}
	for _, c := range []struct{ util, want int64 }{{500, 500}, {495, 500}, {100, 400}, {100, 325}, {600, 600}} {
		e.Util = c.util
		if e.Remember(false); e.Est != c.want {
			t.Errorf("at util %d: %d, want %d", c.util, e.Est, c.want)
		}
	}
	// Since 6.8 it does not fall for a task that had to wait.
	for _, c := range []struct {
		spares   bool
		runnable int64
		want     int64
	}{{false, 900, 400}, {true, 900, 500}, {true, 110, 400}} {
		e := Entity{Est: 500}
		e.Util, e.Runnable = 100, c.runnable
		if e.Remember(c.spares); e.Est != c.want {
			t.Errorf("runnable %d, spares %v: %d, want %d", c.runnable, c.spares, e.Est, c.want)
		}
	}
}

// A task whose dequeue is delayed weighs, but is not runnable.
func TestLinger(t *testing.T) {
	e := Entity{Weight: 1024}
	for now := int64(0); now < 1<<30; now += periodNS {
		e.Linger(now)
	}
	if e.Load < 1000 || e.Runnable != 0 || e.Util != 0 {
		t.Errorf("%+v", e.Average)
	}
}

// A forked task starts with half of the room that its CPU has left.
func TestNewborn(t *testing.T) {
	for util, want := range map[int64]int64{0: 512, 512: 256, 1023: 0, 1024: 0, 2000: 0} {
		e := Entity{Weight: 335}
		e.Newborn(&Queue{Average: Average{Util: util}}, false)
		if e.Util != want || e.Runnable != want || e.Load != 335 {
			t.Errorf("on a queue of util %d: %+v", util, e.Average)
		}
	}
	// 6.12 gives it no more than its share of what the queue uses.
	for _, c := range []struct{ util, load, want int64 }{{0, 0, 512}, {100, 2047, 50}, {512, 511, 256}} {
		e := Entity{Weight: 1024}
		if e.Newborn(&Queue{Average: Average{Util: c.util, Load: c.load}}, true); e.Util != c.want {
			t.Errorf("on a queue of util %d and load %d: %d, want %d", c.util, c.load, e.Util, c.want)
		}
	}
}

// Averages keep within bounds whatever happens.
func TestAverageBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Entity{Weight: WeightOf(rapid.Int32Range(100, 139).Draw(t, "prio"))}
		now := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "start")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.Int64Range(-1<<22, 1<<34).Draw(t, "d")
			queued := rapid.Bool().Draw(t, "queued")
			e.Step(now, queued, queued && rapid.Bool().Draw(t, "running"))
			if e.Util < 0 || e.Util > 1024 || e.Runnable < e.Util || e.Runnable > 1024 || e.Load < 0 || e.Load > e.Weight {
				t.Fatalf("%+v with weight %d", e.Average, e.Weight)
			}
		}
	})
}

// UtilAt tells what Advance would make of the utilisation, and UtilMost bounds that.
func TestUtilAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Queue{}
		now := int64(1_000_000)
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			now += rapid.OneOf(rapid.Int64Range(-10_000, 5_000_000), rapid.Int64Range(0, 3_000_000_000)).Draw(t, "ns")
			want := q
			want.Advance(now)
			if got := q.UtilAt(now); q.Known && got != want.Util {
				t.Fatalf("%d, want %d: %+v at %d", got, want.Util, q, now)
			}
			if got, most := q.UtilAt(now), q.UtilMost(); got > most {
				t.Fatalf("%d, at most %d: %+v at %d", got, most, q, now)
			}
			q.Advance(now)
			q.Running = rapid.Bool().Draw(t, "running")
			q.Weight, q.NR = rapid.Int64Range(0, 1).Draw(t, "queued")*1024, 1
			if rapid.Bool().Draw(t, "leaves") {
				q.RemovedUtil, q.RemovedN = rapid.Int64Range(0, 1024).Draw(t, "removed"), 1
			}
		}
	})
}
