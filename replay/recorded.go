package replay

import (
	"context"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// recorded is what all passes over a capture share: it does not change any more.
type recorded struct {
	c             parser.Capture
	host          *parser.Host
	s             *survey
	ncpu          int
	isolated      fact.Fact[cpumask.Mask]
	aff           affinities // under no kernel in particular
	jiffy         int64      // ns, 10 ms at most
	anyIdlePolicy bool
}

// newRecorded surveys a capture; progress may be nil. The error is the context's.
func newRecorded(ctx context.Context, c parser.Capture, host *parser.Host, progress func(events int64)) (*recorded, error) {
	s := surveyCapture(c, host, progress)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(s.stood) > 0 {
		c = &steady{c, s.selectDelay, s.stood}
	}
	return recordedBy(c, host, s), nil
}

func recordedBy(c parser.Capture, host *parser.Host, s *survey) *recorded {
	rec := &recorded{c: c, host: host, s: s, jiffy: second / 100}
	if hz, ok := host.HZ.Get(); ok && hz > 0 {
		rec.jiffy = second / int64(hz)
	}
	rec.ncpu = max(s.mentioned.Last()+1, len(host.CPU))
	if m, ok := host.Possible.Get(); ok {
		rec.ncpu = max(rec.ncpu, m.Last()+1)
	}
	rec.isolated = host.Isolated
	iso := rec.isolated.Value
	all := cpumask.Range(0, rec.ncpu-1)
	if m, ok := host.Possible.Get(); ok {
		all = m.Or(s.mentioned)
	}
	rec.aff = affinities{host: host, survey: s, all: all, house: all.AndNot(iso), isolated: iso}
	for _, t := range host.Task {
		if p, ok := t.Policy.Get(); ok && p == 5 {
			rec.anyIdlePolicy = true
		}
	}
	return rec
}

// timeline begins the timeline of a pass as a kernel made it.
func (rec *recorded) timeline(k *rules.Kernel) *timeline {
	t := newTimeline(rec.s, rec.ncpu, k.Rules.DelayDequeue)
	t.aff = rec.aff
	t.aff.settle(k.Tasks.Kthreads)
	t.spares = k.Load.EstSpares
	t.pends = k.Rules.Wakelist == rules.WakelistIdle
	t.warm(startShares(rec.c, rec.s, t.spares))
	return t
}
