package replay

import (
	"slices"
	"testing"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// Where a decision can have been made either way, it leans to the one that needs
// nothing else to be otherwise.
func TestLeansWide(t *testing.T) {
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
		r := &decider{runs: c.runs}
		if got := r.leansWide(2); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
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

// bare makes decisions on the bench under 6.1, on a timeline if one is given.
func bare(l *timeline) *decider {
	k, err := rules.ParseKernel("6.1", "")
	if err != nil {
		panic(err)
	}
	rec := recordedBy(record(), bench("6.1", 7), surveyCapture(record(), bench("6.1", 7), nil))
	w := newWorlds(rec, scenarioOf(k), nil, nil, nil)
	if l != nil {
		w.t = l
	}
	return newDecider(w, config{})
}

// stateOf is the recorded state as a selection sees it.
func (r *decider) stateOf(w window, self int32) *state {
	return &state{r: r.worlds, side: r.base, win: w, self: self}
}
