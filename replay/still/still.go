// Package still puts captures whose clocks stand still now and then in the order in which
// things happened.
package still

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"schedreplay/parser"
)

// For bounds, in ns, for how long a clock is taken to have stood: a CPU whose tick is late
// for longer does not run.
const For = 50_000_000

// Span is a stretch of time, in ns.
type Span struct{ From, To int64 }

// Times are the times in which the clocks of CPUs stood still, by CPU, in order.
type Times map[int32][]Span

// Until is when a clock that stood at a time went on, in ns; 0 if it did not stand.
func (s Times) Until(cpu int32, at int64) int64 {
	all := s[cpu]
	i, ok := slices.BinarySearchFunc(all, at, func(l Span, at int64) int { return cmp.Compare(l.From, at) })
	if !ok {
		return 0
	}
	return all[i].To
}

// Often is the number of CPUs whose clocks did so again and again: once or twice may be chance.
func (s Times) Often() (cpus int) {
	for _, spans := range s {
		if len(spans) > 2 {
			cpus++
		}
	}
	return cpus
}

// About puts together when the clocks of all CPUs stood, and For before and after, in order.
func (s Times) About() (all []Span) {
	for _, spans := range s {
		for _, l := range spans {
			all = append(all, Span{l.From - For, l.To + For})
		}
	}
	slices.SortFunc(all, func(a, b Span) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	n := 0
	for _, l := range all {
		if n > 0 && l.From <= all[n-1].To {
			all[n-1].To = max(all[n-1].To, l.To)
			continue
		}
		all[n] = l
		n++
	}
	return all[:n]
}

// Capture is a capture whose clocks stand still now and then, put in the order in which
// things happened.
//
// Where the time stamp counter is not to be trusted, the kernel lets a CPU's clock run
// ahead of its last tick by one tick at most (sched_clock_local, kernel/sched/clock.c). A
// CPU whose tick is late writes one time on everything until it comes, and everything
// that other CPUs did meanwhile seems to be later. Only clocks in nanoseconds tell: there
// no CPU writes two events at one time.
type Capture struct {
	parser.Capture
	// Step is, in ns, what lies between two events of a CPU as a rule.
	Step  int64
	Stood Times
}

// Events implements [parser.Capture]. Of the events that a CPU wrote at one time the
// second is taken to be a step after the first, and so on: not before a task that it
// shows running was woken, nor after one was woken that it shows going to sleep, nor
// after the CPU's next event. Such an event has the time that was written in Start.
func (s *Capture) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		q := queue{step: s.Step, cpu: map[int32]*standing{}}
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
			if Writes(ev.Kind) && s.Stood.Until(ev.CPU, ev.Time) != 0 {
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

// queue holds events back until the others have come to their time.
type queue struct {
	step int64
	cpu  map[int32]*standing
	held []*standing // those that hold any, by CPU
	// woken is when tasks were woken last, MaxInt64 of those that sleep.
	woken parser.ByPID[int64]
}

// hold takes an event that a CPU wrote at the time of its last.
func (q *queue) hold(ev *parser.Event) bool {
	if ev.CPU < 0 || !Writes(ev.Kind) {
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
func (q *queue) due(next *parser.Event) iter.Seq[parser.Event] {
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
		if c := q.cpu[next.CPU]; c != nil && Writes(next.Kind) {
			c.written, c.taken = next.Time, next.Time
		}
	}
}

// at is the time that a CPU's first event held back is taken to have, beyond next's if
// it may come later.
func (q *queue) at(c *standing, next *parser.Event) int64 {
	ev := &c.late[0]
	at := c.taken + q.step
	switch {
	case c.cpu == next.CPU && Writes(next.Kind) || next.Time > c.written+For:
		return min(at, next.Time)
	case next.Kind == parser.KindWaking && slices.ContainsFunc(c.late, func(l parser.Event) bool { return falls(&l) && l.Task.PID == next.Task.PID }):
		return min(at, next.Time) // it slept by then
	case ev.Kind == parser.KindSwitch:
		at = max(at, q.woken.Get(ev.Next.PID))
	}
	return at
}

// note follows who sleeps.
func (q *queue) note(ev *parser.Event) {
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
func MovedOn(ev *parser.Event) bool { return ev.Start != parser.NoTime && Writes(ev.Kind) }

// Writes reports a kind of event that a CPU writes itself, one at a time.
func Writes(k parser.Kind) bool {
	switch k {
	case parser.KindLost, parser.KindHole, parser.KindOverwritten, parser.KindDamaged, parser.KindComm, parser.KindSlice:
		return false
	}
	return true
}
