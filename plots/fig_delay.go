package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings/say"
	"schedreplay/findings/stats"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/columns"
	"schedreplay/plots/internal/labels"
	"schedreplay/replay"
)

// delayKind is one of the two kinds of the owner's wakings, which differ in
// shape, line and colour.
type delayKind struct {
	name   string
	clr    color.Color
	marker draw.GlyphDrawer
	dashes []float64
}

func delayKinds(intruders string) [2]delayKind {
	return [2]delayKind{
		{"core free of intruders", ownerBlue, draw.CircleGlyph{}, nil},
		{intruders + " ran before it", intruderRd, draw.PyramidGlyph{}, []float64{0.5, 0.25}},
	}
}

// key draws what the markers and lines mean in one line above a panel, and
// returns the height it took.
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
			fr.c.DrawGlyphNoClip(draw.GlyphStyle{Color: k.clr, Radius: fr.em * 0.3, Shape: k.marker}, vg.Point{X: x + fr.em*0.7, Y: mid})
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
		whole := [2]columns.Extent{}
		var used []delayKind
		for i, t := range tracks {
			whole[i] = t.Between(float64(ax.Start), float64(ax.End)+1)
			if whole[i].N > 0 {
				used = append(used, kinds[i])
			}
		}
		fr.key(used, false)
		all := columns.MergeExtent(whole[0], whole[1])
		p := fr.newPlot()
		ax.Apply(p, fr.c.Max.X-fr.c.Min.X)
		p.Y.Min, p.Y.Max = delayRange(all.Min, all.Max)
		// Room for the label of the greatest, and no more.
		p.Y.Max = math.Max(p.Y.Min*10, float64(all.Max)*math.Pow(p.Y.Max/p.Y.Min, 0.13))
		p.Y.Log = true
		p.Y.Ticks = axes.DurationTicks(p.Y.Min, p.Y.Max, 8)
		p.Y.Label = noun
		p.Add(gridY{fr})
		for i, t := range tracks {
			if whole[i].N > 0 {
				p.Add(&delayColumns{fr, t, kinds[i], ax})
			}
		}
		if worst != nil {
			_, ns := worst.Wait()
			p.Add(&callout{fr, ax.Value(worst.Start), float64(max(ns, 1)), "worst: " + say.Duration(ns)})
		}
		p.Draw(fr.c)
	}
}

// gridY draws a faint line at each labelled tick of the y axis.
type gridY struct{ fr *frame }

func (g gridY) Plot(c draw.Canvas, p *axes.Pair) {
	for _, t := range p.Y.Ticks {
		if t.Label != "" && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
			y := c.Y(p.Y.Norm(t.Value))
			c.StrokeLine2(g.fr.hair(grid), c.Min.X, y, c.Max.X, y)
		}
	}
}

type delayColumns struct {
	fr   *frame
	t    columns.Extents
	kind delayKind
	ax   axes.Time
}

func (d *delayColumns) Plot(c draw.Canvas, p *axes.Pair) {
	fr := d.fr
	width := c.Max.X - c.Min.X
	pitch := fr.em * 0.16
	n := int(width / pitch)
	dt := float64(d.ax.End-d.ax.Start) / float64(n)
	tx, ty := p.Transforms(&c)
	var bars []vg.Path
	var tops []vg.Point
	for i := range n {
		from := float64(d.ax.Start) + float64(i)*dt
		to := from + dt
		if i == n-1 {
			to++
		}
		x := d.t.Between(from, to)
		if x.N == 0 {
			continue
		}
		px := tx((from + dt/2 - float64(d.ax.Origin)) / d.ax.Unit)
		lo, hi := ty(float64(max(x.Min, 1))), ty(float64(max(x.Max, 1)))
		if hi > lo {
			var bar vg.Path
			bar.Move(vg.Point{X: px, Y: lo})
			bar.Line(vg.Point{X: px, Y: hi})
			bars = append(bars, bar)
		}
		tops = append(tops, vg.Point{X: px, Y: hi})
	}
	c.SetLineStyle(fr.line(d.kind.clr, 0.07))
	if fr.bitmap == nil { // where the rasterizer takes the square of what one path has side by side
		bars = []vg.Path{slices.Concat(bars...)}
	}
	for _, b := range bars {
		c.Stroke(b)
	}
	r := fr.em * 0.11
	if _, round := d.kind.marker.(draw.CircleGlyph); !round {
		r = fr.em * 0.24
	}
	for _, pt := range tops {
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: d.kind.clr, Radius: r, Shape: d.kind.marker}, pt)
	}
}

// callout rings the greatest point and labels it, above all others.
type callout struct {
	fr    *frame
	x, y  float64
	label string
}

func (k *callout) Plot(c draw.Canvas, p *axes.Pair) {
	fr := k.fr
	tx, ty := p.Transforms(&c)
	x, y := tx(k.x), ty(k.y)
	st := fr.style(0.92, true, ink)
	w := st.Width(k.label)
	c.StrokeLines(fr.line(ink, 0.07), ring(x, y, fr.em*0.42))
	lx := max(c.Min.X, min(x-w/2, fr.c.Max.X-w))
	fr.text(lx, y+fr.em*0.62, k.label, st, 0, 0)
}

func ring(x, y, r vg.Length) []vg.Point {
	pts := make([]vg.Point, 17)
	for i := range pts {
		s, c := math.Sincos(float64(i) * math.Pi / 8)
		pts[i] = vg.Point{X: x + r*vg.Length(c), Y: y + r*vg.Length(s)}
	}
	return pts
}

// drawDelayCDF draws the distributions of the owner's delays on a scale of
// nines, where the tail that matters is as wide as the middle.
func drawDelayCDF(hists []*replay.DelayHistogram, kinds []delayKind, kind replay.WaitKind) func(*frame) {
	return func(fr *frame) {
		var used []delayKind
		var lo, hi, most int64
		for i, h := range hists {
			if h.Count() == 0 {
				continue
			}
			used = append(used, kinds[i])
			first := h.Percentile(0)
			if len(used) == 1 || first < lo {
				lo = first
			}
			hi, most = max(hi, h.Max()), max(most, h.Count())
		}
		fr.key(used, true)
		p := fr.newPlot()
		p.X.Min, p.X.Max = delayRange(lo, hi)
		p.X.Log = true
		p.X.Ticks = axes.DurationTicks(p.X.Min, p.X.Max, int((fr.c.Max.X-fr.c.Min.X)/(fr.em*5)))
		p.X.Label = say.WaitNoun(kind) + ", logarithmic"
		p.Y.Min, p.Y.Max = 0, stats.Nines(most)
		p.Y.Ticks = ninesTicks(p.Y.Max)
		p.Y.Label = [replay.WaitKinds]string{"wakings not delayed longer", "gaps not longer"}[kind]
		p.Add(gridY{fr})
		p.Add(&ninesCurves{fr, hists, kinds})
		p.Draw(fr.c)
	}
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
func (fr *frame) curve(h *replay.DelayHistogram, tx, ty func(float64) vg.Length) []vg.Point {
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

// ninesCurves draws the distributions with p50, p99, p99.9 and the maximum
// labelled.
type ninesCurves struct {
	fr    *frame
	hists []*replay.DelayHistogram
	kinds []delayKind
}

func (n *ninesCurves) Plot(c draw.Canvas, p *axes.Pair) {
	fr := n.fr
	tx, ty := p.Transforms(&c)
	place := &labels.Placer{Em: fr.em, Text: func(x, y vg.Length, s string, st draw.TextStyle) { fr.text(x, y, s, st, 0, 0) }, Area: vg.Rectangle{Min: c.Min, Max: vg.Point{X: fr.c.Max.X, Y: c.Max.Y + fr.em*0.5}}}
	type mark struct {
		at    vg.Point
		label string
		kind  delayKind
	}
	var marks []mark
	for i, h := range n.hists {
		if h.Count() == 0 {
			continue
		}
		k := n.kinds[i]
		pts := fr.curve(h, tx, ty)
		c.StrokeLines(fr.line(k.clr, 0.14, k.dashes...), pts)
		place.Lines = append(place.Lines, pts)
		add := func(at float64, v int64, name string) {
			pt := vg.Point{X: tx(float64(max(v, 1))), Y: ty(at)}
			marks = append(marks, mark{pt, name + " " + say.Duration(v), k})
			place.Avoid(pt, fr.em*0.2)
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: k.clr, Radius: fr.em * 0.26, Shape: k.marker}, pt)
		}
		add(stats.Nines(h.Count())-0.45, h.Max(), "max")
		for _, pc := range []float64{99.9, 99, 50} {
			if stats.HasPercentile(pc, h.Count()) && h.Count() > 2 {
				add(-math.Log10(1-pc/100), h.Percentile(pc), fmt.Sprintf("p%g", pc))
			}
		}
	}
	for _, m := range marks {
		place.Label(m.at, m.label, fr.style(0.88, true, m.kind.clr))
	}
}
