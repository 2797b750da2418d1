package replay

import (
	"slices"
	"testing"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// world.diverge, setActive and shiftOf on their own.
func TestShift(t *testing.T) {
	l := lineOf(switches(1, 0, swapper, runnable, busy[0]))
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

// What the flag was when the capture began is a guess that excludes nothing.
func TestIdleCoresAtStart(t *testing.T) {
	r := bareWorlds("6.1", lineOf(crowd()...))
	r.startCores()
	r.base.state = *r.stateOf(window{est: 10, lo: 5, hi: 20}, ksmd.PID)
	if a, want := r.base.state.HasIdleCores(0), explore.Either(false, fact.Estimated); a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
}

// flownTo7 is a state in which CPU 7 is idle and has had a wakeup of ksmd on its wake
// list since 300 us, whose waker went on.
func flownTo7(kernel string, s *survey) *state {
	l := newTimeline(s, 8, false)
	for _, ev := range append(crowd(), switches(200, 7, poller, sleeps, swapper)) {
		l.apply(&ev)
	}
	l.fly(l.get(ksmd.PID), 6, 7, window{300 * us, 300 * us, 300 * us})
	later := waking(310, 6, busy[6], other, 5)
	l.apply(&later)
	return bareWorlds(kernel, l).stateOf(window{}, other.PID)
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
		st := flownTo7(c.kernel, s)
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
		st := flownTo7(c.kernel, s)
		lands := wakeup(400, 7, swapper, ksmd, 7)
		st.r.t.apply(&lands)
		st.r.t.slack = 5 * us
		st.win = window{c.lo * us, c.lo * us, c.hi * us}
		if a := st.Idle(7); a != c.want {
			t.Errorf("%s, decided from %d to %d us: %+v, want %+v", c.kernel, c.lo, c.hi, a, c.want)
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
		st := bareWorlds("6.1", l).stateOf(c.win, other.PID)
		st.r.s = s
		got := st.Load(c.rule, c.cpu)
		if got.Best != c.best || got.Lo > got.Best || got.Hi < got.Best || (got.Lo == got.Hi) != c.sure {
			t.Errorf("%s: %+v, want %d, sure %v", c.name, got, c.best, c.sure)
		}
	}
	st := bareWorlds("6.1", l).stateOf(at(190*us, 200*us), other.PID)
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
		st := bareWorlds("6.1", l).stateOf(window{500 * us, 500 * us, 500 * us}, other.PID)
		if got := st.Idle(5); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// bareWorlds is the bench under a kernel, on a timeline if one is given.
func bareWorlds(kernel string, l *timeline) *worlds {
	k, err := rules.ParseKernel(kernel, "")
	if err != nil {
		panic(err)
	}
	rec := recordedBy(record(), bench("6.1", 7), surveyCapture(record(), bench("6.1", 7), nil))
	w := newWorlds(rec, scenarioOf(k), nil, nil, nil)
	w.overlaps = func(*state, int) bool { return false }
	if l != nil {
		w.t = l
	}
	return w
}

// stateOf is the recorded state as a selection sees it.
func (r *worlds) stateOf(w window, self int32) *state {
	return &state{r: r, side: r.base, win: w, self: self}
}

// lineOf surveys a recording and starts a timeline of eight CPUs.
func lineOf(events ...parser.Event) *timeline {
	return newTimeline(surveyCapture(record(events...), &parser.Host{}, nil), 8, false)
}
