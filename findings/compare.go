package findings

import "schedreplay/findings/stats"

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
	// DelayRatio compares the delays at Percentiles[Percentile], the highest of the first
	// three that both recordings give; Percentile is -1 if there is none.
	Percentile int
	DelayRatio stats.Interval
	Delays     Difference
	// Superiority is the chance that a waking of after waits longer than one of before.
	Superiority      float64
	SuperiorityKnown bool
}

// Compare compares two finished samples.
func Compare(before, after *Sample) *Comparison {
	c := &Comparison{Before: before, After: after, Percentile: -1}
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
	c.Superiority, c.SuperiorityKnown = Superiority(before, after)
	if !c.SuperiorityKnown {
		return c
	}
	for i := range Percentiles[:3] {
		if r := Ratio(before, after, i); r.Known {
			c.Percentile, c.DelayRatio = i, r
		}
	}
	if c.Percentile >= 0 {
		c.Delays = differs(c.DelayRatio.Differs())
	}
	return c
}

// fewEntries is the number below which the time held hangs on single entries.
const fewEntries = 20
