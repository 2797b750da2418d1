package place

import (
	"slices"
	"strings"
	"testing"

	"schedreplay/kernelmodel/rules"
)

func TestCallPath(t *testing.T) {
	k := func(name string) *rules.Rules { return kernelRulesOf(name) }
	for _, c := range []struct {
		kernel string
		p      Path
		why    Reason
		kind   Kind
		want   string
	}{
		{"6.1", PathIdleSMT, "", KindWakeup, "try_to_wake_up select_task_rq select_task_rq_fair select_idle_sibling select_idle_smt"},
		{"6.1", PathIdleCore, "", KindWakeup, "try_to_wake_up select_task_rq select_task_rq_fair select_idle_sibling select_idle_cpu select_idle_core"},
		{"4.19", PathIdleCore, "", KindWakeupNew, "wake_up_new_task select_task_rq select_task_rq_fair select_idle_sibling select_idle_core"},
		{"6.1", PathRT, "", KindExec, "sched_exec select_task_rq select_task_rq_rt"},
		{"6.1", PathNoSelection, ReasonOnRq, KindWakeup, "try_to_wake_up ttwu_runnable"},
		{"6.1", PathNoSelection, ReasonCurrent, KindWakeup, "try_to_wake_up"},
		{"6.1", PathUnknown, "", KindWakeup, ""},
	} {
		if got := strings.Join(CallPath(c.p, c.why, c.kind, k(c.kernel)), " "); got != c.want {
			t.Errorf("%s %s: %s, not %s", c.kernel, c.p, got, c.want)
		}
	}
	for p, fn := range lastCall {
		if chain := Calls(fn, KindWakeup, k("6.1")); chain[0] != "try_to_wake_up" || !slices.Contains(chain, fn) {
			t.Errorf("%s: %v", p, chain)
		}
	}
}
