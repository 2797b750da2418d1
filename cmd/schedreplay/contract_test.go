package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/cmd/schedreplay/internal/page"
	"schedreplay/cmd/schedreplay/internal/wall"
	"schedreplay/cpumask"
	"schedreplay/export/rows"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay"
)

// invoke runs a command line in this process.
func invoke(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, err bytes.Buffer
	status = run(context.Background(), args, strings.NewReader(""), &out, &err)
	return out.String(), err.String(), status
}

func trace(name string) string { return filepath.Join("..", "..", "testdata", "traces", name) }

// fields lists an object's keys in their order, with the values undecoded.
func fields(t *testing.T, object []byte) (keys []string, values map[string]json.RawMessage) {
	t.Helper()
	values = map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(object))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		t.Fatalf("no object: %s", object)
	}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			t.Fatalf("%v: %s", err, object)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v: %s", err, object)
		}
		keys = append(keys, tok.(string))
		values[tok.(string)] = v
	}
	return keys, values
}

var (
	wakeupFields = []string{
		"n", "time_ns", "kind", "pid", "comm", "prio", "waker_context", "waker_pid", "waker_comm", "waker_cpu", "prev_cpu", "recorded_cpu", "selection",
		"original", "patched", "moved", "isolated", "diverged_since", "baseline",
	}
	placedFields = []string{"cpu", "possible", "path", "certain", "prev_cpu"}
)

// Every line of wakeups has the contract's fields in the contract's order,
// whatever is unknown, and keeps the contract's promises.
func TestWakeupsContract(t *testing.T) {
	for _, args := range [][]string{
		{trace("smt44-isolated43-original"), "--original", "6.1.192-smt-span", "--patched", "6.1.192"},
		{filepath.Join(trace("smt8-isolated3-patched"), "ftrace.txt.gz"), "-q"}, // nothing known of the host
	} {
		out, stderr, status := invoke(t, append([]string{"wakeups", "--format", "jsonl"}, args...)...)
		if status != 0 || stderr != "" && !strings.Contains(stderr, "note") {
			t.Fatalf("status %d: %s", status, stderr)
		}
		last, n := int64(-1<<63), int64(0)
		for line := range strings.Lines(out) {
			keys, v := fields(t, []byte(line))
			if len(keys) > 0 && keys[len(keys)-1] == "model_miss" {
				keys = keys[:len(keys)-1]
			}
			if d := cmp.Diff(wakeupFields, keys); d != "" {
				t.Fatalf("%s%s", line, d)
			}
			var w struct {
				N, TimeNS    int64
				Kind, Moved  string
				Comm         *string
				WakerContext string
				RecordedCPU  *int
				Isolated     *bool
			}
			if err := json.Unmarshal([]byte(line), &w); err != nil {
				t.Fatal(err)
			}
			_ = json.Unmarshal(v["time_ns"], &w.TimeNS)
			_ = json.Unmarshal(v["waker_context"], &w.WakerContext)
			if n++; w.N != n {
				t.Fatalf("n %d after %d", w.N, n-1)
			}
			if w.TimeNS < last {
				t.Fatalf("time goes back: %s", line)
			}
			last = w.TimeNS
			if !slices.Contains([]string{"wakeup", "wakeup-new", "exec"}, w.Kind) || !slices.Contains([]string{"no", "possible", "certain"}, w.Moved) ||
				!slices.Contains([]string{"task", "softirq", "hardirq", "idle", "unknown"}, w.WakerContext) {
				t.Fatalf("unknown word: %s", line)
			}
			for _, k := range []string{"original", "patched"} {
				checkPlaced(t, v[k], line)
			}
		}
		if n < 1000 {
			t.Errorf("%d lines", n)
		}
	}
}

func checkPlaced(t *testing.T, object json.RawMessage, line string) {
	t.Helper()
	keys, _ := fields(t, object)
	var p struct {
		CPU      *int
		Possible *[]int
		Path     *string
		Certain  bool
		Reason   string
	}
	if err := json.Unmarshal(object, &p); err != nil {
		t.Fatal(err)
	}
	if p.Reason != "" {
		keys = keys[:len(keys)-1]
	}
	if d := cmp.Diff(placedFields, keys); d != "" {
		t.Fatalf("%s%s", line, d)
	}
	switch {
	case p.Path == nil:
		t.Errorf("no path: %s", line)
	case p.Possible == nil && p.Certain:
		t.Errorf("certain without a bound: %s", line)
	case p.Possible == nil:
	case p.Certain != (len(*p.Possible) == 1):
		t.Errorf("certain and possible disagree: %s", line)
	case p.CPU == nil || !slices.Contains(*p.Possible, *p.CPU):
		t.Errorf("the prediction is not possible: %s", line)
	case !slices.IsSorted(*p.Possible):
		t.Errorf("not in order: %s", line)
	}
}

// One line, byte for byte as the contract shows it.
func TestWakeupLine(t *testing.T) {
	known := replay.Placed{CPU: 43, Bounded: true, Path: place.PathIdleSMT, Prev: 42}
	known.Possible.Set(43)
	patched := replay.Placed{CPU: 42, Bounded: true, Path: place.PathTarget, Prev: 42}
	patched.Possible.Set(42)
	on3 := replay.Placed{CPU: 3, Bounded: true, Path: place.PathIdleCPU, Prev: 2, Possible: cpumask.Of(3)}
	for _, c := range []struct {
		w    replay.Wakeup
		want string
	}{
		{
			replay.Wakeup{
				N: 9, Time: 24569910000, Task: replay.TaskRef{PID: 240, Comm: "ksmd", Prio: 125}, Waker: replay.TaskRef{PID: 707, Comm: "pong1"},
				WakerContext: replay.WakerSoftirq, WakerCPU: 42, PrevCPU: 42, RecordedCPU: 43, Selection: true, SelectionKnown: true,
				Original: known, Patched: patched, Baseline: replay.RoleOriginal, Moved: replay.MovedCertain, Isolated: true, IsolatedKnown: true,
			},
			`{"n":9,"time_ns":24569910000,"kind":"wakeup","pid":240,"comm":"ksmd","prio":125,` +
				`"waker_context":"softirq","waker_pid":707,"waker_comm":"pong1","waker_cpu":42,"prev_cpu":42,"recorded_cpu":43,"selection":true,` +
				`"original":{"cpu":43,"possible":[43],"path":"idle-smt","certain":true,"prev_cpu":42},` +
				`"patched":{"cpu":42,"possible":[42],"path":"target","certain":true,"prev_cpu":42},` +
				`"moved":"certain","isolated":true,"diverged_since":null,"baseline":"original"}`,
		},
		{ // nothing known, a hostile name
			replay.Wakeup{
				N: 1, Time: -5, Kind: place.KindWakeupNew, Task: replay.TaskRef{PID: 7, Comm: "a\xff\"\x1b\u202e\U000e0001é", Prio: parser.NoPrio},
				Waker: replay.TaskRef{PID: parser.NoPID}, WakerContext: replay.WakerUnknown, WakerCPU: -1, PrevCPU: -1, RecordedCPU: -1,
				Original: replay.Placed{CPU: -1, Prev: -1, Path: place.PathUnknown},
				Patched:  replay.Placed{CPU: 3, Prev: 2, Path: place.PathNoSelection, Reason: place.ReasonOneCPU},
				Moved:    replay.MovedPossible, ModelMiss: true, DivergedSince: 1, Baseline: replay.RolePatched,
				More: []replay.Alternative{{Kernel: "6.12", Placed: on3, Moved: replay.MovedCertain}},
			},
			`{"n":1,"time_ns":-5,"kind":"wakeup-new","pid":7,"comm":"a` + "\ufffd" + `\"\u001b\u202e\udb40\udc01é","comm_hex":"61ff221be280aef3a08081c3a9","prio":null,` +
				`"waker_context":"unknown","waker_pid":null,"waker_comm":null,"waker_cpu":null,"prev_cpu":null,"recorded_cpu":null,"selection":null,` +
				`"original":{"cpu":null,"possible":null,"path":"unknown","certain":false,"prev_cpu":null},` +
				`"patched":{"cpu":3,"possible":null,"path":"no-selection","certain":false,"prev_cpu":2,"reason":"one-cpu"},` +
				`"moved":"possible","isolated":null,"diverged_since":1,"baseline":"patched","model_miss":true,` +
				`"alternatives":[{"kernel":"6.12","cpu":3,"possible":[3],"path":"idle-cpu","certain":true,"prev_cpu":2,"moved":"certain","diverged_since":null}]}`,
		},
	} {
		b := rows.WakeupObjects.AppendJSON(nil, &c.w)
		if d := cmp.Diff(c.want, string(b)); d != "" {
			t.Error(d)
		}
		if !json.Valid(b) || !utf8.Valid(b) {
			t.Errorf("not JSON in UTF-8: %q", b)
		}
	}
}

// The story of the incident, in figures.
func TestIncident(t *testing.T) {
	type entry struct {
		TimeNS       int64  `json:"time_ns"`
		PrevCPU      int    `json:"prev_cpu"`
		WakerCPU     int    `json:"waker_cpu"`
		WakerPID     int    `json:"waker_pid"`
		WakerContext string `json:"waker_context"`
		Original     struct{ Path string }
	}
	type stay struct {
		PID                 int
		How                 string
		FromCPU             *int `json:"from_cpu"`
		Wakings, Selections int64
		PatchedCertain      int64 `json:"patched_certain"`
		PatchedPossible     int64 `json:"patched_possible"`
		Entry               *entry
	}
	type document struct {
		Original, Patched string
		CPUs              []struct {
			CPU   int
			Stays []stay
		}
	}
	read := func(args ...string) document {
		t.Helper()
		out, stderr, status := invoke(t, append([]string{"intrusions", "--format", "json"}, args...)...)
		if status != 0 {
			t.Fatalf("status %d: %s", status, stderr)
		}
		var d document
		if err := json.Unmarshal([]byte(out), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	named := []string{"--original", "6.1.192-smt-span", "--patched", "6.1.192"}

	d := read(append(named, trace("smt44-isolated43-original"))...)
	if len(d.CPUs) != 1 || d.CPUs[0].CPU != 43 || len(d.CPUs[0].Stays) != 1 {
		t.Fatalf("%+v", d)
	}
	s := d.CPUs[0].Stays[0]
	if e := s.Entry; s.PID != 240 || s.How != "wakeup" || e == nil || e.TimeNS/1e5 != 245699 || e.PrevCPU != 42 || e.Original.Path != "idle-smt" ||
		e.WakerCPU != 42 || e.WakerPID != 707 || e.WakerContext != "softirq" {
		t.Errorf("%+v %+v", s, s.Entry)
	}
	if s.Wakings != 215 || s.Selections != 214 || s.PatchedCertain != 0 || s.PatchedPossible != 0 {
		t.Errorf("%+v", s)
	}

	d = read(append(named, trace("smt8-isolated3-original"))...)
	came := 0
	var residents []int
	for _, s := range d.CPUs[0].Stays {
		if s.How == "resident-at-start" {
			residents = append(residents, s.PID)
			continue
		}
		came++
		if s.PID != 58 || s.Entry == nil || s.Entry.PrevCPU != 2 || s.Entry.Original.Path != "idle-smt" {
			t.Errorf("%+v", s)
		}
	}
	slices.Sort(residents)
	if came != 1 || !slices.Equal(residents, []int{12, 57}) {
		t.Errorf("%d entries, residents %v", came, residents)
	}

	d = read(append(named, trace("smt8-isolated3-patched"))...)
	for _, s := range d.CPUs[0].Stays {
		if s.How != "resident-at-start" {
			t.Errorf("on the patched kernel: %+v", s)
		}
	}
}

// fidelity counted from the lines of wakeups is the replay's own.
func TestFidelityOfLines(t *testing.T) {
	args := []string{"fidelity", "--format", "json", "--original", "6.1.192-smt-span", trace("smt44-isolated43-original"), "-q"}
	whole, _, _ := invoke(t, args...)
	lines, _, _ := invoke(t, append(args, "--from", "0")...) // a filter that hides nothing
	var a, b map[string]any
	if json.Unmarshal([]byte(whole), &a) != nil || json.Unmarshal([]byte(lines), &b) != nil {
		t.Fatalf("%s%s", whole, lines)
	}
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
}

// endless is an input whose end never comes; reading past what it holds
// interrupts the run.
type endless struct {
	data      io.Reader
	interrupt func()
	wait      <-chan struct{}
}

func (e *endless) Read(b []byte) (int, error) {
	if n, err := e.data.Read(b); err == nil {
		return n, nil
	}
	e.interrupt()
	<-e.wait
	return 0, io.EOF
}

// An interrupted run leaves nothing behind, even while it waits for input.
func TestInterrupted(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	data, err := os.ReadFile(filepath.Join(trace("smt8-isolated3-original"), "ftrace.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	wait := make(chan struct{})
	defer close(wait)
	var out, stderr bytes.Buffer
	dir := filepath.Join(tmp, "report")
	status := run(ctx, []string{"report", "-", "-o", dir}, &endless{bytes.NewReader(data), cancel, wait}, &out, &stderr)
	if status != 130 || stderr.String() != "schedreplay: interrupted\n" || out.Len() > 0 {
		t.Errorf("status %d, %q %q", status, out.String(), stderr.String())
	}
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// cancelling is a stream that interrupts the run at the first write.
type cancelling struct{ interrupt func() }

func (c cancelling) Write(b []byte) (int, error) {
	c.interrupt()
	return len(b), nil
}

func TestInterruptedWhileWriting(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var stderr bytes.Buffer
	args := []string{"events", trace("smt8-isolated3-original")}
	if status := run(ctx, args, nil, cancelling{cancel}, &stderr); status != 130 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("status %d, %q", status, stderr.String())
	}
}

func TestParseTime(t *testing.T) {
	for s, want := range map[string]int64{
		"24.56991": 24569910000, "0": 0, "5": 5e9, ".5": 5e8, "1.000000001": 1000000001, "1.0000000010": 1000000001, "-2.5": -25e8, "1700000000": 17e17,
	} {
		if got, err := wall.ParseTime("--at", s); err != nil || got != want {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", ".", "1.", "-", "+1", "1e3", "1.0000000001", "99999999999999999999", "0x1", " 1", "1:2"} {
		if got, err := wall.ParseTime("--at", s); err == nil {
			t.Errorf("%q: %d", s, got)
		}
	}
}

func TestFitTask(t *testing.T) {
	for _, c := range []struct {
		comm  string
		pid   int32
		width int
		want  string
	}{
		{"ksmd", 240, 12, "ksmd[240]   "},
		{"kworker/u8:3-wr", 29, 14, "kworker/u…[29]"},
		{"", 0, 8, "<idle>  "},
		{"", parser.NoPID, 3, "?  "},
		{"ab", 1234567, 6, "…[1234567]"},
		{"é\x1b", 1, 0, `é\x1b[1]`},
	} {
		if got := page.Task(c.comm, c.pid, c.width); got != c.want {
			t.Errorf("%q %d in %d: %q, want %q", c.comm, c.pid, c.width, got, c.want)
		}
	}
}

func TestSectionName(t *testing.T) {
	for path, want := range map[string]string{
		"/a/node7/perf.data": "node7", "/a/node7/ftrace.txt.gz": "node7", "/a/box.data": "box.data", "-": "stdin", "/a/b c/trace.dat": "b_c", "perf.data": "perf.data",
	} {
		if got := cmdline.SectionName(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
