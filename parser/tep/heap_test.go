package tep

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// list is a source that gives the numbers of a sorted list.
type list []int

func (l list) Before(m list) bool { return l[0] < m[0] }

func TestHeap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Heap[list]
		var want, got []int
		for _, l := range rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 50), 1, 20), 0, 12).Draw(t, "lists") {
			want = append(want, l...)
			slices.Sort(l)
			h = append(h, l)
		}
		h.Init()
		for len(h) > 0 {
			got = append(got, h[0][0])
			h[0] = h[0][1:]
			h.Next(len(h[0]) > 0)
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
