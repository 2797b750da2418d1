package plots

import "math"

// Dimensions of a heat map: columns of time, and bins per decade of delay.
const (
	heatColumns = 192
	heatPerDec  = 6
	heatBins    = 12 * heatPerDec // 1 ns to 1,000 s
)

// heat counts the owner's delays by time and length. It has columns of its own,
// wider than those of the other figures.
type heat struct {
	base  *timebase
	cells *track[*[heatBins]int64]
}

func newHeat() heat {
	b := &timebase{n: heatColumns}
	return heat{base: b, cells: newTrack(b, mergeHeat)}
}

func mergeHeat(a, b *[heatBins]int64) *[heatBins]int64 {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	for i, n := range b {
		a[i] += n
	}
	return a
}

func (h *heat) add(at, delay int64) {
	at = h.base.clamp(at)
	h.base.cover(at, at)
	c := h.cells.at(h.base.column(at))
	if *c == nil {
		*c = new([heatBins]int64)
	}
	i := int(math.Log10(float64(max(delay, 1))) * heatPerDec)
	(*c)[min(i, heatBins-1)]++
}

// extent is the range of bins and columns used, and the greatest count; ok is
// false if there is none.
func (h *heat) extent() (lo, hi int, top int64, ok bool) {
	h.cells.sync()
	lo = heatBins
	for _, c := range h.cells.cells {
		if c == nil {
			continue
		}
		for i, n := range c {
			if n > 0 {
				lo, hi, top, ok = min(lo, i), max(hi, i), max(top, n), true
			}
		}
	}
	return lo, hi, top, ok
}

// edge is the lower edge of a bin in ns.
func heatEdge(i int) float64 { return math.Pow(10, float64(i)/heatPerDec) }
