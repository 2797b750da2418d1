package place

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
)

// select_task_rq_rt and find_lowest_rq on two LLCs of four CPUs: the outcomes
// in order, the preferred one first.
func TestSelectRT(t *testing.T) {
	prio := func(c int, p int64) func(*fakeState) { return func(s *fakeState) { s.cpu[c].prio = exactly(p) } }
	for _, tc := range []struct {
		name       string
		kind       Kind
		prio       int
		this, prev int
		iso        cpumask.Mask
		tune       []func(*fakeState)
		want       []int
	}{
		{"prev runs a fair task", KindWakeup, 50, 0, 2, cpumask.Mask{}, nil, []int{2}},
		{"prev is idle", KindWakeup, 50, 0, 2, cpumask.Mask{}, []func(*fakeState){func(s *fakeState) { s.idle(2) }}, []int{2}},
		{"higher priority on prev: the waker's CPU", KindWakeup, 50, 0, 2, cpumask.Mask{}, []func(*fakeState){prio(2, 10)}, []int{0}},
		{"equal priority too", KindWakeup, 50, 0, 2, cpumask.Mask{}, []func(*fakeState){prio(2, 50)}, []int{0}},
		{"fork too", KindWakeupNew, 50, 0, 2, cpumask.Mask{}, []func(*fakeState){prio(2, 50)}, []int{0}},
		{"exec stays", KindExec, 50, 0, 2, cpumask.Mask{}, []func(*fakeState){prio(2, 10)}, []int{2}},
		{"lower priority: only if it is pinned", KindWakeup, 50, 0, 2, cpumask.Mask{}, []func(*fakeState){prio(2, 60)}, []int{2, 0}},
		{"waker in the other LLC: any here", KindWakeup, 50, 5, 2, cpumask.Mask{}, []func(*fakeState){prio(2, 10)}, []int{0, 1, 3}},
		{"the lowest level counts", KindWakeup, 50, 0, 2, cpumask.Mask{}, []func(*fakeState){prio(2, 10), prio(0, 60), prio(1, 70), prio(3, 49)}, []int{4, 5, 6, 7}},
		{"real-time everywhere, one lower", KindWakeup, 50, 0, 2, cpumask.Mask{}, []func(*fakeState){func(s *fakeState) {
			for c := range s.cpu {
				s.cpu[c].prio = exactly(20)
			}
			s.cpu[6].prio = exactly(60)
		}}, []int{6}},
		{"nothing lower", KindWakeup, 50, 0, 2, cpumask.Mask{}, []func(*fakeState){func(s *fakeState) {
			for c := range s.cpu {
				s.cpu[c].prio = exactly(50)
			}
		}}, []int{2}},
		{"never onto an isolated CPU", KindWakeup, 50, 5, 2, cpumask.Of(1, 3), []func(*fakeState){prio(2, 10)}, []int{0}},
		{"between isolated CPUs", KindWakeup, 50, 0, 2, cpumask.Of(2, 3, 6), []func(*fakeState){prio(2, 10)}, []int{3, 6}},
		{"a deadline task on prev", KindWakeup, 50, 0, 2, cpumask.Mask{}, []func(*fakeState){prio(2, -1)}, []int{0, 2}},
		{"deadline wakee, prev without one", KindWakeup, -1, 0, 2, cpumask.Mask{}, []func(*fakeState){prio(2, 10)}, []int{2}},
		{"deadline wakee behind another", KindWakeup, -1, 0, 2, cpumask.Of(4, 5, 6, 7), []func(*fakeState){prio(2, -1), prio(1, -1)}, []int{2, 0, 3}},
		{"deadline fork stays", KindWakeupNew, -1, 0, 2, cpumask.Mask{}, []func(*fakeState){prio(2, -1)}, []int{2}},
	} {
		st := newFakeState(8)
		for _, f := range tc.tune {
			f(st)
		}
		w := wakeupOf(8, tc.this, tc.prev)
		w.Kind, w.Prio = tc.kind, tc.prio
		runs, complete := exploreOn(machineFor(twoLLCs(), "6.1", tc.iso, cpumask.Mask{}), kernelRules(t, "6.1"), st, w, 64)
		var got []int
		for _, o := range runs {
			got = append(got, o.CPU)
		}
		if d := cmp.Diff(tc.want, got); d != "" || !complete {
			t.Errorf("%s: -want +got:\n%s", tc.name, d)
		}
	}
}

// What runs where is unknown: every CPU of the root domain and prev.
func TestSelectRTUnknown(t *testing.T) {
	st := newFakeState(8)
	for c := range st.cpu {
		st.cpu[c].prio = explore.Range{Lo: -1, Best: 140, Hi: 140, From: fact.Unknown}
	}
	w := wakeupOf(8, 0, 2)
	w.Prio, w.Allowed = 50, cpumask.Range(0, 5)
	runs, complete := exploreOn(machineFor(twoLLCs(), "6.1", cpumask.Of(5), cpumask.Mask{}), kernelRules(t, "6.1"), st, w, 64)
	if !complete || !cpusOf(runs).Equal(cpumask.Range(0, 4)) || runs[0].CPU != 2 {
		t.Errorf("%s, preferring %d", cpusOf(runs), runs[0].CPU)
	}
}

// The stopper keeps its CPU.
func TestStop(t *testing.T) {
	w := wakeupOf(8, 0, 2)
	w.Stop, w.Prio = true, 0
	if o := selectOn(machineFor(twoLLCs(), "6.1", cpumask.Mask{}, cpumask.Mask{}), kernelRules(t, "6.1"), newFakeState(8), w); o.CPU != 2 || o.Path != PathStop {
		t.Errorf("CPU %d by %s", o.CPU, o.Path)
	}
}
