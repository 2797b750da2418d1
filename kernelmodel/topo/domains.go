package topo

import (
	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
)

// Domain is one sched domain of one CPU (struct sched_domain).
type Domain struct {
	// Name is "SMT", "CLS", "MC", "DIE", "PKG", "NODE" or "NUMA".
	Name string
	// Kind is the topology level it was built from.
	Kind rules.DomainLevel
	// Span is sched_domain_span, housekeeping CPUs only.
	Span  cpumask.Mask
	Flags rules.SDFlags
	// ImbalancePct, CacheNiceTries and BusyFactor are the fields of the same name.
	ImbalancePct, CacheNiceTries, BusyFactor int
	// Weight is min_interval in ms, half of max_interval and the first
	// balance_interval: the weight of the level's mask by topology, isolated CPUs
	// included, or of the span ([rules.DomainRules.SpanWeight]).
	Weight int
	// ImbNUMA is imb_numa_nr, 0 before 5.18.
	ImbNUMA int
	// Groups is the ring of sched groups, the CPU's own first.
	Groups []DomainGroup
}

// DomainGroup is one sched group of a domain.
type DomainGroup struct {
	Span cpumask.Mask
	// BalanceMask is group_balance_mask: the CPUs that may balance for the group;
	// the first of them is group_balance_cpu.
	BalanceMask cpumask.Mask
	// Flags are those of the child domain that the group stands for
	// (sched_group.flags, 5.15 and later).
	Flags rules.SDFlags
}

// CPUDomains is what the kernel keeps per CPU of its domains (rq->sd and
// update_top_cache_domain).
type CPUDomains struct {
	// SD are the domains, lowest first; each is the child of the next. Empty for
	// a CPU that is isolated, offline or alone.
	SD []Domain
	// LLC is the index in SD of sd_llc, -1 if it is nil.
	LLC int
	// LLCID is sd_llc_id, LLCSize sd_llc_size, ShareID sd_share_id. All are 0 for
	// a CPU that was never in a domain map (isolcpus=), and its own number, 1 and
	// its own number for one that left it or is alone. Kernels from 7.2 on allocate
	// LLCID ([rules.LLCIDsAllocated]).
	LLCID, LLCSize, ShareID int
	// NUMA and AsymCapacity are the indexes in SD of sd_numa and
	// sd_asym_cpucapacity, -1 if nil.
	NUMA, AsymCapacity int
	// Capacity is capacity_orig: 1024, or what the topology says, or of a thread that
	// shares its core inside the domains its part of smt_gain.
	Capacity int
	// Root is the index in Domains.Roots of the root domain, -1 for the default
	// one, where CPUs without domains are.
	Root int
}

// Domains are the sched domains of a whole machine.
type Domains struct {
	// CPU is indexed by CPU number.
	CPU []CPUDomains
	// Roots are the spans of the root domains that have sched domains, one for
	// each island.
	Roots []cpumask.Mask
	// MaxCapacity is max_cpu_capacity of each of them.
	MaxCapacity []int
	// NUMAType and NUMADistances are what the NUMA levels were made from.
	NUMAType      NUMAType
	NUMADistances []int
	// ClusterActive is sched_cluster_active: some domain has SD_CLUSTER.
	ClusterActive bool
	// AsymCapacity is sched_asym_cpucapacity: some domain spans different
	// capacities.
	AsymCapacity bool
	// Notes say what of the topology was missing or refused.
	Notes []Note
}

// Note is something that was missing or refused; findings/say has the sentence.
type Note struct {
	Kind NoteKind
	// Within and Between are the NUMA distances assumed ([NoteDistances]).
	Within, Between int
	// Level and CPUs are where masks overlap in part ([NoteOverlap]).
	Level string
	CPUs  cpumask.Mask
}

// NoteKind is what a note is about.
type NoteKind uint8

// The kinds.
const (
	// NoteDistances: the NUMA distances are unknown, and assumed.
	NoteDistances NoteKind = iota
	// NoteOverlap: masks overlap in part, so these CPUs get no domains.
	NoteOverlap
)

// BuildDomains builds the sched domains of a machine as the kernel does at boot
// and after its cpusets changed (kernel/sched/topology.c: sched_init_domains,
// partition_sched_domains).
//
// isolated are all CPUs outside every domain; isolatedLater those of them that
// left after boot, through cpusets. islands are the separate maps that cpusets
// make; nil means one for all, an empty list that none is left. The result depends on nothing else, and no input
// makes it fail: CPU numbers that the topology does not have are ignored.
func BuildDomains(t Topology, r rules.DomainRules, isolated, isolatedLater cpumask.Mask, islands []cpumask.Mask) *Domains {
	isolatedLater = isolatedLater.And(isolated)
	b := newDomainBuilder(&t, &r, isolated.AndNot(isolatedLater))
	housekeeping := t.active().And(t.Online).AndNot(isolated)
	if islands == nil {
		islands = []cpumask.Mask{housekeeping}
	}
	var taken cpumask.Mask
	for _, m := range islands {
		if m = m.And(housekeeping).AndNot(taken); !m.Empty() {
			taken = taken.Or(m)
			b.buildSchedDomains(m)
		}
	}
	// What was in a map once and is no more: detach_destroy_domains.
	for cpu := range isolatedLater.And(t.Online).Or(housekeeping.AndNot(taken)).All() {
		b.cpuAttachDomain(nil, -1, cpu)
		b.capacityOrig(cpu, t.SMTMask(cpu).And(housekeeping.Or(isolatedLater))) // as in the map of the boot
	}
	if r.LLCIDs == rules.LLCIDsAllocated {
		b.allocateLLCIDs(housekeeping.Or(isolatedLater.And(t.active()).And(t.Online)))
	}
	return b.out
}

// allocateLLCIDs gives the CPUs that were in a map when the machine came up the LLC
// ids that build_sched_domains gives out: that of another CPU of the cache which has
// one, else the lowest that is free. A CPU keeps its id when it leaves its map; one
// that was in none has -1.
//
// Models build_sched_domains and __sched_domains_alloc_llc_id (kernel/sched/topology.c,
// 7.2 and later, b5ea300a17e3).
func (b *domainBuilder) allocateLLCIDs(mapped cpumask.Mask) {
	for i := range b.out.CPU {
		b.out.CPU[i].LLCID = -1
	}
	free := 0
	for cpu := range mapped.All() {
		id := -1
		for sibling := range b.t.coreGroupMask(cpu, b.r).All() { // llc_mask
			if id = b.out.CPU[sibling].LLCID; id >= 0 {
				break
			}
		}
		if id < 0 {
			id, free = free, free+1
		}
		b.out.CPU[cpu].LLCID = id
	}
}

// topologyLevel is struct sched_domain_topology_level.
type topologyLevel struct {
	kind    rules.DomainLevel
	name    string
	flags   rules.SDFlags
	overlap bool
	numa    int
	mask    func(cpu int) cpumask.Mask
	// sd are the domains under construction, sg the groups of levels without
	// overlap, each by CPU (struct sd_data).
	sd []*schedDomain
	sg []*schedGroup
	// balance are the balance masks of spans by their first CPU.
	balance map[int][]DomainGroup
}

// schedDomain is a Domain under construction.
type schedDomain struct {
	Domain
	tl            *topologyLevel
	child, parent *schedDomain
	groups        *schedGroup
	weight        int // span_weight
}

// schedGroup is a DomainGroup under construction. Levels without overlap share
// their groups between the CPUs of a span.
type schedGroup struct {
	DomainGroup
	next *schedGroup
	used bool
	ring *groupRing // as it was last linked
}

// groupRing is a ring of groups: the span it was linked for, and whether no two of its
// groups overlap.
type groupRing struct {
	span   cpumask.Mask
	weight int
	parts  bool
}

// domainBuilder holds one run of BuildDomains.
type domainBuilder struct {
	t      *Topology
	r      *rules.DomainRules
	numa   numaLevels
	levels []*topologyLevel
	// capacities are the sets of CPUs of one capacity each; nil if all are alike
	// (asym_cap_list).
	capacities []cpumask.Mask
	out        *Domains
}

func newDomainBuilder(t *Topology, r *rules.DomainRules, boot cpumask.Mask) *domainBuilder {
	b := &domainBuilder{t: t, r: r, numa: t.schedInitNUMA(r), out: &Domains{CPU: make([]CPUDomains, t.NumCPU())}}
	for i := range b.out.CPU {
		b.out.CPU[i] = CPUDomains{LLC: -1, NUMA: -1, AsymCapacity: -1, Root: -1, Capacity: t.capacity(i)}
	}
	b.out.NUMAType, b.out.NUMADistances = b.numa.topology, b.numa.distances
	for _, n := range t.Node {
		if len(t.Node) > 1 && len(n.Distance) != len(t.Node) {
			b.out.Notes = append(b.out.Notes, Note{Kind: NoteDistances, Within: localDistance, Between: remoteDistance})
			break
		}
	}
	b.topologyTable()
	b.asymCPUCapacityScan(boot)
	return b
}

// topologyTable is default_topology or x86's own (build_sched_topology,
// x86_numa_in_package_topology, x86_hybrid_topology), and what sched_init_numa
// adds to it.
func (b *domainBuilder) topologyTable() {
	t, r := b.t, b.r
	inPackage := t.numaInPackage()
	itmt := rules.SDFlags(0)
	if t.X86 && t.ITMT {
		itmt = rules.SDAsymPacking
	}
	add := func(tl topologyLevel) {
		tl.sd = make([]*schedDomain, len(b.out.CPU))
		tl.sg = make([]*schedGroup, len(b.out.CPU))
		b.levels = append(b.levels, &tl)
	}
	for _, l := range r.Levels {
		tl := topologyLevel{kind: l.Kind, name: l.Name, flags: l.Flags}
		switch l.Kind {
		case rules.LevelSMT:
			tl.mask = t.SMTMask
			if !r.ITMTPackage {
				tl.flags |= itmt
			}
		case rules.LevelCluster:
			if t.X86 && t.Hybrid && !r.HybridCluster {
				continue
			}
			tl.mask = func(cpu int) cpumask.Mask { return t.clusterMask(cpu, r) }
			tl.flags |= itmt
		case rules.LevelCore:
			tl.mask = func(cpu int) cpumask.Mask { return t.coreGroupMask(cpu, r) }
			tl.flags |= itmt
		case rules.LevelPackage:
			if inPackage {
				continue
			}
			tl.mask = t.NodeMask
			if r.ITMTPackage {
				tl.flags |= itmt
			}
		default:
			continue
		}
		add(tl)
	}
	for i := range b.numa.distances {
		tl := topologyLevel{kind: rules.LevelNUMA, name: "NUMA", flags: rules.SDNUMA, overlap: true, numa: i}
		if i == 0 {
			if !r.NodeLevel {
				continue
			}
			tl = topologyLevel{kind: rules.LevelNode, name: "NODE"}
		}
		tl.mask = func(cpu int) cpumask.Mask { return b.numa.mask(t, i, cpu) }
		add(tl)
	}
}

// asymCPUCapacityScan models asym_cpu_capacity_scan (5.14 and later): the CPUs
// that are not isolated at boot, by capacity.
func (b *domainBuilder) asymCPUCapacityScan(boot cpumask.Mask) {
	var values []int
	for cpu := range b.t.possible().AndNot(boot).All() {
		c := b.t.capacity(cpu)
		at := -1
		for i, v := range values {
			if v == c {
				at = i
			}
		}
		if at < 0 {
			at = len(values)
			values = append(values, c)
			b.capacities = append(b.capacities, cpumask.Mask{})
		}
		b.capacities[at].Set(cpu)
	}
	if len(values) < 2 {
		b.capacities = nil
	}
}

// asymCPUCapacityClassify models asym_cpu_capacity_classify: whether a span holds
// several capacities, and all that its map has.
func (b *domainBuilder) asymCPUCapacityClassify(span, cpuMap cpumask.Mask) rules.SDFlags {
	count, miss := 0, 0
	for _, m := range b.capacities {
		if m.Intersects(span) {
			count++
		} else if m.Intersects(cpuMap) {
			miss++
		}
	}
	switch {
	case count < 2:
		return 0
	case miss > 0:
		return rules.SDAsymCPUCapacity
	}
	return rules.SDAsymCPUCapacity | rules.SDAsymCPUCapacityFull
}

// asymCPUCapacityLevel models asym_cpu_capacity_level (4.20 to 5.13): the lowest
// level at which every CPU of the map sees the largest capacity; nil if all are
// alike.
func (b *domainBuilder) asymCPUCapacityLevel(cpuMap cpumask.Mask) *topologyLevel {
	var asym *topologyLevel
	level, top := 0, 0
	for i := range cpuMap.All() {
		top = max(top, b.t.capacity(i))
	}
	for i := range cpuMap.All() {
		largest := b.t.capacity(i)
		if largest == top {
			continue // nothing larger is to be seen from here
		}
		for id, tl := range b.levels {
			if id < level {
				continue
			}
			for j := range tl.mask(i).And(cpuMap).All() {
				if c := b.t.capacity(j); c > largest {
					largest, level, asym = c, id, tl
				}
			}
		}
	}
	return asym
}

// sdInit models sd_init.
func (b *domainBuilder) sdInit(tl *topologyLevel, cpuMap cpumask.Mask, child *schedDomain, cpu int, asymLevel *topologyLevel) *schedDomain {
	r := b.r
	mask := tl.mask(cpu)
	sd := &schedDomain{tl: tl, child: child, Domain: Domain{
		Name: tl.name, Kind: tl.kind, Span: mask.And(cpuMap), Flags: r.Default | tl.flags,
		ImbalancePct: r.ImbalancePct, BusyFactor: r.BusyFactor, Weight: mask.Weight(),
	}}
	if r.SpanWeight {
		sd.Weight = sd.Span.Weight()
	}
	switch {
	case r.AsymCapacity == rules.AsymClassify:
		sd.Flags |= b.asymCPUCapacityClassify(sd.Span, cpuMap)
	case tl == asymLevel:
		sd.Flags |= rules.SDAsymCPUCapacity
	}
	if sd.Flags&rules.SDAsymCPUCapacity != 0 && child != nil {
		if r.AsymPreferSibling {
			child.Flags &^= rules.SDPreferSibling
		}
		for lower := child; lower != nil && r.AsymBalanceWake; lower = lower.child {
			lower.Flags |= rules.SDBalanceWake
		}
	}
	switch {
	case sd.Flags&rules.SDShareCPUCapacity != 0:
		sd.ImbalancePct = 110
	case sd.Flags&rules.SDShareLLC != 0:
		sd.ImbalancePct, sd.CacheNiceTries = 117, 1
	case sd.Flags&rules.SDNUMA != 0:
		sd.CacheNiceTries = 2
		sd.Flags = sd.Flags&^rules.SDPreferSibling | rules.SDSerialize
		reclaim := b.t.ReclaimDistance
		if reclaim == 0 {
			reclaim = defaultReclaimDistance
		}
		if b.numa.distances[tl.numa] > reclaim {
			sd.Flags &^= rules.SDBalanceExec | rules.SDBalanceFork | rules.SDWakeAffine
		}
	default:
		sd.CacheNiceTries = 1
	}
	return sd
}

// buildSchedDomain models build_sched_domain: sd_init, the link to the child, and
// the repair of a span that lacks CPUs of the child.
func (b *domainBuilder) buildSchedDomain(tl *topologyLevel, cpuMap cpumask.Mask, child *schedDomain, cpu int, asymLevel *topologyLevel) *schedDomain {
	sd := b.sdInit(tl, cpuMap, child, cpu, asymLevel)
	if child != nil {
		child.parent = sd
		if !child.Span.SubsetOf(sd.Span) {
			sd.Span = sd.Span.Or(child.Span)
		}
	}
	return sd
}

// topologySpanSane models topology_span_sane: below NUMA, the masks of two CPUs
// of the map are equal or do not meet.
func topologySpanSane(tl *topologyLevel, cpuMap cpumask.Mask) bool {
	if tl.overlap {
		return true
	}
	var seen cpumask.Mask
	for cpu := range cpuMap.All() {
		if seen.Test(cpu) {
			continue
		}
		m := tl.mask(cpu)
		if m.Intersects(seen) {
			return false
		}
		for other := range m.And(cpuMap).All() {
			if !tl.mask(other).Equal(m) {
				return false
			}
		}
		seen = seen.Or(m)
	}
	return true
}

// buildSchedDomains models build_sched_domains for one map: the domains of each
// CPU from the lowest level up to the one that spans the map, their groups, the
// allowed NUMA imbalance, and the attachment of what is not degenerate.
func (b *domainBuilder) buildSchedDomains(cpuMap cpumask.Mask) {
	if b.r.SpanSane {
		for _, tl := range b.levels {
			if !topologySpanSane(tl, cpuMap) {
				b.out.Notes = append(b.out.Notes, Note{Kind: NoteOverlap, Level: tl.name, CPUs: cpuMap})
				return
			}
		}
	}
	var asymLevel *topologyLevel
	if b.r.AsymCapacity == rules.AsymOneLevel {
		asymLevel = b.asymCPUCapacityLevel(cpuMap)
	}
	base := make(map[int]*schedDomain)
	for _, tl := range b.levels {
		clear(tl.sd)
		clear(tl.sg)
		clear(tl.balance)
	}
	for cpu := range cpuMap.All() {
		var sd *schedDomain
		for _, tl := range b.levels {
			sd = b.buildSchedDomain(tl, cpuMap, sd, cpu, asymLevel)
			tl.sd[cpu] = sd
			if sd.Flags&rules.SDAsymCPUCapacity != 0 {
				b.out.AsymCapacity = true
			}
			if sd.child == nil {
				base[cpu] = sd
			}
			if tl.overlap && b.r.OverlapFlag {
				sd.Flags |= rules.SDOverlap
			}
			if sd.Span.Equal(cpuMap) {
				break
			}
		}
	}
	for cpu := range cpuMap.All() {
		for sd := base[cpu]; sd != nil; sd = sd.parent {
			sd.weight = sd.Span.Weight()
			if sd.tl.overlap {
				b.buildOverlapSchedGroups(sd, cpu)
			} else {
				buildSchedGroups(sd, cpu)
			}
		}
	}
	for cpu := range cpuMap.All() {
		b.allowedImbalance(base[cpu])
	}
	root, largest := len(b.out.Roots), 0
	for cpu := range cpuMap.All() {
		b.capacityOrig(cpu, b.t.SMTMask(cpu).And(cpuMap))
		largest = max(largest, b.out.CPU[cpu].Capacity)
	}
	b.out.Roots, b.out.MaxCapacity = append(b.out.Roots, cpuMap), append(b.out.MaxCapacity, largest)
	attached := make(map[int][]*schedDomain)
	for cpu := range cpuMap.All() {
		attached[cpu] = b.cpuAttachDomain(base[cpu], root, cpu)
	}
	// Only now, as attaching one CPU changes the flags of groups it shares.
	r := rings{}
	for cpu := range cpuMap.All() {
		list := b.out.CPU[cpu].SD
		for i, sd := range attached[cpu] {
			list[i].Groups = r.from(sd.groups)
		}
	}
}

// smtGain is smt_gain of a domain of threads (sd_init).
const smtGain = 1178

// capacityOrig sets what the threads of a core have while they are in one domain
// (arch_scale_cpu_capacity, update_cpu_capacity). One whose siblings are isolated has
// no such domain.
func (b *domainBuilder) capacityOrig(cpu int, threads cpumask.Mask) {
	if n := threads.Weight(); b.r.SMTGain && b.r.HasLevel(rules.LevelSMT) && n > 1 {
		b.out.CPU[cpu].Capacity = smtGain / n
	}
}

// allowedImbalance sets imb_numa_nr from the lowest domain up (5.18 and later,
// in build_sched_domains): on the first domain above the LLC an eighth (a
// quarter before 6.0) of its CPUs if it has one LLC, else the number of LLCs,
// and in proportion above the first NUMA level.
func (b *domainBuilder) allowedImbalance(sd *schedDomain) {
	if b.r.ImbNUMAShift == 0 {
		return
	}
	imb, span := 0, 1
	for ; sd != nil; sd = sd.parent {
		child := sd.child
		if sd.Flags&rules.SDShareLLC != 0 || child == nil || child.Flags&rules.SDShareLLC == 0 {
			sd.ImbNUMA = imb * max(1, sd.weight/span)
			continue
		}
		if llcs := sd.weight / child.weight; llcs == 1 {
			imb = sd.weight >> b.r.ImbNUMAShift
		} else {
			imb = llcs
		}
		imb = max(1, imb)
		sd.ImbNUMA = imb
		top := sd.parent
		for top != nil && top.Flags&rules.SDNUMA == 0 {
			top = top.parent
		}
		if span = sd.weight; top != nil {
			span = top.weight
		}
	}
}

// sdDegenerate models sd_degenerate: a domain that tells the scheduler nothing.
func (b *domainBuilder) sdDegenerate(sd *schedDomain) bool {
	switch {
	case sd.weight == 1:
		return true
	case sd.Flags&b.r.NeedsGroups != 0 && sd.groups != sd.groups.next:
		return false
	}
	return sd.Flags&rules.SDWakeAffine == 0
}

// sdParentDegenerate models sd_parent_degenerate: a parent that tells nothing
// that its child does not.
func (b *domainBuilder) sdParentDegenerate(sd, parent *schedDomain) bool {
	if b.sdDegenerate(parent) {
		return true
	}
	if !sd.Span.Equal(parent.Span) {
		return false
	}
	flags := parent.Flags
	if parent.groups == parent.groups.next {
		flags &^= b.r.ParentNeedsGroups
	}
	return flags&^sd.Flags == 0
}

// cpuAttachDomain models cpu_attach_domain and update_top_cache_domain: it drops
// what is degenerate, makes the rest the CPU's domains and derives the
// variables.
//
// It returns the domains kept, lowest first.
func (b *domainBuilder) cpuAttachDomain(sd *schedDomain, root, cpu int) (kept []*schedDomain) {
	for at := sd; at != nil && at.parent != nil; {
		parent := at.parent
		if !b.sdParentDegenerate(at, parent) {
			at = parent
			continue
		}
		at.parent = parent.parent
		if above := parent.parent; above != nil {
			above.child = at
			if b.r.GroupFlagsFollow {
				above.groups.Flags = at.Flags
			}
		}
		at.Flags |= parent.Flags & rules.SDPreferSibling
	}
	if sd != nil && b.sdDegenerate(sd) {
		if sd = sd.parent; sd != nil {
			sd.groups.Flags = 0 // of the first group alone, in every version so far
			sd.child = nil
		}
	}
	c := &b.out.CPU[cpu]
	c.Root = root
	for ; sd != nil; sd = sd.parent {
		kept = append(kept, sd)
		c.SD = append(c.SD, sd.Domain)
		b.out.ClusterActive = b.out.ClusterActive || sd.Flags&rules.SDCluster != 0
	}
	c.updateTopCacheDomain(cpu, b.r)
	return kept
}

// updateTopCacheDomain models update_top_cache_domain.
func (c *CPUDomains) updateTopCacheDomain(cpu int, r *rules.DomainRules) {
	c.LLC, c.NUMA, c.AsymCapacity = -1, -1, -1
	c.LLCID, c.LLCSize = cpu, 1
	for i := range c.SD {
		if c.SD[i].Flags&rules.SDShareLLC == 0 {
			break
		}
		c.LLC = i
	}
	if c.LLC >= 0 {
		span := c.SD[c.LLC].Span
		c.LLCID, c.LLCSize = span.First(), span.Weight()
	}
	c.ShareID = c.LLCID
	lowest := func(f rules.SDFlags) int {
		for i := range c.SD {
			if c.SD[i].Flags&f != 0 {
				return i
			}
		}
		return -1
	}
	if i := lowest(rules.SDCluster); i >= 0 {
		c.ShareID = c.SD[i].Span.First()
	}
	c.NUMA = lowest(rules.SDNUMA)
	if r.AsymCapacity == rules.AsymClassify {
		c.AsymCapacity = lowest(rules.SDAsymCPUCapacityFull)
	} else {
		c.AsymCapacity = lowest(rules.SDAsymCPUCapacity)
	}
}
