package rows

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Slice is one task's time on a CPU, idle included.
type Slice struct {
	CPU  int32
	Task parser.Task
	// Start and End in ns. Start is parser.NoTime if the capture does not show
	// it, End likewise.
	Start, End int64
	// Wait is the time off the CPU before, Delay the part of it from
	// sched_waking (else sched_wakeup) to Start; parser.NoTime if unknown.
	Wait, Delay int64
	// Gap is the off-CPU gap that Start ended; parser.NoTime if it ended none, or that is
	// not known.
	Gap   int64
	State parser.State
	// CutStart and CutEnd: the window's edge, a loss or a hole is there, so that
	// the slice was at least this long.
	CutStart, CutEnd bool
}

// Slicer cuts a capture's events into slices. Its memory grows with CPUs and
// tasks alone.
type Slicer struct {
	emit func(*Slice)
	cpu  []slot
	task map[int32]*sleeper
	last int64
}

// slot is what runs on a CPU.
type slot struct {
	running bool
	open    Slice
	// seen is the time of the CPU's last event, the earliest at which it was
	// certainly recorded; first that of its first.
	seen int64
	// lost is when events were last lost there.
	lost int64
}

// sleeper is what is known of a task off the CPU.
type sleeper struct {
	off, waking int64
	exiting     bool
	offCPU      replay.OffCPU
}

// NewSlicer returns a Slicer that hands slices to emit, each when it ends. What
// emit is given is valid during the call.
func NewSlicer(emit func(*Slice)) *Slicer {
	return &Slicer{emit: emit, task: map[int32]*sleeper{}, last: parser.NoTime}
}

func (s *Slicer) slot(cpu int32) *slot {
	if cpu < 0 || cpu >= cpumask.MaxCPUs {
		return nil
	}
	for int(cpu) >= len(s.cpu) {
		s.cpu = append(s.cpu, slot{seen: parser.NoTime, lost: parser.NoTime})
	}
	return &s.cpu[cpu]
}

func (s *Slicer) sleeper(pid int32) *sleeper {
	t := s.task[pid]
	if t == nil {
		t = &sleeper{off: parser.NoTime, waking: parser.NoTime}
		s.task[pid] = t
	}
	return t
}

// Event takes the next event.
func (s *Slicer) Event(ev *parser.Event) {
	switch ev.Kind {
	case parser.KindOther, parser.KindDamaged:
		return
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		if ev.Task.PID > 0 {
			if t := s.sleeper(ev.Task.PID); ev.Kind != parser.KindWakeup || t.waking == parser.NoTime {
				t.waking = ev.Time
			}
		}
	case parser.KindSwitch:
		s.change(ev)
	case parser.KindSlice:
		s.printed(ev)
	case parser.KindLost, parser.KindHole:
		s.gap(ev)
	case parser.KindExit:
		if ev.Task.PID > 0 {
			s.sleeper(ev.Task.PID).exiting = true
		}
	}
	if c := s.slot(ev.CPU); c != nil && ev.Time != parser.NoTime {
		c.seen = ev.Time
	}
	s.last = max(s.last, ev.Time)
}

// change handles a sched_switch.
func (s *Slicer) change(ev *parser.Event) {
	c := s.slot(ev.CPU)
	if c == nil {
		return
	}
	if c.running && c.open.Task.PID == ev.Task.PID {
		if c.open.CutStart && c.open.Start == ev.Time {
			c.open.Start = parser.NoTime // the hole before it tells no more
		}
		c.open.Task = named(ev.Task, c.open.Task)
		c.open.State = ev.State
		s.end(c, ev.Time, false)
	} else {
		if c.running { // a break that nothing announced
			s.end(c, c.seen, true)
		}
		// It ran before the first event here; since when is not known.
		s.emit(&Slice{
			CPU: ev.CPU, Task: ev.Task, Start: parser.NoTime, End: ev.Time, Wait: parser.NoTime, Delay: parser.NoTime, Gap: parser.NoTime,
			State: ev.State, CutStart: true,
		})
	}
	if p := ev.Task.PID; p > 0 {
		t := s.sleeper(p)
		t.off, t.waking = ev.Time, parser.NoTime
		t.offCPU.Leaves(ev)
		if ev.State&(parser.StateDead|parser.StateZombie) != 0 || t.exiting && ev.State.Known() && !ev.State.Runnable() {
			delete(s.task, p)
		}
	}
	s.begin(c, ev)
}

// begin opens the slice of the task switched to.
func (s *Slicer) begin(c *slot, ev *parser.Event) {
	c.running = true
	c.open = Slice{CPU: ev.CPU, Task: ev.Next, Start: ev.Time, Wait: parser.NoTime, Delay: parser.NoTime, Gap: parser.NoTime}
	if ev.Next.PID <= 0 {
		return
	}
	t := s.sleeper(ev.Next.PID)
	if t.off != parser.NoTime && t.off <= ev.Time {
		c.open.Wait = ev.Time - t.off
	}
	if t.waking != parser.NoTime && t.waking <= ev.Time {
		c.open.Delay = ev.Time - t.waking
	}
	if off := t.offCPU.Since(func(cpu int32) int64 { return s.slot(cpu).lost }); off != parser.NoTime && off <= ev.Time {
		c.open.Gap = ev.Time - off
	}
	t.off, t.waking, t.offCPU = parser.NoTime, parser.NoTime, replay.OffCPU{}
}

// end closes a CPU's slice.
func (s *Slicer) end(c *slot, time int64, cut bool) {
	c.running = false
	c.open.End, c.open.CutEnd = max(time, c.open.Start), cut
	s.emit(&c.open)
}

// named keeps the fuller of two descriptions of a task.
func named(now, before parser.Task) parser.Task {
	if now.Comm == "" {
		now.Comm = before.Comm
	}
	if now.Prio == parser.NoPrio {
		now.Prio = before.Prio
	}
	return now
}

// printed handles a slice that the capture itself states.
func (s *Slicer) printed(ev *parser.Event) {
	s.emit(&Slice{CPU: ev.CPU, Task: ev.Task, Start: ev.Start, End: ev.Time, Wait: ev.Wait, Delay: ev.Delay, Gap: parser.NoTime, State: ev.State})
}

// gap ends what ran before a loss: whether it ran on, nobody knows. What runs after a hole is
// known.
func (s *Slicer) gap(ev *parser.Event) {
	lose := func(c *slot) {
		c.lost = ev.Time
		if c.running {
			s.end(c, c.seen, true)
		}
	}
	if ev.CPU < 0 {
		for i := range s.cpu {
			lose(&s.cpu[i])
		}
	} else if c := s.slot(ev.CPU); c != nil {
		if lose(c); ev.Task.PID != parser.NoPID {
			c.running = true
			c.open = Slice{
				CPU: ev.CPU, Task: ev.Task, Start: ev.Shown(), Wait: parser.NoTime, Delay: parser.NoTime, Gap: parser.NoTime, CutStart: true,
			}
		}
	}
}

// Close ends the slices still open, in order of CPU: the capture ends before
// them.
func (s *Slicer) Close() {
	for i := range s.cpu {
		if c := &s.cpu[i]; c.running {
			s.end(c, s.last, true)
		}
	}
	s.cpu, s.task = slices.Clip(s.cpu[:0]), map[int32]*sleeper{}
}
