package replay

import (
	"iter"

	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/ahead"
	"schedreplay/replay/hidden"
	"schedreplay/replay/timeline"
)

// rehearsal replays the capture under the baseline alone, blind to what was chosen, some
// way ahead of the replay: to learn what decisions show of hidden facts that earlier ones
// met as well. It runs in a goroutine of its own. The replay gets each event once the
// rehearsal has come far enough, and each note just where it was written, so that what it
// finds does not hang on how fast the two are.
type rehearsal struct {
	r     *pass
	look  *ahead.Lookahead
	ahead *parser.Batches
	// said is what it tells the replay, in order; spent are those to be used again.
	said, spent chan *rehearsed

	// pushed events were rehearsed, of which the replay may not have held yet. So many were let
	// go since it forgot last.
	pushed, held, gone int
	// times are those of the events pushed last, by number modulo their count.
	times [2 * maxAhead]int64
}

// rehearsed is a batch of events, and what rehearsing them came to.
type rehearsed struct {
	batch *parser.Batch // nil at the end
	notes []hidden.Note
	steps []step
}

// step lets the replay take the notes up to a number, go on by so many events, and forget
// what was long before a time, if that is not 0.
type step struct {
	notes, events int
	forget        int64
}

const (
	// maxAhead bounds the events that the replay is behind, and those that wait for what
	// became of a waking: later, it is of no use to the replay. A rehearsal has to wait for the
	// next run of each wakee, so where few events come it is behind for long, and where many
	// do it has to do with less.
	maxAhead = 1 << 14
	// maxSaid bounds the batches that the replay has not taken.
	maxSaid = 8
)

// newRehearsal prepares a rehearsal, nil where there is nothing to learn.
func newRehearsal(rec *timeline.Recorded, plan *Plan) *rehearsal {
	if plan.Baseline.Kernel.Rules.Budget != rules.BudgetUtil || !rec.Survey.HasWaking {
		return nil
	}
	blind := *rec.Survey
	blind.HasWakeup = false
	sightless := *rec
	sightless.Survey = &blind
	r := newPass(&sightless, &Plan{Baseline: plan.Baseline}, nil)
	if r.Base.Machine == nil {
		return nil
	}
	r.Hidden.Rehearse()
	r.track = nil
	h := &rehearsal{r: r, said: make(chan *rehearsed, maxSaid), spent: make(chan *rehearsed, maxSaid)}
	h.look = ahead.New(r.Survey, r.Timeline.Charges, r.event)
	h.look.Blind, h.look.Most = true, maxAhead
	h.ahead = parser.NewBatches(rec.Capture)
	return h
}

// notes is what the replay learns of it, empty before it begins.
func (h *rehearsal) notes() *hidden.Rehearsed {
	if h == nil {
		return nil
	}
	return hidden.NewRehearsed(len(h.r.LLCs), h.r.NCPU)
}

// events rehearses the capture, and yields its events for the replay, which learns what was
// noted meanwhile. Each event is valid until the next.
func (h *rehearsal) events(learned *hidden.Rehearsed) iter.Seq[*parser.Event] {
	return func(yield func(*parser.Event) bool) {
		stop := make(chan struct{})
		go h.run(stop)
		defer func() {
			close(stop)
			for range h.said { // until it has ended
			}
		}()
		var behind []*parser.Batch
		at := 0
		for said := range h.said {
			taken := 0
			take := func(to int) {
				for ; taken < to; taken++ {
					learned.Take(&said.notes[taken])
				}
			}
			if said.batch != nil {
				behind = append(behind, said.batch)
			} else {
				learned.Finish()
			}
			for _, s := range said.steps {
				take(s.notes)
				for range s.events {
					if !yield(&behind[0].Events[at]) {
						return
					}
					if at++; at == len(behind[0].Events) {
						h.ahead.Reuse(behind[0])
						behind, at = append(behind[:0], behind[1:]...), 0
					}
				}
				if s.forget != 0 {
					learned.Forget(s.forget)
				}
			}
			take(len(said.notes))
			select {
			case h.spent <- said:
			default:
			}
		}
	}
}

// run rehearses until the capture ends or it is told to stop.
func (h *rehearsal) run(stop <-chan struct{}) {
	defer close(h.said)
	for b := range h.ahead.All() {
		said := h.fresh()
		if len(b.Events) > 0 {
			said.batch = b
		}
		for i := range b.Events {
			h.times[h.pushed%len(h.times)] = b.Events[i].Time
			h.pushed++
			h.held++
			_ = h.look.Push(&b.Events[i]) // a rehearsal does not fail
			h.letGo(said)
		}
		if said.batch == nil {
			break
		}
		if !h.say(said, stop) {
			return
		}
	}
	_ = h.look.End()
	h.r.CloseDue(1<<63 - 1)
	end := h.fresh()
	end.steps = append(end.steps, step{notes: len(h.r.Hidden.Book.Notes), events: h.held})
	h.say(end, stop)
}

// letGo lets the replay have what it may after the last event pushed.
func (h *rehearsal) letGo(said *rehearsed) {
	now := h.r.Timeline.Now
	s := step{notes: len(h.r.Hidden.Book.Notes)}
	for h.held > 0 && (h.times[(h.pushed-h.held)%len(h.times)]+hidden.Ahead <= now || h.held > maxAhead) {
		s.events++
		h.held--
	}
	if h.gone += s.events; h.gone > maxAhead/4 {
		h.gone, s.forget = 0, now-hidden.Ahead
	}
	if s.events > 0 {
		said.steps = append(said.steps, s)
	}
}

// say hands what was rehearsed to the replay; false if that has gone.
func (h *rehearsal) say(said *rehearsed, stop <-chan struct{}) bool {
	book := h.r.Hidden.Book
	said.notes, book.Notes = book.Notes, said.notes[:0]
	select {
	case h.said <- said:
		return true
	case <-stop:
		return false
	}
}

func (h *rehearsal) fresh() *rehearsed {
	select {
	case s := <-h.spent:
		s.batch, s.steps = nil, s.steps[:0]
		return s
	default:
		return &rehearsed{}
	}
}
