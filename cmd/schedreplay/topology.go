package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/survey"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/cpumask"
	"schedreplay/export/jsondoc"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/parser/host"
)

func (a *app) topologyCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "topology CAPTURE|BUNDLE",
		Short: "CPUs, caches, sched domains as that kernel builds them, isolation, SMT splits",
		Long: `topology shows the machine as the scheduler sees it: packages, last-level caches,
cores, NUMA nodes, the isolated CPUs and what isolates them, the sched domains that
the kernel builds, and the cores that isolation splits. An isolated CPU whose sibling
does housekeeping is where select_idle_smt leaks. If the bundle holds the kernel's own
domains, topology compares them. Formats: text, json.`,
		Example: `  schedreplay topology host.tar.gz
  schedreplay topology perf.data --isolated 43
  schedreplay topology host.tar.gz --original 5.10 --isolated 2-3`,
		Args: cobra.ExactArgs(1),
	}
	c.add(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.parse(cmd); err != nil {
			return err
		}
		return a.topology(args[0], &c)
	}
	return cmd
}

func (a *app) topology(path string, c *common) error {
	if survey.IsBundle(a.ctx, path) {
		b, err := host.Read(a.ctx, path)
		if err != nil {
			return err
		}
		if c.bundle != "" {
			return usagef("%s is a host bundle itself; leave --host out", path)
		}
		h, err := host.Merge(nil, b, c.host)
		if err != nil {
			return err
		}
		return a.topologyOf(h, nil, c)
	}
	in, err := a.open(path, c)
	if err != nil {
		return err
	}
	defer in.Close()
	for range in.Events() { // for what the events say against bundle and flags
		if a.ctx.Err() != nil {
			break
		}
	}
	if err := a.ctx.Err(); err != nil {
		return err
	}
	if err := a.topologyOf(in.host, in, c); err != nil {
		return err
	}
	return in.partial()
}

func (a *app) topologyOf(h *parser.Host, in *input, c *common) error {
	name := c.original
	if name == "" {
		name = h.Release.Value
	}
	assumed := name == ""
	if assumed {
		name = "6.1.0"
	}
	k, err := rules.ParseKernel(name, h.Version.Value)
	if err != nil {
		if c.original != "" {
			return err
		}
		a.note(fmt.Sprintf("the release %q is not one the model covers (%v): 6.1.0 is assumed", name, err))
		assumed = true
		if k, err = rules.ParseKernel("6.1.0", ""); err != nil {
			return err
		}
	}
	v := findings.MachineOf(h, k, assumed)
	if in != nil {
		a.announce(in, nil)
	}
	if c.format == "json" {
		_, _ = a.out.Write(jsondoc.Topology(v))
	} else {
		a.topologyText(v)
	}
	a.notes(say.KernelNotes(k), h.Notes)
	return nil
}

func (a *app) topologyText(v *findings.Machine) {
	s := a.style()
	row := func(what, text string) { fmt.Fprintln(a.out, term.Beside(what, text, 12, 80)) }
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
		row("SMT split", s.Bad(fmt.Sprintf("CPU %s isolated, sibling %s housekeeping: the leak's shape", p.Isolated, p.Housekeeping)))
	}
	a.domainsText(v)
}

// nodes prints the NUMA nodes and their distances.
func nodesText(v *findings.Machine, row func(what, text string)) {
	switch {
	case len(v.Host.Node) == 0:
		row("nodes", "not known")
	case len(v.Host.Node) == 1:
		row("nodes", fmt.Sprintf("1: %s", v.Host.Node[0].CPUs))
	default:
		for _, n := range v.Host.Node {
			d := strings.Trim(fmt.Sprint(n.Distance), "[]")
			row(fmt.Sprintf("node %d", n.ID), fmt.Sprintf("%s, distances %s", n.CPUs, d))
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

func (a *app) domainsText(v *findings.Machine) {
	s := a.style()
	fmt.Fprintf(a.out, "\n%s\n", s.Bold("sched domains as "+v.Kernel.Row+" builds them"))
	for _, c := range v.Chains() {
		levels := make([]string, len(c.Domains))
		for i := range c.Domains {
			levels[i] = c.Domains[i].Name + " " + c.Domains[i].Span.String()
		}
		if len(levels) == 0 {
			levels = []string{"no domain"}
		}
		fmt.Fprintf(a.out, "CPUs %-12s %s\n", c.CPUs, strings.Join(levels, ", "))
		if !a.verbose {
			continue
		}
		for i := range c.Domains {
			d := &c.Domains[i]
			fmt.Fprintln(a.out, term.Indent(fmt.Sprintf("%s imbalance_pct %d %s", d.Name, d.ImbalancePct, strings.Join(v.Rules.FlagNames(d.Flags), " ")), 4, 80))
		}
	}
	for _, n := range v.Topo.Domains().Notes {
		fmt.Fprintln(a.out, term.Wrap("note: "+say.DomainNote(n), 80))
	}
	if v.Host.Domains == nil {
		fmt.Fprintln(a.out, "\nthe kernel's own domains are not known: they are for root, in debugfs")
		return
	}
	bad := v.Disagreements()
	if len(bad) == 0 {
		fmt.Fprintf(a.out, "\n%s\n", s.Good("the kernel's own domains are the same"))
		return
	}
	fmt.Fprintf(a.out, "\n%s\n", s.Bad(fmt.Sprintf("the kernel's own domains differ on %s", plural(int64(len(bad)), "CPU"))))
	for i, d := range bad {
		if i == 5 && !a.verbose {
			fmt.Fprintln(a.out, "  … (-v shows all)")
			break
		}
		fmt.Fprintln(a.out, term.Indent(d, 2, 80))
	}
}
