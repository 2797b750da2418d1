package timeline

import (
	"context"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/still"
)

// Recorded is what all passes over a capture share: it does not change any more.
type Recorded struct {
	Capture       parser.Capture
	Host          *parser.Host
	Survey        *Survey
	NCPU          int
	Isolated      fact.Fact[cpumask.Mask]
	aff           Affinities // under no kernel in particular
	Jiffy         int64      // ns, 10 ms at most
	AnyIdlePolicy bool
	// Groups: CPUs are shared out between groups of tasks first, so that what a task or a
	// CPU weighs hangs on what its groups do on all CPUs (task_h_load).
	Groups bool
}

// Read surveys a capture; progress may be nil. The error is the context's.
func Read(ctx context.Context, c parser.Capture, host *parser.Host, progress func(events int64)) (*Recorded, error) {
	s := SurveyOf(c, host, progress)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(s.Stood) > 0 {
		c = &still.Capture{Capture: c, Step: s.SelectDelay, Stood: s.Stood}
	}
	return Of(c, host, s), nil
}

// Of is what a survey tells of a capture, with what the host does.
func Of(c parser.Capture, host *parser.Host, s *Survey) *Recorded {
	rec := &Recorded{Capture: c, Host: host, Survey: s, Jiffy: Second / 100}
	if hz, ok := host.HZ.Get(); ok && hz > 0 {
		rec.Jiffy = Second / int64(hz)
	}
	rec.Groups = host.Groups()
	rec.NCPU = max(s.mentioned.Last()+1, len(host.CPU))
	if m, ok := host.Possible.Get(); ok {
		rec.NCPU = max(rec.NCPU, m.Last()+1)
	}
	rec.Isolated = host.Isolated
	iso := rec.Isolated.Value
	all := cpumask.Range(0, rec.NCPU-1)
	if m, ok := host.Possible.Get(); ok {
		all = m.Or(s.mentioned)
	}
	rec.aff = Affinities{host: host, survey: s, All: all, house: all.AndNot(iso), isolated: iso}
	for _, t := range host.Task {
		if p, ok := t.Policy.Get(); ok && p == 5 {
			rec.AnyIdlePolicy = true
		}
	}
	return rec
}

// Begin begins the timeline of a pass as a kernel made it.
func (rec *Recorded) Begin(k *rules.Kernel) *Timeline {
	t := New(rec.Survey, rec.NCPU, k.Rules.DelayDequeue)
	t.Affinities = rec.aff
	t.Affinities.settle(k.Tasks.Kthreads)
	t.spares, t.shares, t.idleLag = k.Load.EstSpares, k.Load.NewbornShares, k.Load.IdleLag
	t.tick = Second / defaultHZ
	if rec.Host.HZ.Known() {
		t.tick = rec.Jiffy
	}
	slice := fair.BaseSliceFor(rec.NCPU, k.Fair.ShortSlice)
	if v := rec.Host.Tunables["base_slice_ns"]; v > 0 {
		slice = v
	}
	for c := range t.CPU {
		t.CPU[c].Fair.slice, t.CPU[c].Fair.tick, t.CPU[c].Fair.lagTick = slice, t.tick, k.Fair.LagTick
	}
	t.Pends = k.Rules.Wakelist == rules.WakelistIdle
	t.warm(startShares(rec.Capture, rec.Survey, t.spares))
	return t
}
