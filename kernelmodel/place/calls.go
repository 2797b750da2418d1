package place

import (
	"slices"

	"schedreplay/kernelmodel/rules"
)

// calledBy says which function calls another.
var calledBy = map[string]string{
	"ttwu_runnable":             "try_to_wake_up",
	"select_task_rq":            "try_to_wake_up",
	"select_task_rq_fair":       "select_task_rq",
	"select_task_rq_rt":         "select_task_rq",
	"select_task_rq_dl":         "select_task_rq",
	"select_task_rq_stop":       "select_task_rq",
	"select_fallback_rq":        "select_task_rq",
	"wake_wide":                 "select_task_rq_fair",
	"wake_cap":                  "select_task_rq_fair",
	"wake_affine":               "select_task_rq_fair",
	"wake_affine_idle":          "wake_affine",
	"wake_affine_weight":        "wake_affine",
	"find_energy_efficient_cpu": "select_task_rq_fair",
	"find_idlest_cpu":           "select_task_rq_fair",
	"select_idle_sibling":       "select_task_rq_fair",
	"select_idle_capacity":      "select_idle_sibling",
	"select_idle_smt":           "select_idle_sibling",
	"select_idle_cpu":           "select_idle_sibling",
	"select_idle_core":          "select_idle_cpu",
}

var lastCall = map[Path]string{
	PathTargetIdle:    "select_idle_sibling",
	PathPrevIdle:      "select_idle_sibling",
	PathPerCPUKthread: "select_idle_sibling",
	PathRecentUsed:    "select_idle_sibling",
	PathNoLLC:         "select_idle_sibling",
	PathIdleSMT:       "select_idle_smt",
	PathIdleCore:      "select_idle_core",
	PathIdleCPU:       "select_idle_cpu",
	PathIdleCapacity:  "select_idle_capacity",
	PathTarget:        "select_idle_sibling",
	PathClusterPrev:   "select_idle_sibling",
	PathClusterRecent: "select_idle_sibling",
	PathSlow:          "find_idlest_cpu",
	PathEAS:           "find_energy_efficient_cpu",
	PathCurrentCPU:    "select_task_rq_fair",
	PathRT:            "select_task_rq_rt",
	PathDeadline:      "select_task_rq_dl",
	PathStop:          "select_task_rq_stop",
	PathFallback:      "select_fallback_rq",
}

var foundBy = map[Reason]string{
	ReasonCurrent:           "try_to_wake_up",
	ReasonOnRq:              "ttwu_runnable",
	ReasonOnCPUQueue:        "try_to_wake_up",
	ReasonDelayed:           "ttwu_runnable",
	ReasonOneCPU:            "select_task_rq",
	ReasonMigrationDisabled: "select_task_rq",
}

// LastCall is the kernel function that a path ends in, "" if it is in none.
func LastCall(p Path) string { return lastCall[p] }

// Calls is the chain of functions that ends in one, outermost first: from try_to_wake_up, or
// what does its part for that kind of decision.
func Calls(fn string, kind Kind, r *rules.Rules) []string {
	var chain []string
	for fn != "try_to_wake_up" {
		chain = append(chain, fn)
		up, ok := calledBy[fn]
		switch {
		case !ok:
			up = "select_task_rq"
		case fn == "select_idle_core" && r.Scan == rules.ScanSeparate:
			up = "select_idle_sibling"
		case fn == "wake_wide" && r.WakeWide == rules.WakeWideInAffine:
			up = "wake_affine"
		}
		fn = up
	}
	switch kind {
	case KindWakeupNew:
		fn = "wake_up_new_task"
	case KindExec:
		fn = "sched_exec"
	}
	chain = append(chain, fn)
	slices.Reverse(chain)
	return chain
}

// CallPath is the chain of functions to where a path puts a task, nil if that is not known.
func CallPath(p Path, why Reason, kind Kind, r *rules.Rules) []string {
	fn := lastCall[p]
	switch {
	case p == PathNoSelection:
		fn = foundBy[why]
	case p == PathIdleCPU && r.Scan == rules.ScanGroups:
		fn = "select_idle_sibling"
	}
	if fn == "" {
		return nil
	}
	return Calls(fn, kind, r)
}
