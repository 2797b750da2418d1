package findings

import (
	"math"
	"slices"

	"schedreplay/findings/stats"
	"schedreplay/replay"
)

// Sample is one capture of a comparison. Plug its Observer into the replay,
// then give Finish the result. It keeps bounded state only.
type Sample struct {
	// Name is how the comparison calls the capture.
	Name string
	// Checksum is the SHA-256 of the input's bytes in hex.
	Checksum string

	Res        *replay.Result
	start, end int64
	// delays counts the owner's sch delays by block and length.
	delays [stats.SampleBlocks][]int64
	// foreign is the run time of foreign tasks by block, in ns.
	foreign [stats.SampleBlocks]int64

	Stats *Stats
}

// NewSample begins a sample.
func NewSample(name string) *Sample { return &Sample{Name: name} }

// Observer returns the functions by which the sample takes part in a replay.
func (s *Sample) Observer() replay.Observer {
	return replay.Observer{
		Begin: func(res *replay.Result) { s.start, s.end = res.Start, res.End },
		Run: func(r *replay.Run) {
			b := s.block(r.Start)
			if IsIntruder(r) {
				s.foreign[b] += r.End - r.Start
			}
			if r.Class != replay.ClassOwner || r.Delay < 0 {
				return
			}
			if s.delays[b] == nil {
				s.delays[b] = make([]int64, stats.SampleBins)
			}
			s.delays[b][stats.SampleBin(r.Delay)]++
		},
	}
}

// Finish takes the replay's result.
func (s *Sample) Finish(res *replay.Result) {
	s.Res = res
	s.Stats = s.summarize()
}

// block is the stretch of the window that a time falls into.
func (s *Sample) block(t int64) int {
	span := float64(s.end) - float64(s.start)
	if span <= 0 {
		return 0
	}
	return max(0, min(stats.SampleBlocks-1, int(stats.SampleBlocks*(float64(t)-float64(s.start))/span)))
}

// Stats is what a sample amounts to.
type Stats struct {
	Window  int64 // ns
	Wakings int64 // of owners
	// Percentile are the delays at percentiles, in ns; worst is the longest.
	Percentile [4]stats.Interval
	Worst      int64
	// reps are the bootstrap's replicates of pct, for ratios.
	reps [4][]float64
	// Entries are the foreign tasks' arrivals within the window, residents those
	// before it.
	Entries, Residents, Runs int64
	Held                     int64 // ns
	EntriesPerS, Share       stats.Interval
	CPUs                     int
	Levels                   []stats.Level // the distribution with its band
	Fidelity                 replay.Fidelity
}

func (s *Sample) summarize() *Stats {
	st := &Stats{Window: max(0, s.Res.End-s.Res.Start), Fidelity: s.Res.Fidelity, CPUs: len(s.Res.CPUs)}
	for _, c := range Summarize(s.Res) {
		st.Entries += c.All.Entries() + c.All.Unseen
		st.Residents += c.All.Residents
		st.Runs += c.All.Runs
		st.Held += c.All.NS
		free, intruded := c.Delays()
		if st.Wakings += free + intruded; free+intruded > 0 {
			st.Worst = max(st.Worst, c.Worst())
		}
	}
	if st.Window > 0 && st.CPUs > 0 {
		sec := float64(st.Window) / 1e9
		lo, hi := stats.PoissonBand(st.Entries)
		st.EntriesPerS = stats.Interval{Value: float64(st.Entries) / sec, Low: lo / sec, High: hi / sec, Known: true}
		st.Share = stats.Interval{Value: float64(st.Held) / float64(st.Window) / float64(st.CPUs), Known: true}
	}
	s.bootstrap(st)
	return st
}

// bootstrap draws stretches of time with replacement, so that what comes in
// bursts is not taken for many independent wakings.
func (s *Sample) bootstrap(st *Stats) {
	rnd := stats.Splitmix(0x5eed)
	var total []int64
	for _, d := range s.delays {
		if d != nil {
			total = stats.AddCounts(total, d, 1)
		}
	}
	n := stats.SumCounts(total)
	top := stats.Nines(max(n, 1)) - 0.45
	for at := 0.0; n > 1 && at < top; at += 0.05 {
		st.Levels = append(st.Levels, stats.Level{Nine: at})
	}
	if n > 0 {
		st.Levels = append(st.Levels, stats.Level{Nine: top})
	}
	shares := make([]float64, len(st.Levels))
	for i, l := range st.Levels {
		shares[i] = 1 - math.Pow(10, -l.Nine)
		st.Levels[i].Value = stats.Quantiles(total, n, shares[i:i+1])[0]
	}
	if k := len(st.Levels); k > 0 {
		st.Levels[k-1].Value = float64(st.Worst)
	}
	var spread [][]float64 // by replicate
	var held []float64
	for range stats.BootstrapRuns {
		var sum []int64
		var foreign int64
		for range stats.SampleBlocks {
			b := rnd.Next() % stats.SampleBlocks
			if s.delays[b] != nil {
				sum = stats.AddCounts(sum, s.delays[b], 1)
			}
			foreign += s.foreign[b]
		}
		held = append(held, float64(foreign))
		if m := stats.SumCounts(sum); m > 0 {
			q := stats.Quantiles(sum, m, append(slices.Clone(shares), 0.5, 0.9, 0.99, 0.999))
			spread = append(spread, q[:len(shares)])
			for i := range stats.Percentiles {
				st.reps[i] = append(st.reps[i], q[len(shares)+i])
			}
		}
	}
	if st.Share.Known {
		lo, hi := stats.Band95(held)
		all := float64(st.Window) * float64(st.CPUs)
		st.Share.Low, st.Share.High = lo/all, min(1, hi/all)
	}
	for i, p := range stats.Percentiles {
		if n == 0 || !stats.HasPercentile(p, n) {
			continue
		}
		lo, hi := stats.Band95(st.reps[i])
		v := stats.Quantiles(total, n, []float64{p / 100})[0]
		v = math.Min(v, float64(st.Worst))
		st.Percentile[i] = stats.Interval{Value: v, Low: math.Min(lo, v), High: math.Max(hi, v), Known: true}
	}
	for i := range st.Levels {
		col := make([]float64, 0, len(spread))
		for _, r := range spread {
			col = append(col, r[i])
		}
		if len(col) > 0 {
			l := &st.Levels[i]
			l.Lo, l.Hi = stats.Band95(col)
			l.Lo, l.Hi, l.Banded = math.Min(l.Lo, l.Value), math.Max(l.Hi, l.Value), true
		}
	}
}

// Ratio is after's percentile over before's, with its band.
func Ratio(before, after *Stats, i int) stats.Interval {
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
	lo, hi := stats.Band95(r)
	v := a.Value / b.Value
	return stats.Interval{Value: v, Low: math.Min(lo, v), High: math.Max(hi, v), Known: true}
}

// Superiority is the probability that a waking of after waits longer than one
// of before, ties counted half: 0.5 if nothing differs.
func Superiority(before, after *Sample) (float64, bool) {
	var b, a []int64
	for i := range stats.SampleBlocks {
		if before.delays[i] != nil {
			b = stats.AddCounts(b, before.delays[i], 1)
		}
		if after.delays[i] != nil {
			a = stats.AddCounts(a, after.delays[i], 1)
		}
	}
	nb, na := stats.SumCounts(b), stats.SumCounts(a)
	if nb == 0 || na == 0 {
		return 0, false
	}
	var below int64
	var sum float64
	for i := range b {
		sum += float64(a[i]) * (float64(below) + float64(b[i])/2)
		below += b[i]
	}
	return sum / float64(na) / float64(nb), true
}
