package main

import (
	"github.com/spf13/cobra"

	"schedreplay/export/jsondoc"
	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

func (a *app) sweepCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "sweep CAPTURE",
		Short: "Entries and intrusion time under every kernel of the rule table",
		Long: `sweep replays a capture under every kernel of the rule table. For each isolated CPU it
tells how many entries of foreign tasks there would be, how many more are possible,
and how long such tasks would run there. Then it names the first release of each
stable line that prevents them. Tasks that were there when the capture begins hold the
CPU under every kernel. Formats: text, json, csv.`,
		Example: `  schedreplay sweep testdata/traces/smt44-isolated43-original
  schedreplay sweep perf.data --host host.tar.gz --format csv
  schedreplay sweep perf.data --host host.tar.gz --original 5.10.0-136.oe2203-smt-span`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	c.addIsolated(f)
	c.addOriginal(f)
	c.addFormat(f, "text", "json", "csv")
	return a.captureCommand(cmd, &c, func(in *input) error { return a.sweep(in, &c) })
}

func (a *app) sweep(in *input, c *common) error {
	if err := in.chooseIsolated(); err != nil {
		return err
	}
	o := c.options()
	kernels := rules.Releases()
	if findings.CanSweep(in.host) == findings.Sweepable {
		o.Alternatives, o.HoldsOnly = replay.Sweep(kernels), true
		o.Observer.Progress = func(pass, passes int, _ int64) { a.progress.Step("pass", pass, passes) }
	}
	res, err := a.replayWith(in, o)
	if err != nil {
		return err
	}
	s := findings.SweepOf(res, kernels)
	a.progress.Clear()
	a.announce(in, say.Recorded(res))
	switch c.format {
	case "json":
		_, _ = a.out.Write(jsondoc.Sweep(s, in.partial() != nil))
	case "csv":
		a.sweepCSV(s)
	default:
		a.provenance(in, res)
		a.page().Sweep(s)
	}
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}

// sweepCSV writes one line for each kernel and isolated CPU.
func (a *app) sweepCSV(s *findings.Sweep) {
	_, _ = a.out.Write(rows.Sweep.AppendCSVHead(nil))
	if why := say.SweepEmpty(s); why != "" {
		a.note(why)
	}
	for i := range s.Rows {
		r := &s.Rows[i]
		for j := range r.Holds {
			row := rows.Hold{SweepRow: r, Hold: &r.Holds[j], Prevents: findings.Prevents(r)}
			_, _ = a.out.Write(rows.Sweep.AppendCSV(nil, &row))
		}
	}
}
