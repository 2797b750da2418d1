package say

import (
	"fmt"
	"strconv"

	"schedreplay/findings"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Milliseconds prints ns to the microsecond: what is held against a bound is not rounded
// across it.
func Milliseconds(ns int64) string {
	sign := ""
	if ns < 0 {
		sign, ns = "-", -ns
	}
	return fmt.Sprintf("%s%d.%03d ms", sign, ns/1e6, ns%1e6/1e3)
}

// Found says what a gate found, in a few words.
func Found(j *findings.Judgement) string {
	switch j.Isolation {
	case findings.IsolationUnknown:
		return "which CPUs are isolated is not known; name them with --isolated"
	case findings.NoneIsolated:
		return "no CPU is isolated; if that is wrong, name them with --isolated"
	case findings.NoneLookedAt:
		return "nothing is known of the isolated CPUs: none of them was recorded"
	}
	if j.Unwoken {
		return "no waking and no off-CPU gap of an owner was recorded; name it with --owner"
	}
	value := Milliseconds(j.Value)
	switch j.Measure {
	case findings.ForeignTime:
		s := "foreign tasks ran for " + value
		if j.Value <= j.Max && !j.Holds {
			s += fmt.Sprintf(", but who ran for another %s is not known", Milliseconds(j.Unknown))
		}
		return s
	case findings.EntryCount:
		s := Counted(j.Value, "entry", "entries")
		if j.Unknown > 0 {
			s += fmt.Sprintf(" (%s unseen: the recording does not tell whether the task was there before)", Count(j.Unknown))
		}
		return s
	case findings.OwnerP99:
		if j.TooFew {
			noun := [replay.WaitKinds]string{"wakings", "off-CPU gaps"}[j.Kind]
			return fmt.Sprintf("too few %s for a p99 (%d), the longest %s is %s", noun, j.Waits, WaitNoun(j.Kind), value)
		}
		return fmt.Sprintf("the owners' p99 %s is %s", WaitNoun(j.Kind), value)
	case findings.OwnerWorst:
		return fmt.Sprintf("the longest %s of an owner is %s", WaitNoun(j.Kind), value)
	}
	s := Counted(j.Value, "event") + " lost"
	if j.Unknown > 0 {
		s += fmt.Sprintf(", and an unknown number in %s", Counted(j.Unknown, "place"))
	}
	return s
}

// Broken says what a gate found and what it demands.
func Broken(j *findings.Judgement) string {
	bound := Milliseconds(j.Max)
	if j.Measure == findings.EntryCount || j.Measure == findings.LostEvents {
		bound = Count(j.Max)
	}
	return fmt.Sprintf("%s; the bound is %s", Found(j), bound)
}

// Stamp prints a time with all its digits, "?" if it is not known.
func Stamp(ns int64) string { return string(AppendStamp(nil, ns)) }

// AppendStamp appends what [Stamp] prints.
func AppendStamp(b []byte, ns int64) []byte {
	if ns == parser.NoTime {
		return append(b, '?')
	}
	if ns < 0 {
		b, ns = append(b, '-'), -ns
	}
	b = append(strconv.AppendInt(b, ns/1e9, 10), '.')
	for least := int64(1e8); least > 1 && ns%1e9 < least; least /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, ns%1e9, 10)
}

// Remaining says how many of a stay's wakings, the entry included, a kernel leaves.
func Remaining(certain, possible, of int64) string {
	switch {
	case certain == 0 && possible == 0:
		return fmt.Sprintf("none of the %d", of)
	case certain == 0:
		return fmt.Sprintf("possibly %d of %d", possible, of)
	case possible > 0:
		return fmt.Sprintf("%d of %d, possibly %d more", certain, of, possible)
	}
	return fmt.Sprintf("%d of %d", certain, of)
}

// ScenarioFound says what a gate found of a scenario in the closed loop.
func ScenarioFound(m findings.Measure, v int64, kind replay.WaitKind) string {
	switch m {
	case findings.ForeignTime:
		return "foreign tasks run for " + Duration(v)
	case findings.EntryCount:
		return Counted(v, "entry", "entries")
	case findings.OwnerP99:
		return fmt.Sprintf("the owner's p99 %s is %s", WaitNoun(kind), Duration(v))
	}
	return fmt.Sprintf("the owner's longest %s is %s", WaitNoun(kind), Duration(v))
}
