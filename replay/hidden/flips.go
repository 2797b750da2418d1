package hidden

import (
	"math"
	"slices"

	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay/timeline"
)

// flips is a task's wakee_flips as far as the capture tells: how often it
// changed whom it wakes, halved about once a second (record_wakee,
// kernel/sched/fair.c). The changes are recorded; the count at the start of the
// capture and the phase of the halving are in no event. So a few guesses at
// both are followed, and decisions that show whether a pair was wide weigh them.
type flips struct {
	last  int32 // last_wakee, 0 if unknown
	begun bool
	guess []flipsGuess
	// shared: others have the same guesses, which are not to be changed.
	shared bool
	// more is what each guess's and each count's value is to be taken as more than it says:
	// the changes of partner since they were written.
	more int64
	// counts are the guesses' counts with their weights, valid if counted. spare are those
	// before, which a decision may still hold.
	counts  place.Counts
	spare   []place.Weighted
	counted bool
	// oldest is, if begun, no later than any of the guesses' decayed.
	oldest int64
}

type flipsGuess struct {
	v       int64
	decayed int64 // wakee_flip_decay_ts; before the first waking, how long before it
	w       uint32
}

const (
	// flipsPhases and flipsStarts are the guesses followed at first.
	flipsPhases = 8
	flipsStarts = 9
	// flipsDoubt is one over the weight that is left to a guess which a decision
	// seems to contradict: other hidden facts may explain it.
	flipsDoubt = 4
	// flipsLean is the same where the decision is only likelier to have been made
	// with another guess.
	flipsLean = 2
)

// flipsWeight weighs the start values 0, rate/4, rate/2 … of a task that
// changes its partner rate times a second.
var flipsWeight = [flipsStarts]uint32{30, 36, 42, 48, 50, 46, 40, 26, 16}

// flipsRate is how often a second a task changes its partner that did so some times over
// the whole capture, 0 if that says nothing.
func flipsRate(partners, window int64) int64 {
	if window <= 0 {
		return 0
	}
	return max(4, partners*timeline.Second/max(window, timeline.Second/10))
}

// firstGuesses are those at the count of a task that changes its partner so often.
func firstGuesses(rate int64) []flipsGuess {
	guess := make([]flipsGuess, 0, flipsStarts*flipsPhases)
	for i := range int64(flipsStarts) {
		for j := range int64(flipsPhases) {
			guess = append(guess, flipsGuess{v: i * rate / 4, decayed: j * timeline.Second / flipsPhases, w: flipsWeight[i] << 8})
		}
	}
	return guess
}

// start begins with guesses that others have as well.
func (f *flips) start(guess []flipsGuess) {
	f.guess, f.shared, f.more, f.counted = guess, true, 0, false
}

// own makes the guesses the task's own, to be changed.
func (f *flips) own() {
	if f.shared {
		f.guess, f.shared = slices.Clone(f.guess), false
	}
}

// copyTo gives a forked child its parent's count.
func (f *flips) copyTo(child *flips) {
	*child = flips{last: f.last, begun: f.begun, oldest: f.oldest, guess: f.guess, more: f.more, shared: true}
	f.shared = true
}

// wakes notes that the task woke another (record_wakee).
func (f *flips) wakes(pid int32, now int64) {
	if !f.begun {
		f.begin(now)
	}
	if !f.stay(now) {
		f.halve(now)
	}
	if f.last != pid {
		f.last = pid
		f.more++
	}
}

// begin dates the guesses from the task's first waking.
func (f *flips) begin(now int64) {
	f.own()
	f.begun, f.oldest = true, now
	for i := range f.guess {
		g := &f.guess[i]
		g.decayed = now - g.decayed
		f.oldest = min(f.oldest, g.decayed)
	}
}

// stay reports whether no guess is halved by now.
func (f *flips) stay(now int64) bool { return !f.begun || now <= f.oldest+timeline.Second }

// halve halves the guesses that are due by now.
func (f *flips) halve(now int64) {
	f.own()
	halved := false
	f.oldest = now
	for i := range f.guess {
		g := &f.guess[i]
		g.v += f.more
		if v, yes := fair.DecayFlips(g.v, g.decayed, now); yes {
			g.v, g.decayed, halved = v, now, true
		}
		f.oldest = min(f.oldest, g.decayed)
	}
	f.more, f.counted = 0, false
	if halved {
		f.merge(now)
	}
}

// merge joins guesses that have become the same, as some were halved now.
func (f *flips) merge(now int64) {
	n := 0
next:
	for _, g := range f.guess {
		for i := range n {
			if g.decayed <= now-timeline.Second/16 {
				break // of those halved long ago no two are the same
			}
			if o := &f.guess[i]; o.v == g.v && o.decayed-g.decayed < timeline.Second/16 && g.decayed-o.decayed < timeline.Second/16 {
				o.w += g.w
				continue next
			}
		}
		f.guess[n] = g
		n++
	}
	f.guess = f.guess[:n]
}

// after returns the counts as record_wakee will have left them when the task wakes pid. They
// are valid until a decision after this one; room is for those of a task that halves its count
// by that.
func (f *flips) after(pid int32, now int64, room *[]place.Weighted) place.Counts {
	flip := int64(0)
	if f.last != pid {
		flip = 1
	}
	if f.stay(now) {
		counts := f.value()
		counts.More += flip
		return counts
	}
	c := counter{list: (*room)[:0]}
	for _, g := range f.guess {
		v, _ := fair.DecayFlips(g.v+f.more, g.decayed, now)
		c.add(v, g.w)
	}
	*room = c.list
	counts := place.NewCounts(c.list)
	counts.More = flip
	return counts
}

// count brings counts up to date.
func (f *flips) count() {
	if f.counted {
		return
	}
	f.counted = true
	c := counter{list: f.spare[:0]}
	for _, g := range f.guess {
		c.add(g.v, g.w)
	}
	f.counts, f.spare = place.NewCounts(c.list), f.counts.Of
}

// counter sums weights by value, in the order in which the values come. place is one more
// than where a value is that ends in these bits, 0 if none of the list does.
type counter struct {
	list  []place.Weighted
	place [1 << 7]uint8
}

// add adds weight to a value.
func (c *counter) add(v int64, w uint32) {
	at := &c.place[v&(1<<7-1)]
	if *at > 0 && c.list[*at-1].Value != v {
		*at = uint8(1 + slices.IndexFunc(c.list, func(o place.Weighted) bool { return o.Value == v }))
	}
	if *at == 0 {
		c.list = append(c.list, place.Weighted{Value: v})
		*at = uint8(len(c.list))
	}
	c.list[*at-1].Weight += w
}

// value returns the counts, valid until a decision after this one.
func (f *flips) value() place.Counts {
	f.count()
	counts := f.counts
	counts.More = f.more
	return counts
}

// learnFlips takes that the pair of tasks was, or was not, wide for an LLC of the
// given size, and weighs the guesses by it: one over doubt of the weight is left to
// what that contradicts.
func learnFlips(a, b *flips, size int64, wide bool, doubt uint32) {
	of, with := a.value(), b.value()
	a.weigh(&with, size, wide, doubt)
	b.weigh(&of, size, wide, doubt)
}

// weigh does so with those of one task by the counts of the other. It drops guesses that weigh
// nothing and keeps the sum in range.
func (f *flips) weigh(with *place.Counts, size int64, wide bool, doubt uint32) {
	sum, least, same := uint64(0), uint64(math.MaxUint64), true
	var fits, all uint64
	for i := range f.guess {
		w := f.guess[i].w
		if v := f.guess[i].v; i == 0 || v != f.guess[i-1].v {
			if fits, all = with.WideWith(v+f.more, size); !wide {
				fits = all - fits
			}
		}
		switch fits {
		case all:
		case 0:
			w /= doubt
		default:
			w = uint32(uint64(w) * (all + uint64(doubt-1)*fits) / (uint64(doubt) * all))
		}
		if w != f.guess[i].w {
			f.own()
			f.guess[i].w, same = w, false
		}
		sum, least = sum+uint64(w), min(least, uint64(w))
	}
	if same && least*4096 >= sum && sum >= 1<<16 {
		return
	}
	f.own()
	f.counted = false
	n := 0
	for _, g := range f.guess {
		if uint64(g.w)*4096 < sum {
			continue
		}
		if sum < 1<<16 {
			g.w <<= 4
		}
		f.guess[n] = g
		n++
	}
	if n > 0 {
		f.guess = f.guess[:n]
	}
}
