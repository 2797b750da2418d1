package eventtest

import (
	"cmp"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"schedreplay/internal/traces"
)

// Tool returns the path of a program to compare with, or skips.
func Tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s here to compare with", name)
	}
	return path
}

// Line is one event as the recorder's own tool prints it. PID is 0 if it is not
// printed.
type Line struct {
	PID     int32
	Time    int64
	CPU     int32
	Event   string
	Payload string
}

// Lines splits what a tool printed at what matches start, which has groups named
// cpu, sec, ns and event, and perhaps pid. Names may hold newlines, so an event
// ends where the next one begins. The lines are returned in order of time, then
// CPU: the tools break ties by place in the file only.
func Lines(out []byte, start *regexp.Regexp) []Line {
	var lines []Line
	at := start.FindAllSubmatchIndex(out, -1)
	for i, m := range at {
		end := len(out)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		field := func(name string) string {
			if n := start.SubexpIndex(name); n >= 0 {
				return string(out[m[2*n]:m[2*n+1]])
			}
			return ""
		}
		pid, _ := strconv.Atoi(field("pid"))
		cpu, _ := strconv.Atoi(field("cpu"))
		sec, _ := strconv.ParseInt(field("sec"), 10, 64)
		ns, _ := strconv.ParseInt(field("ns"), 10, 64)
		lines = append(lines, Line{int32(pid), sec*1e9 + ns, int32(cpu), field("event"), strings.TrimSuffix(string(out[m[1]:end]), "\n")})
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.CPU, b.CPU)) })
	return lines
}

// Compare holds our events against those that a tool prints.
func Compare(t *testing.T, tool string, want, got []Line) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d events, %s prints %d", len(got), tool, len(want))
	}
	bad := 0
	for i := range min(len(got), len(want)) {
		w, g := want[i], got[i]
		if g.Payload == "" {
			w.Payload = "" // an event that is named only
		}
		// Fields that replay does not use.
		if strings.HasSuffix(w.Event, "_exit") {
			w.Payload, _, _ = strings.Cut(w.Payload, " group_dead=")
		}
		if strings.HasSuffix(w.Event, "stat_runtime") {
			w.Payload, _, _ = strings.Cut(w.Payload, " [ns]")
		}
		if w != g {
			t.Errorf("event %d:\n%s: %+v\nours: %+v", i, tool, w, g)
			if bad++; bad > 5 {
				return
			}
		}
	}
}

// Traces runs a test on every real capture whose file has the name.
func Traces(t *testing.T, name string, test func(t *testing.T, path string, b []byte)) {
	t.Helper()
	for _, r := range traces.Named(t, name) {
		t.Run(r.Folder, func(t *testing.T) { test(t, r.Path, Unpack(t, r.Path)) })
	}
}
