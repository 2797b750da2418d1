package show

import (
	"fmt"
	"math"

	"schedreplay/parser"
	"schedreplay/replay"
)

// Asked is what the command line names of a capture, and what of it a pass has met. A time in
// another unit or a name misspelt leaves nothing to show, which looks as if nothing had been.
type Asked struct {
	filter      *Filter
	tasks       []asked
	first, last int64
}

// asked is a task that was named and not met yet.
type asked struct {
	is      func(t *parser.Task) bool
	missing string
}

// Ask begins a pass: the filter's task and the tasks that --affinity names.
func Ask(f *Filter, h *parser.Host) Asked {
	a := Asked{filter: f, first: math.MaxInt64, last: math.MinInt64}
	if f.Task != "" {
		a.tasks = append(a.tasks, asked{
			func(t *parser.Task) bool { return f.IsTask(t.PID, t.Comm) },
			fmt.Sprintf("nothing is shown: no event names task %q", f.Task),
		})
	}
	for _, st := range h.Stated {
		is := func(t *parser.Task) bool {
			return st.Name == "" && st.PID == t.PID || st.Name != "" && (parser.SameComm(st.Name, t.Comm) || parser.SameComm(t.Comm, st.Name))
		}
		name := st.Name
		if name == "" {
			name = fmt.Sprint(st.PID)
		}
		a.tasks = append(a.tasks, asked{is, fmt.Sprintf("--affinity %q: no event names such a task", name)})
	}
	return a
}

// Look takes an event.
func (a *Asked) Look(ev *parser.Event) {
	if ev.Time != parser.NoTime {
		a.first, a.last = min(a.first, ev.Time), max(a.last, ev.Time)
	}
	for i := 0; i < len(a.tasks); i++ {
		if is := a.tasks[i].is; is(&ev.Task) || is(&ev.Next) || is(&ev.Cur) {
			a.tasks = append(a.tasks[:i], a.tasks[i+1:]...)
			i--
		}
	}
}

// Missing says what the capture does not have.
func (a *Asked) Missing() (notes []string) {
	const outside = "nothing is shown: %s is %s s, and the %s event is at %s s of the capture's clock"
	switch f := a.filter; {
	case a.first > a.last: // no event has a time
	case f.From > a.last:
		notes = append(notes, fmt.Sprintf(outside, "--from", replay.Seconds(f.From), "last", replay.Seconds(a.last)))
	case f.To < a.first:
		notes = append(notes, fmt.Sprintf(outside, "--to", replay.Seconds(f.To), "first", replay.Seconds(a.first)))
	}
	for _, t := range a.tasks {
		notes = append(notes, t.missing)
	}
	return notes
}
