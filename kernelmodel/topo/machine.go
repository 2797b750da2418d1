package topo

import (
	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
)

// Machine is a machine as the wakeup code sees it: sched domains, LLCs and SMT
// siblings, compiled for quick look-up. It is immutable and may be shared.
type Machine struct {
	ncpu          int
	active        cpumask.Mask
	isolated      cpumask.Mask
	smt           []cpumask.Mask // by topology, CPUs outside the domains included
	domains       *Domains
	llcOf         []int          // index of the LLC that has a domain here, -1 if none
	llcSpan       []cpumask.Mask // by LLC index: sched_domain_span(sd_llc)
	llcPct        []int          // imbalance_pct of its domain
	llcCores      []cpumask.Mask // by LLC index: the span and its siblings outside
	share         []cpumask.Mask // per CPU: those of its LLC id (cpus_share_cache)
	cluster       []cpumask.Mask // per CPU: lowest group of sd_llc if it is a cluster
	node          []cpumask.Mask // per CPU: its node's CPUs
	root          []cpumask.Mask // per CPU: its root domain's CPUs
	smtActive     bool           // sched_smt_active
	clusterActive bool           // sched_cluster_active
	asymmetric    bool           // sched_asym_cpucapacity
}

// NewMachine compiles a machine from its topology and the domains built on it
// ([BuildDomains] with the same isolated CPUs).
func NewMachine(t *Topology, d *Domains, isolated cpumask.Mask) *Machine {
	n := len(d.CPU)
	m := &Machine{
		ncpu: n, active: t.active(), isolated: isolated, domains: d,
		smt: make([]cpumask.Mask, n), llcOf: make([]int, n), cluster: make([]cpumask.Mask, n),
		node: make([]cpumask.Mask, n), root: make([]cpumask.Mask, n), share: make([]cpumask.Mask, n),
		smtActive: t.SMTActive(), clusterActive: d.ClusterActive, asymmetric: d.AsymCapacity,
	}
	rest := m.active
	for _, r := range d.Roots {
		rest = rest.AndNot(r)
	}
	bySpan, sharing := map[int]int{}, map[int]*cpumask.Mask{}
	for c := range n {
		id := d.CPU[c].LLCID
		if sharing[id] == nil {
			sharing[id] = &cpumask.Mask{}
		}
		sharing[id].Set(c)
	}
	for c := range n {
		m.share[c] = *sharing[d.CPU[c].LLCID]
		cd := &d.CPU[c]
		m.smt[c], m.node[c], m.root[c] = t.SMTMask(c), t.NodeMask(c), rest
		if cd.Root >= 0 {
			m.root[c] = d.Roots[cd.Root]
		}
		m.llcOf[c] = -1
		if cd.LLC < 0 {
			continue
		}
		llc := &cd.SD[cd.LLC]
		i, ok := bySpan[llc.Span.First()]
		if !ok {
			i = len(m.llcSpan)
			bySpan[llc.Span.First()] = i
			m.llcSpan, m.llcPct = append(m.llcSpan, llc.Span), append(m.llcPct, llc.ImbalancePct)
		}
		m.llcOf[c] = i
		if g := llc.Groups; len(g) > 0 && g[0].Flags&rules.SDCluster != 0 {
			m.cluster[c] = g[0].Span
		}
	}
	for _, span := range m.llcSpan {
		cores := span.Clone()
		for c := range span.All() {
			cores = cores.Or(m.smt[c])
		}
		m.llcCores = append(m.llcCores, cores)
	}
	return m
}

// Domains are the sched domains the machine was compiled from.
func (m *Machine) Domains() *Domains { return m.domains }

// NumCPU is one more than the highest CPU number.
func (m *Machine) NumCPU() int { return m.ncpu }

// Active is cpu_active_mask.
func (m *Machine) Active() cpumask.Mask { return m.active }

// Isolated is the set of CPUs outside every domain.
func (m *Machine) Isolated() cpumask.Mask { return m.isolated }

// SMT returns the CPU's core by topology, the CPU itself included.
func (m *Machine) SMT(cpu int) cpumask.Mask { return m.smt[cpu] }

// NumLLC is the number of LLCs that have a domain.
func (m *Machine) NumLLC() int { return len(m.llcSpan) }

// LLC returns the index of the CPU's LLC, -1 if it has no sd_llc.
func (m *Machine) LLC(cpu int) int { return m.llcOf[cpu] }

// LLCSpan is the domain span of an LLC.
func (m *Machine) LLCSpan(llc int) cpumask.Mask { return m.llcSpan[llc] }

// LLCCores is the span of an LLC with the siblings of its CPUs outside it.
func (m *Machine) LLCCores(llc int) cpumask.Mask { return m.llcCores[llc] }

// LLCImbalancePct is imbalance_pct of an LLC's domain: 117, or 110 where the
// SMT level is the last that shares a cache.
func (m *Machine) LLCImbalancePct(llc int) int { return m.llcPct[llc] }

// LeaksAnywhere reports whether some CPU of an LLC's domain span has an SMT
// sibling outside it: only there can a kernel without the span tests differ
// from one with them.
func (m *Machine) LeaksAnywhere() bool {
	for _, span := range m.llcSpan {
		for c := span.First(); c >= 0; c = span.Next(c) {
			if !m.smt[c].SubsetOf(span) {
				return true
			}
		}
	}
	return false
}

// ClusterActive reports sched_cluster_active: some domain is a cluster.
func (m *Machine) ClusterActive() bool { return m.clusterActive }

// Asymmetric reports sched_asym_cpucapacity: some domain spans CPUs of
// different capacity.
func (m *Machine) Asymmetric() bool { return m.asymmetric }

// SMTActive reports sched_smt_active: some core has two online threads.
func (m *Machine) SMTActive() bool { return m.smtActive }

// Levels is the number of the CPU's sched domains.
func (m *Machine) Levels(cpu int) int { return len(m.domains.CPU[cpu].SD) }

// Level is the CPU's domain at a height, 0 the lowest.
func (m *Machine) Level(cpu, i int) *Domain { return &m.domains.CPU[cpu].SD[i] }

// Has reports whether the domain has one of the flags.
func (d *Domain) Has(f rules.SDFlags) bool { return d.Flags&f != 0 }

// LLCSize is sd_llc_size of the CPU: 0 for one isolated at boot.
func (m *Machine) LLCSize(cpu int) int { return m.domains.CPU[cpu].LLCSize }

// Capacity is capacity_orig of the CPU.
func (m *Machine) Capacity(cpu int) int { return m.domains.CPU[cpu].Capacity }

// MaxCapacity is max_cpu_capacity of the CPU's root domain: 0 in the default one,
// for which no domain was built.
func (m *Machine) MaxCapacity(cpu int) int {
	if root := m.domains.CPU[cpu].Root; root >= 0 {
		return m.domains.MaxCapacity[root]
	}
	return 0
}

// LLCLevel is the height of the CPU's sd_llc, -1 if it has none.
func (m *Machine) LLCLevel(cpu int) int { return m.domains.CPU[cpu].LLC }

// NodeMask is the CPU's NUMA node: its online CPUs.
func (m *Machine) NodeMask(cpu int) cpumask.Mask { return m.node[cpu] }

// RootSpan is the span of the CPU's root domain.
func (m *Machine) RootSpan(cpu int) cpumask.Mask { return m.root[cpu] }

// ShareCache is cpus_share_cache: equal LLC ids. Boot-isolated CPUs have
// id 0 up to 7.1, and so share with the LLC whose first domain CPU is CPU 0; since
// 7.2 they share with each other alone.
func (m *Machine) ShareCache(a, b int) bool {
	return a == b || m.domains.CPU[a].LLCID == m.domains.CPU[b].LLCID
}

// ShareResources is cpus_share_resources: equal cluster ids.
func (m *Machine) ShareResources(a, b int) bool {
	return a == b || m.domains.CPU[a].ShareID == m.domains.CPU[b].ShareID
}

// Sharers is the set of CPUs that ShareCache with cpu.
func (m *Machine) Sharers(cpu int) cpumask.Mask { return m.share[cpu] }

// ClusterGroup is the first group of the target's LLC domain if that is a
// cluster.
func (m *Machine) ClusterGroup(cpu int) (cpumask.Mask, bool) {
	g := m.cluster[cpu]
	return g, !g.Empty()
}

// HousekeepingAny is housekeeping_any_cpu: the CPU itself if it is not
// isolated, else the first that is not; -1 if all are.
func (m *Machine) HousekeepingAny(cpu int) int {
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
