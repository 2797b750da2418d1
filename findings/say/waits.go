package say

import (
	"fmt"

	"schedreplay/stats"

	"schedreplay/findings"
	"schedreplay/parser"
	"schedreplay/replay"
)

// WaitNoun names a kind of waits: "sch delay", "off-CPU gap".
func WaitNoun(k replay.WaitKind) string {
	return [replay.WaitKinds]string{"sch delay", "off-CPU gap"}[k]
}

// CountedWaits counts waits of a kind by what they begin with: "3 wakings", "3 off-CPU
// gaps".
func CountedWaits(n int64, k replay.WaitKind) string {
	return Counted(n, [replay.WaitKinds]string{"waking", "off-CPU gap"}[k])
}

// WaitWords says what a kind of waits is.
func WaitWords(k replay.WaitKind) string {
	return [replay.WaitKinds]string{"from waking to running", "off its CPU while runnable, not having slept"}[k]
}

// cost says what the owner suffered.
func cost(c *findings.CPU) []string {
	if c.Owner == nil {
		if c.All.Stays() == 0 {
			return nil
		}
		return []string{
			fmt.Sprintf("whom it delayed is not known: the recording shows no task that belongs to CPU %d", c.CPU),
			"Name the owner with --owner",
		}
	}
	owner := TaskName(*c.Owner)
	if !c.Waited() {
		return []string{fmt.Sprintf("the recording shows no waking of %s and no off-CPU gap, so how long it waited is not known", owner)}
	}
	kind := c.Kind()
	w := c.Told()
	free, intruded := w.Free.Count(), w.Intruded.Count()
	var out []string
	switch {
	case kind == replay.OffCPUGap:
		out = append(out, gaps(c, "%s never sleeps, so its latency is the time that it was off CPU %d while runnable", owner)...)
	case intruded == 0 && c.All.Stays() == 0:
		out = append(out, fmt.Sprintf("%s waited at most %s to run on CPU %d, in %s", owner, Duration(w.Worst()), c.CPU, Counted(free, "waking")))
	case intruded == 0:
		out = append(out, fmt.Sprintf("none of the %s of %s fell into an intruder’s run; it waited at most %s", Counted(free, "waking"), owner, Duration(w.Worst())))
	default:
		out = append(out, fmt.Sprintf("%s of the %s of %s met an intruder on the core and waited %s", Count(intruded), Counted(free+intruded, "waking"), owner, delays(w.Intruded)))
		if free > 0 {
			out = append(out, fmt.Sprintf("Without one it waited %s", delays(w.Free)))
		}
	}
	if all := findings.CausesOf(w.Parts); len(all) > 1 {
		out = append(out, "That time went to "+CausesWords(all))
	}
	if l := c.LongestWaits[kind]; len(l) > 0 {
		if p := findings.CausesOf(l[0].Parts)[0]; p.Cause == replay.CauseRecorder {
			out = append(out, fmt.Sprintf("The recorder caused the longest %s: %s ran for %s of it", WaitNoun(kind), TaskName(p.Task), Duration(p.NS)))
		}
	}
	if kind == replay.SchDelay && c.Waits[replay.OffCPUGap].Count() > 0 {
		out = append(out, gaps(c, "%s was also taken off CPU %d in the midst of its work", CommName(*c.Owner))...)
	}
	return out
}

// gaps tells of the owner's off-CPU gaps, after a sentence on owner and CPU.
func gaps(c *findings.CPU, intro, owner string) []string {
	w := &c.Waits[replay.OffCPUGap]
	free, intruded := w.Free.Count(), w.Intruded.Count()
	s := fmt.Sprintf(intro, owner, c.CPU) + fmt.Sprintf(": %s of %s", Counted(free+intruded, "off-CPU gap"), Duration(w.Sum()))
	if free+intruded == 1 {
		with := "with"
		if intruded == 0 {
			with = "without"
		}
		return []string{s + ", " + with + " an intruder on the core"}
	}
	s += " in all"
	switch {
	case intruded == 0:
		return []string{s + fmt.Sprintf(", none with an intruder on the core, up to %s", Duration(w.Worst()))}
	case free == 0:
		return []string{s + ", each with an intruder on the core, " + delays(w.Intruded)}
	}
	return []string{s, fmt.Sprintf("%s of them met an intruder on the core and lasted %s, the others %s", Count(intruded), delays(w.Intruded), delays(w.Free))}
}

// PatchShortens reports whether the first alternative is a patched kernel that would have
// kept intruders out of some of the waits.
func PatchShortens(res *replay.Result, w *replay.Waits) bool {
	return res.Baseline == replay.RoleOriginal && len(res.Alternatives) > 0 && w.Patched.Sum() < w.Sum()
}

// delays says how long some waits were.
func delays(h *stats.Dist) string {
	if h.Count() == 1 {
		return Duration(h.Max())
	}
	return fmt.Sprintf("%s at the median and up to %s", Duration(h.Median()), Duration(h.Max()))
}

// CauseWords says what a part of a wait went to.
func CauseWords(p *replay.Part) string {
	who := TaskName(p.Task)
	switch p.Cause {
	case replay.CauseForeign:
		return "intruder " + who
	case replay.CausePinned:
		return "pinned task " + who
	case replay.CauseHousekeeping:
		return "housekeeping by " + who
	case replay.CauseRecorder:
		return "the recorder, " + who
	case replay.CauseThrottled:
		if p.Task.PID <= 0 {
			return "RT throttling, the CPU idle"
		}
		return "RT throttling, " + who + " ran"
	case replay.CauseHardirq:
		return "interrupt " + parser.DisplayComm(p.Name)
	case replay.CauseSoftirq:
		return "softirq " + parser.DisplayComm(p.Name)
	case replay.CauseIdleState:
		return "the CPU leaving idle " + p.Name
	}
	return CauseName(p.Cause)
}

// CausesWords says what a wait went to, the costliest first, each with its time.
func CausesWords(c findings.Causes) string {
	return JoinUpTo(Each(c, func(p replay.Part) string { return CauseWords(&p) + " " + Duration(p.NS) }), 3, "cause")
}

// CauseName names a cause.
func CauseName(c replay.Cause) string {
	return [replay.Causes]string{
		"not known", "intruders", "others pinned here", "housekeeping", "the recorder", "RT throttling", "the CPU idle or held", "on another CPU before",
		"interrupts", "softirqs", "the CPU leaving an idle state",
	}[c]
}

func worstTile(f *findings.Findings, label string) Tile {
	w := f.WorstWait()
	switch {
	case w.Known:
	case f.Sum.Owners == 0:
		return Tile{label, "not known", "the owner is not known"}
	default:
		return Tile{label, "not known", "no waking of the owner recorded, no off-CPU gap"}
	}
	note := fmt.Sprintf("%s on CPU %d", WaitNoun(w.Kind), w.CPU)
	if w.AtNS != parser.NoTime {
		note += fmt.Sprintf(", at %s", Clock(w.AtNS))
	}
	switch {
	case len(w.Causes) > 0 && w.Causes[0].Cause == replay.CauseRecorder:
		note += fmt.Sprintf(", behind the recorder (%s)", CommName(w.Causes[0].Task))
	case len(w.Causes) > 0 && w.Causes[0].Task.PID > 0:
		note += ", behind " + CommName(w.Causes[0].Task)
	case w.Intruded:
		note += ", behind an intruder"
	}
	return Tile{label, Duration(w.NS), note}
}
