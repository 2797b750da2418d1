package topo

import (
	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
)

// Topology is a machine as the kernel's topology code sees it before it builds
// sched domains. Masks hold CPU numbers; a mask that is empty is not known, and
// the kernel's own fallback stands in for it, as the methods say.
type Topology struct {
	// X86 chooses the masks of arch/x86/kernel/smpboot.c. Otherwise they are
	// those of drivers/base/arch_topology.c (arm64, RISC-V). Architectures with
	// levels of their own (powerpc, s390) are not modelled.
	X86 bool
	// Hybrid is an x86 machine with cores of different kinds, ITMT one whose
	// sysctl sched_itmt_enabled is 1.
	Hybrid, ITMT bool
	// Possible is cpu_possible_mask, Online cpu_online_mask, Active
	// cpu_active_mask. Active is Online if it is empty, Possible is Online if it
	// is empty.
	Possible, Online, Active cpumask.Mask
	// CPU is indexed by CPU number.
	CPU []CPUTopology
	// Node holds the NUMA nodes in ascending order of ID; empty means one node of
	// all CPUs.
	Node []NUMANode
	// ReclaimDistance is node_reclaim_distance, 0 for the default of 30. AMD
	// family 17h and later sets 32 (5.4 and later).
	ReclaimDistance int
}

// CPUTopology is one CPU's place. Every mask holds the CPU itself.
type CPUTopology struct {
	// SMT is the core's threads (topology_sibling_cpumask).
	SMT cpumask.Mask
	// Cluster is the CPUs that share an L2 or are declared a cluster.
	Cluster cpumask.Mask
	// LLC is the CPUs that share the last-level cache.
	LLC cpumask.Mask
	// Package is the socket.
	Package cpumask.Mask
	// Capacity is arch_scale_cpu_capacity, 0 if unknown, which counts as 1024.
	Capacity int
}

// NUMANode is one NUMA node.
type NUMANode struct {
	ID   int
	CPUs cpumask.Mask
	// Distance to every node of Topology.Node, in their order. Nil if unknown:
	// 10 to itself and 20 to the others then.
	Distance []int
}

// Kernel constants (include/linux/topology.h).
const (
	localDistance          = 10
	remoteDistance         = 20
	defaultReclaimDistance = 30
	scaleCapacity          = 1024 // SCHED_CAPACITY_SCALE
)

// NumCPU is one more than the highest CPU number that the topology names.
func (t *Topology) NumCPU() int {
	return max(len(t.CPU), t.Possible.Last()+1, t.Online.Last()+1)
}

// SMTActive reports sched_smt_active: some core has two or more online threads
// (kernel/sched/core.c, sched_cpu_activate).
func (t *Topology) SMTActive() bool {
	for cpu := range t.Online.All() {
		if t.SMTMask(cpu).Weight() >= 2 {
			return true
		}
	}
	return false
}

func (t *Topology) active() cpumask.Mask {
	if t.Active.Empty() {
		return t.Online
	}
	return t.Active
}

func (t *Topology) possible() cpumask.Mask {
	if t.Possible.Empty() {
		return t.Online
	}
	return t.Possible
}

func (t *Topology) cpu(n int) CPUTopology {
	if n < len(t.CPU) {
		return t.CPU[n]
	}
	return CPUTopology{}
}

func (t *Topology) capacity(cpu int) int {
	if c := t.cpu(cpu).Capacity; c > 0 {
		return c
	}
	return scaleCapacity
}

// nodeOf returns the index of a CPU's node in Node, -1 if it is in none.
func (t *Topology) nodeOf(cpu int) int {
	for i := range t.Node {
		if t.Node[i].CPUs.Test(cpu) {
			return i
		}
	}
	return -1
}

// NodeMask is cpu_cpu_mask: the online CPUs of the CPU's node
// (include/linux/topology.h).
func (t *Topology) NodeMask(cpu int) cpumask.Mask {
	if i := t.nodeOf(cpu); i >= 0 {
		return t.Node[i].CPUs.And(t.Online)
	}
	if len(t.Node) > 0 {
		return cpumask.Of(cpu)
	}
	return t.Online
}

// ofNode is a mask within the CPU's node and the online CPUs, with the CPU
// itself: x86 never links CPUs of different nodes (topology_sane).
func (t *Topology) ofNode(m cpumask.Mask, cpu int) cpumask.Mask {
	m = m.And(t.NodeMask(cpu))
	m.Set(cpu)
	return m
}

// online is a mask within the online CPUs, with the CPU itself.
func (t *Topology) online(m cpumask.Mask, cpu int) cpumask.Mask {
	m = m.And(t.Online)
	m.Set(cpu)
	return m
}

// SMTMask is cpu_smt_mask: the online threads of the CPU's core, isolated ones
// included.
func (t *Topology) SMTMask(cpu int) cpumask.Mask {
	if t.X86 {
		return t.ofNode(t.cpu(cpu).SMT, cpu)
	}
	return t.online(t.cpu(cpu).SMT, cpu)
}

// clusterMask is cpu_clustergroup_mask. On x86 it is the L2's CPUs; where those
// are not known the kernel takes the core (match_l2c). Elsewhere a cluster as
// large as the core group counts as the core (from 6.0 on; before, as itself).
func (t *Topology) clusterMask(cpu int, r *rules.DomainRules) cpumask.Mask {
	m := t.cpu(cpu).Cluster
	switch {
	case m.Empty():
		return t.SMTMask(cpu)
	case t.X86:
		return t.ofNode(m, cpu)
	}
	m = t.online(m, cpu)
	if r.ClusterBelowCore && t.coreGroupMask(cpu, r).SubsetOf(m) {
		return t.SMTMask(cpu)
	}
	return m
}

// coreGroupMask is cpu_coregroup_mask. On x86 it is the LLC's CPUs in the node;
// where no LLC is known the kernel takes the package. Elsewhere it is the
// smallest of node, package and LLC, each only if it lies within the one before.
func (t *Topology) coreGroupMask(cpu int, r *rules.DomainRules) cpumask.Mask {
	c := t.cpu(cpu)
	if t.X86 {
		if c.LLC.Empty() {
			return t.ofNode(c.Package, cpu)
		}
		return t.ofNode(c.LLC, cpu)
	}
	core := t.NodeMask(cpu)
	if pkg := t.online(c.Package, cpu); pkg.SubsetOf(core) {
		core = pkg
	}
	if llc := t.online(c.LLC, cpu); !c.LLC.Empty() && llc.SubsetOf(core) {
		core = llc
	}
	if cluster := t.online(c.Cluster, cpu); r.HasLevel(rules.LevelCluster) && !c.Cluster.Empty() && core.SubsetOf(cluster) {
		core = cluster
	}
	return core
}

// numaInPackage is x86_has_numa_in_package: some package spans nodes
// (arch/x86/kernel/smpboot.c, set_cpu_sibling_map).
func (t *Topology) numaInPackage() bool {
	if !t.X86 || len(t.Node) < 2 {
		return false
	}
	for cpu := range t.Online.All() {
		if !t.cpu(cpu).Package.And(t.Online).SubsetOf(t.NodeMask(cpu)) {
			return true
		}
	}
	return false
}
