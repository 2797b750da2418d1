package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots"
	"schedreplay/replay"
)

func fidelitySection(f *findings.Findings) section {
	s := section{ID: "fidelity", Title: "How well the model fits", Level: 2}
	s.text(say.Fidelity(f))
	if len(f.Fidelity.Paths) == 0 || f.Fidelity.Decisions == f.Fidelity.Unjudged {
		return s
	}
	t := &table{
		Caption: fmt.Sprintf("The model of %s against the CPUs recorded, by predicted path", say.Kernel(f.Recorded())),
		Cols:    cols("Path", "#Decisions", "#Exact", "#Covered"),
		Note:    "Exact: the prediction is the recorded CPU. Covered: the recorded CPU is among those held possible.",
	}
	for _, p := range f.Fidelity.Paths {
		t.fixed(string(p.Path), say.Count(p.Decisions), say.Percent(p.Exact, p.Decisions), say.Percent(p.Covered, p.Decisions))
	}
	s.table(t)
	return s
}

// provenances are the ways to know something, the surest first.
var provenances = []string{
	fact.Observed.String(), fact.Reconstructed.String(), fact.Estimated.String(), fact.Assumed.String(), fact.Unknown.String(),
}

// factsSection lists what the report stands on, by how it is known.
func factsSection(f *findings.Findings) section {
	res, cpus := f.Result, f.CPUs
	s := section{ID: "facts", Title: "What this stands on", Level: 2}
	t := &table{Caption: "Facts and how they are known", Cols: cols("Fact", "Value", "Known", "From")}
	row := func(name, value string, from fact.Provenance, source string) {
		if from == fact.Unknown {
			value = "–"
		}
		if source == "" {
			source = "–"
		}
		t.fixed(name, value, from.String(), say.Clean(source))
	}
	if h := res.Host; h != nil {
		row("kernel release", say.Clean(h.Release.Value), h.Release.From, h.Release.Source)
		row("isolated CPUs", say.MaskWords(h.Isolated.Value), res.Isolated.From, res.Isolated.Source)
		row("CPUs possible", say.MaskWords(h.Possible.Value), h.Possible.From, h.Possible.Source)
		n, from := 0, fact.Unknown
		for _, c := range h.CPU {
			if c.Known {
				n++
				from = fact.Observed
			}
		}
		row("topology and caches", "of "+say.Counted(int64(n), "CPU"), from, "")
	}
	if res.Original != nil {
		row("rules of the recorded kernel", say.Kernel(f.Recorded()), res.KernelsFrom, "")
	}
	for i, c := range cpus {
		if i == maxTaskRows {
			break
		}
		if c.Owner != nil {
			row(fmt.Sprintf("owner of CPU %d", c.CPU), say.TaskName(*c.Owner), c.OwnerFrom, "")
		} else {
			row(fmt.Sprintf("owner of CPU %d", c.CPU), "", fact.Unknown, "")
		}
	}
	if !res.Recorded.Empty() {
		row("who ran when, sch delays", "events of "+say.CPUNoun(res.Recorded), fact.Observed, "the capture")
	}
	row("idleness, queue lengths, prev_cpu", "of every CPU recorded", fact.Reconstructed, "the events")
	for _, c := range cpus[:min(len(cpus), 1)] {
		if m := c.Came.Main; m != nil && m.Entry != nil {
			for _, x := range findings.EntryDecision(res, m.Entry).Estimates() {
				row("at the entry, "+say.Code(x.Func)+": "+say.Test(&x.Step), say.Answer(&x.Step), fact.Estimated, "the events")
			}
		}
	}
	slices.SortStableFunc(t.Rows, func(a, b []string) int {
		return cmp.Compare(slices.Index(provenances, a[2]), slices.Index(provenances, b[2]))
	})
	s.Blocks = append(s.Blocks, para("Observed: the capture or the host says so. Reconstructed: follows from events by the kernel’s own rules. "+
		"Estimated: computed with a margin. Assumed: a default or a rule of thumb. Unknown: the answer is split into everything possible."), block{Table: t})
	if all := say.Notes(res); len(all) > 0 {
		s.Blocks = append(s.Blocks, block{List: all})
	}
	return s
}

// madeSection says how the report was made, so that it can be made again.
func madeSection(f *findings.Findings, o *Options) section {
	res := f.Result
	s := section{ID: "made", Title: "How this was made", Level: 2}
	t := &table{Caption: "Program, input and what was read", Cols: cols("What", "Value")}
	row := func(name, value string) {
		if value != "" {
			t.fixed(name, value)
		}
	}
	row("program", say.Clean(o.Program))
	if o.Command != "" {
		row("command", say.Code(o.Command))
	}
	if m := res.Meta; m != nil {
		row("capture", captureName(m))
		if o.Checksum != "" {
			row("SHA-256", say.Code(o.Checksum))
		}
		dialect := string(m.Dialect)
		if m.Confidence != "" {
			dialect += ", by " + m.Confidence
		}
		row("format", say.Clean(dialect))
		row("clock", say.Clean(cmp.Or(m.Clock.Name, "not named")))
	}
	row("window", fmt.Sprintf("%s to %s (%s)", say.Clock(res.Start), say.Clock(res.End), say.Duration(res.End-res.Start)))
	if !res.Recorded.Empty() {
		row("CPUs with events", res.Recorded.String())
	}
	for _, k := range slices.Sorted(maps.Keys(res.Events)) {
		row(k.String()+" events", say.Count(res.Events[k]))
	}
	row("wakeups placed", say.Count(res.Wakeups))
	lost := say.Count(res.Lost)
	if res.LostUnknown > 0 {
		lost += fmt.Sprintf(", and an unknown number in %s", say.Counted(res.LostUnknown, "place"))
	}
	row("events lost", lost)
	row("events overwritten", say.Count(res.Overwritten))
	row("holes no loss explains", say.Count(res.Holes))
	row("damaged pieces", say.Count(res.Damaged))
	balancer := say.Count(res.BalancerMoves)
	if res.BalancerIgnored > 0 {
		balancer += fmt.Sprintf(", of which the patched world ignored %s, of tasks that had diverged", say.Count(res.BalancerIgnored))
	}
	row("migrations outside wakeups", balancer)
	for _, r := range kernelRows(f) {
		row(r[0], r[1])
	}
	s.table(t)
	if res.Meta != nil && len(res.Meta.Notes) > 0 {
		s.Blocks = append(s.Blocks, block{List: say.Each(res.Meta.Notes, func(n string) string { return say.Clean(withoutPath(n, res.Meta)) })})
	}
	return s
}

// kernelRows names the kernels compared, with the rows whose rules they follow.
func kernelRows(f *findings.Findings) [][2]string {
	var out [][2]string
	o, p := f.Result.Original, f.Result.Patched
	if o != nil {
		out = append(out, [2]string{"original kernel", fmt.Sprintf("%s, rules of %s", say.Kernel(o), o.Row)})
	}
	if p == nil {
		return out
	}
	v := fmt.Sprintf("%s, rules of %s", say.Kernel(p), p.Row)
	if more := f.Fix.Adds; len(more) > 0 {
		v += "; has in addition " + say.FixNames(more)
	}
	if fewer := f.Fix.Drops; len(fewer) > 0 {
		v += "; lacks " + say.FixNames(fewer)
	}
	return append(out, [2]string{"patched kernel", v})
}

// unknownParagraph names what is not known.
func unknownParagraph(res *replay.Result) say.Paragraph {
	what := say.Each(res.Unknown, func(u replay.Unknown) string { return say.Sentence(say.Unknown(u).What) })
	if len(what) == 0 {
		return say.Paragraph{}
	}
	return say.Paragraph{Label: "Not known", Text: strings.Join(what, " ") + " A section further down tells what each costs."}
}

// machineSection draws the machine.
func machineSection(figs *plots.Set) section {
	s := section{ID: "machine", Title: "The machine", Level: 2}
	s.figure(figs.Topology, figs.NoTopology)
	return s
}

func unknownSection(res *replay.Result) section {
	s := section{ID: "unknown", Title: "What is not known", Level: 2}
	if len(res.Unknown) == 0 {
		if !res.Isolated.Known() {
			return s // the verdict says what is missing
		}
		s.text("Nothing that this report needs was missing.")
		return s
	}
	s.Blocks = append(s.Blocks, block{List: say.Each(res.Unknown, func(u replay.Unknown) string {
		d := say.Unknown(u)
		return strings.TrimRight(say.Bold(say.Sentence(d.What))+" "+say.Sentence(d.Cost)+" "+say.Sentence(d.Remedy), " ")
	})})
	return s
}
