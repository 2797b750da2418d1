package hidden

import (
	"cmp"
	"slices"
)

// This file lets a decision be judged by what comes after it, too. A rehearsal of the
// replay writes down what decisions show of two hidden facts; what a decision itself
// shows is left out.
//
// A scan budget stands until balancing sets it anew, so a decision some milliseconds
// later tells as much of it as one as long before. What the milliseconds and the
// decisions did to each LLC's budget, read backwards, gives for every decision how well
// each value fits all that followed it (the forward-backward algorithm).
//
// A CPU that may be held up looks idle from some moment on until it goes on: where a
// later decision shows that it does not yet, it did not before.

// Rehearsed is what a rehearsal learns: of scan budgets by LLC, and by CPU when one that
// may be held up did not look idle.
//
// It is written while the replay follows some way behind, and what that has passed is
// dropped.
type Rehearsed struct {
	budget []*budgetNotes
	Busy   []BusyNotes
}

// Ahead is how far, in ns, a rehearsal is to be ahead of the replay: after that what it
// finds says nothing any more. Until its end it does not know all of what it passes.
const Ahead = 2 * noteSpan * 1_000_000

// Finish tells that the rehearsal is over.
func (h *Rehearsed) Finish() {
	for _, b := range h.budget {
		b.over = true
	}
}

// Forget drops what was noted of CPUs long before a time.
func (h *Rehearsed) Forget(now int64) {
	for c, b := range h.Busy {
		if n := len(b); n > noteBlock && b[n/2].to < now-Ahead {
			h.Busy[c] = append(b[:0], b[n/2:]...)
		}
	}
}

const (
	// noteBlock is how many notes are read backwards at a time.
	noteBlock = 1024
	// noteSpan is after how many milliseconds a note says nothing any more.
	noteSpan = 256
	// fitOne is how well the value fits that fits best.
	fitOne = 1 << 30
)

type noteKind uint16

const (
	noteProof noteKind = iota << 14
	noteRefresh
	noteFresh
	noteKindMask noteKind = 3 << 14
)

// budgetNote is one thing that happened to a budget: decision number n proved it to be
// from a to b, or b milliseconds passed in which the reconstruction gave a, and n was
// the latest decision.
type budgetNote struct {
	n uint32
	a uint16
	b noteKind // with the kind in its upper bits
}

func (x budgetNote) kind() noteKind { return x.b & noteKindMask }
func (x budgetNote) value() int64   { return int64(x.b &^ noteKindMask) }

// budgetNotes is what a rehearsal writes down of one LLC, in the order of n.
type budgetNotes struct {
	list []budgetNote
	// over: there is nothing more to come.
	over bool
	// asked is the last decision that looked at the budget, latest the one of highest
	// number that did; closed: one did since the last note, which may not grow any more.
	asked, latest int64
	closed        bool
}

// ask notes that a decision looks at the budget.
func (b *budgetNotes) ask(n int64) { b.asked, b.latest, b.closed = n, max(b.latest, n), true }

func (b *budgetNotes) add(x budgetNote) {
	b.closed = false
	i := len(b.list)
	b.list = append(b.list, x)
	for ; i > 0 && b.list[i-1].n > x.n; i-- {
		b.list[i] = b.list[i-1] // it was closed later than one that began after it
	}
	b.list[i] = x
}

// refresh notes some milliseconds.
func (b *budgetNotes) refresh(v, ms int64, fresh bool) {
	kind := noteRefresh
	if fresh {
		kind = noteFresh
	}
	ms = min(ms, noteSpan)
	if i := len(b.list) - 1; i >= 0 && !b.closed {
		if l := &b.list[i]; l.kind() == kind && int64(l.a) == v {
			l.b = kind | noteKind(min(l.value()+ms, noteSpan))
			return
		}
	}
	b.add(budgetNote{n: uint32(b.latest), a: uint16(v), b: kind | noteKind(ms)})
}

// proof notes what a decision showed.
func (b *budgetNotes) proof(n, lo, hi int64) {
	b.add(budgetNote{n: uint32(n), a: uint16(lo), b: noteProof | noteKind(hi)})
}

// hindsight reads one LLC's notes backwards, a block at a time, while a replay goes
// forward.
type hindsight struct {
	*budgetNotes
	weight int64
	next   int // the first note not before the present decision
	// fit holds, for each note from from up to to, how well every value fits that note
	// and those after it.
	fit      []uint64
	from, to int
}

// after says how well each value fits what came after decision number n, nil if
// nothing is known of it.
func (h *hindsight) after(n int64) []uint64 {
	for h.next > 0 && h.list[h.next-1].n >= uint32(n) {
		h.next--
	}
	for h.next < len(h.list) && h.list[h.next].n < uint32(n) {
		h.next++
	}
	if h.next > 4*noteBlock {
		h.drop(h.next - noteBlock) // the replay does not go back as far
	}
	i := h.next
	if i < len(h.list) && h.list[i].kind() == noteProof && h.list[i].n == uint32(n) {
		i++ // its own
	}
	if i >= len(h.list) {
		return nil
	}
	if i < h.from || i >= h.to {
		h.read(i)
	}
	w := int(h.weight) + 1
	return h.fit[(i-h.from)*w:][:w]
}

// drop forgets the first notes.
func (h *hindsight) drop(n int) {
	h.list = append(h.list[:0], h.list[n:]...)
	h.next, h.from, h.to = h.next-n, 0, 0
}

// settled is the first note, not before note i, of which not all is known yet that
// follows it as closely as to say something.
func (h *hindsight) settled(i int) int {
	to := len(h.list)
	if h.over {
		return to
	}
	for ms := int64(0); to > i && ms < noteSpan; to-- {
		if x := h.list[to-1]; x.kind() != noteProof {
			ms += x.value()
		}
	}
	return to
}

// read reads the block that begins with note i backwards, from where later notes say
// nothing of it any more.
func (h *hindsight) read(i int) {
	h.from, h.to = i, min(i+noteBlock, h.settled(i))
	if h.to <= i {
		// So many events that the rehearsal cannot be as far ahead as to settle this one:
		// to read anew for each would take as many steps as there are notes ahead.
		h.to = min(i+noteBlock, len(h.list))
	}
	end := h.to
	for ms := int64(0); end < len(h.list) && ms < noteSpan; end++ {
		if x := h.list[end]; x.kind() != noteProof {
			ms += x.value()
		}
	}
	w := int(h.weight) + 1
	h.fit = append(h.fit[:0], make([]uint64, (h.to-h.from)*w)...)
	fit := make([]uint64, w)
	for v := range fit {
		fit[v] = fitOne
	}
	for k := end - 1; k >= h.from; k-- {
		h.list[k].undo(fit)
		if k < h.to {
			copy(h.fit[(k-h.from)*w:], fit)
		}
	}
}

// undo takes how well each value fits what comes after a note to how well it fits the
// note as well.
func (x budgetNote) undo(fit []uint64) {
	switch kind := x.kind(); kind {
	case noteProof:
		ruleOut(fit, int64(x.a), x.value())
	default:
		rate := refreshRate(kind == noteFresh)
		shares := uint64(0)
		for v := range fit {
			shares += errorShare(int64(v) - int64(x.a))
		}
		for range x.value() {
			set := uint64(0)
			for v, f := range fit {
				set += f / 1024 * errorShare(int64(v)-int64(x.a))
			}
			set = set / shares * 1024
			for v, f := range fit {
				fit[v] = f - f/rate + set/rate
			}
		}
	}
	best := uint64(1)
	for _, f := range fit {
		best = max(best, f)
	}
	if best < fitOne/2 || best > fitOne {
		for v, f := range fit {
			fit[v] = f * fitOne / best
		}
	}
}

// busySpan is a time in which a CPU that may have been held up did not look idle.
type busySpan struct{ from, to int64 }

// BusyNotes are a CPU's, in order of time.
type BusyNotes []busySpan

// Mark notes that nothing happened to the CPU since from, and that it did not look idle
// at the time to; so it did not between them: ttwu_pending is cleared but once, and a
// task on its way out does not come back.
func (b *BusyNotes) Mark(from, to int64) {
	if i := len(*b) - 1; i >= 0 && (*b)[i].from >= from {
		(*b)[i].to = max((*b)[i].to, to)
	} else if from < to {
		*b = append(*b, busySpan{from, to})
	}
}

// Holds reports whether the CPU did not look idle, as a later time shows. What happened
// at that time itself may be what was chosen then.
func (b BusyNotes) Holds(at int64) bool {
	i, _ := slices.BinarySearchFunc(b, at, func(s busySpan, at int64) int { return cmp.Compare(s.from, at) })
	return i > 0 && at < b[i-1].to
}
