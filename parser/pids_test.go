package parser

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestByPID(t *testing.T) {
	var b ByPID[string]
	pids := []int32{0, 1, 7, lowPIDs - 1, -1, lowPIDs, 1 << 22}
	for _, pid := range pids {
		if got := b.Get(pid); got != "" {
			t.Errorf("%d is called %q before it has a name", pid, got)
		}
		b.Set(pid, string(rune('a'+pid&15)))
	}
	for _, pid := range pids {
		if got, want := b.Get(pid), string(rune('a'+pid&15)); got != want {
			t.Errorf("%d is called %q, want %q", pid, got, want)
		}
	}
	var order []int32
	for pid := range b.All() {
		order = append(order, pid)
	}
	if d := cmp.Diff(pids, order); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	b.Set(7, "again")
	if b.Get(7) != "again" || b.Get(6) != "" || b.Get(lowPIDs+1) != "" || b.Len() != len(pids) {
		t.Errorf("%q, %q, %q, %d", b.Get(7), b.Get(6), b.Get(lowPIDs+1), b.Len())
	}
}

// It holds what a map would.
func TestByPIDIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b ByPID[int]
		want := map[int32]int{}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			pid := rapid.SampledFrom([]int32{-1, 0, 3, 4, 900, lowPIDs - 1, lowPIDs, lowPIDs + 1}).Draw(t, "pid")
			v := rapid.IntRange(0, 3).Draw(t, "value")
			if b.Set(pid, v); v == 0 {
				delete(want, pid)
			} else {
				want[pid] = v
			}
			if b.Get(pid) != v || b.Len() != len(want) {
				t.Fatalf("%d of %d, %d kept, want %d of %d", b.Get(pid), pid, b.Len(), v, len(want))
			}
		}
		got := maps.Collect(b.All())
		if !maps.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
