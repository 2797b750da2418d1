package perfdata

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

// The recordings in testdata are described in testdata/README.md. Their golden
// files were written by this reader and, where perf can read the recording,
// held against perf script by TestGoldenLive.

func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.data.zst")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in testdata (%v)", err)
	}
	return files
}

func TestGolden(t *testing.T) {
	for _, f := range goldenFiles(t) {
		name := strings.TrimSuffix(filepath.Base(f), ".data.zst")
		t.Run(name, func(t *testing.T) {
			c, err := New(eventtest.Source(name+".data", eventtest.Unpack(t, f)))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
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

// threadsFolder unpacks the recording of perf record --threads.
func threadsFolder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob("testdata/threads/*.zst")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in testdata/threads (%v)", err)
	}
	for _, f := range files {
		name := filepath.Join(dir, strings.TrimSuffix(filepath.Base(f), ".zst"))
		if err := os.WriteFile(name, eventtest.Unpack(t, f), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestGoldenThreads(t *testing.T) {
	dir := threadsFolder(t)
	if !IsDir(dir) {
		t.Error("the folder is not recognised")
	}
	c, err := NewDir(dir, parser.Temp{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventtest.Golden(t, "testdata/threads.golden", c)
}

// TestGoldenLive holds the recordings in testdata against perf script.
func TestGoldenLive(t *testing.T) {
	eventtest.Tool(t, "perf")
	for _, f := range goldenFiles(t) {
		name := strings.TrimSuffix(filepath.Base(f), ".data.zst")
		if name == "killed" {
			continue // perf refuses it
		}
		t.Run(name, func(t *testing.T) {
			b := eventtest.Unpack(t, f)
			path := filepath.Join(t.TempDir(), "perf.data")
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			eventtest.Compare(t, "perf script", perfScript(t, path), ours(t, openFile(t, path)))
		})
	}
	t.Run("threads", func(t *testing.T) {
		dir := threadsFolder(t)
		c, err := NewDir(dir, parser.Temp{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		eventtest.Compare(t, "perf script", perfScript(t, dir), ours(t, c))
	})
}
