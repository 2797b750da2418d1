package replay

import (
	"errors"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// What "moved" says: the kernels compared under the same unknown facts.
func TestMoved(t *testing.T) {
	both := Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}}
	one := Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span"}}
	// Whether an idle core is advertised is open where every CPU was idle when the
	// capture began: the core scan's fallback leaks too, with smt-span alone.
	open := incident(1)
	for c := range int32(7) {
		open[c].Task, open[c].Cur, open[c].State = swapper, swapper, runnable
	}
	inexplicable := append(incident(0)[:len(incident(0))-1], waking(1000, 6, busy[6], ksmd, 6), migrates(1001, 6, busy[6], ksmd, 6, 3), wakeup(1002, 3, busy[3], ksmd, 3))
	assumed := func(h *parser.Host) { h.Task = nil }
	for _, c := range []struct {
		name     string
		events   []parser.Event
		o        Plan
		change   func(*parser.Host)
		n        int // which wakeup of ksmd
		moved    Moved
		miss     bool
		certainO bool
	}{
		{"both kernels choose alike", incident(1), both, nil, 0, MovedNo, false, true},
		{"they differ whatever is unknown, given what was recorded", incident(1), both, nil, 1, MovedCertain, false, false},
		{"they differ under some answers", open, one, nil, 1, MovedPossible, false, false},
		{"the same answers, with both leaks closed", open, both, nil, 1, MovedCertain, false, false},
		{"assumed affinities make it possible at most", incident(1), both, assumed, 1, MovedPossible, false, false},
		{"the original cannot have chosen that CPU", inexplicable, both, nil, 1, MovedPossible, true, false},
		{"neither, nor does the patch matter", inexplicable, Plan{Original: "6.1.0+smt-span+core-span", Patched: []string{"6.12"}}, nil, 1, MovedNo, true, true},
	} {
		h := bench("6.1.0", 7)
		if c.change != nil {
			c.change(h)
		}
		s := replayScene(t, record(c.events...), h, c.o)
		w := s.of(ksmd)[c.n]
		if w.Moved != c.moved || w.ModelMiss != c.miss || w.Original.Certain() != c.certainO {
			t.Errorf("%s: moved %s, miss %v, original %s %s (certain %v), patched %s %s; want %s, %v, %v", c.name, w.Moved, w.ModelMiss,
				w.Original.Possible, w.Original.Path, w.Original.Certain(), w.Patched.Possible, w.Patched.Path, c.moved, c.miss, c.certainO)
		}
	}
}

// A decision that the original cannot have made takes nobody elsewhere: what is
// believed is wrong, and the patched kernel was asked under it.
func TestMissLeavesTaskInPlace(t *testing.T) {
	ev := append(incident(0)[:len(incident(0))-1],
		waking(1000, 6, busy[6], ksmd, 6), migrates(1001, 6, busy[6], ksmd, 6, 3), wakeup(1002, 3, busy[3], ksmd, 3),
		switches(1010, 3, busy[3], preempted, ksmd), switches(1050, 3, ksmd, sleeps, busy[3]), waking(2000, 3, busy[3], ksmd, 3), wakeup(2002, 3, busy[3], ksmd, 3))
	s := replayScene(t, record(ev...), bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	w := s.of(ksmd)
	if miss := w[1]; !miss.ModelMiss || miss.Original.CPU == miss.Patched.CPU || miss.Moved != MovedPossible {
		t.Fatalf("the miss: %+v", miss)
	}
	if next := w[2]; next.DivergedSince != 0 || next.Patched.Prev != 3 {
		t.Errorf("after it: diverged since %d, on CPU %d", next.DivergedSince, next.Patched.Prev)
	}
}

// Fidelity counts selections of fair tasks whose CPU was recorded.
func TestFidelity(t *testing.T) {
	rt := aTask(400, "rt", 40)
	ev := append(incident(2),
		waking(5000, 6, busy[5], rt, 5), wakeup(5002, 5, swapper, rt, 5),
		waking(5100, 5, ksmd, ksmd, 7),     // itself: no selection
		waking(5200, 0, busy[0], other, 2), // nothing more is seen of it
	)
	s := replayScene(t, record(ev...), bench("6.1.0", 7), Plan{Original: "6.1.0"})
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
	pinned := aTask(61, "pinned", 120)
	ev := append(incident(2),
		waking(5000, 0, busy[0], busy[0], 0),                                       // itself
		waking(5010, 1, busy[1], busy[5], 6), wakeup(5011, 1, busy[1], busy[5], 6), // current on CPU 6
		waking(5020, 1, busy[1], pinned, 2), wakeup(5021, 2, busy[2], pinned, 2), // one CPU
		waking(5030, 1, busy[1], other, 4), wakeup(5031, 4, busy[4], other, 4), // stays: who knows
		waking(5040, 1, busy[1], poller, 7), wakeup(5042, 7, swapper, poller, 7), // one CPU
		switches(6000, 6, busy[5], preempted, busy[6]),
	)
	h := bench("6.1.0", 7)
	h.CPU = nil
	h.Task[61] = parser.TaskInfo{PID: 61, Comm: "pinned", Affinity: fact.Seen(cpumask.Of(2), "")}
	s := replayScene(t, record(ev...), h, Plan{})
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
		if w.SelectionKnown != want.known || w.Selection != want.selected || w.Original.Reason != want.reason || w.Original.Bounded != want.bounded || w.Moved != MovedNo {
			t.Errorf("wakeup %d of %s: selection %v (known %v), %s, bounded %v, moved %s; want %+v", w.N, w.Task.Comm, w.Selection, w.SelectionKnown, w.Original.Reason, w.Original.Bounded, w.Moved, want)
		}
	}
	if f := s.Fidelity; f.Decisions != f.Unjudged || f.Exact != 0 || f.PossibleMean() != 0 {
		t.Errorf("fidelity %+v", f)
	}
	k := s.cpu(t, 7)
	if len(k.Stays) != 1 || k.Stays[0].How != CameByWakeup || k.Stays[0].Runs != 2 || k.Owner == nil {
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
	s := replayScene(t, record(incident(4)...), h, Plan{Owner: "poller"})
	k := s.cpu(t, 7)
	if len(k.Stays) != 1 || k.Stays[0].Task.PID != ksmd.PID || k.Stays[0].Runs != 4 || k.Stays[0].RunNS != 200*us || k.Time[ClassForeign] != 200*us {
		t.Errorf("stays %+v, time %v", k.Stays, k.Time)
	}
	if k.Owner == nil || k.Owner.PID != poller.PID {
		t.Errorf("owner %+v", k.Owner)
	}
	if s.Settled.Assumed == "" {
		t.Errorf("settled %+v", s.Settled)
	}
}

// Nothing is isolated, or it is not known: a sensible result without intrusions.
func TestNoIsolation(t *testing.T) {
	for name, iso := range map[string]fact.Fact[cpumask.Mask]{"none": fact.Seen(cpumask.Mask{}, "/proc/cmdline"), "unknown": {}} {
		h := bench("6.1.0")
		h.Isolated = iso
		s := replayScene(t, record(incident(2)...), h, Plan{})
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
	s := replayScene(t, record(), bench("6.1.0", 7), Plan{})
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
	rec := record(incident(2)...)
	rec.err = parser.ErrTruncated
	if s = replayScene(t, rec, bench("6.1.0", 7), Plan{}); !errors.Is(s.Partial, parser.ErrTruncated) || s.Wakeups != 3 {
		t.Errorf("cut short: %v, %d wakeups", s.Partial, s.Wakeups)
	}
}

// What is missing is counted.
func TestCounts(t *testing.T) {
	over := at(0, parser.KindOverwritten, -1)
	over.Count = 1000
	hole := at(2000, parser.KindHole, 3)
	hole.Start = 1900 * us
	ev := append([]parser.Event{over}, incident(1)...)
	ev = append(ev, lost(1950, 2, 1940, 7), lost(1960, 2, 1950, -1), hole, at(2001, parser.KindDamaged, -1), at(2002, parser.KindOther, 2))
	s := replayScene(t, record(ev...), bench("6.1.0", 7), Plan{})
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
	h := bench("6.1.0", 7)
	h.Task[other.PID] = parser.TaskInfo{PID: other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	rec := record(
		ran(100, 7, poller, 50, 0),
		ran(120, 0, busy[0], 20, 0),
		ran(90, 1, other, 80, 0),
		ran(150, 7, other, 110, 3),   // woken at 107
		ran(300, 7, poller, 150, 40), // woken at 110, other ran on
		ran(400, 7, poller, 350, 5),
	)
	rec.meta.HasWakings = false
	s := replayScene(t, rec, h, Plan{})
	if s.Start != 20*us || s.End != 400*us || s.Wakeups != 3 {
		t.Errorf("window %d to %d, %d wakeups", s.Start, s.End, s.Wakeups)
	}
	for i, want := range []struct {
		at, task  int32
		prev, cpu int
	}{{107, other.PID, 1, 7}, {110, poller.PID, 7, 7}, {345, poller.PID, 7, 7}} {
		w := s.wakeups[i]
		if w.Time != int64(want.at)*us || w.Task.PID != want.task || w.PrevCPU != want.prev || w.RecordedCPU != want.cpu || w.RecordedFrom != fact.Reconstructed ||
			w.WakerCPU >= 0 || w.Waker.PID >= 0 || w.Original.Bounded != (want.task == poller.PID) { // bound to its CPU
			t.Errorf("wakeup %d: %+v", i, w)
		}
	}
	if w := s.wakeups[0]; w.SelectionKnown || s.Unplaced != 1 {
		t.Errorf("that a task ran elsewhere next is no proof of a selection: %d without an answer, %+v", s.Unplaced, w)
	}
	k := s.cpu(t, 7)
	if k.Owner == nil || k.Owner.PID != poller.PID || k.Time[ClassOwner] != 250*us || k.Time[ClassForeign] != 40*us || k.Time[ClassUnknown] != 90*us {
		t.Errorf("owner %+v, time %v", k.Owner, k.Time)
	}
	if len(k.Stays) != 1 || k.Stays[0].Runs != 1 || k.Stays[0].RunNS != 40*us || k.Stays[0].CutRuns != 0 {
		t.Errorf("stays %+v", k.Stays[0])
	}
	if st := k.Stays[0]; st.How != CameByWakeup || st.FromCPU != 1 || st.Arrived != 107*us || st.PatchedCertain != 0 || st.PatchedPossible != 1 || st.PatchedRunNS != 0 || st.PatchedRunMaxNS != 40*us {
		t.Errorf("the way in: %+v", st)
	}
	if k.OwnerDelay.Count() != 1 || k.OwnerDelay.Max() != 5*us || k.OwnerDelayIntruded.Count() != 1 || k.OwnerDelayIntruded.Max() != 40*us {
		t.Errorf("delays: %d up to %d, intruded %d up to %d", k.OwnerDelay.Count(), k.OwnerDelay.Max(), k.OwnerDelayIntruded.Count(), k.OwnerDelayIntruded.Max())
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
	s := replayScene(t, record(
		ran(100, 6, busy[6], 50, 0), ran(101, 7, poller, 50, 0), ran(102, 0, busy[0], 50, 0),
		waking(200, 6, busy[6], ksmd, 6), wakeup(201, 6, busy[6], ksmd, 6),
		ran(300, 6, busy[6], 150, 0),
	), bench("6.1.0", 7), Plan{})
	if w := s.of(ksmd)[0]; w.Original.Certain() || !w.Original.Possible.Test(7) || !w.Original.Possible.Test(6) {
		t.Errorf("possible %s by %s", w.Original.Possible, w.Original.Path)
	}
}

// A recording of one CPU knows nothing of the others' idleness.
func TestOneCPURecorded(t *testing.T) {
	rec := record(
		switches(1, 7, swapper, runnable, poller), switches(100, 7, poller, sleeps, swapper),
		waking(200, 7, swapper, ksmd, 7), wakeup(203, 7, swapper, ksmd, 7), switches(205, 7, swapper, runnable, ksmd), switches(300, 7, ksmd, sleeps, swapper),
		waking(400, 7, swapper, ksmd, 5), migrates(401, 7, swapper, ksmd, 5, 6),
		switches(500, 7, swapper, runnable, poller),
	)
	rec.meta.RecordedCPUs = cpumask.Of(7)
	s := replayScene(t, rec, bench("6.1.0", 7), Plan{})
	w := s.of(ksmd)
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
	ev := append(crowd()[:7],
		waking(100, 6, busy[6], ksmd, 6), wakeup(101, 6, busy[6], ksmd, 6), switches(105, 6, busy[6], preempted, ksmd),
		lost(500, 6, 110, 1), // whether it went to sleep is lost
		switches(600, 6, busy[6], preempted, busy[6]),
		waking(1000, 6, busy[6], ksmd, 6), wakeup(1002, 6, busy[6], ksmd, 6), waking(1010, 6, busy[6], other, 5), migrates(1011, 6, busy[6], other, 5, 4), wakeup(1012, 4, busy[4], other, 4))
	s := replayScene(t, record(ev...), bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span"}})
	for _, c := range []struct {
		task  parser.Task
		n     int
		known bool
	}{{ksmd, 0, true}, {ksmd, 1, false}, {other, 0, true}} {
		if w := s.of(c.task)[c.n]; w.SelectionKnown != c.known {
			t.Errorf("wakeup %d of %s: selection %v, known %v; %s", c.n, c.task.Comm, w.Selection, w.SelectionKnown, w.Original.Path)
		}
	}
}

// Without sched_wakeup a wakee is taken to be queued at once where the CPU chosen
// is busy. If that CPU goes idle instead, the wakee is on its way still, also where
// the selection moved it there.
func TestIdleWithWakeeUnderWay(t *testing.T) {
	h := bench("6.1.0", 7)
	h.Task[other.PID] = parser.TaskInfo{PID: other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 6), "")}
	for _, prev := range []int32{1, 6} {
		ev := append(crowd(), waking(100, 1, busy[1], other, prev))
		if prev != 6 {
			ev = append(ev, migrates(103, 1, busy[1], other, prev, 6))
		}
		ev = append(ev,
			switches(110, 1, busy[1], preempted, busy[1]), switches(200, 6, busy[6], sleeps, swapper),
			waking(250, 6, swapper, busy[6], 6), switches(260, 6, swapper, runnable, other), switches(900, 6, other, sleeps, busy[6]))
		w := replayScene(t, record(ev...), h, Plan{}).of(busy[6])
		if o := w[len(w)-1].Original; o.Path == place.PathTargetIdle {
			t.Errorf("from CPU %d: CPU 6 looks idle with a task under way to it: CPU %d by %s, possible %s", prev, o.CPU, o.Path, o.Possible)
		}
	}
}

// Where the recording does not show where a wakee went, it is not known to be queued
// anywhere when it is woken again.
func TestGuessedPlaceIsNoQueue(t *testing.T) {
	s := replayScene(t, record(append(crowd(),
		waking(100, 6, busy[6], ksmd, 6), switches(200, 6, busy[6], preempted, busy[6]), // no sched_wakeup, no sched_migrate_task
		waking(5000, 0, busy[0], ksmd, 6), switches(5100, 0, busy[0], preempted, busy[0]))...), bench("6.1.0", 7), Plan{})
	w := s.of(ksmd)
	if w[0].RecordedCPU >= 0 || w[1].Original.Certain() || w[1].SelectionKnown {
		t.Errorf("recorded on %d, then %s (%s), possible %s, selection known %v", w[0].RecordedCPU, w[1].Original.Path, w[1].Original.Reason, w[1].Original.Possible, w[1].SelectionKnown)
	}
}
