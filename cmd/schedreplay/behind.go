package main

import "schedreplay/replay"

// behind prints wakeups in another goroutine than the one that replays, in the
// same order. Until wait has returned, nobody else may write to the output.
type behind struct {
	full  chan []replay.Wakeup
	batch []replay.Wakeup
	done  chan struct{}
}

// behindBatch is how many wakeups are handed over at a time.
const behindBatch = 256

func printBehind(line func(*replay.Wakeup)) *behind {
	b := &behind{full: make(chan []replay.Wakeup, 4), done: make(chan struct{})}
	go func() {
		defer close(b.done)
		for batch := range b.full {
			for i := range batch {
				line(&batch[i])
			}
		}
	}()
	return b
}

// push takes a copy: a replay makes each wakeup's masks anew.
func (b *behind) push(w *replay.Wakeup) {
	if b.batch == nil {
		b.batch = make([]replay.Wakeup, 0, behindBatch)
	}
	if b.batch = append(b.batch, *w); len(b.batch) == behindBatch {
		b.full <- b.batch
		b.batch = nil
	}
}

// wait returns when everything pushed is printed.
func (b *behind) wait() {
	if len(b.batch) > 0 {
		b.full <- b.batch
	}
	close(b.full)
	<-b.done
}
