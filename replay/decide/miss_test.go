package decide

import (
	"testing"

	"schedreplay/replay/internal/made"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// A decision that the model cannot reproduce teaches nothing: what a selection may have
// written is open.
func TestMissTeachesNothing(t *testing.T) {
	r := bare(nil)
	p := r.Timeline.Get(made.Ksmd.PID)
	r.Hidden.Of(p.PID).Recent = []int{4}
	llc := r.LLCsAt[2][0]
	r.Base.World.SetIdleCores(llc, world.Tristate{Value: true, Known: true})
	d := &decision{line: Wakeup{PrevCPU: 2, RecordedCPU: 2, Waker: timeline.TaskRef{PID: 0}}}
	r.Base.Ask.This = 2
	r.forgetBy(d, p)
	if may := r.Hidden.Of(p.PID).Recent; len(may) != 2 || may[1] != 2 {
		t.Errorf("recent_used_cpu may be %v, want 4 or 2", may)
	}
	if f, _ := r.Base.World.IdleCores(llc); f.Known || !f.Guessed {
		t.Errorf("has_idle_cores is still known: %+v", f)
	}
}
