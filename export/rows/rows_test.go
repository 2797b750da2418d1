package rows_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"schedreplay/export/outdir"
	"schedreplay/export/rows"
	"schedreplay/internal/capturetest"
	"schedreplay/parser"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

const traces = "../../testdata/traces/"

// written writes hostile names in a format.
func written(t *testing.T, f rows.Format) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := rows.NewWriter(f, &b, rows.Slices, []rows.Meta{{Key: "k", Value: "v"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range capturetest.Hostile {
		s := rows.Slice{
			CPU: int32(i), Task: parser.Task{PID: int32(100 + i), Prio: parser.NoPrio, Comm: name},
			Start: parser.NoTime, End: 1<<62 + int64(i), Wait: -5, Delay: parser.NoTime, State: parser.StateRunning | parser.StatePreempted, CutStart: true,
		}
		if err := w.Write(&s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCSVIsHarmless(t *testing.T) {
	b := written(t, rows.CSV)
	for _, bad := range []string{"\x1b", "\u202e", "\a", "\t"} {
		if bytes.Contains(b, []byte(bad)) {
			t.Errorf("the file holds %q", bad)
		}
	}
	if !utf8.Valid(b) {
		t.Error("the file is not UTF-8")
	}
	list, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(capturetest.Hostile)+1 || bytes.Count(b, []byte("\n")) != len(list) {
		t.Fatalf("%d records on %d lines", len(list), bytes.Count(b, []byte("\n")))
	}
	for i, r := range list[1:] {
		name := r[2]
		if t2 := strings.TrimLeft(name, " "); t2 != "" && strings.ContainsRune("=+-@|%＝", rune(t2[0])) {
			t.Errorf("%q is a formula: %q", capturetest.Hostile[i], name)
		}
		if (r[3] != "") == utf8.ValidString(capturetest.Hostile[i]) {
			t.Errorf("%q has the bytes %q", capturetest.Hostile[i], r[3])
		}
	}
	if got := list[2][2]; got != `'=cmd|' /C calc'!A0` {
		t.Errorf("a formula became %q", got)
	}
	if list[1][5] != "" || list[1][6] == "" || list[1][9] != "" || list[1][8] != "-5" || list[1][10] != "R+" || list[1][11] != "true" {
		t.Errorf("first record: %q", list[1])
	}
}

func TestJSONIsHarmless(t *testing.T) {
	b := written(t, rows.JSONL)
	for _, bad := range []string{"\x1b", "\u202e", "\a", "\t", "<script"} {
		if bytes.Contains(b, []byte(bad)) {
			t.Errorf("the file holds %q", bad)
		}
	}
	lines := bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	if len(lines) != len(capturetest.Hostile) {
		t.Fatalf("%d lines", len(lines))
	}
	for i, l := range lines {
		var o struct {
			Comm *string `json:"comm"`
			Hex  *string `json:"comm_hex"`
			End  int64   `json:"end_ns"`
		}
		if err := json.Unmarshal(l, &o); err != nil {
			t.Fatal(err)
		}
		switch {
		case capturetest.Hostile[i] == "":
			if o.Comm != nil {
				t.Errorf("no name is %q", *o.Comm)
			}
		case *o.Comm != strings.ToValidUTF8(capturetest.Hostile[i], "\ufffd") && utf8.ValidString(capturetest.Hostile[i]):
			t.Errorf("%q became %q", capturetest.Hostile[i], *o.Comm)
		case (o.Hex != nil) == utf8.ValidString(capturetest.Hostile[i]):
			t.Errorf("%q: hex %v", capturetest.Hostile[i], o.Hex)
		}
		if o.End != 1<<62+int64(i) {
			t.Errorf("end %d", o.End)
		}
	}
}

// Every column is described, and none that there is not.
func TestColumnsAreDocumented(t *testing.T) {
	doc := ""
	for _, page := range []string{"formats-out.md", "fleet.md"} {
		b, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		doc += string(b)
	}
	for name, columns := range map[string][]rows.Column{
		"slices": rows.Slices.Columns(), "wakeups": rows.Wakeups.Columns(), "intrusions": rows.Intrusions.Columns(), "stays": rows.Stays.Columns(), "noise": rows.Noise.Columns(),
		"captures": rows.Captures.Columns(), "causes": rows.Causes.Columns(), "delays": rows.Delays.Columns(),
	} {
		_, section, ok := strings.Cut(doc, "### "+name+":")
		if !ok {
			t.Fatalf("no section on %s", name)
		}
		section, _, _ = strings.Cut(section, "\n##")
		known := map[string]bool{}
		for _, c := range columns {
			known[c.Name] = true
			if !strings.Contains(section, "`"+c.Name+"`") {
				t.Errorf("%s.%s is not described", name, c.Name)
			}
		}
		for l := range strings.Lines(section) {
			cells := strings.Split(l, "|")
			if len(cells) < 3 {
				continue
			}
			for i, column := range strings.Split(cells[1], "`") {
				if i%2 == 1 && !known[column] {
					t.Errorf("%s has no column %s", name, column)
				}
			}
		}
	}
}

// tables writes the tables of a capture.
func tables(t *testing.T, f rows.Format, dir string) map[string]string {
	t.Helper()
	in, h := capturetest.Open(t, traces+dir, "")
	tmp := t.TempDir()
	d, err := outdir.New(tmp, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rows.NewSet(d, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	for ev, err := range in.Events() {
		if err != nil {
			t.Fatal(err)
		}
		set.Event(&ev)
	}
	res, err := replay.Run(context.Background(), in, h, replay.Plan{Observer: set.Observer()})
	if err != nil {
		t.Fatal(err)
	}
	set.Finish(res)
	if err := errors.Join(set.Close(), d.Keep()); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{}
	for _, name := range rows.SetFiles(f) {
		paths[strings.TrimSuffix(name, "."+string(f))] = filepath.Join(tmp, name)
	}
	return paths
}

// A Parquet reader other than the writer, hyparquet on Node, reads what the
// JSON lines say: hostile names and every table of a real capture. The test is
// skipped where Node or the reader is missing; .ci/run installs them and sets
// SCHEDREPLAY_HYPARQUET to the folder of node_modules.
func TestParquetIsReadByAnother(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node")
	}
	modules := os.Getenv("SCHEDREPLAY_HYPARQUET")
	if modules == "" {
		t.Skip("SCHEDREPLAY_HYPARQUET does not say where hyparquet is")
	}
	script := filepath.Join(modules, "schedreplay-read-parquet.mjs")
	src, err := os.ReadFile("testdata/read.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, src, 0o666); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(script)
	read := func(path string) []string {
		out, err := exec.Command(node, script, path).Output()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	}
	same := func(name string, parquet, jsonl []string) {
		if len(parquet) != len(jsonl) {
			t.Fatalf("%s: %d rows of Parquet, %d of JSON", name, len(parquet), len(jsonl))
		}
		for i := range jsonl {
			if d := cmp.Diff(object(t, jsonl[i]), object(t, parquet[i])); d != "" {
				t.Fatalf("%s, row %d (-json +parquet):\n%s", name, i, d)
			}
		}
	}
	p := filepath.Join(t.TempDir(), "hostile.parquet")
	if err := os.WriteFile(p, written(t, rows.Parquet), 0o666); err != nil {
		t.Fatal(err)
	}
	same("hostile names", read(p), lines(written(t, rows.JSONL)))
	parquet, jsonl := tables(t, rows.Parquet, "smt8-isolated3-original"), tables(t, rows.JSONL, "smt8-isolated3-original")
	for name, path := range jsonl {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if l := lines(b); len(l) < 3 {
			t.Errorf("%s has %d rows", name, len(l))
		} else {
			same(name, read(parquet[name]), l)
		}
	}
}

func lines(b []byte) []string { return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") }

// object reads one line with its numbers as written and broken bytes alike.
func object(t *testing.T, line string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var o map[string]any
	if err := d.Decode(&o); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for k, v := range o {
		if s, ok := v.(string); ok {
			for strings.Contains(s, "\ufffd\ufffd") { // one for each byte, or one for all
				s = strings.ReplaceAll(s, "\ufffd\ufffd", "\ufffd")
			}
			o[k] = s
		}
	}
	return o
}

// The same capture gives the same bytes.
func TestDeterministic(t *testing.T) {
	for _, f := range []rows.Format{rows.CSV, rows.Parquet} {
		a, b := tables(t, f, "smt8-isolated3-original"), tables(t, f, "smt8-isolated3-original")
		for name := range a {
			x, _ := os.ReadFile(a[name])
			y, _ := os.ReadFile(b[name])
			if len(x) == 0 || !bytes.Equal(x, y) {
				t.Errorf("%s.%s differs", name, f)
			}
		}
	}
}

// Idle and busy slices of a CPU with unbroken history add up to the window; the
// owner's time is what replay finds.
func TestSlicesCoverTheWindow(t *testing.T) {
	in, err := open.File(t.Context(), traces+"smt44-isolated43-original", open.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	last, sum := map[int32]int64{}, map[string]int64{}
	cuts := 0
	s := rows.NewSlicer(func(x *rows.Slice) {
		if prev, ok := last[x.CPU]; ok && x.Start != prev {
			t.Fatalf("CPU %d: a slice from %d follows one to %d", x.CPU, x.Start, prev)
		}
		last[x.CPU] = x.End
		if x.CutStart || x.CutEnd {
			cuts++
			return
		}
		if x.CPU == 43 {
			sum[x.Task.Comm] += x.End - x.Start
		}
	})
	for ev, err := range in.Events() {
		if err != nil {
			t.Fatal(err)
		}
		s.Event(&ev)
	}
	s.Close()
	if sum["ksmd"] != 898_400_000 {
		t.Errorf("ksmd ran %d ns on CPU 43", sum["ksmd"])
	}
	if cuts != 2*len(last) {
		t.Errorf("%d slices are cut, on %d CPUs", cuts, len(last))
	}
}

// Losses and holes end what is known; nothing is invented across them.
func TestSlicerGaps(t *testing.T) {
	var got []rows.Slice
	s := rows.NewSlicer(func(x *rows.Slice) { got = append(got, *x) })
	sw := func(time int64, prev, next int32) {
		ev := parser.NewEvent(parser.KindSwitch, time, 0)
		ev.Task.PID, ev.Next.PID, ev.State = prev, next, parser.StateSleeping
		s.Event(&ev)
	}
	wake := parser.NewEvent(parser.KindWaking, 7, 0)
	wake.Task.PID = 2
	sw(5, 1, 0)
	s.Event(&wake)
	sw(10, 0, 2)
	lost := parser.NewEvent(parser.KindLost, 20, 0)
	s.Event(&lost)
	sw(30, 3, 1)
	hole := parser.NewEvent(parser.KindHole, 40, 0)
	hole.Start, hole.Task.PID, hole.Next.PID, hole.Runtime = 30, 2, 1, 4
	s.Event(&hole)
	sw(44, 2, 1)
	hole.Time, hole.Start, hole.Task.PID, hole.Runtime = 50, 44, 3, parser.NoTime
	s.Event(&hole)
	sw(50, 3, 1)
	s.Close()
	type brief struct {
		pid, start, end, delay, wait int64
		cutStart, cutEnd             bool
	}
	var have []brief
	for _, x := range got {
		have = append(have, brief{int64(x.Task.PID), x.Start, x.End, x.Delay, x.Wait, x.CutStart, x.CutEnd})
	}
	none := int64(parser.NoTime)
	want := []brief{
		{1, none, 5, none, none, true, false},
		{0, 5, 10, none, none, false, false},
		{2, 10, 10, 3, none, false, true},
		{3, none, 30, none, none, true, false},
		{1, 30, 30, none, 25, false, true},
		{2, 36, 44, none, none, true, false},
		{1, 44, 44, none, none, false, true},
		{3, none, 50, none, none, true, false},
		{1, 50, 50, none, none, false, true},
	}
	if d := cmp.Diff(want, have, cmp.AllowUnexported(brief{})); d != "" {
		t.Error(d)
	}
}
