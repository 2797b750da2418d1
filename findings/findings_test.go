package findings

import (
	"testing"

	"schedreplay/parser"
	"schedreplay/replay"
)

// made is a result of one isolated CPU: an entry, one unseen, a resident, and more stays
// than are kept.
func made() *replay.Result {
	stay := func(pid int32, how replay.How, ns int64) *replay.Stay {
		return &replay.Stay{CPU: 3, Task: replay.TaskRef{PID: pid, Comm: "t"}, Class: replay.ClassForeign, How: how, Runs: 1, RunNS: ns, PatchedRunNS: ns / 2, PatchedRunMaxNS: ns, Wakings: 2, PatchedPossible: 2}
	}
	c := &replay.CPUResult{
		CPU: 3, Owner: &replay.TaskRef{PID: 9, Comm: "rx"}, Time: map[replay.Class]int64{replay.ClassForeign: 1000, replay.ClassUnknown: 7},
		Stays:        []*replay.Stay{stay(1, replay.CameByWakeup, 100), stay(1, replay.CameUnseen, 200), stay(2, replay.CameBefore, 400)},
		StaysDropped: 5, OwnerDelay: replay.NewDelayHistogram(), OwnerDelayIntruded: replay.NewDelayHistogram(),
	}
	for i := range int64(99) {
		c.OwnerDelay.Add(1000 + i)
	}
	c.OwnerDelayIntruded.Add(50_000)
	return &replay.Result{Start: 0, End: 10_000, CPUs: []*replay.CPUResult{c}}
}

func TestOf(t *testing.T) {
	f := Of(made())
	c := f.CPUs[0]
	if e := c.All.Entries; e != (Entries{Wakeup: 1, Unseen: 1, Dropped: 5}) || e.Total() != 7 {
		t.Errorf("entries %+v", e)
	}
	// The time held is all of it: residents, and stays that were counted only.
	if c.All.NS != 1000 || c.Came.NS != 600 || c.Resident.NS != 400 {
		t.Errorf("held %d, of that %d came and %d were there", c.All.NS, c.Came.NS, c.Resident.NS)
	}
	// What remains of stays that were not kept is not known.
	if r := c.All.Remains; r.MinNS != 350 || r.MaxNS != 1000 {
		t.Errorf("remains %+v", r)
	}
	if len(c.Tasks) != 2 || c.Tasks[0].Task.PID != 2 || c.Tasks[1].NS != 300 || c.Came.Main.RunNS != 200 {
		t.Errorf("tasks %+v, main %+v", c.Tasks, c.Came.Main)
	}
	if s := &f.Sum; s.Share() != 0.1 || s.UnknownNS != 7 || s.Owners != 1 || s.Delays.Count() != 100 || s.Delays.WorstNS != 50_000 {
		t.Errorf("sum %+v", s)
	}
	if p, ok := f.Sum.Delays.Percentile(99); !ok || p < 1090 || p > 1100 {
		t.Errorf("p99 %d, %v", p, ok)
	}
	if _, ok := f.Sum.Delays.Percentile(99.9); ok {
		t.Error("a p99.9 of 100 wakings")
	}
}

func TestSumsMerge(t *testing.T) {
	var s Sum
	for range 3 {
		s.Merge(&Of(made()).Sum)
	}
	if s.CPUs != 3 || s.WindowNS != 30_000 || s.Held.NS != 3000 || s.Held.Entries.Total() != 21 || s.Delays.Count() != 300 || s.Delays.WorstNS != 50_000 || s.Share() != 0.1 {
		t.Errorf("three captures: %+v", s)
	}
	if _, ok := s.Delays.Percentile(99.9); ok {
		t.Error("a p99.9 of 300 wakings")
	}
}

func TestDoubtful(t *testing.T) {
	for _, c := range []struct {
		decisions, unjudged, exact, covered int64
		want                                bool
	}{{0, 0, 0, 0, false}, {10, 10, 0, 0, false}, {1000, 0, 900, 980, false}, {1000, 0, 899, 1000, true}, {1000, 0, 950, 979, true}, {2000, 1000, 900, 980, false}} {
		f := Fidelity{replay.Fidelity{Decisions: c.decisions, Unjudged: c.unjudged, Exact: c.exact, Covered: c.covered}}
		if got := f.Doubtful(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Who ran while the owner waited is told, the recorder too.
func TestWorstDelayBehind(t *testing.T) {
	c := NewCollector()
	run := func(pid int32, class replay.Class, start, end, delay int64) {
		c.Run(&replay.Slice{CPU: 3, Task: replay.TaskRef{PID: pid}, Class: class, Start: start, End: end, Delay: delay, Stay: -1})
	}
	run(5, replay.ClassHousekeeping, 100, 200, parser.NoTime)
	run(6, replay.ClassRecorder, 200, 900, parser.NoTime)
	run(0, replay.ClassIdle, 900, 990, parser.NoTime)
	run(9, replay.ClassOwner, 1000, 1100, 850) // woken at 150
	run(9, replay.ClassOwner, 1200, 1300, 20)
	f := c.Findings(made())
	d := f.CPUs[0].LongestDelays
	if len(d) != 2 || d[0].Behind.PID != 6 || d[0].BehindClass != replay.ClassRecorder || d[0].BehindNS != 700 || d[1].BehindNS != 0 {
		t.Errorf("delays %+v", d)
	}
	if w := f.WorstDelay(); w.BehindClass != replay.ClassRecorder || !w.Known {
		t.Errorf("worst %+v", w)
	}
}

func TestRoutes(t *testing.T) {
	c := NewCollector()
	for range 2 {
		c.Wakeup(&replay.Wakeup{Selection: true, PrevCPU: 1, RecordedCPU: 2, Original: replay.Placed{CPU: 2, Prev: 1}, Patched: replay.Placed{CPU: 1, Prev: 1}})
	}
	c.Wakeup(&replay.Wakeup{Selection: true, PrevCPU: -1, RecordedCPU: 2, Original: replay.Placed{CPU: -1}, Patched: replay.Placed{CPU: -1}})
	c.Wakeup(&replay.Wakeup{PrevCPU: 1, RecordedCPU: 2})
	r := c.Findings(made()).Routes
	if n := r.N[Route{1, 2}]; n == nil || *n != (Chosen{2, 2, 0}) || *r.N[Route{1, 1}] != (Chosen{0, 0, 2}) || *r.CPU[2] != (Chosen{3, 2, 0}) {
		t.Errorf("routes %v, CPUs %v", r.N, r.CPU)
	}
}
