package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/cpumask"
	"schedreplay/export/rows"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/parser"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/replay"
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
	if a.isBundle(path) {
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

// isBundle tells a host bundle from a capture: it is none of the dialects, and
// reads as a bundle.
func (a *app) isBundle(path string) bool {
	if st, err := os.Stat(path); err != nil || st.Mode()&(os.ModeNamedPipe|os.ModeCharDevice) != 0 {
		return false
	}
	in, err := open.File(a.ctx, path, open.Options{})
	if err == nil {
		in.Close()
		return false
	}
	if !errors.Is(err, parser.ErrFormat) && !errors.Is(err, open.ErrNoCapture) {
		return false
	}
	h, err := host.Read(a.ctx, path)
	return err == nil && (len(h.CPU) > 0 || h.Release.Known() || h.Cmdline.Known())
}

// view is a machine as topology shows it.
type view struct {
	h       *parser.Host
	kernel  *rules.Kernel
	assumed bool
	m       *topo.Machine
	rules   rules.DomainRules
	online  cpumask.Mask
}

// split is a core that isolation splits.
type split struct{ isolated, housekeeping cpumask.Mask }

func (a *app) topologyOf(h *parser.Host, in *input, c *common) error {
	v := view{h: h}
	name := c.original
	if name == "" {
		name = h.Release.Value
	}
	var err error
	if name == "" {
		name, v.assumed = "6.1.0", true
	}
	if v.kernel, err = rules.ParseKernel(name, h.Version.Value); err != nil {
		if c.original != "" {
			return err
		}
		a.note(fmt.Sprintf("the release %q is not one the model covers (%v): 6.1.0 is assumed", name, err))
		v.assumed = true
		if v.kernel, err = rules.ParseKernel("6.1.0", ""); err != nil {
			return err
		}
	}
	v.rules = v.kernel.Domains
	v.m = replay.BuildMachine(h, v.rules)
	v.online = h.Online.Value
	if !h.Online.Known() {
		for i := range h.CPU {
			if h.CPU[i].Known {
				v.online.Set(i)
			}
		}
	}
	if in != nil {
		a.announce(in, nil)
	}
	if c.format == "json" {
		a.topologyJSON(&v)
	} else {
		a.topologyText(&v)
	}
	a.notes(say.KernelNotes(v.kernel), h.Notes)
	return nil
}

// groups returns the distinct non-empty masks of the online CPUs, by their
// first CPU.
func (v *view) groups(of func(cpu int) cpumask.Mask) []cpumask.Mask {
	var out []cpumask.Mask
	var done cpumask.Mask
	for cpu := range v.online.All() {
		if m := of(cpu).And(v.online); !m.Empty() && !done.Test(cpu) {
			done = done.Or(m)
			out = append(out, m)
		}
	}
	return out
}

func (v *view) info(cpu int) parser.CPUInfo {
	if cpu < len(v.h.CPU) {
		return v.h.CPU[cpu]
	}
	return parser.CPUInfo{}
}

func (v *view) cores() []cpumask.Mask {
	return v.groups(func(c int) cpumask.Mask { return v.info(c).Siblings })
}

func (v *view) caches() []cpumask.Mask {
	return v.groups(func(c int) cpumask.Mask { return v.info(c).LLC })
}

func (v *view) packages() []cpumask.Mask {
	return v.groups(func(c int) cpumask.Mask { return v.info(c).Package })
}

// splits are the cores of which some CPUs are isolated and some are not.
func (v *view) splits() []split {
	iso, ok := v.h.Isolated.Get()
	if !ok {
		return nil
	}
	var out []split
	for _, core := range v.cores() {
		if in, rest := core.And(iso), core.AndNot(iso); !in.Empty() && !rest.Empty() {
			out = append(out, split{in, rest})
		}
	}
	return out
}

// chain is the stack of sched domains that some CPUs have in common.
type domainChain struct {
	cpus    cpumask.Mask
	domains []topo.Domain
}

// chains groups the CPUs by their domains.
func (v *view) chains() []domainChain {
	var out []domainChain
	for cpu := range v.online.All() {
		sd := v.m.Domains().CPU[cpu].SD
		i := slices.IndexFunc(out, func(c domainChain) bool {
			return slices.EqualFunc(c.domains, sd, func(x, y topo.Domain) bool {
				return x.Name == y.Name && x.Span.Equal(y.Span) && x.Flags == y.Flags && x.ImbalancePct == y.ImbalancePct
			})
		})
		if i < 0 {
			i = len(out)
			out = append(out, domainChain{domains: sd})
		}
		out[i].cpus.Set(cpu)
	}
	return out
}

// disagreements compares the computed domains with the kernel's own, CPU by
// CPU.
func (v *view) disagreements() []string {
	var out []string
	for cpu := range v.online.All() {
		own, ok := v.h.Domains[cpu]
		if !ok {
			continue
		}
		if s := v.disagreement(v.m.Domains().CPU[cpu].SD, own); s != "" {
			out = append(out, fmt.Sprintf("CPU %d: %s", cpu, s))
		}
	}
	return out
}

func (v *view) disagreement(sd []topo.Domain, own []parser.DomainInfo) string {
	if len(sd) != len(own) {
		return fmt.Sprintf("computed %d domains, the kernel has %d", len(sd), len(own))
	}
	for i := range sd {
		c, k := &sd[i], &own[i]
		flags := v.rules.FlagNames(c.Flags)
		switch {
		case k.Name != "" && k.Name != c.Name:
			return fmt.Sprintf("domain %d is %s, the kernel's %q", i, c.Name, k.Name)
		case !k.Span.Empty() && !k.Span.Equal(c.Span):
			return fmt.Sprintf("%s spans %s, the kernel's %s", c.Name, c.Span, k.Span)
		case k.Flags != nil && !slices.Equal(k.Flags, flags):
			return fmt.Sprintf("%s has flags %s, the kernel's %s", c.Name, strings.Join(flags, " "), strings.Join(k.Flags, " "))
		case k.ImbalancePct > 0 && k.ImbalancePct != c.ImbalancePct:
			return fmt.Sprintf("%s has imbalance_pct %d, the kernel's %d", c.Name, c.ImbalancePct, k.ImbalancePct)
		}
	}
	return ""
}

func (a *app) topologyText(v *view) {
	s := a.style()
	row := func(what, text string) { fmt.Fprintln(a.out, term.Beside(what, text, 12, 80)) }
	kernel := v.kernel.Name + ", row " + v.kernel.Row
	if v.assumed {
		kernel += " (assumed; name it with --original)"
	}
	row("kernel", kernel)
	if v.m == nil {
		row("topology", "not known; give a host bundle with --host (schedreplay collect makes one)")
	} else {
		row("CPUs", fmt.Sprintf("%d online: %s", v.online.Weight(), v.online))
		row("packages", v.list(v.packages()))
		row("LLCs", v.list(v.caches()))
		row("cores", v.list(v.cores()))
		v.nodes(row)
	}
	switch iso, ok := v.h.Isolated.Get(); {
	case !ok:
		row("isolated", "not known; name the CPUs with --isolated, or give a host bundle with --host")
	case iso.Empty():
		row("isolated", "none ("+sourceOf(v.h.Isolated.Source)+")")
	default:
		row("isolated", fmt.Sprintf("%s (%s)", iso, sourceOf(v.h.Isolated.Source)))
	}
	if nohz, ok := v.h.NohzFull.Get(); ok && !nohz.Empty() {
		row("nohz_full", nohz.String())
	}
	if v.m == nil {
		return
	}
	for _, p := range v.splits() {
		row("SMT split", s.Bad(fmt.Sprintf("CPU %s isolated, sibling %s housekeeping: the leak's shape", p.isolated, p.housekeeping)))
	}
	a.domainsText(v)
}

// nodes prints the NUMA nodes and their distances.
func (v *view) nodes(row func(what, text string)) {
	switch {
	case len(v.h.Node) == 0:
		row("nodes", "not known")
	case len(v.h.Node) == 1:
		row("nodes", fmt.Sprintf("1: %s", v.h.Node[0].CPUs))
	default:
		for _, n := range v.h.Node {
			d := strings.Trim(fmt.Sprint(n.Distance), "[]")
			row(fmt.Sprintf("node %d", n.ID), fmt.Sprintf("%s, distances %s", n.CPUs, d))
		}
	}
}

func (v *view) list(groups []cpumask.Mask) string {
	if len(groups) == 0 {
		return "not known"
	}
	s := make([]string, len(groups))
	for i, g := range groups {
		s[i] = g.String()
	}
	return fmt.Sprintf("%d: %s", len(groups), strings.Join(s, " "))
}

func (a *app) domainsText(v *view) {
	s := a.style()
	fmt.Fprintf(a.out, "\n%s\n", s.Bold("sched domains as "+v.kernel.Row+" builds them"))
	for _, c := range v.chains() {
		levels := make([]string, len(c.domains))
		for i := range c.domains {
			levels[i] = c.domains[i].Name + " " + c.domains[i].Span.String()
		}
		if len(levels) == 0 {
			levels = []string{"no domain"}
		}
		fmt.Fprintf(a.out, "CPUs %-12s %s\n", c.cpus, strings.Join(levels, ", "))
		if !a.verbose {
			continue
		}
		for i := range c.domains {
			d := &c.domains[i]
			fmt.Fprintln(a.out, term.Indent(fmt.Sprintf("%s imbalance_pct %d %s", d.Name, d.ImbalancePct, strings.Join(v.rules.FlagNames(d.Flags), " ")), 4, 80))
		}
	}
	for _, n := range v.m.Domains().Notes {
		fmt.Fprintln(a.out, term.Wrap("note: "+say.DomainNote(n), 80))
	}
	if v.h.Domains == nil {
		fmt.Fprintln(a.out, "\nthe kernel's own domains are not known: they are for root, in debugfs")
		return
	}
	bad := v.disagreements()
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

func (a *app) topologyJSON(v *view) {
	var o rows.Object
	o.Begin()
	o.Word("kernel", v.kernel.Name)
	o.Word("row", v.kernel.Row)
	o.Bool("assumed", v.assumed, true)
	o.Masks("packages", v.packages())
	o.Masks("llcs", v.caches())
	o.Masks("cores", v.cores())
	if v.m != nil {
		o.CPUs("online", v.online)
	} else {
		o.Null("online")
	}
	o.List("nodes")
	for _, n := range v.h.Node {
		o.Begin()
		o.Number("id", int64(n.ID), true)
		o.CPUs("cpus", n.CPUs)
		o.Numbers("distances", n.Distance)
		o.End()
	}
	o.EndList()
	o.CPUsKnown("isolated", v.h.Isolated)
	o.Word("isolated_by", v.h.Isolated.Source)
	o.List("smt_splits")
	for _, p := range v.splits() {
		o.Begin()
		o.CPUs("isolated", p.isolated)
		o.CPUs("housekeeping", p.housekeeping)
		o.End()
	}
	o.EndList()
	v.domainsJSON(&o)
	o.End()
	_, _ = a.out.Write(o.Line())
}

func (v *view) domainsJSON(o *rows.Object) {
	if v.m == nil {
		o.Null("domains")
		o.Null("domains_agree")
		return
	}
	o.List("domains")
	for _, c := range v.chains() {
		o.Begin()
		o.CPUs("cpus", c.cpus)
		o.List("levels")
		for j := range c.domains {
			d := &c.domains[j]
			o.Begin()
			o.Word("name", d.Name)
			o.CPUs("span", d.Span)
			o.Number("imbalance_pct", int64(d.ImbalancePct), true)
			o.Words("flags", v.rules.FlagNames(d.Flags))
			o.End()
		}
		o.EndList()
		o.End()
	}
	o.EndList()
	if v.h.Domains == nil {
		o.Null("domains_agree")
		return
	}
	bad := v.disagreements()
	o.Bool("domains_agree", len(bad) == 0, true)
	o.Words("domains_differ", bad)
}
