package replay

import (
	"schedreplay/fact"
	"schedreplay/kernelmodel"
)

// flips is a task's wakee_flips as far as the capture tells: how often it
// changed whom it wakes, halved about once a second (record_wakee,
// kernel/sched/fair.c). The count at the start of the capture and the phase of
// the halving are in no event, so it is kept between bounds, which decisions
// that show whether a pair was wide narrow.
type flips struct {
	lo, best, hi int64
	last         int32 // last_wakee, 0 if unknown
	// When best and the bounds were halved last.
	decayed, decayedLo, decayedHi int64
	begun                         bool
}

const second = 1_000_000_000

// start gives the count a first value from how often the task changes partner
// over the whole capture: a task that goes on as before stands between one and
// two seconds' worth.
func (f *flips) start(partners, window int64) {
	if window <= 0 {
		return
	}
	rate := partners * second / max(window, second/10)
	f.lo, f.best, f.hi = 0, rate, 3*rate+6
}

// wakes notes that the task woke another (record_wakee).
func (f *flips) wakes(pid int32, now int64) {
	if !f.begun {
		f.begun = true
		// The first halving may fall anywhere in the first second.
		f.decayed, f.decayedLo, f.decayedHi = now-second/2, now-second, now
	}
	halve := func(v, at *int64) {
		if now > *at+second {
			*v >>= 1
			*at = now
		}
	}
	halve(&f.best, &f.decayed)
	halve(&f.lo, &f.decayedLo)
	halve(&f.hi, &f.decayedHi)
	if f.last != pid {
		f.last = pid
		f.lo++
		f.best++
		f.hi++
	}
	f.clamp()
}

func (f *flips) clamp() { f.best = max(min(f.best, f.hi), f.lo) }

func (f *flips) value() kernelmodel.Range {
	return kernelmodel.Range{Lo: f.lo, Best: f.best, Hi: f.hi, From: fact.Estimated}
}

// narrow takes that the pair of tasks was, or was not, wide for an LLC of the
// given size: bounds that no partner value can bring in line move inwards.
func narrow(a, b *flips, size int64, wide bool) {
	fits := func(x int64, other *flips) bool {
		// Some y in [other.lo, other.hi] must make wide(x, y) as seen. Wide are the
		// y between size and x/size, and those of at least x*size if x >= size.
		low, high := size, int64(-1)
		if size > 0 {
			high = x / size
		}
		from := x * size
		switch {
		case wide:
			return max(low, other.lo) <= min(high, other.hi) || x >= size && other.hi >= from
		case other.lo < low || other.lo > high && (x < size || other.lo < from):
			return true
		}
		// The lowest partner is wide; is any above it not?
		if other.lo <= high {
			next := high + 1
			return next <= other.hi && (x < size || next < from)
		}
		return false
	}
	tighten := func(f, other *flips) {
		lo, hi := f.lo, f.hi
		for lo <= hi && !fits(lo, other) {
			lo++
		}
		for hi > lo && !fits(hi, other) {
			hi--
		}
		if lo <= hi {
			f.lo, f.hi = lo, hi
			f.clamp()
		}
	}
	tighten(a, b)
	tighten(b, a)
}
