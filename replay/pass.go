package replay

import (
	"context"
	"fmt"

	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// pass is one way through a capture under a plan.
type pass struct {
	*decider
	track *tracker
	plan  *Plan
	res   *Result
	// enough ends the pass.
	enough bool
}

// newPass prepares a way through the capture; later is what a rehearsal learned, nil if
// there was none.
func newPass(rec *recorded, plan *Plan, later *rehearsed) *pass {
	r := &pass{plan: plan, res: &Result{Events: map[parser.Kind]int64{}}}
	w := newWorlds(rec, plan.Baseline, plan.Alternatives, Sweep(plan.Judged), later)
	r.decider = newDecider(w, config{
		role: plan.Role, runs: plan.runs(), explain: plan.Explain, watcher: r,
		told: plan.Observer.Wakeup != nil || len(plan.Alternatives) < manyAlternatives,
	})
	r.track = newTracker(w, accounting{cpus: plan.CPUs, owner: plan.Owner, role: plan.Role, run: plan.Observer.Run, near: plan.Observer.Near, stay: plan.Observer.Stay})
	r.describe()
	return r
}

// entered implements watcher.
func (r *pass) entered(alt int, p *task, prev int, places []int) {
	r.track.entered(alt, p, prev, places)
}

// placed implements watcher.
func (r *pass) placed(line *Wakeup, p *task, path place.Path, entry *Explanation) {
	r.track.placed(line, p, path, entry)
}

// delivered implements watcher.
func (r *pass) delivered(line *Wakeup) {
	r.res.Wakeups++
	if f := r.plan.Observer.Wakeup; f != nil {
		f(line)
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

// run replays the capture.
func (r *pass) run(ctx context.Context, pass int) error {
	progress := progressOf(r.plan.Observer.Progress, pass)
	l := newLookahead(r.s, r.t.charges, r.event)
	l.blind = r.hidden.blind()
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
	if !k.known || k.cur < 0 {
		return
	}
	r.track.near(k.cur, c, max(k.since, r.s.start), until)
	if k.cur == 0 {
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
		if r.hidden.blind() {
			r.t.hear(ev)
		}
		return nil
	case parser.KindComm, parser.KindDamaged:
		return nil
	}
	r.closeDue(ev.Time)
	r.hidden.sample(ev.Time)
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
	r.apply(ev)
	if ev.Kind == parser.KindMigrate && !r.t.own {
		r.res.BalancerMoves++
		if len(r.alts) > 0 && r.alts[0].world.diverged[ev.Task.PID] != nil {
			r.res.BalancerIgnored++
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
	res.StoodStill = len(r.s.stood)
}

func (r *pass) finish() *Result {
	res := r.res
	res.Fidelity = r.fidelity.Result()
	res.Focus, res.CPUs, res.Landings = r.track.results()
	for i := range res.Alternatives {
		res.Alternatives[i].Difference = r.track.difference(i)
	}
	if len(res.Alternatives) > 0 {
		a := &res.Alternatives[0]
		res.MovedCertain, res.MovedPossible, res.Moved = a.MovedCertain, a.MovedPossible, a.Moved
	}
	res.Unplaced = r.unplaced
	if r.judged != nil {
		res.Scores = r.scores(r.plan.Judged)
	}
	res.Unknown = r.unknowns()
	return res
}
