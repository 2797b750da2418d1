package jsondoc

import (
	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/parser"
)

// Topology is a machine: topology --format json.
func Topology(v *findings.Machine) []byte {
	return rows.Document(func(o *rows.Object) {
		o.Word("kernel", v.Kernel.Name)
		o.Word("row", v.Kernel.Row)
		o.Bool("assumed", v.Assumed, true)
		o.Masks("packages", v.Packages())
		o.Masks("llcs", v.Caches())
		o.Masks("cores", v.Cores())
		if v.Topo != nil {
			o.CPUs("online", v.Online)
		} else {
			o.Null("online")
		}
		rows.Each(o, "nodes", v.Host.Node, func(n *parser.NodeInfo) {
			o.Number("id", int64(n.ID), true)
			o.CPUs("cpus", n.CPUs)
			o.Numbers("distances", n.Distance)
		})
		o.CPUsKnown("isolated", v.Host.Isolated)
		o.Word("isolated_by", v.Host.Isolated.Source)
		rows.Each(o, "smt_splits", v.Splits(), func(p *findings.Split) {
			o.CPUs("isolated", p.Isolated)
			o.CPUs("housekeeping", p.Housekeeping)
		})
		domains(o, v)
	})
}

func domains(o *rows.Object, v *findings.Machine) {
	if v.Topo == nil {
		o.Null("domains")
		o.Null("domains_agree")
		return
	}
	rows.Each(o, "domains", v.Chains(), func(c *findings.DomainChain) {
		o.CPUs("cpus", c.CPUs)
		o.List("levels", func() {
			for i := range c.Domains {
				d := &c.Domains[i]
				o.Item(func() {
					o.Word("name", d.Name)
					o.CPUs("span", d.Span)
					o.Number("imbalance_pct", int64(d.ImbalancePct), true)
					o.Words("flags", v.Rules.FlagNames(d.Flags))
				})
			}
		})
	})
	if v.Host.Domains == nil {
		o.Null("domains_agree")
		return
	}
	bad := v.Disagreements()
	o.Bool("domains_agree", len(bad) == 0, true)
	o.Words("domains_differ", bad)
}
