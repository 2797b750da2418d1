package kernelmodel

import "schedreplay/fact"

// Answer is what the state says to a yes-or-no question of the model.
type Answer struct {
	// Value is the answer, or the likelier one if Open.
	Value bool
	// Open: the other answer is possible too.
	Open bool
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
	fCurKthread
	fIsCurrent
)

type choice struct {
	key  uint32
	idx  int16 // option taken in this run; 0 is the preferred one
	n    int16 // options there are
	pref bool  // what option 0 of a yes-or-no question means
}

// Explorer runs straight-line model code once for every way in which the open
// questions it asks can be answered. Within a run a question has one answer
// however often it is asked, and by whichever kernel.
//
// The zero Explorer is ready; reuse it to save allocations.
type Explorer struct {
	choices []choice
	// weakest provenance the present run has leaned on.
	weakest fact.Provenance
}

// Explore calls run until every combination of open answers was tried, or
// limit runs were made. The first run takes every preferred answer. It reports
// whether the exploration was complete.
func (x *Explorer) Explore(limit int, run func()) bool {
	x.choices = x.choices[:0]
	for i := 0; ; i++ {
		if i == limit {
			return false
		}
		x.weakest = fact.Observed
		run()
		k := len(x.choices) - 1
		for k >= 0 && x.choices[k].idx == x.choices[k].n-1 {
			k--
		}
		if k < 0 {
			return true
		}
		x.choices[k].idx++
		x.choices = x.choices[:k+1]
	}
}

func factKey(k fkind, arg int) uint32 { return uint32(k)<<24 | uint32(arg+1)&0xffffff }

// find returns the choice for a key, appending a new one if the run has not
// met it yet.
func (x *Explorer) find(key uint32, n int, pref bool) *choice {
	for i := range x.choices {
		if x.choices[i].key == key {
			return &x.choices[i]
		}
	}
	x.choices = append(x.choices, choice{key: key, n: int16(n), pref: pref})
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
func (x *Explorer) pick(k fkind, arg, n int) int {
	if n <= 1 {
		return 0
	}
	return int(x.find(factKey(k, arg), n, false).idx)
}

// atLeast reports whether, in this run, the number that key (k, arg) names is
// at least v. Earlier answers about the same number bind later ones.
func (x *Explorer) atLeast(k fkind, arg int, r Range, v int64) bool {
	x.lean(r.From)
	lo, hi := r.Lo, r.Hi
	base := uint32(k)<<24 | uint32(arg&0xfff)<<12
	for i := range x.choices {
		c := &x.choices[i]
		if c.key&^0xfff != base {
			continue
		}
		asked := int64(c.key & 0xfff)
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
	c := x.find(base|uint32(v&0xfff), 2, r.Best >= v)
	return c.pref == (c.idx == 0)
}
