package say

import (
	"errors"
	"fmt"

	"schedreplay/findings"
	"schedreplay/loop"
	"schedreplay/replay"
)

// Helped says what the section of what would have helped is made of, and how far to
// believe it.
func Helped(h *findings.Helped) []string {
	out := append([]string{fmt.Sprintf("The closed loop runs the work of the recording on a machine of its own: %s of each scenario, seed %d. "+
		"Figures are the middle of the runs, in brackets the 5th and the 95th of a hundred. %s and %s make more runs and take other scenarios.",
		Counted(int64(h.Loop.Runs), "run"), h.Loop.Seed, Code("schedreplay advise"), Code("whatif"))}, Trust(&h.Loop.Trust)...)
	for i := range h.CPUs {
		if c := &h.CPUs[i]; c.Understated() {
			out = append(out, fmt.Sprintf("In most runs of the recorded kernel the intruders hardly come to CPU %d: what a scenario gains there is understated.", c.CPU))
		}
	}
	return out
}

// NotHelped says why a report has no closed loop.
func NotHelped(err error) string {
	if errors.Is(err, loop.ErrTooMuch) {
		return fmt.Sprintf("What would have helped was not tried: the recording is too long for what a report may cost. Say %s, or ask %s.", Code("report --runs 8"), Code("schedreplay advise"))
	}
	return "What would have helped was not tried: " + Clean(err.Error()) + ". It takes sched_switch, sched_waking, sched_wakeup and sched_migrate_task of all CPUs, and the machine’s host bundle."
}

// DurationBand writes a band of durations: the middle, and the ends where they differ.
func DurationBand(b loop.Band) string { return band(b, Duration) }

// CountBand writes a band of counts.
func CountBand(b loop.Band) string { return band(b, Count) }

func band(b loop.Band, text func(int64) string) string {
	switch {
	case !b.Known:
		return "–"
	case b.Lo == b.Hi:
		return text(b.Mid)
	}
	return fmt.Sprintf("%s (%s–%s)", text(b.Mid), text(b.Lo), text(b.Hi))
}

// ScenarioName tells a scenario of the closed loop in a report's table.
func ScenarioName(h *findings.Helped, name string) string {
	switch name {
	case "baseline":
		return "the same, in the loop"
	case string(replay.RolePatched):
		return "with the fix"
	case string(replay.RoleOriginal):
		return "without the fix"
	}
	for i := range h.Remedies {
		if m := &h.Remedies[i]; m.Scenario.Name == name {
			return RemedyTitle(m)
		}
	}
	return name
}
