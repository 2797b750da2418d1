package say

import (
	"fmt"
	"strings"

	"schedreplay/findings"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

// Brief is the verdict in three sentences: what happened, how, and what the
// patch makes of it, how sure. Fewer where there is less to say.
func Brief(f *findings.Findings) []string {
	res, cpus := f.Result, f.CPUs
	var out []string
	add := func(s string) {
		if s != "" {
			out = append(out, Sentence(s))
		}
	}
	var held []*findings.CPU
	for _, c := range cpus {
		if c.All.Stays() > 0 {
			held = append(held, c)
		}
	}
	sure := sureBrief(res)
	if len(held) == 0 {
		add(Verdict(f)[0].first())
		if len(cpus) == 1 {
			add(costWords(cpus[0]))
		}
		if e := elsewhere(f); e != "" {
			// Of its parts, what happens to how many.
			e, _, _ = strings.Cut(e, ": ")
			add(e + "; " + sure)
		} else {
			add(sure)
		}
		return out
	}
	c := held[0]
	what := WhatHeld(c)
	if len(cpus) > 1 {
		what = fmt.Sprintf("of %d isolated CPUs, %d ran foreign tasks, and CPU %d most: ", len(cpus), len(held), c.CPU) + Lower(what)
	}
	add(what)
	m := c.Came.Main
	if m == nil {
		if s := costWords(c); s != "" {
			add(s)
		}
		add("how it came is outside the capture, and " + sure)
		return out
	}
	add(entryBrief(res, c, m))
	fix := fixBrief(f, c)
	if fix == "" {
		add(sure)
		return out
	}
	add(fix + "; " + sure)
	return out
}

// fixBrief says in one sentence what the patch makes of it.
func fixBrief(f *findings.Findings, c *findings.CPU) string {
	res := f.Result
	full := fixWords(f, c)
	if len(full) == 0 {
		return ""
	}
	h := &c.Came
	m := h.Main
	if h.Unreproduced() || f.Fix.Same || h.Wakings == 0 || h.Remains.MaxNS > 0 || h.Remains.Certain+h.Remains.Possible > 0 || m.Entry == nil || m.Entry.Patched.CPU < 0 {
		return full[0]
	}
	with := ""
	if f.Fix.Only() {
		var names []string
		for _, x := range f.Fix.Adds {
			names = append(names, string(x))
		}
		with = " with " + Join(names)
	}
	s := fmt.Sprintf("under %s%s none of it remains: %s goes to CPU %d instead", Clean(res.Patched.Name), with, CommName(m.Task), m.Entry.Patched.CPU)
	if !m.Entry.Patched.Certain() {
		s = strings.Replace(s, "goes", "most likely goes", 1)
	}
	if h.Wakings > 1 {
		s += fmt.Sprintf(", and not one of %s lands on an isolated CPU", Counted(h.Wakings, "waking"))
	}
	if len(full) > 1 && strings.HasPrefix(full[len(full)-1], "This is at most possible") {
		s = "at most possibly, since something is assumed, " + s
	}
	return s
}

// first is a finding's first sentence, its stop left off.
func (f Paragraph) first() string {
	s, _, _ := strings.Cut(f.Text, ". ")
	return strings.TrimSuffix(s, ".")
}

// Lower begins a sentence that goes on within another, unless it begins with a
// name or an abbreviation.
func Lower(s string) string {
	if len(s) < 2 || s[0] >= 0x80 || s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// entryBrief says in one sentence how the main stay began and why it lasted.
func entryBrief(res *replay.Result, c *findings.CPU, m *replay.Stay) string {
	at := m.Arrived
	if m.Entry != nil {
		at = m.Entry.Time
	}
	s := fmt.Sprintf("%s came in at %s", CommName(m.Task), Clock(at))
	if c.Came.Stays() > 1 {
		s = fmt.Sprintf("%s, %s for the longest time at %s", cameTimes(&c.Came), CommName(m.Task), Clock(at))
	} else if m.How == replay.CameUnseen {
		s = fmt.Sprintf("%s was first seen there at %s, its way in not recorded", CommName(m.Task), Clock(at))
	}
	stayed := ""
	switch {
	case m.Selections > 0 && m.StayedPut == m.Selections:
		stayed = fmt.Sprintf(", and the kernel chose CPU %d for it %s more, since that was its %s then", m.CPU, Times(m.StayedPut), Code("prev_cpu"))
	case m.Wakings > 0:
		stayed = fmt.Sprintf(", and was woken there %s more", Times(m.Wakings))
	}
	e := m.Entry
	switch {
	case m.How == replay.CameByMigration:
		return s + ", moved there while runnable, not by a wakeup" + stayed
	case e == nil:
		return s + stayed
	case !explained(&e.Wakeup):
		return s + ", by a wakeup that the model does not explain" + stayed
	}
	on := ""
	if e.WakerCPU >= 0 && !res.Isolated.Value.Test(e.WakerCPU) {
		on = fmt.Sprintf(", woken on CPU %d", e.WakerCPU)
	}
	switch {
	case e.Path == place.PathIdleSMT && res.BaselineKernel() != nil && !res.BaselineKernel().Rules.SMTSpan:
		return s + fmt.Sprintf("%s: %s took the idle SMT sibling, testing the task’s affinity but not whether CPU %d is in the sched domain", on, Code("select_idle_smt"), m.CPU) + stayed
	case chooser[e.Path] != "":
		return s + fmt.Sprintf("%s: %s chose CPU %d (path %s)", on, Code(chooser[e.Path]), m.CPU, e.Path) + stayed
	}
	return s + on + stayed
}

// sureBrief says how far the model can be believed.
func sureBrief(res *replay.Result) string {
	f := &res.Fidelity
	judged := f.Decisions - f.Unjudged
	if res.BaselineKernel() == nil || judged <= 0 {
		return "how well the model fits this recording is not known"
	}
	return fmt.Sprintf("the model behind this names the CPU that the kernel chose in %s of %s", Percent(f.Exact, judged), Counted(judged, "decision"))
}
