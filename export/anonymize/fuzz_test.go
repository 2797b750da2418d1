package anonymize_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"schedreplay/export/anonymize"
	"schedreplay/parser"
	"schedreplay/parser/open"
)

// FuzzCapture rewrites any input that some reader takes for a capture: no crash,
// no copy longer than what was read asks for, and no name that is not mapped.
func FuzzCapture(f *testing.F) {
	f.Add([]byte("# tracer: nop\n#\n          bash-12      [001] d....     1.000100: sched_waking: comm=se cret pid=11 prio=120 target_cpu=001\n"))
	f.Add([]byte("          bash    12 [001]     1.000100: sched:sched_process_exec: filename=/usr/bin/secret pid=12 old_pid=12\n"))
	for _, name := range []string{"perfdata/testdata/task.data.zst", "tracedat/testdata/hostile.dat.zst"} {
		in, err := open.File(f.Context(), root+"parser/"+name, open.Options{})
		if err != nil {
			f.Fatal(err)
		}
		r, err := in.Source().Open()
		if err != nil {
			f.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			f.Fatal(err)
		}
		r.Close()
		in.Close()
		if len(b) < 1<<20 {
			f.Add(b)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		path := filepath.Join(dir, "in")
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		in, err := open.File(t.Context(), path, open.Options{Temp: parser.Temp{Dir: dir, Limit: 1 << 24}})
		if err != nil {
			return
		}
		defer in.Close()
		out, err := os.Create(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		n := anonymize.NewNames(nil)
		if _, err := anonymize.Capture(in.Source(), in.Capture, n, anonymize.All, out); err != nil {
			return
		}
		d := in.Meta().Dialect
		if d == parser.DialectPerfData || d == parser.DialectTraceDat {
			return
		}
		got, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("\x1f\x8b")) || bytes.Contains(b, []byte("\x28\xb5\x2f\xfd")) || bytes.Contains(b, []byte("\xfd7zXZ")) {
			return
		}
		if len(got) != len(b) && len(b) < 1<<16 {
			t.Errorf("a copy of %d bytes of a text of %d", len(got), len(b))
		}
	})
}
