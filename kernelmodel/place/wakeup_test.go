package place

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/topo"
)

// Wakeups that select no CPU, and the kernels on which each of them exists.
func TestNoSelection(t *testing.T) {
	all := []string{"3.10", "4.19", "5.2", "5.3", "5.7", "5.8", "5.15", "6.0", "6.1", "6.9", "6.12"}
	from := func(first string) map[string]bool {
		m, on := map[string]bool{}, false
		for _, k := range all {
			on = on || k == first
			m[k] = on
		}
		return m
	}
	for _, tc := range []struct {
		reason Reason
		set    func(*Wakeup)
		on     map[string]bool
		alone  bool // the wakeup selects nowhere even where the case is unknown
	}{
		{ReasonCurrent, func(w *Wakeup) { w.IsCurrent = yes() }, from("5.3"), false},
		{ReasonOnRq, func(w *Wakeup) { w.OnRq = yes() }, from("3.10"), false},
		{ReasonDelayed, func(w *Wakeup) { w.Delayed = yes() }, from("6.12"), false},
		{ReasonOnCPUQueue, func(w *Wakeup) { w.OnCPU = yes(); w.Prev = []int{5} }, from("5.8"), false}, // another LLC
		{ReasonOneCPU, func(w *Wakeup) { w.OneCPU = yes(); w.Allowed = cpumask.Of(w.Prev[0]) }, from("3.10"), false},
		{ReasonMigrationDisabled, func(w *Wakeup) { w.MigrationDisabled = yes() }, from("3.10"), false},
	} {
		for _, k := range all {
			m := machineFor(twoLLCs(), k, cpumask.Mask{}, cpumask.Mask{})
			w := wakeupOf(8, 1, 2)
			tc.set(w)
			o := selectOn(m, kernelRules(t, k), newFakeState(8).idle(3), w)
			got := o.Path == PathNoSelection && o.Reason == tc.reason && o.CPU == w.Prev[0]
			if got != tc.on[k] || got == o.Selected() {
				t.Errorf("%s, %s: CPU %d by %s %s, selected %v", k, tc.reason, o.CPU, o.Path, o.Reason, o.Selected())
			}
		}
	}
}

// A forked or executing task is not on a queue that could keep it.
func TestForkSelects(t *testing.T) {
	for _, kind := range []Kind{KindWakeupNew, KindExec} {
		w := wakeupOf(8, 1, 1)
		w.Kind, w.IsCurrent, w.OnRq, w.OnCPU = kind, yes(), yes(), yes()
		if o := firstOf(machineFor(twoLLCs(), "6.1", cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, "6.1"), newFakeState(8), w); !o.Selected() || o.Path != PathSlow {
			t.Errorf("kind %d: %s %s", kind, o.Path, o.Reason)
		}
	}
}

// The wakee that is still on its CPU is queued there without selection if the
// LLCs differ, or by what else that CPU has to run.
func TestOnCPUQueue(t *testing.T) {
	for _, tc := range []struct {
		kernel     string
		this, prev int
		nr         int64
		tune       func(*Wakeup)
		want       bool
	}{
		{"5.7", 1, 5, 0, nil, false},
		{"5.8", 1, 5, 9, nil, true},
		{"5.8", 1, 2, 1, nil, true},
		{"5.8", 1, 2, 2, nil, false},
		{"5.19", 1, 2, 1, nil, true},
		{"6.0", 1, 2, 0, nil, true},
		{"6.0", 1, 2, 1, nil, false},
		{"6.1", 1, 1, 0, nil, false},
		{"6.1", 1, 5, 9, nil, true},
		{"6.1", 1, 5, 9, func(w *Wakeup) { w.Allowed = cpumask.Range(0, 3) }, false},
		{"6.12", 1, 2, 0, nil, true},
	} {
		w := wakeupOf(8, tc.this, tc.prev)
		w.OnCPU = yes()
		if tc.tune != nil {
			tc.tune(w)
		}
		st := newFakeState(8)
		st.cpu[tc.prev].nr = exactly(tc.nr)
		o := selectOn(machineFor(twoLLCs(), tc.kernel, cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, tc.kernel), st, w)
		if got := o.Reason == ReasonOnCPUQueue; got != tc.want {
			t.Errorf("%s, this %d, prev %d with %d queued: %s %s, want queued %v", tc.kernel, tc.this, tc.prev, tc.nr, o.Path, o.Reason, tc.want)
		}
	}
}

// select_fallback_rq: the first usable CPU of the old CPU's node, else of any,
// else the old CPU.
func TestFallback(t *testing.T) {
	top := topo.Regular{Nodes: 2, Packages: 1, LLCs: 1, Cores: 4, Threads: 1}.Topology()
	for _, tc := range []struct {
		name    string
		allowed cpumask.Mask
		offline int
		want    int
		path    Path
	}{
		{"prev is allowed", cpumask.Of(5, 6), -1, 6, PathTarget},
		{"another CPU of the node", cpumask.Of(1, 5), -1, 5, PathFallback},
		{"another node's", cpumask.Of(2, 3), -1, 2, PathFallback},
		{"the first is offline", cpumask.Of(2, 3), 2, 3, PathFallback},
		{"none", cpumask.Mask{}, -1, 6, PathFallback},
	} {
		m := top
		if tc.offline >= 0 {
			m.Online = m.Online.AndNot(cpumask.Of(tc.offline))
		}
		w := wakeupOf(8, 6, 6)
		w.Allowed = tc.allowed
		st := newFakeState(8)
		for _, k := range []string{"4.19", "5.10", "6.1", "6.12"} {
			o := selectOn(machineFor(m, k, cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, k), st, w)
			if o.CPU != tc.want || o.Path != tc.path {
				t.Errorf("%s, %s: CPU %d by %s, want %d by %s", k, tc.name, o.CPU, o.Path, tc.want, tc.path)
			}
		}
	}
}

// On machines of different capacity a fair task's choice is not modelled; a
// real-time task's and wakeups without a choice are.
func TestAsymmetric(t *testing.T) {
	top := flat(4)
	for c := range top.CPU {
		top.CPU[c].Capacity = 512 << (c / 2)
	}
	top.X86 = false
	for _, k := range []string{"5.4", "5.15", "6.1", "6.12"} {
		m, r := machineFor(top, k, cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, k)
		w := wakeupOf(4, 0, 1)
		if o := selectOn(m, r, newFakeState(4).idle(1), w); o.Path != PathNotModelled {
			t.Errorf("%s: %s, want not modelled", k, o.Path)
		}
		w.Prio = 50
		if o := selectOn(m, r, newFakeState(4).idle(1), w); o.Path != PathRT || o.CPU != 1 {
			t.Errorf("%s: CPU %d by %s, want 1 by rt", k, o.CPU, o.Path)
		}
		w.OneCPU = yes()
		if o := selectOn(m, r, newFakeState(4), w); o.Reason != ReasonOneCPU {
			t.Errorf("%s: %s %s", k, o.Path, o.Reason)
		}
	}
}

// The task's own timer fires on the CPU it is on, wherever that is.
func TestThisIsPrev(t *testing.T) {
	m := machineFor(twoLLCs(), "6.1", cpumask.Mask{}, cpumask.Mask{})
	w := wakeupOf(8, 1, 6)
	w.ThisIsPrev = true
	st := newFakeState(8).idle(1, 6)
	if o := selectOn(m, kernelRules(t, "6.1"), st, w); o.CPU != 6 || o.Path != PathTargetIdle {
		t.Errorf("CPU %d by %s, want 6", o.CPU, o.Path)
	}
	// A task of which two places are possible is in one of them in each run.
	w.Prev = []int{6, 2}
	runs, complete := exploreOn(m, kernelRules(t, "6.1"), st.idle(2), w, 64)
	if !complete || len(runs) != 2 || runs[0].CPU != 6 || runs[1].CPU != 2 {
		t.Errorf("runs %+v", runs)
	}
}

// The weakest fact that a run leaned on is the provenance of its outcome.
func TestProvenance(t *testing.T) {
	m, r := machineFor(flat(4), "6.1", cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, "6.1")
	for name, tc := range map[string]struct {
		tune func(*Wakeup, *fakeState)
		want fact.Provenance
	}{
		"all seen":             {func(*Wakeup, *fakeState) {}, fact.Observed},
		"affinity assumed":     {func(w *Wakeup, _ *fakeState) { w.AllowedFrom = fact.Assumed }, fact.Assumed},
		"idle reconstructed":   {func(_ *Wakeup, s *fakeState) { s.cpu[1].idle.From = fact.Reconstructed }, fact.Reconstructed},
		"unknown, never asked": {func(_ *Wakeup, s *fakeState) { s.cpu[3].idle = explore.Either(true, fact.Unknown) }, fact.Observed},
	} {
		w, st := wakeupOf(4, 1, 1), newFakeState(4).idle(1)
		tc.tune(w, st)
		if o := selectOn(m, r, st, w); o.From != tc.want {
			t.Errorf("%s: %s, want %s", name, o.From, tc.want)
		}
	}
}
