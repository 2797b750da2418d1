package perfdata

import (
	"fmt"
	"math/bits"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// Bits of perf_event_attr.sample_type (include/uapi/linux/perf_event.h). They
// also give the order of the fields in a sample, but for IDENTIFIER, which
// comes first.
const (
	sampleIP         = 1 << 0
	sampleTID        = 1 << 1
	sampleTime       = 1 << 2
	sampleAddr       = 1 << 3
	sampleRead       = 1 << 4
	sampleCallchain  = 1 << 5
	sampleID         = 1 << 6
	sampleCPU        = 1 << 7
	samplePeriod     = 1 << 8
	sampleStreamID   = 1 << 9
	sampleRaw        = 1 << 10
	sampleIdentifier = 1 << 16
	sampleCgroup     = 1 << 21
	// behindRaw are those of fields that stand between the raw data and the cgroup, or
	// behind that: branches, registers, stacks, weights, addresses, sizes of pages, AUX data.
	behindRaw = 1<<11 | 1<<12 | 1<<13 | 1<<14 | 1<<15 | 1<<17 | 1<<18 | 1<<19 | 1<<20 | 1<<22 | 1<<23
)

// Bits of perf_event_attr.read_format.
const (
	readEnabled = 1 << 0
	readRunning = 1 << 1
	readID      = 1 << 2
	readGroup   = 1 << 3
	readLost    = 1 << 4
)

// Bits of the flags word of perf_event_attr, counted as on a little-endian
// machine.
const (
	flagSampleIDAll = 1 << 18
	flagUseClockID  = 1 << 25
	flagBackward    = 1 << 27 // write_backward: what perf record --overwrite sets
)

const (
	typeTracepoint = 2  // PERF_TYPE_TRACEPOINT
	attrSizeV0     = 64 // PERF_ATTR_SIZE_VER0
	headerSize     = 8  // struct perf_event_header
)

// attr is one perf_event_attr, with the record layout that follows from it.
// Offsets are in bytes from the record's start, or for trailers backwards from
// its end; -1 where the field is missing.
type attr struct {
	typ        uint32
	config     uint64
	sampleType uint64
	readFormat uint64
	flags      uint64
	clockID    int32
	name       string // from EVENT_DESC or EVENT_UPDATE, may be empty

	id, tid, time, cpu int // in samples
	variable           int // where READ, CALLCHAIN and RAW begin
	// cgroup: the last eight bytes of a sample are the id of its thread's control group.
	cgroup bool
	// In the other records, if sample_id_all is set.
	endID, endTime, endCPU, trailer int
}

// parseAttr reads a perf_event_attr; b may be longer or shorter than the one
// this code knows, but not than the first version.
func parseAttr(b []byte, o tep.Order) (attr, error) {
	if len(b) < attrSizeV0 {
		return attr{}, fmt.Errorf("%w: event attribute of %d bytes", parser.ErrDamaged, len(b))
	}
	a := attr{
		typ: o.Uint32(b), config: o.Uint64(b[8:]), sampleType: o.Uint64(b[24:]),
		readFormat: o.Uint64(b[32:]), flags: o.Uint64(b[40:]),
	}
	if o == tep.Big {
		a.flags = bits.Reverse64(a.flags) // bit fields begin at the other end there
	}
	if len(b) >= 96 {
		a.clockID = int32(o.Uint32(b[92:]))
	}
	a.layOut()
	return a, nil
}

// layOut computes where the fields are (kernel/events/core.c,
// perf_output_sample and __perf_event__output_id_sample).
func (a *attr) layOut() {
	pos := headerSize
	at := func(bit uint64) int {
		if a.sampleType&bit == 0 {
			return -1
		}
		pos += 8
		return pos - 8
	}
	a.id = at(sampleIdentifier)
	at(sampleIP)
	a.tid = at(sampleTID)
	a.time = at(sampleTime)
	at(sampleAddr)
	if id := at(sampleID); a.id < 0 {
		a.id = id
	}
	at(sampleStreamID)
	a.cpu = at(sampleCPU)
	at(samplePeriod)
	a.variable = pos
	a.cgroup = a.sampleType&sampleCgroup != 0 && a.sampleType&behindRaw == 0

	a.endID, a.endTime, a.endCPU, a.trailer = -1, -1, -1, 0
	if a.flags&flagSampleIDAll == 0 {
		return
	}
	end := 0
	back := func(bit uint64) int {
		if a.sampleType&bit == 0 {
			return -1
		}
		end += 8
		return end
	}
	a.endID = back(sampleIdentifier)
	a.endCPU = back(sampleCPU)
	back(sampleStreamID)
	if id := back(sampleID); a.endID < 0 {
		a.endID = id
	}
	a.endTime = back(sampleTime)
	back(sampleTID)
	a.trailer = end
}

// thread returns the thread that a sample was taken in, as perf's own pid
// namespace knows it; once it is released its tid is -1.
func (a *attr) thread(rec []byte, o tep.Order) parser.Thread {
	t := parser.Thread{TID: parser.NoPID, TGID: parser.NoPID, PPID: parser.NoPID}
	if a.tid >= 0 {
		t.TGID, t.TID = int32(o.Uint32(rec[a.tid:])), int32(o.Uint32(rec[a.tid+4:]))
	}
	return t
}

// raw returns the tracepoint record within a sample, nil if the sample has
// none.
func (a *attr) raw(rec []byte, o tep.Order) ([]byte, error) {
	if a.sampleType&sampleRaw == 0 {
		return nil, nil
	}
	pos := a.variable
	if a.sampleType&(sampleRead|sampleCallchain) != 0 {
		var err error
		if pos, err = a.behind(rec, o); err != nil {
			return nil, err
		}
	}
	if pos+4 > len(rec) {
		return nil, fmt.Errorf("%w: sample of %d bytes ends before its raw data", parser.ErrDamaged, len(rec))
	}
	n := uint64(o.Uint32(rec[pos:]))
	pos += 4
	if n > uint64(len(rec)-pos) {
		return nil, fmt.Errorf("%w: sample of %d bytes states %d bytes of raw data", parser.ErrDamaged, len(rec), n)
	}
	return rec[pos : pos+int(n)], nil
}

// behind is where a sample goes on behind what it tells of counters and calls.
func (a *attr) behind(rec []byte, o tep.Order) (int, error) {
	pos := a.variable
	word := func() (uint64, error) {
		if pos+8 > len(rec) {
			return 0, fmt.Errorf("%w: sample of %d bytes ends inside its fields", parser.ErrDamaged, len(rec))
		}
		pos += 8
		return o.Uint64(rec[pos-8:]), nil
	}
	skip := func(n, unit uint64) error {
		if left := uint64(len(rec) - pos); n > left/unit {
			return fmt.Errorf("%w: sample of %d bytes states %d entries of %d bytes", parser.ErrDamaged, len(rec), n, unit)
		}
		pos += int(n * unit)
		return nil
	}
	if a.sampleType&sampleRead != 0 {
		each := uint64(8)
		for _, bit := range []uint64{readID, readLost} {
			if a.readFormat&bit != 0 {
				each += 8
			}
		}
		times := uint64(bits.OnesCount64(a.readFormat & (readEnabled | readRunning)))
		n := uint64(1)
		if a.readFormat&readGroup != 0 {
			var err error
			if n, err = word(); err != nil {
				return 0, err
			}
		}
		if err := skip(times, 8); err != nil {
			return 0, err
		}
		if err := skip(n, each); err != nil {
			return 0, err
		}
	}
	if a.sampleType&sampleCallchain != 0 {
		n, err := word()
		if err != nil {
			return 0, err
		}
		if err := skip(n, 8); err != nil {
			return 0, err
		}
	}
	return pos, nil
}
