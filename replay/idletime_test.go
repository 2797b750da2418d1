package replay

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

const (
	avgIdle     = rules.BudgetAvgIdle
	wakeAvgIdle = rules.BudgetWakeAvgIdle
	avgCost     = rules.BudgetAvgCost
)

// idleFor is what follows of so many idle times of d ns each, one after another.
func idleFor(n int, d int64) *idleTime {
	a := newIdleTime()
	for i := range int64(n) {
		a.idles(i * 2 * d)
		a.wakes(i*2*d + d)
	}
	return &a
}

func TestPropBudget(t *testing.T) {
	const ms = 1_000_000
	for _, c := range []struct {
		name     string
		a        *idleTime
		rule     rules.BudgetRule
		weight   int64
		since    int64 // ns since the last wakeup
		lo, best int64
		hi       int64
	}{
		{"nothing seen", idleFor(0, 0), avgIdle, 8, 0, 3, 11, 8},
		{"nothing seen, a wide LLC", idleFor(0, 0), avgIdle, 64, 0, 3, 34, 64},
		{"idle for 1 ms each time", idleFor(60, ms), avgIdle, 32, 0, 3, 23, 32},
		{"for 20 us: 39 ns of it count", idleFor(120, 20_000), avgIdle, 8, 0, 3, 3, 3},
		{"the same in a wide LLC", idleFor(120, 20_000), avgIdle, 64, 0, 3, 3, 23},
		{"half of it all counts since 5.14", idleFor(120, 20_000), wakeAvgIdle, 8, 0, 3, 8, 8},
		{"halved for each of ten jiffies", idleFor(120, 20_000), wakeAvgIdle, 8, 40 * ms, 3, 3, 3},
		{"for three", idleFor(120, 20_000), wakeAvgIdle, 8, 12 * ms, 3, 8, 8},
		{"too few CPUs for four", idleFor(0, 0), avgIdle, 2, 0, 2, 2, 2},
		{"4.9: too little for any scan", idleFor(120, 20_000), avgCost, 8, 0, 0, 0, 0},
		{"4.9: enough for a whole one", idleFor(60, ms), avgCost, 8, 0, 0, 8, 8},
		{"4.9: enough for a short one", idleFor(60, ms/10), avgCost, 8, 0, 0, 0, 8},
	} {
		best := min(c.best, c.hi)
		r := c.a.propBudget(c.rule, c.weight, max(0, c.a.woken)+c.since, 4*ms)
		if r.Lo != c.lo || r.Best != best || r.Hi != c.hi {
			t.Errorf("%s: %d to %d, most likely %d; want %d to %d, %d", c.name, r.Lo, r.Hi, r.Best, c.lo, c.hi, best)
		}
	}
}

// A wakeup samples the time since the CPU went idle, once; busy time is no
// sample, and a long idle time counts up to the bound.
func TestIdleTimeSamples(t *testing.T) {
	a := newIdleTime()
	a.wakes(5000)
	if a != newIdleTime() {
		t.Errorf("a wakeup of a busy CPU: %+v", a)
	}
	a.idles(10_000)
	a.wakes(10_000)
	first := a
	if a.likely != idleTimeMax*7/8 || a.woken != 10_000 || a.stamp != parser.NoTime {
		t.Errorf("no idle time at all: %+v", a)
	}
	if a.wakes(20_000); a != first {
		t.Errorf("woken again: %+v", a)
	}
	for i := range int64(100) {
		a.idles(i * 1e12)
		a.wakes(i*1e12 + 1e11)
	}
	if a.likely != idleTimeMax || a.most != idleTimeCeiling {
		t.Errorf("idle for 100 s each time: %+v", a)
	}
}

func TestPropBudgetBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newIdleTime()
		now := int64(0)
		for range rapid.IntRange(0, 30).Draw(t, "events") {
			now += rapid.Int64Range(0, 1<<40).Draw(t, "later")
			if rapid.Bool().Draw(t, "idles") {
				a.idles(now)
			} else {
				a.wakes(now)
			}
			if a.likely > a.most || a.likely < 0 {
				t.Fatalf("%+v", a)
			}
		}
		weight := rapid.Int64Range(1, 256).Draw(t, "weight")
		r := a.propBudget(rapid.SampledFrom([]rules.BudgetRule{avgIdle, wakeAvgIdle, avgCost}).Draw(t, "rule"), weight, now, rapid.Int64Range(1, 1e7).Draw(t, "jiffy"))
		if r.Lo > r.Best || r.Best > r.Hi || r.Hi > weight || r.Lo < 0 {
			t.Fatalf("%+v of %d CPUs", r, weight)
		}
	})
}

// Only a wakeup takes a sample: a fork to an idle CPU leaves the stamp, until the
// CPU goes idle again.
func TestIdleTimeOfEvents(t *testing.T) {
	child := aTask(900, "kid", 120)
	for _, wakeups := range []bool{true, false} {
		ev := []parser.Event{
			switches(100, 7, poller, sleeps, swapper),
			forks(190, 0, busy[0], child), wakeupNew(200, 0, busy[0], child, 7),
			switches(210, 7, swapper, runnable, child),
			switches(300, 7, child, sleeps, swapper),
			waking(390, 0, busy[0], poller, 7),
		}
		if wakeups {
			ev = append(ev, wakeup(400, 7, swapper, poller, 7))
		}
		ev = append(ev, switches(400, 7, swapper, runnable, poller))
		l := newTimeline(surveyCapture(record(ev...), &parser.Host{}, nil), 8, false)
		for i := range ev {
			l.apply(&ev[i])
		}
		const sample = 100 * us
		want := idleTime{likely: idleTimeMax + (sample-idleTimeMax)/8, most: idleTimeCeiling + (sample-idleTimeCeiling)/8, stamp: parser.NoTime, woken: 400 * us}
		if got := l.cpu[7].rest; got != want {
			t.Errorf("with sched_wakeup %v: %+v, want %+v", wakeups, got, want)
		}
	}
}
