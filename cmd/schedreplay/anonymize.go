package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/cmd/schedreplay/internal/page"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/anonymize"
	"schedreplay/export/outdir"
	"schedreplay/findings"
	"schedreplay/parser"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

func (a *app) anonymizeCommand() *cobra.Command {
	var c common
	var out, window string
	cmd := &cobra.Command{
		Use:   "anonymize CAPTURE -o OUT",
		Short: "A copy that may leave the company",
		Long: `anonymize copies a capture in its own dialect. Times and CPUs stay. Task names, host
name and command lines are replaced by others of the same length, the same ones
everywhere. Names of kernel threads and recorders stay. The command lists them: look
through the list. Whatever schedreplay does not read is left out or blanked, such as
the fields of other events, kernel symbols and build ids. Compression is undone.

Without a host bundle OUT is a file. With one, from CAPTURE's folder or --host, OUT
is a folder with the capture and host.tar.gz, which every command takes as CAPTURE.
Only a bundle says for certain which tasks are kernel threads.

--window entry copies the smallest part of a text capture that was found to show the
first entry into an isolated CPU, as a fixture.`,
		Example: `  schedreplay anonymize testdata/traces/smt44-isolated43-original -o for-upstream
  schedreplay anonymize perf.data --host host.tar.gz -o for-upstream
  schedreplay anonymize ftrace.txt --isolated 43 --window entry -o fixture`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&out, "output", "o", "", "write to `OUT`, a file, or a folder if there is a bundle")
	f.StringVar(&window, "window", "", "copy a part only: `entry`")
	c.addHost(f)
	f.StringVar(&c.original, "original", "", "the recorded `KERNEL`, for --window")
	f.StringArrayVar(&c.patched, "patched", nil, "the `KERNEL` to compare it with, for --window")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		switch {
		case out == "":
			return usagef("anonymize needs -o OUT")
		case window != "" && window != "entry":
			return usagef("--window %s: entry is the only one", window)
		}
		return nil
	}
	return a.captureCommand(cmd, &c, func(in *input) error { return a.anonymize(in, out, window == "entry") })
}

func (a *app) anonymize(in *input, out string, entry bool) error {
	// The first pass holds bundle and flags against the events.
	if err := a.eachEvent(in, func(*parser.Event) {}); err != nil {
		return err
	}
	w := anonymize.All
	if entry {
		var err error
		if w, err = a.entryWindow(in); err != nil {
			return err
		}
	}
	bundle, names := in.bundle(), anonymize.NewNames(in.host)
	var report *anonymize.Report
	var err error
	if bundle == "" {
		report, err = a.anonymizeFile(in, out, names, w)
	} else {
		report, err = a.anonymizeFolder(in, out, bundle, names, w)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s: %d records; %s replaced\n", out, report.Records, page.Counted(int64(names.Replaced()), "name"))
	if kept := names.Kept(); len(kept) > 0 {
		for i, k := range kept {
			kept[i] = parser.DisplayComm(k)
		}
		fmt.Fprintln(a.out, term.Wrap("kept, as names of kernel threads and recorders: "+strings.Join(kept, ", "), 80))
	}
	if names.Merged > 0 {
		a.note(page.Counted(names.Merged, "name") + " had to share a replacement: too many are as short")
	}
	if report.Masked > 0 {
		are := " are"
		if report.Masked == 1 {
			are = " is"
		}
		a.note(page.Counted(report.Masked, "line") + are + " blanked: what in it is a name is not certain")
	}
	if report.Dropped > 0 {
		a.note(fmt.Sprintf("%d bytes behind a damaged place are not in the copy", report.Dropped))
	}
	return nil
}

// copyTo anonymises the capture into a file.
func (in *input) copyTo(f *os.File, names *anonymize.Names, w anonymize.Window, out string) (*anonymize.Report, error) {
	r, err := anonymize.Capture(in.Source(), in.Input.Capture, names, w, f)
	switch {
	case err == nil:
		return r, nil
	case errors.Is(err, anonymize.ErrRefused):
		return nil, usagef("%s: %w", in.Path, err)
	case errors.As(err, new(*os.PathError)):
		return nil, outdir.Wrap(out, err)
	case errors.As(err, new(*parser.Error)):
		return nil, err
	}
	return nil, &parser.Error{File: in.Path, Format: string(in.Meta().Dialect), Offset: -1, Err: err, Remedy: "nothing was written"}
}

func (a *app) anonymizeFile(in *input, out string, names *anonymize.Names, w anonymize.Window) (report *anonymize.Report, err error) {
	err = outdir.IntoFile(out, in.files(), func(f *outdir.File) (err error) {
		report, err = in.copyTo(f.File, names, w, out)
		return err
	})
	return report, err
}

func (a *app) anonymizeFolder(in *input, out, bundle string, names *anonymize.Names, w anonymize.Window) (report *anonymize.Report, err error) {
	err = outdir.Into(out, in.files(), func(d *outdir.Dir) error {
		err := inFile(d, cmdline.CopyName(in.Meta().Dialect), func(f *os.File) (err error) {
			report, err = in.copyTo(f, names, w, out)
			return err
		})
		if err != nil {
			return err
		}
		return inFile(d, "host.tar.gz", func(f *os.File) error {
			err := anonymize.Bundle(bundle, names, f)
			if errors.Is(err, parser.ErrHost) {
				return err
			}
			return outdir.Wrap(out, err)
		})
	})
	return report, err
}

// inFile makes a file of a folder and has it written.
func inFile(d *outdir.Dir, name string, write func(*os.File) error) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		_ = f.Close()
		return err
	}
	return outdir.Wrap(d.Name(), f.Close())
}

// entryWindow finds the smallest of some windows around the first entry in which
// the replay still finds it: begun ever earlier before the wakeup, ended ever later
// behind the intruder's first run.
func (a *app) entryWindow(in *input) (anonymize.Window, error) {
	if d := in.Meta().Dialect; d == parser.DialectPerfData || d == parser.DialectTraceDat || d == parser.DialectPerfetto {
		_, err := in.copyTo(nil, anonymize.NewNames(nil), anonymize.Window{}, "")
		return anonymize.All, err
	}
	res, err := a.replay(in, replay.Observer{})
	if err != nil {
		return anonymize.All, err
	}
	want, _ := findings.FirstEntry(res)
	if want == nil {
		return anonymize.All, usagef("%s: no task entered an isolated CPU by a wakeup, so there is no entry to cut out", in.Path)
	}
	const first, ratio = 1_000_000, 4
	for before := int64(first); want.Time-before > res.Start; before *= ratio {
		for after := int64(first); after <= 16*first; after *= ratio {
			w := anonymize.Window{From: want.Time - before, To: want.Time + after}
			ok, err := a.shows(in, w, want)
			if err != nil {
				return anonymize.All, err
			}
			if ok {
				return w, nil
			}
		}
	}
	return anonymize.Window{From: res.Start, To: want.Time + 16*first}, nil
}

// shows replays a window and reports whether its first entry is the wanted one
// with the same outcome under both kernels.
func (a *app) shows(in *input, w anonymize.Window, want *replay.Entry) (bool, error) {
	dir, err := outdir.Temp()
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, cmdline.CopyName(in.Meta().Dialect))
	f, err := os.Create(path)
	if err != nil {
		return false, outdir.Wrap(path, err)
	}
	_, err = in.copyTo(f, anonymize.NewNames(in.host), w, path)
	if cerr := f.Close(); err == nil {
		err = outdir.Wrap(path, cerr)
	}
	if err != nil {
		return false, err
	}
	cut, err := open.File(a.ctx, path, a.openOptions())
	if err != nil {
		return false, nil // too small to be known for a capture
	}
	defer cut.Close()
	o := in.flags.options()
	res, err := replay.Run(a.ctx, cut, in.host, o)
	if err != nil {
		return false, err
	}
	if err := a.ctx.Err(); err != nil {
		return false, err
	}
	got, runs := findings.FirstEntry(res)
	return got != nil && runs > 0 && findings.SameEntry(got, want), nil
}
