package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/columns"
	"schedreplay/plots/internal/labels"
	"schedreplay/replay"
	"schedreplay/stats"
)

// delayKind is one of the two kinds of the owner's wakings, which differ in
// shape, line and colour.
type delayKind struct {
	name   string
	clr    color.NRGBA
	marker draw.GlyphDrawer
	dashes []float64
}

// marker draws a kind's marker with a radius in em.
func (fr *frame) marker(k delayKind, r float64, at vg.Point) {
	fr.c.DrawGlyphNoClip(draw.GlyphStyle{Color: k.clr, Radius: fr.em * vg.Length(r), Shape: k.marker}, at)
}

func delayKinds(intruders string) [2]delayKind {
	return [2]delayKind{
		{"core free of intruders", ownerBlue, draw.CircleGlyph{}, nil},
		{intruders + " ran before it", intruderRd, draw.PyramidGlyph{}, []float64{0.5, 0.25}},
	}
}

// key draws what the markers and lines mean above a panel.
func (fr *frame) key(kinds []delayKind, lines bool) {
	x, y := fr.c.Min.X, fr.c.Max.Y-fr.em*0.9
	st := fr.style(0.92, false, ink)
	for _, k := range kinds {
		w := st.Width(drawable(k.name)) + fr.em*2.6
		if x+w > fr.c.Max.X && x > fr.c.Min.X {
			x, y = fr.c.Min.X, y-fr.em*1.3
		}
		mid := y + fr.em*0.32
		if lines {
			fr.c.StrokeLine2(fr.line(k.clr, 0.14, k.dashes...), x, mid, x+fr.em*1.5, mid)
		} else {
			fr.marker(k, 0.3, vg.Point{X: x + fr.em*0.7, Y: mid})
		}
		fr.text(x+fr.em*1.8, y, k.name, st, 0, 0)
		x += w
	}
	fr.c = draw.Crop(fr.c, 0, 0, 0, y-fr.em*0.7-fr.c.Max.Y)
}

// delayRange is the range of a logarithmic axis for delays.
func delayRange(lo, hi int64) (float64, float64) {
	l := math.Pow(10, math.Floor(math.Log10(math.Max(float64(lo), 1))))
	h := math.Pow(10, math.Ceil(math.Log10(math.Max(float64(hi), 10)*1.02)))
	if h < l*10 {
		h = l * 10
	}
	return l, h
}

// drawDelayTime draws the owner's delays over time: per pixel column a line
// from the least to the greatest, with a marker on the greatest.
func drawDelayTime(tracks [2]columns.Extents, kinds [2]delayKind, ax axes.Time, worst *replay.Slice, noun string) func(*frame) {
	return func(fr *frame) {
		var used []delayKind
		var all columns.Extent
		p := fr.newPlot()
		p.Add(fr.gridY)
		for i, t := range tracks {
			if x := t.Between(float64(ax.Start), float64(ax.End)+1); x.N > 0 {
				used, all = append(used, kinds[i]), columns.MergeExtent(all, x)
				p.Add(func(c draw.Canvas, p *axes.Pair) { fr.delayColumns(&c, p, t, kinds[i], ax) })
			}
		}
		fr.key(used, false)
		ax.Apply(p, fr.c.Max.X-fr.c.Min.X)
		lo, hi := delayRange(all.Min, all.Max)
		// Room for the label of the greatest, and no more.
		p.Y = durations(lo, math.Max(lo*10, float64(all.Max)*math.Pow(hi/lo, 0.13)), 8, noun)
		if worst != nil {
			p.Add(func(c draw.Canvas, p *axes.Pair) { fr.callout(&c, p, ax, worst) })
		}
		p.Draw(fr.c)
	}
}

func (fr *frame) delayColumns(c *draw.Canvas, p *axes.Pair, t columns.Extents, kind delayKind, ax axes.Time) {
	width := c.Max.X - c.Min.X
	pitch := fr.em * 0.16
	n := int(width / pitch)
	dt := float64(ax.End-ax.Start) / float64(n)
	tx, ty := p.Transforms(c)
	var bars []vg.Path
	var tops []vg.Point
	for i := range n {
		from := float64(ax.Start) + float64(i)*dt
		to := from + dt
		if i == n-1 {
			to++
		}
		x := t.Between(from, to)
		if x.N == 0 {
			continue
		}
		px := tx((from + dt/2 - float64(ax.Origin)) / ax.Unit)
		lo, hi := ty(float64(max(x.Min, 1))), ty(float64(max(x.Max, 1)))
		if hi > lo {
			var bar vg.Path
			bar.Move(vg.Point{X: px, Y: lo})
			bar.Line(vg.Point{X: px, Y: hi})
			bars = append(bars, bar)
		}
		tops = append(tops, vg.Point{X: px, Y: hi})
	}
	c.SetLineStyle(fr.line(kind.clr, 0.07))
	if !fr.bitmap { // where the rasterizer takes the square of what one path has side by side
		bars = []vg.Path{slices.Concat(bars...)}
	}
	for _, b := range bars {
		c.Stroke(b)
	}
	r := 0.11
	if _, round := kind.marker.(draw.CircleGlyph); !round {
		r = 0.24
	}
	for _, pt := range tops {
		fr.marker(kind, r, pt)
	}
}

// callout rings the greatest point and labels it, above all others.
func (fr *frame) callout(c *draw.Canvas, p *axes.Pair, ax axes.Time, worst *replay.Slice) {
	_, ns := worst.Wait()
	tx, ty := p.Transforms(c)
	x, y := tx(ax.Value(worst.Start)), ty(float64(max(ns, 1)))
	ring, r := make([]vg.Point, 17), fr.em*0.42
	for i := range ring {
		sin, cos := math.Sincos(float64(i) * math.Pi / 8)
		ring[i] = vg.Point{X: x + r*vg.Length(cos), Y: y + r*vg.Length(sin)}
	}
	c.StrokeLines(fr.line(ink, 0.07), ring)
	st, label := fr.style(0.92, true, ink), "worst: "+say.Duration(ns)
	w := st.Width(label)
	fr.text(max(c.Min.X, min(x-w/2, fr.c.Max.X-w)), y+fr.em*0.62, label, st, 0, 0)
}

// drawDelayCDF draws the distributions of the owner's delays on a scale of
// nines, where the tail that matters is as wide as the middle.
func drawDelayCDF(hists []*stats.Dist, kinds []delayKind, kind replay.WaitKind) func(*frame) {
	return func(fr *frame) {
		var used []delayKind
		for i, h := range hists {
			if h.Count() > 0 {
				used = append(used, kinds[i])
			}
		}
		lo, hi, most := extremes(hists)
		p := fr.ninesPlot(used, lo, hi, most, kind)
		p.Add(func(c draw.Canvas, p *axes.Pair) { fr.ninesCurves(&c, p, hists, kinds) })
		p.Draw(fr.c)
	}
}

// extremes are the least and the greatest of all delays, and the greatest count.
func extremes(hists []*stats.Dist) (lo, hi, most int64) {
	for _, h := range hists {
		if h.Count() == 0 {
			continue
		}
		if first, _ := h.Percentile(0); most == 0 || first < lo {
			lo = first
		}
		hi, most = max(hi, h.Max()), max(most, h.Count())
	}
	return lo, hi, most
}

// ninesPlot makes the axes and the key of distributions of at most so many waits on a scale
// of nines.
func (fr *frame) ninesPlot(kinds []delayKind, lo, hi, most int64, kind replay.WaitKind) *axes.Pair {
	fr.key(kinds, true)
	p := fr.newPlot()
	x0, x1 := delayRange(lo, hi)
	p.X = durations(x0, x1, int((fr.c.Max.X-fr.c.Min.X)/(fr.em*5)), say.WaitNoun(kind)+", logarithmic")
	top := stats.Nines(most)
	p.Y = axes.Axis{Max: top, Ticks: ninesTicks(top), Label: [replay.WaitKinds]string{"wakings not delayed longer", "gaps not longer"}[kind]}
	p.Add(fr.gridY)
	return p
}

// ninesTicks are the shares labelled: 0, 50, 90, 99 …
func ninesTicks(top float64) []axes.Tick {
	t := []axes.Tick{{Value: 0, Label: "0 %"}, {Value: math.Log10(2), Label: "p50"}}
	if top > 5 {
		t[0].Label = "" // too close to p50
	}
	for k := 1; float64(k) <= top-0.44; k++ {
		label := fmt.Sprintf("p%.*f", max(0, k-2), 100-100*math.Pow(10, -float64(k)))
		t = append(t, axes.Tick{Value: float64(k), Label: label})
	}
	return t
}

// curve returns the steps of a distribution on the canvas, reduced to what can
// be seen.
func (fr *frame) curve(h *stats.Dist, tx, ty func(float64) vg.Length) []vg.Point {
	n := float64(h.Count())
	last := stats.Nines(h.Count()) - 0.45 // the last value stands where its rank puts it
	var pts []vg.Point
	step := fr.em * 0.06
	for _, s := range h.Steps() {
		x := tx(float64(max(s.NS, 1)))
		top := last
		if share := 1 - float64(s.Count)/n; share > 0 {
			top = math.Min(top, -math.Log10(share))
		}
		y := ty(top)
		if len(pts) == 0 {
			pts = append(pts, vg.Point{X: x, Y: ty(0)})
		}
		if e := pts[len(pts)-1]; x-e.X < step && y-e.Y < step && len(pts) > 1 && top < last {
			continue
		}
		pts = append(pts, vg.Point{X: x, Y: pts[len(pts)-1].Y}, vg.Point{X: x, Y: y})
	}
	return pts
}

// ninesCurves draws the distributions with p50, p99, p99.9 and the maximum labelled.
func (fr *frame) ninesCurves(c *draw.Canvas, p *axes.Pair, hists []*stats.Dist, kinds []delayKind) {
	tx, ty := p.Transforms(c)
	place := &labels.Placer{Em: fr.em, Text: func(x, y vg.Length, s string, st draw.TextStyle) { fr.text(x, y, s, st, 0, 0) }, Area: vg.Rectangle{Min: c.Min, Max: vg.Point{X: fr.c.Max.X, Y: c.Max.Y + fr.em*0.5}}}
	type mark struct {
		at    vg.Point
		label string
		kind  delayKind
	}
	var marks []mark
	for i, h := range hists {
		if h.Count() == 0 {
			continue
		}
		k := kinds[i]
		pts := fr.curve(h, tx, ty)
		c.StrokeLines(fr.line(k.clr, 0.14, k.dashes...), pts)
		place.Lines = append(place.Lines, pts)
		add := func(at float64, v int64, name string) {
			pt := vg.Point{X: tx(float64(max(v, 1))), Y: ty(at)}
			marks = append(marks, mark{pt, name + " " + say.Duration(v), k})
			place.Avoid(pt, fr.em*0.2)
			fr.marker(k, 0.26, pt)
		}
		add(stats.Nines(h.Count())-0.45, h.Max(), "max")
		for _, pc := range []float64{99.9, 99, 50} {
			if ns, known := h.Percentile(pc); known && h.Count() > 2 {
				add(-math.Log10(1-pc/100), ns, fmt.Sprintf("p%g", pc))
			}
		}
	}
	for _, m := range marks {
		place.Label(m.at, m.label, fr.style(0.88, true, m.kind.clr))
	}
}
