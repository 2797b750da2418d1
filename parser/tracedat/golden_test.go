package tracedat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"schedreplay/internal/eventtest"
)

// The recordings in testdata are described in testdata/README.md. Their golden
// files were written by this reader and held against trace-cmd report by
// TestGoldenLive.

func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.dat.zst")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in testdata (%v)", err)
	}
	return files
}

func TestGolden(t *testing.T) {
	for _, f := range goldenFiles(t) {
		name := strings.TrimSuffix(filepath.Base(f), ".dat.zst")
		t.Run(name, func(t *testing.T) {
			c, err := New(eventtest.Source(name+".dat", eventtest.Unpack(t, f)))
			if err != nil {
				t.Fatal(err)
			}
			eventtest.Golden(t, "testdata/"+name+".golden", c)
			broken, first, _ := eventtest.Check(c)
			if broken != nil {
				t.Error(broken)
			}
			if _, again, _ := eventtest.Check(c); again != first {
				t.Errorf("%d events in one pass, %d in the next", first, again)
			}
		})
	}
}

// TestGoldenLive holds the recordings in testdata against trace-cmd report.
func TestGoldenLive(t *testing.T) {
	eventtest.Tool(t, "trace-cmd")
	for _, f := range goldenFiles(t) {
		name := strings.TrimSuffix(filepath.Base(f), ".dat.zst")
		if name == "instance" {
			continue // trace-cmd prints the events of all buffers
		}
		t.Run(name, func(t *testing.T) {
			b := eventtest.Unpack(t, f)
			path := filepath.Join(t.TempDir(), "trace.dat")
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := New(eventtest.Source(path, b))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, path, c)
		})
	}
}
