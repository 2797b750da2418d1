package place

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// fork is the placement of a new task of the parent's CPU.
func fork(n, this int) *Wakeup {
	w := wakeupOf(n, this, this)
	w.Kind = KindWakeupNew
	w.Load, w.Util = exactly(1024), exactly(256)
	return w
}

// firstOf is the preferred outcome.
func firstOf(m *topo.Machine, r *rules.Rules, st State, w *Wakeup) Outcome {
	runs, _ := exploreOn(m, r, st, w, 1)
	return runs[0]
}

// Which group a fork goes to, in the three forms of find_idlest_group.
func TestFindIdlestGroup(t *testing.T) {
	old, mid, types := []string{"3.10", "4.3"}, []string{"4.9", "4.19", "5.4"}, []string{"5.5", "5.10", "5.17", "6.1", "6.12"}
	all := append(append(append([]string{}, old...), mid...), types...)
	for _, tc := range []struct {
		name    string
		kernels []string
		tune    func(*fakeState)
		llc     int // of the choice
	}{
		{"the other LLC is idle, this one busy", all, func(s *fakeState) { s.idle(4, 5, 6, 7) }, 1},
		{"this LLC is idle, the other busy", all, func(s *fakeState) { s.idle(0, 1, 2, 3) }, 0},
		{"everything idle: stay", types, func(s *fakeState) { s.idle(0, 1, 2, 3, 4, 5, 6, 7) }, 0},
		{"one idle CPU more there", types, func(s *fakeState) { s.idle(2, 3, 5, 6, 7) }, 1},
		{"as many there: stay", types, func(s *fakeState) { s.idle(2, 3, 6, 7) }, 0},
		{"overloaded here, fully busy there", types, func(s *fakeState) {
			for c := range 8 {
				s.cpu[c].nr, s.cpu[c].util, s.cpu[c].runAvg, s.cpu[c].load = exactly(1), exactly(1024), exactly(1024), exactly(1024)
			}
			for c := range 4 {
				s.cpu[c].nr, s.cpu[c].runAvg, s.cpu[c].load = exactly(3), exactly(3000), exactly(3072)
			}
		}, 1},
		{"both fully busy, a little less load there: stay", types, func(s *fakeState) {
			for c := range 8 {
				s.cpu[c].nr, s.cpu[c].util, s.cpu[c].runAvg, s.cpu[c].load = exactly(1), exactly(1024), exactly(1200), exactly(1024)
			}
			s.cpu[7].load = exactly(900)
		}, 0},
	} {
		for _, k := range tc.kernels {
			m := machineFor(twoLLCs(), k, cpumask.Mask{}, cpumask.Mask{})
			st := newFakeState(8)
			tc.tune(st)
			o := firstOf(m, kernelRules(t, k), st, fork(8, 1))
			if o.Path != PathSlow || o.CPU/4 != tc.llc {
				t.Errorf("%s, %s: CPU %d by %s, want one of LLC %d", k, tc.name, o.CPU, o.Path, tc.llc)
			}
		}
	}
}

// Keeping a new task on its node although others are idler: as long as a CPU
// there is idle up to 5.10, a quarter of the domain's CPUs runs nothing up to
// 5.17, imb_numa_nr tasks run later.
func TestFindIdlestNUMA(t *testing.T) {
	top := topo.Regular{Nodes: 2, Packages: 1, LLCs: 1, Cores: 8, Threads: 1}.Topology()
	for _, tc := range []struct {
		kernel string
		busy   int // CPUs of node 0 that run a task; node 1 is idle
		stays  bool
	}{
		{"5.5", 7, true},
		{"5.10", 7, true},
		{"5.10", 8, false},
		{"5.11", 3, true},
		{"5.11", 4, false},
		{"5.17", 3, true},
		{"5.17", 4, false},
		{"5.18", 1, true},
		{"5.18", 3, false}, // the gap of idle CPUs is more than two
		{"6.12", 0, true},
		{"6.12", 2, false},
	} {
		st := newFakeState(16)
		for c := tc.busy; c < 16; c++ {
			st.idle(c)
		}
		m := machineFor(top, tc.kernel, cpumask.Mask{}, cpumask.Mask{})
		if o := firstOf(m, kernelRules(t, tc.kernel), st, fork(16, 0)); (o.CPU < 8) != tc.stays {
			t.Errorf("%s, %d of 8 busy: CPU %d, want stays %v", tc.kernel, tc.busy, o.CPU, tc.stays)
		}
	}
}

// Whose CPUs speak for a group: all of it, or since 82d6e01a0699 those that the task may
// use. The other LLC is idle but for the one CPU of it that the task may use.
func TestGroupAllowed(t *testing.T) {
	for _, tc := range []struct {
		kernel string
		goes   bool
	}{
		{"4.19", true},
		{"5.10.260", true},
		{"5.10.261", false},
		{"6.1.176", true},
		{"6.1.192", false},
		{"6.12.96", true},
		{"6.12.97", false},
		{"6.19", false},
	} {
		m := machineFor(twoLLCs(), tc.kernel, cpumask.Mask{}, cpumask.Mask{})
		st := newFakeState(8).idle(3, 5, 6, 7)
		w := fork(8, 1)
		w.Allowed = cpumask.Range(0, 4)
		if o := firstOf(m, kernelRules(t, tc.kernel), st, w); (o.CPU == 4) != tc.goes {
			t.Errorf("%s: CPU %d, want 4 %v", tc.kernel, o.CPU, tc.goes)
		}
	}
}

// From 4.9 to 5.4 a task that executes goes where most capacity is spare, which need not
// be the group with least load.
func TestExecBySpareCapacity(t *testing.T) {
	top := topo.Regular{Nodes: 1, Packages: 1, LLCs: 3, Cores: 2, Threads: 1}.Topology()
	st := newFakeState(6)
	for c := range 6 {
		st.cpu[c].load, st.cpu[c].util = exactly(1024), exactly(900)
	}
	st.cpu[2].util = exactly(100) // most capacity
	for c := 4; c < 6; c++ {
		st.cpu[c].load, st.cpu[c].util = exactly(100), exactly(400) // least load
	}
	for _, tc := range []struct {
		kind Kind
		llc  int
	}{{KindExec, 1}, {KindWakeupNew, 2}} {
		m := machineFor(top, "4.19", cpumask.Mask{}, cpumask.Mask{})
		w := fork(6, 0)
		w.Kind = tc.kind
		if o := firstOf(m, kernelRules(t, "4.19"), st, w); o.CPU/2 != tc.llc {
			t.Errorf("%s: CPU %d, want one of LLC %d", tc.kind, o.CPU, tc.llc)
		}
	}
}

// Within a group: the CPU that went idle last, else the least loaded.
func TestFindIdlestCPU(t *testing.T) {
	for _, k := range []string{"4.19", "5.10", "6.1", "6.12"} {
		m := machineFor(flat(4), k, cpumask.Mask{}, cpumask.Mask{})
		st := newFakeState(4).idle(1, 2, 3)
		st.cpu[2].idleSince = exactly(500)
		want := cpumask.Of(1, 2, 3)
		if k == "4.19" {
			want.Set(0) // loads alone choose a group
		}
		if runs, complete := exploreOn(m, kernelRules(t, k), st, fork(4, 0), 64); !complete || !cpusOf(runs).Equal(want) {
			t.Errorf("%s: possible %s, want %s", k, cpusOf(runs), want)
		}
		st = newFakeState(4)
		st.cpu[3].load = exactly(100)
		st.cpu[3].runAvg, st.cpu[3].util = exactly(100), exactly(100)
		if runs, _ := exploreOn(m, kernelRules(t, k), st, fork(4, 0), 64); !cpusOf(runs).Equal(cpumask.Range(0, 3)) {
			t.Errorf("%s, all busy: possible %s, want all", k, cpusOf(runs))
		}
	}
}

// A fork never enters an isolated CPU and never leaves one; a narrow affinity
// is kept.
func TestForkAndIsolation(t *testing.T) {
	for _, k := range []string{"3.10", "4.19", "5.10", "6.1", "6.12"} {
		m, r := machineA(k), kernelRules(t, k)
		st := newFakeState(8).idle(4, 5, 6, 7)
		for _, kind := range []Kind{KindWakeupNew, KindExec} {
			w := fork(8, 0)
			w.Kind = kind
			if runs, complete := exploreOn(m, r, st, w, 64); !complete || !cpusOf(runs).SubsetOf(cpumask.Range(0, 3)) {
				t.Errorf("%s: from 0 to %s", k, cpusOf(runs))
			}
			w = fork(8, 5)
			w.Kind = kind
			if runs, _ := exploreOn(m, r, st, w, 64); !cpusOf(runs).Equal(cpumask.Of(5)) {
				t.Errorf("%s: from isolated 5 to %s", k, cpusOf(runs))
			}
			w = fork(8, 0)
			w.Kind, w.Allowed = kind, cpumask.Of(2)
			if runs, _ := exploreOn(m, r, newFakeState(8), w, 64); !cpusOf(runs).Equal(cpumask.Of(2)) {
				t.Errorf("%s, allowed 2: %s", k, cpusOf(runs))
			}
		}
	}
}

// A core with an idle thread and more tasks than threads may count as overloaded: then one
// without an idle CPU is preferred to it. With fewer tasks than threads it may not.
func TestIdleInOverloadedGroup(t *testing.T) {
	m := machineFor(smtPairs(8), "7.3", cpumask.Mask{}, cpumask.Mask{})
	st := newFakeState(8).idle(5)
	for _, tc := range []struct {
		beside int64 // tasks on the other thread of the idle CPU's core
		want   cpumask.Mask
	}{{3, cpumask.Range(0, 7)}, {1, cpumask.Of(5)}} {
		st.cpu[4].nr = exactly(tc.beside)
		if runs, _ := exploreOn(m, kernelRules(t, "7.3"), st, fork(8, 0), 64); !cpusOf(runs).Equal(tc.want) {
			t.Errorf("%d tasks beside it: possible %s, want %s", tc.beside, cpusOf(runs), tc.want)
		}
	}
}

// Where nothing is known of loads a new task stays in its group: the kernel leaves it for one
// that is less loaded by far.
func TestForkWithLoadsUnknown(t *testing.T) {
	m := machineFor(flat(2), "6.18", cpumask.Mask{}, cpumask.Mask{})
	st := newFakeState(2)
	for c := range st.cpu {
		st.cpu[c].nr, st.cpu[c].util, st.cpu[c].runAvg = exactly(3), exactly(1000), exactly(3000)
	}
	for _, tc := range []struct {
		from fact.Provenance
		want int
	}{{fact.Estimated, 1}, {fact.Unknown, 0}} {
		st.cpu[0].load = explore.Range{Best: 4000, Hi: 1 << 20, From: tc.from}
		st.cpu[1].load = explore.Range{Best: 2000, Hi: 1 << 20, From: tc.from}
		if o := firstOf(m, kernelRules(t, "6.18"), st, fork(2, 0)); o.CPU != tc.want {
			t.Errorf("loads %s: CPU %d, want %d", tc.from, o.CPU, tc.want)
		}
	}
}

// A CPU that runs SCHED_IDLE tasks only is taken for a new task where there is no idle one,
// and since 5.6 at once.
func TestForkToSchedIdle(t *testing.T) {
	for _, tc := range []struct {
		kernel string
		idle   []int
		want   int
	}{{"5.3", nil, 7}, {"5.4", nil, 6}, {"5.4", []int{5}, 5}, {"5.10", nil, 6}, {"7.3", nil, 6}} {
		m := machineFor(topo.Regular{Nodes: 1, Packages: 1, LLCs: 2, Cores: 4, Threads: 1}.Topology(), tc.kernel, cpumask.Mask{}, cpumask.Mask{})
		st := newFakeState(8).idle(tc.idle...)
		for c := range 4 { // the other LLC is chosen first
			st.cpu[c].nr, st.cpu[c].util, st.cpu[c].load, st.cpu[c].runAvg = exactly(3), exactly(1000), exactly(3000), exactly(3000)
			st.cpu[c+4].util, st.cpu[c+4].load, st.cpu[c+4].runAvg = exactly(100), exactly(100), exactly(100)
		}
		st.cpu[7].load, st.cpu[6].schedIdle = exactly(99), yes()
		if o := firstOf(m, kernelRules(t, tc.kernel), st, fork(8, 0)); o.CPU != tc.want {
			t.Errorf("%s, idle %v: CPU %d, want %d", tc.kernel, tc.idle, o.CPU, tc.want)
		}
	}
}

// An exec may stay where it is though other CPUs are idle: its own is but for itself.
func TestExecMayStay(t *testing.T) {
	m := machineFor(smtPairs(8), "7.3", cpumask.Mask{}, cpumask.Mask{})
	w := fork(8, 0)
	w.Kind = KindExec
	runs, _ := exploreOn(m, kernelRules(t, "7.3"), newFakeState(8).idle(4, 5), w, 64)
	if !cpusOf(runs).Test(0) || runs[0].CPU == 0 {
		t.Errorf("to CPU %d, possible %s", runs[0].CPU, cpusOf(runs))
	}
}
