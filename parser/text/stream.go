package text

import (
	"fmt"
	"maps"
	"sync"

	"schedreplay/cpumask"
	"schedreplay/parser"
)

const maxCPUs = cpumask.MaxCPUs

// Stream hands the events of one pass on and keeps what the contract of
// [parser.Capture] promises: the events of one CPU come in order of time, a loss
// comes with its span, and after the consumer stopped nothing comes.
type Stream struct {
	yield func(*parser.Event, error) bool
	done  bool
	cpus  []cpuState
	// last is the time of the last event of any CPU.
	last  int64
	count parser.Tally
	// bytes and skipped are as in parser.Stats.
	bytes   int64
	skipped map[string]int64
	// open holds the CPUs whose losses wait for the event that ends them, in the
	// order of their lines.
	open []int32
}

type cpuState struct {
	// last is the time of the CPU's last event.
	last int64
	// lost and overwritten wait for the CPU's next event; Kind is 0 if there is
	// none.
	lost, overwritten parser.Event
}

// NewStream returns a Stream that delivers to yield.
func NewStream(yield func(*parser.Event, error) bool) *Stream {
	return &Stream{
		yield: yield, last: parser.NoTime, skipped: map[string]int64{},
	}
}

// Stats returns the counts so far, in maps of their own.
func (s *Stream) Stats() parser.Stats {
	return parser.Stats{Events: s.count.Map(), Bytes: s.bytes, Skipped: maps.Clone(s.skipped)}
}

// LastStats keeps the counts of a capture's last pass. It may be used by
// several passes at once.
type LastStats struct {
	mu sync.Mutex
	s  parser.Stats
}

// Store keeps the counts of out.
func (l *LastStats) Store(out *Stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.s = out.Stats()
}

// Load returns the counts stored last; zero before the first pass ended.
func (l *LastStats) Load() parser.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s
}

// Skip counts a record or line that is valid and not of interest.
func (s *Stream) Skip(name string) { s.skipped[name]++ }

// give delivers one event.
func (s *Stream) give(ev *parser.Event) {
	s.count.Add(ev.Kind)
	s.done = !s.yield(ev, nil)
}

// Done reports whether the consumer stopped the pass.
func (s *Stream) Done() bool { return s.done }

// Last is the time of the last event, [parser.NoTime] before the first.
func (s *Stream) Last() int64 { return s.last }

func (s *Stream) cpu(n int32) *cpuState {
	for int(n) >= len(s.cpus) {
		s.cpus = append(s.cpus, cpuState{last: parser.NoTime})
	}
	return &s.cpus[n]
}

// Event delivers ev. An event with an unknown CPU or time passes as it is; one
// whose time lies before its CPU's last event is delivered as damage, for
// nothing can be concluded from it.
func (s *Stream) Event(ev *parser.Event) {
	if s.done {
		return
	}
	if ev.CPU < 0 || ev.Time == parser.NoTime {
		s.give(ev)
		return
	}
	c := s.cpu(ev.CPU)
	if ev.Time < c.last && ev.Kind == parser.KindOther {
		s.Skip(ev.Name() + " out of order") // replay has no use for it
		return
	}
	if ev.Time < c.last {
		s.Damaged(ev.Pos, fmt.Sprintf("%s at %s on CPU %d lies before that CPU's last event at %s",
			ev.Kind, seconds(ev.Time), ev.CPU, seconds(c.last)))
		return
	}
	if len(s.open) > 0 {
		s.close(c, ev)
		if s.done {
			return
		}
	}
	c.last = ev.Time
	s.last = max(s.last, ev.Time)
	s.give(ev)
}

// close delivers what waited for the next event of c's CPU, which is ev.
func (s *Stream) close(c *cpuState, ev *parser.Event) {
	for _, w := range []*parser.Event{&c.overwritten, &c.lost} {
		if w.Kind == 0 || s.done {
			continue
		}
		w.Time = ev.Time
		s.give(w)
		*w = parser.Event{}
	}
	for i, n := range s.open {
		if n == ev.CPU {
			s.open = append(s.open[:i], s.open[i+1:]...)
			return
		}
	}
}

// Lost notes that count events (-1: it is not said how many) of a CPU are
// missing here. The event is delivered before the CPU's next one, with the span
// between the two neighbours.
func (s *Stream) Lost(cpu int32, count, pos int64) {
	c := s.cpu(cpu)
	if c.lost.Kind != 0 {
		if count < 0 || c.lost.Count < 0 {
			c.lost.Count = -1
		} else {
			c.lost.Count += count
		}
		return
	}
	c.lost = parser.NewEvent(parser.KindLost, parser.NoTime, cpu)
	c.lost.Start, c.lost.Count, c.lost.Pos = c.last, count, pos
	s.wait(cpu)
}

// LostAt delivers a loss whose time the capture tells: that of the record that
// reports it.
func (s *Stream) LostAt(cpu int32, time, count, pos int64) {
	ev := parser.NewEvent(parser.KindLost, time, cpu)
	ev.Count, ev.Pos = count, pos
	if cpu >= 0 {
		ev.Start = s.cpu(cpu).last
		ev.Time = max(ev.Time, ev.Start)
	}
	s.Event(&ev)
}

// Overwritten notes that a CPU's history begins at its next event because what
// came before was overwritten.
func (s *Stream) Overwritten(cpu int32, pos int64) {
	c := s.cpu(cpu)
	if c.overwritten.Kind != 0 {
		return
	}
	c.overwritten = parser.NewEvent(parser.KindOverwritten, parser.NoTime, cpu)
	c.overwritten.Pos = pos
	s.wait(cpu)
}

func (s *Stream) wait(cpu int32) {
	for _, n := range s.open {
		if n == cpu {
			return
		}
	}
	s.open = append(s.open, cpu)
}

// Damaged delivers a piece of input that could not be decoded. It bears the
// time of the last event, which is where it stands in the input.
func (s *Stream) Damaged(pos int64, why string) {
	if s.done {
		return
	}
	ev := parser.NewEvent(parser.KindDamaged, s.last, parser.NoCPU)
	ev.Pos, ev.Text = pos, why
	s.give(&ev)
}

// End delivers the losses that no event followed, and err if it is not nil.
func (s *Stream) End(err error) {
	for _, n := range s.open {
		c := s.cpu(n)
		for _, w := range []*parser.Event{&c.overwritten, &c.lost} {
			if w.Kind == 0 || s.done {
				continue
			}
			w.Time = s.last
			s.give(w)
		}
	}
	s.open = nil
	if err != nil && !s.done {
		s.done = true
		s.yield(&parser.Event{}, err)
	}
}

func seconds(ns int64) string {
	if ns < 0 {
		return fmt.Sprintf("%d ns", ns)
	}
	return fmt.Sprintf("%d.%06d", ns/1e9, ns%1e9/1000)
}
