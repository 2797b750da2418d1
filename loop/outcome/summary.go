package outcome

import (
	"math"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/loop/work"
)

// Summary is what is kept of a task's figures in one run of an ensemble: quantiles in place
// of its delays and gaps one by one, of which a long recording has millions in all runs.
type Summary struct {
	wakings, run, taken, gaps, gapSum int64
	// Moves are the changes of CPU by cause.
	Moves          [work.Causes]int64
	runOn, entries []int64
	// delay and gap are the values at the shares of delayAt and gapAt, nil if there are none;
	// curve those of the delay at [CurveShares].
	delay, gap, curve []int64
}

// The shares of which [Delays] and [Gaps] tell.
var (
	delayAt = []float64{0.5, 0.9, 0.99, 1}
	gapAt   = []float64{0.5, 0.99, 1}
)

// Summarize sorts the delays and gaps of the figures, and sums them up; the curve is wanted
// of owners. The summary has nothing in common with the figures.
func Summarize(f *work.Figures, curve bool) Summary {
	slices.Sort(f.Delay)
	slices.Sort(f.Gap)
	s := Summary{
		wakings: f.Wakings, run: f.Run, taken: f.Taken, gaps: int64(len(f.Gap)), gapSum: sum(f.Gap), Moves: f.Moves,
		runOn: slices.Clone(f.RunOn), entries: slices.Clone(f.Entries),
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
		out[i], _ = Quantile(v, p)
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

// CurveShares are the shares at which [Task.Curve] has quantiles: equally far apart
// on a scale of nines, up to 99.99 of a hundred.
func CurveShares() []float64 {
	var out []float64
	for x := 0.0; x <= 4; x += 1.0 / 16 {
		out = append(out, 1-math.Pow(10, -x))
	}
	return out
}

// Quantile is the value that a share p of values in order do not exceed, by nearest rank;
// false if there are none.
func Quantile(v []int64, p float64) (int64, bool) {
	if len(v) == 0 {
		return 0, false
	}
	return v[max(0, int(math.Ceil(p*float64(len(v))-1e-9))-1)], true
}

func bandOf(v []int64) Band {
	slices.Sort(v)
	lo, ok := Quantile(v, 0.05)
	mid, _ := Quantile(v, 0.5)
	hi, _ := Quantile(v, 0.95)
	return Band{lo, mid, hi, ok}
}

// over gathers a figure of each run, where it has one.
func over(runs [][]Summary, of func(run []Summary) (int64, bool)) Band {
	v := make([]int64, 0, len(runs))
	for _, run := range runs {
		if x, ok := of(run); ok {
			v = append(v, x)
		}
	}
	return bandOf(v)
}

// Ensemble is what all runs of a scenario share: the work, the kernel's name, the isolated CPUs,
// which tasks are foreign there, and the pids whose delays are wanted as whole distributions.
type Ensemble struct {
	Program  *work.Program
	Kernel   string
	Isolated cpumask.Mask
	Foreign  func(task int) bool
	Owners   map[int32]bool
}

// Outcome gathers the figures of an ensemble.
func (e *Ensemble) Outcome(name string, changes []Change, all [][]Summary) Outcome {
	o := Outcome{Name: name, Kernel: e.Kernel, Changes: changes}
	for i := range e.Program.Tasks {
		o.Tasks = append(o.Tasks, e.task(i, all))
	}
	for c := e.Isolated.First(); c >= 0; c = e.Isolated.Next(c) {
		held := func(of func(*Summary) int64) Band {
			return over(all, func(run []Summary) (int64, bool) {
				n := int64(0)
				for i := range run {
					if e.Foreign(i) {
						n += of(&run[i])
					}
				}
				return n, true
			})
		}
		o.Isolated = append(o.Isolated, Isolated{
			CPU: c, Entries: held(func(f *Summary) int64 { return f.entries[c] }), Held: held(func(f *Summary) int64 { return f.runOn[c] }),
		})
	}
	return o
}

func (e *Ensemble) task(i int, all [][]Summary) Task {
	known := func(f func(*Summary) int64) Band {
		return over(all, func(run []Summary) (int64, bool) { return f(&run[i]), true })
	}
	at := func(list func(*Summary) []int64, k int) Band {
		return over(all, func(run []Summary) (int64, bool) {
			if v := list(&run[i]); v != nil {
				return v[k], true
			}
			return 0, false
		})
	}
	delay := func(f *Summary) []int64 { return f.delay }
	gap := func(f *Summary) []int64 { return f.gap }
	t := &e.Program.Tasks[i]
	out := Task{
		PID: t.PID, Comm: t.Comm, Wakings: known(func(f *Summary) int64 { return f.wakings }), Run: known(func(f *Summary) int64 { return f.run }),

		Delay:  Delays{at(delay, 0), at(delay, 1), at(delay, 2), at(delay, 3)},
		OffCPU: Gaps{known(func(f *Summary) int64 { return f.gaps }), known(func(f *Summary) int64 { return f.gapSum }), at(gap, 0), at(gap, 1), at(gap, 2)},
		RunOn:  make([]int64, e.Program.CPUs), RunOnBand: make([]Band, e.Program.CPUs),
	}
	if e.Program.Interrupts != nil {
		out.Taken = known(func(f *Summary) int64 { return f.taken })
	}
	for c := range out.Moves {
		out.Moves[c] = known(func(f *Summary) int64 { return f.Moves[c] })
	}
	if e.Owners[t.PID] {
		for k := range CurveShares() {
			out.Curve = append(out.Curve, at(func(f *Summary) []int64 { return f.curve }, k))
		}
	}
	for c := range out.RunOn {
		out.RunOnBand[c] = known(func(f *Summary) int64 { return f.runOn[c] })
		for _, run := range all {
			out.RunOn[c] += run[i].runOn[c] / int64(len(all))
		}
	}
	return out
}

// Tally counts, over the runs of an ensemble, where delays lie among recorded ones in order.
type Tally struct {
	recorded []int64
	upTo     []int64 // delays not longer than a recorded one
	below    []int64 // delays shorter than it
	n        int64
}

func NewTally(recorded []int64) *Tally {
	return &Tally{recorded: recorded, upTo: make([]int64, len(recorded)), below: make([]int64, len(recorded))}
}

// Add counts those of one run, in order.
func (t *Tally) Add(delays []int64) {
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
func (t *Tally) apart() float64 {
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
