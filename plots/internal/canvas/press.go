package canvas

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"git.sr.ht/~sbinet/gg"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// Press makes pictures one after another, each in the memory of the one before, which is some
// megabytes. The zero value is one; it makes one picture at a time.
type Press struct {
	pix     []uint8
	numbers numbers
	buffer  *png.EncoderBuffer
}

// leastBytes is room for almost any picture of a report.
const leastBytes = 9 << 20

// Raster returns a bitmap of one colour, with so many dots to an inch. [Press.PNG] is what
// becomes of it.
func (p *Press) Raster(w, h vg.Length, dpi int, paper color.Color) *Raster {
	dots := func(l vg.Length) int { return int(l.Dots(float64(dpi)) + 0.5) }
	size := 4 * dots(w) * dots(h)
	if len(p.pix) < size {
		p.pix = make([]uint8, max(size, leastBytes))
	}
	img := &image.RGBA{Pix: p.pix[:size], Stride: 4 * dots(w), Rect: image.Rect(0, 0, dots(w), dots(h))}
	// What vgimg does without an image, but for making two and copying one to the other.
	ctx := gg.NewContextForRGBA(img)
	ctx.SetLineCapButt()
	ctx.InvertY()
	onto := func(c *vgimg.Canvas) uint32 {
		vgimg.UseImageWithContext(img, ctx)(c)
		return 0 // the size is not the image's, which is rounded
	}
	return &Raster{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(paper), onto)}
}

// PNG encodes what was drawn on the bitmap made last, which is gone then.
func (p *Press) PNG(r *Raster) ([]byte, error) {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.DefaultCompression, BufferPool: encoding{p}}
	err := e.Encode(&b, p.paletted(r.Image().(*image.RGBA)))
	return b.Bytes(), err
}

// encoding lets the encoder have the buffers of the picture before.
type encoding struct{ *Press }

func (p encoding) Get() *png.EncoderBuffer  { return p.buffer }
func (p encoding) Put(b *png.EncoderBuffer) { p.buffer = b }
