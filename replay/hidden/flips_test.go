package hidden

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
	"schedreplay/replay/timeline"
)

// record_wakee: a change of wakee counts one, and after a second the count
// halves before that.
func TestFlipsCount(t *testing.T) {
	f := flips{begun: true, guess: []flipsGuess{{v: 8, decayed: 0, w: 1}}}
	for _, c := range []struct {
		pid  int32
		now  int64
		want int64
	}{
		{1, 10, 9}, {1, 20, 9}, {2, 30, 10}, {1, 40, 11}, {1, timeline.Second, 11}, {1, timeline.Second + 1, 5}, {2, timeline.Second + 2, 6}, {2, 2*timeline.Second + 1, 6}, {3, 5 * timeline.Second, 4}, {3, 5*timeline.Second + 1, 4},
	} {
		f.wakes(c.pid, c.now)
		if got := f.guess[0].v + f.more; got != c.want {
			t.Errorf("after waking %d at %d: %d flips, want %d", c.pid, c.now, got, c.want)
		}
	}
}

// Each CPU's swapper has flips of its own, which what interrupts wake over it counts for.
func TestSwapperFlips(t *testing.T) {
	h := New(&timeline.Recorded{Survey: timeline.SurveyOf(made.Record(made.Crowd()...), &parser.Host{}, nil), NCPU: 2}, timeline.New(&timeline.Survey{}, 2, false), nil, nil, false)
	most := func(cpu int) (most int64) {
		waker, _ := h.Flips(&Waking{Wakee: 8, CPU: cpu})
		for _, f := range raised(waker) {
			most = max(most, f.Value)
		}
		return most
	}
	was := most(0)
	for pid := range int32(100) {
		h.Woke(&Waking{Wakee: pid + 1, CPU: 1})
	}
	if most(0) != was || most(1) < 100 {
		t.Errorf("%d flips of CPU 0's, %d of CPU 1's after 100 there", most(0), most(1))
	}
}

// after foretells what wakes will leave, and changes nothing itself.
func TestFlipsAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f flips
		f.start(firstGuesses(flipsRate(rapid.Int64Range(0, 100_000).Draw(t, "partners"), rapid.Int64Range(1, 20*timeline.Second).Draw(t, "window"))))
		now := rapid.Int64Range(0, timeline.Second).Draw(t, "start")
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			pid := rapid.Int32Range(1, 4).Draw(t, "pid")
			was := slices.Clone(f.guess)
			after := f.after(pid, now, new([]place.Weighted))
			told := raised(after)
			if !slices.Equal(was, f.guess) {
				t.Fatal("asking changed the guesses")
			}
			f.wakes(pid, now)
			if got := raised(f.value()); !sameWeights(told, got) {
				t.Fatalf("foretold %v, became %v", told, got)
			}
			if !sameWeights(told, raised(after)) {
				t.Fatal("what was foretold changed when it came true")
			}
			now += rapid.Int64Range(0, timeline.Second).Draw(t, "d")
		}
	})
}

// raised are the values of counts.
func raised(c place.Counts) []place.Weighted {
	counts := slices.Clone(c.Of)
	for i := range counts {
		counts[i].Value += c.More
	}
	return counts
}

func sameWeights(a, b []place.Weighted) bool {
	by := func(x, y place.Weighted) int { return int(x.Value - y.Value) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, by)
	slices.SortFunc(b, by)
	return slices.Equal(a, b)
}

// A decision that shows a wide pair weighs the guesses that make it one, and the
// other way round; none is thrown away on one decision's word.
func TestFlipsLearn(t *testing.T) {
	share := func(f *flips, min int64) float64 {
		yes, all := 0.0, 0.0
		for _, g := range f.guess {
			all += float64(g.w)
			if g.v >= min {
				yes += float64(g.w)
			}
		}
		return yes / all
	}
	fresh := func() (a, b flips) {
		a = flips{begun: true, guess: []flipsGuess{{v: 2, w: 1 << 16}, {v: 90, w: 1 << 16}}}
		b = flips{begun: true, guess: []flipsGuess{{v: 9, w: 1 << 16}}}
		return a, b
	}
	a, b := fresh()
	learnFlips(&a, &b, 8, true, flipsDoubt)
	if s := share(&a, 90); s < 0.7 || s > 0.95 || len(a.guess) != 2 {
		t.Errorf("wide: the guess that makes it so has %.2f of the weight", s)
	}
	a, b = fresh()
	learnFlips(&a, &b, 8, false, flipsDoubt)
	if s := share(&a, 90); s > 0.3 || s < 0.05 || len(a.guess) != 2 {
		t.Errorf("not wide: the guess that contradicts it has %.2f of the weight", s)
	}
	strong := share(&a, 90)
	a, b = fresh()
	learnFlips(&a, &b, 8, false, flipsLean)
	if s := share(&a, 90); s <= strong || s >= 0.5 {
		t.Errorf("rather not wide: the guess that contradicts it has %.2f of the weight", s)
	}
	for range 100 {
		learnFlips(&a, &b, 8, false, flipsDoubt)
	}
	if len(a.guess) != 1 || a.guess[0].v != 2 || a.guess[0].w == 0 {
		t.Errorf("after much evidence: %+v", a.guess)
	}
	for range 100 { // the last guess stays whatever comes
		learnFlips(&a, &b, 8, true, flipsDoubt)
	}
	if len(a.guess) != 1 || a.guess[0].w == 0 {
		t.Errorf("the last guess: %+v", a.guess)
	}
}

// A child has its parent's count, and from then on its own.
func TestFlipsOfChild(t *testing.T) {
	f := flips{begun: true, last: 5, guess: []flipsGuess{{v: 4, w: 1}}}
	var child flips
	f.copyTo(&child)
	child.wakes(6, 10)
	if f.guess[0].v+f.more != 4 || child.guess[0].v+child.more != 5 || f.last != 5 {
		t.Errorf("parent %+v, child %+v", f, child)
	}
}

// Guesses that have become the same are one, and their weights add up.
func TestFlipsMerge(t *testing.T) {
	var f flips
	f.start(firstGuesses(flipsRate(1000, 10*timeline.Second)))
	was := total(f.guess)
	for i := range int64(20) {
		f.wakes(1, i*timeline.Second*2)
	}
	if len(f.guess) != 1 || f.guess[0].v > 1 || total(f.guess) != was {
		t.Errorf("%+v, weighed %d before", f.guess, was)
	}
}

func total(g []flipsGuess) (sum uint64) {
	for i := range g {
		sum += uint64(g[i].w)
	}
	return sum
}

// WF_SYNC by rule of thumb, until decisions speak clearly.
func TestSyncHabits(t *testing.T) {
	by := func(c WakerContext) *Waking {
		return &Waking{Context: c, WakerComm: "writer", WakeeComm: "reader"}
	}
	s := syncHabits{path: map[wakePath]*habit{}}
	for _, c := range []struct {
		context WakerContext
		kthread bool
		prefer  bool
		open    bool
	}{
		{WakerHardirq, false, false, false},
		{WakerSoftirq, false, false, true},
		{WakerIdle, false, false, true},
		{WakerUnknown, false, false, true},
		{WakerTask, false, true, true},
		{WakerTask, true, false, true},
	} {
		w := by(c.context)
		w.Kthread = c.kthread
		a := s.guess(w, &lastHabit{})
		if a.Value != c.prefer || a.Open != c.open || a.From == fact.Unknown {
			t.Errorf("%s, kthread %v: %+v", c.context, c.kthread, a)
		}
	}
	line, last := by(WakerTask), lastHabit{}
	for _, c := range []struct {
		yes, no      int // decisions that speak for it and against it, from here on
		prefer, open bool
	}{
		{0, 1, true, true},    // one decision is no proof
		{0, 1, false, true},   // the rule of thumb gives way
		{0, 7, false, false},  // it is plain
		{12, 0, true, true},   // it does both
		{200, 0, true, false}, // what speaks against it is rare enough for an error
	} {
		for range c.yes {
			s.learn(line, true, 1)
		}
		for range c.no {
			s.learn(line, false, 1)
		}
		if a := s.guess(line, &last); a.Value != c.prefer || a.Open != c.open {
			t.Errorf("after %g for and %g against: %+v", s.path[line.path()].yes, s.path[line.path()].no, a)
		}
	}
	if a := s.guess(by(WakerHardirq), &last); a.Value || a.Open {
		t.Errorf("a timer never passes it: %+v", a)
	}
	if a := s.guess(by(WakerSoftirq), &last); a.Value || !a.Open {
		t.Errorf("of an interrupt over the waker nothing was learned: %+v", a)
	}
	for i := range maxHabits + 10 {
		s.learn(&Waking{Context: WakerTask, WakerComm: string(rune(i + 0x10000))}, true, 1)
	}
	if len(s.path) > maxHabits {
		t.Errorf("%d paths kept", len(s.path))
	}
}

// What wakers of a kind do tells of one that no decision speaks of, and a wakee in a deep
// sleep is never woken so.
func TestSyncKin(t *testing.T) {
	s := syncHabits{path: map[wakePath]*habit{}}
	signals := func(wakee string) *Waking {
		return &Waking{Context: WakerTask, WakerComm: "boss0", WakeeComm: wakee}
	}
	for range 3 {
		s.learn(signals("pool1"), false, 1)
	}
	for _, wakee := range []string{"pool2", "logger"} {
		if a := s.guess(signals(wakee), &lastHabit{}); a.Value || !a.Open || a.Doubt == 0 {
			t.Errorf("%s: %+v, where the waker is known not to pass it", wakee, a)
		}
	}
	other := &Waking{Context: WakerTask, WakerComm: "writer", WakeeComm: "pool2"}
	if a := s.guess(other, &lastHabit{}); !a.Value || a.Doubt != 0 {
		t.Errorf("another waker: %+v", a)
	}
	s.learn(signals("pool1"), true, syncLean)
	if a := s.guess(signals("pool1"), &lastHabit{}); a.Value {
		t.Errorf("what is only likelier counts as much as what is proven: %+v", a)
	}
	other.Deep = true
	if a := s.guess(other, &lastHabit{}); a.Value || a.Open {
		t.Errorf("a deep sleeper: %+v", a)
	}
}
