package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/cmd/schedreplay/internal/gates"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/outdir"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/report"
)

// checkError says that a check asked for did not hold. What there is to say is
// said on standard output.
type checkError struct{ what string }

func (e *checkError) Error() string { return e.what }

func (a *app) compareCommand() *cobra.Command {
	var c common
	var out, p99 string
	var intrusions int64
	cmd := &cobra.Command{
		Use:   "compare BEFORE AFTER…",
		Short: "Two captures or more held against each other; with bounds, a gate",
		Long: `compare holds captures against the first of them: before and after a kernel upgrade,
a changed setting, a fix. It tells how the owner's sch delay differs, with 95 % bands
and the size of the effect; how often foreign tasks entered the isolated CPUs and how
long they held them; how well the model fits each capture; and why the captures may
not be comparable.

With --max-p99 or --max-intrusions it is a gate: every capture after the first must
keep within them, or the exit status is 1. What is not known does not hold.

-o DIR gets compare.md, compare.json and figures/. Formats: text, json.`,
		Example: `  schedreplay compare before/ after/
  schedreplay compare 6.1.80.perf.data 6.1.192.perf.data --isolated 43 -o comparison
  schedreplay compare before/ after/ --max-p99 200us --max-intrusions 0`,
		Args: cmdline.TwoCaptures,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&out, "output", "o", "", "write tables and figures to the folder `DIR`")
	f.StringVar(&p99, "max-p99", "", "the greatest p99 of the owner's sch delay, a `DURATION` as in 200us")
	f.Int64Var(&intrusions, "max-intrusions", 0, "the greatest number `N` of foreign tasks' entries")
	c.addIsolated(f)
	f.StringVar(&c.original, "original", "", "the recorded `KERNEL` of all captures: release[(+|-)fix]…")
	c.addFormat(f, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.parse(cmd); err != nil {
			return err
		}
		gates, err := gates.Compare(f, p99, intrusions)
		if err != nil {
			return err
		}
		if len(args) > findings.MaxSamples {
			return usagef("%d captures: compare takes %d at most", len(args), findings.MaxSamples)
		}
		return a.compare(cmd, args, out, &c, gates)
	}
	return cmd
}

func (a *app) compare(cmd *cobra.Command, paths []string, dir string, c *common, gates []findings.Gate) error {
	var samples []*findings.Sample
	var partial error
	var d *outdir.Dir
	if dir != "" {
		var err error
		if d, err = outdir.New(dir, nil); err != nil {
			return err
		}
		defer d.Drop()
	}
	names := map[string]int{}
	for _, path := range paths {
		name := cmdline.SectionName(path)
		if names[name]++; names[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, names[name])
		}
		s, err := a.sample(path, name, c, d, &partial)
		if err != nil {
			return err
		}
		samples = append(samples, s)
	}
	cmp, err := report.Compare(samples, report.Options{Program: "schedreplay " + version, Command: compareCommandLine(cmd, len(paths))})
	if err != nil {
		return err
	}
	if d != nil {
		if err := cmp.Write(d); err != nil {
			return err
		}
		if err := d.Keep(); err != nil {
			return err
		}
	}
	broken := cmp.Broken(gates)
	if c.format == "json" {
		b, err := cmp.JSON()
		if err != nil {
			return err
		}
		_, _ = a.out.Write(b)
		if len(broken) > 0 {
			a.say("%s", term.OneLine(strings.Join(broken, "; ")))
		}
	} else {
		a.compareText(cmp, gates, broken, dir)
	}
	if len(broken) > 0 {
		return &checkError{strings.Join(broken, "; ")}
	}
	return partial
}

// compareCommandLine is the command line without paths.
func compareCommandLine(cmd *cobra.Command, n int) string {
	return strings.Replace(cmdline.Without(cmd), " CAPTURE", strings.Repeat(" CAPTURE", n), 1)
}

// sample replays one capture of a comparison. partial becomes the first error of
// a damaged one.
func (a *app) sample(path, name string, c *common, d *outdir.Dir, partial *error) (*findings.Sample, error) {
	in, err := a.open(path, c)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if d != nil {
		d.Spare(in.files())
	}
	if err := in.chooseIsolated(); err != nil {
		return nil, err
	}
	s := findings.NewSample(name)
	if s.Checksum, err = in.Checksum(); err != nil {
		return nil, err
	}
	res, err := a.replay(in, s.Observer())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.Finish(res)
	for _, l := range in.remarks(say.Headline(res)) {
		a.note(name + ": " + say.Plain(l))
	}
	if err := in.partial(); *partial == nil {
		*partial = err
	}
	return s, nil
}

func (a *app) compareText(cmp *report.Comparison, gates []findings.Gate, broken []string, dir string) {
	st := a.style()
	for _, l := range cmp.Verdict() {
		a.paragraph(term.OneLine(l), 0)
	}
	for _, t := range cmp.Tables() {
		fmt.Fprintf(a.out, "\n%s\n", st.Bold(term.OneLine(t.Caption)))
		a.table(t)
	}
	if len(cmp.Doubts) > 0 {
		fmt.Fprintf(a.out, "\n%s\n", st.Bold("Why they may not be comparable"))
		for _, d := range cmp.Doubts {
			a.paragraph(term.OneLine(d), 2)
		}
	}
	if dir != "" {
		fmt.Fprintln(a.out)
		a.holds(dir, "compare.md, compare.json and figures")
	}
	if len(gates) == 0 {
		return
	}
	fmt.Fprintln(a.out)
	if len(broken) == 0 {
		fmt.Fprintln(a.out, st.Good("OK: the bounds hold"))
	}
	for _, b := range broken {
		fmt.Fprintln(a.out, st.Bad(term.Wrap("BROKEN: "+term.OneLine(b), 80)))
	}
}

// table prints a table of the report.
func (a *app) table(t report.Table) {
	tab := term.Table{Style: a.style(), Gap: 2}
	for i, h := range t.Header {
		tab.Columns = append(tab.Columns, term.Column{Name: h, Right: i > 0})
	}
	var list [][]term.Cell
	for _, r := range t.Rows {
		list = append(list, term.Cells(r...))
	}
	tab.All(a.out, 80, list)
}
