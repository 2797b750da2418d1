package text

import (
	"bytes"
	"errors"
	"fmt"

	"schedreplay/parser"
)

// A record spans several lines if a task's name holds newlines: at most 15 in
// each of the three names that a line prints.
const (
	maxPieces     = 3*15 + 1
	maxPieceBytes = 4 << 10
)

// Fit says how well a line fits a dialect.
type Fit uint8

const (
	// FitNone: the line has no columns.
	FitNone Fit = iota
	// FitPart: the columns are there, what follows them is not complete.
	FitPart
	// FitLoose: the line can be a record, and can be the beginning of one.
	FitLoose
	// FitWhole: the line is a record.
	FitWhole
)

// Dialect is what [Records] needs to know of a dialect.
type Dialect interface {
	// Decode makes *ev the event of one record, which holds newlines if a name does: a
	// record in which anything else would hold one does not fit. n is its line
	// number. aligned is true if the columns stand where only the tool can have put
	// them, so that nothing before the line belongs to it.
	Decode(ev *parser.Event, line []byte, n int64) (fit Fit, aligned bool)
	// Remark handles a line that is no record: a header, a loss, a stack. It
	// reports false for a line it does not know.
	Remark(line []byte, n int64) bool
	// Torn reports whether an unknown line looks like a piece of a record rather
	// than like text around a capture.
	Torn(line []byte) bool
	// Deliver hands a decoded event on.
	Deliver(ev *parser.Event)
	// Whole reports whether the line of a decoded event is provably whole though no
	// newline ends it: one digit more would make another number of its last one.
	Whole(ev *parser.Event, line []byte) bool
	// Lead is how many bytes of a record may stand before its columns can be told:
	// the width of a name that is printed first.
	Lead() int
}

// Records splits a printed capture into records, puts those together that
// names with newlines have torn, and tells damage from text that somebody wrote
// around the capture.
type Records struct {
	src   *parser.Source
	d     Dialect
	out   *Stream
	lines *Lines
	// pieces are lines that are no record by themselves and may be part of the
	// next; first is the line number of the first one, size their sum.
	pieces []piece
	first  int64
	size   int
	// inOther is true behind an event that replay does not use: its text may go
	// on over several lines (stack traces, trace_printk).
	inOther bool
	// ev is where lines are decoded to.
	ev parser.Event
	// unended is true for a last line without its newline, torn if it was held back
	// for that.
	unended, torn bool
}

// piece is a line that is no record by itself.
type piece struct {
	text []byte
	fit  Fit
}

// NewRecords returns the records of src in the given dialect. Damage goes to
// out.
func NewRecords(src *parser.Source, d Dialect, out *Stream) *Records {
	return &Records{src: src, d: d, out: out}
}

// ErrTorn is the error of an input that ends inside a record.
var ErrTorn = fmt.Errorf("%w: the last line is incomplete", parser.ErrTruncated)

// Run reads the whole input. The pass ends with an error only if the input
// could not be read to its end or ends inside a record; format names the dialect
// in it.
func (p *Records) Run(shape Shape, format string) {
	r, err := p.src.Open()
	if err != nil {
		p.out.End(p.error(format, 0, err))
		return
	}
	defer r.Close()
	p.lines = NewLines(r, shape)
	for !p.out.Done() {
		line, ok := p.lines.Next()
		if !ok {
			break
		}
		if !p.lines.Ended() && p.lines.Err() != nil {
			break // the rest of this line is lost
		}
		p.unended = !p.lines.Ended() && !p.lines.Cut()
		p.line(line)
		p.out.bytes = p.lines.Bytes()
	}
	if p.out.Done() {
		return
	}
	p.out.bytes = p.lines.Bytes()
	if err := p.lines.Err(); err != nil {
		p.flush(len(p.pieces))
		p.out.End(p.error(format, p.lines.Number(), err))
		return
	}
	if last := len(p.pieces) - 1; last >= 0 && !p.lines.Ended() {
		if l := p.pieces[last].text; p.d.Torn(l) || bytes.HasPrefix(l, []byte{' '}) {
			p.flush(last)
			p.out.End(p.error(format, p.lines.Number(), ErrTorn))
			return
		}
	}
	p.flush(len(p.pieces))
	if p.torn {
		p.out.End(p.error(format, p.lines.Number(), ErrTorn))
		return
	}
	p.out.End(nil)
}

func (p *Records) error(format string, line int64, err error) error {
	e := &parser.Error{File: p.src.Name, Format: format, Line: line, Offset: -1, Err: err}
	if errors.Is(err, parser.ErrTruncated) {
		e.Remedy = "what comes before it stands; copy the capture again to have the rest"
	}
	return e
}

// line handles one line of the input.
func (p *Records) line(line []byte) {
	n := p.lines.Number()
	fit, aligned := p.d.Decode(&p.ev, line, n)
	if len(p.pieces) > 0 {
		alone := p.ev
		if !aligned && p.join(line) {
			return
		}
		if fit == FitWhole {
			p.flush(len(p.pieces))
		}
		p.ev = alone
	}
	switch {
	case fit == FitWhole:
		p.deliver(line)
		return
	case fit == FitNone:
		if p.d.Remark(line, n) {
			p.flush(len(p.pieces))
			return
		}
		if len(line) == 0 && len(p.pieces) == 0 {
			return
		}
	case aligned:
		// No name of the line before can reach over the columns of this one.
		p.flush(len(p.pieces))
	}
	p.keep(line, fit, n)
}

// deliver hands on what was decoded last, of a record that ends with line.
func (p *Records) deliver(line []byte) {
	if p.unended && p.ev.Kind != parser.KindOther && p.ev.Kind != parser.KindDamaged && !p.d.Whole(&p.ev, line) {
		p.torn = true
		return
	}
	p.inOther = p.ev.Kind == parser.KindOther
	p.d.Deliver(&p.ev)
}

// join tries to make a record of the last pieces and line, and reports whether
// it did. A record begins with a piece that has columns, or with one short
// enough to be the beginning of a name before them.
func (p *Records) join(line []byte) bool {
	if len(line)+p.size > maxPieceBytes {
		return false
	}
	var all []byte
	for k := range p.pieces {
		if p.mayBegin(k) {
			if all == nil {
				for _, q := range p.pieces[k:] {
					all = append(append(all, q.text...), '\n')
				}
				all = append(all, line...)
			}
			if fit, _ := p.d.Decode(&p.ev, all, p.first+int64(k)); fit == FitWhole {
				ev := p.ev
				p.flush(k)
				p.pieces, p.size, p.ev = nil, 0, ev
				p.deliver(line)
				return true
			}
		}
		if all != nil {
			all = all[len(p.pieces[k].text)+1:]
		}
	}
	return false
}

// mayBegin reports whether a record may begin with piece k: what stands before
// the first columns from there on is no longer than a name.
func (p *Records) mayBegin(k int) bool {
	lead := 0
	for _, q := range p.pieces[k:] {
		if q.fit != FitNone {
			return true
		}
		if lead += len(q.text) + 1; lead > p.d.Lead() {
			return false
		}
	}
	return true
}

// keep stores a line that may be a piece of a record.
func (p *Records) keep(line []byte, fit Fit, n int64) {
	if len(p.pieces) >= maxPieces || p.size+len(line) > maxPieceBytes {
		p.flush(len(p.pieces))
	}
	if len(p.pieces) == 0 {
		p.first, p.size = n, 0
	}
	if len(line) > maxPieceBytes {
		line = line[:maxPieceBytes]
	}
	p.pieces = append(p.pieces, piece{bytes.Clone(line), fit})
	p.size += len(line)
	// What can't begin a record any more is nobody's piece.
	k := 0
	for k < len(p.pieces)-1 && !p.mayBegin(k) { // the last line stays: the input may end in it
		k++
	}
	p.flush(k)
}

// flush gives up the first k pieces: those that look like a piece of a record
// are damage, the rest is somebody's text.
func (p *Records) flush(k int) {
	for i, q := range p.pieces[:k] {
		n := p.first + int64(i)
		switch {
		case q.fit >= FitLoose:
			p.d.Decode(&p.ev, q.text, n)
			p.deliver(q.text)
		case q.fit != FitNone:
			p.out.Damaged(n, "the fields do not fit the event")
		case p.inOther && len(q.text) > 0:
			p.out.Skip("continued text")
		case bytes.IndexByte(q.text, 0) >= 0:
			p.out.Damaged(n, "NULs where text was")
		case p.d.Torn(q.text):
			p.out.Damaged(n, "no time and CPU found in the line")
		case len(bytes.TrimSpace(q.text)) > 0:
			p.out.Skip("other text")
		}
		p.size -= len(q.text)
	}
	p.pieces = p.pieces[k:]
	p.first += int64(k)
}
