package topo

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
)

// What the domains of a large LLC take grows with its CPUs, not with their square: all
// CPUs share one list of groups.
func BenchmarkBuildDomainsLargeLLC(b *testing.B) {
	b.ReportAllocs()
	const n = 4096
	t := Topology{X86: true, Possible: cpumask.Range(0, n-1), Online: cpumask.Range(0, n-1)}
	for c := range n {
		t.CPU = append(t.CPU, CPUTopology{SMT: cpumask.Range(c&^1, c|1), LLC: cpumask.Range(0, n-1), Package: cpumask.Range(0, n-1)})
	}
	b.ResetTimer()
	r := rules.Rows()[len(rules.Rows())-1].Domains
	for range b.N {
		BuildDomains(t, r, cpumask.Of(n-1), cpumask.Mask{}, nil)
	}
}

// So it does where the largest domain spans nodes: CPUs have NUMA groups of their own there,
// of the same spans.
func BenchmarkBuildDomainsManyNodes(b *testing.B) {
	b.ReportAllocs()
	t := Regular{Nodes: 8, Packages: 1, LLCs: 64, Cores: 8, Threads: 2}.Topology()
	r := rules.Rows()[len(rules.Rows())-1].Domains
	for b.Loop() {
		BuildDomains(t, r, cpumask.Of(4000), cpumask.Mask{}, nil)
	}
}

// The groups of CPUs that share a circle are the same list, begun at the CPU's own.
func TestGroupsAreShared(t *testing.T) {
	const n = 64
	m := Topology{X86: true, Possible: cpumask.Range(0, n-1), Online: cpumask.Range(0, n-1)}
	for c := range n {
		m.CPU = append(m.CPU, CPUTopology{SMT: cpumask.Range(c&^1, c|1), LLC: cpumask.Range(0, n-1), Package: cpumask.Range(0, n-1)})
	}
	d := BuildDomains(m, rules.Rows()[0].Domains, cpumask.Mask{}, cpumask.Mask{}, nil)
	for c := range n {
		top := d.CPU[c].SD[len(d.CPU[c].SD)-1]
		if len(top.Groups) != n/2 {
			t.Fatalf("CPU %d: %d groups", c, len(top.Groups))
		}
		for i, g := range top.Groups {
			at := (c&^1 + 2*i) % n
			if !g.Span.Equal(cpumask.Range(at, at+1)) {
				t.Errorf("CPU %d: group %d is %s", c, i, g.Span)
			}
		}
		if len(d.CPU[c^1].SD) == len(d.CPU[c].SD) {
			if o := d.CPU[c^1].SD[len(d.CPU[c].SD)-1]; &o.Groups[0] != &top.Groups[0] {
				t.Errorf("CPUs %d and %d have lists of their own", c, c^1)
			}
		}
	}
}
