package canvas

import (
	"cmp"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
)

// Paletted turns a figure into one of 256 colours, which takes half the bytes:
// its flat colours stay exactly as they are, and of the blends at the edges the
// rare ones become the nearest common one.
func Paletted(src *image.RGBA) *image.Paletted {
	b := src.Bounds()
	count := map[color.RGBA]int{}
	// runs yields the runs of pixels of one colour within a row: from where, and how many.
	runs := func(do func(i, n int, c color.RGBA)) {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			row := src.Pix[src.PixOffset(b.Min.X, y):src.PixOffset(b.Max.X, y)]
			for x := 0; x < len(row); {
				from, c := x, binary.LittleEndian.Uint32(row[x:])
				for x += 4; x < len(row) && binary.LittleEndian.Uint32(row[x:]) == c; {
					x += 4
				}
				do(((y-b.Min.Y)*len(row)+from)/4, (x-from)/4, color.RGBA{byte(c), byte(c >> 8), byte(c >> 16), byte(c >> 24)})
			}
		}
	}
	runs(func(_, n int, c color.RGBA) { count[c] += n })
	colors := make([]color.RGBA, 0, len(count))
	for c := range count {
		colors = append(colors, c)
	}
	value := func(c color.RGBA) uint32 {
		return uint32(c.R)<<24 | uint32(c.G)<<16 | uint32(c.B)<<8 | uint32(c.A)
	}
	slices.SortFunc(colors, func(x, y color.RGBA) int {
		return cmp.Or(cmp.Compare(count[y], count[x]), cmp.Compare(value(x), value(y)))
	})
	palette := make(color.Palette, 0, 256)
	for _, c := range colors[:min(len(colors), 256)] {
		palette = append(palette, c)
	}
	index := make(map[color.RGBA]uint8, len(colors))
	for i, c := range colors {
		if i < 256 {
			index[c] = uint8(i)
		} else {
			index[c] = uint8(palette.Index(c))
		}
	}
	out := image.NewPaletted(image.Rect(0, 0, b.Dx(), b.Dy()), palette)
	runs(func(i, n int, c color.RGBA) {
		k := index[c]
		for j := range out.Pix[i : i+n] {
			out.Pix[i+j] = k
		}
	})
	return out
}
