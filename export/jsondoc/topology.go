package jsondoc

import (
	"schedreplay/export/rows"
	"schedreplay/findings"
)

// Topology is a machine: topology --format json.
func Topology(v *findings.Machine) []byte {
	var o rows.Object
	o.Begin()
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
	o.List("nodes")
	for _, n := range v.Host.Node {
		o.Begin()
		o.Number("id", int64(n.ID), true)
		o.CPUs("cpus", n.CPUs)
		o.Numbers("distances", n.Distance)
		o.End()
	}
	o.EndList()
	o.CPUsKnown("isolated", v.Host.Isolated)
	o.Word("isolated_by", v.Host.Isolated.Source)
	o.List("smt_splits")
	for _, p := range v.Splits() {
		o.Begin()
		o.CPUs("isolated", p.Isolated)
		o.CPUs("housekeeping", p.Housekeeping)
		o.End()
	}
	o.EndList()
	domains(&o, v)
	o.End()
	return o.Line()
}

func domains(o *rows.Object, v *findings.Machine) {
	if v.Topo == nil {
		o.Null("domains")
		o.Null("domains_agree")
		return
	}
	o.List("domains")
	for _, c := range v.Chains() {
		o.Begin()
		o.CPUs("cpus", c.CPUs)
		o.List("levels")
		for j := range c.Domains {
			d := &c.Domains[j]
			o.Begin()
			o.Word("name", d.Name)
			o.CPUs("span", d.Span)
			o.Number("imbalance_pct", int64(d.ImbalancePct), true)
			o.Words("flags", v.Rules.FlagNames(d.Flags))
			o.End()
		}
		o.EndList()
		o.End()
	}
	o.EndList()
	if v.Host.Domains == nil {
		o.Null("domains_agree")
		return
	}
	bad := v.Disagreements()
	o.Bool("domains_agree", len(bad) == 0, true)
	o.Words("domains_differ", bad)
}
