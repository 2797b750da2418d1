package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/openmetrics"
	"schedreplay/export/outdir"
	"schedreplay/findings/fleet"
	"schedreplay/findings/say"
	"schedreplay/fleetrun"
	"schedreplay/report"
)

// fleetFlags are those that fleet does not hand to its processes.
type fleetFlags struct {
	out, list, metrics string
	jobs               int
	timeout            time.Duration
	memory             uint32
}

func (a *app) fleetCommand() *cobra.Command {
	var c common
	var l fleetFlags
	cmd := &cobra.Command{
		Use:   "fleet CAPTURES… -o DIR",
		Short: "Many captures to one answer: who else, what, and how often",
		Long: `fleet sums up many captures, each in a process of its own with a limit of time and
memory, and tells which hosts are affected, by which tasks, under which kernels and by
which root causes, how long the owners waited, and what cannot be judged. CAPTURES are
files, folders with all below them, or quoted patterns. A capture is read with the host
bundle that lies beside it (host.tar.gz, host.tar or host/).

DIR gets a row set for each capture (capture=SHA256/, Parquet) and the folder report:
fleet.html, fleet.md, fleet.json, inputs.csv. A capture that fails, hangs or is damaged
from its first byte on is a dead letter with its reason. If fleet is interrupted, the
same command goes on from there: row sets that are complete are kept. Those of captures
that are not given any more are removed. docs/fleet.md tells the rest.`,
		Example: `  schedreplay fleet testdata/traces -o fleet
  schedreplay fleet '/incident/*/perf.data' -o fleet --timeout 5m --memory 512
  schedreplay fleet --list captures.txt -o fleet --metrics fleet.prom`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&l.out, "output", "o", "", "work in the folder `DIR`")
	f.StringVar(&l.list, "list", "", "also the captures that `FILE` names, one a line; - is standard input")
	f.IntVarP(&l.jobs, "jobs", "j", 0, "`N` captures at once; as many as cores unless told")
	f.DurationVar(&l.timeout, "timeout", 10*time.Minute, "the longest `DURATION` for one capture")
	f.Uint32Var(&l.memory, "memory", 1024, "the most memory for one capture, in `MIB`")
	f.StringVar(&l.metrics, "metrics", "", "write the answer as OpenMetrics text to `FILE`")
	shape := c.addRowSet(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case l.out == "":
			return usagef("fleet needs -o DIR")
		case len(args) == 0 && l.list == "":
			return usagef("fleet needs CAPTURES, or --list FILE")
		case l.jobs < 0 || l.timeout <= 0:
			return usagef("--jobs and --timeout must be positive")
		}
		if err := c.parse(cmd); err != nil {
			return err
		}
		return a.fleet(args, &l, &c, shape)
	}
	return cmd
}

func (a *app) fleet(args []string, l *fleetFlags, c *common, shape *rowSetFlags) error {
	inputs, err := a.fleetInputs(args, l.list)
	if err != nil {
		return err
	}
	settings := cmdline.Settings(shape.FlagSet)
	o := fleetrun.Options{
		Program: "schedreplay " + version, Name: cmdline.SectionName, Jobs: l.jobs,
		Child: fleetrun.Child{Settings: settings, Bundle: c.bundle, Timeout: l.timeout, Memory: l.memory},
	}
	if o.Binary, err = os.Executable(); err != nil {
		return err
	}
	if a.progressOf() != nil {
		o.Progress = func(done, total int) { a.progress.Step("summing up", done+1, total) }
	}
	res, err := fleetrun.Run(a.ctx, l.out, inputs, o)
	if err != nil {
		return err
	}
	answer := res.Fleet.Answer(res.Inputs)
	doc := report.NewFleet(answer, res.Inputs, report.Options{Program: o.Program, Command: fleetrun.CommandLine("fleet", settings)})
	dir := filepath.Join(l.out, "report")
	if err := outdir.Into(dir, nil, doc.Write); err != nil {
		return err
	}
	if l.metrics != "" {
		if err := outdir.WriteFile(l.metrics, openmetrics.Fleet(answer), nil); err != nil {
			return err
		}
	}
	return a.fleetSaid(doc, res, answer.Dead, dir)
}

// fleetInputs finds the captures.
func (a *app) fleetInputs(args []string, list string) ([]fleetrun.Input, error) {
	if list != "" {
		in := a.stdin
		if list != "-" {
			f, err := os.Open(list)
			if err != nil {
				return nil, usagef("--list: %w", err)
			}
			defer f.Close()
			in = f
		}
		more, err := fleetrun.ReadList(in)
		if err != nil {
			return nil, fmt.Errorf("--list %s: %w", list, err)
		}
		args = append(args, more...)
	}
	inputs, err := fleetrun.Find(a.ctx, args)
	if errors.Is(err, fleetrun.ErrNothing) {
		return nil, usagef("%w", err)
	}
	return inputs, err
}

// fleetSaid prints the answer in short. Dead letters are no error but where there is
// nothing else.
func (a *app) fleetSaid(doc *report.Fleet, res *fleetrun.Result, dead []fleet.DeadLetter, dir string) error {
	for _, s := range doc.Verdict() {
		a.paragraph(term.OneLine(s), 0)
	}
	a.holds(dir, "fleet.html, fleet.md, fleet.json, inputs.csv and figures")
	if res.Kept > 0 {
		a.note(fmt.Sprintf("%s summed up by an earlier run", say.Counted(int64(res.Kept), "capture")))
	}
	if res.Removed > 0 {
		a.note(fmt.Sprintf("%s of captures that were not given removed", say.Counted(int64(res.Removed), "row set")))
	}
	if n := len(dead); n == len(res.Inputs) {
		return fmt.Errorf("no capture could be summed up; the first, %s: %s", dead[0].Path, dead[0].Line)
	} else if n > 0 {
		a.note(fmt.Sprintf("%s of %d could not be summed up: see inputs.csv", say.Counted(int64(n), "capture"), len(res.Inputs)))
	}
	return nil
}
