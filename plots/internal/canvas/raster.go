package canvas

import (
	"image"
	"image/color"
	"math"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// Raster is a bitmap to draw on.
type Raster struct{ *vgimg.Canvas }

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

// Text draws what FillString does in a colour, where the canvas was not turned: glyphs that
// stay as they are need no interpolation.
func (r *Raster) Text(face font.Face, at vg.Point, s string, ink color.Color) {
	img := r.Image().(*image.RGBA)
	ff := face.FontFace(r.DPI())
	defer ff.Close()
	_, h := r.Size()
	x, y := at.X.Dots(r.DPI()), h.Dots(r.DPI())-at.Y.Dots(r.DPI())
	d := xfont.Drawer{
		Dst: img, Src: image.NewUniform(ink), Face: ff,
		Dot: fixed.Point26_6{X: fixed.Int26_6(math.Round(x * 64)), Y: fixed.Int26_6(math.Round(y * 64))},
	}
	d.DrawString(s)
}
