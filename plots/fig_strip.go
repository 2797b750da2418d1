package plots

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/canvas"
	"schedreplay/plots/internal/columns"
	"schedreplay/plots/internal/kept"
	"schedreplay/plots/internal/stack"
)

// laneStyle says how a lane's bars look; in grey the kinds differ by lightness
// and hatching, and every lane bears its name.
type laneStyle uint8

const (
	laneOwner laneStyle = iota
	laneIntruder
	laneOther
	laneIdle
	laneUnknown
	laneInterrupt
	laneQueued // a task that is queued and does not run: pale, in an outline
)

func (l laneStyle) color() color.NRGBA {
	return [...]color.NRGBA{ownerBlue, intruderRd, otherSky, idleGrey, muted, ink, ink}[l]
}

// lane is one row of a strip.
type lane struct {
	name  string
	short string // stands for the name where that is too wide; may be empty
	style laneStyle
	// solid is what is drawn full; possible what may be there, drawn hollow.
	solid, possible *columns.Coverage
	// over is drawn upon solid.
	over []overlay
	// pickSolid and pickPossible choose the same from single slices; nil where
	// that cannot be.
	pickSolid, pickPossible func(*kept.Sliver) bool
	// note stands in the lane if there is nothing to draw.
	note string
}

// overlay is a part of a lane in another style.
type overlay struct {
	style laneStyle
	cover *columns.Coverage
}

// fit returns the lane's name, shortened to a width.
func (l *lane) fit(st draw.TextStyle, w vg.Length) string {
	name := drawable(l.name)
	if st.Width(name) > w && l.short != "" {
		name = drawable(l.short)
	}
	return canvas.Cut(name, st, w)
}

// em is the lane's height: those of interrupts are narrow.
func (l *lane) em() float64 {
	if l.style == laneInterrupt {
		return narrowEm
	}
	return laneEm
}

// strip is a stack of lanes over a span of time.
type strip struct {
	title string
	lanes []lane
	// bare: without marks, and without the room for them.
	bare bool
	// raised: the marks' label stands above them, since there are several.
	raised bool
}

// head is the height of what stands above the lanes, in em.
func (s *strip) head() float64 {
	switch {
	case s.bare:
		return panelEm - 1.1
	case s.raised:
		return panelEm + 0.9
	}
	return panelEm
}

// body is the height of the lanes, in em.
func (s *strip) body() (em float64) {
	for i := range s.lanes {
		em += s.lanes[i].em()
	}
	return em
}

// moment is a vertical mark.
type moment struct {
	at    int64
	label string // may be empty
}

const (
	laneEm   = 1.75 // height of a lane
	narrowEm = 1.15 // of one of interrupts
	panelEm  = 3.1  // title and marks of a panel
	axisEm   = 2.9  // ticks and label of the time axis
)

func stripHeight(strips []strip) func(size) float64 {
	return func(size) float64 {
		h := axisEm
		for _, s := range strips {
			h += s.head() + s.body()
		}
		return h
	}
}

// drawStrips draws strips one below the other on one time axis.
func drawStrips(strips []strip, ax axes.Time, marks []moment) func(*frame) {
	return func(fr *frame) {
		// The names' width decides where time begins.
		nameStyle := fr.style(0.92, false, ink)
		var left vg.Length
		limit := (fr.c.Max.X - fr.c.Min.X) * 0.3
		for _, s := range strips {
			for _, l := range s.lanes {
				left = max(left, nameStyle.Width(l.fit(nameStyle, limit)))
			}
		}
		left = min(left, limit) + fr.em*0.6
		y := fr.c.Max.Y
		for i, s := range strips {
			y -= fr.em * 1.1
			fr.text(fr.c.Min.X, y, s.title, fr.style(0.95, true, ink), 0, 0)
			if i == 0 && !fr.narrow {
				fr.text(fr.c.Max.X-fr.em*0.4, y, "a bar’s height: the share of the time", fr.style(0.8, false, muted), 1, 0)
			}
			top := y - fr.em*vg.Length(s.head()-1.1-0.35)
			bottom := top - fr.em*vg.Length(s.body())
			y = bottom - fr.em*0.35
			area := draw.Canvas{Canvas: fr.c.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: fr.c.Min.X + left, Y: bottom}, Max: vg.Point{X: fr.c.Max.X - fr.em*0.4, Y: top},
			}}
			hi := top
			for _, l := range s.lanes {
				h := fr.em * vg.Length(l.em())
				fr.text(area.Min.X-fr.em*0.5, hi-h/2, l.fit(nameStyle, limit), nameStyle, 1, 0.5)
				fr.lane(area, hi, l, ax)
				hi -= h
			}
			if !s.bare {
				fr.moments(area, marks, ax, i == 0, s.raised)
			}
			if i == len(strips)-1 {
				fr.timeScale(area, ax)
			}
		}
	}
}

// timeScale draws the x axis below area.
func (fr *frame) timeScale(area draw.Canvas, ax axes.Time) {
	p := fr.newPlot()
	ax.Apply(p, area.Max.X-area.Min.X)
	// Tick labels at the ends reach beyond the axis: the axes make room for them, which
	// would shift the axis against the lanes. So labels are drawn as text.
	tickStyle := fr.style(0.88, false, ink)
	x := func(v float64) vg.Length {
		return area.Min.X + vg.Length((v-p.X.Min)/(p.X.Max-p.X.Min))*(area.Max.X-area.Min.X)
	}
	y := area.Min.Y - fr.em*0.2
	fr.c.StrokeLine2(fr.hair(muted), area.Min.X, y, area.Max.X, y)
	for _, t := range p.X.Ticks {
		at := x(t.Value)
		fr.c.StrokeLine2(fr.hair(muted), at, y, at, y-fr.em*0.3)
		half := tickStyle.Width(t.Label) / 2
		at = max(area.Min.X-fr.em, min(at, fr.c.Max.X-half))
		fr.text(at, y-fr.em*0.45, t.Label, tickStyle, 0.5, 1)
	}
	fr.text((area.Min.X+area.Max.X)/2, y-fr.em*1.55, p.X.Label, fr.style(0.88, false, muted), 0.5, 1)
}

// lane draws one lane whose top is at hi. A bar's height is the share of its
// pixel column that was covered, so single slices are full blocks and dense
// ones a profile.
func (fr *frame) lane(area draw.Canvas, hi vg.Length, l lane, ax axes.Time) {
	base := hi - fr.em*vg.Length(l.em()-0.15)
	full := fr.em * vg.Length(l.em()-0.45)
	fr.c.StrokeLine2(fr.hair(grid), area.Min.X, base, area.Max.X, base)
	drawn := false
	if l.solid != nil {
		drawn = fr.profile(area, base, full, *l.solid, ax, l.style, true)
	}
	for _, o := range l.over {
		fr.profile(area, base, full, *o.cover, ax, o.style, true)
	}
	if l.possible != nil {
		drawn = fr.profile(area, base, full, *l.possible, ax, l.style, false) || drawn
	}
	if !drawn && l.note != "" {
		fr.text(area.Min.X+fr.em*0.3, base+full/2, l.note, fr.style(0.88, false, muted), 0, 0.5)
	}
}

// profile draws a coverage as bars and reports whether there were any.
func (fr *frame) profile(area draw.Canvas, base, full vg.Length, c columns.Coverage, ax axes.Time, st laneStyle, solid bool) bool {
	width := area.Max.X - area.Min.X
	const levels = 20
	least := 3 // the least share is still to be seen
	if st == laneInterrupt {
		least = 10
	}
	cols := c.Columns(ax.Start, ax.End, int(float64(width)*float64(fr.dpi)/72/1.2))
	heights := make([]int, len(cols))
	any := false
	for i, share := range cols {
		if share > 0 {
			any = true
			heights[i] = max(least, min(levels, int(math.Round(share*levels))))
		}
	}
	if !any {
		return false
	}
	n := len(cols)
	w := width / vg.Length(n)
	bars := steps(heights, levels, area.Min.X, w, base, full)
	switch {
	case st == laneQueued:
		fr.c.SetColor(withAlpha(st.color(), 0x18))
		fr.c.Fill(bars)
		fr.c.SetLineStyle(fr.line(st.color(), 0.06))
		fr.c.Stroke(bars)
	case !solid || st == laneUnknown:
		if !solid {
			fr.c.SetColor(withAlpha(st.color(), 0x40))
			fr.c.Fill(bars)
		}
		for i := 0; i < n; {
			if heights[i] == 0 {
				i++
				continue
			}
			j := i
			for j < n && heights[j] == heights[i] {
				j++
			}
			// Too narrow for hatching to show, the outline does it.
			if vg.Length(j-i)*w < fr.em*0.35 {
				i = j
				continue
			}
			stack.Rising.Draw(&fr.c, fr.line(st.color(), 0.06), fr.em*0.35, area.Min.X+w*vg.Length(i), base, area.Min.X+w*vg.Length(j), base+full*vg.Length(heights[i])/levels)
			i = j
		}
		fr.c.SetLineStyle(fr.line(st.color(), 0.06))
		fr.c.Stroke(bars)
	default:
		fr.c.SetColor(st.color())
		fr.c.Fill(bars)
	}
	return true
}

// steps is the outline of bars standing side by side.
func steps(heights []int, levels int, x0, w, base, full vg.Length) vg.Path {
	var p vg.Path
	x := func(i int) vg.Length { return x0 + w*vg.Length(i) }
	for i := 0; i < len(heights); {
		if heights[i] == 0 {
			i++
			continue
		}
		p.Move(vg.Point{X: x(i), Y: base})
		for i < len(heights) && heights[i] > 0 {
			h := base + full*vg.Length(heights[i])/vg.Length(levels)
			p.Line(vg.Point{X: x(i), Y: h})
			j := i
			for j < len(heights) && heights[j] == heights[i] {
				j++
			}
			p.Line(vg.Point{X: x(j), Y: h})
			i = j
		}
		p.Line(vg.Point{X: x(i), Y: base})
		p.Close()
	}
	return p
}

// moments draws vertical marks through a panel; labels stand above it, the
// later of two that would overlap goes without.
func (fr *frame) moments(area draw.Canvas, marks []moment, ax axes.Time, labels, raised bool) {
	st := fr.style(0.88, true, ink)
	free := area.Min.X - fr.em*8
	lastX := vg.Length(math.Inf(-1))
	for _, m := range marks {
		if m.at < ax.Start || m.at > ax.End {
			continue
		}
		x := area.Min.X + vg.Length(float64(m.at-ax.Start)/float64(ax.End-ax.Start))*(area.Max.X-area.Min.X)
		if x-lastX < fr.em*0.1 && m.label == "" {
			continue
		}
		lastX = x
		fr.c.StrokeLine2(fr.line(ink, 0.08, 0.3, 0.2), x, area.Min.Y, x, area.Max.Y+fr.em*0.15)
		tri := fr.em * 0.28
		fr.c.FillPolygon(ink, []vg.Point{{X: x, Y: area.Max.Y}, {X: x - tri, Y: area.Max.Y + tri*1.6}, {X: x + tri, Y: area.Max.Y + tri*1.6}})
		if m.label == "" || !labels {
			continue
		}
		w := st.Width(drawable(m.label))
		lx := x + fr.em*0.5
		if lx+w > fr.c.Max.X {
			lx = x - fr.em*0.5 - w
		}
		if lx < free {
			continue
		}
		ly := area.Max.Y + fr.em*0.12
		if raised {
			lx, ly = max(area.Min.X, min(x-fr.em*0.3, fr.c.Max.X-w)), ly+fr.em*0.75
		}
		fr.text(lx, ly, m.label, st, 0, 0)
		free = lx + w + fr.em*0.6
	}
}
