package account

import (
	"schedreplay/parser"
	"schedreplay/replay/noise"
	"schedreplay/replay/timeline"
)

// Wake is how a task was woken, and how its waker had been before: a chain of wakers.
type Wake struct {
	Task timeline.TaskRef
	// At is when, in ns; By who did it.
	At int64
	By noise.Cause
	// Waker is how the waking task had itself been woken, nil if By is no task, or that is
	// not recorded.
	Waker *Wake
	// Cut: the chain goes on beyond what is kept of it.
	Cut bool
	// depth bounds the links behind this one.
	depth uint8
}

// MaxChain is the number of links that are kept of a chain at least.
const MaxChain = 12

// wakes notes who woke a task.
func (t *Tracker) wakes(ev *parser.Event) {
	if ev.Kind == parser.KindWakeup && t.Survey.HasWaking || ev.Task.PID <= 0 || !timeline.UsableCPU(ev.CPU) {
		return // its sched_waking has told
	}
	if p := t.Timeline.Find(ev.Task.PID); p != nil && (p.Queued || p.WokenAt != parser.NoTime) {
		return // it was awake
	}
	w := &Wake{Task: timeline.TaskRef{PID: ev.Task.PID, Comm: ev.Task.Comm, Prio: ev.Task.Prio}, At: ev.Time}
	var c *noise.CPU
	if t.noise != nil && int(ev.CPU) < t.NCPU {
		c = &t.noise[ev.CPU]
	} else {
		c = new(noise.CPU)
	}
	if w.By = c.Who(ev); w.By.By == noise.ByTask && w.By.PID > 0 {
		if p := t.Timeline.Find(w.By.PID); p != nil && p.Comm != "" {
			w.By.Name = p.Comm
		}
		w.Waker = t.woken.Get(w.By.PID)
	}
	if w.Waker != nil {
		if w.depth = w.Waker.depth + 1; w.depth == 2*MaxChain {
			last := w
			for i := 0; i < MaxChain && last.Waker != nil; i++ { // others have cut it, too
				last = last.Waker
			}
			last.Waker, last.Cut, w.depth = nil, true, MaxChain
		}
	}
	t.woken.Set(ev.Task.PID, w)
}

// answers notes that a task's run answers its last waking.
func (t *Tracker) answers(k *trackedCPU, p *timeline.Task) {
	if w := t.woken.Get(p.PID); w != nil && w.At == p.WokenAt {
		k.chain = w
		k.beside.causes = append(k.beside.causes, w.By)
	}
}
