package findings

import "schedreplay/replay"

// Span sums up who had the isolated CPUs within some time.
type Span struct {
	from, to int64
	time     map[int]map[replay.Class]int64
}

// NewSpan begins a sum over [from, to], in ns.
func NewSpan(from, to int64) *Span {
	return &Span{from: from, to: to, time: map[int]map[replay.Class]int64{}}
}

// Add takes a run.
func (s *Span) Add(r *replay.Slice) {
	length := min(r.End, s.to) - max(r.Start, s.from)
	if length <= 0 {
		return
	}
	m := s.time[r.CPU]
	if m == nil {
		m = map[replay.Class]int64{}
		s.time[r.CPU] = m
	}
	m[r.Class] += length
}

// Of returns a CPU's time; what no run covers is of unknown class.
func (s *Span) Of(cpu int, start, end int64) map[replay.Class]int64 {
	m := s.time[cpu]
	if m == nil {
		m = map[replay.Class]int64{}
	}
	rest := max(0, min(end, s.to)-max(start, s.from))
	for _, ns := range m {
		rest -= ns
	}
	m[replay.ClassUnknown] += max(0, rest)
	return m
}
