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
	in, h := capturetest.Open(t, filepath.Join(dir, "ftrace.txt.gz"), filepath.Join(dir, "host.tar.gz"))
	certainWrong := 0
	res, err := replay.Run(context.Background(), in, h, replay.Plan{Original: h.Release.Value, Observer: replay.Observer{
		Wakeup: func(w *replay.Wakeup) {
			if m := w.Made(); m.Certain() && w.RecordedCPU >= 0 && !m.Possible.Test(w.RecordedCPU) {
				certainWrong++
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f := &res.Fidelity
	n := float64(f.Decisions)
	t.Logf("exact %d covered %d of %d mean %.2f, certain and wrong %d", f.Exact, f.Covered, f.Decisions, f.PossibleMean(), certainWrong)
	if exact, covered := float64(f.Exact)/n, float64(f.Covered)/n; exact < 0.965 || covered < 0.995 || f.PossibleMean() > 2 || float64(certainWrong) > n*0.002 {
		t.Errorf("exact in %.1f %%, covered in %.1f %%, mean set %.2f, certain and wrong %d", 100*exact, 100*covered, f.PossibleMean(), certainWrong)
	}
}
