package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/page"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/jsondoc"
	"schedreplay/findings/say"
	"schedreplay/loop"
	"schedreplay/parser"
	"schedreplay/replay"
)

func (a *app) fidelityCommand() *cobra.Command {
	var c common
	var l loopFlags
	var timed bool
	cmd := &cobra.Command{
		Use:   "fidelity CAPTURE",
		Short: "The model against the recording, per path",
		Long: `fidelity holds the model of the recorded kernel against the CPUs that this kernel chose:
how often the prediction is that CPU (exact), how often that CPU is among the possible
ones (covered), and how many are possible on average. It counts wakeups and forks of
fair-class tasks that went through the selector and whose CPU the capture shows.

--time holds the closed loop of that kernel against the recording instead: delays of
tasks with 200 wakings or more, run time by CPU, changes of CPU. It says how far whatif
can be believed. Formats: text, json.`,
		Example: `  schedreplay fidelity testdata/traces/numa16-patched
  schedreplay fidelity perf.data --host host.tar.gz --format json`,
	}
	c.add(cmd, "text", "json")
	cmd.Flags().BoolVar(&timed, "time", false, "the closed loop against the recording")
	l.add(cmd)
	return a.captureCommand(cmd, &c, func(in *input) error {
		if timed {
			return a.fidelityTime(in, &c, &l)
		}
		return a.fidelity(in, &c)
	})
}

// fidelityTime holds the baseline's runs against the recording.
func (a *app) fidelityTime(in *input, c *common, l *loopFlags) error {
	res, r, err := a.closedLoop(in, l, func(*replay.Result) []loop.Scenario { return nil })
	if err != nil {
		return err
	}
	a.announce(in, say.Headline(res))
	if c.format == "json" {
		_, _ = a.out.Write(jsondoc.Trust(r, in.partial() != nil))
		return nil
	}
	a.provenance(in, res)
	fmt.Fprintf(a.out, "closed loop of %s against the recording, %s, seed %d\n\n", res.BaselineKernel().Name, say.Counted(int64(r.Runs), "run"), r.Seed)
	a.trustText(&r.Trust)
	if len(r.Trust.Tasks) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	t := term.Table{Style: a.style(), Gap: 2, Columns: term.Columns("task<", "p50>", "p90>", "p99>", "KS distance>")}
	var rows [][]term.Cell
	for _, o := range r.Trust.Tasks {
		rows = append(rows, term.Cells(page.Task(o.Comm, o.PID, 0), say.Multiple(o.P50), say.Multiple(o.P90), say.Multiple(o.P99), fmt.Sprintf("%.2f", o.Apart)))
	}
	t.All(a.out, 80, rows)
	return nil
}

func (a *app) fidelity(in *input, c *common) error {
	var part replay.Scorer
	var obs replay.Observer
	if c.filter.Active() {
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
	if c.filter.Active() {
		f = part.Result()
		slices.SortFunc(f.Paths, func(x, y replay.PathScore) int { return cmp.Compare(x.Path, y.Path) })
	}
	a.announce(in, say.Headline(res))
	if c.format == "json" {
		_, _ = a.out.Write(jsondoc.Fidelity(res, &f, in.partial() != nil))
	} else {
		a.provenance(in, res)
		a.page().Fidelity(res, &f, shown(&c.filter))
	}
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}

// provenance says what a text is about: the input, not its path.
func (a *app) provenance(in *input, res *replay.Result) {
	sum, err := in.Checksum()
	switch {
	case errors.Is(err, parser.ErrChanged):
		sum = "unknown: the file changed after it was read"
	case err != nil || len(sum) < 16:
		sum = "unknown"
	default:
		sum = sum[:16]
	}
	line := fmt.Sprintf("schedreplay %s; %s, %s to %s s, sha256 %s", version, in.Meta().Dialect, replay.Seconds(res.Start), replay.Seconds(res.End), sum)
	a.paragraph(line, 0)
	a.wallTime(&in.flags.clock, res)
}
