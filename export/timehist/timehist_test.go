package timehist_test

import (
	"bytes"
	gocmp "cmp"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/tools/txtar"

	"schedreplay/cpumask"
	"schedreplay/export/timehist"
	"schedreplay/internal/traces"
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

var stateLetter = regexp.MustCompile(`(?m)^( *\d+\.\d{6} \[\d{4}\] .*\d\.\d{3} +\d+\.\d{3} +\d+\.\d{3} +)[A-Za-z?]( |$)`)

// torn is a newline in the name of the next task, which perf prints as it is.
var torn = regexp.MustCompile(`(?m)\n(\[\d+\] *)$`)

// escaped is a line with a backslash in a name: we print two of them, and the
// columns differ by one.
var escaped = regexp.MustCompile(`(?m)^.*\\.*$`)

// comparable takes off what differs on purpose: the state letters, and
// backslashes, which perf prints as they are.
func comparable(s string) string {
	s = stateLetter.ReplaceAllString(torn.ReplaceAllString(s, `\n$1`), "$1#$2")
	return escaped.ReplaceAllStringFunc(s, func(l string) string {
		return strings.Join(strings.Fields(strings.ReplaceAll(l, `\\`, `\`)), " ")
	})
}

// byTime orders the lines that have a time, among themselves: perf prints an
// event late when it read the buffer of its CPU late.
func byTime(lines []string) {
	var at []int
	var timed []string
	for i, l := range lines {
		if f := strings.Fields(l); len(f) > 1 && strings.HasPrefix(f[1], "[0") {
			at, timed = append(at, i), append(timed, l)
		}
	}
	slices.SortStableFunc(timed, func(a, b string) int {
		a, b = strings.Fields(a)[0], strings.Fields(b)[0]
		return gocmp.Or(len(a)-len(b), strings.Compare(a, b))
	})
	for k, i := range at {
		lines[i] = timed[k]
	}
}

// optionsOf are the options that perf's flags stand for.
func optionsOf(args string) timehist.Options {
	has := func(flag string) bool { return slices.Contains(strings.Fields(args), flag) }
	return timehist.Options{
		Wakeups: has("-w"), Next: has("-n"), Migrations: has("-M"), CPUVisual: has("-V"), State: has("--state"),
		Summary: has("-S"), SummaryOnly: has("-s"), PerfData: true, From: math.MinInt64, To: math.MaxInt64,
	}
}

// perf prints a perf.data file.
func perf(t *testing.T, file, args string) string {
	t.Helper()
	tool, err := exec.LookPath("perf")
	if err != nil {
		t.Skip("perf is not installed")
	}
	out, err := exec.Command(tool, append([]string{"sched", "timehist", "--no-call-graph", "-i", file}, strings.Fields(args)...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// ours prints it here.
func ours(t *testing.T, file, args string) string {
	t.Helper()
	c, err := open.File(t.Context(), file, open.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return show(t, c, optionsOf(args))
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
	got := ours(t, "testdata/cpu43.perf.data.zst", "-w -n -M -V --state")
	if d := cmp.Diff(comparable(string(want)), comparable(got)); d != "" {
		t.Errorf("-perf +ours:\n%.4000s", d)
	}
}

var update = flag.Bool("update", false, "let the installed perf write testdata/perf.txtar again")

// Each section of testdata/perf.txtar is what perf printed of a recording, named
// by the recording and the flags: byte for byte but the state letters.
func TestPerfGolden(t *testing.T) {
	const name = "testdata/perf.txtar"
	golden, err := txtar.ParseFile(name)
	if err != nil || len(golden.Files) == 0 {
		t.Fatalf("%s has no sections: %v", name, err)
	}
	for i := range golden.Files {
		f := &golden.Files[i]
		capture, args, _ := strings.Cut(f.Name, " ")
		packed := "testdata/" + capture + ".perf.data.zst"
		t.Run(f.Name, func(t *testing.T) {
			if *update {
				data := filepath.Join(t.TempDir(), "perf.data")
				unpack(t, packed, data)
				f.Data = []byte(perf(t, data, args))
			}
			if d := cmp.Diff(comparable(string(f.Data)), comparable(ours(t, packed, args))); d != "" {
				t.Errorf("-perf +ours:\n%.4000s", d)
			}
		})
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(name, txtar.Format(golden), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// flags are what a recording is compared with.
var flags = []string{"", "-w", "-w -n -M -V --state", "-s", "-s -M", "-s --state", "-S -M -V --state"}

// compare holds a recording against the installed perf. perf from 6.9 on prints
// the rows of the summary in another order, and from 6.8 on takes a task
// preempted inside the kernel for preempted where perf before thought it asleep:
// so rows are compared as a set, and waits by their sum.
//
// Where a switch is missing each gap explains one line: the slice that perf has
// across it. The summaries then differ.
func compare(t *testing.T, file string) {
	t.Helper()
	for _, args := range flags {
		w, g := comparable(perf(t, file, args)), comparable(ours(t, file, args))
		wl, gl := summaryRows(w), summaryRows(g)
		if strings.Contains(g, " gap on cpu ") {
			if strings.Contains(args, "-s") || strings.Contains(args, "-S") {
				continue
			}
			wl, gl = besideGaps(wl, gl)
		}
		byTime(wl)
		byTime(gl)
		if d := cmp.Diff(wl, gl); d != "" {
			t.Errorf("%q: -perf +ours:\n%.4000s", args, d)
		}
	}
}

var (
	gapRE   = regexp.MustCompile(`^ *\d+\.\d{6} gap on cpu (\d+) `)
	sliceRE = regexp.MustCompile(`^ *\d+\.\d{6} \[0*(\d+)\] .*\d\.\d{3} +\d+\.\d{3} +\d+\.\d{3} `)
)

// besideGaps leaves out the gaps of got, and of either the slice behind each.
func besideGaps(want, got []string) (w, g []string) {
	open := map[string]bool{}
	for _, l := range got {
		if m := gapRE.FindStringSubmatch(l); m != nil {
			open[m[1]] = true
			continue
		}
		if len(want) == 0 {
			return w, append(g, l)
		}
		if m := sliceRE.FindStringSubmatch(l); m != nil && open[m[1]] {
			open[m[1]] = false
		} else {
			w, g = append(w, want[0]), append(g, l)
		}
		want = want[1:]
	}
	return append(w, want...), g
}

// waitRow is a row of the wait-time summary: what comes before the sleep, then
// sleep, iowait and preempt.
var waitRow = regexp.MustCompile(`^( *\S.* +-?\d+ +\d+ +\d+\.\d{3}) +(\d+)\.(\d{3}) +(\d+)\.(\d{3}) +(\d+)\.(\d{3}) +(\d+\.\d{3}) $`)

func summaryRows(s string) []string {
	lines := strings.Split(s, "\n")
	begin := slices.IndexFunc(lines, func(l string) bool { return strings.HasSuffix(l, " summary") })
	if begin < 0 {
		return lines
	}
	for i := begin; i < len(lines); i++ {
		if m := waitRow.FindStringSubmatch(lines[i]); m != nil {
			sum := 0
			for k := 2; k < 8; k++ {
				n, _ := strconv.Atoi(m[k])
				if k%2 == 0 {
					n *= 1000
				}
				sum += n
			}
			lines[i] = fmt.Sprintf("%s waited %d us, delay %s", m[1], sum, m[8])
		}
	}
	slices.Sort(lines[begin+1:])
	return lines
}

// Every real recording comes out as the installed perf prints it.
func TestPerfLive(t *testing.T) {
	if testing.Short() {
		t.Skip("compares all recordings, each with seven sets of flags")
	}
	for _, r := range traces.Named(t, "perf.data.zst") {
		t.Run(r.Folder, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "perf.data")
			unpack(t, r.Path, data)
			compare(t, data)
		})
	}
}

// A recording made here, of processes and threads that come and go, comes out as
// the installed perf prints it.
func TestPerfRecords(t *testing.T) {
	tool, err := exec.LookPath("perf")
	if err != nil {
		t.Skip("perf is not installed")
	}
	data := filepath.Join(t.TempDir(), "perf.data")
	cmd := exec.Command(tool, "sched", "record", "-g", "-m", "2M", "-o", data, "--", "sh", "-c", "ls; "+tool+" bench sched messaging -t -g 1 -l 1; ls")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("perf cannot record here: %v\n%.500s", err, out)
	}
	if s := ours(t, data, ""); strings.Contains(s, " lost ") {
		t.Skip("events were lost")
	}
	compare(t, data)
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
       0.009000 gap on cpu 1 since 0.005000: pmd c[7] was current, then a\nb\x1b[1m[8]
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

// The thread group that ftrace prints with record-tgid stands behind the id, from
// the first line on.
func TestThreadGroup(t *testing.T) {
	evs := small()
	for i := range evs {
		if evs[i].Kind == parser.KindSwitch && evs[i].Task.PID == 7 {
			evs[i].Thread = parser.Thread{TID: 7, TGID: 5, PPID: parser.NoPID}
		}
	}
	got := printed(timehist.Options{From: math.MinInt64, To: math.MaxInt64}, evs)
	if !strings.Contains(got, " pmd c[7/5] ") || strings.Contains(got, "]  pmd c[7] ") || !strings.Contains(got, ` a\nb\x1b[1m[8] `) {
		t.Error(got)
	}
}

// The summary counts no slice that began in a gap, and says how many it left out.
func TestSummaryOfGaps(t *testing.T) {
	const want = `       0.009000 gap on cpu 1 since 0.005000: pmd c[7] was current, then a\nb\x1b[1m[8]
       0.011000 lost 2 events on cpu 1

Runtime summary
                          comm  parent   sched-in     run-time    min-run     avg-run     max-run  stddev  migrations
                                          (count)       (msec)     (msec)      (msec)      (msec)       %
---------------------------------------------------------------------------------------------------------------------
                      pmd c[7]      -1          1        1.000      1.000       1.000       1.000    0.00       0
                a\nb\x1b[1m[8]      -1          1        2.999      2.999       2.999       2.999    0.00       0

Terminated tasks:
<no terminated tasks>

Idle stats:
    CPU  0 not seen idle
    CPU  1 idle for      1.000  msec  (  9.09%)

    Total number of unique tasks: 2
Total number of context switches: 4
           Total run time (msec):  4.000
    Total scheduling time (msec): 11.000  (x 2)

Gaps: 2. Slices that began in one, and are not counted: 2.
`
	got := strings.Join(comparableLines(printed(timehist.Options{SummaryOnly: true, From: math.MinInt64, To: math.MaxInt64}, small())), "\n") + "\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Waits are told apart by the state before them; a task that ended is among the
// terminated ones; a new task of the same pid is another one, with a parent.
func TestWaits(t *testing.T) {
	at := func(ns int64, from, to int32, s parser.State) parser.Event {
		e := parser.NewEvent(parser.KindSwitch, ns, 0)
		e.Task, e.Next, e.State = task(from), task(to), s
		return e
	}
	exit := parser.NewEvent(parser.KindExit, 9_500_000, 0)
	exit.Task = task(8)
	fork := parser.NewEvent(parser.KindFork, 11_000_000, 0)
	fork.Task, fork.Next = task(7), task(9)
	evs := []parser.Event{
		at(1_000_000, 0, 7, parser.StateRunning),
		at(2_000_000, 7, 8, parser.StateRunning|parser.StatePreempted), // 1 ms
		at(3_000_000, 8, 7, parser.StateBlocked),                       // 1 ms
		at(5_000_000, 7, 8, parser.StateSleeping),                      // 2 ms after 1 ms preempted
		at(9_000_000, 8, 7, parser.StateZombie),                        // 4 ms after 2 ms blocked
		exit,
		at(10_000_000, 7, 9, parser.StateBlocked), // 1 ms after 4 ms asleep
		fork,
		at(12_000_000, 9, 0, parser.StateSleeping), // 2 ms
	}
	const want = `
Wait-time summary
                          comm  parent   sched-in     run-time      sleep      iowait     preempt       delay
                                          (count)       (msec)     (msec)      (msec)      (msec)       (msec)
---------------------------------------------------------------------------------------------------------------------
                      pmd c[7]      -1          3        4.000      4.000       0.000       1.000       0.000
                            :9       7          1        2.000      0.000       0.000       0.000       0.000

Terminated tasks:
                a\nb\x1b[1m[8]      -1          2        5.000      0.000       2.000       0.000       0.000
`
	o := timehist.Options{SummaryOnly: true, State: true, From: math.MinInt64, To: math.MaxInt64}
	o.Task = func(pid int32, _ string) bool { return pid != 0 }
	got := strings.Join(comparableLines(printed(o, evs)), "\n") + "\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
