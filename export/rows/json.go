package rows

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"schedreplay/cpumask"
)

// AppendJSON appends a row to b as one JSON object.
func (t *Table[T]) AppendJSON(b []byte, v *T) []byte {
	for i := range t.cols {
		c := &t.cols[i]
		x := c.cell(v)
		if c.optional && (!x.Known || c.typ == Bool && x.Int == 0) {
			continue
		}
		b = append(b, c.lead...)
		switch {
		case !x.Known:
			b = append(b, "null"...)
		case c.typ == Int:
			b = strconv.AppendInt(b, x.Int, 10)
		case c.typ == Bool:
			b = strconv.AppendBool(b, x.Int != 0)
		case c.typ == CPUs:
			b = AppendString(b, x.CPUs.String())
		case c.typ == array:
			b = appendArray(b, x.CPUs)
		case c.typ == raw:
			b = append(b, x.Text...)
		default:
			b = AppendString(b, x.Text)
		}
	}
	return append(b, t.tail...)
}

func appendArray(b []byte, m cpumask.Mask) []byte {
	b = append(b, '[')
	first := true
	for c := range m.All() {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = strconv.AppendInt(b, int64(c), 10)
	}
	return append(b, ']')
}

// AppendString appends s to b as a JSON string that terminals and browsers may
// be shown: what is not printable and the signs of HTML are escaped, what is
// not UTF-8 becomes U+FFFD.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '<' || r == '>' || r == '&' || !unicode.IsPrint(r):
			b = appendEscape(b, r)
		case r < utf8.RuneSelf: // most
			b = append(b, byte(r))
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

func appendEscape(b []byte, r rune) []byte {
	for _, u := range utf16.Encode([]rune{r}) {
		b = fmt.Appendf(b, `\u%04x`, u)
	}
	return b
}

// Printable escapes, in a JSON document, what [AppendString] would have: outside
// of strings JSON has nothing that needs it but white space.
func Printable(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for i := 0; i < len(doc); {
		r, n := utf8.DecodeRune(doc[i:])
		if r == '\n' || r >= ' ' && unicode.IsPrint(r) {
			out = append(out, doc[i:i+n]...)
		} else {
			out = appendEscape(out, r)
		}
		i += n
	}
	return out
}
