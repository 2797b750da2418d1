package ftrace

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// A line gives the same event whatever lines a pass has read before.
func TestAgain(t *testing.T) {
	fronts := []string{
		"          <idle>-0       [043] d.h.. ", "          <idle>-0       [043] dNs.. ", "           <...>-713     [043] d.... ",
		"           pmd-c-713     [004] d....", "           pmd-c-713     (    712) [004] d.... ", "           pmd-c-713     (-------) [004] d.... ",
		"   pmd-c-713     4d....", "          <idle>-0     [004] ", "pmd-c-713 [004] d.... ", "           pmd-c-713     [004] d..x... ",
	}
	stamps := []string{"   24.563748: ", "24.563748123: ", " 24563748: ", "12us : ", " 9.000001:", "x"}
	texts := []string{
		"sched_waking: comm=pmd-c pid=713 prio=120 target_cpu=043", "sched_waking: comm=pmd-c pid=713 prio=120 target_cpu=044",
		"sched_wakeup: comm=a pid=1 prio=120 success=0 target_cpu=001", "sched_wakeup:         vm-mem:195 [120] CPU:004",
		"sched_switch: prev_comm=a prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=b next_pid=2 next_prio=100",
		"sched_switch: prev_comm=a prev_pid=1 prev_prio=120 prev_state=R ==> next_comm=b next_pid=2",
		"sched_stat_runtime: comm=a pid=1 runtime=12 [ns]", "function <-caller", "",
	}
	rapid.Check(t, func(t *rapid.T) {
		one := func() string {
			return rapid.SampledFrom(fronts).Draw(t, "front") + rapid.SampledFrom(stamps).Draw(t, "stamp") + rapid.SampledFrom(texts).Draw(t, "text")
		}
		c := &capture{grammar: grammar{irqColumn: -1}}
		used := &pass{capture: c, out: text.NewStream(nil)}
		for n := range int64(40) {
			line := []byte(one())
			var got, want parser.Event
			fit, aligned := used.Decode(&got, line, n)
			fresh := &pass{capture: c, out: used.out}
			wantFit, wantAligned := fresh.Decode(&want, line, n)
			if fit != wantFit || aligned != wantAligned || fit != 0 && got != want {
				t.Fatalf("%q: %v %v\n got %+v\nwant %+v", line, fit, wantFit, got, want)
			}
		}
	})
}
