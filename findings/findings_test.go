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
		StaysDropped: 5,
	}
	for i := range int64(99) {
		c.Waits[replay.SchDelay].Add(1000+i, 1000+i, i, false, nil)
	}
	c.Waits[replay.SchDelay].Add(50_000, 0, 100, true, nil)
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
	if s := &f.Sum; s.Share() != 0.1 || s.UnknownNS != 7 || s.Owners != 1 || s.Waits[replay.SchDelay].Count() != 100 || s.Waits[replay.SchDelay].WorstNS() != 50_000 {
		t.Errorf("sum %+v", s)
	}
	if p, ok := f.Sum.Waits[replay.SchDelay].Percentile(99); !ok || p < 1090 || p > 1100 {
		t.Errorf("p99 %d, %v", p, ok)
	}
	if _, ok := f.Sum.Waits[replay.SchDelay].Percentile(99.9); ok {
		t.Error("a p99.9 of 100 wakings")
	}
}

func TestSumsMerge(t *testing.T) {
	var s Sum
	for range 3 {
		s.Merge(&Of(made()).Sum)
	}
	if s.CPUs != 3 || s.WindowNS != 30_000 || s.Held.NS != 3000 || s.Held.Entries.Total() != 21 || s.Waits[replay.SchDelay].Count() != 300 || s.Waits[replay.SchDelay].WorstNS() != 50_000 || s.Share() != 0.1 {
		t.Errorf("three captures: %+v", s)
	}
	if _, ok := s.Waits[replay.SchDelay].Percentile(99.9); ok {
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

// What the longest waits went to is told, the recorder too, each kind by itself.
func TestLongestWaits(t *testing.T) {
	c := NewCollector()
	run := func(start, delay, gap int64, parts ...replay.Part) {
		c.Run(&replay.Slice{CPU: 3, Task: replay.TaskRef{PID: 9}, Class: replay.ClassOwner, Start: start, End: start + 10, Delay: delay, Gap: gap, Parts: parts, Stay: -1})
	}
	part := func(cause replay.Cause, pid int32, ns int64) replay.Part {
		return replay.Part{Cause: cause, Task: replay.TaskRef{PID: pid}, NS: ns}
	}
	run(1000, 850, parser.NoTime, part(replay.CauseHousekeeping, 5, 150), part(replay.CauseRecorder, 6, 700))
	run(1200, 20, parser.NoTime, part(replay.CauseIdle, -1, 20))
	run(1300, parser.NoTime, 900, part(replay.CauseForeign, 7, 900))
	run(1400, parser.NoTime, parser.NoTime)
	f := c.Findings(made())
	l := f.CPUs[0].LongestWaits
	if len(l[replay.SchDelay]) != 2 || len(l[replay.OffCPUGap]) != 1 || l[replay.SchDelay][0].Start != 1000 || l[replay.OffCPUGap][0].Gap != 900 {
		t.Errorf("waits %+v", l)
	}
	w := f.WorstWait()
	if !w.Known || w.Kind != replay.SchDelay || len(w.Causes) != 2 || w.Causes[0].Cause != replay.CauseRecorder || w.Causes[0].NS != 700 {
		t.Errorf("worst %+v", w)
	}
	if ns := w.Causes.ByCause(); ns[replay.CauseRecorder] != 700 || ns[replay.CauseHousekeeping] != 150 {
		t.Errorf("by cause %v", ns)
	}
}

// An owner that is never woken, or hardly sleeps, is told by its off-CPU gaps.
func TestKind(t *testing.T) {
	const second = 1_000_000_000
	for _, c := range []struct {
		name                 string
		ran, delay, gap, unk int64
		want                 replay.WaitKind
	}{
		{"sleeps half of the time", second / 2, 1000, 1000, 0, replay.SchDelay},
		{"never woken", second - 1000, 0, 1000, 0, replay.OffCPUGap},
		{"woken once, in the beginning", second - 10_000, 1000, 1000, 0, replay.OffCPUGap},
		{"never off its CPU", second, 0, 0, 0, replay.SchDelay},
		{"never sleeps, no gap", second - 1000, 1000, 0, 0, replay.SchDelay},
		{"not known for the rest", second / 2, 1000, 1000, second / 2, replay.OffCPUGap},
	} {
		r := &replay.CPUResult{Time: map[replay.Class]int64{replay.ClassOwner: c.ran, replay.ClassUnknown: c.unk}}
		for kind, ns := range []int64{c.delay, c.gap} {
			if ns > 0 {
				r.Waits[kind].Add(ns, ns, 1, false, nil)
			}
		}
		f := Of(&replay.Result{End: second, CPUs: []*replay.CPUResult{r}})
		if got := f.CPUs[0].Kind(); got != c.want {
			t.Errorf("%s: %d", c.name, got)
		}
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
