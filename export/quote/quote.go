// Package quote writes strings for JSON in such a way that people may be shown
// them too.
package quote

import (
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendJSON appends s to b as a JSON string that a terminal may show: what is
// not printable is escaped, what is not UTF-8 becomes U+FFFD. With html
// the signs of HTML are escaped too.
func AppendJSON(b []byte, s string, html bool) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case html && (r == '<' || r == '>' || r == '&'):
			b = fmt.Appendf(b, `\u%04x`, r)
		case r >= ' ' && r < 0x7f: // most
			b = append(b, byte(r))
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		default:
			for _, u := range utf16.Encode([]rune{r}) {
				b = fmt.Appendf(b, `\u%04x`, u)
			}
		}
	}
	return append(b, '"')
}
