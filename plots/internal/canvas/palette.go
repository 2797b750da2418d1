package canvas

import (
	"cmp"
	"encoding/binary"
	"image"
	"image/color"
	"math"
	"math/bits"
	"slices"
)

// paletted turns a figure into one of 256 colours, which takes half the bytes:
// its flat colours stay exactly as they are, and of the blends at the edges the
// rare ones become the nearest common one. It takes the figure's place in memory.
func (p *Press) paletted(src *image.RGBA) *image.Paletted {
	n := &p.numbers
	n.begin()
	n.runs(src.Pix)
	order, index := make([]int, len(n.color)), make([]uint8, len(n.color))
	for i := range order {
		order[i] = i
	}
	value := func(i int) uint32 { return bits.ReverseBytes32(n.color[i]) } // red first
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(n.count[j], n.count[i]), cmp.Compare(value(i), value(j)))
	})
	common, rare := order, []int(nil)
	if len(order) > 256 {
		common, rare = order[:256], order[256:]
	}
	palette, colors := make(color.Palette, len(common)), make([]color.RGBA, len(common))
	for k, i := range common {
		colors[k], index[i] = rgba(n.color[i]), uint8(k)
		palette[k] = colors[k]
	}
	for _, i := range rare {
		index[i] = nearest(colors, rgba(n.color[i]))
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	for x := 0; x < w*h; {
		i, length := binary.LittleEndian.Uint32(src.Pix[4*x:]), 1
		if i&long != 0 {
			i, length = i&^long, int(binary.LittleEndian.Uint32(src.Pix[4*x+4:]))
		}
		fill(src.Pix[x:x+length], index[i]) // what is still to be read lies behind
		x += length
	}
	return &image.Paletted{Pix: src.Pix[:w*h], Stride: w, Rect: image.Rect(0, 0, w, h), Palette: palette}
}

// apart is how far values of a channel are apart, by their difference, as
// [color.Palette.Index] has it: of 16 bits each.
var apart = func() (t [256]uint32) {
	for d := range t {
		t[d] = uint32(d*0x101*d*0x101) >> 2
	}
	return t
}()

// nearest is the place of the colour that is nearest, as [color.Palette.Index] has it.
func nearest(palette []color.RGBA, c color.RGBA) uint8 {
	best, least := 0, uint32(math.MaxUint32)
	between := func(a, b uint8) uint32 { return apart[max(a, b)-min(a, b)] }
	for i, p := range palette {
		if d := between(c.R, p.R) + between(c.G, p.G) + between(c.B, p.B) + between(c.A, p.A); d < least {
			best, least = i, d
		}
	}
	return uint8(best)
}

// long is set in the number of a colour where a run has more than one pixel: the next one says
// how many.
const long = 1 << 31

// runs counts the colours of pixels, and writes into the first of each run of a colour its
// number.
func (n *numbers) runs(pix []uint8) {
	for x := 0; x < len(pix); {
		first, c := pix[x:], binary.LittleEndian.Uint32(pix[x:])
		x += 4
		for two := uint64(c)<<32 | uint64(c); x+8 <= len(pix) && binary.LittleEndian.Uint64(pix[x:]) == two; {
			x += 8
		}
		for x < len(pix) && binary.LittleEndian.Uint32(pix[x:]) == c {
			x += 4
		}
		i, length := n.of(c), (len(first)-len(pix)+x)/4
		n.count[i] += length
		if length > 1 {
			binary.LittleEndian.PutUint32(first[4:], uint32(length))
			i |= long
		}
		binary.LittleEndian.PutUint32(first, uint32(i))
	}
}

// rgba is a colour as four bytes in memory hold it.
func rgba(c uint32) color.RGBA {
	return color.RGBA{byte(c), byte(c >> 8), byte(c >> 16), byte(c >> 24)}
}

// numbers numbers colours as they come.
type numbers struct {
	color  []uint32
	count  []int
	number map[uint32]int
	// latest are numbers by a hash of the colour: few colours come often.
	latest [1 << 10]struct {
		color  uint32
		number int
	}
}

// begin begins anew.
func (n *numbers) begin() {
	n.color, n.count = n.color[:0], n.count[:0]
	clear(n.number)
}

// of is the number of a colour.
func (n *numbers) of(c uint32) int {
	e := &n.latest[c*0x9e3779b1>>22]
	if e.color == c && e.number < len(n.color) && n.color[e.number] == c {
		return e.number
	}
	i, ok := n.number[c]
	if !ok {
		if i = len(n.color); n.number == nil {
			n.number = map[uint32]int{}
		}
		n.number[c] = i
		n.color, n.count = append(n.color, c), append(n.count, 0)
	}
	e.color, e.number = c, i
	return i
}

// fill sets all bytes.
func fill(b []byte, to byte) {
	if len(b) < 8 {
		for i := range b {
			b[i] = to
		}
		return
	}
	b[0] = to
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}
