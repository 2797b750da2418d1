// Package term lays text out for terminals: widths, wrapping, columns, colour,
// progress. It is the one place that knows how wide a text is on a screen.
package term

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// Width is the number of columns that a text takes, by graphemes: two for wide
// signs, none for what combines.
func Width(s string) int {
	n := plain(s)
	if n == len(s) {
		return n // most
	}
	if rest, cut := strings.CutPrefix(s[n:], "…"); cut && plain(rest) == len(rest) {
		return n + 1 + len(rest) // a name that was cut
	}
	n = max(n-1, 0) // the last may be of one character with what follows
	return n + uniseg.StringWidth(s[n:])
}

// plain is how many bytes s begins with that are a column each.
func plain(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return i
		}
	}
	return len(s)
}

// Cut is a text in at most so many columns, with … in the last one where it is
// cut.
func Cut(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	if end := max(width-1, 0); plain(s) > end {
		return s[:end] + "…"
	}
	room, end := width-1, 0
	g := uniseg.NewGraphemes(s)
	for g.Next() {
		if room -= g.Width(); room < 0 {
			break
		}
		_, end = g.Positions()
	}
	return s[:end] + "…"
}

// Wrap breaks a text at blanks so that no line is wider than width where that is
// possible. Lines after the first are indented by two. A no-break space is printed
// as a blank and does not break; nor do a number and its unit, or CPU and its number.
func Wrap(s string, width int) string { return wrap(s, width, "\n  ") }

// quantity is a number with its unit, or CPU with its number.
var quantity = regexp.MustCompile(`(\d) ((?:s|ms|µs|us|ns|MB|MiB)\b|%)|\b(CPUs?|pid) (\d)`)

func wrap(s string, width int, brk string) string {
	s = quantity.ReplaceAllString(s, "$1$3\u00a0$2$4")
	var b strings.Builder
	n := 0
	for i, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }) {
		w := Width(word)
		switch {
		case i == 0:
		case n+1+w > width:
			b.WriteString(brk)
			n = len(brk) - 1
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += w
	}
	return strings.ReplaceAll(b.String(), "\u00a0", " ")
}

// Indent wraps a text to width with every line indented by n.
func Indent(s string, n, width int) string {
	blank := strings.Repeat(" ", n)
	return blank + strings.ReplaceAll(Wrap(s, width-n), "\n", "\n"+blank)
}

// Beside is a name and, from column margin on, a text wrapped to width.
func Beside(name, s string, margin, width int) string {
	blank := strings.Repeat(" ", margin)
	return string(appendLeft(nil, name, margin)) + strings.ReplaceAll(wrap(s, width-margin, "\n"), "\n", "\n"+blank)
}

// Style colours text by meaning, or not at all.
type Style bool

func (s Style) wrap(code, text string) string {
	if !s {
		return text
	}
	return "\x1b[" + code + "m" + strings.ReplaceAll(text, "\n", "\x1b[0m\n\x1b["+code+"m") + "\x1b[0m"
}

// Bold is for headings.
func (s Style) Bold(t string) string { return s.wrap("1", t) }

// Bad is for what should not be.
func (s Style) Bad(t string) string { return s.wrap("31", t) }

// Warn is for what may be bad.
func (s Style) Warn(t string) string { return s.wrap("33", t) }

// Good is for what is as it should be.
func (s Style) Good(t string) string { return s.wrap("32", t) }

// Dim is for what matters less.
func (s Style) Dim(t string) string { return s.wrap("2", t) }

// OneLine keeps a message, which may quote hostile input, on one printable
// line.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return '\ufffd'
		}
		return r
	}, s)
}
