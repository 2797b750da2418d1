package text

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/parser"
)

// collect runs do on a stream whose consumer stops after limit events.
func collect(limit int, do func(*Stream)) (kinds []parser.Kind, last parser.Event, s *Stream, err error) {
	s = NewStream(func(ev *parser.Event, e error) bool {
		if e != nil {
			err = e
			return true
		}
		kinds, last = append(kinds, ev.Kind), *ev
		return len(kinds) < limit
	})
	do(s)
	return kinds, last, s, err
}

func waking(time int64, cpu int32) *parser.Event {
	ev := parser.NewEvent(parser.KindWaking, time, cpu)
	return &ev
}

// The events of one CPU come in order: one that does not is damage.
func TestStreamOrder(t *testing.T) {
	kinds, last, s, _ := collect(100, func(s *Stream) {
		s.Event(waking(5, 0))
		s.Event(waking(3, 1))
		s.Event(waking(5, 0))
		s.Event(waking(4, 0))
		s.Event(waking(parser.NoTime, 0))
		s.Event(waking(1, -1))
	})
	want := []parser.Kind{parser.KindWaking, parser.KindWaking, parser.KindWaking, parser.KindDamaged, parser.KindWaking, parser.KindWaking}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Error(d)
	}
	if last.Time != 1 || s.Last() != 5 {
		t.Errorf("last %d, %d", last.Time, s.Last())
	}
	if st := s.Stats(); st.Events[parser.KindDamaged] != 1 || st.Events[parser.KindWaking] != 5 {
		t.Errorf("%v", st)
	}
}

// Nothing comes after the consumer stopped, wherever it does.
func TestStreamStop(t *testing.T) {
	for limit := 1; limit < 8; limit++ {
		kinds, _, s, err := collect(limit, func(s *Stream) {
			s.Event(waking(1, 0))
			s.Lost(0, 3, 1)
			s.Overwritten(0, 1)
			s.Event(waking(2, 0))
			s.Damaged(1, "x")
			s.Lost(1, -1, 1)
			s.LostAt(2, 9, 1, 1)
			s.End(errors.New("x"))
		})
		if len(kinds) != limit || err != nil && limit < 7 || !s.Done() {
			t.Errorf("limit %d: %v, %v", limit, kinds, err)
		}
	}
}
