package rules

import (
	"slices"
	"strings"
)

// SDFlags is a set of SD_ flags (include/linux/sched/sd_flags.h). The bits are
// in the order in which kernels from 5.9 on print them.
type SDFlags uint32

// The flags. SDShareLLC is called SD_SHARE_PKG_RESOURCES before 6.9.
const (
	SDLoadBalance SDFlags = 1 << iota
	SDBalanceNewidle
	SDBalanceExec
	SDBalanceFork
	SDBalanceWake
	SDWakeAffine
	SDAsymCPUCapacity
	SDAsymCPUCapacityFull
	SDShareCPUCapacity
	SDCluster
	SDShareLLC
	SDSerialize
	SDAsymPacking
	SDPreferSibling
	SDOverlap
	SDNUMA
)

var sdFlagNames = [...]string{
	"SD_LOAD_BALANCE", "SD_BALANCE_NEWIDLE", "SD_BALANCE_EXEC", "SD_BALANCE_FORK", "SD_BALANCE_WAKE", "SD_WAKE_AFFINE",
	"SD_ASYM_CPUCAPACITY", "SD_ASYM_CPUCAPACITY_FULL", "SD_SHARE_CPUCAPACITY", "SD_CLUSTER", "SD_SHARE_LLC",
	"SD_SERIALIZE", "SD_ASYM_PACKING", "SD_PREFER_SIBLING", "SD_OVERLAP", "SD_NUMA",
}

// Names returns the flags' names in the kernel's order, as kernels from 6.9 on
// call them; [DomainRules.FlagNames] has those of a given kernel.
func (f SDFlags) Names() []string {
	var out []string
	for i, name := range sdFlagNames {
		if f>>i&1 != 0 {
			out = append(out, name)
		}
	}
	return out
}

// String returns the names with blanks between them.
func (f SDFlags) String() string { return strings.Join(f.Names(), " ") }

// DomainLevel is a kind of topology level.
type DomainLevel uint8

// The levels of the default topology, lowest first; NUMA levels follow.
const (
	LevelSMT     DomainLevel = iota // cpu_smt_mask
	LevelCluster                    // cpu_clustergroup_mask
	LevelCore                       // cpu_coregroup_mask
	LevelPackage                    // cpu_cpu_mask: the node, whatever the name
	LevelNode                       // sd_numa_mask of the local distance
	LevelNUMA                       // sd_numa_mask of a distance
)

// LevelRule is one line of a kernel's topology table.
type LevelRule struct {
	Kind DomainLevel
	// Name as debugfs prints it.
	Name string
	// Flags are the line's own (tl->sd_flags).
	Flags SDFlags
}

// DomainRules are the differences between kernels in how they build sched
// domains. [DomainRulesFor] chooses them; the fields may be changed for kernels
// built otherwise.
type DomainRules struct {
	// Levels is the default topology below the NUMA levels, lowest first.
	Levels []LevelRule
	// NodeLevel: a NODE level stands before the NUMA levels (4.15 on).
	NodeLevel bool
	// Default are the flags that sd_init gives every level.
	Default SDFlags
	// ImbalancePct of levels that share no cache: 125, 117 from 5.10 on.
	ImbalancePct int
	// BusyFactor is 32, 16 from 5.10 on.
	BusyFactor int
	// ShareLLCName is what the kernel calls SDShareLLC.
	ShareLLCName string
	// NeedsGroups are the flags that mean nothing to a domain of one group
	// (SD_DEGENERATE_GROUPS_MASK); ParentNeedsGroups those that a parent of one
	// group may have more than its child.
	NeedsGroups, ParentNeedsGroups SDFlags
	// NUMAOfFirstNode: levels come from the distances of the first node alone (up
	// to 5.11).
	NUMAOfFirstNode bool
	// Descended: groups of overlapping levels stay within the domain on machines
	// of NUMA diameter 3 and more (5.13 on).
	Descended bool
	// SpanSane: partly overlapping masks below NUMA leave the CPUs without any
	// domain (5.7 on).
	SpanSane bool
	// SMTGain: the threads of a core share smt_gain, 1178, instead of having a
	// capacity of 1024 each (up to 4.20; 765d0af19f5f).
	SMTGain bool
	// AsymCapacity says how domains of CPUs of different capacity are marked.
	AsymCapacity AsymRule
	// AsymPreferSibling: below a domain of different capacities
	// SD_PREFER_SIBLING is cleared (4.20 on).
	AsymPreferSibling bool
	// AsymBalanceWake: below such a domain SD_BALANCE_WAKE is set (up to 5.6).
	AsymBalanceWake bool
	// ClusterBelowCore: a cluster as large as the core group is no level of its
	// own outside x86 (6.0 on).
	ClusterBelowCore bool
	// GroupFlagsFollow: dropping a level passes the child's flags to the group
	// of the level above (6.6 on).
	GroupFlagsFollow bool
	// HybridCluster: hybrid x86 machines keep the cluster level (6.6 on).
	HybridCluster bool
	// ITMTPackage: SD_ASYM_PACKING of ITMT machines is on the package level and
	// not on SMT (6.6 on); before, the other way round.
	ITMTPackage bool
	// ImbNUMAShift: a node of one LLC may be imbalanced by its weight shifted
	// right by this; 0 if the kernel has no imb_numa_nr (before 5.18).
	ImbNUMAShift uint
	// LLCIDs says how the CPUs get their LLC ids.
	LLCIDs LLCIDRule
	// OverlapFlag: domains of NUMA levels carry SD_OVERLAP; later SD_NUMA stands for it.
	OverlapFlag bool
	// SpanWeight: the balancing intervals follow the CPUs that a domain spans, not those
	// of its level, isolated ones included.
	SpanWeight bool
}

// LLCIDRule is the way in which CPUs get sd_llc_id.
type LLCIDRule uint8

// The ways.
const (
	// LLCIDsFirstCPU: the first CPU of sd_llc's span, or the CPU's own number where it
	// has no sd_llc; 0 for a CPU that was in no map since the boot (up to 7.1).
	LLCIDsFirstCPU LLCIDRule = iota
	// LLCIDsAllocated: numbers given out to caches when a map is built, and kept; -1 for
	// a CPU that was in no map since the boot (b5ea300a17e3, 7.2+).
	LLCIDsAllocated
)

// AsymRule is a way to mark domains that span different CPU capacities.
type AsymRule uint8

// The ways: not at all (before 4.20), on the one lowest level where every CPU
// sees the largest capacity, or on every domain by what it spans (5.14 on).
const (
	AsymNone AsymRule = iota
	AsymOneLevel
	AsymClassify
)

// levels is the topology table of x86 and the generic one: with a cluster level
// of the given flags, unless they are 0, and the package level of the given name.
func levels(cluster SDFlags, pkg string) []LevelRule {
	l := []LevelRule{{LevelSMT, "SMT", SDShareCPUCapacity | SDShareLLC}}
	if cluster != 0 {
		l = append(l, LevelRule{LevelCluster, "CLS", cluster})
	}
	return append(l, LevelRule{LevelCore, "MC", SDShareLLC}, LevelRule{LevelPackage, pkg, 0})
}

// HasLevel reports whether the topology table has a level.
func (r *DomainRules) HasLevel(kind DomainLevel) bool {
	return slices.ContainsFunc(r.Levels, func(l LevelRule) bool { return l.Kind == kind })
}

// WithoutLevel returns the rules of a kernel built without a level
// (CONFIG_SCHED_SMT, CONFIG_SCHED_CLUSTER or CONFIG_SCHED_MC not set).
func (r DomainRules) WithoutLevel(kind DomainLevel) DomainRules {
	r.Levels = slices.DeleteFunc(slices.Clone(r.Levels), func(l LevelRule) bool { return l.Kind == kind })
	return r
}

// FlagNames returns the names of flags as the kernel of these rules prints them
// in debugfs.
func (r *DomainRules) FlagNames(f SDFlags) []string {
	names := f.Names()
	for i, n := range names {
		if n == "SD_SHARE_LLC" {
			names[i] = r.ShareLLCName
		}
	}
	return names
}
