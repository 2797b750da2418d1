package replay

import (
	"context"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"schedreplay/internal/capturetest"
	"schedreplay/internal/traces"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/decide"
	"schedreplay/replay/internal/made"
)

// candidates are kernels by name.
func candidates(t *testing.T, names ...string) (out []rules.Candidate) {
	t.Helper()
	for _, n := range names {
		k, err := rules.ParseKernel(n, "")
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rules.Candidate{Kernel: k})
	}
	return out
}

// The incident under each kernel: the leak lets ksmd in, and holds it there for as
// long as it ran; a kernel with both fixes keeps it out. What came before the capture
// holds the CPU under each.
func TestSweepScene(t *testing.T) {
	names := []string{"6.1.0", "6.1.0+smt-span+core-span", "5.10", "6.12"}
	resident := append(made.Crowd()[:7], made.Switches(50, 7, made.Other, made.Sleeps, made.Swapper), made.Switches(900, 6, made.Busy[6], made.Preempted, made.Busy[6]))
	for _, c := range []struct {
		name    string
		events  []parser.Event
		entries []int64
		held    []int64 // us
	}{
		{"one entry", append(made.Incident(1), made.Switches(3000, 6, made.Busy[6], made.Preempted, made.Busy[6])), []int64{1, 0, 0, 0}, nil},
		{"a resident", resident, []int64{0, 0, 0, 0}, []int64{49, 49, 49, 49}},
	} {
		h := made.Bench("6.1.0", 7)
		h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: h.Task[made.Ksmd.PID].Affinity}
		res, err := Run(context.Background(), made.Record(c.events...), h, Plan{Alternatives: Sweep(candidates(t, names...)), HoldsOnly: true})
		if err != nil || len(res.Alternatives) != len(names) || len(res.Focus) != 1 {
			t.Fatalf("%s: %+v, %v", c.name, res, err)
		}
		var recorded int64
		for _, s := range res.CPUs[0].Stays {
			recorded += s.RunNS
		}
		for i, r := range res.Alternatives {
			want := c.entries[i] * recorded
			if c.held != nil {
				want = c.held[i] * made.Microsecond
			}
			if g := r.Holds[0]; g.CPU != 7 || g.Entries != c.entries[i] || g.HeldNS != want {
				t.Errorf("%s, %s: %+v, want %d entries and %d ns", c.name, names[i], g, c.entries[i], want)
			}
		}
	}
}

// However many replays there are at once, each kernel comes to the same.
func TestSweepBeside(t *testing.T) {
	kernels := Sweep(rules.Releases())
	for _, rec := range traces.Named(t, "ftrace.txt.gz") {
		if rec.Folder != "smt8-isolated3-612-original" {
			continue
		}
		in, h := capturetest.Open(t, rec.Path, rec.Bundle)
		var whole []AlternativeResult
		for _, cores := range []int{1, 2} {
			was := runtime.GOMAXPROCS(cores)
			res, err := Run(context.Background(), in, h, Plan{Alternatives: kernels, HoldsOnly: true})
			runtime.GOMAXPROCS(was)
			if err != nil || len(res.Alternatives) != len(kernels) {
				t.Fatalf("%d cores: %v", cores, err)
			}
			if whole == nil {
				whole = res.Alternatives
			}
			for i := range kernels {
				if a, b := &res.Alternatives[i], &whole[i]; a.Name != kernels[i].Name || !reflect.DeepEqual(a.Difference, b.Difference) {
					t.Errorf("%s on %d cores: %+v, want %+v", kernels[i].Name, cores, a.Difference, b.Difference)
				}
			}
		}
	}
}

// The kernels that cannot have made the entry come last, and are told which
// decision rules them out.
func TestRankScene(t *testing.T) {
	names := []string{"6.12", "6.1.0+smt-span+core-span", "6.1.0"}
	res, err := Run(context.Background(), made.Record(made.Incident(1)...), made.Bench("6.1.0", 7), Plan{Judged: candidates(t, names...)})
	if err != nil || len(res.Scores) != len(names) {
		t.Fatalf("%+v, %v", res, err)
	}
	scores := res.Scores
	decide.Rank(scores)
	if s := &scores[0]; s.Kernel.Name != "6.1.0" || s.Entries != 0 || s.Decisions == 0 || s.Missed() != 0 || len(s.RuledOutBy) != 0 {
		t.Errorf("first: %s, %d of %d decisions, %d impossible entries, ruled out by %v", s.Kernel.Name, s.Covered, s.Decisions, s.Entries, s.RuledOutBy)
	}
	for i := range scores[1:] {
		s := &scores[i+1]
		if s.Entries != 1 || s.Decisions != scores[0].Decisions || len(s.RuledOutBy) == 0 || s.RuledOutBy[0].Task.PID != made.Ksmd.PID || s.RuledOutBy[0].RecordedCPU != 7 {
			t.Errorf("%s: %d impossible entries, ruled out by %+v", s.Kernel.Name, s.Entries, s.RuledOutBy)
		}
	}
}

// The row that made a recording comes before every other that explains it otherwise, from
// ftrace and from perf.data alike.
func TestRankRecordings(t *testing.T) {
	names := []string{"4.9", "4.14", "4.16", "4.20", "5.0", "5.5", "5.8-smt-span", "5.13-smt-span", "5.15-smt-span", "6.0-smt-span", "6.1", "6.1.192-smt-span", "6.1.192", "6.12-smt-span", "6.12.117-smt-span", "5.10.262", "7.3"}
	for _, r := range traces.Recordings(t) {
		if strings.Contains(r.Folder, "smt44-isolated43-original") && !strings.HasPrefix(r.Folder, "k419") {
			continue // long
		}
		made := map[bool]string{true: "6.1.192", false: "6.1.192-smt-span"}[strings.HasSuffix(r.Folder, "-patched")]
		switch {
		case strings.HasPrefix(r.Folder, "k419"):
			made = "4.16" // as 4.19
		case strings.Contains(r.Folder, "-612-"):
			made = "6.12.117-smt-span"
		case strings.HasPrefix(r.Folder, "k510"):
			made = "5.10.262"
		case strings.HasPrefix(r.Folder, "k73"):
			made = "7.3"
		}
		t.Run(r.Folder+"/"+r.Name, func(t *testing.T) {
			in, h := capturetest.Open(t, r.Path, r.Bundle)
			res, err := Run(context.Background(), in, h, Plan{Judged: candidates(t, names...)})
			if err != nil {
				t.Fatal(err)
			}
			truth := res.Scores[slices.Index(names, made)]
			decide.Rank(res.Scores)
			if first := res.Scores[0]; first.Entries != truth.Entries || first.Missed() != truth.Missed() || first.Exact != truth.Exact {
				t.Errorf("%s comes first: %d entries and %d decisions impossible, %d exact; %s has %d, %d and %d",
					first.Kernel.Name, first.Entries, first.Missed(), first.Exact, made, truth.Entries, truth.Missed(), truth.Exact)
			}
		})
	}
}
