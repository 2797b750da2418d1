package replay_test

import (
	"context"
	"path/filepath"
	"testing"

	"schedreplay/internal/capturetest"
	"schedreplay/replay"
)

// A CPU limit (cpu.max) stops tasks of a control group again and again: what they do to how
// CPUs look is known, or open. The recording is of Debian's 6.1.192 on 8 emulated CPUs.
func TestThrottledRecording(t *testing.T) {
	dir := filepath.Join("testdata", "throttled")
	for name, least := range map[string]struct{ exact, covered float64 }{"limits told": {0.965, 0.995}, "limits not told": {0.955, 0.99}} {
		in, h := capturetest.Open(t, filepath.Join(dir, "ftrace.txt.gz"), filepath.Join(dir, "host.tar.gz"))
		if name == "limits not told" {
			h.Cgroups.Info = nil
		}
		certainWrong := 0
		res, err := replay.Run(context.Background(), in, h, replay.Plan{Original: h.Release.Value, Observer: countWrong(&certainWrong)})
		if err != nil {
			t.Fatal(err)
		}
		f := &res.Fidelity
		n := float64(f.Decisions)
		exact, covered := float64(f.Exact)/n, float64(f.Covered)/n
		t.Logf("%s: exact in %.1f %%, covered in %.1f %% of %.0f, mean set %.2f, certain and wrong %d", name, 100*exact, 100*covered, n, f.PossibleMean(), certainWrong)
		if exact < least.exact || covered < least.covered || f.PossibleMean() > 2 || float64(certainWrong) > n*0.002 {
			t.Errorf("%s: worse than it was", name)
		}
	}
}

// countWrong counts the decisions that the recorded kernel is certain of, and that the recording
// contradicts.
func countWrong(n *int) replay.Observer {
	return replay.Observer{Wakeup: func(w *replay.Wakeup) {
		if m := w.Made(); m.Certain() && w.RecordedCPU >= 0 && !m.Possible.Test(w.RecordedCPU) {
			*n++
		}
	}}
}
