package main

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
			for _, s := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 12).Draw(t, name) {
				out = append(out, place.Step{Func: "f", Test: s, Answer: "yes"})
			}
			return out
		}
		o, p := draw("original"), draw("patched")
		steps := align(o, p)
		var gotO, gotP []place.Step
		for _, s := range steps {
			if s.side != onlyPatched {
				gotO = append(gotO, s.Step)
			}
			if s.side != onlyOriginal {
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
			if steps[i].side != both {
				t.Fatalf("step %d is shared and told apart", i)
			}
		}
	})
}

// Lists too long to be compared share their beginning only, and lose nothing.
func TestAlignLong(t *testing.T) {
	long := func(last string) []place.Step {
		out := []place.Step{{Func: "f", Test: "first"}}
		for range 3000 {
			out = append(out, place.Step{Func: "f", Test: last})
		}
		return out
	}
	steps := align(long("x"), long("y"))
	if len(steps) != 6001 || steps[0].side != both || steps[1].side != onlyOriginal || steps[6000].side != onlyPatched {
		t.Fatalf("%d steps", len(steps))
	}
}

func TestLooksAt(t *testing.T) {
	for _, test := range []struct {
		step  place.Step
		cpu   int
		state string
		ok    bool
	}{
		{place.Step{Test: "available_idle_cpu(42)", Answer: "no"}, 42, isBusy, true},
		{place.Step{Test: "available_idle_cpu(7)", Answer: "yes"}, 7, isIdle, true},
		{place.Step{Test: "sched_idle_cpu(7)", Answer: "yes"}, 7, schedIdle, true},
		{place.Step{Test: "CPU 43, sibling of 42, is in sched_domain_span(sd)", Answer: "no: passed over"}, 43, passedOver, true},
		{place.Step{Test: "CPU 43, sibling of 42, is in sched_domain_span(sd)", Answer: "no, but this kernel does not ask"}, 0, "", false},
		{place.Step{Test: "recent_used_cpu", Answer: "3"}, 0, "", false},
	} {
		cpu, state, ok := looksAt(&test.step)
		if ok != test.ok || ok && (cpu != test.cpu || state != test.state) {
			t.Errorf("%+v: %d %q %v", test.step, cpu, state, ok)
		}
	}
}
