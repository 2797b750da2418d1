package replay

import (
	"cmp"
	"errors"
	"slices"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/decide"
	"schedreplay/replay/internal/made"
)

// What "moved" says: the kernels compared under the same unknown facts.
func TestMoved(t *testing.T) {
	both := Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}}
	one := Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span"}}
	// Whether an idle core is advertised is open where every CPU was idle when the
	// capture began: the core scan's fallback leaks too, with smt-span alone.
	open := made.Incident(1)
	for c := range int32(7) {
		open[c].Task, open[c].Cur, open[c].State = made.Swapper, made.Swapper, made.Runnable
	}
	inexplicable := append(made.Incident(0)[:len(made.Incident(0))-1], made.Waking(1000, 6, made.Busy[6], made.Ksmd, 6), made.Migrates(1001, 6, made.Busy[6], made.Ksmd, 6, 3), made.Wakeup(1002, 3, made.Busy[3], made.Ksmd, 3))
	assumed := func(h *parser.Host) { h.Task = nil }
	for _, c := range []struct {
		name     string
		events   []parser.Event
		o        Plan
		change   func(*parser.Host)
		n        int // which wakeup of ksmd
		moved    decide.Moved
		miss     bool
		certainO bool
	}{
		{"both kernels choose alike", made.Incident(1), both, nil, 0, decide.MovedNo, false, true},
		{"they differ whatever is unknown, given what was recorded", made.Incident(1), both, nil, 1, decide.MovedCertain, false, false},
		{"they differ under some answers", open, one, nil, 1, decide.MovedPossible, false, false},
		{"the same answers, with both leaks closed", open, both, nil, 1, decide.MovedCertain, false, false},
		{"assumed affinities make it possible at most", made.Incident(1), both, assumed, 1, decide.MovedPossible, false, false},
		{"the original cannot have chosen that CPU", inexplicable, both, nil, 1, decide.MovedPossible, true, false},
		{"neither, nor does the patch matter", inexplicable, Plan{Original: "6.1.0+smt-span+core-span", Patched: []string{"6.12"}}, nil, 1, decide.MovedNo, true, true},
	} {
		h := made.Bench("6.1.0", 7)
		if c.change != nil {
			c.change(h)
		}
		s := replayScene(t, made.Record(c.events...), h, c.o)
		w := s.of(made.Ksmd)[c.n]
		if w.Moved != c.moved || w.ModelMiss != c.miss || w.Original.Certain() != c.certainO {
			t.Errorf("%s: moved %s, miss %v, original %s %s (certain %v), patched %s %s; want %s, %v, %v", c.name, w.Moved, w.ModelMiss,
				w.Original.Possible, w.Original.Path, w.Original.Certain(), w.Patched.Possible, w.Patched.Path, c.moved, c.miss, c.certainO)
		}
	}
}

// A decision that the original cannot have made takes nobody elsewhere: what is
// believed is wrong, and the patched kernel was asked under it.
func TestMissLeavesTaskInPlace(t *testing.T) {
	ev := append(made.Incident(0)[:len(made.Incident(0))-1],
		made.Waking(1000, 6, made.Busy[6], made.Ksmd, 6), made.Migrates(1001, 6, made.Busy[6], made.Ksmd, 6, 3), made.Wakeup(1002, 3, made.Busy[3], made.Ksmd, 3),
		made.Switches(1010, 3, made.Busy[3], made.Preempted, made.Ksmd), made.Switches(1050, 3, made.Ksmd, made.Sleeps, made.Busy[3]), made.Waking(2000, 3, made.Busy[3], made.Ksmd, 3), made.Wakeup(2002, 3, made.Busy[3], made.Ksmd, 3))
	s := replayScene(t, made.Record(ev...), made.Bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	w := s.of(made.Ksmd)
	if miss := w[1]; !miss.ModelMiss || miss.Original.CPU == miss.Patched.CPU || miss.Moved != decide.MovedPossible {
		t.Fatalf("the miss: %+v", miss)
	}
	if next := w[2]; next.DivergedSince != 0 || next.Patched.Prev != 3 {
		t.Errorf("after it: diverged since %d, on CPU %d", next.DivergedSince, next.Patched.Prev)
	}
}

// Fidelity counts selections of fair tasks whose CPU was recorded.
func TestFidelity(t *testing.T) {
	rt := made.ATask(400, "rt", 40)
	ev := append(made.Incident(2),
		made.Waking(5000, 6, made.Busy[5], rt, 5), made.Wakeup(5002, 5, made.Swapper, rt, 5),
		made.Waking(5100, 5, made.Ksmd, made.Ksmd, 7),     // itself: no selection
		made.Waking(5200, 0, made.Busy[0], made.Other, 2), // nothing more is seen of it
	)
	s := replayScene(t, made.Record(ev...), made.Bench("6.1.0", 7), Plan{Original: "6.1.0"})
	f := s.Fidelity
	if f.Decisions != 3 || f.Exact != 3 || f.Covered != 3 || f.Unjudged != 0 || f.PossibleSum != 4 || f.PossibleMean() != 4.0/3 {
		t.Errorf("fidelity %+v", f)
	}
	want := map[place.Path]int64{place.PathTarget: 1, place.PathIdleSMT: 1, place.PathTargetIdle: 1}
	for _, p := range f.Paths {
		if p.Decisions != want[p.Path] || p.Exact != p.Decisions {
			t.Errorf("path %+v", p)
		}
		delete(want, p.Path)
	}
	if len(want) != 0 {
		t.Errorf("missing %v", want)
	}
}

// Nothing is known of the machine: no wakeup can be placed, and only what events
// tell of a selection is said.
func TestNoTopology(t *testing.T) {
	pinned := made.ATask(61, "pinned", 120)
	ev := append(made.Incident(2),
		made.Waking(5000, 0, made.Busy[0], made.Busy[0], 0),                                                      // itself
		made.Waking(5010, 1, made.Busy[1], made.Busy[5], 6), made.Wakeup(5011, 1, made.Busy[1], made.Busy[5], 6), // current on CPU 6
		made.Waking(5020, 1, made.Busy[1], pinned, 2), made.Wakeup(5021, 2, made.Busy[2], pinned, 2), // one CPU
		made.Waking(5030, 1, made.Busy[1], made.Other, 4), made.Wakeup(5031, 4, made.Busy[4], made.Other, 4), // stays: who knows
		made.Waking(5040, 1, made.Busy[1], made.Poller, 7), made.Wakeup(5042, 7, made.Swapper, made.Poller, 7), // one CPU
		made.Switches(6000, 6, made.Busy[5], made.Preempted, made.Busy[6]),
	)
	h := made.Bench("6.1.0", 7)
	h.CPU = nil
	h.Task[61] = parser.TaskInfo{PID: 61, Comm: "pinned", Affinity: fact.Seen(cpumask.Of(2), "")}
	s := replayScene(t, made.Record(ev...), h, Plan{})
	for i, want := range []struct {
		known, selected bool
		reason          place.Reason
		bounded         bool
	}{
		{}, // ksmd stays on 6
		{true, true, "", false},
		{}, // ksmd stays on 7
		{true, false, place.ReasonCurrent, true},
		{true, false, place.ReasonOnRq, true},
		{true, false, place.ReasonOneCPU, true},
		{},
		{true, false, place.ReasonOneCPU, true},
	} {
		w := &s.wakeups[i]
		if w.SelectionKnown != want.known || w.Selection != want.selected || w.Original.Reason != want.reason || w.Original.Bounded != want.bounded || w.Moved != decide.MovedNo {
			t.Errorf("wakeup %d of %s: selection %v (known %v), %s, bounded %v, moved %s; want %+v", w.N, w.Task.Comm, w.Selection, w.SelectionKnown, w.Original.Reason, w.Original.Bounded, w.Moved, want)
		}
	}
	if f := s.Fidelity; f.Decisions != f.Unjudged || f.Exact != 0 || f.PossibleMean() != 0 {
		t.Errorf("fidelity %+v", f)
	}
	k := s.cpu(t, 7)
	if len(k.Stays) != 1 || k.Stays[0].How != account.CameByWakeup || k.Stays[0].Runs != 2 || k.Owner == nil {
		t.Errorf("intrusions: %+v", k.Stays)
	}
	if !s.doubts(UnknownTopology) || s.doubts(UnknownIsolation) {
		t.Errorf("unknown: %+v", s.Unknown)
	}
}

func (s *scene) doubts(what UnknownKind) bool {
	for _, u := range s.Unknown {
		if u.Kind == what {
			return true
		}
	}
	return false
}

// --isolated alone gives the intrusions.
func TestIsolatedAlone(t *testing.T) {
	h := &parser.Host{Isolated: fact.Seen(cpumask.Of(7), "--isolated"), Stated: []parser.StatedAffinity{{Name: "ksmd", PID: parser.NoPID, CPUs: cpumask.Range(0, 7)}}}
	s := replayScene(t, made.Record(made.Incident(4)...), h, Plan{Owner: "poller"})
	k := s.cpu(t, 7)
	if len(k.Stays) != 1 || k.Stays[0].Task.PID != made.Ksmd.PID || k.Stays[0].Runs != 4 || k.Stays[0].RunNS != 200*made.Microsecond || k.Time[account.ClassForeign] != 200*made.Microsecond {
		t.Errorf("stays %+v, time %v", k.Stays, k.Time)
	}
	if k.Owner == nil || k.Owner.PID != made.Poller.PID {
		t.Errorf("owner %+v", k.Owner)
	}
	if s.Settled.Assumed == "" {
		t.Errorf("settled %+v", s.Settled)
	}
}

// Nothing is isolated, or it is not known: a sensible result without intrusions.
func TestNoIsolation(t *testing.T) {
	for name, iso := range map[string]fact.Fact[cpumask.Mask]{"none": fact.Seen(cpumask.Mask{}, "/proc/cmdline"), "unknown": {}} {
		h := made.Bench("6.1.0")
		h.Isolated = iso
		s := replayScene(t, made.Record(made.Incident(2)...), h, Plan{})
		if len(s.CPUs) != 0 || len(s.Focus) != 0 || len(s.Landings) != 0 || s.Fidelity.Decisions == 0 {
			t.Errorf("%s: %d CPUs looked at, %d landings, %d decisions", name, len(s.CPUs), len(s.Landings), s.Fidelity.Decisions)
		}
		if s.wakeups[1].Isolated || s.wakeups[1].IsolatedKnown != iso.Known() {
			t.Errorf("%s: isolated %v, known %v", name, s.wakeups[1].Isolated, s.wakeups[1].IsolatedKnown)
		}
		if s.doubts(UnknownIsolation) == iso.Known() {
			t.Errorf("%s: unknown %+v", name, s.Unknown)
		}
	}
}

// A capture without events, and one whose reading ended early.
func TestEmptyAndPartial(t *testing.T) {
	s := replayScene(t, made.Record(), made.Bench("6.1.0", 7), Plan{})
	if s.Wakeups != 0 || len(s.CPUs) != 1 || len(s.CPUs[0].Stays) != 0 || s.Partial != nil {
		t.Errorf("empty: %+v", s.Result)
	}
	sum := int64(0)
	for _, ns := range s.CPUs[0].Time {
		sum += ns
	}
	if sum != 0 {
		t.Errorf("an empty window lasts %d ns", sum)
	}
	rec := made.Record(made.Incident(2)...)
	rec.Err = parser.ErrTruncated
	if s = replayScene(t, rec, made.Bench("6.1.0", 7), Plan{}); !errors.Is(s.Partial, parser.ErrTruncated) || s.Wakeups != 3 {
		t.Errorf("cut short: %v, %d wakeups", s.Partial, s.Wakeups)
	}
}

// What is missing is counted.
func TestCounts(t *testing.T) {
	over := made.At(0, parser.KindOverwritten, -1)
	over.Count = 1000
	hole := made.At(2000, parser.KindHole, 3)
	hole.Start = 1900 * made.Microsecond
	ev := append([]parser.Event{over}, made.Incident(1)...)
	ev = append(ev, made.Lost(1950, 2, 1940, 7), made.Lost(1960, 2, 1950, -1), hole, made.At(2001, parser.KindDamaged, -1), made.At(2002, parser.KindOther, 2))
	s := replayScene(t, made.Record(ev...), made.Bench("6.1.0", 7), Plan{})
	if s.Lost != 7 || s.LostUnknown != 1 || s.Holes != 1 || s.Damaged != 1 || s.Overwritten != 1000 {
		t.Errorf("lost %d and %d, holes %d, damaged %d, overwritten %d", s.Lost, s.LostUnknown, s.Holes, s.Damaged, s.Overwritten)
	}
	total := int64(0)
	for _, n := range s.Events {
		total += n
	}
	if total != int64(len(ev)) || s.Events[parser.KindWaking] != 2 {
		t.Errorf("%d events of %d: %v", total, len(ev), s.Events)
	}
}

// Slices alone, as perf sched timehist prints them: runs, intrusions, the owner's
// delays, and wakeups where a sch delay tells of one, without a word on placements.
func TestSlices(t *testing.T) {
	h := made.Bench("6.1.0", 7)
	h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	rec := made.Record(
		made.Ran(100, 7, made.Poller, 50, 0),
		made.Ran(120, 0, made.Busy[0], 20, 0),
		made.Ran(90, 1, made.Other, 80, 0),
		made.Ran(150, 7, made.Other, 110, 3),   // woken at 107
		made.Ran(300, 7, made.Poller, 150, 40), // woken at 110, other ran on
		made.Ran(400, 7, made.Poller, 350, 5),
	)
	rec.About.HasWakings = false
	s := replayScene(t, rec, h, Plan{})
	if s.Start != 20*made.Microsecond || s.End != 400*made.Microsecond || s.Wakeups != 3 {
		t.Errorf("window %d to %d, %d wakeups", s.Start, s.End, s.Wakeups)
	}
	for i, want := range []struct {
		at, task  int32
		prev, cpu int
	}{{107, made.Other.PID, 1, 7}, {110, made.Poller.PID, 7, 7}, {345, made.Poller.PID, 7, 7}} {
		w := s.wakeups[i]
		if w.Time != int64(want.at)*made.Microsecond || w.Task.PID != want.task || w.PrevCPU != want.prev || w.RecordedCPU != want.cpu || w.RecordedFrom != fact.Reconstructed ||
			w.WakerCPU >= 0 || w.Waker.PID >= 0 || w.Original.Bounded != (want.task == made.Poller.PID) { // bound to its CPU
			t.Errorf("wakeup %d: %+v", i, w)
		}
	}
	if w := s.wakeups[0]; w.SelectionKnown || s.Unplaced != 1 {
		t.Errorf("that a task ran elsewhere next is no proof of a selection: %d without an answer, %+v", s.Unplaced, w)
	}
	k := s.cpu(t, 7)
	if k.Owner == nil || k.Owner.PID != made.Poller.PID || k.Time[account.ClassOwner] != 250*made.Microsecond || k.Time[account.ClassForeign] != 40*made.Microsecond || k.Time[account.ClassUnknown] != 90*made.Microsecond {
		t.Errorf("owner %+v, time %v", k.Owner, k.Time)
	}
	if len(k.Stays) != 1 || k.Stays[0].Runs != 1 || k.Stays[0].RunNS != 40*made.Microsecond || k.Stays[0].CutRuns != 0 {
		t.Errorf("stays %+v", k.Stays[0])
	}
	if st := k.Stays[0]; st.How != account.CameByWakeup || st.FromCPU != 1 || st.Arrived != 107*made.Microsecond || st.PatchedCertain != 0 || st.PatchedPossible != 1 || st.PatchedRunNS != 0 || st.PatchedRunMaxNS != 40*made.Microsecond {
		t.Errorf("the way in: %+v", st)
	}
	if w := &k.Waits[account.SchDelay]; w.Free.Count() != 1 || w.Free.Max() != 5*made.Microsecond || w.Intruded.Count() != 1 || w.Intruded.Max() != 40*made.Microsecond {
		t.Errorf("delays: %d up to %d, intruded %d up to %d", w.Free.Count(), w.Free.Max(), w.Intruded.Count(), w.Intruded.Max())
	}
	for _, r := range s.runs {
		if r.CutStart || r.CutEnd {
			t.Errorf("a printed slice is whole: %+v", r)
		}
	}
	if !s.doubts(UnknownSliceWakeups) {
		t.Errorf("unknown: %+v", s.Unknown)
	}
}

// A slice says nothing of who runs on its CPU now: wakings among slices
// (timehist -w) find every CPU unknown.
func TestWakingsAmongSlices(t *testing.T) {
	s := replayScene(t, made.Record(
		made.Ran(100, 6, made.Busy[6], 50, 0), made.Ran(101, 7, made.Poller, 50, 0), made.Ran(102, 0, made.Busy[0], 50, 0),
		made.Waking(200, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(201, 6, made.Busy[6], made.Ksmd, 6),
		made.Ran(300, 6, made.Busy[6], 150, 0),
	), made.Bench("6.1.0", 7), Plan{})
	if w := s.of(made.Ksmd)[0]; w.Original.Certain() || !w.Original.Possible.Test(7) || !w.Original.Possible.Test(6) {
		t.Errorf("possible %s by %s", w.Original.Possible, w.Original.Path)
	}
}

// A recording of one CPU knows nothing of the others' idleness.
func TestOneCPURecorded(t *testing.T) {
	rec := made.Record(
		made.Switches(1, 7, made.Swapper, made.Runnable, made.Poller), made.Switches(100, 7, made.Poller, made.Sleeps, made.Swapper),
		made.Waking(200, 7, made.Swapper, made.Ksmd, 7), made.Wakeup(203, 7, made.Swapper, made.Ksmd, 7), made.Switches(205, 7, made.Swapper, made.Runnable, made.Ksmd), made.Switches(300, 7, made.Ksmd, made.Sleeps, made.Swapper),
		made.Waking(400, 7, made.Swapper, made.Ksmd, 5), made.Migrates(401, 7, made.Swapper, made.Ksmd, 5, 6),
		made.Switches(500, 7, made.Swapper, made.Runnable, made.Poller),
	)
	rec.About.RecordedCPUs = cpumask.Of(7)
	s := replayScene(t, rec, made.Bench("6.1.0", 7), Plan{})
	w := s.of(made.Ksmd)
	if w[0].RecordedCPU != 7 || w[0].Original.CPU != 7 {
		t.Errorf("on the CPU recorded: %+v", w[0])
	}
	if w[1].RecordedCPU != 6 || w[1].Original.Certain() || !w[1].Original.Possible.Test(6) || w[1].ModelMiss {
		t.Errorf("elsewhere everything is possible: %+v", w[1].Original)
	}
	if !s.doubts(UnknownElsewhere) {
		t.Errorf("unknown %+v", s.Unknown)
	}
}

// Where it is not known whether the task was still queued, neither is whether the
// selector ran.
func TestSelectionUnknown(t *testing.T) {
	ev := append(made.Crowd()[:7],
		made.Waking(100, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(101, 6, made.Busy[6], made.Ksmd, 6), made.Switches(105, 6, made.Busy[6], made.Preempted, made.Ksmd),
		made.Lost(500, 6, 110, 1), // whether it went to sleep is lost
		made.Switches(600, 6, made.Busy[6], made.Preempted, made.Busy[6]),
		made.Waking(1000, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(1002, 6, made.Busy[6], made.Ksmd, 6), made.Waking(1010, 6, made.Busy[6], made.Other, 5), made.Migrates(1011, 6, made.Busy[6], made.Other, 5, 4), made.Wakeup(1012, 4, made.Busy[4], made.Other, 4))
	s := replayScene(t, made.Record(ev...), made.Bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span"}})
	for _, c := range []struct {
		task  parser.Task
		n     int
		known bool
	}{{made.Ksmd, 0, true}, {made.Ksmd, 1, false}, {made.Other, 0, true}} {
		if w := s.of(c.task)[c.n]; w.SelectionKnown != c.known {
			t.Errorf("wakeup %d of %s: selection %v, known %v; %s", c.n, c.task.Comm, w.Selection, w.SelectionKnown, w.Original.Path)
		}
	}
}

// Without sched_wakeup a wakee is taken to be queued at once where the CPU chosen
// is busy. If that CPU goes idle instead, the wakee is on its way still, also where
// the selection moved it there.
func TestIdleWithWakeeUnderWay(t *testing.T) {
	h := made.Bench("6.1.0", 7)
	h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 6), "")}
	for _, prev := range []int32{1, 6} {
		ev := append(made.Crowd(), made.Waking(100, 1, made.Busy[1], made.Other, prev))
		if prev != 6 {
			ev = append(ev, made.Migrates(103, 1, made.Busy[1], made.Other, prev, 6))
		}
		ev = append(ev,
			made.Switches(110, 1, made.Busy[1], made.Preempted, made.Busy[1]), made.Switches(200, 6, made.Busy[6], made.Sleeps, made.Swapper),
			made.Waking(250, 6, made.Swapper, made.Busy[6], 6), made.Switches(260, 6, made.Swapper, made.Runnable, made.Other), made.Switches(900, 6, made.Other, made.Sleeps, made.Busy[6]))
		w := replayScene(t, made.Record(ev...), h, Plan{}).of(made.Busy[6])
		if o := w[len(w)-1].Original; o.Path == place.PathTargetIdle {
			t.Errorf("from CPU %d: CPU 6 looks idle with a task under way to it: CPU %d by %s, possible %s", prev, o.CPU, o.Path, o.Possible)
		}
	}
}

// Where the recording does not show where a wakee went, it is not known to be queued
// anywhere when it is woken again.
func TestGuessedPlaceIsNoQueue(t *testing.T) {
	s := replayScene(t, made.Record(append(made.Crowd(),
		made.Waking(100, 6, made.Busy[6], made.Ksmd, 6), made.Switches(200, 6, made.Busy[6], made.Preempted, made.Busy[6]), // no sched_wakeup, no sched_migrate_task
		made.Waking(5000, 0, made.Busy[0], made.Ksmd, 6), made.Switches(5100, 0, made.Busy[0], made.Preempted, made.Busy[0]))...), made.Bench("6.1.0", 7), Plan{})
	w := s.of(made.Ksmd)
	if w[0].RecordedCPU >= 0 || w[1].Original.Certain() || w[1].SelectionKnown {
		t.Errorf("recorded on %d, then %s (%s), possible %s, selection known %v", w[0].RecordedCPU, w[1].Original.Path, w[1].Original.Reason, w[1].Original.Possible, w[1].SelectionKnown)
	}
}

// A task that was sent to a CPU that did not record yet may have run there and slept: its
// next waking is not known to find it queued.
func TestSentToCPUNotRecorded(t *testing.T) {
	const begins = 500_000 // us
	var events []parser.Event
	for _, ev := range made.Crowd() {
		if ev.CPU == 3 {
			ev.Time = begins * made.Microsecond
		}
		events = append(events, ev)
	}
	events = append(events, made.Waking(100, 6, made.Busy[6], made.Other, 3), made.Switches(110, 6, made.Busy[6], made.Preempted, made.Busy[6]),
		made.Waking(begins+100, 6, made.Busy[6], made.Other, 3), made.Migrates(begins+101, 6, made.Busy[6], made.Other, 3, 6))
	for c := int32(0); c < 7; c++ { // they record to the end
		events = append(events, made.Switches(begins+1000+int64(c), c, made.Busy[c], made.Preempted, made.Busy[c]))
	}
	slices.SortStableFunc(events, func(a, b parser.Event) int { return cmp.Compare(a.Time, b.Time) })
	w := replayScene(t, made.Record(events...), made.Bench("6.1", 7), Plan{Original: "6.1"}).of(made.Other)
	if len(w) != 2 || w[1].ModelMiss || !w[1].Original.Possible.Test(6) {
		t.Errorf("%d wakeups, the last possible on %s by %s, miss %v", len(w), w[1].Original.Possible, w[1].Original.Reason, w[1].ModelMiss)
	}
}
