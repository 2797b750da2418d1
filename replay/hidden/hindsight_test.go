package hidden

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// newPen writes the notes of one LLC into a notebook.
func newPen() (*budgetPen, *Notebook) {
	book := &Notebook{}
	return &budgetPen{book: book}, book
}

// written are the notes as the replay takes them.
func (k *Notebook) written(over bool) *budgetNotes {
	h := NewRehearsed(1, 0)
	for i := range k.Notes {
		h.Take(&k.Notes[i])
	}
	if over {
		h.Finish()
	}
	return h.budget[0]
}

// What a later decision shows bears on an earlier one, the less the longer after it;
// what a decision itself shows does not.
func TestHindsight(t *testing.T) {
	replayed := func(pause int64) scanBudget {
		n, book := newPen()
		n.ask(1)
		n.proof(1, 7, 16)
		n.refresh(8, pause, false)
		n.ask(2)
		n.proof(2, 0, 3)
		n.proof(3, 0, 3)
		b := newScanBudget(16, 117)
		b.step(6, budgetSettle, false)
		b.later = &hindsight{budgetNotes: book.written(true), weight: 16}
		return b
	}
	for pause, want := range map[int64][2]int64{1: {0, 3}, 250: {5, 7}} {
		b := replayed(pause)
		if b.ask(1, true); b.value().Best < want[0] || b.value().Best > want[1] {
			t.Errorf("%d ms before it was shown to be 3 at most: %+v", pause, b.value())
		}
	}
	b := replayed(1)
	if b.ask(3, true); b.value().Best != 6 {
		t.Errorf("after the last note: %+v", b.value())
	}
	b = replayed(1)
	before := slices.Clone(b.p)
	b.ask(1, true)
	if !slices.Equal(b.p, before) || slices.Equal(b.both, before) {
		t.Error("what comes later went into what came before")
	}
}

// Milliseconds that change nothing are one note, unless a decision looked at the
// budget between them.
func TestNotesAreFew(t *testing.T) {
	n, book := newPen()
	for range 5 {
		n.refresh(4, 1, false)
	}
	if list := book.written(false).list; len(list) != 1 || list[0].value() != 5 || list[0].kind() != noteRefresh {
		t.Fatalf("%+v", list)
	}
	n.ask(2)
	n.refresh(4, 1, false)
	n.refresh(4, 1, true)
	n.proof(3, 1, 2)
	if list := book.written(false).list; len(list) != 4 || list[1].value() != 1 || list[2].kind() != noteFresh {
		t.Errorf("%+v", list)
	}
}

// Reading backwards gives what the chances say: the likelihood of all that follows a
// decision, for each value that the budget may have.
func TestHindsightIsLikelihood(t *testing.T) {
	const weight = 8
	rapid.Check(t, func(t *rapid.T) {
		pen, book := newPen()
		asked := int64(0)
		for range rapid.IntRange(1, 3*noteBlock/2).Draw(t, "notes") {
			if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
				asked++
				pen.ask(asked)
				lo := rapid.Int64Range(0, weight).Draw(t, "lo")
				pen.proof(asked, lo, rapid.Int64Range(lo, weight).Draw(t, "hi"))
			} else {
				pen.ask(asked)
				pen.refresh(rapid.Int64Range(0, weight).Draw(t, "value"), rapid.Int64Range(1, 20).Draw(t, "ms"), rapid.Bool().Draw(t, "fresh"))
			}
		}
		n := book.written(true)
		want := make([][weight + 1]float64, len(n.list)+1)
		for v := range want[len(n.list)] {
			want[len(n.list)][v] = 1
		}
		for k := len(n.list) - 1; k >= 0; k-- {
			x, f := n.list[k], want[k+1]
			if x.kind() == noteProof {
				for v := range f {
					if int64(v) < int64(x.a) || int64(v) > x.value() {
						f[v] /= budgetDoubt
					}
				}
			} else {
				for range x.value() {
					set, shares := 0.0, 0.0
					for v := range f {
						s := float64(errorShare(int64(v) - int64(x.a)))
						set, shares = set+f[v]*s, shares+s
					}
					rate := float64(uint(1) << refreshShift(x.kind() == noteFresh))
					for v := range f {
						f[v] += (set/shares - f[v]) / rate
					}
				}
			}
			best := slices.Max(f[:])
			for v := range f {
				f[v] /= best
			}
			want[k] = f
		}
		h := &hindsight{budgetNotes: n, weight: weight}
		for k := range asked + 1 {
			got := h.after(k)
			at := h.next
			if at < len(n.list) && n.list[at].kind() == noteProof && int64(n.list[at].n) == k {
				at++
			}
			if got == nil {
				if at < len(n.list) {
					t.Fatalf("nothing after decision %d of %d", k, asked)
				}
				continue
			}
			best := float64(slices.Max(got))
			for v, g := range got {
				if d := math.Abs(float64(g)/best - want[at][v]); d > 0.02 {
					t.Fatalf("after decision %d, value %d: %.4f, want %.4f", k, v, float64(g)/best, want[at][v])
				}
			}
		}
	})
}

// What a CPU did not look like at one time it did not before, back to where something
// happened to it; of that very moment nothing is said.
func TestBusyNotes(t *testing.T) {
	var b busyNotes
	b.mark(10, 20)
	b.mark(10, 30)
	b.mark(40, 40) // the moment itself
	b.mark(50, 60)
	for at, want := range map[int64]bool{5: false, 10: false, 11: true, 29: true, 30: false, 40: false, 45: false, 50: false, 59: true, 60: false} {
		if b.holds(at) != want {
			t.Errorf("at %d: %v", at, !want)
		}
	}
	if busyNotes(nil).holds(1) {
		t.Error("nothing noted, and it holds")
	}
}

// Notes that the replay has left behind are dropped, and what those after them say stays
// the same; where not all is known yet that follows, no block is read as if it were.
func TestNotesAreDropped(t *testing.T) {
	write := func(to int64) *budgetNotes {
		n, book := newPen()
		for i := int64(1); i <= to; i++ {
			n.ask(i)
			n.proof(i, 0, 4+i%3)
			n.refresh(5, 1, false)
		}
		return book.written(false)
	}
	const all = 20 * noteBlock
	whole := &hindsight{budgetNotes: write(all), weight: 8}
	whole.over = true
	part := &hindsight{budgetNotes: write(all), weight: 8}
	for i := int64(1); i < all-2*noteSpan; i += 7 {
		want := slices.Clone(whole.after(i))
		if got := part.after(i); !slices.Equal(got, want) {
			t.Fatalf("decision %d: %v, want %v", i, got, want)
		}
	}
	if len(part.list) > 8*noteBlock {
		t.Errorf("%d notes are kept", len(part.list))
	}
}
