package plots

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings/say"
	"schedreplay/findings/stats"
	"schedreplay/plots/internal/axes"
)

// histPanel is one histogram of durations.
type histPanel struct {
	title, axis, noun string
	h                 *stats.Lengths
	clr               color.Color
}

func histHeight(n int) func(size) float64 {
	return func(s size) float64 {
		if s.narrow {
			return 16.3*float64(n) - 0.8
		}
		return 19
	}
}

// drawHists draws histograms side by side, or stacked where it is narrow.
func drawHists(panels []histPanel) func(*frame) {
	return func(fr *frame) {
		n := vg.Length(len(panels))
		w, h := fr.c.Max.X-fr.c.Min.X, fr.c.Max.Y-fr.c.Min.Y
		for i, k := range panels {
			c := fr.c
			if fr.narrow {
				c.Max.Y = fr.c.Max.Y - h/n*vg.Length(i)
				c.Min.Y = c.Max.Y - h/n + fr.em*0.8
			} else {
				c.Min.X = fr.c.Min.X + w/n*vg.Length(i)
				c.Max.X = c.Min.X + w/n - fr.em
			}
			fr.hist(c, k)
		}
	}
}

func (fr *frame) hist(c draw.Canvas, k histPanel) {
	fr.text(c.Min.X, c.Max.Y, k.title, fr.style(0.95, true, ink), 0, 1)
	c.Max.Y -= fr.em * 3.0 // title, and the labels of median and max
	const perDecade = 16
	bins := k.h.Bins(perDecade)
	edge := func(i int) float64 { return math.Pow(10, float64(i)/perDecade) }
	p := fr.newPlot()
	p.X.Min, p.X.Max = delayRange(k.h.Min(), k.h.Max())
	p.X.Log = true
	p.X.Ticks = axes.DurationTicks(p.X.Min, p.X.Max, int((c.Max.X-c.Min.X)/(fr.em*5)))
	p.X.Label = k.axis
	var top int64
	for _, b := range bins {
		top = max(top, b)
	}
	p.Y.Min, p.Y.Max = 0, float64(top)
	step := math.Max(1, axes.NiceStep(float64(top), 4))
	p.Y.Ticks = axes.Ticks(0, float64(top), step, func(v float64) string { return say.Count(int64(math.Round(v))) })
	p.Y.Label = k.noun
	p.Add(gridY{fr}, &histBars{fr, bins, edge, k})
	p.Draw(c)
}

type histBars struct {
	fr   *frame
	bins []int64
	edge func(int) float64
	k    histPanel
}

func (b *histBars) Plot(c draw.Canvas, p *axes.Pair) {
	fr := b.fr
	tx, ty := p.Transforms(&c)
	base := ty(0)
	inset := fr.em * 0.03
	for i, n := range b.bins {
		if n > 0 {
			lo, hi := max(tx(b.edge(i)), c.Min.X), min(tx(b.edge(i+1)), c.Max.X)
			fr.fill(b.k.clr, lo+inset, base, hi-inset, max(ty(float64(n)), base+fr.em*0.12))
		}
	}
	// Median and maximum as marks above the bars.
	st := fr.style(0.88, true, ink)
	y := c.Max.Y + fr.em*0.2
	var free vg.Length = c.Min.X - fr.em*6
	mark := func(v int64, s string) {
		x := tx(float64(max(v, 1)))
		fr.c.StrokeLine2(fr.line(ink, 0.07, 0.3, 0.2), x, base, x, y)
		w := st.Width(s)
		lx := min(max(x-w/2, free), fr.c.Max.X-w)
		row := y + fr.em*0.15
		fr.text(lx, row, s, st, 0, 0)
		free = lx + w + fr.em*0.6
	}
	if b.k.h.Count() > 2 {
		mark(b.k.h.Median(), "median "+say.Duration(b.k.h.Median()))
	}
	if b.k.h.Count() == 1 {
		mark(b.k.h.Max(), say.Duration(b.k.h.Max()))
		return
	}
	mark(b.k.h.Max(), "max "+say.Duration(b.k.h.Max()))
}
