package main

import (
	"github.com/spf13/cobra"

	"schedreplay/export/timehist"
	"schedreplay/parser"
)

func (a *app) timelineCommand() *cobra.Command {
	var c common
	var o timehist.Options
	cmd := &cobra.Command{
		Use:   "timeline CAPTURE",
		Short: "What ran, slice by slice",
		Long: `timeline prints what perf sched timehist prints. Each line is a slice, stamped with its
end. Wait time is the time off the CPU before it, sch delay the part of that from
waking to running. State letters are the kernel's own. A loss or a break in a CPU's
history is a line of its own, and no slice is printed across it. So is an interrupt or
softirq, where they are recorded: stamped with its end, with its own time, less what
interrupted it, and with what led to it. A slice's run time includes what interrupted
it. For a perf.data file without any of these, all else is what perf prints, byte for
byte. Call chains are left out, as with perf's --no-call-graph.

The summary tells for each task how often and how long it ran, and with --state in
which state it waited. As in perf, migrations are counted with -M only. Interrupts and
softirqs are summed up by CPU and kind, where they are recorded.`,
		Example: `  schedreplay timeline perf.data --cpu 43
  schedreplay timeline trace.dat -w -n --state --from 24.56 --to 24.58
  schedreplay timeline perf.data -s -M`,
	}
	c.add(cmd, "text")
	f := cmd.Flags()
	f.BoolVarP(&o.Wakeups, "wakeups", "w", false, "show wakeups")
	f.BoolVarP(&o.Next, "next", "n", false, "show the task that follows")
	f.BoolVarP(&o.Migrations, "migrations", "M", false, "show migrations")
	f.BoolVarP(&o.CPUVisual, "cpu-visual", "V", false, "add a column with one character for each CPU")
	f.BoolVar(&o.State, "state", false, "show the state in which the task left")
	f.BoolVar(&o.NoInterrupts, "no-interrupts", false, "leave out interrupts and softirqs")
	f.BoolVarP(&o.SummaryOnly, "summary", "s", false, "show only a summary by task")
	f.BoolVarP(&o.Summary, "with-summary", "S", false, "end with the summary")
	return a.captureCommand(cmd, &c, func(in *input) error {
		if o.SummaryOnly && (o.Wakeups || o.Next) {
			return usagef("-s shows no wakeups and no next task; leave out -w and -n, or use -S")
		}
		o.PerfData = in.Meta().Dialect == parser.DialectPerfData
		o.From, o.To, o.CPUs = c.filter.From, c.filter.To, c.filter.CPUs
		if c.filter.Task != "" {
			o.Task = c.filter.IsTask
		}
		return a.timeline(in, o)
	})
}

func (a *app) timeline(in *input, o timehist.Options) error {
	o.Host = in.host
	p := timehist.New(a.out, o)
	for ev, err := range parser.Ahead(in) {
		if err != nil || a.ctx.Err() != nil {
			break
		}
		p.Survey(ev)
	}
	if err := a.ctx.Err(); err != nil {
		return err
	}
	p.SetCPUs(max(len(in.host.CPU), in.host.Possible.Value.Last()+1))
	a.announce(in, nil)
	n := 0
	for ev, err := range parser.Ahead(in) {
		if n++; err != nil || n%4096 == 0 && a.ctx.Err() != nil {
			break // in.partial has the error
		}
		if p.Print(ev) != nil {
			break // the output has it
		}
	}
	_ = p.Close()
	return a.ctx.Err()
}
