package place

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/topo"
)

// steps are those of the preferred run.
func steps(kernel string, m *topo.Machine, st State, w *Wakeup) []Step {
	var out []Step
	s := Selector{Rules: kernelRulesOf(kernel), Machine: m, State: st, Trace: func(st Step) { out = append(out, st) }}
	var x explore.Explorer
	x.Explore(1, func() { s.Select(&x, w) })
	return out
}

// A wide range of scan budgets is open only where a CPU may lie on either side
// of it: what is surely scanned, or surely not, hangs on nothing.
func TestBudgetStepHangsOnTheRange(t *testing.T) {
	for _, tc := range []struct {
		lo, best, hi int64
		open         bool
		answer       Answer
	}{
		{3, 3, 3, false, Yes},
		{3, 4, 8, false, Yes}, // CPU 3 is number 3: within, whatever the budget
		{1, 1, 2, false, No},
		{2, 3, 8, true, Yes},
		{2, 2, 8, true, No},
	} {
		st := newFakeState(8).idle(3).scans(explore.Range{Lo: tc.lo, Best: tc.best, Hi: tc.hi, From: fact.Estimated})
		var got *Step
		for _, s := range steps("6.9", machineA("6.9"), st, wakeupOf(8, 0, 0)) {
			if s.Kind == AskBudget {
				got = &s
			}
		}
		if got == nil || got.CPU != 3 || got.N != 3 || got.Answer != tc.answer || got.Fact.Open != tc.open || got.Fact.From != fact.Estimated {
			t.Errorf("budget %d to %d: %+v", tc.lo, tc.hi, got)
		}
	}
}

// want_affine hangs on what decided it: the affinity, or wake_wide.
func TestAffineStep(t *testing.T) {
	m := machineFor(twoLLCs(), "6.1", cpumask.Mask{}, cpumask.Mask{})
	for _, tc := range []struct {
		name    string
		tune    func(*Wakeup)
		answer  Answer
		from    fact.Provenance
		mayTurn bool
	}{
		{"allowed, not wide", func(*Wakeup) {}, Yes, fact.Estimated, false},
		{"the flips are not known", func(w *Wakeup) { w.Flips = nil }, Yes, fact.Unknown, true},
		{"wide", func(w *Wakeup) { w.Cur.Flips, w.Flips = []Weighted{{100, 1}}, []Weighted{{8, 1}} }, No, fact.Estimated, false},
		{"not allowed", func(w *Wakeup) { w.Allowed = cpumask.Of(2, 3) }, No, fact.Observed, false},
	} {
		w := wakeupOf(8, 1, 2)
		tc.tune(w)
		for _, s := range steps("6.1", m, newFakeState(8), w) {
			if s.Kind == AskAffine && (s.Answer != tc.answer || s.Fact.From != tc.from || s.Fact.Open != tc.mayTurn) {
				t.Errorf("%s: %+v", tc.name, s)
			}
		}
	}
}

// An unknown recent_used_cpu that decides is told as what the answer hangs on.
func TestUnknownRecentUsedStep(t *testing.T) {
	w := wakeupOf(8, 0, 0)
	w.RecentUsed = nil
	s := Selector{Rules: kernelRulesOf("6.9"), Machine: machineA("6.9"), State: newFakeState(8).idle(3).scans(exactly(1))}
	var run []Step
	s.Trace = func(st Step) { run = append(run, st) }
	var x explore.Explorer
	found := false
	x.Explore(64, func() {
		run = nil
		if o := s.Select(&x, w); o.Path != PathRecentUsed {
			return
		}
		for _, st := range run {
			found = found || st.Kind == AskRecentUsed && st.CPU == 3 && st.Fact.Open && st.Fact.From == fact.Unknown
		}
	})
	if !found {
		t.Error("no step tells that recent_used_cpu may be 3")
	}
}

func TestSameStep(t *testing.T) {
	a := Step{Func: "select_idle_cpu", Kind: AskIdle, CPU: 3, Fact: explore.Known(false, fact.Observed)}
	b := a
	b.Fact.From = fact.Estimated
	if !a.Same(&b) {
		t.Error("provenance tells steps apart")
	}
	b.CPU = 4
	if a.Same(&b) {
		t.Error("CPUs do not tell steps apart")
	}
	x, y := Step{Domain: &topo.Domain{Span: cpumask.Of(1)}}, Step{Domain: &topo.Domain{Span: cpumask.Of(1)}}
	if !x.Same(&y) {
		t.Error("the same domain of two machines differs")
	}
	if y.Domain.Span = cpumask.Of(2); x.Same(&y) {
		t.Error("two domains are the same")
	}
}
