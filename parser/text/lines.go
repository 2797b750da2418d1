package text

import (
	"bytes"
	"errors"
	"io"
)

// MaxLine is the longest line, in bytes, that [Lines] delivers whole. The
// kernel prints one trace line into a buffer of at most two pages
// (TRACE_SEQ_SIZE); what is longer than MaxLine is no scheduler event.
const MaxLine = 64 << 10

// Lines reads lines in bounded memory, whatever their length.
type Lines struct {
	r     io.Reader
	shape Shape
	buf   []byte
	// buf[start:end] is read and not yet delivered.
	start, end int
	number     int64
	bytes      int64
	cut        bool
	ended      bool
	err        error
}

// The buffer of a [Lines] grows from least to most: many inputs are a few lines
// that are looked at by one dialect after another.
const (
	leastBuffer = 4 << 10
	mostBuffer  = 4 * MaxLine
)

// NewLines returns a reader of r's lines that takes the marks of shape off
// each of them.
func NewLines(r io.Reader, shape Shape) *Lines {
	return &Lines{r: r, shape: shape, buf: make([]byte, leastBuffer)}
}

// Next returns the next line without its end; false at the end of the input
// or at an error, which [Lines.Err] tells. The slice is valid until the next
// call.
func (l *Lines) Next() ([]byte, bool) {
	line, ok := l.raw()
	if !ok {
		return nil, false
	}
	l.number++
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	if l.shape != (Shape{}) {
		line = l.shape.Strip(line)
	}
	return line, true
}

// raw returns the next line with its marks. Of a line that there is not, the
// last one's Cut and Ended stay.
func (l *Lines) raw() ([]byte, bool) {
	scanned := l.start
	for {
		if i := bytes.IndexByte(l.buf[scanned:l.end], '\n'); i >= 0 {
			line := l.buf[l.start : scanned+i]
			l.start = scanned + i + 1
			l.cut, l.ended = len(line) > MaxLine, true
			return line[:min(len(line), MaxLine)], true
		}
		scanned = l.end
		if l.end-l.start > MaxLine {
			return l.overlong()
		}
		if l.err != nil {
			line := l.buf[l.start:l.end]
			l.start = l.end
			if len(line) == 0 {
				return nil, false
			}
			l.cut, l.ended = false, false
			return line, true
		}
		if len(l.buf) < mostBuffer && l.end == len(l.buf) {
			l.buf = append(l.buf, make([]byte, 3*len(l.buf))...)
		}
		if len(l.buf) == mostBuffer && mostBuffer-l.end < MaxLine {
			copy(l.buf, l.buf[l.start:l.end])
			scanned -= l.start
			l.end -= l.start
			l.start = 0
		}
		l.fill(l.buf[l.end:])
	}
}

// overlong delivers the first MaxLine bytes of a line and drops the rest.
func (l *Lines) overlong() ([]byte, bool) {
	copy(l.buf, l.buf[l.start:l.start+MaxLine])
	l.cut, l.ended = true, false
	for l.err == nil {
		l.start, l.end = MaxLine, MaxLine
		l.fill(l.buf[MaxLine:])
		if i := bytes.IndexByte(l.buf[l.start:l.end], '\n'); i >= 0 {
			l.start += i + 1
			l.ended = true
			return l.buf[:MaxLine], true
		}
	}
	l.start = l.end
	return l.buf[:MaxLine], true
}

// fill reads once into free and appends what came.
func (l *Lines) fill(free []byte) {
	n, err := l.r.Read(free)
	if n < 0 || n > len(free) {
		n, err = 0, errors.New("a reader returned an impossible count")
	}
	l.end += n
	l.bytes += int64(n)
	l.err = err
}

// Number is the number, from 1, of the line that Next returned last.
func (l *Lines) Number() int64 { return l.number }

// Bytes is the number of bytes read so far.
func (l *Lines) Bytes() int64 { return l.bytes }

// Cut reports whether the last line was longer than [MaxLine] and is
// delivered without its rest.
func (l *Lines) Cut() bool { return l.cut }

// Ended reports whether the last line ended in a newline; false for the last
// line of an input that lacks it.
func (l *Lines) Ended() bool { return l.ended }

// Err returns the error that ended the input, nil at its regular end.
func (l *Lines) Err() error {
	if errors.Is(l.err, io.EOF) && !errors.Is(l.err, io.ErrUnexpectedEOF) {
		return nil
	}
	return l.err
}
