package replay

import (
	"context"
	"fmt"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// pass is one way through a capture under a plan.
type pass struct {
	*recorded
	plan *Plan
	res  *Result

	base *side
	alts []*side
	// of gives each alternative of the plan the index of its side: equal ones share one.
	of []int
	// llcs are the LLCs of all sides; llcsAt gives for each CPU those it belongs to.
	llcs   []llcSpan
	llcsAt [][]int

	t        *timeline
	hidden   estimates
	fidelity Scorer
	track    *tracker
	queue    decisions

	// notes is where a rehearsal writes what it learns; it is blind to what was chosen.
	notes *rehearsed
	// watch, if set, sees each decision after it was judged; enough ends the pass.
	watch  func(*Wakeup)
	enough bool
	judged *ranking

	x       explore.Explorer
	runs    []place.Outcome // the baseline's
	scratch scratch
}

// estimates are the hidden facts that a pass follows.
type estimates struct {
	budget []scanBudget // by LLC
	cost   []*scanCost  // by CPU, nil if nothing was asked of it
	// odds are those of the scans that decision number oddsOf asked about.
	odds    []*scanOdds
	oddsOf  int64
	sampled int64
	sync    syncHabits
	// later is what a rehearsal learned, nil if there was none.
	later *rehearsed
}

// decisions are those that are not over yet.
type decisions struct {
	n         int64
	closing   int64       // the decision being closed, by its n
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

// newPass prepares a way through the capture; later is what a rehearsal learned, nil if
// there was none.
func newPass(rec *recorded, plan *Plan, later *rehearsed) *pass {
	r := &pass{recorded: rec, plan: plan, res: &Result{Events: map[parser.Kind]int64{}}}
	r.setSides()
	row := &plan.Baseline.Kernel.Rules
	r.t = newTimeline(r.s, r.ncpu, row.DelayDequeue)
	r.aff.settle(plan.Baseline.Kernel.Tasks.Kthreads)
	r.t.spares = plan.Baseline.Kernel.Load.EstSpares
	r.t.pends = row.Wakelist == rules.WakelistIdle
	r.t.warm(startShares(r.c, r.s, r.t.spares))
	r.hidden = estimates{sync: syncHabits{path: map[wakePath]*habit{}}, later: later, budget: make([]scanBudget, len(r.llcs)), cost: make([]*scanCost, r.ncpu)}
	for i, l := range r.llcs {
		r.hidden.budget[i] = newScanBudget(int64(l.span.Weight()), int64(l.pct))
		if b := &r.hidden.budget[i]; later != nil && i < len(later.budget) {
			b.later = &hindsight{notes: later.budget[i], weight: b.weight}
		}
	}
	r.track = newTracker(r)
	r.startCores()
	r.describe()
	return r
}

// setSides gives every scenario its machine, those that cannot differ one side.
func (r *pass) setSides() {
	b := machines{recorded: r.host}
	r.base = newSide(r.plan.Baseline, b.of(&r.plan.Baseline), 0)
	r.llcs = r.base.number(nil)
next:
	for i := range r.plan.Alternatives {
		sc := &r.plan.Alternatives[i]
		a := newSide(*sc, b.of(sc), 1)
		a.differs = r.base.compare(a)
		for j, o := range r.alts {
			if o.compare(a) == neverDiffers {
				r.of = append(r.of, j)
				continue next
			}
		}
		r.llcs = a.number(r.llcs)
		r.of = append(r.of, len(r.alts))
		r.alts = append(r.alts, a)
	}
	if len(r.plan.Judged) > 0 {
		r.judged = newRanking(r, r.plan.Judged, &b)
	}
	r.llcsAt = make([][]int, cpumask.MaxCPUs)
	for i, l := range r.llcs {
		for c := range l.span.All() {
			r.llcsAt[c] = append(r.llcsAt[c], i)
		}
	}
	for _, a := range append([]*side{r.base}, r.alts...) {
		a.state = state{r: r, side: a}
	}
}

// check refuses a scenario whose host is not of the recorded machine's size.
func (r *pass) check() error {
	for _, a := range r.alts {
		if (a.m == nil) != (r.base.m == nil) || a.m != nil && a.m.NumCPU() != r.base.m.NumCPU() {
			return fmt.Errorf("%w: the host of scenario %s has other CPUs than the one that was recorded", ErrOptions, a.Name)
		}
	}
	return nil
}

// blind reports whether the pass does not see what was chosen.
func (r *pass) blind() bool { return r.notes != nil }

// startCores gives has_idle_cores its value at the start: an LLC with an idle
// core has most likely advertised it, one without has not kept the flag long.
func (r *pass) startCores() {
	for i, l := range r.llcs {
		found := false
		for c := range l.span.All() {
			idle := true
			for t := range r.base.m.SMT(c).All() {
				idle = idle && t < len(r.t.cpu) && r.t.cpu[t].idle()
			}
			found = found || idle
		}
		r.base.world.idleCores[i] = tristate{value: found, guessed: true, since: parser.NoTime}
	}
}

// run replays the capture.
func (r *pass) run(ctx context.Context, pass int) error {
	progress := progressOf(r.plan.Observer.Progress, pass)
	l := newLookahead(r.s, r.t.charges, r.event)
	l.blind = r.blind()
	n := int64(0)
	for ev, err := range ahead(r.c.Events()) {
		if err != nil {
			break // the survey has it
		}
		if n++; n%65536 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if progress != nil {
				progress(n)
			}
		}
		if err := l.push(&ev); err != nil {
			return err
		}
		if r.enough {
			return nil
		}
	}
	if err := l.end(); err != nil {
		return err
	}
	r.closeDue(1<<63 - 1)
	for c := range r.t.cpu {
		r.ran(int32(c), r.s.end)
	}
	r.track.end()
	return nil
}

// ran tells the tracker that a CPU's current task ran until now, since its switch or
// since the capture began.
func (r *pass) ran(c int32, until int64) {
	k := &r.t.cpu[c]
	if !k.known || k.cur <= 0 {
		return
	}
	ns := until - max(k.since, r.s.start)
	r.track.ranElsewhere(k.cur, c, ns)
	r.track.held(k.cur, c, ns)
}

// event takes the events in order, each waking with what became of it.
func (r *pass) event(ev *parser.Event, out *outcome) error {
	switch ev.Kind {
	case parser.KindOther:
		if r.blind() {
			r.t.hear(ev)
		}
		return nil
	case parser.KindComm, parser.KindDamaged:
		return nil
	}
	r.closeDue(ev.Time)
	r.sample(ev.Time)
	switch ev.Kind {
	case parser.KindStatRuntime:
		r.t.charge(ev)
		return nil
	case parser.KindWaking:
		r.open(ev, out, place.KindWakeup)
	case parser.KindWakeup:
		if out != nil {
			r.open(ev, out, place.KindWakeup)
		}
	case parser.KindWakeupNew:
		r.open(ev, out, place.KindWakeupNew)
	case parser.KindExec:
		r.open(ev, &outcome{cpu: ev.CPU, ran: ev.CPU, from: fact.Observed, upper: ev.Time, done: true}, place.KindExec)
	}
	r.t.own = r.selecting(ev, out)
	r.track.before(ev)
	if ev.Kind == parser.KindSwitch && usableCPU(ev.CPU) && int(ev.CPU) < r.ncpu && r.t.cpu[ev.CPU].cur == ev.Task.PID {
		r.ran(ev.CPU, ev.Time)
	}
	r.t.apply(ev)
	switch ev.Kind {
	case parser.KindSwitch:
		if ev.Task.PID > 0 && ev.State.Known() && !ev.State.Runnable() {
			for _, a := range r.alts {
				a.world.setActive(ev.Task.PID, false)
			}
		}
		if ev.Next.PID == 0 && usableCPU(ev.CPU) {
			r.wentIdle(int(ev.CPU))
		}
		if ev.Task.PID > 0 && ev.Task.PID != ev.Next.PID && ev.State.Gone() {
			r.t.bury(ev.Task.PID)
			for _, a := range r.alts {
				a.world.forget(ev.Task.PID)
			}
		}
	case parser.KindMigrate:
		if !r.t.own {
			r.res.BalancerMoves++
			if len(r.alts) > 0 && r.alts[0].world.diverged[ev.Task.PID] != nil {
				r.res.BalancerIgnored++
			}
		}
	}
	return nil
}

// selecting reports whether an event is a selection's own migration: the wakee's
// own, just decided.
func (r *pass) selecting(ev *parser.Event, out *outcome) bool {
	p := r.t.find(ev.Task.PID)
	if p == nil || ev.Kind != parser.KindMigrate {
		return false
	}
	return out != nil || p.forked || !r.s.hasWaking && p.inflight != parser.NoCPU
}

// sample lets the scan budgets follow the milliseconds up to now.
func (r *pass) sample(now int64) {
	const every = 1_000_000
	h := &r.hidden
	if r.base.m == nil || now-h.sampled < every {
		return
	}
	steps := (now - h.sampled) / every
	if h.sampled == 0 {
		steps = 1
		h.sampled = now
	} else {
		h.sampled += steps * every
	}
	for i := range h.budget {
		b := &h.budget[i]
		sum, fresh := int64(0), false
		for c := range r.llcs[i].span.All() {
			if c < len(r.t.cpu) {
				k := &r.t.cpu[c]
				fresh = fresh || k.idle() && k.idleAt > now-newlyIdle
				// The pass that balances for the idle CPUs brings the averages of all
				// that are idle up to date (update_nohz_stats).
				a, _ := r.t.loadOf(c)
				sum += min(1024, max(a.util, k.cfs.est))
			}
		}
		b.step(nrIdleScan(sum, b.weight, b.pct), steps, fresh)
	}
}

// margin is the range in which the kernel's own average lies, given the
// reconstructed one now and as of its last update.
func (r *pass) margin(now, stale int64) explore.Range {
	lo, hi := min(now, stale), max(now, stale)
	return explore.Range{Lo: max(0, lo-lo/8-60), Best: now, Hi: hi + hi/12 + 24, From: fact.Estimated}
}

// silent reports a CPU that was recorded along with the others and has no
// event at all: idle throughout, or busy with one task that never switched.
func (r *pass) silent(c int) bool {
	return !r.s.recorded.Test(c) && r.s.only.Empty()
}

// deliver hands a finished decision to the observer and the tracker.
func (r *pass) deliver(d *decision) {
	r.res.Wakeups++
	if f := r.plan.Observer.Wakeup; f != nil {
		f(&d.line)
	}
}

// describe fills in what is known of the result before the replay itself.
func (r *pass) describe() {
	res := r.res
	res.Meta, res.Host = r.c.Meta(), r.host
	res.Baseline, res.Settled = r.plan.Role, r.plan.settled
	base, alt := r.plan.Baseline.Kernel, r.plan.Baseline.Kernel
	if len(r.plan.Alternatives) > 0 {
		alt = r.plan.Alternatives[0].Kernel
	}
	for _, sc := range r.plan.Alternatives {
		res.Alternatives = append(res.Alternatives, AlternativeResult{Scenario: sc})
	}
	if res.Original, res.Patched = base, alt; res.Baseline == RolePatched {
		res.Original, res.Patched = alt, base
	}
	res.Start, res.End = r.s.start, r.s.end
	res.Recorded, res.Only, res.Isolated = r.s.recorded, r.s.only, r.isolated
	res.Events = r.s.events
	res.Lost, res.LostUnknown, res.Holes, res.Damaged, res.Overwritten = r.s.lost, r.s.lostUnknown, r.s.holes, r.s.damaged, r.s.overwritten
	res.Partial = r.s.err
	res.KernelsFrom = r.plan.settled.From
	if n := len(r.s.stood); n > 0 {
		res.Notes = append(res.Notes, plural(n, "CPU")+" wrote many events at one time: their clocks stood still while a tick was late (an unstable time stamp counter). Such events are taken to be later than they say, and what other CPUs did meanwhile is less certain.")
	}
	for _, k := range [2]*rules.Kernel{res.Original, res.Patched} {
		for _, n := range k.Notes {
			if !slices.Contains(res.Notes, n) {
				res.Notes = append(res.Notes, n)
			}
		}
	}
}

func (r *pass) finish() *Result {
	res := r.res
	res.Fidelity = r.fidelity.Result()
	r.track.report(res)
	if r.judged != nil {
		res.Scores = r.judged.result()
	}
	res.Unknown = r.unknowns()
	return res
}
