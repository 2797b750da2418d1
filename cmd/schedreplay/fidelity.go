package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/rows"
	"schedreplay/findings/say"
	"schedreplay/replay"
)

func (a *app) fidelityCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "fidelity CAPTURE",
		Short: "The model against the recording, per path",
		Long: `fidelity holds the model of the original kernel against the CPUs that the recorded
kernel chose: how often the prediction is that CPU (exact), how often that CPU is
among the possible ones (covered), and how many are possible on average. Counted
are wakeups and forks of fair-class tasks that went through the selector and
whose CPU the capture shows. Formats: text, json.`,
		Example: `  schedreplay fidelity testdata/traces/numa16-patched
  schedreplay fidelity perf.data --host host.tar.gz --format json`,
	}
	c.add(cmd, "text", "json")
	return a.captureCommand(cmd, &c, func(in *input) error { return a.fidelity(in, &c) })
}

func (a *app) fidelity(in *input, c *common) error {
	var part replay.Scorer
	var obs replay.Observer
	if c.filter.active() {
		obs.Wakeup = func(w *replay.Wakeup) {
			if wakeupShown(&c.filter, w) {
				part.Add(w)
			}
		}
	}
	res, err := a.replay(in, obs)
	if err != nil {
		return err
	}
	f := res.Fidelity
	if c.filter.active() {
		f = part.Result()
		slices.SortFunc(f.Paths, func(x, y replay.PathScore) int { return cmp.Compare(x.Path, y.Path) })
	}
	a.announce(in, say.Headline(res))
	if c.format == "json" {
		a.fidelityJSON(in, res, &f)
	} else {
		a.fidelityText(in, res, &f, c)
	}
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}

// fidelityJSON writes the contract's document.
func (a *app) fidelityJSON(in *input, res *replay.Result, f *replay.Fidelity) {
	var o rows.Object
	o.Begin()
	o.Number("decisions", f.Decisions, true)
	o.Number("exact", f.Exact, true)
	o.Number("covered", f.Covered, true)
	o.Real("possible_mean", f.PossibleMean(), f.Decisions > f.Unjudged)
	o.Number("unjudged", f.Unjudged, true)
	o.Word("baseline", string(res.Baseline))
	o.Key("by_path")
	o.Begin()
	for _, p := range f.Paths {
		o.Key(string(p.Path))
		o.Begin()
		o.Number("decisions", p.Decisions, true)
		o.Number("exact", p.Exact, true)
		o.Number("covered", p.Covered, true)
		o.End()
	}
	o.End()
	if in.partial() != nil {
		o.Bool("partial", true, true)
	}
	o.End()
	_, _ = a.out.Write(o.Line())
}

func (a *app) fidelityText(in *input, res *replay.Result, f *replay.Fidelity, c *common) {
	a.provenance(in, res)
	fmt.Fprintf(a.out, "model of %s against the recording%s\n\n", res.BaselineKernel().Name, shown(&c.filter))
	if f.Decisions == 0 {
		fmt.Fprintln(a.out, "no decision that could be scored")
		for _, u := range res.Unknown {
			a.paragraph("not known: "+u.What+": "+u.Cost, 0)
		}
		return
	}
	judged := f.Decisions - f.Unjudged
	fmt.Fprintf(a.out, "decisions  %d, of which %d cannot be judged\n", f.Decisions, f.Unjudged)
	fmt.Fprintf(a.out, "exact      %d  %s\n", f.Exact, percent(f.Exact, judged))
	fmt.Fprintf(a.out, "covered    %d  %s\n", f.Covered, percent(f.Covered, judged))
	fmt.Fprintf(a.out, "mean set   %.2f CPUs\n\n", f.PossibleMean())
	t := term.Table{Style: a.style(), Columns: []term.Column{
		{Name: "predicted path", Width: 16},
		{Name: "decisions", Width: 9, Right: true},
		{Name: "exact", Width: 9, Right: true},
		{Width: 8, Right: true},
		{Name: "covered", Width: 9, Right: true},
		{Width: 8, Right: true},
	}}
	t.Head(a.out)
	for _, p := range f.Paths {
		t.Row(a.out, term.Cells(string(p.Path), fmt.Sprint(p.Decisions),
			fmt.Sprint(p.Exact), percent(p.Exact, p.Decisions), fmt.Sprint(p.Covered), percent(p.Covered, p.Decisions))...)
	}
}

// provenance says what a text is about: the input, not its path.
func (a *app) provenance(in *input, res *replay.Result) {
	sum, err := in.Checksum()
	if err != nil || len(sum) < 16 {
		sum = "unknown"
	}
	line := fmt.Sprintf("schedreplay %s; %s, %s to %s s, sha256 %.16s", version, in.Meta().Dialect, replay.Seconds(res.Start), replay.Seconds(res.End), sum)
	a.paragraph(line, 0)
	a.wallTime(&in.flags.clock, res)
}
