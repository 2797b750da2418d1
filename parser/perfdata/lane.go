package perfdata

import (
	"encoding/binary"
	"io"
)

// maxLanes bounds the number of lanes, and with it the cost of a merge.
const maxLanes = 1 << 14

// laneBuffers is the memory that the reading buffers of one pass share.
const laneBuffers = 32 << 20

// lane is a sequence of records in order of time that lie in one store: all
// records of one CPU, or those of them that came late. Those of a ring buffer in
// overwrite mode lie in the file from the newest to the oldest: such a lane is read
// from its end.
type lane struct {
	at   *store
	cpu  int32
	back bool
	last uint64 // time of the record added last
	// newest is the time of the newest record.
	newest uint64

	spans  []byte // gap and length of each stretch, as varints
	closed int64  // end of the last stretch in spans
	from   int64  // the stretch being built
	to     int64
	bytes  int64
}

// backSpan is how long a stretch of a lane grows that is read from its end: a
// stretch is read at once, for only from its start on can its records be found.
const backSpan = 8 << 10

// takes reports whether a record of that time continues the lane.
func (l *lane) takes(time uint64) bool {
	if l.back {
		return l.last >= time
	}
	return l.last <= time
}

// add appends a record, or two that are read together, the older of that time.
func (l *lane) add(time, oldest uint64, off int64, size int) {
	l.last, l.newest = oldest, max(l.newest, time)
	l.bytes += int64(size)
	if off != l.to || l.back && l.to-l.from >= backSpan {
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
	// first is the first lane of the key that a record had last: mostly it takes the next, too.
	first    *lane
	firstKey laneKey
}

type laneKey struct {
	at   *store
	cpu  int32
	back bool
}

// store is where the records of a lane can be read again: a file, or
// decompressed records.
type store struct{ io.ReaderAt }

// add puts a record, or two as [lane.add], into the first lane of its CPU that it continues.
// It reports false when there are too many lanes.
func (s *laneSet) add(key laneKey, time, oldest uint64, off int64, size int) bool {
	if s.first != nil && s.firstKey == key && s.first.takes(time) {
		s.first.add(time, oldest, off, size)
		return true
	}
	lanes := s.byCPU[key]
	if len(lanes) > 0 {
		s.first, s.firstKey = lanes[0], key
	}
	for _, l := range lanes {
		if l.takes(time) {
			l.add(time, oldest, off, size)
			return true
		}
	}
	if len(s.all) >= maxLanes || len(lanes) >= 64 {
		return false
	}
	l := &lane{at: key.at, cpu: key.cpu, back: key.back}
	l.add(time, oldest, off, size)
	if s.byCPU == nil {
		s.byCPU = make(map[laneKey][]*lane)
	}
	s.byCPU[key] = append(lanes, l)
	s.all = append(s.all, l)
	return true
}
