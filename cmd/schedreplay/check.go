package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/cmd/schedreplay/internal/gates"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/junit"
	"schedreplay/export/openmetrics"
	"schedreplay/export/outdir"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/replay"
)

func (a *app) checkCommand() *cobra.Command {
	var c common
	var l gates.Limits
	var loops loopFlags
	var scenario string
	var files checkFiles
	cmd := &cobra.Command{
		Use:   "check CAPTURE --max-intrusion DURATION",
		Short: "A one-line verdict; exit 1 when a bound is broken",
		Long: `check holds one capture against bounds, for CI and cron. It prints one line, OK or
BROKEN with what was found, and exits with 0 or 1. A bound is broken if the capture
cannot tell whether it holds. So time on an isolated CPU for which the recording does
not show who ran counts as an intrusion, unless --allow-unknown is given.

--junit writes the result as JUnit XML, one case for each bound; --metrics writes it,
and the figures behind it, as OpenMetrics text.

--scenario holds a change, as of whatif, against the bounds instead, in the closed loop:
would the upgrade meet them? A bound holds if it does in 95 of a hundred runs.`,
		Example: `  schedreplay check perf.data --isolated 43 --max-intrusion 0ms
  schedreplay check capture/ --max-entries 0 --max-p99 200us --junit check.xml
  schedreplay check capture/ --max-intrusion 1ms --ignore-residents
  schedreplay check capture/ --max-p99 4ms --scenario patched=kernel=6.1.192`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&l.Intrusion, "max-intrusion", "", "the longest `DURATION` that foreign tasks may run on isolated CPUs, in all")
	f.Int64Var(&l.Entries, "max-entries", 0, "the greatest number `N` of foreign tasks' entries")
	f.StringVar(&l.P99, "max-p99", "", "the greatest p99 of the owners' sch delay, a `DURATION`")
	f.StringVar(&l.Delay, "max-delay", "", "the greatest sch delay of an owner, a `DURATION`")
	f.Int64Var(&l.Lost, "max-lost", 0, "the greatest number `N` of lost events")
	f.BoolVar(&l.IgnoreResidents, "ignore-residents", false, "leave out tasks that were there when the capture begins")
	f.BoolVar(&l.AllowUnknown, "allow-unknown", false, "time of which the recording does not tell who ran is no intrusion")
	f.StringVar(&files.junit, "junit", "", "write JUnit XML to `FILE`")
	f.StringVar(&files.metrics, "metrics", "", "write OpenMetrics text to `FILE`")
	f.StringVar(&scenario, "scenario", "", "hold `NAME=CHANGE,…` against the bounds, in the closed loop")
	loops.add(cmd)
	c.addIsolated(f)
	f.StringVar(&c.original, "original", "", "the recorded `KERNEL`: release[(+|-)fix]…")
	cmd.Args = cmdline.OneCapture
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		demands, err := l.Demands(cmd.Flags())
		if err != nil {
			return err
		}
		if scenario != "" && files != (checkFiles{}) {
			return usagef("--junit and --metrics tell what a recording shows: leave out --scenario")
		}
		return a.onCapture(cmd, args[0], &c, func(in *input) error {
			if scenario != "" {
				return a.checkScenario(in, demands, scenario, &loops)
			}
			return a.check(in, demands, files)
		})
	}
	return cmd
}

// checkFiles are the files that check writes, "" for none.
type checkFiles struct{ junit, metrics string }

func (a *app) check(in *input, demands []gates.Demand, files checkFiles) error {
	if err := in.chooseIsolated(); err != nil {
		return err
	}
	res, err := a.replay(in, replay.Observer{})
	if err != nil {
		return err
	}
	f := findings.Of(res)
	suite := junit.Suite{Name: "schedreplay check", Tests: len(demands)}
	var bad, good []string
	var bounds []openmetrics.Bound
	for _, d := range demands {
		j := f.Judge(d.Gate)
		found := say.Found(&j)
		bounds = append(bounds, openmetrics.Bound{Flag: d.Flag, Max: d.Bound, Holds: j.Holds})
		words := fmt.Sprintf("%s (--%s %s)", found, d.Flag, d.Bound)
		c := junit.Case{Class: "schedreplay." + cmdline.SectionName(in.Path), Name: d.Flag + " " + d.Bound, Out: term.OneLine(found)}
		if j.Holds {
			good = append(good, words)
		} else {
			bad = append(bad, words)
			c.Failure = &junit.Failure{Message: term.OneLine(words), Type: d.Flag}
			suite.Failures++
		}
		suite.Cases = append(suite.Cases, c)
	}
	line := "OK: " + strings.Join(good, "; ")
	if len(bad) > 0 {
		line = "BROKEN: " + strings.Join(bad, "; ")
	}
	if err := in.partial(); err != nil {
		line = "PARTIAL, " + line
	}
	if m := res.Isolated.Value; !m.Empty() {
		line = fmt.Sprintf("CPUs %s: ", m) + line
		if m.Weight() == 1 {
			line = strings.Replace(line, "CPUs", "CPU", 1)
		}
	}
	st := a.style()
	if line = term.OneLine(line); len(bad) > 0 {
		line = st.Bad(line)
	} else {
		line = st.Good(line)
	}
	fmt.Fprintln(a.out, line)
	for _, h := range say.Headline(res) {
		a.note(say.Plain(h))
	}
	a.notes(say.Notes(res), res.Host.Notes)
	if files.junit != "" {
		if err := suite.Write(files.junit, in.files()); err != nil {
			return err
		}
	}
	if files.metrics != "" {
		if err := outdir.WriteFile(files.metrics, openmetrics.Check(f, cmdline.SectionName(in.Path), bounds), in.files()); err != nil {
			return err
		}
	}
	if len(bad) > 0 {
		return &checkError{strings.Join(bad, "; ")}
	}
	return nil
}
