package tracedat

import (
	"bytes"
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

// traceCmd returns the path of trace-cmd, or skips.
func traceCmd(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("trace-cmd")
	if err != nil {
		t.Skip("no trace-cmd here to compare with")
	}
	return path
}

// line is one event as trace-cmd report prints it.
type line struct {
	pid     int32
	time    int64
	cpu     int32
	event   string
	payload string
}

var dropRE = regexp.MustCompile(`(?m)^CPU:\d+ \[(\d+ )?EVENTS DROPPED\]\n`)

var lineRE = regexp.MustCompile(`(?m)^[^\n]{1,40}-(\d+) +\[(\d{3,})\] +(\d+)\.(\d{9}): ([A-Za-z_]\w*): +`)

// report lets trace-cmd print a capture with the kernel's own print formats.
// Names may hold newlines, so an event ends where the next one begins.
func report(t *testing.T, path string) (events []line, drops int) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(traceCmd(t), "report", "-N", "-t", "-i", path)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("trace-cmd report: %v\n%s", err, &stderr)
	}
	var lines []line
	// Losses stand on lines of their own.
	drops = len(dropRE.FindAll(out, -1))
	out = dropRE.ReplaceAll(out, nil)
	at := lineRE.FindAllSubmatchIndex(out, -1)
	for i, m := range at {
		end := len(out)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		field := func(n int) string { return string(out[m[2*n]:m[2*n+1]]) }
		pid, _ := strconv.Atoi(field(1))
		cpu, _ := strconv.Atoi(field(2))
		sec, _ := strconv.ParseInt(field(3), 10, 64)
		ns, _ := strconv.ParseInt(field(4), 10, 64)
		lines = append(lines, line{int32(pid), sec*1e9 + ns, int32(cpu), field(5), strings.TrimSuffix(string(out[m[1]:end]), "\n")})
	}
	sort.SliceStable(lines, func(i, j int) bool {
		a, b := lines[i], lines[j]
		return a.time < b.time || a.time == b.time && a.cpu < b.cpu
	})
	return lines, drops
}

// ours lists the events that we decode, in trace-cmd's words.
func ours(t *testing.T, c parser.Capture) (events []line, drops int) {
	t.Helper()
	var lines []line
	wall := int64(0)
	if clock := c.Meta().Clock; clock.HasWall {
		wall = clock.WallOffset // trace-cmd adds it
	}
	for e, err := range c.Events() {
		if err != nil {
			t.Fatal(err)
		}
		l := line{pid: e.Cur.PID, time: e.Time + wall, cpu: e.CPU}
		switch e.Kind {
		case parser.KindLost, parser.KindOverwritten:
			drops++
			continue
		case parser.KindDamaged:
			t.Fatal(eventtest.Print(&e))
		case parser.KindComm:
			l.event = "task_rename"
		case parser.KindOther:
			_, l.event, _ = strings.Cut(e.Text, ":")
		default:
			l.event = e.Kind.String()
			l.payload, _ = eventtest.Kernel(&e)
		}
		lines = append(lines, l)
	}
	return lines, drops
}

// compare holds our events against those of trace-cmd report.
func compare(t *testing.T, path string, c parser.Capture) {
	t.Helper()
	want, drops := report(t, path)
	got, ourDrops := ours(t, c)
	if drops != ourDrops {
		t.Errorf("%d losses, trace-cmd report prints %d", ourDrops, drops)
	}
	if len(got) != len(want) {
		t.Errorf("%d events, trace-cmd report prints %d", len(got), len(want))
	}
	bad := 0
	for i := range min(len(got), len(want)) {
		w, g := want[i], got[i]
		if g.payload == "" {
			w.payload = "" // an event that is named only
		}
		// Fields that replay does not use.
		w.payload, _, _ = strings.Cut(w.payload, " group_dead=")
		if w.event == "sched_stat_runtime" {
			w.payload, _, _ = strings.Cut(w.payload, " [ns]")
		}
		if w != g {
			t.Errorf("event %d:\ntrace-cmd: %+v\nours: %+v", i, w, g)
			if bad++; bad > 5 {
				return
			}
		}
	}
}

// TestTraces compares with trace-cmd report on the captures in the folder that
// SCHEDREPLAY_TRACES names.
func TestTraces(t *testing.T) {
	root := os.Getenv("SCHEDREPLAY_TRACES")
	if root == "" {
		t.Skip("SCHEDREPLAY_TRACES does not name a folder of captures")
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "trace.dat.zst"))
	if err != nil || len(files) == 0 {
		t.Fatalf("SCHEDREPLAY_TRACES=%s holds no */trace.dat.zst (%v)", root, err)
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
			broken, n, err := eventtest.Check(c)
			if broken != nil || err != nil || n == 0 {
				t.Fatalf("%d events, %v, %v", n, broken, err)
			}
			traceCmd(t)
			path := filepath.Join(t.TempDir(), "trace.dat")
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			compare(t, path, c)
		})
	}
}

// tracefs is where recordings are made. What trace-cmd record -d -k leaves
// changed there is put back.
const tracefs = "/sys/kernel/tracing"

// record makes a recording, or skips where that is not possible.
func record(t *testing.T, args ...string) string {
	t.Helper()
	tool := traceCmd(t)
	put := func(file, text string) { _ = os.WriteFile(filepath.Join(tracefs, file), []byte(text), 0) }
	old := map[string]string{}
	for _, file := range []string{"tracing_on", "trace_clock", "buffer_size_kb"} {
		b, err := os.ReadFile(filepath.Join(tracefs, file))
		if err != nil {
			t.Skipf("tracefs cannot be used here: %v", err)
		}
		old[file] = currentClock(string(b))
	}
	defer func() {
		put("events/enable", "0")
		for file, text := range old {
			put(file, text)
		}
		put("trace", "")
	}()
	path := filepath.Join(t.TempDir(), "trace.dat")
	all := append([]string{"record", "-d", "-k", "-o", path, "-e", "sched"}, args...)
	if out, err := exec.Command(tool, append(all, "sleep", "0.02")...).CombinedOutput(); err != nil {
		t.Skipf("trace-cmd cannot record here: %v\n%.500s", err, out)
	}
	return path
}

// TestRecordings records in the ways a user may choose and compares with
// trace-cmd report.
func TestRecordings(t *testing.T) {
	for _, mode := range []struct{ name, args string }{
		{"zstd", "-C mono --compression zstd"},
		{"plain", "-C mono_raw --compression none"},
		{"zlib", "-C mono --compression zlib"},
		{"version 6", "-C global --file-version 6 --date"},
		{"instance", "-C mono -B schedreplay -e sched_switch"},
		{"everything", "-e all"},
	} {
		t.Run(mode.name, func(t *testing.T) {
			path := record(t, strings.Fields(mode.args)...)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := New(eventtest.Source(path, b))
			if err != nil {
				if want, _ := report(t, path); len(want) == 0 {
					t.Skip("nothing was recorded: someone else uses tracefs")
				}
				t.Fatal(err)
			}
			if mode.name == "instance" {
				return // trace-cmd prints the instance's events too
			}
			compare(t, path, c)
		})
	}
}
