package pprofile_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/pprof/profile"

	"schedreplay/export/pprofile"
	"schedreplay/internal/capturetest"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

const incident = "../../testdata/traces/smt44-isolated43-original"

// profiles are the two of the incident, as written.
func profiles(t *testing.T) (original, patched []byte, res *replay.Result) {
	t.Helper()
	in, h := capturetest.Open(t, incident, "")
	c := pprofile.New()
	res, err := replay.Run(context.Background(), in, h, replay.Plan{Observer: c.Observer()})
	if err != nil {
		t.Fatal(err)
	}
	var o, p bytes.Buffer
	if err := c.Write(res, []string{"a remark"}, &o, &p); err != nil {
		t.Fatal(err)
	}
	return o.Bytes(), p.Bytes(), res
}

func parse(t *testing.T, b []byte) *profile.Profile {
	t.Helper()
	p, err := profile.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	return p
}

// stack is a sample's functions from the root.
func stack(s *profile.Sample) []string {
	var out []string
	for _, l := range slices.Backward(s.Location) {
		out = append(out, l.Line[0].Function.Name)
	}
	return out
}

// sums are the values of the samples whose stack holds all the words.
func sums(p *profile.Profile, words ...string) [5]int64 {
	var v [5]int64
	for _, s := range p.Sample {
		st := stack(s)
		if !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(st, w) }) {
			for i := range v {
				v[i] += s.Value[i]
			}
		}
	}
	return v
}

// The intruder is on CPU 43 in the original and nowhere near it in the patched
// profile; its time is all still there.
func TestIncident(t *testing.T) {
	ob, pb, res := profiles(t)
	o, p := parse(t, ob), parse(t, pb)
	before, after := sums(o, "intruder ksmd", "CPU 43"), sums(p, "intruder ksmd", "CPU 43")
	stay := res.CPUs[0].Stays[0]
	if before[0] != 1+stay.Wakings || before[1] != stay.Runs || before[2] != stay.RunNS {
		t.Errorf("original: %v, the stay has %d+1 placements, %d runs, %d ns", before, stay.Wakings, stay.Runs, stay.RunNS)
	}
	if after != [5]int64{} {
		t.Errorf("patched: ksmd is on CPU 43: %v", after)
	}
	if a, b := sums(o, "intruder ksmd"), sums(p, "intruder ksmd"); a[1] != b[1] || a[2] != b[2] {
		t.Errorf("runs and time of ksmd are %v and %v", a, b)
	}
	if v := sums(o, "intruder ksmd", "try_to_wake_up", "select_task_rq_fair", "select_idle_sibling", "select_idle_smt", "CPU 43"); v[0] != 1 {
		t.Errorf("%d entries by select_idle_smt", v[0])
	}
	was, is := sums(o, "owner pmd-c"), sums(p, "owner pmd-c")
	if was[1] != is[1] || was[2] != is[2] || was[3]+was[4]-is[3]-is[4] != stay.DelayedOwnerNS {
		t.Errorf("the owner's values are %v and %v; intruders delayed it by %d ns", was, is, stay.DelayedOwnerNS)
	}
	for _, s := range append(o.Sample, p.Sample...) {
		if len(s.Label["kernel"]) != 1 || len(s.NumLabel["cpu"]) != 1 {
			t.Fatalf("labels %v %v", s.Label, s.NumLabel)
		}
	}
	if o.TimeNanos != 0 || o.DurationNanos != res.End-res.Start || o.DefaultSampleType != "run" {
		t.Error("time, duration or default value are wrong")
	}
	ob2, pb2, _ := profiles(t)
	if !bytes.Equal(ob, ob2) || !bytes.Equal(pb, pb2) {
		t.Error("the same capture gives other bytes")
	}
}

// go tool pprof opens both and shows the difference.
func TestToolDiff(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go")
	}
	o, p, _ := profiles(t)
	dir := t.TempDir()
	for name, b := range map[string][]byte{"original.pb.gz": o, "patched.pb.gz": p} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(goTool, "tool", "pprof", "-top", "-focus", "intruder ksmd", "-diff_base", "original.pb.gz", "patched.pb.gz")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		if bytes.Contains(out, []byte("no such tool")) {
			t.Skip("no pprof in this Go")
		}
		t.Fatalf("%v: %s", err, out)
	}
	for l := range strings.Lines(string(out)) {
		if f := strings.Fields(l); strings.HasSuffix(strings.TrimSpace(l), "CPU 43") {
			if f[0] != "-898.40ms" {
				t.Errorf("CPU 43 changes by %s", f[0])
			}
			return
		}
	}
	t.Errorf("CPU 43 is not in the difference:\n%s", out)
}

// Hostile names come out on one printable line.
func TestHostileNames(t *testing.T) {
	names := capturetest.Hostile
	c := pprofile.New()
	obs := c.Observer()
	for i, n := range names {
		task := replay.TaskRef{PID: int32(i + 1), Comm: n, Prio: 120}
		placed := replay.Placed{CPU: 1, Path: place.PathIdleSMT}
		obs.Wakeup(&replay.Wakeup{N: int64(i), Task: task, RecordedCPU: 1, Original: placed, Patched: placed, Moved: replay.MovedNo})
		obs.Run(&replay.Slice{CPU: 1, Task: task, Class: replay.ClassForeign, Start: 5, End: 9, Delay: parser.NoTime, Stay: i, Patched: replay.MovedCertain})
	}
	k := &rules.Kernel{Name: "6.1\x1b"}
	var o, p bytes.Buffer
	if err := c.Write(&replay.Result{Original: k, Patched: k}, nil, &o, &p); err != nil {
		t.Fatal(err)
	}
	got := parse(t, o.Bytes())
	if len(got.Sample) != len(names) {
		t.Fatalf("%d samples", len(got.Sample))
	}
	for _, f := range got.Function {
		if !utf8.ValidString(f.Name) || strings.ContainsAny(f.Name, "\x1b\n\u202e") || strings.HasSuffix(f.Name, " ") {
			t.Errorf("function %q", f.Name)
		}
	}
}
