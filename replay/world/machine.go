package world

import (
	"strings"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/parser"
)

// BuildMachine makes the model's machine from a host description for a kernel
// that builds its domains by the given rules, nil if the topology is not known.
func BuildMachine(h *parser.Host, built rules.DomainRules) *topo.Machine {
	known := false
	for i := range h.CPU {
		known = known || h.CPU[i].Known
	}
	if !known {
		return nil
	}
	t := topologyOf(h)
	if h.Config["SCHED_CLUSTER"] == "n" {
		built = built.WithoutLevel(rules.LevelCluster)
	}
	if h.Config["SCHED_SMT"] == "n" {
		built = built.WithoutLevel(rules.LevelSMT)
	}
	var islands []cpumask.Mask
	if v, ok := h.Islands.Get(); ok && len(v) > 1 {
		islands = v
	}
	iso := h.Isolated.Value
	d := topo.BuildDomains(t, built, iso, h.IsolatedLater.Value, islands)
	return topo.NewMachine(&t, d, iso)
}

// topologyOf carries the host's topology over to the model.
func topologyOf(h *parser.Host) topo.Topology {
	arch := h.Arch.Value
	t := topo.Topology{
		X86:      !h.Arch.Known() || strings.HasPrefix(arch, "x86") || strings.HasPrefix(arch, "i") && strings.HasSuffix(arch, "86") || arch == "amd64",
		Possible: h.Possible.Value, Online: h.Online.Value,
		ITMT: h.Tunables["sched_itmt_enabled"] == 1,
	}
	if !h.Online.Known() {
		for c := range h.CPU {
			if h.CPU[c].Known {
				t.Online.Set(c)
			}
		}
	}
	for c := range h.CPU {
		i := &h.CPU[c]
		t.CPU = append(t.CPU, topo.CPUTopology{SMT: i.Siblings, Cluster: i.Cluster, LLC: i.LLC, Package: i.Package, Capacity: i.Capacity})
	}
	for _, n := range h.Node {
		t.Node = append(t.Node, topo.NUMANode{ID: n.ID, CPUs: n.CPUs, Distance: n.Distance})
	}
	return t
}
