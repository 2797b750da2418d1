package say

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"schedreplay/parser"
	"schedreplay/replay"
)

// Text in the report is a string with marks for the parts that a format sets
// apart. They are private-use characters, which clean and parser.DisplayComm
// never let through from the input.
const (
	MarkCode = '\ue000' // a word of the kernel: select_idle_smt
	MarkName = '\ue001' // a task's name
	MarkBold = '\ue002'
	MarkEnd  = '\ue003'
)

// Each is what f makes of each of a list, never nil.
func Each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, x := range list {
		out[i] = f(x)
	}
	return out
}

// Code sets a word of the kernel apart.
func Code(s string) string { return string(MarkCode) + Clean(s) + string(MarkEnd) }

// Bold sets words apart.
func Bold(s string) string { return string(MarkBold) + s + string(MarkEnd) }

// Clean makes any text of the input fit to be part of the report's: one line,
// printable, no marks.
func Clean(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r == '\\' || r < ' ' || r > '~' }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// Plain returns text without its marks.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= MarkCode && r <= MarkEnd {
			return -1
		}
		return r
	}, s)
}

// CommName returns a task's name alone, marked; "pid 7" if it has none.
func CommName(t replay.TaskRef) string {
	if t.Comm == "" {
		if t.PID < 0 {
			return "an unknown task"
		}
		return fmt.Sprintf("pid %d", t.PID)
	}
	return string(MarkName) + parser.DisplayComm(t.Comm) + string(MarkEnd)
}

// TaskName returns a task's name and pid: "ksmd (pid 240)".
func TaskName(t replay.TaskRef) string {
	if t.Comm == "" || t.PID < 0 {
		return CommName(t)
	}
	return fmt.Sprintf("%s (pid %d)", CommName(t), t.PID)
}

// Duration prints ns with a unit and about three digits: 640 ns, 12.3 µs,
// 1.23 s.
func Duration(ns int64) string {
	if ns < 0 {
		return "-" + Duration(-ns)
	}
	v := float64(ns)
	for _, u := range []struct {
		ns   float64
		name string
	}{{1, "ns"}, {1e3, "µs"}, {1e6, "ms"}} {
		if v < 999.5*u.ns {
			return digits(v/u.ns, u.ns == 1) + " " + u.name
		}
	}
	return digits(v/1e9, false) + " s"
}

// digits prints v with three digits, or more if it is longer; whole numbers
// without a fraction.
func digits(v float64, whole bool) string {
	prec := 2
	switch {
	case whole || v >= 99.95:
		prec = 0
	case v >= 9.995:
		prec = 1
	}
	if v == 0 {
		prec = 0
	}
	s := strconv.FormatFloat(v, 'f', prec, 64)
	if prec == 0 && len(s) > 3 {
		return group(s)
	}
	return s
}

// Count prints a number with commas between thousands.
func Count(n int64) string {
	if n < 0 {
		return "-" + Count(-n)
	}
	return group(strconv.FormatInt(n, 10))
}

func group(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Counted prints a number with its noun: "1 run", "215 runs". The plural is
// given if it is not the noun with an s.
func Counted(n int64, noun string, plural ...string) string {
	if n == 1 {
		return "1 " + noun
	}
	if len(plural) > 0 {
		return Count(n) + " " + plural[0]
	}
	return Count(n) + " " + noun + "s"
}

// Clock prints a time of the capture's clock, as the kernel does: seconds with
// six decimals.
func Clock(ns int64) string {
	sign := ""
	if ns < 0 {
		sign, ns = "-", -ns
	}
	us := ns / 1000 // cut, not rounded: what trace and perf print
	return fmt.Sprintf("%s%d.%06d s", sign, us/1_000_000, us%1_000_000)
}

// Percent prints part of whole with one decimal; never 100 unless it is all
// and never 0 unless it is nothing.
func Percent(part, whole int64) string {
	if whole <= 0 {
		return "unknown"
	}
	if part == whole {
		return "100 %"
	}
	if part == 0 {
		return "0 %"
	}
	p := 100 * float64(part) / float64(whole)
	switch r := math.Round(p*10) / 10; {
	case r >= 100 && part < whole:
		return "over 99.9 %"
	case r == 0:
		return "under 0.1 %"
	default:
		return strconv.FormatFloat(r, 'f', 1, 64) + " %"
	}
}

// Join lists words: "a", "a and b", "a, b and c".
func Join(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}

// JoinUpTo lists at most n words and counts the rest.
func JoinUpTo(words []string, n int, noun string) string {
	if len(words) <= n {
		return Join(words)
	}
	rest := len(words) - n
	return strings.Join(words[:n], ", ") + " and " + Counted(int64(rest), "more "+noun)
}

// Capital begins a text with a capital, unless a mark or a number comes first.
func Capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// Sentence begins a text with a capital, as [Capital] does, and ends it with a full stop.
func Sentence(s string) string {
	if s == "" {
		return s
	}
	return Capital(s) + "."
}

// CPUNoun is "CPU 3" or "CPUs 3-5".
func CPUNoun(cpus parser.CPUs) string {
	if cpus.Weight() == 1 {
		return "CPU " + cpus.String()
	}
	return "CPUs " + cpus.String()
}

// EscapeXML makes text fit for an element or an attribute of HTML and SVG.
func EscapeXML(s string) string { return html.EscapeString(Clean(s)) }

// AtLeast stands before a length that is a lower bound.
func AtLeast(cut bool) string {
	if cut {
		return "at least "
	}
	return ""
}

// Times says how often: never, once, twice, 3 times.
func Times(n int64) string {
	switch n {
	case 0:
		return "never"
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return Count(n) + " times"
}

// span is a piece of marked text.
type span struct {
	Mark rune // 0 for plain text
	Text string
}

// Spans splits marked text. Marks do not nest, but names and code within bold
// text lose their mark.
func Spans(s string) []span {
	var out []span
	var mark rune
	depth := 0
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			out = append(out, span{mark, b.String()})
			b.Reset()
		}
	}
	for _, r := range s {
		switch {
		case r == MarkEnd:
			if depth--; depth <= 0 {
				flush()
				mark, depth = 0, 0
			}
		case r >= MarkCode && r < MarkEnd:
			if depth == 0 {
				flush()
				mark = r
			}
			depth++
		default:
			b.WriteRune(r)
		}
	}
	flush()
	return out
}

// ShellWord quotes a value for a shell where that is needed.
func ShellWord(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,:=+/@%"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
