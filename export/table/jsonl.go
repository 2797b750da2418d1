package table

import (
	"bufio"
	"io"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// jsonlWriter writes one JSON object a line, its fields in the order of the
// columns, unknown values null.
type jsonlWriter struct {
	w *bufio.Writer
	b []byte
	s *Schema
}

func newJSONL(w io.Writer, s *Schema) *jsonlWriter {
	return &jsonlWriter{w: bufio.NewWriterSize(w, 1<<16), s: s}
}

func (j *jsonlWriter) Write(row []Value) error {
	b := append(j.b[:0], '{')
	for i, v := range row {
		if i > 0 {
			b = append(b, ',')
		}
		col := &j.s.Columns[i]
		b = append(b, '"')
		b = append(b, col.Name...)
		b = append(b, '"', ':')
		switch {
		case !v.Known:
			b = append(b, "null"...)
		case col.Type == Int:
			b = strconv.AppendInt(b, v.Int, 10)
		case col.Type == Bool:
			b = strconv.AppendBool(b, v.Bool)
		default:
			b = appendString(b, v.Text)
		}
	}
	j.b = append(b, '}', '\n')
	_, err := j.w.Write(j.b)
	return err
}

func (j *jsonlWriter) Close() error { return j.w.Flush() }

// appendString quotes a string for JSON in such a way that terminals and
// browsers may show it: what is not printable is escaped, and so are the signs
// of HTML; what is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '<' || r == '>' || r == '&':
			b = appendEscape(b, r)
		case r >= ' ' && r < 0x7f:
			b = append(b, byte(r))
		case r == utf8.RuneError || r >= 0x80 && unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r >= 0x10000:
			r -= 0x10000
			b = appendEscape(b, 0xd800+r>>10)
			b = appendEscape(b, 0xdc00+r&0x3ff)
		default:
			b = appendEscape(b, r)
		}
	}
	return append(b, '"')
}

func appendEscape(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
