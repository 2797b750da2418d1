package replay

import (
	"testing"

	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// An exec's CPU is chosen before its program is loaded: of a task that is moved just before
// it wakes the stopper, of one that stays near the beginning of its run. What CPUs do later
// plays no part.
func TestExecIsToldAsOfItsChoice(t *testing.T) {
	execs := func(at int64, cpu int32) parser.Event {
		ev := made.At(at, parser.KindExec, cpu)
		ev.Task, ev.Cur, ev.OldPID = made.Busy[6], made.Busy[6], made.Busy[6].PID
		return ev
	}
	// CPUs below idle are, and 2 and 3 go idle after the choice.
	crowd := func(idle int32) (before, after []parser.Event) {
		for c := range int32(7) {
			run := made.Busy[c]
			if c < idle {
				run = made.Swapper
			}
			before = append(before, made.Switches(int64(c)+1, c, made.ATask(20+c, "before", 120), made.Sleeps, run))
		}
		for c := int32(2); c < 4; c++ {
			after = append(after, made.Switches(3000+int64(c), c, made.Busy[c], made.Sleeps, made.Swapper))
		}
		return before, after
	}
	stopper := made.ATask(40, "migration/6", 0)
	called := made.Waking(1000, 6, made.Busy[6], stopper, 6)
	moved := made.At(1020, parser.KindMigrate, 6)
	moved.Task, moved.Cur, moved.OrigCPU, moved.TargetCPU = made.Busy[6], stopper, 6, 1
	before, after := crowd(2)
	moves := append(append(before, called, made.Wakeup(1005, 6, made.Busy[6], stopper, 6),
		made.Switches(1010, 6, made.Busy[6], made.Runnable, stopper), moved,
		made.Switches(1030, 1, made.Swapper, made.Runnable, made.Busy[6])), append(after, execs(4000, 1))...)
	before, after = crowd(0)
	stays := append(append(before, after...), execs(10_000, 6))
	for _, tc := range []struct {
		name   string
		events []parser.Event
		want   int
	}{{"moved", moves, 1}, {"stays", stays, 6}} {
		s := replayScene(t, made.Record(tc.events...), made.Bench("6.1", 7), Plan{Original: "6.1"})
		w := s.of(made.Busy[6])
		if e := w[len(w)-1]; e.Kind != place.KindExec || e.Original.CPU != tc.want || e.RecordedCPU != tc.want {
			t.Errorf("%s: %s to CPU %d, recorded on %d, want %d", tc.name, e.Kind, e.Original.CPU, e.RecordedCPU, tc.want)
		}
	}
}
