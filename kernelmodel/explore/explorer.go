package explore

import (
	"math"
	"math/bits"

	"schedreplay/fact"
)

// Answer is what the state says to a yes-or-no question of the model.
type Answer struct {
	// Value is the answer, or the likelier one if Open.
	Value bool
	// Open: the other answer is possible too.
	Open bool
	// Doubt is how unlikely the other answer is, in bits: one in 2^Doubt such cases.
	// 0 where nothing is known of it.
	Doubt uint8
	// From is the provenance of the value.
	From fact.Provenance
}

// Known returns an answer that is not open.
func Known(v bool, from fact.Provenance) Answer { return Answer{Value: v, From: from} }

// Either returns an open answer that prefers v.
func Either(v bool, from fact.Provenance) Answer { return Answer{Value: v, Open: true, From: from} }

// Rarely returns an answer that is v but for one in 2^doubt cases; it is not open
// if that is too unlikely to count.
func Rarely(v bool, doubt uint8, from fact.Provenance) Answer {
	if doubt > MaxDoubt {
		return Known(v, from)
	}
	return Answer{Value: v, Open: true, Doubt: doubt, From: from}
}

// Weakest is the weakest provenance that the present run has leaned on.
func (x *Explorer) Weakest() fact.Provenance { return x.weakest }

// Mark is how far a run has come. The zero Mark is of none.
type Mark struct {
	choices int
	weakest fact.Provenance
	run     uint64
	at      int32
}

// Mark notes how far the run has come.
func (x *Explorer) Mark() Mark { return Mark{len(x.choices), x.weakest, x.run, x.at} }

// Again reports whether the run before this one, of the same exploration, came by the mark
// and all up to it is as it was there, so that it need not be run again.
func (x *Explorer) Again(m *Mark) bool {
	if m.run+1 != x.run || m.choices > x.kept {
		return false
	}
	m.run, x.at = x.run, m.at
	x.Lean(m.weakest)
	return true
}

// Trail is what a run was asked and what it answered, in order.
type Trail struct{ choices []choice }

// Note makes it that of the present run so far.
func (t *Trail) Note(x *Explorer) { t.choices = append(t.choices[:0], x.choices...) }

// Follow takes the present run, at its start, to where a run ended that an exploration of the
// same code alone had in its place, without running that code again: its questions get the
// answers that it noted. It leaned on what was known as from.
func (x *Explorer) Follow(t *Trail, from fact.Provenance) {
	x.choices = append(x.choices[:0], t.choices...)
	x.Lean(from)
}

// MaxDoubt is how many bits of doubt a run may carry: what has less than the
// 128th part of the likelihood, alone or because several unlikely answers would
// have to come together, is ruled out. Answers of which nothing is known carry none.
const MaxDoubt = 6

// DoubtOf returns the doubt, in bits, of what has a part of the whole likelihood.
func DoubtOf(part, whole uint64) uint8 {
	if part == 0 {
		return math.MaxUint8
	}
	return uint8(max(1, bits.Len64(whole/part)) - 1)
}

// Odds tells how likely the values of a number are.
type Odds interface {
	// Doubt is how unlikely it is, in bits, that the number and its best value are
	// not on the same side of v: at least v, or less.
	Doubt(v int64) uint8
}

// Range is a number known to lie within bounds, with the likeliest value.
type Range struct {
	Lo, Best, Hi int64
	From         fact.Provenance
}

// Exactly returns the range of one value.
func Exactly(v int64, from fact.Provenance) Range { return Range{Lo: v, Best: v, Hi: v, From: from} }

// Topic is what a question is about: a number that the model chooses. With an
// argument it names one fact, which has one value throughout a run, whichever
// kernel asks.
type Topic uint8

// choice is an open question that the present run has met, in order.
type choice struct {
	key   uint64
	idx   int32 // option taken in this run; 0 is the preferred one
	n     int32 // options there are
	pref  bool  // what option 0 of a yes-or-no question means
	doubt uint8 // of each other option, in bits
}

// yes is the answer to a yes-or-no question.
func (c *choice) yes() bool { return c.pref == (c.idx == 0) }

// Explorer runs straight-line model code once for every way in which the open
// questions it asks can be answered. Within a run a question has one answer
// however often it is asked, and by whichever kernel.
//
// The zero Explorer is ready; reuse it to save allocations.
type Explorer struct {
	choices []choice
	// slot tells where a key may be in choices; it is only a hint.
	slot [256]uint16
	// doubt of the options taken in the present run, in bits.
	doubt int
	// weakest provenance the present run has leaned on.
	weakest fact.Provenance
	// kept is how many choices the present run has in common with the one before, run its
	// number; between two explorations one is left out.
	kept int
	run  uint64
	// enough: no more runs are wanted.
	enough bool
	// memo learns what is asked, nil if none does; at is where it stands, in Memo.next.
	memo *Memo
	at   int32
}

// hopelessRuns is how many runs are made where more than the limit are needed:
// the widened set does not grow by them, but what they have in common is known
// better.
const hopelessRuns = 8

// Explore calls run until every combination of open answers was tried that is
// not too unlikely, or limit runs were made. The first run takes every preferred
// answer. Where it is plain that limit runs are too few it stops after some. It
// reports whether the exploration was complete.
func (x *Explorer) Explore(limit int, run func()) bool {
	x.choices, x.doubt, x.kept, x.enough = x.choices[:0], 0, 0, false
	x.run++
	for i := 1; i <= limit; i++ {
		x.run++
		x.weakest = fact.Observed
		if run(); x.enough {
			return false
		}
		if i >= hopelessRuns && i+x.ahead() > limit {
			return false
		}
		if !x.next() {
			return true
		}
	}
	return false
}

// Enough ends the exploration with the present run; it is not complete then.
func (x *Explorer) Enough() { x.enough = true }

// next takes another option of the last choice that has one left, and forgets
// the choices after it; it reports false if none has.
func (x *Explorer) next() bool {
	for k := len(x.choices) - 1; k >= 0; k-- {
		c := &x.choices[k]
		if c.idx > 0 {
			x.doubt -= int(c.doubt)
		}
		if c.idx < c.n-1 && x.doubt+int(c.doubt) <= MaxDoubt {
			c.idx++
			x.doubt += int(c.doubt)
			x.choices, x.kept = x.choices[:k+1], k
			return true
		}
	}
	return false
}

// ahead is the least number of runs that are still to be made: each option not
// taken yet leads to one at least.
func (x *Explorer) ahead() int {
	n, doubt := 0, 0
	for i := range x.choices {
		c := &x.choices[i]
		if doubt+int(c.doubt) <= MaxDoubt {
			n += int(c.n - 1 - c.idx)
		}
		if c.idx > 0 {
			doubt += int(c.doubt)
		}
	}
	return n
}

// factKey names a fact; its low 16 bits are free.
func factKey(k Topic, arg int) uint64 { return uint64(k)<<56 | uint64(arg+1)<<16 }

// find returns the choice for a key, appending a new one if the run has not
// met it yet.
func (x *Explorer) find(key uint64, n int32, pref bool, doubt uint8) *choice {
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
	x.choices = append(x.choices, choice{key: key, n: n, pref: pref, doubt: doubt})
	return &x.choices[len(x.choices)-1]
}

// Lean notes that the run used a fact of the given provenance.
func (x *Explorer) Lean(p fact.Provenance) {
	if p < x.weakest {
		x.weakest = p
	}
}

// Ask returns the answer of this run to a yes-or-no question.
func (x *Explorer) Ask(k Topic, arg int, a Answer) bool {
	x.weakest = min(x.weakest, a.From)
	if a.Open {
		return x.choose(k, arg, a)
	}
	return a.Value
}

// choose is the answer of this run to an open question.
func (x *Explorer) choose(k Topic, arg int, a Answer) bool {
	key := factKey(k, arg)
	yes := x.find(key, 2, a.Value, a.Doubt).yes()
	if x.memo != nil {
		if q := x.learn(bit(yes), 2); q != nil {
			q.key, q.pref, q.doubt = key, a.Value, a.Doubt
		}
	}
	return yes
}

// Pick returns which of n options this run takes; 0 is the preferred one.
// Questions with different numbers of options are different questions: one
// kernel's options never hide another's.
func (x *Explorer) Pick(k Topic, arg, n int) int {
	if n <= 1 {
		return 0
	}
	key := factKey(k, arg) | uint64(n&0xffff)
	idx := x.find(key, int32(n), false, 0).idx
	if x.memo != nil {
		if q := x.learn(idx, int32(n)); q != nil {
			q.key, q.n = key, int32(n)
		}
	}
	return int(idx)
}

// AtLeast reports whether, in this run, the number that key (k, arg) names is
// at least v, and the answer as a fact: it is open only if the number may lie on
// either side of v. Earlier answers about the same number bind later ones. odds may
// be nil.
func (x *Explorer) AtLeast(k Topic, arg int, r Range, odds Odds, v int64) (bool, Answer) {
	x.Lean(r.From)
	if r.Lo >= v || r.Hi < v {
		return r.Best >= v, Known(r.Best >= v, r.From)
	}
	key := factKey(k, arg)
	yes, likely := x.atLeast(key, r, odds, v)
	if x.memo != nil {
		if q := x.learn(bit(yes), 2); q != nil {
			q.key, q.number, q.known, q.odds, q.v = key, true, r, odds, v
		}
	}
	return yes, likely
}

// atLeast is the answer about a number that may lie on either side of v.
func (x *Explorer) atLeast(base uint64, r Range, odds Odds, v int64) (bool, Answer) {
	likely := Answer{Value: r.Best >= v, Open: true, From: r.From}
	lo, hi := r.Lo, r.Hi
	for i := range x.choices {
		c := &x.choices[i]
		if c.key&^0xffff != base {
			continue
		}
		asked := int64(c.key & 0xffff)
		if c.yes() {
			lo = max(lo, asked)
		} else {
			hi = min(hi, asked-1)
		}
	}
	switch {
	case lo >= v:
		return true, likely
	case hi < v:
		return false, likely
	}
	if odds != nil {
		if likely.Doubt = odds.Doubt(v); likely.Doubt > MaxDoubt {
			return likely.Value, Known(likely.Value, r.From)
		}
	}
	return x.find(base|uint64(v&0xffff), 2, likely.Value, likely.Doubt).yes(), likely
}
