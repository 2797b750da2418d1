package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/canvas"
	"schedreplay/replay"
	"schedreplay/stats"
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
	var words []string
	for i, s := range samples {
		w, all := &s.Waits[kind], &s.Sum.Waits[kind]
		if len(w.Levels) == 0 {
			continue
		}
		kinds, list = append(kinds, kindOf(i, s)), append(list, w.Levels)
		if l := w.Levels[0].NS.Low; len(list) == 1 || l < lo {
			lo = l
		}
		hi, most = math.Max(hi, float64(all.WorstNS())), max(most, all.Count())
		words = append(words, fmt.Sprintf("%s: median %s, p99 %s, longest %s", say.Clean(s.Name), say.Durations(w.Percentile[0]), say.Durations(w.Percentile[2]), say.Duration(all.WorstNS())))
	}
	if len(list) == 0 {
		return nil
	}
	return &Figure{
		Name:  [replay.WaitKinds]string{"compare-delay", "compare-gap"}[kind],
		Title: fmt.Sprintf("The owner’s %s, capture by capture", say.WaitNoun(kind)),
		Caption: sharesNoLonger[kind] + ", on a scale of nines; a curve further right is worse. The tinted band holds the curve in 95 % of bootstrap draws: " +
			"where bands overlap, the captures cannot tell the curves apart.",
		desc:   strings.Join(words, ". ") + ".",
		height: high(21, 21),
		draw:   drawLevels(list, kinds, lo, hi, most, kind),
	}
}

// drawLevels draws distributions of delays, of at most so many wakings, with their bands on
// a scale of nines.
func drawLevels(list [][]findings.Level, kinds []delayKind, lo, hi float64, most int64, kind replay.WaitKind) func(*frame) {
	return func(fr *frame) {
		p := fr.ninesPlot(kinds, int64(lo), int64(hi), most, kind)
		p.Add(func(c draw.Canvas, p *axes.Pair) { fr.levelCurves(&c, p, list, kinds) })
		p.Draw(fr.c)
	}
}

func (fr *frame) levelCurves(c *draw.Canvas, p *axes.Pair, list [][]findings.Level, kinds []delayKind) {
	tx, ty := p.Transforms(c)
	x := func(v float64) vg.Length { return max(c.Min.X, min(c.Max.X, tx(math.Max(v, 1)))) }
	for i, levels := range list {
		var there, back []vg.Point
		for _, l := range levels {
			there = append(there, vg.Point{X: x(l.NS.Low), Y: ty(l.Nine)})
			back = append(back, vg.Point{X: x(l.NS.High), Y: ty(l.Nine)})
		}
		slices.Reverse(back)
		if there = append(there, back...); len(there) > 3 {
			c.FillPolygon(withAlpha(kinds[i].clr, 0x30), there)
		}
	}
	for i, levels := range list {
		var pts []vg.Point
		for _, l := range levels {
			pts = append(pts, vg.Point{X: x(l.NS.Value), Y: ty(l.Nine)})
		}
		c.StrokeLines(fr.line(kinds[i].clr, 0.14, kinds[i].dashes...), pts)
		if n := len(pts); n > 0 {
			fr.marker(kinds[i], 0.28, pts[n-1])
		}
	}
}

// CompareHeldFigure draws entries per second and the share of the time that
// foreign tasks held, with their bands.
func CompareHeldFigure(samples []*findings.Sample) *Figure {
	var words []string
	for _, s := range samples {
		if s.Share.Known {
			words = append(words, fmt.Sprintf("%s: %s, %s of the time", say.Clean(s.Name), say.Counted(s.Sum.Held.Entries.Total(), "entry", "entries"), say.Share(s.Share.Value)))
		}
	}
	if len(words) == 0 {
		return nil
	}
	rows := float64(len(samples))
	return &Figure{
		Name:    "compare-intrusions",
		Title:   "Foreign tasks on the isolated CPUs, capture by capture",
		Caption: "How often foreign tasks entered, and how much of the time they ran there. A mark is what was recorded, a whisker its 95 % band.",
		desc:    strings.Join(words, ". ") + ".",
		height:  high(4.2+1.9*rows, 2*(4.2+1.9*rows)),
		draw: func(fr *frame) {
			fr.whiskers(fr.part(0, 2, 0, 1.2), samples, "entries per second", func(s *findings.Sample) stats.Interval { return s.EntriesPerS }, say.Rate)
			fr.whiskers(fr.part(1, 2, 0, 1.2), samples, "share of the time", func(s *findings.Sample) stats.Interval { return s.Share },
				func(v float64) string { return say.Rate(100*v) + " %" })
		},
	}
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
		fr.marker(k, 0.36, vg.Point{X: x(v.Value), Y: mid})
	}
}
