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

// jsonHelped is what would have helped in report.json.
type jsonHelped struct {
	// NotRun says why the loop was not run; the other fields are not there then.
	NotRun *string `json:"not_run"`
	// Advice is what advise --format json writes.
	Advice json.RawMessage `json:"advice"`
	CPUs   []jsonHelpedCPU `json:"cpus"`
}

type jsonHelpedCPU struct {
	CPU       int                `json:"cpu"`
	Owner     *int32             `json:"owner_pid"`
	Scenarios []jsonHelpedResult `json:"scenarios"`
}

type jsonHelpedResult struct {
	Name    string               `json:"name"`
	Entries *jsonBand            `json:"entries"`
	HeldNS  *jsonBand            `json:"held_ns"`
	Delay   map[string]*jsonBand `json:"owner_delay_ns"`
	OffCPU  *jsonBand            `json:"owner_offcpu_ns"`
	Worse   *int                 `json:"tasks_worse_off"`
}

type jsonBand struct {
	Lo  int64 `json:"lo"`
	Mid int64 `json:"mid"`
	Hi  int64 `json:"hi"`
}

func jsonBandOf(b loop.Band) *jsonBand {
	if !b.Known {
		return nil
	}
	return &jsonBand{b.Lo, b.Mid, b.Hi}
}

// json returns nil where nothing intruded.
func (h *helped) json(partial bool) *jsonHelped {
	if h.why != nil {
		s := say.Plain(say.NotHelped(h.why))
		return &jsonHelped{NotRun: &s, CPUs: []jsonHelpedCPU{}}
	}
	if h.Helped == nil {
		return nil
	}
	j := &jsonHelped{Advice: jsondoc.Advice(h.Advice, h.Loop, partial), CPUs: []jsonHelpedCPU{}}
	for i := range h.CPUs {
		c := &h.CPUs[i]
		k := jsonHelpedCPU{CPU: c.CPU, Scenarios: []jsonHelpedResult{}}
		if c.Owner >= 0 {
			k.Owner = &h.Loop.Program.Tasks[c.Owner].PID
		}
		for _, r := range c.Rows {
			d := &r.Delay
			var worse *int
			if h.Loop.TellsWorse() {
				worse = &r.Worse
			}
			k.Scenarios = append(k.Scenarios, jsonHelpedResult{
				Name: r.Name, Entries: jsonBandOf(r.Entries), HeldNS: jsonBandOf(r.Held), OffCPU: jsonBandOf(r.OffCPU.Sum), Worse: worse,
				Delay: map[string]*jsonBand{"p50": jsonBandOf(d.P50), "p90": jsonBandOf(d.P90), "p99": jsonBandOf(d.P99), "max": jsonBandOf(d.Max)},
			})
		}
		j.CPUs = append(j.CPUs, k)
	}
	return j
}
