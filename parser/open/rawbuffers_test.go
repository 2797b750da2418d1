package open

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/parser"
)

// untar writes an archive's files where name puts them, "" for nowhere.
func untar(t *testing.T, file string, name func(string) string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if to := name(strings.TrimPrefix(h.Name, "rawdir/")); to != "" && h.Typeflag == tar.TypeReg {
			b, _ := io.ReadAll(r)
			write(t, dir, to, b)
		}
	}
}

// all reads a source.
func all(t *testing.T, src parser.Source) []byte {
	t.Helper()
	r, err := src.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Ring buffers copied out of tracefs, as a folder or an archive, tell what the kernel
// printed of them.
func TestRawBuffers(t *testing.T) {
	keep := func(ev *parser.Event) bool {
		ev.Cur.Comm, ev.Time = "", (ev.Time+500)/1000*1000 // the text rounds
		return ev.Kind != parser.KindOverwritten
	}
	const archive = "testdata/tracefs/raw.tar.gz"
	want := events(t, "testdata/tracefs/trace.txt.gz", keep)
	same := func(s string) string { return s }
	for name, path := range map[string]string{
		"archive": archive,
		"folder":  untar(t, archive, same),
		"renamed": untar(t, archive, func(s string) string {
			return strings.NewReplacer("per_cpu/cpu0/trace_pipe_raw", "cpu0.raw", "per_cpu/cpu1/trace_pipe_raw", "trace_pipe_raw.cpu1").Replace(s)
		}),
		"formats alone": untar(t, archive, func(s string) string {
			if strings.Contains(s, "format") || strings.HasSuffix(s, "raw") {
				return s
			}
			return ""
		}),
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(want, events(t, path, keep)); d != "" {
				t.Errorf("-trace +raw:\n%.2000s", d)
			}
			in := open(t, path, Options{})
			if sum, err := in.Checksum(); err != nil || sum == "" {
				t.Error(err)
			}
			// Those who copy it get one trace.dat.
			one := write(t, t.TempDir(), "trace.dat", all(t, in.Source()))
			if d := cmp.Diff(want, events(t, one, keep)); d != "" {
				t.Errorf("-trace +trace.dat:\n%.2000s", d)
			}
		})
	}
	t.Run("standard input", func(t *testing.T) {
		b, err := os.ReadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		in := open(t, "-", Options{Stdin: bytes.NewReader(b)})
		if n, err := count(in); err != nil || n[parser.KindSwitch] == 0 {
			t.Errorf("%v, %v", n, err)
		}
		// An archive that ends inside the second buffer.
		var cut bytes.Buffer
		w, dir := tar.NewWriter(&cut), untar(t, archive, same)
		for _, name := range []string{"events/sched/sched_switch/format", "events/sched/sched_waking/format", "per_cpu/cpu0/trace_pipe_raw", "per_cpu/cpu1/trace_pipe_raw"} {
			b, err := os.ReadFile(dir + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			w.WriteHeader(&tar.Header{Name: name, Size: int64(len(b)), Mode: 0o644})
			w.Write(b)
		}
		short := open(t, write(t, t.TempDir(), "x.tar", cut.Bytes()[:cut.Len()-20_000]), Options{})
		if n, err := count(short); !errors.Is(err, parser.ErrTruncated) || n[parser.KindSwitch] == 0 {
			t.Errorf("cut: %v, %v", n, err)
		}
	})
	t.Run("snapshot", func(t *testing.T) {
		// A filled snapshot of Debian's 6.1.192, which overwrote what came before.
		const archive = "testdata/tracefs/snapshot_raw.tar.gz"
		want := events(t, "testdata/tracefs/snapshot.txt.gz", keep)
		if len(want) != 1150 {
			t.Errorf("%d events, and the header says 1150", len(want))
		}
		folder := untar(t, archive, same)
		for _, path := range []string{archive, folder} {
			if d := cmp.Diff(want, events(t, path, keep)); d != "" {
				t.Errorf("%s: -snapshot +snapshot_raw:\n%.2000s", path, d)
			}
			in := open(t, path, Options{})
			if notes := strings.Join(in.Meta().Notes, "\n"); strings.Contains(notes, "overwritten") {
				t.Errorf("stats are of the buffers that record, not of the snapshot: %s", notes)
			}
		}
		// What records meanwhile is another recording.
		write(t, folder, "per_cpu/cpu0/trace_pipe_raw", []byte("more"))
		if _, err := File(t.Context(), folder, Options{}); !errors.Is(err, ErrAmbiguous) {
			t.Error(err)
		}
	})
	for name, tc := range map[string]struct {
		name func(string) string
		want error
		text string
	}{
		"no formats": {func(s string) string { return strings.TrimSuffix(s, "format") }, parser.ErrUnsupported, "copy events/sched/*/format"},
		"empty": {func(s string) string {
			return map[bool]string{true: s}[strings.Contains(s, "format")]
		}, parser.ErrFormat, "are empty"},
		"twice": {func(s string) string { return strings.Replace(s, "cpu1/trace_pipe_raw", "sub/cpu0.raw", 1) }, ErrAmbiguous, "CPU 0"},
	} {
		dir := untar(t, archive, tc.name)
		if name == "empty" {
			write(t, dir, "per_cpu/cpu0/trace_pipe_raw", nil)
		}
		if _, err := File(t.Context(), dir, Options{}); !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
