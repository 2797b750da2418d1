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
	"sync"
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
	return New(eventtest.Source(path, b))
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
			c, err := New(eventtest.Source(f, b))
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
	const load = "for i in 1 2 3; do ls / >/dev/null; done; sleep 0.02"
	modes := []struct {
		name, args string
		path       string
		err        error
	}{
		{name: "sched", args: "sched record -a"},
		{name: "one CPU", args: "sched record -C 0"},
		{name: "callchains", args: "record -a -g -k mono -e sched:sched_switch,sched:sched_waking,sched:sched_migrate_task"},
		{name: "compressed", args: "record -a -z=19 -e sched:sched_switch -e sched:sched_waking"},
		{name: "losses", args: "record -a -m 1 -e sched:sched_switch,sched:sched_waking,sched:sched_migrate_task"},
		{name: "mixed", args: "record -a -e sched:* -e cpu-clock -e task:*"},
		{name: "one task", args: "record -e sched:sched_switch,sched:sched_waking,sched:sched_migrate_task"},
		{name: "threads", args: "record --threads -a -e sched:sched_switch,sched:sched_waking,sched:sched_migrate_task"},
		{name: "many fields", args: "record -a -d --phys-data -W -s --sample-cpu -T -e {sched:sched_switch,sched:sched_waking}"},
		{name: "pipe", args: "record -a -e sched:sched_switch,sched:sched_waking,sched:sched_migrate_task"},
	}
	// perf mostly waits for the kernel, more so the more events it opens; so all
	// of them record at once, and most of them few events.
	var all sync.WaitGroup
	for i := range modes {
		m := &modes[i]
		m.path = filepath.Join(t.TempDir(), "perf.data")
		args := append(strings.Fields(m.args), "-o", m.path, "--", "sh", "-c", load)
		if m.name == "pipe" {
			args = []string{"-c", perf + " " + m.args + " -o - -- sleep 0.02 >" + m.path}
		}
		all.Go(func() {
			tool := perf
			if m.name == "pipe" {
				tool = "sh"
			}
			if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
				m.err = fmt.Errorf("%w\n%.500s", err, out)
			}
		})
	}
	all.Wait()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			if m.err != nil {
				t.Skipf("perf cannot record here: %v", m.err)
			}
			want := perfScript(t, m.path)
			if IsDir(m.path) {
				c, err := NewDir(m.path)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				compare(t, want, ours(t, c))
				return
			}
			compare(t, want, ours(t, openFile(t, m.path)))
			if m.name != "pipe" {
				return
			}
			b, err := os.ReadFile(m.path)
			if err != nil {
				t.Fatal(err)
			}
			src := eventtest.Source(m.path, b)
			src.At, src.Size = nil, -1
			c, err := New(src)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			compare(t, want, ours(t, c))
		})
	}
}

// compareGuess takes the event formats off a file and holds what is recognised
// without them against what they say.
func compareGuess(t *testing.T, b []byte) {
	t.Helper()
	whole, err := New(eventtest.Source("whole", b))
	if err != nil {
		t.Fatal(err)
	}
	data := whole.(*capture).order.Uint64(b[40:]) + whole.(*capture).order.Uint64(b[48:])
	cut, err := New(eventtest.Source("cut", b[:data]))
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
