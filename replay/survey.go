package replay

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/parser"
)

// survey is what a first pass over the capture tells: which events it holds,
// how the machine stood when it began, and the habits of its tasks. It holds
// nothing of the outcome of any one decision but what startFact guards.
type survey struct {
	start, end int64
	events     map[parser.Kind]int64
	recorded   cpumask.Mask // CPUs that recorded something
	only       cpumask.Mask // those that the recording is limited to, empty if it is not
	mentioned  cpumask.Mask // CPUs named anywhere

	hasWaking, hasWakeup, hasMigrate bool

	cpu  []startCPU
	task parser.ByPID[*taskSurvey]

	lost, lostUnknown, holes, damaged, overwritten int64

	// selectDelay is the median, selectLate the 95th percentile of the time in ns
	// from sched_waking to the event that ends the selection on the same CPU.
	selectDelay, selectLate int64

	// enters holds the CPUs to which a task came from another, ranNS the time that
	// tasks ran on CPUs that are or may be isolated, by runKey.
	enters cpumask.Mask
	ranNS  map[runKey]int64

	// leaving holds, by CPU, the spans in which its current task may have been on its
	// way out: between the sched_stat_runtime that its dequeue emits and the sched_switch
	// to swapper, where nothing came between them. Without that event, which hasRuntime
	// says is recorded, they are the leaveMost before the switch in which nothing came.
	leaving    [][]span
	spans      int
	hasRuntime bool

	// stood holds, by CPU, the times in which its clock stood still: from the one that it
	// wrote more than once to the next. Meanwhile flips has when CPUs went idle or ceased
	// to be.
	stood      stillTimes
	flips      [][]flip
	standUntil int64

	err error // what ended the reading early
}

// span is a stretch of time in ns.
type span struct{ from, to int64 }

// maxSpans bounds the spans kept, leaveNS is the least length of one in ns: where
// nothing holds a CPU up it takes less from one event to the other. leaveMost is the
// most of one that no event begins: few CPUs are held up there for longer.
const (
	maxSpans  = 1 << 19
	leaveNS   = 10_000
	leaveMost = 1_000_000
)

// second in ns.
const second = 1_000_000_000

type runKey struct {
	cpu, pid int32
}

// mayEnter reports whether any task came to one of the CPUs from another.
func (s *survey) mayEnter(cpus cpumask.Mask) bool { return s.enters.Intersects(cpus) }

// startCPU is a CPU's state when the capture begins, as its first event tells,
// and how it stands as the survey goes on.
type startCPU struct {
	cur   int32 // task current, NoPID if unknown
	prio  int32
	known bool
	// by is the task whose arrival revealed it, NoPID if it was not an arrival:
	// for a decision about that task the state counts as unknown.
	by int32

	// waking: its last event is the waking of wakee.
	waking   bool
	wakee    int32
	wakingAt int64
	// heard: it recorded something, at heardAt last; ran is the task whose
	// sched_stat_runtime that was, NoPID if it was none.
	heard   bool
	heardAt int64
	ran     int32
	// switched: it has switched tasks, at switchedAt last.
	switched   bool
	switchedAt int64
}

// taskSurvey is what the whole capture tells of one task.
type taskSurvey struct {
	comm string
	seen cpumask.Mask // CPUs it ran on
	last int32        // where it was last, NoCPU if unknown
	// start: the task's state when the capture begins.
	startCPU    int32 // NoCPU if unknown
	startQueued bool  // runnable, waiting
	startSleep  bool
	startMoved  bool // its only event so far is a sched_migrate_task
	// startArrived: it was first seen by an arrival, which does not show that it
	// was on the CPU before.
	startArrived bool
	queued       bool // as the survey goes on: runnable, by its last switch
	firstSeen    bool
	// partners counts changes of wakee, for the start value of wakee_flips.
	lastWakee int32
	partners  int64
	parent    int32
	// pinned: its affinity is one CPU, told for the name pinnedAs.
	pinned, pinnedKnown bool
	pinnedAs            string
}

// slicesAlone reports whether the capture holds slices and no wakeups, so that only
// their sch delays tell of any: perf sched timehist without -w.
func (s *survey) slicesAlone() bool {
	return s.events[parser.KindSlice] > 0 && !s.hasWaking && !s.hasWakeup
}

// shownAtStart reports whether the capture shows that the task was on its
// startCPU when it begins: not if it was first seen by an arrival, and a wakeup
// or a move before that would not have been recorded.
func (s *survey) shownAtStart(t *taskSurvey) bool {
	return t.firstSeen && (!t.startArrived || s.only.Empty() && (s.hasWaking || s.hasMigrate))
}

func (s *survey) cpuAt(c int32) *startCPU {
	for int(c) >= len(s.cpu) {
		s.cpu = append(s.cpu, startCPU{cur: parser.NoPID, prio: parser.NoPrio, by: parser.NoPID})
	}
	return &s.cpu[c]
}

func (s *survey) taskAt(pid int32) *taskSurvey {
	t := s.task.Get(pid)
	if t == nil {
		t = &taskSurvey{last: parser.NoCPU, startCPU: parser.NoCPU, lastWakee: parser.NoPID, parent: parser.NoPID}
		s.task.Set(pid, t)
	}
	return t
}

// name keeps the payload's word for a task.
func (s *survey) name(t *parser.Task) {
	if t.PID > 0 && t.Comm != "" {
		s.taskAt(t.PID).comm = t.Comm
	}
}

func usableCPU(c int32) bool { return c >= 0 && c < cpumask.MaxCPUs }

// surveyCapture makes the first pass.
func surveyCapture(c parser.Capture, host *parser.Host, progress func(int64)) *survey {
	s := &survey{start: parser.NoTime, end: parser.NoTime, ranNS: map[runKey]int64{}, only: c.Meta().RecordedCPUs}
	var delays []int64
	exact := c.Meta().Resolution == 1
	var counts parser.Tally
	n := int64(0)
	for ev, err := range ahead(c.Events()) {
		if err != nil {
			s.err = err
			break
		}
		if n++; n%65536 == 0 && progress != nil {
			progress(n)
		}
		counts.Add(ev.Kind)
		switch ev.Kind {
		case parser.KindLost:
			if ev.Count >= 0 {
				s.lost += ev.Count
			} else {
				s.lostUnknown++
			}
			continue
		case parser.KindOverwritten:
			s.overwritten += max(ev.Count, 0)
			continue
		case parser.KindHole:
			s.holes++
			continue
		case parser.KindDamaged:
			s.damaged++
			continue
		case parser.KindOther, parser.KindComm:
			continue
		}
		if !usableCPU(ev.CPU) {
			continue
		}
		from := ev.Time
		if ev.Kind == parser.KindSlice && ev.Start != parser.NoTime {
			from = min(ev.Start, ev.Time)
		}
		if s.start == parser.NoTime {
			s.start = from
		}
		s.start, s.end = min(s.start, from), max(s.end, ev.Time)
		s.recorded.Set(int(ev.CPU))
		s.mentioned.Set(int(ev.CPU))
		for _, c := range [2]int32{ev.TargetCPU, ev.OrigCPU} {
			if usableCPU(c) {
				s.mentioned.Set(int(c))
			}
		}
		cpu := s.cpuAt(ev.CPU)
		if exact && stands(ev.Kind) {
			s.stand(cpu, &ev)
		}
		s.first(cpu, &ev)
		if cpu.waking {
			cpu.waking = false
			if (ev.Kind == parser.KindMigrate || ev.Kind == parser.KindWakeup) && ev.Task.PID == cpu.wakee && len(delays) < 1<<16 {
				delays = append(delays, ev.Time-cpu.wakingAt)
			}
		}
		s.leave(cpu, &ev)
		switch ev.Kind {
		case parser.KindSwitch:
			s.ran(&ev.Task, ev.CPU)
			s.ran(&ev.Next, ev.CPU)
			s.switched(&ev)
			from := s.start
			if cpu.switched {
				from = cpu.switchedAt
			}
			s.runtime(host, &ev, ev.Time-from)
			cpu.switched, cpu.switchedAt = true, ev.Time
		case parser.KindSlice:
			s.ran(&ev.Task, ev.CPU)
			s.runtime(host, &ev, max(ev.Runtime, 0))
		case parser.KindWaking:
			s.hasWaking = true
			cpu.waking, cpu.wakee, cpu.wakingAt = true, ev.Task.PID, ev.Time
			if usableCPU(ev.TargetCPU) && ev.Task.PID > 0 {
				s.taskAt(ev.Task.PID).last = ev.TargetCPU
			}
			s.name(&ev.Task)
			if ev.Cur.PID > 0 && !s.taskAt(ev.Task.PID).queued && !s.pinned(host, &ev.Task) {
				if t := s.taskAt(ev.Cur.PID); t.lastWakee != ev.Task.PID {
					t.lastWakee = ev.Task.PID
					t.partners++
				}
			}
		case parser.KindWakeup:
			s.hasWakeup = true
			s.name(&ev.Task)
		case parser.KindMigrate:
			s.hasMigrate = true
			if usableCPU(ev.TargetCPU) {
				s.enters.Set(int(ev.TargetCPU))
			}
			s.name(&ev.Task)
		case parser.KindWakeupNew:
			s.name(&ev.Task)
		case parser.KindFork:
			s.name(&ev.Task)
			s.name(&ev.Next)
			if ev.Next.PID > 0 {
				s.taskAt(ev.Next.PID).parent = ev.Task.PID
			}
		default:
			s.name(&ev.Task)
		}
	}
	s.events = counts.Map()
	if s.only.Empty() && s.recorded.Weight() == 1 && (s.mentioned.Weight() > 1 || host.Online.Value.Weight() > 1) {
		s.only = s.recorded // lines of one CPU, whatever left out the others
	}
	if len(delays) > 0 {
		slices.Sort(delays)
		s.selectDelay = delays[len(delays)/2]
		s.selectLate = delays[len(delays)*19/20]
	}
	if s.selectDelay == 0 {
		s.selectDelay = max(2000, c.Meta().Resolution)
	}
	s.selectLate = max(s.selectLate, 2*s.selectDelay)
	for c, all := range s.leaving {
		// Short ones are what it takes, and lie in the window of the switch.
		s.leaving[c] = slices.DeleteFunc(all, func(l span) bool { return l.to-l.from <= 2*s.selectDelay })
	}
	return s
}

// total is the number of events.
func (s *survey) total() int64 {
	n := int64(0)
	for _, k := range s.events {
		n += k
	}
	return n
}

// leave keeps the time in which a CPU's task may have been on its way out.
func (s *survey) leave(c *startCPU, ev *parser.Event) {
	if ev.Kind == parser.KindStatRuntime && !s.hasRuntime {
		s.hasRuntime, s.leaving, s.spans = true, nil, 0
	}
	from := c.heardAt
	if !s.hasRuntime {
		from = max(from, ev.Time-leaveMost)
	}
	if c.heard && ev.Kind == parser.KindSwitch && ev.Next.PID == 0 && ev.Task.PID > 0 && ev.State.Known() && !ev.State.Runnable() &&
		(!s.hasRuntime || c.ran == ev.Task.PID) && ev.Time-from > leaveNS && s.spans < maxSpans {
		for int(ev.CPU) >= len(s.leaving) {
			s.leaving = append(s.leaving, nil)
		}
		s.leaving[ev.CPU] = append(s.leaving[ev.CPU], span{from, ev.Time})
		s.spans++
	}
	c.heard, c.heardAt, c.ran = true, ev.Time, parser.NoPID
	if ev.Kind == parser.KindStatRuntime {
		c.ran = ev.Task.PID
	}
}

// pinned reports a wakee that is never selected for: its affinity is one CPU.
func (s *survey) pinned(host *parser.Host, t *parser.Task) bool {
	ts := s.taskAt(t.PID)
	if ts.pinnedKnown && ts.pinnedAs == t.Comm {
		return ts.pinned
	}
	ts.pinnedKnown, ts.pinnedAs = true, t.Comm
	if m, ok := host.Task[t.PID].Affinity.Get(); ok {
		ts.pinned = m.Weight() == 1
	} else {
		_, ts.pinned = parser.BoundCPU(t.Comm)
	}
	return ts.pinned
}

// runtime adds to the time that an event's task ran on its CPU, where that CPU is
// or may be isolated.
func (s *survey) runtime(host *parser.Host, ev *parser.Event, ns int64) {
	if iso, ok := host.Isolated.Get(); !ok || iso.Test(int(ev.CPU)) {
		s.ranNS[runKey{ev.CPU, ev.Task.PID}] += ns
	}
}

// switched keeps who is runnable.
func (s *survey) switched(ev *parser.Event) {
	if ev.Next.PID > 0 {
		s.taskAt(ev.Next.PID).queued = true
	}
	if ev.Task.PID > 0 {
		s.taskAt(ev.Task.PID).queued = ev.State.Known() && ev.State.Runnable()
	}
}

func (s *survey) ran(t *parser.Task, cpu int32) {
	if t.PID <= 0 {
		return
	}
	s.name(t)
	ts := s.taskAt(t.PID)
	ts.seen.Set(int(cpu))
	if ts.last != cpu && ts.last != parser.NoCPU {
		s.enters.Set(int(cpu)) // the move itself may not be recorded
	}
	ts.last = cpu
}

// first learns from an event how its CPU and its tasks stood before.
func (s *survey) first(c *startCPU, ev *parser.Event) {
	if !c.known {
		cur, prio, by := ev.Cur.PID, ev.Cur.Prio, int32(parser.NoPID)
		switch ev.Kind {
		case parser.KindSwitch:
			cur, prio = ev.Task.PID, ev.Task.Prio
			by = ev.Next.PID
		case parser.KindWakeup:
			by = ev.Task.PID
		case parser.KindSlice:
			cur = ev.Task.PID
		}
		if cur != parser.NoPID {
			c.cur, c.prio, c.known, c.by = cur, prio, true, by
		}
	}
	subject := func(pid int32, cpu int32, queued, sleep bool) {
		if pid <= 0 {
			return
		}
		t := s.taskAt(pid)
		if t.firstSeen {
			if t.startMoved && ev.Kind == parser.KindWakeup && pid == ev.Task.PID {
				t.startQueued, t.startSleep = false, true // the move was a selection's
			}
			t.startMoved = false
			return
		}
		t.firstSeen = true
		if s.lost+s.lostUnknown+s.holes > 0 {
			return // it may have come or been woken where events are missing
		}
		t.startCPU, t.startQueued, t.startSleep = cpu, queued, sleep
		t.startMoved = ev.Kind == parser.KindMigrate && pid == ev.Task.PID
		t.startArrived = ev.Kind == parser.KindSwitch && pid == ev.Next.PID || ev.Kind == parser.KindWakeup && pid == ev.Task.PID
	}
	switch ev.Kind {
	case parser.KindSwitch:
		subject(ev.Task.PID, ev.CPU, true, false)
		// One that comes after swapper was not waiting: its wakeup is not recorded.
		subject(ev.Next.PID, ev.CPU, ev.Task.PID != 0, false)
	case parser.KindWaking:
		subject(ev.Task.PID, ev.TargetCPU, false, true)
	case parser.KindWakeup:
		// Woken before the window or by a CPU that was not recorded.
		subject(ev.Task.PID, ev.TargetCPU, false, true)
	case parser.KindMigrate:
		subject(ev.Task.PID, ev.OrigCPU, true, false)
	case parser.KindWakeupNew, parser.KindFork:
		if ev.Kind == parser.KindFork {
			subject(ev.Next.PID, parser.NoCPU, false, false)
		} else {
			subject(ev.Task.PID, parser.NoCPU, false, false)
		}
	}
	if ev.Cur.PID > 0 {
		subject(ev.Cur.PID, ev.CPU, true, false)
	}
}

// silent reports a CPU that was recorded along with the others and has no
// event at all: idle throughout, or busy with one task that never switched.
func (s *survey) silent(c int) bool { return !s.recorded.Test(c) && s.only.Empty() }
