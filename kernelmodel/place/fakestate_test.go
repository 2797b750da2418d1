package place

import (
	"math"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// fakeCPU is a CPU of a state made up by a test.
type fakeCPU struct {
	idle, schedIdle      explore.Answer
	nr, runnable         explore.Range // nr_running and the same without delayed tasks
	load, runAvg, util   explore.Range
	capacity, idleSince  explore.Range
	prio                 explore.Range
	hasIdleCores         explore.Answer // of the CPU's LLC
	budget               explore.Range  // CPUs a scan may look at
	idleAsked, prioAsked int
}

// fakeState is a machine made up by a test. Where nothing is said a CPU runs one
// task, and everything is known.
type fakeState struct {
	cpu []fakeCPU
}

func exactly(v int64) explore.Range { return explore.Exactly(v, fact.Observed) }

func yes() explore.Answer { return explore.Known(true, fact.Observed) }

func no() explore.Answer { return explore.Known(false, fact.Observed) }

// newFakeState makes n busy CPUs without advertised idle cores whose scans are
// not limited.
func newFakeState(n int) *fakeState {
	s := &fakeState{cpu: make([]fakeCPU, n)}
	for c := range s.cpu {
		s.cpu[c] = fakeCPU{
			idle: no(), schedIdle: no(), nr: exactly(1), runnable: exactly(1), load: exactly(512), runAvg: exactly(512), util: exactly(512),
			capacity: exactly(1024), idleSince: exactly(0), prio: exactly(120), hasIdleCores: no(), budget: exactly(math.MaxInt32),
		}
	}
	return s
}

// idle makes CPUs idle.
func (s *fakeState) idle(cpus ...int) *fakeState {
	for _, c := range cpus {
		k := &s.cpu[c]
		k.idle, k.nr, k.runnable, k.prio = yes(), exactly(0), exactly(0), exactly(140)
		k.load, k.runAvg, k.util = exactly(0), exactly(0), exactly(0)
	}
	return s
}

// openIdle leaves it open whether CPUs are idle.
func (s *fakeState) openIdle(prefer bool, cpus ...int) *fakeState {
	for _, c := range cpus {
		k := &s.cpu[c]
		k.idle = explore.Either(prefer, fact.Unknown)
		k.nr, k.runnable = explore.Range{Lo: 0, Best: 1, Hi: 1 << 20, From: fact.Unknown}, explore.Range{Lo: 0, Best: 1, Hi: 1 << 20, From: fact.Unknown}
		k.prio = explore.Range{Lo: -1, Best: 140, Hi: 140, From: fact.Unknown}
	}
	return s
}

// schedIdle makes CPUs run SCHED_IDLE tasks only.
func (s *fakeState) schedIdle(cpus ...int) *fakeState {
	for _, c := range cpus {
		s.cpu[c].schedIdle = yes()
	}
	return s
}

// cores sets has_idle_cores everywhere.
func (s *fakeState) cores(a explore.Answer) *fakeState {
	for c := range s.cpu {
		s.cpu[c].hasIdleCores = a
	}
	return s
}

// scans sets how many CPUs every scan may look at.
func (s *fakeState) scans(r explore.Range) *fakeState {
	for c := range s.cpu {
		s.cpu[c].budget = r
	}
	return s
}

func (s *fakeState) clone() *fakeState { return &fakeState{cpu: append([]fakeCPU(nil), s.cpu...)} }

func (s *fakeState) Idle(c int) explore.Answer {
	s.cpu[c].idleAsked++
	return s.cpu[c].idle
}

func (s *fakeState) SchedIdle(c int) explore.Answer    { return s.cpu[c].schedIdle }
func (s *fakeState) NrRunning(c int) explore.Range     { return s.cpu[c].nr }
func (s *fakeState) NrRunnable(c int) explore.Range    { return s.cpu[c].runnable }
func (s *fakeState) HasIdleCores(c int) explore.Answer { return s.cpu[c].hasIdleCores }
func (s *fakeState) ScanBudget(_ rules.BudgetRule, _, c int) (explore.Range, explore.Odds) {
	return s.cpu[c].budget, nil
}
func (s *fakeState) Load(_ rules.LoadRule, c int) explore.Range { return s.cpu[c].load }
func (s *fakeState) Runnable(c int) explore.Range               { return s.cpu[c].runAvg }
func (s *fakeState) Util(c int) explore.Range                   { return s.cpu[c].util }
func (s *fakeState) Capacity(c int) explore.Range               { return s.cpu[c].capacity }
func (s *fakeState) IdleSince(c int) explore.Range              { return s.cpu[c].idleSince }

func (s *fakeState) CurPrio(c int) explore.Range {
	s.cpu[c].prioAsked++
	return s.cpu[c].prio
}

// wakeupOf is a plain wakeup of a task of priority 120 that may run anywhere on
// n CPUs: an interrupt on this woke it, and no recent_used_cpu is of use.
func wakeupOf(n, this, prev int) *Wakeup {
	return &Wakeup{
		Kind: KindWakeup, This: this, Prev: []int{prev}, PrevFrom: fact.Observed, Prio: 120,
		Allowed: cpumask.Range(0, n-1), AllowedFrom: fact.Observed,
		OneCPU: no(), MigrationDisabled: no(), IsCurrent: no(), OnRq: no(), OnCPU: no(), Delayed: no(), Sync: no(), InTask: no(), IdlePolicy: no(),
		Flips: []Weighted{{0, 1}},
		Cur:   Current{PerCPUKthread: no(), Flips: []Weighted{{0, 1}}, Load: exactly(512), Weight: 1024},
		Load:  exactly(512), Weight: 1024, Util: exactly(512),
		RecentUsed: []int{prev},
	}
}

// kernelRules returns the rules of a KERNEL.
func kernelRules(t interface {
	Helper()
	Fatal(...any)
}, name string,
) *rules.Rules {
	t.Helper()
	return kernelRulesOf(name)
}

func kernelRulesOf(name string) *rules.Rules {
	k, err := rules.ParseKernel(name, "")
	if err != nil {
		panic(err)
	}
	return &k.Rules
}

// machineFor compiles a machine with the domains of a release.
func machineFor(t topo.Topology, name string, isolated, later cpumask.Mask) *topo.Machine {
	k, err := rules.ParseKernel(name, "")
	if err != nil {
		panic(err)
	}
	major, minor, _ := k.Version()
	return topo.NewMachine(&t, topo.BuildDomains(t, rules.DomainRulesFor(major, minor), isolated, later, nil), isolated)
}

// selectOn runs a wakeup on a machine whose facts are all known. 4.13 leaves one
// open across LLCs all the same, to which the likelier answer is taken.
func selectOn(m *topo.Machine, r *rules.Rules, st State, w *Wakeup) Outcome {
	s := Selector{Rules: r, Machine: m, State: st}
	var o Outcome
	var x explore.Explorer
	if !x.Explore(1, func() { o = *s.Select(&x, w) }) && r.Affine != rules.AffineCache {
		panic("open facts in a test that has none")
	}
	return o
}

// exploreOn runs a wakeup for every way to answer its open facts.
func exploreOn(m *topo.Machine, r *rules.Rules, st State, w *Wakeup, limit int) (runs []Outcome, complete bool) {
	s := Selector{Rules: r, Machine: m, State: st}
	var x explore.Explorer
	complete = x.Explore(limit, func() { runs = append(runs, *s.Select(&x, w)) })
	return runs, complete
}

// cpusOf is the set of CPUs of some outcomes.
func cpusOf(runs []Outcome) cpumask.Mask {
	var m cpumask.Mask
	for i := range runs {
		m.Set(runs[i].CPU)
	}
	return m
}
