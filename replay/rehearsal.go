package replay

import (
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/hidden"
	"schedreplay/replay/timeline"
)

// rehearsal replays the capture under the baseline alone, blind to what was chosen, some
// way ahead of the replay: to learn what decisions show of hidden facts that earlier ones
// met as well. The replay gets each event once the rehearsal has come far enough.
type rehearsal struct {
	r     *pass
	look  *timeline.Lookahead
	queue []parser.Event
	head  int
}

// maxAhead bounds the events that the replay is behind. A rehearsal has to wait for the
// next run of each wakee, so where few events come it is behind for long, and where many
// do it has to do with less.
const maxAhead = 1 << 14

// newRehearsal begins a rehearsal, nil where there is nothing to learn.
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
	look := timeline.NewLookahead(r.Survey, r.Timeline.Charges, r.event)
	look.Blind = true
	return &rehearsal{r: r, look: look}
}

// notes is what the rehearsal writes.
func (h *rehearsal) notes() *hidden.Rehearsed {
	if h == nil {
		return nil
	}
	return h.r.Hidden.Notes
}

// push rehearses an event, and hands on those that the replay may have.
func (h *rehearsal) push(ev *parser.Event, replay func(*parser.Event) error) error {
	h.queue = append(h.queue, *ev)
	if err := h.look.Push(ev); err != nil {
		return err
	}
	for h.head < len(h.queue) && (h.queue[h.head].Time+hidden.Ahead <= h.r.Timeline.Now || len(h.queue)-h.head > maxAhead) {
		if err := h.next(replay); err != nil {
			return err
		}
	}
	if h.head > maxAhead/4 {
		n := copy(h.queue, h.queue[h.head:])
		clear(h.queue[n:])
		h.queue, h.head = h.queue[:n], 0
		h.notes().Forget(h.r.Timeline.Now - hidden.Ahead)
	}
	return nil
}

func (h *rehearsal) next(replay func(*parser.Event) error) error {
	h.head++
	return replay(&h.queue[h.head-1])
}

// end ends the rehearsal and hands on all that is left.
func (h *rehearsal) end(replay func(*parser.Event) error) error {
	if err := h.look.End(); err != nil {
		return err
	}
	h.r.CloseDue(1<<63 - 1)
	h.notes().Finish()
	for h.head < len(h.queue) {
		if err := h.next(replay); err != nil {
			return err
		}
	}
	return nil
}
