// Package rtapp writes the work of a recording as a load for rt-app, which runs it on a live
// machine: https://github.com/scheduler-tools/rt-app. The grammar is that of rt-app 1.0,
// doc/tutorial.txt there.
//
// A burst is a run event, and a waking within it a resume of the other thread. A wait ends
// by a suspend where another task ends it, by a sleep where the task's own timer does, and by
// an absolute timer where it ends at a set time or from outside. A task that is born within
// the window starts with a delay.
package rtapp

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"schedreplay/loop/work"
)

// Options say what stands in the file's head.
type Options struct {
	// Program is the program's name and version, Checksum the SHA-256 of the capture in hex.
	Program, Checksum string
	// Calibration is rt-app's ns per loop; 0 lets it calibrate on CPU 0.
	Calibration int
}

// Left counts what is not in the load.
type Left struct {
	// Tasks are stoppers and the recorder: the machine that runs the load has its own.
	Tasks int
	// Wakes are wakings of tasks that do not wait for another one there: rt-app has no
	// waking that is remembered.
	Wakes int
}

// Write writes the load. Times are rounded to the microseconds that rt-app knows, such that
// the sum of a task's bursts is right to one.
func Write(w io.Writer, p *work.Program, o Options) (Left, error) {
	b := &writer{Writer: bufio.NewWriter(w), p: p, names: make([]string, len(p.Tasks))}
	for i := range p.Tasks {
		if b.names[i] = nameOf(&p.Tasks[i]); b.names[i] == "" {
			b.left.Tasks++
		}
	}
	fmt.Fprintf(b, "{\n\t/* %s, capture sha256 %s */\n\t\"global\" : {\n\t\t\"duration\" : %d,\n", o.Program, o.Checksum, (p.End-p.Start)/second+1)
	if o.Calibration > 0 {
		fmt.Fprintf(b, "\t\t\"calibration\" : %d,\n", o.Calibration)
	} else {
		fmt.Fprint(b, "\t\t\"calibration\" : \"CPU0\",\n")
	}
	fmt.Fprint(b, "\t\t\"default_policy\" : \"SCHED_OTHER\",\n\t\t\"log_size\" : \"disable\"\n\t},\n\t\"tasks\" : {")
	comma := ""
	for i := range p.Tasks {
		if b.names[i] != "" {
			fmt.Fprintf(b, "%s\n", comma)
			b.task(i)
			comma = ","
		}
	}
	fmt.Fprint(b, "\n\t}\n}\n")
	return b.left, b.Flush()
}

const (
	schedIdle   = 5
	second      = 1_000_000_000
	microsecond = 1_000
)

// nameOf is a thread's name, made of what is safe in JSON, "" for a task that is left out.
func nameOf(t *work.Task) string {
	if t.Stop || t.Recorder || len(t.Steps) == 0 {
		return ""
	}
	return fmt.Sprintf("%s-%d", strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, strings.ToValidUTF8(t.Comm, "_")), t.PID)
}

type writer struct {
	*bufio.Writer
	p     *work.Program
	names []string // "" for tasks that are left out
	left  Left
}

func (w *writer) task(i int) {
	t := &w.p.Tasks[i]
	policy, prio := "SCHED_OTHER", t.Steps[0].Prio-120
	switch {
	case t.Steps[0].Prio >= 0 && t.Steps[0].Prio < 100:
		policy, prio = "SCHED_FIFO", 99-t.Steps[0].Prio
	case t.Policy == schedIdle:
		prio = 19 // rt-app has no SCHED_IDLE
	}
	fmt.Fprintf(w, "\t\t%q : {\n\t\t\t\"policy\" : %q,\n\t\t\t\"priority\" : %d,\n", w.names[i], policy, prio)
	if !t.Allowed.Empty() {
		fmt.Fprintf(w, "\t\t\t\"cpus\" : [%s],\n", strings.Trim(strings.ReplaceAll(fmt.Sprint(t.Allowed.Slice()), " ", ", "), "[]"))
	}
	e := events{writer: w, i: i, at: w.p.Start}
	steps := t.Steps
	if t.Begin == work.BeginUnborn {
		e.at = max(e.at, steps[0].Then.Time)
		fmt.Fprintf(w, "\t\t\t\"delay\" : %d,\n", (e.at-w.p.Start)/microsecond)
		steps = steps[1:]
	}
	fmt.Fprint(w, "\t\t\t\"loop\" : 1,\n\t\t\t\"phases\" : {")
	n := 0
	for j := range steps {
		list := e.step(&steps[j])
		if len(list) == 0 {
			continue
		}
		if n > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, "\n\t\t\t\t\"p%d\" : { \"loop\" : 1, %s }", n, strings.Join(list, ", "))
		n++
	}
	if n == 0 { // a thread that does nothing
		fmt.Fprint(w, "\n\t\t\t\t\"p0\" : { \"loop\" : 1, \"sleep\" : 1 }")
	}
	fmt.Fprint(w, "\n\t\t\t}\n\t\t}")
}

// events makes those of one thread.
type events struct {
	*writer
	i    int
	at   int64 // where the thread's absolute timer is
	rest int64 // of the bursts, less than a microsecond
}

// step makes the events of a burst and the wait after it. Keys have numbers: in an object
// none may come twice.
func (e *events) step(s *work.Step) []string {
	var out []string
	add := func(key, value string) { out = append(out, fmt.Sprintf("\"%s%d\" : %s", key, len(out), value)) }
	run := func(ns int64) {
		e.rest += ns
		if us := e.rest / microsecond; us > 0 {
			e.rest -= us * microsecond
			add("run", fmt.Sprint(us))
		}
	}
	burst, done := s.Burst, int64(0)
	if s.Cut {
		burst = max(burst, e.p.End-e.p.Start)
	}
	for _, k := range s.Wakes {
		then := &e.p.Tasks[k.Task].Steps[k.Step].Then
		if k.Fork || k.Exec || e.names[k.Task] == "" {
			continue
		}
		if !then.Slept {
			e.left.Wakes++
			continue
		}
		run(k.At - done)
		done = k.At
		add("resume", fmt.Sprintf("%q", e.names[k.Task]))
	}
	run(burst - done)
	w := &s.Then
	switch {
	case w.Edge == work.EdgeNone || s.Exit || !w.Slept:
	case w.Edge == work.EdgeTask && e.names[w.Waker] != "":
		add("suspend", fmt.Sprintf("%q", e.names[e.i]))
	case w.Edge == work.EdgeTimer:
		if us := w.Sleep / microsecond; us > 0 {
			add("sleep", fmt.Sprint(us))
		}
	default:
		if us := (w.Time - e.at) / microsecond; us > 0 {
			e.at += us * microsecond
			add("timer", fmt.Sprintf("{ \"ref\" : \"unique\", \"period\" : %d, \"mode\" : \"absolute\" }", us))
		}
	}
	return out
}
