package perfdata

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

var lineRE = regexp.MustCompile(`(?m)^\[(?P<cpu>\d{3,})\] +(?P<sec>\d+)\.(?P<ns>\d{9}): +(?P<event>[^\s:]+(?::[^\s:]+)?): ?`)

// perfScript lets perf print a capture.
func perfScript(t *testing.T, path string) []eventtest.Line {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(eventtest.Tool(t, "perf"), "script", "-i", path, "--ns", "-F", "cpu,time,event,trace")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("perf script: %v\n%s", err, &stderr)
	}
	return eventtest.Lines(out, lineRE)
}

// ours lists the samples that we decode, in perf's words.
func ours(t *testing.T, c parser.Capture) []eventtest.Line {
	t.Helper()
	var lines []eventtest.Line
	for e, err := range c.Events() {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Kind {
		case parser.KindLost, parser.KindOverwritten, parser.KindDamaged:
			continue
		case parser.KindComm, parser.KindFork, parser.KindExit:
			if e.Cur.PID == parser.NoPID {
				continue // from a task record, not from a sample
			}
			if e.Kind == parser.KindComm {
				e.Kind, e.Text = parser.KindOther, "task:task_rename"
			}
		}
		l := eventtest.Line{Time: e.Time, CPU: e.CPU}
		if s, ok := eventtest.Kernel(&e); ok {
			l.Event, l.Payload = "sched:"+e.Kind.String(), s
		} else {
			l.Event = e.Name()
		}
		lines = append(lines, l)
	}
	return lines
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

// TestTraces compares with perf script on the real captures.
func TestTraces(t *testing.T) {
	eventtest.Traces(t, "perf.data.zst", func(t *testing.T, f string, b []byte) {
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
		eventtest.Tool(t, "perf")
		path := filepath.Join(t.TempDir(), "perf.data")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		eventtest.Compare(t, "perf script", perfScript(t, path), ours(t, c))
	})
}

// TestRecordings records with perf in every mode a user may choose and
// compares with perf script.
func TestRecordings(t *testing.T) {
	perf := eventtest.Tool(t, "perf")
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
				c, err := NewDir(m.path, parser.Temp{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				eventtest.Compare(t, "perf script", want, ours(t, c))
				return
			}
			eventtest.Compare(t, "perf script", want, ours(t, openFile(t, m.path)))
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
			eventtest.Compare(t, "perf script", want, ours(t, c))
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
