package anonymize_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"schedreplay/export/anonymize"
	"schedreplay/parser"
	"schedreplay/parser/ftrace"
	"schedreplay/parser/perfdata"
	"schedreplay/parser/perfetto"
	"schedreplay/parser/perfscript"
	"schedreplay/parser/timehist"
	"schedreplay/parser/tracedat"
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
	out, err := os.Create(filepath.Join(f.TempDir(), "out"))
	if err != nil {
		f.Fatal(err)
	}
	defer out.Close()
	readers := []func(parser.Source) (parser.Capture, error){perfdata.New, tracedat.New, perfetto.New, ftrace.New, perfscript.New, timehist.New}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		src := parser.Source{
			Name: "in", At: bytes.NewReader(b), Size: int64(len(b)), Temp: parser.Temp{Dir: filepath.Dir(out.Name()), Limit: 1 << 24},
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
		}
		var c parser.Capture
		for _, open := range readers {
			var err error
			if c, err = open(src); err == nil {
				break
			}
		}
		if c == nil {
			return
		}
		defer c.Close()
		if err := out.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		n := anonymize.NewNames(nil)
		if _, err := anonymize.Capture(src, c, n, anonymize.All, out); err != nil {
			return
		}
		d := c.Meta().Dialect
		if d == parser.DialectPerfData || d == parser.DialectTraceDat || d == parser.DialectPerfetto {
			return
		}
		got, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(b) && len(b) < 1<<16 {
			t.Errorf("a copy of %d bytes of a text of %d", len(got), len(b))
		}
	})
}
