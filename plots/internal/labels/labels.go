// Package labels finds room for texts beside points.
package labels

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Placer finds room for labels beside points: clear of each other, of the
// points and as far as possible of the lines.
type Placer struct {
	// Em is the height of the text; Text draws one from its left end on.
	Em   vg.Length
	Text func(x, y vg.Length, s string, st draw.TextStyle)
	// Area is where labels may be, Lines what they had better be clear of.
	Area  vg.Rectangle
	Lines [][]vg.Point
	taken []vg.Rectangle
}

// Avoid keeps labels off a point of radius r.
func (p *Placer) Avoid(at vg.Point, r vg.Length) {
	p.taken = append(p.taken, vg.Rectangle{Min: vg.Point{X: at.X - r, Y: at.Y - r}, Max: vg.Point{X: at.X + r, Y: at.Y + r}})
}

// Label writes text beside a point, where it disturbs least.
func (p *Placer) Label(at vg.Point, s string, st draw.TextStyle) {
	w, h := st.Width(s), st.Font.Size*0.75
	d := p.Em * 0.42
	var best vg.Rectangle
	cost := math.Inf(1)
	for i, v := range [][2]vg.Length{ // the corner of the text relative to the point
		{d, -d*0.6 - h},
		{-d - w, d * 0.6},
		{d, -h / 2},
		{-d - w, -h / 2},
		{d, d * 0.6},
		{-d - w, -d*0.6 - h},
		{-w / 2, d},
		{-w / 2, -d - h},
	} {
		r := vg.Rectangle{Min: vg.Point{X: at.X + v[0], Y: at.Y + v[1]}}
		r.Max = vg.Point{X: r.Min.X + w, Y: r.Min.Y + h}
		c := float64(i) * 0.01
		if r.Min.X < p.Area.Min.X || r.Max.X > p.Area.Max.X || r.Min.Y < p.Area.Min.Y || r.Max.Y > p.Area.Max.Y {
			c += 1e6
		}
		for _, t := range p.taken {
			if r.Min.X < t.Max.X && t.Min.X < r.Max.X && r.Min.Y < t.Max.Y && t.Min.Y < r.Max.Y {
				c += 1e3
			}
		}
		for _, l := range p.Lines {
			for j := 1; j < len(l); j++ {
				if crosses(r, l[j-1], l[j]) {
					c++
				}
			}
		}
		if c < cost {
			best, cost = r, c
		}
	}
	p.taken = append(p.taken, best)
	p.Text(best.Min.X, best.Min.Y, s, st)
}

// crosses reports whether the box around a segment meets a rectangle: exact for
// the level and upright segments that step lines are made of.
func crosses(r vg.Rectangle, a, b vg.Point) bool {
	return min(a.X, b.X) < r.Max.X && max(a.X, b.X) > r.Min.X && min(a.Y, b.Y) < r.Max.Y && max(a.Y, b.Y) > r.Min.Y
}
