package say

import (
	"fmt"

	"schedreplay/findings"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// withFix says what becomes of the stays that began within the window under the patched
// kernel, which it names with the commits of its fixes if they are wanted.
func withFix(f *findings.Findings, c *findings.CPU, commits bool) []string {
	h := &c.Came
	m := h.Main
	o := f.Outcome(c)
	if o == findings.OutcomeNone {
		return nil
	}
	if o == findings.OutcomeSameKernel {
		return []string{fmt.Sprintf("both kernels compared follow the same rules (%s), so nothing changes", Kernel(f.Result.Patched)), "Name another with --patched"}
	}
	if o == findings.OutcomeHasFix {
		return hasFix(f, c)
	}
	k := patched(f, commits)
	var out []string
	switch o {
	case findings.OutcomeUnreproduced:
		out = append(out, fmt.Sprintf("whether %s would prevent it is not known, since the model does not reproduce the entry as recorded", k))
		if o, p := &m.Entry.Original, &m.Entry.Patched; o.CPU >= 0 && o.CPU == p.CPU {
			out = append(out, fmt.Sprintf("Under either kernel it puts %s on CPU %d", CommName(m.Task), o.CPU))
		}
		return out
	case findings.OutcomeUnseen:
		out = append(out, fmt.Sprintf("whether %s would have kept %s out is not known, since the recording does not show how %s came in", k, pronoun(int(h.Stays())), subject(h.Stays())))
		if h.Remains.MaxNS >= h.NS {
			out = append(out, noFixMoves(int(h.Stays())))
		} else {
			out = append(out, fmt.Sprintf("It would leave %s", rest(h.Remains, h.NS)))
		}
	case findings.OutcomeNotWoken:
		out = append(out, fmt.Sprintf("no wakeup brought %s in, and %s changes wakeups only: the model takes the time held as recorded", pronoun(int(h.Stays())), k))
	case findings.OutcomeGone:
		out = append(out, fmt.Sprintf("%s prevents all of it", k), instead(m), landsNowhere(h))
	case findings.OutcomeAll:
		out = append(out, fmt.Sprintf("%s prevents none of it", k))
		if m.Entry != nil && m.Entry.Moved == replay.MovedNo {
			out = append(out, "Both kernels decide the entry alike")
		}
	default:
		out = append(out, fmt.Sprintf("%s would leave %s", k, rest(h.Remains, h.NS)))
		if o != findings.OutcomePart {
			out = append(out, instead(m))
		}
	}
	for i, r := range h.More {
		if a := f.Result.Alternatives; i+1 < len(a) {
			out = append(out, fmt.Sprintf("%s would leave %s", Kernel(a[i+1].Kernel), rest(r, h.NS)))
		}
	}
	switch f.Leaning(c) {
	case findings.LeansOnKernel:
		out = append(out, "That is possible, not certain: which kernel was recorded is assumed")
	case findings.LeansOnAssumption:
		out = append(out, "That is possible, not certain: it rests on an assumption, such as the affinity of a task that nothing records")
	}
	if n := h.Entries.Dropped; n > 0 {
		out = append(out, fmt.Sprintf("Of %s beyond the first %s only the time is known", Counted(n, "stay"), Count(replay.MaxStays)))
	}
	return out
}

func subject(stays int64) string {
	if stays == 1 {
		return "it"
	}
	return "they"
}

// landsNowhere says that no waking lands on an isolated CPU.
func landsNowhere(h *findings.Held) string {
	switch {
	case h.Wakings == 1:
		return "That one wakeup was all"
	case h.Stays() == 1:
		return fmt.Sprintf("None of its %s (the entry and %s after it) lands on an isolated CPU", Counted(h.Wakings, "waking"), Count(h.Wakings-1))
	}
	return fmt.Sprintf("None of the %s of the foreign tasks lands on an isolated CPU", Counted(h.Wakings, "waking"))
}

// rest says how much of ns remains.
func rest(r findings.Remains, ns int64) string {
	switch {
	case r.Nothing():
		return fmt.Sprintf("nothing of the %s", Duration(ns))
	case r.MinNS >= ns:
		return fmt.Sprintf("all of the %s", Duration(ns))
	case r.MinNS == r.MaxNS:
		return fmt.Sprintf("%s of the %s", Duration(r.MinNS), Duration(ns))
	case r.MinNS == 0 && r.MaxNS >= ns:
		return fmt.Sprintf("anything from nothing to all of the %s, depending on facts that are not known", Duration(ns))
	}
	return fmt.Sprintf("between %s and %s of the %s, depending on facts that are not known", Duration(r.MinNS), Duration(r.MaxNS), Duration(ns))
}

// instead says where the patched kernel would have put the task at the entry; empty if
// that is not known.
func instead(m *replay.Stay) string {
	if m.Entry == nil || m.Entry.Patched.CPU < 0 {
		return ""
	}
	p := &m.Entry.Patched
	if p.Certain() {
		return fmt.Sprintf("At the entry it puts %s on CPU %d (path %s)", CommName(m.Task), p.CPU, p.Path)
	}
	s := fmt.Sprintf("At the entry it most likely puts %s on CPU %d (path %s)", CommName(m.Task), p.CPU, p.Path)
	if p.Bounded {
		s += fmt.Sprintf(", and surely on one of %s", CPUNoun(p.May()))
	}
	return s
}

// noFixMoves says why tasks stay on an isolated CPU.
func noFixMoves(tasks int) string {
	return fmt.Sprintf("No fix moves %s: a task whose %s is an isolated CPU has no sched domain there to leave by", pronoun(tasks), Code("prev_cpu"))
}

// hasFix says what would have come to CPUs without the fix that the recorded kernel has.
func hasFix(f *findings.Findings, cpus ...*findings.CPU) []string {
	w := f.Without(cpus...)
	k, where := Kernel(f.Result.Original), CPUNoun(findings.CPUs(cpus))
	var s string
	switch n := Counted(w.Entries, "wakeup"); {
	case w.Entries+w.EntriesPossible == 0:
		s = fmt.Sprintf("%s would have brought no foreign task to %s by a wakeup either", k, where)
	case w.EntriesPossible == 0:
		s = fmt.Sprintf("under %s %s would have brought foreign tasks to %s", k, n, where)
	case w.Entries == 0:
		s = fmt.Sprintf("under %s %s may have brought foreign tasks to %s", k, Counted(w.EntriesPossible, "wakeup"), where)
	default:
		s = fmt.Sprintf("under %s %s would have brought foreign tasks to %s, and %s more may have", k, n, where, Count(w.EntriesPossible))
	}
	out := []string{fmt.Sprintf("your kernel has the fix: %s carries smt-span (%s)", Kernel(f.Result.Patched), commit(rules.FixSMTSpan)), s}
	if w.Entries > 0 {
		out = append(out, fmt.Sprintf("In the recording those tasks then ran for %s elsewhere", Duration(w.HeldNS)))
	}
	return out
}
