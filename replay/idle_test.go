package replay_test

import (
	"context"
	"path/filepath"
	"testing"

	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

// A kernel that leaves the switches out of idle of one of its two CPUs out of the recording,
// and what happens while some tasks run there: what a CPU does by its own events is believed, and
// what it may do in between is open. The kernel sends wakees to busy CPUs, too, as only its
// command line tells.
func TestIdleRecording(t *testing.T) {
	in, err := open.File(t.Context(), filepath.Join("testdata", "idle-6.18.data.zst"), open.Options{Temp: parser.Temp{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	h, err := host.Merge(in.Meta().Host, nil, host.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	h.Cmdline = fact.Seen("sched_vcpu_pack=15", "")
	certainWrong := 0
	res, err := replay.Run(context.Background(), in, h, replay.Plan{Original: h.Release.Value, Observer: countWrong(&certainWrong)})
	if err != nil {
		t.Fatal(err)
	}
	f := &res.Fidelity
	t.Logf("exact in %d, covered in %d of %d, mean set %.3f, certain and wrong %d, %d holes", f.Exact, f.Covered, f.Decisions, f.PossibleMean(), certainWrong, res.Holes)
	if certainWrong > 0 || f.Covered < f.Decisions {
		t.Errorf("of %d decisions %d are certain and wrong, %d are not covered", f.Decisions, certainWrong, f.Decisions-f.Covered)
	}
	if f.Exact*100 < f.Decisions*77 || f.PossibleMean() > 1.9 {
		t.Error("worse than it was")
	}
}
