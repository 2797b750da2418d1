package text

import "bytes"

// Shape is what stands around every line of a pasted capture: quote marks of
// mail, line numbers of grep -n or cat -n, carriage returns. The zero Shape is
// a capture as its tool printed it.
//
// Indentation needs no Shape: readers find a line's columns by their content.
type Shape struct {
	// Quote is the number of leading ">" or "|" marks.
	Quote int
	// Numbered is true if a line number and a colon or tab stand first.
	Numbered bool
	// CRLF is true if lines end in "\r\n".
	CRLF bool
}

// ShapeOf finds the marks that most of the given raw lines share. Task names
// may look like any of them, so a mark counts only if at least half of the
// non-empty lines bear it, and line numbers only if they rise.
func ShapeOf(lines [][]byte) Shape {
	var s Shape
	var full [][]byte
	crlf := 0
	for _, l := range lines {
		if bytes.HasSuffix(l, []byte{'\r'}) {
			crlf++
		}
		if len(bytes.TrimSpace(l)) > 0 {
			full = append(full, l)
		}
	}
	if len(full) == 0 {
		return s
	}
	s.CRLF = crlf*2 > len(lines)
	s.Numbered = numbered(full)
	for s.Quote < maxQuote {
		marked := 0
		for _, l := range full {
			if s.Numbered {
				l, _ = cutNumber(l)
			}
			if _, n := cutQuote(l, s.Quote+1); n == s.Quote+1 {
				marked++
			}
		}
		if marked*2 < len(full) {
			break
		}
		s.Quote++
	}
	return s
}

// maxQuote bounds the depth of quoting; mail readers stop long before.
const maxQuote = 16

// numbered reports whether the lines start with rising line numbers.
func numbered(lines [][]byte) bool {
	with, last := 0, int64(-1)
	for _, l := range lines {
		if rest, n := cutNumber(l); n > last && len(rest) < len(l) {
			with++
			last = n
		}
	}
	return with >= 3 && with*10 >= len(lines)*9
}

// cutNumber takes a leading "  12:" or "  12<tab>" off a line; it returns the
// line itself and -1 if there is none.
func cutNumber(l []byte) ([]byte, int64) {
	t := bytes.TrimLeft(l, " ")
	n, rest, ok := Uint(t)
	if !ok || len(rest) == 0 || rest[0] != ':' && rest[0] != '\t' {
		return l, -1
	}
	return rest[1:], n
}

// cutQuote takes up to depth quote marks off a line and says how many it took.
func cutQuote(l []byte, depth int) ([]byte, int) {
	taken := 0
	for taken < depth {
		t := bytes.TrimLeft(l, " \t")
		if len(t) == 0 || t[0] != '>' && t[0] != '|' {
			break
		}
		l = t[1:]
		taken++
		// Mail readers put one space behind the innermost mark; what follows it
		// is the line's own.
		if len(l) > 0 && l[0] == ' ' {
			l = l[1:]
		}
	}
	return l, taken
}

// Strip takes the marks off one line.
func (s Shape) Strip(l []byte) []byte {
	if s.CRLF {
		l = bytes.TrimSuffix(l, []byte{'\r'})
	}
	if s.Numbered {
		l, _ = cutNumber(l)
	}
	if s.Quote > 0 {
		l, _ = cutQuote(l, s.Quote)
	}
	return l
}
