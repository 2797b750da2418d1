package replay

import (
	"slices"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/decide"
	"schedreplay/replay/hidden"
	"schedreplay/replay/internal/made"
)

// One wakeup lets the task in; all the later ones are its consequence. Under
// the patched kernel not one of them is on the isolated CPU.
func TestEntryAndItsConsequences(t *testing.T) {
	const n = 20
	s := replayScene(t, made.Record(made.Incident(n)...), made.Bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	k := s.cpu(t, 7)
	if len(k.Stays) != 1 {
		t.Fatalf("%d stays", len(k.Stays))
	}
	st := k.Stays[0]
	e := st.Entry
	if e == nil || st.How != account.CameByWakeup || st.FromCPU != 6 || e.PrevCPU != 6 || e.RecordedCPU != 7 || e.Path != place.PathIdleSMT || e.Explanation == nil {
		t.Fatalf("entry: %+v", e)
	}
	if e.WakerContext != hidden.WakerHardirq || e.Waker.PID != made.Busy[6].PID || e.WakerCPU != 6 || e.Time != 1000*made.Microsecond {
		t.Errorf("woken by %+v (%s) on CPU %d at %d", e.Waker, e.WakerContext, e.WakerCPU, e.Time)
	}
	if st.Wakings != n-1 || st.Selections != n-1 || st.StayedPut != n-1 || st.Runs != n || st.RunNS != n*50*made.Microsecond || st.CutRuns != 0 {
		t.Errorf("%d wakings, %d selections, %d stayed put, %d runs of %d ns, %d cut", st.Wakings, st.Selections, st.StayedPut, st.Runs, st.RunNS, st.CutRuns)
	}
	if st.PatchedCertain != 0 || st.PatchedPossible != 0 || st.PatchedRunNS != 0 || st.PatchedRunMaxNS != 0 {
		t.Errorf("patched: %d certain, %d possible, %d to %d ns", st.PatchedCertain, st.PatchedPossible, st.PatchedRunNS, st.PatchedRunMaxNS)
	}
	if st.Arrived != 1000*made.Microsecond || st.Left != parser.NoTime || st.Task.Comm != "ksmd" || st.Class != account.ClassForeign {
		t.Errorf("stay: %+v", st)
	}
	wakes := s.of(made.Ksmd)
	if len(wakes) != n+1 {
		t.Fatalf("%d wakeups of ksmd", len(wakes))
	}
	if w := &wakes[0]; w.Moved != decide.MovedNo || w.RecordedCPU != 6 || w.Original.CPU != 6 || w.Patched.CPU != 6 || w.Isolated {
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
			if w.DivergedSince != 0 || w.Original.CPU != 7 || w.Moved != decide.MovedCertain {
				t.Errorf("the entry: diverged since %d, predicted %d, moved %s", w.DivergedSince, w.Original.CPU, w.Moved)
			}
			continue
		}
		if w.DivergedSince != wakes[0].N {
			t.Errorf("wakeup %d diverged since %d, want %d", w.N, w.DivergedSince, wakes[0].N)
		}
		if w.Original.Path != place.PathTargetIdle || w.Original.Prev != 7 || !w.Original.Certain() || w.Moved != decide.MovedCertain {
			t.Errorf("wakeup %d: original %+v, moved %s", w.N, w.Original, w.Moved)
		}
		if w.Patched.Prev == 7 {
			t.Errorf("wakeup %d: its CPU before is %d in the patched world", w.N, w.Patched.Prev)
		}
	}
	if s.MovedCertain != n || s.MovedPossible != 0 || len(s.Moved) != 1 || s.Moved[0].ToHousekeeping != n {
		t.Errorf("moved: %d certain, %d possible, %+v", s.MovedCertain, s.MovedPossible, s.Moved)
	}
	if len(s.Landings) != 1 || s.Landings[0].Recorded[7] != n || s.Landings[0].Patched[7] != 0 || s.Landings[0].RecordedRunNS[7] != n*50*made.Microsecond {
		t.Errorf("landings: %+v", s.Landings)
	}
	for _, r := range s.runs {
		if r.Task.PID == made.Ksmd.PID && (r.Patched != decide.MovedNo || r.Stay != 0 || r.Class != account.ClassForeign) {
			t.Errorf("run of ksmd: %+v", r)
		}
	}
}

// The same on the patched kernel against itself: nothing moves.
func TestSameKernelMovesNothing(t *testing.T) {
	s := replayScene(t, made.Record(made.Incident(5)...), made.Bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0"}})
	if s.MovedCertain != 0 || s.MovedPossible != 0 || len(s.Moved) != 0 {
		t.Errorf("moved %d and %d", s.MovedCertain, s.MovedPossible)
	}
	if st := s.cpu(t, 7).Stays[0]; st.PatchedCertain != 5 || st.PatchedRunNS != st.RunNS {
		t.Errorf("patched: %+v", st)
	}
}

// How a task comes to an isolated CPU and goes, and what the fix does about it.
func TestWaysIn(t *testing.T) {
	child := made.ATask(900, "kid", 120)
	quiet := made.Switches(9000, 6, made.Busy[6], made.Preempted, made.Swapper) // the capture goes on
	free := map[int32]parser.TaskInfo{}
	for _, p := range []parser.Task{made.Other, child} {
		free[p.PID] = parser.TaskInfo{PID: p.PID, Comm: p.Comm, Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	}
	for _, c := range []struct {
		name       string
		events     []parser.Event
		how        account.How
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
			append(made.Crowd(), made.Waking(100, 7, made.Swapper, made.Other, 7), made.Wakeup(101, 7, made.Swapper, made.Other, 7), made.Switches(102, 7, made.Swapper, made.Runnable, made.Other), made.Switches(150, 7, made.Other, made.Sleeps, made.Swapper),
				made.Waking(200, 7, made.Swapper, made.Other, 7), made.Wakeup(201, 7, made.Swapper, made.Other, 7), made.Switches(202, 7, made.Swapper, made.Runnable, made.Other), made.Switches(250, 7, made.Other, made.Sleeps, made.Swapper), quiet),
			account.CameBefore, parser.NoCPU, 1, 0, 2, 2, 2, 0, 2, 96,
		},
		{
			"runs there when the capture begins",
			append(made.Crowd()[:7], made.Switches(50, 7, made.Other, made.Sleeps, made.Swapper), quiet),
			account.CameBefore, parser.NoCPU, 1, 0, 0, 0, 1, 1, 0, 49,
		},
		{
			"moved there while runnable",
			append(made.Crowd(), made.Switches(90, 5, made.Busy[5], made.Preempted, made.Other), made.Migrates(100, 7, made.Swapper, made.Busy[5], 5, 7), made.Switches(102, 7, made.Swapper, made.Runnable, made.Busy[5]), made.Switches(150, 7, made.Busy[5], made.Preempted, made.Swapper), quiet),
			account.CameByMigration, 5, 100, 0, 0, 0, 1, 0, 0, 48,
		},
		{
			"seen there, nobody knows how, nor whether the patched kernel brings it there",
			append(made.Crowd(), made.Lost(500, 7, 100, 7), made.Switches(600, 7, made.Other, made.Sleeps, made.Swapper), made.Waking(700, 0, made.Busy[0], made.Other, 7), made.Wakeup(701, 7, made.Swapper, made.Other, 7), quiet),
			account.CameUnseen, parser.NoCPU, 600, 0, 1, 1, 1, 1, 0, 0,
		},
		{
			"forked there",
			append(made.Crowd(), made.Forks(100, 7, made.Other, child), made.WakeupNew(101, 7, made.Other, child, 7), made.Switches(110, 7, made.Other, made.Sleeps, child), made.Switches(150, 7, child, made.Dies, made.Swapper), quiet),
			account.CameByWakeup, 7, 101, 150, 0, 0, 1, 0, 1, 40,
		},
		{
			"leaves by a wakeup elsewhere",
			append(made.Incident(2), made.Waking(4000, 1, made.Busy[1], made.Ksmd, 7), made.Migrates(4001, 1, made.Busy[1], made.Ksmd, 7, 1), made.Wakeup(4002, 1, made.Busy[1], made.Ksmd, 1), quiet),
			account.CameByWakeup, 6, 1000, 4000, 1, 1, 2, 0, 0, 0,
		},
		{
			"leaves by the load balancer",
			append(made.Incident(1), made.Waking(3000, 7, made.Swapper, made.Ksmd, 7), made.Wakeup(3002, 7, made.Swapper, made.Ksmd, 7), made.Migrates(3100, 2, made.Swapper, made.Ksmd, 7, 2), quiet),
			account.CameByWakeup, 6, 1000, 3100, 1, 1, 1, 0, 0, 0,
		},
		{
			"leaves unseen: it runs elsewhere",
			append(made.Incident(1), made.Switches(3000, 2, made.Busy[2], made.Preempted, made.Ksmd), quiet),
			account.CameByWakeup, 6, 1000, 3000, 0, 0, 1, 0, 0, 0,
		},
		{
			"leaves for good: it exits",
			append(made.Incident(1), made.Waking(3000, 7, made.Swapper, made.Ksmd, 7), made.Wakeup(3002, 7, made.Swapper, made.Ksmd, 7), made.Switches(3003, 7, made.Swapper, made.Runnable, made.Ksmd), made.Exits(3010, 7, made.Ksmd), made.Switches(3020, 7, made.Ksmd, made.Dies, made.Swapper), quiet),
			account.CameByWakeup, 6, 1000, 3020, 1, 1, 2, 0, 0, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := made.Bench("6.1.0", 7)
			for pid, i := range free {
				h.Task[pid] = i
			}
			h.Task[made.Busy[5].PID] = parser.TaskInfo{PID: made.Busy[5].PID, Comm: "busy5", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
			s := replayScene(t, made.Record(c.events...), h, Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
			var st *account.Stay
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
				left = c.left * made.Microsecond
			}
			if st.How != c.how || st.FromCPU != c.from || st.Arrived != c.arrive*made.Microsecond || st.Left != left {
				t.Errorf("came by %s from %d at %d us, left %d us; want %s, %d, %d, %d", st.How, st.FromCPU, st.Arrived/made.Microsecond, st.Left/made.Microsecond, c.how, c.from, c.arrive, c.left)
			}
			if (st.Entry != nil) != (c.how == account.CameByWakeup) {
				t.Errorf("entry: %+v", st.Entry)
			}
			if st.Wakings != c.wakings || st.StayedPut != c.put || st.Runs != c.runs || st.CutRuns != c.cut {
				t.Errorf("%d wakings, %d stayed put, %d runs, %d cut; want %d, %d, %d, %d", st.Wakings, st.StayedPut, st.Runs, st.CutRuns, c.wakings, c.put, c.runs, c.cut)
			}
			if st.PatchedCertain != c.inPatched || st.PatchedRunNS != c.patchedRun*made.Microsecond {
				t.Errorf("patched: %d there for %d us; want %d for %d", st.PatchedCertain, st.PatchedRunNS/made.Microsecond, c.inPatched, c.patchedRun)
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
	ev := append(made.Incident(1), made.Waking(3000, 7, made.Swapper, made.Ksmd, 7), made.Wakeup(3002, 7, made.Swapper, made.Ksmd, 7), made.Migrates(3100, 2, made.Swapper, made.Ksmd, 7, 2), made.Migrates(3200, 3, made.Swapper, made.Busy[4], 4, 3))
	s := replayScene(t, made.Record(ev...), made.Bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	if s.BalancerMoves != 2 || s.BalancerIgnored != 1 {
		t.Errorf("%d moves, %d ignored", s.BalancerMoves, s.BalancerIgnored)
	}
	var moves int64
	for _, m := range s.Migrations {
		if m.By != MovedWakeup && m.By != MovedFork {
			moves += m.Count
		}
	}
	if moves != s.BalancerMoves {
		t.Errorf("%d moves by what made them, not %d", moves, s.BalancerMoves)
	}
}

// A task that its own timer wakes where it sleeps is woken there in either
// world: on the isolated CPU as recorded, on a housekeeping CPU as patched.
func TestOwnTimerFollowsTheTask(t *testing.T) {
	s := replayScene(t, made.Record(made.Incident(3)...), made.Bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	w := s.of(made.Ksmd)[3]
	if w.Original.Target != 7 || w.Patched.Target == 7 || w.Patched.Prev != w.Patched.Target {
		t.Errorf("targets %d and %d (prev %d)", w.Original.Target, w.Patched.Target, w.Patched.Prev)
	}
	// Woken from elsewhere the waker stays where it was.
	ev := append(made.Incident(2), made.Waking(4000, 1, made.Busy[1], made.Ksmd, 7), made.Wakeup(4003, 7, made.Swapper, made.Ksmd, 7))
	s = replayScene(t, made.Record(ev...), made.Bench("6.1.0", 7), Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}})
	if w := s.of(made.Ksmd)[3]; w.Patched.Prev == 7 || w.Patched.Possible.Test(7) {
		t.Errorf("woken by CPU 1: %+v", w.Patched)
	}
}

// A decision that passes a CPU by shows that it was not idle: for a while from then on
// that is out of the question, and before it, if nothing happened to the CPU.
func TestShownBusy(t *testing.T) {
	h := made.Bench("6.1.83", 7)
	h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	asleep := made.ATask(301, "asleep", 120)
	woken := func(at int64) []parser.Event {
		return []parser.Event{
			made.Waking(at, 4, made.Busy[4], made.Other, 4), made.Wakeup(at+2, 4, made.Busy[4], made.Other, 4),
			made.Switches(at+10, 4, made.Busy[4], made.Preempted, made.Other), made.Switches(at+100, 4, made.Other, made.Sleeps, made.Busy[4]),
		}
	}
	start := append(made.Crowd(),
		made.Switches(100, 5, made.Busy[5], made.Sleeps, made.Swapper),
		made.Waking(200, 6, made.Busy[6], asleep, 5), made.Switches(300, 6, made.Busy[6], made.Preempted, made.Busy[6])) // on its way to CPU 5, which does not take it
	end := []parser.Event{made.Switches(9000, 6, made.Busy[6], made.Preempted, made.Busy[6]), made.Wakeup(9050, 5, made.Swapper, asleep, 5)}
	arrives := made.Switches(9100, 5, made.Swapper, made.Runnable, asleep)
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
			[]parser.Event{made.Waking(1500, 5, made.Swapper, made.Busy[0], 0), arrives},
			[2]cpumask.Mask{cpumask.Of(4, 5, 7), cpumask.Of(4, 5)},
		},
	} {
		ev := slices.Clone(start)
		if c.first > 0 {
			ev = append(ev, woken(c.first)...)
		}
		ev = append(append(append(ev, woken(c.second)...), end...), c.later...)
		slices.SortStableFunc(ev, func(a, b parser.Event) int { return int(a.Time - b.Time) })
		w := replayScene(t, made.Record(ev...), h, Plan{}).of(made.Other)
		for i, got := range []decide.Placed{w[0].Original, w[len(w)-1].Original} {
			if !got.Possible.Equal(c.want[i]) || got.CPU != 4 {
				t.Errorf("%s: %d: CPU %d of %s, want 4 of %s", c.name, i, got.CPU, got.Possible, c.want[i])
			}
		}
	}
}

// Where it is not recorded what a selection chose, every CPU that it may have chosen may
// have the wakeup on its wake list.
func TestGuessedFlight(t *testing.T) {
	h := made.Bench("6.1.83", 7)
	h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	asleep := made.ATask(301, "asleep", 120)
	h.Task[asleep.PID] = parser.TaskInfo{PID: asleep.PID, Comm: "asleep", Affinity: fact.Seen(cpumask.Of(0, 5), "")}
	for _, c := range []struct {
		name string
		more []parser.Event
		open bool
	}{
		{"it may have chosen 5", []parser.Event{made.Waking(200, 6, made.Busy[6], asleep, 5)}, true},
		{"nobody was woken", nil, false},
	} {
		ev := append(made.Crowd(), made.Switches(100, 5, made.Busy[5], made.Sleeps, made.Swapper))
		ev = append(append(ev, c.more...), made.Waking(1000, 4, made.Busy[4], made.Other, 5), made.Wakeup(1002, 5, made.Swapper, made.Other, 5))
		w := replayScene(t, made.Record(ev...), h, Plan{}).of(made.Other)
		if got := w[0].Original; !got.Possible.Test(5) || got.Certain() == c.open {
			t.Errorf("%s: %s", c.name, got.Possible)
		}
	}
}

// A CPU whose task is about to sleep may look idle before its switch tells, if it was
// held up. Where sched_stat_runtime is recorded that tells when the task was dequeued;
// where it is not, the last four milliseconds are suspect.
func TestLeavingCPU(t *testing.T) {
	h := made.Bench("6.1.83", 7)
	h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	charge := func(t int64, cpu int32, p parser.Task) parser.Event {
		ev := made.At(t, parser.KindStatRuntime, cpu)
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
		{"it sleeps late", nil, 5500, false},
		{"it was not dequeued yet", []parser.Event{charge(1200, 5, made.Busy[5])}, 1500, false},
		{"it was dequeued", []parser.Event{charge(900, 5, made.Busy[5])}, 2500, true},
	} {
		ev := append(made.Crowd(),
			made.Waking(1000, 4, made.Busy[4], made.Other, 4), made.Wakeup(1002, 4, made.Busy[4], made.Other, 4), made.Switches(1010, 4, made.Busy[4], made.Preempted, made.Other),
			made.Switches(c.sleeps, 5, made.Busy[5], made.Sleeps, made.Swapper))
		for _, c := range []int32{0, 1, 2, 3, 6} { // they record to the end
			ev = append(ev, made.Switches(9000, c, made.Busy[c], made.Preempted, made.Busy[c]))
		}
		ev = append(append(ev, made.Switches(9000, 7, made.Swapper, made.Runnable, made.Poller)), c.charge...)
		slices.SortStableFunc(ev, func(a, b parser.Event) int { return int(a.Time - b.Time) })
		w := replayScene(t, made.Record(ev...), h, Plan{}).of(made.Other)
		if got := w[0].Original; got.CPU != 4 || got.Possible.Test(5) != c.open {
			t.Errorf("%s: CPU %d of %s", c.name, got.CPU, got.Possible)
		}
	}
}
