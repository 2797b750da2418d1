package plots

import "math"

// binsPerDecade is the resolution of a logHist: a bin is 3.7 % wide.
const binsPerDecade = 64

// logHist counts durations from 1 ns to 1,000 s in bins of equal width on a
// logarithmic axis.
type logHist struct {
	bins     [12*binsPerDecade + 1]int64
	n        int64
	min, max int64
}

func (h *logHist) add(ns int64) {
	ns = max(ns, 1)
	if h.n == 0 || ns < h.min {
		h.min = ns
	}
	h.max = max(h.max, ns)
	h.n++
	i := int(math.Log10(float64(ns)) * binsPerDecade)
	h.bins[min(i, len(h.bins)-1)]++
}

// median is the middle of the bin that holds the median, within [min, max];
// 0 without values.
func (h *logHist) median() int64 {
	if h.n == 0 {
		return 0
	}
	left := (h.n + 1) / 2
	for i, c := range h.bins {
		if left -= c; left <= 0 {
			v := int64(math.Round(math.Pow(10, (float64(i)+0.5)/binsPerDecade)))
			return max(h.min, min(h.max, v))
		}
	}
	return h.max
}

// rebinned sums groups of n bins.
func (h *logHist) rebinned(n int) []int64 {
	out := make([]int64, (len(h.bins)+n-1)/n)
	for i, c := range h.bins {
		out[i/n] += c
	}
	return out
}
