package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/page"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/jsondoc"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/loop"
	"schedreplay/parser"
	"schedreplay/replay"
)

// loopFlags are those of commands that run the closed loop.
type loopFlags struct {
	runs int
	seed uint64
}

func (l *loopFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&l.runs, "runs", 32, "make `N` runs of each scenario")
	cmd.Flags().Uint64Var(&l.seed, "seed", 1, "draw what is open from seed `N`: the same seed gives the same")
}

// maxLoopRuns bounds an ensemble: its figures are kept until they are summed up.
const maxLoopRuns = 10_000

func (a *app) whatifCommand() *cobra.Command {
	var c common
	var l loopFlags
	var scenarios []string
	cmd := &cobra.Command{
		Use:   "whatif CAPTURE",
		Short: "How long tasks would have waited under another kernel or after a change",
		Long: `whatif takes the work out of a recording and runs it on a machine of its own, under the
recorded kernel (the baseline) and under scenarios. It tells how often and how long
foreign tasks would hold the isolated CPUs, how long their owners would wait, and who
would be worse off. Every figure is the middle of an ensemble of runs, with the 5th and
the 95th of a hundred beside it. The baseline against the recording comes first. Believe
the rest as far as that.

A scenario is NAME=CHANGE,…; @FILE holds a list of them in JSON or YAML, each with its
name and its changes. Without any, it is the other of the two kernels. Changes:
kernel=KERNEL, isolated=CPULIST, partition=CPULIST, smt=off, base_slice=DURATION,
nohz_full=CPULIST (the tick stops there while one task runs), irq:NAME=CPULIST (a
device's interrupt, by its name in /proc/interrupts, with the softirqs that follow),
workqueue=CPULIST (unbound workers), max:/GROUP=QUOTA/PERIOD (the CPU limit of a control
group as cpu.max has it, or max for none), feature:NAME=on|off, affinity:TASK=CPULIST,
nice:TASK=N, weight:TASK=N (as cpu.weight: 100 is that of nice 0; /GROUP for TASK),
policy:TASK=fifo:N|rr:N|other|batch|idle, period:TASK=DURATION, work:TASK=FACTOR,
without:TASK. An affinity stands for the whole recording, also where that shows a change
of it. Interrupts and what ticks take are known where they were recorded
(schedreplay record --noise). Formats: text, json.`,
		Example: `  schedreplay whatif testdata/traces/smt44-isolated43-original
  schedreplay whatif perf.data --host host.tar.gz --scenario taskset=affinity:ksmd=0-41
  schedreplay whatif perf.data --host host.tar.gz --scenario cores=isolated=42-43 --runs 100
  schedreplay whatif incident --scenario quiet=irq:eth0=0-41,workqueue=0-41,nohz_full=43
  schedreplay whatif incident --scenario free=max:/system.slice=max`,
	}
	c.add(cmd, "text", "json")
	cmd.Flags().StringArrayVar(&scenarios, "scenario", nil, "run `NAME=CHANGE,…` too, or those of the file @FILE; may be repeated")
	l.add(cmd)
	return a.captureCommand(cmd, &c, func(in *input) error { return a.whatif(in, &c, &l, scenarios) })
}

func (a *app) whatif(in *input, c *common, l *loopFlags, scenarios []string) error {
	var list []loop.Scenario
	for _, s := range scenarios {
		some, err := readScenarios(s)
		if err != nil {
			return usagef("--scenario: %w", err)
		}
		list = append(list, some...)
	}
	res, out, err := a.closedLoop(in, l, func(res *replay.Result) []loop.Scenario {
		if len(list) == 0 {
			return []loop.Scenario{findings.OtherKernel(res)}
		}
		return list
	})
	if err != nil {
		return err
	}
	a.announce(in, say.Headline(res))
	if c.format == "json" {
		_, _ = a.out.Write(jsondoc.WhatIf(out, res.CPUs, in.partial() != nil))
	} else {
		a.whatifText(in, res, out)
	}
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}

// readScenarios reads NAME=CHANGE,…, or those of @FILE.
func readScenarios(s string) ([]loop.Scenario, error) {
	path, file := strings.CutPrefix(s, "@")
	if !file {
		sc, err := loop.ParseScenario(s)
		return []loop.Scenario{sc}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return loop.ReadScenarios(f)
}

// closedLoop replays the capture, for its kernels and owners, takes its work and runs the
// scenarios.
func (a *app) closedLoop(in *input, l *loopFlags, scenarios func(*replay.Result) []loop.Scenario) (*replay.Result, *loop.Result, error) {
	if l.runs < 1 || l.runs > maxLoopRuns {
		return nil, nil, usagef("--runs %d: say 1 to %d", l.runs, maxLoopRuns)
	}
	res, err := a.replay(in, replay.Observer{})
	if err != nil {
		return nil, nil, err
	}
	out, err := findings.CloseLoop(a.ctx, in, res, loop.Options{Runs: l.runs, Seed: l.seed, Scenarios: scenarios(res)})
	switch {
	case err == nil:
		return res, out, nil
	case a.ctx.Err() != nil:
		return nil, nil, a.ctx.Err()
	case errors.Is(err, loop.ErrScenario):
		return nil, nil, usagef("%w", err)
	}
	return nil, nil, unfit(in, err)
}

// unfit says of a capture whose work cannot be told what it lacks.
func unfit(in *input, err error) error {
	return &parser.Error{
		File: in.Path, Format: string(in.Meta().Dialect), Offset: -1, Err: err,
		Remedy: "record sched_switch, sched_waking, sched_wakeup and sched_migrate_task on all CPUs, with the machine's host bundle",
	}
}

func (a *app) whatifText(in *input, res *replay.Result, r *loop.Result) {
	a.provenance(in, res)
	fmt.Fprintf(a.out, "closed loop, %s of each scenario, seed %d\n\n", say.Counted(int64(r.Runs), "run"), r.Seed)
	a.trustText(&r.Trust)
	all := append([]loop.Outcome{r.Recorded}, r.Outcomes...)
	cpus := map[int]*findings.CPU{}
	for _, c := range findings.Of(res).CPUs {
		cpus[c.CPU] = c
	}
	for i := range r.Recorded.Isolated {
		cpu := r.Recorded.Isolated[i].CPU
		a.isolatedTable(cpu, cpus[cpu], r, all)
	}
	if len(r.Recorded.Isolated) == 0 {
		a.busiestTable(r, all)
	}
	for i := range r.Outcomes[1:] {
		o := &r.Outcomes[i+1]
		fmt.Fprintln(a.out)
		a.paragraph(say.Worse(r, o), 0)
	}
	fmt.Fprintln(a.out)
	a.paragraph("Figures are the middle of the runs, with the 5th and the 95th of a hundred in brackets. Held: run time of tasks that may run elsewhere, "+
		"on that CPU. p50, p99: of the owner's delay from waking to running; off CPU: while it was runnable, not having slept; gaps: how often, of an owner that never sleeps. "+
		"What the loop leaves out is in docs/closed-loop.md.", 0)
}

// trustText says first how far to believe the rest.
func (a *app) trustText(t *loop.Trust) {
	for _, s := range say.Trust(t) {
		a.paragraph(s, 0)
	}
}

// isolatedTable compares the scenarios on one isolated CPU, of which k tells, nil if it is not
// looked at. The waits are those by which the owner's latency is told.
func (a *app) isolatedTable(cpu int, k *findings.CPU, r *loop.Result, all []loop.Outcome) {
	owner, name, never := -1, "no owner known", false
	if k != nil && k.Owner != nil {
		owner, name = r.Program.Find(k.Owner.PID), "owner "+page.Task(k.Owner.Comm, k.Owner.PID, 0)
		if never = k.Kind() == replay.OffCPUGap; never {
			name += ", which never sleeps"
		}
	}
	fmt.Fprintf(a.out, "\nCPU %d, %s\n", cpu, name)
	t := term.Table{Style: a.style(), Gap: 2, Columns: term.Columns("scenario<", "entries>", "held ms>", "p50 us>", "p99 us>", "off CPU ms>")}
	if never {
		t.Columns[3].Name, t.Columns[4].Name = "gaps", "longest ms"
	}
	interrupts := r.Program.Interrupts != nil
	if interrupts {
		t.Columns = append(t.Columns, term.Columns("interrupts ms>")...)
	}
	var rows [][]term.Cell
	for i := range all {
		o := &all[i]
		row := term.Cells(o.Name, "", "", "", "", "")
		for j := range o.Isolated {
			if c := &o.Isolated[j]; c.CPU == cpu {
				row[1].Text, row[2].Text = say.Band(c.Entries, 1), say.Band(c.Held, 1e6)
			}
		}
		if owner >= 0 {
			d := &o.Tasks[owner]
			row[3].Text, row[4].Text, row[5].Text = say.Band(d.Delay.P50, 1e3), say.Band(d.Delay.P99, 1e3), say.Band(d.OffCPU.Sum, 1e6)
			if never {
				row[3].Text, row[4].Text = say.Band(d.OffCPU.Count, 1), say.Band(d.OffCPU.Max, 1e6)
			}
		}
		if owner >= 0 && interrupts {
			row = append(row, term.Cells(say.Band(o.Tasks[owner].Taken, 1e6))...)
		} else if interrupts {
			row = append(row, term.Cell{})
		}
		rows = append(rows, row)
	}
	t.All(a.out, 80, rows)
}

// busiestTasks is how many tasks are shown where no CPU is isolated.
const busiestTasks = 10

// busiestTable compares the delays of the tasks that woke most.
func (a *app) busiestTable(r *loop.Result, all []loop.Outcome) {
	tasks := r.Recorded.Tasks
	order := make([]int, len(tasks))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(tasks[j].Wakings.Mid, tasks[i].Wakings.Mid) })
	for _, i := range order[:min(len(order), busiestTasks)] {
		if tasks[i].Wakings.Mid <= 0 {
			return
		}
		fmt.Fprintf(a.out, "\n%s\n", page.Task(tasks[i].Comm, tasks[i].PID, 0))
		t := term.Table{Style: a.style(), Gap: 2, Columns: term.Columns("scenario<", "p50 us>", "p90 us>", "p99 us>")}
		var rows [][]term.Cell
		for j := range all {
			d := &all[j].Tasks[i].Delay
			rows = append(rows, term.Cells(all[j].Name, say.Band(d.P50, 1e3), say.Band(d.P90, 1e3), say.Band(d.P99, 1e3)))
		}
		t.All(a.out, 80, rows)
	}
}
