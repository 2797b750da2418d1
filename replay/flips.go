package replay

import (
	"schedreplay/fact"
	"schedreplay/kernelmodel"
)

// flips is a task's wakee_flips as far as the capture tells: how often it
// changed whom it wakes, halved about once a second (record_wakee,
// kernel/sched/fair.c). The count at the start of the capture and the phase of
// the halving are in no event, so it is kept between bounds.
type flips struct {
	lo, best, hi int64
	last         int32 // last_wakee, 0 if unknown
	decayed      int64 // when best was halved last
	// decayLo and decayHi are when the bounds were halved last.
	decayLo, decayHi int64
	begun            bool
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
	f.lo, f.best, f.hi = 0, rate+rate/4, 4*rate+8
}

// wakes notes that the task woke another (record_wakee).
func (f *flips) wakes(pid int32, now int64) {
	if !f.begun {
		f.begun = true
		// The first halving may fall anywhere in the first second.
		f.decayed, f.decayLo, f.decayHi = now-second/2, now-second, now
	}
	if now > f.decayed+second {
		f.best >>= 1
		f.decayed = now
	}
	if now > f.decayLo+second {
		f.lo >>= 1
		f.decayLo = now
	}
	if now > f.decayHi+second {
		f.hi >>= 1
		f.decayHi = now
	}
	if f.last != pid {
		f.last = pid
		f.lo++
		f.best++
		f.hi++
	}
}

func (f *flips) value() kernelmodel.Range {
	return kernelmodel.Range{Lo: f.lo, Best: f.best, Hi: max(f.hi, f.best), From: fact.Estimated}
}
