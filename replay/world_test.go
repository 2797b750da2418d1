package replay

import (
	"slices"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// incident is ksmd's way into isolated CPU 7 on a machine whose other CPUs are
// busy, n wakings there and their runs of 50 us: the story that the program is
// made for. Wakings are 1 ms apart, from 1 ms on; before them ksmd was woken once
// on CPU 6, when CPU 7 was busy.
func incident(n int) []parser.Event {
	ev := append(crowd()[:7],
		waking(100, 6, busy[6], ksmd, 6), wakeup(101, 6, busy[6], ksmd, 6), switches(105, 6, busy[6], preempted, ksmd),
		switches(150, 6, ksmd, sleeps, busy[6]), switches(200, 7, poller, sleeps, swapper))
	for i := range int64(n) {
		at, prev := 1000*(i+1), int32(7)
		if i == 0 {
			prev = 6
			ev = append(ev, waking(at, 6, busy[6], ksmd, 6), migrates(at+1, 6, busy[6], ksmd, 6, 7))
		} else {
			ev = append(ev, waking(at, 7, swapper, ksmd, prev))
		}
		ev = append(ev,
			wakeup(at+3, 7, swapper, ksmd, 7),
			switches(at+5, 7, swapper, runnable, ksmd),
			switches(at+55, 7, ksmd, sleeps, swapper),
		)
	}
	return append(ev, switches(1000*int64(n)+900, 6, busy[6], preempted, busy[5]))
}

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

// world.diverge, setActive and shiftOf on their own.
func TestShift(t *testing.T) {
	l := timelineOf(switches(1, 0, swapper, runnable, busy[0]))
	for i, c := range []int32{3, 3, 4} {
		p := l.get(int32(1000 + i))
		p.cpu = c
	}
	w := newWorld()
	if !w.same() {
		t.Error("a new world differs")
	}
	w.diverge(1000, 5, []int{4}, 3)    // surely on 4 instead of 3
	w.diverge(1001, 6, []int{3, 5}, 3) // most likely on 3 as recorded, perhaps on 5
	w.diverge(1002, 7, []int{5, 4}, 4) // most likely on 5 instead of 4
	if s := w.shiftOf(l, 3, -1); s != (shift{}) {
		t.Errorf("tasks that sleep shift nothing: %+v", s)
	}
	for pid := range int32(3) {
		w.setActive(1000+pid, true)
		w.setActive(1000+pid, true)
	}
	for cpu, want := range map[int]shift{
		3: {away: 1, maybeAway: 1}, 4: {here: 1, away: 1, maybeHere: 1}, 5: {here: 1, maybeAway: 1, maybeHere: 1}, 6: {},
	} {
		if got := w.shiftOf(l, cpu, -1); got != want {
			t.Errorf("CPU %d: %+v, want %+v", cpu, got, want)
		}
	}
	if got := w.shiftOf(l, 3, 1000); got != (shift{maybeAway: 1}) {
		t.Errorf("the task that is placed counts itself: %+v", got)
	}
	w.setActive(1001, false)
	if got := w.shiftOf(l, 3, -1); got != (shift{away: 1}) {
		t.Errorf("after one went to sleep: %+v", got)
	}
	w.diverge(1000, 9, []int{3}, 3) // back as recorded
	if got := w.shiftOf(l, 3, -1); got != (shift{}) || w.diverged[1000] != nil {
		t.Errorf("after one came back: %+v", got)
	}
	if d := w.diverged[1002]; d.since != 7 {
		t.Errorf("diverged since %d", d.since)
	}
	w.diverge(1002, 8, []int{6}, 4)
	if d := w.diverged[1002]; d.since != 7 || len(d.cpus) != 1 {
		t.Errorf("a later divergence keeps its beginning: %+v", d)
	}
}

// Two selections at once: whichever is over first takes the idle CPU from the
// other, so it may look busy to the one whose end is seen first.
func TestOverlappingSelections(t *testing.T) {
	s := surveyCapture(record(crowd()...), &parser.Host{}, nil)
	l := newTimeline(s, 8, false)
	for _, ev := range append(crowd(), switches(200, 7, poller, sleeps, swapper)) {
		l.apply(&ev)
	}
	flies := &decision{ev: waking(1000, 5, busy[5], other, 6), out: &outcome{cpu: 7}, win: window{1004 * us, 1000 * us, 1008 * us}}
	for _, c := range []struct {
		name      string
		undecided []*decision
		self      int32
		win       window
		open      bool
	}{
		{"alone", nil, ksmd.PID, window{1003 * us, 1001 * us, 1005 * us}, false},
		{"while another goes there", []*decision{flies}, ksmd.PID, window{1003 * us, 1001 * us, 1005 * us}, true},
		{"over before that began", []*decision{flies}, ksmd.PID, window{990 * us, 985 * us, 995 * us}, false},
		{"its own", []*decision{flies}, other.PID, window{1003 * us, 1001 * us, 1005 * us}, false},
		{"no decision asks", []*decision{flies}, noWakee, window{1003 * us, 1001 * us, 1005 * us}, false},
	} {
		r := bare(l)
		st := r.stateOf(c.win, c.self)
		r.queue.undecided = c.undecided
		if a := st.Idle(7); !a.Value || a.Open != c.open || st.ahead != c.open {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
}

// bare is a pass of the bench under 6.1 with nothing but a timeline.
func bare(l *timeline) *decider {
	k, err := rules.ParseKernel("6.1", "")
	if err != nil {
		panic(err)
	}
	rec := &recorded{s: &survey{}, ncpu: 8}
	w := &worlds{recorded: rec, t: l}
	w.base = newSide(scenarioOf(k), BuildMachine(bench("6.1"), rules.DomainRulesFor(6, 1)), 0)
	w.llcs = w.base.number(nil)
	w.hidden = newFacts(rec, l, w.llcs, nil)
	return newDecider(w, config{})
}

// stateOf is the recorded state as a selection sees it.
func (r *decider) stateOf(w window, self int32) *state {
	return &state{r: r.worlds, side: r.base, win: w, self: self}
}

// A decision that is closed after has_idle_cores was set does not read what came
// after its selection, and does not clear it either.
func TestIdleCoresSetLater(t *testing.T) {
	r := bare(nil)
	llc := r.base.llc(0)
	for _, c := range []struct {
		name    string
		since   int64
		want    explore.Answer
		cleared bool
	}{
		{"set before the selection", 3, explore.Known(true, fact.Reconstructed), true},
		{"set while it may have been made", 8, explore.Rarely(true, doubtRace, fact.Reconstructed), true},
		{"set when it was most likely over", 15, explore.Rarely(false, doubtRace, fact.Reconstructed), false},
	} {
		r.base.state = *r.stateOf(window{est: 10, lo: 5, hi: 20}, ksmd.PID)
		r.base.world.idleCores[llc] = tristate{value: true, known: true, since: c.since}
		if got := r.base.state.HasIdleCores(0); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		r.runs = []place.Outcome{{ClearIdleCores: 0}}
		r.clearCores([]int{0}, 0)
		if got := r.base.world.idleCores[llc]; got.value == c.cleared {
			t.Errorf("%s: left as %+v", c.name, got)
		}
	}
}

// What the flag was when the capture began is a guess that excludes nothing.
func TestIdleCoresAtStart(t *testing.T) {
	r := bare(timelineOf(crowd()...))
	r.startCores()
	r.base.state = *r.stateOf(window{est: 10, lo: 5, hi: 20}, ksmd.PID)
	if a, want := r.base.state.HasIdleCores(0), explore.Either(false, fact.Estimated); a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
}

// One that reads has_idle_cores as not set leaves it so, and one that scans for a
// core in vain clears it: whichever it was, it is not set afterwards.
func TestIdleCoresAfter(t *testing.T) {
	r := bare(nil)
	r.base.state = *r.stateOf(window{est: 10, lo: 5, hi: 20}, ksmd.PID)
	llc := r.base.llc(0)
	cleared := place.Outcome{IdleCores: 1, ClearIdleCores: 0}
	unset := place.Outcome{ClearIdleCores: -1}
	unread := place.Outcome{IdleCores: -1, ClearIdleCores: -1}
	for _, c := range []struct {
		name string
		runs []place.Outcome
		want tristate
	}{
		{"cleared", []place.Outcome{cleared}, tristate{known: true}},
		{"cleared or not set", []place.Outcome{unset, cleared}, tristate{known: true}},
		{"cleared or not read", []place.Outcome{unread, cleared}, tristate{value: true}},
		{"not read", []place.Outcome{unread}, tristate{value: true, known: false}},
	} {
		r.base.world.idleCores[llc] = tristate{value: true}
		r.runs = c.runs
		r.clearCores(r.all(), 0)
		if got := r.base.world.idleCores[llc]; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// flownTo7 is a state in which CPU 7 is idle and has had a wakeup of ksmd on its wake
// list since 300 us, whose waker went on.
func flownTo7(t *testing.T, kernel string, s *survey) *state {
	t.Helper()
	k, err := rules.ParseKernel(kernel, "")
	if err != nil {
		t.Fatal(err)
	}
	l := newTimeline(s, 8, false)
	for _, ev := range append(crowd(), switches(200, 7, poller, sleeps, swapper)) {
		l.apply(&ev)
	}
	l.fly(l.get(ksmd.PID), 6, 7, window{300 * us, 300 * us, 300 * us})
	later := waking(310, 6, busy[6], other, 5)
	l.apply(&later)
	r := bare(l)
	r.base.Kernel = k
	return r.stateOf(window{}, other.PID)
}

// Before 6.2 a CPU that leaves a wakeup on its wake list for long, and was not
// shown busy since, may look idle.
func TestStalledCPU(t *testing.T) {
	s := surveyCapture(record(crowd()...), &parser.Host{}, nil)
	for _, c := range []struct {
		kernel      string
		after, busy int64 // us since the flight; 0 for never
		want        explore.Answer
	}{
		{"6.1", 500, 0, explore.Known(false, fact.Reconstructed)},
		{"6.1", 1500, 0, explore.Rarely(false, doubtStalled, fact.Reconstructed)},
		{"6.1", 1500, 1000, explore.Known(false, fact.Reconstructed)},
		{"6.1", 2500, 1000, explore.Rarely(false, doubtStalled, fact.Reconstructed)},
		{"6.2", 1500, 0, explore.Known(false, fact.Reconstructed)},
	} {
		st := flownTo7(t, c.kernel, s)
		if c.busy > 0 {
			st.r.t.cpu[7].busyAt = (300 + c.busy) * us
		}
		now := (300 + c.after) * us
		st.win = window{now, now, now}
		if a := st.Idle(7); a != c.want {
			t.Errorf("%s, %d us after, shown busy %d us after: %+v, want %+v", c.kernel, c.after, c.busy, a, c.want)
		}
	}
}

// Before 6.2 a CPU looks idle for a moment while it takes a wakeup off its wake list.
func TestLandingCPU(t *testing.T) {
	s := surveyCapture(record(append(crowd(), wakeup(400, 7, swapper, ksmd, 7))...), &parser.Host{}, nil)
	busyNow, open := explore.Known(false, fact.Reconstructed), explore.Rarely(false, doubtLanding, fact.Reconstructed)
	for _, c := range []struct {
		kernel string
		lo, hi int64 // window of the decision in us; the wakeup lands at 400 us
		want   explore.Answer
	}{
		{"6.1", 390, 402, open}, {"6.1", 402, 410, busyNow}, {"6.1", 350, 360, busyNow}, {"6.2", 390, 402, busyNow},
	} {
		st := flownTo7(t, c.kernel, s)
		lands := wakeup(400, 7, swapper, ksmd, 7)
		st.r.t.apply(&lands)
		st.r.t.slack = 5 * us
		st.win = window{c.lo * us, c.lo * us, c.hi * us}
		if a := st.Idle(7); a != c.want {
			t.Errorf("%s, decided from %d to %d us: %+v, want %+v", c.kernel, c.lo, c.hi, a, c.want)
		}
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

// Up to 5.4 a CPU's load is that of the tasks queued: their weights in 3.10, their
// averages since; sleepers and other classes have no part in it.
func TestQueuedLoad(t *testing.T) {
	rt := aTask(400, "rt", 40)
	ev := append(crowd(), waking(100, 6, busy[6], ksmd, 6), wakeup(101, 6, busy[6], ksmd, 6), waking(110, 6, busy[6], rt, 6), wakeup(111, 6, busy[6], rt, 6))
	s := surveyCapture(record(ev...), &parser.Host{}, nil)
	l := newTimeline(s, 8, false)
	for i := range ev {
		l.apply(&ev[i])
	}
	l.now = 200 * us
	for pid, load := range map[int32]int64{busy[6].PID: 700, ksmd.PID: 200, rt.PID: 900} {
		e := &l.get(pid).entity
		e.Load, e.LoadSum, e.Last, e.Known = load, uint64(load*e.Divider()/e.Weight), l.now, true
	}
	at := func(lo, hi int64) window { return window{est: hi, lo: lo, hi: hi} }
	for _, c := range []struct {
		name string
		rule rules.LoadRule
		cpu  int
		win  window
		best int64
		sure bool
	}{
		{"weights of nice 0 and 5", rules.LoadWeights, 6, at(190*us, 200*us), 1024 + 335, true},
		{"averages", rules.LoadRunnable, 6, at(190*us, 200*us), 700 + 200, false},
		{"nothing queued", rules.LoadRunnable, 7, at(190*us, 200*us), 0, true},
		{"one of them perhaps not yet", rules.LoadWeights, 6, at(100*us, 112*us), 1024 + 335, false},
	} {
		st := bare(l).stateOf(c.win, other.PID)
		st.r.s = s
		got := st.Load(c.rule, c.cpu)
		if got.Best != c.best || got.Lo > got.Best || got.Hi < got.Best || (got.Lo == got.Hi) != c.sure {
			t.Errorf("%s: %+v, want %d, sure %v", c.name, got, c.best, c.sure)
		}
	}
	st := bare(l).stateOf(at(190*us, 200*us), other.PID)
	st.r.s = s
	l.lose(&parser.Event{Kind: parser.KindLost, CPU: 6, Time: 195 * us, Start: 192 * us})
	if got := st.Load(rules.LoadWeights, 6); got.From != fact.Unknown || got.Lo != 0 || got.Hi < 2048 {
		t.Errorf("after a loss: %+v", got)
	}
}

// Where a task's last sched_stat_runtime comes long before the sched_switch that
// takes it off its CPU for swapper, with nothing between them, it may have been on
// its way out all that time, held up with its CPU.
func TestLeaving(t *testing.T) {
	runtime := func(t int64, cpu int32, p parser.Task) parser.Event {
		e := at(t, parser.KindStatRuntime, cpu)
		e.Task, e.Cur = p, p
		return e
	}
	quick := []parser.Event{waking(20, 0, busy[0], ksmd, 6), wakeup(22, 0, busy[0], ksmd, 6)} // a selection takes 2 us
	for _, c := range []struct {
		name   string
		events []parser.Event
		want   explore.Answer // of CPU 5, at 500 us
	}{
		{"held up", []parser.Event{runtime(100, 5, busy[5]), switches(900, 5, busy[5], sleeps, swapper)}, explore.Rarely(false, doubtRace, fact.Reconstructed)},
		{"over by then", []parser.Event{runtime(100, 5, busy[5]), switches(400, 5, busy[5], sleeps, busy[4]), switches(900, 5, busy[4], sleeps, swapper)}, explore.Known(false, fact.Reconstructed)},
		{"an event between", []parser.Event{runtime(100, 5, busy[5]), waking(450, 5, busy[5], other, 2), switches(900, 5, busy[5], sleeps, swapper)}, explore.Known(false, fact.Reconstructed)},
		{"another's runtime", []parser.Event{runtime(100, 5, busy[4]), switches(900, 5, busy[5], sleeps, swapper)}, explore.Known(false, fact.Reconstructed)},
		{"preempted", []parser.Event{runtime(100, 5, busy[5]), switches(900, 5, busy[5], preempted, swapper)}, explore.Known(false, fact.Reconstructed)},
		{"for another task", []parser.Event{runtime(100, 5, busy[5]), switches(900, 5, busy[5], sleeps, busy[4])}, explore.Known(false, fact.Reconstructed)},
		{"after that", []parser.Event{runtime(499, 5, busy[5]), switches(900, 5, busy[5], sleeps, swapper)}, explore.Known(false, fact.Reconstructed)},
	} {
		ev := slices.Concat(crowd(), quick, c.events)
		l := newTimeline(surveyCapture(record(ev...), &parser.Host{}, nil), 8, false)
		for i := range ev {
			if ev[i].Time <= 500*us && ev[i].Kind != parser.KindStatRuntime {
				l.apply(&ev[i])
			}
		}
		st := bare(l).stateOf(window{500 * us, 500 * us, 500 * us}, other.PID)
		if got := st.Idle(5); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// recent_used_cpu is one of what the runs that fit the recording leave in it.
func TestSetRecent(t *testing.T) {
	r := bare(nil)
	set := func(cpus ...int) (runs []place.Outcome) {
		for _, c := range cpus {
			runs = append(runs, place.Outcome{SetRecentUsed: c})
		}
		return runs
	}
	for _, c := range []struct {
		name   string
		before []int
		runs   []place.Outcome
		want   []int
	}{
		{"written", []int{1}, set(4), []int{4}},
		{"not written", []int{1}, set(-1), []int{1}},
		{"written or not", []int{1}, set(4, -1), []int{4, 1}},
		{"most likely not", []int{1, 2}, set(-1, 4, 1), []int{1, 2, 4}},
		{"unknown and written", nil, set(4), []int{4}},
		{"unknown and perhaps written", nil, set(4, -1), nil},
		{"unknown still", nil, set(-1), nil},
		{"too many to tell", []int{1, 2}, set(3, 4, 5, -1), nil},
	} {
		p := &task{pid: other.PID}
		own := r.hidden.of(p.pid)
		own.recent = slices.Clone(c.before)
		r.runs = c.runs
		r.setRecent(p, r.all(), -1, wakeesRecent)
		if !slices.Equal(own.recent, c.want) {
			t.Errorf("%s: %v, want %v", c.name, own.recent, c.want)
		}
	}
}
