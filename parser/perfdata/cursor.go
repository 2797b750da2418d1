package perfdata

import (
	"encoding/binary"
	"fmt"
	"io"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// cursor reads a lane record by record.
type cursor struct {
	lane  *lane
	spans []byte
	// pos is where the next record begins; of a backward lane, where the stretch ends
	// that is read next.
	pos  int64
	end  int64 // end of the stretch that pos lies in
	buf  []byte
	base int64 // place of buf[0]
	have int   // bytes in buf
	// ready are the bytes of the stretch from pos on that are in buf.
	ready []byte
	// starts are, of a backward lane, where in buf the records begin that are not yet
	// delivered, the next one last.
	starts []int

	// The current record, valid until the next call of next.
	rec []byte
	// pair is the record that a PERF_RECORD_LOST of a backward lane was written with.
	pair   []byte
	off    int64
	when   int64 // its time for ordering
	timed  bool  // it states a time
	origin origin
}

func (l *lane) cursor(bufSize int) *cursor {
	c := &cursor{lane: l, spans: l.spans}
	if l.back {
		c.pos = l.closed
		return c
	}
	c.buf = make([]byte, max(min(int64(bufSize), readAhead*l.bytes), 64))
	return c
}

// Where stretches are shorter than shortSpan, readAhead times as much is read
// at once: it holds the next stretches too if few CPUs share the file.
const (
	shortSpan = 4 << 10
	readAhead = 8
)

// next moves to the next record; io.EOF at the end of the lane. Any other
// error means that the input changed since it was opened.
func (c *cursor) next(o tep.Order) error {
	if c.lane.back {
		return c.nextBack(o)
	}
	if c.pos == c.end {
		if len(c.spans) == 0 {
			return io.EOF
		}
		gap, n := binary.Uvarint(c.spans)
		length, m := binary.Uvarint(c.spans[n:])
		c.spans = c.spans[n+m:]
		c.pos = c.end + int64(gap)
		c.end = c.pos + int64(length)
		c.ready = nil
		if at := c.pos - c.base; at >= 0 && at < int64(c.have) {
			c.ready = c.buf[at:min(int64(c.have), at+int64(length))]
		}
	}
	if len(c.ready) < headerSize {
		if err := c.fill(headerSize); err != nil {
			return err
		}
	}
	size := int(o.Uint16(c.ready[6:]))
	if size < headerSize {
		return errChanged
	}
	if len(c.ready) < size {
		if err := c.fill(size); err != nil {
			return err
		}
	}
	c.rec, c.ready, c.off = c.ready[:size], c.ready[size:], c.pos
	c.pos += int64(size)
	return nil
}

// nextBack is next for a lane that lies in the file from the newest record to the
// oldest.
func (c *cursor) nextBack(o tep.Order) error {
	if len(c.starts) == 0 {
		if len(c.spans) == 0 {
			return io.EOF
		}
		if err := c.fillBack(o); err != nil {
			return err
		}
	}
	record := func(i int) []byte {
		b := c.buf[c.starts[i]:]
		return b[:o.Uint16(b[6:])]
	}
	last := len(c.starts) - 1
	c.rec, c.pair, c.off = record(last), nil, c.base+int64(c.starts[last])
	if last > 0 && c.starts[last-1] > c.starts[last] {
		c.pair = record(last - 1)
	}
	c.starts = c.starts[:last]
	return nil
}

// fillBack reads the stretch before the one read last and finds its records. The
// kernel writes a PERF_RECORD_LOST and the record that found room again in one piece
// (kernel/events/ring_buffer.c, __perf_output_begin): in a buffer written backward
// those two alone stand in order.
func (c *cursor) fillBack(o tep.Order) error {
	length := int64(c.lastVarint())
	gap := int64(c.lastVarint())
	c.base = c.pos - length
	c.pos = c.base - gap
	if int64(cap(c.buf)) < length {
		c.buf = make([]byte, max(length, backSpan+backSpan/8))
	}
	c.buf = c.buf[:length]
	if n, err := c.lane.at.ReadAt(c.buf, c.base); int64(n) < length {
		if err == nil || err == io.EOF {
			err = errChanged
		}
		return err
	}
	lost := -1
	for at := 0; at < len(c.buf); {
		if len(c.buf)-at < headerSize {
			return errChanged
		}
		size := int(o.Uint16(c.buf[at+6:]))
		switch {
		case size < headerSize || size > len(c.buf)-at:
			return errChanged
		case lost >= 0:
			c.starts = append(c.starts, at, lost)
			lost = -1
		case o.Uint32(c.buf[at:]) == recLost && size < len(c.buf)-at:
			lost = at
		default:
			c.starts = append(c.starts, at)
		}
		at += size
	}
	return nil
}

// lastVarint takes the last varint off the spans.
func (c *cursor) lastVarint() uint64 {
	i := len(c.spans) - 1
	for i > 0 && c.spans[i-1]&0x80 != 0 {
		i--
	}
	n, _ := binary.Uvarint(c.spans[i:])
	c.spans = c.spans[:i]
	return n
}

var errChanged = fmt.Errorf("%w: it changed while it was read", parser.ErrDamaged)

// fill makes at least n bytes of the stretch ready.
func (c *cursor) fill(n int) error {
	left := c.end - c.pos
	if int64(n) > left {
		return errChanged
	}
	if n > len(c.buf) {
		c.buf = make([]byte, n)
	}
	want := left
	if left < shortSpan {
		want *= readAhead
	}
	got, err := c.lane.at.ReadAt(c.buf[:min(want, int64(len(c.buf)))], c.pos)
	c.base, c.have = c.pos, got
	switch {
	case got >= n:
		c.ready = c.buf[:min(int64(got), left)]
		return nil
	case err == nil || err == io.EOF:
		return errChanged
	}
	return err
}
