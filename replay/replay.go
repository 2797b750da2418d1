package replay

import (
	"cmp"
	"context"

	"schedreplay/parser"
	"schedreplay/replay/decide"
	"schedreplay/replay/timeline"
)

// Run replays a capture by a plan. The host is the merged description of the machine
// that was recorded; its unknown fields cost answers, never a guess. The error is about
// the plan (it wraps rules.ErrKernel or ErrOptions) or the context's; a capture
// that could not be read to its end gives a result with Partial set.
//
// The passes, each with a state of its own: a survey, then where it is worth it a
// rehearsal under the baseline alone, then the replay, or several at once where there are
// many alternatives.
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
	own, others := plan.split()
	ahead := newRehearsal(rec, &plan)
	r := newPass(rec, own, ahead.notes())
	var besides []*beside
	err = r.check()
	for _, p := range others {
		b := newBeside(newPass(rec, p, ahead.notes()))
		besides, err = append(besides, b), cmp.Or(err, b.r.check())
	}
	if err != nil {
		return nil, err
	}
	r.ahead = ahead
	if f := plan.Observer.Begin; f != nil {
		f(r.res)
	}
	for _, b := range besides {
		go b.run(ctx)
	}
	err = r.replay(ctx, tell(r.events(), besides), 3)
	for _, b := range besides {
		err = cmp.Or(b.end(), err)
	}
	if err != nil {
		return nil, err
	}
	res := r.finish()
	for _, b := range besides {
		res.Alternatives = append(res.Alternatives, b.r.finish().Alternatives...)
	}
	return res, nil
}

func progressOf(progress func(pass, passes int, events int64), pass int) func(int64) {
	if progress == nil {
		return nil
	}
	return func(n int64) { progress(pass, 3, n) }
}
