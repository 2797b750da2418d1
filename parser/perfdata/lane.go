package perfdata

import (
	"encoding/binary"
	"fmt"
	"io"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// maxLanes bounds the number of lanes, and with it the cost of a merge.
const maxLanes = 1 << 14

// laneBuffers is the memory that the reading buffers of one pass share.
const laneBuffers = 32 << 20

// lane is a sequence of records in order of time that lie in one store: all
// records of one CPU, or those of them that came late.
type lane struct {
	at   *store
	cpu  int32
	last uint64 // time of the last record

	spans  []byte // gap and length of each stretch, as varints
	closed int64  // end of the last stretch in spans
	from   int64  // the stretch being built
	to     int64
	bytes  int64
}

// add appends a record.
func (l *lane) add(time uint64, off int64, size int) {
	l.last = time
	l.bytes += int64(size)
	if off != l.to {
		l.close()
		l.from = off
	}
	l.to = off + int64(size)
}

// close ends the stretch being built.
func (l *lane) close() {
	if l.to == l.from {
		return
	}
	l.spans = binary.AppendUvarint(l.spans, uint64(l.from-l.closed))
	l.spans = binary.AppendUvarint(l.spans, uint64(l.to-l.from))
	l.closed, l.from = l.to, l.to
}

// laneSet sorts records into lanes.
type laneSet struct {
	all   []*lane
	byCPU map[laneKey][]*lane
}

type laneKey struct {
	at  *store
	cpu int32
}

// store is where the records of a lane can be read again: a file, or
// decompressed records.
type store struct{ io.ReaderAt }

// add puts a record into the first lane of its CPU that ends no later than
// it. It reports false when there are too many lanes.
func (s *laneSet) add(at *store, cpu int32, time uint64, off int64, size int) bool {
	key := laneKey{at, cpu}
	lanes := s.byCPU[key]
	for _, l := range lanes {
		if l.last <= time {
			l.add(time, off, size)
			return true
		}
	}
	if len(s.all) >= maxLanes || len(lanes) >= 64 {
		return false
	}
	l := &lane{at: at, cpu: cpu}
	l.add(time, off, size)
	if s.byCPU == nil {
		s.byCPU = make(map[laneKey][]*lane)
	}
	s.byCPU[key] = append(lanes, l)
	s.all = append(s.all, l)
	return true
}

// cursor reads a lane record by record.
type cursor struct {
	lane  *lane
	spans []byte
	pos   int64 // where the next record begins
	end   int64 // end of the stretch that pos lies in
	buf   []byte
	base  int64 // place of buf[0]
	have  int   // bytes in buf

	// The current record, valid until the next call of next.
	rec    []byte
	off    int64
	when   int64 // its time for ordering
	timed  bool  // it states a time
	origin origin
}

func (l *lane) cursor(bufSize int) *cursor {
	return &cursor{lane: l, spans: l.spans, buf: make([]byte, max(min(int64(bufSize), readAhead*l.bytes), 64))}
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
	if c.pos == c.end {
		if len(c.spans) == 0 {
			return io.EOF
		}
		gap, n := binary.Uvarint(c.spans)
		length, m := binary.Uvarint(c.spans[n:])
		c.spans = c.spans[n+m:]
		c.pos = c.end + int64(gap)
		c.end = c.pos + int64(length)
	}
	header, err := c.peek(headerSize)
	if err != nil {
		return err
	}
	size := int(o.Uint16(header[6:]))
	if size < headerSize {
		return errChanged
	}
	if c.rec, err = c.peek(size); err != nil {
		return err
	}
	c.off = c.pos
	c.pos += int64(size)
	return nil
}

var errChanged = fmt.Errorf("%w: it changed while it was read", parser.ErrDamaged)

// peek returns the n bytes from pos on.
func (c *cursor) peek(n int) ([]byte, error) {
	left := c.end - c.pos
	if int64(n) > left {
		return nil, errChanged
	}
	if at := c.pos - c.base; at >= 0 && at+int64(n) <= int64(c.have) {
		return c.buf[at : at+int64(n)], nil
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
		return c.buf[:n], nil
	case err == nil || err == io.EOF:
		return nil, errChanged
	}
	return nil, err
}
