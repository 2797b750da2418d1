package replay

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/ahead"
	"schedreplay/replay/decide"
	"schedreplay/replay/hidden"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// pass is one way through a capture under a plan.
type pass struct {
	*decide.Decider
	// track follows the isolated CPUs, nil in a rehearsal, of which nobody hears.
	track *account.Tracker
	plan  *Plan
	res   *Result
	// enough ends the pass.
	enough bool
	// ahead is the rehearsal that goes before, nil if there is none.
	ahead *rehearsal
}

// newPass prepares a way through the capture; later is what a rehearsal learned, nil if
// there was none.
func newPass(rec *timeline.Recorded, plan *Plan, later *hidden.Rehearsed) *pass {
	r := &pass{plan: plan, res: &Result{Events: map[parser.Kind]int64{}}}
	w := world.New(rec, plan.Baseline, plan.Alternatives, Sweep(plan.Judged), later)
	r.Decider = decide.New(w, decide.Config{
		Role: plan.Role, Runs: plan.runs(), Explain: plan.Explain, Watcher: r,
		Told: !plan.HoldsOnly,
	})
	r.track = account.New(w, account.Config{CPUs: plan.CPUs, Owner: plan.Owner, Role: plan.Role, Told: !plan.HoldsOnly, Run: plan.Observer.Run, Near: plan.Observer.Near, Interrupted: plan.Observer.Interrupted, Stay: plan.Observer.Stay, Why: plan.Observer.Why})
	r.describe()
	return r
}

// Entered implements watcher.
func (r *pass) Entered(alt int, p *timeline.Task, prev int, places []int) {
	r.track.Entered(alt, p, prev, places)
}

// Placed implements watcher.
func (r *pass) Placed(line *decide.Wakeup, p *timeline.Task, path place.Path, entry *decide.Explanation) {
	if r.track != nil {
		r.track.Placed(line, p, path, entry)
	}
}

// Delivered implements watcher.
func (r *pass) Delivered(line *decide.Wakeup) {
	r.res.Wakeups++
	if f := r.plan.Observer.Wakeup; f != nil {
		f(line)
	}
}

// check refuses a scenario whose host is not of the recorded machine's size.
func (r *pass) check() error {
	for _, a := range r.Alts {
		if (a.Machine == nil) != (r.Base.Machine == nil) || a.Machine != nil && a.Machine.NumCPU() != r.Base.Machine.NumCPU() {
			return fmt.Errorf("%w: the host of scenario %s has other CPUs than the one that was recorded", ErrOptions, a.Name)
		}
	}
	return nil
}

// run replays the capture.
func (r *pass) run(ctx context.Context, pass int) error { return r.replay(ctx, r.events(), pass) }

// replay replays the events of the capture.
func (r *pass) replay(ctx context.Context, events iter.Seq[*parser.Event], pass int) error {
	progress := progressOf(r.plan.Observer.Progress, pass)
	l := ahead.New(r.Survey, r.Timeline.Charges, r.event)
	l.Blind = r.Hidden.Blind()
	n := int64(0)
	for ev := range events {
		if n++; n%65536 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if progress != nil {
				progress(n)
			}
		}
		if err := l.Push(ev); err != nil {
			return err
		}
		if r.enough {
			return nil
		}
	}
	if err := l.End(); err != nil {
		return err
	}
	r.CloseDue(1<<63 - 1)
	for c := range r.Timeline.CPU {
		r.ran(int32(c), r.Survey.End)
	}
	r.track.End()
	return nil
}

// events yields the capture's events up to the first error, which the survey has met too;
// each is valid until the next.
func (r *pass) events() iter.Seq[*parser.Event] {
	if r.ahead != nil {
		return r.ahead.events(r.Hidden.Later)
	}
	return func(yield func(*parser.Event) bool) {
		for ev, err := range parser.Ahead(r.Capture) {
			if err != nil || !yield(ev) {
				return
			}
		}
	}
}

// ran tells the tracker that a CPU's current task ran until now, since its switch or
// since the capture began.
func (r *pass) ran(c int32, until int64) {
	k := &r.Timeline.CPU[c]
	if !k.Known || k.Cur < 0 {
		return
	}
	r.track.Near(k.Cur, c, max(k.Since, r.Survey.Start), until)
	if k.Cur == 0 {
		return
	}
	ns := until - max(k.Since, r.Survey.Start)
	r.track.RanElsewhere(k.Cur, c, ns)
	r.track.Held(k.Cur, c, ns)
}

// event takes the events in order, each waking with what became of it.
func (r *pass) event(ev *parser.Event, out *ahead.Outcome) error {
	switch ev.Kind {
	case parser.KindOther:
		switch {
		case r.Hidden.Blind():
			r.Timeline.Hear(ev)
		case ev.Aside == parser.ProcessHang:
			r.res.Hung.add(ev)
		case ev.Aside != parser.NoAside:
			r.track.Aside(ev)
		}
		return nil
	case parser.KindComm, parser.KindDamaged:
		return nil
	}
	r.CloseDue(ev.Time)
	r.Resume(ev.Time)
	r.Hidden.Sample(ev.Time)
	switch ev.Kind {
	case parser.KindStatRuntime:
		r.Timeline.Charge(ev)
		return nil
	case parser.KindWaking:
		r.Open(ev, out, place.KindWakeup)
	case parser.KindWakeup:
		if out != nil {
			r.Open(ev, out, place.KindWakeup)
		}
	case parser.KindWakeupNew:
		r.Open(ev, out, place.KindWakeupNew)
	case parser.KindExec:
		r.Open(ev, &ahead.Outcome{CPU: ev.CPU, Ran: ev.CPU, From: fact.Observed, Upper: ev.Time, Done: true}, place.KindExec)
	}
	r.Timeline.Own = r.selecting(ev, out)
	if r.track == nil {
		r.Apply(ev)
		return nil
	}
	r.track.Before(ev)
	if ev.Kind == parser.KindMigrate && ev.OrigCPU != ev.TargetCPU {
		iso, _ := r.res.Isolated.Get()
		r.res.Migrations = r.track.Migrated(r.res.Migrations, ev, iso.Test(int(ev.TargetCPU)))
	}
	if ev.Kind == parser.KindSwitch && timeline.UsableCPU(ev.CPU) && int(ev.CPU) < r.NCPU && r.Timeline.CPU[ev.CPU].Cur == ev.Task.PID {
		r.ran(ev.CPU, ev.Time)
	}
	r.Apply(ev)
	r.track.After(ev)
	if ev.Kind == parser.KindMigrate && !r.Timeline.Own {
		r.res.BalancerMoves++
		if len(r.Alts) > 0 && r.Alts[0].World.Diverged(ev.Task.PID) != nil {
			r.res.BalancerIgnored++
		}
	}
	return nil
}

// selecting reports whether an event is a selection's own migration: the wakee's
// own, just decided.
func (r *pass) selecting(ev *parser.Event, out *ahead.Outcome) bool {
	p := r.Timeline.Find(ev.Task.PID)
	if p == nil || ev.Kind != parser.KindMigrate {
		return false
	}
	return out != nil || p.Forked || !r.Survey.HasWaking && p.Inflight != parser.NoCPU
}

// describe fills in what is known of the result before the replay itself.
func (r *pass) describe() {
	res := r.res
	res.Meta, res.Host = r.Capture.Meta(), r.Host
	res.Baseline, res.Settled = r.plan.Role, r.plan.settled
	base, alt := r.plan.Baseline.Kernel, r.plan.Baseline.Kernel
	if len(r.plan.Alternatives) > 0 {
		alt = r.plan.Alternatives[0].Kernel
	}
	for _, sc := range r.plan.Alternatives {
		res.Alternatives = append(res.Alternatives, AlternativeResult{Scenario: sc})
	}
	if res.Original, res.Patched = base, alt; res.Baseline == decide.RolePatched {
		res.Original, res.Patched = alt, base
	}
	res.Start, res.End = r.Survey.Start, r.Survey.End
	res.Recorded, res.Only, res.Isolated = r.Survey.Recorded, r.Survey.Only, r.Isolated
	res.Events = r.Survey.Events
	res.Lost, res.LostUnknown, res.Holes, res.Damaged, res.Overwritten = r.Survey.Lost, r.Survey.LostUnknown, r.Survey.Holes, r.Survey.Damaged, r.Survey.Overwritten
	res.Partial = r.Survey.Err
	res.KernelsFrom = r.plan.settled.From
	res.StoodStill = r.Survey.Stood.Often()
}

func (r *pass) finish() *Result {
	res := r.res
	res.Fidelity = r.Fidelity.Result()
	res.Focus, res.CPUs, res.Landings = r.track.Results()
	res.Spare = r.track.Spare()
	slices.SortFunc(res.Migrations, func(a, b account.Migrations) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.By, b.By))
	})
	for i := range res.Alternatives {
		res.Alternatives[i].Difference = r.track.Difference(i)
	}
	if len(res.Alternatives) > 0 {
		a := &res.Alternatives[0]
		res.MovedCertain, res.MovedPossible, res.Moved = a.MovedCertain, a.MovedPossible, a.Moved
	}
	res.Unplaced, res.AffinityChanges = r.Unplaced, r.Narrower
	if r.Judged != nil {
		res.Scores = r.Scores(r.plan.Judged)
	}
	res.Unknown = r.unknowns()
	return res
}
