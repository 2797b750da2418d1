package columns

import "math"

// Dimensions of a heat map: columns of time, and bins per decade of delay.
const (
	heatColumns = 192
	heatPerDec  = 6
	heatBins    = 12 * heatPerDec // 1 ns to 1,000 s
)

// Heat counts the owner's delays by time and length. It has columns of its own,
// wider than those of the other figures.
type Heat struct {
	Base  *Timebase
	Cells *Track[*[heatBins]int64]
}

// NewHeat returns an empty one.
func NewHeat() Heat {
	b := &Timebase{n: heatColumns}
	return Heat{Base: b, Cells: newTrack(b, mergeHeat)}
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

// Add counts a delay in ns that ended at a time.
func (h *Heat) Add(at, delay int64) {
	at = h.Base.Clamp(at)
	h.Base.Cover(at, at)
	c := h.Cells.at(h.Base.Column(at))
	if *c == nil {
		*c = new([heatBins]int64)
	}
	i := int(math.Log10(float64(max(delay, 1))) * heatPerDec)
	(*c)[min(i, heatBins-1)]++
}

// Extent is the range of bins and columns used, and the greatest count; ok is
// false if there is none.
func (h *Heat) Extent() (lo, hi int, top int64, ok bool) {
	h.Cells.Sync()
	lo = heatBins
	for _, c := range h.Cells.Cells {
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
func HeatEdge(i int) float64 { return math.Pow(10, float64(i)/heatPerDec) }
