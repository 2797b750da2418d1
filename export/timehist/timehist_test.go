package timehist_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"schedreplay/cpumask"
	"schedreplay/export/timehist"
	"schedreplay/parser"
	"schedreplay/parser/open"
)

var all = timehist.Options{Wakeups: true, Next: true, Migrations: true, CPUVisual: true, State: true, From: math.MinInt64, To: math.MaxInt64}

func show(t *testing.T, c parser.Capture, o timehist.Options) string {
	t.Helper()
	var b bytes.Buffer
	p := timehist.New(&b, o)
	for ev, err := range c.Events() {
		if err != nil {
			t.Fatal(err)
		}
		p.Survey(&ev)
	}
	p.SetCPUs(len(c.Meta().Host.CPU))
	for ev := range c.Events() {
		if err := p.Print(&ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	stateLetter = regexp.MustCompile(`(?m)(\d\.\d{3} +)[A-Z?]( |$)`)
	threadGroup = regexp.MustCompile(`\[(\d+)/\d+\]`)
	blanks      = regexp.MustCompile(` +`)
)

// comparable takes off what differs on purpose: state letters, blanks at line
// ends, the thread group's id, and with it the width of its column.
func comparable(s string, narrow bool) []string {
	s = stateLetter.ReplaceAllString(s, "$1#$2")
	var out []string
	for l := range strings.Lines(s) {
		l = strings.TrimRight(l, " \n")
		if narrow {
			l = blanks.ReplaceAllString(threadGroup.ReplaceAllString(l, "[$1]"), " ")
		}
		out = append(out, l)
	}
	return out
}

// A recording of one CPU comes out as perf printed it.
func TestPerf(t *testing.T) {
	f, err := os.Open("testdata/cpu43.timehist.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	c, err := open.File("testdata/cpu43.perf.data.zst", open.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if d := cmp.Diff(comparable(string(want), false), comparable(show(t, c, all), false)); d != "" {
		t.Errorf("-perf +ours:\n%.4000s", d)
	}
}

// Every recording that SCHEDREPLAY_TRACES holds comes out as the installed perf
// prints it.
func TestPerfLive(t *testing.T) {
	root := os.Getenv("SCHEDREPLAY_TRACES")
	if root == "" {
		t.Skip("SCHEDREPLAY_TRACES does not name a folder of captures")
	}
	files, _ := filepath.Glob(filepath.Join(root, "*", "perf.data.zst"))
	if len(files) == 0 {
		t.Fatalf("SCHEDREPLAY_TRACES=%s holds no */perf.data.zst", root)
	}
	perf, err := exec.LookPath("perf")
	if err != nil {
		t.Skip("perf is not installed")
	}
	for _, name := range files {
		t.Run(filepath.Base(filepath.Dir(name)), func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "perf.data")
			unpack(t, name, data)
			for _, c := range []struct {
				args []string
				o    timehist.Options
			}{
				{[]string{"-w", "-n", "-M", "-V", "--state"}, all},
				{nil, timehist.Options{From: math.MinInt64, To: math.MaxInt64}},
				{[]string{"-w"}, timehist.Options{Wakeups: true, From: math.MinInt64, To: math.MaxInt64}},
			} {
				want, err := exec.Command(perf, append([]string{"sched", "timehist", "-i", data}, c.args...)...).Output()
				if err != nil {
					t.Fatal(err)
				}
				in, err := open.File(data, open.Options{})
				if err != nil {
					t.Fatal(err)
				}
				w, g := comparable(string(want), true), comparable(show(t, in, c.o), true)
				in.Close()
				// A task that exits loses its name in perf, and its wait with it.
				for i := range w {
					if strings.Contains(w[i], " :-1[-1]") && i < len(g) {
						w[i], g[i] = "", ""
					}
				}
				if d := cmp.Diff(w, g); d != "" {
					t.Errorf("%v: -perf +ours:\n%.4000s", c.args, d)
				}
			}
		})
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	b, err := io.ReadAll(z)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // perf never ends its frame
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// small builds events by hand.
func small() []parser.Event {
	change := func(ns int64, cpu, from, to int32, s parser.State) parser.Event {
		e := parser.NewEvent(parser.KindSwitch, ns, cpu)
		e.Task, e.Next, e.State = task(from), task(to), s
		return e
	}
	wake := func(ns int64, cpu, cur, pid int32) parser.Event {
		e := parser.NewEvent(parser.KindWaking, ns, cpu)
		e.Task, e.Cur = task(pid), task(cur)
		return e
	}
	hole := parser.NewEvent(parser.KindHole, 9_000_000, 1)
	hole.Start, hole.Task, hole.Next = 5_000_000, task(8), task(7)
	lost := parser.NewEvent(parser.KindLost, 11_000_000, 1)
	lost.Count = 2
	return []parser.Event{
		change(1_000_000, 1, 0, 7, parser.StateRunning),
		wake(1_500_000, 0, 0, 8),
		change(2_000_999, 1, 7, 8, parser.StateRunning|parser.StatePreempted),
		change(5_000_000, 1, 8, 7, parser.StateSleeping),
		hole,
		change(9_000_000, 1, 8, 0, parser.StateZombie),
		change(10_000_000, 1, 0, 7, parser.StateRunning),
		lost,
		change(12_000_000, 1, 7, 0, parser.StateBlocked),
		wake(12_000_000, 1, 0, 99),
	}
}

func task(pid int32) parser.Task {
	names := map[int32]string{7: "pmd c", 8: "a\nb\x1b[1m"}
	return parser.Task{PID: pid, Prio: 120, Comm: names[pid]}
}

func printed(o timehist.Options, evs []parser.Event) string {
	var b strings.Builder
	p := timehist.New(&b, o)
	for i := range evs {
		p.Survey(&evs[i])
	}
	for i := range evs {
		_ = p.Print(&evs[i])
	}
	_ = p.Close()
	return b.String()
}

// No slice is printed across a break, names cannot act, times are cut.
func TestBreaks(t *testing.T) {
	o := all
	o.CPUVisual, o.Migrations, o.Next = false, false, false
	const want = `           time    cpu  task name                       wait time  sch delay   run time  state
                        [tid/pid]                          (msec)     (msec)     (msec)
--------------- ------  ------------------------------  ---------  ---------  ---------  -----
       0.001000 [0001]  <idle>                              0.000      0.000      0.000      I
       0.001500 [0000]  swapper                                                          awakened: a\nb\x1b[1m[8]
       0.002000 [0001]  pmd c[7]                            0.000      0.000      1.000      R
       0.005000 [0001]  a\nb\x1b[1m[8]                      0.000      0.500      2.999      S
       0.009000 gap on cpu 1 since 0.005000: pmd c[7] entered, a\nb\x1b[1m[8] left
       0.009000 [0001]  a\nb\x1b[1m[8]                      0.000      0.000      0.000      Z
       0.010000 [0001]  <idle>                              8.000      0.000      1.000      I
       0.011000 lost 2 events on cpu 1
       0.012000 [0001]  pmd c[7]                            0.000      0.000      0.000      D
       0.012000 [0001]  swapper                                                          awakened: :99
`
	got := strings.Join(comparableLines(printed(o, small())), "\n") + "\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func comparableLines(s string) []string {
	var out []string
	for l := range strings.Lines(s) {
		out = append(out, strings.TrimRight(l, " \n"))
	}
	return out
}

// Slices are cut at the edges of the time shown, and only the CPUs and tasks
// asked for are shown.
func TestFilters(t *testing.T) {
	lines := func(o timehist.Options) string {
		return strings.Join(comparableLines(printed(o, small()))[3:], "\n")
	}
	const cut = `       0.002000 [0001]  pmd c[7]                            0.000      0.000      0.500
       0.004000 [0001]  a\nb\x1b[1m[8]                      0.000      0.500      1.999`
	if d := cmp.Diff(cut, lines(timehist.Options{From: 1_500_000, To: 4_000_000})); d != "" {
		t.Error(d)
	}
	if got := lines(timehist.Options{From: math.MinInt64, To: math.MaxInt64, CPUs: cpumask.Of(0)}); got != "" {
		t.Errorf("CPU 0: %s", got)
	}
	for l := range strings.SplitSeq(lines(timehist.Options{From: math.MinInt64, To: math.MaxInt64, Task: func(pid int32, _ string) bool { return pid == 7 }}), "\n") {
		if !strings.Contains(l, "pmd c[7]") && !strings.Contains(l, "lost") {
			t.Errorf("%q", l)
		}
	}
}

// What timehist printed is printed again.
func TestSlices(t *testing.T) {
	e := parser.NewEvent(parser.KindSlice, 2_000_000, 3)
	e.Task, e.Start, e.Wait, e.Delay, e.Runtime = task(7), 1_000_000, 5_000, 3_000, 1_000_000
	const want = `       0.002000 [0003]  pmd c[7]                            0.005      0.003      1.000`
	if got := comparableLines(printed(timehist.Options{From: math.MinInt64, To: math.MaxInt64}, []parser.Event{e}))[3]; got != want {
		t.Errorf("%s", got)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("full") }

func TestWriteFails(t *testing.T) {
	p := timehist.New(full{}, all)
	ev := small()[0]
	if p.Print(&ev) == nil || p.Close() == nil {
		t.Error("no error")
	}
}
