package topo

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
)

// describe writes one CPU's domains on a line each.
func describe(d *Domains, r *rules.DomainRules, cpu int) string {
	var b strings.Builder
	c := d.CPU[cpu]
	for _, sd := range c.SD {
		fmt.Fprintf(&b, "%s %s pct %d weight %d imb %d:", sd.Name, sd.Span, sd.ImbalancePct, sd.Weight, sd.ImbNUMA)
		for _, g := range sd.Groups {
			fmt.Fprintf(&b, " {%s}", g.Span)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "llc %d id %d size %d share %d root %d\n", c.LLC, c.LLCID, c.LLCSize, c.ShareID, c.Root)
	return b.String()
}

func TestDomainsOfOneCPU(t *testing.T) {
	smt8 := Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: 4, Threads: 2}
	interleaved := Regular{Nodes: 1, Packages: 1, LLCs: 2, Cores: 2, Threads: 2, Interleaved: true}
	line := Regular{Nodes: 4, Packages: 1, LLCs: 1, Cores: 1, Threads: 1, Distances: [][]int{{10, 20, 30, 40}, {20, 10, 20, 30}, {30, 20, 10, 20}, {40, 30, 20, 10}}}
	square := line
	square.Distances = [][]int{{10, 20, 20, 30}, {20, 10, 20, 20}, {20, 20, 10, 20}, {30, 20, 20, 10}}
	for name, tc := range map[string]struct {
		m               Topology
		release         [2]int
		isolated, later cpumask.Mask
		islands         []cpumask.Mask
		cpu             int
		want            string
	}{
		"SMT and MC": {m: smt8.Topology(), release: [2]int{6, 1}, isolated: cpumask.Of(3), cpu: 4, want: `
SMT 4-5 pct 110 weight 2 imb 0: {4} {5}
MC 0-2,4-7 pct 117 weight 8 imb 0: {4-5} {6-7} {0-1} {2}
llc 1 id 0 size 7 share 0 root 0
`},
		"sibling of an isolated CPU": {m: smt8.Topology(), release: [2]int{6, 1}, isolated: cpumask.Of(3), cpu: 2, want: `
MC 0-2,4-7 pct 117 weight 8 imb 0: {2} {4-5} {6-7} {0-1}
llc 0 id 0 size 7 share 0 root 0
`},
		"isolated at boot":      {m: smt8.Topology(), release: [2]int{6, 12}, isolated: cpumask.Of(3), cpu: 3, want: "\nllc -1 id 0 size 0 share 0 root -1\n"},
		"isolated later":        {m: smt8.Topology(), release: [2]int{6, 12}, isolated: cpumask.Of(3), later: cpumask.Of(3), cpu: 3, want: "\nllc -1 id 3 size 1 share 3 root -1\n"},
		"isolated at boot, 7.2": {m: smt8.Topology(), release: [2]int{7, 2}, isolated: cpumask.Of(3), cpu: 3, want: "\nllc -1 id -1 size 0 share 0 root -1\n"},
		"isolated later, 7.2":   {m: smt8.Topology(), release: [2]int{7, 2}, isolated: cpumask.Of(3), later: cpumask.Of(3), cpu: 3, want: "\nllc -1 id 0 size 1 share 3 root -1\n"},
		"alone in its map":      {m: smt8.Topology(), release: [2]int{6, 12}, isolated: cpumask.Range(1, 7), cpu: 0, want: "\nllc -1 id 0 size 1 share 0 root 0\n"},
		"in no island":          {m: smt8.Topology(), release: [2]int{6, 12}, islands: []cpumask.Mask{cpumask.Range(0, 3)}, cpu: 5, want: "\nllc -1 id 5 size 1 share 5 root -1\n"},
		"in a small island": {m: smt8.Topology(), release: [2]int{6, 12}, islands: []cpumask.Mask{cpumask.Range(0, 3), cpumask.Range(4, 7)}, cpu: 5, want: `
SMT 4-5 pct 110 weight 2 imb 0: {5} {4}
MC 4-7 pct 117 weight 8 imb 0: {4-5} {6-7}
llc 1 id 4 size 4 share 4 root 1
`},
		"two LLCs, threads apart": {m: interleaved.Topology(), release: [2]int{6, 12}, cpu: 6, want: `
SMT 2,6 pct 110 weight 2 imb 0: {6} {2}
MC 2-3,6-7 pct 117 weight 4 imb 0: {2,6} {3,7}
PKG 0-7 pct 117 weight 8 imb 2: {2-3,6-7} {0-1,4-5}
llc 1 id 2 size 4 share 2 root 0
`},
		"before 5.10": {m: interleaved.Topology(), release: [2]int{4, 19}, cpu: 0, want: `
SMT 0,4 pct 110 weight 2 imb 0: {0} {4}
MC 0-1,4-5 pct 117 weight 4 imb 0: {0,4} {1,5}
DIE 0-7 pct 125 weight 8 imb 0: {0-1,4-5} {2-3,6-7}
llc 1 id 0 size 4 share 0 root 0
`},
		// Machines that the kernel's comments work through, from 5.13 on and before:
		// groups that stick out of the span were the error then.
		"a line of nodes, end": {m: line.Topology(), release: [2]int{6, 1}, cpu: 0, want: `
NUMA 0-1 pct 117 weight 2 imb 1: {0} {1}
NUMA 0-2 pct 117 weight 3 imb 1: {0-1} {2}
NUMA 0-3 pct 117 weight 4 imb 2: {0-2} {1-3}
llc -1 id 0 size 1 share 0 root 0
`},
		"a line of nodes, middle": {m: line.Topology(), release: [2]int{6, 1}, cpu: 2, want: `
NUMA 1-3 pct 117 weight 3 imb 1: {2} {3} {1}
NUMA 0-3 pct 117 weight 4 imb 1: {1-3} {0-1}
llc -1 id 2 size 1 share 2 root 0
`},
		"a line of nodes, 5.12": {m: line.Topology(), release: [2]int{5, 12}, cpu: 0, want: `
NUMA 0-1 pct 117 weight 2 imb 0: {0} {1}
NUMA 0-2 pct 117 weight 3 imb 0: {0-1} {1-3}
NUMA 0-3 pct 117 weight 4 imb 0: {0-2} {1-3}
llc -1 id 0 size 1 share 0 root 0
`},
		"an asymmetric square, corner": {m: square.Topology(), release: [2]int{6, 1}, cpu: 0, want: `
NUMA 0-2 pct 117 weight 3 imb 1: {0} {1} {2}
NUMA 0-3 pct 117 weight 4 imb 1: {0-2} {1-3}
llc -1 id 0 size 1 share 0 root 0
`},
		"an asymmetric square, centre": {m: square.Topology(), release: [2]int{6, 1}, cpu: 1, want: `
NUMA 0-3 pct 117 weight 4 imb 1: {1} {2} {3} {0}
llc -1 id 1 size 1 share 1 root 0
`},
	} {
		t.Run(name, func(t *testing.T) {
			r := rules.DomainRulesFor(tc.release[0], tc.release[1])
			d := BuildDomains(tc.m, r, tc.isolated, tc.later, tc.islands)
			if diff := cmp.Diff(strings.TrimPrefix(tc.want, "\n"), describe(d, &r, tc.cpu)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// From 7.2 on the ids are given out cache by cache, in the order of the CPUs, to
// those that were in a map once; who leaves keeps the id.
func TestAllocatedLLCIDs(t *testing.T) {
	m := Regular{Nodes: 1, Packages: 1, LLCs: 3, Cores: 2, Threads: 1}.Topology()
	for _, tc := range []struct {
		isolated, later cpumask.Mask
		want            []int
	}{
		{want: []int{0, 0, 1, 1, 2, 2}},
		{isolated: cpumask.Of(1), want: []int{0, -1, 1, 1, 2, 2}},
		{isolated: cpumask.Of(0, 1), want: []int{-1, -1, 0, 0, 1, 1}},
		{isolated: cpumask.Of(1, 2), later: cpumask.Of(2), want: []int{0, -1, 1, 1, 2, 2}},
	} {
		d := BuildDomains(m, rules.DomainRulesFor(7, 2), tc.isolated, tc.later, nil)
		var got []int
		for i := range d.CPU {
			got = append(got, d.CPU[i].LLCID)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("isolated %s, later %s, -want +got:\n%s", tc.isolated, tc.later, diff)
		}
	}
	// Islands that divide a cache share its id, and have an LLC each.
	islands := []cpumask.Mask{cpumask.Range(0, 1), cpumask.Range(2, 3)}
	one := Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: 4, Threads: 1}.Topology()
	x := NewMachine(&one, BuildDomains(one, rules.DomainRulesFor(7, 2), cpumask.Mask{}, cpumask.Mask{}, islands), cpumask.Mask{})
	if x.NumLLC() != 2 || !x.ShareCache(0, 3) || x.LLC(0) == x.LLC(3) {
		t.Errorf("%d LLCs, 0 and 3 share: %v", x.NumLLC(), x.ShareCache(0, 3))
	}
}

// sd_llc_id and cpus_share_cache around isolated CPUs:
// docs/kernel/sched-domains.md#llc-variables.
func TestLLCIDsWithIsolatedCPU0(t *testing.T) {
	m := Regular{Nodes: 1, Packages: 1, LLCs: 2, Cores: 2, Threads: 1}.Topology()
	d := BuildDomains(m, rules.DomainRulesFor(6, 1), cpumask.Of(0, 3), cpumask.Mask{}, nil)
	var got []int
	for _, c := range d.CPU {
		got = append(got, c.LLCID, c.LLCSize)
	}
	// 1 and 2 are each alone in their LLC; 0 and 3 share with nobody but each other.
	if want := []int{0, 0, 1, 1, 2, 1, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("ids and sizes %v, want %v", got, want)
	}
}

func TestSDFlagNames(t *testing.T) {
	m := Regular{Nodes: 2, Packages: 1, LLCs: 1, Cores: 2, Threads: 2, Distances: [][]int{{10, 31}, {31, 10}}}.Topology()
	for release, want := range map[[2]int][]string{
		{4, 19}: {
			"SMT SD_LOAD_BALANCE SD_BALANCE_NEWIDLE SD_BALANCE_EXEC SD_BALANCE_FORK SD_WAKE_AFFINE SD_SHARE_CPUCAPACITY SD_SHARE_PKG_RESOURCES SD_PREFER_SIBLING",
			"MC SD_LOAD_BALANCE SD_BALANCE_NEWIDLE SD_BALANCE_EXEC SD_BALANCE_FORK SD_WAKE_AFFINE SD_SHARE_PKG_RESOURCES SD_PREFER_SIBLING",
			"NUMA SD_LOAD_BALANCE SD_BALANCE_NEWIDLE SD_SERIALIZE SD_OVERLAP SD_NUMA",
		},
		{6, 12}: {
			"SMT SD_BALANCE_NEWIDLE SD_BALANCE_EXEC SD_BALANCE_FORK SD_WAKE_AFFINE SD_SHARE_CPUCAPACITY SD_SHARE_LLC SD_PREFER_SIBLING",
			"MC SD_BALANCE_NEWIDLE SD_BALANCE_EXEC SD_BALANCE_FORK SD_WAKE_AFFINE SD_SHARE_LLC SD_PREFER_SIBLING",
			"NUMA SD_BALANCE_NEWIDLE SD_SERIALIZE SD_OVERLAP SD_NUMA",
		},
	} {
		r := rules.DomainRulesFor(release[0], release[1])
		var got []string
		for _, sd := range BuildDomains(m, r, cpumask.Mask{}, cpumask.Mask{}, nil).CPU[0].SD {
			got = append(got, sd.Name+" "+strings.Join(r.FlagNames(sd.Flags), " "))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%v: -want +got:\n%s", release, d)
		}
	}
}

// A cluster between core and LLC gives CLS and sd_share_id where the kernel has
// them.
func TestClusterDomains(t *testing.T) {
	m := Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: 4, Threads: 2}.Topology()
	for i := range m.CPU {
		m.CPU[i].Cluster = cpumask.Range(i/4*4, i/4*4+3)
	}
	for release, want := range map[[2]int]string{
		{5, 15}: "SMT MC share 0 active false",
		{6, 1}:  "SMT CLS MC share 0 active false",
		{6, 12}: "SMT CLS MC share 4 active true",
	} {
		d := BuildDomains(m, rules.DomainRulesFor(release[0], release[1]), cpumask.Mask{}, cpumask.Mask{}, nil)
		got := ""
		for _, sd := range d.CPU[5].SD {
			got += sd.Name + " "
		}
		got += fmt.Sprintf("share %d active %v", d.CPU[5].ShareID, d.ClusterActive)
		if got != want {
			t.Errorf("%v: %s, want %s", release, got, want)
		}
	}
	r := rules.DomainRulesFor(6, 12).WithoutLevel(rules.LevelCluster)
	if d := BuildDomains(m, r, cpumask.Mask{}, cpumask.Mask{}, nil); len(d.CPU[0].SD) != 2 || d.ClusterActive {
		t.Errorf("without CONFIG_SCHED_CLUSTER: %+v", d.CPU[0].SD)
	}
}

func TestAsymmetricCapacities(t *testing.T) {
	m := Regular{Nodes: 1, Packages: 1, LLCs: 2, Cores: 2, Threads: 1}.Topology()
	m.X86 = false
	for i := range m.CPU {
		m.CPU[i].Package = cpumask.Range(0, 3)
		m.CPU[i].Cluster = cpumask.Mask{}
		m.CPU[i].Capacity = 446
		if i >= 2 {
			m.CPU[i].Capacity = 1024
		}
	}
	for release, want := range map[[2]int]string{
		{4, 19}: "MC:false,false PKG:false,false at -1",
		{5, 4}:  "MC:false,false PKG:true,false at 1",
		{6, 1}:  "MC:false,false PKG:true,true at 1",
	} {
		d := BuildDomains(m, rules.DomainRulesFor(release[0], release[1]), cpumask.Mask{}, cpumask.Mask{}, nil)
		got := ""
		for _, sd := range d.CPU[0].SD {
			name := sd.Name
			if name == "DIE" {
				name = "PKG"
			}
			got += fmt.Sprintf("%s:%v,%v ", name, sd.Flags&rules.SDAsymCPUCapacity != 0, sd.Flags&rules.SDAsymCPUCapacityFull != 0)
		}
		got += fmt.Sprintf("at %d", d.CPU[0].AsymCapacity)
		if got != want {
			t.Errorf("%v: %s, want %s", release, got, want)
		}
		if prefer := d.CPU[0].SD[0].Flags&rules.SDPreferSibling != 0; prefer != (release == [2]int{4, 19}) {
			t.Errorf("%v: SD_PREFER_SIBLING below is %v", release, prefer)
		}
	}
}

func TestNUMAType(t *testing.T) {
	for want, dist := range map[NUMAType][][]int{
		NUMADirect:       {{10, 20, 20}, {20, 10, 20}, {20, 20, 10}},
		NUMAGluelessMesh: {{10, 20, 30}, {20, 10, 20}, {30, 20, 10}},
		NUMABackplane:    {{10, 15, 30, 30}, {15, 10, 30, 30}, {30, 30, 10, 15}, {30, 30, 15, 10}},
	} {
		m := Regular{Nodes: len(dist), Packages: 1, LLCs: 1, Cores: 1, Threads: 1, Distances: dist}.Topology()
		if got := BuildDomains(m, rules.DomainRulesFor(6, 1), cpumask.Mask{}, cpumask.Mask{}, nil).NUMAType; got != want {
			t.Errorf("%v: %v, want %v", dist, got, want)
		}
	}
}

// Masks that overlap in part leave newer kernels without domains; older ones
// build something, and the model comes back.
func TestInsaneMasks(t *testing.T) {
	m := Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: 6, Threads: 1}.Topology()
	for i := range m.CPU {
		m.CPU[i].LLC = cpumask.Range(max(0, i-1), min(5, i+1))
	}
	d := BuildDomains(m, rules.DomainRulesFor(6, 1), cpumask.Mask{}, cpumask.Mask{}, nil)
	if len(d.CPU[0].SD) != 0 || len(d.Notes) != 1 || d.CPU[3].LLCSize != 0 {
		t.Errorf("%+v %+v", d.CPU[0], d.Notes)
	}
	if d = BuildDomains(m, rules.DomainRulesFor(4, 19), cpumask.Mask{}, cpumask.Mask{}, nil); len(d.CPU[0].SD) == 0 {
		t.Error("4.19 builds no domains")
	}
}

// randomMachine draws a machine, regular or with every mask at random.
func randomMachine(t *rapid.T) Topology {
	n := rapid.IntRange(1, 3)
	s := Regular{
		Nodes: rapid.IntRange(1, 5).Draw(t, "nodes"), Packages: n.Draw(t, "packages"), LLCs: n.Draw(t, "llcs"),
		Cores: n.Draw(t, "cores"), Threads: n.Draw(t, "threads"), Interleaved: rapid.Bool().Draw(t, "interleaved"),
	}
	if rapid.Bool().Draw(t, "distances") {
		s.Distances = make([][]int, s.Nodes)
		for i := range s.Distances {
			s.Distances[i] = make([]int, s.Nodes)
			s.Distances[i][i] = 10
			for j := range i {
				d := rapid.IntRange(1, 5).Draw(t, "distance")*5 + 10
				s.Distances[i][j], s.Distances[j][i] = d, d
			}
		}
	}
	m := s.Topology()
	ncpu := len(m.CPU)
	m.X86 = rapid.Bool().Draw(t, "x86")
	m.Hybrid, m.ITMT = rapid.Bool().Draw(t, "hybrid"), rapid.Bool().Draw(t, "itmt")
	for i := range m.CPU {
		if rapid.IntRange(0, 4).Draw(t, "capacity") == 0 {
			m.CPU[i].Capacity = 512
		}
	}
	off := randomMask(t, ncpu, "offline")
	if !m.Online.SubsetOf(off) {
		m.Possible, m.Online = m.Online, m.Online.AndNot(off)
	}
	return m
}

func randomMask(t *rapid.T, n int, label string) cpumask.Mask {
	return cpumask.Of(rapid.SliceOfN(rapid.IntRange(0, n), 0, 6).Draw(t, label)...)
}

func randomRules(t *rapid.T) rules.DomainRules {
	releases := [][2]int{{3, 16}, {4, 14}, {4, 18}, {4, 19}, {4, 20}, {5, 4}, {5, 8}, {5, 10}, {5, 12}, {5, 13}, {5, 15}, {5, 18}, {6, 1}, {6, 6}, {6, 12}, {7, 0}}
	v := rapid.SampledFrom(releases).Draw(t, "release")
	return rules.DomainRulesFor(v[0], v[1])
}

// What holds of every set of domains the kernel builds.
func TestDomainProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, r := randomMachine(t), randomRules(t)
		ncpu := len(m.CPU)
		isolated := randomMask(t, ncpu, "isolated")
		later := randomMask(t, ncpu, "later").And(isolated)
		var islands []cpumask.Mask
		if rapid.Bool().Draw(t, "islands") {
			cut := rapid.IntRange(0, ncpu).Draw(t, "cut")
			islands = []cpumask.Mask{cpumask.Range(0, cut-1), cpumask.Range(cut, ncpu-1)}
		}
		d := BuildDomains(m, r, isolated, later, islands)
		if len(d.CPU) != m.NumCPU() {
			t.Fatalf("%d CPUs, want %d", len(d.CPU), m.NumCPU())
		}
		for cpu := range d.CPU {
			checkCPUDomains(t, &m, d, cpu, isolated, later)
		}
		again := BuildDomains(m, r, isolated, later, islands)
		if fmt.Sprint(d) != fmt.Sprint(again) {
			t.Fatal("two runs differ")
		}
	})
}

func checkCPUDomains(t *rapid.T, m *Topology, d *Domains, cpu int, isolated, later cpumask.Mask) {
	c := &d.CPU[cpu]
	in := func(list []cpumask.Mask) int {
		for i, r := range list {
			if r.Test(cpu) {
				return i
			}
		}
		return -1
	}
	if root := in(d.Roots); root != c.Root {
		t.Fatalf("CPU %d: root %d, in the span of %d", cpu, c.Root, root)
	}
	housekeeping := m.Online.Test(cpu) && !isolated.Test(cpu)
	switch {
	case !housekeeping && len(c.SD) > 0:
		t.Fatalf("CPU %d is isolated or offline and has domains", cpu)
	case m.Online.Test(cpu) && later.Test(cpu) && (c.LLCID != cpu || c.LLCSize != 1):
		t.Fatalf("CPU %d left later: id %d size %d", cpu, c.LLCID, c.LLCSize)
	case m.Online.Test(cpu) && isolated.AndNot(later).Test(cpu) && (c.LLCID != 0 || c.LLCSize != 0 || c.ShareID != 0):
		t.Fatalf("CPU %d isolated at boot: id %d size %d", cpu, c.LLCID, c.LLCSize)
	}
	var below cpumask.Mask
	for i := range c.SD {
		sd := &c.SD[i]
		switch {
		case !sd.Span.Test(cpu):
			t.Fatalf("CPU %d: %s %s is without it", cpu, sd.Name, sd.Span)
		case sd.Span.Intersects(isolated) || !sd.Span.SubsetOf(d.Roots[c.Root]):
			t.Fatalf("CPU %d: %s %s leaves the map %s", cpu, sd.Name, sd.Span, d.Roots[c.Root])
		case !below.SubsetOf(sd.Span) || i > 0 && below.Equal(sd.Span) && sd.Flags&^c.SD[i-1].Flags == 0:
			t.Fatalf("CPU %d: %s %s over %s", cpu, sd.Name, sd.Span, below)
		case sd.Span.Weight() < 2 || len(sd.Groups) == 0 || !sd.Groups[0].Span.Test(cpu):
			t.Fatalf("CPU %d: %s %s with groups %v", cpu, sd.Name, sd.Span, sd.Groups)
		case sd.Weight < sd.Span.Weight() && sd.Kind != rules.LevelNUMA && sd.Kind != rules.LevelNode:
			t.Fatalf("CPU %d: %s %s has topology weight %d", cpu, sd.Name, sd.Span, sd.Weight)
		}
		below = sd.Span
		var covered cpumask.Mask
		for _, g := range sd.Groups {
			if sd.Flags&rules.SDOverlap == 0 && sd.Kind != rules.LevelNUMA {
				if covered.Intersects(g.Span) || !g.Span.SubsetOf(sd.Span) {
					t.Fatalf("CPU %d: the groups of %s %s do not part it: %v", cpu, sd.Name, sd.Span, sd.Groups)
				}
				if g.BalanceMask.Empty() {
					t.Fatalf("CPU %d: group %s of %s without balance mask", cpu, g.Span, sd.Name)
				}
			}
			covered = covered.Or(g.Span)
		}
		if !sd.Span.SubsetOf(covered) {
			t.Fatalf("CPU %d: the groups of %s %s cover %s", cpu, sd.Name, sd.Span, covered)
		}
	}
	if n := len(c.SD); housekeeping && n > 0 && c.Root >= 0 && sane(d) && !c.SD[n-1].Span.Equal(d.Roots[c.Root]) && fullyLinked(m) {
		t.Fatalf("CPU %d: the highest domain spans %s of %s", cpu, c.SD[n-1].Span, d.Roots[c.Root])
	}
	if c.LLC >= 0 {
		llc := c.SD[c.LLC].Span
		for other := range llc.All() {
			if d.CPU[other].LLCID != c.LLCID || d.CPU[other].LLCSize != llc.Weight() {
				t.Fatalf("CPUs %d and %d share an LLC but not its id", cpu, other)
			}
		}
	}
}

func sane(d *Domains) bool { return len(d.Notes) == 0 }

// fullyLinked: every distance counts, so the highest NUMA level spans all.
func fullyLinked(m *Topology) bool { return len(m.Node) <= 2 }

// Masks of any kind make no panic and no endless loop.
func TestDomainsOfNonsense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const ncpu = 12
		m := Topology{X86: rapid.Bool().Draw(t, "x86"), Possible: randomMask(t, ncpu, "possible"), Online: randomMask(t, ncpu, "online"), Active: randomMask(t, ncpu, "active")}
		for range rapid.IntRange(0, ncpu).Draw(t, "cpus") {
			m.CPU = append(m.CPU, CPUTopology{
				SMT: randomMask(t, ncpu, "smt"), Cluster: randomMask(t, ncpu, "cluster"), LLC: randomMask(t, ncpu, "llc"),
				Package: randomMask(t, ncpu, "package"), Capacity: rapid.IntRange(-1, 3).Draw(t, "capacity"),
			})
		}
		for id := range rapid.IntRange(0, 4).Draw(t, "nodes") {
			m.Node = append(m.Node, NUMANode{
				ID: id, CPUs: randomMask(t, ncpu, "node"), Distance: rapid.SliceOfN(rapid.IntRange(-5, 300), 0, 5).Draw(t, "distance"),
			})
		}
		r := randomRules(t)
		if rapid.Bool().Draw(t, "cut") {
			r = r.WithoutLevel(rules.DomainLevel(rapid.IntRange(0, 3).Draw(t, "level")))
		}
		BuildDomains(m, r, randomMask(t, ncpu, "isolated"), randomMask(t, ncpu, "later"), []cpumask.Mask{randomMask(t, ncpu, "a"), randomMask(t, ncpu, "b")})
	})
}

// A CPU's package may hold another CPU whose own domains end below that level:
// the group of that one holds it alone.
func TestDomainsEndBelow(t *testing.T) {
	m := Topology{CPU: make([]CPUTopology, 12), Online: cpumask.Of(10, 12)}
	m.CPU[10].Package = cpumask.Of(12)
	d := BuildDomains(m, rules.DomainRulesFor(3, 16), cpumask.Mask{}, cpumask.Mask{}, nil)
	if n := len(d.CPU); n != 13 {
		t.Errorf("%d CPUs, want 13", n)
	}
}

func BenchmarkBuildDomains(b *testing.B) {
	m := Regular{Nodes: 4, Packages: 1, LLCs: 4, Cores: 16, Threads: 2}.Topology()
	r := rules.DomainRulesFor(6, 12)
	for b.Loop() {
		BuildDomains(m, r, cpumask.Of(43), cpumask.Mask{}, nil)
	}
}
