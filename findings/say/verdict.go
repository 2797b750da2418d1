package say

import (
	"fmt"
	"strings"

	"schedreplay/fact"
	"schedreplay/findings"
)

// Paragraph is one paragraph of the verdict: what it is about, in a word or two, and its
// sentences.
type Paragraph struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// paragraphs collects sentences under their labels; empty ones are left out.
type paragraphs []Paragraph

func (p *paragraphs) add(label string, sentences ...string) {
	var s []string
	for _, t := range sentences {
		if t != "" {
			s = append(s, Sentence(t))
		}
	}
	if len(s) > 0 {
		*p = append(*p, Paragraph{label, strings.Join(s, " ")})
	}
}

// Verdict says in full what a recording amounts to.
func Verdict(f *findings.Findings) []Paragraph {
	var out paragraphs
	out.add("What happened", whatHappened(f)...)
	if held := f.Visited(); len(held) > 0 {
		out = append(out, about(f, held[0])...)
		out.add("Tonight", tonight(f)...)
	} else if len(f.CPUs) > 0 {
		out.add("What it cost", cost(f.CPUs[0])...)
		if f.HasFix() {
			out.add("With the fix", hasFix(f, f.CPUs...)...)
		}
	}
	label := "Elsewhere"
	if len(f.CPUs) == 0 {
		label = "With the fix"
	}
	out.add(label, elsewhere(f))
	out.add("How sure", fidelity(f)...)
	return out
}

// About says in full what there is to say of one CPU.
func About(f *findings.Findings, c *findings.CPU) []Paragraph {
	var out paragraphs
	out.add("What happened", whatHeld(c)...)
	return append(out, about(f, c)...)
}

// about is what there is to say of a CPU beyond what held it.
func about(f *findings.Findings, c *findings.CPU) []Paragraph {
	var out paragraphs
	out.add("What it cost", cost(c)...)
	if m := c.Came.Main; m != nil {
		out.add("How it came in", append(entry(c, m), consequence(m))...)
		if m.Entry != nil {
			out.add("Why", why(f, m.Entry)...)
		}
		out.add("With the fix", withFix(f, c, true)...)
	}
	out.add("Already there", residents(f, c)...)
	return out
}

// whatHappened opens the verdict.
func whatHappened(f *findings.Findings) []string {
	res := f.Result
	held := f.Visited()
	switch f.Isolation() {
	case findings.IsolationUnknown:
		return []string{
			"neither the capture nor a description of the host says which CPUs are isolated",
			"To learn who intruded on them, name them with --isolated CPULIST or give a host bundle with --host",
		}
	case findings.NoneIsolated:
		return []string{fmt.Sprintf("no CPU of this host is isolated (%s), so there is nothing to intrude on", source(res.Isolated))}
	case findings.NoneLookedAt:
		return []string{fmt.Sprintf("none of the CPUs looked at is isolated; isolated: %s", CPUNoun(res.Isolated.Value))}
	}
	switch {
	case len(held) == 0:
		return nobody(f)
	case len(f.CPUs) == 1:
		return whatHeld(held[0])
	}
	s := []string{fmt.Sprintf("foreign tasks ran on %d of the %d isolated CPUs looked at, for %s in all", len(held), len(f.CPUs), Duration(f.Sum.Held.NS))}
	if len(held) > 1 {
		s = append(s, fmt.Sprintf("The rest of this verdict is about CPU %d; sections further down cover the others", held[0].CPU))
	}
	return append(s, whatHeld(held[0])...)
}

// source names where a fact is from: "by isolcpus= of /proc/cmdline".
func source[T any](f fact.Fact[T]) string {
	if f.Source == "" {
		return f.From.String()
	}
	return "by " + Clean(f.Source)
}

// nobody says that no foreign task ran on the CPUs, and how well that is known.
func nobody(f *findings.Findings) []string {
	s := []string{fmt.Sprintf("no foreign task ran on isolated %s in the %s recorded", CPUNoun(findings.CPUs(f.CPUs)), Duration(f.WindowNS()))}
	if f.Sum.UnknownNS > 0 {
		s = append(s, fmt.Sprintf("For %s of that time the recording does not show who ran there", Duration(f.Sum.UnknownNS)))
	}
	return s
}

// whatHeld says who held a CPU and for how long: all foreign tasks, those that were there
// before too.
func whatHeld(c *findings.CPU) []string {
	h := &c.All
	who := fmt.Sprintf("%d foreign tasks", len(c.Tasks))
	if len(c.Tasks) == 1 {
		who = TaskName(c.Tasks[0].Task)
	}
	where := fmt.Sprintf("CPU %d", c.CPU)
	if owners := c.Owners(); len(owners) > 0 {
		where += fmt.Sprintf(", the CPU of %s,", JoinUpTo(Each(owners, TaskName), 3, "task"))
	}
	if h.Runs == 0 {
		return []string{fmt.Sprintf("%s came to %s but the recording shows no run of %s there", who, where, pronoun(len(c.Tasks)))}
	}
	s := fmt.Sprintf("%s held %s for %s%s of the %s recorded (%s), in %s", who, where, AtLeast(h.AtLeast()), Duration(h.NS),
		Duration(c.WindowNS), Percent(h.NS, c.WindowNS), Counted(h.Runs, "run"))
	if len(c.Tasks) > 1 {
		var list []string
		for _, t := range c.Tasks {
			took := fmt.Sprintf("%s in %s", Duration(t.NS), Counted(t.Runs, "run"))
			if t.Runs == 0 {
				took = "without a recorded run"
			}
			list = append(list, TaskName(t.Task)+" "+took)
		}
		s += ": " + JoinUpTo(list, 3, "task")
	}
	out := []string{s}
	switch r := &c.Resident; {
	case r.Stays() == 0:
	case c.Came.Stays() == 0:
		out = append(out, fmt.Sprintf("%s there when the capture begins", map[bool]string{true: "It was", false: "All were"}[len(c.Tasks) == 1]))
	default:
		out = append(out, fmt.Sprintf("%s of that is of tasks that were there when the capture begins", Duration(r.NS)))
	}
	if h.AtLeast() {
		out = append(out, fmt.Sprintf("%s cut by the window’s edge or a gap", Counted(h.CutRuns, "run is", "runs are")))
	}
	return out
}

// pronoun stands for so many tasks.
func pronoun(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// residents tells of the tasks that were there when the capture begins.
func residents(f *findings.Findings, c *findings.CPU) []string {
	h := &c.Resident
	if h.Stays() == 0 {
		return nil
	}
	var names []string
	for _, t := range c.Tasks {
		if t.Residents > 0 {
			names = append(names, TaskName(t.Task))
		}
	}
	was, it := "were", "they"
	if len(names) == 1 {
		was, it = "was", "it"
	}
	var out []string
	if c.Came.Stays() > 0 {
		out = append(out, fmt.Sprintf("%s %s there when the capture begins and ran %s%s in %s", JoinUpTo(names, 4, "task"), was, AtLeast(h.AtLeast()), Duration(h.NS), Counted(h.Runs, "run")))
	}
	out = append(out, fmt.Sprintf("how %s came is outside the capture", it))
	switch r := h.Remains; {
	case f.Result.Patched == nil:
	case r.MinNS >= h.NS && r.Possible == 0:
		out = append(out, noFixMoves(len(names)))
	default:
		out = append(out, fmt.Sprintf("%s would leave %s", patched(f, false), rest(r, h.NS)))
	}
	return out
}

// elsewhere says what the patch changes for tasks that did not intrude.
func elsewhere(f *findings.Findings) string {
	res, e := f.Result, &f.Elsewhere
	switch {
	case res.Patched == nil || f.Fix.Same:
		return ""
	case !f.TopologyKnown():
		return "what the patch changes is not known, since the machine’s topology is not"
	case res.Unplaced > 0 && f.Fidelity.Judged() <= 0:
		return "what the patch changes is not known, since the recording does not tell enough of any wakeup"
	}
	noun, who := "other task", "other tasks"
	if e.Any {
		noun, who = "task", "any task"
	}
	if e.Tasks == 0 {
		return "the patch changes no recorded wakeup of " + who
	}
	leave, come := e.Leave, e.Come
	if f.HasFix() { // the other kernel is the one without it
		leave, come = come, leave
	}
	var parts []string
	if leave > 0 {
		parts = append(parts, Counted(leave, "leaves an isolated CPU", "leave an isolated CPU"))
	}
	if come > 0 {
		parts = append(parts, Counted(come, "comes to an isolated CPU", "come to an isolated CPU"))
	}
	if e.Within > 0 {
		parts = append(parts, Counted(e.Within, "moves between other CPUs", "move between other CPUs"))
	}
	return changes(f, noun) + ": " + Join(parts)
}

// changes says how many wakeups of such tasks the kernel beside the recorded one decides
// otherwise.
func changes(f *findings.Findings, noun string) string {
	e := &f.Elsewhere
	tasks := Counted(e.Tasks, noun)
	if f.HasFix() {
		switch of := tasks + " would go to another CPU"; {
		case e.Certain > 0 && e.Possible > 0:
			return fmt.Sprintf("without the fix %s of %s for certain and %s possibly", Counted(e.Certain, "wakeup"), of, Count(e.Possible))
		case e.Certain > 0:
			return fmt.Sprintf("without the fix %s of %s for certain", Counted(e.Certain, "wakeup"), of)
		}
		return fmt.Sprintf("without the fix %s of %s may go to another CPU", Counted(e.Possible, "wakeup"), tasks)
	}
	switch {
	case e.Certain > 0 && e.Possible > 0:
		return fmt.Sprintf("the patch changes %s of %s for certain and %s possibly", Counted(e.Certain, "wakeup"), tasks, Count(e.Possible))
	case e.Certain > 0:
		return fmt.Sprintf("the patch changes %s of %s for certain", Counted(e.Certain, "wakeup"), tasks)
	}
	return fmt.Sprintf("the patch may change %s of %s", Counted(e.Possible, "wakeup"), tasks)
}

// Fidelity says how well the model explains the recording.
func Fidelity(f *findings.Findings) string {
	var out paragraphs
	out.add("", fidelity(f)...)
	return out[0].Text
}

func fidelity(f *findings.Findings) []string {
	n := f.Fidelity.Judged()
	if f.Recorded() == nil || n <= 0 {
		why := "the recording holds no decision that could be judged"
		if f.Fidelity.Unjudged > 0 {
			why = fmt.Sprintf("none of the %s could be judged, since the topology is not known", Counted(f.Fidelity.Decisions, "decision"))
		}
		return []string{"how well the model fits this recording is not known: " + why}
	}
	out := []string{
		fmt.Sprintf("the model of %s predicts the recorded CPU in %s of %s and holds it possible in %s", Kernel(f.Recorded()),
			Percent(f.Fidelity.Exact, n), Counted(n, "decision"), Percent(f.Fidelity.Covered, n)),
		fmt.Sprintf("On average it holds %.1f CPUs possible", f.Fidelity.PossibleMean()),
	}
	if f.Fidelity.Unjudged > 0 {
		out = append(out, fmt.Sprintf("%s more could not be judged", Count(f.Fidelity.Unjudged)))
	}
	if f.Fix.Assumed {
		out = append(out, "Which kernel was recorded is assumed")
	}
	return out
}

// Warnings are what a reader must know before he relies on the verdict.
func Warnings(f *findings.Findings) []string {
	var out []string
	if n := f.Fidelity.Judged(); f.Fidelity.Doubtful() {
		out = append(out, Sentence(fmt.Sprintf("the model fits this recording badly (%s of the decisions exact, %s covered), so do not rely on what it says of the fix",
			Percent(f.Fidelity.Exact, n), Percent(f.Fidelity.Covered, n))))
	}
	for _, c := range f.CPUs {
		if s := c.Balanced(); s != nil {
			out = append(out, Sentence(fmt.Sprintf("the load balancer moved %s to CPU %d at %s, so this CPU is in a sched domain: it is not isolated", TaskName(s.Task), c.CPU, Clock(s.Arrived))))
		}
	}
	return out
}

// Tile is one of the numbers of the first page, with what it counts.
type Tile struct {
	Label, Value, Note string
}

// Tiles are the numbers of the first page.
func Tiles(f *findings.Findings) []Tile {
	labels := [3]string{"entries of foreign tasks", "time foreign tasks held", "longest wait of the owner"}
	var out []Tile
	switch f.Isolation() {
	case findings.NoneIsolated:
		for _, l := range labels {
			out = append(out, Tile{l, "–", "no CPU is isolated"})
		}
	case findings.IsolationSeen:
		out = append(out, entriesTile(f, labels[0]), heldTile(f, labels[1]), worstTile(f, labels[2]))
	default:
		for _, l := range labels {
			out = append(out, Tile{l, "not known", "no isolated CPU to look at"})
		}
	}
	t := Tile{"decisions that the model explains", "not known", "no decision could be judged"}
	if n := f.Fidelity.Judged(); n > 0 {
		t.Value = Percent(f.Fidelity.Exact, n) + " exactly"
		t.Note = fmt.Sprintf("of %s; %s covered, %.1f CPUs possible on average", Count(n), Percent(f.Fidelity.Covered, n), f.Fidelity.PossibleMean())
	}
	return append(out, t)
}

// where names the CPUs that the tiles are about.
func where(f *findings.Findings) string {
	if len(f.CPUs) == 1 {
		return fmt.Sprintf("CPU %d", f.CPUs[0].CPU)
	}
	return fmt.Sprintf("the %d isolated CPUs looked at", len(f.CPUs))
}

func entriesTile(f *findings.Findings, label string) Tile {
	h := &f.Sum.Held
	note := "to " + where(f)
	if n := h.Residents; n > 0 {
		note += fmt.Sprintf("; %s there before", Counted(n, "task was", "tasks were"))
	}
	if n := h.Entries.Unseen; n > 0 {
		note += fmt.Sprintf("; the way in of %s is not recorded", Count(n))
	}
	return Tile{label, Count(h.Entries.Total()), note}
}

func heldTile(f *findings.Findings, label string) Tile {
	h := &f.Sum.Held
	note := fmt.Sprintf("%s of %s on %s", Percent(h.NS, f.Sum.WindowNS), Duration(f.WindowNS()), where(f))
	if h.Residents > 0 {
		note += ", those there before included"
	}
	return Tile{label, AtLeast(h.AtLeast()) + Duration(h.NS), note}
}
