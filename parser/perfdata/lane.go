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
	pos   int64 // where the next fill reads
	left  int64 // unread bytes of the stretch from pos on
	end   int64 // end of the stretch decoded last
	buf   []byte
	lo    int
	hi    int

	// The current record, valid until the next call of next.
	rec    []byte
	off    int64
	when   int64 // its time for ordering
	timed  bool  // it states a time
	origin origin
}

func (l *lane) cursor(bufSize int) *cursor {
	size := min(int64(bufSize), l.bytes)
	return &cursor{lane: l, spans: l.spans, buf: make([]byte, max(size, 64))}
}

// next moves to the next record; io.EOF at the end of the lane. Any other
// error means that the input changed since it was opened.
func (c *cursor) next(o tep.Order) error {
	if c.lo == c.hi && c.left == 0 {
		if len(c.spans) == 0 {
			return io.EOF
		}
		gap, n := binary.Uvarint(c.spans)
		length, m := binary.Uvarint(c.spans[n:])
		c.spans = c.spans[n+m:]
		c.pos, c.left = c.end+int64(gap), int64(length)
		c.end = c.pos + c.left
	}
	if err := c.fill(headerSize); err != nil {
		return err
	}
	n := int(o.Uint16(c.buf[c.lo+6:]))
	if n < headerSize {
		return c.changed()
	}
	if err := c.fill(n); err != nil {
		return err
	}
	c.rec = c.buf[c.lo : c.lo+n]
	c.off = c.pos - int64(c.hi-c.lo)
	c.lo += n
	return nil
}

// fill makes n bytes available.
func (c *cursor) fill(n int) error {
	have := c.hi - c.lo
	if have >= n {
		return nil
	}
	if int64(n-have) > c.left {
		return c.changed()
	}
	if n > len(c.buf) {
		grown := make([]byte, n)
		copy(grown, c.buf[c.lo:c.hi])
		c.buf = grown
	} else {
		copy(c.buf, c.buf[c.lo:c.hi])
	}
	c.lo, c.hi = 0, have
	k := min(int64(len(c.buf)-have), c.left)
	got, err := c.lane.at.ReadAt(c.buf[have:have+int(k)], c.pos)
	c.hi += got
	c.pos += int64(got)
	c.left -= int64(got)
	if c.hi < n {
		if err == nil || err == io.EOF {
			return c.changed()
		}
		return err
	}
	return nil
}

func (c *cursor) changed() error {
	return fmt.Errorf("%w: it changed while it was read", parser.ErrDamaged)
}
