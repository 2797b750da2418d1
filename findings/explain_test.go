package findings

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

// Aligned steps hold each kernel's own steps in order, those that both make
// once, and begin with what they share.
func TestAlign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []replay.Step {
			var out []replay.Step
			for _, s := range rapid.SliceOfN(rapid.IntRange(0, 3), 0, 12).Draw(t, name) {
				out = append(out, replay.Step{Step: place.Step{Func: "f", Kind: place.AskIdle, CPU: s, Answer: place.Yes}})
			}
			return out
		}
		o, p := draw("original"), draw("patched")
		steps := align(o, p)
		var gotO, gotP []replay.Step
		for _, s := range steps {
			if s.Side != PatchedAlone {
				gotO = append(gotO, s.Step)
			}
			if s.Side != OriginalAlone {
				gotP = append(gotP, s.Step)
			}
		}
		if d := cmp.Diff(o, gotO); d != "" {
			t.Fatalf("original: %s", d)
		}
		if d := cmp.Diff(p, gotP); d != "" {
			t.Fatalf("patched: %s", d)
		}
		for i := 0; i < len(o) && i < len(p) && o[i] == p[i]; i++ {
			if steps[i].Side != Both {
				t.Fatalf("step %d is shared and told apart", i)
			}
		}
	})
}

// Lists too long to be compared share their beginning only, and lose nothing.
func TestAlignLong(t *testing.T) {
	long := func(cpu int) []replay.Step {
		out := []replay.Step{{Step: place.Step{Func: "f", Kind: place.AskSync}}}
		for range 3000 {
			out = append(out, replay.Step{Step: place.Step{Func: "f", Kind: place.AskIdle, CPU: cpu}})
		}
		return out
	}
	steps := align(long(1), long(2))
	if len(steps) != 6001 || steps[0].Side != Both || steps[1].Side != OriginalAlone || steps[6000].Side != PatchedAlone {
		t.Fatalf("%d steps", len(steps))
	}
}

func TestLooksAt(t *testing.T) {
	for _, test := range []struct {
		step  replay.Step
		state Sight
		ok    bool
	}{
		{replay.Step{Step: place.Step{Kind: place.AskIdle, CPU: 42}}, SeenBusy, true},
		{replay.Step{Step: place.Step{Kind: place.AskIdle, CPU: 7, Answer: place.Yes}}, SeenIdle, true},
		{replay.Step{Step: place.Step{Kind: place.AskSchedIdle, CPU: 7, Answer: place.Yes}}, SeenSchedIdle, true},
		{replay.Step{Step: place.Step{Kind: place.AskSpan, CPU: 43, Other: 42}}, PassedOver, true},
		{replay.Step{Step: place.Step{Kind: place.AskSpan, CPU: 43, Other: 42, Answer: place.NotAsked}}, 0, false},
		{replay.Step{Step: place.Step{Kind: place.AskRecentUsed, CPU: 3, Answer: place.Chose}}, 0, false},
	} {
		if state, ok := looksAt(&test.step); ok != test.ok || state != test.state {
			t.Errorf("%+v: %v %v", test.step, state, ok)
		}
	}
}

// A step that both kernels make tells who is on the CPU only where it is the same task in both
// worlds, and is one step all the same.
func TestAlignOccupants(t *testing.T) {
	by := func(pid int32) []replay.Step {
		return []replay.Step{{Step: place.Step{Func: "f", Kind: place.AskIdle, CPU: 4}, Occupant: replay.Occupant{Task: replay.TaskRef{PID: pid}, How: replay.OccupiesRunning}}}
	}
	if s := align(by(7), by(7)); len(s) != 1 || s[0].Side != Both || s[0].Occupant.Task.PID != 7 {
		t.Errorf("alike: %+v", s)
	}
	if s := align(by(7), by(8)); len(s) != 1 || s[0].Side != Both || s[0].Occupant != (replay.Occupant{}) {
		t.Errorf("not alike: %+v", s)
	}
}

// A CPU is found busy once, surely, and not where its SCHED_IDLE tasks give way.
func TestFoundBusy(t *testing.T) {
	step := func(cpu int, q place.Question, a place.Answer, open bool) replay.Step {
		return replay.Step{Step: place.Step{Kind: q, CPU: cpu, Answer: a, Fact: explore.Answer{Open: open}}}
	}
	e := &replay.Entry{Explanation: &replay.Explanation{Original: []replay.Step{
		step(5, place.AskIdle, place.No, false), step(4, place.AskIdle, place.No, true), step(5, place.AskIdle, place.No, false),
		step(2, place.AskIdle, place.No, false), step(2, place.AskSchedIdle, place.Yes, false), step(3, place.AskIdle, place.Yes, false),
	}}}
	got := FoundBusy(e)
	if len(got) != 1 || got[0].CPU != 5 {
		t.Errorf("original: %+v", got)
	}
	if e.Baseline = replay.RolePatched; len(FoundBusy(e)) != 0 {
		t.Error("patched: steps of the other kernel")
	}
}
