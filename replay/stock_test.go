package replay_test

import (
	"context"
	"strings"
	"testing"

	"schedreplay/internal/capturetest"
	"schedreplay/internal/traces"
	"schedreplay/replay"
)

// stockFloors are what the recordings of a distribution's kernel must hold, as those of
// instrumented ones do: per cent of the decisions, and CPUs possible on average.
var stockFloors = map[string]floors{
	"5.10": {exact: 96, covered: 99.8, mean: 1.45},
	"7.3":  {exact: 95, covered: 99.6, mean: 1.5},
}

// TestStock holds the model's predictions against recordings of kernels as distributions
// ship them, which tell where a task went and not how.
func TestStock(t *testing.T) {
	tried := 0
	for _, r := range traces.Recordings(t) {
		if r.Oracle != "" {
			continue
		}
		tried++
		t.Run(r.Folder, func(t *testing.T) {
			in, h := capturetest.Open(t, r.Path, r.Bundle)
			floor, ok := stockFloors[strings.Join(strings.SplitN(h.Release.Value, ".", 3)[:2], ".")]
			if !ok {
				t.Fatalf("%s has no floors", h.Release.Value)
			}
			certainWrong := 0
			res, err := replay.Run(context.Background(), in, h, replay.Plan{Original: h.Release.Value, Observer: replay.Observer{
				Wakeup: func(w *replay.Wakeup) {
					if o := &w.Original; w.Selection && w.RecordedCPU >= 0 && o.Certain() && o.CPU != w.RecordedCPU {
						certainWrong++
					}
				},
			}})
			if err != nil {
				t.Fatal(err)
			}
			f := &res.Fidelity
			per := func(n int64) float64 { return 100 * float64(n) / float64(f.Decisions) }
			t.Logf("exact in %.2f %% and covered in %.2f %% of %d, %.2f CPUs possible on average; %d certain and wrong", per(f.Exact), per(f.Covered), f.Decisions, f.PossibleMean(), certainWrong)
			if f.Decisions < 1000 || per(f.Exact) < floor.exact || per(f.Covered) < floor.covered || f.PossibleMean() > floor.mean {
				t.Errorf("floors are %+v", floor)
			}
			if int64(certainWrong)*1000 > 2*f.Decisions {
				t.Errorf("more than 2 of 1,000 are certain and wrong")
			}
		})
	}
	if tried < 3 {
		t.Errorf("%d recordings", tried)
	}
}
