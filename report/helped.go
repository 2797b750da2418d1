package report

import (
	"encoding/json"
	"fmt"
	"slices"

	"schedreplay/export/jsondoc"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/loop"
	"schedreplay/plots"
	"schedreplay/replay"
)

// Helper is the closed loop of a report, which runs while the figures are drawn: it returns
// nil where nothing intruded, and an error where the loop could not be run.
type Helper func() (*findings.Helped, error)

// helped is what would have helped, or why that is not told; neither where nothing intruded.
type helped struct {
	*findings.Helped
	why  error
	figs []*plots.HelpedFigures
}

func (h *helped) all() []*plots.Figure {
	var out []*plots.Figure
	for _, f := range h.figs {
		out = append(out, f.Delay, f.Strip)
	}
	return slices.DeleteFunc(out, func(f *plots.Figure) bool { return f == nil })
}

// sections tell what would have helped.
func (h *helped) sections() []section {
	s := section{ID: "helped", Title: "What would have helped", Level: 2}
	if h.why != nil {
		s.text(say.NotHelped(h.why))
		return []section{s}
	}
	if h.Helped == nil {
		return nil
	}
	for _, p := range say.Helped(h.Helped) {
		s.text(p)
	}
	for i := range h.CPUs {
		s.table(scenariosTable(h.Helped, &h.CPUs[i]))
		if i < len(h.figs) {
			s.figure(h.figs[i].Delay, h.figs[i].NoDelay)
			s.figure(h.figs[i].Strip, "")
		}
	}
	r := section{ID: "remedies", Title: "Remedies", Level: 3}
	r.text(say.AsItIs(h.Advice))
	groups := h.Groups()
	for i := range groups {
		for n, m := range groups[i].Remedies {
			r.remedy(fmt.Sprintf("%s, %d.", say.Capital(say.GroupTitle(&groups[i])), n+1), say.RemedyOf(h.Advice, m), say.WorseOff(h.Loop, &m.Harm))
		}
	}
	return []section{s, r}
}

// remedy adds one of them.
func (s *section) remedy(number string, m say.Remedy, worse string) {
	s.text(fmt.Sprintf("%s %s: %s.", say.Bold(number), m.Title, m.Figures))
	if m.Now != nil {
		s.Blocks = append(s.Blocks, block{Paste: m.Now})
	}
	list := append(say.Each(m.Lasting, func(s string) string { return "To last: " + s + "." }), m.Warnings...)
	if worse != "" {
		list = append(list, worse)
	}
	s.Blocks = append(s.Blocks, block{List: list})
}

// scenariosTable compares the scenarios on one isolated CPU.
func scenariosTable(h *findings.Helped, c *findings.HelpedCPU) *table {
	t := &table{
		Caption: fmt.Sprintf("CPU %d: foreign tasks, and its owner’s delays", c.CPU),
		Cols:    cols("Scenario", "#Entries", "#Held", "#p50", "#p99", "#Off CPU"),
		Note:    "Held: run time of tasks that may run elsewhere too. p50, p99: from waking to running. Off CPU: while it was runnable and had not slept.",
	}
	never := c.Kind == replay.OffCPUGap
	if never {
		t.Caption = fmt.Sprintf("CPU %d: foreign tasks, and the off-CPU gaps of its owner, which never sleeps", c.CPU)
		t.Cols[3].Name, t.Cols[4].Name = "Gaps", "Longest"
		t.Note = "Held: run time of tasks that may run elsewhere too. Gaps: the times the owner was off its CPU while runnable."
	}
	interrupts := c.Rows[0].Taken.Known
	if interrupts {
		t.Cols = append(t.Cols, col{Name: "Interrupts", Num: true})
		t.Note += " Interrupts: what they took of the owner’s time."
	}
	judged := h.Loop.TellsWorse()
	if judged {
		t.Cols = append(t.Cols, col{Name: "Tasks worse off", Num: true})
		t.Note += " Worse off: surely, against the same in the loop."
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		row := []string{say.ScenarioName(h, r.Name), say.CountBand(r.Entries), say.DurationBand(r.Held), say.DurationBand(r.Delay.P50), say.DurationBand(r.Delay.P99), say.DurationBand(r.OffCPU.Sum)}
		if never {
			row[3], row[4] = say.CountBand(r.OffCPU.Count), say.DurationBand(r.OffCPU.Max)
		}
		if interrupts {
			row = append(row, say.DurationBand(r.Taken))
		}
		switch {
		case judged && i < 2:
			row = append(row, "–")
		case judged:
			row = append(row, say.Count(int64(r.Worse)))
		}
		t.fixed(row...)
	}
	return t
}

func bandObject(b loop.Band) any {
	return known(object{{"lo", b.Lo}, {"mid", b.Mid}, {"hi", b.Hi}}, b.Known)
}

// object tells what would have helped, or why the loop was not run; null where nothing
// intruded or it was not asked for.
func (h *helped) object(partial bool) any {
	if h.why != nil {
		return object{{"not_run", say.Plain(say.NotHelped(h.why))}, {"advice", nil}, {"cpus", []object{}}}
	}
	if h.Helped == nil {
		return nil
	}
	scenario := func(r findings.HelpedRow) object {
		d := &r.Delay
		return object{
			{"name", r.Name},
			{"entries", bandObject(r.Entries)},
			{"held_ns", bandObject(r.Held)},
			{"owner_delay_ns", map[string]any{"p50": bandObject(d.P50), "p90": bandObject(d.P90), "p99": bandObject(d.P99), "max": bandObject(d.Max)}},
			{"owner_offcpu_ns", bandObject(r.OffCPU.Sum)},
			{"owner_interrupted_ns", bandObject(r.Taken)},
			{"tasks_worse_off", known(r.Worse, h.Loop.TellsWorse())},
		}
	}
	return object{
		{"not_run", nil},
		// What advise --format json writes.
		{"advice", json.RawMessage(jsondoc.Advice(h.Advice, h.Loop, partial))},
		{"cpus", say.Each(h.CPUs, func(c findings.HelpedCPU) object {
			var owner any
			if c.Owner >= 0 {
				owner = h.Loop.Program.Tasks[c.Owner].PID
			}
			return object{{"cpu", c.CPU}, {"owner_pid", owner}, {"scenarios", say.Each(c.Rows, scenario)}}
		})},
	}
}
