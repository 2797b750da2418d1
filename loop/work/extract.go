package work

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/load"
	"schedreplay/parser"
	"schedreplay/replay/noise"
	"schedreplay/replay/timeline"
)

// ErrNoWork is wrapped by errors about captures that do not show enough to tell what
// tasks wanted.
var ErrNoWork = errors.New("the work cannot be told from this capture")

// state is where a task is while the recording is read.
type state uint8

const (
	unseen state = iota
	asleep
	queued
	running
	gone
)

// tasking is a task while the recording is read.
type tasking struct {
	*Task
	state   state
	cpu     int32
	since   int64 // running: since when; queued: since when
	began   int64 // when it last got a CPU
	burst   int64 // done of the present burst
	wakes   []Wake
	blocked int64 // when it last went to sleep
	// waking is the edge seen for the present wait, or, of a task that runs, for the
	// next; woken: it was seen.
	waking   Wait
	woken    bool
	runnable int64 // when the wakeup made it runnable
	onIdle   bool  // then its CPU was idle and nothing else on the way
	slept    bool  // it has slept since it last ran
	off      timeline.OffCPU
	due      bool // woken and not run yet, on dueOn, since its turn
	dueOn    int32
	turn     int64
	moving   bool // between sched_waking and sched_wakeup
	prio     int32
	flipping
	// When a stopper last moved it, in which step, and after how much of the burst.
	pushedTime, pushedAt int64
	pushedStep           int
	bundle               cpumask.Mask // the affinity that the bundle lists under its pid
	limited              bool         // a CPU limit may stop it
}

// flipping is what record_wakee keeps of a task beside wakee_flips: last_wakee and
// wakee_flip_decay_ts; and how often the flips were halved, the first time from nothing.
type flipping struct {
	partner int32
	decay   int64
	halved  int
}

// extraction is one pass over a recording.
type extraction struct {
	p     *Program
	at    map[int32]int // pid to its index in tasks
	tasks []*tasking
	cur   []int32 // by CPU, the pid current there, NoPID if not known
	due   []int32 // by CPU, tasks woken and not run yet
	turns []int64 // by CPU, switches
	begun []bool
	host  *parser.Host
	kin   map[int32]int32 // child to parent
	// wakeups: sched_wakeup is recorded. perf sched record has sched_waking alone: then a
	// task counts as queued from its waking on.
	wakeups bool
	idle    []int64 // by CPU, when it last went idle, None if that was not recorded
	before  bool    // the window has not begun
	strays  map[int32]stray
	pids    []int32 // user tasks of the bundle that have a session, in order
	beside  []besides
	sources map[Source]int32
	left    []rest
}

// stray is when a task last ran where its affinity of the bundle does not let it, and when
// elsewhere. The bundle tells of the end: an affinity that was set in between.
type stray struct{ outside, inside int64 }

// Extract reads a recording, twice, and returns its work. It needs sched_switch, and
// sched_waking or sched_wakeup, of the whole machine; the error wraps [ErrNoWork]. Of a
// recording that cannot be read to its end it takes what comes before.
func Extract(c parser.Capture, host *parser.Host) (*Program, error) {
	x := &extraction{p: &Program{Start: None}, at: map[int32]int{}, host: host, kin: map[int32]int32{}, strays: map[int32]stray{}}
	events := func(do func(*parser.Event)) {
		for ev, err := range c.Events() {
			if err != nil {
				return // the caller has it of its own pass
			}
			do(&ev)
		}
	}
	if c.Meta().MayReorder {
		events = inOrder(events)
	}
	n, printed, perf := len(host.CPU), false, timeline.Enabling{}
	events(func(ev *parser.Event) {
		perf.Take(ev)
		n = max(n, int(ev.CPU)+1, int(ev.TargetCPU)+1, int(ev.OrigCPU)+1)
		switch ev.Kind {
		case parser.KindLost, parser.KindHole:
			x.p.Lost = true
		case parser.KindSlice:
			printed = true
		case parser.KindSwitch, parser.KindWaking, parser.KindWakeup:
			if x.p.Start == None {
				x.p.Start = ev.Time
			}
			x.p.End = ev.Time
			x.wakeups = x.wakeups || ev.Kind == parser.KindWakeup
		}
	})
	switch {
	case printed:
		return nil, fmt.Errorf("%w: it holds slices and no wakeups", ErrNoWork)
	case x.p.Start == None:
		return nil, fmt.Errorf("%w: it holds no sched_switch", ErrNoWork)
	}
	x.p.CPUs = n
	x.p.Exit = make([][]Exit, n)
	x.cur, x.due, x.begun, x.idle, x.turns = make([]int32, n), make([]int32, n), make([]bool, n), make([]int64, n), make([]int64, n)
	for i := range x.cur {
		x.cur[i] = parser.NoPID
	}
	if c.Meta().Dialect == parser.DialectPerfData {
		x.window(perf.Common())
	}
	start := x.p.Start
	events(func(ev *parser.Event) {
		if x.before && ev.Time >= start {
			x.begin()
		}
		if ev.Time <= x.p.End {
			x.event(ev)
		} else if ev.Aside == parser.IRQEntry && x.beside != nil {
			x.sourceOf(Source{noise.Hardirq, ev.Text}) // that it is there, if not in the window
		}
	})
	x.end()
	if len(x.p.Tasks) == 0 {
		return nil, fmt.Errorf("%w: no task runs in it", ErrNoWork)
	}
	return x.p, nil
}

// windowLeast is one over the least share of a recording that its window is.
const windowLeast = 2

// window makes the window the time in which all CPUs are recorded: what tasks do before on
// a CPU that is not yet recorded is not seen, and the recorder still goes from CPU to CPU.
func (x *extraction) window(from, to int64) {
	if from, to = max(from, x.p.Start), min(to, x.p.End); (to-from)*windowLeast < x.p.End-x.p.Start {
		return
	}
	x.before = from > x.p.Start
	x.p.Start, x.p.End = from, to
}

// begin begins the window: where tasks are is kept, what they did is not.
func (x *extraction) begin() {
	x.before = false
	clear(x.strays)
	x.beginAside()
	x.p.Unmatched, x.p.Exit, x.p.Preempt, x.p.Held = 0, make([][]Exit, x.p.CPUs), nil, nil
	for _, p := range x.tasks {
		p.Steps, p.wakes, p.burst, p.woken, p.off, p.pushedTime = nil, nil, 0, false, timeline.OffCPU{}, 0
		p.Recorded = Figures{RunOn: make([]int64, x.p.CPUs), Entries: make([]int64, x.p.CPUs)}
		p.Ran = nil
		p.CPU, p.since, p.slept, p.moving = p.cpu, x.p.Start, false, false
		switch p.state {
		case running:
			p.Begin = BeginRunning
		case queued:
			p.Begin = BeginQueued
		case asleep:
			p.state = unseen
			x.asleepAtStart(p, p.cpu)
		}
	}
}

// inOrder keeps the events of a recording whose CPUs may be out of order, and gives them by
// time.
func inOrder(events func(func(*parser.Event))) func(func(*parser.Event)) {
	var all []parser.Event
	events(func(ev *parser.Event) { all = append(all, *ev) })
	slices.SortStableFunc(all, func(a, b parser.Event) int { return cmp.Compare(a.Time, b.Time) })
	return func(do func(*parser.Event)) {
		for i := range all {
			do(&all[i])
		}
	}
}

func (x *extraction) event(ev *parser.Event) {
	switch ev.Kind {
	case parser.KindSwitch:
		x.switched(ev)
	case parser.KindWaking:
		x.waking(ev)
	case parser.KindWakeup:
		x.wakeup(ev)
	case parser.KindWakeupNew:
		x.newborn(ev)
	case parser.KindMigrate:
		x.moved(ev)
	case parser.KindFork:
		x.kin[ev.Next.PID] = ev.Task.PID
	case parser.KindExec:
		x.exec(ev)
	case parser.KindOther:
		x.aside(ev)
	case parser.KindLost, parser.KindHole:
		for c := range x.idle {
			if ev.CPU < 0 || int(ev.CPU) == c {
				x.idle[c] = None
			}
		}
	}
}

// execWithin is how long before sched_process_exec the stopper's move that sched_exec
// asked for can be.
const execWithin = 100_000_000

// exec notes that the current task executes a program: where in its burst the stopper moved
// it for that, or else where the event comes.
func (x *extraction) exec(ev *parser.Event) {
	i, ok := x.at[ev.Task.PID]
	if !ok || x.tasks[i].state != running {
		return
	}
	p := x.tasks[i]
	at := p.sofar(x, ev.Time)
	if p.pushedStep == len(p.Steps) && p.pushedTime > 0 && ev.Time-p.pushedTime < execWithin {
		at = p.pushedAt
	}
	p.wakes = append(p.wakes, Wake{At: at, Task: int32(i), Step: int32(len(p.Steps)), Exec: true})
}

// task returns what is known of a pid, which is not the idle task's.
func (x *extraction) task(t *parser.Task) *tasking {
	i, ok := x.at[t.PID]
	if !ok {
		i = len(x.tasks)
		x.at[t.PID] = i
		x.tasks = append(x.tasks, &tasking{
			Task: &Task{PID: t.PID, Comm: t.Comm, CPU: parser.NoCPU, Policy: -1, Recorded: Figures{RunOn: make([]int64, x.p.CPUs), Entries: make([]int64, x.p.CPUs)}},
			cpu:  parser.NoCPU, prio: 120, bundle: x.host.Task[t.PID].Affinity.Value, limited: x.limited(t.PID),
		})
	}
	p := x.tasks[i]
	if t.Comm != "" {
		p.Comm = t.Comm
	}
	if t.Prio != parser.NoPrio {
		p.prio = t.Prio
	}
	return p
}

// place notes where a task is, and that it came there.
func (x *extraction) place(p *tasking, cpu int32) {
	if cpu < 0 || cpu == p.cpu {
		return
	}
	if p.cpu >= 0 {
		p.Recorded.Entries[cpu]++
	}
	if p.CPU < 0 {
		p.CPU = cpu
	}
	p.cpu = cpu
}

func (x *extraction) switched(ev *parser.Event) {
	c := ev.CPU
	if c < 0 {
		return
	}
	idle := ev.Task.PID == 0
	x.gives(ev)
	if x.begun[c] && x.cur[c] != ev.Task.PID {
		x.idle[c] = None
		x.unseen(ev)
	}
	if ev.Task.PID > 0 {
		x.leaves(x.task(&ev.Task), ev)
	}
	x.cur[c] = ev.Next.PID
	if ev.Next.PID > 0 {
		x.enters(x.task(&ev.Next), ev, idle)
	} else {
		x.idle[c] = ev.Time
	}
	x.asideSwitched(c)
	x.turns[c]++
	x.begun[c] = true
}

// unseen settles a switch that was not recorded: the task that came last is gone, after a run
// of no length, and the one that leaves now has run since.
func (x *extraction) unseen(ev *parser.Event) {
	x.p.Unmatched++
	i, ok := x.at[x.cur[ev.CPU]]
	if !ok || x.tasks[i].state != running || x.tasks[i].cpu != ev.CPU {
		return
	}
	p := x.tasks[i]
	p.state, p.slept = asleep, true
	x.closeBurst(p, p.since)
	if ev.Task.PID > 0 {
		if q := x.task(&ev.Task); q.state == queued && q.cpu == ev.CPU {
			q.state, q.since, q.began = running, p.since, p.since
		}
	}
}

// charge accounts what a task has run on a CPU up to now.
func (x *extraction) charge(p *tasking, cpu int32, now int64) {
	run := now - p.since
	taken := x.takenOn(cpu, run)
	x.charged(cpu)
	p.burst += run - taken
	p.Recorded.Taken += taken
	p.Recorded.Run += run
	p.Recorded.RunOn[cpu] += run
	x.p.ran(p.Task, cpu, p.since, now)
	if !p.bundle.Empty() && !p.bundle.Test(int(cpu)) {
		x.strays[p.PID] = stray{outside: now}
	} else if s, ok := x.strays[p.PID]; ok {
		x.strays[p.PID] = stray{s.outside, now}
	}
	p.since = now
}

// sofar is what a running task has done of its burst up to now.
func (p *tasking) sofar(x *extraction, now int64) int64 {
	run := now - p.since
	return p.burst + run - x.takenOn(p.cpu, run)
}

// leaves ends a run; the burst too, if the task blocks.
func (x *extraction) leaves(p *tasking, ev *parser.Event) {
	switch {
	case p.state == unseen:
		p.Begin, p.since = BeginRunning, x.p.Start
		x.place(p, ev.CPU)
	case p.state != running || p.cpu != ev.CPU:
		x.p.Unmatched++
		if p.state == asleep { // what woke it was not recorded, nor that it got the CPU
			p.waking, p.woken = Wait{Edge: EdgeOutside, From: fact.Unknown, Time: ev.Time, CPU: ev.CPU}, true
			x.ends(p)
			p.woken = false
		}
		p.since = ev.Time
		x.place(p, ev.CPU)
	}
	x.charge(p, ev.CPU, ev.Time)
	p.off.Leaves(ev)
	if ev.State.Runnable() || !ev.State.Known() {
		p.state = queued
		return
	}
	if ev.Time-p.began >= heldLeast && p.began > 0 {
		x.kept(p, ev)
	}
	p.state, p.slept = asleep, true
	if ev.State.Gone() {
		p.state = gone
	}
	if !x.wakeups && ev.Time-p.waking.Time > raceMost {
		p.woken = false // it did not block then, and whatever it was is over
	}
	x.closeBurst(p, ev.Time)
	p.Steps[len(p.Steps)-1].Exit = p.state == gone
	if !x.wakeups && p.woken {
		x.queues(p, ev.Time)
	}
}

// heldLeast is no more than any slice.
const heldLeast = 700_000

// kept notes that a task ran until it blocked, though the next one waits since it began.
func (x *extraction) kept(p *tasking, ev *parser.Event) {
	i, ok := x.at[ev.Next.PID]
	if !ok {
		return
	}
	if q := x.tasks[i]; q.state == queued && q.cpu == ev.CPU && q.since <= p.began && !q.limited {
		x.held(p, ev, true)
	}
}

// held notes how long a task ran that has just left its CPU, or is about to block.
func (x *extraction) held(p *tasking, ev *parser.Event, kept bool) {
	h := Held{Sample: Sample{ev.Time, ev.Time - p.began, x.at[p.PID]}, Kept: kept}
	for _, q := range x.tasks {
		if q.cpu == ev.CPU && (q.state == queued || q == p) && q.prio >= 100 {
			h.NR++
			h.Load += load.WeightOf(q.prio)
		}
	}
	x.p.Held = append(x.p.Held, h)
}

// raceMost is how long before a task leaves its CPU a waking may still be for the wait that
// it is about to begin.
const raceMost = 200_000

// queues takes a waking for the wakeup too, where that is not recorded.
func (x *extraction) queues(p *tasking, now int64) {
	p.state, p.woken, p.moving, p.runnable, p.since = queued, false, true, now, now
}

// closeBurst makes a step of the present burst. The wait after it ends by the waking
// already seen, if there is one.
func (x *extraction) closeBurst(p *tasking, now int64) {
	p.Steps = append(p.Steps, Step{Burst: p.burst, Prio: p.prio, Wakes: p.wakes, Then: Wait{Slept: true, Lag: 0, Exit: None, Preempt: None}})
	p.burst, p.wakes, p.blocked = 0, nil, now
	if p.woken {
		x.ends(p)
	}
}

// ends puts the waking seen at the end of the wait of the last step.
func (x *extraction) ends(p *tasking) {
	s := &p.Steps[len(p.Steps)-1]
	w := p.waking
	w.Slept, w.Exit, w.Preempt = true, None, None
	w.Sleep = max(0, w.Time-p.blocked)
	s.Then = w
	if w.Edge == EdgeTask {
		waker := x.tasks[w.Waker]
		x.wakes(waker, w, Wake{At: w.WakerAt, Task: int32(x.at[p.PID]), Step: int32(len(p.Steps) - 1)})
	}
}

// wakes adds a waking to the waker's burst, which may have ended since.
func (x *extraction) wakes(waker *tasking, w Wait, k Wake) {
	if int(w.WakerStep) < len(waker.Steps) {
		s := &waker.Steps[w.WakerStep]
		s.Wakes = append(s.Wakes, k)
		return
	}
	waker.wakes = append(waker.wakes, k)
}

// enters begins a run.
func (x *extraction) enters(p *tasking, ev *parser.Event, fromIdle bool) {
	c := ev.CPU
	switch p.state {
	case unseen:
		p.Begin = BeginQueued
		x.place(p, c)
	case asleep, gone:
		// Nobody was seen to wake it.
		p.waking, p.woken = Wait{Edge: EdgeOutside, From: fact.Unknown, Time: ev.Time, CPU: c}, true
		x.ends(p)
		p.runnable, p.woken = ev.Time, false
	case running:
		x.p.Unmatched++
	}
	if c != p.cpu {
		x.place(p, c)
	}
	if p.slept && len(p.Steps) > 0 {
		x.ran(p, ev, fromIdle)
	} else if off := p.off.Since(neverLost); off != None && p.state == queued {
		p.Recorded.Gap = append(p.Recorded.Gap, ev.Time-off)
		if q := x.at[ev.Task.PID]; ev.Task.PID > 0 && ev.State.Runnable() && !p.limited && p.since <= x.tasks[q].began && x.tasks[q].began > 0 {
			x.held(x.tasks[q], ev, false)
		}
	}
	x.charged(c)
	p.slept, p.moving, p.off, p.state, p.since, p.began = false, false, timeline.OffCPU{}, running, ev.Time, ev.Time
}

// neverLost: what a recording lost is told of the whole program, by Lost.
func neverLost(int32) int64 { return None }

// stoppedLeast is from when on a limited task that does not get a CPU which it could have may be
// stopped by its limit.
const stoppedLeast = 1_000_000

// limited reports whether a CPU limit may stop a task: its control group's, or that of who made
// it.
func (x *extraction) limited(pid int32) bool {
	if x.host.Limit(pid) != "" {
		return true
	}
	i, ok := x.at[x.kin[pid]]
	return ok && x.tasks[i].limited
}

// ran takes the delay from a task's waking to its run.
func (x *extraction) ran(p *tasking, ev *parser.Event, fromIdle bool) {
	c := ev.CPU
	w := &p.Steps[len(p.Steps)-1].Then
	if !x.wakeups {
		p.onIdle, p.dueOn = fromIdle && x.idle[c] <= w.Time, c
	}
	due := p.due
	x.arrived(p)
	if w.Edge == EdgeNone || w.Time == None {
		return
	}
	p.Recorded.Wakings++
	p.Recorded.Delay = append(p.Recorded.Delay, ev.Time-w.Time)
	in := x.less(c, p.runnable, ev.Time)
	switch {
	case p.limited && in >= stoppedLeast: // it may have been its limit that kept it
	case !x.wakeups && fromIdle && !p.onIdle:
		w.Lag = in // else it would have run when the CPU went idle
	case fromIdle && p.onIdle && c == p.dueOn:
		w.Exit = in
		if x.idle[c] != None {
			x.p.Exit[c] = append(x.p.Exit[c], Exit{ev.Time, in, Rested(p.runnable - x.idle[c])})
		}
	case !fromIdle && !p.onIdle && ev.Task.PID > 0 && ev.State.Runnable():
		// Else it waited for its turn behind others.
		if q := x.at[ev.Task.PID]; x.tasks[q].began <= p.runnable || due && x.turns[c] == p.turn+1 {
			w.Preempt = in
			x.p.Preempt = append(x.p.Preempt, Sample{ev.Time, in, q})
		}
	}
}

// edge classes a waking of p by what the record says of who did it.
func (x *extraction) edge(p *tasking, ev *parser.Event) Wait {
	w := Wait{Edge: EdgeOutside, From: fact.Estimated, Time: ev.Time, CPU: ev.CPU}
	cur := ev.Cur.PID
	if ev.CPU >= 0 && (cur < 0 || x.cur[ev.CPU] >= 0) {
		cur = x.cur[ev.CPU]
	}
	switch x.context(ev) {
	case parser.ContextTask, parser.ContextUnknown:
		i, ok := x.at[cur]
		if !ok && cur > 0 {
			who := ev.Cur
			who.PID = cur
			q := x.task(&who)
			i, ok = x.at[cur], true
			if q.state == unseen {
				q.Begin, q.state, q.since = BeginRunning, running, x.p.Start
				x.place(q, ev.CPU)
			}
		}
		if !ok || cur == p.PID {
			break
		}
		q := x.tasks[i]
		if q.state != running {
			x.p.Unmatched++
			break
		}
		w.Edge, w.From, w.Waker, w.WakerStep, w.WakerAt = EdgeTask, fact.Observed, int32(i), int32(len(q.Steps)), q.sofar(x, ev.Time)
		if ev.Context == parser.ContextUnknown {
			w.From = fact.Estimated
		}
	case parser.ContextHardirq, parser.ContextSoftirq:
		if ev.CPU == p.cpu || p.cpu < 0 {
			w.Edge = EdgeTimer
		}
	}
	return w
}

func (x *extraction) waking(ev *parser.Event) {
	if ev.Task.PID <= 0 {
		return
	}
	p := x.task(&ev.Task)
	if p.state == unseen {
		x.asleepAtStart(p, ev.TargetCPU)
	}
	x.flip(ev)
	switch p.state {
	case asleep:
		if p.slept && p.moving {
			x.p.Unmatched++
		}
		p.waking, p.woken, p.moving = x.edge(p, ev), true, true
		x.ends(p)
		x.wokenIn(p, ev)
		if !x.wakeups {
			x.queues(p, ev.Time)
		}
	case running, queued:
		p.waking, p.woken = x.edge(p, ev), true
	}
}

// asleepAtStart gives a task that the window finds asleep its first wait.
func (x *extraction) asleepAtStart(p *tasking, cpu int32) {
	p.Begin, p.state, p.slept, p.blocked = BeginAsleep, asleep, true, x.p.Start
	x.place(p, cpu)
	p.Steps = append(p.Steps, Step{Prio: p.prio, Then: Wait{Slept: true, Exit: None, Preempt: None}})
}

func (x *extraction) wakeup(ev *parser.Event) {
	if ev.Task.PID <= 0 {
		return
	}
	p := x.task(&ev.Task)
	if p.state == unseen {
		x.asleepAtStart(p, ev.TargetCPU)
	}
	switch p.state {
	case running, queued:
		// It had not left its CPU: a wait of no length, which a later waking would
		// have made one.
		if p.woken && p.state == running && p.waking.Edge == EdgeTask {
			x.charge(p, p.cpu, ev.Time)
			x.closeBurst(p, ev.Time)
			p.Steps[len(p.Steps)-1].Then.Slept = false
		}
		p.woken = false
		return
	case asleep:
		if !p.woken {
			p.waking, p.woken = x.edge(p, ev), true
			x.ends(p)
			x.wokenIn(p, ev)
		}
	default:
		return
	}
	c := ev.TargetCPU
	if c < 0 {
		c = ev.CPU
	}
	p.state, p.woken, p.moving, p.runnable, p.since = queued, false, false, ev.Time, ev.Time
	w := &p.Steps[len(p.Steps)-1].Then
	w.Lag = max(0, ev.Time-w.Time)
	x.place(p, c)
	x.comes(p, c)
}

// comes notes that a woken task is queued on a CPU, arrived that it is no longer so.
func (x *extraction) comes(p *tasking, c int32) {
	if c < 0 || int(c) >= len(x.cur) {
		return
	}
	p.onIdle = x.cur[c] == 0 && x.due[c] == 0
	p.due, p.dueOn, p.turn = true, c, x.turns[c]
	x.due[c]++
}

func (x *extraction) arrived(p *tasking) {
	if p.due {
		p.due = false
		x.due[p.dueOn]--
	}
}

func (x *extraction) newborn(ev *parser.Event) {
	if ev.Task.PID <= 0 {
		return
	}
	if old, ok := x.at[ev.Task.PID]; ok && x.tasks[old].state != unseen {
		x.p.Unmatched++ // a pid taken again is not told apart
		return
	}
	p := x.task(&ev.Task)
	p.Begin, p.state, p.slept, p.blocked = BeginUnborn, asleep, true, ev.Time
	x.place(p, ev.TargetCPU)
	p.Steps = append(p.Steps, Step{Prio: p.prio, Then: Wait{Slept: true, Exit: None, Preempt: None}})
	p.waking = x.edge(p, ev)
	x.ends(p)
	if w := &p.Steps[0].Then; w.Edge == EdgeTask {
		q := x.tasks[w.Waker]
		all := q.wakes
		if int(w.WakerStep) < len(q.Steps) {
			all = q.Steps[w.WakerStep].Wakes
		}
		all[len(all)-1].Fork = true
	}
	p.state, p.runnable, p.since = queued, ev.Time, ev.Time
	x.comes(p, ev.TargetCPU)
}

func (x *extraction) moved(ev *parser.Event) {
	if ev.Task.PID <= 0 || ev.TargetCPU < 0 {
		return
	}
	p := x.task(&ev.Task)
	if p.state == unseen {
		x.place(p, ev.OrigCPU)
		p.Begin, p.state, p.since = BeginQueued, queued, x.p.Start
	}
	cause := MoveBalance
	switch {
	case p.moving && (p.state == asleep || !x.wakeups && p.state == queued && ev.CPU == p.waking.CPU):
		cause, p.moving = MoveWakeup, p.state == asleep
	case ev.CPU >= 0 && x.stopper(x.cur[ev.CPU]):
		cause = MoveActive
		p.pushedTime, p.pushedStep, p.pushedAt = ev.Time, len(p.Steps), p.burst
	case p.state == running:
		cause = MoveWakeup // exec, before it goes to the stopper
	case ev.CPU == ev.TargetCPU && ev.Context == parser.ContextTask && x.cur[ev.CPU] != 0:
		cause = MoveNewidle
	}
	x.arrived(p) // what it waits for is another CPU now
	if ev.TargetCPU != p.cpu {
		p.Recorded.Moves[cause]++
	}
	x.place(p, ev.TargetCPU)
}

func (x *extraction) stopper(pid int32) bool {
	i, ok := x.at[pid]
	return ok && isStopper(x.tasks[i].Comm)
}

// flip counts wakee_flips of the task that wakes (record_wakee).
func (x *extraction) flip(ev *parser.Event) {
	if ev.CPU < 0 {
		return
	}
	i, ok := x.at[x.cur[ev.CPU]]
	if !ok {
		return
	}
	q := x.tasks[i]
	if flips, halved := fair.DecayFlips(q.Flips, q.decay, ev.Time); halved {
		q.Flips, q.decay = flips, ev.Time
		q.halved++
	}
	if q.partner != ev.Task.PID {
		q.partner = ev.Task.PID
		q.Flips++
	}
}

// settle gives the steps the indexes of Program.Tasks, and puts what grew step by step into
// memory of its size.
func (p *tasking) settle(to []int) {
	n := 0
	for i := range p.Steps {
		n += len(p.Steps[i].Wakes)
	}
	p.Steps = slices.Clone(p.Steps)
	wakes := make([]Wake, 0, n)
	for i := range p.Steps {
		s := &p.Steps[i]
		s.Then.Waker = int32(to[s.Then.Waker])
		first := len(wakes)
		wakes = append(wakes, s.Wakes...)
		if len(s.Wakes) > 0 {
			s.Wakes = wakes[first:len(wakes):len(wakes)]
		}
		for j := range s.Wakes {
			s.Wakes[j].Task = int32(to[s.Wakes[j].Task])
		}
		slices.SortStableFunc(s.Wakes, func(a, b Wake) int { return cmp.Compare(a.At, b.At) })
	}
	p.Recorded.Delay, p.Recorded.Gap = slices.Clone(p.Recorded.Delay), slices.Clone(p.Recorded.Gap)
}

// settleFlips adds to wakee_flips what they had before the recording, on the view that they
// were then as they are at its end: of that each halving left half.
func (p *tasking) settleFlips(end int64) {
	p.FlipsAge = end - p.decay
	if n := min(p.halved-1, 62); n > 0 {
		p.Flips += p.Flips / (1<<n - 1)
	}
}

// end closes what the window cuts, and settles what needs the whole of it.
func (x *extraction) end() {
	for _, p := range x.tasks {
		switch p.state {
		case running:
			x.charge(p, p.cpu, x.p.End)
			fallthrough
		case queued:
			p.woken = false
			x.closeBurst(p, x.p.End)
			p.Steps[len(p.Steps)-1].Cut = 2*p.Steps[len(p.Steps)-1].Burst >= p.Recorded.Run
		}
	}
	order := make([]int, len(x.tasks))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(x.tasks[a].PID) - int(x.tasks[b].PID) })
	to := make([]int, len(order))
	for i, old := range order {
		to[old] = i
	}
	for _, old := range order {
		p := x.tasks[old]
		p.settle(to)
		p.settleFlips(x.p.End)
		x.p.Tasks = append(x.p.Tasks, *p.Task)
	}
	for i := range x.p.Preempt {
		x.p.Preempt[i].Task = to[x.p.Preempt[i].Task]
	}
	for i := range x.p.Held {
		x.p.Held[i].Task = to[x.p.Held[i].Task]
	}
	x.within()
	x.describe()
	x.groups()
	x.class()
	x.answers()
	x.settleInterrupts(to)
}

// within puts wakings that a burst does past its end, where the recording missed when it
// ended, at its end.
func (x *extraction) within() {
	for i := range x.p.Tasks {
		for j := range x.p.Tasks[i].Steps {
			s := &x.p.Tasks[i].Steps[j]
			for k := range s.Wakes {
				s.Wakes[k].At = min(s.Wakes[k].At, s.Burst)
			}
			if w := &s.Then; w.Edge == EdgeTask {
				w.WakerAt = min(w.WakerAt, x.p.Tasks[w.Waker].Steps[w.WakerStep].Burst)
			}
		}
	}
}
