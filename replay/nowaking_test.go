package replay_test

import (
	"context"
	"iter"
	"path/filepath"
	"testing"

	"schedreplay/parser"
	"schedreplay/replay"
)

// without is a capture of which one tracepoint was not recorded.
type without struct {
	parser.Capture
	kind parser.Kind
}

func (c *without) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		for ev, err := range c.Capture.Events() {
			if err == nil && ev.Kind == c.kind {
				continue
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

// Kernels before 4.3 have no sched_waking, and many recordings leave it out. A
// selection's own sched_migrate_task then stands before the sched_wakeup, and
// must not be read as a move of the load balancer, which no patch would prevent.
func TestWithoutWaking(t *testing.T) {
	in, h := openCapture(t, filepath.Join("..", "testdata", "traces", "smt44-isolated43-original"), "ftrace.txt.gz")
	entries, landed, decisions, exact := 0, 0, 0, 0
	o := replay.Plan{Original: "6.1.192-smt-span", Patched: []string{"6.1.192"}, Observer: replay.Observer{
		Wakeup: func(w *replay.Wakeup) {
			decisions++
			if w.Original.CPU == w.RecordedCPU {
				exact++
			}
			if w.Task.PID != 240 || w.RecordedCPU != 43 {
				return
			}
			if w.PrevCPU != 43 {
				entries++
				if w.PrevCPU != 42 || w.Original.CPU != 43 || w.Time != 24_569_941_000 {
					t.Errorf("entry at %d ns from CPU %d, predicted %d; want 24569941000 ns, 42, 43", w.Time, w.PrevCPU, w.Original.CPU)
				}
			}
			if w.Patched.Possible.Test(43) {
				landed++
			}
		},
	}}
	_, err := replay.Run(context.Background(), &without{in, parser.KindWaking}, h, o)
	if err != nil {
		t.Fatal(err)
	}
	if entries != 1 || landed != 0 {
		t.Errorf("%d entries of ksmd, %d of its wakings on CPU 43 may land there under the patch; want 1 and 0", entries, landed)
	}
	if exact*100 < decisions*98 {
		t.Errorf("%d of %d decisions exact, want 98 %%", exact, decisions)
	}
}

// That the recording contradicts the release it claims shows whichever one of the
// events that tell where a task goes was left out.
func TestContradictionWithout(t *testing.T) {
	for _, k := range []parser.Kind{parser.KindOther, parser.KindWaking, parser.KindWakeup, parser.KindMigrate} {
		in, h := openCapture(t, filepath.Join("..", "testdata", "traces", "smt44-isolated43-original"), "ftrace.txt.gz")
		res, err := replay.Run(context.Background(), &without{in, k}, h, replay.Plan{})
		if err != nil {
			t.Fatal(err)
		}
		if res.Settled.Fix != replay.FixContradicted {
			t.Errorf("without %s: %+v", k, res.Settled)
		}
	}
}
