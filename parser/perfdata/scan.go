package perfdata

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// maxDamages bounds the damaged places told one by one.
const maxDamages = 10000

// maxWindow is the largest zstd window accepted: that of level 22.
const maxWindow = 128 << 20

// The bound on decompressed records.
const (
	expandBase  = 64 << 20
	expandRatio = 256
)

// scan is the walk over all records of one stream when a capture is opened:
// it sorts them into lanes and picks up what describes the capture.
type scan struct {
	c     *capture
	file  string // for messages
	outer *store // the stream as it lies in the file

	walk    *walker
	payload []byte // compressed bytes not yet decompressed
	held    heldLoss
}

// heldLoss is a PERF_RECORD_LOST of a backward buffer, which waits for the record it
// was written with. It is empty if its size is 0.
type heldLoss struct {
	key  laneKey
	time uint64
	off  int64
	size int
}

// run walks the stream r, which begins at offset off of the file.
func (s *scan) run(r io.Reader, off int64) error {
	err := s.stream(r, off)
	s.release(s.held)
	return err
}

func (s *scan) stream(r io.Reader, off int64) error {
	s.walk = newWalker(r, s.c.order, off)
	if err := s.advance(); err != nil {
		return err
	}
	if s.payload == nil {
		return nil
	}
	if err := s.decompress(); err != nil {
		return err
	}
	// A broken zstd stream leaves plain records behind it.
	for s.payload = nil; ; s.payload = nil {
		if err := s.advance(); err != nil || s.payload == nil {
			return err
		}
	}
}

// advance handles records up to the next compressed piece, which it leaves in
// payload, or to the end. An error ends everything; how the stream ended is
// noted in the capture.
func (s *scan) advance() error {
	for {
		rec, off, err := s.walk.next()
		switch {
		case err == io.EOF:
			return nil
		case err == errFraming:
			if s.lost(s.walk, off) {
				return nil
			}
			continue
		case err != nil:
			s.c.stop(s.file, off, err)
			s.c.bytes += int64(s.walk.hi - s.walk.lo)
			return nil
		}
		s.c.bytes += int64(len(rec))
		switch typ := s.c.order.Uint32(rec); typ {
		case recCompressed:
			s.piece(rec[headerSize:])
			return nil
		case recCompressed2:
			// The stated size leaves out the padding. Where it makes no sense
			// the padding is decompressed too: zstd refuses it.
			data := rec[headerSize:]
			if len(data) < 8 {
				s.c.damage(off, "compressed record of %d bytes", len(rec))
				continue
			}
			n := s.c.order.Uint64(data)
			if data = data[8:]; n <= uint64(len(data)) {
				data = data[:n]
			}
			s.piece(data)
			return nil
		case recTracingData, recAuxtrace:
			if err := s.attached(rec, off); err != nil {
				return err
			}
		default:
			if err := s.record(rec, off, s.outer); err != nil {
				return err
			}
		}
	}
}

func (s *scan) piece(data []byte) {
	s.payload = append(s.payload[:0], data...)
	if s.payload == nil {
		s.payload = []byte{}
	}
	s.c.compressed += int64(len(data))
	s.c.skipped["PERF_RECORD_COMPRESSED"]++
}

// attached handles the two records with data behind them that their size does
// not count.
func (s *scan) attached(rec []byte, off int64) error {
	o := s.c.order
	name := recordName(o.Uint32(rec))
	s.c.skipped[name]++
	if o.Uint32(rec) == recAuxtrace {
		if len(rec) < sizeofAuxtraceRec {
			s.c.damage(off, "%s record of %d bytes", name, len(rec))
			return nil
		}
		s.skip(o.Uint64(rec[8:]), off, name)
		return nil
	}
	if len(rec) < headerSize+4 {
		s.c.damage(off, "%s record of %d bytes", name, len(rec))
		return nil
	}
	size := (int64(o.Uint32(rec[8:])) + alignTracingData - 1) &^ (alignTracingData - 1)
	from := s.walk.off
	r := io.LimitReader(readerFunc(func(p []byte) (int, error) {
		b := s.walk.fill(1)
		if len(b) == 0 {
			return 0, s.walk.rerr
		}
		n := copy(p, b)
		s.walk.advance(n)
		return n, nil
	}), size)
	s.c.tracingData(s.file, from, r)
	s.skip(uint64(size-(s.walk.off-from)), off, name)
	s.c.bytes += s.walk.off - from
	return nil
}

func (s *scan) skip(n uint64, off int64, name string) {
	if n > 1<<62 {
		s.c.damage(off, "%s states %d bytes", name, n)
		return
	}
	if got := s.walk.skip(int64(n)); got < int64(n) {
		s.c.stop(s.file, s.walk.off, fmt.Errorf("%w: it ends inside %s data", parser.ErrTruncated, name))
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// lost handles a place where no record begins: it looks for the next one, and
// reports true if there is none.
func (s *scan) lost(w *walker, off int64) (done bool) {
	if len(s.c.ev.attrs) > 0 {
		_ = s.c.settle() // told again by finish
	}
	n, found := w.resync(s.plausible)
	s.c.bytes += n
	s.c.damage(off, "%d bytes that are no records", n)
	if !found {
		s.c.stop(s.file, off, fmt.Errorf("%w: no record begins in the last %d bytes", parser.ErrDamaged, n))
	}
	return !found
}

// plausible reports whether a record is one that could stand in this capture.
func (s *scan) plausible(rec []byte) bool {
	o := s.c.order
	typ := o.Uint32(rec)
	switch {
	case typ == recSample:
		if s.c.ev.id < 0 {
			return len(rec) >= s.c.ev.attrs[0].variable
		}
		return len(rec) >= s.c.ev.id+8 && s.c.ev.known(o.Uint64(rec[s.c.ev.id:]))
	case typ == 0 || typ > lastPerfRecord || typ > lastKernelRecord && typ < firstPerfRecord:
		return false
	}
	return typ >= firstPerfRecord || len(rec)%8 == 0
}

// decompress runs all compressed pieces through one decoder, for the recorder
// never ends its zstd stream, and handles the records that come out.
func (s *scan) decompress() error {
	var walkErr error
	pieces := readerFunc(func(p []byte) (int, error) {
		for len(s.payload) == 0 {
			if s.payload = nil; walkErr == nil {
				walkErr = s.advance()
			}
			if s.payload == nil || walkErr != nil {
				return 0, io.EOF
			}
		}
		n := copy(p, s.payload)
		s.payload = s.payload[n:]
		return n, nil
	})
	z, err := zstd.NewReader(pieces, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return fmt.Errorf("cannot decompress: %w", err)
	}
	defer z.Close()

	if s.c.inner == nil {
		sp := &spool{limit: func() int64 { return expandBase + expandRatio*s.c.compressed }}
		s.c.closers = append(s.c.closers, sp)
		s.c.spool, s.c.inner = sp, &store{sp}
	}
	sp, inner := s.c.spool, s.c.inner
	var zerr error
	decoded := readerFunc(func(p []byte) (int, error) {
		n, err := z.Read(p)
		if n > 0 {
			if _, werr := sp.Write(p[:n]); werr != nil {
				zerr = werr
				return 0, werr
			}
		}
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			zerr = fmt.Errorf("%w: compressed records: %w", parser.ErrDamaged, err)
		}
		return n, err
	})
	w := newWalker(decoded, s.c.order, sp.size())
	for {
		rec, off, err := w.next()
		if err == errFraming {
			if s.lost(w, off) {
				break
			}
			continue
		}
		if err != nil {
			switch {
			case walkErr != nil:
				return walkErr
			case zerr != nil && !errors.Is(zerr, parser.ErrDamaged) && !errors.Is(zerr, parser.ErrLimit):
				return zerr // the disk is full
			case zerr != nil:
				s.c.damage(s.walk.off, "%v", zerr)
				s.c.stop(s.file, s.walk.off, zerr)
			case w.hi > w.lo:
				s.c.stop(s.file, s.walk.off, fmt.Errorf("%w: the compressed records end %d bytes into a record", parser.ErrTruncated, w.hi-w.lo))
			}
			break
		}
		if err := s.record(rec, off, inner); err != nil {
			return err
		}
	}
	return walkErr
}

// record handles one ordinary record.
func (s *scan) record(rec []byte, off int64, at *store) error {
	c, o := s.c, s.c.order
	typ := o.Uint32(rec)
	switch typ {
	case recHeaderAttr, recEventUpdate, recHeaderFeature:
		c.skipped[recordName(typ)]++
		return c.describe(rec, off)
	case recIDIndex:
		c.skipped[recordName(typ)]++
		return c.idIndex(rec, off)
	case recSample, recLost, recComm, recFork, recExit, recLostSamples:
	default:
		c.skipped[recordName(typ)]++
		return nil
	}
	if err := c.settle(); err != nil {
		return err
	}
	time, org, err := c.locate(rec)
	if err != nil {
		c.damage(off, "%v", err)
		return nil
	}
	held := s.held
	s.held = heldLoss{}
	defer func() { s.release(held) }()
	if typ == recLost || typ == recLostSamples {
		if done := c.loss(rec, off, time, org); done {
			return nil
		}
	} else if time == 0 {
		switch {
		case typ == recSample && c.ev.attrs[org.attr].time < 0:
			c.skipped["sample of an event recorded without times"]++
			return nil
		case typ == recSample:
			c.damage(off, "sample without a time")
			return nil
		}
		org.cpu = parser.NoCPU // synthesised by perf: the tasks alive at the start
	}
	if org.cpu != parser.NoCPU && uint32(org.cpu) >= cpumask.MaxCPUs {
		c.damage(off, "%s of CPU %d", recordName(typ), uint32(org.cpu))
		return nil
	}
	if time > 1<<63-1 {
		c.damage(off, "%s with time %d", recordName(typ), time)
		return nil
	}
	if time != 0 {
		c.first, c.last = min(c.first, int64(time)), max(c.last, int64(time))
	}
	size := len(rec)
	key := laneKey{at, org.cpu, time != 0 && c.ev.attrs[org.attr].flags&flagBackward != 0}
	switch {
	case key.back && typ == recLost:
		s.held = heldLoss{key, time, off, size}
		return nil
	case held.size > 0 && held.key == key && held.off+int64(held.size) == off:
		off, size, held = held.off, size+held.size, heldLoss{}
	}
	if !c.lanes.add(key, time, off, size) {
		c.damage(off, "time of CPU %d runs backwards too often: %s left out", org.cpu, recordName(typ))
	}
	return nil
}

// release puts a held loss into a lane of its own right.
func (s *scan) release(h heldLoss) {
	if h.size > 0 && !s.c.lanes.add(h.key, h.time, h.off, h.size) {
		s.c.damage(h.off, "time of CPU %d runs backwards too often: %s left out", h.key.cpu, recordName(recLost))
	}
}

// damage notes a damaged place. Its time is the latest one met so far.
func (c *capture) damage(off int64, format string, args ...any) {
	if len(c.damages) >= maxDamages {
		c.moreDamage++
		return
	}
	ev := parser.NewEvent(parser.KindDamaged, c.last, parser.NoCPU)
	ev.Pos, ev.Text = off, fmt.Sprintf(format, args...)
	c.damages = append(c.damages, ev)
}

// stop notes why a stream ended early; the first reason stands.
func (c *capture) stop(file string, off int64, cause error) {
	if c.ended != nil {
		return
	}
	c.ended = &parser.Error{
		File: file, Format: formatName, Offset: off, Err: cause,
		Remedy: "the events before it stand; copy or record again for the rest",
	}
}

// tracingData reads the embedded event formats.
func (c *capture) tracingData(file string, off int64, r io.Reader) {
	d, err := tep.NewReader(r)
	if err == nil {
		t := tep.NewTable(d.Order)
		_, err = d.HeaderPage()
		if err == nil {
			err = d.FtraceEvents(t)
		}
		if err == nil {
			err = d.Events(t)
		}
		if c.table == nil || t.Len() > 0 {
			c.table = t
		}
	}
	if err != nil {
		pos := off
		if d != nil {
			pos += d.Offset()
		}
		c.damage(pos, "event formats: %v", err)
		c.stop(file, pos, err)
	}
}

// describe handles the records of pipe mode that replace the file header.
func (c *capture) describe(rec []byte, off int64) error {
	o := c.order
	body := rec[headerSize:]
	switch o.Uint32(rec) {
	case recHeaderAttr:
		// perf_event_attr, whose own size field tells its length, then ids.
		if len(body) < attrSizeV0 {
			c.damage(off, "HEADER_ATTR of %d bytes", len(rec))
			return nil
		}
		size := int(o.Uint32(body[4:]))
		if size < attrSizeV0 || size > len(body) {
			c.damage(off, "HEADER_ATTR of %d bytes states an attribute of %d", len(rec), size)
			return nil
		}
		a, err := parseAttr(body[:size], o)
		if err != nil {
			return err
		}
		return c.addAttr(a, body[size:])
	case recEventUpdate:
		if len(body) < 16 || o.Uint64(body) != eventUpdateName {
			return nil
		}
		if org := c.ev.find(o.Uint64(body[8:])); org != nil {
			c.ev.attrs[org.attr].name = string(tep.CString(body[16:]))
		}
	case recHeaderFeature:
		if len(body) > 8 {
			c.feature(o.Uint64(body), bytes.Clone(body[8:]))
		}
	}
	return nil
}

// addAttr adds an event type with its ids.
func (c *capture) addAttr(a attr, ids []byte) error {
	if c.settled {
		return nil // a type nobody could have recorded samples of yet
	}
	if len(c.ev.attrs) >= maxAttrs {
		return fmt.Errorf("%w: more than %d event types", parser.ErrLimit, maxAttrs)
	}
	c.ev.attrs = append(c.ev.attrs, a)
	for ; len(ids) >= 8; ids = ids[8:] {
		if err := c.ev.addID(c.order.Uint64(ids), origin{int32(len(c.ev.attrs) - 1), parser.NoCPU}); err != nil {
			return err
		}
	}
	return nil
}

// idIndex reads which CPU each id was opened on.
func (c *capture) idIndex(rec []byte, off int64) error {
	o := c.order
	body := rec[headerSize:]
	if len(body) < 8 {
		c.damage(off, "ID_INDEX of %d bytes", len(rec))
		return nil
	}
	n := o.Uint64(body)
	body = body[8:]
	if n > uint64(len(body)/idIndexEntry) {
		c.damage(off, "ID_INDEX of %d bytes states %d entries", len(rec), n)
		n = uint64(len(body) / idIndexEntry)
	}
	for ; n > 0; n, body = n-1, body[idIndexEntry:] {
		id, cpu, tid := o.Uint64(body), int64(o.Uint64(body[16:])), int64(o.Uint64(body[24:]))
		org := c.ev.find(id)
		if org == nil {
			continue
		}
		if cpu >= 0 && cpu < cpumask.MaxCPUs {
			org.cpu = int32(cpu)
			if c.ev.attrs[org.attr].typ == typeTracepoint {
				c.opened.Set(int(cpu))
			}
		}
		if tid >= 0 {
			c.taskOnly = true
		}
	}
	return nil
}

// locate tells when and where a record was made. The CPU is NoCPU and the
// time 0 if the record does not say.
func (c *capture) locate(rec []byte) (time uint64, org origin, err error) {
	o, e := c.order, &c.ev
	if o.Uint32(rec) == recSample {
		if e.id >= 0 {
			if len(rec) < e.id+8 {
				return 0, org, fmt.Errorf("sample of %d bytes", len(rec))
			}
			id := o.Uint64(rec[e.id:])
			switch known := e.find(id); {
			case known != nil:
				org = *known
			case !e.uniform:
				return 0, org, fmt.Errorf("sample of the unknown event id %d", id)
			default:
				org = origin{0, parser.NoCPU}
			}
		} else {
			org = origin{0, parser.NoCPU}
		}
		a := &e.attrs[org.attr]
		if len(rec) < a.variable {
			return 0, org, fmt.Errorf("sample of %d bytes, %d needed", len(rec), a.variable)
		}
		if a.cpu >= 0 {
			org.cpu = int32(o.Uint32(rec[a.cpu:]))
		}
		if a.time >= 0 {
			time = o.Uint64(rec[a.time:])
		}
		return time, org, nil
	}
	org = origin{0, parser.NoCPU}
	if e.endID >= 0 && len(rec) >= headerSize+e.endID {
		if known := e.find(o.Uint64(rec[len(rec)-e.endID:])); known != nil {
			org = *known
		}
	}
	a := &e.attrs[org.attr]
	if len(rec) < headerSize+a.trailer {
		return 0, org, fmt.Errorf("%s of %d bytes", recordName(o.Uint32(rec)), len(rec))
	}
	if a.endCPU >= 0 {
		org.cpu = int32(o.Uint32(rec[len(rec)-a.endCPU:]))
	}
	if a.endTime >= 0 {
		time = o.Uint64(rec[len(rec)-a.endTime:])
	}
	return time, org, nil
}

// loss notes how many events found no room, and reports true when the record
// has no place in time. The kernel writes LOST into a ring buffer as soon as
// there is room again (kernel/events/ring_buffer.c, __perf_output_begin), and
// perf writes LOST_SAMPLES when the recording ends, one for each event and CPU,
// with an id and no time: totals that count what LOST told again.
func (c *capture) loss(rec []byte, off int64, time uint64, org origin) (done bool) {
	name := recordName(c.order.Uint32(rec))
	count, ok := lossCount(rec, c.order)
	if !ok {
		c.damage(off, "%s of %d bytes", name, len(rec))
		return true
	}
	if c.order.Uint32(rec) == recLostSamples && c.order.Uint16(rec[4:])&lostByBPF != 0 {
		c.skipped[name+" by a BPF filter"]++
		return true
	}
	if time == 0 {
		// The trailer's CPU is not filled in (record__read_lost_samples).
		org.cpu = parser.NoCPU
		if e := c.ev.endID; e >= 0 && len(rec) >= headerSize+e {
			if known := c.ev.find(c.order.Uint64(rec[len(rec)-e:])); known != nil {
				org.cpu = known.cpu
			}
		}
	}
	if uint32(org.cpu) >= cpumask.MaxCPUs {
		org.cpu = parser.NoCPU
	}
	l := c.losses[org.cpu]
	if time != 0 {
		l.placed += count
	} else {
		c.skipped[name+" without a time"]++
		l.total += count
		l.pos = off
	}
	if l.placed < 0 || l.total < 0 {
		c.damage(off, "%s of %d events", name, count)
		return true
	}
	c.losses[org.cpu] = l
	return time == 0
}

// lossCount reads the count of a LOST or LOST_SAMPLES record.
func lossCount(rec []byte, o tep.Order) (int64, bool) {
	at := headerSize // LOST_SAMPLES {lost}
	if o.Uint32(rec) == recLost {
		at += 8 // LOST {id, lost}
	}
	if len(rec) < at+8 {
		return 0, false
	}
	n := o.Uint64(rec[at:])
	return int64(n), n <= 1<<62
}
