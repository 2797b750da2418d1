package host

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/parser"
)

// FuzzFlags states any facts on the command line: each is in force then, or the error is the
// user's.
func FuzzFlags(f *testing.F) {
	f.Add("2-3", "0-3", "0+2,1+3", "0-3", "ksmd=0-1", "6.1.0")
	f.Add("", "0-7:1/2", "0-1,2-3", "0-1+3,2", "=a=1", "5.10.0-136.oe2203")
	f.Add("all", "N", ",", "0,0", "17=", "x")
	f.Add("8191", "8192", "0+", "0-8191", "-1=0", "\x00")
	machine := readEntries(f, files("sys/devices/system/cpu/possible", "0-7", "sys/devices/system/cpu/online", "0-7", "proc/cmdline", "isolcpus=1",
		"proc/sys/kernel/osrelease", "4.14.0", "proc/17/status", "Name:\tksmd\nCpus_allowed_list:\t0-7\n",
		"sys/kernel/debug/sched/domains/cpu0/domain0/name", "MC", "sys/fs/cgroup/a/cpuset.cpus.partition", "isolated", "sys/fs/cgroup/a/cpuset.cpus", "3")...)
	f.Fuzz(func(t *testing.T, isolated, online, smt, llc, affinity, release string) {
		flags := Flags{Isolated: &isolated, Online: online, SMT: smt, LLC: llc, Affinity: []string{affinity}, Release: release}
		for _, bundle := range []*parser.Host{nil, machine} {
			h, err := Merge(nil, bundle, flags)
			if err != nil {
				if !errors.Is(err, ErrFlag) && !errors.Is(err, ErrContradiction) || h != nil {
					t.Fatalf("%q: %v", err, h)
				}
				continue
			}
			for _, flag := range []struct {
				text string
				got  parser.CPUs
			}{{isolated, h.Isolated.Value}, {online, h.Online.Value}} {
				if want, err := cpumask.ParseList(flag.text, 0); flag.text != "" && (err != nil || !flag.got.Equal(want)) {
					t.Fatalf("%q is %s, %v", flag.text, flag.got, err)
				}
			}
			for n := range h.CPU {
				if c := &h.CPU[n]; !c.Siblings.Empty() && !c.Siblings.Test(n) || !c.LLC.Empty() && !c.LLC.Test(n) {
					t.Fatalf("CPU %d has a place without it: %+v", n, c)
				}
			}
			if st := h.Stated; len(st) != 1 || st[0].CPUs.Empty() || (st[0].Name == "") == (st[0].PID == parser.NoPID) {
				t.Fatalf("%q is %+v", affinity, st)
			}
		}
	})
}

// fuzzedFiles are files of a bundle that are read, one of each kind.
var fuzzedFiles = []string{
	"proc/version", "proc/cmdline", "proc/config.gz", "boot/config-6.1.0", "proc/17/status", "proc/17/stat", "proc/17/cgroup", "proc/17/autogroup",
	"proc/17/task/18/stat", "proc/sys/kernel/osrelease", "proc/sys/kernel/sched_rt_period_us", "schedreplay/clocks", "schedreplay/uname", "schedreplay/manifest",
	functionsFile, "sys/devices/system/cpu/possible", "sys/devices/system/cpu/online", "sys/devices/system/cpu/isolated", "sys/devices/system/cpu/nohz_full",
	"sys/devices/system/cpu/cpu1/cpu_capacity", "sys/devices/system/cpu/cpu1/topology/thread_siblings", "sys/devices/system/cpu/cpu1/topology/core_cpus_list",
	"sys/devices/system/cpu/cpu1/topology/physical_package_id", "sys/devices/system/cpu/cpu1/cache/index3/level", "sys/devices/system/cpu/cpu1/cache/index3/shared_cpu_list",
	"sys/devices/system/node/node0/cpulist", "sys/devices/system/node/node1/cpumap", "sys/devices/system/node/node0/distance",
	"sys/fs/cgroup/cpuset.cpus.isolated", "sys/fs/cgroup/a/cpuset.cpus", "sys/fs/cgroup/a/cpuset.cpus.partition", "sys/fs/cgroup/a/cpuset.sched_load_balance",
	"sys/fs/cgroup/a/cpu.max", "sys/fs/cgroup/a/cpu.weight", "sys/fs/cgroup/a/cpu.shares", "sys/fs/cgroup/a/cpu.cfs_quota_us", "sys/fs/cgroup/a/cpu.cfs_period_us",
	"sys/fs/cgroup/a/cpu.stat", "sys/kernel/debug/sched_features", "sys/kernel/debug/sched/base_slice_ns", "sys/kernel/debug/sched/domains/cpu0/domain0/flags",
	"proc/sys/kernel/sched_domain/cpu0/domain0/imbalance_pct",
}

// FuzzFiles is FuzzRead past the archive: two files of a bundle hold anything.
func FuzzFiles(f *testing.F) {
	for i, text := range []string{
		"Linux version 6.1.0 (x) #1 SMP", "isolcpus=nohz,domain,1-N:1/2 nohz_full=all", "CONFIG_HZ=250\nCONFIG_NR_CPUS=8\n# CONFIG_NUMA is not set\n", "",
		"Name:\tksmd\nCpus_allowed_list:\t0-1\n", "17 (a) b) S 2 0 0", "0::/a/b (deleted)\n3:cpu,cpuacct:/a\n1:name=systemd:/x", "/autogroup-5 nice 3",
	} {
		f.Add(uint8(i), text, uint8(i+20), "20000 100000")
	}
	f.Add(uint8(33), "0", uint8(34), "262144")
	f.Add(uint8(2), "CONFIG_HZ=2000000000\n", uint8(10), "2305843009213693952")
	f.Add(uint8(16), ",", uint8(15), "0-3")
	f.Add(uint8(32), "max 100000", uint8(37), "nr_throttled 3\nthrottled_usec 10")
	f.Fuzz(func(t *testing.T, i uint8, text string, j uint8, more string) {
		tr := newTree("fuzz")
		for _, e := range [...][2]string{
			{"sys/devices/system/cpu/possible", "0-3"},
			{"sys/devices/system/cpu/online", "0-3"},
			{"sys/devices/system/cpu/cpu1/cache/index3/type", "Unified"},
			{"sys/devices/system/cpu/cpu1/cache/index3/level", "3"},
			{"sys/devices/system/node/node0/cpulist", "0-1"},
			{"proc/sys/kernel/osrelease", "6.1.0"},
			{"proc/17/status", "Name:\tksmd\n"},
			{"sys/fs/cgroup/a/cpuset.cpus", "2"},
			{"sys/fs/cgroup/a/cpuset.cpus.partition", "isolated"},
			{fuzzedFiles[int(i)%len(fuzzedFiles)], text},
			{fuzzedFiles[int(j)%len(fuzzedFiles)], more},
		} {
			comps := strings.Split(e[0], "/")
			if !wantedFile(comps) {
				t.Fatalf("%s is not read", e[0])
			}
			if err := tr.add("", comps, strings.NewReader(e[1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := tr.finish(); err != nil {
			t.Fatal(err)
		}
		h := tr.host()
		if m, ok := h.Online.Get(); ok && m.Empty() {
			t.Fatal("no CPU is online")
		}
		for group, c := range h.Cgroups.Info {
			if s := c.Shares; s.Known() && (s.Value < 2 || s.Value > 1<<18) {
				t.Fatalf("%s weighs %d", group, s.Value)
			}
			if q, p := c.Quota, c.Period; q.Known() && (q.Value < 1e6 || q.Value > 1<<60) || p.Known() && (p.Value < 1e6 || p.Value > 1e9) {
				t.Fatalf("%s may run %d ns in %d", group, q.Value, p.Value)
			}
		}
		if hz := h.HZ; hz.Known() && (hz.Value < 1 || hz.Value > 10_000) {
			t.Fatalf("%d ticks a second", hz.Value)
		}
		for name, v := range h.Tunables {
			if v < -1 || v > 1<<40 {
				t.Fatalf("%s is %d", name, v)
			}
		}
		for _, n := range h.Node {
			if n.Distance != nil && len(n.Distance) != len(h.Node) {
				t.Fatalf("%d distances for %d nodes", len(n.Distance), len(h.Node))
			}
		}
		merged, err := Merge(nil, h, Flags{})
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(merged.Notes, func(n string) bool { return n == "" || strings.ContainsRune(n, '\n') }) {
			t.Fatalf("notes %q", merged.Notes)
		}
		_, _ = Check(merged, Seen{CPUs: merged.Online.Value, Comm: map[int32]string{17: "a"}})
	})
}
