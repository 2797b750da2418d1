package perfdata

import (
	"errors"
	"fmt"
	"io"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// walker cuts a stream into records. Its buffer is its memory.
type walker struct {
	r     io.Reader
	order tep.Order
	buf   []byte
	lo    int   // next byte of buf not yet handed out
	hi    int   // end of what was read
	off   int64 // place of buf[lo] in the stream
	rerr  error // why reading stopped
}

func newWalker(r io.Reader, o tep.Order, off int64) *walker {
	return &walker{r: r, order: o, off: off, buf: make([]byte, 4*largestRecord)}
}

// fill tries to have n unread bytes in the buffer and returns those there are.
func (w *walker) fill(n int) []byte {
	for w.hi-w.lo < n && w.rerr == nil {
		if w.lo+n > len(w.buf) {
			copy(w.buf, w.buf[w.lo:w.hi])
			w.hi -= w.lo
			w.lo = 0
		}
		got, err := w.r.Read(w.buf[w.hi:])
		w.hi += got
		w.rerr = err
	}
	return w.buf[w.lo:w.hi]
}

func (w *walker) advance(n int) {
	w.lo += n
	w.off += int64(n)
}

var errFraming = errors.New("no record header")

// next returns the next record and its place. The record is valid until the
// next call. The error is io.EOF at the end, wraps [parser.ErrTruncated] if the
// stream ends inside a record or fails, and is errFraming if there is no record
// here: then [walker.resync] can go on.
func (w *walker) next() (rec []byte, off int64, err error) {
	b := w.fill(headerSize)
	if len(b) == 0 && w.rerr == io.EOF {
		return nil, w.off, io.EOF
	}
	if len(b) < headerSize {
		return nil, w.off, w.cut(len(b))
	}
	size := int(w.order.Uint16(b[6:]))
	if size < headerSize {
		return nil, w.off, errFraming
	}
	if b = w.fill(size); len(b) < size {
		return nil, w.off, w.cut(len(b))
	}
	off = w.off
	w.advance(size)
	return b[:size], off, nil
}

// cut says why the stream ended with n bytes left over.
func (w *walker) cut(n int) error {
	if w.rerr == io.EOF || w.rerr == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it ends %d bytes into a record", parser.ErrTruncated, n)
	}
	return fmt.Errorf("%w: %w", parser.ErrTruncated, w.rerr)
}

// skip passes over n bytes that belong to no record header. It returns how
// many there were.
func (w *walker) skip(n int64) int64 {
	done := min(n, int64(w.hi-w.lo))
	w.advance(int(done))
	if done < n && w.rerr == nil {
		got, err := io.CopyN(io.Discard, w.r, n-done)
		w.off += got
		done += got
		w.rerr = err
	}
	return done
}

// chain is how many records in a row make a place believable.
const chain = 4

// resync looks for the next place from which chain records follow each other,
// or records up to the end. It returns the number of bytes passed over; found
// is false if the end came first.
func (w *walker) resync(plausible func(rec []byte) bool) (passed int64, found bool) {
	from := w.off
	for {
		b := w.fill(2 * largestRecord)
		for i := 1; i+headerSize <= len(b) && (i < largestRecord || w.rerr != nil); i++ {
			if w.follows(b[i:], plausible) {
				w.advance(i)
				return w.off - from, true
			}
		}
		if w.rerr != nil {
			w.advance(len(b))
			return w.off - from, false
		}
		w.advance(largestRecord - 1)
	}
}

// follows reports whether records follow each other from the start of b on.
func (w *walker) follows(b []byte, plausible func(rec []byte) bool) bool {
	for n := range chain {
		if len(b) < headerSize {
			return n > 0 && (len(b) == 0 || w.rerr == nil)
		}
		size := int(w.order.Uint16(b[6:]))
		if size < headerSize || size > len(b) || !plausible(b[:size]) {
			return n > 0 && size > len(b) && plausible(b)
		}
		b = b[size:]
	}
	return true
}
