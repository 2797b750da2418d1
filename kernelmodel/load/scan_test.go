package load

import (
	"testing"

	"schedreplay/kernelmodel/rules"
)

// The formula of update_idle_cpu_scan: from which mean utilisation on nothing is
// scanned, by the LLC's width, and how the whole LLC is reached.
func TestNrIdleScan(t *testing.T) {
	const pct = 117
	for w, zero := range map[int64]int64{2: 620, 4: 759, 8: 820, 12: 839, 16: 848, 24: 858, 32: 862, 64: 869} {
		if a, b := NrIdleScan((zero-1)*w, w, pct), NrIdleScan(zero*w, w, pct); a == 0 || b != 0 {
			t.Errorf("LLC of %d: %d at %d, %d at %d; want 0 from there on", w, a, zero-1, b, zero)
		}
		if a, b := NrIdleScan(27*w, w, pct), NrIdleScan(28*w, w, pct); a != w || b != w-1 {
			t.Errorf("LLC of %d: %d at 27, %d at 28; want %d and one less", w, a, b, w)
		}
		last := w
		for x := int64(0); x <= 1100; x++ {
			n := NrIdleScan(x*w, w, pct)
			if n > last || n < 0 {
				t.Fatalf("LLC of %d: %d at %d after %d", w, n, x, last)
			}
			last = n
		}
		full := FullScan(w, pct)
		if a, b := NrIdleScan(full, w, pct), NrIdleScan(full+1, w, pct); a != w || b == w {
			t.Errorf("LLC of %d: all of it is scanned up to %d: %d, then %d", w, full, a, b)
		}
	}
	if full := FullScan(4, 0); full < 4*1024 {
		t.Errorf("without a domain all is scanned up to %d", full)
	}
}

// SIS_PROP's nr, less the CPU that ends the scan without being looked at. The first
// lines are what a 4.19.90 computed on a machine of seven CPUs to an LLC.
func TestScanLimit(t *testing.T) {
	const prop, cost = rules.BudgetAvgIdle, rules.BudgetAvgCost
	for _, c := range []struct {
		rule               rules.BudgetRule
		weight, idle, cost int64
		want               int64
	}{
		{prop, 7, 2330_000 / 512, 4_300, 6}, // nr 7
		{prop, 7, 3327_000 / 512, 4_500, 7}, // nr 10: all seven
		{prop, 7, 5169_000 / 512, 416_000, 3},
		{prop, 7, 0, 0, 3},
		{prop, 64, 1_000_000 / 512, 3_000, 40},
		{prop, 2, 1_000_000, 1, 2},
		{cost, 8, 1_000, 1_001, 0},
		{cost, 8, 1_000, 1_000, 8},
	} {
		if got := ScanLimit(c.rule, c.weight, c.idle, c.cost); got != c.want {
			t.Errorf("rule %d: %d CPUs, %d ns idle, a scan costs %d: %d, want %d", c.rule, c.weight, c.idle, c.cost, got, c.want)
		}
	}
}

// avg_idle moves an eighth of the way to each idle time, up to its bound; what is left of
// it for scans halves with every jiffy.
func TestAvgIdle(t *testing.T) {
	if got := AvgIdle(AvgIdleMost, 0, AvgIdleMost); got != AvgIdleMost*7/8 {
		t.Errorf("after no idle time: %d", got)
	}
	if got := AvgIdle(AvgIdleMost, 1<<40, AvgIdleMost); got != AvgIdleMost {
		t.Errorf("after a long idle time: %d", got)
	}
	const jiffy = 4_000_000
	for jiffies, want := range map[int64]int64{0: 400_000, 1: 200_000, 3: 50_000, 1000: 0} {
		if got := WakeAvgIdle(800_000, jiffies*jiffy, jiffy); got != want {
			t.Errorf("%d jiffies later: %d, want %d", jiffies, got, want)
		}
	}
	if got := ScanIdle(1 << 20); got != 2048 {
		t.Errorf("a scan takes %d of avg_idle", got)
	}
}
