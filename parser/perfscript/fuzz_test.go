package perfscript

import (
	"testing"

	"schedreplay/internal/goldentest"
)

func FuzzRead(f *testing.F) { goldentest.Fuzz(f, "testdata", New) }

func BenchmarkEvents(b *testing.B) {
	goldentest.Benchmark(b, []string{
		"         swapper     0 [000]  %s:       sched:sched_waking: comm=migration/0 pid=18 prio=0 target_cpu=000",
		"            perf 16161 [000]  %s: sched:sched_stat_runtime: comm=perf pid=16161 runtime=16624 [ns]",
		"            perf 16161 [000]  %s:       sched:sched_switch: prev_comm=perf prev_pid=16161 prev_prio=120 prev_state=D ==> next_comm=migration/0 next_pid=18 next_prio=0",
	}, New)
}
