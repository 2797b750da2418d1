package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/jsondoc"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
)

func (a *app) kernelsCommand() *cobra.Command {
	var diff, explain bool
	var c common
	cmd := &cobra.Command{
		Use:   "kernels [--diff A B | --explain CAPTURE]",
		Short: "The rule table: which kernels place tasks differently; which one a capture fits",
		Long: `kernels lists the rows of the rule table: each mainline release that places a waking
task otherwise than the one before, the fixes it carries, and whether it can put a
task on an isolated CPU. --diff says in words how two KERNELs differ, with the commits.

--explain ranks the rows, with every combination of fixes, by how well they explain
the placements in a capture: fewest impossible entries into isolated CPUs first, then
fewest impossible decisions, then most exact predictions. It says first what follows
from that, and names the decisions that rule kernels out. The flags that describe the
machine belong to --explain. -v lists every rank and name.

KERNEL is release[(+|-)fix]…, as in 6.1.82, 6.1.192-smt-span or
5.10.0-136.oe2203+smt-span. Formats: text, json.`,
		Example: `  schedreplay kernels
  schedreplay kernels --diff 6.1.82 6.1.83
  schedreplay kernels --diff 5.10 6.1-smt-span
  schedreplay kernels --explain testdata/traces/smt44-isolated43-original`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case diff && explain:
				return fmt.Errorf("--diff and --explain are two questions; ask one")
			case diff && len(args) != 2:
				return fmt.Errorf("--diff needs two kernels, as in `schedreplay kernels --diff 6.1.82 6.1.83`")
			case explain && len(args) != 1:
				return fmt.Errorf("--explain needs one CAPTURE")
			case !diff && !explain && len(args) > 0:
				return fmt.Errorf("%q is not expected; did you mean --diff or --explain?", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if explain {
				return a.onCapture(cmd, args[0], &c, func(in *input) error { return a.kernelsExplain(in, &c) })
			}
			if err := checkFormat(c.format, c.formats); err != nil {
				return err
			}
			if err := onlyWithExplain(cmd); err != nil {
				return err
			}
			if !diff {
				a.kernelRows(c.format)
				return nil
			}
			x, err := rules.ParseKernel(args[0], "")
			if err != nil {
				return err
			}
			y, err := rules.ParseKernel(args[1], "")
			if err != nil {
				return err
			}
			a.kernelDiff(x, y, c.format)
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&diff, "diff", false, "say what differs between two kernels")
	f.BoolVar(&explain, "explain", false, "rank the kernels by how well they explain a capture")
	c.formats = []string{"text", "json"}
	addFormat(f, &c.format, c.formats)
	c.addHost(f)
	f.StringVar(&c.original, "original", "", "the `KERNEL` whose rank is told; by default the recorded release")
	return cmd
}

// onlyWithExplain refuses flags about a capture where there is none.
func onlyWithExplain(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "diff", "explain", "format", "color", "quiet", "verbose":
		default:
			if err == nil {
				err = usagef("--%s belongs to --explain CAPTURE", f.Name)
			}
		}
	})
	return err
}

func (a *app) kernelRows(format string) {
	table := rules.Rows()
	if format == "json" {
		_, _ = a.out.Write(jsondoc.Kernels())
		return
	}
	s := a.style()
	fmt.Fprintln(a.out, s.Bold(fmt.Sprintf("%-6s %-9s %s", "row", "isolation", "fixes, and what changed since the row before")))
	for i := range table {
		r := &table[i]
		leak := s.Good("holds    ")
		if r.Rules.Leaks() {
			leak = s.Bad("leaks    ")
		}
		list := strings.Join(say.Fixes(r.Rules.Carried()), " ")
		if list == "" {
			list = "-"
		}
		fmt.Fprintf(a.out, "%-6s %s %s\n", r.Name(), leak, strings.TrimLeft(term.Indent(list, 17, 80), " "))
		for _, d := range r.Since() {
			fmt.Fprintln(a.out, term.Indent(withCommits(d.To, d.Commits), 17, 80))
		}
	}
	fmt.Fprintf(a.out, "\n%s\n", s.Bold("fixes"))
	for _, f := range rules.Fixes() {
		doc, commits := f.Describe()
		fmt.Fprintln(a.out, term.Indent(fmt.Sprintf("%s: %s", f, withCommits(doc, commits)), 2, 80))
	}
	fmt.Fprintln(a.out, "\n"+term.Wrap("Stable branches took fixes at some point release: kernels --diff 6.1.82 6.1.83 shows one. "+
		"A release between two rows has the rules of the earlier one.", 80))
}

func withCommits(s, commits string) string {
	if commits == "" {
		return s
	}
	return s + " (" + commits + ")"
}

func (a *app) kernelDiff(x, y *rules.Kernel, format string) {
	if format == "json" {
		_, _ = a.out.Write(jsondoc.KernelDiff(x, y))
		return
	}
	diffs := rules.Differences(x, y)
	s := a.style()
	for _, k := range []*rules.Kernel{x, y} {
		fmt.Fprintf(a.out, "%s: row %s, %s\n", s.Bold(k.Name), k.Row, a.leakWords(k))
		for _, n := range say.KernelNotes(k) {
			fmt.Fprintln(a.out, term.Indent(n, 2, 80))
		}
	}
	if len(diffs) == 0 {
		fmt.Fprintln(a.out, "\nboth place every waking task alike")
		return
	}
	for _, d := range diffs {
		fmt.Fprintln(a.out)
		if d.From != "" {
			fmt.Fprintln(a.out, "- "+strings.TrimPrefix(term.Indent(d.From, 2, 80), "  "))
		}
		fmt.Fprintln(a.out, "+ "+strings.TrimPrefix(term.Indent(d.To, 2, 80), "  "))
		if d.Commits != "" {
			fmt.Fprintln(a.out, s.Dim(term.Indent("commits "+d.Commits, 2, 80)))
		}
	}
}

func (a *app) leakWords(k *rules.Kernel) string {
	s := a.style()
	switch {
	case len(k.Unknown) > 0:
		return s.Warn("whether it has " + strings.Join(say.Fixes(k.Unknown), ", ") + " is not known")
	case k.Rules.Leaks():
		return s.Bad("can put tasks on isolated CPUs")
	}
	return s.Good("keeps tasks inside their sched domains")
}
