package findings

import (
	"schedreplay/replay"
	"schedreplay/stats"
)

// Difference is what two recordings can tell of a difference.
type Difference uint8

// The differences.
const (
	// NotTold: one of them does not tell enough.
	NotTold Difference = iota
	// NoneInEither: there is nothing in either.
	NoneInEither
	// ByChance: chance alone may make as great a difference (5 %).
	ByChance
	// Less and More: after has less or more than before, beyond what chance explains.
	Less
	More
	// LessHere and MoreHere: in these recordings it surely is, but it hangs on so few
	// entries that other recordings may show the opposite.
	LessHere
	MoreHere
)

func differs(below, above bool) Difference {
	switch {
	case below:
		return Less
	case above:
		return More
	}
	return ByChance
}

// Comparison holds one recording against another. Each verdict follows from the interval
// beside it: it is never at odds with the band that is printed.
type Comparison struct {
	Before, After *Sample
	// EntryRatio is the rate of the entries after over that before, with its exact band.
	EntryRatio stats.Interval
	Entries    Difference
	// Held compares the share of the time that foreign tasks held.
	Held Difference
	// Waits compares the owners' waits, by kind.
	Waits [replay.WaitKinds]WaitComparison
}

// WaitComparison compares waits of one kind. It is not known where one of the recordings
// has none.
type WaitComparison struct {
	Known bool
	// Ratio compares the waits at Percentiles[Percentile], the highest of the first
	// three that both recordings give; Percentile is -1 if there is none.
	Percentile int
	Ratio      stats.Interval
	Waits      Difference
	// Superiority is the chance that a wait of after is longer than one of before.
	Superiority float64
}

// Compare compares two finished samples.
func Compare(before, after *Sample) *Comparison {
	c := &Comparison{Before: before, After: after}
	x, y := &before.Sum, &after.Sum
	if before.Share.Known && after.Share.Known {
		n, m := y.Held.Entries.Total(), x.Held.Entries.Total()
		c.EntryRatio = stats.RateRatio(n, float64(y.WindowNS), m, float64(x.WindowNS))
		if c.Entries = NoneInEither; n+m > 0 {
			c.Entries = differs(c.EntryRatio.Differs())
		}
		a, b := before.Share, after.Share
		if c.Held = NoneInEither; x.Held.NS+y.Held.NS > 0 {
			c.Held = differs(b.High < a.Low, b.Low > a.High)
		}
		if few := n+m < fewEntries && c.Entries != Less && c.Entries != More; few && c.Held == Less {
			c.Held = LessHere
		} else if few && c.Held == More {
			c.Held = MoreHere
		}
	}
	for kind := range c.Waits {
		w, b, a := &c.Waits[kind], &before.Waits[kind], &after.Waits[kind]
		w.Percentile = -1
		w.Superiority, w.Known = Superiority(&x.Waits[kind], &y.Waits[kind])
		for i := range Percentiles[:3] {
			if r := Ratio(b, a, i); r.Known {
				w.Percentile, w.Ratio = i, r
			}
		}
		if w.Percentile >= 0 {
			w.Waits = differs(w.Ratio.Differs())
		}
	}
	return c
}

// fewEntries is the number below which the time held hangs on single entries.
const fewEntries = 20
