package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/cmd/schedreplay/internal/wall"
	"schedreplay/export/jsondoc"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

// explainWidth is the width of explain's text: it is quoted in mails.
const explainWidth = 75

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
	do := a.captureCommand(cmd, &c, func(in *input) error { return a.explain(in, &c, n) })
	onCapture := do.RunE
	do.RunE = func(cmd *cobra.Command, args []string) (err error) {
		switch byN := cmd.Flags().Changed("wakeup"); {
		case at == "" && !byN:
			return usagef("explain needs --at TIME or --wakeup N")
		case at != "" && byN:
			return usagef("--at and --wakeup both choose the decision; give one of them")
		case byN && n < 1:
			return usagef("--wakeup %d: wakeups count from 1", n)
		case at != "":
			if c.atTime, err = wall.Parse("--at", at); err != nil {
				return err
			}
		}
		return onCapture(cmd, args)
	}
	return do
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
				refused = usagef("wakeup %d is of %s at %s s; the filter hides it (%s)", n, fitTask(w.Task.Comm, w.Task.PID, 0), say.Stamp(w.Time), c.filter.String())
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
				fmt.Fprintln(a.out, term.Wrap(say.Terminal(l), explainWidth))
			}
			when := c.clock.Of(w.Time)
			if when != "" {
				when = ", " + when
			}
			(&decision{d, a, when}).text()
		},
	}
	res, err := a.replayWith(in, o)
	switch {
	case err != nil:
		return err
	case refused != nil:
		return refused
	case !found:
		return usagef("--wakeup %d: the capture has %s", n, plural(total, "wakeup"))
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

// decision prints one wakeup test by test.
type decision struct {
	*findings.Decision
	a *app
	// when is the wall time, "" if unknown.
	when string
}

var marks = [...]string{findings.Both: "  ", findings.OriginalAlone: "- ", findings.PatchedAlone: "+ "}

// text tells the decision to people.
func (d *decision) text() {
	w, s := d.Wakeup, d.a.style()
	d.line(s.Bold(fmt.Sprintf("%s %d at %s s%s", w.Kind, w.N, say.Stamp(w.Time), d.when)))
	d.line("")
	for _, f := range say.DecisionFacts(d.Decision) {
		d.line(term.Beside(f.Name, say.Terminal(f.Text), 10, explainWidth))
	}
	d.line("")
	for _, of := range [...]findings.Side{findings.OriginalAlone, findings.PatchedAlone} {
		lines := strings.ReplaceAll(term.Wrap(say.DecisionPlaced(d.Decision, of), explainWidth-2), "\n", "\n  ")
		d.line(s.Bold(marks[of]) + lines)
		if path := d.CallPath(of); path != nil {
			d.line(term.Indent(strings.Join(path, " > "), 4, explainWidth))
		}
	}
	d.line("")
	if why := say.NoSteps(d.Decision); why != "" {
		d.line(term.Wrap(why, explainWidth))
		d.line("")
	} else {
		d.tests()
	}
	for _, l := range say.DecisionVerdict(d.Decision) {
		d.line(term.Wrap(l, explainWidth))
	}
}

func (d *decision) line(s string) { fmt.Fprintln(d.a.out, s) }

// tests prints every test as a tree of calls, then the candidates.
func (d *decision) tests() {
	s := d.a.style()
	d.line(s.Bold("the tests") + " (- original alone, + patched alone)")
	var open []string
	at := ""
	parts := d.PartsAt()
	for i := 0; i < len(d.Steps); {
		st := &d.Steps[i]
		if i == parts {
			d.line(s.Bold("  here the kernels part"))
		}
		fn := st.Func
		if st.Kind == place.AskSync && at != "" {
			fn = at // a flag handed down
		}
		if fn != at {
			k, _ := d.Kernel(st.Side)
			chain := place.Calls(fn, d.Wakeup.Kind, &k.Rules)
			for depth, name := range chain {
				if depth >= len(open) || open[depth] != name {
					open = append(open[:min(depth, len(open))], name)
					d.line(marks[st.Side] + strings.Repeat(" ", depth) + name + "()")
				}
			}
			open, at = chain, fn
		}
		n := d.Alike(i)
		lead := marks[st.Side] + strings.Repeat(" ", len(open))
		text := lead + strings.ReplaceAll(term.Wrap(say.StepLine(d.Steps[i:i+n]), explainWidth-len(lead)), "\n", "\n"+lead)
		switch st.Side {
		case findings.OriginalAlone:
			text = s.Bad(text)
		case findings.PatchedAlone:
			text = s.Good(text)
		}
		d.line(text)
		i += n
	}
	d.line("")
	o, p := d.Candidates(findings.OriginalAlone), d.Candidates(findings.PatchedAlone)
	if len(o)+len(p) == 0 {
		return
	}
	if slices.Equal(o, p) {
		d.scanned("looked at", o)
	} else {
		d.scanned("- looked at", o)
		d.scanned("+ looked at", p)
	}
	d.line("")
}

func (d *decision) scanned(name string, list []findings.Candidate) {
	if len(list) > 0 {
		d.line(term.Beside(name, say.Candidates(list), 13, explainWidth))
	}
}
