// Package timeline is what was recorded. A [Survey] reads a capture once and tells which
// events it holds, how the machine stood at its start and what its tasks do as a rule; a
// [Timeline] takes the events of a later pass in and tells of every CPU who ran there, who was
// queued and when others could see that. Nothing here knows a model or a choice between kernels.
package timeline

import (
	"slices"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/still"
)

// Task is what the replay holds of one task, as recorded.
type Task struct {
	PID  int32
	Comm string
	Prio int32
	// CPU is task_cpu, NoCPU if unknown.
	CPU int32
	// Queued: on a run queue, current or waiting; QueuedKnown says whether that
	// is known.
	Queued, QueuedKnown bool
	Running             bool
	// SleptAt is when it last left its queue, and Slept in which state; contended: others
	// were queued on that CPU then, so that its dequeue may have been delayed.
	SleptAt   int64
	Slept     parser.State
	Contended bool
	Entity    load.Entity
	Virtual   virtual
	// WokenAt is the waking that its next run answers, NoTime if none.
	WokenAt int64
	OffCPU  OffCPU
	// Inflight is the CPU on whose wake list it is, NoCPU if none.
	Inflight int32
	seat     seat
	// assumed is how often it was taken to have reached its CPU's queue without an
	// event that says so.
	assumed int
	// withWaker: its waker was to queue it, and may not have done so yet.
	withWaker bool
	Exiting   bool
	// PushedFrom is the CPU that a stopper moved it from last, at PushedAt. CalledAt is when
	// it last woke its CPU's stopper, as sched_exec does to be moved.
	PushedFrom         int32
	PushedAt, CalledAt int64

	aff    Affinity
	born   bool // forked inside the window and not yet run
	Forked bool // forked, and not yet placed on a CPU
}

// seat is a task's place among those queued on a CPU.
type seat struct {
	cpu  int32 // NoCPU if it is on no list
	slot int
	sure bool // certainly there by now, not still with its waker
}

// Ref names the task in results.
func (t *Task) Ref() TaskRef { return TaskRef{t.PID, t.Comm, t.Prio} }

// CPU is a CPU as recorded.
type CPU struct {
	Cur   int32
	Prio  int32 // of cur
	Known bool
	// guard is the task whose own arrival is the evidence of the state since
	// before, NoPID if it stands by itself.
	guard    int32
	Queue    []*Task       // tasks queued, current included, idle not
	Inflight int           // wakeups on the wake list
	Flying   []*Task       // the tasks of those that are known
	IdleAt   int64         // when it last went idle
	CFS      load.Queue    // close to what says whether it is idle: all CPUs are sampled often
	sure     int           // of these, those certainly queued by now
	Since    int64         // when cur became current, NoTime if before the window
	Rest     load.IdleTime // from which scans before 6.0 have their budget
	// landing are the tasks on the wake list, where no sched_wakeup will tell
	// when they leave it.
	landing []*Task
	// charged: its latest event charged its current task, as that task's dequeue does.
	charged bool
	// leaving are the spans to come in which its current task may be on its way out.
	leaving []span
	// BusyAt is when a decision last showed that the CPU did not look idle, flownAt when
	// a wakeup was last put on its wake list.
	BusyAt, FlownAt int64
	// HeardAt is when the CPU last recorded anything, landedAt when a wakeup was last
	// taken off its wake list while it was idle otherwise, lostAt when events were last
	// lost; NoTime if never.
	HeardAt, landedAt, lostAt int64
	// resumed is when the hole is seen that belongs to the last seam.
	resumed int64
	// GuessedAt is when a wakeup may have been put on its wake list by a selection of
	// which it is not recorded what it chose, NoTime if none may have been.
	GuessedAt int64
	last      [16]transition
	n         int // transitions made
	Fair      fairQueue
}

// transition is a change of what other CPUs can see of a CPU. It happened
// between lo and hi, most likely at est.
type transition struct {
	est, lo, hi int64
	idle        bool
	nr          int
	known       bool
}

// Timeline is the machine as recorded, up to the event last applied.
type Timeline struct {
	Survey     *Survey
	CPU        []CPU
	task       parser.ByPID[*Task]
	Affinities Affinities
	// unsure lists flights that may not have reached the wake list yet.
	unsure []flight
	// Slices: the capture tells who ran only once it is over, so that no queue
	// can be followed.
	Slices bool
	// Delays: the kernel delays dequeues (6.12 and later).
	Delays bool
	// Charges: every time that the kernel charges to a task is recorded
	// (sched_stat_runtime), so that virtual times need no clock.
	Charges bool
	// idleLag: what a task brings from an idle CPU has decayed up to now (6.0 and later).
	idleLag bool
	// spares: util_est does not fall for a task that had to wait (6.8 and later).
	spares bool
	// shares: a new task's first utilisation is its share of its CPU's (6.10 and later).
	shares bool
	// Pends: a wakeup for an idle CPU of the same LLC goes by that CPU's wake list (6.0
	// and later). Before, its waker queues it there.
	Pends bool
	// tick is the time between two ticks of a CPU, in ns.
	tick int64
	// Slack is how long before its event a change may have been visible, in ns.
	Slack int64
	Now   int64
	// late is the event at hand if its time was moved on, nil if it was not: see [steady].
	late *parser.Event
	// Own: the event at hand is a selection's own migration.
	Own bool
	// Touched are the CPUs whose load averages may have changed since somebody emptied it.
	Touched cpumask.Mask
	// past and broke are how many of the survey's seams and gaps lie behind.
	past, broke int
}

// New begins a timeline of ncpu CPUs as a survey says that they stood; delays: the kernel
// delays dequeues. It ticks a thousand times a second until told otherwise.
func New(s *Survey, ncpu int, delays bool) *Timeline {
	t := &Timeline{Survey: s, Delays: delays, CPU: make([]CPU, ncpu)}
	t.Affinities = Affinities{host: &parser.Host{}, survey: s} // until a host is known
	t.Slack, t.tick = s.SelectDelay/4, Second/1000
	t.Slices = s.Events[parser.KindSlice] > 0
	t.Charges = delays && s.HasRuntime
	for c := range t.CPU {
		k := &t.CPU[c]
		*k = CPU{Cur: parser.NoPID, Prio: parser.NoPrio, guard: parser.NoPID, Since: parser.NoTime, IdleAt: parser.NoTime, landedAt: parser.NoTime, lostAt: parser.NoTime, GuessedAt: parser.NoTime, resumed: parser.NoTime, Rest: load.NewIdleTime(), Fair: fairQueue{slice: fair.BaseSliceFor(ncpu, true), tick: t.tick, at: s.Start}}
		if c < len(s.cpu) && s.cpu[c].known && !t.Slices {
			st := s.cpu[c]
			k.Cur, k.Prio, k.Known, k.guard = st.cur, st.prio, true, st.by
		}
		if c < len(s.leaving) {
			k.leaving = s.leaving[c]
		}
	}
	for pid, ts := range s.Task.All() {
		if !UsableCPU(ts.StartCPU) {
			continue // it was nowhere yet
		}
		p := t.Get(pid)
		p.CPU = ts.StartCPU
		if t.Slices || !ts.firstSeen || !UsableCPU(ts.StartCPU) || int(ts.StartCPU) >= ncpu {
			continue
		}
		switch {
		case ts.startQueued:
			p.Queued, p.QueuedKnown = true, true
			t.seat(p, p.CPU)
		case ts.startArrived && s.Only.Empty() && s.HasWaking:
			t.startFlight(p)
		case ts.startSleep:
			p.QueuedKnown = true
		}
	}
	for c := range t.CPU {
		k := &t.CPU[c]
		if k.Cur > 0 {
			if p := t.Get(k.Cur); !p.Queued || p.CPU != int32(c) {
				// Its own first event says otherwise; the CPU's word wins.
				p.Queued, p.QueuedKnown, p.CPU = true, true, int32(c)
				t.seat(p, p.CPU)
			}
			t.Get(k.Cur).Running = true
		}
		k.last[0] = transition{est: parser.NoTime, lo: parser.NoTime, hi: parser.NoTime, idle: k.Idle(), nr: len(k.Queue), known: k.Known}
		k.n = 1
	}
	return t
}

// startFlight puts a task on the wake list of its CPU that arrives there without a
// waking: it was woken before the capture begins.
func (t *Timeline) startFlight(p *Task) {
	k := &t.CPU[p.CPU]
	p.QueuedKnown, p.seat.sure = true, true
	k.board(p, p.CPU)
	k.sure++
	if !t.Survey.HasWakeup {
		k.landing = append(k.landing, p)
	}
}

// Find returns the task, nil if it was not seen.
func (t *Timeline) Find(pid int32) *Task { return t.task.Get(pid) }

// Get returns the task, making it on first sight.
func (t *Timeline) Get(pid int32) *Task {
	p := t.Find(pid)
	if p == nil {
		p = &Task{
			PID: pid, Prio: parser.NoPrio, CPU: parser.NoCPU, WokenAt: parser.NoTime, SleptAt: parser.NoTime, CalledAt: parser.NoTime,
			Inflight: parser.NoCPU, seat: seat{cpu: parser.NoCPU}, PushedFrom: parser.NoCPU,
		}
		p.Entity.Attached, p.Entity.Weight, p.Virtual.On = parser.NoCPU, 1024, parser.NoCPU
		p.Virtual.back, p.Virtual.came, p.Virtual.movedAt = 2*fair.BaseSliceFor(len(t.CPU), true), parser.NoTime, parser.NoTime
		if ts := t.Survey.Task.Get(pid); ts != nil {
			p.Comm = ts.Comm
		}
		t.task.Set(pid, p)
	}
	return p
}

// Bury drops a task that left its CPU for the last time.
func (t *Timeline) Bury(pid int32) {
	p := t.Find(pid)
	if p == nil {
		return
	}
	t.land(p)
	if p.Queued {
		t.forget(p)
	}
	t.fairLeave(p)
	t.loadLeave(p)
	t.task.Set(pid, nil)
}

// See takes an event's word for a task's name and priority.
func (t *Timeline) See(e *parser.Task) *Task {
	p := t.Get(e.PID)
	if e.Comm != "" {
		p.aff.done = p.aff.done && e.Comm == p.Comm // the name is part of what tells it
		p.Comm = e.Comm                             // to compare a string with itself is cheap
	}
	if e.Prio != parser.NoPrio && e.Prio != p.Prio {
		t.reweight(p, e.Prio)
	}
	if p.Queued && p.Entity.Attached == parser.NoCPU && p.Fair() {
		// Queued since the start, or back from another class.
		if t.Delays {
			t.fairEnqueue(p, p.seat.cpu)
		}
		t.loadEnqueue(p, p.seat.cpu)
	}
	return p
}

// weightOf is a task's load weight at a priority (set_load_weight, kernel/sched/core.c).
func (t *Timeline) weightOf(p *Task, prio int32) int64 {
	if t.Affinities.Of(p).IdlePolicy().Value {
		return load.WeightIdle
	}
	return load.WeightOf(prio)
}

// reweight gives a task another priority (reweight_entity, and
// switched_from_fair where it leaves the class).
func (t *Timeline) reweight(p *Task, prio int32) {
	e, w := &p.Entity, t.weightOf(p, prio)
	was := p.Fair()
	p.Prio = prio
	if was && p.Queued && e.Attached != parser.NoCPU {
		k := &t.CPU[e.Attached]
		q, current := t.queue(e.Attached), k.Cur == p.PID
		e.Step(t.Now, true, q.Running && current)
		q.Detach(e)
		q.Weight = max(0, q.Weight-e.Weight)
		if p.Fair() {
			e.Load = e.Load * w / e.Weight
			t.setWeight(p, w)
			q.Attach(e)
			q.Weight += w
			return
		}
		q.NR, q.Est = max(0, q.NR-1), max(0, q.Est-e.Est)
		q.Running = q.Running && !current
		e.Attached = parser.NoCPU
		t.fairLeave(p)
	}
	e.Load = e.Load * w / e.Weight
	t.setWeight(p, w)
}

// setWeight changes a task's weight where it is.
func (t *Timeline) setWeight(p *Task, w int64) {
	p.Entity.Weight = w
	if c := p.Virtual.On; c >= 0 {
		t.CPU[c].Fair.known = false
	}
}

// Waits reports whether the task is certainly on its CPU's queue and does not run.
func (t *Task) Waits() bool { return t.Queued && !t.Running && t.assumed == 0 && !t.withWaker }

// QueuedOn is the CPU on whose queue the task is, NoCPU if it is on none.
func (t *Task) QueuedOn() int32 { return t.seat.cpu }

// IsStopper reports whether a name is that of a CPU's stopper.
func IsStopper(comm string) bool { return strings.HasPrefix(comm, "migration/") }

// Fair reports whether the task is of the fair class as far as its priority
// tells.
func (t *Task) Fair() bool { return t.Prio >= place.MaxRTPrio }

// Idle is available_idle_cpu of the recorded state.
func (k *CPU) Idle() bool { return k.Known && k.Cur == 0 && len(k.Queue) == 0 && k.Inflight == 0 }

// mayHaveLeft reports whether the CPU's current task may have been on its way out
// by then, and the CPU idle to see. pending says that a CPU with a wakeup on its wake
// list is not; else wakers wait for its queue, which it may hold locked.
func (k *CPU) mayHaveLeft(at, delay int64, pending bool) bool {
	if len(k.leaving) == 0 || k.leaving[0].from+delay >= at || at >= k.leaving[0].to || k.Cur <= 0 {
		return false
	}
	if pending {
		return len(k.Queue) <= 1 && k.Inflight == 0
	}
	for _, p := range k.Queue {
		if p.PID != k.Cur && p.assumed == 0 {
			return false
		}
	}
	return true
}

// MayLeave reports whether a CPU's current task may be off its queue, though the CPU has not
// switched yet: nothing came since it was charged last.
func (t *Timeline) MayLeave(c int) bool { return c < len(t.CPU) && t.CPU[c].charged }

// Left reports whether a CPU's current task was off its queue at a time, though the CPU has
// not switched yet: what its dequeue charged it is recorded.
func (t *Timeline) Left(c int32, at int64) bool {
	l := t.CPU[c].leaving
	return t.Survey.HasRuntime && len(l) > 0 && l[0].from < at && at < l[0].to
}

// IsLeaving reports whether a task was that one.
func (t *Timeline) IsLeaving(p *Task, at int64) bool {
	return p.Queued && p.Running && UsableCPU(p.CPU) && int(p.CPU) < len(t.CPU) && t.CPU[p.CPU].Cur == p.PID && t.Left(p.CPU, at)
}

// lands reports whether the CPU took a wakeup off its wake list about the time of a
// window, and so was neither pending nor busy for a moment.
func (k *CPU) lands(w Window, slack int64) bool {
	return k.Cur == 0 && k.landedAt != parser.NoTime && k.landedAt >= w.Lo && k.landedAt-2*slack <= w.Hi
}

// landsLater reports whether a CPU that is idle but for its wake list takes that up shortly
// after a window, and so may have cleared ttwu_pending within it.
func (t *Timeline) landsLater(c int, w Window) bool {
	k := &t.CPU[c]
	if k.Cur != 0 || len(k.Queue) > 0 || k.Inflight == 0 || c >= len(t.Survey.landings) || !t.Survey.HasWakeup {
		return false
	}
	all := t.Survey.landings[c]
	i, _ := slices.BinarySearch(all, w.Lo)
	return i < len(all) && all[i]-2*t.Slack <= w.Hi
}

// mayHaveMore reports whether a CPU may have a wakeup on its wake list that is not
// known to be there, and has recorded nothing since: one that went to any of several CPUs,
// or came from a CPU that was not recorded yet.
func (t *Timeline) mayHaveMore(k *CPU) bool {
	since := k.GuessedAt
	if until := t.Survey.whole.from; until > t.Survey.Start {
		since = max(since, until)
	}
	return since != parser.NoTime && since >= k.HeardAt
}

// waits reports whether the CPU is idle but for what is on its wake list, or was
// taken off it without an event that says so.
func (k *CPU) waits() bool {
	if k.Cur != 0 || len(k.Queue)+k.Inflight == 0 {
		return false
	}
	for _, p := range k.Queue {
		if p.assumed == 0 {
			return false
		}
	}
	return true
}

// changed notes what others can see of a CPU after an event.
func (t *Timeline) changed(c int32, est, lo, hi int64) {
	k := &t.CPU[c]
	i := (k.n - 1) % len(k.last)
	idle := k.Idle()
	if l := &k.last[i]; l.idle == idle && l.nr == len(k.Queue) && l.known == k.Known {
		return
	}
	if t.late != nil && t.late.CPU == c {
		lo, hi = t.late.Start, max(est, t.Survey.Stood.Until(c, t.late.Start))
	}
	est = max(est, k.last[i].est)
	l := &k.last[k.n%len(k.last)] // field by field: to copy what was just written waits for it
	l.est, l.lo, l.hi, l.idle, l.nr, l.known = est, lo, max(hi, est), idle, len(k.Queue), k.Known
	k.n++
}

// flight is a wakeup on its way to another CPU's wake list. Its waker runs with
// interrupts off until it is queued, so the next event of the waker's CPU shows
// that it is; until then, on a machine whose CPUs can be held up (virtual ones),
// it may not be.
type flight struct {
	pid, waker, to int32
}

// arrived notes that the waker's CPU went on: what it had sent is queued.
func (t *Timeline) arrived(ev *parser.Event) {
	n := 0
	for _, f := range t.unsure {
		p := t.Find(f.pid)
		switch {
		case p != nil && p.withWaker:
			if p.withWaker = f.waker != ev.CPU || ev.Task.PID == f.pid && ev.Kind == parser.KindMigrate; p.withWaker {
				t.unsure[n] = f
				n++
			}
		case p == nil || p.Inflight != f.to:
		case f.waker == ev.CPU && (ev.Task.PID != f.pid || ev.Kind != parser.KindMigrate):
			t.CPU[f.to].sure++
			p.seat.sure = true
		default:
			t.unsure[n] = f
			n++
		}
	}
	t.unsure = t.unsure[:n]
}

// Window is the time in which a selection took place: between lo and hi, most
// likely at est.
type Window struct{ Est, Lo, Hi int64 }

// View is what can be said of a CPU at a window.
type View struct {
	Known bool
	// IdleVal is the likeliest idleness; IdleOpen says that it changed within
	// the window.
	IdleVal, IdleOpen bool
	// NrAt is the likeliest nr_running, between nrLo and nrHi.
	NrLo, NrHi, NrAt int
}

// ChangedAt is when the CPU last changed, most likely.
func (k *CPU) ChangedAt() int64 { return k.last[(k.n-1)%len(k.last)].est }

// At looks at a CPU as a selection saw it. What it sees is written where it is kept: to copy
// what was just written waits for it.
func (t *Timeline) At(c int, w Window, v *View) {
	k := &t.CPU[c]
	if l := &k.last[(k.n-1)%len(k.last)]; l.lo <= w.Hi && l.hi < w.Lo && l.est <= w.Est { // as mostly
		v.Known, v.IdleVal, v.IdleOpen, v.NrLo, v.NrHi, v.NrAt = l.known, l.idle, false, l.nr, l.nr, l.nr
		return
	}
	first, found := max(0, k.n-len(k.last)), false
	*v = View{}
	for i := k.n - 1; i >= first; i-- {
		l := &k.last[i%len(k.last)]
		// The state after l holds from somewhere in [l.lo, l.hi] until the next.
		overlaps := l.lo <= w.Hi
		if overlaps {
			if !found {
				v.NrLo, v.NrHi = l.nr, l.nr
				v.IdleVal, v.NrAt, v.Known = l.idle, l.nr, l.known
				found = true
			} else {
				v.NrLo, v.NrHi = min(v.NrLo, l.nr), max(v.NrHi, l.nr)
			}
			if !l.known {
				v.Known = false
			}
			if v.IdleVal != l.idle {
				v.IdleOpen = true
			}
			if l.hi < w.Lo {
				break
			}
		}
	}
	// The likeliest state is that of the last transition before est.
	for i := k.n - 1; i >= first; i-- {
		if l := &k.last[i%len(k.last)]; l.est <= w.Est {
			v.IdleVal, v.NrAt = l.idle, l.nr
			break
		}
	}
}

// Looker is who looks at a CPU, and when: a selection.
type Looker struct {
	Window Window
	// Self is the wakee, NoTask if it is no selection.
	Self int32
	// Here is the waker's CPU, Until when its clock went on, if it stood still; else 0.
	Here  int
	Until int64
	// PendingLast: the kernel clears ttwu_pending only once the tasks are queued.
	PendingLast bool
}

// NoTask stands for a task where there is none.
const NoTask = -1

// Look is what makes it open, or not, whether a CPU looked idle.
type Look uint8

// The looks, the first that holds counts.
const (
	// LooksPlain: as the view says.
	LooksPlain Look = iota
	// LooksUnknown: of the CPU nothing is recorded, or only the wakee's own arrival.
	LooksUnknown
	// LooksMute: only what it recorded later, or had recorded before, tells of it.
	LooksMute
	// LooksOpen: it may have a wakeup that is not known to be there.
	LooksOpen
	// LooksRacing: an event may lie on either side of the selection.
	LooksRacing
	// LooksStood: some clock stood still about then.
	LooksStood
	// LooksFlown: idle but for a wakeup that may still be with its waker.
	LooksFlown
	// LooksLanding: it took a wakeup off its wake list about then.
	LooksLanding
	// LooksWaiting: idle but for a wakeup on its wake list.
	LooksWaiting
	// LooksLeaving: its task may have been on its way out.
	LooksLeaving
)

// OfWakeList reports whether what is on a CPU's wake list, or was or comes there, makes it open.
func (l Look) OfWakeList() bool { return l == LooksFlown || l == LooksLanding || l == LooksWaiting }

// Look says how a CPU, of which a view was taken, looked.
func (t *Timeline) Look(c int, v *View, by *Looker) Look {
	k := &t.CPU[c]
	waits := k.waits()
	switch {
	case !v.Known || k.guard == by.Self && k.guard > 0:
		return LooksUnknown
	case t.Mute(c, by):
		return LooksMute
	case k.Cur == 0 && t.mayHaveMore(k):
		return LooksOpen
	case v.IdleOpen || t.flipsLater(c, by):
		return LooksRacing
	case t.stood(c, v, by):
		return LooksStood
	case waits && k.sure == 0 && !slices.ContainsFunc(k.Queue, func(p *Task) bool { return !p.withWaker }):
		return LooksFlown
	case !v.IdleVal && !by.PendingLast && (k.lands(by.Window, t.Slack) || t.landsLater(c, by.Window)):
		return LooksLanding
	case waits && !by.PendingLast:
		return LooksWaiting
	case k.mayHaveLeft(by.Window.Est, t.Survey.SelectDelay, t.Pends):
		return LooksLeaving
	}
	return LooksPlain
}

// seat lists a task among those queued on a CPU, and nowhere else.
func (t *Timeline) seat(p *Task, c int32) {
	t.unseat(p)
	k := &t.CPU[c]
	p.seat.cpu, p.seat.slot = c, len(k.Queue)
	k.Queue = append(k.Queue, p)
}

// unseat takes a task off the list that it is on.
func (t *Timeline) unseat(p *Task) {
	if p.seat.cpu == parser.NoCPU {
		return
	}
	q := t.CPU[p.seat.cpu].Queue
	last := len(q) - 1
	q[p.seat.slot] = q[last]
	q[p.seat.slot].seat.slot = p.seat.slot
	q[last] = nil
	t.CPU[p.seat.cpu].Queue = q[:last]
	p.seat.cpu = parser.NoCPU
}

// enqueue puts a task on a CPU's queue.
func (t *Timeline) enqueue(p *Task, c int32) {
	t.land(p)
	p.assumed, p.withWaker = 0, false
	if p.Queued {
		if p.QueuedKnown {
			return
		}
		t.forget(p) // it may have left since
	}
	p.CPU, p.Queued, p.QueuedKnown = c, true, true
	t.seat(p, c)
	if t.Delays && p.Fair() {
		t.fairEnqueue(p, c)
	}
	t.loadEnqueue(p, c)
}

// dequeue takes a task that goes to sleep off its CPU's queue.
func (t *Timeline) dequeue(p *Task, c int32, special bool) {
	if p.Queued {
		t.unseat(p)
		t.loadDequeue(p, c)
		if t.Delays && p.Fair() && t.CPU[c].Fair.sleep(p, !special) {
			t.CPU[c].CFS.Weight += p.Entity.Weight // a delayed task still weighs
		}
	}
	p.Queued, p.QueuedKnown, p.SleptAt, p.WokenAt = false, true, t.Now, parser.NoTime
	p.Contended = len(t.CPU[c].Queue) > 0
}

// board puts a task on the wake list of this CPU, whose number is c.
func (k *CPU) board(p *Task, c int32) {
	p.Inflight = c
	k.Inflight++
	k.Flying = append(k.Flying, p)
}

// land takes a task off the wake list it is on.
func (t *Timeline) land(p *Task) {
	if p.Inflight != parser.NoCPU {
		k := &t.CPU[p.Inflight]
		k.Inflight = max(0, k.Inflight-1)
		if i := slices.Index(k.Flying, p); i >= 0 {
			k.Flying = slices.Delete(k.Flying, i, i+1)
		}
		if p.seat.sure {
			k.sure = max(0, k.sure-1)
		}
		p.Inflight, p.seat.sure = parser.NoCPU, false
	}
}

// Fly puts a task on the wake list of the CPU chosen for it: from then on that
// CPU is not idle (ttwu_pending).
func (t *Timeline) Fly(p *Task, waker, c int32, w Window) {
	left := c == p.CPU && t.IsLeaving(p, w.Lo)
	if t.Slices || !UsableCPU(c) || int(c) >= len(t.CPU) || p.Queued && !left {
		return
	}
	t.land(p)
	if p.Entity.Attached != c {
		t.fairLeave(p)
		t.loadLeave(p)
	}
	p.assumed = 0
	t.CPU[c].board(p, c)
	t.CPU[c].FlownAt = max(t.CPU[c].FlownAt, w.Est)
	if !t.Survey.HasWakeup && !left {
		t.CPU[c].landing = append(t.CPU[c].landing, p)
	}
	t.unsure = append(t.unsure, flight{p.PID, waker, c})
	seen := w.Est + t.Slack // ttwu_pending is set some way after the selection
	t.changed(c, seen, w.Lo, max(w.Hi, seen))
}

// Activate queues a woken task at once, where no sched_wakeup will tell of it.
func (t *Timeline) Activate(p *Task, waker, c int32, w Window) {
	if t.Slices || !UsableCPU(c) || int(c) >= len(t.CPU) || p.Queued {
		return
	}
	t.enqueue(p, c)
	t.CPU[c].Rest.Wakes(w.Est)
	p.assumed, p.withWaker = 1, true
	t.unsure = append(t.unsure, flight{p.PID, waker, c})
	t.changed(c, w.Est, w.Lo, w.Hi)
}

// Apply brings the timeline up to an event. Selections are not its business:
// see fly.
func (t *Timeline) Apply(ev *parser.Event) {
	t.Now = max(t.Now, ev.Time)
	c := ev.CPU
	switch ev.Kind {
	case parser.KindLost, parser.KindHole, parser.KindOverwritten:
		switch {
		case t.Resumed(ev):
		case ev.Kind == parser.KindHole && UsableCPU(c) && int(c) < len(t.CPU):
			t.goesOn(c, ev.Task, ev.Time)
		default:
			t.Lose(ev)
		}
		return
	}
	if !UsableCPU(c) || int(c) >= len(t.CPU) {
		return
	}
	t.Hear(ev)
	if t.late = nil; still.MovedOn(ev) {
		t.late = ev
	}
	if len(t.unsure) > 0 {
		t.arrived(ev)
	}
	if len(t.CPU[c].landing) > 0 {
		t.emptyWakeList(ev)
	}
	switch ev.Kind {
	case parser.KindSwitch:
		t.applySwitch(ev)
	case parser.KindWakeup, parser.KindWakeupNew:
		t.applyWakeup(ev)
	case parser.KindWaking:
		if p := t.See(&ev.Task); !p.Queued && p.WokenAt == parser.NoTime {
			p.WokenAt = ev.Time
		}
		if ev.Cur.PID > 0 && IsStopper(ev.Task.Comm) {
			t.Get(ev.Cur.PID).CalledAt = ev.Time
		}
	case parser.KindMigrate:
		t.applyMigrate(ev)
	case parser.KindFork:
		t.See(&ev.Task)
		child, parent := t.Get(ev.Next.PID), t.Get(ev.Task.PID)
		child.Comm = ev.Next.Comm
		child.Prio = parent.Prio
		child.Entity.Weight = parent.Entity.Weight
		child.QueuedKnown, child.Forked = true, true
	case parser.KindExec:
		t.See(&ev.Task)
	case parser.KindExit:
		t.See(&ev.Task).Exiting = true
	case parser.KindSlice:
		p := t.See(&ev.Task)
		p.CPU = c
		p.OffCPU.Leaves(ev)
		p.QueuedKnown = ev.State.Known() && !ev.State.Runnable() // asleep from here on
	}
}

// emptyWakeList activates what was on a CPU's wake list: it has gone on since.
func (t *Timeline) emptyWakeList(ev *parser.Event) {
	c := ev.CPU
	k := &t.CPU[c]
	left := 0
	for _, p := range k.landing {
		switch {
		case p.Inflight != c:
		case p.seat.sure:
			n := p.assumed + 1
			t.enqueue(p, c)
			k.Rest.Wakes(ev.Time)
			p.assumed = n
		default:
			k.landing[left] = p // it may not be on that list yet
			left++
		}
	}
	k.landing = k.landing[:left]
	t.changed(c, ev.Time-t.Slack/2, ev.Time-2*t.Slack, ev.Time)
}

// applyWakeup queues a task where its sched_wakeup tells.
func (t *Timeline) applyWakeup(ev *parser.Event) {
	p := t.See(&ev.Task)
	to := ev.TargetCPU
	if !UsableCPU(to) || int(to) >= len(t.CPU) {
		return
	}
	if ev.Kind == parser.KindWakeupNew {
		p.born, p.Forked = true, false
	}
	if !p.Queued && p.WokenAt == parser.NoTime {
		p.WokenAt = ev.Time
	}
	if ev.Kind == parser.KindWakeup {
		t.CPU[to].Rest.Wakes(ev.Time)
	}
	if k := &t.CPU[to]; p.Inflight == to && k.Cur == 0 && len(k.Queue) == 0 {
		k.landedAt = ev.Time
	}
	t.enqueue(p, to)
	// The activation comes just before its event.
	t.changed(to, ev.Time-t.Slack/2, ev.Time-2*t.Slack, ev.Time)
}

// Hear notes that a CPU records.
func (t *Timeline) Hear(ev *parser.Event) {
	if c := ev.CPU; UsableCPU(c) && int(c) < len(t.CPU) {
		t.CPU[c].HeardAt, t.CPU[c].charged = max(t.CPU[c].HeardAt, ev.Time), false
	}
}

// Lose forgets what was known of a CPU, or of all, of which events are missing.
func (t *Timeline) Lose(ev *parser.Event) {
	for i := range t.CPU {
		if ev.CPU >= 0 && int(ev.CPU) != i {
			continue
		}
		t.empty(int32(i), ev.Time)
		t.changed(int32(i), max(ev.Start, t.Survey.Start), max(ev.Start, t.Survey.Start), ev.Time)
	}
}

// empty forgets what was known of a CPU at a time.
func (t *Timeline) empty(c int32, at int64) {
	k := &t.CPU[c]
	for _, p := range k.Flying {
		p.Inflight, p.seat.sure = parser.NoCPU, false
	}
	clear(k.Flying)
	k.Flying = k.Flying[:0]
	k.Rest, k.lostAt = load.NewIdleTime(), at
	k.Known, k.Cur, k.Prio, k.Inflight, k.sure = false, parser.NoPID, parser.NoPrio, 0, 0
	k.Since = parser.NoTime
	k.landing = k.landing[:0]
	k.CFS.NR, k.CFS.Weight, k.CFS.Running = 0, 0, false
	t.Touched.Set(int(c))
	t.forgetQueue(c)
}

func (t *Timeline) applySwitch(ev *parser.Event) {
	c := ev.CPU
	k := &t.CPU[c]
	for len(k.leaving) > 0 && k.leaving[0].to <= ev.Time {
		k.leaving = k.leaving[1:]
	}
	if t.Delays && !t.Charges && ev.State.Known() && !ev.State.Runnable() {
		if p := t.Find(ev.Task.PID); p != nil && p.Virtual.On == c {
			k.Fair.stall(p, t.Now)
		}
	}
	if t.Charges {
		t.fairExpect(c, k.Fair.at) // all its time is charged
	} else {
		t.fairAdvance(c)
	}
	t.fairJudge(ev)
	if ev.Task.PID > 0 {
		p := t.See(&ev.Task)
		p.Running, p.Slept = false, ev.State
		t.shown(p, c)
		p.OffCPU.Leaves(ev)
		switch {
		case !ev.State.Known():
			p.QueuedKnown = false
		case !ev.State.Runnable():
			t.dequeue(p, c, ev.State.Special())
			if p.Inflight == c && !t.Survey.HasWakeup {
				k.landing = append(k.landing, p) // woken when it had left its queue
			}
		default:
			t.loadPut(p, c)
		}
	}
	if ev.Next.PID > 0 {
		n := t.See(&ev.Next)
		if !t.Survey.HasWakeup && !n.born {
			k.Rest.Wakes(ev.Time)
		}
		t.shown(n, c)
		t.land(n)
		n.Running, n.born, n.Forked, n.WokenAt, n.OffCPU = true, false, false, parser.NoTime, OffCPU{}
		t.fairPick(c, n)
		t.loadPick(n, c)
		k.Prio = n.Prio
	} else {
		// An idle CPU has nothing queued and holds no delayed task. What was assumed
		// to be queued is still on its way: on the wake list, or with its waker.
		k.Prio = 140
		held := len(k.landing)
		for _, p := range k.Queue {
			switch p.assumed {
			case 0: // what queued it comes after this, whatever the clocks say
				k.GuessedAt = ev.Time
			case 1:
				k.landing = append(k.landing, p)
			}
		}
		t.forgetQueue(c)
		t.fairPick(c, nil)
		for _, p := range k.landing[held:] {
			p.QueuedKnown, p.seat.sure = true, true
			k.board(p, c)
			k.sure++
		}
		k.IdleAt = ev.Time
		k.Rest.Idles(ev.Time)
		t.loadIdle(c)
	}
	k.Cur, k.Known, k.Since, k.guard = ev.Next.PID, true, ev.Time, parser.NoPID
	t.changed(c, ev.Time-t.Slack/4, ev.Time-t.Slack, ev.Time)
}

// shown puts a task on the queue of the CPU on which a switch shows it, and off
// the one where it was thought to be.
func (t *Timeline) shown(p *Task, c int32) {
	p.assumed = 0
	if p.Queued && p.CPU == c {
		return
	}
	if from := p.seat.cpu; p.Queued {
		t.forget(p)
		t.changed(from, t.Now, max(t.CPU[c].lostAt, t.Now-2*t.Slack), t.Now)
	}
	t.enqueue(p, c)
}

// forget takes a task off the queue that it was thought to be on.
func (t *Timeline) forget(p *Task) {
	c := p.seat.cpu
	t.unseat(p)
	p.Queued, p.QueuedKnown, p.Running = false, false, false
	t.loadDequeue(p, c)
	t.fairLeave(p)
}

// forgetQueue does so with every task of a CPU's queue.
func (t *Timeline) forgetQueue(c int32) {
	k := &t.CPU[c]
	for len(k.Queue) > 0 {
		t.forget(k.Queue[len(k.Queue)-1])
	}
}

func (t *Timeline) applyMigrate(ev *parser.Event) {
	p := t.See(&ev.Task)
	from, to := ev.OrigCPU, ev.TargetCPU
	if !UsableCPU(to) || int(to) >= len(t.CPU) {
		return
	}
	if c := ev.Cur.PID; c > 0 && IsStopper(t.Get(c).Comm) {
		p.PushedFrom, p.PushedAt = from, ev.Time
	}
	delayed := t.Delays && p.QueuedKnown && p.Inflight == parser.NoCPU
	switch {
	case p.Queued || t.Own:
	case delayed:
		t.moveDelayed(p, from, to)
	case p.CPU != parser.NoCPU && !t.Slices && UsableCPU(from) && int(from) < len(t.CPU):
		// Only what is queued is moved otherwise: it was, though nothing told.
		t.enqueue(p, from)
	}
	if p.Queued && p.CPU != to {
		p.assumed = 0 // it was queued to be moved
		from = p.CPU
		t.loadMigrate(p, from, to)
		if t.Delays && p.Fair() {
			// The deadline keeps its distance (PLACE_REL_DEADLINE).
			left := p.Virtual.deadline - p.Virtual.v
			t.fairLeave(p)
			t.fairAdvance(to)
			t.CPU[to].Fair.place(p, to)
			p.Virtual.deadline = p.Virtual.v + left
		}
		t.seat(p, to)
		p.CPU = to
		t.changed(from, ev.Time-t.Slack, ev.Time-2*t.Slack, ev.Time)
		t.changed(to, ev.Time, ev.Time-t.Slack, ev.Time+t.Slack)
		return
	}
	p.CPU = to
}
