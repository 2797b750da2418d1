package stats

import (
	"math"
	"testing"
)

// binomialTail is the chance of at most k of n at odds p, summed up.
func binomialTail(k, n int64, p float64) float64 {
	sum := 0.0
	for i := int64(0); i <= k; i++ {
		lg := func(x int64) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
		sum += math.Exp(lg(n) - lg(i) - lg(n-i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

// The band is where the exact binomial tails are 2.5 %.
func TestRateRatioIsExact(t *testing.T) {
	for _, c := range []struct {
		n, m          int64
		window, other float64
	}{{3, 9, 10, 10}, {132, 281, 10, 10}, {1, 7, 5, 20}, {40, 38, 3, 4}} {
		r := RateRatio(c.n, c.window, c.m, c.other)
		p := func(ratio float64) float64 { x := ratio * c.window / c.other; return x / (1 + x) }
		if hi := binomialTail(c.n, c.n+c.m, p(r.High)); math.Abs(hi-0.025) > 1e-6 {
			t.Errorf("%+v: upper tail %g", c, hi)
		}
		if lo := 1 - binomialTail(c.n-1, c.n+c.m, p(r.Low)); math.Abs(lo-0.025) > 1e-6 {
			t.Errorf("%+v: lower tail %g", c, lo)
		}
		if v := float64(c.n) / c.window / (float64(c.m) / c.other); math.Abs(v-r.Value) > 1e-9 {
			t.Errorf("%+v: ratio %g", c, r.Value)
		}
	}
	if r := RateRatio(5, 1, 0, 1); !r.Known || r.High != 0 || r.Low < 0.5 {
		t.Errorf("nothing before: %+v", r)
	}
	if r := RateRatio(0, 1, 0, 1); r.Known {
		t.Errorf("nothing at all: %+v", r)
	}
}

// Table of exact limits of a Poisson mean (Garwood 1936).
func TestPoissonBandIsExact(t *testing.T) {
	for n, want := range map[int64][2]float64{0: {0, 3.689}, 1: {0.0253, 5.572}, 5: {1.623, 11.67}, 10: {4.795, 18.39}, 100: {81.36, 121.6}} {
		lo, hi := PoissonBand(n)
		if math.Abs(lo-want[0]) > 0.005 || math.Abs(hi-want[1]) > 0.05 {
			t.Errorf("%d: %g to %g", n, lo, hi)
		}
	}
}

// A verdict never contradicts the bands printed beside it: where those of two rates do
// not meet, their ratio's leaves 1 out.
func TestRatioAgreesWithBands(t *testing.T) {
	for _, other := range []float64{1, 2.5, 40} {
		for n := int64(0); n <= 120; n++ {
			for m := int64(0); m <= 120; m++ {
				a, b := Interval{}, Interval{}
				a.Low, a.High = PoissonBand(n)
				b.Low, b.High = PoissonBand(m)
				b.Low, b.High = b.Low/other, b.High/other
				below, above := RateRatio(n, 1, m, other).Differs()
				if a.High < b.Low && !below || a.Low > b.High && !above {
					t.Fatalf("%d in 1 and %d in %g: bands %v %v, below %v above %v", n, m, other, a, b, below, above)
				}
			}
		}
	}
	// The case that was told as chance: 13.2 a second against 28.1.
	if below, _ := RateRatio(132, 10, 281, 10).Differs(); !below {
		t.Error("13.2 and 28.1 a second are told alike")
	}
}
