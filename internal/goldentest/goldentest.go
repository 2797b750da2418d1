// Package goldentest holds the readers of printed captures against files of
// real lines and the events they mean. It is for tests only.
package goldentest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"schedreplay/parser"
)

var update = flag.Bool("update", false, "write what the readers say into the golden files")

// Source makes a source of bytes.
func Source(name string, b []byte) parser.Source {
	return parser.Source{
		Name: name, At: bytes.NewReader(b), Size: int64(len(b)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
	}
}

// Run reads the file "capture" in each txtar archive of dir and compares what
// comes out with its file "events".
func Run(t *testing.T, dir string, open func(parser.Source) (parser.Capture, error)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Files) == 0 || a.Files[0].Name != "capture" {
				t.Fatal("the first file is not \"capture\"")
			}
			got := Print(open, Source("capture", Unescape(a.Files[0].Data)))
			if *update {
				a.Files = append(a.Files[:1], txtar.File{Name: "events", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(a.Files) < 2 {
				t.Fatal("no events; run with -update")
			}
			if d := cmp.Diff(string(a.Files[1].Data), got); d != "" {
				t.Errorf("events differ (-want +got):\n%s", d)
			}
		})
	}
}

// Unescape turns "\xHH" at any place, and "\r" at the end of a line, into the
// bytes: archives are text. A last line "\" takes the newline before it away.
func Unescape(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte("\n\\\n"))
	var out []byte
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) && b[i+1] == 'x' {
			var v byte
			if _, err := fmt.Sscanf(string(b[i+2:i+4]), "%02x", &v); err == nil {
				out = append(out, v)
				i += 3
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// Print returns what a capture says, one line an event.
func Print(open func(parser.Source) (parser.Capture, error), src parser.Source) string {
	var b strings.Builder
	c, err := open(src)
	if err != nil {
		return "refused: " + err.Error() + "\n"
	}
	defer c.Close()
	printMeta(&b, c.Meta())
	for ev, err := range c.Events() {
		if err != nil {
			fmt.Fprintf(&b, "error: %v\n", err)
			break
		}
		b.WriteString(Line(&ev))
		b.WriteByte('\n')
	}
	return b.String()
}

func printMeta(b *strings.Builder, m *parser.Meta) {
	fmt.Fprintf(b, "%s, resolution %d ns", m.Dialect, m.Resolution)
	if m.Clock.Name != "" {
		fmt.Fprintf(b, ", clock %s", m.Clock.Name)
	}
	if m.Clock.Relative {
		b.WriteString(", relative")
	}
	if m.Clock.HasWall {
		fmt.Fprintf(b, ", wall offset %d", m.Clock.WallOffset)
	}
	if m.MayReorder {
		b.WriteString(", may reorder")
	}
	if !m.HasWakings {
		b.WriteString(", no wakings")
	}
	if !m.RecordedCPUs.Empty() {
		fmt.Fprintf(b, ", CPUs %s", m.RecordedCPUs)
	}
	b.WriteByte('\n')
	if r, ok := m.Host.Release.Get(); ok {
		fmt.Fprintf(b, "release: %s\n", r)
	}
	if r, ok := m.Host.Hostname.Get(); ok {
		fmt.Fprintf(b, "host: %s\n", r)
	}
	for i, c := range m.Host.CPU {
		fmt.Fprintf(b, "cpu %d: siblings %s, die %s, package %s, LLC %s (level %d), ids %d %d %d\n",
			i, c.Siblings, c.Die, c.Package, c.LLC, c.LLCLevel, c.CoreID, c.DieID, c.PackageID)
	}
	for _, n := range m.Notes {
		fmt.Fprintf(b, "note: %s\n", n)
	}
}

// Line prints the fields of an event that are known.
func Line(ev *parser.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d: %s", ev.Pos, ev.Kind)
	number := func(name string, v, unknown int64) {
		if v != unknown {
			fmt.Fprintf(&b, " %s=%d", name, v)
		}
	}
	task := func(name string, t parser.Task) {
		if t != (parser.Task{PID: parser.NoPID, Prio: parser.NoPrio}) {
			fmt.Fprintf(&b, " %s=%q:%d", name, t.Comm, t.PID)
			if t.Prio != parser.NoPrio {
				fmt.Fprintf(&b, "[%d]", t.Prio)
			}
		}
	}
	number("cpu", int64(ev.CPU), parser.NoCPU)
	number("start", ev.Start, parser.NoTime)
	number("time", ev.Time, parser.NoTime)
	task("task", ev.Task)
	if ev.State.Known() {
		fmt.Fprintf(&b, " state=%s", ev.State)
		if ev.State == parser.StateOff {
			b.WriteString("(off)")
		}
	}
	task("next", ev.Next)
	task("cur", ev.Cur)
	number("tgid", int64(ev.Thread.TGID), parser.NoPID)
	if ev.Context != parser.ContextUnknown {
		fmt.Fprintf(&b, " context=%s", ev.Context)
	}
	number("orig", int64(ev.OrigCPU), parser.NoCPU)
	number("target", int64(ev.TargetCPU), parser.NoCPU)
	number("oldpid", int64(ev.OldPID), parser.NoPID)
	number("runtime", ev.Runtime, parser.NoTime)
	number("wait", ev.Wait, parser.NoTime)
	number("delay", ev.Delay, parser.NoTime)
	number("count", ev.Count, -1)
	if ev.Aside != parser.NoAside {
		fmt.Fprintf(&b, " aside=%s", ev.Name())
	}
	if ev.Text != "" {
		fmt.Fprintf(&b, " text=%q", ev.Text)
	}
	return b.String()
}

// Contract runs a pass twice and holds it against what [parser.Capture]
// promises: the same events each time, those of one CPU in order of time, an
// error only at the end, plausible numbers only.
func Contract(t *testing.T, c parser.Capture) {
	t.Helper()
	first := contract(t, c)
	if second := contract(t, c); !slices.Equal(first, second) {
		t.Fatalf("the second pass differs:\n%s", cmp.Diff(first, second))
	}
}

func contract(t *testing.T, c parser.Capture) []string {
	t.Helper()
	var all []string
	last := map[int32]int64{}
	ended := false
	for ev, err := range c.Events() {
		if ended {
			t.Fatal("something follows the error")
		}
		if err != nil {
			ended = true
			all = append(all, err.Error())
			continue
		}
		all = append(all, Line(&ev))
		if ev.CPU < parser.NoCPU || ev.TargetCPU < parser.NoCPU || ev.OrigCPU < parser.NoCPU {
			t.Fatalf("impossible CPU: %s", Line(&ev))
		}
		for _, task := range []parser.Task{ev.Task, ev.Next, ev.Cur} {
			if task.PID < parser.NoPID || task.Prio < parser.NoPrio {
				t.Fatalf("impossible task: %s", Line(&ev))
			}
		}
		if ev.CPU >= 0 && ev.Time != parser.NoTime {
			if before, ok := last[ev.CPU]; ok && ev.Time < before {
				t.Fatalf("time runs backwards: %s", Line(&ev))
			}
			last[ev.CPU] = ev.Time
		}
		if ev.Kind == parser.KindLost && ev.Start != parser.NoTime && ev.Start > ev.Time {
			t.Fatalf("span runs backwards: %s", Line(&ev))
		}
		if (ev.Kind == parser.KindDamaged) == (ev.Text == "") && ev.Kind != parser.KindOther && ev.Kind != parser.KindExec && ev.Kind != parser.KindComm {
			t.Fatalf("text: %s", Line(&ev))
		}
	}
	return all
}

// Ends holds a reader against inputs that end without a newline: those of whole end
// in a record, those of torn inside one. head stands before each of them.
func Ends(t *testing.T, head string, whole, torn []string, open func(parser.Source) (parser.Capture, error)) {
	t.Helper()
	ends := func(line string) (events int, err error) {
		c, err := open(Source("x", []byte(head+line)))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Events() {
			if events++; e != nil {
				return events - 1, e
			}
		}
		return events, nil
	}
	for _, line := range whole {
		if n, err := ends(line); n != 1 || err != nil {
			t.Errorf("%q is whole: %d events, %v", line, n, err)
		}
	}
	for _, line := range torn {
		if n, err := ends(line); n != 0 || !errors.Is(err, parser.ErrTruncated) {
			t.Errorf("%q is torn: %d events, %v", line, n, err)
		}
		if n, err := ends(line + "\n"); n != 1 || err != nil {
			t.Errorf("%q and its newline: %d events, %v", line, n, err)
		}
	}
}
