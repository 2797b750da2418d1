package stats

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxDist bounds what a Dist resolves, ten minutes in ns; longer durations count as this one.
const maxDist = 600_000_000_000

// Dist is a distribution of durations in ns, to three digits, that merges with others: a
// sparse HdrHistogram, whose size follows the values that occur. Percentiles of many
// recordings cannot be made of their percentiles; they can of their Dists. The zero value is
// empty, and a nil one reads as empty.
type Dist struct {
	h        *hdrhistogram.PackedHistogram
	max, sum int64
}

// Add counts a duration of ns; a negative one is not counted.
func (d *Dist) Add(ns int64) {
	if ns < 0 {
		return
	}
	d.max, d.sum = max(d.max, ns), d.sum+ns
	_ = d.hist().RecordValue(min(max(ns, 1), maxDist)) // in range by construction
}

func (d *Dist) hist() *hdrhistogram.PackedHistogram {
	if d.h == nil {
		d.h = hdrhistogram.NewPacked(1, maxDist, 3)
	}
	return d.h
}

// Count is the number of durations.
func (d *Dist) Count() int64 {
	if d == nil || d.h == nil {
		return 0
	}
	return d.h.TotalCount()
}

// Max is the longest in ns, exactly; 0 without any.
func (d *Dist) Max() int64 {
	if d == nil {
		return 0
	}
	return d.max
}

// Sum is that of the durations in ns, exactly.
func (d *Dist) Sum() int64 {
	if d == nil {
		return 0
	}
	return d.sum
}

// Mean is the mean in ns, rounded down; 0 without any.
func (d *Dist) Mean() int64 { return d.Sum() / max(1, d.Count()) }

// Percentile returns the duration in ns that p percent (0 to 100) do not exceed, to three
// digits and never above Max. It is not known, and 0, where none lies above it: a p99 takes
// 100 durations.
func (d *Dist) Percentile(p float64) (ns int64, known bool) {
	if d.Count() == 0 || !HasPercentile(p, d.Count()) {
		return 0, false
	}
	return min(d.h.ValueAtPercentile(p), d.max), true
}

// Median is the middle duration in ns: the one there is of one, 0 without any.
func (d *Dist) Median() int64 {
	if ns, known := d.Percentile(50); known {
		return ns
	}
	return d.Max()
}

// Step is one step of a cumulative distribution: Count durations are not longer than NS, in ns.
type Step struct{ NS, Count int64 }

// Steps returns the cumulative distribution in ascending order.
func (d *Dist) Steps() []Step {
	if d.Count() == 0 {
		return nil
	}
	var out []Step
	var n int64
	for from, count := range d.h.ForEachBucket {
		n += count
		out = append(out, Step{min(lastLike(from), d.max), n})
	}
	return out
}

// lastLike is the greatest duration that a histogram of three digits does not tell from one which
// is the least of those: 2048 have a bucket each, and from there on as many to each power of two.
func lastLike(from int64) int64 {
	return from + 1<<max(0, bits.Len64(uint64(from))-11) - 1
}

// Merge adds the durations of another Dist, which stays as it is.
func (d *Dist) Merge(o *Dist) {
	if o.Count() > 0 {
		d.hist().Merge(o.h)
		d.max, d.sum = max(d.max, o.max), d.sum+o.sum
	}
}

// Merged holds the durations of all of them.
func Merged(list ...*Dist) *Dist {
	out := &Dist{}
	for _, d := range list {
		out.Merge(d)
	}
	return out
}

// Encoded is the HdrHistogram as its libraries exchange it: V2, compressed, base64; empty
// without durations.
func (d *Dist) Encoded() string {
	if d.Count() == 0 {
		return ""
	}
	b, err := d.h.Encode()
	if err != nil {
		return "" // of a geometry that the library cannot write; this one it can
	}
	return string(b)
}

// ErrDist is wrapped by the error about text that is no Dist.
var ErrDist = errors.New("no distribution of durations")

type jsonDist struct {
	Count     int64  `json:"count"`
	SumNS     int64  `json:"sum_ns"`
	MaxNS     int64  `json:"max_ns"`
	Histogram string `json:"histogram"`
}

// MarshalJSON implements [json.Marshaler].
func (d Dist) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonDist{d.Count(), d.sum, d.max, d.Encoded()})
}

// UnmarshalJSON implements [json.Unmarshaler]. Its error wraps [ErrDist].
func (d *Dist) UnmarshalJSON(b []byte) error {
	var j jsonDist
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("%w: %w", ErrDist, err)
	}
	*d = Dist{max: j.MaxNS, sum: j.SumNS}
	if j.Histogram == "" {
		return nil
	}
	h, err := hdrhistogram.DecodePacked([]byte(j.Histogram))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDist, err)
	}
	if h.SignificantFigures() != 3 || h.TotalCount() != j.Count {
		return fmt.Errorf("%w: it holds %d values to %d digits", ErrDist, h.TotalCount(), h.SignificantFigures())
	}
	d.hist().Merge(h)
	return nil
}
