package columns

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever the order and size of slices, a coverage holds their time, no
// column more than its width, and nothing overflows.
func TestCoverageKeepsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := &Timebase{}
		c := NewCoverage(base)
		scale := rapid.SampledFrom([]int64{10, 1_000_000, 1 << 40}).Draw(t, "scale")
		at := rapid.Int64Range(-scale, scale).Draw(t, "start")
		var sum, lo, hi int64 = 0, at, at
		for range rapid.IntRange(1, 40).Draw(t, "n") {
			n := rapid.Int64Range(0, scale).Draw(t, "length")
			c.Add(at, at+n)
			sum += n
			at += n + rapid.Int64Range(0, scale).Draw(t, "gap")
			hi = max(hi, at)
			if rapid.IntRange(0, 9).Draw(t, "back") == 0 { // another CPU's slice, earlier than all
				m := rapid.Int64Range(0, scale).Draw(t, "early")
				c.Add(lo-m, lo)
				sum += m
				lo -= m
			}
		}
		c.Sync()
		var got int64
		for i, v := range c.Cells {
			if v < 0 || v > base.Width {
				t.Fatalf("column %d of %d ns covers %d", i, base.Width, v)
			}
			got += v
		}
		if got != sum {
			t.Fatalf("%d ns went in, %d are there", sum, got)
		}
		for _, limit := range []int{1, 7, 500, 5000} {
			if n := len(c.Columns(lo, hi+1, limit)); sum > 0 && (n == 0 || n > limit) {
				t.Fatalf("%d columns, not at most %d", n, limit)
			}
		}
	})
}

func TestColumnsOfDamagedTimes(t *testing.T) {
	base := &Timebase{}
	c, e := NewCoverage(base), NewExtents(base)
	for _, at := range []int64{0, -1 << 62, 1<<62 + 1, -1 << 63, 1<<63 - 1} {
		c.Add(at, 1<<63-1)
		c.Add(-1<<63, at)
		e.Add(at, 5)
	}
	if x := e.Between(-1e19, 1e19); x.N != 5 {
		t.Errorf("%d of 5 values are there", x.N)
	}
}

func TestExtentsKeepExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := &Timebase{}
		e := NewExtents(base)
		var want Extent
		for range rapid.IntRange(1, 50).Draw(t, "n") {
			at := rapid.Int64Range(-1_000_000, 1_000_000_000).Draw(t, "at")
			v := rapid.Int64Range(0, 1_000_000).Draw(t, "value")
			e.Add(at, v)
			want = MergeExtent(want, Extent{v, v, 1})
		}
		if got := e.Between(-2e9, 2e9); got != want {
			t.Fatalf("%v, not %v", got, want)
		}
	})
}
