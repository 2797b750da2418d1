package page

import (
	"fmt"
	"strings"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
)

// Kernels prints the rule table.
func (p *Page) Kernels() {
	table := rules.Rows()
	s := p.Style
	fmt.Fprintln(p, s.Bold(fmt.Sprintf("%-6s %-9s %s", "row", "isolation", "fixes, and what changed since the row before")))
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
		fmt.Fprintf(p, "%-6s %s %s\n", r.Name(), leak, strings.TrimLeft(term.Indent(list, 17, width), " "))
		for _, d := range r.Since() {
			fmt.Fprintln(p, term.Indent(withCommits(d.To, d.Commits), 17, width))
		}
	}
	fmt.Fprintf(p, "\n%s\n", s.Bold("fixes"))
	for _, f := range rules.Fixes() {
		doc, commits := f.Describe()
		fmt.Fprintln(p, term.Indent(fmt.Sprintf("%s: %s", f, withCommits(doc, commits)), 2, width))
	}
	fmt.Fprintln(p, "\n"+term.Wrap("Stable branches took fixes at some point release: kernels --diff 6.1.82 6.1.83 shows one. "+
		"A release between two rows has the rules of the earlier one.", width))
}

// KernelDiff prints how two kernels differ, with the commits.
func (p *Page) KernelDiff(x, y *rules.Kernel) {
	diffs := rules.Differences(x, y)
	s := p.Style
	for _, k := range []*rules.Kernel{x, y} {
		fmt.Fprintf(p, "%s: row %s, %s\n", s.Bold(k.Name), k.Row, p.leakWords(k))
		for _, n := range say.KernelNotes(k) {
			fmt.Fprintln(p, term.Indent(n, 2, width))
		}
	}
	if len(diffs) == 0 {
		fmt.Fprintln(p, "\nboth place every waking task alike")
		return
	}
	for _, d := range diffs {
		fmt.Fprintln(p)
		if d.From != "" {
			fmt.Fprintln(p, "- "+strings.TrimPrefix(term.Indent(d.From, 2, width), "  "))
		}
		fmt.Fprintln(p, "+ "+strings.TrimPrefix(term.Indent(d.To, 2, width), "  "))
		if d.Commits != "" {
			fmt.Fprintln(p, s.Dim(term.Indent("commits "+d.Commits, 2, width)))
		}
	}
}

func (p *Page) leakWords(k *rules.Kernel) string {
	s := p.Style
	switch {
	case len(k.Unknown) > 0:
		return s.Warn("whether it has " + strings.Join(say.Fixes(k.Unknown), ", ") + " is not known")
	case k.Rules.Leaks():
		return s.Bad("can put tasks on isolated CPUs")
	}
	return s.Good("keeps tasks inside their sched domains")
}

func withCommits(s, commits string) string {
	if commits == "" {
		return s
	}
	return s + " (" + commits + ")"
}
