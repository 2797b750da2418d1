package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/page"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/cmd/schedreplay/internal/wall"
	"schedreplay/export/jsondoc"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/replay"
)

func (a *app) explainCommand() *cobra.Command {
	var c common
	var at string
	var n int64
	cmd := &cobra.Command{
		Use:   "explain CAPTURE --at TIME | --wakeup N",
		Short: "One decision, test by test, with where each answer comes from",
		Long: `explain tells one placement decision as the kernel makes it: who was woken, by whom,
from which CPU; the call path; each test with its answer and the source of that
answer; the candidates in the order in which the kernel looks at them; and where the
original and the patched kernel part. A step that both make is told once.

--wakeup N takes line N of wakeups. --at TIME takes the last one at or before that
time, of the task that --task names, if given. TIME is seconds of the capture's clock,
or wall time if its relation to that clock is known (see --wall). Formats: text, json.`,
		Example: `  schedreplay explain testdata/traces/smt44-isolated43-original --at 24.57 --task ksmd
  schedreplay explain perf.data --host host.tar.gz --wakeup 9
  schedreplay explain perf.data --wall 24.5=2026-11-22T03:12:05Z --at 03:12:06 --task ksmd`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&at, "at", "", "explain the last wakeup at or before `TIME`")
	f.Int64Var(&n, "wakeup", 0, "explain wakeup `N`")
	c.add(cmd, "text", "json")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) (err error) {
		switch byN := cmd.Flags().Changed("wakeup"); {
		case at == "" && !byN:
			return usagef("explain needs --at TIME or --wakeup N")
		case at != "" && byN:
			return usagef("--at and --wakeup both choose the decision; give one of them")
		case byN && n < 1:
			return usagef("--wakeup %d: wakeups count from 1", n)
		case at != "":
			c.atTime, err = wall.Parse("--at", at)
		}
		return err
	}
	return a.captureCommand(cmd, &c, func(in *input) error { return a.explain(in, &c, n) })
}

func (a *app) explain(in *input, c *common, n int64) error {
	if n == 0 {
		var err error
		if n, err = a.lastWakeup(in, c); err != nil {
			return err
		}
	}
	var head *replay.Result
	var refused error
	total := int64(0)
	found := false
	o := c.options()
	o.Explain = func(w *replay.Wakeup) bool { return w.N == n }
	o.Observer = replay.Observer{
		Begin: func(res *replay.Result) { head = res },
		Wakeup: func(w *replay.Wakeup) {
			total = w.N
			switch {
			case w.N != n:
				return
			case !wakeupShown(&c.filter, w):
				refused = usagef("wakeup %d is of %s at %s s; the filter hides it (%s)", n, page.Task(w.Task.Comm, w.Task.PID, 0), say.Stamp(w.Time), c.filter.String())
				return
			}
			found = true
			d := findings.DecisionOf(head, w)
			if c.format == "json" {
				a.announce(in, say.Headline(head))
				_, _ = a.out.Write(jsondoc.Decision(d, c.clock.RFC3339(w.Time), in.partial() != nil))
				return
			}
			for _, l := range in.remarks(say.Headline(head)) {
				fmt.Fprintln(a.out, term.Wrap(say.Terminal(l), page.Quoted))
			}
			when := c.clock.Of(w.Time)
			if when != "" {
				when = ", " + when
			}
			a.page().Decision(d, when)
		},
	}
	res, err := a.replayWith(in, o)
	switch {
	case err != nil:
		return err
	case refused != nil:
		return refused
	case !found:
		return usagef("--wakeup %d: the capture has %s", n, page.Counted(total, "wakeup"))
	}
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}

// lastWakeup finds the last wakeup shown at or before --at.
func (a *app) lastWakeup(in *input, c *common) (int64, error) {
	var last, next struct{ n, time int64 }
	_, err := a.replay(in, replay.Observer{Wakeup: func(w *replay.Wakeup) {
		switch {
		case !wakeupShown(&c.filter, w):
		case w.Time <= c.atNS:
			last.n, last.time = w.N, w.Time
		case next.n == 0:
			next.n, next.time = w.N, w.Time
		}
	}})
	if err != nil {
		return 0, err
	}
	of := ""
	if s := c.filter.String(); s != "" {
		of = " (" + s + ")"
	}
	switch {
	case last.n == 0 && next.n == 0:
		return 0, usagef("the capture has no wakeup to explain%s", of)
	case last.n == 0:
		return 0, usagef("no wakeup at or before %s s%s; the first is number %d at %s s", say.Stamp(c.atNS), of, next.n, say.Stamp(next.time))
	case next.n != 0 && next.time/1000 == c.atNS/1000:
		// The other commands print microseconds.
		a.note(fmt.Sprintf("wakeup %d at %s s is in the same microsecond, after --at", next.n, say.Stamp(next.time)))
	}
	return last.n, nil
}
