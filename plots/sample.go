package plots

import (
	"cmp"
	"math"
	"slices"

	"schedreplay/replay"
)

// Dimensions of what a comparison keeps of one capture.
const (
	sampleBlocks  = 60  // stretches of time, which the bootstrap draws from
	samplePerDec  = 230 // bins per decade of delay: 1 % wide
	sampleBins    = 12*samplePerDec + 1
	bootstrapRuns = 500
)

// Sample is one capture of a comparison. Plug its Observer into the replay,
// then give Finish the result. It keeps bounded state only.
type Sample struct {
	// Name is how the comparison calls the capture.
	Name string
	// Checksum is the SHA-256 of the input's bytes in hex.
	Checksum string

	res        *replay.Result
	start, end int64
	// delays counts the owner's sch delays by block and length.
	delays [sampleBlocks][]int64
	// foreign is the run time of foreign tasks by block, in ns.
	foreign [sampleBlocks]int64

	stats *stats
}

// NewSample begins a sample.
func NewSample(name string) *Sample { return &Sample{Name: name} }

// Observer returns the functions by which the sample takes part in a replay.
func (s *Sample) Observer() replay.Observer {
	return replay.Observer{
		Begin: func(res *replay.Result) { s.start, s.end = res.Start, res.End },
		Run: func(r *replay.Run) {
			b := s.block(r.Start)
			if isIntruder(r) {
				s.foreign[b] += r.End - r.Start
			}
			if r.Class != replay.ClassOwner || r.Delay < 0 {
				return
			}
			if s.delays[b] == nil {
				s.delays[b] = make([]int64, sampleBins)
			}
			s.delays[b][sampleBin(r.Delay)]++
		},
	}
}

// Finish takes the replay's result.
func (s *Sample) Finish(res *replay.Result) {
	s.res = res
	s.stats = s.summarize()
}

// block is the stretch of the window that a time falls into.
func (s *Sample) block(t int64) int {
	span := float64(s.end) - float64(s.start)
	if span <= 0 {
		return 0
	}
	return max(0, min(sampleBlocks-1, int(sampleBlocks*(float64(t)-float64(s.start))/span)))
}

func sampleBin(ns int64) int {
	return min(sampleBins-1, int(math.Log10(float64(max(ns, 1)))*samplePerDec))
}

// sampleValue is the middle of a bin in ns.
func sampleValue(bin int) float64 { return math.Pow(10, (float64(bin)+0.5)/samplePerDec) }

// Interval is an estimate with its 95 % band; Known is false where there is
// nothing to estimate from.
type Interval struct {
	Value, Low, High float64
	Known            bool
}

// percentiles of a comparison.
var percentiles = []float64{50, 90, 99, 99.9}

// stats is what a sample amounts to.
type stats struct {
	window  int64 // ns
	wakings int64 // of owners
	// pct are the delays at percentiles, in ns; worst is the longest.
	pct   [4]Interval
	worst int64
	// reps are the bootstrap's replicates of pct, for ratios.
	reps [4][]float64
	// entries are the foreign tasks' arrivals within the window, residents those
	// before it.
	entries, residents, runs int64
	held                     int64 // ns
	entriesPerS, share       Interval
	cpus                     int
	levels                   []level // the distribution with its band
	fidelity                 replay.Fidelity
}

// level is a point of the distribution: the delay that all but a share of
// 10^-nine do not exceed.
type level struct {
	nine          float64
	value, lo, hi float64 // ns
	banded        bool
}

func (s *Sample) summarize() *stats {
	st := &stats{window: max(0, s.res.End-s.res.Start), fidelity: s.res.Fidelity, cpus: len(s.res.CPUs)}
	for _, c := range summarizeAll(s.res) {
		st.entries += c.all.entries() + c.all.unseen
		st.residents += c.all.residents
		st.runs += c.all.runs
		st.held += c.all.ns
		free, intruded := c.delays()
		if st.wakings += free + intruded; free+intruded > 0 {
			st.worst = max(st.worst, c.worst())
		}
	}
	if st.window > 0 && st.cpus > 0 {
		sec := float64(st.window) / 1e9
		lo, hi := poissonBand(st.entries)
		st.entriesPerS = Interval{float64(st.entries) / sec, lo / sec, hi / sec, true}
		st.share = Interval{Value: float64(st.held) / float64(st.window) / float64(st.cpus), Known: true}
	}
	s.bootstrap(st)
	return st
}

// poissonBand is the 95 % band of a rate by a count of events, by Byar's
// approximation.
func poissonBand(n int64) (lo, hi float64) {
	const z = 1.959963984540054
	up := func(k float64) float64 { return k * math.Pow(1-1/(9*k)+z/(3*math.Sqrt(k)), 3) }
	down := func(k float64) float64 { return k * math.Pow(1-1/(9*k)-z/(3*math.Sqrt(k)), 3) }
	if n > 0 {
		lo = max(0, down(float64(n)))
	}
	return lo, up(float64(n) + 1)
}

// splitmix is a generator of random numbers that no library changes under us.
type splitmix uint64

func (r *splitmix) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// bootstrap draws stretches of time with replacement, so that what comes in
// bursts is not taken for many independent wakings.
func (s *Sample) bootstrap(st *stats) {
	rnd := splitmix(0x5eed)
	var total []int64
	for _, d := range s.delays {
		if d != nil {
			total = addCounts(total, d, 1)
		}
	}
	n := sumCounts(total)
	top := nines(max(n, 1)) - 0.45
	for at := 0.0; n > 1 && at < top; at += 0.05 {
		st.levels = append(st.levels, level{nine: at})
	}
	if n > 0 {
		st.levels = append(st.levels, level{nine: top})
	}
	shares := make([]float64, len(st.levels))
	for i, l := range st.levels {
		shares[i] = 1 - math.Pow(10, -l.nine)
		st.levels[i].value = quantiles(total, n, shares[i:i+1])[0]
	}
	if k := len(st.levels); k > 0 {
		st.levels[k-1].value = float64(st.worst)
	}
	var spread [][]float64 // by replicate
	var held []float64
	for range bootstrapRuns {
		var sum []int64
		var foreign int64
		for range sampleBlocks {
			b := rnd.next() % sampleBlocks
			if s.delays[b] != nil {
				sum = addCounts(sum, s.delays[b], 1)
			}
			foreign += s.foreign[b]
		}
		held = append(held, float64(foreign))
		if m := sumCounts(sum); m > 0 {
			q := quantiles(sum, m, append(slices.Clone(shares), 0.5, 0.9, 0.99, 0.999))
			spread = append(spread, q[:len(shares)])
			for i := range percentiles {
				st.reps[i] = append(st.reps[i], q[len(shares)+i])
			}
		}
	}
	if st.share.Known {
		lo, hi := band95(held)
		all := float64(st.window) * float64(st.cpus)
		st.share.Low, st.share.High = lo/all, min(1, hi/all)
	}
	for i, p := range percentiles {
		if n == 0 || !hasPercentile(p, n) {
			continue
		}
		lo, hi := band95(st.reps[i])
		v := quantiles(total, n, []float64{p / 100})[0]
		v = math.Min(v, float64(st.worst))
		st.pct[i] = Interval{v, math.Min(lo, v), math.Max(hi, v), true}
	}
	for i := range st.levels {
		col := make([]float64, 0, len(spread))
		for _, r := range spread {
			col = append(col, r[i])
		}
		if len(col) > 0 {
			l := &st.levels[i]
			l.lo, l.hi = band95(col)
			l.lo, l.hi, l.banded = math.Min(l.lo, l.value), math.Max(l.hi, l.value), true
		}
	}
}

// band95 is the middle 95 % of values.
func band95(v []float64) (lo, hi float64) {
	if len(v) == 0 {
		return 0, 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	at := func(p float64) float64 { return v[min(len(v)-1, int(p*float64(len(v))))] }
	return at(0.025), at(0.975)
}

func addCounts(to, d []int64, times int64) []int64 {
	if to == nil {
		to = make([]int64, sampleBins)
	}
	for i, n := range d {
		to[i] += n * times
	}
	return to
}

func sumCounts(d []int64) (n int64) {
	for _, k := range d {
		n += k
	}
	return n
}

// quantiles returns the delays that shares of n, in any order, do not exceed.
func quantiles(d []int64, n int64, shares []float64) []float64 {
	order := make([]int, len(shares))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(shares[a], shares[b]) })
	out := make([]float64, len(shares))
	var sum int64
	bin := -1
	for _, i := range order {
		want := max(1, int64(math.Ceil(shares[i]*float64(n)-1e-9)))
		for sum < want && bin+1 < len(d) {
			bin++
			sum += d[bin]
		}
		out[i] = sampleValue(max(bin, 0))
	}
	return out
}

// ratio is after's percentile over before's, with its band.
func ratio(before, after *stats, i int) Interval {
	b, a := before.pct[i], after.pct[i]
	if !b.Known || !a.Known || b.Value <= 0 {
		return Interval{}
	}
	n := min(len(before.reps[i]), len(after.reps[i]))
	r := make([]float64, 0, n)
	for k := range n {
		if x := before.reps[i][k]; x > 0 {
			// Not the same draw of both: their noise is independent.
			r = append(r, after.reps[i][(k+n/2)%n]/x)
		}
	}
	lo, hi := band95(r)
	v := a.Value / b.Value
	return Interval{v, math.Min(lo, v), math.Max(hi, v), true}
}

// superiority is the probability that a waking of after waits longer than one
// of before, ties counted half: 0.5 if nothing differs.
func superiority(before, after *Sample) (float64, bool) {
	var b, a []int64
	for i := range sampleBlocks {
		if before.delays[i] != nil {
			b = addCounts(b, before.delays[i], 1)
		}
		if after.delays[i] != nil {
			a = addCounts(a, after.delays[i], 1)
		}
	}
	nb, na := sumCounts(b), sumCounts(a)
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
