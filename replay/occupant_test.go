package replay_test

import (
	"context"
	"path/filepath"
	"testing"

	"schedreplay/internal/traces"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay"
)

// TestOccupants explains every decision of real captures, and holds who is said to keep a CPU
// busy against the events: what runs there was switched to, what is queued was woken there,
// moved there or left the CPU runnable, and what is on the wake list wakes up there next.
func TestOccupants(t *testing.T) {
	for _, dir := range []string{"k419-smt44-isolated43-original", "smt8-isolated3-612-original"} {
		path := filepath.Join(traces.Dir(t), dir)
		in, _ := openCapture(t, path, "ftrace.txt.gz")
		var events []parser.Event
		for ev, err := range in.Events() {
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, ev)
		}
		in, h := openCapture(t, path, "ftrace.txt.gz")
		current, queued := map[int]int32{}, map[int32]int{}
		next := 0
		until := func(time int64) {
			for ; next < len(events) && events[next].Time <= time; next++ {
				switch ev := &events[next]; ev.Kind {
				case parser.KindSwitch:
					current[int(ev.CPU)] = ev.Next.PID
					if delete(queued, ev.Task.PID); ev.State.Runnable() {
						queued[ev.Task.PID] = int(ev.CPU)
					}
				case parser.KindWakeup, parser.KindWakeupNew, parser.KindMigrate:
					queued[ev.Task.PID] = int(ev.TargetCPU)
				}
			}
		}
		lands := func(pid int32) int {
			for i := range events[next:] {
				switch ev := &events[next+i]; {
				case ev.Kind == parser.KindSwitch && ev.Next.PID == pid:
					return int(ev.CPU)
				case (ev.Kind == parser.KindWakeup || ev.Kind == parser.KindMigrate) && ev.Task.PID == pid:
					return int(ev.TargetCPU)
				}
			}
			return parser.NoCPU // the recording ends before
		}
		told, moved := map[string]int{}, map[string]int{}
		_, err := replay.Run(context.Background(), in, h, replay.Plan{
			Explain: func(*replay.Wakeup) bool { return true },
			Observer: replay.Observer{Wakeup: func(w *replay.Wakeup) {
				until(w.Time)
				if w.Explanation == nil {
					return
				}
				for _, s := range w.Explanation.Original {
					o := &s.Occupant
					cur, seen := current[s.CPU]
					on, woken := queued[o.Task.PID]
					to := lands(o.Task.PID)
					switch {
					case o.How == replay.OccupiesUnknown:
						continue
					case s.Kind != place.AskIdle || s.Answer != place.No || o.Task.PID == w.Task.PID:
						t.Fatalf("%s: wakeup %d: %+v answers for %+v", dir, w.N, o, s.Step)
					case o.How == replay.OccupiesRunning && seen && cur != o.Task.PID,
						o.How == replay.OccupiesQueued && woken && on != s.CPU && to != s.CPU,
						o.How == replay.OccupiesPending && to != s.CPU && to != parser.NoCPU:
						t.Errorf("%s: wakeup %d at %d: %+v on CPU %d, where %d is current", dir, w.N, w.Time, o, s.CPU, cur)
					}
					told[o.How.String()]++
				}
				for _, s := range w.Explanation.Patched {
					if o := &s.Occupant; o.How == replay.OccupiesMoved {
						moved[o.Task.Comm]++
					}
				}
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if told["running"] < 1000 || told["queued"] < 500 || told["pending"] == 0 {
			t.Errorf("%s: told of %v only", dir, told)
		}
		if moved["ksmd"] == 0 {
			t.Errorf("%s: ksmd keeps no CPU busy where the patched kernel puts it: %v", dir, moved)
		}
	}
}
