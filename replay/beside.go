package replay

import (
	"context"
	"iter"
	"runtime"

	"schedreplay/parser"
)

// This file spreads many alternatives over the cores: each core replays the same events under
// the baseline and some of them. What an alternative comes to does not hang on the others.

// fewestBeside is how many alternatives are worth a replay of their own.
const fewestBeside = 20

// split divides the alternatives of a plan where they are many and only their Holds are
// wanted. Those of others follow those of own, in order.
func (p *Plan) split() (own *Plan, others []*Plan) {
	n := min(runtime.GOMAXPROCS(0), len(p.Alternatives)/fewestBeside)
	if !p.HoldsOnly || n < 2 {
		return p, nil
	}
	// Own has four shares where the others have five: its events are decoded and rehearsed
	// meanwhile, and of a sweep it has the oldest kernels, which have least in common.
	cut := func(i int) int { return max(0, (5*i-1)*len(p.Alternatives)/(5*n-1)) }
	part := func(i int) *Plan {
		q := *p
		q.Alternatives = p.Alternatives[cut(i):cut(i+1)]
		return &q
	}
	for i := 1; i < n; i++ {
		q := part(i)
		q.Judged, q.Observer = nil, Observer{}
		others = append(others, q)
	}
	return part(0), others
}

// beside is a replay that goes on beside another one and gets its events.
type beside struct {
	r     *pass
	full  chan []parser.Event
	empty chan []parser.Event
	batch []parser.Event
	done  chan error
}

// besideBatch events are handed over at a time, besideDepth batches there are at most.
const (
	besideBatch = 256
	besideDepth = 4
)

// newBeside prepares a replay.
func newBeside(r *pass) *beside {
	return &beside{r: r, full: make(chan []parser.Event, besideDepth), empty: make(chan []parser.Event, besideDepth+2), done: make(chan error, 1)}
}

// run replays what it is told of.
func (b *beside) run(ctx context.Context) {
	err := b.r.replay(ctx, b.events(), 3)
	for range b.full { // where it failed
	}
	b.done <- err
}

// events yields what it is told; each event is valid until the next.
func (b *beside) events() iter.Seq[*parser.Event] {
	return func(yield func(*parser.Event) bool) {
		for batch := range b.full {
			for i := range batch {
				if !yield(&batch[i]) {
					return
				}
			}
			b.empty <- batch[:0]
		}
	}
}

// tell yields events, and tells others of each.
func tell(events iter.Seq[*parser.Event], all []*beside) iter.Seq[*parser.Event] {
	if len(all) == 0 {
		return events
	}
	return func(yield func(*parser.Event) bool) {
		for ev := range events {
			for _, b := range all {
				b.push(ev)
			}
			if !yield(ev) {
				return
			}
		}
	}
}

// push hands over a copy of an event.
func (b *beside) push(ev *parser.Event) {
	if b.batch == nil {
		select {
		case b.batch = <-b.empty:
		default:
			b.batch = make([]parser.Event, 0, besideBatch)
		}
	}
	if b.batch = append(b.batch, *ev); len(b.batch) == besideBatch {
		b.full <- b.batch
		b.batch = nil
	}
}

// end tells that there are no more events, and waits until the replay has ended.
func (b *beside) end() error {
	if len(b.batch) > 0 {
		b.full <- b.batch
	}
	close(b.full)
	return <-b.done
}
