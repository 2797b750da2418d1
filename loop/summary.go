package loop

import (
	"math"
	"slices"

	"schedreplay/loop/work"
)

// summary is what is kept of a task's figures in one run of an ensemble: quantiles in place
// of its delays and gaps one by one, of which a long recording has millions in all runs.
type summary struct {
	wakings, run, taken, gaps, gapSum int64
	moves                             [work.Causes]int64
	runOn, entries                    []int64
	// delay and gap are the values at the shares of delayAt and gapAt, nil if there are none;
	// curve those of the delay at [CurveShares].
	delay, gap, curve []int64
}

// The shares of which [Delays] and [Gaps] tell.
var (
	delayAt = []float64{0.5, 0.9, 0.99, 1}
	gapAt   = []float64{0.5, 0.99, 1}
)

// summarize sorts the delays and gaps of the figures, and sums them up; the curve is wanted
// of owners.
func summarize(f *work.Figures, curve bool) summary {
	slices.Sort(f.Delay)
	slices.Sort(f.Gap)
	s := summary{
		wakings: f.Wakings, run: f.Run, taken: f.Taken, gaps: int64(len(f.Gap)), gapSum: sum(f.Gap), moves: f.Moves, runOn: f.RunOn, entries: f.Entries,
		delay: quantiles(f.Delay, delayAt), gap: quantiles(f.Gap, gapAt),
	}
	if curve {
		s.curve = quantiles(f.Delay, CurveShares())
	}
	return s
}

// quantiles are those of values in order at some shares, nil if there are none.
func quantiles(v []int64, shares []float64) []int64 {
	if len(v) == 0 {
		return nil
	}
	out := make([]int64, len(shares))
	for i, p := range shares {
		out[i], _ = quantile(v, p)
	}
	return out
}

func sum(v []int64) int64 {
	n := int64(0)
	for _, x := range v {
		n += x
	}
	return n
}

// CurveShares are the shares at which [TaskOutcome.Curve] has quantiles: equally far apart
// on a scale of nines, up to 99.99 of a hundred.
func CurveShares() []float64 {
	var out []float64
	for x := 0.0; x <= 4; x += 1.0 / 16 {
		out = append(out, 1-math.Pow(10, -x))
	}
	return out
}

// quantile is the value that a share p of values in order do not exceed, by nearest rank;
// false if there are none.
func quantile(v []int64, p float64) (int64, bool) {
	if len(v) == 0 {
		return 0, false
	}
	return v[max(0, int(math.Ceil(p*float64(len(v))-1e-9))-1)], true
}

func bandOf(v []int64) Band {
	slices.Sort(v)
	lo, ok := quantile(v, 0.05)
	mid, _ := quantile(v, 0.5)
	hi, _ := quantile(v, 0.95)
	return Band{lo, mid, hi, ok}
}

// over gathers a figure of each run, where it has one.
func over(runs [][]summary, of func(run []summary) (int64, bool)) Band {
	v := make([]int64, 0, len(runs))
	for _, run := range runs {
		if x, ok := of(run); ok {
			v = append(v, x)
		}
	}
	return bandOf(v)
}

// outcome gathers the figures of an ensemble.
func (w *world) outcome(name string, changes []Change, all [][]summary) Outcome {
	o := Outcome{Name: name, Kernel: w.kernel.Name, Changes: changes}
	for i := range w.prog.Tasks {
		o.Tasks = append(o.Tasks, w.taskOutcome(i, all))
	}
	for c := w.isolated.First(); c >= 0; c = w.isolated.Next(c) {
		held := func(of func(*summary) int64) Band {
			return over(all, func(run []summary) (int64, bool) {
				n := int64(0)
				for i := range run {
					if w.foreign(i) {
						n += of(&run[i])
					}
				}
				return n, true
			})
		}
		o.Isolated = append(o.Isolated, IsolatedOutcome{
			CPU: c, Entries: held(func(f *summary) int64 { return f.entries[c] }), Held: held(func(f *summary) int64 { return f.runOn[c] }),
		})
	}
	return o
}

func (w *world) taskOutcome(i int, all [][]summary) TaskOutcome {
	known := func(f func(*summary) int64) Band {
		return over(all, func(run []summary) (int64, bool) { return f(&run[i]), true })
	}
	at := func(list func(*summary) []int64, k int) Band {
		return over(all, func(run []summary) (int64, bool) {
			if v := list(&run[i]); v != nil {
				return v[k], true
			}
			return 0, false
		})
	}
	delay := func(f *summary) []int64 { return f.delay }
	gap := func(f *summary) []int64 { return f.gap }
	t := &w.prog.Tasks[i]
	out := TaskOutcome{
		PID: t.PID, Comm: t.Comm, Wakings: known(func(f *summary) int64 { return f.wakings }), Run: known(func(f *summary) int64 { return f.run }),

		Delay:  Delays{at(delay, 0), at(delay, 1), at(delay, 2), at(delay, 3)},
		OffCPU: Gaps{known(func(f *summary) int64 { return f.gaps }), known(func(f *summary) int64 { return f.gapSum }), at(gap, 0), at(gap, 1), at(gap, 2)},
		RunOn:  make([]int64, w.prog.CPUs), RunOnBand: make([]Band, w.prog.CPUs),
	}
	if w.prog.Interrupts != nil {
		out.Taken = known(func(f *summary) int64 { return f.taken })
	}
	for c := range out.Moves {
		out.Moves[c] = known(func(f *summary) int64 { return f.moves[c] })
	}
	if w.owners[t.PID] {
		for k := range CurveShares() {
			out.Curve = append(out.Curve, at(func(f *summary) []int64 { return f.curve }, k))
		}
	}
	for c := range out.RunOn {
		out.RunOnBand[c] = known(func(f *summary) int64 { return f.runOn[c] })
		for _, run := range all {
			out.RunOn[c] += run[i].runOn[c] / int64(len(all))
		}
	}
	return out
}

// tally counts, over the runs of an ensemble, where delays lie among recorded ones in order.
type tally struct {
	recorded []int64
	upTo     []int64 // delays not longer than a recorded one
	below    []int64 // delays shorter than it
	n        int64
}

func newTally(recorded []int64) *tally {
	return &tally{recorded: recorded, upTo: make([]int64, len(recorded)), below: make([]int64, len(recorded))}
}

// add counts those of one run, in order.
func (t *tally) add(delays []int64) {
	i, j := 0, 0
	for k, r := range t.recorded {
		for i < len(delays) && delays[i] <= r {
			i++
		}
		for j < len(delays) && delays[j] < r {
			j++
		}
		t.upTo[k] += int64(i)
		t.below[k] += int64(j)
	}
	t.n += int64(len(delays))
}

// apart is the Kolmogorov-Smirnov distance of the delays from the recorded ones. Between two
// recorded ones the share of these does not change, so that the distance is greatest at one
// or just below the other.
func (t *tally) apart() float64 {
	if t.n == 0 || len(t.recorded) == 0 {
		return 1
	}
	most, n := 0.0, float64(len(t.recorded))
	for k, r := range t.recorded {
		if k == 0 || r != t.recorded[k-1] {
			most = max(most, math.Abs(float64(t.below[k])/float64(t.n)-float64(k)/n))
		}
		if k+1 == len(t.recorded) || r != t.recorded[k+1] {
			most = max(most, math.Abs(float64(t.upTo[k])/float64(t.n)-float64(k+1)/n))
		}
	}
	return most
}
