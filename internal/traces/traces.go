// Package traces finds the real captures that tests run on: those of
// testdata/traces, and further ones in the folder that SCHEDREPLAY_TRACES names,
// one folder below it for each machine and run.
package traces

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Recording is one capture of a folder.
type Recording struct {
	Folder string // the folder's name
	Name   string // ftrace.txt.gz, perf.data.zst or trace.dat.zst
	Path   string
	Bundle string // the host bundle of its machine
	Oracle string // what the recorded kernel decided, by itself; "" if it was not instrumented
}

// names are the files that hold a capture. A folder that is named as a capture
// may hold one, so the second recording of a run lies in the folder's perf/.
var names = []string{"ftrace.txt.gz", "trace.dat.zst", "perf.data.zst", "perf/perf.data.zst"}

// Dir returns testdata/traces of this repository.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "testdata", "traces")
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}

// Folders returns the folders that hold captures and the bundle of their host.
func Folders(t testing.TB) []string {
	t.Helper()
	roots := []string{Dir(t)}
	if more := os.Getenv("SCHEDREPLAY_TRACES"); more != "" {
		roots = append(roots, more)
	}
	var folders []string
	for _, root := range roots {
		list, err := filepath.Glob(filepath.Join(root, "*", "host.tar.gz"))
		if err != nil || len(list) == 0 {
			t.Fatalf("no captures in %s (%v)", root, err)
		}
		for _, bundle := range list {
			folders = append(folders, filepath.Dir(bundle))
		}
	}
	return folders
}

// Recordings returns every capture; under -short the first of each folder.
func Recordings(t testing.TB) []Recording {
	t.Helper()
	all := find(t)
	if testing.Short() {
		all = slices.CompactFunc(all, func(a, b Recording) bool { return a.Bundle == b.Bundle })
	}
	return all
}

// Named returns the captures whose file has the name, short or not.
func Named(t testing.TB, name string) []Recording {
	t.Helper()
	some := slices.DeleteFunc(find(t), func(r Recording) bool { return r.Name != name })
	if len(some) == 0 {
		t.Fatalf("no recording is named %s", name)
	}
	return some
}

func find(t testing.TB) []Recording {
	t.Helper()
	var all []Recording
	for _, dir := range Folders(t) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			if _, err := os.Stat(path); err == nil {
				r := Recording{
					Folder: filepath.Base(dir), Name: filepath.Base(name), Path: path,
					Bundle: filepath.Join(dir, "host.tar.gz"), Oracle: filepath.Join(dir, "oracle.txt.gz"),
				}
				if _, err := os.Stat(r.Oracle); err != nil {
					r.Oracle = ""
				}
				all = append(all, r)
			}
		}
	}
	return all
}
