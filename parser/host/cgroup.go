package host

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"schedreplay/fact"
	"schedreplay/parser"
)

// taskCgroup reads /proc/PID/cgroup (proc_cgroup_show, kernel/cgroup/cgroup.c) of a
// task that the host has: lines of hierarchy, controllers and path.
func (t *tree) taskCgroup(h *parser.Host, pid int32, dir string) fact.Fact[string] {
	info, ok := h.Task[pid]
	text, there := t.value(dir + "/cgroup")
	if !ok || !there {
		return fact.Fact[string]{}
	}
	var cpu, unified, systemd string
	for line := range strings.SplitSeq(text, "\n") {
		id, rest, _ := strings.Cut(line, ":")
		controllers, group, ok := strings.Cut(rest, ":")
		group = strings.TrimSuffix(group, " (deleted)")
		switch {
		case !ok || !strings.HasPrefix(group, "/"):
		case slices.Contains(strings.Split(controllers, ","), "cpu"):
			cpu = group
		case id == "0":
			unified = group
		case controllers == "name=systemd":
			systemd = group
		}
	}
	// The first that tells more than the root.
	for _, p := range []string{cpu, unified, systemd} {
		if v := info.Cgroup.Value; p != "" && (v == "" || v == "/") {
			info.Cgroup = fact.Seen(strings.Clone(p), "/"+dir+"/cgroup")
		}
	}
	h.Task[pid] = info
	return info.Cgroup
}

// cpuMounts are where the hierarchy with the cpu controller is mounted, below
// sys/fs/cgroup: v1's names, v2 beside v1, v2 alone.
var cpuMounts = []string{"/cpu,cpuacct", "/cpu", "/unified", ""}

// readCgroups fills Cgroup from the limits and counts of the bundle.
func (t *tree) readCgroups(h *parser.Host) {
	bad := 0
	for _, p := range slices.Sorted(maps.Keys(t.files)) {
		if !strings.HasPrefix(p, cgroupDir+"/") {
			continue
		}
		dir, file := path.Split(p)
		rest := strings.TrimSuffix(dir[len(cgroupDir):], "/")
		i := slices.IndexFunc(cpuMounts, func(m string) bool { return strings.HasPrefix(rest+"/", m+"/") })
		group := rest[len(cpuMounts[i]):]
		if group == "" {
			continue
		}
		info := h.Cgroups.Info[group]
		text, _ := t.value(p)
		if !cgroupFile(&info, file, text, "/"+p) {
			bad++
			continue
		}
		if info == (parser.CgroupInfo{}) {
			continue
		}
		if h.Cgroups.Info == nil {
			h.Cgroups.Info = map[string]parser.CgroupInfo{}
		}
		h.Cgroups.Info[group] = info
	}
	if bad > 0 {
		t.note("%d files of control groups are malformed and were left out", bad)
	}
}

// What the kernel lets a group have: MIN_SHARES and MAX_SHARES (kernel/sched/sched.h),
// CGROUP_WEIGHT_MAX; in µs min_cfs_quota_period, max_cfs_quota_period and max_bw_runtime_us
// (kernel/sched/core.c).
const (
	minShares, maxShares, maxWeight = 2, 1 << 18, 10_000
	minCFSPeriod, maxCFSPeriod      = 1_000, 1_000_000
	maxCFSQuota                     = 1 << 44
)

// idleShares is what a group weighs that cpu.idle makes one (WEIGHT_IDLEPRIO): the weight of
// such a one reads 0.
const idleShares = 3

// cgroupFile adds what one file says; false if it is malformed or nothing that a kernel says.
// Times are in µs there, but throttled_time of v1, which is in ns.
func cgroupFile(info *parser.CgroupInfo, file, text, source string) bool {
	ok := true
	number := func(s string, unit, least, most int64) fact.Fact[int64] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < least || n > most {
			ok = false
			return fact.Fact[int64]{}
		}
		return fact.Seen(n*unit, source)
	}
	count := func(s string, unit int64) fact.Fact[int64] { return number(s, unit, 0, 1<<62/unit) }
	quota := func(s string) fact.Fact[int64] { return number(s, 1e3, minCFSPeriod, maxCFSQuota) }
	period := func(s string) fact.Fact[int64] { return number(s, 1e3, minCFSPeriod, maxCFSPeriod) }
	switch file {
	case "cpu.max":
		if q, p, _ := strings.Cut(text, " "); q != "max" {
			info.Quota, info.Period = quota(q), period(p)
		}
	case "cpu.cfs_quota_us":
		if text != "-1" {
			info.Quota = quota(text)
		}
	case "cpu.shares":
		info.Shares = number(text, 1, minShares, maxShares)
	case "cpu.weight":
		if w := number(text, 1, 0, maxWeight); w.Known() {
			info.Shares = fact.Seen(max(idleShares, parser.WeightShares(w.Value)), source)
		}
	case "cpu.cfs_period_us":
		info.Period = period(text)
	case "cpu.stat":
		for line := range strings.SplitSeq(text, "\n") {
			switch key, value, _ := strings.Cut(line, " "); key {
			case "nr_throttled":
				info.Throttled = count(value, 1)
			case "throttled_usec":
				info.ThrottledNS = count(value, 1e3)
			case "throttled_time":
				info.ThrottledNS = count(value, 1)
			}
		}
	}
	return ok
}
