package ftrace

import (
	"bytes"
	"fmt"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// A record spans several lines if a task's name holds newlines: at most 15 in
// each of the three names that it prints.
const (
	maxPieces     = 3*15 + 1
	maxPieceBytes = 4 << 10
)

// pass is one run over the capture.
type pass struct {
	*capture
	out   *text.Stream
	names text.Names
	lines *text.Lines
	// pieces are lines that are no record by themselves and may be part of the
	// next; first is the line number of the first one.
	pieces [][]byte
	first  int64
	size   int
	// inOther is true behind an event that replay does not use: its text may go
	// on over several lines (stack traces, trace_printk).
	inOther bool
	began   bool
}

func (p *pass) run() {
	r, err := p.src.Open()
	if err != nil {
		p.out.End(p.passError(0, err))
		return
	}
	defer r.Close()
	p.lines = text.NewLines(r, p.head.shape)
	for !p.out.Done() {
		line, ok := p.lines.Next()
		if !ok {
			break
		}
		if !p.lines.Ended() && p.lines.Err() != nil {
			break // the rest of this line is lost
		}
		p.line(line)
	}
	if p.out.Done() {
		return
	}
	if err := p.lines.Err(); err != nil {
		p.flush(len(p.pieces))
		p.out.End(p.passError(p.lines.Number(), err))
		return
	}
	if last := len(p.pieces) - 1; last >= 0 && !p.lines.Ended() {
		if l := p.pieces[last]; torn(l) || bytes.HasPrefix(l, []byte{' '}) {
			p.flush(last)
			p.out.End(p.passError(p.lines.Number(), errTorn))
			return
		}
	}
	p.flush(len(p.pieces))
	p.out.End(nil)
}

// line handles one line of the input.
func (p *pass) line(line []byte) {
	n := p.lines.Number()
	h, ok := parseHeader(line, p.head.irqColumn)
	if len(p.pieces) > 0 && !(ok && h.aligned) && p.join(line) {
		return
	}
	if ok && p.record(&h, n) {
		return
	}
	if !ok {
		if m, found := parseMarker(line); found {
			p.flush(len(p.pieces))
			p.marker(m, n)
			return
		}
		if t := text.SkipSpace(line); len(t) > 0 && t[0] == '#' {
			p.flush(len(p.pieces))
			return
		}
		if len(line) == 0 && len(p.pieces) == 0 {
			return
		}
	} else if h.aligned {
		// No name of the line before can reach over the columns of this one.
		p.flush(len(p.pieces))
	}
	p.keep(line, n)
}

// record delivers the event of a line whose header is h; false if the payload
// is not complete. Pieces before it were no part of it.
func (p *pass) record(h *header, n int64) bool {
	ev, ok := p.decode(h, n)
	if !ok {
		return false
	}
	p.flush(len(p.pieces))
	p.deliver(&ev)
	return true
}

// decode makes an event of a line whose header is h; false if the payload is
// not complete.
func (p *pass) decode(h *header, n int64) (parser.Event, bool) {
	ev := parser.NewEvent(text.KindOf(h.name), h.time, h.cpu)
	ev.Pos, ev.Context = n, h.context
	ev.Cur.PID = h.pid
	if h.pid != 0 {
		ev.Cur.Comm = p.names.Get(h.comm)
	}
	switch {
	case h.stamp == stampCount:
		ev = parser.NewEvent(parser.KindDamaged, p.out.Last(), parser.NoCPU)
		ev.Pos, ev.Text = n, "the time stamp has no decimal point"
	case ev.Kind == parser.KindOther:
		ev.Text = p.otherName(h)
	case !text.Payload(&ev, h.payload, &p.names) && !pluginPayload(&ev, h, &p.names):
		return ev, false
	}
	return ev, true
}

// deliver hands an event on, before the first one what the header says was
// overwritten.
func (p *pass) deliver(ev *parser.Event) {
	if !p.began && ev.Kind != parser.KindDamaged {
		p.began = true
		if gone := p.head.written - p.head.inBuffer; gone > 0 {
			o := parser.NewEvent(parser.KindOverwritten, ev.Time, parser.NoCPU)
			o.Count, o.Pos = gone, ev.Pos
			p.out.Event(&o)
		}
	}
	p.inOther = ev.Kind == parser.KindOther
	p.out.Event(ev)
}

// otherName names an event that replay does not use.
func (p *pass) otherName(h *header) string {
	switch {
	case len(h.name) > 0:
		return p.names.Get(h.name)
	case bytes.HasPrefix(h.payload, []byte("<stack trace>")):
		return "kernel_stack"
	case bytes.HasPrefix(h.payload, []byte("<user stack trace>")):
		return "user_stack"
	case bytes.Contains(h.payload, []byte(" <-")):
		return "function"
	}
	return "unknown"
}

// marker handles a line that speaks about the recording.
func (p *pass) marker(m marker, n int64) {
	switch m.kind {
	case markerLost:
		p.out.Lost(m.cpu, m.count, n)
	case markerStarted:
		p.out.Overwritten(m.cpu, n)
	}
}

// join tries to make a record of the last pieces and line, and reports whether
// it did.
func (p *pass) join(line []byte) bool {
	if len(line)+p.size > maxPieceBytes {
		return false
	}
	for k := range p.pieces {
		joined := bytes.Join(append(p.pieces[k:len(p.pieces):len(p.pieces)], line), []byte{'\n'})
		h, ok := parseHeader(joined, p.head.irqColumn)
		if !ok {
			continue
		}
		ev, ok := p.decode(&h, p.first+int64(k))
		if !ok {
			continue
		}
		p.flush(k)
		p.pieces, p.size = nil, 0
		p.deliver(&ev)
		return true
	}
	return false
}

// keep stores a line that may be a piece of a record.
func (p *pass) keep(line []byte, n int64) {
	if len(p.pieces) >= maxPieces || p.size+len(line) > maxPieceBytes {
		p.flush(len(p.pieces))
	}
	if len(p.pieces) == 0 {
		p.first, p.size = n, 0
	}
	if len(line) > maxPieceBytes {
		line = line[:maxPieceBytes]
	}
	p.pieces = append(p.pieces, bytes.Clone(line))
	p.size += len(line)
}

// flush gives up the first k pieces: those that look like a piece of an event
// are damage, the rest is somebody's text.
func (p *pass) flush(k int) {
	for i, piece := range p.pieces[:k] {
		h, ok := parseHeader(piece, p.head.irqColumn)
		switch {
		case ok:
			p.out.Damaged(p.first+int64(i), fmt.Sprintf("%s: the fields do not fit", h.name))
		case !p.inOther && torn(piece):
			p.out.Damaged(p.first+int64(i), "no time stamp and CPU found in the line")
		}
		p.size -= len(piece)
	}
	p.pieces = p.pieces[k:]
	p.first += int64(k)
}

// torn reports whether a line without a header looks like a piece of an event
// rather than like text around a capture.
func torn(line []byte) bool {
	for _, s := range []string{"pid=", "comm=", "sched_", "_cpu=", "prio=", " ==> "} {
		if bytes.Contains(line, []byte(s)) {
			return true
		}
	}
	// The columns: a name and pid, or the CPU in brackets.
	t := bytes.TrimLeft(line, " ")
	if i := bytes.IndexByte(t, '['); i >= 0 {
		if _, rest, ok := text.Uint(t[i+1:]); ok && len(rest) > 0 && rest[0] == ']' {
			return true
		}
	}
	if i := bytes.LastIndexByte(t, '-'); i >= 0 {
		if _, rest, ok := text.Uint(t[i+1:]); ok && len(bytes.TrimSpace(rest)) == 0 {
			return true
		}
	}
	return false
}
