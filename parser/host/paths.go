package host

import "strings"

// wantedPaths are the files of a machine that [Read] looks at and [Collect]
// stores, by component: "#" stands for a decimal number at the end of a
// component, "*" at the end for any rest, "**" for up to maxCgroupDepth
// components.
var wantedPaths = splitPaths(
	"boot/config-*",
	"proc/version",
	"proc/cmdline",
	"proc/config.gz",
	"proc/#/status",
	"proc/#/stat",
	"proc/#/comm",
	"proc/#/cgroup",
	"proc/#/autogroup",
	"proc/#/task/#/status",
	"proc/#/task/#/stat",
	"proc/#/task/#/comm",
	"proc/sys/kernel/osrelease",
	"proc/sys/kernel/hostname",
	"proc/sys/kernel/arch",
	"proc/sys/kernel/sched_*",
	"proc/sys/kernel/sched_domain/cpu#/domain#/name",
	"proc/sys/kernel/sched_domain/cpu#/domain#/flags",
	"proc/sys/kernel/sched_domain/cpu#/domain#/imbalance_pct",
	"schedreplay/clocks",
	functionsFile,
	"schedreplay/manifest",
	"schedreplay/uname",
	"sys/devices/system/cpu/possible",
	"sys/devices/system/cpu/present",
	"sys/devices/system/cpu/online",
	"sys/devices/system/cpu/offline",
	"sys/devices/system/cpu/isolated",
	"sys/devices/system/cpu/nohz_full",
	"sys/devices/system/cpu/smt/active",
	"sys/devices/system/cpu/smt/control",
	"sys/devices/system/cpu/cpu#/cpu_capacity",
	"sys/devices/system/cpu/cpu#/topology/thread_siblings_list",
	"sys/devices/system/cpu/cpu#/topology/thread_siblings",
	"sys/devices/system/cpu/cpu#/topology/core_cpus_list",
	"sys/devices/system/cpu/cpu#/topology/core_cpus",
	"sys/devices/system/cpu/cpu#/topology/cluster_cpus_list",
	"sys/devices/system/cpu/cpu#/topology/cluster_cpus",
	"sys/devices/system/cpu/cpu#/topology/die_cpus_list",
	"sys/devices/system/cpu/cpu#/topology/die_cpus",
	"sys/devices/system/cpu/cpu#/topology/package_cpus_list",
	"sys/devices/system/cpu/cpu#/topology/package_cpus",
	"sys/devices/system/cpu/cpu#/topology/core_siblings_list",
	"sys/devices/system/cpu/cpu#/topology/core_siblings",
	"sys/devices/system/cpu/cpu#/topology/core_id",
	"sys/devices/system/cpu/cpu#/topology/cluster_id",
	"sys/devices/system/cpu/cpu#/topology/die_id",
	"sys/devices/system/cpu/cpu#/topology/physical_package_id",
	"sys/devices/system/cpu/cpu#/cache/index#/level",
	"sys/devices/system/cpu/cpu#/cache/index#/type",
	"sys/devices/system/cpu/cpu#/cache/index#/size",
	"sys/devices/system/cpu/cpu#/cache/index#/shared_cpu_list",
	"sys/devices/system/cpu/cpu#/cache/index#/shared_cpu_map",
	"sys/devices/system/node/online",
	"sys/devices/system/node/node#/cpulist",
	"sys/devices/system/node/node#/cpumap",
	"sys/devices/system/node/node#/distance",
	"sys/fs/cgroup/cpuset.cpus*",
	"sys/fs/cgroup/cpuset.sched_load_balance",
	"sys/fs/cgroup/**/cpuset.cpus",
	"sys/fs/cgroup/**/cpuset.cpus.partition",
	"sys/fs/cgroup/**/cpuset.cpus.isolated",
	"sys/fs/cgroup/**/cpuset.cpus.effective",
	"sys/fs/cgroup/**/cpuset.effective_cpus",
	"sys/fs/cgroup/**/cpuset.sched_load_balance",
	"sys/fs/cgroup/**/cpu.max",
	"sys/fs/cgroup/**/cpu.weight",
	"sys/fs/cgroup/**/cpu.shares",
	"sys/fs/cgroup/**/cpu.cfs_quota_us",
	"sys/fs/cgroup/**/cpu.cfs_period_us",
	"sys/fs/cgroup/**/cpu.stat",
	"sys/kernel/debug/sched_features",
	"sys/kernel/debug/sched/features",
	"sys/kernel/debug/sched/preempt",
	"sys/kernel/debug/sched/tunable_scaling",
	"sys/kernel/debug/sched/nr_migrate",
	"sys/kernel/debug/sched/*_ns",
	"sys/kernel/debug/sched/domains/cpu#/domain#/name",
	"sys/kernel/debug/sched/domains/cpu#/domain#/flags",
	"sys/kernel/debug/sched/domains/cpu#/domain#/imbalance_pct",
	"sys/kernel/debug/sched/domains/cpu#/domain#/min_interval",
	"sys/kernel/debug/sched/domains/cpu#/domain#/max_interval",
	"sys/kernel/debug/sched/domains/cpu#/domain#/busy_factor",
	"sys/kernel/debug/sched/domains/cpu#/domain#/cache_nice_tries",
	"sys/kernel/mm/ksm/run",
	"sys/kernel/mm/ksm/pages_to_scan",
	"sys/kernel/mm/ksm/sleep_millisecs",
)

// maxCgroupDepth is how deep below sys/fs/cgroup control groups are looked for.
const maxCgroupDepth = 8

// component is one of a pattern's: the whole of a name, or what stands before the wild card
// and after it.
type component struct {
	wild          byte // '#', '*', 'd' for "**", 0 if it is the whole
	before, after string
}

func splitPaths(paths ...string) [][]component {
	out := make([][]component, len(paths))
	for i, p := range paths {
		for c := range strings.SplitSeq(p, "/") {
			k := component{before: c}
			if before, ok := strings.CutSuffix(c, "#"); ok {
				k = component{wild: '#', before: before}
			} else if c == "**" {
				k = component{wild: 'd'}
			} else if before, after, ok := strings.Cut(c, "*"); ok {
				k = component{'*', before, after}
			}
			out[i] = append(out[i], k)
		}
	}
	return out
}

// wantedFile reports whether a path is one of wantedPaths.
func wantedFile(path []string) bool {
	for _, p := range wantedPaths {
		if matchPath(p, path, false) {
			return true
		}
	}
	return false
}

// wantedDir reports whether a folder can hold files of wantedPaths.
func wantedDir(path []string) bool {
	for _, p := range wantedPaths {
		if matchPath(p, path, true) {
			return true
		}
	}
	return false
}

// matchPath matches a path against a pattern; with prefix set, a path that the
// pattern goes beyond.
func matchPath(pattern []component, path []string, prefix bool) bool {
	for i := range pattern {
		if pattern[i].wild == 'd' {
			rest := pattern[i+1:]
			if prefix {
				return len(path)-i <= maxCgroupDepth
			}
			n := len(path) - i - len(rest)
			return n >= 1 && n <= maxCgroupDepth && matchPath(rest, path[i+n:], false)
		}
		if i == len(path) {
			return prefix
		}
		if !pattern[i].matches(path[i]) {
			return false
		}
	}
	return !prefix && len(path) == len(pattern)
}

func (c *component) matches(s string) bool {
	switch c.wild {
	case '#':
		_, ok := cutNumber(s, c.before)
		return ok
	case '*':
		return len(s) >= len(c.before)+len(c.after) && strings.HasPrefix(s, c.before) && strings.HasSuffix(s, c.after)
	}
	return s == c.before
}

// cutNumber returns the decimal number that follows prefix in s; false if
// there is none or it is not in the kernel's form (a leading zero, a sign, more
// than 9 digits).
func cutNumber(s, prefix string) (int, bool) {
	s, ok := strings.CutPrefix(s, prefix)
	if !ok || s == "" || len(s) > 9 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
