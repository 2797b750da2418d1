// Package page lays findings out as the text of a command: the words are say's, the
// columns are term's.
package page

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/findings/say"
	"schedreplay/parser"
)

// width is that of a page.
const width = 80

// Page is where a command's text goes.
type Page struct {
	io.Writer
	Style term.Style
	// Verbose prints what is summed up otherwise.
	Verbose bool
}

// Paragraph prints a sentence of say, wrapped, with every line indented.
func (p *Page) Paragraph(s string, indent int) {
	fmt.Fprintln(p, term.Indent(say.Terminal(s), indent, width))
}

// Task prints name[pid] in exactly width characters, the name cut where it
// is too long; width 0 cuts nothing.
func Task(comm string, pid int32, width int) string {
	name, id := parser.DisplayComm(comm), ""
	switch {
	case pid == 0 && name == "":
		name = "<idle>"
	case pid == parser.NoPID && name == "":
		name = "?"
	case pid == parser.NoPID:
		id = "[?]"
	default:
		id = "[" + strconv.Itoa(int(pid)) + "]"
	}
	room := width - term.Width(id)
	if width > 0 {
		name = term.Cut(name, max(room, 1))
	}
	return name + id + strings.Repeat(" ", max(0, room-term.Width(name)))
}

// Percent prints part of whole with one digit after the point.
func Percent(part, whole int64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// Counted prints a number with its noun.
func Counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
