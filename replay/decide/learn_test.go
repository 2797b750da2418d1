package decide

import (
	"slices"
	"testing"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/ahead"
	"schedreplay/replay/internal/made"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// Where a decision can have been made either way, it leans to the one that needs
// nothing else to be otherwise.
func TestLeans(t *testing.T) {
	run := func(wide int8, cpu int) place.Outcome { return place.Outcome{Wide: wide, CPU: cpu} }
	for _, c := range []struct {
		name string
		runs []place.Outcome
		want int8
	}{
		{"wide leads there", []place.Outcome{run(0, 1), run(0, 2), run(1, 2)}, 1},
		{"not wide does", []place.Outcome{run(0, 2), run(1, 1), run(1, 2)}, 0},
		{"both do", []place.Outcome{run(0, 2), run(1, 2)}, -1},
		{"neither does at once", []place.Outcome{run(0, 1), run(0, 2), run(1, 1), run(1, 2)}, -1},
		{"it was not in question", []place.Outcome{run(0, 2), run(0, 1)}, -1},
		{"nobody asked", []place.Outcome{run(-1, 2), run(-1, 1)}, -1},
	} {
		r := &Decider{runs: c.runs}
		if got := r.leans(2, func(o *place.Outcome) int8 { return o.Wide }); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// Two selections at once: whichever is over first takes the idle CPU from the
// other, so it may look busy to the one whose end is seen first.
func TestOverlappingSelections(t *testing.T) {
	s := timeline.SurveyOf(made.Record(made.Crowd()...), &parser.Host{}, nil)
	l := timeline.New(s, 8, false)
	for _, ev := range append(made.Crowd(), made.Switches(200, 7, made.Poller, made.Sleeps, made.Swapper)) {
		l.Apply(&ev)
	}
	flies := &decision{opened: opened{ev: made.Waking(1000, 5, made.Busy[5], made.Other, 6), out: &ahead.Outcome{CPU: 7}, win: timeline.Window{Est: 1004 * made.Microsecond, Lo: 1000 * made.Microsecond, Hi: 1008 * made.Microsecond}}}
	for _, c := range []struct {
		name      string
		undecided []*decision
		self      int32
		win       timeline.Window
		open      bool
	}{
		{"alone", nil, made.Ksmd.PID, timeline.Window{Est: 1003 * made.Microsecond, Lo: 1001 * made.Microsecond, Hi: 1005 * made.Microsecond}, false},
		{"while another goes there", []*decision{flies}, made.Ksmd.PID, timeline.Window{Est: 1003 * made.Microsecond, Lo: 1001 * made.Microsecond, Hi: 1005 * made.Microsecond}, true},
		{"over before that began", []*decision{flies}, made.Ksmd.PID, timeline.Window{Est: 990 * made.Microsecond, Lo: 985 * made.Microsecond, Hi: 995 * made.Microsecond}, false},
		{"its own", []*decision{flies}, made.Other.PID, timeline.Window{Est: 1003 * made.Microsecond, Lo: 1001 * made.Microsecond, Hi: 1005 * made.Microsecond}, false},
		{"no decision asks", []*decision{flies}, world.NoWakee, timeline.Window{Est: 1003 * made.Microsecond, Lo: 1001 * made.Microsecond, Hi: 1005 * made.Microsecond}, false},
	} {
		r := bare(l)
		st := r.stateOf(c.win, c.self)
		r.queue.undecided = c.undecided
		if a := st.Idle(7); !a.Value || a.Open != c.open || st.Ahead != c.open {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
}

// A decision that is closed after has_idle_cores was set does not read what came
// after its selection, and does not clear it either.
func TestIdleCoresSetLater(t *testing.T) {
	r := bare(nil)
	llc := r.Base.LLC(0)
	for _, c := range []struct {
		name    string
		since   int64
		want    explore.Answer
		cleared bool
	}{
		{"set before the selection", 3, explore.Known(true, fact.Reconstructed), true},
		{"set while it may have been made", 8, explore.Rarely(true, world.DoubtRace, fact.Reconstructed), true},
		{"set when it was most likely over", 15, explore.Rarely(false, world.DoubtRace, fact.Reconstructed), false},
	} {
		r.Base.State = *r.stateOf(timeline.Window{Est: 10, Lo: 5, Hi: 20}, made.Ksmd.PID)
		r.Base.World.SetIdleCores(llc, world.Tristate{Value: true, Known: true, Since: c.since})
		if got := r.Base.State.HasIdleCores(0); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		r.runs = []place.Outcome{{ClearIdleCores: 0}}
		r.clearCores([]int{0}, true)
		if got, _ := r.Base.World.IdleCores(llc); got.Value == c.cleared {
			t.Errorf("%s: left as %+v", c.name, got)
		}
	}
}

// One that reads has_idle_cores as not set leaves it so, and one that scans for a
// core in vain clears it: whichever it was, it is not set afterwards. Where not all was tried
// that is likely.
func TestIdleCoresAfter(t *testing.T) {
	r := bare(nil)
	r.Base.State = *r.stateOf(timeline.Window{Est: 10, Lo: 5, Hi: 20}, made.Ksmd.PID)
	llc := r.Base.LLC(0)
	cleared := place.Outcome{IdleCores: 1, ClearIdleCores: 0}
	unset := place.Outcome{ClearIdleCores: -1}
	unread := place.Outcome{IdleCores: -1, ClearIdleCores: -1}
	for _, c := range []struct {
		name string
		runs []place.Outcome
		more bool // runs were not made
		want world.Tristate
	}{
		{"cleared", []place.Outcome{cleared}, false, world.Tristate{Known: true}},
		{"cleared or not set", []place.Outcome{unset, cleared}, false, world.Tristate{Known: true}},
		{"cleared or not read", []place.Outcome{unread, cleared}, false, world.Tristate{Value: true}},
		{"not read", []place.Outcome{unread}, false, world.Tristate{Value: true, Known: false}},
		{"cleared, where not all was tried", []place.Outcome{cleared}, true, world.Tristate{}},
	} {
		r.Base.World.SetIdleCores(llc, world.Tristate{Value: true})
		r.runs = c.runs
		r.clearCores(r.all(), !c.more)
		if got, _ := r.Base.World.IdleCores(llc); got != c.want {
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
		p := &timeline.Task{PID: made.Other.PID}
		own := r.Hidden.Of(p.PID)
		own.Recent = slices.Clone(c.before)
		r.runs = c.runs
		r.setRecent(p, r.all(), wakeesRecent)
		if !slices.Equal(own.Recent, c.want) {
			t.Errorf("%s: %v, want %v", c.name, own.Recent, c.want)
		}
	}
}

// bare makes decisions on the bench under 6.1, on a timeline if one is given.
func bare(l *timeline.Timeline) *Decider {
	k, err := rules.ParseKernel("6.1", "")
	if err != nil {
		panic(err)
	}
	rec := timeline.Of(made.Record(), made.Bench("6.1", 7), timeline.SurveyOf(made.Record(), made.Bench("6.1", 7), nil))
	w := world.New(rec, world.ScenarioOf(k), nil, nil, nil)
	if l != nil {
		w.Timeline = l
	}
	return New(w, Config{})
}

// stateOf is the recorded state as a selection sees it.
func (r *Decider) stateOf(w timeline.Window, self int32) *world.State {
	return &world.State{Worlds: r.Worlds, Side: r.Base, Looker: timeline.Looker{Window: w, Self: self, PendingLast: r.Base.Kernel.Rules.PendingLast}}
}

// A CPU that is held up may have been stopped in the midst of its last switch.
func TestMidSwitch(t *testing.T) {
	a, b, c := made.ATask(101, "a", 120), made.ATask(102, "b", 120), made.ATask(103, "c", 120)
	for _, x := range []struct {
		name  string
		sent  int64 // when a wakeup was sent to the CPU, in us
		other bool  // it recorded something before that
		at    int64
		want  bool
	}{
		{"held up", 1100, false, 2200, true},
		{"not for long", 1100, false, 2050, false},
		{"idle before", 2100, false, 3200, false},
		{"went on", 1300, true, 2500, false},
	} {
		events := []parser.Event{made.Switches(900, 1, made.Swapper, made.Runnable, a), made.Switches(1000, 1, a, made.Sleeps, made.Swapper)}
		if x.other {
			events = append(events, made.Waking(1200, 1, made.Swapper, c, 0))
		}
		l := timeline.New(timeline.SurveyOf(made.Record(events...), &parser.Host{}, nil), 2, false)
		for i := range events {
			l.Apply(&events[i])
		}
		at := x.sent * made.Microsecond
		l.Fly(l.Get(b.PID), 0, 1, timeline.Window{Est: at, Lo: at, Hi: at})
		r := &Decider{Worlds: &world.Worlds{Timeline: l}}
		if got := r.midSwitch(l.Get(a.PID), x.at*made.Microsecond); got != x.want {
			t.Errorf("%s: %v", x.name, got)
		}
	}
}
