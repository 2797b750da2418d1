package text

import (
	"bytes"
	"math"

	"schedreplay/parser"
)

// maxDigits is how many digits make no number that exceeds an int64.
const maxDigits = 18

// Uint reads decimal digits at the start of b and returns what follows them.
// It fails if there are none or the number exceeds an int64.
func Uint(b []byte) (n int64, rest []byte, ok bool) {
	i := 0
	for i < len(b) && b[i]-'0' <= 9 {
		d := int64(b[i] - '0')
		if i >= maxDigits && n > (math.MaxInt64-d)/10 {
			return 0, b, false
		}
		n = n*10 + d
		i++
	}
	return n, b[i:], i > 0
}

// Int reads a decimal number that may be negative, or the form of the kernel's
// "fields" option (trace_event_print_fields), "0x78 (120)", whose parentheses
// hold the number meant, or a bare "0x78".
func Int(b []byte) (n int64, rest []byte, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if !neg && len(b) > 2 && b[0] == '0' && b[1] == 'x' {
		return hexInt(b)
	}
	n, rest, ok = Uint(b)
	if neg {
		n = -n
	}
	return n, rest, ok
}

func hexInt(b []byte) (n int64, rest []byte, ok bool) {
	i := 2
	for ; i < len(b); i++ {
		d := hexDigit(b[i])
		if d < 0 {
			break
		}
		if i >= 2+16 {
			return 0, b, false
		}
		n = n<<4 | int64(d)
	}
	if i == 2 {
		return 0, b, false
	}
	if rest := b[i:]; len(rest) > 2 && rest[0] == ' ' && rest[1] == '(' {
		if m, after, ok := Int(rest[2:]); ok && len(after) > 0 && after[0] == ')' {
			return m, after[1:], true
		}
	}
	return n, b[i:], true
}

func hexDigit(c byte) int {
	switch {
	case c-'0' <= 9:
		return int(c - '0')
	case c-'a' < 6:
		return int(c-'a') + 10
	case c-'A' < 6:
		return int(c-'A') + 10
	}
	return -1
}

// nsOf is how many ns the last digit of a fraction of a second stands for, by its length.
var nsOf = [10]int64{1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1}

// Time reads "seconds.fraction" with up to nine digits of fraction and returns
// ns, the number of digits of the fraction, and what follows. It fails if
// there is no dot: such a stamp does not count seconds. The value is exact.
func Time(b []byte) (ns int64, digits int, rest []byte, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	sec, rest, ok := Uint(b)
	if !ok || len(rest) < 2 || rest[0] != '.' || sec >= math.MaxInt64/1_000_000_000 {
		return 0, 0, b, false
	}
	rest = rest[1:]
	frac := int64(0)
	for digits < len(rest) && digits < len(nsOf) && rest[digits]-'0' <= 9 {
		frac = frac*10 + int64(rest[digits]-'0')
		digits++
	}
	if digits == 0 || digits == len(nsOf) {
		return 0, 0, b, false
	}
	ns = sec*1e9 + frac*nsOf[digits]
	if neg {
		ns = -ns
	}
	return ns, digits, rest[digits:], true
}

// SkipSpace returns b without leading spaces.
func SkipSpace(b []byte) []byte {
	i := 0
	for i < len(b) && b[i] == ' ' {
		i++
	}
	return b[i:]
}

// Word returns the bytes before the first space and what follows it.
func Word(b []byte) (word, rest []byte) {
	i := bytes.IndexByte(b, ' ')
	if i < 0 {
		return b, nil
	}
	return b[:i], b[i:]
}

// CPU narrows a parsed number to a CPU number that cpumask can hold; it is
// [parser.NoCPU] if it is none.
func CPU(n int64) (int32, bool) {
	if n < 0 || n >= maxCPUs {
		return parser.NoCPU, false
	}
	return int32(n), true
}

// PID narrows a parsed number to a process id; -1, which perf prints for an
// exited task, is one. It is [parser.NoPID] if it is none.
func PID(n int64) (int32, bool) {
	if n < -1 || n > math.MaxInt32 {
		return parser.NoPID, false
	}
	return int32(n), true
}

func prio(n int64) (int32, bool) {
	if n < -1000 || n >= 1000 {
		return parser.NoPrio, false
	}
	return int32(n), true
}
