package outcome

import (
	"math"
	"slices"

	"schedreplay/loop/work"
)

// TrustLeast is the number of recorded wakings from which a task is judged.
const TrustLeast = 200

// Ratio compares simulated with recorded: their quotient, 0 where there is none.
type Ratio float64

// Off is how far the ratio is from one, either way: 1 is exact.
func (r Ratio) Off() float64 {
	if r <= 0 {
		return math.Inf(1)
	}
	return max(float64(r), 1/float64(r))
}

// TaskTrust judges one task of at least [TrustLeast] recorded wakings.
type TaskTrust struct {
	PID           int32
	Comm          string
	P50, P90, P99 Ratio // of the delay
	// Apart is the largest distance of the two distributions of delays
	// (Kolmogorov and Smirnov), 0 to 1.
	Apart float64
}

// Trust is the baseline held against the recording: how far the loop is to be believed.
type Trust struct {
	Tasks []TaskTrust
	// P50, P90 and P99 are the ratios of the median task, 0 if no task is judged.
	P50, P90, P99 Ratio
	// Place is how much run time is on other CPUs than recorded (total variation, the mean
	// over tasks weighted by run time); Chance the same of one run against the others: what
	// the recording would have against a second recording, if the loop were exact.
	Place, Chance float64
	// Moves and RecordedMoves are the changes of CPU by cause.
	Moves, RecordedMoves [work.Causes]int64
	// MoveRatio is of all of them.
	MoveRatio Ratio
	// Stopped and RecordedStopped are how long tasks in control groups with a CPU limit were off
	// their CPUs while runnable, having not slept, in ns; StoppedRatio is of the two.
	Stopped, RecordedStopped int64
	StoppedRatio             Ratio
	// Autogroup: the machine shares its CPUs out between sessions first, and it is not told
	// which they are.
	Autogroup bool
	// Unmatched is what the recording contradicts itself in.
	Unmatched int64
	// Starts are those that the runs begin with.
	Starts Starts
}

// The bounds within which the loop is to be believed (design, section 5).
const (
	BoundP50, BoundP90, BoundP99 = 1.25, 1.5, 2
	BoundPlace, BoundMoves       = 0.15, 1.5
)

// Judge holds the baseline's runs against the recording.
func Judge(p *work.Program, recorded []Summary, rec, base *Outcome, all [][]Summary, tallies []*Tally) Trust {
	t := Trust{Unmatched: p.Unmatched}
	weight := 0.0
	for i := range p.Tasks {
		r := &recorded[i]
		run := float64(r.run)
		weight += run
		t.Place += float64(run * ApartOn(r.runOn, base.Tasks[i].RunOn)) // the conversion keeps the sum the same on every architecture
		for _, f := range all {
			t.Chance += run * ApartOn(f[i].runOn, base.Tasks[i].RunOn) / float64(len(all))
		}
		for c := range r.Moves {
			t.RecordedMoves[c] += r.Moves[c]
			for _, f := range all {
				t.Moves[c] += f[i].Moves[c]
			}
		}
		if p.Limited(i) {
			t.Stopped += base.Tasks[i].OffCPU.Sum.Mid
			t.RecordedStopped += r.gapSum
		}
		if r.wakings < TrustLeast {
			continue
		}
		a, b := &rec.Tasks[i].Delay, &base.Tasks[i].Delay
		one := TaskTrust{PID: p.Tasks[i].PID, Comm: p.Tasks[i].Comm, P50: ratio(b.P50, a.P50), P90: ratio(b.P90, a.P90), P99: ratio(b.P99, a.P99), Apart: tallies[i].apart()}
		t.Tasks = append(t.Tasks, one)
	}
	if weight > 0 {
		t.Place, t.Chance = t.Place/weight, t.Chance/weight
	}
	got, want := int64(0), int64(0)
	for c := range t.Moves {
		t.Moves[c] /= int64(len(all))
		got += t.Moves[c]
		want += t.RecordedMoves[c]
	}
	if want > 0 {
		t.MoveRatio = Ratio(float64(got) / float64(want))
	}
	if t.RecordedStopped > 0 {
		t.StoppedRatio = Ratio(float64(t.Stopped) / float64(t.RecordedStopped))
	}
	t.P50 = median(t.Tasks, func(o *TaskTrust) Ratio { return o.P50 })
	t.P90 = median(t.Tasks, func(o *TaskTrust) Ratio { return o.P90 })
	t.P99 = median(t.Tasks, func(o *TaskTrust) Ratio { return o.P99 })
	return t
}

// Within reports whether every figure keeps its bound; a recording with no task to judge
// keeps none.
func (t *Trust) Within() bool {
	return len(t.Tasks) > 0 && t.P50.Off() <= BoundP50 && t.P90.Off() <= BoundP90 && t.P99.Off() <= BoundP99 &&
		t.Place <= BoundPlace && (t.MoveRatio == 0 || t.MoveRatio.Off() <= BoundMoves)
}

func ratio(got, want Band) Ratio {
	if !got.Known || !want.Known || want.Mid <= 0 {
		return 0
	}
	return Ratio(float64(got.Mid) / float64(want.Mid))
}

// median is that of the tasks' ratios that are known.
func median(all []TaskTrust, of func(*TaskTrust) Ratio) Ratio {
	var v []Ratio
	for i := range all {
		if r := of(&all[i]); r > 0 {
			v = append(v, r)
		}
	}
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// ApartOn is the total variation distance of two distributions over CPUs.
func ApartOn(a, b []int64) float64 {
	na, nb := float64(max(1, sum(a))), float64(max(1, sum(b)))
	d := 0.0
	for c := range a {
		d += math.Abs(float64(a[c])/na - float64(b[c])/nb)
	}
	return d / 2
}

// WorseRuns is how many runs it takes to tell who is worse off, each with a start of its own.
const WorseRuns = 8

// TellsWorse reports whether there are [WorseRuns] runs that began differently.
func (r *Result) TellsWorse() bool {
	starts := r.Runs
	if n := r.Trust.Starts.Entered; n > 0 {
		starts = min(starts, n)
	}
	return starts >= WorseRuns
}

// Worse are the tasks of a scenario that are surely worse off than in the baseline: their
// p90 of the delay, or their time off the CPU, is above it in nearly every run. It is nil
// where there are too few runs to tell.
func (r *Result) Worse(o *Outcome) []int {
	if !r.TellsWorse() {
		return nil
	}
	var out []int
	base := &r.Outcomes[0]
	for i := range o.Tasks {
		a, b := &base.Tasks[i], &o.Tasks[i]
		delayed := a.Delay.P90.Known && b.Delay.P90.Known && a.Wakings.Mid >= worseLeast && b.Delay.P90.Lo > a.Delay.P90.Hi+worseNS
		held := b.OffCPU.Sum.Lo > a.OffCPU.Sum.Hi+worseSum
		if delayed || held {
			out = append(out, i)
		}
	}
	return out
}

// Differences below these do not count: a tenth of a millisecond of a task's p90, ten of
// its time off the CPU, and tasks of few wakings.
const (
	worseLeast = 20
	worseNS    = 100_000
	worseSum   = 10_000_000
)
