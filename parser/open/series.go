package open

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"regexp"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// maxSeries bounds the files of a series: each of them stays open.
const maxSeries = 512

// seriesName are the names that perf record --switch-output gives its files: the
// name of -o, a dot, and the time in digits (tools/perf/util/data.c).
var seriesName = regexp.MustCompile(`^(.+)\.(\d{14,20})$`)

// seriesOf returns those of the names that one recorder switched through, in order of
// time; none if there are two recorders' or a single file.
func seriesOf(names []string) []string {
	base := ""
	var out []string
	for _, n := range names {
		m := seriesName.FindStringSubmatch(n)
		switch {
		case m == nil:
		case base != "" && base != m[1]:
			return nil
		default:
			base = m[1]
			out = append(out, n)
		}
	}
	if len(out) < 2 {
		return nil
	}
	slices.Sort(out)
	return out
}

// series is one recording in several files.
type series struct {
	meta  parser.Meta
	parts []seriesPart
}

type seriesPart struct {
	*Input
	first int64 // the time of its first event
}

// openSeries opens the files of a series as one capture.
func openSeries(ctx context.Context, dir string, names []string, o Options) (*Input, error) {
	if len(names) > maxSeries {
		return nil, refuse(dir, "give the folder fewer of them", "%w: a series of %d files, at most %d", parser.ErrLimit, len(names), maxSeries)
	}
	raw := &rawFile{}
	in := &Input{Path: dir, raw: raw}
	tell := o.Progress
	s := &series{}
	o.Progress = nil // of each file; that of the series tells its end
	fail := func(err error) (*Input, error) {
		_ = s.Close()
		return nil, err
	}
	for _, n := range names {
		part, err := file(ctx, filepath.Join(dir, n), o)
		if err != nil {
			return fail(err)
		}
		s.parts = append(s.parts, seriesPart{part, firstTime(part.Capture)})
		raw.files, raw.state, raw.size = append(raw.files, part.raw.f), append(raw.state, part.raw.state...), raw.size+part.raw.size
		if err := s.belongs(part.Meta()); err != nil {
			return fail(err)
		}
	}
	m := s.parts[0].Meta()
	s.meta = *m
	s.meta.Name = dir
	s.meta.Notes = append(slices.Clone(m.Notes), fmt.Sprintf("a series of %d files that one recorder switched through, %s to %s", len(names), names[0], names[len(names)-1]))
	in.Capture = s
	in.progress = newProgress(ctx, tell, raw.size)
	return in, nil
}

// firstTime is the time of a capture's first event, and the end of time if it has none.
func firstTime(c parser.Capture) int64 {
	for ev, err := range c.Events() {
		if err == nil && ev.Time != parser.NoTime {
			return ev.Time
		}
	}
	return math.MaxInt64
}

// belongs checks that a part is of the same machine and clock as the first.
func (s *series) belongs(m *parser.Meta) error {
	a := s.parts[0].Meta()
	same := func(a, b fact.Fact[string]) bool { return !a.Known() || !b.Known() || a.Value == b.Value }
	if a.Dialect == m.Dialect && a.Clock.Name == m.Clock.Name && same(a.Host.Hostname, m.Host.Hostname) && same(a.Host.Release, m.Host.Release) {
		return nil
	}
	return refuse(m.Name, "name one of them", "%w: it is named like one of a series with %s and of another machine, kernel or clock", ErrAmbiguous, a.Name)
}

func (s *series) Meta() *parser.Meta { return &s.meta }

// Close closes every part; the Input that holds the series closes their files again,
// which does no harm.
func (s *series) Close() error {
	var errs []error
	for _, p := range s.parts {
		errs = append(errs, p.Input.Capture.Close())
		for _, sp := range p.spool {
			sp.remove()
		}
		_ = p.raw.close()
	}
	return errors.Join(errs...)
}

// Stats sums up those of the parts.
func (s *series) Stats() parser.Stats {
	sum := parser.Stats{Events: map[parser.Kind]int64{}, Skipped: map[string]int64{}}
	for _, p := range s.parts {
		st := p.Stats()
		sum.Bytes += st.Bytes
		for k, n := range st.Events {
			sum.Events[k] += n
		}
		for k, n := range st.Skipped {
			sum.Skipped[k] += n
		}
	}
	return sum
}

// Events merges the parts: the recorder drains CPU after CPU, so those that follow
// each other overlap.
func (s *series) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		m := seriesMerge{parts: s.parts}
		defer m.stop()
		var last [cpumask.MaxCPUs]int64
		for c := m.least(); c != nil; c = m.least() {
			ev := c.ev
			if ev.CPU >= 0 && ev.Time != parser.NoTime {
				if ev.Time < last[ev.CPU] {
					late := parser.NewEvent(parser.KindDamaged, last[ev.CPU], parser.NoCPU)
					late.Pos, late.Text = ev.Pos, fmt.Sprintf("%s of CPU %d lies before the end of the file before", ev.Kind, ev.CPU)
					ev = late
				} else {
					last[ev.CPU] = ev.Time
				}
			}
			if !yield(ev, nil) {
				return
			}
			m.step(c)
		}
		if m.err != nil {
			yield(parser.Event{}, m.err)
		}
	}
}

// seriesMerge are the parts under way.
type seriesMerge struct {
	parts  []seriesPart // not yet begun
	active []*seriesCursor
	err    error // what ended the first part that ended early
}

type seriesCursor struct {
	next  func() (parser.Event, error, bool)
	close func()
	ev    parser.Event
	ended bool
}

// step moves a cursor on. An error ends its part; the others go on.
func (m *seriesMerge) step(c *seriesCursor) {
	ev, err, ok := c.next()
	c.ev, c.ended = ev, !ok || err != nil
	if m.err == nil {
		m.err = err
	}
}

// least returns the cursor of the event that comes first, nil at the end.
func (m *seriesMerge) least() *seriesCursor {
	m.active = slices.DeleteFunc(m.active, func(c *seriesCursor) bool {
		if c.ended {
			c.close()
		}
		return c.ended
	})
	for {
		var least *seriesCursor
		for _, c := range m.active {
			if !c.ended && (least == nil || c.ev.Time < least.ev.Time) {
				least = c
			}
		}
		if len(m.parts) == 0 || least != nil && least.ev.Time < m.parts[0].first {
			return least
		}
		next, stop := iter.Pull2(m.parts[0].Capture.Events())
		c := &seriesCursor{next: next, close: stop}
		m.parts = m.parts[1:]
		m.step(c)
		m.active = append(m.active, c)
	}
}

func (m *seriesMerge) stop() {
	for _, c := range m.active {
		c.close()
	}
}
