package canvas

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/bits"
	"slices"
	"sync"
)

func encode(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.DefaultCompression, BufferPool: buffers{}}
	err := e.Encode(&b, img)
	return b.Bytes(), err
}

// buffers lets encoders use each other's buffers: a megabyte each.
type buffers struct{}

var spare sync.Pool

func (buffers) Get() *png.EncoderBuffer {
	b, _ := spare.Get().(*png.EncoderBuffer)
	return b
}

func (buffers) Put(b *png.EncoderBuffer) { spare.Put(b) }

// Paletted turns a figure into one of 256 colours, which takes half the bytes:
// its flat colours stay exactly as they are, and of the blends at the edges the
// rare ones become the nearest common one.
func Paletted(src *image.RGBA) *image.Paletted {
	var n numbers
	all := n.runs(src)
	order := make([]int, len(n.color))
	for i := range order {
		order[i] = i
	}
	value := func(i int) uint32 { return bits.ReverseBytes32(n.color[i]) } // red first
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(n.count[j], n.count[i]), cmp.Compare(value(i), value(j)))
	})
	palette := make(color.Palette, 0, 256)
	index := make([]uint8, len(order))
	for k, i := range order {
		if k < 256 {
			palette, index[i] = append(palette, rgba(n.color[i])), uint8(k)
			continue
		}
		index[i] = nearest(palette, rgba(n.color[i]))
	}
	out := image.NewPaletted(image.Rect(0, 0, src.Rect.Dx(), src.Rect.Dy()), palette)
	at := 0
	for _, r := range all {
		fill(out.Pix[at:at+int(r.length)], index[r.number])
		at += int(r.length)
	}
	return out
}

// nearest is the place of the colour that is nearest, as [color.Palette.Index] has it.
func nearest(palette color.Palette, c color.RGBA) uint8 {
	best, least := 0, uint32(math.MaxUint32)
	apart := func(a, b uint8) uint32 { // of 16 bits each
		d := (int32(a) - int32(b)) * 0x101
		return uint32(d*d) >> 2
	}
	for i, p := range palette {
		p := p.(color.RGBA)
		if d := apart(c.R, p.R) + apart(c.G, p.G) + apart(c.B, p.B) + apart(c.A, p.A); d < least {
			best, least = i, d
		}
	}
	return uint8(best)
}

// run is so many pixels of a colour within a row, by its number.
type run struct{ number, length int32 }

// runs are the runs of an image in order.
func (n *numbers) runs(src *image.RGBA) []run {
	var out []run
	b := src.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		row := src.Pix[src.PixOffset(b.Min.X, y):src.PixOffset(b.Max.X, y)]
		for x := 0; x < len(row); {
			from, c := x, binary.LittleEndian.Uint32(row[x:])
			x += 4
			for two := uint64(c)<<32 | uint64(c); x+8 <= len(row) && binary.LittleEndian.Uint64(row[x:]) == two; {
				x += 8
			}
			for x < len(row) && binary.LittleEndian.Uint32(row[x:]) == c {
				x += 4
			}
			i, length := n.of(c), (x-from)/4
			n.count[i] += length
			out = append(out, run{int32(i), int32(length)})
		}
	}
	return out
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
	b[0] = to
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}
