package stats

import (
	"math"
	"slices"
)

// Interval is an estimate with its 95 % band; Known is false where there is
// nothing to estimate from.
type Interval struct {
	Value, Low, High float64
	Known            bool
}

// Estimate is a value with the band of its replicates, widened to hold it.
func Estimate(value float64, replicates []float64) Interval {
	lo, hi := value, value
	if len(replicates) > 0 {
		lo, hi = Band95(replicates)
	}
	return Interval{Value: value, Low: math.Min(lo, value), High: math.Max(hi, value), Known: true}
}

// Band95 is the middle 95 % of values; 0 without any.
func Band95(v []float64) (lo, hi float64) {
	if len(v) == 0 {
		return 0, 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	at := func(p float64) float64 { return v[min(len(v)-1, int(p*float64(len(v))))] }
	return at(0.025), at(0.975)
}

// HasPercentile reports whether n values are enough for a percentile, 0 to 100: at least
// one must lie above it.
func HasPercentile(p float64, n int64) bool { return float64(n)*(100-p)/100 >= 1-1e-9 }

// Nines is the height of the last of n values: -log10 of the share above it,
// and a bit.
func Nines(n int64) float64 { return math.Max(1, math.Log10(float64(n))) + 0.45 }
