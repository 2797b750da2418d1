package hidden

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/fact"
)

// The budget follows the reconstruction, and what decisions prove outweighs it
// for a while.
func TestScanBudgetFollows(t *testing.T) {
	b := newScanBudget(16, 117)
	if v := b.value(); v.Lo != 0 || v.Hi != 16 || v.From != fact.Estimated {
		t.Errorf("at first %+v: nothing is excluded", v)
	}
	b.step(10, budgetSettle-1, false)
	if v := b.value(); v.Lo != 0 || v.Hi != 16 {
		t.Errorf("before the load averages have settled %+v: nothing is excluded", v)
	}
	for range 200 {
		b.step(10, 1, true)
	}
	v := b.value()
	if v.Best < 9 || v.Best > 11 || v.Lo < 1 || v.Hi > 15 || v.Lo > 9 || v.Hi < 11 {
		t.Errorf("after the reconstruction said 10 for long: %+v", v)
	}
	for range 4 {
		b.prove(7, 7)
	}
	if v := b.value(); v.Best != 7 {
		t.Errorf("after decisions proved 7: %+v", v)
	}
	for range 100 {
		b.step(3, 1, true)
	}
	if v := b.value(); v.Best > 4 || v.Hi > 15 {
		t.Errorf("after the reconstruction fell to 3: %+v", v)
	}
	for range 100 {
		b.step(0, 1, true)
	}
	if v := b.value(); v.Lo != 0 || v.Best > 1 {
		t.Errorf("at the lower end: %+v", v)
	}
	for range 200 {
		b.step(16, 1, true)
	}
	if v := b.value(); v.Hi != 16 || v.Best < 14 {
		t.Errorf("at the upper end: %+v", v)
	}
}

// While a CPU has just gone idle the value is set more often.
func TestScanBudgetFresh(t *testing.T) {
	slow, quick := newScanBudget(16, 117), newScanBudget(16, 117)
	for _, b := range []*scanBudget{&slow, &quick} {
		b.step(2, 400, true)
	}
	slow.step(10, 8, false)
	quick.step(10, 8, true)
	if s, q := slow.value(), quick.value(); s.Best >= q.Best || q.Best < 9 {
		t.Errorf("%d after 8 ms, %d where a CPU went idle", s.Best, q.Best)
	}
}

// Whatever it is told, the budget is a range within the LLC around a value, and
// never runs out of likelihood.
func TestScanBudgetBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.Int64Range(1, 128).Draw(t, "width")
		b := newScanBudget(w, 117)
		for range rapid.IntRange(1, 80).Draw(t, "n") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				b.step(rapid.Int64Range(0, w).Draw(t, "v"), rapid.Int64Range(0, 1<<40).Draw(t, "ms"), rapid.Bool().Draw(t, "fresh"))
			default:
				lo := rapid.Int64Range(-1, w+2).Draw(t, "lo")
				b.prove(lo, rapid.Int64Range(-1, w+2).Draw(t, "hi"))
			}
			v := b.value()
			if v.Lo < 0 || v.Lo > v.Best || v.Best > v.Hi || v.Hi > w {
				t.Fatalf("%+v of %d", v, w)
			}
			sum := uint64(0)
			for _, p := range b.p {
				sum += p
			}
			if sum < budgetOne/16 || sum > 16*budgetOne {
				t.Fatalf("likelihoods sum to %g of one", float64(sum)/budgetOne)
			}
		}
	})
}

// After an interruption nothing is known of a budget, as at the start.
func TestBudgetResumes(t *testing.T) {
	b := newScanBudget(8, 117)
	b.step(6, 400, false)
	b.prove(5, 7)
	b.resume()
	if v, fresh := b.value(), newScanBudget(8, 117); v != fresh.value() || b.odds() != nil {
		t.Errorf("%+v, at the start %+v", v, fresh.value())
	}
}

// Under a scheduler that is not mainline's no choice proves a budget, but the likeliest is the
// same.
func TestBudgetOpen(t *testing.T) {
	b := newScanBudget(8, 117)
	b.step(6, 400, false)
	for range 4 {
		b.prove(0, 0)
	}
	was := b.value()
	if b.open, b.isRanged = true, false; was.Hi == 8 || b.odds() != nil {
		t.Fatalf("%+v is open already, or has odds", was)
	}
	if v := b.value(); v.Lo != 0 || v.Hi != 8 || v.Best != was.Best {
		t.Errorf("%+v, not open %+v", v, was)
	}
}
