package parser

import "iter"

// aheadBatch and aheadDepth bound what is decoded ahead of its use: so many
// events in a batch, so many batches.
const (
	aheadBatch = 1024
	aheadDepth = 4
)

type aheadItem struct {
	ev  Event
	err error
}

// Ahead yields what seq does, in the same order, while another goroutine decodes on. That
// goroutine has ended when the loop over Ahead has. An event is valid, and may be changed,
// until the loop goes on.
func Ahead(seq iter.Seq2[Event, error]) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		full := make(chan []aheadItem, aheadDepth)
		empty := make(chan []aheadItem, aheadDepth+1)
		stop, ended := make(chan struct{}), make(chan struct{})
		for range aheadDepth + 1 {
			empty <- make([]aheadItem, 0, aheadBatch)
		}
		go func() {
			defer close(ended)
			defer close(full)
			batch := <-empty
			send := func() bool {
				select {
				case full <- batch:
				case <-stop:
					return false
				}
				select {
				case batch = <-empty:
					batch = batch[:0]
					return true
				case <-stop:
					return false
				}
			}
			for ev, err := range seq {
				if batch = append(batch, aheadItem{ev, err}); len(batch) == aheadBatch && !send() {
					return
				}
			}
			if len(batch) > 0 {
				select {
				case full <- batch:
				case <-stop:
				}
			}
		}()
		defer func() {
			close(stop)
			<-ended
		}()
		for batch := range full {
			for i := range batch {
				if !yield(&batch[i].ev, batch[i].err) {
					return
				}
			}
			select {
			case empty <- batch:
			default:
			}
		}
	}
}
