// Package stack draws level bars that are stacks of parts, each with its own colour and
// pattern, so that they read in black and white too.
package stack

import (
	"image/color"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Pattern is what a part is filled with, upon its colour.
type Pattern uint8

// The patterns.
const (
	Plain Pattern = iota
	Rising
	Falling
	Cross
	Upright
	Level
	Dots
)

// Draw fills a rectangle with lines, or dots, a step apart.
func (k Pattern) Draw(c *draw.Canvas, st draw.LineStyle, step, x0, y0, x1, y1 vg.Length) {
	var p vg.Path
	line := func(ax, ay, bx, by vg.Length) {
		p.Move(vg.Point{X: ax, Y: ay})
		p.Line(vg.Point{X: bx, Y: by})
	}
	h := y1 - y0
	if k == Rising || k == Falling || k == Cross {
		for x := x0 - h; x < x1; x += step {
			a, b := max(x, x0), min(x+h, x1) // of the line from (x, y0) to (x+h, y1)
			if b <= a {
				continue
			}
			if k != Falling {
				line(a, y0+a-x, b, y0+b-x)
			}
			if k != Rising {
				line(a, y1-(a-x), b, y1-(b-x))
			}
		}
	}
	if k == Upright || k == Dots {
		for x := x0 + step/2; x < x1; x += step {
			line(x, y0, x, y1)
		}
	}
	if k == Level {
		for y := y0 + step/2; y < y1; y += step {
			line(x0, y, x1, y)
		}
	}
	if k == Dots {
		st.Dashes = []vg.Length{st.Width, step}
	}
	c.SetLineStyle(st)
	c.Stroke(p)
}

// Part is a piece of a bar. Label is drawn in it, or Short, where they have the room.
type Part struct {
	Label, Short string
	Value        float64
	Fill, Line   color.Color
	Pattern      Pattern
}

// Sum is the length of a bar.
func Sum(parts []Part) (sum float64) {
	for i := range parts {
		sum += parts[i].Value
	}
	return sum
}

// Labels are those of the parts of a bar.
func Labels(parts []Part) (out []string) {
	for i := range parts {
		out = append(out, parts[i].Label)
	}
	return out
}

// Style is how bars look.
type Style struct {
	Em vg.Length
	// Width is that of a label; Text draws one at a point, by its place in it as 0 to 1.
	Width      func(string) vg.Length
	Text       func(x, y vg.Length, s string, ax, ay float64)
	Ink, Paper color.Color
}

// Outside are the parts of a bar whose labels have no room in it, if it has a width.
func (s *Style) Outside(parts []Part, width vg.Length) []int {
	var out []int
	sum := Sum(parts)
	for i := range parts {
		if s.Width(parts[i].Label)+s.Em > width*vg.Length(parts[i].Value/sum) {
			out = append(out, i)
		}
	}
	return out
}

// RowHeight is the height in em of a row of labels above a bar.
const RowHeight = 1.3

// Bar draws a bar between two heights, x being where values are. The labels of the parts in
// outside stand above it, each in a row of its own, and lines lead to them.
func (s *Style) Bar(c *draw.Canvas, parts []Part, outside []int, x func(float64) vg.Length, y0, y1 vg.Length) {
	edge := draw.LineStyle{Color: s.Ink, Width: s.Em * 0.06}
	at := make([]vg.Length, len(parts)+1)
	sum := 0.0
	at[0] = x(0)
	for i := range parts {
		p := &parts[i]
		sum += p.Value
		at[i+1] = x(sum)
		box := []vg.Point{{X: at[i], Y: y0}, {X: at[i+1], Y: y0}, {X: at[i+1], Y: y1}, {X: at[i], Y: y1}}
		c.FillPolygon(p.Fill, box)
		p.Pattern.Draw(c, draw.LineStyle{Color: p.Line, Width: s.Em * 0.08}, s.Em*0.4, at[i], y0, at[i+1], y1)
		c.StrokeLines(edge, append(box, box[0]))
	}
	middle := func(i int) vg.Length { return (at[i] + at[i+1]) / 2 }
	row := func(n int) vg.Length { return y1 + s.Em*RowHeight*(vg.Length(n)+0.6) }
	outside = slices.Clone(outside)
	// From the lowest row up, so that no line is behind another part's label: labels end at
	// their lines in the right half, and begin there in the left.
	left := func(i int) bool { return middle(i) < (c.Min.X+c.Max.X)/2 }
	slices.SortFunc(outside, func(a, b int) int {
		switch {
		case left(a) && left(b):
			return b - a
		case left(a):
			return 1
		case left(b):
			return -1
		}
		return a - b
	})
	for n, i := range outside {
		c.StrokeLine2(edge, middle(i), y1, middle(i), row(n))
	}
	for i := range parts {
		label := parts[i].Label
		if room := at[i+1] - at[i]; s.Width(label)+s.Em*0.8 > room {
			label = parts[i].Short
			if s.Width(label)+s.Em*0.8 > room {
				continue
			}
		}
		if !slices.Contains(outside, i) {
			s.plate(c, middle(i), (y0+y1)/2, label, 0.5)
		}
	}
	for n, i := range outside {
		if left(i) {
			s.plate(c, middle(i)+s.Em*0.3, row(n), parts[i].Label, 0)
		} else {
			s.plate(c, middle(i)-s.Em*0.3, row(n), parts[i].Label, 1)
		}
	}
}

// plate draws text on a ground of paper.
func (s *Style) plate(c *draw.Canvas, x, y vg.Length, text string, ax float64) {
	w, pad, h := s.Width(text), s.Em*0.2, s.Em*0.58
	l := x - w*vg.Length(ax)
	c.FillPolygon(s.Paper, []vg.Point{{X: l - pad, Y: y - h}, {X: l + w + pad, Y: y - h}, {X: l + w + pad, Y: y + h}, {X: l - pad, Y: y + h}})
	s.Text(x, y, text, ax, 0.5)
}
