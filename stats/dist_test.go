package stats

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

func distOf(list []int64) *Dist {
	d := &Dist{}
	for _, ns := range list {
		d.Add(ns)
	}
	return d
}

// Merged in any order, and by way of JSON, the parts give the same bytes as the whole; any
// HdrHistogram library reads them.
func TestDistMerges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		durations := rapid.SliceOf(rapid.Int64Range(1, 2_000_000_000))
		a, b := durations.Draw(t, "a"), durations.Draw(t, "b")
		x, y := distOf(a), distOf(b)
		back := new(Dist)
		text, err := json.Marshal(x)
		if err == nil {
			err = json.Unmarshal(text, back)
		}
		if err != nil {
			t.Fatal(err)
		}
		back.Merge(y)
		y.Merge(x)
		all := distOf(append(a, b...))
		if back.Encoded() != all.Encoded() || y.Encoded() != all.Encoded() || back.Max() != all.Max() || back.Count() != all.Count() {
			t.Fatalf("merged %s, whole %s", back.Encoded(), all.Encoded())
		}
		p, known := all.Percentile(90)
		q, _ := back.Percentile(90)
		if p != q || known != (len(a)+len(b) >= 10) {
			t.Fatalf("p90 %d and %d (%v) of %d", p, q, known, len(a)+len(b))
		}
		if all.Count() > 0 {
			if h, err := hdrhistogram.Decode([]byte(all.Encoded())); err != nil || h.TotalCount() != all.Count() {
				t.Fatal(err)
			}
		}
	})
}

func TestDistRefusesOthers(t *testing.T) {
	for _, s := range []string{`3`, `{"count":1,"histogram":"x"}`, `{"count":7,"histogram":"` + distOf([]int64{5}).Encoded() + `"}`} {
		if err := json.Unmarshal([]byte(s), new(Dist)); !errors.Is(err, ErrDist) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestDist(t *testing.T) {
	d := &Dist{}
	if d.Count() != 0 || d.Max() != 0 || d.Mean() != 0 || d.Median() != 0 || len(d.Steps()) != 0 {
		t.Errorf("empty: %d, %d, %d, %d", d.Count(), d.Max(), d.Mean(), d.Median())
	}
	for _, ns := range []int64{-1, 0, 0, 1, 1000, 2 * maxDist} {
		d.Add(ns)
	}
	if d.Count() != 5 || d.Max() != 2*maxDist || d.Mean() != (1001+2*maxDist)/5 {
		t.Errorf("count %d, max %d, mean %d", d.Count(), d.Max(), d.Mean())
	}
}

// Percentiles and steps against the sorted delays, to three digits.
func TestDistPercentiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(1, 1<<36), 1, 200).Draw(t, "delays")
		d := distOf(all)
		slices.Sort(all)
		for _, p := range []float64{0, 50, 90, 99, 99.9} {
			rank := max(0, int(float64(len(all))*p/100+0.5)-1)
			got, known := d.Percentile(p)
			want := all[rank]
			if known != HasPercentile(p, int64(len(all))) {
				t.Fatalf("%g %% of %d known: %v", p, len(all), known)
			}
			if known && (got < want-want/500-1 || got > want+want/500+1) {
				t.Fatalf("%g %%: %d, want %d of %d", p, got, want, len(all))
			}
		}
		if m, want := d.Median(), all[(len(all)-1)/2]; m < want-want/500-1 || m > want+want/500+1 {
			t.Fatalf("median %d, want %d", m, want)
		}
		dense, steps, sum := hdrhistogram.New(1, maxDist, 3), []Step(nil), int64(0)
		for _, ns := range all {
			_ = dense.RecordValue(ns)
		}
		for _, b := range dense.Distribution() {
			if sum += b.Count; b.Count > 0 {
				steps = append(steps, Step{min(b.To, d.max), sum})
			}
		}
		if !slices.Equal(d.Steps(), steps) {
			t.Fatalf("steps %v, of a histogram that has every bucket %v", d.Steps(), steps)
		}
		var last Step
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
