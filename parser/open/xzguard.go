package open

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"schedreplay/parser"
)

// xzGuard passes an xz stream on and walks its structure on the way
// (The .xz File Format, 1.2.1): every block names the size of its dictionary,
// up to 4 GiB, which the decoder allocates without asking. The guard ends the
// stream before a block that wants more than limit bytes, and where it does not
// understand the structure.
type xzGuard struct {
	r     *bufio.Reader
	limit int64
	// todo holds bytes that were looked at and not yet passed on; pass counts
	// further ones to pass on unseen.
	todo []byte
	pass int64
	next func() error
	// check is the size of a block's check field, size the number of bytes of the
	// current block or index so far, records the number of records left in it.
	check, size int64
	records     uint64
	err         error
}

func newXZGuard(r io.Reader, limit int64) io.Reader {
	g := &xzGuard{r: bufio.NewReaderSize(r, 64<<10), limit: limit}
	g.next = g.streamHeader
	return g
}

var errStructure = errors.New("not the structure of an xz stream")

func (g *xzGuard) Read(p []byte) (int, error) {
	for len(g.todo) == 0 && g.pass == 0 {
		if g.err != nil {
			return 0, g.err
		}
		g.err = g.next()
	}
	if len(g.todo) > 0 {
		n := copy(p, g.todo)
		g.todo = g.todo[n:]
		return n, nil
	}
	n, err := g.r.Read(p[:min(int64(len(p)), g.pass)])
	g.pass -= int64(n)
	return n, err
}

// take reads n bytes, which are passed on too. At the end of the input it
// passes on what there is.
func (g *xzGuard) take(n int) ([]byte, error) {
	b := make([]byte, n)
	k, err := io.ReadFull(g.r, b)
	g.todo = append(g.todo, b[:k]...)
	g.size += int64(k)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		return nil, err
	}
	return b, nil
}

// streamHeader reads the header of a stream, or the padding before it.
func (g *xzGuard) streamHeader() error {
	b, err := g.take(4)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(b) == 0 {
		return nil
	}
	if b, err = g.take(8); err != nil {
		return err
	}
	// Sizes of the checks by their id, section 2.1.1.2.
	g.check = []int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[b[3]&0xf]
	g.next = g.block
	return nil
}

// block reads a block's header, or meets the index.
func (g *xzGuard) block() error {
	g.size = 0
	b, err := g.take(1)
	if err != nil {
		return err
	}
	if b[0] == 0 {
		g.next = g.index
		return nil
	}
	b, err = g.take(int(b[0])*4 + 3)
	if err != nil {
		return err
	}
	if err := g.filters(b); err != nil {
		g.todo = nil
		return err
	}
	g.next = g.chunk
	return nil
}

// lzma2 is the id of the one filter that holds a dictionary.
const lzma2 = 0x21

// filters looks for the dictionary's size in a block header.
func (g *xzGuard) filters(b []byte) error {
	flags := b[0]
	b = b[1:]
	number := func() uint64 {
		v, n := binary.Uvarint(b)
		b = b[max(n, 0):]
		return v
	}
	if flags&0x40 != 0 {
		number()
	}
	if flags&0x80 != 0 {
		number()
	}
	for range flags&3 + 1 {
		id, size := number(), number()
		if size > uint64(len(b)) {
			return errStructure
		}
		if id == lzma2 && size == 1 {
			if want := dictionary(b[0]); want > g.limit {
				return fmt.Errorf("%w: a dictionary of %d bytes", parser.ErrLimit, want)
			}
		}
		b = b[size:]
	}
	return nil
}

// dictionary decodes the LZMA2 dictionary size, section 5.3.1.
func dictionary(bits byte) int64 {
	bits &= 0x3f
	if bits >= 40 {
		return 1<<32 - 1
	}
	return int64(2|bits&1) << (bits/2 + 11)
}

// chunk reads the header of one LZMA2 chunk and passes its data.
func (g *xzGuard) chunk() error {
	b, err := g.take(1)
	if err != nil {
		return err
	}
	control := b[0]
	switch {
	case control == 0:
		// The end of the data: padding to four bytes, then the check.
		g.pass = (4-g.size&3)&3 + g.check
		g.next = g.block
		return nil
	case control < 0x80: // not compressed: 16 bits of size minus one
		if b, err = g.take(2); err != nil {
			return err
		}
		g.pass = int64(binary.BigEndian.Uint16(b)) + 1
	default: // both sizes, and the properties if they change
		n := 4
		if control >= 0xc0 {
			n = 5
		}
		if b, err = g.take(n); err != nil {
			return err
		}
		g.pass = int64(binary.BigEndian.Uint16(b[2:])) + 1
	}
	g.size += g.pass
	return nil
}

// index reads the beginning of a stream's index.
func (g *xzGuard) index() error {
	var err error
	if g.records, err = g.number(); err != nil {
		return err
	}
	g.next = g.record
	return nil
}

// record passes one record of the index and, behind the last, its end and the
// stream's footer.
func (g *xzGuard) record() error {
	if g.records == 0 {
		g.pass = (4-g.size&3)&3 + 4 + 12
		g.next = g.streamHeader
		return nil
	}
	g.records--
	for range 2 {
		if _, err := g.number(); err != nil {
			return err
		}
	}
	return nil
}

// number reads an integer of up to nine bytes, section 1.2.
func (g *xzGuard) number() (uint64, error) {
	var v uint64
	for i := range 9 {
		b, err := g.take(1)
		if err != nil {
			return 0, err
		}
		v |= uint64(b[0]&0x7f) << (7 * i)
		if b[0]&0x80 == 0 {
			return v, nil
		}
	}
	return 0, errStructure
}
