package timeline

import (
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// This file finds out how loaded the machine was when the capture began. Load
// averages look back some 345 ms; what was before the capture is taken to have been
// as what comes right after its start.

// peltMemory is LOAD_AVG_MAX_N periods: an average remembers nothing older.
const peltMemory = 345 * load.Period

// startShare is a task at the start: how much of the time it ran, and was runnable, in
// ns, and what util_est made of it.
type startShare struct {
	prio             int32
	ran, queued      int64
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

// startShares measures the tasks over the beginning of the capture, and returns
// how long that is. It looks at nothing that a decision chose: when tasks were
// woken, ran and slept, not where.
func startShares(c parser.Capture, s *Survey, spares bool) (*parser.ByPID[*startShare], int64) {
	all := &parser.ByPID[*startShare]{}
	end := min(s.End, s.Start+peltMemory)
	get := func(t *parser.Task) *startShare {
		k := all.Get(t.PID)
		if k == nil {
			k = &startShare{since: s.Start, e: load.Entity{Weight: 1024}}
			if ts := s.Task.Get(t.PID); ts != nil && ts.firstSeen {
				k.waiting = ts.startQueued
			}
			all.Set(t.PID, k)
		}
		if t.Prio != parser.NoPrio {
			k.prio = t.Prio
		}
		return k
	}
	for i := range s.cpu {
		if st := &s.cpu[i]; st.known && st.cur > 0 {
			k := get(&parser.Task{PID: st.cur, Prio: st.prio})
			k.running, k.waiting = true, true
		}
	}
	for ev, err := range c.Events() {
		if err != nil || ev.Time > end {
			break
		}
		switch ev.Kind {
		case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
			k := get(&ev.Task)
			k.settle(ev.Time)
			k.waiting = true
		case parser.KindSwitch:
			if ev.Task.PID > 0 {
				k := get(&ev.Task)
				k.settle(ev.Time)
				k.running, k.waiting = false, ev.State.Known() && ev.State.Runnable()
				if !k.waiting {
					k.e.Remember(spares)
				}
			}
			if ev.Next.PID > 0 {
				k := get(&ev.Next)
				k.settle(ev.Time)
				k.running, k.waiting = true, true
			}
		}
	}
	for _, k := range all.All() {
		k.settle(end)
	}
	return all, end - s.Start
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
		e.Load = e.Weight * k.queued / span
		e.Runnable = 1024 * k.queued / span
		e.Util = 1024 * k.ran / span
		e.Est = max(e.Util, k.e.Est)
		c := p.CPU
		if !UsableCPU(c) || int(c) >= len(t.CPU) {
			continue
		}
		q := &t.CPU[c].CFS
		q.Advance(t.Now)
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
