package open

import (
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/goldentest"
	"schedreplay/parser"
)

func sw(time int64, cpu int32, prev, next int32) parser.Event {
	ev := parser.NewEvent(parser.KindSwitch, time, cpu)
	ev.Task.PID, ev.Next.PID = prev, next
	return ev
}

func lost(time int64, cpu int32) parser.Event {
	return parser.NewEvent(parser.KindLost, time, cpu)
}

func exec(time int64, cpu, old, pid int32) parser.Event {
	ev := parser.NewEvent(parser.KindExec, time, cpu)
	ev.OldPID, ev.Task.PID = old, pid
	return ev
}

func TestHoles(t *testing.T) {
	tests := []struct {
		name   string
		events []parser.Event
		want   []string // the holes
	}{
		{"unbroken", []parser.Event{sw(1, 0, 5, 0), sw(2, 0, 0, 6), sw(3, 0, 6, 5)}, nil},
		{"first switch", []parser.Event{sw(1, 0, 5, 0)}, nil},
		{"broken", []parser.Event{sw(1, 0, 5, 0), sw(4, 0, 6, 5)}, []string{`0: hole cpu=0 start=1 time=4 task="":6 next="":0`}},
		{
			"every break",
			[]parser.Event{sw(1, 0, 5, 0), sw(4, 0, 6, 0), sw(9, 0, 7, 0)},
			[]string{`0: hole cpu=0 start=1 time=4 task="":6 next="":0`, `0: hole cpu=0 start=4 time=9 task="":7 next="":0`},
		},
		{"CPUs apart", []parser.Event{sw(1, 0, 5, 0), sw(2, 1, 7, 8), sw(3, 0, 0, 5), sw(4, 1, 8, 7)}, nil},
		{"explained by a loss", []parser.Event{sw(1, 0, 5, 0), lost(3, 0), sw(4, 0, 6, 5), sw(5, 0, 5, 1)}, nil},
		{"loss elsewhere", []parser.Event{sw(1, 0, 5, 0), lost(3, 1), sw(4, 0, 6, 5)}, []string{`0: hole cpu=0 start=1 time=4 task="":6 next="":0`}},
		{"loss somewhere", []parser.Event{sw(1, 0, 5, 0), lost(3, -1), sw(4, 0, 6, 5)}, nil},
		{"exec of a thread", []parser.Event{sw(1, 0, 5, 12), exec(2, 0, 12, 10), sw(3, 0, 10, 5)}, nil},
		{"exec of another", []parser.Event{sw(1, 0, 5, 12), exec(2, 0, 13, 10), sw(3, 0, 10, 5)}, []string{`0: hole cpu=0 start=1 time=3 task="":10 next="":12`}},
		{"unknown pid", []parser.Event{sw(1, 0, 5, -1), sw(2, 0, 6, 5), sw(3, 0, -1, 5)}, nil},
		{"no CPU", []parser.Event{sw(1, -1, 5, 6), sw(2, -1, 7, 8)}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			rest := 0
			withHoles(sequence(test.events), func(ev *parser.Event, _ error) bool {
				if ev.Kind == parser.KindHole {
					got = append(got, goldentest.Line(ev))
				} else {
					rest++
				}
				return true
			})
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if rest != len(test.events) {
				t.Errorf("%d events of %d", rest, len(test.events))
			}
		})
	}
}

// A consumer may stop at any event, at a hole too.
func TestHolesStop(t *testing.T) {
	all := []parser.Event{sw(1, 0, 5, 0), sw(4, 0, 6, 0), sw(9, 0, 7, 0)}
	for stop := 1; stop <= 5; stop++ {
		n := 0
		withHoles(sequence(all), func(*parser.Event, error) bool {
			n++
			return n < stop
		})
		if n != stop {
			t.Errorf("stop at %d: %d events", stop, n)
		}
	}
}

func sequence(all []parser.Event) iter.Seq2[*parser.Event, error] {
	return func(yield func(*parser.Event, error) bool) {
		for i := range all {
			if !yield(&all[i], nil) {
				return
			}
		}
	}
}
