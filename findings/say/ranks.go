package say

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"schedreplay/findings"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// KernelConclusion says what follows from ranks for smt-span and for the kernel named, the
// gravest first.
func KernelConclusion(r *findings.Ranks) []string {
	const fix = rules.FixSMTSpan
	h := r.Result.Host
	if r.Decisions() == 0 {
		why := "the capture shows no placement"
		if len(h.CPU) == 0 {
			why = "the topology of the machine is not known; give a host bundle with --host"
		}
		return []string{"No decision can be judged, so the recording tells nothing about the kernel: " + why + "."}
	}
	var out []string
	undecided := "The recording does not tell whether the kernel has smt-span: "
	iso, known := h.Isolated.Get()
	e := r.Telling()
	switch {
	case e != nil:
		story := fmt.Sprintf("at %s s %s came from CPU %d to isolated CPU %d, outside its sched domain", replay.Seconds(e.Time), TaskName(e.Task), e.PrevCPU, e.RecordedCPU)
		if len(e.Lacking) == 1 {
			out = append(out, fmt.Sprintf("No kernel with %s can have made this recording: %s.", fix, story))
			break
		}
		out = append(out, fmt.Sprintf("No kernel with both %s and %s can have made this recording: %s.", e.Lacking[0], e.Lacking[1], story))
		if r.Without >= 0 && r.Rank[r.Without] == 1 && (r.With < 0 || r.Rank[r.With] != 1) {
			out = append(out, fmt.Sprintf("Those that explain it best lack %s.", fix))
		}
	case !known:
		out = append(out, undecided+"which CPUs are isolated is not known; name them with --isolated.")
	case iso.Empty():
		out = append(out, undecided+"no CPU is isolated, so nothing could be entered.")
	case len(r.Entries) > 0:
		out = append(out, undecided+"what came to an isolated CPU from inside the sched domains can have come otherwise.")
	default:
		out = append(out, undecided+"it shows no task that only a kernel without it puts on an isolated CPU.")
		out = append(out, closeness(r)...)
	}
	if only := r.Result.Only; !only.Empty() && e == nil {
		out = append(out, fmt.Sprintf("Only CPU %s was recorded: what came there from other CPUs, and how, is not in it.", only))
	}
	if r.Last() == 1 {
		out = append(out, "Every kernel explains it equally well.")
	}
	if r.NamedImpossible() {
		what := "The recorded release"
		if r.Named.Name != h.Release.Value {
			what = "The kernel named"
		}
		out = append(out, fmt.Sprintf("%s, %s, cannot have made it.", what, r.Named.Name))
	}
	return out
}

// closeness compares the best kernel with smt-span and the best without, where no entry
// decides.
func closeness(r *findings.Ranks) []string {
	if r.With < 0 || r.Without < 0 {
		return nil
	}
	x, y, n := r.Scores[r.With].Missed(), r.Scores[r.Without].Missed(), r.Decisions()
	facts := fmt.Sprintf("he best kernel with it cannot have made %d of %d decisions, the best without it %d", x, n, y)
	switch {
	case x == y:
		return nil
	case (y-x)*100 > n:
		return []string{"Yet it fits kernels with smt-span better: t" + facts + "."}
	}
	return []string{"T" + facts + ": a difference that timing alone can make."}
}

// CameTo tells a decision in one clause.
func CameTo(w *replay.Wakeup) string {
	return fmt.Sprintf("at %s s %s %s -> %s", replay.Seconds(w.Time), TaskName(w.Task), CPUText(w.PrevCPU), CPUText(w.RecordedCPU))
}

// CPUText is a CPU number, "?" if it is not known.
func CPUText(cpu int) string {
	if cpu < 0 {
		return "?"
	}
	return strconv.Itoa(cpu)
}

// WhoCan says which kernels can have made an entry.
func WhoCan(e *findings.RankedEntry) string {
	if e.Lacking == nil {
		return fmt.Sprintf("possible with %d of %d kernels only", e.Kernels, len(e.Can))
	}
	return "without " + strings.Join(Fixes(e.Lacking), " or ") + " only"
}

// NamedRank tells the rank of the kernel named, and decisions that it cannot have made; ""
// if none was named.
func NamedRank(r *findings.Ranks) string {
	switch {
	case r.Named == nil:
		return ""
	case r.NamedAt < 0 && len(r.Named.Unknown) > 0:
		return fmt.Sprintf("Which fixes %s carries is not known (%s): it has no rank of its own.", r.Named.Name, strings.Join(Fixes(r.Named.Unknown), ", "))
	case r.NamedAt < 0:
		return ""
	}
	s := &r.Scores[r.NamedAt]
	out := fmt.Sprintf("%s is rank %d.", r.Named.Name, r.Rank[r.NamedAt])
	if r.Rank[r.NamedAt] == 1 || len(s.RuledOutBy) == 0 {
		return out
	}
	list := Each(s.RuledOutBy, func(w replay.Wakeup) string { return CameTo(&w) })
	return out + " It cannot have made, and others can: " + strings.Join(list, "; ") + "."
}

// Fixes are the names of fixes.
func Fixes(fs []rules.Fix) []string { return Each(fs, func(f rules.Fix) string { return string(f) }) }

// Releases are the releases among a candidate's names, neighbouring rows of the table as a
// range; "" if it is none.
func Releases(k *rules.Candidate) string {
	var list []string
	for _, n := range append([]string{k.Kernel.Name}, k.Same...) {
		if !strings.ContainsAny(n, "+-") {
			list = append(list, n)
		}
	}
	return Ranges(list)
}

// Ranges lists releases, three or more neighbouring rows of the table as the first and the
// last.
func Ranges(list []string) string {
	next := map[string]string{}
	table := rules.Rows()
	for i := 1; i < len(table); i++ {
		next[table[i-1].Name()] = table[i].Name()
	}
	var out []string
	for i := 0; i < len(list); {
		j := i + 1
		for j < len(list) && next[list[j-1]] == list[j] {
			j++
		}
		if j-i >= 3 {
			out = append(out, list[i]+"–"+list[j-1])
		} else {
			out = append(out, list[i:j]...)
		}
		i = j
	}
	return strings.Join(out, ", ")
}

// Toggles counts the fixes that a name adds and takes away.
func Toggles(name string) int { return strings.Count(name, "+") + strings.Count(name, "-") }

// beforeFix is the last place before width at which a name can be broken: where
// a fix begins.
func beforeFix(line string, width int) int {
	for i := min(width, len(line)-1); i > 0; i-- {
		if line[i] != '+' && line[i] != '-' {
			continue
		}
		for _, f := range rules.Fixes() {
			if strings.HasPrefix(line[i+1:], string(f)) {
				return i
			}
		}
	}
	return -1
}

// FitKernels puts names into so many lines at most, breaking a long one before a
// fix; left are those that found no room.
func FitKernels(names []string, width, lines int, all bool) (text []string, left int) {
	var out []string
	line := ""
	put := func(word string) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			out, line = append(out, line), word
		}
		for utf8.RuneCountInString(line) > width {
			cut := beforeFix(line, width)
			if cut <= 0 {
				break
			}
			out, line = append(out, line[:cut]), "  "+strings.TrimLeft(line[cut:], " ")
		}
	}
	for i, n := range names {
		if i < len(names)-1 {
			n += ","
		}
		wasOut, wasLine := slices.Clone(out), line
		for word := range strings.FieldsSeq(n) {
			put(word)
		}
		if !all && i > 0 && len(out)+1 > lines {
			return append(wasOut, strings.TrimSuffix(wasLine, ",")), len(names) - i
		}
	}
	return append(out, line), 0
}
