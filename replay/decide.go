package replay

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel"
	"schedreplay/parser"
)

// decision is one placement from the event that starts it until it is scored.
type decision struct {
	n    int64
	ev   parser.Event
	out  *outcome
	kind kernelmodel.Kind
	// win is when the selection took place; win.hi is the deadline by which the
	// decision is computed.
	win   window
	prev  int32
	done  bool
	line  Wakeup
	entry *Explanation
	path  kernelmodel.Path // of the run that entry tells
}

// outcomes of one run of both kernels under the same answers.
type bothRun struct {
	o, p kernelmodel.Outcome
}

// maxRuns bounds how many combinations of unknown facts are tried for one
// decision; beyond it the sets widen.
const maxRuns = 64

// manyRuns is that bound where every decision is made under many kernels.
const manyRuns = 16

// execWithin is how long before sched_process_exec the stopper's move that
// belongs to it may lie, in ns.
const execWithin = 100_000_000

// open starts a decision at its waking, new task or exec event.
func (r *replayer) open(ev *parser.Event, out *outcome, kind kernelmodel.Kind) {
	r.n++
	d := r.newDecision()
	*d = decision{n: r.n, ev: *ev, out: out, kind: kind, prev: ev.TargetCPU}
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
		case kernelmodel.KindWakeupNew:
			d.prev = ev.CPU
		case kernelmodel.KindExec:
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
	r.pending = append(r.pending, d)
	if d.win.hi <= ev.Time {
		r.close(d)
	} else {
		r.undecided = append(r.undecided, d)
	}
}

// newDecision returns one that was delivered, to be written anew, or a fresh one.
func (r *replayer) newDecision() *decision {
	n := len(r.free)
	if n == 0 {
		return &decision{}
	}
	d := r.free[n-1]
	r.free = r.free[:n-1]
	return d
}

// closeDue decides everything whose selection was over by now, in order of the
// deadlines, and delivers the lines that are complete.
func (r *replayer) closeDue(now int64) {
	for {
		due := -1
		for i, d := range r.undecided {
			if d.win.hi <= now && (due < 0 || d.win.hi < r.undecided[due].win.hi) {
				due = i
			}
		}
		if due < 0 {
			break
		}
		d := r.undecided[due]
		r.undecided = slices.Delete(r.undecided, due, due+1)
		r.close(d)
	}
	i := 0
	for i < len(r.pending) && r.pending[i].done {
		r.deliver(r.pending[i])
		r.free = append(r.free, r.pending[i])
		i++
	}
	r.pending = slices.Delete(r.pending, 0, i)
}

// close computes a decision, scores it and carries the worlds on.
func (r *replayer) close(d *decision) {
	d.done = true
	r.closing = d.n
	t := r.t
	p := t.get(d.ev.Task.PID)
	line := &d.line
	*line = Wakeup{
		N: d.n, Time: d.ev.Time, Kind: d.kind, Task: TaskRef{p.pid, nameOr(d.ev.Task.Comm, p.comm), d.ev.Task.Prio},
		WakerCPU: int(d.ev.CPU), PrevCPU: int(d.prev), RecordedCPU: parser.NoCPU, Moved: MovedNo,
		Original: Placed{CPU: parser.NoCPU, Prev: int(d.prev), Path: kernelmodel.PathUnknown},
		Patched:  Placed{CPU: parser.NoCPU, Prev: int(d.prev), Path: kernelmodel.PathUnknown},
	}
	if d.ev.Task.Prio == parser.NoPrio {
		line.Task.Prio = p.prio
	}
	r.waker(d, line)
	if d.out != nil && usableCPU(d.out.cpu) {
		line.RecordedCPU, line.RecordedFrom = int(d.out.cpu), d.out.from
	}
	if div := r.patched.diverged[p.pid]; div != nil {
		line.DivergedSince = div.since
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
	if r.m == nil || !r.hasCPU(d.prev) || !r.hasCPU(d.ev.CPU) || line.RecordedCPU >= r.m.NumCPU() {
		r.closeUnmodelled(d, p)
		r.track.placed(d, p)
		return
	}
	r.closeModelled(d, p)
	r.track.placed(d, p)
}

// hasCPU reports whether the machine has the CPU: a bundle may be that of
// another one, or older than a hotplug.
func (r *replayer) hasCPU(c int32) bool { return c >= 0 && int(c) < r.m.NumCPU() }

func nameOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// waker says who did the waking: the task current, or an interrupt over it.
func (r *replayer) waker(d *decision, line *Wakeup) {
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
func (r *replayer) closeUnmodelled(d *decision, p *task) {
	line := &d.line
	switch {
	case d.ev.Cur.PID == p.pid && d.kind == kernelmodel.KindWakeup:
		r.unselected(line, kernelmodel.ReasonCurrent)
	case d.kind == kernelmodel.KindWakeup && p.queuedKnown && p.queued:
		r.unselected(line, kernelmodel.ReasonOnRq)
	case r.aff.of(p).mask.Weight() == 1 && r.aff.of(p).from > fact.Assumed:
		r.unselected(line, kernelmodel.ReasonOneCPU)
	case d.out != nil && d.out.delayed:
		// It may have been moved again before it ran.
	case line.RecordedCPU >= 0 && line.PrevCPU >= 0 && line.RecordedCPU != line.PrevCPU:
		line.Selection, line.SelectionKnown = true, true
	}
	if !line.Original.Bounded {
		r.res.Unplaced++
	}
	if d.out != nil {
		r.t.fly(p, d.ev.CPU, r.chosen(d.out), d.win)
	}
	r.score(line)
}

func (r *replayer) unselected(line *Wakeup, why kernelmodel.Reason) {
	line.SelectionKnown = true
	pl := Placed{CPU: line.PrevCPU, Prev: line.PrevCPU, Path: kernelmodel.PathNoSelection, Reason: why, From: fact.Reconstructed}
	if line.PrevCPU >= 0 {
		pl.Possible, pl.Bounded = cpumask.Of(line.PrevCPU), true
	}
	line.Original, line.Patched = pl, pl
}

// ask describes the decision to the model, as it stands in a world.
func (r *replayer) ask(d *decision, p *task, w *world, q *kernelmodel.Wakeup) {
	t := r.t
	a := r.aff.of(p)
	this := int(d.ev.CPU)
	if d.kind == kernelmodel.KindExec {
		this = int(d.prev) // sched_exec ran before the move
	}
	cur := d.line.Waker.PID
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
	*q = kernelmodel.Wakeup{
		ThisIsPrev: irq && d.ev.CPU == d.prev,
		CurFlips:   q.CurFlips, Flips: q.Flips,
		Kind: d.kind, This: this, Prev: prevs, PrevFrom: prevFrom, Prio: int(d.line.Task.Prio),
		Allowed: a.mask, AllowedFrom: a.from, OneCPU: a.one(),
		MigrationDisabled: kernelmodel.Known(false, fact.Reconstructed),
		IsCurrent:         kernelmodel.Known(cur == p.pid, fact.Reconstructed),
		Delayed:           kernelmodel.Known(false, fact.Reconstructed),
		InTask:            kernelmodel.Answer{Value: inTask, Open: d.line.WakerContext == WakerUnknown, From: fact.Observed},
		Stop:              d.line.Task.Prio == 0 && a.kthread && a.bound,
		RecentUsed:        nil,
	}
	if d.line.Task.Prio == parser.NoPrio {
		q.Prio = 120
	}
	r.queueFacts(d, p, q)
	if ruc, ok := w.recentUsed[p.pid]; ok {
		if r.hasCPU(ruc) {
			q.RecentUsed = []int{int(ruc)}
		}
	} else if len(p.recent) > 0 && p.recent[0] < r.m.NumCPU() {
		q.RecentUsed = p.recent
	}
	q.CurFlips, q.Flips = append(q.CurFlips[:0], kernelmodel.Weighted{Weight: 1}), p.flips.value(q.Flips[:0])
	q.CurPerCPUKthread = kernelmodel.Known(cur == 0, fact.Reconstructed)
	q.CurLoad, q.CurWeight, q.Weight = kernelmodel.Exactly(0, fact.Reconstructed), 0, p.entity.weight
	kthread := false
	if cp := t.find(cur); cp != nil && cur > 0 {
		q.CurFlips = cp.flips.after(p.pid, d.ev.Time, q.CurFlips[:0])
		ca := r.aff.of(cp)
		kthread = ca.kthread
		q.CurPerCPUKthread = kernelmodel.Known(ca.kthread && ca.mask.Weight() == 1, ca.from)
		q.CurLoad, q.CurWeight = r.margin(cp.entity.load, cp.entity.load), cp.entity.weight
	} else if cur < 0 {
		q.CurFlips = q.CurFlips[:0]
		q.CurPerCPUKthread = kernelmodel.Either(false, fact.Unknown)
	}
	q.Load = r.margin(p.entity.load, p.entity.load)
	q.Util = r.margin(p.entity.util, p.entity.util)
	q.Sync = r.sync.guess(&d.line, &p.woken, kthread)
}

// queueFacts says whether the wakee was on a queue or still on its CPU.
func (r *replayer) queueFacts(d *decision, p *task, q *kernelmodel.Wakeup) {
	q.OnRq = kernelmodel.Known(false, fact.Reconstructed)
	q.OnCPU = kernelmodel.Known(false, fact.Reconstructed)
	switch {
	case d.kind != kernelmodel.KindWakeup:
	case !p.queuedKnown:
		q.OnRq = kernelmodel.Either(false, fact.Unknown)
	case p.queued:
		q.OnRq = kernelmodel.Known(true, fact.Reconstructed)
	case p.sleptAt != parser.NoTime:
		// Dequeued, then switched out, then on_cpu is cleared: a waker that comes
		// between the first and the last may leave the task to its old CPU.
		if p.sleptAt >= d.ev.Time-r.t.slack {
			q.OnCPU = kernelmodel.Either(p.sleptAt >= d.ev.Time, fact.Reconstructed)
		}
		if r.t.delays && p.fair() && p.contended && int(p.cpu) < len(r.t.cpu) && r.t.cpu[p.cpu].idleAt <= p.sleptAt {
			r.t.fairTick(p.cpu)
			q.Delayed = kernelmodel.Either(p.virtual.delayed && p.virtual.on == p.cpu, fact.Estimated)
		}
	}
}

// closeModelled explores a decision under both kernels at once.
func (r *replayer) closeModelled(d *decision, p *task) {
	line := &d.line
	so := &r.stateO
	sp := &r.stateP
	*so = state{r: r, world: r.original, win: d.win, self: p.pid, stalled: so.stalled[:0]}
	*sp = state{r: r, world: r.patched, win: d.win, self: p.pid, stalled: sp.stalled[:0]}
	r.ask(d, p, r.original, &r.askO)
	r.nowP = &r.askO
	if !r.patched.same() {
		r.ask(d, p, r.patched, &r.askP)
		r.nowP = &r.askP
	}
	r.selO.State, r.selP.State = so, sp
	complete := r.explore()
	if r.rehearsing {
		r.rehearsed(d, p, complete)
		return
	}
	r.placeBoth(line, complete)
	first := &r.runs[0]
	line.Selection, line.SelectionKnown = first.o.Selected(), true
	if line.RecordedCPU >= 0 && line.RecordedCPU != line.PrevCPU && first.o.CPU != line.RecordedCPU {
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
			line.SelectionKnown = line.SelectionKnown && complete && r.runs[i].o.Selected() == first.o.Selected()
		}
	}
	differ := 0
	for _, i := range consistent {
		if r.runs[i].o.CPU != r.runs[i].p.CPU {
			differ++
		}
	}
	switch {
	case differ == 0 && complete:
	case differ == len(consistent) && complete && !r.baseless(line) && r.runs[consistent[0]].p.From > fact.Assumed:
		line.Moved = MovedCertain
	default:
		line.Moved = MovedPossible
	}
	if !complete && differ == 0 && line.DivergedSince == 0 && !line.Original.Possible.Intersects(r.isolated.Value) {
		line.Moved = MovedNo // what was not tried cannot leave the domain: there the kernels agree
	}
	if r.trial != nil {
		r.lookForContradiction(line)
	}
	told := r.inHindsight(d)
	if !told.better {
		r.explainEntry(d)
	}
	if r.ranking != nil {
		r.judge(line)
	}
	r.recordWakee(d, p)
	if !so.ahead {
		// Else that other decision would learn of its own outcome.
		r.learn(d, p, consistent)
		r.shownBusy(d, func(c int) { r.t.cpu[c].busyAt = max(r.t.cpu[c].busyAt, d.win.est) })
	}
	r.carry(d, p, consistent, complete)
	if told.better {
		line.Original, line.Patched, line.ModelMiss = told.original, told.patched, told.miss
	}
	r.score(line)
}

// explore runs both kernels under every combination of answers.
func (r *replayer) explore() (complete bool) {
	r.runs = r.runs[:0]
	return r.x.Explore(r.limit, func() {
		o := r.selO.Select(&r.x, &r.askO)
		pt := o
		if !r.twins {
			pt = r.selP.Select(&r.x, r.nowP)
		}
		r.runs = append(r.runs, bothRun{o: o, p: pt})
	})
}

// settled reports whether all combinations lead the original to the same.
func (r *replayer) settled() bool {
	first := &r.runs[0].o
	return !slices.ContainsFunc(r.runs, func(b bothRun) bool { return b.o.CPU != first.CPU || b.o.Path != first.Path })
}

// agree reports whether the kernels do the same under every combination.
func (r *replayer) agree() bool {
	return !slices.ContainsFunc(r.runs, func(b bothRun) bool { return b.o.CPU != b.p.CPU })
}

// placeBoth turns the runs into both kernels' answers.
func (r *replayer) placeBoth(line *Wakeup, complete bool) {
	r.place(&line.Original, &r.selO, &r.askO, complete, func(b *bothRun) *kernelmodel.Outcome { return &b.o })
	r.place(&line.Patched, &r.selP, r.nowP, complete, func(b *bothRun) *kernelmodel.Outcome { return &b.p })
	if !complete {
		r.alone(line)
	}
}

// hindsightAnswer is a decision answered once more with what later ones show.
type hindsightAnswer struct {
	original, patched Placed
	miss              bool
	better            bool // there is such an answer
}

// inHindsight answers a decision with what later ones show of what it asked about, scan
// budgets and CPUs that may be held up, and explains it so. The worlds go on without
// that: what is learned of one decision must not come back to it by way of those before
// it. So it is left alone where the kernels part.
func (r *replayer) inHindsight(d *decision) (a hindsightAnswer) {
	so, sp := &r.stateO, &r.stateP
	open := (so.asked || sp.asked) && !r.settled() || len(so.stalled)+len(sp.stalled) > 0
	if r.later == nil || !open || !r.agree() {
		return a
	}
	swap := func() {
		r.runs, r.runsAgain = r.runsAgain, r.runs
		r.idx, r.idxAgain = r.idxAgain, r.idx
	}
	swap()
	stateO, stateP := *so, *sp
	defer func() {
		*so, *sp = stateO, stateP
		swap()
	}()
	so.hindsight, sp.hindsight = true, true
	complete := r.explore()
	if !r.agree() {
		return a
	}
	line := &d.line
	was := hindsightAnswer{original: line.Original, patched: line.Patched, miss: line.ModelMiss}
	r.placeBoth(line, complete)
	line.ModelMiss = complete && line.RecordedCPU >= 0 && len(r.consistent(line)) == 0
	r.explainEntry(d)
	a = hindsightAnswer{line.Original, line.Patched, line.ModelMiss, true}
	line.Original, line.Patched, line.ModelMiss = was.original, was.patched, was.miss
	return a
}

// rehearsed writes down what a decision shows and goes on as if nobody knew what was
// chosen: by what all of its runs leave, and by where the wakee ran next.
func (r *replayer) rehearsed(d *decision, p *task, complete bool) {
	line := &d.line
	l := lesson{target: -1}
	if fits := r.consistent(line); len(fits) > 0 && complete && !r.stateO.ahead && line.RecordedCPU >= 0 {
		l = r.lesson(fits)
	}
	for i := range r.budget {
		// Each decision that looked has its note, even if that says nothing: so those
		// after it do not hang on what it chose.
		switch b := &r.budget[i]; {
		case b.notes.asked != d.n:
		case r.llc(l.target) == i:
			b.notes.proof(d.n, l.lo, min(l.hi, b.weight))
		default:
			b.notes.proof(d.n, 0, b.weight)
		}
	}
	r.shownBusy(d, func(c int) {
		k := &r.t.cpu[c]
		r.busy[c].mark(max(k.changedAt(), k.flownAt, k.heardAt), d.win.est)
	})
	if line.Selection = r.runs[0].o.Selected(); line.Selection {
		all := r.all()
		r.setRecent(p, all)
		r.clearCores(all)
	}
	r.recordWakee(d, p)
	if !p.queued || d.kind != kernelmodel.KindWakeup {
		to := r.chosen(d.out)
		r.send(d, p, int(to))
		if to < 0 {
			p.queuedKnown = false
		}
	}
}

// chosen is where a selection sent its wakee as far as the present pass may know.
func (r *replayer) chosen(o *outcome) int32 {
	if r.rehearsing {
		return o.ran
	}
	return o.cpu
}

// baseless reports a decision of a task in its recorded place about which
// something believed is wrong, since the recorded kernel would have decided
// otherwise: what the patched one would have done by the same belief is no reason to
// take the task elsewhere.
func (r *replayer) baseless(line *Wakeup) bool { return line.ModelMiss && line.DivergedSince == 0 }

// alone explores each kernel by itself, where both together have too many
// combinations: either may still have few.
func (r *replayer) alone(line *Wakeup) {
	for _, k := range [2]struct {
		pl  *Placed
		sel *kernelmodel.Selector
		ask *kernelmodel.Wakeup
	}{{&line.Original, &r.selO, &r.askO}, {&line.Patched, &r.selP, r.nowP}} {
		var possible cpumask.Mask
		bounded := true
		if r.x.Explore(r.limit, func() {
			o := k.sel.Select(&r.x, k.ask)
			possible.Set(o.CPU)
			bounded = bounded && o.Path != kernelmodel.PathNotModelled && o.Path != kernelmodel.PathUnknown
		}) && bounded {
			k.pl.Possible, k.pl.Bounded = possible, true
		}
	}
}

func (r *replayer) all() []int {
	r.idx = r.idx[:0]
	for i := range r.runs {
		r.idx = append(r.idx, i)
	}
	return r.idx
}

// consistent lists the runs in which the original yields the recorded CPU.
func (r *replayer) consistent(line *Wakeup) []int {
	r.idx = r.idx[:0]
	for i := range r.runs {
		if r.runs[i].o.CPU == line.RecordedCPU {
			r.idx = append(r.idx, i)
		}
	}
	return r.idx
}

// only returns the mask of one CPU, which many answers share.
func (r *replayer) only(cpu int) cpumask.Mask {
	if cpu < 0 || cpu >= r.m.NumCPU() {
		return cpumask.Of(cpu)
	}
	if r.single == nil {
		r.single = make([]cpumask.Mask, r.m.NumCPU())
	}
	if r.single[cpu].Empty() {
		r.single[cpu] = cpumask.Of(cpu)
	}
	return r.single[cpu]
}

// place turns the runs into one kernel's answer.
func (r *replayer) place(pl *Placed, sel *kernelmodel.Selector, q *kernelmodel.Wakeup, complete bool, of func(*bothRun) *kernelmodel.Outcome) {
	o := of(&r.runs[0])
	*pl = Placed{CPU: o.CPU, Path: o.Path, Reason: o.Reason, Prev: o.Prev, Target: o.Target, From: o.From}
	if o.Path == kernelmodel.PathNotModelled || o.Path == kernelmodel.PathUnknown {
		pl.CPU = parser.NoCPU
		return
	}
	pl.Bounded, pl.Possible = true, r.only(o.CPU)
	shared := true
	for i := range r.runs {
		switch c := of(&r.runs[i]); {
		case c.Path == kernelmodel.PathNotModelled || c.Path == kernelmodel.PathUnknown:
			pl.Bounded, pl.Possible = false, cpumask.Mask{}
			return
		case pl.Possible.Test(c.CPU):
		case shared:
			shared, pl.Possible = false, cpumask.Of(o.CPU, c.CPU)
		default:
			pl.Possible.Set(c.CPU)
		}
	}
	if !complete {
		pl.Possible = pl.Possible.Or(sel.Widest(q))
	}
}

// score counts a decision.
func (r *replayer) score(line *Wakeup) {
	switch line.Moved {
	case MovedCertain:
		r.res.MovedCertain++
	case MovedPossible:
		r.res.MovedPossible++
	}
	r.fidelity.Add(line)
}

// explainEntry tells the story of a decision that put a task on an isolated
// CPU from outside, or that was asked for.
func (r *replayer) explainEntry(d *decision) {
	line := &d.line
	asked := r.opt.Explain != nil && r.opt.Explain(line)
	if !asked && (!line.Isolated || line.RecordedCPU == line.PrevCPU || !line.Selection) {
		return
	}
	idx := 0
	if c := r.consistent(line); len(c) > 0 {
		idx = c[0]
	}
	d.path = r.runs[idx].o.Path
	d.entry = r.explain(idx)
	if asked {
		line.Explanation = d.entry
	}
}

// explain repeats run number i with every test told.
func (r *replayer) explain(i int) *Explanation {
	e := &Explanation{}
	n := 0
	r.x.Explore(r.limit, func() {
		on := n == i
		if on {
			r.selO.Trace = func(s kernelmodel.Step) { e.Original = append(e.Original, s) }
			r.selP.Trace = func(s kernelmodel.Step) { e.Patched = append(e.Patched, s) }
		}
		r.selO.Select(&r.x, &r.askO)
		r.selP.Select(&r.x, r.nowP)
		r.selO.Trace, r.selP.Trace = nil, nil
		n++
	})
	return e
}

// lesson is what a recorded choice proves about hidden facts: the scan budget of the
// target's LLC from lo to hi, and of the others whether they hold, -1 where that stays
// open. target is below 0 where even that does. lean is wide, or where that stays open
// what of it leads likelier to the recorded CPU.
type lesson struct {
	lo, hi                 int64
	idle, sync, wide, lean int8
	target                 int
}

// lesson tells what those runs have in common that fit the recording.
func (r *replayer) lesson(consistent []int) lesson {
	runs := r.runs
	if runs[0].o.Selected() {
		// A delayed dequeue is always open on a contended CPU, and fits every wakee
		// that stays: where it is not the likelier answer it shall not hide what the
		// selection shows.
		r.selected = r.selected[:0]
		for _, i := range consistent {
			if runs[i].o.Selected() {
				r.selected = append(r.selected, i)
			}
		}
		if len(r.selected) > 0 {
			consistent = r.selected
		}
	}
	first := &runs[consistent[0]].o
	const none, several = -1, -2
	l := lesson{1 << 40, -1, first.IdleCores, first.Sync, first.Wide, -1, none}
	for _, i := range consistent {
		o := &runs[i].o
		l.lo = min(l.lo, o.BudgetLo)
		if o.BudgetHi < 0 {
			l.hi = 1 << 40
		} else {
			l.hi = max(l.hi, o.BudgetHi)
		}
		if o.IdleCores != l.idle {
			l.idle = -1
		}
		if o.Sync != l.sync {
			l.sync = -1
		}
		if o.Wide != l.wide {
			l.wide = -1
		}
		if l.target == none {
			l.target = o.Target
		} else if l.target != o.Target {
			l.target = several
		}
	}
	if l.lean = l.wide; l.lean < 0 {
		l.lean = r.leansWide(runs[consistent[0]].o.CPU)
	}
	return l
}

// leansWide tells whether the pair was rather wide (1) or not (0) if the wakee went to
// a CPU, -1 if that does not tell. Of each the first run has all else as is likeliest.
func (r *replayer) leansWide(cpu int) int8 {
	var seen, leads [2]bool
	for i := range r.runs {
		if o := &r.runs[i].o; o.Wide >= 0 && !seen[o.Wide] {
			seen[o.Wide], leads[o.Wide] = true, o.CPU == cpu
		}
	}
	switch {
	case !seen[0] || !seen[1] || leads[0] == leads[1]:
		return -1
	case leads[1]:
		return 1
	}
	return 0
}

// learn takes what the recorded choice proves for later decisions.
func (r *replayer) learn(d *decision, p *task, consistent []int) {
	line := &d.line
	if line.RecordedCPU < 0 || line.ModelMiss || !line.Selection {
		return
	}
	l := r.lesson(consistent)
	if llc := r.llc(l.target); llc >= 0 {
		if b := &r.budget[llc]; l.lo > 0 || l.hi < 1<<40 {
			b.prove(l.lo, min(l.hi, b.weight))
		}
		if l.idle >= 0 {
			if f := r.original.idleCores[llc]; !f.before(d.win) {
				r.original.idleCores[llc] = tristate{value: l.idle == 1, known: true, since: f.since}
			}
		}
	}
	if l.sync >= 0 {
		r.sync.learn(line, l.sync == 1)
	}
	if cur := r.t.find(line.Waker.PID); l.lean >= 0 && cur != nil && line.Waker.PID > 0 && cur != p {
		doubt := uint64(flipsDoubt)
		if l.wide < 0 {
			doubt = flipsLean
		}
		learnFlips(&cur.flips, &p.flips, int64(r.m.LLCSize(line.WakerCPU)), l.lean == 1, doubt)
	}
}

// llc is the LLC of a target, -1 if either is not known.
func (r *replayer) llc(target int) int {
	if target < 0 {
		return -1
	}
	return r.m.LLC(target)
}

// shownBusy tells which CPUs that may be held up a decision has shown not to look idle:
// had one, the kernel would have chosen otherwise.
func (r *replayer) shownBusy(d *decision, tell func(c int)) {
	recorded := d.line.RecordedCPU
	if recorded < 0 || r.runs[0].o.CPU != recorded {
		return
	}
	sel := r.selO
	for i := range len(r.stateO.stalled) {
		c := r.stateO.stalled[i]
		sel.State = supposing{&r.stateO, c}
		r.x.Explore(1, func() {
			if sel.Select(&r.x, &r.askO).CPU != recorded {
				tell(c)
			}
		})
	}
}

// recordWakee counts the waking for the waker's flips, as the fair selector
// does.
func (r *replayer) recordWakee(d *decision, p *task) {
	line := &d.line
	if cur := r.t.find(line.Waker.PID); line.Selection && cur != nil && cur.pid > 0 && line.Task.Prio >= kernelmodel.MaxRTPrio && d.kind == kernelmodel.KindWakeup {
		cur.flips.wakes(p.pid, d.ev.Time)
	}
}

// carry moves both worlds past the decision: the original to what was
// recorded, the patched by its own choice.
func (r *replayer) carry(d *decision, p *task, consistent []int, complete bool) {
	line := &d.line
	c := &r.runs[consistent[0]]
	recorded := line.RecordedCPU
	if recorded < 0 {
		recorded = c.o.CPU
	}
	if line.Selection {
		r.setRecent(p, consistent)
		r.clearCores(consistent)
	}
	if !p.queued || d.kind != kernelmodel.KindWakeup {
		r.send(d, p, recorded)
		if line.RecordedCPU < 0 {
			p.queuedKnown = false // it is a guess that it went there
		}
	}
	r.places = r.places[:0]
	for _, i := range consistent {
		// Where the kernels agree the patched one does what was recorded, even if
		// the model missed it.
		cpu := recorded
		if r.runs[i].p.CPU != r.runs[i].o.CPU {
			cpu = r.runs[i].p.CPU
		}
		if !slices.Contains(r.places, cpu) {
			r.places = append(r.places, cpu)
		}
	}
	if line.Patched.Bounded && !complete {
		for cpu := range line.Patched.Possible.All() {
			if !slices.Contains(r.places, cpu) && line.Moved != MovedNo {
				r.places = append(r.places, cpu)
			}
		}
	}
	if r.baseless(line) {
		r.places = append(r.places[:0], recorded)
	}
	if r.places[0] == recorded && !r.anyIsolated(r.places) {
		// Only the less likely answers part the worlds. Carrying those on would
		// soon make every place of every task possible; see docs/model.md.
		r.places = r.places[:1]
	}
	if r.places[0] != recorded && r.patched.diverged[p.pid] == nil && !r.ownDifference() {
		// It only makes room for a task that is elsewhere. That is told of this
		// decision; carried on, it would move every task of the machine within a
		// second, and no decision after that would be about the patch.
		r.places = append(r.places[:0], recorded)
	}
	r.track.enteredInPatched(p, line.PrevCPU, r.places)
	r.patched.diverge(p.pid, d.n, r.places, recorded)
	if r.patched.diverged[p.pid] != nil {
		r.patched.setActive(p.pid, true)
	}
}

// send puts the wakee on its way to the CPU chosen: to that CPU's wake list, or
// where the capture has no sched_wakeup to tell and the waker activates it
// itself (ttwu_queue_cond), onto its queue.
func (r *replayer) send(d *decision, p *task, cpu int) {
	this := int(d.ev.CPU)
	if !r.s.hasWakeup && cpu >= 0 && cpu < len(r.t.cpu) && cpu < r.m.NumCPU() && this < r.m.NumCPU() &&
		r.m.ShareCache(this, cpu) && (this == cpu || len(r.t.cpu[cpu].queue) > 0) {
		r.t.activate(p, int32(cpu), d.win)
		return
	}
	r.t.fly(p, d.ev.CPU, int32(cpu), d.win)
}

// ownDifference reports whether the kernels differ about this decision in the
// recorded state too, not only because the patched world has tasks elsewhere.
func (r *replayer) ownDifference() bool {
	if r.twins {
		return false
	}
	sel := r.selP
	sel.State = &r.stateO
	differ := false
	r.x.Explore(r.limit, func() {
		o := r.selO.Select(&r.x, &r.askO)
		differ = differ || sel.Select(&r.x, &r.askO).CPU != o.CPU
	})
	return differ
}

func (r *replayer) anyIsolated(cpus []int) bool {
	iso := r.isolated.Value
	for _, c := range cpus {
		if iso.Test(c) {
			return true
		}
	}
	return false
}

// maxRecent bounds the CPUs that recent_used_cpu is held to be one of.
const maxRecent = 4

// setRecent writes recent_used_cpu in both worlds: in the recorded one what any run
// that fits leaves in it.
func (r *replayer) setRecent(p *task, consistent []int) {
	first := &r.runs[consistent[0]]
	was := parser.NoCPU
	if len(p.recent) == 1 {
		was = p.recent[0]
	}
	may, open := r.recent[:0], false
	add := func(cpu int) {
		if !slices.Contains(may, cpu) {
			may = append(may, cpu)
		}
	}
	for _, i := range consistent {
		switch set := r.runs[i].o.SetRecentUsed; {
		case set >= 0:
			add(set)
		case len(p.recent) == 0:
			open = true
		default:
			for _, cpu := range p.recent {
				add(cpu)
			}
		}
	}
	r.recent = may
	if open || len(may) > maxRecent {
		p.recent = p.recent[:0]
	} else {
		p.recent = append(p.recent[:0], may...)
	}
	if first.p.SetRecentUsed != first.o.SetRecentUsed || r.patched.diverged[p.pid] != nil {
		v, ok := r.patched.recentUsed[p.pid]
		if !ok {
			v = int32(was)
		}
		if set := first.p.SetRecentUsed; set >= 0 {
			v = int32(set)
		}
		r.patched.recentUsed[p.pid] = v
	}
}

// clearCores applies failed core scans, which clear has_idle_cores: surely if
// every run that fits the recording clears it or found it so, perhaps if some clear
// it.
func (r *replayer) clearCores(consistent []int) {
	of := func(pick func(*bothRun) *kernelmodel.Outcome) (llc int, all bool) {
		llc, all = -1, true
		for _, i := range consistent {
			if cpu := pick(&r.runs[i]).ClearIdleCores; cpu >= 0 && r.m.LLC(cpu) >= 0 {
				llc = r.m.LLC(cpu)
			}
		}
		for _, i := range consistent {
			o := pick(&r.runs[i])
			cleared := o.ClearIdleCores >= 0 && r.m.LLC(o.ClearIdleCores) == llc
			unset := o.IdleCores == 0 && r.m.LLC(o.Target) == llc // as it was read, and is left
			all = all && (cleared || unset)
		}
		return llc, all
	}
	o, oAll := of(func(b *bothRun) *kernelmodel.Outcome { return &b.o })
	p, pAll := of(func(b *bothRun) *kernelmodel.Outcome { return &b.p })
	if o != p || oAll != pAll {
		// The worlds part over this flag.
		for _, llc := range [2]int{o, p} {
			if _, own := r.patched.idleCores[llc]; llc >= 0 && !own {
				r.patched.idleCores[llc] = r.original.idleCores[llc]
			}
		}
	}
	first := &r.runs[consistent[0]]
	clear := func(w *world, llc int, all, likely bool) {
		f, own := w.idleCores[llc]
		switch {
		case llc < 0 || !own || f.before(r.stateO.win):
		case all:
			w.idleCores[llc] = tristate{known: true, since: f.since}
		case f.value || !f.known:
			w.idleCores[llc] = tristate{value: f.value && !likely, guessed: f.guessed, since: f.since}
		}
	}
	clear(r.original, o, oAll, first.o.ClearIdleCores >= 0)
	clear(r.patched, p, pAll, first.p.ClearIdleCores >= 0)
	r.joinCores(o)
	r.joinCores(p)
}

// joinCores ends a difference over has_idle_cores that is none any more.
func (r *replayer) joinCores(llc int) {
	if own, ok := r.patched.idleCores[llc]; ok && own.known && own.value == r.original.idleCores[llc].value && r.original.idleCores[llc].known {
		delete(r.patched.idleCores, llc)
	}
}

// wentIdle applies __update_idle_core in each world: a CPU that picks idle
// advertises its core if every sibling is idle too.
func (r *replayer) wentIdle(c int) {
	if r.m == nil || !r.m.SMTActive() || c >= r.m.NumCPU() {
		return
	}
	llc := r.m.LLC(c)
	if llc < 0 {
		return
	}
	for _, w := range [2]*world{r.original, r.patched} {
		f, own := w.idleCores[llc]
		if !own && w == r.patched || f.known && f.value {
			continue
		}
		s := state{r: r, world: w, win: window{r.t.now, r.t.now - r.t.slack, r.t.now}, self: noWakee}
		all, open, guessed := true, false, false
		for t := range r.m.SMT(c).All() {
			if t == c {
				continue
			}
			switch a := s.Idle(t); {
			case a.Open:
				open, guessed = true, guessed || a.From == fact.Unknown
				all = all && a.Value
			case !a.Value:
				all, open = false, false
			}
			if !all && !open {
				break
			}
		}
		switch {
		case open:
			since := f.since
			if all && !f.value {
				since = r.t.now
			}
			w.idleCores[llc] = tristate{value: all || f.value, guessed: guessed || f.guessed, since: since}
		case all:
			w.idleCores[llc] = tristate{value: true, known: true, since: r.t.now}
		}
	}
	r.joinCores(llc)
}
