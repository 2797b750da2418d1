package kernelmodel

import "schedreplay/fact"

// Answer is what the state says to a yes-or-no question of the model.
type Answer struct {
	// Value is the answer, or the likelier one if Open.
	Value bool
	// Open: the other answer is possible too.
	Open bool
	// Remote: the other answer is so unlikely that it counts only for a CPU that
	// the selection asks about by name: the waker's, prev or recent_used_cpu. A scan
	// passes many of them and would lead anywhere.
	Remote bool
	// From is the provenance of the value.
	From fact.Provenance
}

// Known returns an answer that is not open.
func Known(v bool, from fact.Provenance) Answer { return Answer{Value: v, From: from} }

// Either returns an open answer that prefers v.
func Either(v bool, from fact.Provenance) Answer { return Answer{Value: v, Open: true, From: from} }

// Range is a number known to lie within bounds, with the likeliest value.
type Range struct {
	Lo, Best, Hi int64
	From         fact.Provenance
}

// Exactly returns the range of one value.
func Exactly(v int64, from fact.Provenance) Range { return Range{v, v, v, from} }

// fkind is the kind of a fact that a run may split on; with an argument it
// names one fact, which has one value throughout a run, whichever kernel asks.
type fkind uint8

const (
	fIdle fkind = iota
	fKernel
	fSchedIdle
	fNrRunningOne // exactly one runnable (minus delayed): wake_affine_idle
	fNrRunningMax // at most one runnable: per-CPU kthread stacking
	fHasIdleCores
	fBudget
	fSync
	fInTask
	fWide
	fAffineWeight
	fPrev
	fRecentUsed
	fOneCPU
	fMigrationDisabled
	fOnRq
	fOnCPU
	fDelayed
	fWakelist
	fSlowCPU
	fPick
	fPrioAbove
	fPrioNotBelow
	fCurPinned
	fCurKthread
	fIsCurrent
)

// choice is an open question that the present run has met, in order.
type choice struct {
	key  uint64
	idx  int32 // option taken in this run; 0 is the preferred one
	n    int32 // options there are
	pref bool  // what option 0 of a yes-or-no question means
}

// Explorer runs straight-line model code once for every way in which the open
// questions it asks can be answered. Within a run a question has one answer
// however often it is asked, and by whichever kernel.
//
// The zero Explorer is ready; reuse it to save allocations.
type Explorer struct {
	choices []choice
	// slot tells where a key may be in choices; it is only a hint.
	slot [256]uint16
	// weakest provenance the present run has leaned on.
	weakest fact.Provenance
}

// hopelessRuns is how many runs are made where more than the limit are needed:
// the widened set does not grow by them, but what they have in common is known
// better.
const hopelessRuns = 8

// Explore calls run until every combination of open answers was tried, or
// limit runs were made. The first run takes every preferred answer. Where it is
// plain that limit runs are too few it stops after some. It reports whether the
// exploration was complete.
func (x *Explorer) Explore(limit int, run func()) bool {
	x.choices = x.choices[:0]
	for i := 1; i <= limit; i++ {
		x.weakest = fact.Observed
		run()
		k := len(x.choices) - 1
		for k >= 0 && x.choices[k].idx == x.choices[k].n-1 {
			k--
		}
		if k < 0 {
			return true
		}
		if i >= hopelessRuns && i+x.ahead() > limit {
			return false
		}
		x.choices[k].idx++
		x.choices = x.choices[:k+1]
	}
	return false
}

// ahead is the least number of runs that are still to be made: each option not
// taken yet leads to one at least.
func (x *Explorer) ahead() int {
	n := 0
	for i := range x.choices {
		n += int(x.choices[i].n - 1 - x.choices[i].idx)
	}
	return n
}

// factKey names a fact; its low 16 bits are free.
func factKey(k fkind, arg int) uint64 { return uint64(k)<<56 | uint64(arg+1)<<16 }

// cpuPair names an ordered pair of CPUs in a fact's argument.
func cpuPair(a, b int) int { return a<<14 | b }

// find returns the choice for a key, appending a new one if the run has not
// met it yet.
func (x *Explorer) find(key uint64, n int, pref bool) *choice {
	h := (key>>16 ^ key>>52 ^ key) & 255
	if i := int(x.slot[h]); i < len(x.choices) && x.choices[i].key == key {
		return &x.choices[i]
	}
	for i := range x.choices {
		if x.choices[i].key == key {
			x.slot[h] = uint16(i)
			return &x.choices[i]
		}
	}
	x.slot[h] = uint16(len(x.choices))
	x.choices = append(x.choices, choice{key: key, n: int32(n), pref: pref})
	return &x.choices[len(x.choices)-1]
}

// lean notes that the run used a fact of the given provenance.
func (x *Explorer) lean(p fact.Provenance) {
	if p < x.weakest {
		x.weakest = p
	}
}

// ask returns the answer of this run to a yes-or-no question.
func (x *Explorer) ask(k fkind, arg int, a Answer) bool {
	x.lean(a.From)
	if !a.Open {
		return a.Value
	}
	c := x.find(factKey(k, arg), 2, a.Value)
	return c.pref == (c.idx == 0)
}

// pick returns which of n options this run takes; 0 is the preferred one.
// Questions with different numbers of options are different questions: one
// kernel's options never hide another's.
func (x *Explorer) pick(k fkind, arg, n int) int {
	if n <= 1 {
		return 0
	}
	return int(x.find(factKey(k, arg)|uint64(n&0xffff), n, false).idx)
}

// atLeast reports whether, in this run, the number that key (k, arg) names is
// at least v. Earlier answers about the same number bind later ones.
func (x *Explorer) atLeast(k fkind, arg int, r Range, v int64) bool {
	x.lean(r.From)
	lo, hi := r.Lo, r.Hi
	switch {
	case lo >= v:
		return true
	case hi < v:
		return false
	}
	base := factKey(k, arg)
	for i := range x.choices {
		c := &x.choices[i]
		if c.key&^0xffff != base {
			continue
		}
		asked := int64(c.key & 0xffff)
		if c.pref == (c.idx == 0) {
			lo = max(lo, asked)
		} else {
			hi = min(hi, asked-1)
		}
	}
	switch {
	case lo >= v:
		return true
	case hi < v:
		return false
	}
	c := x.find(base|uint64(v&0xffff), 2, r.Best >= v)
	return c.pref == (c.idx == 0)
}
