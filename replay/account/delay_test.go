package account

import (
	"slices"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

func TestDelayHistogram(t *testing.T) {
	d := NewDelayHistogram()
	if d.Count() != 0 || d.Max() != 0 || d.Mean() != 0 || d.Percentile(99) != 0 || len(d.Steps()) != 0 {
		t.Errorf("empty: %d, %d, %d, %d", d.Count(), d.Max(), d.Mean(), d.Percentile(99))
	}
	for _, ns := range []int64{-1, 0, 0, 1, 1000, 2 * maxDelay} {
		d.Add(ns)
	}
	if d.Count() != 5 || d.Max() != 2*maxDelay || d.Mean() != (1001+2*maxDelay)/5 {
		t.Errorf("count %d, max %d, mean %d", d.Count(), d.Max(), d.Mean())
	}
}

// Percentiles and steps against the sorted delays, to three digits.
func TestDelayPercentiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(1, 1<<36), 1, 200).Draw(t, "delays")
		d := NewDelayHistogram()
		for _, ns := range all {
			d.Add(ns)
		}
		slices.Sort(all)
		for _, p := range []float64{0, 50, 90, 99, 99.9, 100} {
			rank := max(0, int(float64(len(all))*p/100+0.5)-1)
			got, want := d.Percentile(p), all[rank]
			if got < want-want/500-1 || got > want+want/500+1 {
				t.Fatalf("%g %%: %d, want %d of %d", p, got, want, len(all))
			}
		}
		if d.Percentile(100) != all[len(all)-1] {
			t.Fatalf("100 %%: %d, the longest is %d", d.Percentile(100), all[len(all)-1])
		}
		dense, steps, sum := hdrhistogram.New(1, maxDelay, 3), []DelayStep(nil), int64(0)
		for _, ns := range all {
			_ = dense.RecordValue(ns)
		}
		for _, b := range dense.Distribution() {
			if sum += b.Count; b.Count > 0 {
				steps = append(steps, DelayStep{min(b.To, d.max), sum})
			}
		}
		if !slices.Equal(d.Steps(), steps) {
			t.Fatalf("steps %v, of a histogram that has every bucket %v", d.Steps(), steps)
		}
		var last DelayStep
		for _, s := range d.Steps() {
			if s.NS < last.NS || s.Count <= last.Count {
				t.Fatalf("step %+v after %+v", s, last)
			}
			n := int64(0)
			for _, ns := range all {
				if ns <= s.NS {
					n++
				}
			}
			if n != s.Count {
				t.Fatalf("%d delays are not longer than %d, the step says %d", n, s.NS, s.Count)
			}
			last = s
		}
		if last.Count != int64(len(all)) || last.NS != all[len(all)-1] {
			t.Fatalf("the last step is %+v", last)
		}
	})
}
