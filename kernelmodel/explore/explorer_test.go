package explore

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"schedreplay/fact"
)

const (
	topicA Topic = iota
	topicB
	topicC
	topicD
)

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Every combination once, the preferred answers first.
func TestExplore(t *testing.T) {
	var x Explorer
	var got [][3]int
	complete := x.Explore(64, func() {
		a := x.Ask(topicA, 1, Either(true, fact.Unknown))
		run := [3]int{one(a), -1, x.Pick(topicB, 0, 2)}
		if a {
			run[1] = x.Pick(topicC, 0, 3)
		}
		got = append(got, run)
	})
	want := [][3]int{{1, 0, 0}, {1, 1, 0}, {1, 2, 0}, {1, 0, 1}, {1, 1, 1}, {1, 2, 1}, {0, -1, 0}, {0, -1, 1}}
	if d := cmp.Diff(want, got); d != "" || !complete {
		t.Errorf("-want +got:\n%s", d)
	}
}

// A question has one answer in a run, however it is asked again; known answers
// are no questions.
func TestExploreSameAnswer(t *testing.T) {
	var x Explorer
	runs := 0
	complete := x.Explore(64, func() {
		runs++
		a, b := x.Ask(topicA, 7, Either(true, fact.Unknown)), x.Ask(topicA, 7, Either(false, fact.Unknown))
		if a != b {
			t.Error("two answers to one question")
		}
		if !x.Ask(topicA, 8, Known(true, fact.Observed)) || x.Pick(topicC, 0, 1) != 0 {
			t.Error("a known answer changed")
		}
	})
	if runs != 2 || !complete {
		t.Errorf("%d runs, complete %v", runs, complete)
	}
}

// What carries more doubt than counts is not tried, whether one answer does or
// several together.
func TestExploreDoubt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doubts := rapid.SliceOfN(rapid.Uint8Range(0, MaxDoubt+2), 1, 5).Draw(t, "doubts")
		var x Explorer
		got := map[int]bool{}
		if !x.Explore(64, func() {
			run := 0
			for i, d := range doubts {
				if !x.Ask(topicA, i, Rarely(true, d, fact.Estimated)) {
					run |= 1 << i
				}
			}
			if got[run] {
				t.Fatalf("run %b twice", run)
			}
			got[run] = true
		}) {
			t.Fatal("not complete")
		}
		for run := range 1 << len(doubts) {
			sum := 0
			for i, d := range doubts {
				if run>>i&1 == 1 {
					sum += int(d)
				}
			}
			if want := sum <= MaxDoubt; got[run] != want {
				t.Errorf("%b, %d bits in doubt: tried %v", run, sum, got[run])
			}
		}
	})
}

func TestDoubtOf(t *testing.T) {
	for _, c := range []struct {
		part, whole uint64
		want        uint8
	}{{1, 1, 0}, {1, 2, 1}, {3, 7, 1}, {1, 4, 2}, {1, 100, 6}, {1, 128, 7}, {2, 1, 0}, {0, 5, math.MaxUint8}, {1, math.MaxUint64, 63}} {
		if got := DoubtOf(c.part, c.whole); got != c.want {
			t.Errorf("%d of %d: %d bits, want %d", c.part, c.whole, got, c.want)
		}
	}
}

// Options of one kernel never stand for another's where their numbers differ.
func TestExplorePickSizes(t *testing.T) {
	var x Explorer
	seen := map[[2]int]bool{}
	x.Explore(64, func() { seen[[2]int{x.Pick(topicA, 0, 2), x.Pick(topicA, 0, 4)}] = true })
	if len(seen) != 8 {
		t.Errorf("%d of 8 pairs", len(seen))
	}
}

// Answers about one number fit each other.
func TestAtLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Int64Range(0, 9).Draw(t, "lo")
		r := Range{Lo: lo, Hi: rapid.Int64Range(lo, 9).Draw(t, "hi"), From: fact.Estimated}
		r.Best = rapid.Int64Range(r.Lo, r.Hi).Draw(t, "best")
		asked := rapid.SliceOfN(rapid.Int64Range(0, 10), 1, 4).Draw(t, "asked")
		var x Explorer
		first, values := true, map[int64]bool{}
		if !x.Explore(1000, func() {
			from, to := r.Lo, r.Hi
			for _, v := range asked {
				yes, a := x.AtLeast(topicD, 0, r, nil, v)
				if a.Open != (r.Lo < v && v <= r.Hi) || !a.Open && a.Value != yes {
					t.Fatalf("at least %d of %v: %v, as a fact %+v", v, r, yes, a)
				}
				if yes {
					from = max(from, v)
				} else {
					to = min(to, v-1)
				}
			}
			if from > to {
				t.Fatalf("answers about %v leave no value", asked)
			}
			if first && (r.Best < from || r.Best > to) {
				t.Fatalf("the first run leaves %d to %d, without the best value of %v", from, to, r)
			}
			first = false
			for v := from; v <= to; v++ {
				if values[v] {
					t.Fatalf("value %d is in two runs", v)
				}
				values[v] = true
			}
		}) {
			t.Fatal("not complete")
		}
		if int64(len(values)) != r.Hi-r.Lo+1 {
			t.Fatalf("%d values of %v", len(values), r)
		}
	})
}

// An exploration is complete exactly if the runs suffice; where it is plain that
// they do not it ends early.
func TestExploreLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "tree")
		depth := rapid.IntRange(0, 40).Draw(t, "depth")
		limit := rapid.IntRange(1, 100).Draw(t, "limit")
		// A tree by a hash of the path taken: how many options, and where it ends.
		walk := func(x *Explorer) string {
			var path []byte
			h := seed
			for i := range depth {
				h = (h ^ uint64(i)) * 0x9e3779b97f4a7c15
				if h>>60 == 0 {
					break
				}
				k := x.Pick(topicC, i, int(h>>33%3)+1)
				path = append(path, byte('0'+k))
				h += uint64(k) * 0x100000001b3
			}
			return string(path)
		}
		var x Explorer
		leaves, runs := map[string]bool{}, 0
		full := x.Explore(5000, func() { leaves[walk(&x)] = true; runs++ })
		if len(leaves) != runs {
			t.Fatalf("%d runs, %d different ones", runs, len(leaves))
		}
		fits := full && runs <= limit
		runs = 0
		complete := x.Explore(limit, func() {
			if !leaves[walk(&x)] && full {
				t.Fatal("a run that the full exploration did not have")
			}
			runs++
		})
		if complete != fits || fits && runs != len(leaves) {
			t.Fatalf("complete %v after %d runs with a limit of %d, %d leaves", complete, runs, limit, len(leaves))
		}
		if runs > limit || runs < min(hopelessRuns, limit, len(leaves)) {
			t.Fatalf("%d runs with a limit of %d, %d leaves", runs, limit, len(leaves))
		}
	})
}

// A chain of questions as long as a big LLC is seen to be hopeless soon.
func TestExploreGivesUp(t *testing.T) {
	var x Explorer
	runs := 0
	complete := x.Explore(64, func() {
		runs++
		for c := range 200 {
			if x.Ask(topicA, c, Either(false, fact.Unknown)) {
				return
			}
		}
	})
	if complete || runs != hopelessRuns {
		t.Errorf("complete %v after %d runs", complete, runs)
	}
	// One that just fits is finished.
	runs = 0
	complete = x.Explore(64, func() {
		runs++
		for c := range 63 {
			if x.Ask(topicA, c, Either(false, fact.Unknown)) {
				return
			}
		}
	})
	if !complete || runs != 64 {
		t.Errorf("complete %v after %d runs, want 64", complete, runs)
	}
}

// What a run shares with the one before it need not be run again: not the other way about,
// not after a run that did not come by, and not in another exploration.
func TestAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.IntRange(0, 4).Draw(t, "depth")
		by := rapid.SliceOfN(rapid.Bool(), 1<<5, 1<<5).Draw(t, "by")
		var x Explorer
		var made Mark
		for range 2 {
			var noted, before []bool // what was answered up to the mark, and in the run before
			came, first := false, true
			x.Explore(64, func() {
				var path []bool
				at := 0
				for i := range depth {
					path = append(path, x.Ask(topicA, i, Either(false, fact.Unknown)))
					at = at<<1 | one(path[i])
				}
				comes := by[at]
				if comes {
					again := x.Again(&made)
					if want := came && slices.Equal(noted, path); again && !want || first && again {
						t.Fatalf("again %v after %v, noted %v", path, before, noted)
					}
					if !again {
						made, noted = x.Mark(), path
					}
				}
				x.Pick(topicB, 0, 2)
				came, first, before = comes, false, path
			})
		}
	})
}

// An exploration of two pieces of code that follows the trails of the first alone comes to
// the same as one that runs both.
func TestFollow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "tree")
		depth := rapid.IntRange(0, 4).Draw(t, "depth")
		walk := func(x *Explorer, salt uint64) (path []bool) {
			h := seed ^ salt
			for range depth {
				h = (h ^ h>>29) * 0x9e3779b97f4a7c15
				doubt := uint8(h >> 50 % 5)
				yes := x.Ask(topicA, int(h>>40%6), Answer{Value: h>>33&1 == 1, Open: h>>34&3 > 0, Doubt: doubt})
				if at, _ := x.AtLeast(topicD, int(salt), Range{Hi: 3, Best: 1}, nil, int64(h>>20%4)); at {
					h++
				}
				if path = append(path, yes); yes {
					h += 2
				}
			}
			return path
		}
		var x Explorer
		var trails []Trail
		var firsts [][]bool
		x.Explore(64, func() {
			firsts = append(firsts, walk(&x, 1))
			trails = append(trails, Trail{})
			trails[len(trails)-1].Note(&x)
		})
		both := func(follow bool) (all [][]bool, complete bool) {
			var made Mark
			var first []bool
			n := 0
			complete = x.Explore(64, func() {
				if !x.Again(&made) {
					if follow && n < len(trails) {
						x.Follow(&trails[n], fact.Observed)
						first = firsts[n]
					} else {
						first = walk(&x, 1)
					}
					made = x.Mark()
					n++
				}
				all = append(all, first, walk(&x, 2))
			})
			return all, complete
		}
		want, wholly := both(false)
		got, all := both(true)
		if d := cmp.Diff(want, got); d != "" || all != wholly {
			t.Fatalf("complete %v, want %v; -want +got:\n%s", all, wholly, d)
		}
	})
}

// An exploration that recalls where code has come to before runs it fewer times and comes to
// the same, whatever other code asked before it in each run, and what it takes over by a mark.
func TestRecall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "tree")
		depth := rapid.IntRange(0, 5).Draw(t, "depth")
		ran := 0
		step := func(x *Explorer, h uint64) uint64 {
			h = (h ^ h>>29) * 0x9e3779b97f4a7c15
			if x.Ask(topicA, int(h>>40%6), Answer{Value: h>>33&1 == 1, Open: h>>34&3 > 0, Doubt: uint8(h >> 50 % 5), From: fact.Provenance(h >> 55 % 5)}) {
				h += 2
			}
			if at, _ := x.AtLeast(topicD, int(h>>60%2), Range{Lo: 1, Hi: 5, Best: 2, From: fact.Estimated}, odds(2), int64(h>>20%6)); at {
				h++
			}
			return h + 16*uint64(x.Pick(topicB, int(h>>44%3), int(h>>46%3)))
		}
		walk := func(x *Explorer, salt uint64, made *Mark, at *uint64) uint64 {
			h := seed ^ salt
			for i := range depth {
				if i == 1 && made != nil {
					if x.Again(made) {
						h = *at
						continue
					}
					h = step(x, h)
					*made, *at = x.Mark(), h
					continue
				}
				h = step(x, h)
			}
			return h
		}
		var x Explorer
		both := func(recall bool) (all []uint64, from []fact.Provenance, complete bool) {
			var m Memo
			m.Forget()
			var ends []uint64
			var made Mark
			var at uint64
			ran = 0
			code := func() uint64 { ran++; return walk(&x, 2, &made, &at) }
			complete = x.Explore(64, func() {
				first := walk(&x, 1, nil, nil)
				second := uint64(0)
				if recall {
					end := x.Recall(&m, func(end int) {
						if end != len(ends) {
							t.Fatalf("end %d is told as %d", len(ends), end)
						}
						ends = append(ends, code())
					})
					second = ends[end]
				} else {
					second = code()
				}
				all, from = append(all, first, second), append(from, x.Weakest())
			})
			if 2*ran > len(all) {
				t.Fatalf("run %d times in %d runs", ran, len(all)/2)
			}
			return all, from, complete
		}
		want, from, wholly := both(false)
		got, leant, all := both(true)
		if d := cmp.Diff(want, got) + cmp.Diff(from, leant); d != "" || all != wholly {
			t.Fatalf("complete %v, want %v; -want +got:\n%s", all, wholly, d)
		}
	})
}

// odds are those of a number of which values are the less likely the farther from a best one.
type odds int64

func (o odds) Doubt(v int64) uint8 {
	if int64(o) < v {
		return uint8(2 * (v - int64(o)))
	}
	return uint8(2 * (int64(o) - v + 1))
}
