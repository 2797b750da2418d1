package stats

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxDist bounds what a Dist resolves, ten minutes in ns; longer durations count as this one.
const maxDist = 600_000_000_000

// Dist is a distribution of durations in ns, to three digits, that merges with others: a
// sparse HdrHistogram, whose size follows the values that occur. Percentiles of many
// recordings cannot be made of their percentiles; they can of their Dists. The zero value
// is empty.
type Dist struct {
	h        *hdrhistogram.PackedHistogram
	max, sum int64
}

// NewDist makes a Dist of the steps of a cumulative distribution, its longest value and its
// mean.
func NewDist(steps func(yield func(ns, n int64) bool), longest, mean int64) *Dist {
	d := &Dist{max: longest}
	for ns, n := range steps {
		d.hist()
		_ = d.h.RecordValues(min(max(ns, 1), maxDist), n) // in range by construction
	}
	d.sum = mean * d.Count()
	return d
}

func (d *Dist) hist() *hdrhistogram.PackedHistogram {
	if d.h == nil {
		d.h = hdrhistogram.NewPacked(1, maxDist, 3)
	}
	return d.h
}

// Count is the number of durations.
func (d *Dist) Count() int64 {
	if d.h == nil {
		return 0
	}
	return d.h.TotalCount()
}

// Max is the longest in ns, exactly; 0 without any.
func (d *Dist) Max() int64 { return d.max }

// Mean is the mean in ns, rounded down; 0 without any.
func (d *Dist) Mean() int64 {
	if n := d.Count(); n > 0 {
		return d.sum / n
	}
	return 0
}

// Percentile returns the duration in ns that p percent (0 to 100) do not exceed. It is not
// known where none lies above it: a p99 takes 100 durations.
func (d *Dist) Percentile(p float64) (ns int64, known bool) {
	if d.Count() == 0 || !HasPercentile(p, d.Count()) {
		return 0, false
	}
	return min(d.h.ValueAtPercentile(p), d.max), true
}

// Merge adds the durations of another Dist.
func (d *Dist) Merge(o *Dist) {
	if o.Count() > 0 {
		d.hist().Merge(o.h)
		d.max, d.sum = max(d.max, o.max), d.sum+o.sum
	}
}

// Each calls f with each value that occurs, ascending, and how often it does.
func (d *Dist) Each(f func(ns, n int64)) {
	if d.h != nil {
		d.h.ForEachBucket(func(ns, n int64) bool { f(ns, n); return true })
	}
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
