package parser

import "iter"

// aheadBatch and aheadDepth bound what is decoded ahead of its use: so many
// events in a batch, so many batches.
const (
	aheadBatch = 1024
	aheadDepth = 4
	// aheadSpare is how many batches are kept to be filled again.
	aheadSpare = 20
)

// Ahead yields the events of a capture, up to its first error, while another goroutine
// decodes on. That goroutine has ended when the loop over Ahead has. An event is valid, and
// may be changed, until the loop goes on.
func Ahead(c Capture) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		a := NewBatches(c)
		for b := range a.All() {
			for i := range b.Events {
				if !yield(&b.Events[i], nil) {
					return
				}
			}
			if b.Err != nil {
				yield(nil, b.Err)
				return
			}
			a.Reuse(b)
		}
	}
}

// Batch holds events in a row; Err is what ended the reading after them, if anything.
type Batch struct {
	Events []Event
	Err    error
}

// Batches decodes in another goroutine than those that use the events.
type Batches struct {
	lent        iter.Seq2[*Event, error]
	full, empty chan *Batch
}

// NewBatches prepares to decode the events of a capture, up to its first error.
func NewBatches(c Capture) *Batches {
	return &Batches{lent: Lend(c), full: make(chan *Batch, aheadDepth), empty: make(chan *Batch, aheadSpare)}
}

// All yields the batches in order, once. The decoding has ended when the loop over them has.
func (a *Batches) All() iter.Seq[*Batch] {
	return func(yield func(*Batch) bool) {
		stop := make(chan struct{})
		go a.decode(stop)
		defer func() {
			close(stop)
			for range a.full { // until the decoding has closed it
			}
		}()
		for b := range a.full {
			if !yield(b) {
				return
			}
		}
	}
}

// Reuse hands back a batch that nobody uses any more.
func (a *Batches) Reuse(b *Batch) {
	select {
	case a.empty <- b:
	default:
	}
}

// decode fills batches until there is nothing more or it is told to stop.
func (a *Batches) decode(stop <-chan struct{}) {
	defer close(a.full)
	b := a.fresh()
	for ev, err := range a.lent {
		if err != nil {
			b.Err = err
			break
		}
		if b.Events = append(b.Events, *ev); len(b.Events) < aheadBatch {
			continue
		}
		select {
		case a.full <- b:
		case <-stop:
			return
		}
		b = a.fresh()
	}
	if len(b.Events) > 0 || b.Err != nil {
		select {
		case a.full <- b:
		case <-stop:
		}
	}
}

func (a *Batches) fresh() *Batch {
	select {
	case b := <-a.empty:
		b.Events = b.Events[:0]
		return b
	default:
		return &Batch{Events: make([]Event, 0, aheadBatch)}
	}
}
