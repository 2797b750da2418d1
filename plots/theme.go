package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"strings"
	"sync"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/canvas"
)

// The colours of the figures: Okabe and Ito's palette, which the colour-blind
// can tell apart, and greys. report.css restyles them for dark pages by their
// values, so keep the two in step.
var (
	paper      = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	ink        = color.NRGBA{0x1f, 0x23, 0x28, 0xff}
	muted      = color.NRGBA{0x59, 0x63, 0x6e, 0xff}
	grid       = color.NRGBA{0xd8, 0xde, 0xe4, 0xff}
	band       = color.NRGBA{0xfb, 0xec, 0xd9, 0xff} // behind isolated CPUs
	ownerBlue  = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	intruderRd = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
	patchGreen = color.NRGBA{0x00, 0x9e, 0x73, 0xff}
	otherSky   = color.NRGBA{0x56, 0xb4, 0xe9, 0xff}
	idleGrey   = color.NRGBA{0xb6, 0xbd, 0xc6, 0xff}
)

// size is one of the sizes every figure comes in.
type size struct {
	// Suffix of the file names.
	Suffix string
	width  vg.Length
	// em is the height of the text; all distances follow from it.
	em  vg.Length
	dpi int
	// narrow figures stack what wide ones set side by side.
	narrow bool
}

var (
	// Slide fills a 16:9 slide's width, and a page on a screen.
	Slide = size{Suffix: "", width: 960, em: 15, dpi: 144}
	// Column is a column of a two-column paper, and a phone.
	Column = size{Suffix: "-column", width: 252, em: 7.6, dpi: 300, narrow: true}
	Sizes  = []size{Slide, Column}
)

// Figure is a picture that can be drawn in any size.
type Figure struct {
	// Name is the file name without size and extension.
	Name string
	// Title is what the figure shows, one sentence, drawn on top of it.
	Title string
	// desc says in words what is to be seen, for those who cannot see it.
	desc string
	// Caption says how to read it.
	Caption string
	// height is the height of the part below the title, in em.
	height func(size) float64
	draw   func(*frame)
	// chart is the figure's data for the page's script, nil if it stays a picture.
	chart *chart
	// svg is the figure as it was drawn, by the suffix of its size.
	svg map[string][]byte
}

// frame is a figure being drawn.
type frame struct {
	size
	// c is what is left for the figure below the title.
	c draw.Canvas
	// bitmap: it becomes a PNG.
	bitmap bool
}

// titleLines wraps the title for a size.
func (f *Figure) titleLines(s size) []string {
	return canvas.Wrap(drawable(say.Plain(f.Title)), s.titleStyle(), s.width-2*s.margin())
}

func (s size) margin() vg.Length { return s.em * 0.8 }

func (s size) titleStyle() draw.TextStyle { return s.style(1.12, true, ink) }

// full is the size of the whole picture.
func (f *Figure) full(s size) (w, h vg.Length) {
	lines := vg.Length(len(f.titleLines(s)))
	return s.width, vg.Length(f.height(s))*s.em + 2*s.margin() + lines*s.em*1.45 + s.em*0.3
}

// paint draws the figure on paper.
func (f *Figure) paint(cv vg.Canvas, s size) {
	w, h := f.full(s)
	c := draw.NewCanvas(cv, w, h)
	m := s.margin()
	_, bitmap := cv.(*canvas.Raster)
	fr := &frame{size: s, c: draw.Crop(c, m, -m, m, -m), bitmap: bitmap}
	st := s.titleStyle()
	y := fr.c.Max.Y
	for _, line := range f.titleLines(s) {
		fr.text(fr.c.Min.X, y, line, st, 0, 1)
		y -= s.em * 1.45
	}
	fr.c = draw.Crop(fr.c, 0, 0, 0, y-fr.c.Max.Y-s.em*0.3)
	f.draw(fr)
}

// anyID stands for what the ids of an SVG begin with: no text has it.
const anyID = "\x00"

// SVG renders the figure; ids begin with prefix. It is drawn once in each size.
func (f *Figure) SVG(s size, prefix string) []byte {
	drawn, ok := f.svg[s.Suffix]
	if !ok {
		w, h := f.full(s)
		c := canvas.New(w, h, anyID)
		full := draw.NewCanvas(c, w, h)
		full.FillPolygon(paper, []vg.Point{{X: 0, Y: 0}, {X: w, Y: 0}, {X: w, Y: h}, {X: 0, Y: h}})
		f.paint(c, s)
		if drawn = c.Document(say.Plain(f.Title), say.Plain(f.desc)); f.svg == nil {
			f.svg = map[string][]byte{}
		}
		f.svg[s.Suffix] = drawn
	}
	return bytes.ReplaceAll(drawn, []byte(anyID), []byte(prefix))
}

// png renders the figure.
func (f *Figure) png(p *canvas.Press, s size) ([]byte, error) {
	w, h := f.full(s)
	c := p.Raster(w, h, s.dpi, paper)
	f.paint(c, s)
	b, err := p.PNG(c)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", f.Name, err)
	}
	return b, nil
}

// style is a text style of the given size in em.
func (s size) style(em float64, heavy bool, clr color.Color) draw.TextStyle {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: s.em * vg.Length(em)}
	if heavy {
		f.Weight = xfont.WeightBold
	}
	return draw.TextStyle{Color: clr, Font: f, Handler: fonts()}
}

// fonts are the two that figures use.
var fonts = sync.OnceValue(func() text.Handler {
	var c font.Collection
	for weight, ttf := range map[xfont.Weight][]byte{xfont.WeightNormal: liberationsansregular.TTF, xfont.WeightBold: liberationsansbold.TTF} {
		face, err := opentype.Parse(ttf)
		if err != nil {
			panic(err) // it is in the program
		}
		c = append(c, font.Face{Font: font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight}, Face: face})
	}
	return text.Plain{Fonts: font.NewCache(c)}
})

// text draws a line of text. ax is 0, 0.5 or 1 for a point at its left, middle
// or right, ay 0, 0.5 or 1 for one at its baseline, the middle of its capitals
// or its top.
func (fr *frame) text(x, y vg.Length, s string, st draw.TextStyle, ax, ay float64) {
	s = drawable(s)
	st.XAlign, st.YAlign = 0, 0
	x -= vg.Length(ax) * st.Width(s)
	y -= vg.Length(ay) * st.Font.Size * 0.72
	face := st.Handler.Cache().Lookup(st.Font, st.Font.Size)
	fr.c.SetColor(st.Color)
	fr.c.FillString(face, vg.Point{X: x, Y: y}, s)
}

// drawable returns text whose characters the font has; others become U+FFFD.
func drawable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s // what every font has
	}
	st := Slide.style(1, false, ink)
	face := st.Handler.Cache().Lookup(st.Font, st.Font.Size)
	var buf sfnt.Buffer
	return strings.Map(func(r rune) rune {
		if g, err := face.Face.GlyphIndex(&buf, r); err != nil || g == 0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// withAlpha is a colour at an opacity.
func withAlpha(c color.NRGBA, a uint8) color.NRGBA {
	c.A = a
	return c
}

// hair is a thin line.
func (fr *frame) hair(clr color.Color) draw.LineStyle {
	return draw.LineStyle{Color: clr, Width: fr.em * 0.05}
}

// line is a line of w em.
func (fr *frame) line(clr color.Color, w float64, dashes ...float64) draw.LineStyle {
	l := draw.LineStyle{Color: clr, Width: fr.em * vg.Length(w)}
	for _, d := range dashes {
		l.Dashes = append(l.Dashes, fr.em*vg.Length(d))
	}
	return l
}

// fill fills a rectangle.
func (fr *frame) fill(clr color.Color, x0, y0, x1, y1 vg.Length) {
	fr.c.SetColor(clr)
	var p vg.Path
	rect(&p, x0, y0, x1, y1)
	fr.c.Fill(p)
}

// box draws the outline of a rectangle.
func (fr *frame) box(l draw.LineStyle, x0, y0, x1, y1 vg.Length) {
	fr.c.StrokeLines(l, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}, {X: x0, Y: y0}})
}

// rect adds a rectangle to a path.
func rect(p *vg.Path, x0, y0, x1, y1 vg.Length) {
	p.Move(vg.Point{X: x0, Y: y0})
	p.Line(vg.Point{X: x1, Y: y0})
	p.Line(vg.Point{X: x1, Y: y1})
	p.Line(vg.Point{X: x0, Y: y1})
	p.Close()
}

// overlap reports whether two rectangles do.
func overlap(a, b vg.Rectangle) bool {
	return a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y
}

// part is the i-th of n parts of the frame: stacked where it is narrow, else side by side, with
// room of so many em between them.
func (fr *frame) part(i, n int, below, beside float64) draw.Canvas {
	c := fr.c
	w, h := (c.Max.X-c.Min.X)/vg.Length(n), (c.Max.Y-c.Min.Y)/vg.Length(n)
	if fr.narrow {
		c.Max.Y -= h * vg.Length(i)
		c.Min.Y = c.Max.Y - h + fr.em*vg.Length(below)
	} else {
		c.Min.X += w * vg.Length(i)
		c.Max.X = c.Min.X + w - fr.em*vg.Length(beside)
	}
	return c
}

// high is the height of a figure, in em.
func high(wide, narrow float64) func(size) float64 {
	return func(s size) float64 {
		if s.narrow {
			return narrow
		}
		return wide
	}
}

// newPlot returns axes in the figures' style.
func (fr *frame) newPlot() *axes.Pair {
	return &axes.Pair{Style: axes.Style{
		Line: fr.hair(muted), TickLength: fr.em * 0.35, LabelGap: fr.em * 0.25,
		Tick: fr.style(0.88, false, ink), Label: fr.style(0.88, false, muted),
	}}
}

// durations is a logarithmic axis of lengths of time, with at most about n labels.
func durations(lo, hi float64, n int, label string) axes.Axis {
	return axes.Axis{Min: lo, Max: hi, Log: true, Ticks: axes.DurationTicks(lo, hi, n), Label: label}
}

// gridY draws a faint line at each labelled tick of the y axis.
func (fr *frame) gridY(c draw.Canvas, p *axes.Pair) {
	for _, t := range p.Y.Ticks {
		if t.Label != "" && t.Value >= p.Y.Min && t.Value <= p.Y.Max {
			y := c.Y(p.Y.Norm(t.Value))
			c.StrokeLine2(fr.hair(grid), c.Min.X, y, c.Max.X, y)
		}
	}
}

// figureColors are the colours of the figures by the names that the style sheet
// and the script have for them, and what they become on a dark page.
var figureColors = []struct {
	name        string
	light, dark color.NRGBA
}{
	{"paper", paper, color.NRGBA{0x16, 0x1b, 0x22, 0xff}},
	{"ink", ink, color.NRGBA{0xe6, 0xed, 0xf3, 0xff}},
	{"muted", muted, color.NRGBA{0xa3, 0xad, 0xb8, 0xff}},
	{"grid", grid, color.NRGBA{0x37, 0x3e, 0x47, 0xff}},
	{"band", band, color.NRGBA{0x4a, 0x36, 0x1c, 0xff}},
	{"owner", ownerBlue, color.NRGBA{0x4d, 0xb1, 0xe8, 0xff}},
	{"intruder", intruderRd, color.NRGBA{0xff, 0x8c, 0x3a, 0xff}},
	{"patch", patchGreen, color.NRGBA{0x2f, 0xc7, 0x9a, 0xff}},
	{"other", otherSky, color.NRGBA{0x7c, 0xc8, 0xf0, 0xff}},
	{"idle", idleGrey, color.NRGBA{0x5d, 0x66, 0x70, 0xff}},
}

// Color is a colour of the figures by the name that the style sheet and the script have
// for it, as "#rrggbb" on a light and on a dark page.
type Color struct{ Name, Light, Dark string }

// Colors lists the colours of the figures.
func Colors() []Color {
	var out []Color
	for _, c := range figureColors {
		out = append(out, Color{c.name, canvas.HexColor(c.light), canvas.HexColor(c.dark)})
	}
	return out
}
