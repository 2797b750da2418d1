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
// The rehearsal notes it in a [Notebook] while the replay follows some way behind and takes
// the notes one by one; what the replay has passed is dropped.
type Rehearsed struct {
	budget []*budgetNotes
	busy   []busyNotes
}

// Ahead is how far, in ns, a rehearsal is to be ahead of the replay: after that what it
// finds says nothing any more. Until its end it does not know all of what it passes.
const Ahead = 2 * noteSpan * 1_000_000

// NewRehearsed is empty, for so many LLCs and CPUs.
func NewRehearsed(llcs, cpus int) *Rehearsed {
	h := &Rehearsed{busy: make([]busyNotes, cpus)}
	for range llcs {
		h.budget = append(h.budget, &budgetNotes{})
	}
	return h
}

// Finish tells that the rehearsal is over.
func (h *Rehearsed) Finish() {
	for _, b := range h.budget {
		b.over = true
	}
}

// Note is one thing that a rehearsal noted: of CPU at that it did not look idle from a time
// to another, else of LLC at.
type Note struct {
	of       noteOf
	at       int32
	budget   budgetNote
	from, to int64
}

type noteOf uint8

const (
	noteBudget noteOf = iota
	noteLonger        // the last of the LLC's, of more milliseconds
	noteBusy
)

// Take takes the next note.
func (h *Rehearsed) Take(n *Note) {
	switch n.of {
	case noteBudget:
		h.budget[n.at].add(n.budget)
	case noteLonger:
		list := h.budget[n.at].list
		list[len(list)-1] = n.budget
	case noteBusy:
		h.busy[n.at].mark(n.from, n.to)
	}
}

// Notebook is where a rehearsal writes.
type Notebook struct {
	budget []budgetPen
	// Notes are those that nobody has taken yet.
	Notes []Note
}

// Busy notes that nothing happened to a CPU since from, and that it did not look idle at
// the time to.
func (k *Notebook) Busy(cpu int, from, to int64) {
	k.Notes = append(k.Notes, Note{of: noteBusy, at: int32(cpu), from: from, to: to})
}

// budgetPen writes the notes of one LLC.
type budgetPen struct {
	book *Notebook
	llc  int32
	// last is the last note, in the order of n; none before the first.
	last budgetNote
	some bool
	// asked is the last decision that looked at the budget, latest the one of highest
	// number that did; closed: one did since the last note, which may not grow any more.
	asked, latest int64
	closed        bool
}

// Forget drops what was noted of CPUs long before a time.
func (h *Rehearsed) Forget(now int64) {
	for c, b := range h.busy {
		if n := len(b); n > noteBlock && b[n/2].to < now-Ahead {
			h.busy[c] = append(b[:0], b[n/2:]...)
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

// budgetNotes are the notes of one LLC, in the order of n.
type budgetNotes struct {
	list []budgetNote
	// over: there is nothing more to come.
	over bool
}

func (b *budgetNotes) add(x budgetNote) {
	i := len(b.list)
	b.list = append(b.list, x)
	for ; i > 0 && b.list[i-1].n > x.n; i-- {
		b.list[i] = b.list[i-1] // it was closed later than one that began after it
	}
	b.list[i] = x
}

// ask notes that a decision looks at the budget.
func (b *budgetPen) ask(n int64) { b.asked, b.latest, b.closed = n, max(b.latest, n), true }

func (b *budgetPen) write(of noteOf, x budgetNote) {
	if b.closed = false; !b.some || x.n >= b.last.n {
		b.some, b.last = true, x
	}
	b.book.Notes = append(b.book.Notes, Note{of: of, at: b.llc, budget: x})
}

// refresh notes some milliseconds.
func (b *budgetPen) refresh(v, ms int64, fresh bool) {
	kind := noteRefresh
	if fresh {
		kind = noteFresh
	}
	ms = min(ms, noteSpan)
	if l := b.last; b.some && !b.closed && l.kind() == kind && int64(l.a) == v {
		l.b = kind | noteKind(min(l.value()+ms, noteSpan))
		b.write(noteLonger, l)
		return
	}
	b.write(noteBudget, budgetNote{n: uint32(b.latest), a: uint16(v), b: kind | noteKind(ms)})
}

// proof notes what a decision showed.
func (b *budgetPen) proof(n, lo, hi int64) {
	b.write(noteBudget, budgetNote{n: uint32(n), a: uint16(lo), b: noteProof | noteKind(hi)})
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
		rate, at := refreshShift(kind == noteFresh), int64(x.a)
		lo, hi := near(at, len(fit))
		shares := uint64(len(fit))
		for v := lo; v < hi; v++ {
			shares += errorShare(v-at) - 1
		}
		for range x.value() {
			set := uint64(0)
			for _, f := range fit {
				set += f / 1024
			}
			for v := lo; v < hi; v++ {
				set += fit[v] / 1024 * (errorShare(v-at) - 1)
			}
			set = set / shares * 1024 >> rate
			for v, f := range fit {
				fit[v] = f - f>>rate + set
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

// busyNotes are a CPU's, in order of time.
type busyNotes []busySpan

// mark notes that nothing happened to the CPU since from, and that it did not look idle
// at the time to; so it did not between them: ttwu_pending is cleared but once, and a
// task on its way out does not come back.
func (b *busyNotes) mark(from, to int64) {
	if i := len(*b) - 1; i >= 0 && (*b)[i].from >= from {
		(*b)[i].to = max((*b)[i].to, to)
	} else if from < to {
		*b = append(*b, busySpan{from, to})
	}
}

// LaterBusy reports whether a CPU did not look idle at a time, as a later one shows. What
// happened at that later time itself may be what was chosen then.
func (h *Rehearsed) LaterBusy(cpu int, at int64) bool { return h.busy[cpu].holds(at) }

func (b busyNotes) holds(at int64) bool {
	i, _ := slices.BinarySearchFunc(b, at, func(s busySpan, at int64) int { return cmp.Compare(s.from, at) })
	return i > 0 && at < b[i-1].to
}
