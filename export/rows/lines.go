package rows

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"schedreplay/findings/say"
	"schedreplay/parser"
)

// lines writes one line a row.
type lines[T any] struct {
	w    *bufio.Writer
	b    []byte
	make func([]byte, *T) []byte
}

func newLines[T any](w io.Writer, head []byte, line func([]byte, *T) []byte) (*lines[T], error) {
	l := &lines[T]{w: bufio.NewWriterSize(w, 1<<16), make: line}
	_, err := l.w.Write(head)
	return l, err
}

func (l *lines[T]) Write(v *T) error {
	l.b = l.make(l.b[:0], v)
	_, err := l.w.Write(l.b)
	return err
}

func (l *lines[T]) Close() error { return l.w.Flush() }

// CSV is RFC 4180 but for the line end, a line feed.

// AppendCSVHead appends the line with the columns' names.
func (t *Table[T]) AppendCSVHead(b []byte) []byte {
	for i := range t.cols {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, t.cols[i].name...)
	}
	return append(b, '\n')
}

// AppendCSV appends a row to b as one line of CSV.
func (t *Table[T]) AppendCSV(b []byte, v *T) []byte {
	for i := range t.cols {
		if i > 0 {
			b = append(b, ',')
		}
		x := t.cols[i].cell(v)
		if !x.Known {
			continue
		}
		switch t.cols[i].typ {
		case Int:
			b = strconv.AppendInt(b, x.Int, 10)
		case Bool:
			b = strconv.AppendBool(b, x.Int != 0)
		case Name:
			b = appendCell(b, Cell(x.Text))
		case Line:
			b = appendCell(b, noFormula(say.Clean(x.Text)))
		case CPUs:
			b = appendCell(b, x.CPUs.String())
		default:
			b = appendCell(b, x.Text)
		}
	}
	return append(b, '\n')
}

// Cell makes a name printable, and such that no spreadsheet takes it for a
// formula: by an apostrophe before a sign that begins one, full-width signs
// included.
func Cell(name string) string { return noFormula(parser.DisplayComm(name)) }

func noFormula(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " '\u3000"))
	if strings.ContainsRune("=+-@|%＝＋－＠｜％", first) {
		return "'" + s
	}
	return s
}

// appendCell quotes where that is needed.
func appendCell(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\n\r") && strings.Trim(s, " ") == s {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}
