package replay

import (
	"slices"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// One wakeup lets the task in; all the later ones are its consequence. Under
// the patched kernel not one of them is on the isolated CPU.
func TestEntryAndItsConsequences(t *testing.T) {
	const n = 20
	s := replayScene(t, record(incident(n)...), bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	k := s.cpu(t, 7)
	if len(k.Stays) != 1 {
		t.Fatalf("%d stays", len(k.Stays))
	}
	st := k.Stays[0]
	e := st.Entry
	if e == nil || st.How != CameByWakeup || st.FromCPU != 6 || e.PrevCPU != 6 || e.RecordedCPU != 7 || e.Path != place.PathIdleSMT || e.Explanation == nil {
		t.Fatalf("entry: %+v", e)
	}
	if e.WakerContext != WakerHardirq || e.Waker.PID != busy[6].PID || e.WakerCPU != 6 || e.Time != 1000*us {
		t.Errorf("woken by %+v (%s) on CPU %d at %d", e.Waker, e.WakerContext, e.WakerCPU, e.Time)
	}
	if st.Wakings != n-1 || st.Selections != n-1 || st.StayedPut != n-1 || st.Runs != n || st.RunNS != n*50*us || st.CutRuns != 0 {
		t.Errorf("%d wakings, %d selections, %d stayed put, %d runs of %d ns, %d cut", st.Wakings, st.Selections, st.StayedPut, st.Runs, st.RunNS, st.CutRuns)
	}
	if st.PatchedCertain != 0 || st.PatchedPossible != 0 || st.PatchedRunNS != 0 || st.PatchedRunMaxNS != 0 {
		t.Errorf("patched: %d certain, %d possible, %d to %d ns", st.PatchedCertain, st.PatchedPossible, st.PatchedRunNS, st.PatchedRunMaxNS)
	}
	if st.Arrived != 1000*us || st.Left != parser.NoTime || st.Task.Comm != "ksmd" || st.Class != ClassForeign {
		t.Errorf("stay: %+v", st)
	}
	wakes := s.of(ksmd)
	if len(wakes) != n+1 {
		t.Fatalf("%d wakeups of ksmd", len(wakes))
	}
	if w := &wakes[0]; w.Moved != MovedNo || w.RecordedCPU != 6 || w.Original.CPU != 6 || w.Patched.CPU != 6 || w.Isolated {
		t.Errorf("before: %+v", w)
	}
	wakes = wakes[1:]
	for i, w := range wakes {
		if !w.Selection || !w.SelectionKnown || !w.Isolated || !w.IsolatedKnown || w.ModelMiss {
			t.Errorf("wakeup %d: selection %v, isolated %v, miss %v", w.N, w.Selection, w.Isolated, w.ModelMiss)
		}
		if w.Patched.Possible.Test(7) {
			t.Errorf("wakeup %d: the patched kernel may choose %s", w.N, w.Patched.Possible)
		}
		if i == 0 {
			if w.DivergedSince != 0 || w.Original.CPU != 7 || w.Moved != MovedCertain {
				t.Errorf("the entry: diverged since %d, predicted %d, moved %s", w.DivergedSince, w.Original.CPU, w.Moved)
			}
			continue
		}
		if w.DivergedSince != wakes[0].N {
			t.Errorf("wakeup %d diverged since %d, want %d", w.N, w.DivergedSince, wakes[0].N)
		}
		if w.Original.Path != place.PathTargetIdle || w.Original.Prev != 7 || !w.Original.Certain() || w.Moved != MovedCertain {
			t.Errorf("wakeup %d: original %+v, moved %s", w.N, w.Original, w.Moved)
		}
		if w.Patched.Prev == 7 {
			t.Errorf("wakeup %d: its CPU before is %d in the patched world", w.N, w.Patched.Prev)
		}
	}
	if s.MovedCertain != n || s.MovedPossible != 0 || len(s.Moved) != 1 || s.Moved[0].ToHousekeeping != n {
		t.Errorf("moved: %d certain, %d possible, %+v", s.MovedCertain, s.MovedPossible, s.Moved)
	}
	if len(s.Landings) != 1 || s.Landings[0].Recorded[7] != n || s.Landings[0].Patched[7] != 0 || s.Landings[0].RecordedRunNS[7] != n*50*us {
		t.Errorf("landings: %+v", s.Landings)
	}
	for _, r := range s.runs {
		if r.Task.PID == ksmd.PID && (r.Patched != MovedNo || r.Stay != 0 || r.Class != ClassForeign) {
			t.Errorf("run of ksmd: %+v", r)
		}
	}
}

// The same on the patched kernel against itself: nothing moves.
func TestSameKernelMovesNothing(t *testing.T) {
	s := replayScene(t, record(incident(5)...), bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0"}})
	if s.MovedCertain != 0 || s.MovedPossible != 0 || len(s.Moved) != 0 {
		t.Errorf("moved %d and %d", s.MovedCertain, s.MovedPossible)
	}
	if st := s.cpu(t, 7).Stays[0]; st.PatchedCertain != 5 || st.PatchedRunNS != st.RunNS {
		t.Errorf("patched: %+v", st)
	}
}

// How a task comes to an isolated CPU and goes, and what the fix does about it.
func TestWaysIn(t *testing.T) {
	child := aTask(900, "kid", 120)
	quiet := switches(9000, 6, busy[6], preempted, swapper) // the capture goes on
	free := map[int32]parser.TaskInfo{}
	for _, p := range []parser.Task{other, child} {
		free[p.PID] = parser.TaskInfo{PID: p.PID, Comm: p.Comm, Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	}
	for _, c := range []struct {
		name       string
		events     []parser.Event
		how        How
		from       int
		arrive     int64 // us
		left       int64 // us, 0 for still there
		wakings    int64
		put        int64 // stayed put
		runs, cut  int64
		inPatched  int64 // of the wakings
		patchedRun int64 // us
	}{
		{
			"resident at start: no entry, and no fix moves it",
			append(crowd(), waking(100, 7, swapper, other, 7), wakeup(101, 7, swapper, other, 7), switches(102, 7, swapper, runnable, other), switches(150, 7, other, sleeps, swapper),
				waking(200, 7, swapper, other, 7), wakeup(201, 7, swapper, other, 7), switches(202, 7, swapper, runnable, other), switches(250, 7, other, sleeps, swapper), quiet),
			CameBefore, parser.NoCPU, 1, 0, 2, 2, 2, 0, 2, 96,
		},
		{
			"runs there when the capture begins",
			append(crowd()[:7], switches(50, 7, other, sleeps, swapper), quiet),
			CameBefore, parser.NoCPU, 1, 0, 0, 0, 1, 1, 0, 49,
		},
		{
			"moved there while runnable",
			append(crowd(), switches(90, 5, busy[5], preempted, other), migrates(100, 7, swapper, busy[5], 5, 7), switches(102, 7, swapper, runnable, busy[5]), switches(150, 7, busy[5], preempted, swapper), quiet),
			CameByMigration, 5, 100, 0, 0, 0, 1, 0, 0, 48,
		},
		{
			"seen there, nobody knows how, nor whether the patched kernel brings it there",
			append(crowd(), lost(500, 7, 100, 7), switches(600, 7, other, sleeps, swapper), waking(700, 0, busy[0], other, 7), wakeup(701, 7, swapper, other, 7), quiet),
			CameUnseen, parser.NoCPU, 600, 0, 1, 1, 1, 1, 0, 0,
		},
		{
			"forked there",
			append(crowd(), forks(100, 7, other, child), wakeupNew(101, 7, other, child, 7), switches(110, 7, other, sleeps, child), switches(150, 7, child, dies, swapper), quiet),
			CameByWakeup, 7, 101, 150, 0, 0, 1, 0, 1, 40,
		},
		{
			"leaves by a wakeup elsewhere",
			append(incident(2), waking(4000, 1, busy[1], ksmd, 7), migrates(4001, 1, busy[1], ksmd, 7, 1), wakeup(4002, 1, busy[1], ksmd, 1), quiet),
			CameByWakeup, 6, 1000, 4000, 1, 1, 2, 0, 0, 0,
		},
		{
			"leaves by the load balancer",
			append(incident(1), waking(3000, 7, swapper, ksmd, 7), wakeup(3002, 7, swapper, ksmd, 7), migrates(3100, 2, swapper, ksmd, 7, 2), quiet),
			CameByWakeup, 6, 1000, 3100, 1, 1, 1, 0, 0, 0,
		},
		{
			"leaves unseen: it runs elsewhere",
			append(incident(1), switches(3000, 2, busy[2], preempted, ksmd), quiet),
			CameByWakeup, 6, 1000, 3000, 0, 0, 1, 0, 0, 0,
		},
		{
			"leaves for good: it exits",
			append(incident(1), waking(3000, 7, swapper, ksmd, 7), wakeup(3002, 7, swapper, ksmd, 7), switches(3003, 7, swapper, runnable, ksmd), exits(3010, 7, ksmd), switches(3020, 7, ksmd, dies, swapper), quiet),
			CameByWakeup, 6, 1000, 3020, 1, 1, 2, 0, 0, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := bench("6.1.0", 7)
			for pid, i := range free {
				h.Task[pid] = i
			}
			h.Task[busy[5].PID] = parser.TaskInfo{PID: busy[5].PID, Comm: "busy5", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
			s := replayScene(t, record(c.events...), h, Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
			var st *Stay
			for _, k := range s.cpu(t, 7).Stays {
				if st == nil || k.How == c.how && st.How != c.how {
					st = k
				}
			}
			if st == nil {
				t.Fatal("no stay")
			}
			left := int64(parser.NoTime)
			if c.left > 0 {
				left = c.left * us
			}
			if st.How != c.how || st.FromCPU != c.from || st.Arrived != c.arrive*us || st.Left != left {
				t.Errorf("came by %s from %d at %d us, left %d us; want %s, %d, %d, %d", st.How, st.FromCPU, st.Arrived/us, st.Left/us, c.how, c.from, c.arrive, c.left)
			}
			if (st.Entry != nil) != (c.how == CameByWakeup) {
				t.Errorf("entry: %+v", st.Entry)
			}
			if st.Wakings != c.wakings || st.StayedPut != c.put || st.Runs != c.runs || st.CutRuns != c.cut {
				t.Errorf("%d wakings, %d stayed put, %d runs, %d cut; want %d, %d, %d, %d", st.Wakings, st.StayedPut, st.Runs, st.CutRuns, c.wakings, c.put, c.runs, c.cut)
			}
			if st.PatchedCertain != c.inPatched || st.PatchedRunNS != c.patchedRun*us {
				t.Errorf("patched: %d there for %d us; want %d for %d", st.PatchedCertain, st.PatchedRunNS/us, c.inPatched, c.patchedRun)
			}
			closed := 0
			for _, k := range s.stays {
				if k.Task.PID == st.Task.PID && k.Arrived == st.Arrived {
					closed++
				}
			}
			if closed != 1 {
				t.Errorf("the stay was delivered %d times", closed)
			}
		})
	}
}

// A balancer move of a task that is elsewhere in the patched world cannot be
// applied there, and is counted.
func TestBalancerIgnored(t *testing.T) {
	ev := append(incident(1), waking(3000, 7, swapper, ksmd, 7), wakeup(3002, 7, swapper, ksmd, 7), migrates(3100, 2, swapper, ksmd, 7, 2), migrates(3200, 3, swapper, busy[4], 4, 3))
	s := replayScene(t, record(ev...), bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	if s.BalancerMoves != 2 || s.BalancerIgnored != 1 {
		t.Errorf("%d moves, %d ignored", s.BalancerMoves, s.BalancerIgnored)
	}
}

// A task that its own timer wakes where it sleeps is woken there in either
// world: on the isolated CPU as recorded, on a housekeeping CPU as patched.
func TestOwnTimerFollowsTheTask(t *testing.T) {
	s := replayScene(t, record(incident(3)...), bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	w := s.of(ksmd)[3]
	if w.Original.Target != 7 || w.Patched.Target == 7 || w.Patched.Prev != w.Patched.Target {
		t.Errorf("targets %d and %d (prev %d)", w.Original.Target, w.Patched.Target, w.Patched.Prev)
	}
	// Woken from elsewhere the waker stays where it was.
	ev := append(incident(2), waking(4000, 1, busy[1], ksmd, 7), wakeup(4003, 7, swapper, ksmd, 7))
	s = replayScene(t, record(ev...), bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	if w := s.of(ksmd)[3]; w.Patched.Prev == 7 || w.Patched.Possible.Test(7) {
		t.Errorf("woken by CPU 1: %+v", w.Patched)
	}
}

// A decision that passes a CPU by shows that it was not idle: for a while from then on
// that is out of the question, and before it, if nothing happened to the CPU.
func TestShownBusy(t *testing.T) {
	h := bench("6.1.83", 7)
	h.Task[other.PID] = parser.TaskInfo{PID: other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	asleep := aTask(301, "asleep", 120)
	woken := func(at int64) []parser.Event {
		return []parser.Event{
			waking(at, 4, busy[4], other, 4), wakeup(at+2, 4, busy[4], other, 4),
			switches(at+10, 4, busy[4], preempted, other), switches(at+100, 4, other, sleeps, busy[4]),
		}
	}
	start := append(crowd(),
		switches(100, 5, busy[5], sleeps, swapper),
		waking(200, 6, busy[6], asleep, 5), switches(300, 6, busy[6], preempted, busy[6])) // on its way to CPU 5, which does not take it
	end := []parser.Event{switches(9000, 6, busy[6], preempted, busy[6]), wakeup(9050, 5, swapper, asleep, 5)}
	arrives := switches(9100, 5, swapper, runnable, asleep)
	for _, c := range []struct {
		name          string
		first, second int64 // when other was woken, 0 for never
		later         []parser.Event
		want          [2]cpumask.Mask // of the first and of the last
	}{
		// 7: as recent_used_cpu, of which nothing is known yet.
		{"not asked about before", 0, 1800, nil, [2]cpumask.Mask{cpumask.Of(4, 5, 7), cpumask.Of(4, 5, 7)}},
		{"shown busy 0.2 ms before", 1600, 1800, nil, [2]cpumask.Mask{cpumask.Of(4, 5, 7), cpumask.Of(4)}},
		{"shown busy 1.8 ms before", 1000, 2800, nil, [2]cpumask.Mask{cpumask.Of(4, 5, 7), cpumask.Of(4, 5)}},
		{"shown busy 1.8 ms after", 1000, 2800, []parser.Event{arrives}, [2]cpumask.Mask{cpumask.Of(4, 7), cpumask.Of(4, 5)}},
		{
			"something happened between", 1000, 2800,
			[]parser.Event{waking(1500, 5, swapper, busy[0], 0), arrives},
			[2]cpumask.Mask{cpumask.Of(4, 5, 7), cpumask.Of(4, 5)},
		},
	} {
		ev := slices.Clone(start)
		if c.first > 0 {
			ev = append(ev, woken(c.first)...)
		}
		ev = append(append(append(ev, woken(c.second)...), end...), c.later...)
		slices.SortStableFunc(ev, func(a, b parser.Event) int { return int(a.Time - b.Time) })
		w := replayScene(t, record(ev...), h, Plan{}).of(other)
		for i, got := range []Placed{w[0].Original, w[len(w)-1].Original} {
			if !got.Possible.Equal(c.want[i]) || got.CPU != 4 {
				t.Errorf("%s: %d: CPU %d of %s, want 4 of %s", c.name, i, got.CPU, got.Possible, c.want[i])
			}
		}
	}
}

// Where it is not recorded what a selection chose, every CPU that it may have chosen may
// have the wakeup on its wake list.
func TestGuessedFlight(t *testing.T) {
	h := bench("6.1.83", 7)
	h.Task[other.PID] = parser.TaskInfo{PID: other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	asleep := aTask(301, "asleep", 120)
	h.Task[asleep.PID] = parser.TaskInfo{PID: asleep.PID, Comm: "asleep", Affinity: fact.Seen(cpumask.Of(0, 5), "")}
	for _, c := range []struct {
		name string
		more []parser.Event
		open bool
	}{
		{"it may have chosen 5", []parser.Event{waking(200, 6, busy[6], asleep, 5)}, true},
		{"nobody was woken", nil, false},
	} {
		ev := append(crowd(), switches(100, 5, busy[5], sleeps, swapper))
		ev = append(append(ev, c.more...), waking(1000, 4, busy[4], other, 5), wakeup(1002, 5, swapper, other, 5))
		w := replayScene(t, record(ev...), h, Plan{}).of(other)
		if got := w[0].Original; !got.Possible.Test(5) || got.Certain() == c.open {
			t.Errorf("%s: %s", c.name, got.Possible)
		}
	}
}

// A CPU whose task is about to sleep may look idle before its switch tells, if it was
// held up. Where sched_stat_runtime is recorded that tells when the task was dequeued;
// where it is not, the last millisecond is suspect.
func TestLeavingCPU(t *testing.T) {
	h := bench("6.1.83", 7)
	h.Task[other.PID] = parser.TaskInfo{PID: other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	charge := func(t int64, cpu int32, p parser.Task) parser.Event {
		ev := at(t, parser.KindStatRuntime, cpu)
		ev.Task, ev.Runtime = p, 1000
		return ev
	}
	for _, c := range []struct {
		name   string
		charge []parser.Event
		sleeps int64 // when CPU 5 goes idle
		open   bool
	}{
		{"it sleeps soon", nil, 1500, true},
		{"it sleeps late", nil, 2500, false},
		{"it was not dequeued yet", []parser.Event{charge(1200, 5, busy[5])}, 1500, false},
		{"it was dequeued", []parser.Event{charge(900, 5, busy[5])}, 2500, true},
	} {
		ev := append(crowd(),
			waking(1000, 4, busy[4], other, 4), wakeup(1002, 4, busy[4], other, 4), switches(1010, 4, busy[4], preempted, other),
			switches(c.sleeps, 5, busy[5], sleeps, swapper), switches(9000, 6, busy[6], preempted, busy[6]))
		ev = append(ev, c.charge...)
		slices.SortStableFunc(ev, func(a, b parser.Event) int { return int(a.Time - b.Time) })
		w := replayScene(t, record(ev...), h, Plan{}).of(other)
		if got := w[0].Original; got.CPU != 4 || got.Possible.Test(5) != c.open {
			t.Errorf("%s: CPU %d of %s", c.name, got.CPU, got.Possible)
		}
	}
}
