package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/outdir"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/replay"
	"schedreplay/report"
)

const defaultReport = "schedreplay-report"

func (a *app) reportCommand() *cobra.Command {
	var c common
	var out string
	var runs int
	cmd := &cobra.Command{
		Use:   "report CAPTURE… -o DIR",
		Short: "The main job: the whole story, with figures",
		Long: `report tells the story of a capture: what held the isolated CPU, for how long, how it
came in and why, what the patch changes, how far the model can be believed, and what
is not known. DIR gets report.html, report.md, report.json, tables and figures. It
appears whole or not at all, and replaces an existing folder only if schedreplay made
that one. Several captures become independent reports in DIR.

What would have helped is told by the closed loop (see whatif), with as many runs as a
second of CPU takes; --runs sets their number, and 0 leaves it out.`,
		Example: `  schedreplay report testdata/traces/k419-smt44-isolated43-original -o incident
  schedreplay report perf.data --host host.tar.gz -o incident
  schedreplay report perf.data --isolated 43 --original 6.1.80 -o incident`,
		Args: cmdline.Captures,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&out, "output", "o", defaultReport, "write the report to the folder `DIR`")
	c.addIsolated(f)
	c.addOriginal(f)
	c.addPatched(f)
	f.IntVar(&runs, "runs", autoRuns, "make `N` runs of each scenario of what would have helped, 0 for none; -1: by cost")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if runs < autoRuns || runs > maxLoopRuns {
			return usagef("--runs %d: say 0 to %d", runs, maxLoopRuns)
		}
		if len(args) == 1 {
			return a.onCapture(cmd, args[0], &c, func(in *input) error { return a.report(in, out, cmdline.Without(cmd), runs) })
		}
		return a.reports(cmd, args, out, &c, runs)
	}
	return cmd
}

// autoRuns lets the cost decide how many runs there are.
const autoRuns = -1

func (a *app) report(in *input, dir, command string, runs int) error {
	var res *replay.Result
	err := outdir.Into(dir, in.files(), func(d *outdir.Dir) (err error) {
		res, err = a.writeReport(in, d, command, runs)
		return err
	})
	if err != nil {
		return err
	}
	a.announce(in, say.Headline(res))
	a.holds(dir, "report.html, report.md, report.json, tables and figures")
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}

// holds says where the results are.
func (a *app) holds(place, what string) {
	fmt.Fprintf(a.out, "%s holds %s\n", term.OneLine(place), what)
}

// writeReport replays the capture and writes its report to a folder.
func (a *app) writeReport(in *input, d *outdir.Dir, command string, runs int) (*replay.Result, error) {
	if err := in.chooseIsolated(); err != nil {
		return nil, err
	}
	sum, err := in.Checksum()
	if err != nil {
		return nil, err
	}
	r, err := report.NewReport(d, report.Options{Program: "schedreplay " + version, Command: command, Checksum: sum})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	obs := r.Observer()
	obs.Progress = func(int, int, int64) {
		if err := r.Err(); err != nil {
			a.cancel(err)
		}
	}
	res, err := a.replay(in, obs)
	if err != nil {
		return nil, err
	}
	help := a.helper(in, res, runs)
	err = r.Write(res, help)
	if _, _ = help(); err == nil { // it reads the capture, and must have ended
		err = context.Cause(a.ctx)
	}
	return res, err
}

// helper begins what would have helped beside the drawing of the report's figures.
func (a *app) helper(in *input, res *replay.Result, runs int) report.Helper {
	var h *findings.Helped
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if runs != 0 {
			h, err = findings.HelpedBy(a.ctx, in, res, max(0, runs), 1)
		}
	}()
	return func() (*findings.Helped, error) {
		<-done
		return h, err
	}
}
