package replay

import (
	"fmt"
	"strconv"

	"schedreplay/parser"
)

// headline says what must be said first of how the kernels were chosen, one sentence
// each.
func (p *Plan) headline() []string {
	var out []string
	say := func(format string, a ...any) { out = append(out, fmt.Sprintf(format, a...)) }
	s := &p.settled
	switch {
	case s.Uncovered != nil:
		say("The recorded release %q is not one the model covers (%v): %s is assumed; name a kernel with --original.", s.Release, s.Uncovered, s.Assumed)
	case s.Assumed != "":
		say("The capture does not tell its kernel: %s is assumed; name it with --original.", s.Assumed)
	}
	if s.Claimed == nil {
		return out
	}
	k := s.Claimed.Name
	without := p.Baseline.Name
	if p.Role == RolePatched {
		without = p.Alternatives[0].Name
	}
	switch {
	case s.Fix == FixMeaningless && s.OtherFix == "" && !s.PatchedNamed:
		say("%s has no select_idle_smt: there is nothing for smt-span to change.", k)
	case s.Fix == FixContradicted:
		c := s.Contradiction
		say("%s has smt-span and cannot explain the recording: at %s s it puts %s (pid %d) on isolated CPU %d, which only a select_idle_smt without the span test does. Compared are %s (original) and %s (patched).",
			k, Seconds(c.Time), parser.DisplayComm(c.Task.Comm), c.Task.PID, c.CPU, without, k)
	case s.Fix == FixNamed && !s.PatchedNamed:
		say("%s has smt-span already: original and patched are the same kernel.", k)
	case s.Fix == FixPresent && p.Role == RolePatched:
		say("%s has smt-span already: compared are %s (original, without it) and %s (patched).", k, without, k)
	}
	return out
}

// Seconds prints a time or duration in ns as decimal seconds with six digits,
// rounded down.
func Seconds(ns int64) string {
	var buf [24]byte
	b := buf[:0]
	if ns < 0 {
		b, ns = append(b, '-'), -ns
	}
	b = append(strconv.AppendInt(b, ns/1e9, 10), '.')
	us := ns % 1e9 / 1e3
	for unit := int64(100_000); unit > 1 && us < unit; unit /= 10 {
		b = append(b, '0')
	}
	return string(strconv.AppendInt(b, us, 10))
}
