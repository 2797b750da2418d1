package timeline

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"schedreplay/parser"
)

// steady is a capture whose clock stands still now and then, put in the order in which
// things happened.
//
// Where the time stamp counter is not to be trusted, the kernel lets a CPU's clock run
// ahead of its last tick by one tick at most (sched_clock_local, kernel/sched/clock.c). A
// CPU whose tick is late writes one time on everything until it comes, and everything
// that other CPUs did meanwhile seems to be later. Only clocks in nanoseconds tell: there
// no CPU writes two events at one time.
type steady struct {
	parser.Capture
	// step is, in ns, what lies between two events of a CPU as a rule.
	step  int64
	stood StillTimes
}

// stillFor bounds, in ns, for how long a clock is taken to have stood, stillMost how
// many such times are kept of a CPU: one whose tick is late for longer does not run.
const (
	stillFor  = 50_000_000
	stillMost = 1 << 16
)

// stoodIdle and stoodBusy are for how long, in ns, after a CPU went idle or ceased to be
// that may not have happened yet, where clocks stand still: a CPU that wakes from idle
// sets its clock.
const (
	stoodIdle = stillFor / 2
	stoodBusy = stillFor / 32
)

// StillTimes are the times in which the clocks of CPUs stood still, by CPU, in order.
type StillTimes map[int32][]span

// Until is when a clock that stood at a time went on, in ns; 0 if it did not stand.
func (s StillTimes) Until(cpu int32, at int64) int64 {
	all := s[cpu]
	i, ok := slices.BinarySearchFunc(all, at, func(l span, at int64) int { return cmp.Compare(l.from, at) })
	if !ok {
		return 0
	}
	return all[i].to
}

// Often is the number of CPUs whose clocks did so again and again: once or twice may be chance.
func (s StillTimes) Often() (cpus int) {
	for _, spans := range s {
		if len(spans) > 2 {
			cpus++
		}
	}
	return cpus
}

// flip is a switch by which a CPU went idle, or ceased to be for a task.
type flip struct {
	at  int64
	pid int32
}

// stand takes an event that a CPU wrote, before the survey does.
func (s *surveyor) stand(c *startCPU, ev *parser.Event) {
	all := s.Stood[ev.CPU]
	switch n := len(all) - 1; {
	case !c.heard:
	case c.heardAt == ev.Time && (n < 0 || all[n].from < ev.Time) && len(all) < stillMost:
		if s.Stood == nil {
			s.Stood = StillTimes{}
		}
		s.Stood[ev.CPU] = append(all, span{ev.Time, ev.Time + stillFor})
		s.standUntil = max(s.standUntil, ev.Time+stillFor)
	case c.heardAt != ev.Time && n >= 0 && all[n].to > ev.Time:
		all[n].to = ev.Time
	}
	if ev.Kind == parser.KindSwitch && ev.Time < s.standUntil && (ev.Task.PID == 0) != (ev.Next.PID == 0) {
		for int(ev.CPU) >= len(s.flips) {
			s.flips = append(s.flips, nil)
		}
		s.flips[ev.CPU] = append(s.flips[ev.CPU], flip{ev.Time, ev.Next.PID})
	}
}

// Events implements [parser.Capture]. Of the events that a CPU wrote at one time the
// second is taken to be a step after the first, and so on: not before a task that it
// shows running was woken, nor after one was woken that it shows going to sleep, nor
// after the CPU's next event. Such an event has the time that was written in Start.
func (s *steady) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		q := steadyQueue{step: s.step, cpu: map[int32]*standing{}}
		for ev, err := range s.Capture.Events() {
			if err != nil {
				if !yield(ev, err) {
					return
				}
				continue
			}
			if q.hold(&ev) {
				continue
			}
			if stands(ev.Kind) && s.stood.Until(ev.CPU, ev.Time) != 0 {
				ev.Start = ev.Time // it may be as late as those that follow
			}
			for late := range q.due(&ev) {
				if !yield(late, nil) {
					return
				}
			}
			q.note(&ev)
			if !yield(ev, nil) {
				return
			}
		}
		end := parser.NewEvent(parser.KindOther, math.MaxInt64, parser.NoCPU)
		for late := range q.due(&end) {
			if !yield(late, nil) {
				return
			}
		}
	}
}

// standing is a CPU whose clock may stand.
type standing struct {
	cpu int32
	// written is the time of its last event as written, taken as it is taken.
	written, taken int64
	late           []parser.Event // held back
}

// steadyQueue holds events back until the others have come to their time.
type steadyQueue struct {
	step int64
	cpu  map[int32]*standing
	held []*standing // those that hold any, by CPU
	// woken is when tasks were woken last, MaxInt64 of those that sleep.
	woken parser.ByPID[int64]
}

// hold takes an event that a CPU wrote at the time of its last.
func (q *steadyQueue) hold(ev *parser.Event) bool {
	if ev.CPU < 0 || !stands(ev.Kind) {
		return false
	}
	c := q.cpu[ev.CPU]
	if c == nil {
		c = &standing{cpu: ev.CPU, written: ev.Time - 1}
		q.cpu[ev.CPU] = c
	}
	if c.written != ev.Time {
		return false
	}
	if len(c.late) == 0 {
		i, _ := slices.BinarySearchFunc(q.held, c.cpu, func(h *standing, cpu int32) int { return cmp.Compare(h.cpu, cpu) })
		q.held = slices.Insert(q.held, i, c)
	}
	c.late = append(c.late, *ev)
	return true
}

// due yields the events held back that come before one that is not.
func (q *steadyQueue) due(next *parser.Event) iter.Seq[parser.Event] {
	return func(yield func(parser.Event) bool) {
		for len(q.held) > 0 {
			var first *standing
			at := int64(math.MaxInt64)
			for _, c := range q.held {
				if t := q.at(c, next); t < at {
					first, at = c, t
				}
			}
			if first == nil || at > next.Time {
				break
			}
			ev := first.late[0]
			first.late = first.late[1:]
			if len(first.late) == 0 {
				q.held = slices.DeleteFunc(q.held, func(c *standing) bool { return c == first })
			}
			ev.Start, ev.Time, first.taken = ev.Time, at, at
			q.note(&ev)
			if !yield(ev) {
				return
			}
		}
		if c := q.cpu[next.CPU]; c != nil && stands(next.Kind) {
			c.written, c.taken = next.Time, next.Time
		}
	}
}

// at is the time that a CPU's first event held back is taken to have, beyond next's if
// it may come later.
func (q *steadyQueue) at(c *standing, next *parser.Event) int64 {
	ev := &c.late[0]
	at := c.taken + q.step
	switch {
	case c.cpu == next.CPU && stands(next.Kind) || next.Time > c.written+stillFor:
		return min(at, next.Time)
	case next.Kind == parser.KindWaking && slices.ContainsFunc(c.late, func(l parser.Event) bool { return falls(&l) && l.Task.PID == next.Task.PID }):
		return min(at, next.Time) // it slept by then
	case ev.Kind == parser.KindSwitch:
		at = max(at, q.woken.Get(ev.Next.PID))
	}
	return at
}

// note follows who sleeps.
func (q *steadyQueue) note(ev *parser.Event) {
	switch ev.Kind {
	case parser.KindSwitch:
		q.woken.Set(ev.Next.PID, 0)
		if falls(ev) {
			q.woken.Set(ev.Task.PID, math.MaxInt64)
		}
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		q.woken.Set(ev.Task.PID, ev.Time)
	}
}

// falls reports a switch that puts its task to sleep.
func falls(ev *parser.Event) bool {
	return ev.Kind == parser.KindSwitch && ev.Task.PID > 0 && ev.State.Known() && !ev.State.Runnable()
}

// MovedOn reports an event whose time was moved on from Start.
func MovedOn(ev *parser.Event) bool { return ev.Start != parser.NoTime && stands(ev.Kind) }

// stands reports a kind of event that a CPU writes itself, one at a time.
func stands(k parser.Kind) bool {
	switch k {
	case parser.KindLost, parser.KindHole, parser.KindOverwritten, parser.KindDamaged, parser.KindComm, parser.KindSlice:
		return false
	}
	return true
}

// still reports whether some CPU's clock stood within stillFor of a time. A clock that
// stands does so again and again; two events of one time here and there are chance.
func (s *Survey) still(at int64) bool {
	i, _ := slices.BinarySearchFunc(s.standing, at, func(l span, at int64) int { return cmp.Compare(l.to, at) })
	return i < len(s.standing) && s.standing[i].from <= at
}

// stoodAbout puts together when the clocks of all CPUs stood, and stillFor before and after.
func stoodAbout(stood StillTimes) (all []span) {
	for _, spans := range stood {
		for _, l := range spans {
			all = append(all, span{l.from - stillFor, l.to + stillFor})
		}
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	n := 0
	for _, l := range all {
		if n > 0 && l.from <= all[n-1].to {
			all[n-1].to = max(all[n-1].to, l.to)
			continue
		}
		all[n] = l
		n++
	}
	return all[:n]
}

// stood reports whether a CPU may have looked otherwise because clocks stand still here: it
// went idle, or ceased to be, shortly before.
func (t *Timeline) stood(c int, v *View, by *Looker) bool {
	k := &t.CPU[c]
	if c == by.Here || !t.Survey.still(by.Window.Est) {
		return false
	}
	return v.IdleVal && by.Window.Est-stoodIdle < k.IdleAt || !v.IdleVal && by.Window.Est-stoodBusy < k.ChangedAt()
}

// flipsLater reports whether a CPU went idle, or ceased to be for another task, while the
// clock of the waker's stood still: that may have been before the selection.
func (t *Timeline) flipsLater(c int, by *Looker) bool {
	if by.Until == 0 || c >= len(t.Survey.flips) {
		return false
	}
	all := t.Survey.flips[c]
	i, _ := slices.BinarySearchFunc(all, by.Window.Est, func(f flip, at int64) int { return cmp.Compare(f.at, at) })
	for ; i < len(all) && all[i].at < by.Until; i++ {
		if all[i].pid != by.Self {
			return true
		}
	}
	return false
}
