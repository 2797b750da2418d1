package place

import (
	"fmt"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// machineA is the machine of the test vectors: one socket, one LLC, four cores
// of the threads (0,4) (1,5) (2,6) (3,7), isolcpus=4-7. Their domain is MC 0-3.
func machineA(release string) *topo.Machine {
	t := topo.Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: 4, Threads: 2, Interleaved: true}.Topology()
	return machineFor(t, release, cpumask.Range(4, 7), cpumask.Mask{})
}

// column is a group of kernels that choose alike.
type column struct {
	name    string
	kernels []string
}

var vectorColumns = []column{
	{"4.18 and 4.19", []string{"4.14", "4.15", "4.16", "4.18", "4.19", "4.19.193", "4.19.325", "4.20", "5.0", "5.3"}},
	{"5.4 to 5.9", []string{"5.4", "5.4.72", "5.5", "5.6", "5.7", "5.8.16", "5.9.1"}},
	{"4.19 and 5.4 patched", []string{"4.19+smt-span", "4.19.200+smt-span", "5.4.73", "5.8.17", "5.9.2"}},
	{"5.10 and 5.11", []string{"5.10", "5.10.262", "5.11"}},
	{"5.15 to 6.0", []string{"5.15.0", "5.15.152", "5.16", "5.17", "5.18", "5.19", "6.0"}},
	{"6.1 to 6.8", []string{"6.1.0", "6.1.82", "6.2", "6.3", "6.4.1", "6.5", "6.6.22", "6.7.10", "6.8.1", "6.9-smt-span-core-span"}},
	{"SMT fix only", []string{"6.1.0+smt-span", "6.6.1+smt-span", "6.8.2-core-span", "6.12-core-span"}},
	{"both fixes", []string{"6.1.83", "6.6.23", "6.7.11", "6.8.2", "6.9", "6.10", "6.11", "6.12", "6.12.117", "6.13", "6.14", "6.15", "6.16", "6.17", "6.18", "6.19", "7.0", "7.1", "7.2", "7.3", "6.1.0+smt-span+core-span"}},
}

// The test vectors of the specification's section 7: where each kernel puts a
// task whose previous CPU is 0, woken by an interrupt over the task that runs
// there.
func TestVectors(t *testing.T) {
	type want struct {
		cpu  int
		path Path
	}
	var (
		target   = want{0, PathTarget}
		smt      = want{4, PathIdleSMT}
		fallback = want{5, PathIdleCore}
		scan3    = want{3, PathIdleCPU}
		core3    = want{3, PathIdleCore}
		stays    = want{4, PathNoLLC}
		there    = want{4, PathTargetIdle}
		itself   = want{0, PathTargetIdle}
	)
	all := func(w want) [8]want { return [8]want{w, w, w, w, w, w, w, w} }
	for _, v := range []struct {
		name  string
		state *fakeState
		tune  func(*Wakeup)
		// in the order of vectorColumns
		want [8]want
	}{
		{
			"1: housekeeping CPUs busy, isolated ones idle", newFakeState(8).idle(4, 5, 6, 7), nil,
			[8]want{smt, smt, target, target, target, smt, target, target},
		},
		{
			"2: the same, has_idle_cores stale", newFakeState(8).idle(4, 5, 6, 7).cores(yes()), nil,
			[8]want{smt, smt, target, target, fallback, fallback, fallback, target},
		},
		{
			"3: 3 is idle, the scan ends before it from 0 on", newFakeState(8).idle(3, 4).scans(exactly(3)), nil,
			[8]want{smt, smt, target, target, scan3, smt, scan3, scan3},
		},
		{
			"4: the same, the scan reaches it", newFakeState(8).idle(3, 4).scans(exactly(4)), nil,
			[8]want{scan3, scan3, scan3, scan3, scan3, smt, scan3, scan3},
		},
		{"5: core 3 is idle and advertised", newFakeState(8).idle(3, 4, 7).scans(exactly(3)).cores(yes()), nil, all(core3)},
		{"6: as 1, sibling 4 busy", newFakeState(8).idle(5, 6, 7), nil, all(target)},
		{"7: as 1, only 0-3 allowed", newFakeState(8).idle(4, 5, 6, 7), func(w *Wakeup) { w.Allowed = cpumask.Range(0, 3) }, all(target)},
		{"8: the task is on isolated 4, busy", newFakeState(8), func(w *Wakeup) { w.This, w.Prev, w.RecentUsed = 1, []int{4}, []int{4} }, all(stays)},
		{"8: the task is on isolated 4, idle", newFakeState(8).idle(4), func(w *Wakeup) { w.This, w.Prev, w.RecentUsed = 1, []int{4}, []int{4} }, all(there)},
		{
			"9: the waker is on isolated 5", newFakeState(8).idle(3, 4).scans(exactly(3)), func(w *Wakeup) { w.This = 5 },
			[8]want{smt, smt, target, target, target, smt, scan3, scan3},
		},
		{
			"10: as 1, 0 runs SCHED_IDLE tasks only", newFakeState(8).idle(4, 5, 6, 7).schedIdle(0), nil,
			[8]want{smt, itself, itself, itself, itself, itself, itself, itself},
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			for i, col := range vectorColumns {
				for _, k := range col.kernels {
					expect := v.want[i]
					if i == 2 && k[:2] == "4." && expect == itself {
						expect = target // sched_idle_cpu is 5.4's
					}
					w := wakeupOf(8, 0, 0)
					if v.tune != nil {
						v.tune(w)
					}
					o := selectOn(machineA(k), kernelRules(t, k), v.state, w)
					if o.CPU != expect.cpu || o.Path != expect.path {
						t.Errorf("%s (%s): CPU %d by %s, want %d by %s", k, col.name, o.CPU, o.Path, expect.cpu, expect.path)
					}
				}
			}
		})
	}
}

// 5.12 has no sibling test, 5.13 and 5.14 ask prev's siblings within the domain, and all
// scan from the target on, for a core and for a CPU in one walk whose fallback may lie
// outside the domain (9fe1f127b913, 6cd56ef1df39, c722f35b513f).
func TestVectorsOfMergedScan(t *testing.T) {
	for _, v := range []struct {
		name  string
		state *fakeState
		this  int
		cpu   int
		path  Path
	}{
		{"1", newFakeState(8).idle(4, 5, 6, 7), 0, 0, PathTarget},
		{"2: the walk begins at the target, whose sibling it meets first", newFakeState(8).idle(4, 5, 6, 7).cores(yes()), 0, 4, PathIdleCore},
		{"3: the scan ends before 3", newFakeState(8).idle(3, 4).scans(exactly(3)), 0, 0, PathTarget},
		{"4", newFakeState(8).idle(3, 4).scans(exactly(4)), 0, 3, PathIdleCPU},
		{"5", newFakeState(8).idle(3, 4, 7).scans(exactly(3)).cores(yes()), 0, 3, PathIdleCore},
		{"6", newFakeState(8).idle(5, 6, 7), 0, 0, PathTarget},
		{"9: this CPU has no sd_llc", newFakeState(8).idle(3, 4).scans(exactly(3)), 5, 0, PathTarget},
	} {
		for _, k := range []string{"5.12", "5.13", "5.14"} {
			w := wakeupOf(8, 0, 0)
			w.This = v.this
			if o := selectOn(machineA(k), kernelRules(t, k), v.state, w); o.CPU != v.cpu || o.Path != v.path {
				t.Errorf("%s, vector %s: CPU %d by %s, want %d by %s", k, v.name, o.CPU, o.Path, v.cpu, v.path)
			}
		}
	}
}

// A failed core scan withdraws has_idle_cores of the LLC that the row names.
func TestVectorClearsIdleCores(t *testing.T) {
	st := newFakeState(8).idle(4, 5, 6, 7).cores(yes())
	for _, k := range []string{"4.19", "5.10", "5.12", "5.13", "5.15", "6.1", "6.12"} {
		o := selectOn(machineA(k), kernelRules(t, k), st, wakeupOf(8, 0, 0))
		if o.ClearIdleCores != 0 || o.IdleCores != 1 {
			t.Errorf("%s: clears %d after reading %d, want 0 after 1", k, o.ClearIdleCores, o.IdleCores)
		}
	}
	// With a budget of 0 SIS_UTIL does not scan, and leaves the flag alone.
	for _, k := range []string{"6.0", "6.1", "6.6", "6.12"} {
		o := selectOn(machineA(k), kernelRules(t, k), st.clone().scans(exactly(0)), wakeupOf(8, 0, 0))
		if o.ClearIdleCores != -1 || o.CPU != 0 {
			t.Errorf("%s with nr_idle_scan 0: CPU %d, clears %d", k, o.CPU, o.ClearIdleCores)
		}
	}
}

// 5.12 clears the flag of the waker's LLC, which is another one here.
func TestClearThis(t *testing.T) {
	top := topo.Regular{Nodes: 1, Packages: 1, LLCs: 2, Cores: 2, Threads: 2}.Topology()
	st := newFakeState(8).cores(yes())
	w := wakeupOf(8, 0, 6)
	w.Cur.Flips, w.Flips = []Weighted{{100, 1}}, []Weighted{{10, 1}} // wide: the target is prev
	for k, want := range map[string]int{"5.11": 6, "5.12": 0, "5.13": 6, "5.15": 6, "6.12": 6} {
		o := selectOn(machineFor(top, k, cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, k), st, w)
		if o.ClearIdleCores != want || o.CPU != 6 {
			t.Errorf("%s: CPU %d, clears that of %d, want 6 and %d", k, o.CPU, o.ClearIdleCores, want)
		}
	}
}

// The machine of the incident, 42 and 43 being one core: with every
// housekeeping CPU of the LLC busy only the sibling test sends ksmd to 43.
func TestIncident(t *testing.T) {
	top := topo.Regular{Nodes: 1, Packages: 1, LLCs: 11, Cores: 2, Threads: 2}.Topology()
	st := newFakeState(44).idle(43, 7, 8)
	for k, want := range map[string]int{
		"4.19": 43, "4.19+smt-span": 42, "5.4.72": 43, "5.4.73": 42, "5.10": 42, "5.15": 42,
		"6.1.82": 43, "6.1.83": 42, "6.6.22": 43, "6.6.23": 42, "6.12": 42,
	} {
		m := machineFor(top, k, cpumask.Of(43), cpumask.Mask{})
		if o := selectOn(m, kernelRules(t, k), st, wakeupOf(44, 42, 42)); o.CPU != want {
			t.Errorf("%s: CPU %d by %s, want %d", k, o.CPU, o.Path, want)
		}
		// Once there it stays, fixed or not.
		for _, busy := range []bool{false, true} {
			at := st.clone()
			if busy {
				at.cpu[43] = at.cpu[0]
			}
			if o := selectOn(m, kernelRules(t, k), at, wakeupOf(44, 42, 43)); o.CPU != 43 {
				t.Errorf("%s, task on 43, busy %v: CPU %d by %s", k, busy, o.CPU, o.Path)
			}
		}
	}
}

func ExampleSelector() {
	// A wakeup whose waker may or may not have passed WF_SYNC, on an LLC without
	// an idle CPU.
	m, k := machineA("6.12"), "6.12"
	kernel, _ := rules.ParseKernel(k, "")
	s := Selector{Rules: &kernel.Rules, Machine: m, State: newFakeState(8)}
	w := wakeupOf(8, 1, 2)
	w.Sync = explore.Either(false, 0)
	var x explore.Explorer
	complete := x.Explore(64, func() {
		o := s.Select(&x, w)
		fmt.Println(o.CPU, o.Path, o.Sync)
	})
	fmt.Println(complete)
	// Output:
	// 2 target 0
	// 1 target 1
	// true
}
