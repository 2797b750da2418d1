package parser

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDisplay bounds a displayed name, in characters. The kernel's names have 15
// bytes; a hostile capture's may have more.
const maxDisplay = 64

// DisplayComm returns a task's name as people may be shown it: valid UTF-8 on
// one line, without control, formatting (bidirectional marks, zero-width
// characters) or private-use characters. Bytes that are not UTF-8 become U+FFFD;
// a character that must not be printed, and the backslash, become a Go escape
// (\n, \x1b, \u202e, \\), so that two names are never shown alike for their
// escapes. Names of more than 64 characters end in an ellipsis. An empty name
// stays empty.
//
// It does not escape for a format: HTML, Markdown and the cells of
// tables need their own on top.
func DisplayComm(comm string) string {
	plain := true
	for i := 0; i < len(comm); i++ {
		if c := comm[i]; c < ' ' || c >= 0x7f || c == '\\' {
			plain = false
			break
		}
	}
	if plain && len(comm) <= maxDisplay {
		return comm
	}
	var b strings.Builder
	n := 0
	for i, r := range comm {
		if n++; n > maxDisplay {
			b.WriteRune('…')
			break
		}
		switch {
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(comm[i:]); size > 1 {
				b.WriteString(`\ufffd`) // the name really holds one
			} else {
				b.WriteRune(r)
			}
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// SameComm reports whether a task's name in an event and its name in /proc are
// the same: events carry at most 15 bytes (TASK_COMM_LEN), while /proc adds what
// a worker does ("kworker/0:1-events", wq_worker_comm) and prints the whole name
// of a kernel thread (5.17 and later).
func SameComm(event, proc string) bool {
	const commLen = 15
	if event == proc {
		return true
	}
	// "kworker/CPU:ID-what"; a rescuer's "kworker/R-name" is the name itself.
	if colon := strings.IndexByte(proc, ':'); colon > 0 && strings.HasPrefix(proc, "kworker/") {
		if i := strings.IndexAny(proc[colon:], "-+"); i >= 0 {
			proc = proc[:colon+i]
		}
	}
	if len(proc) > commLen {
		proc = proc[:commLen]
	}
	return event == proc
}
