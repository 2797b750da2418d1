package parser

import "iter"

// Lender is a [Capture] that can lend its events instead of giving each away: whoever hands
// them on through several layers need not copy them in each.
type Lender interface {
	// Lend is Events, but for who has the event: it is valid until the loop goes on, and not
	// to be changed.
	Lend() iter.Seq2[*Event, error]
}

// Lend yields the events of a capture, lent if it can do that.
func Lend(c Capture) iter.Seq2[*Event, error] {
	if l, ok := c.(Lender); ok {
		return l.Lend()
	}
	return func(yield func(*Event, error) bool) {
		for ev, err := range c.Events() {
			if !yield(&ev, err) {
				return
			}
		}
	}
}

// Given yields the events of a [Lender] as Events does.
func Given(lent iter.Seq2[*Event, error]) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for ev, err := range lent {
			if !yield(*ev, err) {
				return
			}
		}
	}
}
