package kept

import (
	"testing"

	"schedreplay/replay"
)

// interrupts makes n of them, ten ns apart from a time on.
func interrupts(c *Clips, from int64, n int) int64 {
	for range n {
		c.Interrupt(&replay.Interruption{Kind: replay.NoiseTick, Spans: []replay.NoiseSpan{{From: from, To: from + 1}}})
		from += 10
	}
	return from
}

// A clip has the interrupts from before a stay and after, and says from when to when it has
// all.
func TestClipMarks(t *testing.T) {
	for _, n := range []int{3, 2 * maxMarks} {
		var c Clips
		owner := func(from, to int64) { c.Run(&replay.Slice{Start: from, End: to, Stay: -1, Class: replay.ClassOwner}) }
		at := interrupts(&c, 0, n)
		owner(0, at)
		from := at
		at = interrupts(&c, at, n)
		c.Run(&replay.Slice{Start: from, End: at, Stay: 0, Class: replay.ClassForeign})
		from = at
		at = interrupts(&c, at, n)
		owner(from, at)
		k := c.Of(0)
		if k == nil || c.Of(1) != nil {
			t.Fatal("no clip of the stay, or of one that was not")
		}
		if n == 3 {
			if len(k.Marks) != 9 || k.MarksFrom > 0 || k.MarksTo < at {
				t.Errorf("%d marks, all from %d to %d", len(k.Marks), k.MarksFrom, k.MarksTo)
			}
			continue
		}
		if len(k.Marks) != 2*maxMarks || k.MarksFrom != k.Marks[0].From || k.MarksTo != k.Marks[len(k.Marks)-1].To {
			t.Errorf("%d marks, all from %d to %d", len(k.Marks), k.MarksFrom, k.MarksTo)
		}
	}
}

// What is beyond the bounds is not kept in part.
func TestDetailOver(t *testing.T) {
	var d Detail
	all := 0
	for i := range maxInterrupts + 1 {
		at := int64(10 * i)
		if d.Interrupt(&replay.Interruption{Spans: []replay.NoiseSpan{{From: at, To: at + 1}, {From: at + 1, To: at + 1}}}, &all); i == 1 {
			if got := d.Pick(func(*Sliver) bool { return true }, -5); len(got) != 4 || got[0] != 5 || got[1] != 1 || got[2] != 9 {
				t.Errorf("%v", got)
			}
		}
	}
	if !d.Over || all != 0 || len(d.slivers) != 0 {
		t.Errorf("over %v, %d kept of %d", d.Over, len(d.slivers), all)
	}
}
