package say

import (
	"strings"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Every question has words of its own.
func TestEveryQuestion(t *testing.T) {
	words := map[string]place.Question{}
	for _, q := range place.Questions() {
		s := replay.Step{Step: place.Step{Kind: q, CPU: 1, Other: 2, N: 3, M: 4, Domain: &topo.Domain{Span: cpumask.Of(1, 2)}}}
		w := Test(&s)
		if other, ok := words[w]; ok || w == "unknown test" {
			t.Errorf("question %d is told as %q, like %d", q, w, other)
		}
		words[w] = q
	}
}

func TestStepWords(t *testing.T) {
	open := explore.Either(true, fact.Unknown)
	for _, tc := range []struct {
		step               place.Step
		test, answer, from string
	}{
		{place.Step{Kind: place.AskIdle, CPU: 42, Answer: place.Yes, Fact: open}, "available_idle_cpu(42)", "yes", "unknown; may be otherwise"},
		{place.Step{Kind: place.AskSpan, CPU: 43, Other: 42}, "CPU 43, sibling of 42, is in sched_domain_span(sd)", "no: passed over", "topology"},
		{place.Step{Kind: place.AskSpan, CPU: 43, Other: 42, Answer: place.NotAsked}, "CPU 43, sibling of 42, is in sched_domain_span(sd)", "no, but this kernel does not ask", "topology"},
		{place.Step{Kind: place.AskRecentUsed, CPU: 3, Answer: place.Chose, Fact: explore.Known(false, fact.Reconstructed)}, "recent_used_cpu", "3", "reconstructed"},
		{place.Step{Kind: place.AskMayScan, Fact: explore.Known(false, fact.Estimated)}, "nr_idle_scan", "0: no scan", "estimated"},
		{place.Step{Kind: place.AskUsable, CPU: 2, Other: 3, Answer: place.Chose}, "CPU 3 is not allowed; first usable CPU", "2", ""},
	} {
		step := replay.Step{Step: tc.step}
		if test, answer, from := Test(&step), Answer(&step), Provenance(&step); test != tc.test || answer != tc.answer || from != tc.from {
			t.Errorf("%q: %q [%q]", test, answer, from)
		}
	}
}

// An answer that was widened says why it is so wide.
func TestWidened(t *testing.T) {
	k := &rules.Kernel{Name: "6.1"}
	d := &findings.Decision{Result: &replay.Result{Original: k}, Wakeup: &replay.Wakeup{PrevCPU: 1, Original: replay.Placed{
		CPU: 1, Prev: 1, Bounded: true, Possible: cpumask.Of(1, 2), Path: place.PathTarget, From: fact.Reconstructed,
	}}}
	const why = " (not every combination of what is open was tried)"
	for _, widened := range []bool{false, true} {
		d.Wakeup.Original.Widened = widened
		if got := DecisionPlaced(d, findings.OriginalAlone); !strings.Contains(got, "; possible: 1-2") || strings.Contains(got, why) != widened {
			t.Errorf("widened %v: %q", widened, got)
		}
	}
}

// A test of a busy CPU says who was there.
func TestOccupantWords(t *testing.T) {
	spin := replay.TaskRef{PID: 684, Comm: "spin 0"}
	name := TaskName(spin)
	for _, tc := range []struct {
		o    replay.Occupant
		want string
	}{
		{replay.Occupant{}, ""},
		{replay.Occupant{Task: spin, How: replay.OccupiesRunning, Since: 100}, name + " runs there"},
		{replay.Occupant{Task: spin, How: replay.OccupiesQueued, Since: 1_000_000}, name + " has been queued there for 2.00 ms"},
		{replay.Occupant{Task: spin, How: replay.OccupiesQueued, Since: parser.NoTime}, name + " is queued there"},
		{replay.Occupant{Task: spin, How: replay.OccupiesPending, Since: 2_999_000}, name + " has been on its wake list for 1.00 µs"},
		{replay.Occupant{Task: spin, How: replay.OccupiesMoved, Since: parser.NoTime}, name + " is there in this kernel’s world"},
	} {
		if got := Occupant(&tc.o, 3_000_000); got != tc.want {
			t.Errorf("%+v: %q, not %q", tc.o, got, tc.want)
		}
	}
}
