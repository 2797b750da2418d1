package replay

import (
	"strings"

	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// task is what the replay holds of one task, as recorded.
type task struct {
	pid  int32
	comm string
	prio int32
	// cpu is task_cpu, NoCPU if unknown.
	cpu int32
	// queued: on a run queue, current or waiting; queuedKnown says whether that
	// is known.
	queued, queuedKnown bool
	running             bool
	// sleptAt is when it last left its queue; contended: others were queued on
	// that CPU then, so that its dequeue may have been delayed.
	sleptAt   int64
	contended bool
	entity    load.Entity
	virtual   virtual
	// wokenAt is the waking that its next run answers, NoTime if none.
	wokenAt int64
	// inflight is the CPU on whose wake list it is, NoCPU if none.
	inflight int32
	// seat is the CPU whose list of queued tasks it is on, NoCPU if none, and slot
	// its place there.
	seat int32
	slot int
	// queuedSure: it is certainly on that list by now, not still with its waker.
	queuedSure bool
	// assumed is how often it was taken to have reached its CPU's queue without an
	// event that says so.
	assumed int
	exiting bool
	// pushedFrom is the CPU that a stopper moved it from last, at pushedAt.
	pushedFrom int32
	pushedAt   int64

	aff    affinity
	born   bool // forked inside the window and not yet run
	forked bool // forked, and not yet placed on a CPU
}

// ref names the task in results.
func (t *task) ref() TaskRef { return TaskRef{t.pid, t.comm, t.prio} }

// cpuState is a CPU as recorded.
type cpuState struct {
	cur   int32
	prio  int32 // of cur
	known bool
	// guard is the task whose own arrival is the evidence of the state since
	// before, NoPID if it stands by itself.
	guard    int32
	queue    []*task  // tasks queued, current included, idle not
	inflight int      // wakeups on the wake list
	sure     int      // of these, those certainly queued by now
	since    int64    // when cur became current, NoTime if before the window
	idleAt   int64    // when it last went idle
	rest     idleTime // from which scans before 6.0 have their budget
	// landing are the tasks on the wake list, where no sched_wakeup will tell
	// when they leave it.
	landing []*task
	// leaving are the spans to come in which its current task may be on its way out.
	leaving []span
	// busyAt is when a decision last showed that the CPU did not look idle, flownAt when
	// a wakeup was last put on its wake list.
	busyAt, flownAt int64
	// heardAt is when the CPU last recorded anything, landedAt when a wakeup was last
	// taken off its wake list while it was idle otherwise, NoTime if never.
	heardAt, landedAt int64
	// guessedAt is when a wakeup may have been put on its wake list by a selection of
	// which it is not recorded what it chose, NoTime if none may have been.
	guessedAt int64
	last      [16]transition
	n         int // transitions made
	cfs       load.Queue
	fair      fairQueue
}

// transition is a change of what other CPUs can see of a CPU. It happened
// between lo and hi, most likely at est.
type transition struct {
	est, lo, hi int64
	idle        bool
	nr          int
	known       bool
}

// timeline is the machine as recorded, up to the event last applied.
type timeline struct {
	s    *survey
	cpu  []cpuState
	task parser.ByPID[*task]
	aff  affinities
	// unsure lists flights that may not have reached the wake list yet.
	unsure []flight
	// slices: the capture tells who ran only once it is over, so that no queue
	// can be followed.
	slices bool
	// delays: the kernel delays dequeues (6.12 and later).
	delays bool
	// charges: every time that the kernel charges to a task is recorded
	// (sched_stat_runtime), so that virtual times need no clock.
	charges bool
	// spares: util_est does not fall for a task that had to wait (6.8 and later).
	spares bool
	// pends: a wakeup for an idle CPU of the same LLC goes by that CPU's wake list (6.0
	// and later). Before, its waker queues it there.
	pends bool
	// slack is how long before its event a change may have been visible, in ns.
	slack int64
	now   int64
	// late is the event at hand if its time was moved on, nil if it was not: see [steady].
	late *parser.Event
	// own: the event at hand is a selection's own migration.
	own bool
}

func newTimeline(s *survey, ncpu int, delays bool) *timeline {
	t := &timeline{s: s, delays: delays, cpu: make([]cpuState, ncpu)}
	t.slack = s.selectDelay / 4
	t.slices = s.events[parser.KindSlice] > 0
	t.charges = delays && s.hasRuntime
	for c := range t.cpu {
		k := &t.cpu[c]
		*k = cpuState{cur: parser.NoPID, prio: parser.NoPrio, guard: parser.NoPID, since: parser.NoTime, idleAt: parser.NoTime, landedAt: parser.NoTime, guessedAt: parser.NoTime, rest: newIdleTime(), fair: fairQueue{slice: fair.BaseSliceFor(ncpu, true), at: s.start}}
		if c < len(s.cpu) && s.cpu[c].known && !t.slices {
			st := s.cpu[c]
			k.cur, k.prio, k.known, k.guard = st.cur, st.prio, true, st.by
		}
		if c < len(s.leaving) {
			k.leaving = s.leaving[c]
		}
	}
	for pid, ts := range s.task.All() {
		if !usableCPU(ts.startCPU) {
			continue // it was nowhere yet
		}
		p := t.get(pid)
		p.cpu = ts.startCPU
		if t.slices || !ts.firstSeen || !usableCPU(ts.startCPU) || int(ts.startCPU) >= ncpu {
			continue
		}
		switch {
		case ts.startQueued:
			p.queued, p.queuedKnown = true, true
			t.seat(p, p.cpu)
		case ts.startArrived && s.only.Empty() && s.hasWaking:
			t.startFlight(p)
		case ts.startSleep:
			p.queuedKnown = true
		}
	}
	for c := range t.cpu {
		k := &t.cpu[c]
		if k.cur > 0 {
			if p := t.get(k.cur); !p.queued || p.cpu != int32(c) {
				// Its own first event says otherwise; the CPU's word wins.
				p.queued, p.queuedKnown, p.cpu = true, true, int32(c)
				t.seat(p, p.cpu)
			}
			t.get(k.cur).running = true
		}
		k.last[0] = transition{est: parser.NoTime, lo: parser.NoTime, hi: parser.NoTime, idle: k.idle(), nr: len(k.queue), known: k.known}
		k.n = 1
	}
	return t
}

// startFlight puts a task on the wake list of its CPU that arrives there without a
// waking: it was woken before the capture begins.
func (t *timeline) startFlight(p *task) {
	k := &t.cpu[p.cpu]
	p.inflight, p.queuedKnown, p.queuedSure = p.cpu, true, true
	k.inflight++
	k.sure++
	if !t.s.hasWakeup {
		k.landing = append(k.landing, p)
	}
}

// find returns the task, nil if it was not seen.
func (t *timeline) find(pid int32) *task { return t.task.Get(pid) }

// get returns the task, making it on first sight.
func (t *timeline) get(pid int32) *task {
	p := t.find(pid)
	if p == nil {
		p = &task{
			pid: pid, prio: parser.NoPrio, cpu: parser.NoCPU, wokenAt: parser.NoTime, sleptAt: parser.NoTime,
			inflight: parser.NoCPU, seat: parser.NoCPU, pushedFrom: parser.NoCPU,
		}
		p.entity.Attached, p.entity.Weight, p.virtual.on = parser.NoCPU, 1024, parser.NoCPU
		p.virtual.back, p.virtual.came = 2*fair.BaseSliceFor(len(t.cpu), true), parser.NoTime
		if ts := t.s.task.Get(pid); ts != nil {
			p.comm = ts.comm
		}
		t.task.Set(pid, p)
	}
	return p
}

// bury drops a task that left its CPU for the last time.
func (t *timeline) bury(pid int32) {
	p := t.find(pid)
	if p == nil {
		return
	}
	t.land(p)
	if p.queued {
		t.forget(p)
	}
	t.fairLeave(p)
	t.loadLeave(p)
	t.task.Set(pid, nil)
}

// see takes an event's word for a task's name and priority.
func (t *timeline) see(e *parser.Task) *task {
	p := t.get(e.PID)
	if e.Comm != "" && e.Comm != p.comm {
		p.comm = e.Comm
		p.aff.done = false // the name is part of what tells it
	}
	if e.Prio != parser.NoPrio && e.Prio != p.prio {
		t.reweight(p, e.Prio)
	}
	if p.queued && p.entity.Attached == parser.NoCPU && p.fair() {
		// Queued since the start, or back from another class.
		if t.delays {
			t.fairEnqueue(p, p.seat)
		}
		t.loadEnqueue(p, p.seat)
	}
	return p
}

// reweight gives a task another priority (reweight_entity, and
// switched_from_fair where it leaves the class).
func (t *timeline) reweight(p *task, prio int32) {
	e, w := &p.entity, load.WeightOf(prio)
	was := p.fair()
	p.prio = prio
	if was && p.queued && e.Attached != parser.NoCPU {
		k := &t.cpu[e.Attached]
		q, current := &k.cfs, k.cur == p.pid
		q.Advance(t.now)
		e.Step(t.now, true, q.Running && current)
		q.Detach(e)
		q.Weight = max(0, q.Weight-e.Weight)
		if p.fair() {
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
func (t *timeline) setWeight(p *task, w int64) {
	p.entity.Weight = w
	if c := p.virtual.on; c >= 0 {
		t.cpu[c].fair.known = false
	}
}

// fair reports whether the task is of the fair class as far as its priority
// tells.
func (t *task) fair() bool { return t.prio >= place.MaxRTPrio }

// idle is available_idle_cpu of the recorded state.
func (k *cpuState) idle() bool { return k.known && k.cur == 0 && len(k.queue) == 0 && k.inflight == 0 }

// mayHaveLeft reports whether the CPU's current task may have been on its way out
// by then, and the CPU idle to see. pending says that a CPU with a wakeup on its wake
// list is not; else wakers wait for its queue, which it may hold locked.
func (k *cpuState) mayHaveLeft(at, delay int64, pending bool) bool {
	if len(k.leaving) == 0 || k.leaving[0].from+delay >= at || at >= k.leaving[0].to || k.cur <= 0 {
		return false
	}
	if pending {
		return len(k.queue) <= 1 && k.inflight == 0
	}
	for _, p := range k.queue {
		if p.pid != k.cur && p.assumed == 0 {
			return false
		}
	}
	return true
}

// lands reports whether the CPU took a wakeup off its wake list about the time of a
// window, and so was neither pending nor busy for a moment.
func (k *cpuState) lands(w window, slack int64) bool {
	return k.cur == 0 && k.landedAt != parser.NoTime && k.landedAt >= w.lo && k.landedAt-2*slack <= w.hi
}

// mayHaveMore reports whether the CPU may have a wakeup on its wake list that is not
// known to be there, and has recorded nothing since.
func (k *cpuState) mayHaveMore() bool {
	return k.guessedAt != parser.NoTime && k.guessedAt >= k.heardAt
}

// waits reports whether the CPU is idle but for what is on its wake list, or was
// taken off it without an event that says so.
func (k *cpuState) waits() bool {
	if k.cur != 0 || len(k.queue)+k.inflight == 0 {
		return false
	}
	for _, p := range k.queue {
		if p.assumed == 0 {
			return false
		}
	}
	return true
}

// changed notes what others can see of a CPU after an event.
func (t *timeline) changed(c int32, est, lo, hi int64) {
	k := &t.cpu[c]
	i := (k.n - 1) % len(k.last)
	idle := k.idle()
	if l := &k.last[i]; l.idle == idle && l.nr == len(k.queue) && l.known == k.known {
		return
	}
	if t.late != nil && t.late.CPU == c {
		lo, hi = t.late.Start, max(est, t.s.stood.until(c, t.late.Start))
	}
	if est < k.last[i].est {
		est = k.last[i].est
	}
	k.last[k.n%len(k.last)] = transition{est: est, lo: lo, hi: max(hi, est), idle: idle, nr: len(k.queue), known: k.known}
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
func (t *timeline) arrived(ev *parser.Event) {
	n := 0
	for _, f := range t.unsure {
		p := t.find(f.pid)
		switch {
		case p == nil || p.inflight != f.to:
		case f.waker == ev.CPU && (ev.Task.PID != f.pid || ev.Kind != parser.KindMigrate):
			t.cpu[f.to].sure++
			p.queuedSure = true
		default:
			t.unsure[n] = f
			n++
		}
	}
	t.unsure = t.unsure[:n]
}

// window is the time in which a selection took place: between lo and hi, most
// likely at est.
type window struct{ est, lo, hi int64 }

// view is what can be said of a CPU at a window.
type view struct {
	known bool
	// idleVal is the likeliest idleness; idleOpen says that it changed within
	// the window.
	idleVal, idleOpen bool
	// nrAt is the likeliest nr_running, between nrLo and nrHi.
	nrLo, nrHi, nrAt int
}

// changedAt is when the CPU last changed, most likely.
func (k *cpuState) changedAt() int64 { return k.last[(k.n-1)%len(k.last)].est }

// at looks at a CPU as a selection saw it.
func (t *timeline) at(c int, w window) view {
	k := &t.cpu[c]
	var v view
	first := max(0, k.n-len(k.last))
	found := false
	for i := k.n - 1; i >= first; i-- {
		l := &k.last[i%len(k.last)]
		// The state after l holds from somewhere in [l.lo, l.hi] until the next.
		overlaps := l.lo <= w.hi
		if overlaps {
			if !found {
				v.nrLo, v.nrHi = l.nr, l.nr
				v.idleVal, v.nrAt, v.known = l.idle, l.nr, l.known
				found = true
			} else {
				v.nrLo, v.nrHi = min(v.nrLo, l.nr), max(v.nrHi, l.nr)
			}
			if !l.known {
				v.known = false
			}
			if v.idleVal != l.idle {
				v.idleOpen = true
			}
			if l.hi < w.lo {
				break
			}
		}
	}
	// The likeliest state is that of the last transition before est.
	for i := k.n - 1; i >= first; i-- {
		if l := &k.last[i%len(k.last)]; l.est <= w.est {
			v.idleVal, v.nrAt = l.idle, l.nr
			break
		}
	}
	return v
}

// seat lists a task among those queued on a CPU, and nowhere else.
func (t *timeline) seat(p *task, c int32) {
	t.unseat(p)
	k := &t.cpu[c]
	p.seat, p.slot = c, len(k.queue)
	k.queue = append(k.queue, p)
}

// unseat takes a task off the list that it is on.
func (t *timeline) unseat(p *task) {
	if p.seat == parser.NoCPU {
		return
	}
	q := t.cpu[p.seat].queue
	last := len(q) - 1
	q[p.slot] = q[last]
	q[p.slot].slot = p.slot
	q[last] = nil
	t.cpu[p.seat].queue = q[:last]
	p.seat = parser.NoCPU
}

// enqueue puts a task on a CPU's queue.
func (t *timeline) enqueue(p *task, c int32) {
	t.land(p)
	p.assumed = 0
	if p.queued {
		if p.queuedKnown {
			return
		}
		t.forget(p) // it may have left since
	}
	p.cpu, p.queued, p.queuedKnown = c, true, true
	t.seat(p, c)
	if t.delays && p.fair() {
		t.fairEnqueue(p, c)
	}
	t.loadEnqueue(p, c)
}

// dequeue takes a task that goes to sleep off its CPU's queue.
func (t *timeline) dequeue(p *task, c int32, special bool) {
	if p.queued {
		t.unseat(p)
		t.loadDequeue(p, c)
		if t.delays && p.fair() && t.cpu[c].fair.sleep(p, !special) {
			t.cpu[c].cfs.Weight += p.entity.Weight // a delayed task still weighs
		}
	}
	p.queued, p.queuedKnown, p.sleptAt, p.wokenAt = false, true, t.now, parser.NoTime
	p.contended = len(t.cpu[c].queue) > 0
}

// land takes a task off the wake list it is on.
func (t *timeline) land(p *task) {
	if p.inflight != parser.NoCPU {
		k := &t.cpu[p.inflight]
		k.inflight = max(0, k.inflight-1)
		if p.queuedSure {
			k.sure = max(0, k.sure-1)
		}
		p.inflight, p.queuedSure = parser.NoCPU, false
	}
}

// fly puts a task on the wake list of the CPU chosen for it: from then on that
// CPU is not idle (ttwu_pending).
func (t *timeline) fly(p *task, waker, c int32, w window) {
	if t.slices || !usableCPU(c) || int(c) >= len(t.cpu) || p.queued {
		return
	}
	t.land(p)
	if p.entity.Attached != c {
		t.fairLeave(p)
		t.loadLeave(p)
	}
	p.inflight, p.assumed = c, 0
	t.cpu[c].inflight++
	t.cpu[c].flownAt = max(t.cpu[c].flownAt, w.est)
	if !t.s.hasWakeup {
		t.cpu[c].landing = append(t.cpu[c].landing, p)
	}
	t.unsure = append(t.unsure, flight{p.pid, waker, c})
	seen := w.est + t.slack // ttwu_pending is set some way after the selection
	t.changed(c, seen, w.lo, max(w.hi, seen))
}

// activate queues a woken task at once, where no sched_wakeup will tell of it.
func (t *timeline) activate(p *task, c int32, w window) {
	if t.slices || !usableCPU(c) || int(c) >= len(t.cpu) || p.queued {
		return
	}
	t.enqueue(p, c)
	t.cpu[c].rest.wakes(w.est)
	p.assumed = 1
	t.changed(c, w.est, w.lo, w.hi)
}

// apply brings the timeline up to an event. Selections are not its business:
// see fly.
func (t *timeline) apply(ev *parser.Event) {
	t.now = max(t.now, ev.Time)
	c := ev.CPU
	switch ev.Kind {
	case parser.KindLost, parser.KindHole, parser.KindOverwritten:
		t.lose(ev)
		return
	}
	if !usableCPU(c) || int(c) >= len(t.cpu) {
		return
	}
	t.hear(ev)
	if t.late = nil; movedOn(ev) {
		t.late = ev
	}
	if len(t.unsure) > 0 {
		t.arrived(ev)
	}
	if k := &t.cpu[c]; len(k.landing) > 0 {
		// The CPU has gone on, so it has emptied its wake list.
		left := 0
		for _, p := range k.landing {
			switch {
			case p.inflight != c:
			case p.queuedSure:
				n := p.assumed + 1
				t.enqueue(p, c)
				k.rest.wakes(ev.Time)
				p.assumed = n
			default:
				k.landing[left] = p // it may not be on that list yet
				left++
			}
		}
		k.landing = k.landing[:left]
		t.changed(c, ev.Time-t.slack/2, ev.Time-2*t.slack, ev.Time)
	}
	switch ev.Kind {
	case parser.KindSwitch:
		t.applySwitch(ev)
	case parser.KindWakeup, parser.KindWakeupNew:
		p := t.see(&ev.Task)
		to := ev.TargetCPU
		if !usableCPU(to) || int(to) >= len(t.cpu) {
			return
		}
		if ev.Kind == parser.KindWakeupNew {
			p.born, p.forked = true, false
		}
		if !p.queued && p.wokenAt == parser.NoTime {
			p.wokenAt = ev.Time
		}
		if ev.Kind == parser.KindWakeup {
			t.cpu[to].rest.wakes(ev.Time)
		}
		if k := &t.cpu[to]; p.inflight == to && k.cur == 0 && len(k.queue) == 0 {
			k.landedAt = ev.Time
		}
		t.enqueue(p, to)
		// The activation comes just before its event.
		t.changed(to, ev.Time-t.slack/2, ev.Time-2*t.slack, ev.Time)
	case parser.KindWaking:
		if p := t.see(&ev.Task); !p.queued && p.wokenAt == parser.NoTime {
			p.wokenAt = ev.Time
		}
	case parser.KindMigrate:
		t.applyMigrate(ev)
	case parser.KindFork:
		t.see(&ev.Task)
		child, parent := t.get(ev.Next.PID), t.get(ev.Task.PID)
		child.comm = ev.Next.Comm
		child.prio = parent.prio
		child.entity.Weight = parent.entity.Weight
		child.queuedKnown, child.forked = true, true
	case parser.KindExec:
		t.see(&ev.Task)
	case parser.KindExit:
		t.see(&ev.Task).exiting = true
	case parser.KindSlice:
		p := t.see(&ev.Task)
		p.cpu = c
		p.queuedKnown = ev.State.Known() && !ev.State.Runnable() // asleep from here on
	}
}

// hear notes that a CPU records.
func (t *timeline) hear(ev *parser.Event) {
	if c := ev.CPU; usableCPU(c) && int(c) < len(t.cpu) {
		t.cpu[c].heardAt = max(t.cpu[c].heardAt, ev.Time)
	}
}

// lose forgets what was known of a CPU, or of all, of which events are missing.
func (t *timeline) lose(ev *parser.Event) {
	flying := false
	for i := range t.cpu {
		if ev.CPU >= 0 && int(ev.CPU) != i {
			continue
		}
		k := &t.cpu[i]
		flying = flying || k.inflight > 0
		k.rest = newIdleTime()
		k.known, k.cur, k.prio, k.inflight, k.sure = false, parser.NoPID, parser.NoPrio, 0, 0
		k.since = parser.NoTime
		k.landing = k.landing[:0]
		k.cfs.NR, k.cfs.Weight, k.cfs.Running = 0, 0, false
		t.forgetQueue(int32(i))
		t.changed(int32(i), max(ev.Start, t.s.start), max(ev.Start, t.s.start), ev.Time)
	}
	if !flying {
		return
	}
	for _, p := range t.task.All() {
		if p.inflight != parser.NoCPU && (ev.CPU < 0 || p.inflight == ev.CPU) {
			p.inflight, p.queuedSure = parser.NoCPU, false
		}
	}
}

func (t *timeline) applySwitch(ev *parser.Event) {
	c := ev.CPU
	k := &t.cpu[c]
	for len(k.leaving) > 0 && k.leaving[0].to <= ev.Time {
		k.leaving = k.leaving[1:]
	}
	if t.delays && !t.charges && ev.State.Known() && !ev.State.Runnable() {
		if p := t.find(ev.Task.PID); p != nil && p.virtual.on == c {
			k.fair.stall(p, t.now)
		}
	}
	if t.charges {
		t.fairExpect(c, k.fair.at) // all its time is charged
	} else {
		t.fairAdvance(c)
	}
	t.fairJudge(ev)
	if ev.Task.PID > 0 {
		p := t.see(&ev.Task)
		p.running = false
		t.shown(p, c)
		switch {
		case !ev.State.Known():
			p.queuedKnown = false
		case !ev.State.Runnable():
			t.dequeue(p, c, ev.State.Special())
		default:
			t.loadPut(p, c)
		}
	}
	if ev.Next.PID > 0 {
		n := t.see(&ev.Next)
		if !t.s.hasWakeup && !n.born {
			k.rest.wakes(ev.Time)
		}
		t.shown(n, c)
		t.land(n)
		n.running, n.born, n.wokenAt = true, false, parser.NoTime
		t.fairPick(c, n)
		t.loadPick(n, c)
		k.prio = n.prio
	} else {
		// An idle CPU has nothing queued and holds no delayed task. What was assumed
		// to be queued is still on its way: on the wake list, or with its waker.
		k.prio = 140
		t.fairPick(c, nil)
		held := len(k.landing)
		for _, p := range k.queue {
			if p.assumed == 1 {
				k.landing = append(k.landing, p)
			}
		}
		t.forgetQueue(c)
		for _, p := range k.landing[held:] {
			p.queuedKnown, p.queuedSure, p.inflight = true, true, c
			k.inflight++
			k.sure++
		}
		k.idleAt = ev.Time
		k.rest.idles(ev.Time)
		t.loadIdle(c)
	}
	k.cur, k.known, k.since, k.guard = ev.Next.PID, true, ev.Time, parser.NoPID
	t.changed(c, ev.Time-t.slack/4, ev.Time-t.slack, ev.Time)
}

// shown puts a task on the queue of the CPU on which a switch shows it, and off
// the one where it was thought to be.
func (t *timeline) shown(p *task, c int32) {
	p.assumed = 0
	if p.queued && p.cpu == c {
		return
	}
	if p.queued {
		t.forget(p)
	}
	t.enqueue(p, c)
}

// forget takes a task off the queue that it was thought to be on.
func (t *timeline) forget(p *task) {
	c := p.seat
	t.unseat(p)
	p.queued, p.queuedKnown, p.running = false, false, false
	t.loadDequeue(p, c)
	t.fairLeave(p)
}

// forgetQueue does so with every task of a CPU's queue.
func (t *timeline) forgetQueue(c int32) {
	k := &t.cpu[c]
	for len(k.queue) > 0 {
		t.forget(k.queue[len(k.queue)-1])
	}
}

func (t *timeline) applyMigrate(ev *parser.Event) {
	p := t.see(&ev.Task)
	from, to := ev.OrigCPU, ev.TargetCPU
	if !usableCPU(to) || int(to) >= len(t.cpu) {
		return
	}
	if c := ev.Cur.PID; c > 0 && strings.HasPrefix(t.get(c).comm, "migration/") {
		p.pushedFrom, p.pushedAt = from, ev.Time
	}
	if delayed := t.delays && p.queuedKnown && p.inflight == parser.NoCPU; !p.queued && !t.own && !delayed && p.cpu != parser.NoCPU && !t.slices && usableCPU(from) && int(from) < len(t.cpu) {
		// Only what is queued is moved otherwise: it was, though nothing told.
		t.enqueue(p, from)
	}
	if p.queued && p.cpu != to {
		p.assumed = 0 // it was queued to be moved
		from = p.cpu
		t.loadMigrate(p, from, to)
		if t.delays && p.fair() {
			// The deadline keeps its distance (PLACE_REL_DEADLINE).
			left := p.virtual.deadline - p.virtual.v
			t.fairLeave(p)
			t.fairAdvance(to)
			t.cpu[to].fair.place(p, to)
			p.virtual.deadline = p.virtual.v + left
		}
		t.seat(p, to)
		p.cpu = to
		t.changed(from, ev.Time-t.slack, ev.Time-2*t.slack, ev.Time)
		t.changed(to, ev.Time, ev.Time-t.slack, ev.Time+t.slack)
		return
	}
	p.cpu = to
}
