package host

import (
	"strings"
	"testing"
)

// Names and forms of files that differ between kernels.
func TestReadTopologyForms(t *testing.T) {
	const cpu0 = "sys/devices/system/cpu/cpu0/"
	lineOf := func(prefix string, pairs ...string) string {
		for l := range strings.SplitSeq(dump(readEntries(t, files(pairs...)...)), "\n") {
			if strings.HasPrefix(l, prefix) {
				return l
			}
		}
		return "none"
	}
	for name, tc := range map[string]struct {
		prefix string
		files  []string
		want   string
	}{
		"lists": {
			"cpu 0 ",
			[]string{cpu0 + "topology/core_cpus_list", "0-1\n", cpu0 + "topology/core_siblings_list", "0-3\n"},
			"cpu 0 known true smt 0-1 cluster  die  package 0-3 llc L0  ids -1 -1 -1 capacity 0",
		},
		"hexadecimal": {
			"cpu 0 ",
			[]string{cpu0 + "topology/thread_siblings", "00000001,00000001\n", cpu0 + "topology/core_siblings", "f\n"},
			"cpu 0 known true smt 0,32 cluster  die  package 0-3 llc L0  ids -1 -1 -1 capacity 0",
		},
		"list preferred": {
			"cpu 0 ",
			[]string{cpu0 + "topology/thread_siblings", "3", cpu0 + "topology/thread_siblings_list", "0"},
			"cpu 0 known true smt 0 cluster  die  package  llc L0  ids -1 -1 -1 capacity 0",
		},
		"caches": {"cpu 0 ", []string{
			cpu0 + "cache/index0/type", "Data", cpu0 + "cache/index0/level", "1", cpu0 + "cache/index0/shared_cpu_list", "0",
			cpu0 + "cache/index10/type", "Unified", cpu0 + "cache/index10/level", "3", cpu0 + "cache/index10/shared_cpu_map", "0000000f",
			cpu0 + "cache/index2/type", "Unified", cpu0 + "cache/index2/level", "2", cpu0 + "cache/index2/shared_cpu_list", "0-1",
			cpu0 + "cache/index3/type", "Instruction", cpu0 + "cache/index3/level", "4", cpu0 + "cache/index3/shared_cpu_list", "0-7",
		}, "cpu 0 known true smt  cluster  die  package  llc L3 0-3 ids -1 -1 -1 capacity 0"},
		"ids and capacity": {
			"cpu 0 ",
			[]string{cpu0 + "topology/core_id", "7", cpu0 + "topology/die_id", "-1", cpu0 + "topology/physical_package_id", "2", cpu0 + "cpu_capacity", "446"},
			"cpu 0 known false smt  cluster  die  package  llc L0  ids 7 -1 2 capacity 446",
		},
		"mask lacks its CPU":   {"note ", []string{cpu0 + "topology/thread_siblings_list", "1-2"}, "note /sys/devices/system/cpu: 1 masks are malformed or lack their own CPU; ignored"},
		"offline CPU":          {"note ", []string{cpu0 + "topology/thread_siblings_list", "\n"}, "none"},
		"nohz_full null":       {"nohz_full", []string{"sys/devices/system/cpu/nohz_full", "  (null)\n"}, "nohz_full  (observed, /sys/devices/system/cpu/nohz_full)"},
		"node map":             {"node 0 ", []string{"sys/devices/system/node/node0/cpumap", "f"}, "node 0 cpus 0-3 distance []"},
		"node distances lie":   {"note ", []string{"sys/devices/system/node/node0/cpulist", "0-3", "sys/devices/system/node/node0/distance", "10 20"}, "note /sys/devices/system/node/node0/distance: 2 distances for 1 nodes; ignored"},
		"nodes overlap":        {"note ", []string{"sys/devices/system/node/node0/cpulist", "0-3", "sys/devices/system/node/node1/cpulist", "3"}, "note /sys/devices/system/node: a CPU is in two nodes; the nodes are ignored"},
		"tunables before 5.13": {"tunable migration_cost_ns", []string{"proc/sys/kernel/sched_migration_cost_ns", "500000"}, "tunable migration_cost_ns=500000"},
		"other sysctls":        {"tunable", []string{"proc/sys/kernel/sched_itmt_enabled", "1"}, "tunable sched_itmt_enabled=1"},
		"features of old":      {"features", []string{"sys/kernel/debug/sched_features", "A NO_B\n"}, "features [A NO_B] (observed, /sys/kernel/debug/sched_features)"},
		"release in version":   {"release", []string{"proc/version", "Linux version 4.18.0-553.el8.x86_64 (mockbuild@x) #1"}, "release 4.18.0-553.el8.x86_64 (observed, /proc/version)"},
		"release of uname":     {"release", []string{"schedreplay/uname", "Linux\n5.4.0\nnode\naarch64\n"}, "release 5.4.0 (observed, uname)"},
		"boot config":          {"hz", []string{"proc/sys/kernel/osrelease", "6.1.0-1\n", "boot/config-6.1.0-2", "CONFIG_HZ=100\n", "boot/config-6.1.0-1", "CONFIG_HZ=250\n"}, "hz 250 (observed, /boot/config-6.1.0-1)"},
		"damaged config":       {"note", []string{"proc/config.gz", "\x1f\x8b\x08"}, "note /proc/config.gz is damaged: unexpected EOF"},
		"clocks":               {"clocks", []string{"schedreplay/clocks", "# a b c\n3 2 1\n"}, "clocks {Realtime:3 Monotonic:2 Boottime:1}"},
		"bad clocks":           {"note", []string{"schedreplay/clocks", "3 2\n-1 2 3\nx\n"}, "note /schedreplay/clocks: 3 lines are malformed and were left out"},
	} {
		if got := lineOf(tc.prefix, tc.files...); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
	}
}

func TestReadDomains(t *testing.T) {
	const old, now = "proc/sys/kernel/sched_domain/cpu0/", "sys/kernel/debug/sched/domains/cpu0/"
	for name, tc := range map[string]struct {
		files []string
		want  string
	}{
		"5.7 number": {
			[]string{"proc/sys/kernel/osrelease", "5.7.0", old + "domain0/flags", "4783", old + "domain0/name", "SMT", old + "domain0/imbalance_pct", "110"},
			`cpu 0 domain 0 SMT span "" imbalance_pct 110 flags SD_LOAD_BALANCE SD_BALANCE_NEWIDLE SD_BALANCE_EXEC SD_BALANCE_FORK SD_WAKE_AFFINE SD_SHARE_CPUCAPACITY SD_SHARE_PKG_RESOURCES SD_PREFER_SIBLING`,
		},
		"5.8 number": {
			[]string{"proc/sys/kernel/osrelease", "5.8.0", old + "domain0/flags", "2391", old + "domain0/name", "SMT"},
			`cpu 0 domain 0 SMT span "" imbalance_pct 0 flags SD_BALANCE_NEWIDLE SD_BALANCE_EXEC SD_BALANCE_FORK SD_WAKE_AFFINE SD_SHARE_CPUCAPACITY SD_SHARE_PKG_RESOURCES SD_PREFER_SIBLING`,
		},
		"number of an unknown release": {[]string{old + "domain0/flags", "4783", old + "domain0/name", "SMT"}, `cpu 0 domain 0 SMT span "" imbalance_pct 0 flags `},
		"5.10 names":                   {[]string{old + "domain0/flags", "SD_NUMA SD_OVERLAP \n", old + "domain0/name", "NUMA"}, `cpu 0 domain 0 NUMA span "" imbalance_pct 0 flags SD_NUMA SD_OVERLAP`},
		"no name":                      {[]string{now + "domain0/flags", "SD_NUMA"}, `cpu 0 domain 0  span "" imbalance_pct 0 flags SD_NUMA`},
		"a gap":                        {[]string{now + "domain1/name", "MC"}, "note /sys/kernel/debug/sched/domains: the domains of 1 CPUs are incomplete; the kernel's own domains are not used"},
		"isolated with domains": {
			[]string{now + "domain0/name", "MC", "sys/devices/system/cpu/isolated", "0"},
			"note CPUs 0 are isolated by /sys/devices/system/cpu/isolated, but the kernel lists sched domains for them",
		},
		"domains missing": {
			[]string{now + "domain0/name", "MC", "sys/devices/system/cpu/isolated", "\n", "sys/devices/system/cpu/online", "0-3"},
			"note CPUs 1-3 have no sched domain, but /sys/devices/system/cpu/isolated does not name them: look for cpusets that isolate",
		},
	} {
		if got := dump(readEntries(t, files(tc.files...)...)); !strings.Contains(got, tc.want+"\n") {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
	}
}
