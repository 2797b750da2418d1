package timeline

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/replay/recall"
	"schedreplay/replay/still"
)

// Survey is what a first pass over the capture tells: which events it holds,
// how the machine stood when it began, and the habits of its tasks. It holds
// nothing of the outcome of any one decision but what startFact guards.
type Survey struct {
	Start, End int64
	Events     map[parser.Kind]int64
	Recorded   cpumask.Mask // CPUs that recorded something
	Only       cpumask.Mask // those that the recording is limited to, empty if it is not
	mentioned  cpumask.Mask // CPUs named anywhere

	HasWaking, HasWakeup, HasMigrate bool
	// Asides are what is recorded beside the scheduler's events.
	Asides parser.Asides
	Printed

	cpu  []startCPU
	Task parser.ByPID[*TaskSurvey]

	Missing

	// SelectDelay is the median, SelectLate the 95th percentile of the time in ns
	// from sched_waking to the event that ends the selection on the same CPU.
	SelectDelay, SelectLate int64

	// enters holds the CPUs to which a task came from another, RanNS the time that
	// tasks ran on CPUs that are or may be isolated, by RunKey.
	enters cpumask.Mask
	RanNS  map[RunKey]int64

	// leaving holds, by CPU, the spans in which its current task may have been on its
	// way out: between the sched_stat_runtime that its dequeue emits and the sched_switch
	// to swapper, where nothing came between them. Without that event, which HasRuntime
	// says is recorded, they are the leaveMost before the switch in which nothing came.
	leaving    [][]span
	HasRuntime bool
	// landings are, by CPU, when it took wakeups off its wake list while it was idle.
	landings [][]int64

	// whole is when every CPU was recorded; before and after it some was not.
	whole span

	Clocks

	interruptions

	Err error // what ended the reading early
}

// Missing counts what the recorder says it lost (LostUnknown spans of it without a number),
// the breaks that no loss explains, undecodable pieces, and what was overwritten.
type Missing struct {
	Lost, LostUnknown, Holes, Damaged, Overwritten int64
}

// Printed is what dialects that print slices may leave out: HasStates and HasDelays say
// whether the states and the sch delays of some are printed.
type Printed struct{ HasStates, HasDelays bool }

// Clocks is what the recording tells of clocks that stood still.
type Clocks struct {
	// Stood holds, by CPU, the times in which its clock did: from the one that it wrote
	// more than once to the next. Meanwhile flips has when CPUs went idle or ceased to be.
	// standing is when any clock did, or may have, in order and apart.
	Stood    still.Times
	standing []still.Span
	flips    [][]flip
}

// span is a stretch of time in ns.
type span struct{ from, to int64 }

// maxSpans bounds the spans kept, leaveNS is the least length of one in ns: where
// nothing holds a CPU up it takes less from one event to the other. leaveMost is the
// most of one that no event begins: few CPUs are held up there for longer.
const (
	maxSpans  = 1 << 19
	leaveNS   = 10_000
	leaveMost = 4_000_000
)

// Second in ns.
const Second = 1_000_000_000

// RunKey is a task on a CPU.
type RunKey struct {
	CPU, PID int32
}

// MayEnter reports whether any task came to one of the CPUs from another.
func (s *Survey) MayEnter(cpus cpumask.Mask) bool { return s.enters.Intersects(cpus) }

// startCPU is a CPU's state when the capture begins, as its first event tells,
// and how it stands as the survey goes on.
type startCPU struct {
	voice
	run   current
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
	// wakes are its swapper's, over which interrupts wake tasks.
	wakes partners
	// switched: it has switched tasks, at switchedAt last.
	switched   bool
	switchedAt int64
}

// partners counts how often a task changed whom it wakes, for the start of its
// wakee_flips.
type partners struct {
	last    int32
	changes int64
}

func (p *partners) wake(pid int32) {
	if p.last != pid {
		p.last = pid
		p.changes++
	}
}

// TaskSurvey is what the whole capture tells of one task.
type TaskSurvey struct {
	Comm string
	Seen cpumask.Mask // CPUs it ran on
	last int32        // where it was last, NoCPU if unknown
	// start: the task's state when the capture begins.
	StartCPU    int32 // NoCPU if unknown
	startQueued bool  // runnable, waiting
	startSleep  bool
	startMoved  bool // its only event so far is a sched_migrate_task
	// startArrived: it was first seen by an arrival, which does not show that it
	// was on the CPU before.
	startArrived bool
	queued       bool // as the survey goes on: runnable, by its last switch
	// asleep: a switch put it to sleep and nothing woke it since. outAt is when it was
	// woken last while it was not.
	asleep    bool
	outAt     int64
	firstSeen bool
	// toldAt is when an event last named it, and toldCPU where it was then, NoCPU if not told.
	toldAt  int64
	toldCPU int32
	wakes   partners
	parent  int32
	// pinned: its affinity is one CPU, told for the name pinnedAs.
	pinned, pinnedKnown bool
	pinnedAs            string
}

// SlicesAlone reports whether the capture holds slices and no wakeups, so that only
// their sch delays tell of any: perf sched timehist without -w.
func (s *Survey) SlicesAlone() bool {
	return s.Events[parser.KindSlice] > 0 && !s.HasWaking && !s.HasWakeup
}

// ShownAtStart reports whether the capture shows that the task was on its
// startCPU when it begins: not if it was first seen by an arrival, and a wakeup
// or a move before that would not have been recorded.
func (s *Survey) ShownAtStart(t *TaskSurvey) bool {
	return t.firstSeen && (!t.startArrived || s.Only.Empty() && (s.HasWaking || s.HasMigrate))
}

func (s *Survey) cpuAt(c int32) *startCPU {
	for int(c) >= len(s.cpu) {
		s.cpu = append(s.cpu, startCPU{cur: parser.NoPID, prio: parser.NoPrio, by: parser.NoPID, wakes: partners{last: parser.NoPID}})
	}
	return &s.cpu[c]
}

func (s *Survey) taskAt(pid int32) *TaskSurvey {
	t := s.Task.Get(pid)
	if t == nil {
		t = &TaskSurvey{last: parser.NoCPU, StartCPU: parser.NoCPU, wakes: partners{last: parser.NoPID}, parent: parser.NoPID, outAt: parser.NoTime, toldAt: parser.NoTime, toldCPU: parser.NoCPU}
		s.Task.Set(pid, t)
	}
	return t
}

// Partners is how often a task that was current on a CPU changed whom it woke: each CPU
// has a swapper (pid 0) of its own.
func (s *Survey) Partners(pid int32, cpu int) int64 {
	if pid != 0 {
		return s.Task.Get(pid).wakes.changes
	}
	if cpu >= len(s.cpu) {
		return 0
	}
	return s.cpu[cpu].wakes.changes
}

// name keeps the payload's word for a task.
func (s *Survey) name(t *parser.Task) {
	if t.PID > 0 && t.Comm != "" {
		s.taskAt(t.PID).Comm = t.Comm
	}
}

// UsableCPU reports whether a number in an event can be a CPU's.
func UsableCPU(c int32) bool { return c >= 0 && c < cpumask.MaxCPUs }

// surveyor makes the survey of a capture.
type surveyor struct {
	*Survey
	host *parser.Host
	// exact: times have no coarser unit than ns.
	exact  bool
	counts parser.Tally
	// delays are those from sched_waking to the end of the selection, in ns; spans counts
	// leaving and landings, and until standUntil some clock may stand still.
	delays     []int64
	spans      int
	standUntil int64
	visit      visit
	// strays are when tasks ran after they slept and nothing shows who woke them.
	strays []int64
	breaks []chainBreak
	lately *recall.Log
}

// SurveyOf makes the first pass over a capture; progress may be nil.
func SurveyOf(c parser.Capture, host *parser.Host, progress func(int64)) *Survey {
	s := survey(c, host, progress)
	s.afterSeams(c)
	return s.Survey
}

// survey does so but for what comes after seams.
func survey(c parser.Capture, host *parser.Host, progress func(int64)) *surveyor {
	s := &surveyor{
		Survey: &Survey{Start: parser.NoTime, End: parser.NoTime, RanNS: map[RunKey]int64{}, Only: c.Meta().RecordedCPUs, Asides: c.Meta().Asides},
		host:   host, exact: c.Meta().Resolution == 1, lately: recall.New(peltMemory),
	}
	n := int64(0)
	for ev, err := range parser.Ahead(c) {
		if err != nil {
			s.Err = err
			break
		}
		if n++; n%65536 == 0 && progress != nil {
			progress(n)
		}
		s.lately.Add(ev)
		s.counts.Add(ev.Kind)
		if s.counted(ev) || !UsableCPU(ev.CPU) {
			if ev.Kind == parser.KindOther && UsableCPU(ev.CPU) {
				s.cpuAt(ev.CPU).speaks(ev.Time)
			}
			continue
		}
		s.window(ev)
		s.follow(ev)
		cpu := s.cpuAt(ev.CPU)
		if s.exact && still.Writes(ev.Kind) {
			s.stand(cpu, ev)
		}
		s.first(cpu, ev)
		if cpu.waking {
			cpu.waking = false
			if (ev.Kind == parser.KindMigrate || ev.Kind == parser.KindWakeup) && ev.Task.PID == cpu.wakee && len(s.delays) < 1<<16 {
				s.delays = append(s.delays, ev.Time-cpu.wakingAt)
			}
		}
		s.leave(cpu, ev)
		s.hears(s.cpuAt(ev.CPU), ev)
		s.take(s.cpuAt(ev.CPU), ev)
	}
	s.finish(c.Meta().Resolution, c.Meta().Dialect == parser.DialectPerfData)
	return s
}

// counted takes what is counted only: events lost and damaged, and those of no use.
func (s *surveyor) counted(ev *parser.Event) bool {
	switch ev.Kind {
	case parser.KindLost:
		if ev.Count >= 0 {
			s.Lost += ev.Count
		} else {
			s.LostUnknown++
		}
		s.missed(ev.Start)
		if UsableCPU(ev.CPU) {
			s.cpuAt(ev.CPU).run = current{}
		}
	case parser.KindOverwritten:
		s.Overwritten += max(ev.Count, 0)
	case parser.KindHole:
		s.Holes++
		s.missed(ev.Start)
		s.breaksOff(ev)
	case parser.KindDamaged:
		s.Damaged++
	case parser.KindOther:
		s.Asides.Add(ev.Aside)
	case parser.KindComm:
	default:
		return false
	}
	return true
}

// window takes an event's time and the CPUs that it names.
func (s *surveyor) window(ev *parser.Event) {
	from := ev.Time
	if ev.Kind == parser.KindSlice && ev.Start != parser.NoTime {
		from = min(ev.Start, ev.Time)
	}
	if s.Start == parser.NoTime {
		s.Start = from
	}
	s.Start, s.End = min(s.Start, from), max(s.End, ev.Time)
	s.Recorded.Set(int(ev.CPU))
	for _, c := range [3]int32{ev.CPU, ev.TargetCPU, ev.OrigCPU} {
		if UsableCPU(c) {
			s.mentioned.Set(int(c))
		}
	}
}

// take learns the habits of tasks from an event.
func (s *surveyor) take(cpu *startCPU, ev *parser.Event) {
	if ev.Kind != parser.KindSwitch && ev.Kind != parser.KindSlice {
		s.name(&ev.Task)
	}
	switch ev.Kind {
	case parser.KindSwitch:
		s.ran(&ev.Task, ev.CPU)
		s.ran(&ev.Next, ev.CPU)
		s.switched(ev)
		from := s.Start
		if cpu.switched {
			from = cpu.switchedAt
		}
		s.runtime(s.host, ev, ev.Time-from)
		cpu.switched, cpu.switchedAt = true, ev.Time
	case parser.KindSlice:
		s.HasStates = s.HasStates || ev.Task.PID > 0 && ev.State.Known()
		s.HasDelays = s.HasDelays || ev.Delay > 0
		s.ran(&ev.Task, ev.CPU)
		s.runtime(s.host, ev, max(ev.Runtime, 0))
	case parser.KindWaking:
		s.HasWaking = true
		cpu.waking, cpu.wakee, cpu.wakingAt = true, ev.Task.PID, ev.Time
		if UsableCPU(ev.TargetCPU) && ev.Task.PID > 0 {
			s.taskAt(ev.Task.PID).last = ev.TargetCPU
		}
		if ev.Cur.PID >= 0 && !s.taskAt(ev.Task.PID).queued && !s.pinned(s.host, &ev.Task) {
			by := &cpu.wakes
			if ev.Cur.PID > 0 {
				by = &s.taskAt(ev.Cur.PID).wakes
			}
			by.wake(ev.Task.PID)
		}
	case parser.KindWakeup:
		s.HasWakeup = true
		if ev.CPU == ev.TargetCPU && ev.Cur.PID == 0 && s.spans < maxSpans {
			for int(ev.CPU) >= len(s.landings) {
				s.landings = append(s.landings, nil)
			}
			s.landings[ev.CPU] = append(s.landings[ev.CPU], ev.Time)
			s.spans++
		}
	case parser.KindMigrate:
		s.HasMigrate = true
		s.visit.take(ev)
		if UsableCPU(ev.TargetCPU) {
			s.enters.Set(int(ev.TargetCPU))
		}
	case parser.KindFork:
		s.name(&ev.Next)
		if ev.Next.PID > 0 {
			s.taskAt(ev.Next.PID).parent = ev.Task.PID
		}
	}
}

// finish draws what follows of the whole.
func (s *surveyor) finish(resolution int64, perf bool) {
	s.Events, s.standing = s.counts.Map(), s.Stood.About()
	s.seams, s.gaps = seams(s.breaks)
	if s.Only.Empty() && s.Recorded.Weight() == 1 && (s.mentioned.Weight() > 1 || s.host.Online.Value.Weight() > 1) {
		s.Only = s.Recorded // lines of one CPU, whatever left out the others
	}
	s.parts(s.host.Online.Value)
	if perf && s.Only.Empty() {
		from, to := enabled(len(s.cpu), func(i int) *voice { return &s.cpu[i].voice }, s.visit, s.Start, s.End)
		s.whole.from, s.whole.to = max(s.whole.from, from), min(s.whole.to, to)
	}
	if n := len(s.delays); n > 0 {
		slices.Sort(s.delays)
		s.SelectDelay, s.SelectLate = s.delays[n/2], s.delays[n*19/20]
	}
	if s.SelectDelay == 0 {
		s.SelectDelay = max(2000, resolution)
	}
	s.SelectLate = max(s.SelectLate, 2*s.SelectDelay)
	for c, all := range s.leaving {
		// Short ones are what it takes, and lie in the window of the switch.
		s.leaving[c] = slices.Clone(slices.DeleteFunc(all, func(l span) bool { return l.to-l.from <= 2*s.SelectDelay }))
	}
}

// Total is the number of events.
func (s *Survey) Total() int64 {
	n := int64(0)
	for _, k := range s.Events {
		n += k
	}
	return n
}

// leave keeps the time in which a CPU's task may have been on its way out.
func (s *surveyor) leave(c *startCPU, ev *parser.Event) {
	if ev.Kind == parser.KindStatRuntime && !s.HasRuntime {
		s.HasRuntime, s.leaving, s.spans = true, nil, 0
	}
	from := c.heardAt
	if !s.HasRuntime {
		from = max(from, ev.Time-leaveMost)
	}
	if c.heard && ev.Kind == parser.KindSwitch && ev.Next.PID == 0 && ev.Task.PID > 0 && ev.State.Known() && !ev.State.Runnable() &&
		(!s.HasRuntime || c.ran == ev.Task.PID) && ev.Time-from > leaveNS && s.spans < maxSpans {
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
func (s *Survey) pinned(host *parser.Host, t *parser.Task) bool {
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
func (s *Survey) runtime(host *parser.Host, ev *parser.Event, ns int64) {
	if iso, ok := host.Isolated.Get(); !ok || iso.Test(int(ev.CPU)) {
		s.RanNS[RunKey{ev.CPU, ev.Task.PID}] += ns
	}
}

// switched keeps who is runnable.
func (s *Survey) switched(ev *parser.Event) {
	if ev.Next.PID > 0 {
		s.taskAt(ev.Next.PID).queued = true
	}
	if ev.Task.PID > 0 {
		s.taskAt(ev.Task.PID).queued = ev.State.Known() && ev.State.Runnable()
	}
}

func (s *surveyor) ran(t *parser.Task, cpu int32) {
	if t.PID <= 0 {
		return
	}
	s.name(t)
	ts := s.taskAt(t.PID)
	ts.Seen.Set(int(cpu))
	if ts.last != cpu && ts.last != parser.NoCPU {
		s.enters.Set(int(cpu)) // the move itself may not be recorded
		s.recorderLeft(t, ts.last)
	}
	ts.last = cpu
}

// first learns from an event how its CPU and its tasks stood before.
func (s *Survey) first(c *startCPU, ev *parser.Event) {
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
		if s.Lost+s.LostUnknown+s.Holes > 0 {
			return // it may have come or been woken where events are missing
		}
		t.StartCPU, t.startQueued, t.startSleep = cpu, queued, sleep
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

// Silent reports a CPU that was recorded along with the others and has no
// event at all: idle throughout, or busy with one task that never switched.
func (s *Survey) Silent(c int) bool { return !s.Recorded.Test(c) && s.Only.Empty() }
