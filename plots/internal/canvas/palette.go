package canvas

import (
	"cmp"
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
	each := func(do func(i int, c color.RGBA, same bool)) {
		var last color.RGBA
		i := 0
		for y := b.Min.Y; y < b.Max.Y; y++ {
			row := src.Pix[src.PixOffset(b.Min.X, y):src.PixOffset(b.Max.X, y)]
			for x := 0; x+3 < len(row); x += 4 {
				c := color.RGBA{row[x], row[x+1], row[x+2], row[x+3]}
				do(i, c, i > 0 && c == last)
				last = c
				i++
			}
		}
	}
	run := 0
	var at color.RGBA
	each(func(_ int, c color.RGBA, same bool) {
		if !same {
			count[at] += run
			at, run = c, 0
		}
		run++
	})
	count[at] += run
	colors := make([]color.RGBA, 0, len(count))
	for c, n := range count {
		if n > 0 {
			colors = append(colors, c)
		}
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
	var k uint8
	each(func(i int, c color.RGBA, same bool) {
		if !same {
			k = index[c]
		}
		out.Pix[i] = k
	})
	return out
}
