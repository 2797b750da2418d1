package outcome

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// apart is the Kolmogorov-Smirnov distance of two samples, the second in order, by its
// definition: what Tally.apart has to come to without the samples.
func apart(a, b []int64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 1
	}
	slices.Sort(a)
	most, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		v := min(a[i], b[j])
		for i < len(a) && a[i] == v {
			i++
		}
		for j < len(b) && b[j] == v {
			j++
		}
		most = max(most, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return most
}

// The distance from the recorded delays is that of all runs' delays together, though they are
// counted one run after the other and not kept.
func TestTally(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Int64Range(0, 12))
		recorded := values.Draw(t, "recorded")
		slices.Sort(recorded)
		c := NewTally(recorded)
		var all []int64
		for range rapid.IntRange(0, 4).Draw(t, "runs") {
			run := values.Draw(t, "run")
			slices.Sort(run)
			c.Add(run)
			all = append(all, run...)
		}
		if got, want := c.apart(), apart(all, recorded); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
