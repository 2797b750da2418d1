package open

import (
	"bytes"
	"errors"
	"html"
	"io"
	"slices"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// A captured text often travels inside another: on the page that systrace writes, in
// a mail that its program encoded or wrapped. filtered takes it out line by line; every
// record stays at the line at which it begins.
func filtered(src parser.Source, filter func() lineFilter) parser.Source {
	out := src
	out.At, out.Size = nil, -1
	out.Open = func() (io.ReadCloser, error) {
		r, err := src.Open()
		if err != nil {
			return nil, err
		}
		return &filterReader{lines: text.NewLines(r, text.Shape{}), filter: filter(), c: r}, nil
	}
	return out
}

// lineFilter appends to out what becomes of a line, which comes without its newline;
// end, what was held back.
type lineFilter interface {
	line(out, line []byte) []byte
	end(out []byte) []byte
}

// filterReader reads what a filter makes of lines.
type filterReader struct {
	lines  *text.Lines
	filter lineFilter
	c      io.Closer
	buf    []byte
	have   []byte // of buf
	ended  bool
}

func (f *filterReader) Read(p []byte) (int, error) {
	for len(f.have) == 0 {
		if f.ended {
			return 0, errors.Join(io.EOF, f.lines.Err())
		}
		line, ok := f.lines.Next()
		switch {
		case !ok:
			f.ended = true
			f.buf = f.filter.end(f.buf[:0])
			if !f.lines.Ended() { // the last line lacks its newline
				f.buf = bytes.TrimRight(f.buf, "\n")
			}
		default:
			f.buf = f.filter.line(f.buf[:0], line)
		}
		f.have = f.buf
	}
	n := copy(p, f.have)
	f.have = f.have[n:]
	return n, nil
}

func (f *filterReader) Close() error { return f.c.Close() }

// isHTML reports whether a text is a web page.
func isHTML(first []byte) bool {
	b := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(first, []byte("\xef\xbb\xbf"))))
	return bytes.HasPrefix(b, []byte("<!doctype html")) || bytes.HasPrefix(b, []byte("<html"))
}

// htmlFilter takes the trace out of a page of systrace: the content of a script, in
// older ones a string whose lines end in `\n\`, or of a pre.
type htmlFilter struct {
	inside bool
	pre    bool // the last tag was a pre: entities stand for marks
	quoted bool // it is a string of a script
}

func (f *htmlFilter) line(out, line []byte) []byte {
	if !f.inside {
		if bytes.Contains(line, []byte("<pre")) {
			f.pre = true
		} else if bytes.Contains(line, []byte("<script")) {
			f.pre = false
		}
		i := bytes.Index(line, []byte("# tracer:"))
		if i < 0 || i > 0 && !bytes.ContainsRune([]byte(`>"n`), rune(line[i-1])) {
			return append(out, '\n')
		}
		f.inside, f.quoted = true, false
		line = line[i:]
	}
	for _, tag := range []string{"</script>", "</pre>"} {
		if i := bytes.Index(line, []byte(tag)); i >= 0 {
			f.inside = false
			line = line[:i]
		}
	}
	if rest, ok := bytes.CutSuffix(line, []byte(`\n\`)); ok {
		line, f.quoted = rest, true
	} else if f.quoted {
		for _, end := range []string{`";`, `"`, `\n`, `\`} {
			line = bytes.TrimSuffix(line, []byte(end))
		}
	}
	switch {
	case f.quoted:
		out = unquote(out, line)
	case f.pre:
		out = append(out, html.UnescapeString(string(line))...)
	default:
		out = append(out, line...)
	}
	return append(out, '\n')
}

func (f *htmlFilter) end(out []byte) []byte { return out }

// unquote appends a piece of a string of JavaScript.
func unquote(out, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			switch i++; b[i] {
			case 't':
				out = append(out, '\t')
			case 'n':
				out = append(out, '\n')
			default:
				out = append(out, b[i])
			}
			continue
		}
		out = append(out, b[i])
	}
	return out
}

// isQuotedPrintable reports whether the lines are a mail's encoded text (RFC 2045):
// its "=" are all written "=3D".
func isQuotedPrintable(lines [][]byte) bool {
	coded, plain := 0, 0
	for _, l := range lines {
		for _, key := range []string{"comm=", "pid=", "prio=", "_cpu="} {
			if i := bytes.Index(l, []byte(key)); i < 0 {
				continue
			} else if bytes.HasPrefix(l[i+len(key):], []byte("3D")) {
				coded++
			} else if i+len(key) < len(l) {
				plain++
			}
		}
	}
	return coded > 0 && coded > 10*plain
}

// printableFilter decodes quoted-printable text. A line that was broken softly comes
// out at its first piece, and empty lines stand for the others before the next record.
type printableFilter struct {
	decoded []byte // of the line so far
	pieces  int    // that came before, of this line and of those since the last record
	owed    int    // empty lines
}

func (f *printableFilter) line(out, line []byte) []byte {
	line = bytes.TrimRight(line, " \t\r")
	rest, soft := bytes.CutSuffix(line, []byte("="))
	for i := 0; i < len(rest); i++ {
		if rest[i] == '=' && i+2 < len(rest) {
			if n, left, ok := text.Int([]byte{'0', 'x', rest[i+1], rest[i+2]}); ok && len(left) == 0 {
				f.decoded = append(f.decoded, byte(n))
				i += 2
				continue
			}
		}
		f.decoded = append(f.decoded, rest[i])
	}
	if soft {
		f.pieces++
		return out
	}
	return f.end(out)
}

func (f *printableFilter) end(out []byte) []byte {
	if f.owed > 0 && looksAny(f.decoded) {
		out = append(out, bytes.Repeat([]byte{'\n'}, f.owed)...)
		f.owed = 0
	}
	out = append(append(out, f.decoded...), '\n')
	f.owed, f.pieces, f.decoded = f.owed+f.pieces, 0, f.decoded[:0]
	return out
}

// looksAny reports whether a line could be one of any dialect.
func looksAny(line []byte) bool {
	return slices.ContainsFunc(readers, func(r reader) bool { return r.looks != nil && r.looks(line) })
}

// widestMail is the length in bytes that no line of a wrapped text exceeds; a
// sched_switch has some 150.
const widestMail = 132

// isWrapped reports whether records were broken into lines of a mail's width: a third
// of them go on in the next line, and none is long.
func isWrapped(lines [][]byte, looks func([]byte) bool) bool {
	begins, goOn := 0, 0
	for i, l := range lines {
		if len(l) > widestMail {
			return false
		}
		if len(l) == 0 || l[0] == '#' || !looks(l) {
			continue
		}
		begins++
		if i+1 < len(lines) && !looks(lines[i+1]) && isPayload(lines[i+1]) {
			goOn++
		}
	}
	return goOn >= 2 && goOn*3 >= begins
}

// isPayload reports whether a line holds the keys of a scheduler event.
func isPayload(l []byte) bool {
	keys := []string{"pid=", "prio=", "_cpu=", "prev_state=", "==>", "runtime=", "next: "}
	return slices.ContainsFunc(keys, func(s string) bool { return bytes.Contains(l, []byte(s)) })
}

// joinFilter joins lines that do not begin like a record to the one before.
type joinFilter struct {
	shape   text.Shape
	looks   func([]byte) bool
	record  []byte // not yet passed on, with what belongs to it
	joined  int
	started bool
}

func (f *joinFilter) line(out, line []byte) []byte {
	line = f.shape.Strip(line)
	const mostJoined = 4 << 10
	begins := len(line) == 0 || line[0] == '#' || f.looks(line)
	if f.started && !begins && len(f.record) > 0 && f.record[0] != '#' && len(f.record) < mostJoined && f.looks(f.record) {
		f.record = append(append(bytes.TrimRight(f.record, " "), ' '), bytes.TrimLeft(line, " ")...)
		f.joined++
		return out
	}
	out = f.end(out)
	f.record, f.started = append(f.record[:0], line...), true
	return out
}

func (f *joinFilter) end(out []byte) []byte {
	if !f.started {
		return out
	}
	out = append(append(out, f.record...), '\n')
	for ; f.joined > 0; f.joined-- {
		out = append(out, '\n')
	}
	f.started = false
	return out
}
