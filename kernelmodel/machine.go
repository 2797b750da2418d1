package kernelmodel

import "schedreplay/cpumask"

// level is one sched domain as the wakeup code sees it.
type level struct {
	Span         cpumask.Mask
	Groups       []cpumask.Mask // ring order, the local group first
	ImbalancePct int
	ImbNumaNr    int
	flags        uint8
}

// The flags that placement asks for.
const (
	flagWakeAffine uint8 = 1 << iota
	flagBalanceFork
	flagBalanceExec
	flagNUMA
)

func (d *level) has(f uint8) bool { return d.flags&f != 0 }

// Machine is a machine as the wakeup code sees it: sched domains, LLCs and SMT
// siblings, compiled for quick look-up. It is immutable and may be shared.
type Machine struct {
	ncpu          int
	active        cpumask.Mask
	isolated      cpumask.Mask
	smt           []cpumask.Mask // by topology, CPUs outside the domains included
	domains       [][]level      // per CPU, lowest level first
	llcOf         []int          // index of the LLC that has a domain here, -1 if none
	llcSpan       []cpumask.Mask // by LLC index: sched_domain_span(sd_llc)
	llcID         []int          // per CPU: sd_llc_id
	llcSizes      []int          // per CPU: sd_llc_size
	shareID       []int          // per CPU: sd_share_id
	llcLevels     []int          // per CPU: level of sd_llc, -1 if none
	cluster       []cpumask.Mask // per CPU: lowest group of sd_llc if it is a cluster
	node          []cpumask.Mask // per CPU: its node's CPUs
	root          []cpumask.Mask // per CPU: its root domain's CPUs
	smtActive     bool           // sched_smt_active
	clusterActive bool           // sched_cluster_active
	asymmetric    bool           // capacities differ
}

// NumCPU is one more than the highest CPU number.
func (m *Machine) NumCPU() int { return m.ncpu }

// Isolated is the set of CPUs outside every domain.
func (m *Machine) Isolated() cpumask.Mask { return m.isolated }

// SMT returns the CPU's core by topology, the CPU itself included.
func (m *Machine) SMT(cpu int) cpumask.Mask { return m.smt[cpu] }

// NumLLC is the number of LLCs that have a domain.
func (m *Machine) NumLLC() int { return len(m.llcSpan) }

// LLC returns the index of the CPU's LLC, -1 if it has no sd_llc.
func (m *Machine) LLC(cpu int) int { return m.llc(cpu) }

// LLCSpan is the domain span of an LLC.
func (m *Machine) LLCSpan(llc int) cpumask.Mask { return m.llcSpan[llc] }

// SMTActive reports sched_smt_active: some core has two online threads.
func (m *Machine) SMTActive() bool { return m.smtActive }

func (m *Machine) levels(cpu int) int { return len(m.domains[cpu]) }

func (m *Machine) level(cpu, i int) *level { return &m.domains[cpu][i] }

func (m *Machine) llc(cpu int) int { return m.llcOf[cpu] }

func (m *Machine) llcSize(cpu int) int { return m.llcSizes[cpu] }

func (m *Machine) llcLevel(cpu int) int { return m.llcLevels[cpu] }

func (m *Machine) nodeMask(cpu int) cpumask.Mask { return m.node[cpu] }

func (m *Machine) rootSpan(cpu int) cpumask.Mask { return m.root[cpu] }

// cpusShareCache is cpus_share_cache: equal LLC ids. Boot-isolated CPUs have
// id 0 and so share with the LLC whose first domain CPU is CPU 0.
func (m *Machine) cpusShareCache(a, b int) bool {
	return a == b || m.llcID[a] == m.llcID[b]
}

// cpusShareResources is cpus_share_resources: equal cluster ids.
func (m *Machine) cpusShareResources(a, b int) bool {
	return a == b || m.shareID[a] == m.shareID[b]
}

// clusterGroup is the first group of the target's LLC domain if that is a
// cluster.
func (m *Machine) clusterGroup(cpu int) (cpumask.Mask, bool) {
	g := m.cluster[cpu]
	return g, !g.Empty()
}

// housekeepingAny is housekeeping_any_cpu: the CPU itself if it is not
// isolated, else the first that is not; -1 if all are.
func (m *Machine) housekeepingAny(cpu int) int {
	if !m.isolated.Test(cpu) {
		return cpu
	}
	for c := m.active.First(); c >= 0; c = m.active.Next(c) {
		if !m.isolated.Test(c) {
			return c
		}
	}
	return -1
}
