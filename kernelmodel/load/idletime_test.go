package load

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/kernelmodel/rules"
)

// A wakeup samples the time since the CPU went idle, once; busy time is no
// sample, and a long idle time counts up to the bound.
func TestIdleTimeSamples(t *testing.T) {
	a := NewIdleTime()
	a.Wakes(5000)
	if a != NewIdleTime() {
		t.Errorf("a wakeup of a busy CPU: %+v", a)
	}
	a.Idles(10_000)
	a.Wakes(10_000)
	first := a
	if a.likely != AvgIdleMost*7/8 || a.woken != 10_000 || a.stamp != never {
		t.Errorf("no idle time at all: %+v", a)
	}
	if a.Wakes(20_000); a != first {
		t.Errorf("woken again: %+v", a)
	}
	for i := range int64(100) {
		a.Idles(i * 1e12)
		a.Wakes(i*1e12 + 1e11)
	}
	if a.likely != AvgIdleMost || a.most != idleTimeCeiling {
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
				a.Idles(now)
			} else {
				a.Wakes(now)
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
