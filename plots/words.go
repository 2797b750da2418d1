package plots

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode"

	"schedreplay/parser"
	"schedreplay/replay"
)

// Text in the report is a string with marks for the parts that a format sets
// apart. They are private-use characters, which clean and parser.DisplayComm
// never let through from the input.
const (
	markCode = '\ue000' // a word of the kernel: select_idle_smt
	markName = '\ue001' // a task's name
	markBold = '\ue002'
	markEnd  = '\ue003'
)

// code sets a word of the kernel apart.
func code(s string) string { return string(markCode) + clean(s) + string(markEnd) }

// bold sets words apart.
func bold(s string) string { return string(markBold) + s + string(markEnd) }

// clean makes any text of the input fit to be part of the report's: one line,
// printable, no marks.
func clean(s string) string {
	ok := true
	for _, r := range s {
		if r == '\\' || r < ' ' || r > '~' {
			ok = false
			break
		}
	}
	if ok {
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

// plain returns text without its marks.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= markCode && r <= markEnd {
			return -1
		}
		return r
	}, s)
}

// commName returns a task's name alone, marked; "pid 7" if it has none.
func commName(t replay.TaskRef) string {
	if t.Comm == "" {
		if t.PID < 0 {
			return "an unknown task"
		}
		return fmt.Sprintf("pid %d", t.PID)
	}
	return string(markName) + parser.DisplayComm(t.Comm) + string(markEnd)
}

// task returns a task's name and pid: "ksmd (pid 240)".
func task(t replay.TaskRef) string {
	if t.Comm == "" || t.PID < 0 {
		return commName(t)
	}
	return fmt.Sprintf("%s (pid %d)", commName(t), t.PID)
}

// duration prints ns with a unit and about three digits: 640 ns, 12.3 µs,
// 1.23 s.
func duration(ns int64) string {
	if ns < 0 {
		return "-" + duration(-ns)
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

// count prints a number with commas between thousands.
func count(n int64) string {
	if n < 0 {
		return "-" + count(-n)
	}
	return group(strconv.FormatInt(n, 10))
}

func group(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// counted prints a number with its noun: "1 run", "215 runs". The plural is
// given if it is not the noun with an s.
func counted(n int64, noun string, plural ...string) string {
	if n == 1 {
		return "1 " + noun
	}
	if len(plural) > 0 {
		return count(n) + " " + plural[0]
	}
	return count(n) + " " + noun + "s"
}

// clock prints a time of the capture's clock, as the kernel does: seconds with
// six decimals.
func clock(ns int64) string {
	sign := ""
	if ns < 0 {
		sign, ns = "-", -ns
	}
	us := ns / 1000 // cut, not rounded: what trace and perf print
	return fmt.Sprintf("%s%d.%06d s", sign, us/1_000_000, us%1_000_000)
}

// percent prints part of whole with one decimal; never 100 unless it is all
// and never 0 unless it is nothing.
func percent(part, whole int64) string {
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

// join lists words: "a", "a and b", "a, b and c".
func join(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}

// joinUpTo lists at most n words and counts the rest.
func joinUpTo(words []string, n int, noun string) string {
	if len(words) <= n {
		return join(words)
	}
	rest := len(words) - n
	return strings.Join(words[:n], ", ") + " and " + counted(int64(rest), "more "+noun)
}

// sentence makes the first letter of a text a capital unless a mark comes
// first, and ends it with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	r := []rune(s)
	r[0] = unicode.ToUpper(r[0])
	s = string(r)
	if !strings.HasSuffix(plain(s), ".") {
		s += "."
	}
	return s
}

// cpuNoun is "CPU 3" or "CPUs 3-5".
func cpuNoun(cpus parser.CPUs) string {
	if cpus.Weight() == 1 {
		return "CPU " + cpus.String()
	}
	return "CPUs " + cpus.String()
}

// escapeXML makes text fit for an element or an attribute of HTML and SVG.
func escapeXML(s string) string { return html.EscapeString(clean(s)) }
