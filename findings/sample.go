package findings

import (
	"math"

	"schedreplay/findings/stats"
	"schedreplay/replay"
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

	// Percentile are the owners' delays at Percentiles, in ns.
	Percentile [4]stats.Interval
	// EntriesPerS and Share are the entries per second and the part of the time that
	// foreign tasks held.
	EntriesPerS, Share stats.Interval
	// Levels are the distribution of the delays with its band.
	Levels []Level

	start, end int64
	blocks     stats.Blocks
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
				s.blocks.AddAmount(b, r.End-r.Start)
			}
			if r.Class == replay.ClassOwner && r.Delay >= 0 {
				s.blocks.AddDelay(b, r.Delay)
			}
		},
	}
}

// Finish takes the replay's result.
func (s *Sample) Finish(res *replay.Result) {
	s.Findings = Of(res)
	sum := &s.Sum
	n := sum.Delays.Count()
	top := stats.Nines(max(n, 1)) - 0.45
	for at := 0.0; n > 1 && at < top; at += 0.05 {
		s.Levels = append(s.Levels, Level{Nine: at})
	}
	if n > 0 {
		s.Levels = append(s.Levels, Level{Nine: top})
	}
	shares := make([]float64, 0, len(s.Levels)+len(Percentiles))
	for _, l := range s.Levels {
		shares = append(shares, 1-math.Pow(10, -l.Nine))
	}
	for _, p := range Percentiles {
		shares = append(shares, p/100)
	}
	quantiles, held := s.blocks.Bootstrap(shares)
	for i := range s.Levels {
		v := float64(sum.Delays.h.Percentile(100 * shares[i]))
		if i == len(s.Levels)-1 {
			v = float64(sum.Delays.WorstNS)
		}
		s.Levels[i].NS = stats.Estimate(v, quantiles[i])
	}
	for i, p := range Percentiles {
		s.reps[i] = quantiles[len(s.Levels)+i]
		if v, ok := sum.Delays.Percentile(p); ok {
			s.Percentile[i] = stats.Estimate(float64(v), s.reps[i])
		}
	}
	if window := s.WindowNS(); window > 0 && sum.CPUs > 0 {
		sec := float64(window) / 1e9
		entries := sum.Held.Entries.Total()
		lo, hi := stats.PoissonBand(entries)
		s.EntriesPerS = stats.Interval{Value: float64(entries) / sec, Low: lo / sec, High: hi / sec, Known: true}
		lo, hi = stats.Band95(held)
		s.Share = stats.Interval{Value: sum.Share(), Low: lo / float64(sum.WindowNS), High: min(1, hi/float64(sum.WindowNS)), Known: true}
	}
}

// Ratio is after's percentile over before's, with its band; i is that of Percentiles.
func Ratio(before, after *Sample, i int) stats.Interval {
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

// Superiority is the probability that a waking of after waits longer than one of before,
// ties counted half: 0.5 if nothing differs. It is not known without wakings.
func Superiority(before, after *Sample) (p float64, known bool) {
	nb, na := before.Sum.Delays.Count(), after.Sum.Delays.Count()
	if nb == 0 || na == 0 {
		return 0, false
	}
	b := before.Sum.Delays.h.Steps()
	var sum float64
	i := 0
	var below, last int64
	for _, s := range after.Sum.Delays.h.Steps() {
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
