package findings

import (
	"math"

	"schedreplay/replay"
	"schedreplay/stats"
)

// MaxSamples bounds the captures of one comparison.
const MaxSamples = 8

// Percentiles are those of a comparison.
var Percentiles = [4]float64{50, 90, 99, 99.9}

// Sample is one capture of a comparison: its findings, with the bands in which chance may
// have put them. Plug its Observer into the replay, then give Finish the result. It keeps
// bounded state only.
type Sample struct {
	// Name is how the comparison calls the capture.
	Name string
	// Checksum is the SHA-256 of the input's bytes in hex.
	Checksum string
	// Findings are nil before Finish.
	*Findings

	// Waits are the owners', by kind.
	Waits [replay.WaitKinds]WaitSample
	// EntriesPerS and Share are the entries per second and the part of the time that
	// foreign tasks held.
	EntriesPerS, Share stats.Interval
	start, end         int64
	held               stats.Blocks
}

// WaitSample are the owners' waits of one kind, with the bands in which chance may have
// put them.
type WaitSample struct {
	// Percentile are the waits at Percentiles, in ns.
	Percentile [4]stats.Interval
	// Levels are their distribution with its band.
	Levels []Level

	blocks stats.Blocks
	// reps are the bootstrap's replicates of Percentile, for ratios.
	reps [4][]float64
}

// Level is a point of a distribution: the delay that all but a share of 10^-Nine do not
// exceed.
type Level struct {
	Nine float64
	NS   stats.Interval
}

// NewSample begins a sample.
func NewSample(name string) *Sample { return &Sample{Name: name} }

// Observer returns the functions by which the sample takes part in a replay.
func (s *Sample) Observer() replay.Observer {
	return replay.Observer{
		Begin: func(res *replay.Result) { s.start, s.end = res.Start, res.End },
		Run: func(r *replay.Slice) {
			b := stats.Block(r.Start, s.start, s.end)
			if IsIntruder(r) {
				s.held.AddAmount(b, r.End-r.Start)
			}
			if kind, ns, ok := r.OwnerWait(); ok {
				s.Waits[kind].blocks.AddDelay(b, ns)
			}
		},
	}
}

// Finish takes the replay's result.
func (s *Sample) Finish(res *replay.Result) {
	s.Findings = Of(res)
	sum := &s.Sum
	for kind := range s.Waits {
		s.Waits[kind].finish(&sum.Waits[kind])
	}
	_, held := s.held.Bootstrap(nil)
	if window := s.WindowNS(); window > 0 && sum.CPUs > 0 {
		sec := float64(window) / 1e9
		entries := sum.Held.Entries.Total()
		lo, hi := stats.PoissonBand(entries)
		s.EntriesPerS = stats.Interval{Value: float64(entries) / sec, Low: lo / sec, High: hi / sec, Known: true}
		lo, hi = stats.Band95(held)
		s.Share = stats.Interval{Value: sum.Share(), Low: lo / float64(sum.WindowNS), High: min(1, hi/float64(sum.WindowNS)), Known: true}
	}
}

// finish draws the bands of the waits d.
func (w *WaitSample) finish(d *Delays) {
	n := d.Count()
	if n == 0 {
		return
	}
	top := stats.Nines(n) - 0.45
	for at := 0.0; n > 1 && at < top; at += 0.05 {
		w.Levels = append(w.Levels, Level{Nine: at})
	}
	w.Levels = append(w.Levels, Level{Nine: top})
	shares := make([]float64, 0, len(w.Levels)+len(Percentiles))
	for _, l := range w.Levels {
		shares = append(shares, 1-math.Pow(10, -l.Nine))
	}
	for _, p := range Percentiles {
		shares = append(shares, p/100)
	}
	quantiles, _ := w.blocks.Bootstrap(shares)
	all := d.Dist()
	for i := range w.Levels {
		ns, known := all.Percentile(100 * shares[i])
		if !known || i == len(w.Levels)-1 {
			ns = all.Max()
		}
		w.Levels[i].NS = stats.Estimate(float64(ns), quantiles[i])
	}
	for i, p := range Percentiles {
		w.reps[i] = quantiles[len(w.Levels)+i]
		if v, ok := all.Percentile(p); ok {
			w.Percentile[i] = stats.Estimate(float64(v), w.reps[i])
		}
	}
}

// Ratio is after's percentile over before's, with its band; i is that of Percentiles.
func Ratio(before, after *WaitSample, i int) stats.Interval {
	b, a := before.Percentile[i], after.Percentile[i]
	if !b.Known || !a.Known || b.Value <= 0 {
		return stats.Interval{}
	}
	n := min(len(before.reps[i]), len(after.reps[i]))
	r := make([]float64, 0, n)
	for k := range n {
		if x := before.reps[i][k]; x > 0 {
			// Not the same draw of both: their noise is independent.
			r = append(r, after.reps[i][(k+n/2)%n]/x)
		}
	}
	return stats.Estimate(a.Value/b.Value, r)
}

// Superiority is the probability that one of after's waits is longer than one of before's,
// ties counted half: 0.5 if nothing differs. It is not known without waits.
func Superiority(before, after *Delays) (p float64, known bool) {
	nb, na := before.Count(), after.Count()
	if nb == 0 || na == 0 {
		return 0, false
	}
	b := before.Dist().Steps()
	var sum float64
	i := 0
	var below, last int64
	for _, s := range after.Dist().Steps() {
		n := s.Count - last // of after at this delay
		last = s.Count
		for i < len(b) && b[i].NS < s.NS {
			below = b[i].Count
			i++
		}
		var ties int64
		if i < len(b) && b[i].NS == s.NS {
			ties = b[i].Count - below
		}
		sum += float64(n) * (float64(below) + float64(ties)/2)
	}
	return sum / float64(na) / float64(nb), true
}
