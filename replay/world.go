package replay

import (
	"cmp"
	"slices"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/rules"
)

// world is the machine as it would be under one kernel: what differs there
// from the recording. The baseline's differs in nothing.
type world struct {
	// diverged holds the tasks that are, or may be, elsewhere than recorded.
	diverged map[int32]*divergence
	// active lists the pids of diverged tasks that are runnable or on a wake
	// list, ascending.
	active []int32
	// idleCores is has_idle_cores by LLC: every LLC's in the baseline's world,
	// those that differ from it in an alternative's.
	idleCores map[int]tristate
	// recentUsed overrides the recorded world's recent_used_cpu; NoCPU is
	// unknown.
	recentUsed map[int32]int32
}

// divergence is a task's place where it is not surely the recorded one.
type divergence struct {
	// since is the N of the decision that parted it from the recording.
	since int64
	// cpus is where it may be, the prediction first.
	cpus []int
}

// tristate is a flag that may be unknown.
type tristate struct {
	value, known bool
	// guessed: nothing was seen of it since the capture began.
	guessed bool
	// since is when a CPU that went idle set it.
	since int64
}

// before reports whether the flag was set after a selection, so that what the
// selection read of it, or did to it, came before.
func (f *tristate) before(w window) bool { return f.value && f.since > w.est }

func newWorld() *world {
	return &world{diverged: map[int32]*divergence{}, idleCores: map[int]tristate{}, recentUsed: map[int32]int32{}}
}

// same reports whether the world differs from the recorded one in nothing.
func (w *world) same() bool {
	return len(w.diverged) == 0 && len(w.idleCores) == 0 && len(w.recentUsed) == 0
}

// setActive notes that a task became runnable or ceased to be.
func (w *world) setActive(pid int32, on bool) {
	i, found := slices.BinarySearch(w.active, pid)
	switch {
	case on && !found:
		w.active = slices.Insert(w.active, i, pid)
	case !on && found:
		w.active = slices.Delete(w.active, i, i+1)
	}
}

// diverge sets where a task is; one place equal to the recorded CPU ends the
// divergence.
func (w *world) diverge(pid int32, n int64, cpus []int, recorded int) {
	if len(cpus) == 1 && cpus[0] == recorded {
		w.forget(pid)
		return
	}
	d := w.diverged[pid]
	if d == nil {
		d = &divergence{since: n}
		w.diverged[pid] = d
	}
	d.cpus = append(d.cpus[:0], cpus...)
}

// forget drops a task that is no more; its pid may come back as another's.
func (w *world) forget(pid int32) {
	delete(w.diverged, pid)
	delete(w.recentUsed, pid)
	w.setActive(pid, false)
}

// shift is how the tasks of a CPU differ from the recording.
type shift struct {
	away, here, maybeAway, maybeHere int
}

// shiftOf counts, for a CPU, the diverged tasks that left it or came to it.
// The task self is left out: it is being placed.
func (w *world) shiftOf(t *timeline, c int, self int32) shift {
	var s shift
	for _, pid := range w.active {
		if pid == self {
			continue
		}
		d := w.diverged[pid]
		p := t.find(pid)
		if d == nil || p == nil {
			continue
		}
		at := int(p.cpu)
		if p.inflight >= 0 {
			at = int(p.inflight)
		}
		can := slices.Contains(d.cpus, c)
		switch {
		case at == c && !can:
			s.away++
		case at == c && can && len(d.cpus) > 1:
			if d.cpus[0] != c {
				s.away++
				s.maybeHere++
			} else {
				s.maybeAway++
			}
		case at != c && can:
			if d.cpus[0] == c {
				s.here++
				if len(d.cpus) > 1 {
					s.maybeAway++
				}
			} else {
				s.maybeHere++
			}
		}
	}
	return s
}

// How unlikely, in bits, are the less likely answers to what the recorded state
// leaves open.
const (
	// doubtRace: an event of which the window overlaps the decision's lies on the
	// other side of it than the middle says.
	doubtRace = 2
	// doubtFlight: a wakeup that may still be with its waker is not queued yet, or a
	// selection that may overlap this one was over before.
	doubtFlight = 3
	// doubtCores: has_idle_cores, where what happened to it is not known.
	doubtCores = 4
	// doubtLanding: a CPU that takes a wakeup off its wake list looks idle, which it does
	// from when it clears ttwu_pending until the task is queued.
	doubtLanding = 4
	// doubtLeaving: the current task, which is about to sleep, has left its CPU though
	// nothing tells.
	doubtLeaving = 5
	// doubtStood: where clocks stand still, that of a CPU that changed lately did, which
	// one event alone does not show.
	doubtStood = 6
	// doubtStalled: a CPU that left a wakeup on its wake list for stalledAfter looks
	// idle.
	doubtStalled = 6
)

// stalledAfter is for how long a CPU has left a wakeup on its wake list, in ns,
// when it counts as one that does not run, as a virtual CPU of a busy host. Such a
// one may have stopped between clearing ttwu_pending and queueing the task, and
// look idle; one that runs takes microseconds for all of it. It begins anew with
// each wakeup for it and each decision that shows the CPU not idle. stalledBriefly is
// the same where later decisions may show it as well, and so rule most of it out again.
const (
	stalledAfter   = 1_000_000
	stalledBriefly = 300_000
)

// state answers the model's questions for one decision in one world.
type state struct {
	r    *worlds
	side *side
	win  window
	memo *idleMemo // nil keeps no answers
	self int32     // the wakee, noWakee if it is no decision that asks
	// until is when the clock of the waker's CPU went on, if it stood still; else 0.
	until int64
	// here is the waker's CPU.
	here int
	// ahead: an answer leaned on what a decision chose that is still to be
	// computed.
	ahead bool
	// stalled lists the CPUs asked about that may be held up: a wakeup waits on the wake
	// list, or the current task may be on its way out.
	stalled []int
	// asked: a scan budget was asked for; hindsight: questions are to be answered with
	// what later decisions show.
	asked, hindsight bool
}

const noWakee = -1

func (s *state) shift(c int) (shift, bool) {
	if len(s.side.world.active) == 0 {
		return shift{}, false
	}
	sh := s.side.world.shiftOf(s.r.t, c, s.self)
	return sh, sh != shift{}
}

// idleMemo keeps what the CPUs answered while one decision is explored.
type idleMemo struct {
	gen    uint32
	at     []uint32 // by CPU, the gen of its answer
	answer []explore.Answer
}

// forget begins anew for another decision, or with other knowledge.
func (m *idleMemo) forget(ncpu int) {
	if m.gen++; m.at == nil {
		m.at, m.answer = make([]uint32, ncpu), make([]explore.Answer, ncpu)
	}
}

// Idle implements place.State.
func (s *state) Idle(c int) explore.Answer {
	m := s.memo
	if m == nil || c >= len(m.at) {
		return s.idle(c)
	}
	if m.at[c] != m.gen {
		m.at[c], m.answer[c] = m.gen, s.idle(c)
	}
	return m.answer[c]
}

// idle is the answer to Idle, worked out.
func (s *state) idle(c int) explore.Answer {
	t := s.r.t
	if c >= len(t.cpu) {
		return explore.Either(false, fact.Unknown)
	}
	k := &t.cpu[c]
	v := t.at(c, s.win)
	if sh, ok := s.shift(c); ok && v.known {
		lo := max(0, v.nrAt-sh.away+sh.here-sh.maybeAway)
		hi := v.nrAt - sh.away + sh.here + sh.maybeHere
		best := max(0, v.nrAt-sh.away+sh.here)
		others := k.inflight - s.inflightAway(c)
		idle := best == 0 && others <= 0 && (k.cur <= 0 || sh.away > 0)
		open := v.idleOpen || (lo == 0) != (hi == 0)
		return explore.Answer{Value: idle, Open: open, From: fact.Reconstructed}
	}
	waits := k.waits()
	switch {
	case !v.known || k.guard == s.self && k.guard > 0:
		if s.r.s.silent(c) {
			return explore.Either(true, fact.Assumed)
		}
		return explore.Either(false, fact.Unknown)
	case k.cur == 0 && k.mayHaveMore():
		return explore.Either(v.idleVal, fact.Unknown)
	case v.idleOpen || s.flipsLater(c):
		return explore.Rarely(v.idleVal, doubtRace, fact.Reconstructed)
	case len(t.s.stood) > 0 && c != s.here && (v.idleVal && s.win.est-k.idleAt < stoodIdle || !v.idleVal && s.win.est-k.changedAt() < stoodBusy):
		return explore.Rarely(v.idleVal, doubtStood, fact.Reconstructed)
	case waits && k.sure == 0 && len(k.queue) == 0:
		return explore.Rarely(false, doubtFlight, fact.Reconstructed)
	case !v.idleVal && k.lands(s.win, t.slack) && !s.r.base.Kernel.Rules.PendingLast:
		return explore.Rarely(false, doubtLanding, fact.Reconstructed)
	case waits && !s.r.base.Kernel.Rules.PendingLast:
		after := int64(stalledAfter)
		if s.hindsight {
			after = stalledBriefly
		}
		if s.held(c); s.win.est-max(k.changedAt(), k.busyAt, k.flownAt) > after && !s.laterBusy(c) {
			return explore.Rarely(false, doubtStalled, fact.Reconstructed)
		}
	case k.mayHaveLeft(s.win.est, t.s.selectDelay, t.pends):
		s.held(c)
		switch {
		case s.laterBusy(c):
		case t.s.hasRuntime:
			return explore.Rarely(false, doubtRace, fact.Reconstructed) // it was dequeued
		case s.hindsight:
			return explore.Rarely(false, doubtLeaving, fact.Reconstructed)
		}
	case v.idleVal && s.self != noWakee && s.r.overlaps(s, c):
		s.ahead = true
		return explore.Rarely(true, doubtFlight, fact.Reconstructed) // the other mostly ends after this one
	}
	return explore.Known(v.idleVal, fact.Reconstructed)
}

// flipsLater reports whether a CPU went idle, or ceased to be for another task, while the
// clock of the waker's stood still: that may have been before the selection.
func (s *state) flipsLater(c int) bool {
	if s.until == 0 || c >= len(s.r.s.flips) {
		return false
	}
	all := s.r.s.flips[c]
	i, _ := slices.BinarySearchFunc(all, s.win.est, func(f flip, at int64) int { return cmp.Compare(f.at, at) })
	for ; i < len(all) && all[i].at < s.until; i++ {
		if all[i].pid != s.self {
			return true
		}
	}
	return false
}

// held notes that a CPU may be held up, and so look idle.
func (s *state) held(c int) {
	if !slices.Contains(s.stalled, c) {
		s.stalled = append(s.stalled, c)
	}
}

// laterBusy reports whether a CPU that may be held up did not look idle, as a later
// decision shows.
func (s *state) laterBusy(c int) bool {
	return s.hindsight && s.r.hidden.later.busy[c].holds(s.win.est)
}

// supposing is a state in which one CPU looks idle.
type supposing struct {
	*state
	idle int
}

// Idle implements place.State.
func (s supposing) Idle(c int) explore.Answer {
	if c == s.idle {
		return explore.Known(true, fact.Assumed)
	}
	return s.state.Idle(c)
}

// inflightAway counts wakeups in flight to a CPU that belong to diverged
// tasks: they are counted by their own places.
func (s *state) inflightAway(c int) int {
	n := 0
	for _, pid := range s.side.world.active {
		if p := s.r.t.find(pid); p != nil && p.inflight == int32(c) {
			n++
		}
	}
	return n
}

// SchedIdle implements place.State.
func (s *state) SchedIdle(c int) explore.Answer {
	if !s.r.anyIdlePolicy {
		return explore.Known(false, fact.Reconstructed)
	}
	if c >= len(s.r.t.cpu) {
		return explore.Known(false, fact.Reconstructed)
	}
	queue := s.r.t.cpu[c].queue
	for _, p := range queue {
		if s.r.t.aff.of(p).policy != 5 {
			return explore.Known(false, fact.Reconstructed)
		}
	}
	return explore.Known(len(queue) > 0, fact.Reconstructed)
}

// NrRunning implements place.State.
func (s *state) NrRunning(c int) explore.Range {
	n := s.NrRunnable(c)
	if s.r.t.delays && c < len(s.r.t.cpu) {
		if d := int64(s.r.t.cpu[c].fair.delayed); d > 0 {
			n.Hi += d
			n.Best += d
			n.From = min(n.From, fact.Estimated)
		}
	}
	return n
}

// NrRunnable implements place.State.
func (s *state) NrRunnable(c int) explore.Range {
	t := s.r.t
	if c >= len(t.cpu) {
		return explore.Range{Lo: 0, Best: 1, Hi: 1 << 20, From: fact.Unknown}
	}
	v := t.at(c, s.win)
	if !v.known {
		return explore.Range{Lo: 0, Best: 1, Hi: 1 << 20, From: fact.Unknown}
	}
	r := explore.Range{Lo: int64(v.nrLo), Best: int64(v.nrAt), Hi: int64(v.nrHi), From: fact.Reconstructed}
	if sh, ok := s.shift(c); ok {
		move := int64(sh.here - sh.away)
		r.Best = max(0, r.Best+move)
		r.Lo = max(0, r.Lo+move-int64(sh.maybeAway))
		r.Hi = max(0, r.Hi+move+int64(sh.maybeHere))
	}
	return r
}

// HasIdleCores implements place.State.
func (s *state) HasIdleCores(c int) explore.Answer {
	llc := s.side.llc(c)
	if llc < 0 {
		return explore.Known(false, fact.Reconstructed)
	}
	f, ok := s.side.world.idleCores[llc]
	if !ok {
		f = s.r.base.world.idleCores[llc]
	}
	if f.value && f.since > s.win.lo {
		return explore.Rarely(!f.before(s.win), doubtRace, fact.Reconstructed)
	}
	switch {
	case f.guessed:
		return explore.Either(f.value, fact.Estimated)
	case !f.known:
		return explore.Rarely(f.value, doubtCores, fact.Reconstructed)
	}
	return explore.Known(f.value, fact.Reconstructed)
}

// ScanBudget implements place.State.
func (s *state) ScanBudget(rule rules.BudgetRule, this, c int) (explore.Range, explore.Odds) {
	llc := s.side.llc(c)
	if llc < 0 {
		return explore.Range{Hi: int64(s.side.m.NumCPU()), From: fact.Unknown}, nil
	}
	s.asked = true
	return s.r.hidden.scanBudget(llc, rule, this, s.win.est, s.hindsight)
}

// ofAverages is a CPU's reconstructed average with its margin; of a CPU of which
// events are missing it may be anything up to most.
func (s *state) ofAverages(c int, most int64, pick func(now, stale load.Average) (best, other int64)) explore.Range {
	t := s.r.t
	if c >= len(t.cpu) {
		return explore.Range{Hi: most, From: fact.Unknown}
	}
	now, stale := t.loadOf(c)
	r := margin(pick(now, stale))
	if !t.cpu[c].known && !s.r.s.silent(c) {
		r.Lo, r.Hi, r.From = 0, max(r.Hi, most), fact.Unknown
	}
	return r
}

// Load implements place.State. Readers find the average as its last update
// left it.
func (s *state) Load(rule rules.LoadRule, c int) explore.Range {
	if rule != rules.LoadAverage {
		return s.queuedLoad(rule, c)
	}
	return s.ofAverages(c, 1<<20, func(now, stale load.Average) (int64, int64) { return stale.Load, now.Load })
}

// queuedLoad is the load of the tasks queued on a CPU: their weights, or their load
// averages.
func (s *state) queuedLoad(rule rules.LoadRule, c int) explore.Range {
	n := s.NrRunnable(c)
	if n.From == fact.Unknown {
		return explore.Range{Hi: 1 << 20, From: fact.Unknown}
	}
	t := s.r.t
	sum, most := explore.Exactly(0, fact.Reconstructed), int64(0)
	for _, p := range t.cpu[c].queue {
		if !p.fair() {
			continue
		}
		w := p.entity.Weight
		one := explore.Exactly(w, fact.Reconstructed)
		if rule == rules.LoadRunnable {
			e := p.entity
			e.Step(t.now, true, t.cpu[c].cur == p.pid)
			one = margin(e.Load, p.entity.Load)
		}
		sum.Lo, sum.Best, sum.Hi, sum.From = sum.Lo+one.Lo, sum.Best+one.Best, sum.Hi+one.Hi, min(sum.From, one.From)
		most = max(most, one.Hi)
	}
	// Where it is open who is queued, any of them may be, and one like them.
	if q := int64(len(t.cpu[c].queue)); n.Lo < q {
		sum.Lo = max(0, sum.Lo-(q-n.Lo)*most)
	}
	if q := int64(len(t.cpu[c].queue)); n.Hi > q {
		sum.Hi += (n.Hi - q) * max(most, 1024)
	}
	return sum
}

// Runnable implements place.State.
func (s *state) Runnable(c int) explore.Range {
	return s.ofAverages(c, 1<<20, func(now, stale load.Average) (int64, int64) { return now.Runnable, stale.Runnable })
}

// Util implements place.State.
func (s *state) Util(c int) explore.Range {
	return s.ofAverages(c, 1024, func(now, stale load.Average) (int64, int64) { return now.Util, stale.Util })
}

// Capacity implements place.State.
func (s *state) Capacity(c int) explore.Range {
	capacity := int64(1024)
	if c < s.side.m.NumCPU() {
		capacity = int64(s.side.m.Capacity(c))
	}
	return explore.Exactly(capacity, fact.Estimated)
}

// IdleSince implements place.State.
func (s *state) IdleSince(c int) explore.Range {
	return explore.Exactly(s.r.t.cpu[c].idleAt, fact.Reconstructed)
}

// CurPrio implements place.State.
func (s *state) CurPrio(c int) explore.Range {
	if c >= len(s.r.t.cpu) || !s.r.t.cpu[c].known {
		return explore.Range{Lo: -1, Best: 140, Hi: 140, From: fact.Unknown}
	}
	return explore.Exactly(int64(s.r.t.cpu[c].prio), fact.Reconstructed)
}
