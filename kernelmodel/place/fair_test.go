package place

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// wide is the test of wake_wide since 4.3.
func wide(a, b, size int64) bool {
	hi, lo := max(a, b), min(a, b)
	return lo >= size && hi >= lo*size
}

// wake_wide: both flip at least as often as the LLC has CPUs, and one of them
// that many times as often as the other.
func TestWide(t *testing.T) {
	for _, tc := range []struct {
		a, b, size int64
		want       bool
	}{
		{0, 0, 4, false},
		{3, 1000, 4, false},
		{4, 15, 4, false},
		{4, 16, 4, true},
		{16, 4, 4, true},
		{8, 31, 4, false},
		{8, 32, 4, true},
		{0, 0, 0, true}, // a waker isolated at boot: size 0
		{0, 7, 1, false},
		{1, 1, 1, true},
	} {
		with := counts([]Weighted{{tc.b - 3, 1}}, 3)
		if got, _ := with.WideWith(tc.a, tc.size); got == 1 != tc.want || wide(tc.a, tc.b, tc.size) != tc.want {
			t.Errorf("%d and %d, size %d: %d", tc.a, tc.b, tc.size, got)
		}
	}
}

// A wide pair is not pulled; where that is asked and by which measure.
func TestWakeWide(t *testing.T) {
	for _, tc := range []struct {
		kernel     string
		cur, wakee int64
		target     int
		wide       int8
	}{
		{"3.10", 100, 8, 1, -1}, // no wake_wide
		{"3.12", 100, 8, 2, 1},
		{"3.12", 8, 100, 1, 0}, // only a waker that flips more counts
		{"3.12", 100, 4, 1, 0}, // more often than the LLC's 4
		{"4.3", 100, 8, 2, 1},
		{"4.3", 8, 100, 2, 1},
		{"6.12", 8, 100, 2, 1},
		{"6.12", 4, 15, 1, 0},
	} {
		m := machineFor(twoLLCs(), tc.kernel, cpumask.Mask{}, cpumask.Mask{})
		w := wakeupOf(8, 1, 2)
		w.Cur.Flips, w.Flips = []Weighted{{tc.cur, 1}}, []Weighted{{tc.wakee, 1}}
		w.Sync = yes()
		st := newFakeState(8)
		st.cpu[2].load = exactly(4096)
		if o := selectOn(m, kernelRules(t, tc.kernel), st, w); o.Target != tc.target || o.Wide != tc.wide {
			t.Errorf("%s, flips %d and %d: target %d, wide %d, want %d, %d", tc.kernel, tc.cur, tc.wakee, o.Target, o.Wide, tc.target, tc.wide)
		}
	}
}

// wake_cap, where one sibling of a core is isolated: the other has all of the core's
// capacity, and every other thread less than it by more than an eighth. A wakee that
// does not fit such a thread is pulled only within the lone one.
func TestWakeCap(t *testing.T) {
	for _, tc := range []struct {
		kernel     string
		iso        cpumask.Mask
		this, prev int
		util       int64
		affine     bool
	}{
		{"4.19.90", cpumask.Of(3), 0, 1, 471, true},
		{"4.19.90", cpumask.Of(3), 0, 1, 472, false},
		{"4.19.90", cpumask.Of(3), 2, 1, 472, false},
		{"4.19.90", cpumask.Of(3), 0, 2, 472, false},
		{"4.19.90", cpumask.Of(3), 2, 2, 1024, true},
		{"4.19.90", cpumask.Of(3), 2, 3, 1024, true}, // the isolated one never was in a domain
		{"4.19.90", cpumask.Mask{}, 0, 1, 1024, true},
		{"4.8", cpumask.Of(3), 0, 1, 1024, true},
		{"4.9", cpumask.Of(3), 0, 1, 1024, false},
		{"4.20", cpumask.Of(3), 0, 1, 1024, true},
		{"5.4", cpumask.Of(3), 0, 1, 1024, true},
	} {
		m := machineFor(smtPairs(8), tc.kernel, tc.iso, cpumask.Mask{})
		w := wakeupOf(8, tc.this, tc.prev)
		w.Cur.Flips, w.Flips, w.Util = []Weighted{{0, 1}}, []Weighted{{0, 1}}, exactly(tc.util)
		if o := selectOn(m, kernelRules(t, tc.kernel), newFakeState(8), w); o.Affine != tc.affine {
			t.Errorf("%s, isolated %s, CPUs %d and %d, util %d: want_affine %v", tc.kernel, tc.iso, tc.this, tc.prev, tc.util, o.Affine)
		}
	}
}

// smt_gain is shared by the threads that are in the domains together.
func TestCapacity(t *testing.T) {
	for _, tc := range []struct {
		kernel     string
		iso, later cpumask.Mask
		want       [4]int
	}{
		{"4.19", cpumask.Mask{}, cpumask.Mask{}, [4]int{589, 589, 589, 589}},
		{"4.19", cpumask.Of(3), cpumask.Mask{}, [4]int{589, 589, 1024, 1024}},
		{"4.19", cpumask.Of(3), cpumask.Of(3), [4]int{589, 589, 1024, 589}}, // as it was when it left
		{"5.0", cpumask.Of(3), cpumask.Mask{}, [4]int{1024, 1024, 1024, 1024}},
	} {
		m := machineFor(smtPairs(4), tc.kernel, tc.iso, tc.later)
		for c, want := range tc.want {
			if got := m.Capacity(c); got != want {
				t.Errorf("%s, isolated %s, of these later %s: CPU %d has %d, want %d", tc.kernel, tc.iso, tc.later, c, got, want)
			}
		}
	}
}

// The ranges by which guesses are weighed say what the tests themselves say.
func TestWidePartners(t *testing.T) {
	for size := range int64(6) {
		for cur := range int64(60) {
			for wakee := range int64(300) {
				for rule, want := range map[rules.WakeWideRule]bool{
					rules.WakeWideLLC: wide(cur, wakee, size), rules.WakeWideInAffine: wakee > size && cur > size*wakee,
				} {
					lo, hi, from := widePartners(cur, size, rule)
					if got := wakee >= lo && wakee <= hi || wakee >= from; got != want {
						t.Fatalf("rule %d: %d and %d, size %d: %v", rule, cur, wakee, size, got)
					}
				}
			}
		}
	}
}

// counts are values, each by more more.
func counts(of []Weighted, more int64) *Counts {
	c := NewCounts(of)
	c.More = more
	return &c
}

// Whatever the guesses, the answer is that of all their pairs.
func TestWeighWide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		few := func(name string) []Weighted {
			return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Weighted {
				return Weighted{rapid.Int64Range(0, 60).Draw(t, "flips"), uint32(rapid.IntRange(1, 1000).Draw(t, "weight"))}
			}), 1, 6).Draw(t, name)
		}
		cur, wakee, size := few("waker"), few("wakee"), rapid.Int64Range(0, 5).Draw(t, "size")
		more, theirs := rapid.Int64Range(0, 20).Draw(t, "the waker's more"), rapid.Int64Range(0, 20).Draw(t, "the wakee's more")
		yes, all := uint64(0), uint64(0)
		for _, a := range cur {
			for _, b := range wakee {
				w := uint64(a.Weight) * uint64(b.Weight)
				if all += w; wide(a.Value+more, b.Value+theirs, size) {
					yes += w
				}
			}
		}
		want := explore.Rarely(yes > all-yes, explore.DoubtOf(min(yes, all-yes), all), fact.Estimated)
		if got := weighWide(counts(cur, more), counts(wakee, theirs), size, rules.WakeWideLLC); got != want {
			t.Fatalf("%v and %v, size %d: %+v, want %+v", cur, wakee, size, got, want)
		}
	})
}

// Guesses at the flips are weighed: rare ones don't split the answer.
func TestWakeWideGuesses(t *testing.T) {
	guess := func(wide, narrow uint32) explore.Answer {
		return weighWide(counts([]Weighted{{16, wide}, {0, narrow}}, 0), counts([]Weighted{{4, 1}}, 0), 4, rules.WakeWideLLC)
	}
	for _, tc := range []struct {
		wide, narrow uint32
		value, open  bool
	}{{1, 0, true, false}, {0, 1, false, false}, {3, 1, true, true}, {1, 3, false, true}, {1000, 1, true, false}, {1, 1000, false, false}} {
		if a := guess(tc.wide, tc.narrow); a.Value != tc.value || a.Open != tc.open {
			t.Errorf("%d to %d: %+v", tc.wide, tc.narrow, a)
		}
	}
	m := machineFor(flat(4), "6.1", cpumask.Mask{}, cpumask.Mask{})
	w := wakeupOf(4, 1, 2)
	w.Flips = nil
	runs, complete := exploreOn(m, kernelRules(t, "6.1"), newFakeState(4), w, 64)
	if !complete || len(runs) != 2 || runs[0].Wide == runs[1].Wide {
		t.Errorf("unknown flips: %+v", runs)
	}
}

// wake_affine by idleness: an idle waker that shares prev's LLC, a sync waker
// that runs alone, from 5.11 on an idle prev.
func TestWakeAffineIdle(t *testing.T) {
	old, mid, late, newest := []string{"4.14", "4.15"}, []string{"4.16", "4.19", "5.4", "5.10"}, []string{"5.11", "5.15", "6.1", "6.12"}, []string{"6.12.37", "6.16"}
	all := append(append(append(append([]string{}, old...), mid...), late...), newest...)
	for _, tc := range []struct {
		name    string
		kernels []string
		prev    int
		idle    []int
		sync    bool
		nr, rnb int64 // of the waker's CPU
		loads   [2]int64
		target  int
	}{
		{"waker idle, prev busy, one LLC", all, 2, []int{1}, false, 0, 0, [2]int64{4096, 0}, 1},
		{"both idle, one LLC", old, 2, []int{1, 2}, false, 0, 0, [2]int64{0, 0}, 1},
		{"both idle, one LLC", append(mid, late...), 2, []int{1, 2}, false, 0, 0, [2]int64{0, 4096}, 2},
		{"waker idle, another LLC", old, 6, []int{1}, false, 0, 0, [2]int64{4096, 0}, 1},
		{"waker idle, another LLC, more load here", append(mid, late...), 6, []int{1}, false, 0, 0, [2]int64{4096, 0}, 6},
		{"waker idle, another LLC, more load there", append(mid, late...), 6, []int{1}, false, 0, 0, [2]int64{0, 4096}, 1},
		{"sync, alone", all, 6, nil, true, 1, 1, [2]int64{4096, 0}, 1},
		{"sync, not alone", all, 6, nil, true, 2, 2, [2]int64{4096, 0}, 6},
		{"sync, alone but for a delayed task", append(mid, late...), 6, nil, true, 2, 1, [2]int64{4096, 0}, 6},
		{"sync, alone but for a delayed task", newest, 6, nil, true, 2, 1, [2]int64{4096, 0}, 1},
		{"prev idle but loaded", mid, 6, []int{6}, false, 1, 1, [2]int64{0, 4096}, 1},
		{"prev idle but loaded", late, 6, []int{6}, false, 1, 1, [2]int64{0, 4096}, 6},
		{"sync beats an idle prev", late, 6, []int{6}, true, 1, 1, [2]int64{4096, 0}, 1},
		{"waker not allowed", all, 6, []int{1}, true, 1, 1, [2]int64{0, 4096}, -1},
	} {
		for _, k := range tc.kernels {
			m := machineFor(twoLLCs(), k, cpumask.Mask{}, cpumask.Mask{})
			st := newFakeState(8).idle(tc.idle...)
			st.cpu[1].nr, st.cpu[1].runnable = exactly(tc.nr), exactly(tc.rnb)
			st.cpu[1].load, st.cpu[tc.prev].load = exactly(tc.loads[0]), exactly(tc.loads[1])
			w := wakeupOf(8, 1, tc.prev)
			w.Sync, w.Load, w.Cur.Load = explore.Known(tc.sync, fact.Observed), exactly(100), exactly(100)
			want := tc.target
			if want < 0 {
				w.Allowed, want = cpumask.Of(tc.prev, 3), tc.prev
			}
			o := selectOn(m, kernelRules(t, k), st, w)
			if o.Target != want {
				t.Errorf("%s, %s: target %d, want %d", k, tc.name, o.Target, want)
			}
		}
	}
}

// wake_affine by weight, at the edge of each domain level's imbalance_pct: 112
// percent between LLCs up to 5.9, 108 from 5.10 on and within an LLC.
func TestWakeAffineWeight(t *testing.T) {
	// here < there: the waker's CPU with the task against prev without it.
	for _, tc := range []struct {
		kernels     []string
		prev        int
		sync        bool
		this, there int64
		target      int
	}{
		{[]string{"4.16", "4.19", "5.4", "5.9"}, 6, false, 1119, 1000, 1},
		{[]string{"4.16", "4.19", "5.4", "5.9"}, 6, false, 1120, 1000, 6},
		{[]string{"4.14"}, 6, false, 1120, 1000, 1}, // equal speaks for the waker
		{[]string{"5.10", "6.1", "6.12"}, 6, false, 1079, 1000, 1},
		{[]string{"5.10", "6.1", "6.12"}, 6, false, 1080, 1000, 6},
		{[]string{"4.19", "5.10", "6.12"}, 2, false, 1079, 1000, 1},
		{[]string{"4.19", "5.10", "6.12"}, 2, false, 1080, 1000, 2},
		{[]string{"5.10", "6.12"}, 2, true, 1080, 1000, 1}, // a tie in sync
		{[]string{"5.10", "6.12"}, 2, true, 1081, 1000, 2},
	} {
		for _, k := range tc.kernels {
			m := machineFor(twoLLCs(), k, cpumask.Mask{}, cpumask.Mask{})
			st := newFakeState(8)
			st.cpu[1].nr, st.cpu[1].runnable = exactly(3), exactly(3)
			const task, waker = 300, 50
			st.cpu[1].load, st.cpu[tc.prev].load = exactly(tc.this-task), exactly(tc.there+task)
			w := wakeupOf(8, 1, tc.prev)
			w.Load, w.Cur.Load = exactly(task), exactly(waker)
			if tc.sync {
				w.Sync = yes()
				st.cpu[1].load = exactly(tc.this - task + waker)
			}
			if o := selectOn(m, kernelRules(t, k), st, w); o.Target != tc.target {
				t.Errorf("%s, prev %d, sync %v, %d against %d: target %d, want %d", k, tc.prev, tc.sync, tc.this, tc.there, o.Target, tc.target)
			}
		}
	}
	// A waker heavier than its CPU's load leaves nothing behind.
	m := machineFor(twoLLCs(), "6.1", cpumask.Mask{}, cpumask.Mask{})
	st := newFakeState(8)
	st.cpu[1].nr = exactly(2)
	st.cpu[1].load, st.cpu[6].load = exactly(100), exactly(0)
	w := wakeupOf(8, 1, 6)
	w.Sync, w.Cur.Load = yes(), exactly(101)
	if o := selectOn(m, kernelRules(t, "6.1"), st, w); o.Target != 1 {
		t.Errorf("sync waker of more load than its CPU: target %d, want 1", o.Target)
	}
	// Capacity taken by other classes weighs against a CPU.
	st = newFakeState(8)
	st.cpu[1].load, st.cpu[6].load, st.cpu[1].capacity = exactly(700), exactly(1512), exactly(512)
	if o := selectOn(m, kernelRules(t, "6.1"), st, wakeupOf(8, 1, 6)); o.Target != 6 {
		t.Errorf("half the capacity on the waker's CPU: target %d, want 6", o.Target)
	}
}

// The comparison of known loads, version by version: of a waker's CPU and prev, by
// a wakee of load 100 and a waker's task of load 300, on a domain of imbalance_pct
// 125.
func TestAffineByVersion(t *testing.T) {
	const equal = 1024
	for _, c := range []struct {
		name             string
		this, prev, nr   int64
		sync             bool
		capPrev          int64
		perTask, effects bool // up to 3.17, 3.18 to 4.12
		weight, eager    bool // 4.16 and later, 4.14
	}{
		{"idle waker's CPU, idle prev", 0, 0, 0, false, equal, true, true, false, false},
		{"idle prev", 500, 0, 1, false, equal, false, false, false, false},
		{"prev with the wakee's own load left", 500, 100, 2, false, equal, false, false, false, false},
		{"an eighth more than prev with it", 1020, 1000, 2, false, equal, true, true, false, false},
		{"and one more", 1021, 1000, 2, false, equal, false, false, false, false},
		{"an eighth more than prev without it", 1020, 1100, 2, false, equal, true, true, false, true},
		{"and one less", 1019, 1100, 2, false, equal, true, true, true, true},
		{"the waker sleeps: its load goes", 400, 200, 1, true, equal, true, true, false, false},
		{"its load is all there is", 300, 0, 1, true, equal, true, true, false, false},
		{"and more than there is", 250, 0, 1, true, equal, true, true, true, true},
		{"room for one average task", 600, 300, 1, true, equal, true, false, false, false},
		{"no room, two being there", 600, 300, 2, true, equal, false, false, false, false},
		{"nothing there to make an average of", 600, 300, 0, true, equal, false, false, false, false},
		{"little capacity on the waker's CPU", 0, 0, 0, false, 1200, true, false, false, false},
	} {
		l := affineLoads{this: c.this, prev: c.prev, cur: 300, task: 100, capThis: equal, capPrev: c.capPrev}
		for kernel, want := range map[string]bool{"3.10": c.perTask, "3.17": c.perTask, "3.18": c.effects, "4.12": c.effects, "4.14": c.eager, "4.19": c.weight, "6.12": c.weight} {
			if got := affine(kernelRules(t, kernel), l, c.sync, 112, c.nr); got != want {
				t.Errorf("%s, %s: %v, want %v", c.name, kernel, got, want)
			}
		}
	}
}

// Loads known within margins: certain outside them, split inside.
func TestWakeAffineMargin(t *testing.T) {
	m := machineFor(twoLLCs(), "6.1", cpumask.Mask{}, cpumask.Mask{})
	for _, tc := range []struct {
		this, prev explore.Range
		want       []int
	}{
		{explore.Range{Lo: 900, Best: 1000, Hi: 1100, From: fact.Estimated}, explore.Range{Lo: 3000, Best: 3100, Hi: 3200, From: fact.Estimated}, []int{1}},
		{explore.Range{Lo: 3000, Best: 3100, Hi: 3200, From: fact.Estimated}, explore.Range{Lo: 900, Best: 1000, Hi: 1100, From: fact.Estimated}, []int{6}},
		{explore.Range{Lo: 900, Best: 1000, Hi: 1900, From: fact.Estimated}, explore.Range{Lo: 1500, Best: 2000, Hi: 2100, From: fact.Estimated}, []int{1, 6}},
		{explore.Range{Lo: 900, Best: 1900, Hi: 1900, From: fact.Estimated}, explore.Range{Lo: 1500, Best: 1600, Hi: 2900, From: fact.Estimated}, []int{6, 1}},
	} {
		st := newFakeState(8)
		st.cpu[1].load, st.cpu[6].load = tc.this, tc.prev
		w := wakeupOf(8, 1, 6)
		w.Load = exactly(100)
		runs, complete := exploreOn(m, kernelRules(t, "6.1"), st, w, 64)
		var got []int
		for _, o := range runs {
			got = append(got, o.Target)
			if o.From != fact.Estimated {
				t.Errorf("from %s, want estimated", o.From)
			}
		}
		if !complete || len(got) != len(tc.want) || got[0] != tc.want[0] {
			t.Errorf("%v against %v: targets %v, want %v", tc.this, tc.prev, got, tc.want)
		}
	}
}

// The domain loop: no common domain, no pull; 3.x then makes no search either.
func TestDomainLoop(t *testing.T) {
	islands := []cpumask.Mask{cpumask.Range(0, 3), cpumask.Range(4, 7)}
	for k, want := range map[string]Outcome{
		"3.10": {CPU: 6, Path: PathTarget},
		"4.3":  {CPU: 7, Path: PathIdleCPU},
		"4.19": {CPU: 7, Path: PathIdleCPU},
		"6.12": {CPU: 7, Path: PathIdleCPU},
	} {
		kernel, err := rules.ParseKernel(k, "")
		if err != nil {
			t.Fatal(err)
		}
		top := twoLLCs()
		major, minor, _ := kernel.Version()
		m := topo.NewMachine(&top, topo.BuildDomains(top, rules.DomainRulesFor(major, minor), cpumask.Mask{}, cpumask.Mask{}, islands), cpumask.Mask{})
		w := wakeupOf(8, 1, 6)
		w.Sync = yes()
		if o := selectOn(m, &kernel.Rules, newFakeState(8).idle(7), w); o.CPU != want.CPU || o.Path != want.Path || o.Target != 6 {
			t.Errorf("%s: CPU %d by %s for target %d, want %d by %s for 6", k, o.CPU, o.Path, o.Target, want.CPU, want.Path)
		}
	}
	// Nodes farther apart than the reclaim distance share no SD_WAKE_AFFINE level.
	top := topo.Regular{Nodes: 2, Packages: 1, LLCs: 1, Cores: 2, Threads: 1, Distances: [][]int{{10, 40}, {40, 10}}}.Topology()
	m := machineFor(top, "6.1", cpumask.Mask{}, cpumask.Mask{})
	w := wakeupOf(4, 0, 3)
	w.Sync = yes()
	if o := selectOn(m, kernelRules(t, "6.1"), newFakeState(4), w); o.Target != 3 {
		t.Errorf("distance 40: target %d, want prev 3", o.Target)
	}
}
