package stream

import (
	"slices"

	"schedreplay/replay"
)

// Behind prints wakeups in another goroutine than the one that replays, in the
// same order. Until Wait has returned, nobody else may write to the output.
type Behind struct {
	full  chan []replay.Wakeup
	empty chan []replay.Wakeup
	batch []replay.Wakeup
	done  chan struct{}
}

// behindBatch wakeups are handed over at a time, and so many batches there are.
const (
	behindBatch = 256
	behindDepth = 4
)

// PrintBehind begins to print.
func PrintBehind(line func(*replay.Wakeup)) *Behind {
	b := &Behind{
		full: make(chan []replay.Wakeup, behindDepth), empty: make(chan []replay.Wakeup, behindDepth), done: make(chan struct{}),
	}
	for range behindDepth {
		b.empty <- make([]replay.Wakeup, 0, behindBatch)
	}
	go func() {
		defer close(b.done)
		for batch := range b.full {
			for i := range batch {
				line(&batch[i])
			}
			b.empty <- batch[:0]
		}
	}()
	return b
}

// Push takes a copy: a replay makes each wakeup's masks anew.
func (b *Behind) Push(w *replay.Wakeup) {
	if b.batch == nil {
		b.batch = <-b.empty
	}
	b.batch = append(b.batch, *w)
	if b.batch[len(b.batch)-1].More = slices.Clone(w.More); len(b.batch) == behindBatch {
		b.full <- b.batch
		b.batch = nil
	}
}

// Wait returns when everything pushed is printed.
func (b *Behind) Wait() {
	if len(b.batch) > 0 {
		b.full <- b.batch
	}
	close(b.full)
	<-b.done
}
