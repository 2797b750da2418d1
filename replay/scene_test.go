package replay

import (
	"context"
	"testing"

	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/decide"
)

// scene is a replay's results with every streamed line kept.
type scene struct {
	*Result
	wakeups []decide.Wakeup
	runs    []account.Slice
	stays   []account.Stay
}

func replayScene(t *testing.T, c parser.Capture, h *parser.Host, o Plan) *scene {
	t.Helper()
	s, err := tryScene(c, h, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryScene(c parser.Capture, h *parser.Host, o Plan) (*scene, error) {
	s := &scene{}
	o.Observer.Wakeup = func(w *decide.Wakeup) {
		k := *w
		k.Original.Possible, k.Patched.Possible = w.Original.Possible.Clone(), w.Patched.Possible.Clone()
		s.wakeups = append(s.wakeups, k)
	}
	o.Observer.Run = func(r *account.Slice) { s.runs = append(s.runs, *r) }
	o.Observer.Stay = func(st *account.Stay) { s.stays = append(s.stays, *st) }
	var err error
	s.Result, err = Run(context.Background(), c, h, o)
	return s, err
}

// of returns the wakeups of one task.
func (s *scene) of(p parser.Task) []decide.Wakeup {
	var out []decide.Wakeup
	for _, w := range s.wakeups {
		if w.Task.PID == p.PID {
			out = append(out, w)
		}
	}
	return out
}

func (s *scene) cpu(t *testing.T, c int) *account.CPUResult {
	t.Helper()
	for _, k := range s.CPUs {
		if k.CPU == c {
			return k
		}
	}
	t.Fatalf("CPU %d is not looked at: %v", c, s.Focus)
	return nil
}
