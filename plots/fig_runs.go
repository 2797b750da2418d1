package plots

import (
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
	"schedreplay/stats"
)

// histPanel is one histogram of durations.
type histPanel struct {
	title, axis, noun string
	h                 *stats.Lengths
}

// drawHists draws histograms side by side, or stacked where it is narrow.
func drawHists(panels []histPanel) func(*frame) {
	return func(fr *frame) {
		for i, k := range panels {
			fr.hist(fr.part(i, len(panels), 0.8, 1), k)
		}
	}
}

func (fr *frame) hist(c draw.Canvas, k histPanel) {
	fr.text(c.Min.X, c.Max.Y, k.title, fr.style(0.95, true, ink), 0, 1)
	c.Max.Y -= fr.em * 3.0 // title, and the labels of median and max
	const perDecade = 16
	bins := k.h.Bins(perDecade)
	p := fr.newPlot()
	lo, hi := delayRange(k.h.Min(), k.h.Max())
	p.X = durations(lo, hi, int((c.Max.X-c.Min.X)/(fr.em*5)), k.axis)
	top := float64(slices.Max(bins))
	step := math.Max(1, axes.NiceStep(top, 4))
	p.Y = axes.Axis{Max: top, Label: k.noun, Ticks: axes.Ticks(0, top, step, func(v float64) string { return say.Count(int64(math.Round(v))) })}
	p.Add(fr.gridY, func(c draw.Canvas, p *axes.Pair) {
		tx, ty := p.Transforms(&c)
		edge := func(i int) vg.Length { return tx(math.Pow(10, float64(i)/perDecade)) }
		base := ty(0)
		inset := fr.em * 0.03
		for i, n := range bins {
			if n > 0 {
				lo, hi := max(edge(i), c.Min.X), min(edge(i+1), c.Max.X)
				fr.fill(intruderRd, lo+inset, base, hi-inset, max(ty(float64(n)), base+fr.em*0.12))
			}
		}
		// Median and maximum as marks above the bars.
		st := fr.style(0.88, true, ink)
		y := c.Max.Y + fr.em*0.2
		free := c.Min.X - fr.em*6
		mark := func(name string, v int64) {
			x, s := tx(float64(max(v, 1))), name+say.Duration(v)
			fr.c.StrokeLine2(fr.line(ink, 0.07, 0.3, 0.2), x, base, x, y)
			w := st.Width(s)
			lx := min(max(x-w/2, free), fr.c.Max.X-w)
			fr.text(lx, y+fr.em*0.15, s, st, 0, 0)
			free = lx + w + fr.em*0.6
		}
		if k.h.Count() == 1 {
			mark("", k.h.Max())
			return
		}
		if k.h.Count() > 2 {
			mark("median ", k.h.Median())
		}
		mark("max ", k.h.Max())
	})
	p.Draw(c)
}
