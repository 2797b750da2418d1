package anonymize_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
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
	for _, name := range []string{"perfdata/testdata/fuzz/FuzzNew/time-zero", "tracedat/testdata/fuzz/FuzzNew/section-offset", "perfetto/testdata/fuzz/FuzzNew/columns"} {
		b, err := os.ReadFile(root + "parser/" + name)
		if err != nil {
			f.Fatal(err)
		}
		_, quoted, _ := bytes.Cut(bytes.TrimSpace(b), []byte("[]byte("))
		text, err := strconv.Unquote(string(bytes.TrimSuffix(quoted, []byte(")"))))
		if err != nil {
			f.Fatal(name, err)
		}
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
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
		if d == parser.DialectPerfData || d == parser.DialectTraceDat || d == parser.DialectPerfetto {
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
