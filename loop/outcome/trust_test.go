package outcome

import "testing"

// Who is surely worse off takes runs that began differently: those that share a start are
// near to one run.
func TestTellsWorse(t *testing.T) {
	for _, c := range []struct {
		runs, entered int
		want          bool
	}{{7, 0, false}, {8, 0, true}, {8, 4, false}, {8, 8, true}, {32, 7, false}, {32, 22, true}} {
		r := Result{Runs: c.runs, Trust: Trust{Starts: Starts{Drawn: 12 * c.runs, Entered: c.entered}}}
		if got := r.TellsWorse(); got != c.want {
			t.Errorf("%d runs, %d starts: %v", c.runs, c.entered, got)
		}
	}
}
