package world

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
	"schedreplay/replay/timeline"
)

// A world knows the tasks that are elsewhere, whatever their pids, and no others.
func TestDiverged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, elsewhere := newWorld(), map[int32]bool{}
		pids := []int32{-1, 0, 1, 63, 64, 65, 1000, somePIDs - 1, somePIDs, somePIDs + 64, 1 << 22}
		for range rapid.IntRange(0, 40).Draw(t, "decisions") {
			pid, to := rapid.SampledFrom(pids).Draw(t, "pid"), rapid.IntRange(0, 1).Draw(t, "CPU")
			w.Diverge(pid, 1, []int{to}, 0)
			elsewhere[pid] = to != 0
			for _, p := range pids {
				if (w.Diverged(p) != nil) != elsewhere[p] {
					t.Fatalf("pid %d: %+v, is elsewhere: %v", p, w.Diverged(p), elsewhere[p])
				}
			}
		}
	})
}

// What a world had of recent_used_cpu of its own holds no longer where decisions were not
// recorded, but for a task that is elsewhere: where that was is the world's own answer.
func TestUnsettled(t *testing.T) {
	w := newWorld()
	w.Diverge(7, 1, []int{4}, 0)
	w.SetRecent(7, 2)
	w.SetRecent(8, 3)
	w.unsettle()
	if cpu, own := w.Recent(7); !own || cpu != 2 {
		t.Errorf("elsewhere: CPU %d, its own: %v", cpu, own)
	}
	if cpu, own := w.Recent(8); own {
		t.Errorf("as recorded: CPU %d stays", cpu)
	}
}

// world.diverge, setActive and shiftOf on their own.
func TestShift(t *testing.T) {
	l := lineOf(made.Switches(1, 0, made.Swapper, made.Runnable, made.Busy[0]))
	for i, c := range []int32{3, 3, 4} {
		come := made.Wakeup(2, 0, made.Busy[0], made.ATask(int32(1000+i), "task", 120), c)
		l.Apply(&come)
	}
	w := newWorld()
	if !w.Same() {
		t.Error("a new world differs")
	}
	w.Diverge(1000, 5, []int{4}, 3)    // surely on 4 instead of 3
	w.Diverge(1001, 6, []int{3, 5}, 3) // most likely on 3 as recorded, perhaps on 5
	w.Diverge(1002, 7, []int{5, 4}, 4) // most likely on 5 instead of 4
	if s := shiftAt(w, l, 3, -1); s != (shift{}) {
		t.Errorf("tasks that sleep shift nothing: %+v", s)
	}
	for pid := range int32(3) {
		w.SetActive(1000+pid, true)
		w.SetActive(1000+pid, true)
	}
	for cpu, want := range map[int]shift{
		3: {away: 1, maybeAway: 1}, 4: {here: 1, away: 1, maybeHere: 1}, 5: {here: 1, maybeAway: 1, maybeHere: 1}, 6: {},
	} {
		if got := shiftAt(w, l, cpu, -1); got != want {
			t.Errorf("CPU %d: %+v, want %+v", cpu, got, want)
		}
	}
	if got := shiftAt(w, l, 3, 1000); got != (shift{maybeAway: 1}) {
		t.Errorf("the task that is placed counts itself: %+v", got)
	}
	w.SetActive(1001, false)
	if got := shiftAt(w, l, 3, -1); got != (shift{away: 1}) {
		t.Errorf("after one went to sleep: %+v", got)
	}
	w.Diverge(1000, 9, []int{3}, 3) // back as recorded
	if got := shiftAt(w, l, 3, -1); got != (shift{}) || w.Diverged(1000) != nil {
		t.Errorf("after one came back: %+v", got)
	}
	if d := w.Diverged(1002); d.Since != 7 {
		t.Errorf("diverged since %d", d.Since)
	}
	w.Diverge(1002, 8, []int{6}, 4)
	if d := w.Diverged(1002); d.Since != 7 || len(d.CPUs) != 1 {
		t.Errorf("a later Divergence keeps its beginning: %+v", d)
	}
}

// A task that a loss left on no queue and no wake list may have gone to sleep since, wherever it is
// in an alternative's world; where it was recorded nothing is counted that it would be missing from.
func TestShiftAfterALoss(t *testing.T) {
	for _, slept := range []int32{6, 7, parser.NoCPU} { // NoCPU: it is queued by then
		l := flownTo7("6.1", timeline.SurveyOf(made.Record(made.Crowd()...), &parser.Host{}, nil)).Worlds.Timeline
		if l.Get(made.Ksmd.PID).CPU = slept; slept == parser.NoCPU {
			come := made.Wakeup(320, 7, made.Swapper, made.Ksmd, 7)
			l.Apply(&come)
		}
		w := newWorld()
		w.Diverge(made.Ksmd.PID, 1, []int{6}, 7)
		w.SetActive(made.Ksmd.PID, true)
		there := shift{flown: 1}
		if slept == parser.NoCPU {
			there = shift{away: 1}
		}
		for cpu, want := range map[int]shift{6: {here: 1}, 7: there} {
			if got := shiftAt(w, l, cpu, -1); got != want {
				t.Errorf("slept on CPU %d: CPU %d: %+v, want %+v", slept, cpu, got, want)
			}
		}
		lost := made.Lost(400, 7, 350, 1)
		l.Apply(&lost)
		goesOn := made.Switches(500, 7, made.Swapper, made.Runnable, made.Poller)
		l.Apply(&goesOn)
		for cpu, want := range map[int]shift{6: {here: 1, maybeAway: 1}, 7: {}} {
			if got := shiftAt(w, l, cpu, -1); got != want {
				t.Errorf("slept on CPU %d: CPU %d after the loss: %+v, want %+v", slept, cpu, got, want)
			}
		}
	}
}

// What the flag was when the capture began is a guess that excludes nothing.
func TestIdleCoresAtStart(t *testing.T) {
	r := bareWorlds("6.1", lineOf(made.Crowd()...))
	r.startCores()
	r.Base.State = *r.stateOf(timeline.Window{Est: 10, Lo: 5, Hi: 20}, made.Ksmd.PID)
	if a, want := r.Base.State.HasIdleCores(0), explore.Either(false, fact.Estimated); a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
}

// A CPU whose task has left its queue may have picked swapper before its switch is written, and
// advertised its core; one whose sibling is busy has not. Its queue is one task shorter.
func TestIdleCoresBeforeTheSwitch(t *testing.T) {
	for _, sibling := range []bool{true, false} {
		charge := made.At(300, parser.KindStatRuntime, 4)
		charge.Task, charge.Runtime = made.Busy[4], 90_000
		events := append(made.Crowd(), charge, made.Switches(900, 4, made.Busy[4], made.Sleeps, made.Swapper))
		if sibling {
			events[5] = made.Switches(6, 5, made.Busy[5], made.Sleeps, made.Swapper)
		}
		l := lineOf(events...)
		for i := range events[:len(events)-1] {
			l.Apply(&events[i])
		}
		at := int64(600 * made.Microsecond)
		st := bareWorlds("6.12", l).stateOf(timeline.Window{Est: at, Lo: at, Hi: at}, made.Other.PID)
		st.Side.World.SetIdleCores(0, Tristate{Known: true})
		want := explore.Known(false, fact.Reconstructed)
		if sibling {
			want = explore.Rarely(false, DoubtRace, fact.Reconstructed)
		}
		if a := st.HasIdleCores(0); a != want {
			t.Errorf("sibling idle %v: %+v, want %+v", sibling, a, want)
		}
		if n := st.NrRunnable(4); n.Lo != 0 || n.Hi != 0 {
			t.Errorf("%d to %d run, its task has left", n.Lo, n.Hi)
		}
	}
}

// flownTo7 is a state in which CPU 7 is idle and has had a wakeup of ksmd on its wake
// list since 300 us, whose waker went on.
func flownTo7(kernel string, s *timeline.Survey) *State {
	l := timeline.New(s, 8, false)
	for _, ev := range append(made.Crowd(), made.Switches(200, 7, made.Poller, made.Sleeps, made.Swapper)) {
		l.Apply(&ev)
	}
	l.Fly(l.Get(made.Ksmd.PID), 6, 7, timeline.Window{Est: 300 * made.Microsecond, Lo: 300 * made.Microsecond, Hi: 300 * made.Microsecond})
	later := made.Waking(310, 6, made.Busy[6], made.Other, 5)
	l.Apply(&later)
	return bareWorlds(kernel, l).stateOf(timeline.Window{}, made.Other.PID)
}

// Before 6.2 a CPU that leaves a wakeup on its wake list for long, and was not
// shown busy since, may look idle.
func TestStalledCPU(t *testing.T) {
	s := timeline.SurveyOf(made.Record(made.Crowd()...), &parser.Host{}, nil)
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
			st.Worlds.Timeline.CPU[7].BusyAt = (300 + c.busy) * made.Microsecond
		}
		now := (300 + c.after) * made.Microsecond
		st.Window = timeline.Window{Est: now, Lo: now, Hi: now}
		if a := st.Idle(7); a != c.want {
			t.Errorf("%s, %d us after, shown busy %d us after: %+v, want %+v", c.kernel, c.after, c.busy, a, c.want)
		}
	}
}

// Before 6.2 a CPU looks idle for a moment while it takes a wakeup off its wake list.
func TestLandingCPU(t *testing.T) {
	s := timeline.SurveyOf(made.Record(append(made.Crowd(), made.Wakeup(400, 7, made.Swapper, made.Ksmd, 7))...), &parser.Host{}, nil)
	busyNow, open := explore.Known(false, fact.Reconstructed), explore.Rarely(false, doubtLanding, fact.Reconstructed)
	for _, c := range []struct {
		kernel string
		lo, hi int64 // window of the decision in us; the wakeup lands at 400 us
		want   explore.Answer
	}{
		{"6.1", 390, 402, open}, {"6.1", 402, 410, busyNow}, {"6.1", 350, 360, busyNow}, {"6.2", 390, 402, busyNow},
	} {
		st := flownTo7(c.kernel, s)
		lands := made.Wakeup(400, 7, made.Swapper, made.Ksmd, 7)
		st.Worlds.Timeline.Apply(&lands)
		st.Worlds.Timeline.Slack = 5 * made.Microsecond
		st.Window = timeline.Window{Est: c.lo * made.Microsecond, Lo: c.lo * made.Microsecond, Hi: c.hi * made.Microsecond}
		if a := st.Idle(7); a != c.want {
			t.Errorf("%s, decided from %d to %d us: %+v, want %+v", c.kernel, c.lo, c.hi, a, c.want)
		}
	}
}

// Up to 5.4 a CPU's load is that of the tasks queued: their weights in 3.10, their
// averages since; sleepers and other classes have no part in it.
func TestQueuedLoad(t *testing.T) {
	rt := made.ATask(400, "rt", 40)
	ev := append(made.Crowd(), made.Waking(100, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(101, 6, made.Busy[6], made.Ksmd, 6), made.Waking(110, 6, made.Busy[6], rt, 6), made.Wakeup(111, 6, made.Busy[6], rt, 6))
	later := append(ev[:len(ev):len(ev)], made.Switches(300, 6, made.Busy[6], made.Preempted, made.Ksmd), made.Switches(300, 7, made.Swapper, made.Runnable, made.Poller))
	s := timeline.SurveyOf(made.Record(later...), &parser.Host{}, nil)
	l := timeline.New(s, 8, false)
	for i := range ev {
		l.Apply(&ev[i])
	}
	l.Now = 200 * made.Microsecond
	for pid, load := range map[int32]int64{made.Busy[6].PID: 700, made.Ksmd.PID: 200, rt.PID: 900} {
		e := &l.Get(pid).Entity
		e.Load, e.LoadSum, e.Last, e.Known = load, uint64(load*e.Divider()/e.Weight), l.Now, true
	}
	at := func(lo, hi int64) timeline.Window { return timeline.Window{Est: hi, Lo: lo, Hi: hi} }
	for _, c := range []struct {
		name string
		rule rules.LoadRule
		cpu  int
		win  timeline.Window
		best int64
		sure bool
	}{
		{"weights of nice 0 and 5", rules.LoadWeights, 6, at(190*made.Microsecond, 200*made.Microsecond), 1024 + 335, true},
		{"averages", rules.LoadRunnable, 6, at(190*made.Microsecond, 200*made.Microsecond), 700 + 200, false},
		{"nothing queued", rules.LoadRunnable, 7, at(190*made.Microsecond, 200*made.Microsecond), 0, true},
		{"one of them perhaps not yet", rules.LoadWeights, 6, at(100*made.Microsecond, 112*made.Microsecond), 1024 + 335, false},
	} {
		st := bareWorlds("6.1", l).stateOf(c.win, made.Other.PID)
		st.Worlds.Survey = s
		got := st.Load(c.rule, c.cpu)
		if got.Best != c.best || got.Lo > got.Best || got.Hi < got.Best || (got.Lo == got.Hi) != c.sure {
			t.Errorf("%s: %+v, want %d, sure %v", c.name, got, c.best, c.sure)
		}
	}
	st := bareWorlds("6.1", l).stateOf(at(190*made.Microsecond, 200*made.Microsecond), made.Other.PID)
	st.Worlds.Survey = s
	l.Lose(&parser.Event{Kind: parser.KindLost, CPU: 6, Time: 195 * made.Microsecond, Start: 192 * made.Microsecond})
	if got := st.Load(rules.LoadWeights, 6); got.From != fact.Unknown || got.Lo != 0 || got.Hi < 2048 {
		t.Errorf("after a loss: %+v", got)
	}
}

// A CPU counts as one that runs SCHED_IDLE tasks only unless another task is queued there
// at that time, or its dequeue is delayed, which is likely, not known, of one that ran before.
func TestSchedIdle(t *testing.T) {
	idle, other := made.ATask(500, "idle", 120), made.ATask(501, "other", 120)
	host := made.Bench("6.12", 7)
	host.Task = map[int32]parser.TaskInfo{idle.PID: {Policy: fact.Seen(5, "test")}}
	ran := []parser.Event{
		made.Switches(10, 0, idle, made.Preempted, other),
		made.Switches(4_000, 0, other, made.Sleeps, idle),
	}
	for _, c := range []struct {
		name, kernel string
		events       []parser.Event
		want         explore.Answer
	}{
		{"another runs", "6.12", ran[:1], explore.Known(false, fact.Reconstructed)},
		{"it went to sleep and is still queued", "6.12", ran, explore.Either(false, fact.Estimated)},
		{"it went to sleep and left", "6.6", ran, explore.Known(true, fact.Reconstructed)},
		{"it left at about that time", "6.6", []parser.Event{ran[0], made.Switches(10_000, 0, other, made.Sleeps, idle)}, explore.Rarely(true, DoubtRace, fact.Reconstructed)},
		{"another comes at about that time", "6.6", append(ran[:2:2], made.Wakeup(10_000, 1, made.Other, other, 0)), explore.Rarely(false, DoubtRace, fact.Reconstructed)},
	} {
		w := bareWorlds(c.kernel, nil)
		rec := timeline.Of(made.Record(c.events...), host, timeline.SurveyOf(made.Record(c.events...), host, nil))
		w.AnyIdlePolicy, w.Timeline = rec.AnyIdlePolicy, rec.Begin(w.Base.Kernel)
		for i := range c.events {
			w.Timeline.Apply(&c.events[i])
		}
		if got := w.stateOf(timeline.Window{Est: 10_000_000, Lo: 10_000_000, Hi: 10_000_000}, made.Ksmd.PID).SchedIdle(0); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Where groups share the CPUs out, a load is only what is likeliest.
func TestLoadsOfGroups(t *testing.T) {
	s := timeline.SurveyOf(made.Record(made.Crowd()...), &parser.Host{}, nil)
	st := bareWorlds("6.1", timeline.New(s, 8, false)).stateOf(timeline.Window{}, made.Other.PID)
	st.Worlds.Survey = s
	for _, rule := range []rules.LoadRule{rules.LoadWeights, rules.LoadAverage} {
		plain := st.Load(rule, 6)
		st.Worlds.Groups = true
		got := st.Load(rule, 6)
		st.Worlds.Groups = false
		if got.From != fact.Unknown || got.Lo != 0 || got.Hi < 1<<20 || got.Best != plain.Best {
			t.Errorf("rule %v: %+v, without groups %+v", rule, got, plain)
		}
	}
}

// Where a task's last sched_stat_runtime comes long before the sched_switch that
// takes it off its CPU for swapper, with nothing between them, it may have been on
// its way out all that time, held up with its CPU.
func TestLeaving(t *testing.T) {
	runtime := func(t int64, cpu int32, p parser.Task) parser.Event {
		e := made.At(t, parser.KindStatRuntime, cpu)
		e.Task, e.Cur = p, p
		return e
	}
	quick := []parser.Event{made.Waking(20, 0, made.Busy[0], made.Ksmd, 6), made.Wakeup(22, 0, made.Busy[0], made.Ksmd, 6)} // a selection takes 2 us
	for _, c := range []struct {
		name   string
		events []parser.Event
		want   explore.Answer // of CPU 5, at 500 us
	}{
		{"held up", []parser.Event{runtime(100, 5, made.Busy[5]), made.Switches(900, 5, made.Busy[5], made.Sleeps, made.Swapper)}, explore.Rarely(false, DoubtRace, fact.Reconstructed)},
		{"over by then", []parser.Event{runtime(100, 5, made.Busy[5]), made.Switches(400, 5, made.Busy[5], made.Sleeps, made.Busy[4]), made.Switches(900, 5, made.Busy[4], made.Sleeps, made.Swapper)}, explore.Known(false, fact.Reconstructed)},
		{"an event between", []parser.Event{runtime(100, 5, made.Busy[5]), made.Waking(450, 5, made.Busy[5], made.Other, 2), made.Switches(900, 5, made.Busy[5], made.Sleeps, made.Swapper)}, explore.Known(false, fact.Reconstructed)},
		{"another's runtime", []parser.Event{runtime(100, 5, made.Busy[4]), made.Switches(900, 5, made.Busy[5], made.Sleeps, made.Swapper)}, explore.Known(false, fact.Reconstructed)},
		{"preempted", []parser.Event{runtime(100, 5, made.Busy[5]), made.Switches(900, 5, made.Busy[5], made.Preempted, made.Swapper)}, explore.Known(false, fact.Reconstructed)},
		{"for another task", []parser.Event{runtime(100, 5, made.Busy[5]), made.Switches(900, 5, made.Busy[5], made.Sleeps, made.Busy[4])}, explore.Known(false, fact.Reconstructed)},
		{"after that", []parser.Event{runtime(499, 5, made.Busy[5]), made.Switches(900, 5, made.Busy[5], made.Sleeps, made.Swapper)}, explore.Known(false, fact.Reconstructed)},
	} {
		ev := slices.Concat(made.Crowd(), quick, c.events)
		l := timeline.New(timeline.SurveyOf(made.Record(ev...), &parser.Host{}, nil), 8, false)
		for i := range ev {
			if ev[i].Time <= 500*made.Microsecond && ev[i].Kind != parser.KindStatRuntime {
				l.Apply(&ev[i])
			}
		}
		st := bareWorlds("6.1", l).stateOf(timeline.Window{Est: 500 * made.Microsecond, Lo: 500 * made.Microsecond, Hi: 500 * made.Microsecond}, made.Other.PID)
		if got := st.Idle(5); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// What leaves open how a CPU looked does so in a world in which a task may be there that is
// elsewhere in the recording, unless that is what is told of it.
func TestOpenWhereOthersAre(t *testing.T) {
	charge := made.At(100, parser.KindStatRuntime, 5)
	charge.Task, charge.Cur = made.Busy[5], made.Busy[5]
	events := append(made.Crowd(), charge, made.Switches(900, 5, made.Busy[5], made.Sleeps, made.Swapper))
	l := lineOf(events...)
	for i := range events[:len(events)-2] {
		l.Apply(&events[i])
	}
	w := timeline.Window{Est: 500 * made.Microsecond, Lo: 500 * made.Microsecond, Hi: 500 * made.Microsecond}
	for _, c := range []struct {
		name string
		at   []int // where Busy[4] is in the world
		want explore.Answer
	}{
		{"as recorded", nil, explore.Rarely(false, DoubtRace, fact.Reconstructed)},
		{"may be there", []int{4, 5}, explore.Rarely(false, DoubtRace, fact.Reconstructed)},
		{"most likely there", []int{5, 4}, explore.Rarely(false, DoubtRace, fact.Reconstructed)},
		{"surely there", []int{5}, explore.Known(false, fact.Reconstructed)},
	} {
		st := bareWorlds("6.1", l).stateOf(w, made.Other.PID)
		st.Side = newSide(st.Side.Scenario, st.Side.Machine, 1, false)
		if c.at != nil {
			st.Side.World.Diverge(made.Busy[4].PID, 1, c.at, 4)
			st.Side.World.SetActive(made.Busy[4].PID, true)
		}
		if got := st.Idle(5); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// A task on its way to a CPU is not among those queued there: where it is elsewhere in a world
// there is no task less, and where it is there as well the CPU is not idle.
func TestFlownElsewhere(t *testing.T) {
	for _, c := range []struct {
		name string
		runs bool // a task runs there
		at   int  // where the world has the one that flies there
		want bool
	}{
		{"nothing else is there", false, 6, true},
		{"a task runs there", true, 6, false},
		{"it flies there in the world too", false, 7, false},
	} {
		st := flownTo7("6.1", timeline.SurveyOf(made.Record(made.Crowd()...), &parser.Host{}, nil))
		if c.runs {
			comes := made.Switches(320, 7, made.Swapper, made.Runnable, made.Poller)
			st.Worlds.Timeline.Apply(&comes)
		}
		st.Window = timeline.Window{Est: 500 * made.Microsecond, Lo: 500 * made.Microsecond, Hi: 500 * made.Microsecond}
		st.Side = newSide(st.Side.Scenario, st.Side.Machine, 1, false)
		st.Side.World.Diverge(made.Ksmd.PID, 1, []int{c.at}, 5)
		st.Side.World.SetActive(made.Ksmd.PID, true)
		if got, want := st.Idle(7), explore.Known(c.want, fact.Reconstructed); got != want {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
	}
}

// A task that was woken on its way out is on a wake list when its CPU switches: in a world where it
// is elsewhere it stays so.
func TestWokenOnItsWayOutElsewhere(t *testing.T) {
	charge, leaves := made.At(100, parser.KindStatRuntime, 5), made.Switches(900, 5, made.Busy[5], made.Sleeps, made.Swapper)
	charge.Task, charge.Cur = made.Busy[5], made.Busy[5]
	for _, woken := range []bool{true, false} {
		l := lineOf(append(made.Crowd(), charge, leaves)...)
		for _, ev := range made.Crowd() {
			l.Apply(&ev)
		}
		r := bareWorlds("6.1", l)
		a := newSide(r.Base.Scenario, r.Base.Machine, 1, false)
		r.Alts = []*Side{a}
		a.World.Diverge(made.Busy[5].PID, 1, []int{4}, 5)
		a.World.SetActive(made.Busy[5].PID, true)
		want := shift{}
		if woken {
			l.Fly(l.Get(made.Busy[5].PID), 6, 5, timeline.Window{Est: 500 * made.Microsecond, Lo: 500 * made.Microsecond, Hi: 500 * made.Microsecond})
			want.here = 1
		}
		var got shift
		r.Apply(&leaves)
		if a.World.shiftOf(l, 4, -1, &got); got != want {
			t.Errorf("woken: %v: %+v, want %+v", woken, got, want)
		}
	}
}

// bareWorlds is the bench under a kernel, on a timeline if one is given.
func bareWorlds(kernel string, l *timeline.Timeline) *Worlds {
	k, err := rules.ParseKernel(kernel, "")
	if err != nil {
		panic(err)
	}
	rec := timeline.Of(made.Record(), made.Bench("6.1", 7), timeline.SurveyOf(made.Record(), made.Bench("6.1", 7), nil))
	w := New(rec, ScenarioOf(k), nil, nil, nil)
	w.Overlaps = func(*State, int) bool { return false }
	if l != nil {
		w.Timeline = l
	}
	return w
}

// stateOf is the recorded state as a selection sees it.
func (r *Worlds) stateOf(w timeline.Window, self int32) *State {
	return &State{Worlds: r, Side: r.Base, Looker: timeline.Looker{Window: w, Self: self, PendingLast: r.Base.Kernel.Rules.PendingLast}}
}

// lineOf surveys a recording and starts a timeline of eight CPUs.
func lineOf(events ...parser.Event) *timeline.Timeline {
	return timeline.New(timeline.SurveyOf(made.Record(events...), &parser.Host{}, nil), 8, false)
}

// A CPU's utilisation is at least what util_est remembers of the tasks queued there, where
// there is a util_est.
func TestUtilOfQueuedTasks(t *testing.T) {
	for kernel, want := range map[string]int64{"4.16": 0, "4.17": 600, "6.1": 600} {
		l := timeline.New(timeline.SurveyOf(made.Record(made.Crowd()...), &parser.Host{}, nil), 8, false)
		l.CPU[6].CFS.Est = 600
		st := bareWorlds(kernel, l).stateOf(timeline.Window{}, made.Other.PID)
		st.Worlds.Survey = l.Survey
		if got := st.Util(6); got.Best != want {
			t.Errorf("%s: %+v, want %d", kernel, got, want)
		}
	}
}

func shiftAt(w *World, l *timeline.Timeline, c int, self int32) (s shift) {
	w.shiftOf(l, c, self, &s)
	return s
}
