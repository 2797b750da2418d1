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

// by is an event of a kind over the task cur, about pid.
func by(kind parser.Kind, time int64, cpu, cur, pid int32) parser.Event {
	ev := parser.NewEvent(kind, time, cpu)
	ev.Cur.PID, ev.Task.PID = cur, pid
	return ev
}

// told is a switch whose header names who leaves.
func told(time int64, cpu int32, prev, next int32) parser.Event {
	ev := sw(time, cpu, prev, next)
	ev.Cur.PID = prev
	return ev
}

func TestHoles(t *testing.T) {
	in := func(group int32, ev parser.Event) parser.Event {
		ev.Thread.TID, ev.Thread.TGID = ev.Cur.PID, group
		return ev
	}
	ran := by(parser.KindStatRuntime, 9, 0, 7, 7)
	ran.Runtime = 3
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
		{"exec of another", []parser.Event{sw(1, 0, 5, 12), exec(2, 0, 13, 10), sw(3, 0, 10, 5)}, []string{`0: hole cpu=0 start=1 time=2 task="":10 next="":12`}},
		{"unknown pid", []parser.Event{sw(1, 0, 5, -1), sw(2, 0, 6, 5), sw(3, 0, -1, 5)}, nil},
		{
			"another task is current",
			[]parser.Event{told(1, 0, 5, 0), by(parser.KindWaking, 4, 0, 6, 9), told(5, 0, 6, 9)},
			[]string{`0: hole cpu=0 start=1 time=4 task="":6 next="":0`},
		},
		{
			"since the last event that fits",
			[]parser.Event{told(1, 0, 5, 8), by(parser.KindWakeup, 3, 0, 8, 6), by(parser.KindWakeup, 4, 0, 6, 9)},
			[]string{`0: hole cpu=0 start=3 time=4 task="":6 next="":8`},
		},
		{
			"it had run for a time",
			[]parser.Event{told(1, 0, 5, 0), ran},
			[]string{`0: hole cpu=0 start=1 time=9 task="":7 next="":0 runtime=3`},
		},
		{"charged to another task", []parser.Event{told(1, 0, 5, 8), by(parser.KindStatRuntime, 3, 0, 8, 6)}, nil},
		{"woken there", []parser.Event{told(1, 0, 5, 0), by(parser.KindWakeup, 3, 0, 0, 6), by(parser.KindMigrate, 4, 0, 0, 6)}, nil},
		{"exit", []parser.Event{told(1, 0, 5, 0), by(parser.KindExit, 4, 0, 6, 6)}, []string{`0: hole cpu=0 start=1 time=4 task="":6 next="":0`}},
		{"current not told", []parser.Event{told(1, 0, 5, 0), by(parser.KindWaking, 4, 0, -1, 6)}, nil},
		{"no switch names it", []parser.Event{sw(1, 0, 5, 0), by(parser.KindWaking, 4, 0, 6, 9)}, nil},
		{
			"a pid namespace of its own",
			[]parser.Event{told(1, 0, 5, 105), by(parser.KindWaking, 2, 0, 8, 9), by(parser.KindSwitch, 3, 0, 8, 105), told(4, 1, 5, 6), by(parser.KindWaking, 5, 1, 1, 9)},
			[]string{`0: hole cpu=0 start=1 time=2 task="":8 next="":105`, `0: hole cpu=0 start=2 time=3 task="":105 next="":8`},
		},
		{"within a switch", []parser.Event{told(1, 0, 5, 6), by(parser.KindOther, 1, 0, 5, -1), told(2, 0, 6, 5)}, nil},
		{"explained by a loss before it", []parser.Event{told(1, 0, 5, 0), lost(3, 0), by(parser.KindWaking, 4, 0, 6, 9), told(5, 0, 6, 9)}, nil},
		{
			"a thread takes its leader's pid",
			[]parser.Event{told(1, 0, 5, 12), in(10, by(parser.KindWaking, 2, 0, 12, 9)), by(parser.KindWaking, 3, 0, 10, 9), exec(4, 0, 12, 10), told(5, 0, 10, 5)},
			nil,
		},
		{
			"the leader itself",
			[]parser.Event{told(1, 0, 5, 12), in(10, by(parser.KindWaking, 2, 0, 12, 9)), by(parser.KindWaking, 3, 0, 10, 9), told(5, 0, 10, 5)},
			[]string{`0: hole cpu=0 start=3 time=5 task="":10 next="":12`},
		},
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
