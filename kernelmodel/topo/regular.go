package topo

import "schedreplay/cpumask"

// Regular describes a machine whose parts are all alike: nodes of packages of
// LLCs of cores of threads. CPUs are numbered in that order; Interleaved numbers
// all first threads before all second ones. Distances are those between the
// nodes, nil for the usual 10 and 20.
type Regular struct {
	Nodes, Packages, LLCs, Cores, Threads int
	Interleaved                           bool
	Distances                             [][]int
}

// Topology makes the machine, an x86 one.
func (s Regular) Topology() Topology {
	perNode := s.Packages * s.LLCs * s.Cores
	ncores := s.Nodes * perNode
	number := func(core, thread int) int {
		if s.Interleaved {
			return thread*ncores + core
		}
		return core*s.Threads + thread
	}
	t := Topology{X86: true, Online: cpumask.Range(0, ncores*s.Threads-1), CPU: make([]CPUTopology, ncores*s.Threads)}
	group := func(core, size int) cpumask.Mask {
		var m cpumask.Mask
		for c := core / size * size; c < core/size*size+size; c++ {
			for th := range s.Threads {
				m.Set(number(c, th))
			}
		}
		return m
	}
	for core := range ncores {
		for th := range s.Threads {
			t.CPU[number(core, th)] = CPUTopology{
				SMT: group(core, 1), Cluster: group(core, 1), LLC: group(core, s.Cores), Package: group(core, s.Cores*s.LLCs),
			}
		}
	}
	for n := range s.Nodes {
		node := NUMANode{ID: n, CPUs: group(n*perNode, perNode)}
		if s.Distances != nil {
			node.Distance = s.Distances[n]
		} else {
			for m := range s.Nodes {
				d := remoteDistance
				if m == n {
					d = localDistance
				}
				node.Distance = append(node.Distance, d)
			}
		}
		t.Node = append(t.Node, node)
	}
	return t
}
