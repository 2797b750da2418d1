package world

import (
	"cmp"
	"slices"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/hidden"
	"schedreplay/replay/timeline"
)

// World is the machine as it would be under one kernel: what differs there
// from the recording. The baseline's differs in nothing.
type World struct {
	// diverged holds the tasks that are, or may be, elsewhere than recorded, and recent the
	// recent_used_cpu of those that have another one than recorded; NoCPU is unknown. some has
	// a bit for each of their pids below somePIDs, since mostly there is nothing of a pid.
	diverged map[int32]*Divergence
	recent   map[int32]int32
	some     []uint64
	// active lists the diverged tasks that are runnable or on a wake list, by pid.
	active []activeTask
	// cores is has_idle_cores by LLC: every LLC's in the baseline's world, those that
	// differ from it in an alternative's, of which there are own.
	cores []ownCores
	own   int
}

// ownCores is a flag where a world has it.
type ownCores struct {
	Tristate
	own bool
}

// Divergence is a task's place where it is not surely the recorded one.
type Divergence struct {
	// Since is the N of the decision that parted it from the recording.
	Since int64
	// CPUs is where it may be, the prediction first.
	CPUs []int
}

// activeTask is a diverged task with its pid.
type activeTask struct {
	*Divergence
	pid int32
}

// Tristate is a flag that may be unknown.
type Tristate struct {
	Value, Known bool
	// Guessed: nothing was seen of it since the capture began.
	Guessed bool
	// Since is when a CPU that went idle set it.
	Since int64
}

// Before reports whether the flag was set after a selection, so that what the
// selection read of it, or did to it, came before.
func (f *Tristate) Before(w timeline.Window) bool { return f.Value && f.Since > w.Est }

func newWorld() *World {
	return &World{diverged: map[int32]*Divergence{}, recent: map[int32]int32{}}
}

// Same reports whether the world differs from the recorded one in nothing.
func (w *World) Same() bool {
	return len(w.diverged) == 0 && w.own == 0 && len(w.recent) == 0
}

// Diverged is where a task is that is, or may be, elsewhere than recorded, nil of one that
// is not.
func (w *World) Diverged(pid int32) *Divergence {
	if !w.has(pid) {
		return nil
	}
	return w.diverged[pid]
}

// Recent is the recent_used_cpu that a task has in this world alone, false if it has none.
func (w *World) Recent(pid int32) (cpu int32, own bool) {
	if w.has(pid) {
		cpu, own = w.recent[pid]
	}
	return cpu, own
}

// SetRecent gives a task a recent_used_cpu of its own.
func (w *World) SetRecent(pid, cpu int32) {
	w.recent[pid] = cpu
	w.mark(pid, true)
}

// somePIDs is how many pids most machines have at most.
const somePIDs = 1 << 17

// has reports whether the world may have something of a pid's.
func (w *World) has(pid int32) bool {
	i := int(pid / 64)
	return uint32(pid) >= somePIDs || i < len(w.some) && w.some[i]>>(pid%64)&1 != 0
}

// mark notes whether the world has something of a pid's.
func (w *World) mark(pid int32, is bool) {
	i := int(pid / 64)
	if uint32(pid) >= somePIDs || !is && i >= len(w.some) {
		return
	}
	if more := i + 1 - len(w.some); more > 0 {
		w.some = append(w.some, make([]uint64, more)...)
	}
	if w.some[i] |= 1 << (pid % 64); !is {
		w.some[i] &^= 1 << (pid % 64)
	}
}

// IdleCores is has_idle_cores of an LLC, and whether the world has it of its own.
func (w *World) IdleCores(llc int) (f Tristate, own bool) {
	if uint(llc) >= uint(len(w.cores)) {
		return f, false
	}
	c := &w.cores[llc]
	return c.Tristate, c.own
}

// SetIdleCores gives the world has_idle_cores of an LLC of its own.
func (w *World) SetIdleCores(llc int, f Tristate) {
	if more := llc + 1 - len(w.cores); more > 0 {
		w.cores = append(w.cores, make([]ownCores, more)...)
	}
	if c := &w.cores[llc]; !c.own {
		w.own++
	}
	w.cores[llc] = ownCores{f, true}
}

// dropIdleCores takes it away again.
func (w *World) dropIdleCores(llc int) {
	w.cores[llc] = ownCores{}
	w.own--
}

// SetActive notes that a diverged task became runnable or ceased to be.
func (w *World) SetActive(pid int32, on bool) {
	if !w.has(pid) {
		return
	}
	i, found := slices.BinarySearchFunc(w.active, pid, func(t activeTask, pid int32) int { return cmp.Compare(t.pid, pid) })
	switch {
	case on && !found:
		w.active = slices.Insert(w.active, i, activeTask{w.diverged[pid], pid})
	case !on && found:
		w.active = slices.Delete(w.active, i, i+1)
	}
}

// Diverge sets where a task is; one place equal to the recorded CPU ends the
// Divergence.
func (w *World) Diverge(pid int32, n int64, cpus []int, recorded int) {
	if len(cpus) == 1 && cpus[0] == recorded {
		w.forget(pid)
		return
	}
	d := w.diverged[pid]
	if d == nil {
		d = &Divergence{Since: n}
		w.diverged[pid] = d
		w.mark(pid, true)
	}
	d.CPUs = append(d.CPUs[:0], cpus...)
}

// forget drops a task that is no more; its pid may come back as another's.
func (w *World) forget(pid int32) {
	if !w.has(pid) {
		return
	}
	w.SetActive(pid, false)
	delete(w.diverged, pid)
	delete(w.recent, pid)
	w.mark(pid, false)
}

// unsettle forgets the recent_used_cpu that the world has of tasks that are where they were
// recorded. Of one that is elsewhere it is the world's own answer, and goes on.
func (w *World) unsettle() {
	for pid := range w.recent {
		if w.diverged[pid] == nil {
			delete(w.recent, pid)
			w.mark(pid, false)
		}
	}
}

// shift is how the tasks of a CPU differ from the recording. Of those on its wake list flown are
// elsewhere, or counted here.
type shift struct {
	away, here, maybeAway, maybeHere, flown int
}

// shiftOf counts, for a CPU, the diverged tasks that left it or came to it.
// The task self is left out: it is being placed. One that a loss left on no queue and no wake
// list may have gone to sleep where it is in this world, too.
func (w *World) shiftOf(t *timeline.Timeline, c int, self int32, s *shift) {
	*s = shift{}
	for _, d := range w.active {
		p := t.Find(d.pid)
		if d.pid == self || p == nil {
			continue
		}
		at, flies := int(p.QueuedOn()), p.Inflight != parser.NoCPU
		if can := slices.Contains(d.CPUs, c); at == c {
			s.leaves(d.CPUs, c, can)
		} else if can {
			s.comes(d.CPUs, c, len(d.CPUs) == 1 && (at >= 0 || flies))
		}
		if flies && int(p.Inflight) == c {
			s.flown++
		}
	}
}

// leaves counts a task that is queued on a CPU in the recording, and may be on some.
func (s *shift) leaves(may []int, c int, can bool) {
	switch {
	case !can:
		s.away++
	case may[0] != c:
		s.away++
		s.maybeHere++
	case len(may) > 1:
		s.maybeAway++
	}
}

// comes counts a task that is not, and may be there, or surely is.
func (s *shift) comes(may []int, c int, surely bool) {
	if may[0] != c {
		s.maybeHere++
		return
	}
	if s.here++; !surely {
		s.maybeAway++
	}
}

// How unlikely, in bits, are the less likely answers to what the recorded state
// leaves open.
const (
	// DoubtRace: an event of which the window overlaps the decision's lies on the
	// other side of it than the middle says.
	DoubtRace = 2
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
	doubtLeaving = 6
	// doubtStood: where clocks stand still, that of a CPU that changed lately did, which
	// one event alone does not show.
	doubtStood = 6
	// passedOften is how many decisions that passed over a silent CPU are enough.
	passedOften = 8
	// doubtPassed: a silent CPU is idle although decisions passed it over, at most.
	doubtPassed = 4
	// doubtStalled: a CPU that left a wakeup on its wake list for stalledAfter looks
	// idle.
	doubtStalled = 6
	// doubtThrottled: a CPU of which a limit keeps tasks looks idle, or not, against what was
	// seen of the limit.
	doubtThrottled = 3
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

// State answers the model's questions for one decision in one world.
type State struct {
	Worlds *Worlds
	Side   *Side
	timeline.Looker
	Memo *Memo // nil keeps no answers
	// Ahead: an answer leaned on what a decision chose that is still to be
	// computed.
	Ahead bool
	// Stalled lists the CPUs asked about that may be held up: a wakeup waits on the wake
	// list, or the current task may be on its way out.
	Stalled []int
	// Quiet lists the silent CPUs asked about that few decisions have passed over yet.
	Quiet []int
	// Asked: a scan budget was asked for; Hindsight: questions are to be answered with
	// what later decisions show.
	Asked, Hindsight bool
}

// Begin turns to another decision, whose answers are kept in memo, nil if nowhere.
func (s *State) Begin(by *timeline.Looker, memo *Memo) {
	s.Looker, s.Memo = *by, memo
	s.Ahead, s.Asked, s.Hindsight = false, false, false
	s.Stalled, s.Quiet = s.Stalled[:0], s.Quiet[:0]
}

// NoWakee stands for the wakee where it is no decision that asks.
const NoWakee = timeline.NoTask

// shift tells what diverged tasks change about a CPU, false if nothing.
func (s *State) shift(c int, sh *shift) bool {
	if len(s.Side.World.active) == 0 {
		return false
	}
	s.Side.World.shiftOf(s.Worlds.Timeline, c, s.Self, sh)
	return *sh != shift{}
}

// Memo keeps what the CPUs answered while one decision is explored, and what was asked.
type Memo struct {
	gen   uint32
	cpu   []memo
	cores []coresMemo // of the LLCs of which has_idle_cores was asked
}

// coresMemo is has_idle_cores of an LLC.
type coresMemo struct {
	llc    int
	answer explore.Answer
}

// memo holds, of one CPU, whether it is idle and how many tasks run there, the gens of these
// answers, and those in which they were asked for.
type memo struct {
	answered, counted uint32
	idle, nr          uint32
	answer            explore.Answer
	count             explore.Range
}

// loads keeps the load averages of CPUs for the decision in hand, whichever side asks.
type loads struct {
	gen uint32
	of  []averages // by CPU
}

// averages are a CPU's load averages as a tick keeps them and as their last update left them,
// looked up when gen was that of the loads.
type averages struct {
	gen        uint32
	now, stale load.Average
}

// NextDecision forgets what was kept for the decision before.
func (r *Worlds) NextDecision() { r.loads.gen++ }

// Forget begins anew for another decision, or with other knowledge.
func (m *Memo) Forget(ncpu int) {
	if m.gen++; m.cpu == nil {
		m.cpu = make([]memo, ncpu)
	}
	m.ForgetCores()
}

// ForgetCores forgets the answers about has_idle_cores, which has changed.
func (m *Memo) ForgetCores() { m.cores = m.cores[:0] }

// Idle implements place.State.
func (s *State) Idle(c int) explore.Answer {
	if m := s.Memo; m != nil && c < len(m.cpu) {
		m.cpu[c].idle = m.gen
	}
	return s.looks(c)
}

// looks is the answer to Idle, kept for the decision.
func (s *State) looks(c int) explore.Answer {
	m := s.Memo
	if m == nil || c >= len(m.cpu) {
		return s.idle(c)
	}
	k := &m.cpu[c]
	if k.answered != m.gen {
		k.answered, k.answer = m.gen, s.idle(c)
	}
	return k.answer
}

// idle is the answer to Idle, worked out.
func (s *State) idle(c int) explore.Answer {
	t := s.Worlds.Timeline
	if c >= len(t.CPU) {
		return explore.Either(false, fact.Unknown)
	}
	k := &t.CPU[c]
	var v timeline.View
	var sh shift
	t.At(c, s.Window, &v)
	if s.shift(c, &sh) && v.Known {
		lo := max(0, v.NrAt-sh.away+sh.here-sh.maybeAway)
		hi := max(0, v.NrAt-sh.away+sh.here+sh.maybeHere)
		best := max(0, v.NrAt-sh.away+sh.here)
		others := k.Inflight - sh.flown
		idle := best == 0 && others <= 0 && (k.Cur <= 0 || sh.away > 0)
		if v.IdleOpen || (lo == 0) != (hi == 0) {
			return explore.Either(idle, fact.Reconstructed)
		}
		look := t.Look(c, &v, &s.Looker)
		if sh.here > sh.maybeAway || others <= 0 && look.OfWakeList() {
			return explore.Known(idle, fact.Reconstructed) // whatever else is open in the recorded state
		}
		a := s.asRecorded(c, k, &v)
		a.Value = idle
		return a
	}
	return s.asRecorded(c, k, &v)
}

// asRecorded is the answer to Idle of a CPU of which no task is elsewhere.
func (s *State) asRecorded(c int, k *timeline.CPU, v *timeline.View) explore.Answer {
	t := s.Worlds.Timeline
	if a, limited := s.throttled(c, k, v); limited {
		return a
	}
	switch look := t.Look(c, v, &s.Looker); look {
	case timeline.LooksUnknown:
		if s.Worlds.Survey.Silent(c) {
			return s.silent(c)
		}
		return explore.Either(false, fact.Unknown)
	case timeline.LooksOpen, timeline.LooksMute:
		return explore.Either(v.IdleVal, fact.Unknown)
	case timeline.LooksRacing:
		return explore.Rarely(v.IdleVal, DoubtRace, fact.Reconstructed)
	case timeline.LooksStood:
		return explore.Rarely(v.IdleVal, doubtStood, fact.Reconstructed)
	case timeline.LooksFlown:
		return explore.Rarely(false, doubtFlight, fact.Reconstructed)
	case timeline.LooksLanding:
		return explore.Rarely(false, doubtLanding, fact.Reconstructed)
	case timeline.LooksWaiting, timeline.LooksLeaving:
		s.held(c)
		if doubt := s.heldUp(k, look); doubt > 0 && !s.laterBusy(c) {
			return explore.Rarely(false, doubt, fact.Reconstructed)
		}
	default:
		if v.IdleVal && s.Self != NoWakee && s.Worlds.Overlaps(s, c) {
			s.Ahead = true
			return explore.Rarely(true, doubtFlight, fact.Reconstructed) // the other mostly ends after this one
		}
	}
	return explore.Known(v.IdleVal, fact.Reconstructed)
}

// throttled answers for a CPU that runs swapper while tasks wait there, or may, for their
// control group's next quota; false if none does.
func (s *State) throttled(c int, k *timeline.CPU, v *timeline.View) (explore.Answer, bool) {
	if k.Cur != 0 || k.Inflight > 0 || !v.Known || v.IdleOpen {
		return explore.Answer{}, false
	}
	how := s.Worlds.Hidden.Throttling(c)
	switch {
	case how == hidden.NotThrottled:
		return explore.Answer{}, false
	case how != hidden.MaybeThrottled && s.Worlds.Base.Kernel.Rules.Throttle != rules.ThrottleQueues:
		return explore.Rarely(true, doubtStalled, fact.Reconstructed), true // until the CPU itself goes on
	}
	return explore.Rarely(how == hidden.Throttled, doubtThrottled, fact.Reconstructed), true
}

// silent answers for a CPU that was recorded along with the others and has no event: it is
// idle throughout, or runs one task that never sleeps. Decisions that passed it over tell
// of the second; until then an isolated one is taken for it, which has its task as a rule.
func (s *State) silent(c int) explore.Answer {
	n := s.Worlds.Hidden.Passed[c]
	if n < passedOften && !slices.Contains(s.Quiet, c) {
		s.Quiet = append(s.Quiet, c)
	}
	if n > 0 {
		return explore.Rarely(false, uint8(min(n, doubtPassed)), fact.Reconstructed)
	}
	return explore.Either(!s.Worlds.Isolated.Value.Test(c), fact.Unknown)
}

// heldUp is how unlikely it is that a CPU that may be held up looks idle, 0 if it does not.
func (s *State) heldUp(k *timeline.CPU, look timeline.Look) uint8 {
	after := int64(stalledAfter)
	if s.Hindsight {
		after = stalledBriefly
	}
	switch {
	case look == timeline.LooksWaiting && s.Window.Est-max(k.ChangedAt(), k.BusyAt, k.FlownAt) > after:
		return doubtStalled
	case look == timeline.LooksLeaving && s.Worlds.Timeline.Survey.HasRuntime:
		return DoubtRace // it was dequeued
	case look == timeline.LooksLeaving && (s.Hindsight || !s.Worlds.Hidden.Rehearsed()):
		return doubtLeaving
	}
	return 0
}

// advertising reports whether a CPU of an LLC whose task has left its queue, but which has not
// switched yet, may have picked swapper already, and set has_idle_cores: its siblings are idle.
func (s *State) advertising(llc int) bool {
	t := s.Worlds.Timeline
	for c := range s.Worlds.LLCs[llc].Span.All() {
		if c < len(t.CPU) && t.Left(int32(c), s.Window.Est) && s.siblingsIdle(c) {
			return true
		}
	}
	return false
}

// siblingsIdle reports whether all siblings of a CPU may be idle.
func (s *State) siblingsIdle(c int) bool {
	for t := range s.Side.Machine.SMT(c).All() {
		if x := s.Idle(t); t != c && !x.Value && !x.Open {
			return false
		}
	}
	return true
}

// held notes that a CPU may be held up, and so look idle.
func (s *State) held(c int) {
	if !slices.Contains(s.Stalled, c) {
		s.Stalled = append(s.Stalled, c)
	}
}

// laterBusy reports whether a CPU that may be held up did not look idle, as a later
// decision shows.
func (s *State) laterBusy(c int) bool {
	return s.Hindsight && s.Worlds.Hidden.Later.LaterBusy(c, s.Window.Est)
}

// Supposing is a state in which one CPU looks idle.
type Supposing struct {
	*State
	On int
}

// Idle implements place.State.
func (s Supposing) Idle(c int) explore.Answer {
	if c == s.On {
		return explore.Known(true, fact.Assumed)
	}
	return s.State.Idle(c)
}

// SchedIdle implements place.State. sched_idle_rq compares nr_running with the number of
// SCHED_IDLE tasks, and a task whose dequeue is delayed still counts (6.12 and later).
func (s *State) SchedIdle(c int) explore.Answer {
	t := s.Worlds.Timeline
	if !s.Worlds.AnyIdlePolicy || c >= len(t.CPU) {
		return explore.Known(false, fact.Reconstructed)
	}
	k := &t.CPU[c]
	var v timeline.View
	t.At(c, s.Window, &v)
	policy := func(p *timeline.Task) bool { return t.Affinities.Of(p).IdlePolicy().Value }
	other := func(p *timeline.Task) bool { return !policy(p) }
	only := !slices.ContainsFunc(k.Queue, other)
	switch {
	case !slices.ContainsFunc(k.Queue, policy):
		return explore.Known(false, fact.Reconstructed)
	case v.NrLo != v.NrHi || v.NrAt != len(k.Queue): // a task came or left about then
		return explore.Rarely(only && v.NrAt == len(k.Queue), DoubtRace, fact.Reconstructed)
	case !only:
		return explore.Known(false, fact.Reconstructed)
	case k.Fair.HasDelayed(other):
		return explore.Either(false, fact.Estimated)
	case k.Inflight > 0: // it may have taken that off its wake list
		return explore.Rarely(true, doubtLanding, fact.Reconstructed)
	}
	return explore.Known(true, fact.Reconstructed)
}

// NrRunning implements place.State.
func (s *State) NrRunning(c int) explore.Range {
	n := s.NrRunnable(c)
	if s.Worlds.Timeline.Delays && c < len(s.Worlds.Timeline.CPU) {
		if d := int64(s.Worlds.Timeline.CPU[c].Fair.Delayed); d > 0 {
			n.Hi += d
			n.Best += d
			n.From = min(n.From, fact.Estimated)
		}
	}
	return n
}

// NrRunnable implements place.State.
func (s *State) NrRunnable(c int) explore.Range {
	if m := s.Memo; m != nil && c < len(m.cpu) {
		m.cpu[c].nr = m.gen
	}
	return s.runs(c)
}

// runs is the answer to NrRunnable, kept for the decision.
func (s *State) runs(c int) explore.Range {
	m := s.Memo
	if m == nil || c >= len(m.cpu) {
		return s.count(c)
	}
	k := &m.cpu[c]
	if k.counted != m.gen {
		k.counted, k.count = m.gen, s.count(c)
	}
	return k.count
}

// count is the answer to NrRunnable, worked out.
func (s *State) count(c int) explore.Range {
	t := s.Worlds.Timeline
	if c >= len(t.CPU) {
		return explore.Range{Lo: 0, Best: 1, Hi: 1 << 20, From: fact.Unknown}
	}
	var v timeline.View
	if t.At(c, s.Window, &v); !v.Known {
		return explore.Range{Lo: 0, Best: 1, Hi: 1 << 20, From: fact.Unknown}
	}
	if t.Mute(c, &s.Looker) {
		return explore.Range{Lo: 0, Best: int64(v.NrAt), Hi: 1 << 20, From: fact.Unknown}
	}
	r := explore.Range{Lo: int64(v.NrLo), Best: int64(v.NrAt), Hi: int64(v.NrHi), From: fact.Reconstructed}
	if t.Left(int32(c), s.Window.Est) {
		r.Lo, r.Best = max(0, r.Lo-1), max(0, r.Best-1)
		if t.Left(int32(c), s.Window.Lo) {
			r.Hi = max(0, r.Hi-1)
		}
	}
	var sh shift
	if s.shift(c, &sh) {
		move := int64(sh.here - sh.away)
		r.Best = max(0, r.Best+move)
		r.Lo = max(0, r.Lo+move-int64(sh.maybeAway))
		r.Hi = max(0, r.Hi+move+int64(sh.maybeHere))
	}
	return r
}

// HasIdleCores implements place.State.
func (s *State) HasIdleCores(c int) explore.Answer {
	llc := s.Side.LLC(c)
	if llc < 0 {
		return explore.Known(false, fact.Reconstructed)
	}
	return s.coresOf(llc)
}

// coresOf is the answer to HasIdleCores of an LLC, kept for the decision.
func (s *State) coresOf(llc int) explore.Answer {
	m := s.Memo
	if m == nil {
		return s.cores(llc)
	}
	for i := range m.cores {
		if k := &m.cores[i]; k.llc == llc {
			return k.answer
		}
	}
	a := s.cores(llc)
	m.cores = append(m.cores, coresMemo{llc, a})
	return a
}

// cores is has_idle_cores of an LLC, worked out.
func (s *State) cores(llc int) explore.Answer {
	f, ok := s.Side.World.IdleCores(llc)
	if !ok {
		f, _ = s.Worlds.Base.World.IdleCores(llc)
	}
	if f.Value && f.Since > s.Window.Lo {
		return explore.Rarely(!f.Before(s.Window), DoubtRace, fact.Reconstructed)
	}
	switch {
	case f.Guessed:
		return explore.Either(f.Value, fact.Estimated)
	case !f.Value && s.advertising(llc):
		return explore.Rarely(false, DoubtRace, fact.Reconstructed)
	case !f.Known:
		return explore.Rarely(f.Value, doubtCores, fact.Reconstructed)
	}
	return explore.Known(f.Value, fact.Reconstructed)
}

// ScanBudget implements place.State.
func (s *State) ScanBudget(rule rules.BudgetRule, this, c int) (explore.Range, explore.Odds) {
	llc := s.Side.LLC(c)
	if llc < 0 {
		return explore.Range{Hi: int64(s.Side.Machine.NumCPU()), From: fact.Unknown}, nil
	}
	s.Asked = true
	return s.Worlds.Hidden.ScanBudget(llc, rule, this, s.Window.Est, s.Hindsight)
}

// ofAverages is a CPU's reconstructed average with its margin; of a CPU of which
// events are missing it may be anything up to most.
func (s *State) ofAverages(c int, most int64, pick func(now, stale *load.Average) (best, other int64)) explore.Range {
	t := s.Worlds.Timeline
	if c >= len(t.CPU) {
		return explore.Range{Hi: most, From: fact.Unknown}
	}
	all := &s.Worlds.loads
	if all.of == nil {
		all.of = make([]averages, len(t.CPU))
	}
	l := &all.of[c]
	if l.gen != all.gen {
		l.gen = all.gen
		l.now, l.stale = t.LoadOf(c)
	}
	r := hidden.Margin(pick(&l.now, &l.stale))
	if !t.CPU[c].Known && (!s.Worlds.Survey.Silent(c) || s.Worlds.Hidden.Passed[c] > 0) || t.Mute(c, &s.Looker) {
		r.Lo, r.Hi, r.From = 0, max(r.Hi, most), fact.Unknown
	}
	return r
}

// Load implements place.State. Readers find the average as its last update
// left it.
func (s *State) Load(rule rules.LoadRule, c int) explore.Range {
	if rule != rules.LoadAverage {
		return s.Worlds.Weighed(s.queuedLoad(rule, c))
	}
	return s.Worlds.Weighed(s.ofAverages(c, 1<<20, func(now, stale *load.Average) (int64, int64) { return stale.Load, now.Load }))
}

// Weighed is a load, of which nothing is known but the likeliest where groups of tasks share
// the CPUs out.
func (r *Worlds) Weighed(load explore.Range) explore.Range {
	if r.Groups {
		load.Lo, load.Hi, load.From = 0, max(load.Hi, 1<<20), fact.Unknown
	}
	return load
}

// queuedLoad is the load of the tasks queued on a CPU: their weights, or their load
// averages.
func (s *State) queuedLoad(rule rules.LoadRule, c int) explore.Range {
	n := s.NrRunnable(c)
	if n.From == fact.Unknown {
		return explore.Range{Hi: 1 << 20, From: fact.Unknown}
	}
	t := s.Worlds.Timeline
	sum, most := explore.Exactly(0, fact.Reconstructed), int64(0)
	for _, p := range t.CPU[c].Queue {
		if !p.Fair() {
			continue
		}
		w := p.Entity.Weight
		one := explore.Exactly(w, fact.Reconstructed)
		if rule == rules.LoadRunnable {
			e := p.Entity
			e.Step(t.Now, true, t.CPU[c].Cur == p.PID)
			one = hidden.Margin(e.Load, p.Entity.Load)
		}
		sum.Lo, sum.Best, sum.Hi, sum.From = sum.Lo+one.Lo, sum.Best+one.Best, sum.Hi+one.Hi, min(sum.From, one.From)
		most = max(most, one.Hi)
	}
	// Where it is open who is queued, any of them may be, and one like them.
	if q := int64(len(t.CPU[c].Queue)); n.Lo < q {
		sum.Lo = max(0, sum.Lo-(q-n.Lo)*most)
	}
	if q := int64(len(t.CPU[c].Queue)); n.Hi > q {
		sum.Hi += (n.Hi - q) * max(most, 1024)
	}
	return sum
}

// Runnable implements place.State.
func (s *State) Runnable(c int) explore.Range {
	return s.ofAverages(c, 1<<20, func(now, stale *load.Average) (int64, int64) { return now.Runnable, stale.Runnable })
}

// Util implements place.State.
func (s *State) Util(c int) explore.Range {
	est := int64(0)
	if t := s.Worlds.Timeline; c < len(t.CPU) && s.Side.Kernel.Load.Est {
		est = t.CPU[c].CFS.Est
	}
	return s.ofAverages(c, 1024, func(now, stale *load.Average) (int64, int64) {
		return min(1024, max(now.Util, est)), min(1024, max(stale.Util, est))
	})
}

// Capacity implements place.State.
func (s *State) Capacity(c int) explore.Range {
	capacity := int64(1024)
	if c < s.Side.Machine.NumCPU() {
		capacity = int64(s.Side.Machine.Capacity(c))
	}
	return explore.Exactly(capacity, fact.Estimated)
}

// IdleSince implements place.State.
func (s *State) IdleSince(c int) explore.Range {
	return explore.Exactly(s.Worlds.Timeline.CPU[c].IdleAt, fact.Reconstructed)
}

// CurPrio implements place.State.
func (s *State) CurPrio(c int) explore.Range {
	if c >= len(s.Worlds.Timeline.CPU) || !s.Worlds.Timeline.CPU[c].Known {
		return explore.Range{Lo: -1, Best: 140, Hi: 140, From: fact.Unknown}
	}
	return explore.Exactly(int64(s.Worlds.Timeline.CPU[c].Prio), fact.Reconstructed)
}
