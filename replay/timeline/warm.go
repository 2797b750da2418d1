package timeline

import (
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// This file finds out how loaded the machine was when the capture began, and where it goes
// on after an interruption. Load averages look back some 345 ms; what was before that is
// taken to have been as what comes right after.

// peltMemory is LOAD_AVG_MAX_N periods: an average remembers nothing older.
const peltMemory = 345 * load.Period

// share is how much of a time a task ran, and was runnable, in ns.
type share struct {
	prio        int32
	born        bool // it came into being meanwhile
	ran, queued int64
}

// startShare is a task's share as it is measured, and what util_est made of it.
type startShare struct {
	share
	since            int64 // up to when the rest holds
	running, waiting bool
	e                load.Entity
}

// settle brings a task's share up to now.
func (k *startShare) settle(now int64) {
	d := max(0, now-k.since)
	k.e.Step(k.since, false, false) // only the first time
	k.since += d
	k.e.Step(k.since, k.waiting, k.running)
	if k.running {
		k.ran += d
	}
	if k.waiting {
		k.queued += d
	}
}

// shares are those of all tasks from a moment on. They look at nothing that a decision
// chose: when tasks were woken, ran and slept, not where.
type shares struct {
	task parser.ByPID[*startShare]
	from int64
	// spares: util_est does not fall for a task that had to wait.
	spares bool
}

// end is up to when they are measured at most; a is nil if they are not.
func (a *shares) end() int64 {
	if a == nil {
		return 0
	}
	return a.from + peltMemory
}

// of returns the share of a task, making it on first sight; waiting: it was runnable then.
func (a *shares) of(t *parser.Task, waiting bool) *startShare {
	k := a.task.Get(t.PID)
	if k == nil {
		k = &startShare{since: a.from, waiting: waiting, e: load.Entity{Weight: 1024}}
		a.task.Set(t.PID, k)
	}
	if t.Prio != parser.NoPrio {
		k.prio = t.Prio
	}
	return k
}

// runs tells who was current at the beginning.
func (a *shares) runs(pid, prio int32) {
	if pid > 0 {
		k := a.of(&parser.Task{PID: pid, Prio: prio}, true)
		k.running, k.waiting = true, true
	}
}

// take takes an event; waited tells which tasks were runnable at the beginning.
func (a *shares) take(ev *parser.Event, waited func(pid int32) bool) {
	get := func(t *parser.Task) *startShare {
		k := a.of(t, a.task.Get(t.PID) == nil && waited(t.PID))
		k.settle(ev.Time)
		return k
	}
	switch ev.Kind {
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		k := get(&ev.Task)
		k.waiting, k.born = true, k.born || ev.Kind == parser.KindWakeupNew
	case parser.KindSwitch:
		if ev.Task.PID > 0 {
			k := get(&ev.Task)
			k.running, k.waiting = false, ev.State.Known() && ev.State.Runnable()
			if !k.waiting {
				k.e.Remember(a.spares)
			}
		}
		if ev.Next.PID > 0 {
			k := get(&ev.Next)
			k.running, k.waiting = true, true
		}
	}
}

// settle brings all shares up to an end.
func (a *shares) settle(end int64) {
	for _, k := range a.task.All() {
		k.settle(end)
	}
}

// startShares measures the tasks over the beginning of the capture, and returns
// how long that is.
func startShares(c parser.Capture, s *Survey, spares bool) (*parser.ByPID[*startShare], int64) {
	a := &shares{from: s.Start, spares: spares}
	end := min(s.End, a.end())
	for i := range s.cpu {
		if st := &s.cpu[i]; st.known {
			a.runs(st.cur, st.prio)
		}
	}
	waited := func(pid int32) bool {
		ts := s.Task.Get(pid)
		return ts != nil && ts.firstSeen && ts.startQueued
	}
	for ev, err := range c.Events() {
		if err != nil || ev.Time > end {
			break
		}
		a.take(&ev, waited)
	}
	a.settle(end)
	return &a.task, end - s.Start
}

// average gives a task the averages that it had where its share of a span had been so all
// along.
func (k *share) average(e *load.Entity, span int64) {
	e.Load = e.Weight * k.queued / span
	e.Runnable = 1024 * k.queued / span
	e.Util = 1024 * k.ran / span
}

// warm gives the tasks, and the CPUs that they are on, the averages that they most
// likely had at the start, where each task's share had been so all along.
func (t *Timeline) warm(all *parser.ByPID[*startShare], span int64) {
	if span <= 0 || t.Slices {
		return
	}
	t.Now = t.Survey.Start
	for pid, k := range all.All() {
		p := t.Find(pid)
		if p == nil || k.prio < place.MaxRTPrio || p.Entity.Attached != parser.NoCPU {
			continue
		}
		e := &p.Entity
		p.Prio, e.Weight = k.prio, t.weightOf(p, k.prio)
		k.average(e, span)
		e.Est = max(e.Util, k.e.Est)
		c := p.CPU
		if !UsableCPU(c) || int(c) >= len(t.CPU) {
			continue
		}
		q := t.queue(c)
		if !p.Queued {
			q.Attach(e)
			e.Attached = c
			continue
		}
		if t.Delays {
			t.fairEnqueue(p, c)
		}
		t.loadEnqueue(p, c)
		q.Running = q.Running || t.CPU[c].Cur == pid
	}
}

// rewarm does so where the recording goes on after a seam: each task has the averages of its
// share of the time after it. What util_est remembers of a task stays.
func (t *Timeline) rewarm(s *seam) {
	if s.over <= 0 || t.Slices {
		return
	}
	for c := range t.CPU {
		q := &t.CPU[c].CFS
		*q = load.Queue{Weight: q.Weight, NR: q.NR, Est: q.Est, Running: q.Running}
		t.queue(int32(c))
	}
	for _, p := range t.task.All() {
		p.Entity.Attached = parser.NoCPU
		(&share{}).average(&p.Entity, s.over)
	}
	for i := range s.shares {
		k := &s.shares[i]
		p := t.Find(k.pid)
		if p == nil || k.prio < place.MaxRTPrio {
			continue
		}
		if p.Prio == parser.NoPrio {
			p.Prio, p.Entity.Weight = k.prio, t.weightOf(p, k.prio)
		}
		k.average(&p.Entity, s.over)
	}
	for _, p := range t.task.All() {
		if p.Queued {
			t.attach(p, p.seat.cpu)
		}
	}
}

// attach adds a task's averages to those of a CPU, if they are nowhere.
func (t *Timeline) attach(p *Task, c int32) {
	if e := &p.Entity; e.Attached == parser.NoCPU && p.Fair() && UsableCPU(c) && int(c) < len(t.CPU) {
		t.CPU[c].CFS.Attach(e)
		e.Attached = c
	}
}
