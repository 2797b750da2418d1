package open

import (
	"iter"

	"schedreplay/cpumask"
	"schedreplay/parser"
)

// chain is which task is current on a CPU, as far as its events tell.
type chain struct {
	// task is current, as it was named last, up to the time at; known is false before the
	// first event that tells and after a loss.
	task  parser.Task
	at    int64
	known bool
	// group is the thread group of task, NoPID if that is not told.
	group int32
}

// chains are those of all CPUs.
type chains struct {
	cpu []chain
	// told: switches name the same task in their header and as the previous one; foreign:
	// one named others, as where the header's are of the recorder's pid namespace.
	told, foreign bool
}

// usable reports whether a CPU number is one that a mask can hold.
func usable(cpu int32) bool { return cpu >= 0 && cpu < cpumask.MaxCPUs }

func (s *chains) at(cpu int32) *chain {
	for int(cpu) >= len(s.cpu) {
		s.cpu = append(s.cpu, chain{})
	}
	return &s.cpu[cpu]
}

// withHoles delivers events and, before one whose CPU had another task current than it
// had by the event before, a KindHole from that one to this: Next was current, Task is.
// Some kernels and recorders drop switches without a word, and what a CPU did meanwhile is
// not known.
//
// A loss on the CPU explains the break, so no hole is added to it. An exec by a
// thread that is not the group leader changes its pid (de_thread) and breaks
// nothing.
func withHoles(events iter.Seq2[*parser.Event, error], yield func(*parser.Event, error) bool) {
	var all chains
	var hole parser.Event
	events(func(ev *parser.Event, err error) bool {
		if err == nil && all.follow(ev, &hole) && !yield(&hole, nil) {
			return false
		}
		return yield(ev, err)
	})
}

// current is the task that was current when a CPU wrote an event, nil if that is not
// told. An interrupt runs over the task current; one that the scheduler does not write may
// come between a switch and its end, when the task that leaves is still current.
func (s *chains) current(ev *parser.Event) *parser.Task {
	switch ev.Kind {
	case parser.KindSwitch:
		if ev.Task.PID != parser.NoPID {
			return &ev.Task
		}
	case parser.KindExec:
		if ev.OldPID != parser.NoPID {
			return &ev.Task
		}
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew, parser.KindMigrate, parser.KindStatRuntime,
		parser.KindFork, parser.KindExit:
		switch {
		case ev.Cur.PID == parser.NoPID || !s.told || s.foreign:
		case ev.Task.PID == ev.Cur.PID:
			return &ev.Task // the payload has its name, and some its priority
		default:
			return &ev.Cur
		}
	}
	return nil
}

// brokenBy reports whether a chain does not go on with an event that has a task current.
func (c *chain) brokenBy(ev *parser.Event, now *parser.Task) bool {
	switch {
	case !c.known || c.task.PID == now.PID || ev.Kind == parser.KindExec && ev.OldPID == c.task.PID:
		return false
	case ev.Kind != parser.KindSwitch && now.PID == c.group:
		return false // it may be about to tell of its exec, and has its leader's pid already
	}
	return true
}

// hole makes hole the break before an event.
func (c *chain) hole(hole, ev *parser.Event, now *parser.Task) {
	hole.Renew(parser.KindHole, ev.Time, ev.CPU)
	hole.Task = *now
	if now.PID == ev.Cur.PID && now.Comm == "" {
		hole.Task.Comm = ev.Cur.Comm
	}
	if ev.Kind == parser.KindStatRuntime && ev.Task.PID == now.PID && ev.Runtime >= 0 {
		hole.Runtime = ev.Time - ev.RanSince(c.at)
	}
	hole.Start, hole.Pos, hole.Next = c.at, ev.Pos, c.task
}

// follow takes from an event which task is current after it. If the event breaks its CPU's
// chain, it makes hole that break and returns true.
func (s *chains) follow(ev, hole *parser.Event) (broken bool) {
	if !usable(ev.CPU) {
		if ev.Kind == parser.KindLost || ev.Kind == parser.KindOverwritten {
			for i := range s.cpu {
				s.cpu[i].known = false
			}
		}
		return false
	}
	c, now := s.at(ev.CPU), s.current(ev)
	if now != nil && c.brokenBy(ev, now) {
		c.hole(hole, ev, now)
		broken = true
	}
	switch {
	case ev.Kind == parser.KindSwitch:
		if ev.Cur.PID != parser.NoPID && now != nil {
			s.told = s.told || now.PID > 0 && ev.Cur.PID == now.PID
			s.foreign = s.foreign || ev.Cur.PID != now.PID
		}
		// Field by field: to copy what was just written waits for it.
		c.task, c.at, c.known, c.group = ev.Next, ev.Time, ev.Next.PID != parser.NoPID, parser.NoPID
	case ev.Kind == parser.KindLost || ev.Kind == parser.KindOverwritten:
		c.known = false
	case now == nil:
	case c.known && c.task.PID != now.PID && now.PID == c.group && ev.Kind != parser.KindExec:
		c.at = ev.Time
	default:
		if !c.known || c.task.PID != now.PID {
			c.task, c.known, c.group = *now, true, parser.NoPID
		}
		if c.at = ev.Time; ev.Thread.TID == now.PID && ev.Thread.TGID > 0 && ev.Thread.TGID != now.PID {
			c.group = ev.Thread.TGID
		}
	}
	return broken
}
