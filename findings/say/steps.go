package say

import (
	"fmt"

	"schedreplay/kernelmodel/place"
)

// Test returns what a step asks, in the kernel's terms.
func Test(s *place.Step) string {
	switch s.Kind {
	case place.AskCurrent:
		return "p == current"
	case place.AskOnRq:
		return "p->on_rq"
	case place.AskDelayed:
		return "p->se.sched_delayed"
	case place.AskOnCPU:
		return "p->on_cpu and queued on its own CPU"
	case place.AskOneCPU:
		return "p->nr_cpus_allowed == 1"
	case place.AskMigrationDisabled:
		return "is_migration_disabled(p)"
	case place.AskUsable:
		return fmt.Sprintf("CPU %d is not allowed; first usable CPU", s.Other)
	case place.AskAffine:
		return "want_affine: not wake_wide, and the waker's CPU allowed"
	case place.AskWide:
		return fmt.Sprintf("wakee_flips of waker and wakee against sd_llc_size %d", s.N)
	case place.AskCapacity:
		return fmt.Sprintf("task_util %d does not fit capacity %d", s.N, s.M)
	case place.AskShareCache:
		return "the waker's CPU and prev share an LLC"
	case place.AskIdle:
		return fmt.Sprintf("available_idle_cpu(%d)", s.CPU)
	case place.AskSchedIdle:
		return fmt.Sprintf("sched_idle_cpu(%d)", s.CPU)
	case place.AskIdlePolicy:
		return fmt.Sprintf("p is SCHED_IDLE like what runs on CPU %d", s.CPU)
	case place.AskSync:
		return "WF_SYNC"
	case place.AskRunsOne:
		return fmt.Sprintf("sync, and nr_running of CPU %d is 1", s.CPU)
	case place.AskLoads:
		return fmt.Sprintf("load %d on CPU %d with the wakee below %d on CPU %d without", s.N, s.CPU, s.M, s.Other)
	case place.AskPerCPUKthread:
		return "current is a per-CPU kthread, prev is here, nr_running at most 1"
	case place.AskRecentUsed:
		return "recent_used_cpu"
	case place.AskLLC:
		return fmt.Sprintf("sd_llc of CPU %d", s.CPU)
	case place.AskIdleCores:
		return fmt.Sprintf("has_idle_cores in the LLC of CPU %d", s.CPU)
	case place.AskSpan:
		return fmt.Sprintf("CPU %d, sibling of %d, is in sched_domain_span(sd)", s.CPU, s.Other)
	case place.AskThisLLC:
		return fmt.Sprintf("sd_llc of the waker's CPU %d", s.CPU)
	case place.AskMayScan:
		return "nr_idle_scan"
	case place.AskBudget:
		return fmt.Sprintf("CPU %d is number %d of the scan, within the budget of %d", s.CPU, s.N, s.M)
	case place.AskIdlest:
		return fmt.Sprintf("idlest CPU of domain %s", s.Domain.Span)
	case place.AskRunsRT:
		return fmt.Sprintf("CPU %d runs a real-time task", s.CPU)
	case place.AskPrioNotBelow:
		return fmt.Sprintf("its priority is not below %d", s.N)
	case place.AskLowestRQ:
		return "find_lowest_rq"
	case place.AskRunsDeadline:
		return fmt.Sprintf("CPU %d runs a deadline task", s.CPU)
	}
	return "unknown test"
}

// Answer returns how a step came out.
func Answer(s *place.Step) string {
	switch s.Answer {
	case place.Yes:
		return "yes"
	case place.Chose:
		return fmt.Sprint(s.CPU)
	case place.NotAsked:
		return "no, but this kernel does not ask"
	}
	switch s.Kind {
	case place.AskSpan:
		return "no: passed over"
	case place.AskLLC:
		return "none: no sched domain"
	case place.AskThisLLC:
		return "none: the scan gives up"
	case place.AskMayScan:
		return "0: no scan"
	}
	return "no"
}

// From returns where a step's answer comes from: a provenance, "topology" where
// the machine alone decides, or "" where there is nothing to ask.
func From(s *place.Step) string {
	switch {
	case s.Kind.OfTopology():
		return "topology"
	case s.Kind == place.AskUsable:
		return ""
	}
	return s.Fact.From.String()
}

// Provenance returns [From] and whether the answer may be otherwise.
func Provenance(s *place.Step) string {
	from := From(s)
	if s.Fact.Open {
		from += "; may be otherwise"
	}
	return from
}
