package topo

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/cpumask"
	"schedreplay/internal/traces"
	"schedreplay/kernelmodel/rules"
)

// bundleFiles reads the files of a host bundle by their path on the machine.
func bundleFiles(t testing.TB, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, "host/")] = strings.TrimSpace(string(b))
	}
}

// bundleTopology makes a topology of a bundle's sysfs files, without its sched
// domains.
func bundleTopology(t testing.TB, files map[string]string) (top Topology, r rules.DomainRules, isolated cpumask.Mask) {
	t.Helper()
	list := func(s string) cpumask.Mask {
		m, err := cpumask.ParseList(s, 0)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	const cpus = "sys/devices/system/cpu/"
	top.X86 = true
	top.Possible, top.Online = list(files[cpus+"possible"]), list(files[cpus+"online"])
	for cpu := range top.Possible.All() {
		dir := fmt.Sprintf("%scpu%d/", cpus, cpu)
		c := CPUTopology{
			SMT: list(files[dir+"topology/thread_siblings_list"]), Cluster: list(files[dir+"topology/cluster_cpus_list"]),
			Package: list(files[dir+"topology/core_siblings_list"]),
		}
		best := 0
		for i := range 8 {
			at := fmt.Sprintf("%scache/index%d/", dir, i)
			if level, _ := strconv.Atoi(files[at+"level"]); level > best && files[at+"type"] != "Instruction" {
				best, c.LLC = level, list(files[at+"shared_cpu_list"])
			}
		}
		top.CPU = append(top.CPU, c)
	}
	for id := range 64 {
		dir := fmt.Sprintf("sys/devices/system/node/node%d/", id)
		if s, ok := files[dir+"cpulist"]; ok {
			n := NUMANode{ID: id, CPUs: list(s)}
			for _, w := range strings.Fields(files[dir+"distance"]) {
				d, err := strconv.Atoi(w)
				if err != nil {
					t.Fatal(err)
				}
				n.Distance = append(n.Distance, d)
			}
			top.Node = append(top.Node, n)
		}
	}
	var major, minor int
	if _, err := fmt.Sscanf(files["proc/sys/kernel/osrelease"], "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return top, rules.DomainRulesFor(major, minor), list(files[cpus+"isolated"])
}

// judgeDomains holds the model against a bundle's sys/kernel/debug/sched/domains
// and returns the number of domains compared.
func judgeDomains(t *testing.T, files map[string]string) int {
	top, rules, isolated := bundleTopology(t, files)
	var later cpumask.Mask
	for p, s := range files {
		if dir, ok := strings.CutSuffix(p, "cpuset.cpus.partition"); ok && s == "isolated" {
			m, err := cpumask.ParseList(files[dir+"cpuset.cpus.effective"], 0)
			if err != nil {
				t.Fatal(err)
			}
			later = later.Or(m)
		}
	}
	got := BuildDomains(top, rules, isolated.Or(later), later, nil)
	if len(got.Notes) > 0 {
		t.Errorf("notes %+v", got.Notes)
	}
	n := 0
	var want, have []string
	// Kernels before 5.13 have the domains below /proc/sys, and these bundles
	// their names alone.
	if files["proc/sys/kernel/sched_domain/cpu0/domain0/name"] != "" {
		for cpu := range top.Possible.All() {
			for i := 0; ; i++ {
				name, ok := files[fmt.Sprintf("proc/sys/kernel/sched_domain/cpu%d/domain%d/name", cpu, i)]
				if !ok {
					break
				}
				n++
				want = append(want, fmt.Sprintf("cpu%d domain%d %s", cpu, i, name))
			}
			for i, sd := range got.CPU[cpu].SD {
				have = append(have, fmt.Sprintf("cpu%d domain%d %s", cpu, i, sd.Name))
			}
		}
		if d := cmp.Diff(want, have); d != "" {
			t.Errorf("-kernel +model:\n%s", d)
		}
		return n
	}
	// The columns that debugfs has, one line a domain.
	for cpu := range top.Possible.All() {
		for i := 0; ; i++ {
			dir := fmt.Sprintf("sys/kernel/debug/sched/domains/cpu%d/domain%d/", cpu, i)
			if _, ok := files[dir+"name"]; !ok {
				break
			}
			n++
			want = append(want, fmt.Sprintf("cpu%d domain%d %s %s pct %s min %s max %s busy %s nice %s", cpu, i,
				files[dir+"name"], files[dir+"flags"], files[dir+"imbalance_pct"], files[dir+"min_interval"],
				files[dir+"max_interval"], files[dir+"busy_factor"], files[dir+"cache_nice_tries"]))
		}
		for i, sd := range got.CPU[cpu].SD {
			have = append(have, fmt.Sprintf("cpu%d domain%d %s %s pct %d min %d max %d busy %d nice %d", cpu, i,
				sd.Name, strings.Join(rules.FlagNames(sd.Flags), " "), sd.ImbalancePct, sd.Weight, 2*sd.Weight, sd.BusyFactor, sd.CacheNiceTries))
		}
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("-kernel +model:\n%s", d)
	}
	return n
}

// The model's domains are the kernel's own: names, flags, imbalance_pct,
// intervals, busy_factor and cache_nice_tries of every CPU.
func TestDomainsOfRealMachines(t *testing.T) {
	bundles, _ := filepath.Glob("../../parser/host/testdata/bundles/*.tar.gz")
	if len(bundles) == 0 {
		t.Fatal("no bundles")
	}
	for _, dir := range traces.Folders(t) {
		bundles = append(bundles, filepath.Join(dir, "host.tar.gz"))
	}
	for _, b := range bundles {
		name := filepath.Base(b)
		if name == "host.tar.gz" {
			name = filepath.Base(filepath.Dir(b))
		}
		t.Run(name, func(t *testing.T) {
			if n := judgeDomains(t, bundleFiles(t, b)); n == 0 {
				t.Error("the bundle has no domains to judge by")
			} else {
				t.Logf("%d domains", n)
			}
		})
	}
}

// imbalance_pct of an LLC's domain is 110 only where it is the SMT level.
func TestLLCImbalancePct(t *testing.T) {
	for _, tc := range []struct {
		cores int // of an LLC
		want  int
	}{{1, 110}, {2, 117}} {
		top := Regular{Nodes: 1, Packages: 1, LLCs: 4, Cores: tc.cores, Threads: 2}.Topology()
		m := NewMachine(&top, BuildDomains(top, rules.DomainRulesFor(6, 1), cpumask.Mask{}, cpumask.Mask{}, nil), cpumask.Mask{})
		for llc := range m.NumLLC() {
			if got := m.LLCImbalancePct(llc); got != tc.want {
				t.Errorf("%d cores: %d, want %d", tc.cores, got, tc.want)
			}
		}
	}
}
