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
}

// AsymRule is a way to mark domains that span different CPU capacities.
type AsymRule uint8

// The ways: not at all (before 4.20), on the one lowest level where every CPU
// sees the largest capacity, or on every domain by what it spans (5.14 on).
const (
	AsymNone AsymRule = iota
	AsymOneLevel
	AsymClassify
)

// DomainRulesFor returns the rules of a mainline release built with SCHED_SMT,
// SCHED_MC and, where it exists, SCHED_CLUSTER. Releases before 3.16, which kept
// the levels in macros, get the rules of 3.16.
func DomainRulesFor(major, minor int) DomainRules {
	from := func(ma, mi int) bool { return major > ma || major == ma && minor >= mi }
	pick := func(cond bool, yes, no string) string {
		if cond {
			return yes
		}
		return no
	}
	r := DomainRules{
		NodeLevel:         from(4, 15),
		Default:           SDBalanceNewidle | SDBalanceExec | SDBalanceFork | SDWakeAffine | SDPreferSibling,
		ImbalancePct:      125,
		BusyFactor:        32,
		ShareLLCName:      pick(from(6, 9), "SD_SHARE_LLC", "SD_SHARE_PKG_RESOURCES"),
		NUMAOfFirstNode:   !from(5, 12),
		SMTGain:           !from(5, 0),
		Descended:         from(5, 13),
		SpanSane:          from(5, 6),
		AsymPreferSibling: from(4, 20),
		AsymBalanceWake:   !from(5, 7),
		ClusterBelowCore:  from(6, 0),
		GroupFlagsFollow:  from(6, 6),
		HybridCluster:     from(6, 6),
		ITMTPackage:       from(6, 6),
	}
	if !from(5, 8) {
		r.Default |= SDLoadBalance
	}
	if from(5, 10) {
		r.ImbalancePct, r.BusyFactor = 117, 16
	}
	switch {
	case from(5, 14):
		r.AsymCapacity = AsymClassify
	case from(4, 20):
		r.AsymCapacity = AsymOneLevel
	}
	switch {
	case from(6, 0):
		r.ImbNUMAShift = 3
	case from(5, 18):
		r.ImbNUMAShift = 2
	}
	if from(5, 9) {
		// Every flag but SD_WAKE_AFFINE.
		r.NeedsGroups = ^SDWakeAffine
		r.ParentNeedsGroups = r.NeedsGroups
	} else {
		r.NeedsGroups = SDLoadBalance | SDBalanceNewidle | SDBalanceFork | SDBalanceExec | SDShareCPUCapacity | SDAsymCPUCapacity | SDShareLLC
		r.ParentNeedsGroups = r.NeedsGroups | SDPreferSibling
	}
	r.Levels = []LevelRule{{LevelSMT, "SMT", SDShareCPUCapacity | SDShareLLC}}
	if from(5, 16) {
		cluster := SDShareLLC
		if from(6, 7) {
			cluster |= SDCluster
		}
		r.Levels = append(r.Levels, LevelRule{LevelCluster, "CLS", cluster})
	}
	r.Levels = append(r.Levels,
		LevelRule{LevelCore, "MC", SDShareLLC},
		LevelRule{LevelPackage, pick(from(6, 7), "PKG", "DIE"), 0})
	return r
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
