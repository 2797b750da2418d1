package parser

import "testing"

// A charge tells since when its task ran, no longer than since another one did.
func TestRanSince(t *testing.T) {
	for _, c := range []struct{ runtime, other, want int64 }{{30, 50, 70}, {30, 90, 90}, {0, 50, 100}, {NoTime, 50, 100}} {
		ev := NewEvent(KindStatRuntime, 100, 0)
		ev.Runtime = c.runtime
		if got := ev.RanSince(c.other); got != c.want {
			t.Errorf("%d ns, another up to %d: since %d, want %d", c.runtime, c.other, got, c.want)
		}
	}
}
