package page

import (
	"fmt"
	"strings"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/cpumask"
	"schedreplay/findings"
	"schedreplay/findings/say"
)

// Topology prints a machine as the scheduler sees it.
func (p *Page) Topology(v *findings.Machine) {
	s := p.Style
	row := func(what, text string) { fmt.Fprintln(p, term.Beside(what, text, 12, width)) }
	kernel := v.Kernel.Name + ", row " + v.Kernel.Row
	if v.Assumed {
		kernel += " (assumed; name it with --original)"
	}
	row("kernel", kernel)
	if v.Topo == nil {
		row("topology", "not known; give a host bundle with --host (schedreplay collect makes one)")
	} else {
		row("CPUs", fmt.Sprintf("%d online: %s", v.Online.Weight(), v.Online))
		row("packages", groupsText(v.Packages()))
		row("LLCs", groupsText(v.Caches()))
		row("cores", groupsText(v.Cores()))
		nodesText(v, row)
	}
	switch iso, ok := v.Host.Isolated.Get(); {
	case !ok:
		row("isolated", "not known; name the CPUs with --isolated, or give a host bundle with --host")
	case iso.Empty():
		row("isolated", "none ("+say.Source(v.Host.Isolated.Source)+")")
	default:
		row("isolated", fmt.Sprintf("%s (%s)", iso, say.Source(v.Host.Isolated.Source)))
	}
	if nohz, ok := v.Host.NohzFull.Get(); ok && !nohz.Empty() {
		row("nohz_full", nohz.String())
	}
	if v.Topo == nil {
		return
	}
	for _, p := range v.Splits() {
		sibling := "sibling"
		if p.Housekeeping.Weight() > 1 {
			sibling = "siblings"
		}
		row("SMT split", s.Bad(fmt.Sprintf("CPU %s isolated, %s %s housekeeping: the leak's shape", p.Isolated, sibling, p.Housekeeping)))
	}
	p.domainsText(v)
}

// nodesText prints the NUMA nodes and their distances.
func nodesText(v *findings.Machine, row func(what, text string)) {
	switch {
	case len(v.Host.Node) == 0:
		row("nodes", "not known")
	case len(v.Host.Node) == 1:
		row("nodes", fmt.Sprintf("1: %s", v.Host.Node[0].CPUs))
	default:
		for _, n := range v.Host.Node {
			d := strings.Trim(fmt.Sprint(n.Distance), "[]")
			cpus := n.CPUs.String()
			if cpus == "" {
				cpus = "no CPUs"
			}
			row(fmt.Sprintf("node %d", n.ID), fmt.Sprintf("%s, distances %s", cpus, d))
		}
	}
}

func groupsText(groups []cpumask.Mask) string {
	if len(groups) == 0 {
		return "not known"
	}
	s := make([]string, len(groups))
	for i, g := range groups {
		s[i] = g.String()
	}
	return fmt.Sprintf("%d: %s", len(groups), strings.Join(s, " "))
}

func (p *Page) domainsText(v *findings.Machine) {
	s := p.Style
	fmt.Fprintf(p, "\n%s\n", s.Bold("sched domains as "+v.Kernel.Row+" builds them"))
	for _, c := range v.Chains() {
		levels := make([]string, len(c.Domains))
		for i := range c.Domains {
			levels[i] = c.Domains[i].Name + " " + c.Domains[i].Span.String()
		}
		if len(levels) == 0 {
			levels = []string{"no domain"}
		}
		fmt.Fprintf(p, "CPUs %-12s %s\n", c.CPUs, strings.Join(levels, ", "))
		if !p.Verbose {
			continue
		}
		for i := range c.Domains {
			d := &c.Domains[i]
			fmt.Fprintln(p, term.Indent(fmt.Sprintf("%s imbalance_pct %d %s", d.Name, d.ImbalancePct, strings.Join(v.Rules.FlagNames(d.Flags), " ")), 4, width))
		}
	}
	for _, n := range v.Topo.Domains().Notes {
		fmt.Fprintln(p, term.Wrap("note: "+say.DomainNote(n), width))
	}
	if v.Host.Domains == nil {
		fmt.Fprintln(p, "\nthe kernel's own domains are not known: they are for root, in debugfs")
		return
	}
	bad := v.Disagreements()
	if len(bad) == 0 {
		fmt.Fprintf(p, "\n%s\n", s.Good("the kernel's own domains are the same"))
		return
	}
	fmt.Fprintf(p, "\n%s\n", s.Bad(fmt.Sprintf("the kernel's own domains differ on %s", Counted(int64(len(bad)), "CPU"))))
	for i, d := range bad {
		if i == 5 && !p.Verbose {
			fmt.Fprintln(p, "  … (-v shows all)")
			break
		}
		fmt.Fprintln(p, term.Indent(d, 2, width))
	}
}
