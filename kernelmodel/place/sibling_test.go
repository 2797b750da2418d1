package place

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// flat is n single-threaded CPUs in one LLC.
func flat(n int) topo.Topology {
	return topo.Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: n, Threads: 1}.Topology()
}

// smtPairs is n CPUs in one LLC, two threads to a core, siblings adjacent.
func smtPairs(n int) topo.Topology {
	return topo.Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: n / 2, Threads: 2}.Topology()
}

// twoLLCs is CPUs 0-3 and 4-7 in LLCs of their own, single-threaded.
func twoLLCs() topo.Topology {
	return topo.Regular{Nodes: 1, Packages: 1, LLCs: 2, Cores: 4, Threads: 1}.Topology()
}

// everyScan is one kernel for each form of the scan.
var everyScan = []string{"3.10", "4.3", "4.9", "4.11", "4.13", "4.19", "4.19.194", "5.4", "5.6", "5.10", "5.11", "5.12", "5.13", "5.14", "5.15", "6.0", "6.1", "6.6", "6.12"}

// An idle target, then an idle prev, end the search on every kernel.
func TestQuickTests(t *testing.T) {
	for _, k := range everyScan {
		m, r := machineFor(flat(8), k, cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, k)
		// The waker's queue is empty: it is what wake_affine picks, by weight.
		st := newFakeState(8).idle(1, 5)
		st.cpu[2].load = exactly(4096)
		if o := selectOn(m, r, st, wakeupOf(8, 1, 2)); o.CPU != 1 || o.Path != PathTargetIdle {
			t.Errorf("%s: CPU %d by %s, want 1, the idle target", k, o.CPU, o.Path)
		}
		st = newFakeState(8).idle(2, 5)
		w := wakeupOf(8, 1, 2)
		w.Sync, w.InTask = yes(), yes()
		st.cpu[2].load = exactly(4096)
		want, path := 2, PathPrevIdle
		if o := selectOn(m, r, st, w); o.CPU != want || o.Path != path || o.Target != 1 {
			t.Errorf("%s: CPU %d by %s for target %d, want the idle prev 2 for target 1", k, o.CPU, o.Path, o.Target)
		}
	}
}

// An idle prev in another LLC than target's is not taken.
func TestPrevMustShare(t *testing.T) {
	for _, k := range everyScan {
		if kernelRules(t, k).IdlePrev {
			continue // wake_affine makes it the target
		}
		m := machineFor(twoLLCs(), k, cpumask.Mask{}, cpumask.Mask{})
		st := newFakeState(8).idle(6)
		st.cpu[6].load = exactly(4096)
		if o := selectOn(m, kernelRules(t, k), st, wakeupOf(8, 1, 6)); o.CPU != 1 || o.Path != PathTarget {
			t.Errorf("%s: CPU %d by %s, want the target 1", k, o.CPU, o.Path)
		}
	}
}

// The k-th CPU of the scan is found with a budget of k and not with k-1, in the
// order and by the counting of each kernel.
func TestScanPositions(t *testing.T) {
	const n, target = 6, 2
	allowed := cpumask.Of(0, 2, 3, 5)
	for _, tc := range []struct {
		kernels []string
		order   []int // CPUs in the order looked at; -1 uses up budget for nothing
	}{
		{[]string{"4.13", "4.19", "4.19.193", "5.4.23", "5.5.7"}, []int{2, 3, -1, 5, 0, -1}},
		{[]string{"4.14.236", "4.19.194", "4.19+scan-affinity", "5.4.24", "5.5.8", "5.6", "5.10", "5.12", "5.14"}, []int{2, 3, 5, 0}},
		{[]string{"5.15", "6.0", "6.1", "6.6", "6.7", "6.12"}, []int{3, 5, 0, 2}},
	} {
		for _, k := range tc.kernels {
			m, r := machineFor(flat(n), k, cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, k)
			for i, c := range tc.order {
				if c < 0 || c == target {
					continue
				}
				for budget := range n + 1 {
					w := wakeupOf(n, target, target)
					w.Allowed = allowed
					o := selectOn(m, r, newFakeState(n).idle(c, 1, 4).scans(exactly(int64(budget))), w)
					want := Outcome{CPU: target, Path: PathTarget, BudgetHi: int64(i)}
					if budget > i {
						want = Outcome{CPU: c, Path: PathIdleCPU, BudgetLo: int64(i + 1), BudgetHi: -1}
					}
					if o.CPU != want.CPU || o.Path != want.Path || o.BudgetLo != want.BudgetLo || o.BudgetHi != want.BudgetHi {
						t.Errorf("%s, only %d idle, budget %d: CPU %d by %s, showing a budget of %d to %d, want %d by %s, %d to %d",
							k, c, budget, o.CPU, o.Path, o.BudgetLo, o.BudgetHi, want.CPU, want.Path, want.BudgetLo, want.BudgetHi)
					}
				}
			}
		}
	}
}

// Unlikely answers count one by one, wherever the CPU is met, and not together
// with others.
func TestUnlikelyIdle(t *testing.T) {
	rarely := func(doubt uint8, cpus ...int) *fakeState {
		s := newFakeState(6)
		for _, c := range cpus {
			s.cpu[c].idle = explore.Rarely(false, doubt, fact.Reconstructed)
		}
		return s
	}
	m, r := machineFor(flat(6), "6.1", cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, "6.1")
	half := rarely(explore.MaxDoubt, 1)
	half.cpu[4].idle = explore.Rarely(true, 1, fact.Reconstructed)
	for _, tc := range []struct {
		name  string
		state *fakeState
		want  []int // the likeliest first
	}{
		{"prev", rarely(explore.MaxDoubt, 2), []int{0, 2}},
		{"recently used", rarely(explore.MaxDoubt, 3), []int{0, 3}},
		{"in the scan", rarely(explore.MaxDoubt, 1, 4, 5), []int{0, 1, 4, 5}},
		{"too unlikely", rarely(explore.MaxDoubt+1, 1, 2, 3), []int{0}},
		{"together with another", half, []int{4, 0, 1}},
	} {
		w := wakeupOf(6, 0, 2)
		w.Sync = yes()
		w.RecentUsed = []int{3}
		runs, complete := exploreOn(m, r, tc.state, w, 64)
		got := map[int]bool{}
		for _, o := range runs {
			got[o.CPU] = true
		}
		if d := cmp.Diff(slices.Sorted(slices.Values(tc.want)), slices.Sorted(maps.Keys(got))); d != "" || !complete || runs[0].CPU != tc.want[0] {
			t.Errorf("%s: first %d, complete %v, -want +got:\n%s", tc.name, runs[0].CPU, complete, d)
		}
	}
}

// 4.11 and 4.12 know no limit; 4.9 and 4.10 scan all or nothing.
func TestScanWithoutProportion(t *testing.T) {
	either := explore.Range{Best: 6, Hi: 6, From: fact.Estimated}
	for _, c := range []struct {
		kernel string
		budget explore.Range
		want   []int
	}{
		{"4.11", exactly(0), []int{5}},
		{"4.12", exactly(0), []int{5}},
		{"4.9", exactly(0), []int{0}},
		{"4.9", exactly(1), []int{5}},
		{"4.9", either, []int{5, 0}},
		{"4.10", either, []int{5, 0}},
	} {
		m, r := machineFor(flat(6), c.kernel, cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, c.kernel)
		runs, complete := exploreOn(m, r, newFakeState(6).idle(5).scans(c.budget), wakeupOf(6, 0, 0), 64)
		var got []int
		for _, o := range runs {
			got = append(got, o.CPU)
		}
		if d := cmp.Diff(c.want, got); d != "" || !complete {
			t.Errorf("%s, %+v: -want +got:\n%s", c.kernel, c.budget, d)
		}
	}
}

// Before 4.9 a whole idle group is wanted, never the target's own.
func TestScanGroups(t *testing.T) {
	top := topo.Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: 4, Threads: 2}.Topology()
	iso := cpumask.Of(7)
	for _, k := range []string{"3.10", "3.12", "4.3", "4.8"} {
		m, r := machineFor(top, k, iso, cpumask.Mask{}), kernelRules(t, k)
		for _, tc := range []struct {
			idle []int
			want int
			path Path
		}{
			{[]int{3, 5}, 0, PathTarget},        // half idle cores are no idle groups
			{[]int{1, 3, 5}, 1, PathIdleCPU},    // but a thread of the target's core is one
			{[]int{3, 4, 5}, 4, PathIdleCPU},    // core 4-5 is
			{[]int{6, 7}, 6, PathIdleCPU},       // alone in the domain with its isolated sibling
			{[]int{1, 2, 3, 7}, 2, PathIdleCPU}, // not the target's own core
			{[]int{7}, 0, PathTarget},           // never an isolated CPU
		} {
			if o := selectOn(m, r, newFakeState(8).idle(tc.idle...), wakeupOf(8, 0, 0)); o.CPU != tc.want || o.Path != tc.path {
				t.Errorf("%s with %v idle: CPU %d by %s, want %d by %s", k, tc.idle, o.CPU, o.Path, tc.want, tc.path)
			}
		}
	}
}

// recent_used_cpu by version: who writes it and whose affinity is asked.
func TestRecentUsed(t *testing.T) {
	const this, prev, recent = 0, 2, 5
	for _, tc := range []struct {
		kernel  string
		allowed cpumask.Mask
		idle    []int
		cpu     int
		path    Path
		set     int // SetRecentUsed
	}{
		{"4.14", cpumask.Range(0, 7), []int{recent}, prev, PathTarget, -1}, // no such field
		{"4.16", cpumask.Range(0, 7), []int{recent}, recent, PathRecentUsed, prev},
		{"5.14", cpumask.Range(0, 7), []int{recent}, recent, PathRecentUsed, prev},
		{"5.14", cpumask.Range(0, 7), nil, prev, PathTarget, -1},
		{"5.14", cpumask.Range(0, 4), []int{recent}, prev, PathTarget, -1},
		{"5.15", cpumask.Range(0, 7), []int{recent}, recent, PathRecentUsed, prev},
		{"5.15", cpumask.Range(0, 7), nil, prev, PathTarget, prev},
		{"6.4.6", cpumask.Range(0, 4), []int{recent}, 0, PathFallback, prev}, // asks prev's bit
		{"6.1.41", cpumask.Range(1, 4), []int{recent}, 1, PathFallback, prev},
		{"6.4.7", cpumask.Range(0, 4), []int{recent}, prev, PathTarget, prev},
		{"6.1.42", cpumask.Range(0, 4), []int{recent}, prev, PathTarget, prev},
		{"6.5", cpumask.Range(0, 4), []int{recent}, prev, PathTarget, prev},
		{"6.12", cpumask.Range(0, 7), []int{recent}, recent, PathRecentUsed, prev},
	} {
		m := machineFor(flat(8), tc.kernel, cpumask.Mask{}, cpumask.Mask{})
		w := wakeupOf(8, this, prev)
		w.Allowed, w.RecentUsed = tc.allowed, []int{recent}
		w.Cur.Flips, w.Flips = []Weighted{{1000, 1}}, []Weighted{{100, 1}} // wide: the target is prev
		st := newFakeState(8).idle(tc.idle...).scans(exactly(0))
		o := selectOn(m, kernelRules(t, tc.kernel), st, w)
		if o.CPU != tc.cpu || o.Path != tc.path || o.SetRecentUsed != tc.set {
			t.Errorf("%s, allowed %s, idle %v: CPU %d by %s, field set to %d; want %d by %s, %d", tc.kernel, tc.allowed, tc.idle, o.CPU, o.Path, o.SetRecentUsed, tc.cpu, tc.path, tc.set)
		}
		// The field unknown, the same outcome must be among the possible ones.
		w.RecentUsed = nil
		if runs, complete := exploreOn(m, kernelRules(t, tc.kernel), st, w, 64); !complete || !cpusOf(runs).Test(tc.cpu) {
			t.Errorf("%s, allowed %s: an unknown recent_used_cpu leads to %s only, not to %d", tc.kernel, tc.allowed, cpusOf(runs), tc.cpu)
		}
	}
}

// An affine wakeup writes the recent_used_cpu of the waker's CPU's task, from 4.16 to
// 5.14.
func TestWakersRecentUsed(t *testing.T) {
	for _, tc := range []struct {
		kernel    string
		this      int
		curFlips  int64
		forbidden int
		want      int
	}{
		{"4.14", 1, 0, -1, -1},
		{"4.16", 1, 0, -1, 1},
		{"4.19.90", 2, 0, -1, 2}, // on prev itself too
		{"4.19.90", 1, 1000, -1, -1},
		{"4.19.90", 1, 0, 1, -1}, // the wakee may not run there
		{"5.14", 1, 0, -1, 1},
		{"5.15", 1, 0, -1, -1},
	} {
		m := machineFor(flat(8), tc.kernel, cpumask.Mask{}, cpumask.Mask{})
		w := wakeupOf(8, tc.this, 2)
		w.Cur.Flips, w.Flips = []Weighted{{tc.curFlips, 1}}, []Weighted{{100, 1}}
		if tc.forbidden >= 0 {
			w.Allowed = w.Allowed.AndNot(cpumask.Of(tc.forbidden))
		}
		if o := selectOn(m, kernelRules(t, tc.kernel), newFakeState(8), w); o.SetWakersRecent != tc.want {
			t.Errorf("%s, waker on %d that flipped %d times, not allowed %d: the waker's field set to %d, want %d", tc.kernel, tc.this, tc.curFlips, tc.forbidden, o.SetWakersRecent, tc.want)
		}
	}
}

// A CPU isolated at boot has LLC id 0
// (docs/kernel/isolation.md#llc-id-of-an-isolated-cpu): recent_used_cpu can
// bring a task in and let one out even with both fixes; a CPU isolated later has
// its own id, and so has every LLC where CPU 0 is isolated or elsewhere.
func TestRecentUsedAcrossIsolation(t *testing.T) {
	top := twoLLCs()
	for _, k := range []string{"4.19", "5.10", "6.1.83", "6.12"} {
		r := kernelRules(t, k)
		for _, tc := range []struct {
			name         string
			iso, later   cpumask.Mask
			prev, recent int
			idle         []int
			want         int
			path         Path
		}{
			{name: "enters", iso: cpumask.Of(3), prev: 1, recent: 3, idle: []int{3}, want: 3, path: PathRecentUsed},
			{name: "enters another LLC's", iso: cpumask.Of(6), prev: 1, recent: 6, idle: []int{6}, want: 6, path: PathRecentUsed},
			{name: "leaves", iso: cpumask.Of(3), prev: 3, recent: 2, idle: []int{2}, want: 2, path: PathRecentUsed},
			{name: "leaves from another LLC", iso: cpumask.Of(6), prev: 6, recent: 2, idle: []int{2}, want: 2, path: PathRecentUsed},
			{name: "between isolated CPUs", iso: cpumask.Of(3, 6), prev: 3, recent: 6, idle: []int{6}, want: 6, path: PathRecentUsed},
			{name: "isolated later", iso: cpumask.Of(3), later: cpumask.Of(3), prev: 1, recent: 3, idle: []int{3}, want: 1, path: PathTarget},
			{name: "isolated later, leaving", iso: cpumask.Of(3), later: cpumask.Of(3), prev: 3, recent: 2, idle: []int{2}, want: 3, path: PathNoLLC},
			{name: "CPU 0 isolated", iso: cpumask.Of(0, 3), prev: 1, recent: 3, idle: []int{3}, want: 1, path: PathTarget},
			{name: "target not with CPU 0", iso: cpumask.Of(7), prev: 5, recent: 7, idle: []int{7}, want: 5, path: PathTarget},
			{name: "CPU 0 alone in its LLC", iso: cpumask.Of(1, 2, 3), prev: 5, recent: 2, idle: []int{2}, want: 5, path: PathTarget},
		} {
			m := machineFor(top, k, tc.iso, tc.later)
			w := wakeupOf(8, tc.prev, tc.prev)
			w.RecentUsed = []int{tc.recent}
			st := newFakeState(8).idle(tc.idle...).scans(exactly(0))
			if o := selectOn(m, r, st, w); o.CPU != tc.want || o.Path != tc.path {
				t.Errorf("%s, %s: CPU %d by %s, want %d by %s", k, tc.name, o.CPU, o.Path, tc.want, tc.path)
			}
		}
	}
}

// From 7.2 on a CPU isolated at boot shares no LLC id with CPU 0: nobody comes in
// or leaves by recent_used_cpu, but between such CPUs. A CPU isolated later keeps
// its id, and the way in and out exists there.
func TestRecentUsedWithAllocatedIDs(t *testing.T) {
	for _, tc := range []struct {
		name         string
		iso, later   cpumask.Mask
		prev, recent int
		want         [2]int // up to 7.1, and since
	}{
		{"in, isolated at boot", cpumask.Of(3), cpumask.Mask{}, 1, 3, [2]int{3, 1}},
		{"out, isolated at boot", cpumask.Of(3), cpumask.Mask{}, 3, 2, [2]int{2, 3}},
		{"between CPUs isolated at boot", cpumask.Of(3, 6), cpumask.Mask{}, 3, 6, [2]int{6, 6}},
		{"in, isolated later", cpumask.Of(3), cpumask.Of(3), 1, 3, [2]int{1, 3}},
		{"out, isolated later", cpumask.Of(3), cpumask.Of(3), 3, 2, [2]int{3, 2}},
		{"in from another LLC, isolated later", cpumask.Of(3), cpumask.Of(3), 5, 3, [2]int{5, 5}},
		{"in, away from CPU 0, isolated later", cpumask.Of(7), cpumask.Of(7), 5, 7, [2]int{5, 7}},
	} {
		for i, k := range [2]string{"7.1", "7.2"} {
			w := wakeupOf(8, tc.prev, tc.prev)
			w.RecentUsed = []int{tc.recent}
			st := newFakeState(8).idle(tc.recent).scans(exactly(0))
			if o := selectOn(machineFor(twoLLCs(), k, tc.iso, tc.later), kernelRules(t, k), st, w); o.CPU != tc.want[i] {
				t.Errorf("%s, %s: CPU %d by %s, want %d", k, tc.name, o.CPU, o.Path, tc.want[i])
			}
		}
	}
}

// From 7.1 on a SCHED_IDLE wakee does not take a CPU that runs SCHED_IDLE tasks.
func TestSchedIdleWakee(t *testing.T) {
	for _, tc := range []struct {
		kernel string
		policy explore.Answer
		want   int
	}{
		{"7.0", yes(), 2},
		{"7.1", no(), 2},
		{"7.1", yes(), 1},
		{"7.1", explore.Either(false, fact.Unknown), 2},
	} {
		w := wakeupOf(8, 1, 1)
		w.IdlePolicy = tc.policy
		m := machineFor(flat(8), tc.kernel, cpumask.Mask{}, cpumask.Mask{})
		runs, _ := exploreOn(m, kernelRules(t, tc.kernel), newFakeState(8).schedIdle(2), w, 64)
		if runs[0].CPU != tc.want || (len(runs) > 1) != tc.policy.Open {
			t.Errorf("%s, %+v: CPUs %s, want %d first", tc.kernel, tc.policy, cpusOf(runs), tc.want)
		}
	}
}

// A per-CPU kthread's wakee stacks on prev: never before 5.6, from interrupts
// too before 8b4e74ccb582.
func TestPerCPUKthread(t *testing.T) {
	for _, tc := range []struct {
		kernel            string
		inTask, notInTask bool
	}{
		{"5.4", false, false},
		{"5.6", true, true},
		{"5.10", true, true},
		{"5.10.93", true, true},
		{"5.10.94", true, false},
		{"5.15.16", true, true},
		{"5.15.17", true, false},
		{"5.16.2", true, true},
		{"5.16.3", true, false},
		{"5.17", true, false},
		{"6.1", true, false},
		{"6.12", true, false},
	} {
		m, r := machineFor(flat(4), tc.kernel, cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, tc.kernel)
		for inTask, want := range map[bool]bool{true: tc.inTask, false: tc.notInTask} {
			st := newFakeState(4).idle(3)
			w := wakeupOf(4, 1, 1)
			w.Cur.PerCPUKthread, w.InTask = yes(), explore.Known(inTask, fact.Observed)
			check := func(why string, want bool) {
				t.Helper()
				o := selectOn(m, r, st, w)
				if got := o.Path == PathPerCPUKthread && o.CPU == 1; got != want {
					t.Errorf("%s, in task %v, %s: CPU %d by %s, stacks %v, want %v", tc.kernel, inTask, why, o.CPU, o.Path, got, want)
				}
			}
			check("alone", want)
			st.cpu[1].nr = exactly(2)
			check("with another task queued", false)
			st.cpu[1].nr = exactly(1)
			w.Cur.PerCPUKthread = no()
			check("another waker", false)
		}
	}
	// An interrupt does not stack from 5.17 on, whatever current is: nothing leans on that.
	for kernel, want := range map[string]fact.Provenance{"5.16": fact.Assumed, "6.12": fact.Observed} {
		m, r := machineFor(flat(4), kernel, cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, kernel)
		w := wakeupOf(4, 1, 1)
		w.Cur.PerCPUKthread, w.InTask = explore.Known(false, fact.Assumed), explore.Known(false, fact.Observed)
		st := newFakeState(4)
		x := explore.Explorer{}
		sel := Selector{Rules: r, Machine: m, State: st}
		x.Explore(1, func() {
			sel.Select(&x, w)
			if got := min(x.Weakest(), fact.Observed); got != want {
				t.Errorf("%s: leans on a fact that is %s, not %s", kernel, got, want)
			}
		})
	}
	// prev elsewhere: no stacking.
	w := wakeupOf(4, 1, 2)
	w.Cur.PerCPUKthread, w.InTask = yes(), yes()
	m := machineFor(flat(4), "6.12", cpumask.Mask{}, cpumask.Mask{})
	if o := selectOn(m, kernelRules(t, "6.12"), newFakeState(4).idle(3), w); o.Path == PathPerCPUKthread {
		t.Errorf("stacks although prev is another CPU: %d", o.CPU)
	}
}

// The SMT stage: on target's siblings and last up to 5.11, none in 5.12, on
// prev's and before the scan from 5.13 on, only where no idle core is
// advertised and prev shares target's LLC.
func TestSMTStage(t *testing.T) {
	// Cores 0-1, 2-3, 4-5, 6-7 in one LLC, wide domains.
	top := topo.Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: 4, Threads: 2}.Topology()
	for _, tc := range []struct {
		kernel string
		state  *fakeState
		cpu    int
		path   Path
	}{
		// prev 2, target 0 by sync; 3 and 7 are idle; the scan is short.
		{"4.19", newFakeState(8).idle(3, 7).scans(exactly(0)), 0, PathTarget},
		{"4.19", newFakeState(8).idle(1, 7).scans(exactly(0)), 1, PathIdleSMT},
		{"5.12", newFakeState(8).idle(1, 3).scans(exactly(0)), 0, PathTarget},
		{"5.13", newFakeState(8).idle(3, 7).scans(exactly(0)), 3, PathIdleSMT},
		{"5.13", newFakeState(8).idle(1, 7), 1, PathIdleCPU}, // target's sibling is just the scan's second
		{"6.1", newFakeState(8).idle(3, 7), 3, PathIdleSMT},
		{"6.1", newFakeState(8).idle(3, 6, 7).cores(yes()), 6, PathIdleCore},
		{"6.12", newFakeState(8).idle(3, 7), 3, PathIdleSMT},
	} {
		m := machineFor(top, tc.kernel, cpumask.Mask{}, cpumask.Mask{})
		w := wakeupOf(8, 0, 2)
		w.Sync, w.InTask = yes(), yes()
		if o := selectOn(m, kernelRules(t, tc.kernel), tc.state, w); o.CPU != tc.cpu || o.Path != tc.path || o.Target != 0 {
			t.Errorf("%s: CPU %d by %s for target %d, want %d by %s for 0", tc.kernel, o.CPU, o.Path, o.Target, tc.cpu, tc.path)
		}
	}
}

// Without SMT on the machine no kernel has a core or SMT stage.
func TestNoSMT(t *testing.T) {
	for _, k := range []string{"4.19", "5.10", "5.12", "5.15", "6.1", "6.12"} {
		m := machineFor(flat(4), k, cpumask.Mask{}, cpumask.Mask{})
		o := selectOn(m, kernelRules(t, k), newFakeState(4).idle(3).cores(yes()), wakeupOf(4, 0, 0))
		if o.CPU != 3 || o.Path != PathIdleCPU || o.IdleCores != -1 {
			t.Errorf("%s: CPU %d by %s, has_idle_cores read: %d", k, o.CPU, o.Path, o.IdleCores)
		}
	}
}

// The core scan wants every thread idle, isolated ones too, and returns the
// first CPU of the domain that it meets in the core.
func TestCoreScan(t *testing.T) {
	for _, k := range []string{"4.19", "5.10", "5.12", "5.15", "6.1", "6.12"} {
		m, r := machineA(k), kernelRules(t, k)
		for _, tc := range []struct {
			idle []int
			want int
			path Path
		}{
			{[]int{2, 6}, 2, PathIdleCore},
			{[]int{2, 3, 7}, 3, PathIdleCore}, // 6 polls: core 2 is not idle
			{[]int{3, 6, 2}, 2, PathIdleCore},
		} {
			o := selectOn(m, r, newFakeState(8).idle(tc.idle...).cores(yes()), wakeupOf(8, 0, 0))
			if o.CPU != tc.want || o.Path != tc.path || o.ClearIdleCores != -1 {
				t.Errorf("%s with %v idle: CPU %d by %s, clears %d; want %d by %s", k, tc.idle, o.CPU, o.Path, o.ClearIdleCores, tc.want, tc.path)
			}
		}
	}
}

// The CPU remembered by a core scan that fails: the first idle one met, with
// core-span only inside the mask that is left; a SCHED_IDLE one counts too.
func TestCoreScanFallback(t *testing.T) {
	for _, tc := range []struct {
		kernel string
		state  *fakeState
		want   int
	}{
		{"5.12", newFakeState(8).idle(6, 3), 6}, // from 0 on: core 2 holds 6
		{"5.15", newFakeState(8).idle(6, 3), 6},
		{"6.1", newFakeState(8).idle(6, 3), 6},
		{"6.8.2", newFakeState(8).idle(6, 3), 3},
		{"6.12", newFakeState(8).idle(6, 3), 3},
		{"6.12", newFakeState(8).idle(6), 0},
		{"6.1", newFakeState(8).schedIdle(2), 2},
		{"6.12", newFakeState(8).schedIdle(2), 2},
		{"6.12", newFakeState(8).schedIdle(6), 0},
	} {
		m, r := machineA(tc.kernel), kernelRules(t, tc.kernel)
		o := selectOn(m, r, tc.state.clone().cores(yes()), wakeupOf(8, 0, 0))
		path := PathIdleCore
		if tc.want == 0 {
			path = PathTarget
		}
		if o.CPU != tc.want || o.Path != path || o.ClearIdleCores != 0 {
			t.Errorf("%s: CPU %d by %s, clears %d; want %d by %s, 0", tc.kernel, o.CPU, o.Path, o.ClearIdleCores, tc.want, path)
		}
	}
	// The affinity binds the leak: without 6 the same kernels find 3.
	for _, k := range []string{"5.15", "6.1"} {
		w := wakeupOf(8, 0, 0)
		w.Allowed = cpumask.Range(0, 5)
		if o := selectOn(machineA(k), kernelRules(t, k), newFakeState(8).idle(6, 3).cores(yes()), w); o.CPU != 3 {
			t.Errorf("%s, allowed 0-5: CPU %d by %s, want 3", k, o.CPU, o.Path)
		}
	}
}

// SCHED_IDLE CPUs: nothing before 5.4, second choice of the scans in 5.4 and
// 5.5, as good as idle later.
func TestSchedIdle(t *testing.T) {
	for _, tc := range []struct {
		kernel string
		budget int64
		want   int
	}{
		{"5.3", 9, 4},
		{"5.4", 9, 4},
		{"5.5", 9, 4},
		{"5.4", 4, 2}, // the budget ends at 3: the SCHED_IDLE one remembered
		{"5.4", 2, 0}, // and before 2
		{"5.6", 9, 2},
		{"6.1", 9, 2},
		{"6.12", 9, 2},
	} {
		m := machineFor(flat(6), tc.kernel, cpumask.Mask{}, cpumask.Mask{})
		o := selectOn(m, kernelRules(t, tc.kernel), newFakeState(6).idle(4).schedIdle(2).scans(exactly(tc.budget)), wakeupOf(6, 0, 0))
		if o.CPU != tc.want {
			t.Errorf("%s, budget %d: CPU %d by %s, want %d", tc.kernel, tc.budget, o.CPU, o.Path, tc.want)
		}
	}
	// The SMT stage of 5.4 prefers an idle sibling too.
	top := topo.Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: 2, Threads: 4}.Topology()
	for k, want := range map[string]int{"5.3": 3, "5.4": 3, "5.5": 3, "5.6": 2} {
		m := machineFor(top, k, cpumask.Mask{}, cpumask.Mask{})
		o := selectOn(m, kernelRules(t, k), newFakeState(8).idle(3).schedIdle(2).scans(exactly(0)), wakeupOf(8, 0, 0))
		if o.CPU != want || o.Path != PathIdleSMT {
			t.Errorf("%s: CPU %d by %s, want %d by the SMT stage", k, o.CPU, o.Path, want)
		}
	}
}

// A waker without an LLC domain makes select_idle_cpu give up until 6.0; the
// second 4.19 patch sends the task to a housekeeping CPU instead.
func TestThisDomain(t *testing.T) {
	st := newFakeState(8).idle(3)
	for k, want := range map[string]Outcome{
		"4.19":                           {CPU: 0, Path: PathTarget},
		"5.10":                           {CPU: 0, Path: PathTarget},
		"5.15":                           {CPU: 0, Path: PathTarget},
		"6.0":                            {CPU: 0, Path: PathTarget},
		"6.1":                            {CPU: 3, Path: PathIdleCPU},
		"6.12":                           {CPU: 3, Path: PathIdleCPU},
		"4.19+housekeeping-any":          {CPU: 0, Path: PathIdleCPU},
		"4.19+smt-span+housekeeping-any": {CPU: 0, Path: PathIdleCPU},
	} {
		w := wakeupOf(8, 5, 0)
		o := selectOn(machineA(k), kernelRules(t, k), st, w)
		if o.CPU != want.CPU || o.Path != want.Path {
			t.Errorf("%s: CPU %d by %s, want %d by %s", k, o.CPU, o.Path, want.CPU, want.Path)
		}
	}
	// It asks neither idleness nor affinity: select_fallback_rq mends the latter.
	w := wakeupOf(8, 5, 2)
	w.Allowed = cpumask.Of(1, 2)
	if o := selectOn(machineA("4.19+housekeeping-any"), kernelRules(t, "4.19+housekeeping-any"), newFakeState(8), w); o.CPU != 1 || o.Path != PathFallback {
		t.Errorf("CPU %d by %s, want the fallback 1", o.CPU, o.Path)
	}
}

// clustered is one LLC of clusters of two single-threaded CPUs.
func clustered(n int) topo.Topology {
	t := flat(n)
	for c := range n {
		t.CPU[c].Cluster = cpumask.Range(c&^1, c|1)
	}
	return t
}

// Clusters (6.7+): prev and recent_used_cpu count at once only in target's
// cluster, which is scanned first; else they are kept for the end, prev first.
func TestClusters(t *testing.T) {
	for _, tc := range []struct {
		name   string
		idle   []int
		recent int
		budget int64
		cpu    int
		path   Path
	}{
		{"prev in another cluster, target's has an idle CPU", []int{6, 1}, 6, 9, 1, PathIdleCPU},
		{"prev in another cluster, nothing else", []int{6}, 6, 0, 6, PathClusterPrev},
		{"recent in another cluster", []int{4, 1}, 4, 9, 1, PathIdleCPU},
		{"recent in another cluster, nothing else", []int{4}, 4, 0, 4, PathClusterRecent},
		{"recent in target's cluster", []int{1, 2}, 1, 9, 1, PathRecentUsed},
		{"both", []int{4, 6}, 4, 0, 6, PathClusterPrev},
		{"the cluster first, then from behind target", []int{3, 5}, 6, 9, 3, PathIdleCPU},
		{"the budget counts the cluster's CPUs", []int{3}, 6, 3, 0, PathTarget},
		{"the budget reaches", []int{3}, 6, 4, 3, PathIdleCPU},
	} {
		top := clustered(8)
		w := wakeupOf(8, 0, 6)
		w.RecentUsed, w.Sync, w.InTask = []int{tc.recent}, yes(), yes()
		st := newFakeState(8).idle(tc.idle...).scans(exactly(tc.budget))
		m := machineFor(top, "6.12", cpumask.Mask{}, cpumask.Mask{})
		if o := selectOn(m, kernelRules(t, "6.12"), st, w); o.CPU != tc.cpu || o.Path != tc.path || o.Target != 0 {
			t.Errorf("6.12, %s: CPU %d by %s for target %d, want %d by %s for 0", tc.name, o.CPU, o.Path, o.Target, tc.cpu, tc.path)
		}
	}
	// 6.6 has the domains but not the rule.
	w := wakeupOf(8, 0, 6)
	w.Sync, w.InTask = yes(), yes()
	m := machineFor(clustered(8), "6.6", cpumask.Mask{}, cpumask.Mask{})
	if o := selectOn(m, kernelRules(t, "6.6"), newFakeState(8).idle(6, 1), w); o.CPU != 6 || o.Path != PathPrevIdle {
		t.Errorf("6.6: CPU %d by %s, want the idle prev 6", o.CPU, o.Path)
	}
}

// SIS_UTIL's budget binds the whole scan, but a walk for a core only if it is 0.
func TestBudgetAndCores(t *testing.T) {
	for _, k := range []string{"6.0", "6.1", "6.12"} {
		m, r := machineA(k), kernelRules(t, k)
		st := newFakeState(8).idle(3, 7).cores(yes())
		for budget, want := range []int{0, 3, 3} {
			if o := selectOn(m, r, st.clone().scans(exactly(int64(budget))), wakeupOf(8, 0, 0)); o.CPU != want {
				t.Errorf("%s, budget %d: CPU %d by %s, want %d", k, budget, o.CPU, o.Path, want)
			}
		}
	}
	// SIS_PROP binds no walk for a core.
	for _, k := range []string{"4.19", "5.10", "5.12", "5.15"} {
		st := newFakeState(8).idle(3, 7).cores(yes()).scans(exactly(0))
		if o := selectOn(machineA(k), kernelRules(t, k), st, wakeupOf(8, 0, 0)); o.CPU != 3 || o.Path != PathIdleCore {
			t.Errorf("%s: CPU %d by %s, want 3 by the core scan", k, o.CPU, o.Path)
		}
	}
}

// A target alone in its LLC, or isolated, has no sd_llc: it is returned busy.
func TestNoLLC(t *testing.T) {
	for _, k := range everyScan {
		if kernelRules(t, k).Scan == rules.ScanGroups {
			continue
		}
		m := machineFor(twoLLCs(), k, cpumask.Of(5, 6, 7), cpumask.Mask{})
		if o := selectOn(m, kernelRules(t, k), newFakeState(8).idle(5, 0), wakeupOf(8, 4, 4)); o.CPU != 4 || o.Path != PathNoLLC {
			t.Errorf("%s: CPU %d by %s, want 4 without an LLC", k, o.CPU, o.Path)
		}
	}
}
