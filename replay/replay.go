package replay

import (
	"context"

	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/decide"
	"schedreplay/replay/hidden"
	"schedreplay/replay/timeline"
)

// Run replays a capture by a plan. The host is the merged description of the machine
// that was recorded; its unknown fields cost answers, never a guess. The error is about
// the plan (it wraps rules.ErrKernel or ErrOptions) or the context's; a capture
// that could not be read to its end gives a result with Partial set.
//
// The passes, each with a state of its own: a survey, then where it is worth it a
// rehearsal under the baseline alone, then the replay.
func Run(ctx context.Context, c parser.Capture, host *parser.Host, plan Plan) (*Result, error) {
	rec, err := timeline.Read(ctx, c, host, progressOf(plan.Observer.Progress, 1))
	if err != nil {
		return nil, err
	}
	if plan.Baseline.Kernel == nil {
		if err := settle(ctx, rec, &plan); err != nil {
			return nil, err
		}
	}
	if plan.Role == "" {
		plan.Role = decide.RoleOriginal
	}
	later, unrehearsed, err := rehearse(ctx, rec, &plan)
	if err != nil {
		return nil, err
	}
	r := newPass(rec, &plan, later)
	if err := r.check(); err != nil {
		return nil, err
	}
	r.res.Unrehearsed = unrehearsed
	if f := plan.Observer.Begin; f != nil {
		f(r.res)
	}
	if err := r.run(ctx, 3); err != nil {
		return nil, err
	}
	return r.finish(), nil
}

// MaxRehearsed is the number of events up to which a rehearsal is held: one more pass,
// and a third of the time on top.
const MaxRehearsed = 1 << 18

// rehearse replays the capture under the baseline alone, blind to what was chosen, to
// learn what decisions show of hidden facts that earlier ones met as well; see
// [hindsight]. It returns nil where there is nothing to learn, and the number of
// events where it would take too long.
func rehearse(ctx context.Context, rec *timeline.Recorded, plan *Plan) (later *hidden.Rehearsed, tooMany int64, err error) {
	if plan.Baseline.Kernel.Rules.Budget != rules.BudgetUtil || !rec.Survey.HasWaking {
		return nil, 0, nil
	}
	blind := *rec.Survey
	blind.HasWakeup = false
	sightless := *rec
	sightless.Survey = &blind
	r := newPass(&sightless, &Plan{Baseline: plan.Baseline, Observer: Observer{Progress: plan.Observer.Progress}}, nil)
	if r.Base.Machine == nil {
		return nil, 0, nil
	}
	if n := rec.Survey.Total(); n > MaxRehearsed {
		return nil, n, nil
	}
	r.Hidden.Rehearse()
	if err := r.run(ctx, 2); err != nil {
		return nil, 0, err
	}
	return r.Hidden.Learned(), 0, nil
}

func progressOf(progress func(pass, passes int, events int64), pass int) func(int64) {
	if progress == nil {
		return nil
	}
	return func(n int64) { progress(pass, 3, n) }
}
