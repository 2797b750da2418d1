package findings

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"schedreplay/kernelmodel/place"
)

// Aligned steps hold each kernel's own steps in order, those that both make
// once, and begin with what they share.
func TestAlign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []place.Step {
			var out []place.Step
			for _, s := range rapid.SliceOfN(rapid.IntRange(0, 3), 0, 12).Draw(t, name) {
				out = append(out, place.Step{Func: "f", Kind: place.AskIdle, CPU: s, Answer: place.Yes})
			}
			return out
		}
		o, p := draw("original"), draw("patched")
		steps := align(o, p)
		var gotO, gotP []place.Step
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
	long := func(cpu int) []place.Step {
		out := []place.Step{{Func: "f", Kind: place.AskSync}}
		for range 3000 {
			out = append(out, place.Step{Func: "f", Kind: place.AskIdle, CPU: cpu})
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
		step  place.Step
		state Sight
		ok    bool
	}{
		{place.Step{Kind: place.AskIdle, CPU: 42}, SeenBusy, true},
		{place.Step{Kind: place.AskIdle, CPU: 7, Answer: place.Yes}, SeenIdle, true},
		{place.Step{Kind: place.AskSchedIdle, CPU: 7, Answer: place.Yes}, SeenSchedIdle, true},
		{place.Step{Kind: place.AskSpan, CPU: 43, Other: 42}, PassedOver, true},
		{place.Step{Kind: place.AskSpan, CPU: 43, Other: 42, Answer: place.NotAsked}, 0, false},
		{place.Step{Kind: place.AskRecentUsed, CPU: 3, Answer: place.Chose}, 0, false},
	} {
		if state, ok := looksAt(&test.step); ok != test.ok || state != test.state {
			t.Errorf("%+v: %v %v", test.step, state, ok)
		}
	}
}
