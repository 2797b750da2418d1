package ftrace

import (
	"testing"

	"schedreplay/internal/goldentest"
)

func FuzzRead(f *testing.F) { goldentest.Fuzz(f, "testdata", New) }

func BenchmarkEvents(b *testing.B) {
	goldentest.Benchmark(b, []string{
		"          <idle>-0       [043] d.h..  %s: sched_waking: comm=pmd-c pid=713 prio=120 target_cpu=043",
		"          <idle>-0       [043] dNh..  %s: sched_wakeup: comm=pmd-c pid=713 prio=120 target_cpu=043",
		"          <idle>-0       [043] d....  %s: sched_switch: prev_comm=swapper/43 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=pmd-c next_pid=713 next_prio=120",
		"           pmd-c-713     [043] d....  %s: sched_stat_runtime: comm=pmd-c pid=713 runtime=59107 [ns]",
		"           pmd-c-713     [043] d....  %s: sched_switch: prev_comm=pmd-c prev_pid=713 prev_prio=120 prev_state=S ==> next_comm=swapper/43 next_pid=0 next_prio=120",
	}, New)
}
