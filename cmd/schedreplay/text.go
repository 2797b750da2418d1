package main

import (
	"fmt"
	"strconv"
	"strings"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/findings/say"
	"schedreplay/parser"
)

func (a *app) style() term.Style { return term.Style(a.colored()) }

// paragraph prints a sentence of say, wrapped, with every line indented.
func (a *app) paragraph(s string, indent int) {
	fmt.Fprintln(a.out, term.Indent(say.Terminal(s), indent, 80))
}

// fitTask prints name[pid] in exactly width characters, the name cut where it
// is too long; width 0 cuts nothing.
func fitTask(comm string, pid int32, width int) string {
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

// percent prints part of whole with one digit after the point.
func percent(part, whole int64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// plural prints a number with its noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
