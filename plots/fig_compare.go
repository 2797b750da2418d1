package plots

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/findings/stats"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/canvas"
	"schedreplay/replay"
)

// compareKinds are how the captures of a comparison look: each differs from the
// others in colour, dash and marker.
var compareKinds = [findings.MaxSamples]delayKind{
	{"", ownerBlue, draw.CircleGlyph{}, nil},
	{"", intruderRd, draw.PyramidGlyph{}, []float64{0.5, 0.25}},
	{"", patchGreen, draw.BoxGlyph{}, []float64{0.9, 0.2}},
	{"", color.NRGBA{0xa8, 0x4a, 0x86, 0xff}, draw.TriangleGlyph{}, []float64{0.15, 0.2}},
	{"", ink, draw.RingGlyph{}, []float64{0.9, 0.2, 0.15, 0.2}},
	{"", otherSky, draw.SquareGlyph{}, []float64{0.3, 0.15}},
	{"", color.NRGBA{0xb0, 0x7a, 0x00, 0xff}, draw.CrossGlyph{}, []float64{0.6, 0.15, 0.15, 0.15}},
	{"", muted, draw.PlusGlyph{}, []float64{1.2, 0.3}},
}

// kindOf is how a sample looks, with its name.
func kindOf(i int, s *findings.Sample) delayKind {
	k := compareKinds[i]
	k.name = say.Clean(s.Name)
	return k
}

// CompareWaitFigure draws the owners' waits of one kind on one axis with their bands, nil
// without any.
func CompareWaitFigure(samples []*findings.Sample, kind replay.WaitKind) *Figure {
	var kinds []delayKind
	var list [][]findings.Level
	var lo, hi float64
	var most int64
	for i, s := range samples {
		levels, all := s.Waits[kind].Levels, &s.Sum.Waits[kind]
		if len(levels) == 0 {
			continue
		}
		kinds, list = append(kinds, kindOf(i, s)), append(list, levels)
		first := levels[0]
		if l := first.NS.Low; len(list) == 1 || l < lo {
			lo = l
		}
		hi, most = math.Max(hi, float64(all.WorstNS())), max(most, all.Count())
	}
	if len(list) == 0 {
		return nil
	}
	f := &Figure{
		Name:  [replay.WaitKinds]string{"compare-delay", "compare-gap"}[kind],
		Title: fmt.Sprintf("The owner’s %s, capture by capture", say.WaitNoun(kind)),
		Caption: [replay.WaitKinds]string{"The share of the owner’s wakings that waited no longer", "The share of the owner’s off-CPU gaps that are no longer"}[kind] + ", on a scale of nines; a curve further right is worse. The tinted band holds the curve in 95 % of bootstrap draws: " +
			"where bands overlap, the captures cannot tell the curves apart.",
		height: func(s size) float64 { return 21 },
	}
	var words []string
	for _, s := range samples {
		if len(s.Waits[kind].Levels) == 0 {
			continue
		}
		words = append(words, fmt.Sprintf("%s: median %s, p99 %s, longest %s", say.Clean(s.Name), say.Durations(s.Waits[kind].Percentile[0]), say.Durations(s.Waits[kind].Percentile[2]), say.Duration(s.Sum.Waits[kind].WorstNS())))
	}
	f.desc = strings.Join(words, ". ") + "."
	f.draw = drawLevels(list, kinds, lo, hi, most, kind)
	return f
}

// drawLevels draws distributions of delays, of at most so many wakings, with their bands on
// a scale of nines.
func drawLevels(list [][]findings.Level, kinds []delayKind, lo, hi float64, most int64, kind replay.WaitKind) func(*frame) {
	return func(fr *frame) {
		fr.key(kinds, true)
		p := fr.newPlot()
		p.X.Min, p.X.Max = delayRange(int64(lo), int64(hi))
		p.X.Log = true
		p.X.Ticks = axes.DurationTicks(p.X.Min, p.X.Max, int((fr.c.Max.X-fr.c.Min.X)/(fr.em*5)))
		p.X.Label = say.WaitNoun(kind) + ", logarithmic"
		p.Y.Min, p.Y.Max = 0, stats.Nines(most)
		p.Y.Ticks = ninesTicks(p.Y.Max)
		p.Y.Label = [replay.WaitKinds]string{"wakings not delayed longer", "gaps not longer"}[kind]
		p.Add(gridY{fr}, &levelCurves{fr, list, kinds})
		p.Draw(fr.c)
	}
}

type levelCurves struct {
	fr    *frame
	list  [][]findings.Level
	kinds []delayKind
}

func (k *levelCurves) Plot(c draw.Canvas, p *axes.Pair) {
	fr := k.fr
	tx, ty := p.Transforms(&c)
	x := func(v float64) vg.Length { return max(c.Min.X, min(c.Max.X, tx(math.Max(v, 1)))) }
	for i, levels := range k.list {
		var there, back []vg.Point
		for _, l := range levels {
			there = append(there, vg.Point{X: x(l.NS.Low), Y: ty(l.Nine)})
			back = append(back, vg.Point{X: x(l.NS.High), Y: ty(l.Nine)})
		}
		for j := len(back) - 1; j >= 0; j-- {
			there = append(there, back[j])
		}
		if len(there) > 3 {
			fill := color.NRGBAModel.Convert(k.kinds[i].clr).(color.NRGBA)
			c.FillPolygon(withAlpha(fill, 0x30), there)
		}
	}
	for i, levels := range k.list {
		var pts []vg.Point
		for _, l := range levels {
			pts = append(pts, vg.Point{X: x(l.NS.Value), Y: ty(l.Nine)})
		}
		c.StrokeLines(fr.line(k.kinds[i].clr, 0.14, k.kinds[i].dashes...), pts)
		if n := len(pts); n > 0 {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: k.kinds[i].clr, Radius: fr.em * 0.28, Shape: k.kinds[i].marker}, pts[n-1])
		}
	}
}

// CompareHeldFigure draws entries per second and the share of the time that
// foreign tasks held, with their bands.
func CompareHeldFigure(samples []*findings.Sample) *Figure {
	known := false
	for _, s := range samples {
		known = known || s.Share.Known
	}
	if !known {
		return nil
	}
	f := &Figure{
		Name:    "compare-intrusions",
		Title:   "Foreign tasks on the isolated CPUs, capture by capture",
		Caption: "How often foreign tasks entered, and how much of the time they ran there. A mark is what was recorded, a whisker its 95 % band.",
	}
	var words []string
	for _, s := range samples {
		if s.Share.Known {
			words = append(words, fmt.Sprintf("%s: %s, %s of the time", say.Clean(s.Name), say.Counted(s.Sum.Held.Entries.Total(), "entry", "entries"), say.Share(s.Share.Value)))
		}
	}
	f.desc = strings.Join(words, ". ") + "."
	rows := float64(len(samples))
	f.height = func(s size) float64 {
		if s.narrow {
			return 2 * (4.2 + 1.9*rows)
		}
		return 4.2 + 1.9*rows
	}
	f.draw = func(fr *frame) {
		w, h := fr.c.Max.X-fr.c.Min.X, fr.c.Max.Y-fr.c.Min.Y
		for i, what := range []struct {
			title string
			of    func(*findings.Sample) stats.Interval
			print func(float64) string
		}{
			{"entries per second", func(s *findings.Sample) stats.Interval { return s.EntriesPerS }, say.Rate},
			{"share of the time", func(s *findings.Sample) stats.Interval { return s.Share }, func(v float64) string { return say.Rate(100*v) + " %" }},
		} {
			c := fr.c
			if fr.narrow {
				c.Max.Y -= h / 2 * vg.Length(i)
				c.Min.Y = c.Max.Y - h/2
			} else {
				c.Min.X += w / 2 * vg.Length(i)
				c.Max.X = c.Min.X + w/2 - fr.em*1.2
			}
			fr.whiskers(c, samples, what.title, what.of, what.print)
		}
	}
	return f
}

func (fr *frame) whiskers(c draw.Canvas, samples []*findings.Sample, title string, of func(*findings.Sample) stats.Interval, text func(float64) string) {
	fr.text(c.Min.X, c.Max.Y, title, fr.style(0.95, true, ink), 0, 1)
	st := fr.style(0.88, false, ink)
	var left vg.Length
	limit := (c.Max.X - c.Min.X) * 0.35
	top := 0.0
	for _, s := range samples {
		left = max(left, st.Width(canvas.Cut(drawable(say.Clean(s.Name)), st, limit)))
		if v := of(s); v.Known {
			top = math.Max(top, v.High)
		}
	}
	if top <= 0 {
		top = 1
	}
	x0, x1 := c.Min.X+left+fr.em*0.8, c.Max.X-fr.em*0.5
	x := func(v float64) vg.Length { return x0 + (x1-x0)*vg.Length(v/top) }
	y := c.Max.Y - fr.em*1.5
	bottom := y - fr.em*1.9*vg.Length(len(samples))
	for _, t := range axes.Ticks(0, top, axes.NiceStep(top, 4), text) {
		fr.c.StrokeLine2(fr.hair(grid), x(t.Value), bottom, x(t.Value), y)
		w := st.Width(t.Label)
		fr.text(min(x(t.Value)-w/2, c.Max.X-w), bottom-fr.em*0.3, t.Label, st, 0, 1)
	}
	for i, s := range samples {
		mid := y - fr.em*1.9*(vg.Length(i)+0.5)
		fr.text(x0-fr.em*0.5, mid, canvas.Cut(drawable(say.Clean(s.Name)), st, limit), st, 1, 0.5)
		v := of(s)
		if !v.Known {
			fr.text(x0+fr.em*0.3, mid, "not known", fr.style(0.88, false, muted), 0, 0.5)
			continue
		}
		k := compareKinds[i]
		fr.c.StrokeLine2(fr.line(k.clr, 0.16), x(v.Low), mid, x(v.High), mid)
		for _, e := range []float64{v.Low, v.High} {
			fr.c.StrokeLine2(fr.line(k.clr, 0.16), x(e), mid-fr.em*0.3, x(e), mid+fr.em*0.3)
		}
		fr.c.DrawGlyphNoClip(draw.GlyphStyle{Color: k.clr, Radius: fr.em * 0.36, Shape: k.marker}, vg.Point{X: x(v.Value), Y: mid})
	}
}
