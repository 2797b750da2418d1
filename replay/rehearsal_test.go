package replay

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// A replay that is cancelled ends its rehearsal and its decoding: nothing of it runs on, and
// nothing waits for ever.
func TestCancelledRehearsal(t *testing.T) {
	turns := &generated{made.Recording{About: parser.Meta{Resolution: 1000, Host: &parser.Host{}, HasWakings: true}}, func(yield func(*parser.Event) bool) {
		e := made.Waking(1, 0, made.Busy[0], made.Ksmd, 0)
		for i := int64(2); i < 100_000 && yield(&e); i++ {
			if e = made.Switches(i, 1, made.Busy[1], made.Preempted, made.Busy[2]); i%2 == 0 {
				e = made.Switches(i, 1, made.Busy[2], made.Preempted, made.Busy[1])
			}
		}
	}}
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	rehearsed := false
	_, err := Run(ctx, turns, made.Bench("6.1.0", 7), Plan{Observer: Observer{Begin: func(*Result) { rehearsed = true; cancel() }}})
	if !errors.Is(err, context.Canceled) || !rehearsed {
		t.Errorf("%v; begun: %v", err, rehearsed)
	}
	for range 20_000_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched() // they have ended, but for their last steps, and may wait for a CPU
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
