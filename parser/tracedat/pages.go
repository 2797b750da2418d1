package tracedat

import (
	"fmt"
	"io"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

const (
	// maxChunk is the size of the largest chunk, decompressed.
	maxChunk = 8 << 20
	// maxHeld bounds the pages and chunks that a pass holds at once.
	maxHeld = 256 << 20
	// maxRoom bounds what is read at once of a CPU's plain data, allRoom that of all CPUs.
	maxRoom = 32 << 10
	allRoom = 4 << 20
)

// pager yields the pages of one CPU.
type pager struct {
	at     io.ReaderAt
	order  tep.Order
	size   int   // of a page
	next   int64 // offset of the next unread byte in the file
	end    int64 // end of this CPU's data
	origin int64 // where the data begins, for places
	read   int64 // bytes of pages yielded

	unpack *unpacker // nil for plain data
	held   *int64    // bytes of pages or chunks over all CPUs
	chunks uint32    // chunks left
	opened bool
	packed []byte
	plain  []byte // of the current chunk or of what was read at once, not yet yielded
	room   int    // bytes of plain data read at once, or a page if it is larger
	buf    []byte
}

// page returns the next page, valid until the next call, and its place. The
// error is io.EOF at the end, or wraps [parser.ErrTruncated],
// [parser.ErrDamaged] or [parser.ErrLimit]; nothing can follow it.
func (p *pager) page() (data []byte, pos int64, err error) {
	pos = p.origin + p.read
	if p.unpack == nil {
		if p.next >= p.end {
			return nil, pos, io.EOF
		}
		if p.buf == nil {
			size := p.size * max(1, p.room/p.size)
			if *p.held += int64(size); *p.held > maxHeld {
				return nil, pos, fmt.Errorf("%w: more than %d bytes of pages at once", parser.ErrLimit, maxHeld)
			}
			p.buf = make([]byte, size)
		}
		if len(p.plain) < p.size {
			n, err := p.at.ReadAt(p.buf[:min(int64(len(p.buf)), p.end-p.next)], p.next)
			if p.plain = p.buf[:n]; n < p.size {
				p.next += int64(n)
				p.read += int64(n)
				if err == nil || err == io.EOF {
					err = fmt.Errorf("it ends %d bytes into a page of %d", n, p.size)
				}
				return nil, pos, fmt.Errorf("%w: %w", parser.ErrTruncated, err)
			}
		}
		p.next += int64(p.size)
		return p.take(), pos, nil
	}
	for len(p.plain) == 0 {
		if err := p.chunk(); err != nil {
			return nil, pos, err
		}
	}
	if len(p.plain) < p.size {
		return nil, pos, fmt.Errorf("%w: a chunk ends %d bytes into a page of %d", parser.ErrDamaged, len(p.plain), p.size)
	}
	return p.take(), pos, nil
}

// take yields the next page of plain.
func (p *pager) take() (data []byte) {
	data, p.plain = p.plain[:p.size], p.plain[p.size:]
	p.read += int64(p.size)
	return data
}

// chunk decompresses the next chunk: {u32 packed size, u32 plain size, data}.
// Their number stands before the first, and the stated size of a CPU's data
// leaves that number out.
func (p *pager) chunk() error {
	if !p.opened {
		var n [4]byte
		if _, err := p.at.ReadAt(n[:], p.next); err != nil {
			return fmt.Errorf("%w: it ends before the chunks of a CPU: %w", parser.ErrTruncated, err)
		}
		p.chunks, p.opened = p.order.Uint32(n[:]), true
		p.next += 4
		p.end += 4
	}
	if p.chunks == 0 {
		return io.EOF
	}
	p.chunks--
	var h [8]byte
	if _, err := p.at.ReadAt(h[:], p.next); err != nil {
		return fmt.Errorf("%w: it ends inside a chunk header: %w", parser.ErrTruncated, err)
	}
	packed, plain := p.order.Uint32(h[:]), p.order.Uint32(h[4:])
	if packed > 2*maxChunk || plain > maxChunk {
		return fmt.Errorf("%w: a chunk of %d bytes that becomes %d, at most %d make sense", parser.ErrDamaged, packed, plain, maxChunk)
	}
	if int64(packed) > p.end-p.next-8 {
		return fmt.Errorf("%w: a chunk of %d bytes with %d left", parser.ErrDamaged, packed, p.end-p.next-8)
	}
	p.next += 8
	if int(packed) > cap(p.packed) {
		// Probe the last byte before believing the size.
		var last [1]byte
		if _, err := p.at.ReadAt(last[:], p.next+int64(packed)-1); err != nil {
			return fmt.Errorf("%w: it ends inside a chunk: %w", parser.ErrTruncated, err)
		}
		p.packed = make([]byte, packed)
	}
	p.packed = p.packed[:packed]
	if n, err := p.at.ReadAt(p.packed, p.next); n < len(p.packed) {
		return fmt.Errorf("%w: it ends inside a chunk: %w", parser.ErrTruncated, err)
	}
	p.next += int64(packed)
	had := cap(p.buf)
	var err error
	p.buf, err = p.unpack.unpack(p.packed, p.buf, int(plain))
	if *p.held += int64(cap(p.buf) - had); *p.held > maxHeld {
		return fmt.Errorf("%w: more than %d bytes of chunks at once", parser.ErrLimit, maxHeld)
	}
	if err != nil {
		return fmt.Errorf("%w: compressed chunk: %w", parser.ErrDamaged, err)
	}
	p.plain = p.buf
	return nil
}

// Parts of the commit word of a page (kernel/trace/ring_buffer.c).
const (
	commitMask   = 1<<27 - 1
	missedEvents = 1 << 31
	missedStored = 1 << 30
)

// Values of type_len in an event header (include/linux/ring_buffer.h).
const (
	typeMaxData    = 28
	typePadding    = 29
	typeTimeExtend = 30
	typeTimeStamp  = 31
)

// cursor walks the events of one CPU.
type cursor struct {
	pager
	cpu    int32
	header tep.HeaderPage
	data   []byte // unread events of the page
	pos    int64  // place of data[0]
	base   uint64 // stamp of the last event

	// The current event.
	stamp  uint64
	raw    []byte
	rawPos int64
	// Events that were lost before it: 0 none, -1 an unknown number. Whoever
	// told of them sets it to 0.
	missed int64
}

// step moves to the next event. io.EOF at the end; an error that wraps
// errPage concerns one page and step may be called again; any other ends the
// CPU's data.
func (c *cursor) step() error {
	for {
		if len(c.data) == 0 {
			if err := c.turn(); err != nil {
				return err
			}
			continue
		}
		e, total, wrong := nextEvent(c.data, c.order)
		if wrong != "" {
			return c.broken("%s", wrong)
		}
		if total == 0 {
			c.data = nil
			continue
		}
		kind, delta := e.kind, e.delta
		body := c.data[:e.end]
		at := c.pos
		c.data = c.data[total:]
		c.pos += int64(total)
		switch {
		case kind == typeTimeExtend:
			c.base += uint64(c.order.Uint32(body[4:]))<<27 + uint64(delta)
			continue
		case kind == typeTimeStamp:
			// 59 bits; the upper ones are those of the stamp before
			// (rb_fix_abs_ts).
			stamp := uint64(c.order.Uint32(body[4:]))<<27 + uint64(delta)
			if upper := c.base &^ (1<<59 - 1); upper != 0 {
				if stamp |= upper; stamp < c.base {
					stamp += 1 << 59
				}
			}
			c.base = stamp
			continue
		case kind == typePadding: // a discarded event
			c.base += uint64(delta)
			continue
		}
		c.base += uint64(delta)
		c.stamp, c.raw, c.rawPos = c.base, body[e.payload:], at+int64(e.payload)
		return nil
	}
}

// ringEvent is one entry of a page: its header's parts, and where its payload begins
// and ends. It has few enough fields to be returned in registers: to copy what was just
// written waits for it.
type ringEvent struct {
	kind, delta  uint32
	payload, end int
}

// nextEvent splits the entry at the start of data, which has so many bytes: 0 where nothing
// else is on the page. wrong says why there is none.
func nextEvent(data []byte, o tep.Order) (e ringEvent, total int, wrong string) {
	if len(data) < 4 {
		return e, 0, fmt.Sprintf("%d bytes left over", len(data))
	}
	// type_len in 5 bits, time_delta in 27. Bit fields begin at the other end on
	// big-endian machines.
	w := o.Uint32(data)
	e.kind, e.delta = w&31, w>>5
	if o == tep.Big {
		e.kind, e.delta = w>>27, w&(1<<27-1)
	}
	length := 4 // of what follows the header
	e.payload = 4
	switch {
	case e.kind == 0:
		// The length word counts itself.
		if len(data) < 8 {
			return e, 0, "an event without its length"
		}
		length, e.payload = int(min(o.Uint32(data[4:]), maxPageSize)), 8
		if length < 4 {
			return e, 0, fmt.Sprintf("an event of %d bytes", length)
		}
	case e.kind <= typeMaxData:
		length = int(e.kind) * 4
	case e.kind == typePadding:
		if e.delta == 0 {
			return e, 0, ""
		}
		if len(data) < 8 {
			return e, 0, "padding without its length"
		}
		length, e.payload = int(min(o.Uint32(data[4:]), maxPageSize)), 8
	}
	e.end, total = 4+length, (4+length+3)&^3
	if total > len(data) {
		// The last event's padding may lie behind the page's length.
		if e.end > len(data) {
			return e, 0, fmt.Sprintf("an event of %d bytes with %d left", e.end, len(data))
		}
		total = len(data)
	}
	return e, total, ""
}

// pageData places the events of a page: the page is whole if the commit word
// makes sense.
func pageData(page []byte, h tep.HeaderPage, o tep.Order) (commit uint64, end int, ok bool) {
	if h.CommitSize == 8 {
		commit = o.Uint64(page[h.Commit:])
	} else {
		commit = uint64(o.Uint32(page[h.Commit:]))
	}
	end = h.Data + int(commit&commitMask)
	return commit, end, end <= len(page)
}

// ScrubPage calls do with the payload of each event of a ring buffer page and
// clears what is left of older ones: behind the committed data, where an event was
// discarded, and from where the page makes no sense on.
func ScrubPage(page []byte, h tep.HeaderPage, o tep.Order, do func(payload []byte)) {
	if len(page) < h.Data {
		clear(page)
		return
	}
	commit, end, ok := pageData(page, h, o)
	if !ok {
		clear(page[h.Data:])
		return
	}
	rest := page[end:]
	if commit&missedStored != 0 {
		rest = rest[min(h.CommitSize, len(rest)):]
	}
	clear(rest)
	for data := page[h.Data:end]; len(data) > 0; {
		e, total, wrong := nextEvent(data, o)
		switch {
		case wrong != "":
			clear(data)
			return
		case total == 0:
			clear(data[4:])
			return
		case e.kind == typePadding:
			clear(data[min(e.payload, total):total])
		case e.kind < typePadding:
			do(data[e.payload:e.end])
			clear(data[e.end:total])
		}
		data = data[total:]
	}
}

// errPage marks damage that ends with its page.
type errPage struct {
	pos int64
	msg string
}

func (e *errPage) Error() string { return e.msg }

// broken gives up the rest of the page.
func (c *cursor) broken(format string, args ...any) error {
	c.data = nil
	return &errPage{c.pos, "ring buffer page: " + fmt.Sprintf(format, args...)}
}

// turn goes to the next page.
func (c *cursor) turn() error {
	page, pos, err := c.page()
	if err != nil {
		return err
	}
	h := c.header
	if len(page) < h.Data {
		return &errPage{pos, fmt.Sprintf("ring buffer page of %d bytes", len(page))}
	}
	c.pos = pos
	commit, end, ok := pageData(page, h, c.order)
	if !ok {
		return c.broken("%d bytes of events on a page of %d", end-h.Data, len(page))
	}
	c.base = c.order.Uint64(page[h.Timestamp:])
	c.data = page[h.Data:end]
	c.pos = pos + int64(h.Data)
	if commit&missedEvents != 0 {
		var m uint64
		if rest := page[end:]; commit&missedStored != 0 && len(rest) >= h.CommitSize {
			if h.CommitSize == 8 {
				m = c.order.Uint64(rest)
			} else {
				m = uint64(c.order.Uint32(rest))
			}
		}
		if m > 0 && m < 1<<48 && c.missed >= 0 && c.missed < 1<<48 {
			c.missed += int64(m)
		} else {
			c.missed = -1
		}
	}
	return nil
}
