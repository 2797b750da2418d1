package timeline

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// A wakeup samples the time since the CPU went idle, once; busy time is no
// sample, and a long idle time counts up to the bound.
func TestIdleTimeSamples(t *testing.T) {
	a := NewIdleTime()
	a.wakes(5000)
	if a != NewIdleTime() {
		t.Errorf("a wakeup of a busy CPU: %+v", a)
	}
	a.idles(10_000)
	a.wakes(10_000)
	first := a
	if a.likely != load.AvgIdleMost*7/8 || a.woken != 10_000 || a.stamp != parser.NoTime {
		t.Errorf("no idle time at all: %+v", a)
	}
	if a.wakes(20_000); a != first {
		t.Errorf("woken again: %+v", a)
	}
	for i := range int64(100) {
		a.idles(i * 1e12)
		a.wakes(i*1e12 + 1e11)
	}
	if a.likely != load.AvgIdleMost || a.most != idleTimeCeiling {
		t.Errorf("idle for 100 s each time: %+v", a)
	}
}

// What a rule counts lies within the average, and below its greatest value.
func TestIdleTimeBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := NewIdleTime()
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
		rule := rapid.SampledFrom([]rules.BudgetRule{rules.BudgetAvgIdle, rules.BudgetWakeAvgIdle, rules.BudgetAvgCost}).Draw(t, "rule")
		least, most := a.Counted(rule, now, rapid.Int64Range(1, 1e7).Draw(t, "jiffy")), a.most
		if least[0] > least[1] || least[1] > most || least[0] < 0 {
			t.Fatalf("%v of %+v", least, a)
		}
	})
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
		const sample = 100 * made.Microsecond
		want := IdleTime{likely: load.AvgIdleMost + (sample-load.AvgIdleMost)/8, most: idleTimeCeiling + (sample-idleTimeCeiling)/8, stamp: parser.NoTime, woken: 400 * made.Microsecond}
		if got := l.CPU[7].Rest; got != want {
			t.Errorf("with sched_wakeup %v: %+v, want %+v", wakeups, got, want)
		}
	}
}
