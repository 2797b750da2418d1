package replay

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/capturetest"
	"schedreplay/replay/internal/made"
)

// A release that has the fix, and that nothing contradicts, made the recording: it is the
// baseline and plays the patched kernel, and the original runs free without the fix.
func TestBaselineIsPatched(t *testing.T) {
	s := replayScene(t, made.Record(calm()...), made.Bench("6.1.90", 7), Plan{})
	if s.Baseline != RolePatched || s.BaselineKernel() != s.Patched || s.Settled.Fix != FixPresent || len(s.Alternatives) != 1 || s.Alternatives[0].Kernel != s.Original {
		t.Errorf("%s made the recording: %+v", s.Baseline, s.Settled)
	}
	for i := range s.wakeups {
		if w := &s.wakeups[i]; w.Made() != &w.Patched || w.Other() != &w.Original {
			t.Errorf("wakeup %d is the %s's", w.N, w.Baseline)
		}
	}
	// What is recorded happened under the patched kernel: all of it remains.
	s = replayScene(t, made.Record(append(made.Crowd(), made.Waking(1000, 7, made.Swapper, made.Ksmd, 7), made.Wakeup(1001, 7, made.Swapper, made.Ksmd, 7),
		made.Switches(1002, 7, made.Swapper, made.Runnable, made.Ksmd), made.Switches(1102, 7, made.Ksmd, made.Sleeps, made.Swapper))...), made.Bench("6.1.90", 7), Plan{})
	if st := s.cpu(t, 7).Stays; s.Baseline != RolePatched || len(st) != 1 || st[0].RunNS == 0 || st[0].PatchedRunNS != st[0].RunNS || st[0].PatchedCertain != st[0].Wakings {
		t.Errorf("stays %+v", st)
	}
}

// Each alternative's world is what it is alone with the baseline, however many there are.
func TestAlternativesAreIndependent(t *testing.T) {
	names := []string{"6.1.192", "6.12", "5.4", "4.14"}
	run := func(patched ...string) (lines []Wakeup, res *Result) {
		in, h := capturetest.Open(t, "../testdata/traces/smt8-isolated3-original/ftrace.txt.gz", "../testdata/traces/smt8-isolated3-original/host.tar.gz")
		res, err := Run(context.Background(), in, h, Plan{Original: "6.1.192-smt-span", Patched: patched, Observer: Observer{Wakeup: func(w *Wakeup) {
			k := *w
			k.More = append([]Alternative(nil), w.More...)
			lines = append(lines, k)
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return lines, res
	}
	together, all := run(names...)
	for i, n := range names {
		alone, res := run(n)
		differ := 0
		for j := range alone {
			a, w := &alone[j], &together[j]
			if i == 0 {
				continue
			}
			if m := &w.More[i-1]; m.Kernel != n || m.Moved != a.Moved || m.DivergedSince != a.DivergedSince {
				differ++
			}
		}
		if differ > 0 {
			t.Errorf("%s: %d of %d wakeups differ from what it says alone", n, differ, len(alone))
		}
		if d := cmp.Diff(res.Alternatives[0].Difference, all.Alternatives[i].Difference); d != "" {
			t.Errorf("%s: %s", n, d)
		}
	}
}
