// Package decide makes the decisions of a pass: it asks the model about each placement under
// every kernel, holds the baseline's answer against the recording, learns from what was
// chosen and carries every world on.
package decide

import (
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/ahead"
	"schedreplay/replay/hidden"
	"schedreplay/replay/still"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// Decider makes the decisions of a pass: it asks every kernel, scores the baseline's answer
// against the recording, learns from what was chosen and carries the worlds on.
type Decider struct {
	*world.Worlds
	Cfg Config

	queue    decisions
	Fidelity Scorer
	// Unplaced counts the wakeups that no model has an answer for.
	Unplaced int64
	Judged   *ranking
	// Narrower are the affinities inferred, in order.
	Narrower []AffinityChange

	// partly: some CPU is not recorded at present, so every answer is as wide as can be.
	partly bool
	// caps: some kernel asks the wakee's utilisation at a wakeup.
	caps bool
	// foreign: the recorded kernel's scheduler has what no mainline kernel has; packs: that
	// is known to send wakees to CPUs that run one task.
	foreign, packs bool

	x      explore.Explorer
	memo   explore.Memo    // of the alternative that is explored
	alike  world.Alike     // the baseline and the alternatives
	runs   []place.Outcome // the baseline's
	trails []explore.Trail // what each of them answered
	others
	scratch scratch
}

// Config says what is wanted of the decisions.
type Config struct {
	// Role is the baseline's.
	Role Role
	// Runs bounds the runs in which an alternative is explored.
	Runs int
	// Told: somebody hears how the alternatives answer each decision. Else their answers are
	// not in its line.
	Told bool
	// Explain chooses the decisions to be told test by test, nil chooses none.
	Explain func(*Wakeup) bool
	// Watch, if set, sees each decision right after it was judged.
	Watch   func(*Wakeup)
	Watcher Watcher
}

// Watcher hears what is decided.
type Watcher interface {
	// entered hears where a task may be now in an alternative's world, the likeliest first,
	// and where it was before as recorded.
	Entered(alt int, p *timeline.Task, prev int, places []int)
	// placed hears of a decision when it is made, with the path of the run that entry
	// tells.
	Placed(line *Wakeup, p *timeline.Task, path place.Path, entry *Explanation)
	// delivered gets the lines in order of N.
	Delivered(line *Wakeup)
}

// New makes decisions in some worlds.
func New(w *world.Worlds, cfg Config) *Decider {
	r := &Decider{Worlds: w, Cfg: cfg, alike: world.NewAlike(append([]*world.Side{w.Base}, w.Alts...))}
	r.others, r.scratch.othersAgain = newOthers(len(w.Alts)), newOthers(len(w.Alts))
	w.Overlaps = r.overlaps
	r.scratch.wides.Tell = func() (waker, wakee place.Counts) { return w.Hidden.Flips(&r.scratch.waking) }
	r.caps = slices.ContainsFunc(slices.Concat(r.Alts, r.Followers, []*world.Side{w.Base}), func(a *world.Side) bool { return a.Kernel.Rules.WakeCap })
	if own := w.Host.ForeignParams(); len(own) > 0 {
		r.packs = slices.Equal(own, []string{parser.ParamPack})
		r.foreign = !r.packs
	}
	if len(w.Followers) > 0 {
		r.Judged = newRanking(w.Followers)
	}
	return r
}

// overlaps reports whether a selection chose the CPU that is not computed yet but may have
// been over before the one that asks.
func (r *Decider) overlaps(s *world.State, c int) bool {
	for _, d := range r.queue.undecided {
		if d.out != nil && r.chosen(d.out) == int32(c) && d.ev.Task.PID != s.Self && d.win.Lo <= s.Window.Hi && s.Side.World.Diverged(d.ev.Task.PID) == nil {
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
	looked        []world.State
	othersAgain   others
	recent        []int
	home          []int // the CPU recorded alone
	selected      []int
	told          Wakeup
	asked         []asked
	sides         []*world.Side
	parted        []ownDifference
	// waking and wides are those of the decision in hand.
	waking hidden.Waking
	wides  place.Wides
}

// decision is one placement from the event that starts it until it is scored.
type decision struct {
	opened
	line  Wakeup
	entry *Explanation
	path  place.Path // of the run that entry tells
}

// opened is a decision as its event starts it.
type opened struct {
	n    int64
	ev   parser.Event
	out  *ahead.Outcome
	kind place.Kind
	// win is when the selection took place; win.hi is the deadline by which the
	// decision is computed.
	win   timeline.Window
	until int64 // of state
	prev  int32
	done  bool
}

// execWithin is how long before sched_process_exec the stopper's move that
// belongs to it may lie, in ns.
const execWithin = 100_000_000

// Open starts a decision at its waking, new task or exec event.
func (r *Decider) Open(ev *parser.Event, out *ahead.Outcome, kind place.Kind) {
	r.queue.n++
	d := r.queue.fresh()
	d.n, d.ev, d.out, d.kind, d.prev = r.queue.n, *ev, out, kind, ev.TargetCPU
	d.until, d.done = 0, false
	delay, late := r.Survey.SelectDelay*6/10, r.Survey.SelectLate*3/2
	p := r.Timeline.See(&ev.Task)
	if d.prev < 0 {
		d.prev = p.CPU // the dialect does not tell; it is where the task ran last
	}
	if ev.Kind == parser.KindWaking {
		d.win = timeline.Window{Est: ev.Time + delay, Lo: ev.Time, Hi: ev.Time + late}
		if p.QueuedKnown && p.Queued && p.Running {
			d.win.Hi = parser.NoTime // it has to leave its CPU first
		}
		switch {
		case out.Upper != parser.NoTime && (d.win.Hi == parser.NoTime || out.Upper < d.win.Hi):
			d.win.Hi = out.Upper
		case d.win.Hi == parser.NoTime:
			d.win.Hi = ev.Time + late
		}
		d.win.Est = min(d.win.Est, d.win.Hi)
		if out.Own && out.Upper > d.win.Hi {
			// It was held up on the way.
			d.win.Hi = out.Upper
		}
	} else {
		d.win = timeline.Window{Est: ev.Time - delay/2, Lo: ev.Time - late/2, Hi: ev.Time}
		switch d.prev = p.CPU; kind {
		case place.KindWakeupNew:
			d.prev = ev.CPU
		case place.KindExec:
			r.execed(d, p, late)
		}
	}
	if !timeline.UsableCPU(d.prev) {
		d.prev = parser.NoCPU
	}
	if still.MovedOn(ev) {
		d.win.Lo, d.until = min(d.win.Lo, ev.Start), r.Survey.Stood.Until(ev.CPU, ev.Start)
	}
	r.queue.pending = append(r.queue.pending, d)
	if d.win.Hi <= ev.Time {
		r.close(d)
	} else {
		r.queue.undecided = append(r.queue.undecided, d)
	}
}

// execed tells when and from where sched_exec chose a CPU for a task, as its
// sched_process_exec shows, which comes when the new program is loaded. A task that is to
// move wakes the stopper just after the choice, and was moved by it; else the choice lies
// between the beginning of its run and the event, and rather near the beginning.
func (r *Decider) execed(d *decision, p *timeline.Task, late int64) {
	now, from := d.ev.Time, d.ev.Time-execWithin
	d.prev = d.ev.CPU
	if p.PushedFrom >= 0 && p.PushedAt > from {
		d.prev = p.PushedFrom
		if at := p.CalledAt; at > from {
			d.win = timeline.Window{Est: at - r.Timeline.Slack, Lo: at - late/2, Hi: at}
		}
	} else if r.hasRun(d.ev.CPU, p) {
		lo := max(from, r.Timeline.CPU[d.ev.CPU].Since)
		d.win = timeline.Window{Est: lo + (now-lo)/4, Lo: lo, Hi: now}
	}
	p.PushedFrom = parser.NoCPU
}

// hasRun reports whether a CPU runs a task.
func (r *Decider) hasRun(c int32, p *timeline.Task) bool {
	return timeline.UsableCPU(c) && int(c) < len(r.Timeline.CPU) && r.Timeline.CPU[c].Cur == p.PID
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

// CloseDue decides everything whose selection was over by now, in order of the
// deadlines, and delivers the lines that are complete.
func (r *Decider) CloseDue(now int64) {
	q := &r.queue
	for {
		due := -1
		for i, d := range q.undecided {
			if d.win.Hi <= now && (due < 0 || d.win.Hi < q.undecided[due].win.Hi) {
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
		r.Cfg.Watcher.Delivered(&q.pending[i].line)
		q.free = append(q.free, q.pending[i])
		i++
	}
	q.pending = slices.Delete(q.pending, 0, i)
}

// close computes a decision, scores it and carries the worlds on.
func (r *Decider) close(d *decision) {
	d.done, d.entry, d.path = true, nil, ""
	r.Hidden.Begin(d.n)
	t := r.Timeline
	p := t.Get(d.ev.Task.PID)
	line := &d.line
	*line = Wakeup{
		N: d.n, Time: d.ev.Time, Kind: d.kind, Task: timeline.TaskRef{PID: p.PID, Comm: nameOr(d.ev.Task.Comm, p.Comm), Prio: d.ev.Task.Prio},
		WakerCPU: int(d.ev.CPU), PrevCPU: int(d.prev), RecordedCPU: parser.NoCPU, Moved: MovedNo,
		Original: Placed{CPU: parser.NoCPU, Prev: int(d.prev), Path: place.PathUnknown},
		Patched:  Placed{CPU: parser.NoCPU, Prev: int(d.prev), Path: place.PathUnknown},
		Baseline: r.Cfg.Role, More: line.More[:0],
	}
	of := r.toldOf()
	for i := 1; i < len(of); i++ {
		line.More = append(line.More, Alternative{Kernel: r.Names[i], Placed: line.Patched, Moved: MovedNo})
	}
	if d.ev.Task.Prio == parser.NoPrio {
		line.Task.Prio = p.Prio
	}
	r.waker(d, line)
	if d.out != nil && timeline.UsableCPU(d.out.CPU) {
		line.RecordedCPU, line.RecordedFrom = int(d.out.CPU), d.out.From
	}
	for i, at := range of {
		if div := r.Alts[at].World.Diverged(p.PID); div == nil {
		} else if i == 0 {
			line.DivergedSince = div.Since
		} else {
			line.More[i-1].DivergedSince = div.Since
		}
	}
	if iso, ok := r.Isolated.Get(); ok {
		line.IsolatedKnown = true
		line.Isolated = line.RecordedCPU >= 0 && iso.Test(line.RecordedCPU)
	}
	if p.QueuedKnown && !p.Queued && p.SleptAt > d.ev.Time {
		// It was switching out when it was woken; the selection waited for that.
		d.win.Lo = max(d.win.Lo, p.SleptAt)
		d.win.Est = min(max(d.win.Est, p.SleptAt+t.Slack), d.win.Hi)
	}
	r.widen(p, d.prev, d.ev.Time)
	if r.Base.Machine == nil || !r.hasCPU(d.prev) || !r.hasCPU(d.ev.CPU) || line.RecordedCPU >= r.Base.Machine.NumCPU() {
		r.closeUnmodelled(d, p)
	} else if d.kind == place.KindWakeup && line.WakerContext == hidden.WakerTask && timeline.IsStopper(line.Waker.Comm) {
		r.closeStopped(d, p)
	} else {
		r.closeModelled(d, p)
	}
	r.Cfg.Watcher.Placed(line, p, d.path, d.entry)
}

// hasCPU reports whether the machine has the CPU: a bundle may be that of
// another one, or older than a hotplug.
func (r *Decider) hasCPU(c int32) bool { return c >= 0 && int(c) < r.Base.Machine.NumCPU() }

func nameOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// waker says who did the waking: the task current, or an interrupt over it.
func (r *Decider) waker(d *decision, line *Wakeup) {
	cur := d.ev.Cur
	if cur.PID == parser.NoPID && timeline.UsableCPU(d.ev.CPU) && int(d.ev.CPU) < len(r.Timeline.CPU) {
		cur.PID = r.Timeline.CPU[d.ev.CPU].Cur
	}
	line.Waker = timeline.TaskRef{PID: cur.PID, Comm: cur.Comm, Prio: parser.NoPrio}
	if q := r.Timeline.Find(cur.PID); q != nil && cur.PID > 0 {
		line.Waker = q.Ref()
	} else if cur.PID == 0 {
		line.Waker.Comm = "swapper"
	}
	switch {
	case d.ev.Context == parser.ContextHardirq || d.ev.Context == parser.ContextNMI:
		line.WakerContext = hidden.WakerHardirq
	case d.ev.Context == parser.ContextSoftirq:
		line.WakerContext = hidden.WakerSoftirq
	case cur.PID == 0:
		line.WakerContext = hidden.WakerIdle
	case d.ev.Context == parser.ContextTask:
		line.WakerContext = hidden.WakerTask
	default:
		line.WakerContext = hidden.WakerUnknown
	}
}

// closeUnmodelled tells what the events alone show of a wakeup that
// selected no CPU,
// where no machine is known to run the model on.
func (r *Decider) closeUnmodelled(d *decision, p *timeline.Task) {
	line := &d.line
	switch {
	case d.ev.Cur.PID == p.PID && d.kind == place.KindWakeup:
		r.unselected(line, place.ReasonCurrent)
	case d.kind == place.KindWakeup && p.QueuedKnown && p.Queued:
		r.unselected(line, place.ReasonOnRq)
	case r.Timeline.Affinities.Of(p).Mask.Weight() == 1 && r.Timeline.Affinities.Of(p).From > fact.Assumed:
		r.unselected(line, place.ReasonOneCPU)
	case d.out != nil && d.out.Delayed:
		// It may have been moved again before it ran.
	case line.RecordedCPU >= 0 && line.PrevCPU >= 0 && line.RecordedCPU != line.PrevCPU:
		line.Selection, line.SelectionKnown = true, true
	}
	if !line.Original.Bounded {
		r.Unplaced++
	}
	if d.out != nil {
		r.Timeline.Fly(p, d.ev.CPU, r.chosen(d.out), d.win)
	}
	r.Fidelity.Add(line)
}

// closeStopped tells nothing of a wakee that a stopper wakes: it waited for that to give it
// another affinity (affine_move_task) or another CPU (sched_exec), and which is in no event.
func (r *Decider) closeStopped(d *decision, p *timeline.Task) {
	r.Unplaced++
	r.Hidden.Of(p.PID).Recent = nil
	if d.out != nil {
		to := r.chosen(d.out)
		r.Timeline.Fly(p, d.ev.CPU, to, d.win)
		for _, a := range r.Alts {
			a.World.Diverge(p.PID, d.n, []int{int(to)}, int(to)) // every kernel obeys
		}
	}
	r.Fidelity.Add(&d.line)
}

func (r *Decider) unselected(line *Wakeup, why place.Reason) {
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

// ask describes the decision to the model, as it stands in the recorded world: all of q.
func (r *Decider) ask(d *decision, p *timeline.Task, q *place.Wakeup) {
	t := r.Timeline
	r.scratch.wides.Forget()
	a := r.Timeline.Affinities.Of(p)
	this := int(d.ev.CPU)
	if d.kind == place.KindExec {
		this = int(d.prev) // sched_exec ran before the move
	}
	cur := d.line.Waker.PID
	inTask := d.line.inTask()
	// A task woken by an interrupt on its own CPU is mostly woken by its own
	// timer, which fires where the task armed it: where it is in this world.
	irq := d.line.WakerContext == hidden.WakerHardirq || d.line.WakerContext == hidden.WakerSoftirq || d.line.WakerContext == hidden.WakerIdle
	q.Kind, q.This, q.ThisIsPrev = d.kind, this, irq && d.ev.CPU == d.prev
	q.Prev, q.PrevFrom = append(q.Prev[:0], int(d.prev)), fact.Observed
	if q.Prio = int(d.line.Task.Prio); d.line.Task.Prio == parser.NoPrio {
		q.Prio = 120
	}
	q.Allowed, q.AllowedFrom, q.OneCPU = a.Mask, a.From, a.One()
	q.MigrationDisabled = explore.Known(false, fact.Reconstructed)
	q.IsCurrent = explore.Known(cur == p.PID, fact.Reconstructed)
	q.InTask = explore.Answer{Value: inTask, Open: d.line.WakerContext == hidden.WakerUnknown, From: fact.Observed}
	q.Stop = d.line.Task.Prio == 0 && a.Kthread && a.Bound
	q.IdlePolicy, q.Wides = a.IdlePolicy(), &r.scratch.wides
	r.queueFacts(d, p, q)
	q.Cur.PerCPUKthread = explore.Known(cur == 0, fact.Reconstructed)
	q.Cur.Load, q.Cur.Weight, q.Weight = explore.Exactly(0, fact.Reconstructed), 0, p.Entity.Weight
	r.scratch.waking = r.waking(&d.line)
	if cp := t.Find(cur); cp != nil && cur > 0 {
		ca := r.Timeline.Affinities.Of(cp)
		r.scratch.waking.Kthread = ca.Kthread
		q.Cur.PerCPUKthread = explore.Known(ca.Kthread && ca.Mask.Weight() == 1, ca.From)
		q.Cur.Load, q.Cur.Weight = r.Weighed(hidden.Margin(cp.Entity.Load, cp.Entity.Load)), cp.Entity.Weight
	} else if cur < 0 {
		q.Cur.PerCPUKthread = explore.Either(false, fact.Unknown)
	}
	r.Hidden.Ask(&r.scratch.waking, q)
	if r.partly || len(q.RecentUsed) > 0 && q.RecentUsed[0] >= r.Base.Machine.NumCPU() {
		q.RecentUsed = nil
	}
	q.Load = r.Weighed(hidden.Margin(p.Entity.Load, p.Entity.Load))
	if q.Util = (explore.Range{}); r.caps || d.kind != place.KindWakeup {
		q.Util = hidden.Margin(t.UtilAsleep(p, d.prev))
	}
}

// waking is a line as hidden facts hang on it.
func (r *Decider) waking(line *Wakeup) hidden.Waking {
	w := line.waking()
	if p := r.Timeline.Find(line.Task.PID); p != nil {
		w.Deep = p.Slept&(parser.StateBlocked|parser.StateIdle) != 0 && p.Slept&parser.StateSleeping == 0
	}
	return w
}

// doubtMidSwitch is how unlikely it is, in bits, that a task has not been switched out of a CPU
// that is held up: that has left a wakeup on its wake list for heldAfter ns.
const (
	doubtMidSwitch = 5
	heldAfter      = 1_000_000
)

// midSwitch reports whether a task that went to sleep may still be on its CPU at a time
// (p->on_cpu, which finish_task clears after sched_switch was emitted): that has recorded
// nothing since, and is held up with a wakeup that came soon after.
func (r *Decider) midSwitch(p *timeline.Task, at int64) bool {
	if !timeline.UsableCPU(p.CPU) || int(p.CPU) >= len(r.Timeline.CPU) {
		return false
	}
	k := &r.Timeline.CPU[p.CPU]
	return k.HeardAt == p.SleptAt && k.Inflight > 0 && at-k.FlownAt > heldAfter && k.FlownAt-p.SleptAt < heldAfter
}

// queueFacts says whether the wakee was on a queue or still on its CPU.
func (r *Decider) queueFacts(d *decision, p *timeline.Task, q *place.Wakeup) {
	no := explore.Known(false, fact.Reconstructed)
	q.OnRq, q.OnCPU, q.Delayed = no, no, no
	switch {
	case d.kind != place.KindWakeup:
	case !p.QueuedKnown:
		q.OnRq = explore.Either(false, fact.Unknown)
	case r.Timeline.IsLeaving(p, d.ev.Time):
		q.OnCPU = explore.Known(true, fact.Reconstructed)
	case p.Queued:
		q.OnRq = explore.Known(true, fact.Reconstructed)
	case p.SleptAt != parser.NoTime:
		// Dequeued, then switched out, then on_cpu is cleared: a waker that comes
		// between the first and the last may leave the task to its old CPU.
		if p.SleptAt >= d.ev.Time-r.Timeline.Slack {
			q.OnCPU = explore.Either(p.SleptAt >= d.ev.Time, fact.Reconstructed)
		} else if r.midSwitch(p, d.ev.Time) {
			q.OnCPU = explore.Rarely(false, doubtMidSwitch, fact.Reconstructed)
		}
		if r.Timeline.MayBeDelayed(p) {
			r.Timeline.FairTick(p.CPU, d.ev.Time)
			q.Delayed = explore.Either(p.Virtual.Delayed && p.Virtual.On == p.CPU, fact.Estimated)
		}
	}
}

// closeModelled explores a decision under all kernels.
func (r *Decider) closeModelled(d *decision, p *timeline.Task) {
	line := &d.line
	if partly := r.Timeline.Partly(d.win.Est); partly != r.partly {
		r.partly = partly
		r.Unsettle()
	}
	r.askAll(d, p)
	complete := r.explore(d, p, r.Alts)
	if r.Hidden.Blind() {
		r.writeDown(d, p, complete)
		return
	}
	complete = r.placeAll(line, complete)
	consistent := r.selection(line, complete)
	r.compareAll(line)
	doubtOthers(line)
	if r.Cfg.Watch != nil {
		r.Cfg.Watch(line)
	}
	told := r.inHindsight(d, p)
	if told == nil {
		r.explainEntry(d, line)
	}
	if r.Judged != nil {
		r.judge(line, told != nil)
	}
	if r.asksLater() {
		r.scratch.wides.Hold()
	}
	r.recordWakee(&d.line)
	if !r.Base.State.Ahead {
		// Else that other decision would learn of its own outcome.
		r.learn(d, consistent, complete)
		r.passedOver(d)
		r.shownBusy(d, func(c int) { r.Timeline.CPU[c].BusyAt = max(r.Timeline.CPU[c].BusyAt, d.win.Est) })
	}
	if !r.partly {
		r.narrow(d, p, r.unexplained(line, consistent))
	}
	r.carry(d, p, consistent, complete)
	if told != nil {
		*line = *told
	}
	r.Fidelity.Add(line)
}

// asksLater reports whether a decision may be asked about again when its waking has been
// counted.
func (r *Decider) asksLater() bool {
	return len(r.Base.State.Quiet) > 0 || len(r.Base.State.Stalled) > 0 ||
		slices.ContainsFunc(r.answers, func(a *answer) bool { return a != nil })
}

// askAll describes the decision as it stands in the recorded world, and readies the others.
func (r *Decider) askAll(d *decision, p *timeline.Task) {
	by := timeline.Looker{Window: d.win, Self: p.PID, Here: int(d.ev.CPU), Until: d.until, PendingLast: r.Base.Kernel.Rules.PendingLast}
	r.NextDecision()
	begin := func(a *world.Side) {
		a.Memo.Forget(r.NCPU)
		a.State.Begin(&by, &a.Memo)
	}
	b := r.Base
	begin(b)
	r.ask(d, p, &b.Ask)
	b.Asked = &b.Ask
	for _, a := range r.Alts {
		begin(a)
		a.Wakee, a.Waker = a.World.Diverged(p.PID), a.World.Diverged(d.line.Waker.PID)
		a.OwnAllowed = r.Timeline.Affinities.Under(p, a.Kernel.Tasks.Kthreads, &a.Allowed)
		a.Asked = &b.Ask
	}
}

// askApart describes the decision as it stands in an alternative's world, if that is not
// done yet.
func (r *Decider) askApart(d *decision, p *timeline.Task, a *world.Side) {
	if a.Asked == &a.Ask || !a.OwnAllowed && a.World.Same() {
		return
	}
	q, prev := &a.Ask, a.Ask.Prev[:0]
	*q, a.Asked = r.Base.Ask, q
	q.Prev = append(prev, q.Prev...)
	if div := a.Wakee; div != nil {
		q.Prev, q.PrevFrom = append(prev, div.CPUs...), fact.Reconstructed
	}
	if div := a.Waker; div != nil && d.line.inTask() && d.line.Waker.PID > 0 {
		if q.This = div.CPUs[0]; len(div.CPUs) > 1 {
			q.PrevFrom = fact.Assumed
		}
	}
	if recent, ok := a.World.Recent(p.PID); ok {
		q.RecentUsed = nil
		if r.hasCPU(recent) {
			q.RecentUsed = []int{int(recent)}
		}
	}
	a.Allow(q)
}

// selection tells whether the selector ran and whether the model can explain what it chose,
// and returns the runs that fit that.
func (r *Decider) selection(line *Wakeup, complete bool) []int {
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
func (r *Decider) compareAll(line *Wakeup) {
	for i, at := range r.toldOf() {
		a := r.answers[at]
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
func (r *Decider) moved(line *Wakeup, a *answer, since int64) Moved {
	switch {
	case a.stays():
		return MovedNo
	case a.differ == len(a.fits) && a.complete && !line.ModelMiss && a.likeliest().from > fact.Assumed:
		return MovedCertain
	case !a.complete && a.differ == 0 && since == 0 && !line.Made().Possible.Intersects(r.Isolated.Value):
		return MovedNo // what was not tried cannot leave the domain: there the kernels agree
	}
	return MovedPossible
}
