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
type Rehearsed struct {
	budget [][]budgetNote
	Busy   []BusyNotes
}

// maxNotes bounds what all LLCs write down, at 8 bytes each: where it is reached, the
// rest of the capture is judged by what came before alone.
const maxNotes = 1 << 22

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
	// left is how many notes all LLCs together may still take.
	left *int
	// asked is the last decision that looked at the budget, latest the one of highest
	// number that did; closed: one did since the last note, which may not grow any more.
	asked, latest int64
	closed        bool
}

// ask notes that a decision looks at the budget.
func (b *budgetNotes) ask(n int64) { b.asked, b.latest, b.closed = n, max(b.latest, n), true }

func (b *budgetNotes) add(x budgetNote) {
	b.closed = false
	if *b.left == 0 {
		return
	}
	*b.left--
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
	notes  []budgetNote
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
	for h.next > 0 && h.notes[h.next-1].n >= uint32(n) {
		h.next--
	}
	for h.next < len(h.notes) && h.notes[h.next].n < uint32(n) {
		h.next++
	}
	i := h.next
	if i < len(h.notes) && h.notes[i].kind() == noteProof && h.notes[i].n == uint32(n) {
		i++ // its own
	}
	if i >= len(h.notes) {
		return nil
	}
	if i < h.from || i >= h.to {
		h.read(i - i%noteBlock)
	}
	w := int(h.weight) + 1
	return h.fit[(i-h.from)*w:][:w]
}

// read reads the block that begins with note i backwards, from where later notes say
// nothing of it any more.
func (h *hindsight) read(i int) {
	h.from, h.to = i, min(i+noteBlock, len(h.notes))
	end := h.to
	for ms := int64(0); end < len(h.notes) && ms < noteSpan; end++ {
		if x := h.notes[end]; x.kind() != noteProof {
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
		h.notes[k].undo(fit)
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
