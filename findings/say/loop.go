package say

import (
	"fmt"

	"schedreplay/loop"
	"schedreplay/replay"
)

// Trust tells how far the closed loop is to be believed, in sentences: the baseline
// against the recording.
func Trust(t *loop.Trust) []string {
	var out []string
	say := func(format string, a ...any) { out = append(out, fmt.Sprintf(format, a...)) }
	if len(t.Tasks) == 0 {
		say("No task has %d wakings: the delays of the recorded kernel's runs cannot be held against the recording.", loop.TrustLeast)
	} else {
		say("Delays of the recorded kernel's runs, as a multiple of the recorded ones (median of %s of %d wakings or more): p50 %s, p90 %s, p99 %s.",
			Counted(int64(len(t.Tasks)), "task"), loop.TrustLeast, Multiple(t.P50), Multiple(t.P90), Multiple(t.P99))
	}
	got, want := int64(0), int64(0)
	for c := range t.Moves {
		got, want = got+t.Moves[c], want+t.RecordedMoves[c]
	}
	say("%.1f %% of the run time is on other CPUs than recorded; one run differs from the others by %.1f %%. Tasks change their CPU %d times, recorded %d.",
		100*t.Place, 100*t.Chance, got, want)
	if t.RecordedStopped > 0 {
		say("Tasks of control groups with a CPU limit are off their CPUs while runnable for %s, recorded %s.", Duration(t.Stopped), Duration(t.RecordedStopped))
	}
	percentile := func(name string, r loop.Ratio, bound float64) {
		if len(t.Tasks) > 0 && r.Off() > bound {
			say("%s is off by more than the %.2f aimed at: do not build on it.", name, bound)
		}
	}
	percentile("p50", t.P50, loop.BoundP50)
	percentile("p90", t.P90, loop.BoundP90)
	percentile("p99", t.P99, loop.BoundP99)
	if t.Place > loop.BoundPlace {
		say("Where tasks run is off by more than the %.0f %% aimed at.", 100*loop.BoundPlace)
	}
	if t.MoveRatio > 0 && t.MoveRatio.Off() > loop.BoundMoves {
		say("Changes of CPU are off by more than the factor of %.1f aimed at.", loop.BoundMoves)
	}
	if t.Autogroup {
		say("The machine shares its CPUs out between sessions first (autogroup), and the bundle does not tell who is in which: do not build on delays.")
	}
	switch b := &t.Starts; {
	case b.Drawn > 0 && b.Entered > 0:
		how := " as recorded."
		if b.Early > 0 {
			how = fmt.Sprintf(". In %d of those it comes so early that it is there for more than twice as long as recorded by then: "+
				"hold what it costs against the baseline, not against the recording.", b.Early)
		}
		say("The incident is given: every run begins as one of the %d of %s drawn under which the recorded kernel lets %s come to an isolated CPU%s",
			b.Entered, Counted(int64(b.Drawn), "start"), TaskName(replay.TaskRef{PID: b.PID, Comm: b.Comm}), how)
	case b.Drawn > 0:
		say("Under none of %s drawn does the recorded kernel let %s come to an isolated CPU as recorded: the runs do not show the incident.",
			Counted(int64(b.Drawn), "start"), TaskName(replay.TaskRef{PID: b.PID, Comm: b.Comm}))
	}
	if t.Unmatched > 0 {
		say("The recording contradicts itself in %s; the work is as doubtful.", Counted(t.Unmatched, "place"))
	}
	return out
}

// Multiple writes a ratio, "?" where there is none.
func Multiple(r loop.Ratio) string {
	if r <= 0 {
		return "?"
	}
	return fmt.Sprintf("%.2f", float64(r))
}

// Band writes a band in a unit of so many ns: the middle, and the ends where they
// differ.
func Band(b loop.Band, unit int64) string {
	switch {
	case !b.Known:
		return "-"
	case b.Lo == b.Hi:
		return fmt.Sprint((b.Mid + unit/2) / unit)
	}
	return fmt.Sprintf("%d [%d-%d]", (b.Mid+unit/2)/unit, (b.Lo+unit/2)/unit, (b.Hi+unit/2)/unit)
}

// Worse names the tasks that are surely worse off in a scenario.
func Worse(r *loop.Result, o *loop.Outcome) string {
	if !r.TellsWorse() {
		return fmt.Sprintf("%s: who is worse off takes %d runs with different starts to tell.", o.Name, loop.WorseRuns)
	}
	worse := r.Worse(o)
	if len(worse) == 0 {
		return o.Name + ": no task is surely worse off than in the baseline."
	}
	names := Each(worse, func(i int) string { return ShortTask(replay.TaskRef{PID: o.Tasks[i].PID, Comm: o.Tasks[i].Comm}) })
	return fmt.Sprintf("%s: surely worse off than in the baseline: %s.", o.Name, JoinUpTo(names, 8, "task"))
}
