package fair

import (
	"testing"

	"pgregory.net/rapid"
)

// The mean lies between the least and the greatest virtual time; at the mean nobody has
// more than his share, and who is ahead of it has.
func TestMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Mean{Base: rapid.Int64Range(0, 1<<30).Draw(t, "base")}
		least, most := int64(1<<62), int64(-1)
		for range rapid.IntRange(1, 6).Draw(t, "n") {
			v, w := rapid.Int64Range(0, 1<<30).Draw(t, "v"), rapid.Int64Range(15, 88761).Draw(t, "weight")
			m.Add(v, w)
			least, most = min(least, v), max(most, v)
		}
		mean := m.Vruntime()
		if mean < least || mean > most {
			t.Fatalf("mean %d of %d to %d", mean, least, most)
		}
		if !m.Eligible(mean) || !m.Eligible(least) || m.Eligible(mean+1) {
			t.Fatalf("at %d: %d, at %d: %d", mean, m.Lag(mean), mean+1, m.Lag(mean+1))
		}
		v, w := rapid.Int64Range(0, 1<<30).Draw(t, "one"), rapid.Int64Range(15, 88761).Draw(t, "its weight")
		was := m
		m.Add(v, w)
		if m.Add(v, -w); m != was {
			t.Fatalf("who came and left leaves %+v of %+v", m, was)
		}
	})
}

// An entity that is placed with a lag has about that lag to the new mean.
func TestPlace(t *testing.T) {
	if v, d := Place(5_000_000, 0, 300, 1024, 3_000_000, false); v != 5_000_000 || d != 8_000_000 {
		t.Errorf("on an empty queue: %d, deadline %d", v, d)
	}
	if v, d := Place(5_000_000, 1024, 100_000, 1024, 3_000_000, true); v != 4_800_000 || d != 6_300_000 {
		t.Errorf("a forked one: %d, deadline %d", v, d)
	}
	if got := ClampLag(9_000_000, 1024, 3_000_000, 4_000_000, false); got != 6_000_000 {
		t.Errorf("a lag is kept at %d", got)
	}
	if got := ClampLag(-9_000_000, 2048, 1_000_000, 4_000_000, false); got != -1_999_999 { // as the kernel rounds
		t.Errorf("a negative lag of twice the weight is kept at %d", got)
	}
	if got := ClampLag(9_000_000, 1024, 3_000_000, 4_000_000, true); got != 7_000_000 {
		t.Errorf("from 7.0 on a lag is kept at %d", got)
	}
}
