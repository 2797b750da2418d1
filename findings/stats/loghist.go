package stats

import "math"

// BinsPerDecade is the resolution of a logHist: a bin is 3.7 % wide.
const BinsPerDecade = 64

// LogHist counts durations from 1 ns to 1,000 s in bins of equal width on a
// logarithmic axis.
type LogHist struct {
	bins     [12*BinsPerDecade + 1]int64
	N        int64
	Min, Max int64
}

func (h *LogHist) Add(ns int64) {
	ns = max(ns, 1)
	if h.N == 0 || ns < h.Min {
		h.Min = ns
	}
	h.Max = max(h.Max, ns)
	h.N++
	i := int(math.Log10(float64(ns)) * BinsPerDecade)
	h.bins[min(i, len(h.bins)-1)]++
}

// Median is the middle of the bin that holds the median, within [min, max];
// 0 without values.
func (h *LogHist) Median() int64 {
	if h.N == 0 {
		return 0
	}
	left := (h.N + 1) / 2
	for i, c := range h.bins {
		if left -= c; left <= 0 {
			v := int64(math.Round(math.Pow(10, (float64(i)+0.5)/BinsPerDecade)))
			return max(h.Min, min(h.Max, v))
		}
	}
	return h.Max
}

// Rebinned sums groups of n bins.
func (h *LogHist) Rebinned(n int) []int64 {
	out := make([]int64, (len(h.bins)+n-1)/n)
	for i, c := range h.bins {
		out[i/n] += c
	}
	return out
}
