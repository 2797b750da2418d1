package canvas

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// Raster is a bitmap to draw on.
type Raster struct{ *vgimg.Canvas }

// Stroke draws a path's pieces from the last to the first. The rasterizer keeps what a row
// holds in a list by place and looks for each place from the left, so that the many lines of
// a pattern, which come from the left, would cost the square of their number.
func (r Raster) Stroke(p vg.Path) {
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
