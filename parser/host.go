package parser

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
)

// CPUs is a set of CPU numbers.
type CPUs = cpumask.Mask

// Host is what is known of the machine that was recorded, from the capture
// itself, a host bundle or flags. Every field is a fact: unknown stays unknown.
type Host struct {
	// Hostname is /proc/sys/kernel/hostname.
	Hostname fact.Fact[string]
	// Release is /proc/sys/kernel/osrelease, what uname -r prints.
	Release fact.Fact[string]
	// Version is the whole of /proc/version, which tells the point release of
	// distribution kernels.
	Version fact.Fact[string]
	// Arch is uname -m.
	Arch fact.Fact[string]
	// Cmdline is the kernel's command line, /proc/cmdline.
	Cmdline fact.Fact[string]
	// Possible, Present and Online are the masks of /sys/devices/system/cpu.
	Possible, Present, Online fact.Fact[CPUs]
	// Isolated is the set of CPUs outside every sched domain: isolcpus domain
	// isolation, isolated cpuset partitions, or --isolated.
	Isolated fact.Fact[CPUs]
	// IsolatedLater holds those of Isolated that left the domains after boot
	// (cpuset partitions): their sd_llc_id is their own number, not 0.
	IsolatedLater fact.Fact[CPUs]
	// Islands are the separate sets of CPUs that cpusets make sched domains for
	// (partition roots, v1 sets under a root that does not balance), in the order
	// the kernel numbers them. Known and of length 1: one set of domains. A CPU
	// in none of them has no domain.
	Islands fact.Fact[[]CPUs]
	// NohzFull is the set of adaptive-tick CPUs.
	NohzFull fact.Fact[CPUs]
	// CPU is indexed by CPU number; empty if the topology is unknown. CPUs
	// without information have Known false.
	CPU []CPUInfo
	// Node holds the NUMA nodes in ascending order of ID; empty if unknown.
	Node []NodeInfo
	// Domains, by CPU number, are the sched domains the kernel itself reported,
	// lowest level first; nil if it did not.
	Domains map[int][]DomainInfo
	// Features is sys/kernel/debug/sched/features: words such as "SIS_UTIL" or
	// "NO_SIS_PROP".
	Features fact.Fact[[]string]
	// HZ is CONFIG_HZ.
	HZ fact.Fact[int]
	// Config holds further kernel build options of interest by name without
	// CONFIG_, values as in /proc/config.gz ("y", "m", "1000"); "n" where the file
	// says that the option is not set, no entry where it says nothing.
	Config map[string]string
	// Tunables are the numbers under sys/kernel/debug/sched by file name
	// ("migration_cost_ns" …), with the same names for kernels before 5.13, which
	// keep them in /proc/sys/kernel as sched_NAME; and the other numbers of
	// /proc/sys/kernel/sched_* under their full names ("sched_itmt_enabled").
	Tunables map[string]int64
	// Task holds the tasks of the bundle by pid.
	Task map[int32]TaskInfo
	// Cgroups are the control groups.
	Cgroups Cgroups
	// Stated are affinities given by flag, in the order given; a later one wins.
	// They hold for tasks of the capture that Task does not list, too.
	Stated []StatedAffinity
	// Wall relates clocks to wall time, as collect stores it; may be empty.
	Wall []ClockTriple
	// Functions are functions of the kernel by address, those that timers and work items
	// run; empty if the bundle holds none.
	Functions map[uint64]string
	// Notes are remarks on contradictions and oddities, one sentence each.
	Notes []string
}

// CPUInfo is one CPU's place in the machine. Masks are sets of CPU numbers as
// sysfs gives them and include the CPU itself; empty if unknown.
type CPUInfo struct {
	Known bool
	// Siblings is topology/thread_siblings_list: the SMT core.
	Siblings CPUs
	// Cluster is topology/cluster_cpus_list (shared L2).
	Cluster CPUs
	// Die is topology/die_cpus_list.
	Die CPUs
	// Package is topology/package_cpus_list (core_siblings_list).
	Package CPUs
	// LLC is shared_cpu_list of the last-level data or unified cache.
	LLC CPUs
	// LLCLevel is that cache's level, 0 if unknown.
	LLCLevel int
	// CoreID, DieID and PackageID as sysfs prints them, -1 if unknown.
	CoreID, DieID, PackageID int
	// Capacity is cpu_capacity (1024 for the biggest), 0 if unknown.
	Capacity int
}

// NodeInfo is one NUMA node.
type NodeInfo struct {
	ID   int
	CPUs CPUs
	// Distance to each node of Host.Node, in their order; nil if unknown.
	Distance []int
}

// DomainInfo is one sched domain as a kernel reported it.
type DomainInfo struct {
	// Name is "SMT", "CLS", "MC", "DIE", "PKG", "NODE" or "NUMA"; empty if not
	// told.
	Name string
	// Flags are the SD_ names in the order reported; nil if not told.
	Flags []string
	// Span is empty if not told: debugfs does not print it.
	Span CPUs
	// ImbalancePct is imbalance_pct, 0 if not told.
	ImbalancePct int
}

// TaskInfo is what the bundle says of one task (/proc/PID/status and stat).
type TaskInfo struct {
	PID, TGID, PPID int32
	// Session is the session's id, 0 for tasks that are in none, as those of the kernel.
	Session int32
	Comm    string
	// Affinity is Cpus_allowed_list.
	Affinity fact.Fact[CPUs]
	// Kthread is PF_KTHREAD (0x00200000) of the stat flags.
	Kthread fact.Fact[bool]
	// Bound is PF_NO_SETAFFINITY (0x04000000): user space can't move it.
	Bound fact.Fact[bool]
	// Policy is the scheduling policy: 0 normal, 1 FIFO, 2 RR, 3 batch, 5 idle,
	// 6 deadline.
	Policy fact.Fact[int]
	// Nice is -20 to 19.
	Nice fact.Fact[int]
	// LastCPU is the CPU the task last ran on when the bundle was taken.
	LastCPU fact.Fact[int]
	// Cgroup is the path of the task's control group as /proc/PID/cgroup tells: that of
	// the cpu controller, else that of systemd. A thread has its process's.
	Cgroup fact.Fact[string]
	// Autogroup is the task group that the kernel made for its session
	// (/proc/PID/autogroup), empty for none.
	Autogroup fact.Fact[Autogroup]
	// StartTicks is the start time in clock ticks since boot.
	StartTicks fact.Fact[int64]
}

// Autogroup is the task group of a session: its number, and the nice value of the whole.
type Autogroup struct {
	ID   int64
	Nice int
}

// Cgroups are what is known of control groups beside the tasks of the bundle.
type Cgroups struct {
	// Info holds those of the bundle that can limit CPU time, by path below the mount of the
	// cpu controller ("/kubepods/burstable/…"), the root excepted.
	Info map[string]CgroupInfo
	// Of holds the paths of tasks' groups by pid, as the capture itself tells them; of a task
	// that was in several the last.
	Of map[int32]string
}

// CgroupInfo is what a control group says of CPU time (cpu.max and cpu.stat;
// Documentation/admin-guide/cgroup-v2.rst).
type CgroupInfo struct {
	// Quota is the CPU time that its tasks may use together in each Period, both in
	// ns; unknown if there is no such limit or it is not told.
	Quota, Period fact.Fact[int64]
	// Throttled is how often the limit stopped its tasks since the group was made,
	// ThrottledNS for how long in all.
	Throttled, ThrottledNS fact.Fact[int64]
	// Shares is the weight of the group among its siblings, in those of cpu.shares
	// (cpu.weight times 1024/100): the group is a task group. It is not known of a group
	// without the cpu controller.
	Shares fact.Fact[int64]
}

// WeightShares is a weight as cpu.weight has it in shares, to the nearest
// (sched_weight_from_cgroup, kernel/sched/sched.h): 100 is that of nice 0.
func WeightShares(weight int64) int64 { return (weight*1024 + 50) / 100 }

// TopologyKnown reports whether the place of any CPU in the machine is known, without which no
// kernel can be asked where it would place a task. h may be nil.
func (h *Host) TopologyKnown() bool {
	return h != nil && slices.ContainsFunc(h.CPU, func(c CPUInfo) bool { return c.Known })
}

// Place is that of a CPU, which is made if it is not there yet.
func (h *Host) Place(cpu int) *CPUInfo {
	for len(h.CPU) <= cpu {
		h.CPU = append(h.CPU, CPUInfo{CoreID: -1, DieID: -1, PackageID: -1})
	}
	return &h.CPU[cpu]
}

// Groups reports whether tasks are known to share CPUs out by groups first: sessions of their
// own (autogroup_enabled), or control groups of the cpu controller.
func (h *Host) Groups() bool {
	if len(h.Cgroups.Info) > 0 {
		return true
	}
	if h.Tunables["sched_autogroup_enabled"] == 1 {
		for _, t := range h.Task {
			if t.Session > 0 {
				return true
			}
		}
	}
	return false
}

// Limit returns the path of the innermost control group that holds a task and has a limit
// of CPU time, empty if none is known.
func (h *Host) Limit(pid int32) string {
	if len(h.Cgroups.Info) == 0 {
		return ""
	}
	for path := cmp.Or(h.Task[pid].Cgroup.Value, h.Cgroups.Of[pid]); len(path) > 1; path = path[:strings.LastIndexByte(path, '/')] {
		if h.Cgroups.Info[path].Quota.Known() {
			return path
		}
	}
	return ""
}

// Throttling returns the innermost control group that holds a task and whose limit has
// stopped its tasks at least once, with its path; false if none is known to have.
func (h *Host) Throttling(pid int32) (path string, info CgroupInfo, ok bool) {
	for path = cmp.Or(h.Task[pid].Cgroup.Value, h.Cgroups.Of[pid]); len(path) > 1; path = path[:strings.LastIndexByte(path, '/')] {
		if info, ok = h.Cgroups.Info[path]; ok && info.Throttled.Value > 0 {
			return path, info, true
		}
	}
	return "", CgroupInfo{}, false
}

// CgroupOf is the short name of the control group of a task of that name, empty if it
// is the root or not known.
func (h *Host) CgroupOf(pid int32, comm string) string {
	path := h.Cgroups.Of[pid]
	if t, ok := h.Task[pid]; ok && path == "" && SameComm(comm, t.Comm) {
		path = t.Cgroup.Value
	}
	return CgroupName(path)
}

// Patterns of the names that systemd, Kubernetes and the container engines give to
// control groups: a pod's uid, with "_" for "-" in slices, and a container's id.
var (
	podCgroup       = regexp.MustCompile(`(?:^|[/-])pod([0-9a-f]{8})[0-9a-f_-]*(?:\.slice)?(?:/|$)`)
	containerCgroup = regexp.MustCompile(`(?:^|/)(?:[a-z-]+-)?([0-9a-f]{12})[0-9a-f]{52}(?:\.scope)?(?:/|$)`)
	unitCgroup      = regexp.MustCompile(`(?:^|/)([^/]+)\.(?:service|scope)(?:/|$)`)
)

// CgroupName is the short name of a control group by its path: "pod 8f3c21aa/4be07d11aa90"
// of a container in a pod, the container's short id, the name of systemd's unit, else the
// last part of the path. It is empty for the root.
func CgroupName(path string) string {
	pod, container := podCgroup.FindStringSubmatch(path), containerCgroup.FindStringSubmatch(path)
	switch {
	case pod != nil && container != nil:
		return "pod " + pod[1] + "/" + container[1]
	case pod != nil:
		return "pod " + pod[1]
	case container != nil:
		return "container " + container[1]
	}
	if units := unitCgroup.FindAllStringSubmatch(path, -1); units != nil {
		return units[len(units)-1][1]
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}

// StatedAffinity is one --affinity flag.
type StatedAffinity struct {
	// Name is the task's name, empty if PID tells the task.
	Name string
	// PID is the task's pid, [NoPID] if Name tells the task.
	PID int32
	// CPUs is the affinity.
	CPUs CPUs
}

// StatedFor is the affinity that a flag gives a task, false if none does.
func (h *Host) StatedFor(pid int32, comm string) (cpus CPUs, ok bool) {
	for i := len(h.Stated) - 1; i >= 0; i-- {
		if s := &h.Stated[i]; s.PID == pid || s.PID == NoPID && s.Name == comm {
			return s.CPUs, true
		}
	}
	return cpus, false
}

// ClockTriple is one simultaneous reading of three clocks, in ns.
type ClockTriple struct {
	Realtime, Monotonic, Boottime int64
}

// NameFunction gives the function that an aside tells by its address the name that the host
// has for it.
func (h *Host) NameFunction(ev *Event) {
	if len(h.Functions) == 0 || !strings.HasPrefix(ev.Text, "0x") {
		return
	}
	if address, err := strconv.ParseUint(ev.Text[2:], 16, 64); err == nil && h.Functions[address] != "" {
		ev.Text = h.Functions[address]
	}
}
