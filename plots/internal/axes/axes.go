// Package axes draws a pair of axes with ticks and labels around a figure's data. It
// looks like gonum/plot's, whose package brings every font and output format it knows
// into the program.
package axes

import (
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Tick is a mark at a value; without a label it is a minor one, of half the length.
type Tick struct {
	Value float64
	Label string
}

// Axis is a range of values.
type Axis struct {
	Min, Max float64
	// Log makes the axis logarithmic; its values are above 0.
	Log   bool
	Ticks []Tick
	Label string
}

// Norm is where on the axis a value is, as a part of its length.
func (a *Axis) Norm(v float64) float64 {
	lo, hi := a.Min, a.Max
	if a.Log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(v)
	}
	return (v - lo) / (hi - lo)
}

// labels returns the ticks with labels.
func (a *Axis) labels() []Tick {
	return slices.DeleteFunc(slices.Clone(a.Ticks), func(t Tick) bool { return t.Label == "" })
}

// Style is how axes look.
type Style struct {
	Line draw.LineStyle
	// TickLength is that of a major tick, LabelGap the room between a label and what is
	// above it.
	TickLength, LabelGap vg.Length
	// Tick and Label are the styles of their texts; alignment and rotation are the axes'.
	Tick, Label draw.TextStyle
}

// Pair is an x axis below and a y axis to the left of the data.
type Pair struct {
	X, Y  Axis
	Style Style
	data  []Plotter
}

// Plotter draws data on the part of a canvas that is theirs.
type Plotter func(c draw.Canvas, p *Pair)

// Add adds data, which are drawn in the order in which they were added.
func (p *Pair) Add(data ...Plotter) { p.data = append(p.data, data...) }

// Transforms return where on a canvas of the data a value is.
func (p *Pair) Transforms(c *draw.Canvas) (x, y func(float64) vg.Length) {
	return func(v float64) vg.Length { return c.X(p.X.Norm(v)) }, func(v float64) vg.Length { return c.Y(p.Y.Norm(v)) }
}

// sanitize makes ranges that hold something.
func (p *Pair) sanitize() {
	for _, a := range []*Axis{&p.X, &p.Y} {
		if a.Min > a.Max {
			a.Min, a.Max = a.Max, a.Min
		}
		if a.Min == a.Max {
			a.Min--
			a.Max++
		}
	}
}

// padX leaves room at the right for labels at the end of the x axis, padY at the top for
// those of the y axis.
func (p *Pair) padX(c draw.Canvas) draw.Canvas {
	at, over, end := 1.0, vg.Length(0), c.Max.X
	for _, t := range p.X.labels() {
		n, r := p.X.Norm(t.Value), p.xTick().Rectangle(t.Label).Max.X
		if x := c.X(n) + r; x > end && n <= 1 {
			at, over, end = n, r, x
		}
	}
	c.Max.X = c.Min.X + (c.Max.X-over-c.Min.X)/vg.Length(at)
	return c
}

func (p *Pair) padY(c draw.Canvas) draw.Canvas {
	at, over, end := 1.0, vg.Length(0), c.Max.Y
	ext := p.yTick().FontExtents()
	for _, t := range p.Y.labels() {
		n, r := p.Y.Norm(t.Value), p.yTick().Rectangle(t.Label).Max.Y+ext.Height-ext.Ascent
		if y := c.Y(n) + r; y > end && n <= 1 {
			at, over, end = n, r, y
		}
	}
	c.Max.Y = c.Min.Y + (c.Max.Y-over-c.Min.Y)/vg.Length(at)
	return c
}

// height is the room below the data.
func (p *Pair) height() vg.Length {
	h := p.Style.Line.Width / 2
	if p.X.Label != "" {
		h += p.Style.Label.Height(p.X.Label) + p.Style.LabelGap
	}
	if len(p.X.Ticks) > 0 {
		h += p.Style.TickLength + p.labelSize(&p.X).Y
	}
	return h
}

// width is the room to the left of the data.
func (p *Pair) width() vg.Length {
	w := p.Style.Line.Width / 2
	if p.Y.Label != "" {
		w += p.Style.Label.FontExtents().Descent + p.Style.Label.Height(p.Y.Label) + p.Style.LabelGap
	}
	if len(p.Y.Ticks) > 0 {
		if l := p.labelSize(&p.Y).X; l > 0 {
			w += l + p.Style.Label.Width(" ")
		}
		w += p.Style.TickLength
	}
	return w
}

// labelSize is that of the highest and of the widest of the labels at an axis.
func (p *Pair) labelSize(a *Axis) (size vg.Point) {
	for _, t := range a.labels() {
		r := p.Style.Tick.Rectangle(t.Label).Size()
		size.X, size.Y = max(size.X, r.X), max(size.Y, r.Y)
	}
	return size
}

// Draw draws the axes, and then the data.
func (p *Pair) Draw(c draw.Canvas) {
	p.sanitize()
	w, h := p.width(), p.height()
	p.drawX(p.padX(draw.Crop(c, w, 0, 0, 0)))
	p.drawY(p.padY(draw.Crop(c, 0, 0, h, 0)))
	inner := p.padY(p.padX(draw.Crop(c, w, 0, h, 0)))
	for _, draw := range p.data {
		draw(inner, p)
	}
}

func (p *Pair) drawX(c draw.Canvas) {
	y := c.Min.Y
	if p.X.Label != "" {
		st := p.xLabel()
		c.FillText(st, vg.Point{X: c.Center().X, Y: y + st.FontExtents().Descent}, p.X.Label)
		y += st.Height(p.X.Label) + p.Style.LabelGap
	}
	h, st := p.labelSize(&p.X).Y, p.xTick()
	for _, t := range p.X.labels() {
		if x := c.X(p.X.Norm(t.Value)); c.ContainsX(x) {
			c.FillText(st, vg.Point{X: x, Y: y + h + st.FontExtents().Descent}, t.Label)
		}
	}
	if len(p.X.Ticks) == 0 {
		y += p.Style.Line.Width / 2
	} else {
		y += h
		for _, t := range p.X.Ticks {
			if x := c.X(p.X.Norm(t.Value)); c.ContainsX(x) {
				c.StrokeLine2(p.Style.Line, x, y+p.tickStart(t), x, y+p.Style.TickLength)
			}
		}
		y += p.Style.TickLength
	}
	c.StrokeLine2(p.Style.Line, c.Min.X, y, c.Max.X, y)
}

func (p *Pair) drawY(c draw.Canvas) {
	x := c.Min.X
	if p.Y.Label != "" {
		st := p.yLabel()
		x += p.Style.Label.Height(p.Y.Label)
		c.FillText(st, vg.Point{X: x - st.FontExtents().Descent, Y: c.Center().Y}, p.Y.Label)
		x += st.FontExtents().Descent + p.Style.LabelGap
	}
	x += p.labelSize(&p.Y).X
	st, major := p.yTick(), false
	for _, t := range p.Y.labels() {
		if y := c.Y(p.Y.Norm(t.Value)); c.ContainsY(y) {
			c.FillText(st, vg.Point{X: x, Y: y + st.FontExtents().Descent}, t.Label)
			major = true
		}
	}
	if major {
		x += st.Width(" ")
	}
	if len(p.Y.Ticks) > 0 {
		for _, t := range p.Y.Ticks {
			if y := c.Y(p.Y.Norm(t.Value)); c.ContainsY(y) {
				c.StrokeLine2(p.Style.Line, x+p.tickStart(t), y, x+p.Style.TickLength, y)
			}
		}
		x += p.Style.TickLength
	}
	c.StrokeLine2(p.Style.Line, x, c.Min.Y, x, c.Max.Y)
}

// tickStart is where a tick begins: major ones are twice as long as minor ones.
func (p *Pair) tickStart(t Tick) vg.Length {
	if t.Label == "" {
		return p.Style.TickLength / 2
	}
	return 0
}

func (p *Pair) xLabel() draw.TextStyle { return align(p.Style.Label, draw.XCenter, draw.YBottom, 0) }

func (p *Pair) yLabel() draw.TextStyle {
	return align(p.Style.Label, draw.XCenter, draw.YBottom, math.Pi/2)
}
func (p *Pair) xTick() draw.TextStyle { return align(p.Style.Tick, draw.XCenter, draw.YTop, 0) }
func (p *Pair) yTick() draw.TextStyle { return align(p.Style.Tick, draw.XRight, draw.YCenter, 0) }

func align(st draw.TextStyle, x draw.XAlignment, y draw.YAlignment, turn float64) draw.TextStyle {
	st.XAlign, st.YAlign, st.Rotation = x, y, turn
	return st
}
