package replay_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"

	"schedreplay/internal/capturetest"
	"schedreplay/internal/repeat"
	"schedreplay/internal/traces"
	"schedreplay/parser"
	"schedreplay/replay"
)

// longer opens a recording told some times over, as it would be read from a file.
func longer(t *testing.T, r traces.Recording, times int) (parser.Capture, *parser.Host) {
	t.Helper()
	in, h := capturetest.Open(t, r.Path, r.Bundle)
	if times == 1 {
		return in, h
	}
	dir := t.TempDir()
	once, all := filepath.Join(dir, "once.data"), filepath.Join(dir, "all.data")
	z, err := os.ReadFile(r.Path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	plain, err := d.DecodeAll(z, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(once, plain, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := repeat.PerfData(once, all, times); err != nil {
		t.Fatal(err)
	}
	return capturetest.Open(t, all, r.Bundle)
}

// How well a recording is explained does not hang on its length, and neither does what is
// kept of it. Where a capture begins again its tasks are suddenly elsewhere, which is a gap
// in it: for some 30 ms the model cannot know how the machine stands, so that each telling
// but the first has less in that time.
func TestLength(t *testing.T) {
	if testing.Short() {
		t.Skip("tells captures many times")
	}
	const (
		lost   = 0.2     // points of exactness
		memory = 3 << 20 // bytes more that ten tellings may keep
	)
	for _, r := range traces.Recordings(t) {
		if r.Name != "perf.data.zst" || r.Folder != "smt8-isolated3-original" && r.Folder != "k419-smt8-isolated3-original" {
			continue
		}
		told := func(times int) (exact float64, live uint64) {
			in, h := longer(t, r, times)
			n := int64(0)
			res, err := replay.Run(context.Background(), in, h, replay.Plan{Original: h.Release.Value, Observer: replay.Observer{
				Wakeup: func(w *replay.Wakeup) {
					if n++; n == int64(2500*times) {
						var m runtime.MemStats
						runtime.GC()
						runtime.ReadMemStats(&m)
						live = m.HeapAlloc
					}
				},
			}})
			if err != nil || live == 0 {
				t.Fatal(err, n)
			}
			return 100 * float64(res.Fidelity.Exact) / float64(res.Fidelity.Decisions), live
		}
		once, small := told(1)
		ten, large := told(10)
		t.Logf("%s: exact in %.2f %% told once, in %.2f %% told ten times; %d KB live, then %d", r.Folder, once, ten, small>>10, large>>10)
		if ten < once-lost {
			t.Errorf("%s: told ten times it is explained worse than once", r.Folder)
		}
		if large > small+memory {
			t.Errorf("%s: told ten times %d KB are kept, once %d", r.Folder, large>>10, small>>10)
		}
	}
}
