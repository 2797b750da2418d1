package hidden

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
	"schedreplay/replay/timeline"
)

// What the LLCs know of their CPUs, brought up to date where something happened, is what a look
// at all CPUs tells.
func TestFollow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const cpus = 6
		tasks := append([]parser.Task{made.Swapper, made.ATask(50, "rt", 10)}, made.Busy[:]...)
		task := rapid.SampledFrom(tasks)
		cpu, state := rapid.Int32Range(0, cpus-1), rapid.SampledFrom([]parser.State{made.Sleeps, made.Runnable, made.Preempted, made.Dies})
		llcs := []LLC{{Span: cpumask.Of(0, 1, 2), Pct: 117}, {Span: cpumask.Of(2, 3, 4, 5), Pct: 117}}
		line := timeline.New(&timeline.Survey{HasWaking: true, HasWakeup: rapid.Bool().Draw(t, "sched_wakeup")}, cpus, rapid.Bool().Draw(t, "delayed dequeue"))
		h := New(&timeline.Recorded{Survey: line.Survey, NCPU: cpus, Host: &parser.Host{}}, line, llcs, nil, true)
		now := int64(1000)
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now += rapid.Int64Range(0, 2500).Draw(t, "later")
			c, p := cpu.Draw(t, "CPU"), task.Draw(t, "task")
			var ev parser.Event
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				ev = made.Lost(now, c, now-10, 1)
			case 1:
				ev = made.Migrates(now, c, made.Swapper, p, c, cpu.Draw(t, "to"))
			case 2, 3:
				ev = made.Wakeup(now, c, made.Swapper, p, cpu.Draw(t, "to"))
			case 4:
				line.Fly(line.Get(p.PID), c, cpu.Draw(t, "to"), timeline.Window{Est: line.Now, Lo: line.Now, Hi: line.Now})
				continue
			default:
				ev = made.Switches(now, c, made.ATask(max(0, line.CPU[c].Cur), "", 120), state.Draw(t, "state"), p)
			}
			line.Apply(&ev)
			if rapid.Bool().Draw(t, "look on") {
				continue
			}
			h.follow(line.Now)
			for i := range h.llcs {
				most, fresh := int64(0), false
				for _, c := range h.llcs[i].cpus {
					k := &line.CPU[c]
					most += min(1024, max(k.CFS.UtilMost(), k.CFS.Est))
					fresh = fresh || k.IdleAt > line.Now-newlyIdle && k.Idle()
				}
				if l := &h.llcs[i]; l.most != most || l.fresh != fresh {
					t.Fatalf("LLC %d: %d and %v, want %d and %v", i, l.most, l.fresh, most, fresh)
				}
			}
		}
	})
}
