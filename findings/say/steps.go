package say

import (
	"fmt"

	"schedreplay/findings"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay"
)

// tests words each question, in the kernel's terms.
var tests = map[place.Question]func(*replay.Step) string{
	place.AskCurrent:           plain("p == current"),
	place.AskOnRq:              plain("p->on_rq"),
	place.AskDelayed:           plain("p->se.sched_delayed"),
	place.AskOnCPU:             plain("p->on_cpu and queued on its own CPU"),
	place.AskOneCPU:            plain("p->nr_cpus_allowed == 1"),
	place.AskMigrationDisabled: plain("is_migration_disabled(p)"),
	place.AskUsable:            func(s *replay.Step) string { return fmt.Sprintf("CPU %d is not allowed; first usable CPU", s.Other) },
	place.AskAffine:            plain("want_affine: not wake_wide, and the waker's CPU allowed"),
	place.AskWide: func(s *replay.Step) string {
		return fmt.Sprintf("wakee_flips of waker and wakee against sd_llc_size %d", s.N)
	},
	place.AskCapacity:   func(s *replay.Step) string { return fmt.Sprintf("task_util %d does not fit capacity %d", s.N, s.M) },
	place.AskShareCache: plain("the waker's CPU and prev share an LLC"),
	place.AskIdle:       func(s *replay.Step) string { return fmt.Sprintf("available_idle_cpu(%d)", s.CPU) },
	place.AskSchedIdle:  func(s *replay.Step) string { return fmt.Sprintf("sched_idle_cpu(%d)", s.CPU) },
	place.AskIdlePolicy: func(s *replay.Step) string { return fmt.Sprintf("p is SCHED_IDLE like what runs on CPU %d", s.CPU) },
	place.AskSync:       plain("WF_SYNC"),
	place.AskRunsOne:    func(s *replay.Step) string { return fmt.Sprintf("sync, and nr_running of CPU %d is 1", s.CPU) },
	place.AskLoads: func(s *replay.Step) string {
		return fmt.Sprintf("load %d on CPU %d with the wakee below %d on CPU %d without", s.N, s.CPU, s.M, s.Other)
	},
	place.AskPerCPUKthread: plain("current is a per-CPU kthread, prev is here, nr_running at most 1"),
	place.AskRecentUsed:    plain("recent_used_cpu"),
	place.AskLLC:           func(s *replay.Step) string { return fmt.Sprintf("sd_llc of CPU %d", s.CPU) },
	place.AskIdleCores:     func(s *replay.Step) string { return fmt.Sprintf("has_idle_cores in the LLC of CPU %d", s.CPU) },
	place.AskSpan: func(s *replay.Step) string {
		return fmt.Sprintf("CPU %d, sibling of %d, is in sched_domain_span(sd)", s.CPU, s.Other)
	},
	place.AskThisLLC: func(s *replay.Step) string { return fmt.Sprintf("sd_llc of the waker's CPU %d", s.CPU) },
	place.AskMayScan: plain("nr_idle_scan"),
	place.AskBudget: func(s *replay.Step) string {
		return fmt.Sprintf("CPU %d is number %d of the scan, within the budget of %d", s.CPU, s.N, s.M)
	},
	place.AskIdlest:       func(s *replay.Step) string { return fmt.Sprintf("idlest CPU of domain %s", s.Domain.Span) },
	place.AskRunsRT:       func(s *replay.Step) string { return fmt.Sprintf("CPU %d runs a real-time task", s.CPU) },
	place.AskPrioNotBelow: func(s *replay.Step) string { return fmt.Sprintf("its priority is not below %d", s.N) },
	place.AskLowestRQ:     plain("find_lowest_rq"),
	place.AskRunsDeadline: func(s *replay.Step) string { return fmt.Sprintf("CPU %d runs a deadline task", s.CPU) },
}

func plain(words string) func(*replay.Step) string {
	return func(*replay.Step) string { return words }
}

// Test returns what a step asks, in the kernel's terms.
func Test(s *replay.Step) string {
	if words, ok := tests[s.Kind]; ok {
		return words(s)
	}
	return "unknown test"
}

// Answer returns how a step came out.
func Answer(s *replay.Step) string {
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

// Occupant says which task keeps a CPU busy that a decision of some time looks at, "" if that
// is not known.
func Occupant(o *replay.Occupant, at int64) string {
	name, is, long := TaskName(o.Task), " is", ""
	if o.Since != parser.NoTime && o.Since < at {
		is, long = " has been", " for "+Duration(at-o.Since)
	}
	switch o.How {
	case replay.OccupiesRunning:
		return name + " runs there"
	case replay.OccupiesQueued:
		return name + is + " queued there" + long
	case replay.OccupiesPending:
		return name + is + " on its wake list" + long
	case replay.OccupiesMoved:
		return name + " is there in this kernel’s world"
	}
	return ""
}

// From returns where a step's answer comes from: a provenance, "topology" where
// the machine alone decides, or "" where there is nothing to ask.
func From(s *replay.Step) string {
	switch {
	case s.Kind.OfTopology():
		return "topology"
	case s.Kind == place.AskUsable:
		return ""
	}
	return s.Fact.From.String()
}

// Provenance returns [From] and whether the answer may be otherwise.
func Provenance(s *replay.Step) string {
	from := From(s)
	if s.Fact.Open {
		from += "; may be otherwise"
	}
	return from
}

// Deciding says by which test two kernels part, and how each answers it, with where the
// answer comes from.
func Deciding(d *findings.Decision) string {
	o, p := d.Deciding()
	first := o
	if o == nil {
		first = p
	}
	if first == nil {
		return ""
	}
	s := Code(first.Func) + ": " + Clean(Test(first)) + "."
	for i, step := range [2]*replay.Step{o, p} {
		k, _ := d.Kernel([2]findings.Side{findings.OriginalAlone, findings.PatchedAlone}[i])
		switch {
		case step == nil:
			s += fmt.Sprintf(" %s does not come to it.", Kernel(k))
		case step.Answer == place.NotAsked:
			s += fmt.Sprintf(" %s does not ask.", Kernel(k))
		default:
			s += fmt.Sprintf(" %s asks, and the answer is %s (%s).", Kernel(k), Clean(Answer(step)), Provenance(step))
		}
	}
	return s
}
