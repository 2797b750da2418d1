package stats

import (
	"cmp"
	"math"
	"slices"
)

// Dimensions of what a comparison keeps of one capture.
const (
	SampleBlocks  = 60  // stretches of time, which the bootstrap draws from
	samplePerDec  = 230 // bins per decade of delay: 1 % wide
	SampleBins    = 12*samplePerDec + 1
	BootstrapRuns = 500
)

func SampleBin(ns int64) int {
	return min(SampleBins-1, int(math.Log10(float64(max(ns, 1)))*samplePerDec))
}

// sampleValue is the middle of a bin in ns.
func sampleValue(bin int) float64 { return math.Pow(10, (float64(bin)+0.5)/samplePerDec) }

// Interval is an estimate with its 95 % band; Known is false where there is
// nothing to estimate from.
type Interval struct {
	Value, Low, High float64
	Known            bool
}

// Percentiles of a comparison.
var Percentiles = []float64{50, 90, 99, 99.9}

// Level is a point of the distribution: the delay that all but a share of
// 10^-nine do not exceed.
type Level struct {
	Nine          float64
	Value, Lo, Hi float64 // ns
	Banded        bool
}

// PoissonBand is the 95 % band of a rate by a count of events, by Byar's
// approximation.
func PoissonBand(n int64) (lo, hi float64) {
	const z = 1.959963984540054
	up := func(k float64) float64 { return k * math.Pow(1-1/(9*k)+z/(3*math.Sqrt(k)), 3) }
	down := func(k float64) float64 { return k * math.Pow(1-1/(9*k)-z/(3*math.Sqrt(k)), 3) }
	if n > 0 {
		lo = max(0, down(float64(n)))
	}
	return lo, up(float64(n) + 1)
}

// Splitmix is a generator of random numbers that no library changes under us.
type Splitmix uint64

func (r *Splitmix) Next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Band95 is the middle 95 % of values.
func Band95(v []float64) (lo, hi float64) {
	if len(v) == 0 {
		return 0, 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	at := func(p float64) float64 { return v[min(len(v)-1, int(p*float64(len(v))))] }
	return at(0.025), at(0.975)
}

func AddCounts(to, d []int64, times int64) []int64 {
	if to == nil {
		to = make([]int64, SampleBins)
	}
	for i, n := range d {
		to[i] += n * times
	}
	return to
}

func SumCounts(d []int64) (n int64) {
	for _, k := range d {
		n += k
	}
	return n
}

// Quantiles returns the delays that shares of n, in any order, do not exceed.
func Quantiles(d []int64, n int64, shares []float64) []float64 {
	order := make([]int, len(shares))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(shares[a], shares[b]) })
	out := make([]float64, len(shares))
	var sum int64
	bin := -1
	for _, i := range order {
		want := max(1, int64(math.Ceil(shares[i]*float64(n)-1e-9)))
		for sum < want && bin+1 < len(d) {
			bin++
			sum += d[bin]
		}
		out[i] = sampleValue(max(bin, 0))
	}
	return out
}

// Apart95 reports whether the bands of two estimates do not meet.
func Apart95(a, b Interval) bool { return a.High < b.Low || b.High < a.Low }

// Nines is the height of the last of n values: -log10 of the share above it,
// and a bit.
func Nines(n int64) float64 { return math.Max(1, math.Log10(float64(n))) + 0.45 }

// HasPercentile reports whether n values are enough for a percentile: at least
// one must lie above it.
func HasPercentile(p float64, n int64) bool { return float64(n)*(100-p)/100 >= 1-1e-9 }
