package open

import (
	"bytes"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/goldentest"
	"schedreplay/parser"
)

// wrap breaks lines at the last blank before a width, as mail programs do.
func wrap(b []byte, width int) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(b) {
		for len(line) > width+1 && line[0] != '#' {
			i := bytes.LastIndexByte(line[:width], ' ')
			if i < 40 {
				break
			}
			out.Write(line[:i])
			out.WriteByte('\n')
			line = line[i+1:]
		}
		out.Write(line)
	}
	return out.Bytes()
}

func quoted(b []byte) []byte {
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	w.Write(b)
	w.Close()
	return bytes.ReplaceAll(out.Bytes(), []byte("\r\n"), []byte("\n"))
}

func prefixed(b []byte, prefix string) []byte {
	return []byte(prefix + strings.ReplaceAll(strings.TrimSuffix(string(b), "\n"), "\n", "\n"+prefix) + "\n")
}

// What a text went through on its way changes nothing of what it tells.
func TestWrappings(t *testing.T) {
	capture := trace(500)
	script := "<!DOCTYPE html>\n<html>\n<head><script>\nfunction f() { if (a < b) return '# tracer'; }\n" + strings.Repeat("x = '"+strings.Repeat("y", 1000)+"';\n", 3000) + "</script>\n"
	perf, err := os.ReadFile("testdata/recorded/script.txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	perf = unpack(t, perf) // with names of newlines
	var events []byte
	for i := range 100 {
		events = fmt.Appendf(events, "            perf  4041 [000] %5d.%06d:       sched:sched_switch: prev_comm=perf prev_pid=4041 prev_prio=120 prev_state=D ==> next_comm=a b next_pid=18 next_prio=0\n", i, i)
	}
	for name, tc := range map[string]struct {
		plain, wrapped []byte
		note           string
	}{
		"page":               {capture, []byte(script + "<body>\n<script class=\"trace-data\" type=\"application/text\">\n" + string(capture) + "</script>\n<script>done()</script></body></html>\n"), "web page"},
		"page, string":       {capture, []byte(script + "<script>\n  var linuxPerfData = \"\\\n" + strings.ReplaceAll(string(capture), "\n", "\\n\\\n") + "\\n\";\n</script></html>\n"), "web page"},
		"page, pre":          {capture, []byte("<html><body><pre>\n" + strings.ReplaceAll(string(capture), "<", "&lt;") + "</pre></html>\n"), "web page"},
		"mail, coded":        {capture, []byte("From: me\nContent-Transfer-Encoding: quoted-printable\n\n" + string(quoted(capture))), "quoted-printable"},
		"mail, 72":           {capture, wrap(capture, 72), "wrapped"},
		"mail, 78, quoted":   {capture, prefixed(wrap(capture, 78), "> "), "wrapped"},
		"mail, 76, coded":    {capture, quoted(wrap(capture, 80)), "wrapped"},
		"perf script":        {events, wrap(events, 76), "wrapped"},
		"perf script, coded": {perf, quoted(perf), "quoted-printable"},
	} {
		t.Run(name, func(t *testing.T) {
			read := func(b []byte) (all []string, notes string) {
				in := open(t, write(t, t.TempDir(), "x", b), Options{})
				for ev, err := range in.Events() {
					if err != nil {
						t.Fatal(err)
					}
					ev.Pos = 0
					if ev.Cur.PID == 13109 || ev.Cur.PID == 13115 {
						ev.Cur.Comm = "" // it holds newlines and stands first in its record
					}
					all = append(all, goldentest.Line(&ev))
				}
				return all, strings.Join(in.Meta().Notes, " ")
			}
			want, without := read(tc.plain)
			got, notes := read(tc.wrapped)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%.2000s", d)
			}
			if strings.Contains(without, tc.note) || !strings.Contains(notes, tc.note) {
				t.Errorf("notes %q, plain %q", notes, without)
			}
		})
	}
	_, err = File(t.Context(), write(t, t.TempDir(), "x", []byte("<html><body>Not found</body></html>\n")), Options{})
	if !errors.Is(err, parser.ErrFormat) || !strings.Contains(fmt.Sprint(err), "web page") {
		t.Errorf("a page: %v", err)
	}
}

// A record is told at the line at which it begins, whatever was joined before.
func TestWrappedLines(t *testing.T) {
	b := wrap(trace(50), 72)
	at := func(n int64) string { return string(bytes.Split(b, []byte("\n"))[n-1]) }
	in := open(t, write(t, t.TempDir(), "x", b), Options{})
	n := 0
	for ev, err := range in.Events() {
		if n++; err != nil || !strings.Contains(at(ev.Pos), fmt.Sprintf("%d.%06d:", ev.Time/1e9, ev.Time%1e9/1000)) {
			t.Fatalf("%v: %s at line %d: %s", err, goldentest.Line(&ev), ev.Pos, at(ev.Pos))
		}
	}
	if n != 50 {
		t.Errorf("%d events", n)
	}
}
