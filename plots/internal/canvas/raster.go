package canvas

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// Raster is a bitmap to draw on.
type Raster struct {
	*vgimg.Canvas
	state
	stack []state
}

// state is what [Raster.Push] keeps: the colour, and whether coordinates are other than the
// bitmap's.
type state struct {
	ink    color.Color
	turned bool
}

// Push and what follows is what vgimg does, noted.
func (r *Raster) Push() {
	r.stack = append(r.stack, r.state)
	r.Canvas.Push()
}

func (r *Raster) Pop() {
	last := len(r.stack) - 1
	r.state, r.stack = r.stack[last], r.stack[:last]
	r.Canvas.Pop()
}

func (r *Raster) SetColor(c color.Color) {
	r.ink = c
	r.Canvas.SetColor(c)
}

func (r *Raster) Rotate(rad float64) {
	r.turned = true
	r.Canvas.Rotate(rad)
}

func (r *Raster) Translate(p vg.Point) {
	r.turned = true
	r.Canvas.Translate(p)
}

func (r *Raster) Scale(x, y float64) {
	r.turned = true
	r.Canvas.Scale(x, y)
}

// Stroke draws a path's pieces from the last to the first. The rasterizer keeps what a row
// holds in a list by place and looks for each place from the left, so that the many lines of
// a pattern, which come from the left, would cost the square of their number.
func (r *Raster) Stroke(p vg.Path) {
	backward := make(vg.Path, 0, len(p))
	for end := len(p); end > 0; {
		begin := end - 1
		for begin > 0 && p[begin].Type != vg.MoveComp {
			begin--
		}
		backward = append(backward, p[begin:end]...)
		end = begin
	}
	r.Canvas.Stroke(backward)
}

// FillString draws text. Where the canvas was not turned, glyphs stay as they are and need no
// interpolation.
func (r *Raster) FillString(face font.Face, at vg.Point, s string) {
	if r.turned {
		r.Canvas.FillString(face, at, s)
		return
	}
	img := r.Image().(*image.RGBA)
	ff := face.FontFace(r.DPI())
	defer ff.Close()
	_, h := r.Size()
	x, y := at.X.Dots(r.DPI()), h.Dots(r.DPI())-at.Y.Dots(r.DPI())
	dot := fixed.Point26_6{X: fixed.Int26_6(math.Round(x * 64)), Y: fixed.Int26_6(math.Round(y * 64))}
	last := rune(-1)
	for _, c := range s {
		if last >= 0 {
			dot.X += ff.Kern(last, c)
		}
		where, mask, from, advance, ok := ff.Glyph(dot, c)
		if !ok {
			continue
		}
		if alpha, ok := mask.(*image.Alpha); ok {
			blend(img, where, alpha, from, r.ink)
		}
		dot.X, last = dot.X+advance, c
	}
}

// blend lays ink through a mask over a rectangle of an image. It rounds as the
// interpolation does that vgimg draws text with, which x/image's own drawer does not: so a
// picture is the same to the byte, whichever way its text was drawn.
func blend(img *image.RGBA, where image.Rectangle, mask *image.Alpha, from image.Point, ink color.Color) {
	const full = 0xffff
	r, g, b, a := ink.RGBA()
	at := where.Intersect(img.Rect)
	for y := at.Min.Y; y < at.Max.Y; y++ {
		shades := mask.Pix[mask.PixOffset(from.X+at.Min.X-where.Min.X, from.Y+y-where.Min.Y):]
		row := img.Pix[img.PixOffset(at.Min.X, y):img.PixOffset(at.Max.X, y)]
		for i := 0; i < len(row); i += 4 {
			if m := uint32(shades[i/4]) * 0x101; m > 0 {
				rest := full - a*m/full
				for j, c := range [4]uint32{r, g, b, a} {
					row[i+j] = uint8((uint32(row[i+j])*0x101*rest/full + c*m/full) >> 8)
				}
			}
		}
	}
}
