package main

import (
	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/buildinfo"
	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/cmd/schedreplay/internal/cost"
	"schedreplay/parser"
)

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "schedreplay",
		Short: "Why did the kernel put that task on my isolated core?",
		Long: `schedreplay reads a recording of the Linux scheduler, replays each wakeup through
a model of the recorded kernel and of a patched one, and tells which tasks
entered isolated CPUs, how, what it cost, and whether the patch prevents it.

CAPTURE is perf.data, trace.dat, a Perfetto trace, or the text of tracefs/trace,
trace-cmd report, perf script, perf sched timehist or babeltrace2, plain or compressed
with gzip, zstd or xz. It may be "-" for standard input, or a folder with one capture
and its host bundle (host.tar.gz or host/).

Exit status: 0 done, 1 a check did not hold, 2 usage, or flags that contradict the
capture, 3 unreadable or damaged input, 4 cannot write, 130 interrupted.`,
		Example: `  schedreplay report testdata/traces/k419-smt44-isolated43-original -o incident
  schedreplay intrusions perf.data --host host.tar.gz
  perf script | schedreplay wakeups - --isolated 43 --format jsonl`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cmdline.UnknownCommand,
		RunE:          func(*cobra.Command, []string) error { return usagef("no command given; see `schedreplay --help`") },
	}
	root.SetOut(a.out)
	root.SetErr(a.stderr)
	root.SetVersionTemplate(buildinfo.Details())
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if err := cmdline.CheckValues(cmd, args); err != nil {
			return err
		}
		a.started = true
		return a.checkColor()
	}
	p := root.PersistentFlags()
	p.StringVar(&a.color, "color", "auto", "colour the text: auto, always, never `WHEN`; NO_COLOR is honoured")
	p.BoolVarP(&a.quiet, "quiet", "q", false, "no notes and no progress on standard error")
	p.Uint32Var(&a.tempLimit, "temp-limit", parser.DefaultTempLimit>>20, "the largest temporary copy of a capture in `MIB`; copies go to TMPDIR")
	p.BoolVarP(&a.verbose, "verbose", "v", false, "more notes, and more columns where a command has them")
	root.AddCommand(
		a.reportCommand(), a.wakeupsCommand(), a.intrusionsCommand(), a.explainCommand(), a.fidelityCommand(), a.topologyCommand(),
		a.timelineCommand(), a.eventsCommand(), a.kernelsCommand(), a.sweepCommand(), a.whatifCommand(), a.adviseCommand(), a.convertCommand(), a.anonymizeCommand(), a.collectCommand(), a.recordCommand(), a.compareCommand(), a.checkCommand(),
		a.summarizeCommand(), a.fleetCommand(),
		a.manCommand(),
	)
	cost.Tell(root)
	root.InitDefaultCompletionCmd()
	cmdline.Completions(root)
	return root
}

func (a *app) checkColor() error {
	switch a.color {
	case "auto", "always", "never":
		return nil
	}
	return usagef("--color %s: say auto, always or never", a.color)
}

// captureCommand makes a command on one capture.
func (a *app) captureCommand(cmd *cobra.Command, c *common, do func(in *input) error) *cobra.Command {
	cmd.Args = cmdline.OneCapture
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.onCapture(cmd, args[0], c, do)
	}
	return cmd
}

func (a *app) onCapture(cmd *cobra.Command, path string, c *common, do func(in *input) error) error {
	if err := c.parse(cmd); err != nil {
		return err
	}
	in, err := a.open(path, c)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := do(in); err != nil {
		return err
	}
	return in.partial()
}
