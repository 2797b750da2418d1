package place

import (
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/topo"
)

// Step is one test that the kernel's code makes, for explanations: what was
// asked, of which CPU, and what the answer hung on. It holds no words; findings/say
// has them.
type Step struct {
	// Func is the kernel function that asks.
	Func string
	// Kind is what it asks.
	Kind Question
	// CPU is the one asked about, or with [Chose] the one chosen; -1 if the test is
	// of none. Other is the second CPU of a test that has two.
	CPU, Other int
	// N and M are the numbers compared; each kind says which.
	N, M int64
	// Domain is the sched domain searched, for [AskIdlest].
	Domain *topo.Domain
	// Answer is how the test came out in this run.
	Answer Answer
	// Fact is what the answer hung on: the likelier answer and its provenance. It is
	// open only if this test could have come out otherwise. The zero Fact is of a
	// test that asks nothing of the state.
	Fact explore.Answer
}

// Same reports whether two steps are the same test with the same answer,
// wherever the answers come from.
func (s *Step) Same(o *Step) bool {
	a, b := *s, *o
	a.Fact, b.Fact = explore.Answer{}, explore.Answer{}
	if a.Domain != nil && b.Domain != nil && a.Domain.Span.Equal(b.Domain.Span) {
		a.Domain, b.Domain = nil, nil
	}
	return a == b
}

// Answer is how a test comes out.
type Answer uint8

// The answers.
const (
	No Answer = iota
	Yes
	// Chose: the test names a CPU.
	Chose
	// NotAsked: the test would fail, but this kernel does not make it.
	NotAsked
)

func yesno(b bool) Answer {
	if b {
		return Yes
	}
	return No
}

// Question is what a test asks.
type Question uint8

// The questions, in the order in which the kernel may make them.
const (
	// AskCurrent: p == current (try_to_wake_up).
	AskCurrent Question = iota
	// AskOnRq: p->on_rq (ttwu_runnable).
	AskOnRq
	// AskDelayed: p->se.sched_delayed (ttwu_runnable).
	AskDelayed
	// AskOnCPU: p->on_cpu, and ttwu_queue_wakelist puts it on that CPU's list.
	AskOnCPU
	// AskOneCPU: p->nr_cpus_allowed == 1 (select_task_rq).
	AskOneCPU
	// AskMigrationDisabled: is_migration_disabled(p) (select_task_rq).
	AskMigrationDisabled
	// AskUsable: Other may not be used, so select_fallback_rq takes CPU.
	AskUsable
	// AskAffine: want_affine: the waker's CPU is allowed, and neither wake_wide nor wake_cap
	// forbids it.
	AskAffine
	// AskWide: wake_wide, with sd_llc_size N.
	AskWide
	// AskCapacity: wake_cap, the wakee's utilisation N against a capacity of M.
	AskCapacity
	// AskShareCache: cpus_share_cache(CPU, Other).
	AskShareCache
	// AskIdle: available_idle_cpu(CPU).
	AskIdle
	// AskSchedIdle: sched_idle_cpu(CPU).
	AskSchedIdle
	// AskIdlePolicy: task_has_idle_policy(p), which passes over CPU.
	AskIdlePolicy
	// AskSync: WF_SYNC.
	AskSync
	// AskRunsOne: WF_SYNC, and nr_running of CPU is 1 (wake_affine_idle).
	AskRunsOne
	// AskLoads: load N on CPU with the wakee is below load M on Other without it
	// (wake_affine_weight).
	AskLoads
	// AskPerCPUKthread: current is a per-CPU kthread, prev is this CPU, and
	// nr_running is at most 1 (select_idle_sibling).
	AskPerCPUKthread
	// AskRecentUsed: recent_used_cpu of the wakee.
	AskRecentUsed
	// AskLLC: sd_llc of the target.
	AskLLC
	// AskIdleCores: has_idle_cores of CPU's LLC.
	AskIdleCores
	// AskSpan: CPU, a sibling of Other, is in sched_domain_span(sd).
	AskSpan
	// AskThisLLC: sd_llc of the waker's CPU (select_idle_cpu up to 6.0).
	AskThisLLC
	// AskMayScan: nr_idle_scan is not 0.
	AskMayScan
	// AskBudget: CPU, number N of the scan, lies within the budget, most likely M.
	AskBudget
	// AskIdlest: the idlest CPU of Domain.
	AskIdlest
	// AskRunsRT: CPU runs a real-time task.
	AskRunsRT
	// AskPrioNotBelow: the priority of the task current on CPU is not below N.
	AskPrioNotBelow
	// AskLowestRQ: find_lowest_rq.
	AskLowestRQ
	// AskRunsDeadline: CPU runs a deadline task.
	AskRunsDeadline
	numQuestions
)

// OfTopology reports whether the machine alone decides the test.
func (q Question) OfTopology() bool {
	return q == AskLLC || q == AskThisLLC || q == AskSpan || q == AskShareCache
}

// Questions returns every question.
func Questions() []Question {
	all := make([]Question, numQuestions)
	for i := range all {
		all[i] = Question(i)
	}
	return all
}

func (s *Selector) step(st Step) {
	if s.Trace != nil {
		s.Trace(st)
	}
}
