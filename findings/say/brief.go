package say

import (
	"fmt"

	"schedreplay/findings"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

// Brief is the verdict in a few sentences: what happened, how, what the patch makes of it,
// how sure.
func Brief(f *findings.Findings) []string {
	var out []string
	add := func(sentences ...string) {
		var p paragraphs
		p.add("", sentences...)
		for _, x := range p {
			out = append(out, x.Text)
		}
	}
	held := f.Visited()
	if len(held) == 0 {
		add(whatHappened(f)...)
		if len(f.CPUs) == 1 {
			add(cost(f.CPUs[0])...)
		}
		if f.HasFix() && len(f.CPUs) > 0 {
			add(hasFix(f, f.CPUs...)[:2]...)
		}
		add(elsewhereBrief(f), sureBrief(f))
		return out
	}
	c := held[0]
	if len(f.CPUs) > 1 {
		add(fmt.Sprintf("foreign tasks ran on %d of the %d isolated CPUs looked at, longest on CPU %d", len(held), len(f.CPUs), c.CPU), whatHeld(c)[0])
	} else {
		add(whatHeld(c)[0])
	}
	m := c.Came.Main
	if m == nil {
		add(cost(c)...)
		add(residents(f, c)[0], sureBrief(f))
		add(tonight(f)...)
		return out
	}
	add(entryBrief(f, c, m)...)
	add(append(fixBrief(f, c), sureBrief(f))...)
	add(tonight(f)...)
	return out
}

// elsewhereBrief says how many wakeups the patch changes.
func elsewhereBrief(f *findings.Findings) string {
	if e := &f.Elsewhere; f.Result.Patched != nil && !f.Fix.Same && f.TopologyKnown() && e.Tasks > 0 {
		noun := "other task"
		if e.Any {
			noun = "task"
		}
		return changes(f, noun)
	}
	return elsewhere(f)
}

// fixBrief says in short what the patch makes of it.
func fixBrief(f *findings.Findings, c *findings.CPU) []string {
	h := &c.Came
	m := h.Main
	if f.Outcome(c) != findings.OutcomeGone || m.Entry == nil || m.Entry.Patched.CPU < 0 {
		full := withFix(f, c, false)
		n := 1
		if f.Outcome(c) == findings.OutcomeHasFix {
			n = 2
		}
		return full[:min(n, len(full))]
	}
	goes := "goes"
	if !m.Entry.Patched.Certain() {
		goes = "most likely goes"
	}
	s := fmt.Sprintf("%s prevents all of it: %s %s to CPU %d instead", patched(f, false), CommName(m.Task), goes, m.Entry.Patched.CPU)
	if h.Wakings > 1 {
		s += fmt.Sprintf(", and none of %s lands on an isolated CPU", Counted(h.Wakings, "waking"))
	}
	if f.Leaning(c) != findings.LeansOnNothing {
		return []string{s, "That is possible, not certain: it rests on an assumption"}
	}
	return []string{s}
}

// entryBrief says in short how the main stay began and why it lasted.
func entryBrief(f *findings.Findings, c *findings.CPU, m *replay.Stay) []string {
	name, at := CommName(m.Task), Clock(arrived(m))
	s := fmt.Sprintf("%s came in at %s", name, at)
	switch {
	case c.Came.Stays() > 1:
		s = fmt.Sprintf("%s, %s for the longest time at %s", cameTimes(&c.Came), name, at)
	case m.How == replay.CameUnseen:
		s = fmt.Sprintf("%s was first seen there at %s; the recording does not show how it came", name, at)
	}
	stayed := ""
	switch {
	case m.Selections > 0 && m.StayedPut == m.Selections:
		stayed = fmt.Sprintf("The kernel then chose CPU %d for it %s more, since that was its %s", m.CPU, Times(m.StayedPut), Code("prev_cpu"))
	case m.Wakings > 0:
		stayed = fmt.Sprintf("It was woken there %s more", Times(m.Wakings))
	}
	e := m.Entry
	switch {
	case m.How == replay.CameByMigration:
		return []string{s + ", moved there while runnable, not by a wakeup", stayed}
	case e == nil:
		return []string{s, stayed}
	case !explained(&e.Wakeup):
		return []string{s + ", by a wakeup that the model does not explain", stayed}
	}
	on := ""
	if e.WakerCPU >= 0 && !f.Result.Isolated.Value.Test(e.WakerCPU) {
		on = fmt.Sprintf(", woken on CPU %d", e.WakerCPU)
	}
	switch k := f.Recorded(); {
	case e.Path == place.PathIdleSMT && k != nil && !k.Rules.SMTSpan:
		s += fmt.Sprintf("%s: %s took the idle SMT sibling without testing whether CPU %d is in the sched domain", on, Code("select_idle_smt"), m.CPU)
	case place.LastCall(e.Path) != "":
		s += fmt.Sprintf("%s: %s chose CPU %d (path %s)", on, Code(place.LastCall(e.Path)), m.CPU, e.Path)
	default:
		s += on
	}
	return []string{s, stayed}
}

// sureBrief says how far the model can be believed.
func sureBrief(f *findings.Findings) string {
	n := f.Fidelity.Judged()
	if f.Recorded() == nil || n <= 0 {
		return "how well the model fits this recording is not known"
	}
	return fmt.Sprintf("the model predicts the CPU that the kernel chose in %s of %s", Percent(f.Fidelity.Exact, n), Counted(n, "decision"))
}
