package perfdata

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// maxDamages bounds the damaged places told one by one.
const maxDamages = 10000

// scan takes in the records of one stream when a capture is opened: it sorts
// them into lanes and picks up what describes the capture.
type scan struct {
	c     *capture
	file  string // for messages
	outer *store // the stream as it lies in the file
	base  int64  // where its decompressed records begin in the spool, -1 before the first
	held  heldLoss
}

// heldLoss is a PERF_RECORD_LOST of a backward buffer, which waits for the record it
// was written with. It is empty if its size is 0.
type heldLoss struct {
	key  laneKey
	time uint64
	off  int64
	size int
}

// run walks the stream r, which begins at offset off of the file, and returns
// where the walk ended.
func (s *scan) run(r io.Reader, off int64) (int64, error) {
	s.base = -1
	end, err := walkStream(r, off, s.c.order, &s.c.ev, s)
	s.c.bytes += end - off
	s.release(s.held)
	return end, err
}

// Unpacked keeps decompressed records.
func (s *scan) Unpacked(b []byte) error {
	c := s.c
	if c.spool == nil {
		c.spool = &spool{temp: c.temp}
		c.inner = &store{c.spool}
		c.closers = append(c.closers, c.spool)
	}
	if s.base < 0 {
		s.base = c.spool.size()
	}
	_, err := c.spool.Write(b)
	return err
}

// place is where a record can be read again.
func (s *scan) place(at Place) (*store, int64) {
	if at.Packed {
		return s.c.inner, s.base + at.Off
	}
	return s.outer, at.Off
}

// Attached handles the two records with data behind them.
func (s *scan) Attached(rec []byte, at Place, data io.Reader) error {
	s.c.skipped[recordName(s.c.order.Uint32(rec))]++
	if s.c.order.Uint32(rec) == recTracingData {
		s.c.tracingData(s.file, at.Off+int64(len(rec)), data)
	}
	return nil
}

// Damage notes a damaged place.
func (s *scan) Damage(at Place, _ int64, err error) {
	_, off := s.place(at)
	s.c.damage(off, "%v", err)
}

// Stop notes why the stream ended early.
func (s *scan) Stop(off int64, err error) { s.c.stop(s.file, off, err) }

// aside handles a record that is no event; false of one that is.
func (s *scan) aside(typ uint32, rec []byte, off int64) (bool, error) {
	c, o := s.c, s.c.order
	switch typ {
	case recSample, recLost, recComm, recFork, recExit, recLostSamples:
		return false, nil
	case recCgroup:
		c.cgroups.record(rec, o)
		return true, nil
	}
	c.skipped[recordName(typ)]++
	switch typ {
	case recHeaderAttr, recEventUpdate, recHeaderFeature:
		return true, c.describe(rec, off)
	case recIDIndex:
		return true, c.idIndex(rec, off)
	}
	return true, nil
}

// Record handles one ordinary record.
func (s *scan) Record(rec []byte, at Place) error {
	c, o := s.c, s.c.order
	store, off := s.place(at)
	typ := o.Uint32(rec)
	if aside, err := s.aside(typ, rec, off); aside {
		return err
	}
	if err := c.settle(); err != nil {
		return err
	}
	time, org, err := c.ev.locate(rec, o)
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
	if typ == recSample {
		c.cgroups.sample(&c.ev.attrs[org.attr], rec, o)
	}
	if time != 0 {
		c.first, c.last = min(c.first, int64(time)), max(c.last, int64(time))
	}
	oldest, size := time, len(rec)
	key := laneKey{store, org.cpu, time != 0 && c.ev.attrs[org.attr].flags&flagBackward != 0}
	switch {
	case held.size > 0 && held.key == key && held.off+int64(held.size) == off: // read together, by [cursor.fillBack]
		oldest, off, size, held = min(time, held.time), held.off, size+held.size, heldLoss{}
	case key.back && typ == recLost:
		s.held = heldLoss{key, time, off, size}
		return nil
	}
	if !c.lanes.add(key, time, oldest, off, size) {
		c.damage(off, "time of CPU %d runs backwards too often: %s left out", org.cpu, recordName(typ))
	}
	return nil
}

// release puts a held loss into a lane of its own right.
func (s *scan) release(h heldLoss) {
	if h.size > 0 && !s.c.lanes.add(h.key, h.time, h.time, h.off, h.size) {
		s.c.damage(h.off, "time of CPU %d runs backwards too often: %s left out", h.key.cpu, recordName(recLost))
	}
}

// damage notes a damaged place. Its time is the latest one met so far.
func (c *capture) damage(off int64, format string, args ...any) {
	if len(c.damages) >= maxDamages {
		c.moreDamage++
		return
	}
	for i, a := range args {
		if err, ok := a.(error); ok {
			args[i] = parser.DamageText(err)
		}
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
		if err == nil && d.Symbols(t) == nil {
			_ = d.Printk(t) // what these would name has no name without them
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
		err := c.ev.AddRecord(rec, o)
		if errors.Is(err, parser.ErrDamaged) {
			c.damage(off, "%v", err)
			return nil
		}
		return err
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
func (e *Types) locate(rec []byte, o tep.Order) (time uint64, org origin, err error) {
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
