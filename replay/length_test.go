package replay_test

import (
	"context"
	"iter"
	"math"
	"testing"

	"schedreplay/internal/capturetest"
	"schedreplay/internal/traces"
	"schedreplay/parser"
	"schedreplay/replay"
)

// repeated is a capture told several times, one after another.
type repeated struct {
	parser.Capture
	times int64
}

func (r *repeated) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		first, last := int64(math.MaxInt64), int64(math.MinInt64)
		for ev := range r.Capture.Events() {
			first, last = min(first, ev.Time), max(last, ev.Time)
		}
		for i := range r.times {
			for ev, err := range r.Capture.Events() {
				ev.Time += i * (last - first + 1_000_000)
				if !yield(ev, err) {
					return
				}
			}
		}
	}
}

// How well a recording is explained does not hang on its length: what later decisions
// show is known in long ones as in short ones. Where a capture begins again its tasks are
// suddenly elsewhere; so long and longer ones are compared, which have as many of those
// places for each telling, and not one told once.
func TestLength(t *testing.T) {
	if testing.Short() {
		t.Skip("tells captures many times")
	}
	for _, r := range traces.Recordings(t) {
		if r.Folder != "smt8-isolated3-original" && r.Folder != "numa16-patched" || r.Name != "ftrace.txt.gz" {
			continue
		}
		told := func(times int64) (exact, decisions int) {
			in, h := capturetest.Open(t, r.Path, r.Bundle)
			res, err := replay.Run(context.Background(), &repeated{in, times}, h, replay.Plan{Original: h.Release.Value})
			if err != nil {
				t.Fatal(err)
			}
			return int(res.Fidelity.Exact), int(res.Fidelity.Decisions)
		}
		e1, d1 := told(1)
		e6, d6 := told(6)
		e18, d18 := told(18)
		early := 100 * float64(e6-e1) / float64(d6-d1)
		late := 100 * float64(e18-e6) / float64(d18-d6)
		t.Logf("%s: exact in %.2f %% told once, %.2f %% the next five times, %.2f %% the twelve after those", r.Folder, 100*float64(e1)/float64(d1), early, late)
		if late < early-0.2 {
			t.Errorf("%s: later tellings are explained worse than early ones", r.Folder)
		}
	}
}
