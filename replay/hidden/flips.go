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
	// counts are the guesses' counts with their weights, valid if counted; oldest
	// is the least of the guesses' decayed.
	counts  []place.Weighted
	counted bool
	oldest  int64
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
func (f *flips) start(guess []flipsGuess) { f.guess, f.shared, f.counted = guess, true, false }

// own makes the guesses the task's own, to be changed.
func (f *flips) own() {
	if f.shared {
		f.guess, f.shared = slices.Clone(f.guess), false
	}
}

// copyTo gives a forked child its parent's count.
func (f *flips) copyTo(child *flips) {
	*child = flips{last: f.last, begun: f.begun, guess: f.guess, shared: true}
	f.shared = true
}

// wakes notes that the task woke another (record_wakee).
func (f *flips) wakes(pid int32, now int64) {
	f.own()
	if !f.begun {
		f.begun = true
		for i := range f.guess {
			f.guess[i].decayed = now - f.guess[i].decayed
		}
		f.counted = false
	}
	flip := int64(0)
	if f.last != pid {
		f.last, flip = pid, 1
	}
	halved := false
	for i := range f.guess {
		g := &f.guess[i]
		if v, yes := fair.DecayFlips(g.v, g.decayed, now); yes {
			g.v, g.decayed, halved = v, now, true
		}
		g.v += flip
	}
	if halved {
		f.merge()
		f.counted = false
	}
	for i := range f.counts {
		f.counts[i].Value += flip
	}
}

// merge joins guesses that have become the same.
func (f *flips) merge() {
	n := 0
next:
	for _, g := range f.guess {
		for i := range n {
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

// after returns the counts as record_wakee will have left them when the task
// wakes pid, appended to buf.
func (f *flips) after(pid int32, now int64, buf []place.Weighted) []place.Weighted {
	flip := int64(0)
	if f.last != pid {
		flip = 1
	}
	f.count()
	if !f.begun || now <= f.oldest+timeline.Second {
		for _, c := range f.counts {
			buf = append(buf, place.Weighted{Value: c.Value + flip, Weight: c.Weight})
		}
		return buf
	}
	for _, g := range f.guess {
		v, _ := fair.DecayFlips(g.v, g.decayed, now)
		buf = addWeighted(buf, v+flip, g.w)
	}
	return buf
}

// count brings counts up to date.
func (f *flips) count() {
	if f.counted {
		return
	}
	f.counted, f.counts, f.oldest = true, f.counts[:0], math.MaxInt64-timeline.Second
	for _, g := range f.guess {
		f.counts = addWeighted(f.counts, g.v, g.w)
		f.oldest = min(f.oldest, g.decayed)
	}
}

// addWeighted adds weight to a value.
func addWeighted(buf []place.Weighted, v int64, w uint32) []place.Weighted {
	for i := range buf {
		if buf[i].Value == v {
			buf[i].Weight += w
			return buf
		}
	}
	return append(buf, place.Weighted{Value: v, Weight: w})
}

// value returns the counts, appended to buf.
func (f *flips) value(buf []place.Weighted) []place.Weighted {
	f.count()
	return append(buf, f.counts...)
}

// learnFlips takes that the pair of tasks was, or was not, wide for an LLC of the
// given size, and weighs the guesses by it: one over doubt of the weight is left to
// what that contradicts.
func learnFlips(a, b *flips, size int64, wide bool, doubt uint64) {
	a.count()
	b.count()
	weigh := func(f, other *flips) []uint32 {
		w := make([]uint32, len(f.guess))
		with := place.NewWideWith(other.counts, size)
		for i, g := range f.guess {
			fits, all := with.Weight(g.v)
			if !wide {
				fits = all - fits
			}
			w[i] = g.w
			if all > 0 {
				w[i] = uint32(uint64(g.w) * (all + (doubt-1)*fits) / (doubt * all))
			}
		}
		return w
	}
	wa, wb := weigh(a, b), weigh(b, a)
	a.set(wa)
	b.set(wb)
}

// set takes new weights, drops guesses that weigh nothing and keeps the sum in
// range.
func (f *flips) set(w []uint32) {
	f.own()
	f.counted = false
	sum := uint64(0)
	for _, x := range w {
		sum += uint64(x)
	}
	n := 0
	for i, g := range f.guess {
		if g.w = w[i]; uint64(g.w)*4096 < sum {
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
