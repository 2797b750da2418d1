package rtapp

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/cpumask"
	"schedreplay/internal/capturetest"
	"schedreplay/internal/traces"
	"schedreplay/loop/work"
)

var update = flag.Bool("update", false, "write the golden file anew")

// small has every kind of event: a pair that talks, a timer of either kind, one born in the
// window, a hog, a real-time task, a stopper, and names that are no names.
func small() *work.Program {
	one := cpumask.Of(0)
	task := func(pid int32, comm string, steps ...work.Step) work.Task {
		for i := range steps {
			if steps[i].Prio == 0 {
				steps[i].Prio = 120
			}
		}
		return work.Task{PID: pid, Comm: comm, Policy: -1, Allowed: one, Steps: steps}
	}
	slept := func(w work.Wait) work.Wait { w.Slept = true; return w }
	p := &work.Program{Start: 1_000_000_000, End: 1_004_000_000, CPUs: 1, Tasks: []work.Task{
		task(10, "ping", work.Step{Burst: 1_500, Wakes: []work.Wake{{At: 700, Task: 1, Step: 0}}, Then: slept(work.Wait{Edge: work.EdgeTask, Waker: 1, WakerStep: 1})}, work.Step{Burst: 1_700, Exit: true}),
		task(11, "pong", work.Step{Then: slept(work.Wait{Edge: work.EdgeTask, Waker: 0})}, work.Step{Burst: 2_000, Wakes: []work.Wake{{At: 1_000, Task: 0, Step: 0}, {At: 1_100, Task: 5, Step: 0, Fork: true}}}),
		task(12, "sleeper", work.Step{Burst: 900, Then: slept(work.Wait{Edge: work.EdgeTimer, Sleep: 50_000})}, work.Step{Burst: 900, Then: slept(work.Wait{Edge: work.EdgeTimer, Sleep: 10})}, work.Step{Burst: 900}),
		task(13, "grid \"\n\xff", work.Step{Then: slept(work.Wait{Edge: work.EdgeGrid, Time: 1_000_100_000})}, work.Step{Burst: 5_000, Then: slept(work.Wait{Edge: work.EdgeOutside, Time: 1_000_300_500})}, work.Step{Burst: 5_000}),
		task(14, "fifo", work.Step{Burst: 3_000, Prio: 49}),
		task(15, "child", work.Step{Then: slept(work.Wait{Edge: work.EdgeTask, Waker: 1, Time: 1_000_200_000})}, work.Step{Burst: 4_000}),
		task(16, "hog", work.Step{Burst: 10_000, Cut: true, Prio: 139}),
		task(17, "migration/0", work.Step{Burst: 9_000, Wakes: []work.Wake{{At: 1, Task: 8, Step: 0}}}),
		task(18, "", work.Step{Then: slept(work.Wait{Edge: work.EdgeTask, Waker: 7, Time: 1_000_050_000})}, work.Step{Burst: 1}),
	}}
	p.Tasks[5].Begin = work.BeginUnborn
	p.Tasks[7].Stop = true
	p.Tasks[6].Policy = 5
	return p
}

func write(t *testing.T, p *work.Program, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := Write(&b, p, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	const golden = "testdata/small.json"
	got := write(t, small(), Options{Program: "schedreplay 0.1.0", Checksum: "00"})
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// rt-app reads the load and runs it to its end, where the package is there.
func TestRTAppRunsIt(t *testing.T) {
	program, err := exec.LookPath("rt-app")
	if err != nil {
		t.Skip("no rt-app: apt-get install rt-app")
	}
	file := t.TempDir() + "/load.json"
	p := small()
	p.Tasks[4].Steps[0].Prio = 120 // real-time takes a privilege
	if err := os.WriteFile(file, []byte(write(t, p, Options{Program: "x", Calibration: 1000})), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, file)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("<error>")) || bytes.Contains(out, []byte("<critical>")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// Of a whole recording the load is JSON in which no key comes twice, threads are woken that
// wait for it, and run as long as recorded, to a microsecond each.
func TestRecording(t *testing.T) {
	for _, r := range traces.Named(t, "ftrace.txt.gz") {
		if r.Folder != "smt8-isolated3-original" {
			continue
		}
		c, host := capturetest.Open(t, r.Path, r.Bundle)
		p, err := work.Extract(c, host)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`/\*.*?\*/`).ReplaceAllString(write(t, p, Options{}), "")
		type phase map[string]json.RawMessage
		var load struct {
			Tasks map[string]struct{ Phases map[string]phase }
		}
		if err := json.Unmarshal([]byte(text), &load); err != nil {
			t.Fatal(err)
		}
		phases := 0
		for _, task := range load.Tasks {
			phases += len(task.Phases)
		}
		if n := strings.Count(text, `"loop" : 1,`) - len(load.Tasks); n != phases {
			t.Errorf("%d phases are written, %d are left when keys are joined", n, phases)
		}
		for i := range p.Tasks {
			task := &p.Tasks[i]
			got, ok := load.Tasks[nameOf(task)]
			if !ok {
				continue
			}
			want, sum := int64(0), int64(0)
			for _, s := range task.Steps {
				if want += s.Burst; s.Cut {
					want += max(0, p.End-p.Start-s.Burst)
				}
			}
			for _, ph := range got.Phases {
				for k, v := range ph {
					var us int64
					if strings.HasPrefix(k, "run") && json.Unmarshal(v, &us) == nil {
						sum += us
					}
				}
			}
			if d := want/microsecond - sum; d < 0 || d > 1 {
				t.Errorf("%s runs for %d us, recorded %d ns", task.Comm, sum, want)
			}
		}
	}
}
