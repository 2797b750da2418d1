package stats

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

func distOf(list []int64) *Dist {
	var longest, sum int64
	for _, ns := range list {
		longest, sum = max(longest, ns), sum+ns
	}
	return NewDist(func(yield func(ns, n int64) bool) {
		for _, ns := range list {
			if !yield(ns, 1) {
				return
			}
		}
	}, longest, sum/max(1, int64(len(list))))
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
