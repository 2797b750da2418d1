package canvas

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"

	"schedreplay/findings/say"
)

// Canvas is a vg.Canvas that writes compact SVG whose text is outlined:
// every glyph used becomes one path in <defs>, so the picture looks the same
// wherever it is opened and needs no font. Colours are presentation attributes
// ("#rrggbb"), which a page that holds the SVG inline can restyle.
//
// Transformations are applied here, not left to the reader, so coordinates are
// those of the picture, in points, with two decimals.
type Canvas struct {
	w, h   vg.Length
	prefix string // of element ids, unique within a page
	body   bytes.Buffer
	defs   bytes.Buffer
	glyphs map[glyphKey]int
	stack  []svgState
	// The last attributes written: consecutive paths share a <g>.
	attrs string
	buf   sfnt.Buffer
}

type glyphKey struct {
	font  *sfnt.Font
	glyph sfnt.GlyphIndex
}

type svgState struct {
	color  color.Color
	width  vg.Length
	dashes []vg.Length
	offset vg.Length
	m      matrix
}

// matrix maps (x, y) to (a*x + c*y + e, b*x + d*y + f).
type matrix struct{ a, b, c, d, e, f float64 }

func (m matrix) apply(p vg.Point) (x, y float64) {
	px, py := p.X.Points(), p.Y.Points()
	return m.a*px + m.c*py + m.e, m.b*px + m.d*py + m.f
}

// then returns the matrix that applies n first, then m.
func (m matrix) then(n matrix) matrix {
	return matrix{
		m.a*n.a + m.c*n.b, m.b*n.a + m.d*n.b,
		m.a*n.c + m.c*n.d, m.b*n.c + m.d*n.d,
		m.a*n.e + m.c*n.f + m.e, m.b*n.e + m.d*n.f + m.f,
	}
}

// New returns a canvas of the given size whose element ids begin with
// prefix.
func New(w, h vg.Length, prefix string) *Canvas {
	c := &Canvas{w: w, h: h, prefix: prefix, glyphs: map[glyphKey]int{}}
	// vg has its origin at the bottom left, SVG at the top left.
	c.stack = []svgState{{color: color.Black, width: 1, m: matrix{1, 0, 0, -1, 0, h.Points()}}}
	return c
}

func (c *Canvas) top() *svgState { return &c.stack[len(c.stack)-1] }

// Size and what follows make it a vg.Canvas.
func (c *Canvas) Size() (w, h vg.Length)   { return c.w, c.h }
func (c *Canvas) SetLineWidth(w vg.Length) { c.top().width = w }
func (c *Canvas) SetColor(clr color.Color) { c.top().color = clr }
func (c *Canvas) SetLineDash(d []vg.Length, offs vg.Length) {
	c.top().dashes, c.top().offset = d, offs
}
func (c *Canvas) Push()                                   { c.stack = append(c.stack, *c.top()) }
func (c *Canvas) Pop()                                    { c.stack = c.stack[:len(c.stack)-1] }
func (c *Canvas) Translate(p vg.Point)                    { c.mul(matrix{1, 0, 0, 1, p.X.Points(), p.Y.Points()}) }
func (c *Canvas) Scale(x, y float64)                      { c.mul(matrix{x, 0, 0, y, 0, 0}) }
func (c *Canvas) Rotate(rad float64)                      { s, k := math.Sincos(rad); c.mul(matrix{k, s, -s, k, 0, 0}) }
func (c *Canvas) mul(m matrix)                            { c.top().m = c.top().m.then(m) }
func (c *Canvas) DrawImage(_ vg.Rectangle, _ image.Image) {} // figures hold no bitmaps
func (c *Canvas) set(attrs string) {
	if attrs == c.attrs {
		return
	}
	if c.attrs != "" {
		c.body.WriteString("</g>\n")
	}
	if c.attrs = attrs; attrs != "" {
		c.body.WriteString("<g " + attrs + ">\n")
	}
}

func (c *Canvas) Stroke(p vg.Path) {
	s := c.top()
	if s.width <= 0 {
		return
	}
	a := `fill="none" stroke="` + HexColor(s.color) + `"` + opacity("stroke", s.color) + ` stroke-width="` + num(s.width.Points()) + `"`
	if len(s.dashes) > 0 {
		a += ` stroke-dasharray="`
		for i, d := range s.dashes {
			if i > 0 {
				a += " "
			}
			a += num(d.Points())
		}
		a += `"`
		if s.offset != 0 {
			a += ` stroke-dashoffset="` + num(s.offset.Points()) + `"`
		}
	}
	c.set(a)
	c.path(p)
}

func (c *Canvas) Fill(p vg.Path) {
	s := c.top()
	c.set(`fill="` + HexColor(s.color) + `"` + opacity("fill", s.color))
	c.path(p)
}

// path writes one <path>. Runs of horizontal and vertical lines, of which
// figures are mostly made, take their short forms.
func (c *Canvas) path(p vg.Path) {
	if len(p) == 0 {
		return
	}
	m := c.top().m
	c.body.WriteString(`<path d="`)
	var lx, ly string
	at := func(pt vg.Point) (string, string) { x, y := m.apply(pt); return num(x), num(y) }
	line := func(pt vg.Point) {
		x, y := at(pt)
		switch {
		case x == lx && y == ly:
		case x == lx:
			c.body.WriteString("V" + y)
		case y == ly:
			c.body.WriteString("H" + x)
		default:
			c.body.WriteString("L" + x + " " + y)
		}
		lx, ly = x, y
	}
	for _, k := range p {
		switch k.Type {
		case vg.MoveComp:
			lx, ly = at(k.Pos)
			c.body.WriteString("M" + lx + " " + ly)
		case vg.LineComp:
			line(k.Pos)
		case vg.ArcComp:
			c.arc(k, m, line)
			lx, ly = "", ""
		case vg.CurveComp:
			letter := map[int]string{1: "Q", 2: "C"}[len(k.Control)]
			c.body.WriteString(letter)
			for _, q := range k.Control {
				x, y := at(q)
				c.body.WriteString(x + " " + y + " ")
			}
			lx, ly = at(k.Pos)
			c.body.WriteString(lx + " " + ly)
		case vg.CloseComp:
			c.body.WriteString("Z")
			lx, ly = "", ""
		}
	}
	c.body.WriteString("\"/>\n")
}

// arc draws in pieces of at most a half circle, since SVG's arc cannot end
// where it starts.
func (c *Canvas) arc(k vg.PathComp, m matrix, line func(vg.Point)) {
	at := func(a float64) vg.Point {
		s, co := math.Sincos(a)
		return vg.Point{X: k.Pos.X + k.Radius*vg.Length(co), Y: k.Pos.Y + k.Radius*vg.Length(s)}
	}
	line(at(k.Start))
	n := int(math.Ceil(math.Abs(k.Angle) / math.Pi))
	sweep := "0" // vg turns anticlockwise, and the y axis is mirrored
	if k.Angle < 0 {
		sweep = "1"
	}
	r := num(k.Radius.Points())
	for i := 1; i <= n; i++ {
		x, y := m.apply(at(k.Start + k.Angle*float64(i)/float64(n)))
		c.body.WriteString("A" + r + " " + r + " 0 0 " + sweep + " " + num(x) + " " + num(y))
	}
}

// FillString draws the text's outlines.
func (c *Canvas) FillString(f font.Face, at vg.Point, s string) {
	if s == "" {
		return
	}
	st := c.top()
	c.set(`fill="` + HexColor(st.color) + `"` + opacity("fill", st.color))
	upem := int(f.Face.UnitsPerEm())
	ppem := fixed.Int26_6(upem)
	scale := f.Font.Size.Points() / float64(upem)
	m := st.m.then(matrix{1, 0, 0, 1, at.X.Points(), at.Y.Points()}).then(matrix{scale, 0, 0, -scale, 0, 0})
	fmt.Fprintf(&c.body, `<g transform="matrix(%s %s %s %s %s %s)">`, num5(m.a), num5(m.b), num5(m.c), num5(m.d), num(m.e), num(m.f))
	x, prev, hasPrev := 0, sfnt.GlyphIndex(0), false
	for _, r := range s {
		g, err := f.Face.GlyphIndex(&c.buf, r)
		if err != nil {
			continue
		}
		if hasPrev {
			if k, err := f.Face.Kern(&c.buf, prev, g, ppem, 0); err == nil {
				x += int(k)
			}
		}
		if id := c.glyph(f.Face, g, ppem); id >= 0 {
			fmt.Fprintf(&c.body, `<use href="#%s%d"`, c.prefix, id)
			if x != 0 {
				fmt.Fprintf(&c.body, ` x="%d"`, x)
			}
			c.body.WriteString("/>")
		}
		if a, err := f.Face.GlyphAdvance(&c.buf, g, ppem, 0); err == nil {
			x += int(a)
		}
		prev, hasPrev = g, true
	}
	c.body.WriteString("</g>\n")
}

// glyph returns the number of a glyph's definition, -1 if it has no outline.
func (c *Canvas) glyph(f *sfnt.Font, g sfnt.GlyphIndex, ppem fixed.Int26_6) int {
	key := glyphKey{f, g}
	if id, ok := c.glyphs[key]; ok {
		return id
	}
	id := -1
	if segs, err := f.LoadGlyph(&c.buf, g, ppem, nil); err == nil && len(segs) > 0 {
		id = c.count()
		fmt.Fprintf(&c.defs, `<path id="%s%d" d="`, c.prefix, id)
		for _, s := range segs {
			n := 1
			switch s.Op {
			case sfnt.SegmentOpMoveTo:
				c.defs.WriteByte('M')
			case sfnt.SegmentOpLineTo:
				c.defs.WriteByte('L')
			case sfnt.SegmentOpQuadTo:
				c.defs.WriteByte('Q')
				n = 2
			case sfnt.SegmentOpCubeTo:
				c.defs.WriteByte('C')
				n = 3
			}
			for i := range n {
				if i > 0 {
					c.defs.WriteByte(' ')
				}
				fmt.Fprintf(&c.defs, "%d %d", int(s.Args[i].X), int(s.Args[i].Y))
			}
		}
		c.defs.WriteString("Z\"/>\n")
	}
	c.glyphs[key] = id
	return id
}

// count is the number of glyphs defined so far.
func (c *Canvas) count() int {
	n := 0
	for _, id := range c.glyphs {
		if id >= 0 {
			n++
		}
	}
	return n
}

// Document returns the whole SVG. title and desc are for readers who do not see
// the picture; they are escaped here.
func (c *Canvas) Document(title, desc string) []byte {
	c.set("")
	var b bytes.Buffer
	w, h := num(c.w.Points()), num(c.h.Points())
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%spt" height="%spt" viewBox="0 0 %s %s" role="img" aria-labelledby="%st %sd">`+"\n",
		w, h, w, h, c.prefix, c.prefix)
	fmt.Fprintf(&b, "<title id=\"%st\">%s</title>\n<desc id=\"%sd\">%s</desc>\n", c.prefix, say.EscapeXML(title), c.prefix, say.EscapeXML(desc))
	if c.defs.Len() > 0 {
		b.WriteString("<defs>\n")
		b.Write(c.defs.Bytes())
		b.WriteString("</defs>\n")
	}
	b.Write(c.body.Bytes())
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// num prints a coordinate with at most two decimals.
func num(x float64) string { return trimFloat(x, 2) }

// num5 prints a matrix coefficient.
func num5(x float64) string { return trimFloat(x, 5) }

func trimFloat(x float64, prec int) string {
	s := strconv.FormatFloat(x, 'f', prec, 64)
	i := len(s)
	for i > 0 && s[i-1] == '0' {
		i--
	}
	if i > 0 && s[i-1] == '.' {
		i--
	}
	if s = s[:i]; s == "-0" || s == "" {
		return "0"
	}
	return s
}

// HexColor is a colour as "#rrggbb", its opacity left out.
func HexColor(clr color.Color) string {
	n := color.NRGBAModel.Convert(clr).(color.NRGBA)
	return fmt.Sprintf("#%02x%02x%02x", n.R, n.G, n.B)
}

func opacity(what string, clr color.Color) string {
	n := color.NRGBAModel.Convert(clr).(color.NRGBA)
	if n.A == 0xff {
		return ""
	}
	return fmt.Sprintf(` %s-opacity="%s"`, what, num(float64(n.A)/255))
}
