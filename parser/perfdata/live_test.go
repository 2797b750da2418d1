package perfdata

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"schedreplay/parser"
	"schedreplay/parser/tep/eventtest"
)

// perfTool returns the path of perf, or skips.
func perfTool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("perf")
	if err != nil {
		t.Skip("no perf here to compare with")
	}
	return path
}

// line is one sample as perf script prints it.
type line struct {
	time    int64
	cpu     int32
	event   string
	payload string
}

var lineRE = regexp.MustCompile(`(?m)^\[(\d{3,})\] +(\d+)\.(\d{9}): +([^\s:]+(?::[^\s:]+)?): ?`)

// perfScript lets perf print a capture. Names may hold newlines, so a sample
// ends where the next one begins.
func perfScript(t *testing.T, path string) []line {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(perfTool(t), "script", "-i", path, "--ns", "-F", "cpu,time,event,trace")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("perf script: %v\n%s", err, &stderr)
	}
	var lines []line
	at := lineRE.FindAllSubmatchIndex(out, -1)
	for i, m := range at {
		end := len(out)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		field := func(n int) string { return string(out[m[2*n]:m[2*n+1]]) }
		cpu, _ := strconv.Atoi(field(1))
		sec, _ := strconv.ParseInt(field(2), 10, 64)
		ns, _ := strconv.ParseInt(field(3), 10, 64)
		lines = append(lines, line{sec*1e9 + ns, int32(cpu), field(4), strings.TrimSuffix(string(out[m[1]:end]), "\n")})
	}
	// perf breaks ties by place in the file only.
	sort.SliceStable(lines, func(i, j int) bool {
		a, b := lines[i], lines[j]
		return a.time < b.time || a.time == b.time && a.cpu < b.cpu
	})
	return lines
}

// ours lists the samples that we decode, in perf's words.
func ours(t *testing.T, c parser.Capture) []line {
	t.Helper()
	var lines []line
	for e, err := range c.Events() {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Kind {
		case parser.KindLost, parser.KindDamaged:
			continue
		case parser.KindComm, parser.KindFork, parser.KindExit:
			if e.Cur.PID == parser.NoPID {
				continue // from a task record, not from a sample
			}
			if e.Kind == parser.KindComm {
				e.Text = "task:task_rename"
			}
		}
		l := line{time: e.Time, cpu: e.CPU}
		if s, ok := eventtest.Kernel(&e); ok {
			l.event, l.payload = "sched:"+e.Kind.String(), s
		} else {
			l.event = e.Text
		}
		lines = append(lines, l)
	}
	return lines
}

// compare holds our events against perf's.
func compare(t *testing.T, want, got []line) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d events, perf script prints %d", len(got), len(want))
	}
	bad := 0
	for i := range min(len(got), len(want)) {
		w, g := want[i], got[i]
		if g.payload == "" {
			w.payload = "" // an event that is named only
		}
		// Fields that replay does not use.
		if cut, _, ok := strings.Cut(w.payload, " group_dead="); ok && strings.HasSuffix(w.event, "_exit") {
			w.payload = cut
		}
		if strings.HasSuffix(w.event, "stat_runtime") {
			w.payload, _, _ = strings.Cut(w.payload, " [ns]")
		}
		if w != g {
			t.Errorf("event %d:\nperf: %+v\nours: %+v", i, w, g)
			if bad++; bad > 5 {
				return
			}
		}
	}
}

// openFile opens a capture as parser/open does.
func openFile(t testing.TB, path string) parser.Capture {
	t.Helper()
	c, err := openPath(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func openPath(path string) (parser.Capture, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return New(memory(path, b))
}

// TestTraces compares with perf script on the captures in the folder that
// SCHEDREPLAY_TRACES names.
func TestTraces(t *testing.T) {
	root := os.Getenv("SCHEDREPLAY_TRACES")
	if root == "" {
		t.Skip("SCHEDREPLAY_TRACES does not name a folder of captures")
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "perf.data.zst"))
	if err != nil || len(files) == 0 {
		t.Fatalf("SCHEDREPLAY_TRACES=%s holds no */perf.data.zst (%v)", root, err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range files {
		t.Run(filepath.Base(filepath.Dir(f)), func(t *testing.T) {
			packed, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			b, err := z.DecodeAll(packed, nil)
			if err != nil {
				t.Fatal(err)
			}
			c, err := New(memory(f, b))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			broken, n, err := eventtest.Check(c)
			if broken != nil || err != nil || n == 0 {
				t.Fatalf("%d events, %v, %v", n, broken, err)
			}
			compareGuess(t, b)
			perfTool(t)
			path := filepath.Join(t.TempDir(), "perf.data")
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			compare(t, perfScript(t, path), ours(t, c))
		})
	}
}

// TestRecordings records with perf in every mode a user may choose and
// compares with perf script.
func TestRecordings(t *testing.T) {
	perf := perfTool(t)
	const load = "for i in 1 2 3 4 5; do ls / >/dev/null; done; sleep 0.05"
	for _, mode := range []struct{ name, args string }{
		{"sched", "sched record -a"},
		{"one CPU", "sched record -C 0"},
		{"callchains", "record -a -g -e sched:*"},
		{"strongly compressed", "record -a -z=19 -e sched:sched_switch -e sched:sched_waking"},
		{"losses", "record -a -m 1 -e sched:*"},
		{"wall clock", "record -a -k realtime -e sched:*"},
		{"monotonic", "record -a -k mono -e sched:*"},
		{"mixed", "record -a -e sched:* -e cpu-clock -e task:*"},
		{"group", "record -a -e {sched:sched_switch,sched:sched_waking}"},
		{"one task", "record -e sched:*"},
		{"threads", "record --threads -a -e sched:*"},
		{"many fields", "record -a -d --phys-data -W -s --sample-cpu -T -e sched:*"},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel() // perf mostly waits for itself
			path := filepath.Join(t.TempDir(), "perf.data")
			args := append(strings.Fields(mode.args), "-o", path, "--", "sh", "-c", load)
			if out, err := exec.Command(perf, args...).CombinedOutput(); err != nil {
				t.Skipf("perf cannot record here: %v\n%.500s", err, out)
			}
			var c parser.Capture
			if IsDir(path) {
				var err error
				if c, err = NewDir(path); err != nil {
					t.Fatal(err)
				}
				defer c.Close()
			} else {
				c = openFile(t, path)
			}
			compare(t, perfScript(t, path), ours(t, c))
			eventtest.Dump(new(bytes.Buffer), c)
		})
	}
	t.Run("pipe", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "perf.data")
		out, err := exec.Command(perf, "record", "-a", "-e", "sched:*", "-o", "-", "--", "sh", "-c", load+" >/dev/null").Output()
		if err != nil {
			t.Skipf("perf cannot record here: %v", err)
		}
		if err := os.WriteFile(path, out, 0o600); err != nil {
			t.Fatal(err)
		}
		want := perfScript(t, path)
		for _, random := range []bool{true, false} {
			src := memory(path, out)
			if !random {
				src.At = nil
			}
			c, err := New(src)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, want, ours(t, c))
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// compareGuess takes the event formats off a file and holds what is recognised
// without them against what they say.
func compareGuess(t *testing.T, b []byte) {
	t.Helper()
	whole, err := New(memory("whole", b))
	if err != nil {
		t.Fatal(err)
	}
	data := whole.(*capture).order.Uint64(b[40:]) + whole.(*capture).order.Uint64(b[48:])
	cut, err := New(memory("cut", b[:data]))
	if err != nil {
		t.Fatal(err)
	}
	next, stop := iter.Pull2(cut.Events())
	defer stop()
	recognised, missed := map[parser.Kind]int{}, map[parser.Kind]int{}
	for want, err := range whole.Events() {
		if err != nil {
			t.Fatal(err)
		}
		got, err, ok := next()
		for ok && err == nil && got.Pos != want.Pos {
			got, err, ok = next() // task records stand in for tracepoints not recognised
		}
		if !ok || err != nil {
			t.Fatalf("missing: %s (%v)", eventtest.Print(&want), err)
		}
		switch {
		case got.Kind == want.Kind && (got.Kind == parser.KindOther || got == want):
			recognised[got.Kind]++
		case got.Kind == parser.KindOther:
			missed[want.Kind]++
		default:
			t.Fatalf("%s, recognised as %s", eventtest.Print(&want), eventtest.Print(&got))
		}
	}
	t.Logf("recognised %v, not recognised %v", recognised, missed)
	if recognised[parser.KindSwitch] == 0 || missed[parser.KindSwitch] > 0 || missed[parser.KindWaking] > 0 {
		t.Errorf("switches and wakeups are not all recognised")
	}
}

// report is for reading by eye: go test -run TestShow -v with SHOW=FILE.
func TestShow(t *testing.T) {
	path := os.Getenv("SHOW")
	if path == "" {
		t.Skip("SHOW names no capture")
	}
	c := openFile(t, path)
	var b bytes.Buffer
	eventtest.Dump(&b, c)
	fmt.Println(b.String())
}
