package host

import (
	"slices"
	"strings"
)

// wantedPaths are the files of a machine that [Read] looks at and [Collect]
// stores, by component: "#" stands for a decimal number at the end of a
// component, "*" at the end for any rest, "**" for up to maxCgroupDepth
// components. Braces hold alternatives.
var wantedPaths = splitPaths(
	"boot/config-*",
	"proc/{version,cmdline,config.gz}",
	"proc/#/{status,stat,comm,cgroup,autogroup}",
	"proc/#/task/#/{status,stat,comm}",
	"proc/sys/kernel/{osrelease,hostname,arch,sched_*}",
	"proc/sys/kernel/sched_domain/cpu#/domain#/{name,flags,imbalance_pct}",
	"schedreplay/{clocks,manifest,uname}",
	functionsFile,
	"sys/devices/system/cpu/{possible,present,online,offline,isolated,nohz_full}",
	"sys/devices/system/cpu/smt/{active,control}",
	"sys/devices/system/cpu/cpu#/cpu_capacity",
	"sys/devices/system/cpu/cpu#/topology/{thread_siblings,core_cpus,cluster_cpus,die_cpus,package_cpus,core_siblings}{_list,}",
	"sys/devices/system/cpu/cpu#/topology/{core_id,cluster_id,die_id,physical_package_id}",
	"sys/devices/system/cpu/cpu#/cache/index#/{level,type,size,shared_cpu_list,shared_cpu_map}",
	"sys/devices/system/node/online",
	"sys/devices/system/node/node#/{cpulist,cpumap,distance}",
	"sys/fs/cgroup/{cpuset.cpus*,cpuset.sched_load_balance}",
	"sys/fs/cgroup/**/cpuset.{cpus,cpus.partition,cpus.isolated,cpus.effective,effective_cpus,sched_load_balance}",
	"sys/fs/cgroup/**/cpu.{max,weight,shares,cfs_quota_us,cfs_period_us,stat}",
	"sys/kernel/debug/sched_features",
	"sys/kernel/debug/sched/{features,preempt,tunable_scaling,nr_migrate,*_ns}",
	"sys/kernel/debug/sched/domains/cpu#/domain#/{name,flags,imbalance_pct,min_interval,max_interval,busy_factor,cache_nice_tries}",
	"sys/kernel/mm/ksm/{run,pages_to_scan,sleep_millisecs}",
)

// maxCgroupDepth is how deep below sys/fs/cgroup control groups are looked for.
const maxCgroupDepth = 8

// component is one of a pattern's: the whole of a name, or what stands before the wild card
// and after it.
type component struct {
	wild          byte // '#', '*', 'd' for "**", 0 if it is the whole
	before, after string
}

func splitPaths(paths ...string) (out [][]component) {
	for _, p := range paths {
		if before, rest, ok := strings.Cut(p, "{"); ok {
			list, after, _ := strings.Cut(rest, "}")
			for one := range strings.SplitSeq(list, ",") {
				out = append(out, splitPaths(before+one+after)...)
			}
			continue
		}
		var split []component
		for c := range strings.SplitSeq(p, "/") {
			k := component{before: c}
			if before, ok := strings.CutSuffix(c, "#"); ok {
				k = component{wild: '#', before: before}
			} else if c == "**" {
				k = component{wild: 'd'}
			} else if before, after, ok := strings.Cut(c, "*"); ok {
				k = component{'*', before, after}
			}
			split = append(split, k)
		}
		out = append(out, split)
	}
	return out
}

// wantedFile reports whether a path is one of wantedPaths.
func wantedFile(path []string) bool {
	return slices.ContainsFunc(wantedPaths, func(p []component) bool { return matchPath(p, path, false) })
}

// wantedDir reports whether a folder can hold files of wantedPaths.
func wantedDir(path []string) bool {
	return slices.ContainsFunc(wantedPaths, func(p []component) bool { return matchPath(p, path, true) })
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
