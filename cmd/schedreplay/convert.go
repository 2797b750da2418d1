package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/outdir"
	"schedreplay/export/perfetto"
	"schedreplay/export/pprofile"
	"schedreplay/export/rows"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/replay"
)

// targets are what convert writes, and how.
var targets = []string{"pprof", "perfetto", "csv", "parquet", "jsonl", "rt-app"}

func (a *app) convertCommand() *cobra.Command {
	var c common
	var to, out string
	cmd := &cobra.Command{
		Use:   "convert CAPTURE --to FORMAT -o OUT",
		Short: "The capture and both kernels for other tools",
		Long: `convert writes a capture, and what both kernels make of it, for other tools:

  pprof     folder OUT: original.pb.gz and patched.pb.gz, profiles of the isolated
            CPUs' owners and intruders by the call path of each decision
  perfetto  file OUT: the recorded timeline, and a group of tracks for each kernel
            with its decisions explained; for ui.perfetto.dev
  csv, parquet, jsonl
            folder OUT: the tables slices, wakeups, intrusions and stays
  rt-app    file OUT: what the tasks wanted, as a load that rt-app runs on a live machine

docs/formats-out.md describes the columns. A folder appears whole or not at all, and
an existing one is replaced only if schedreplay made it.`,
		Example: `  schedreplay convert testdata/traces/smt44-isolated43-original --to pprof -o profiles
  go tool pprof -top -diff_base profiles/original.pb.gz profiles/patched.pb.gz
  schedreplay convert perf.data --host host.tar.gz --to perfetto -o trace.pftrace
  schedreplay convert perf.data --host host.tar.gz --to parquet -o tables`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&to, "to", "", "write `FORMAT`: "+strings.Join(targets, ", "))
	f.StringVarP(&out, "output", "o", "", "write to `OUT`, a folder or a file as the format wants it")
	c.addIsolated(f)
	c.addOriginal(f)
	c.addPatched(f)
	cmd.PreRunE = func(*cobra.Command, []string) error {
		switch {
		case to == "":
			return usagef("convert needs --to FORMAT: %s", strings.Join(targets, ", "))
		case !slices.Contains(targets, to):
			return usagef("--to %s: convert writes %s", to, strings.Join(targets, ", "))
		case out == "":
			return usagef("convert needs -o OUT")
		}
		return nil
	}
	return a.captureCommand(cmd, &c, func(in *input) error { return a.convert(in, to, out) })
}

func (a *app) convert(in *input, to, out string) error {
	if err := in.chooseIsolated(); err != nil {
		return err
	}
	sum, err := in.Checksum()
	if err != nil {
		return err
	}
	var res *replay.Result
	var holds string
	switch to {
	case "rt-app":
		return a.toRTApp(in, out, sum)
	case "pprof":
		holds = "original.pb.gz and patched.pb.gz"
		err = outdir.Into(out, in.files(), func(d *outdir.Dir) (err error) {
			res, err = a.toProfiles(in, d, sum)
			return err
		})
	case "perfetto":
		holds = "the timeline, and the tracks of both kernels"
		err = outdir.IntoFile(out, in.files(), func(f *outdir.File) (err error) {
			res, err = a.toPerfetto(in, f, out, sum)
			return err
		})
	default:
		holds = strings.Join(rows.SetFiles(rows.Format(to)), ", ")
		err = outdir.Into(out, in.files(), func(d *outdir.Dir) (err error) {
			res, err = a.toTables(in, rows.Format(to), d, out, sum)
			return err
		})
	}
	if err != nil {
		return err
	}
	a.announce(in, say.Headline(res))
	a.holds(out, holds)
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}

// eachEvent makes one pass over the capture.
func (a *app) eachEvent(in *input, do func(*parser.Event)) error {
	n := 0
	for ev, err := range in.Events() {
		if n++; err != nil || n%4096 == 0 && a.ctx.Err() != nil {
			break // in.partial has the error
		}
		do(&ev)
	}
	return a.ctx.Err()
}

func (a *app) toProfiles(in *input, d *outdir.Dir, sum string) (*replay.Result, error) {
	c := pprofile.New()
	res, err := a.replay(in, c.Observer())
	if err != nil {
		return nil, err
	}
	remarks := []string{"schedreplay " + version, "capture sha256 " + sum}
	for _, l := range in.remarks(say.Headline(res)) {
		remarks = append(remarks, term.OneLine(say.Plain(l)))
	}
	var files [2]bytes.Buffer
	if err := c.Write(res, remarks, &files[0], &files[1]); err != nil {
		return nil, err
	}
	for i, name := range [...]string{"original.pb.gz", "patched.pb.gz"} {
		if err := d.WriteFile(name, files[i].Bytes()); err != nil {
			return nil, err
		}
	}
	if c.Dropped > 0 {
		a.note(fmt.Sprintf("%d decisions and runs are not in the profiles: there are too many tasks", c.Dropped))
	}
	return res, nil
}

func (a *app) toPerfetto(in *input, f *outdir.File, out, sum string) (*replay.Result, error) {
	t := perfetto.NewWriter(f, perfetto.Options{Program: "schedreplay " + version, Checksum: sum})
	if err := a.eachEvent(in, t.Event); err != nil {
		return nil, err
	}
	o := in.flags.options()
	o.Observer, o.Explain = t.Observer(), t.Explains
	res, err := a.replayWith(in, o)
	if err != nil {
		return nil, err
	}
	if t.Skipped > 0 {
		a.note(fmt.Sprintf("%d events and runs have no place in a Perfetto trace: they lack a time or a CPU", t.Skipped))
	}
	return res, outdir.Wrap(out, t.Close())
}

func (a *app) toTables(in *input, format rows.Format, d *outdir.Dir, out, sum string) (*replay.Result, error) {
	meta := []rows.Meta{{Key: "schedreplay.version", Value: version}, {Key: "schedreplay.capture_sha256", Value: sum}}
	set, err := rows.NewSet(d, format, meta)
	if err != nil {
		return nil, outdir.Wrap(out, err)
	}
	stop := func() {
		if err := set.Err(); err != nil {
			a.cancel(outdir.Wrap(out, err))
		}
	}
	if err := a.eachEvent(in, func(ev *parser.Event) { set.Event(ev); stop() }); err != nil {
		return nil, err
	}
	obs := set.Observer()
	obs.Progress = func(int, int, int64) { stop() }
	res, err := a.replay(in, obs)
	if err != nil {
		return nil, err
	}
	set.Finish(res)
	return res, outdir.Wrap(out, set.Close())
}
