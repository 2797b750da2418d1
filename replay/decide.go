package replay

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// decider makes the decisions of a pass: it asks every kernel, scores the baseline's answer
// against the recording, learns from what was chosen and carries the worlds on.
type decider struct {
	*worlds
	cfg config

	queue    decisions
	fidelity Scorer
	// unplaced counts the wakeups that no model has an answer for.
	unplaced int64
	judged   *ranking

	x       explore.Explorer
	runs    []place.Outcome // the baseline's
	scratch scratch
}

// config says what is wanted of the decisions.
type config struct {
	// role is the baseline's.
	role Role
	// runs bounds the runs in which an alternative is explored.
	runs int
	// told: somebody hears how the alternatives answer each decision.
	told bool
	// explain chooses the decisions to be told test by test, nil chooses none.
	explain func(*Wakeup) bool
	// watch, if set, sees each decision right after it was judged.
	watch   func(*Wakeup)
	watcher watcher
}

// watcher hears what is decided.
type watcher interface {
	// entered hears where a task may be now in an alternative's world, the likeliest first,
	// and where it was before as recorded.
	entered(alt int, p *task, prev int, places []int)
	// placed hears of a decision when it is made, with the path of the run that entry
	// tells.
	placed(line *Wakeup, p *task, path place.Path, entry *Explanation)
	// delivered gets the lines in order of N.
	delivered(line *Wakeup)
}

// newDecider makes decisions in some worlds.
func newDecider(w *worlds, cfg config) *decider {
	r := &decider{worlds: w, cfg: cfg}
	w.overlaps = r.overlaps
	if len(w.followers) > 0 {
		r.judged = newRanking(w.followers)
	}
	return r
}

// overlaps reports whether a selection chose the CPU that is not computed yet but may have
// been over before the one that asks.
func (r *decider) overlaps(s *state, c int) bool {
	for _, d := range r.queue.undecided {
		if d.out != nil && r.chosen(d.out) == int32(c) && d.ev.Task.PID != s.self && d.win.lo <= s.win.hi && s.side.world.diverged[d.ev.Task.PID] == nil {
			return true
		}
	}
	return false
}

// decisions are those that are not over yet.
type decisions struct {
	n         int64
	pending   []*decision // not delivered yet, in order of n
	undecided []*decision // of these, those whose selection may not be over
	free      []*decision // delivered, to be used again
}

// scratch is space that decisions use again.
type scratch struct {
	single        []cpumask.Mask // by CPU, of that CPU alone
	idx, idxAgain []int
	runsAgain     []place.Outcome
	looked        []answered
	places        []int
	recent        []int
	selected      []int
}

// decision is one placement from the event that starts it until it is scored.
type decision struct {
	n    int64
	ev   parser.Event
	out  *outcome
	kind place.Kind
	// win is when the selection took place; win.hi is the deadline by which the
	// decision is computed.
	win   window
	until int64 // of state
	prev  int32
	done  bool
	line  Wakeup
	entry *Explanation
	path  place.Path // of the run that entry tells
}

// execWithin is how long before sched_process_exec the stopper's move that
// belongs to it may lie, in ns.
const execWithin = 100_000_000

// open starts a decision at its waking, new task or exec event.
func (r *decider) open(ev *parser.Event, out *outcome, kind place.Kind) {
	r.queue.n++
	d := r.queue.fresh()
	*d = decision{line: Wakeup{More: d.line.More}, n: r.queue.n, ev: *ev, out: out, kind: kind, prev: ev.TargetCPU}
	delay, late := r.s.selectDelay*6/10, r.s.selectLate*3/2
	p := r.t.see(&ev.Task)
	if d.prev < 0 {
		d.prev = p.cpu // the dialect does not tell; it is where the task ran last
	}
	if ev.Kind == parser.KindWaking {
		d.win = window{est: ev.Time + delay, lo: ev.Time, hi: ev.Time + late}
		if p.queuedKnown && p.queued && p.running {
			d.win.hi = parser.NoTime // it has to leave its CPU first
		}
		switch {
		case out.upper != parser.NoTime && (d.win.hi == parser.NoTime || out.upper < d.win.hi):
			d.win.hi = out.upper
		case d.win.hi == parser.NoTime:
			d.win.hi = ev.Time + late
		}
		d.win.est = min(d.win.est, d.win.hi)
		if out.own && out.upper > d.win.hi {
			// It was held up on the way.
			d.win.hi = out.upper
		}
	} else {
		d.win = window{est: ev.Time - delay/2, lo: ev.Time - late/2, hi: ev.Time}
		d.prev = p.cpu
		switch kind {
		case place.KindWakeupNew:
			d.prev = ev.CPU
		case place.KindExec:
			// sched_exec moves the caller through the stopper; the event comes later,
			// on the CPU it went to.
			d.prev = ev.CPU
			if p.pushedFrom >= 0 && ev.Time-p.pushedAt < execWithin {
				d.prev = p.pushedFrom
			}
			p.pushedFrom = parser.NoCPU
		}
	}
	if !usableCPU(d.prev) {
		d.prev = parser.NoCPU
	}
	if movedOn(ev) {
		d.win.lo, d.until = min(d.win.lo, ev.Start), r.s.stood.until(ev.CPU, ev.Start)
	}
	r.queue.pending = append(r.queue.pending, d)
	if d.win.hi <= ev.Time {
		r.close(d)
	} else {
		r.queue.undecided = append(r.queue.undecided, d)
	}
}

// fresh returns a decision that was delivered, to be written anew, or a new one.
func (q *decisions) fresh() *decision {
	n := len(q.free)
	if n == 0 {
		return &decision{}
	}
	d := q.free[n-1]
	q.free = q.free[:n-1]
	return d
}

// closeDue decides everything whose selection was over by now, in order of the
// deadlines, and delivers the lines that are complete.
func (r *decider) closeDue(now int64) {
	q := &r.queue
	for {
		due := -1
		for i, d := range q.undecided {
			if d.win.hi <= now && (due < 0 || d.win.hi < q.undecided[due].win.hi) {
				due = i
			}
		}
		if due < 0 {
			break
		}
		d := q.undecided[due]
		q.undecided = slices.Delete(q.undecided, due, due+1)
		r.close(d)
	}
	i := 0
	for i < len(q.pending) && q.pending[i].done {
		r.cfg.watcher.delivered(&q.pending[i].line)
		q.free = append(q.free, q.pending[i])
		i++
	}
	q.pending = slices.Delete(q.pending, 0, i)
}

// close computes a decision, scores it and carries the worlds on.
func (r *decider) close(d *decision) {
	d.done = true
	r.hidden.begin(d.n)
	t := r.t
	p := t.get(d.ev.Task.PID)
	line := &d.line
	*line = Wakeup{
		N: d.n, Time: d.ev.Time, Kind: d.kind, Task: TaskRef{p.pid, nameOr(d.ev.Task.Comm, p.comm), d.ev.Task.Prio},
		WakerCPU: int(d.ev.CPU), PrevCPU: int(d.prev), RecordedCPU: parser.NoCPU, Moved: MovedNo,
		Original: Placed{CPU: parser.NoCPU, Prev: int(d.prev), Path: place.PathUnknown},
		Patched:  Placed{CPU: parser.NoCPU, Prev: int(d.prev), Path: place.PathUnknown},
		Baseline: r.cfg.role, More: line.More[:0],
	}
	for i := 1; i < len(r.of); i++ {
		line.More = append(line.More, Alternative{Kernel: r.names[i], Placed: line.Patched, Moved: MovedNo})
	}
	if d.ev.Task.Prio == parser.NoPrio {
		line.Task.Prio = p.prio
	}
	r.waker(d, line)
	if d.out != nil && usableCPU(d.out.cpu) {
		line.RecordedCPU, line.RecordedFrom = int(d.out.cpu), d.out.from
	}
	for i, at := range r.of {
		if div := r.alts[at].world.diverged[p.pid]; div == nil {
		} else if i == 0 {
			line.DivergedSince = div.since
		} else {
			line.More[i-1].DivergedSince = div.since
		}
	}
	if iso, ok := r.isolated.Get(); ok {
		line.IsolatedKnown = true
		line.Isolated = line.RecordedCPU >= 0 && iso.Test(line.RecordedCPU)
	}
	if p.queuedKnown && !p.queued && p.sleptAt > d.ev.Time {
		// It was switching out when it was woken; the selection waited for that.
		d.win.lo = max(d.win.lo, p.sleptAt)
		d.win.est = min(max(d.win.est, p.sleptAt+t.slack), d.win.hi)
	}
	if r.base.m == nil || !r.hasCPU(d.prev) || !r.hasCPU(d.ev.CPU) || line.RecordedCPU >= r.base.m.NumCPU() {
		r.closeUnmodelled(d, p)
	} else {
		r.closeModelled(d, p)
	}
	r.cfg.watcher.placed(line, p, d.path, d.entry)
}

// hasCPU reports whether the machine has the CPU: a bundle may be that of
// another one, or older than a hotplug.
func (r *decider) hasCPU(c int32) bool { return c >= 0 && int(c) < r.base.m.NumCPU() }

func nameOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// waker says who did the waking: the task current, or an interrupt over it.
func (r *decider) waker(d *decision, line *Wakeup) {
	cur := d.ev.Cur
	if cur.PID == parser.NoPID && usableCPU(d.ev.CPU) && int(d.ev.CPU) < len(r.t.cpu) {
		cur.PID = r.t.cpu[d.ev.CPU].cur
	}
	line.Waker = TaskRef{PID: cur.PID, Comm: cur.Comm, Prio: parser.NoPrio}
	if q := r.t.find(cur.PID); q != nil && cur.PID > 0 {
		line.Waker = q.ref()
	} else if cur.PID == 0 {
		line.Waker.Comm = "swapper"
	}
	switch {
	case d.ev.Context == parser.ContextHardirq || d.ev.Context == parser.ContextNMI:
		line.WakerContext = WakerHardirq
	case d.ev.Context == parser.ContextSoftirq:
		line.WakerContext = WakerSoftirq
	case cur.PID == 0:
		line.WakerContext = WakerIdle
	case d.ev.Context == parser.ContextTask:
		line.WakerContext = WakerTask
	default:
		line.WakerContext = WakerUnknown
	}
}

// closeUnmodelled tells what the events alone show of a wakeup that
// selected no CPU,
// where no machine is known to run the model on.
func (r *decider) closeUnmodelled(d *decision, p *task) {
	line := &d.line
	switch {
	case d.ev.Cur.PID == p.pid && d.kind == place.KindWakeup:
		r.unselected(line, place.ReasonCurrent)
	case d.kind == place.KindWakeup && p.queuedKnown && p.queued:
		r.unselected(line, place.ReasonOnRq)
	case r.t.aff.of(p).mask.Weight() == 1 && r.t.aff.of(p).from > fact.Assumed:
		r.unselected(line, place.ReasonOneCPU)
	case d.out != nil && d.out.delayed:
		// It may have been moved again before it ran.
	case line.RecordedCPU >= 0 && line.PrevCPU >= 0 && line.RecordedCPU != line.PrevCPU:
		line.Selection, line.SelectionKnown = true, true
	}
	if !line.Original.Bounded {
		r.unplaced++
	}
	if d.out != nil {
		r.t.fly(p, d.ev.CPU, r.chosen(d.out), d.win)
	}
	r.fidelity.Add(line)
}

func (r *decider) unselected(line *Wakeup, why place.Reason) {
	line.SelectionKnown = true
	pl := Placed{CPU: line.PrevCPU, Prev: line.PrevCPU, Path: place.PathNoSelection, Reason: why, From: fact.Reconstructed}
	if line.PrevCPU >= 0 {
		pl.Possible, pl.Bounded = cpumask.Of(line.PrevCPU), true
	}
	line.Original, line.Patched = pl, pl
	for i := range line.More {
		line.More[i].Placed = pl
	}
}

// ask describes the decision to the model, as it stands in a world.
func (r *decider) ask(d *decision, p *task, w *world, q *place.Wakeup) {
	t := r.t
	a := r.t.aff.of(p)
	this := int(d.ev.CPU)
	if d.kind == place.KindExec {
		this = int(d.prev) // sched_exec ran before the move
	}
	cur, own := d.line.Waker.PID, r.hidden.of(p.pid)
	inTask := d.line.WakerContext == WakerTask || d.line.WakerContext == WakerUnknown
	prevs, prevFrom := append(q.Prev[:0], int(d.prev)), fact.Observed
	if div := w.diverged[p.pid]; div != nil {
		prevs, prevFrom = append(prevs[:0], div.cpus...), fact.Reconstructed
	}
	if div := w.diverged[cur]; div != nil && inTask && cur > 0 {
		this = div.cpus[0]
		if len(div.cpus) > 1 {
			prevFrom = fact.Assumed
		}
	}
	// A task woken by an interrupt on its own CPU is mostly woken by its own
	// timer, which fires where the task armed it: where it is in this world.
	irq := d.line.WakerContext == WakerHardirq || d.line.WakerContext == WakerSoftirq || d.line.WakerContext == WakerIdle
	*q = place.Wakeup{
		ThisIsPrev: irq && d.ev.CPU == d.prev,
		CurFlips:   q.CurFlips, Flips: q.Flips,
		Kind: d.kind, This: this, Prev: prevs, PrevFrom: prevFrom, Prio: int(d.line.Task.Prio),
		Allowed: a.mask, AllowedFrom: a.from, OneCPU: a.one(),
		MigrationDisabled: explore.Known(false, fact.Reconstructed),
		IsCurrent:         explore.Known(cur == p.pid, fact.Reconstructed),
		Delayed:           explore.Known(false, fact.Reconstructed),
		InTask:            explore.Answer{Value: inTask, Open: d.line.WakerContext == WakerUnknown, From: fact.Observed},
		Stop:              d.line.Task.Prio == 0 && a.kthread && a.bound,
		RecentUsed:        nil,
		IdlePolicy:        a.idlePolicy(),
	}
	if d.line.Task.Prio == parser.NoPrio {
		q.Prio = 120
	}
	r.queueFacts(d, p, q)
	if ruc, ok := w.recentUsed[p.pid]; ok {
		if r.hasCPU(ruc) {
			q.RecentUsed = []int{int(ruc)}
		}
	} else if len(own.recent) > 0 && own.recent[0] < r.base.m.NumCPU() {
		q.RecentUsed = own.recent
	}
	q.CurFlips, q.Flips = append(q.CurFlips[:0], place.Weighted{Weight: 1}), own.flips.value(q.Flips[:0])
	q.CurPerCPUKthread = explore.Known(cur == 0, fact.Reconstructed)
	q.CurLoad, q.CurWeight, q.Weight = explore.Exactly(0, fact.Reconstructed), 0, p.entity.Weight
	kthread := false
	if cp := t.find(cur); cp != nil && cur > 0 {
		q.CurFlips = r.hidden.of(cp.pid).flips.after(p.pid, d.ev.Time, q.CurFlips[:0])
		ca := r.t.aff.of(cp)
		kthread = ca.kthread
		q.CurPerCPUKthread = explore.Known(ca.kthread && ca.mask.Weight() == 1, ca.from)
		q.CurLoad, q.CurWeight = margin(cp.entity.Load, cp.entity.Load), cp.entity.Weight
	} else if cur < 0 {
		q.CurFlips = q.CurFlips[:0]
		q.CurPerCPUKthread = explore.Either(false, fact.Unknown)
	}
	q.Load = margin(p.entity.Load, p.entity.Load)
	asleep := p.entity // wake_cap brings it to its queue's last update, which came after its sleep
	if d.prev >= 0 && int(d.prev) < len(t.cpu) {
		asleep.Step(max(asleep.Last, t.cpu[d.prev].cfs.Last), false, false)
	}
	q.Util = margin(asleep.Util, p.entity.Util)
	q.Sync = r.hidden.sync.guess(d.line.wake(kthread), &own.woken)
}

// queueFacts says whether the wakee was on a queue or still on its CPU.
func (r *decider) queueFacts(d *decision, p *task, q *place.Wakeup) {
	q.OnRq = explore.Known(false, fact.Reconstructed)
	q.OnCPU = explore.Known(false, fact.Reconstructed)
	switch {
	case d.kind != place.KindWakeup:
	case !p.queuedKnown:
		q.OnRq = explore.Either(false, fact.Unknown)
	case p.queued:
		q.OnRq = explore.Known(true, fact.Reconstructed)
	case p.sleptAt != parser.NoTime:
		// Dequeued, then switched out, then on_cpu is cleared: a waker that comes
		// between the first and the last may leave the task to its old CPU.
		if p.sleptAt >= d.ev.Time-r.t.slack {
			q.OnCPU = explore.Either(p.sleptAt >= d.ev.Time, fact.Reconstructed)
		}
		if r.t.delays && p.fair() && p.contended && int(p.cpu) < len(r.t.cpu) && r.t.cpu[p.cpu].idleAt <= p.sleptAt {
			r.t.fairTick(p.cpu)
			q.Delayed = explore.Either(p.virtual.delayed && p.virtual.on == p.cpu, fact.Estimated)
		}
	}
}

// closeModelled explores a decision under all kernels.
func (r *decider) closeModelled(d *decision, p *task) {
	line := &d.line
	r.askAll(d, p)
	complete := r.explore(r.alts)
	if r.hidden.blind() {
		r.writeDown(d, p, complete)
		return
	}
	r.placeAll(line, complete)
	consistent := r.selection(line, complete)
	r.compareAll(line)
	if r.cfg.watch != nil {
		r.cfg.watch(line)
	}
	told, better := r.inHindsight(d)
	if !better {
		r.explainEntry(d, line)
	}
	if r.judged != nil {
		r.judge(line, better)
	}
	r.recordWakee(d, p)
	if !r.base.state.ahead {
		// Else that other decision would learn of its own outcome.
		r.learn(d, p, consistent)
		r.shownBusy(d, func(c int) { r.t.cpu[c].busyAt = max(r.t.cpu[c].busyAt, d.win.est) })
	}
	r.carry(d, p, consistent)
	if better {
		*line = told
	}
	r.fidelity.Add(line)
}

// askAll describes the decision as it stands in each world.
func (r *decider) askAll(d *decision, p *task) {
	begin := func(a *side) {
		a.state = state{r: r.worlds, side: a, win: d.win, until: d.until, here: int(d.ev.CPU), memo: &a.memo, self: p.pid, stalled: a.state.stalled[:0]}
		a.memo.forget(r.ncpu)
		a.sel.State = &a.state
	}
	b := r.base
	begin(b)
	r.ask(d, p, b.world, &b.ask)
	b.now = &b.ask
	for _, a := range r.alts {
		begin(a)
		a.may, a.ownMay = r.t.aff.under(p, a.Kernel.Tasks.Kthreads)
		if a.now = &b.ask; a.ownMay || !a.world.same() {
			r.ask(d, p, a.world, &a.ask)
			a.now = &a.ask
			a.allow(&a.ask)
		}
	}
}

// selection tells whether the selector ran and whether the model can explain what it chose,
// and returns the runs that fit that.
func (r *decider) selection(line *Wakeup, complete bool) []int {
	first := &r.runs[0]
	line.Selection, line.SelectionKnown = first.Selected(), true
	if line.RecordedCPU >= 0 && line.RecordedCPU != line.PrevCPU && first.CPU != line.RecordedCPU {
		line.Selection = true // it moved, and only a selection moves a wakee
	}
	consistent := r.consistent(line)
	line.ModelMiss = line.RecordedCPU >= 0 && len(consistent) == 0 && complete
	if len(consistent) == 0 {
		consistent = r.all()
	}
	if line.RecordedCPU < 0 || line.RecordedCPU == line.PrevCPU {
		// Whether the selector ran may hang on what is not known, as whether a dequeue
		// was delayed.
		for _, i := range consistent {
			line.SelectionKnown = line.SelectionKnown && complete && r.runs[i].Selected() == first.Selected()
		}
	}
	return consistent
}

// compareAll says of each alternative whether it differs from the baseline about a
// decision.
func (r *decider) compareAll(line *Wakeup) {
	for i, at := range r.of {
		a := r.alts[at]
		if i == 0 {
			line.Moved = r.moved(line, a, line.DivergedSince)
		} else {
			m := &line.More[i-1]
			m.Moved = r.moved(line, a, m.DivergedSince)
		}
	}
}

// moved compares an alternative, in a world that parted since decision number since, with
// the baseline under the same answers.
func (r *decider) moved(line *Wakeup, a *side, since int64) Moved {
	if !a.parts {
		return MovedNo
	}
	differ := 0
	fits := a.fitting(line.RecordedCPU)
	for _, i := range fits {
		if a.runs[i].o.CPU != a.runs[i].p.CPU {
			differ++
		}
	}
	switch {
	case differ == 0 && a.complete:
		return MovedNo
	case differ == len(fits) && a.complete && !baseless(line, since) && a.runs[fits[0]].p.From > fact.Assumed:
		return MovedCertain
	case !a.complete && differ == 0 && since == 0 && !line.Made().Possible.Intersects(r.isolated.Value):
		return MovedNo // what was not tried cannot leave the domain: there the kernels agree
	}
	return MovedPossible
}
