package tracedat

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

var dropRE = regexp.MustCompile(`(?m)^CPU:\d+ \[(\d+ )?EVENTS DROPPED\]\n`)

var lineRE = regexp.MustCompile(`(?m)^[^\n]{1,40}-(?P<pid>\d+) +\[(?P<cpu>\d{3,})\] +(?P<sec>\d+)\.(?P<ns>\d{9}): (?P<event>[A-Za-z_]\w*): +`)

// report lets trace-cmd print a capture with the kernel's own print formats.
func report(t *testing.T, path string) (events []eventtest.Line, drops int) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(eventtest.Tool(t, "trace-cmd"), "report", "-N", "-t", "-i", path)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("trace-cmd report: %v\n%s", err, &stderr)
	}
	// Losses stand on lines of their own.
	drops = len(dropRE.FindAll(out, -1))
	out = dropRE.ReplaceAll(out, nil)
	return eventtest.Lines(out, lineRE), drops
}

// ours lists the events that we decode, in trace-cmd's words.
func ours(t *testing.T, c parser.Capture) (events []eventtest.Line, drops int) {
	t.Helper()
	var lines []eventtest.Line
	wall := int64(0)
	if clock := c.Meta().Clock; clock.HasWall {
		wall = clock.WallOffset // trace-cmd adds it
	}
	for e, err := range c.Events() {
		if err != nil {
			t.Fatal(err)
		}
		l := eventtest.Line{PID: e.Cur.PID, Time: e.Time + wall, CPU: e.CPU}
		switch e.Kind {
		case parser.KindLost, parser.KindOverwritten:
			drops++
			continue
		case parser.KindDamaged:
			t.Fatal(eventtest.Print(&e))
		case parser.KindComm:
			l.Event = "task_rename"
		case parser.KindOther:
			l.Event = e.Name()
			if _, name, ok := strings.Cut(l.Event, ":"); ok {
				l.Event = name
			}
		default:
			l.Event = e.Kind.String()
			l.Payload, _ = eventtest.Kernel(&e)
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
	eventtest.Compare(t, "trace-cmd report", want, got)
}

// TestTraces compares with trace-cmd report on the real captures.
func TestTraces(t *testing.T) {
	eventtest.Traces(t, "trace.dat.zst", func(t *testing.T, f string, b []byte) {
		c, err := New(eventtest.Source(f, b))
		if err != nil {
			t.Fatal(err)
		}
		broken, n, err := eventtest.Check(c)
		if broken != nil || err != nil || n == 0 {
			t.Fatalf("%d events, %v, %v", n, broken, err)
		}
		eventtest.Tool(t, "trace-cmd")
		path := filepath.Join(t.TempDir(), "trace.dat")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		compare(t, path, c)
	})
}

// tracefs is where recordings are made. What trace-cmd record -d -k leaves
// changed there is put back.
const tracefs = "/sys/kernel/tracing"

// record makes a recording, or skips where that is not possible.
func record(t *testing.T, args ...string) string {
	t.Helper()
	tool := eventtest.Tool(t, "trace-cmd")
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
	if i := slices.Index(args, "-B"); i >= 0 {
		instance := filepath.Join(tracefs, "instances", args[i+1])
		if _, err := os.Stat(instance); err != nil { // trace-cmd leaves those that it makes
			defer os.Remove(instance)
		}
	}
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
