package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/export/outdir"
	"schedreplay/export/rowset"
	"schedreplay/findings/fleet"
	"schedreplay/findings/say"
	"schedreplay/fleetrun"
)

// rowSetFlags are those that shape a row set: summarize and fleet take them alike.
type rowSetFlags struct {
	*pflag.FlagSet
	all bool
}

// addRowSet declares the flags that shape a row set.
func (c *common) addRowSet(cmd *cobra.Command) *rowSetFlags {
	r := &rowSetFlags{FlagSet: pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)}
	r.BoolVar(&r.all, "all", false, "also the tables of every decision and of every slice of the timeline")
	c.addHost(r.FlagSet)
	c.addOwner(r.FlagSet)
	c.addOriginal(r.FlagSet)
	c.addPatched(r.FlagSet)
	cmd.Flags().AddFlagSet(r.FlagSet)
	return r
}

func (a *app) summarizeCommand() *cobra.Command {
	var c common
	var out string
	var memory uint32
	cmd := &cobra.Command{
		Use:   "summarize CAPTURE -o DIR",
		Short: "One capture as a row set of a fleet: Parquet tables and what merges",
		Long: `summarize writes the folder DIR/capture=SHA256 with the Parquet tables captures,
causes, delays, noise, stays and intrusions, whose rows bear capture, host, kernel and
wall time, and summary.json, which fleets are merged of. docs/fleet.md describes them. It is
what fleet runs on each capture. The folder appears whole or not at all.`,
		Example: `  schedreplay summarize testdata/traces/k419-smt44-isolated43-original -o rows
  schedreplay summarize perf.data --host host.tar.gz -o rows --all`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&out, "output", "o", "", "write into the folder `DIR`")
	f.Uint32Var(&memory, "memory", 0, "end if more than `MIB` of memory are needed")
	shape := c.addRowSet(cmd)
	cmd.Args = cmdline.OneCapture
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if out == "" {
			return usagef("summarize needs -o DIR")
		}
		if memory > 0 {
			if err := fleetrun.LimitMemory(memory); err != nil {
				return usagef("--memory: %w", err)
			}
		}
		settings := cmdline.Settings(shape.FlagSet)
		o := fleet.Origin{Name: cmdline.SectionName(args[0]), Program: "schedreplay " + version, Command: fleetrun.CommandLine("summarize", settings)}
		if args[0] != "-" {
			in := fleetrun.Input{Path: args[0], Bundle: c.bundle}
			o.Inputs = fleetrun.Digest(o.Program, settings, in)
		}
		return a.onCapture(cmd, args[0], &c, func(in *input) error { return a.summarize(in, out, o, shape.all) })
	}
	return cmd
}

func (a *app) summarize(in *input, out string, o fleet.Origin, all bool) error {
	in.needIsolated = true
	var err error
	if o.Capture, err = in.Checksum(); err != nil {
		return err
	}
	o.WallOffset, o.WallKnown = in.flags.clock.Offset, in.flags.clock.Known
	dir := filepath.Join(out, rowset.Prefix+o.Capture)
	d, err := outdir.New(dir, in.files())
	if err != nil {
		return err
	}
	defer d.Drop()
	set, err := rowset.New(d, o, all)
	if err != nil {
		return outdir.Wrap(out, err)
	}
	defer set.Close()
	obs := set.Observer()
	stop := func() {
		if err := set.Err(); err != nil {
			a.cancel(outdir.Wrap(out, err))
		}
	}
	obs.Progress = func(int, int, int64) { stop() }
	res, err := a.replay(in, obs)
	if err == nil && all {
		err = a.eachEvent(in, set.Event)
		stop()
	}
	if err != nil {
		return err
	}
	if err := set.Finish(res); err != nil {
		return outdir.Wrap(out, err)
	}
	if err := d.Keep(); err != nil {
		return err
	}
	a.announce(in, say.Headline(res))
	fmt.Fprintln(a.out, dir)
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}
