package replay_test

import (
	"os"
	"path/filepath"
	"sort"
	"testing"

	"schedreplay/parser"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
)

// captureDirs returns the folders of real captures to test on: those in
// testdata, and every one in the folder that SCHEDREPLAY_TRACES names, which
// must then be there.
func captureDirs(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("../testdata/traces/*/host.tar.gz")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no captures in testdata/traces", err)
	}
	if root := os.Getenv("SCHEDREPLAY_TRACES"); root != "" {
		more, err := filepath.Glob(filepath.Join(root, "*", "host.tar.gz"))
		if err != nil || len(more) == 0 {
			t.Fatalf("SCHEDREPLAY_TRACES=%s holds no captures (%v)", root, err)
		}
		dirs = more
	}
	for i := range dirs {
		dirs[i] = filepath.Dir(dirs[i])
	}
	sort.Strings(dirs)
	return dirs
}

// recordings are the names under which a folder may hold its capture.
var recordings = []string{"ftrace.txt.gz", "perf.data.zst", "trace.dat.zst"}

// openCapture opens one recording of a folder with the folder's host bundle;
// nil if the folder has none of that name.
func openCapture(t *testing.T, dir, name string) (parser.Capture, *parser.Host) {
	t.Helper()
	file := filepath.Join(dir, name)
	if _, err := os.Stat(file); err != nil {
		return nil, nil
	}
	in, err := open.File(file, open.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	bundle, err := host.Read(filepath.Join(dir, "host.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.Merge(in.Meta().Host, bundle, host.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	return in, h
}
