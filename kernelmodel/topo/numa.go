package topo

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
)

// NUMAType is enum numa_topology_type (include/linux/topology.h). It matters to
// NUMA balancing alone.
type NUMAType uint8

// The types: every node reaches every other directly; some pass through a third;
// some pass through a backplane without CPUs.
const (
	NUMADirect NUMAType = iota
	NUMAGluelessMesh
	NUMABackplane
)

// String returns the type in the kernel's words.
func (n NUMAType) String() string {
	switch n {
	case NUMADirect:
		return "direct"
	case NUMAGluelessMesh:
		return "glueless mesh"
	case NUMABackplane:
		return "backplane"
	}
	return "unknown"
}

// numaLevels is what sched_init_numa leaves behind.
type numaLevels struct {
	topology NUMAType
	// distances are the distinct distances, ascending; the first is that of a
	// node to itself.
	distances []int
	// masks[level][node] are the online CPUs within the distance of a level.
	masks [][]cpumask.Mask
}

// distance is node_distance.
func (t *Topology) distance(a, b int) int {
	if d := t.Node[a].Distance; b < len(d) {
		return d[b]
	}
	if a == b {
		return localDistance
	}
	return remoteDistance
}

// schedInitNUMA models sched_init_numa (kernel/sched/topology.c): one level per
// distinct distance between nodes that have CPUs. Up to 5.11 only the distances
// of node 0 count. A distance below 10 or above 255 makes it give up: no NUMA
// levels at all.
func (t *Topology) schedInitNUMA(r *rules.DomainRules) numaLevels {
	const distanceValues = 1 << 8 // NR_DISTANCE_VALUES
	var n numaLevels
	var nodes []int
	for i := range t.Node {
		if t.Node[i].CPUs.Intersects(t.Online) {
			nodes = append(nodes, i)
		}
	}
	if len(nodes) == 0 {
		return n
	}
	from := nodes
	if r.NUMAOfFirstNode {
		from = nodes[:1]
	}
	for _, a := range from {
		for _, b := range nodes {
			d := t.distance(a, b)
			if d < localDistance || d >= distanceValues {
				return n
			}
			if !slices.Contains(n.distances, d) {
				n.distances = append(n.distances, d)
			}
		}
	}
	slices.Sort(n.distances)
	n.masks = make([][]cpumask.Mask, len(n.distances))
	for level, limit := range n.distances {
		n.masks[level] = make([]cpumask.Mask, len(t.Node))
		for _, a := range nodes {
			m := t.Node[a].CPUs.And(t.Online)
			for _, b := range nodes {
				if t.distance(a, b) <= limit {
					m = m.Or(t.Node[b].CPUs.And(t.Online))
				}
			}
			n.masks[level][a] = m
		}
	}
	n.topology = t.initNUMATopologyType(nodes, n.distances)
	return n
}

// initNUMATopologyType models init_numa_topology_type.
func (t *Topology) initNUMATopologyType(nodes, distances []int) NUMAType {
	if len(distances) <= 2 {
		return NUMADirect
	}
	far := distances[len(distances)-1]
	for _, a := range nodes {
		for _, b := range nodes {
			if t.distance(a, b) < far {
				continue
			}
			for _, c := range nodes {
				if t.distance(a, c) < far && t.distance(b, c) < far {
					return NUMAGluelessMesh
				}
			}
			return NUMABackplane
		}
	}
	return NUMADirect
}

// mask is sd_numa_mask: the CPUs within the distance of a level from the CPU's
// node.
func (n *numaLevels) mask(t *Topology, level, cpu int) cpumask.Mask {
	if i := t.nodeOf(cpu); i >= 0 && level < len(n.masks) {
		return n.masks[level][i]
	}
	return cpumask.Of(cpu)
}
