package replay_test

import (
	"context"
	"iter"
	"path/filepath"
	"testing"

	"schedreplay/internal/traces"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay"
)

// forged is a capture in which one decision went elsewhere: its migration and
// its wakeup name another CPU.
type forged struct {
	parser.Capture
	at       int64 // time of the waking
	pid      int32
	from, to int32
}

func (f *forged) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		armed, migrated, woken := false, false, false
		for ev, err := range f.Capture.Events() {
			if err == nil && ev.Task.PID == f.pid {
				switch {
				case ev.Kind == parser.KindWaking && ev.Time == f.at:
					armed = true
				case armed && !migrated && !woken && ev.Kind == parser.KindMigrate && ev.TargetCPU == f.from:
					ev.TargetCPU, migrated = f.to, true
				case armed && !woken && ev.Kind == parser.KindWakeup && ev.TargetCPU == f.from:
					ev.TargetCPU, woken = f.to, true
				}
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

// TestNoPeeking flips the recorded CPU of one decision after another and
// demands the same prediction of it: nothing of a decision's own outcome may
// have gone into it.
func TestNoPeeking(t *testing.T) {
	if traces.Race {
		t.Skip("one goroutine, and long")
	}
	in, h := openCapture(t, filepath.Join("..", "testdata", "traces", "smt8-isolated3-original"), "ftrace.txt.gz")
	run := func(c parser.Capture) []replay.Wakeup {
		var out []replay.Wakeup
		o := replay.Plan{Original: "6.1.192-smt-span", Patched: []string{"6.1.192"}, Observer: replay.Observer{
			Wakeup: func(w *replay.Wakeup) { out = append(out, *w) },
		}}
		if _, err := replay.Run(context.Background(), c, h, o); err != nil {
			t.Fatal(err)
		}
		return out
	}
	straight := run(in)
	tried := 0
	for i := 40; i < len(straight); i += len(straight) / 24 {
		w := straight[i]
		for w.Kind != place.KindWakeup || !w.Selection || w.RecordedCPU == w.PrevCPU {
			i++
			if i >= len(straight) {
				break
			}
			w = straight[i]
		}
		if i >= len(straight) {
			break
		}
		to := (w.RecordedCPU + 1) % 8
		if to == w.PrevCPU {
			to = (to + 1) % 8
		}
		tried++
		lie := run(&forged{in, w.Time, w.Task.PID, int32(w.RecordedCPU), int32(to)})[i]
		if lie.N != w.N || lie.RecordedCPU != to {
			t.Fatalf("wakeup %d: the forgery did not take: recorded %d, want %d", w.N, lie.RecordedCPU, to)
		}
		for _, k := range []struct {
			name      string
			was, then replay.Placed
		}{{"original", w.Original, lie.Original}, {"patched", w.Patched, lie.Patched}} {
			if k.was.CPU != k.then.CPU || k.was.Path != k.then.Path || !k.was.Possible.Equal(k.then.Possible) {
				t.Errorf("wakeup %d: with %d recorded instead of %d the %s kernel's prediction changes: %d %s {%s} to %d %s {%s}",
					w.N, to, w.RecordedCPU, k.name, k.was.CPU, k.was.Path, k.was.Possible, k.then.CPU, k.then.Path, k.then.Possible)
			}
		}
	}
	if tried < 15 {
		t.Errorf("only %d decisions were tried", tried)
	}
}
