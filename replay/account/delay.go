package account

import (
	"math/bits"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// DelayHistogram collects delays in ns with three significant digits, in memory for those
// that occur. The zero value is not usable; see [NewDelayHistogram].
type DelayHistogram struct {
	h        *hdrhistogram.PackedHistogram
	max, sum int64
}

// maxDelay bounds what the histogram resolves: ten minutes in ns. Longer
// delays count as this one; Max stays exact.
const maxDelay = 600_000_000_000

func newDelayHistogram() *DelayHistogram {
	return &DelayHistogram{h: hdrhistogram.NewPacked(1, maxDelay, 3)}
}

// NewDelayHistogram returns an empty histogram, for those who make results of
// their own.
func NewDelayHistogram() *DelayHistogram { return newDelayHistogram() }

// Add counts a delay of ns; a negative one is not counted.
func (d *DelayHistogram) Add(ns int64) { d.add(ns) }

func (d *DelayHistogram) add(ns int64) {
	if ns < 0 {
		return
	}
	d.max = max(d.max, ns)
	d.sum += ns
	_ = d.h.RecordValue(min(max(ns, 1), maxDelay)) // in range by construction
}

// AddMany counts n delays of ns, which is not negative.
func (d *DelayHistogram) AddMany(ns, n int64) {
	d.max = max(d.max, ns)
	d.sum += n * ns
	_ = d.h.RecordValues(min(max(ns, 1), maxDelay), n) // in range by construction
}

// Merge adds the delays of another histogram.
func (d *DelayHistogram) Merge(o *DelayHistogram) {
	d.max = max(d.max, o.max)
	d.sum += o.sum
	d.h.Merge(o.h)
}

// Count is the number of delays, 0 of a nil histogram.
func (d *DelayHistogram) Count() int64 {
	if d == nil {
		return 0
	}
	return d.h.TotalCount()
}

// Max is the longest delay in ns, exactly; 0 without delays.
func (d *DelayHistogram) Max() int64 {
	if d == nil {
		return 0
	}
	return d.max
}

// Sum is that of the delays in ns, exactly.
func (d *DelayHistogram) Sum() int64 {
	if d == nil {
		return 0
	}
	return d.sum
}

// Mean is the mean in ns, rounded down; 0 without delays.
func (d *DelayHistogram) Mean() int64 {
	return d.Sum() / max(1, d.Count())
}

// Percentile returns the delay in ns that p percent (0 to 100) do not exceed,
// to three digits, never above Max; 0 without delays.
func (d *DelayHistogram) Percentile(p float64) int64 {
	if d.Count() == 0 {
		return 0
	}
	return min(d.h.ValueAtPercentile(p), d.max)
}

// DelayStep is one step of a cumulative distribution.
type DelayStep struct {
	// NS is a delay in ns; Count delays are not longer.
	NS, Count int64
}

// Steps returns the cumulative distribution in ascending order.
func (d *DelayHistogram) Steps() []DelayStep {
	if d.Count() == 0 {
		return nil
	}
	var out []DelayStep
	var n int64
	for from, count := range d.h.ForEachBucket {
		n += count
		out = append(out, DelayStep{min(lastLike(from), d.max), n})
	}
	return out
}

// lastLike is the greatest delay that a histogram of three digits does not tell from one which
// is the least of those: 2048 have a bucket each, and from there on as many to each power of two.
func lastLike(from int64) int64 {
	return from + 1<<max(0, bits.Len64(uint64(from))-11) - 1
}
