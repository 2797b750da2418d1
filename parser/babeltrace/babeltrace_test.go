package babeltrace

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"schedreplay/internal/goldentest"
	"schedreplay/internal/traces"
	"schedreplay/parser"
	"schedreplay/parser/perfdata"
)

func TestGolden(t *testing.T) { goldentest.Run(t, "testdata", New) }

func FuzzRead(f *testing.F) { goldentest.Fuzz(f, "testdata", New) }

func TestEnds(t *testing.T) {
	const head = "[1.000000001] (+0.000000001) sched_wakeup: { cpu_id = 0 }, { comm = \"a\", tid = 8, prio = 20, target_cpu = 0 }\n"
	const line = "[1.000000002] (+0.000000001) sched_wakeup: { cpu_id = 0 }, { comm = \"a\", tid = 8, prio = 20, target_cpu = 0 }"
	c, err := New(goldentest.Source("x", []byte(head+line)))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range c.Events() {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d events", n)
	}
}

// What perf converts and babeltrace2 prints tells what the perf.data file tells.
func TestPerfConvert(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds")
	}
	for _, tool := range []string{"perf", "babeltrace2"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("no " + tool)
		}
	}
	packed, err := os.ReadFile(filepath.Join(traces.Dir(t), "k419-smt8-isolated3-original/perf/perf.data.zst"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	b, err := z.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	data, ctf := filepath.Join(dir, "perf.data"), filepath.Join(dir, "ctf")
	if err := os.WriteFile(data, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("perf", "data", "convert", "-i", data, "--to-ctf", ctf).CombinedOutput(); err != nil {
		t.Skipf("this perf cannot convert: %s", out)
	}
	printed, err := exec.Command("babeltrace2", "--clock-seconds", ctf).Output()
	if err != nil {
		t.Fatal(err)
	}
	read := func(open func(parser.Source) (parser.Capture, error), b []byte) (lines []string) {
		c, err := open(goldentest.Source("x", b))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for ev, err := range c.Events() {
			if err != nil {
				t.Fatal(err)
			}
			if ev.Kind == parser.KindComm || ev.Kind == parser.KindExit || ev.Kind == parser.KindOther {
				continue // perf's own records are not in the other
			}
			ev.Pos, ev.Cur.Comm, ev.Thread = 0, "", parser.Thread{TID: parser.NoPID, TGID: parser.NoPID, PPID: parser.NoPID}
			lines = append(lines, goldentest.Line(&ev))
		}
		return lines
	}
	want, got := read(perfdata.New, b), read(New, printed)
	if len(got) != len(want) || len(got) < 10000 || bytes.Count(printed, []byte("\n")) < len(got) {
		t.Errorf("%d events, perf.data has %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("event %d:\n%s\nperf.data: %s", i, got[i], want[i])
		}
	}
}
