package replay_test

import (
	"compress/gzip"
	"context"
	"io"
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
	once, all := filepath.Join(dir, "once"), filepath.Join(dir, "all")
	again, unpacked := repeat.PerfData, unzstd
	if r.Name == "ftrace.txt.gz" {
		again, unpacked = repeatFtrace, gunzip
	}
	z, err := os.Open(r.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	plain, err := unpacked(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(once, plain, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again(once, all, times); err != nil {
		t.Fatal(err)
	}
	return capturetest.Open(t, all, r.Bundle)
}

func unzstd(z io.Reader) ([]byte, error) {
	d, err := zstd.NewReader(z)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return io.ReadAll(d)
}

func gunzip(z io.Reader) ([]byte, error) {
	d, err := gzip.NewReader(z)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(d)
}

// How well a recording is explained does not hang on its length, and neither does what other
// kernels would have done, nor what is kept of it. Where a capture begins again its tasks are suddenly elsewhere, which is a gap
// in it, after which the model has to find out anew how the machine stands.
func TestLength(t *testing.T) {
	if testing.Short() {
		t.Skip("tells captures many times")
	}
	const (
		lost   = 0.2     // points of exactness
		memory = 5 << 19 // bytes more that ten tellings may keep than three, with as much decoded ahead
	)
	for _, r := range traces.Recordings(t) {
		switch r.Folder + "/" + r.Name {
		case "smt8-isolated3-original/perf.data.zst", "k419-smt8-isolated3-original/perf.data.zst":
		case "smt8-isolated3-patched/perf.data.zst", "k419-numa8-isolated7-original/perf.data.zst":
		case "smt8-isolated3-original/ftrace.txt.gz", cpu43only + "/ftrace.txt.gz":
		case "numa16-patched/ftrace.txt.gz", "k419-smt8-isolated3-original/ftrace.txt.gz", "k419-numa8-isolated7-original/ftrace.txt.gz":
		case "smt8-isolated3-612-original/ftrace.txt.gz", "k419-smt8-isolated3-poller/ftrace.txt.gz":
		default:
			continue
		}
		told := func(times int) (exact, moved float64, live map[int64]uint64) {
			in, h := longer(t, r, times)
			n := int64(0)
			live = map[int64]uint64{}
			res, err := replay.Run(context.Background(), in, h, replay.Plan{Original: h.Release.Value, Observer: replay.Observer{
				Wakeup: func(w *replay.Wakeup) {
					if w.Moved != replay.MovedNo {
						moved++
					}
					if n++; n == 3*1500 || n == 10*1500 {
						var m runtime.MemStats
						runtime.GC()
						runtime.ReadMemStats(&m)
						live[n] = m.HeapAlloc
					}
				},
			}})
			if err != nil || times == 10 && len(live) < 2 {
				t.Fatal(err, n)
			}
			return 100 * float64(res.Fidelity.Exact) / float64(res.Fidelity.Decisions), moved / float64(times), live
		}
		once, movedOnce, _ := told(1)
		ten, movedTen, live := told(10)
		small, large := live[3*1500], live[10*1500]
		t.Logf("%s/%s: exact in %.2f %% told once, in %.2f %% told ten times; %.0f and %.1f decisions differ in a telling; %d KB live at the third, %d at the last", r.Folder, r.Name, once, ten, movedOnce, movedTen, small>>10, large>>10)
		if ten < once-lost {
			t.Errorf("%s/%s: told ten times it is explained worse than once", r.Folder, r.Name)
		}
		// A task that is on an isolated CPU in some world as perf stops stays apart from the recording.
		if r.Name == "ftrace.txt.gz" && (movedTen > 1.1*movedOnce || movedTen < 0.9*movedOnce) {
			t.Errorf("%s/%s: told ten times the kernels differ about other decisions than once", r.Folder, r.Name)
		}
		if large > small+memory {
			t.Errorf("%s/%s: told ten times %d KB are kept, three times %d", r.Folder, r.Name, large>>10, small>>10)
		}
	}
}
