package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/rows"
)

// phrases are names of tasks such as the program's own phrases, paths and separators.
var phrases = []string{
	"bingoes", ": compared are", "a/b", "goes to CPU 2", "x, y", `"q"`, "none of it", "a  b", "(pid 1) ksmd", "on CPU 43",
	"<b>", "=1+1", "a|b", "`q`", "100 %", "*_x_*", "{{.}}", "%!s(MISSING)", "x pid=7", "; remedy", "of 71: no",
}

// neutral is a name that stands nowhere else, as wide as a phrase.
func neutral(i int) string {
	return fmt.Sprintf("%c%s", 'A'+i, strings.Repeat("z", term.Width(phrases[i])-1))
}

// renamed are the tasks of the capture whose names are exchanged: the intruder, the owner, a
// resident, the wakers, all others that run much.
var renamed = []struct {
	pid  int
	comm string
}{
	{58, "ksmd"},
	{195, "pmd-c"},
	{12, "rcu_sched"},
	{185, "pong1"},
	{182, "ping0"},
	{183, "pong0"},
	{184, "ping1"},
	{186, "ping2"},
	{187, "pong2"},
	{188, "spin 0"},
	{189, "spin 1"},
	{190, "spin 2"},
	{191, "rpc-server"},
	{192, "client:0/x"},
	{193, "client:1/x"},
	{194, "client:2/x"},
	{196, "vm-mem"},
	{199, "sh"},
}

// aroundEntry is half a second of the capture around the entry.
var aroundEntry = sync.OnceValues(func() (string, error) {
	f, err := os.Open(trace("smt8-isolated3-original/ftrace.txt.gz"))
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(z)
	var text strings.Builder
	for l := range strings.Lines(string(b)) {
		head, _, ok := strings.Cut(l, ": sched_")
		if at := head[strings.LastIndexByte(head, ' ')+1:]; !ok || at >= "32.30" && at < "32.80" {
			text.WriteString(l)
		}
	}
	return text.String(), err
})

// namesCapture writes the capture with other names: that of renamed[i] is name((i+turn) mod
// len(phrases)).
func namesCapture(t *testing.T, path string, turn int, name func(i int) string) {
	t.Helper()
	text, err := aroundEntry()
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for i, r := range renamed {
		n := name((i + turn) % len(phrases))
		pairs = append(pairs, fmt.Sprintf(" %s-%d ", r.comm, r.pid), fmt.Sprintf(" %s-%d ", n, r.pid))
		for _, p := range []string{"", "prev_", "next_"} {
			pairs = append(pairs, fmt.Sprintf(" %scomm=%s %spid=%d ", p, r.comm, p, r.pid), fmt.Sprintf(" %scomm=%s %spid=%d ", p, n, p, r.pid))
		}
	}
	if err := os.WriteFile(path, []byte(strings.NewReplacer(pairs...).Replace(text)), 0o666); err != nil {
		t.Fatal(err)
	}
}

// phrased puts the phrases where the neutral names stand, each as show writes it.
func phrased(s string, show func(string) string) string {
	for i, p := range phrases {
		s = strings.ReplaceAll(s, neutral(i), show(p))
	}
	return s
}

// Whatever tasks are called, their names come out whole and the rest is what it is with
// other names.
func TestNamesComeOutWhole(t *testing.T) {
	turns := []int{0, 5, 10}
	if testing.Short() {
		turns = turns[:1]
	}
	for _, turn := range turns {
		t.Run(phrases[turn], func(t *testing.T) { namesOn(t, turn) })
	}
}

func namesOn(t *testing.T, turn int) {
	dir := t.TempDir()
	captures := [2]string{filepath.Join(dir, "neutral", "capture.txt"), filepath.Join(dir, "phrases", "capture.txt")}
	for i, name := range []func(int) string{neutral, func(i int) string { return phrases[i] }} {
		if err := os.Mkdir(filepath.Dir(captures[i]), 0o777); err != nil {
			t.Fatal(err)
		}
		namesCapture(t, captures[i], turn, name)
	}
	host := []string{"--isolated", "3", "--release", "6.1.192", "--online", "0-7", "--smt", "0-1,2-3,4-5,6-7", "--llc", "0-7"}
	sum := regexp.MustCompile(`[0-9a-f]{16,64}`) // of the input
	both := func(args ...string) (want, got string) {
		t.Helper()
		var out [2]string
		for i, c := range captures {
			full := append(append(append([]string{args[0]}, strings.Split(strings.ReplaceAll(strings.Join(args[1:], "\x00"), "CAPTURE", c), "\x00")...), host...), "-q")
			s, stderr, status := invoke(t, full...)
			if status > exitCheck {
				t.Fatalf("%q: status %d, %s", args, status, stderr)
			}
			out[i] = sum.ReplaceAllString(strings.ReplaceAll(s, filepath.Dir(c), "DIR"), "SUM")
		}
		return out[0], out[1]
	}
	text := func(args ...string) {
		t.Helper()
		want, got := both(args...)
		differ(t, fmt.Sprint(args), inText(want), got)
	}
	document := func(args ...string) {
		t.Helper()
		want, got := both(args...)
		differ(t, fmt.Sprint(args), phrased(want, inJSON), got)
	}
	text("intrusions", "CAPTURE", "-v")
	text("explain", "CAPTURE", "--at", "32.441172")
	document("intrusions", "CAPTURE", "--format", "json")
	text("check", "CAPTURE", "--max-intrusion", "0ms", "--max-entries", "0", "--max-p99", "1us")
	if testing.Short() {
		return
	}
	text("wakeups", "CAPTURE", "-v")
	document("wakeups", "CAPTURE", "--format", "jsonl")
	text("events", "CAPTURE")
	document("events", "CAPTURE", "--format", "jsonl")
	text("timeline", "CAPTURE", "-w", "-n", "-M", "-S", "--state")
	document("explain", "CAPTURE", "--at", "32.441172", "--format", "json")
	text("fidelity", "CAPTURE")
	text("sweep", "CAPTURE")
	document("sweep", "CAPTURE", "--format", "json")
	if turn == 0 { // the slowest
		text("kernels", "--explain", "CAPTURE", "--original", "6.1.192")
		document("kernels", "--explain", "CAPTURE", "--format", "json")
	}
	text("compare", "CAPTURE", "CAPTURE")
	document("compare", "CAPTURE", "CAPTURE", "--format", "json")
	for i, r := range renamed[:3] { // a name chooses its task
		p := (i + turn) % len(phrases)
		want, _, _ := invoke(t, append([]string{"wakeups", captures[1], "--task", fmt.Sprint(r.pid), "-q"}, host...)...)
		got, _, _ := invoke(t, append([]string{"wakeups", captures[1], "--task", phrases[p], "-q"}, host...)...)
		cut := func(s string) string {
			_, rest, _ := strings.Cut(s, "\n")
			_, rest, _ = strings.Cut(rest, "path")
			return rest
		}
		if cut(want) != cut(got) || i < 2 && strings.Count(cut(got), "\n") < 3 {
			t.Errorf("--task %q shows %.200s, not %.200s", phrases[p], got, want)
		}
	}
	for _, args := range [][]string{{"convert", "CAPTURE", "--to", "csv"}, {"convert", "CAPTURE", "--to", "jsonl"}, {"report", "CAPTURE"}, {"convert", "CAPTURE", "--to", "pprof"}, {"convert", "CAPTURE", "--to", "perfetto"}} {
		out := strings.Join(args[1:], "-")
		for i, c := range captures {
			full := append(append([]string{args[0], c}, args[2:]...), host...)
			if _, stderr, status := invoke(t, append(full, "-q", "-o", filepath.Join(filepath.Dir(captures[i]), out))...); status != 0 {
				t.Fatalf("%q: status %d, %s", args, status, stderr)
			}
		}
	}
	file := func(i int, name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(filepath.Dir(captures[i]), name))
		if err != nil {
			t.Fatal(err)
		}
		return sum.ReplaceAllString(string(b), "SUM")
	}
	for _, name := range []string{"CAPTURE---to-csv/wakeups.csv", "CAPTURE---to-csv/slices.csv", "CAPTURE---to-csv/stays.csv", "CAPTURE/stays.csv", "CAPTURE/wakeups.csv", "CAPTURE/intrusions.csv"} {
		want, got := cells(t, file(0, name)), cells(t, file(1, name))
		for i, line := range want {
			for j, cell := range line {
				if c := phrased(cell, rows.Cell); i >= len(got) || c != got[i][j] {
					t.Fatalf("%s, line %d: %q, want %q", name, i+1, got[min(i, len(got)-1)], line)
				}
			}
		}
	}
	for _, name := range []string{"CAPTURE---to-jsonl/wakeups.jsonl", "CAPTURE---to-jsonl/stays.jsonl", "CAPTURE/report.json"} {
		differ(t, name, phrased(file(0, name), inJSON), file(1, name))
	}
	for _, name := range []string{"CAPTURE/report.md", "CAPTURE/report.html"} {
		differ(t, name, readable(phrased(file(0, name), html.EscapeString)), readable(file(1, name)))
	}
	for _, name := range []string{"CAPTURE---to-pprof/original.pb.gz", "CAPTURE---to-perfetto"} {
		b := []byte(file(1, name))
		if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			if b, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		most := renamed[:2]
		if strings.Contains(name, "pprof") {
			most = most[:1] // it tells what held up whom, and without a bundle nobody says that the other one owns the CPU
		}
		for i := range most {
			if p := phrases[(i+turn)%len(phrases)]; !bytes.Contains(b, []byte(p)) {
				t.Errorf("%s does not hold %q", name, p)
			}
		}
	}
}

// inText puts the phrases into a text, also where a name is cut.
func inText(s string) string {
	s = phrased(s, func(p string) string { return p })
	return regexp.MustCompile(`[A-U]z*…`).ReplaceAllStringFunc(s, func(n string) string {
		return term.Cut(phrases[n[0]-'A'], term.Width(n))
	})
}

// differ tells the first line in which two texts differ.
func differ(t *testing.T, what, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			t.Errorf("%s: %d lines and %d; line %d is\n%.1500q, not\n%.1500q", what, len(w), len(g), i+1, append(g, "")[min(i, len(g))], append(w, "")[min(i, len(w))])
			return
		}
	}
}

// inJSON is a name within a JSON string.
func inJSON(s string) string {
	b := string(rows.AppendString(nil, s))
	return b[1 : len(b)-1]
}

func cells(t *testing.T, s string) [][]string {
	t.Helper()
	list, err := csv.NewReader(strings.NewReader(s)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// readable is what a page says: without escapes and what sets words apart, and without the
// padding of tables and the script's data, of which the same names are tested elsewhere.
func readable(s string) string {
	s = regexp.MustCompile(`(?s)<script.*?</script>|<svg.*?</svg>`).ReplaceAllString(s, "")
	s = html.UnescapeString(html.UnescapeString(s))
	s = strings.NewReplacer("\\", "", "`", "", "*", "", "_", "").Replace(s)
	s = regexp.MustCompile(`[ \t]+|-{2,}:?|:-{2,}`).ReplaceAllString(s, " ")
	return regexp.MustCompile(` +`).ReplaceAllString(s, " ")
}
