package account

import (
	"cmp"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/replay/timeline"
)

// Spare is how long CPUs were idle while runnable tasks waited on others that they might
// have left for them: where the kernel did not conserve work. A task counts if its affinity
// is known, its CPU ran another task, and the idle CPU is one of its domain and affinity.
type Spare struct {
	// Known is false where the domains are not, or only some CPUs were recorded.
	Known bool
	// NS is the time in which any task waited so, WaitNS the sum over the CPUs on which one
	// did, Count the number of such waits.
	NS, WaitNS, Count int64
	// Longest are the longest waits, MaxSpare at most.
	Longest []SpareWait
}

// SpareWait is a stretch of time in which a task waited on CPU while one of Idle, at first
// First, was idle.
type SpareWait struct {
	Task       timeline.TaskRef
	CPU, First int
	Idle       cpumask.Mask
	From, To   int64
	now        int // the one that is
}

// NS is its length.
func (w *SpareWait) NS() int64 { return w.To - w.From }

// MaxSpare is the number of longest waits kept.
const MaxSpare = 20

// maxQueueLook bounds the waiting tasks of one CPU that are looked at, the first to come
// first.
const maxQueueLook = 16

// spare follows the idle CPUs and those on which tasks wait.
type spare struct {
	Spare
	t    *timeline.Timeline
	span func(cpu int) cpumask.Mask // the CPUs that its domains reach
	idle cpumask.Mask
	// waits are the CPUs on which a task waits that may leave, open of them those for which
	// a CPU is idle.
	waits   []spareCPU
	crowded []int32
	open    int
	since   int64
	now     int64 // the latest time seen: events of several CPUs may come a little out of order
}

// spareCPU is a CPU on which tasks may wait.
type spareCPU struct {
	crowded, open bool
	wait          SpareWait
}

func newSpare(t *timeline.Timeline, span func(int) cpumask.Mask) *spare {
	s := &spare{t: t, span: span, waits: make([]spareCPU, len(t.CPU)), now: t.Survey.Start}
	s.Known = true
	for c := range t.CPU {
		s.look(int32(c))
	}
	return s
}

// After sees an event after the timeline.
func (t *Tracker) After(ev *parser.Event) {
	if t.spare != nil {
		t.spare.after(ev)
	}
}

// Spare is how long CPUs were idle while tasks waited, nil if that was not asked for.
func (t *Tracker) Spare() *Spare {
	switch {
	case !t.cfg.Why:
		return nil
	case t.spare == nil:
		return &Spare{}
	}
	return t.spare.end(t.Survey.End)
}

// after takes the CPUs that an event changed.
func (s *spare) after(ev *parser.Event) {
	s.now = max(s.now, ev.Time)
	if ev.CPU < 0 || ev.Kind == parser.KindLost || ev.Kind == parser.KindHole || ev.Kind == parser.KindOverwritten {
		for c := range s.waits {
			s.look(int32(c))
		}
		return
	}
	s.look(ev.CPU)
	for _, c := range [2]int32{ev.TargetCPU, ev.OrigCPU} {
		if c >= 0 && c != ev.CPU {
			s.look(c)
		}
	}
	if ev.Kind == parser.KindWaking {
		if p := s.t.Find(ev.Task.PID); p != nil {
			s.look(p.Inflight)
			s.look(p.CPU)
		}
	}
	if s.open == 0 {
		return
	}
	for i := 0; i < len(s.crowded); i++ { // what is on its way to an idle CPU takes it, too
		if w := &s.waits[s.crowded[i]]; w.open && !s.t.CPU[w.wait.now].Idle() {
			s.look(int32(w.wait.now))
		}
	}
}

// look sees how a CPU stands now.
func (s *spare) look(c int32) {
	if int(c) >= len(s.waits) || c < 0 {
		return
	}
	k, w := &s.t.CPU[c], &s.waits[c]
	if idle := k.Idle(); idle != s.idle.Test(int(c)) {
		if idle {
			s.idle.Set(int(c))
			for _, o := range s.crowded {
				if !s.waits[o].open && s.span(int(o)).Test(int(c)) {
					s.judge(o)
				}
			}
		} else {
			s.idle.Clear(int(c))
			for _, o := range s.crowded {
				if s.waits[o].open && s.waits[o].wait.now == int(c) {
					s.judge(o)
				}
			}
		}
	}
	crowded := k.Known && k.Cur > 0 && len(k.Queue) > 1
	if crowded != w.crowded {
		if w.crowded = crowded; crowded {
			s.crowded = append(s.crowded, c)
		} else {
			i := slices.Index(s.crowded, c)
			s.crowded = slices.Delete(s.crowded, i, i+1)
		}
	}
	if crowded || w.open {
		s.judge(c)
	}
}

// judge says whether a task waits on a CPU while one is idle that it could have.
func (s *spare) judge(c int32) {
	w := &s.waits[c]
	p, idle := s.waiting(c)
	if w.open && (p == nil || p.PID != w.wait.Task.PID) {
		w.open, w.wait.To = false, s.now
		if s.open--; s.open == 0 {
			s.NS += s.now - s.since
		}
		s.keep(&w.wait)
	}
	switch {
	case p == nil:
	case w.open:
		if w.wait.now != idle {
			w.wait.now = idle
			w.wait.Idle.Set(idle)
		}
	default:
		w.open, w.wait = true, SpareWait{Task: p.Ref(), CPU: int(c), First: idle, Idle: cpumask.Of(idle), From: s.now, now: idle}
		if s.open++; s.open == 1 {
			s.since = s.now
		}
	}
}

// waiting is a task that waits on a CPU while one is idle that it could have, nil if there is
// none: the one told last if it still does, else the first.
func (s *spare) waiting(c int32) (p *timeline.Task, idle int) {
	k, w := &s.t.CPU[c], &s.waits[c]
	if !w.crowded {
		return nil, -1
	}
	span := s.span(int(c))
	if !span.Intersects(s.idle) {
		return nil, -1
	}
	for i, q := range k.Queue {
		if i == maxQueueLook && !w.open {
			break
		}
		if q.PID == k.Cur || !q.Waits() || p != nil && (!w.open || q.PID != w.wait.Task.PID) {
			continue
		}
		a := s.t.Affinities.Of(q)
		if a.From <= fact.Assumed {
			continue
		}
		if w.open && s.idle.Test(w.wait.now) && a.Mask.Test(w.wait.now) && span.Test(w.wait.now) {
			p, idle = q, w.wait.now
		} else if at := a.Mask.And(span).And(s.idle).First(); at >= 0 {
			p, idle = q, at
		}
	}
	return p, idle
}

// keep counts a wait that has ended.
func (s *spare) keep(w *SpareWait) {
	ns := w.NS()
	if ns <= 0 {
		return
	}
	s.Count++
	s.WaitNS += ns
	if len(s.Longest) == MaxSpare && ns <= s.Longest[MaxSpare-1].NS() {
		return
	}
	i, _ := slices.BinarySearchFunc(s.Longest, ns, func(e SpareWait, ns int64) int {
		if e.NS() >= ns {
			return -1
		}
		return cmp.Compare(ns, e.NS())
	})
	s.Longest = slices.Insert(s.Longest, i, *w)
	s.Longest = s.Longest[:min(len(s.Longest), MaxSpare)]
}

// end closes what is open at the end of the window.
func (s *spare) end(at int64) *Spare {
	at = max(at, s.now)
	for _, c := range slices.Clone(s.crowded) {
		if w := &s.waits[c]; w.open {
			w.wait.To = at
			s.keep(&w.wait)
		}
	}
	if s.open > 0 {
		s.NS += at - s.since
	}
	return &s.Spare
}
