package stats

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxLength bounds what Lengths resolves: a thousand seconds in ns. Longer durations count
// as this one; Max stays exact.
const maxLength = 1_000_000_000_000

// Lengths counts durations to within 3 %, in five kilobytes.
type Lengths struct {
	h        *hdrhistogram.Histogram
	min, max int64
}

// NewLengths returns an empty one.
func NewLengths() *Lengths { return &Lengths{h: hdrhistogram.New(1, maxLength, 1)} }

// Add counts a duration in ns; less than one counts as one.
func (l *Lengths) Add(ns int64) {
	ns = max(ns, 1)
	if l.Count() == 0 || ns < l.min {
		l.min = ns
	}
	l.max = max(l.max, ns)
	_ = l.h.RecordValue(min(ns, maxLength)) // in range by construction
}

// Count is the number of durations.
func (l *Lengths) Count() int64 { return l.h.TotalCount() }

// Min is the shortest in ns, exactly; 0 without any.
func (l *Lengths) Min() int64 { return l.min }

// Max is the longest in ns, exactly; 0 without any.
func (l *Lengths) Max() int64 { return l.max }

// Median is in ns, within [Min, Max]; 0 without any.
func (l *Lengths) Median() int64 {
	left := (l.Count() + 1) / 2
	for _, b := range l.h.Distribution() {
		if left -= b.Count; left <= 0 {
			return max(l.min, min(l.max, (b.From+b.To)/2))
		}
	}
	return l.max
}

// Bins counts the durations in bins of equal width on a logarithmic axis from 1 ns on.
func (l *Lengths) Bins(perDecade int) []int64 {
	out := make([]int64, 12*perDecade+1)
	for _, b := range l.h.Distribution() {
		if b.Count > 0 {
			i := int(math.Log10(float64(max(1, b.From+b.To)/2)) * float64(perDecade))
			out[max(0, min(i, len(out)-1))] += b.Count
		}
	}
	return out
}
