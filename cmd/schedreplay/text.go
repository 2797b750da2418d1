package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"schedreplay/parser"
)

// style colours text by meaning, or not at all.
type style bool

func (a *app) style() style { return style(a.colored()) }

func (s style) wrap(code, text string) string {
	if !s {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(t string) string { return s.wrap("1", t) }
func (s style) bad(t string) string  { return s.wrap("31", t) }
func (s style) warn(t string) string { return s.wrap("33", t) }
func (s style) good(t string) string { return s.wrap("32", t) }
func (s style) dim(t string) string  { return s.wrap("2", t) }

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
	n := utf8.RuneCountInString(name)
	if room := width - len(id); width > 0 && n > room {
		cut := 0
		for range max(room-1, 0) {
			_, size := utf8.DecodeRuneInString(name[cut:])
			cut += size
		}
		name = name[:cut] + "…"
		n = max(room, 1)
	}
	return name + id + strings.Repeat(" ", max(0, width-n-len(id)))
}

// appendRight and appendLeft append ASCII text, filled with blanks to a width.
func appendRight(b []byte, s string, width int) []byte {
	return append(appendBlanks(b, width-len(s)), s...)
}

func appendLeft(b []byte, s string, width int) []byte {
	return appendBlanks(append(b, s...), width-len(s))
}

func appendBlanks(b []byte, n int) []byte {
	for range n {
		b = append(b, ' ')
	}
	return b
}

// milliseconds prints ns with three digits after the point.
func milliseconds(ns int64) string {
	sign := ""
	if ns < 0 {
		sign, ns = "-", -ns
	}
	return fmt.Sprintf("%s%d.%03d ms", sign, ns/1e6, ns%1e6/1e3)
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
