package fleetrun

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// files makes files in a folder, by name.
func files(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, n := range names {
		p := filepath.Join(dir, n)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o777), os.WriteFile(p, []byte(n), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	files(
		t, dir, "a/perf.data", "a/host.tar.gz", "a/README.md", "a/oracle.txt", "a/.hidden", "b/x.txt", "b/y.dat", "b/host/proc/version",
		"raw/per_cpu/cpu0/trace_pipe_raw", "raw/host.tar", "series/perf.data.2026110112000000", "series/perf.data.2026110112000100",
		"mixed/perf.data.2026110112000000", "mixed/perf.data.2026110112000100", "mixed/other", "two/t", "two/host.tar", "two/host.tar.gz", "c.txt",
	)
	for _, c := range []struct{ args, want string }{
		{".", "a/perf.data+a/host.tar.gz b/x.txt+b/host b/y.dat+b/host c.txt mixed/other mixed/perf.data.2026110112000000 mixed/perf.data.2026110112000100 raw series two/t"},
		{"a b/x.txt ./a", "a/perf.data+a/host.tar.gz b/x.txt+b/host"},
		{"*/*.dat[a] b/[xz]* missing", "a/perf.data+a/host.tar.gz b/x.txt+b/host missing"},
		{"no*thing", ""},
	} {
		t.Chdir(dir)
		got := ""
		found, err := Find(t.Context(), strings.Fields(c.args))
		if errors.Is(err, ErrNothing) != (c.want == "") || err != nil && c.want != "" {
			t.Fatal(err)
		}
		for _, in := range found {
			got += " " + filepath.Clean(in.Path)
			if in.Bundle != "" {
				got += "+" + filepath.Clean(in.Bundle)
			}
		}
		if d := cmp.Diff(c.want, strings.TrimPrefix(got, " ")); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.args, d)
		}
	}
}

func TestReadList(t *testing.T) {
	got, err := ReadList(strings.NewReader("# captures\na b\r\n\nc"))
	if d := cmp.Diff([]string{"a b", "c"}, got); err != nil || d != "" {
		t.Error(err, d)
	}
}

// A digest differs with all that a row set follows from, and with nothing else.
func TestDigest(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, "a/x", "a/y", "b/host", "same/x", "same/y")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "same/x"), []byte("a/x"), 0o666), os.WriteFile(filepath.Join(dir, "same/y"), []byte("a/y"), 0o666)); err != nil {
		t.Fatal(err)
	}
	at := func(path, bundle string) Input {
		in := Input{Path: filepath.Join(dir, path)}
		if bundle != "" {
			in.Bundle = filepath.Join(dir, bundle)
		}
		return in
	}
	seen := map[string]int{}
	for i, d := range []string{
		Digest("1", nil, at("a", "")), Digest("2", nil, at("a", "")), Digest("1", []string{"--isolated=3"}, at("a", "")), Digest("1", nil, at("a/x", "")),
		Digest("1", nil, at("a", "b")), Digest("1", nil, at("b/host", "")),
	} {
		if other, ok := seen[d]; ok || d == "" {
			t.Errorf("digests %d and %d are %q", i, other, d)
		}
		seen[d] = i
	}
	if Digest("1", nil, at("same", "")) != Digest("1", nil, at("a", "")) {
		t.Error("the digest follows from the name of the folder")
	}
	if d := Digest("1", nil, at("missing", "")) + Digest("1", nil, Input{Path: os.DevNull}); d != "" {
		t.Errorf("what cannot be read twice has the digest %s", d)
	}
}

// The line of a dead letter is the fatal one, else the last, however much was said.
func TestSaid(t *testing.T) {
	long := strings.Repeat("goroutine\n", 10_000)
	for in, want := range map[string]string{
		"":                                    "",
		"schedreplay: a\nschedreplay: b\n\n":  "b",
		long + "end":                          "end",
		"fatal error: out of memory\n" + long: "fatal error: out of memory",
		"panic: x\n\ngoroutine 1":             "panic: x",
		"runtime/cgo: out of memory in thread_start\nSIGABRT: abort\ngs     0x0\n":                           "runtime/cgo: out of memory in thread_start",
		"runtime/cgo: pthread_create failed: Resource temporarily unavailable\nSIGABRT: abort\ngs     0x0\n": "runtime/cgo: pthread_create failed: Resource temporarily unavailable",
		// Two threads at once.
		"runtime/cgo: runtime/cgo: pthread_create failed: Resource temporarily unavailablepthread_create failed:\nSIGABRT: abort\ngs     0x0\n": "runtime/cgo: runtime/cgo: pthread_create failed: Resource temporarily unavailablepthread_create failed:",
		"a\x1b[1m\xff\u202e": "a\\u001b[1m\ufffd\\u202e",
	} {
		for _, piece := range []int{1, 7, 5000, 1 << 20} {
			var s said
			for b := []byte(in); len(b) > 0; b = b[min(piece, len(b)):] {
				_, _ = s.Write(b[:min(piece, len(b))])
			}
			if got := s.line(); got != want {
				t.Errorf("%.40q in pieces of %d: %q, want %q", in, piece, got, want)
			}
			if s.outOfMemory() != (strings.HasPrefix(in, "fatal") || strings.HasPrefix(in, "runtime/cgo")) {
				t.Errorf("%.40q: out of memory: %v", in, s.outOfMemory())
			}
		}
	}
}
