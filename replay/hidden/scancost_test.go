package hidden

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
)

func oddsOf(c *scanCost, weight, idle int64) *scanOdds {
	o := &scanOdds{scanCost: c, rule: rules.BudgetAvgIdle, weight: weight, idle: [load.IdleBounds]int64{idle / 512, idle / 512}}
	o.sum()
	return o
}

// A scan whose budget ran out leaves the cost alone, so the next one ends as soon, and
// the hundredth; scans that come to their end bring it down, and with that the budget
// back.
func TestScanCostIsSticky(t *testing.T) {
	c := newScanCost(nil)
	const weight, idle = 7, 4_000_000
	budget := func() int64 { return oddsOf(c, weight, idle).value().Best }
	if b := budget(); b != weight {
		t.Fatalf("at first %d CPUs", b)
	}
	for range 2 {
		oddsOf(c, weight, idle).learn(0, 4, place.ScanShort, 0) // a fifth CPU was idle and not found
	}
	if b := budget(); b > 4 {
		t.Fatalf("after two short scans %d CPUs", b)
	}
	for range 100 {
		oddsOf(c, weight, idle).learn(0, weight, place.ScanVain, weight) // as short as those
	}
	if b := budget(); b > 4 {
		t.Errorf("after a hundred scans that changed nothing %d CPUs", b)
	}
	for range 60 {
		oddsOf(c, weight, idle).learn(1, weight, place.ScanFound, 0)
	}
	if b := budget(); b != weight {
		t.Errorf("after sixty scans that found a CPU at once %d CPUs", b)
	}
}

// What one CPU tells of the bound of avg_idle holds for the next.
func TestScanCostBound(t *testing.T) {
	c := newScanCost(nil)
	o := oddsOf(c, 64, 0)
	o.idle = [load.IdleBounds]int64{0, 1 << 40} // by the lower bound no scan goes far
	o.sum()
	o.learn(40, 64, place.ScanFound, 0)
	next := newScanCost([]*scanCost{nil, c})
	low, high := 0.0, 0.0
	for i := range costCells {
		low, high = low+next.p[0][i], high+next.p[1][i]
	}
	if low > 0.6*high {
		t.Errorf("the lower bound has %.2f, the higher %.2f", low, high)
	}
}

// The distribution stays one, whatever is learned, and the budget within the LLC.
func TestScanCostBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newScanCost(nil)
		weight := rapid.Int64Range(1, 256).Draw(t, "weight")
		for range rapid.IntRange(0, 40).Draw(t, "scans") {
			o := oddsOf(c, weight, rapid.Int64Range(0, 1<<30).Draw(t, "idle"))
			o.rule = rapid.SampledFrom([]rules.BudgetRule{rules.BudgetAvgIdle, rules.BudgetWakeAvgIdle, rules.BudgetAvgCost}).Draw(t, "rule")
			o.sum()
			r := o.value()
			if r.Lo < 0 || r.Lo > r.Best || r.Best > r.Hi || r.Hi > weight {
				t.Fatalf("%+v of %d CPUs", r, weight)
			}
			lo := rapid.Int64Range(0, weight).Draw(t, "lo")
			o.learn(lo, rapid.Int64Range(lo, weight).Draw(t, "hi"), rapid.SampledFrom([]place.ScanEnd{place.ScanFound, place.ScanShort, place.ScanVain}).Draw(t, "end"), weight)
			sum := 0.0
			for _, of := range c.p {
				for _, p := range of {
					if p < 0 {
						t.Fatalf("%v", c.p)
					}
					sum += p
				}
			}
			if sum < 0.999 || sum > 1.001 {
				t.Fatalf("sums to %f", sum)
			}
		}
	})
}
