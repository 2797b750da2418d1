// Package made makes up recordings and hosts for the tests of replay and its rooms.
package made

import (
	"iter"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// Recording is a capture that a test made up.
type Recording struct {
	About parser.Meta
	List  []parser.Event
	Err   error // ends the reading early
}

func (r *Recording) Meta() *parser.Meta { return &r.About }

func (r *Recording) Close() error { return nil }

func (r *Recording) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		for i := range r.List {
			if !yield(r.List[i], nil) {
				return
			}
		}
		if r.Err != nil {
			yield(parser.Event{}, r.Err)
		}
	}
}

func Record(events ...parser.Event) *Recording {
	return &Recording{About: parser.Meta{Name: "scene", Resolution: 1000, Host: &parser.Host{}, HasWakings: true}, List: events}
}

// Microsecond is a time in microseconds.
const Microsecond = 1000

func ATask(pid int32, comm string, prio int32) parser.Task {
	return parser.Task{PID: pid, Prio: prio, Comm: comm}
}

// The cast. busy[c] keeps housekeeping CPU c busy; poller is the isolated
// CPU's own task; ksmd is the one that gets lost.
var (
	Swapper = ATask(0, "swapper", 120)
	Poller  = ATask(70, "poller", 120)
	Ksmd    = ATask(240, "ksmd", 125)
	Other   = ATask(300, "other", 120)
	Busy    = [8]parser.Task{
		ATask(10, "busy0", 120), ATask(11, "busy1", 120), ATask(12, "busy2", 120), ATask(13, "busy3", 120),
		ATask(14, "busy4", 120), ATask(15, "busy5", 120), ATask(16, "busy6", 120), ATask(17, "busy7", 120),
	}
)

const (
	Sleeps    = parser.StateSleeping
	Preempted = parser.StateRunning | parser.StatePreempted
	Runnable  = parser.StateRunning
	Dies      = parser.StateDead
)

func At(t int64, k parser.Kind, cpu int32) parser.Event {
	return parser.NewEvent(k, t*Microsecond, cpu)
}

func Switches(t int64, cpu int32, prev parser.Task, s parser.State, next parser.Task) parser.Event {
	e := At(t, parser.KindSwitch, cpu)
	e.Task, e.State, e.Next, e.Cur = prev, s, next, prev
	return e
}

// Waking is a waking by an interrupt over cur.
func Waking(t int64, cpu int32, cur, p parser.Task, prev int32) parser.Event {
	e := At(t, parser.KindWaking, cpu)
	e.Task, e.Cur, e.TargetCPU, e.Context = p, cur, prev, parser.ContextHardirq
	return e
}

func Wakeup(t int64, cpu int32, cur, p parser.Task, target int32) parser.Event {
	e := At(t, parser.KindWakeup, cpu)
	e.Task, e.Cur, e.TargetCPU = p, cur, target
	return e
}

func WakeupNew(t int64, cpu int32, cur, p parser.Task, target int32) parser.Event {
	e := Wakeup(t, cpu, cur, p, target)
	e.Kind = parser.KindWakeupNew
	return e
}

func Migrates(t int64, cpu int32, cur, p parser.Task, from, to int32) parser.Event {
	e := At(t, parser.KindMigrate, cpu)
	e.Task, e.Cur, e.OrigCPU, e.TargetCPU = p, cur, from, to
	return e
}

func Forks(t int64, cpu int32, parent, child parser.Task) parser.Event {
	e := At(t, parser.KindFork, cpu)
	e.Task, e.Next, e.Cur = parent, child, parent
	return e
}

func Exits(t int64, cpu int32, p parser.Task) parser.Event {
	e := At(t, parser.KindExit, cpu)
	e.Task, e.Cur = p, p
	return e
}

func Lost(t int64, cpu int32, from, count int64) parser.Event {
	e := At(t, parser.KindLost, cpu)
	e.Start, e.Count = from*Microsecond, count
	return e
}

// Ran is a slice as perf sched timehist prints it.
func Ran(t int64, cpu int32, p parser.Task, from, delay int64) parser.Event {
	e := At(t, parser.KindSlice, cpu)
	e.Task, e.Start, e.Runtime, e.Delay, e.Wait = p, from*Microsecond, (t-from)*Microsecond, delay*Microsecond, 0
	return e
}

// Bench is a host of four cores with two threads each, (0,1) (2,3) (4,5) (6,7),
// one LLC and the given isolated CPUs; ksmd may run everywhere, the poller on
// the isolated CPUs only, the busy tasks on the others, and everything else is
// left to rules of thumb.
func Bench(release string, isolated ...int) *parser.Host {
	all, iso := cpumask.Range(0, 7), cpumask.Of(isolated...)
	h := &parser.Host{
		Possible: fact.Seen(all, ""), Online: fact.Seen(all, ""), Isolated: fact.Seen(iso, "isolcpus="),
		Arch: fact.Seen("x86_64", ""), Config: map[string]string{}, Tunables: map[string]int64{},
		Task: map[int32]parser.TaskInfo{
			Ksmd.PID:   {PID: Ksmd.PID, Comm: "ksmd", Affinity: fact.Seen(all, ""), Kthread: fact.Seen(true, "")},
			Poller.PID: {PID: Poller.PID, Comm: "poller", Affinity: fact.Seen(iso, "")},
		},
	}
	for c, p := range Busy {
		h.Task[p.PID] = parser.TaskInfo{PID: p.PID, Comm: p.Comm, Affinity: fact.Seen(cpumask.Of(c).Or(all.AndNot(iso)), "")}
	}
	if release != "" {
		h.Release = fact.Seen(release, "")
	}
	for c := range 8 {
		core := cpumask.Range(c&^1, c|1)
		h.CPU = append(h.CPU, parser.CPUInfo{Known: true, Siblings: core, Cluster: core, LLC: all, Package: all, Die: all, LLCLevel: 3, CoreID: c / 2})
	}
	return h
}

// Crowd keeps CPUs 0 to 6 busy from the start; CPU 7 is idle.
func Crowd() []parser.Event {
	var ev []parser.Event
	for c := range int32(7) {
		ev = append(ev, Switches(int64(c)+1, c, ATask(20+c, "before", 120), Sleeps, Busy[c]))
	}
	return append(ev, Switches(8, 7, Poller, Sleeps, Swapper))
}

// Incident is ksmd's way into isolated CPU 7 on a machine whose other CPUs are
// busy, n wakings there and their runs of 50 us: the story that the program is
// made for. Wakings are 1 ms apart, from 1 ms on; before them ksmd was woken once
// on CPU 6, when CPU 7 was busy.
func Incident(n int) []parser.Event {
	ev := append(Crowd()[:7],
		Waking(100, 6, Busy[6], Ksmd, 6), Wakeup(101, 6, Busy[6], Ksmd, 6), Switches(105, 6, Busy[6], Preempted, Ksmd),
		Switches(150, 6, Ksmd, Sleeps, Busy[6]), Switches(200, 7, Poller, Sleeps, Swapper))
	for i := range int64(n) {
		at, prev := 1000*(i+1), int32(7)
		if i == 0 {
			prev = 6
			ev = append(ev, Waking(at, 6, Busy[6], Ksmd, 6), Migrates(at+1, 6, Busy[6], Ksmd, 6, 7))
		} else {
			ev = append(ev, Waking(at, 7, Swapper, Ksmd, prev))
		}
		ev = append(ev,
			Wakeup(at+3, 7, Swapper, Ksmd, 7),
			Switches(at+5, 7, Swapper, Runnable, Ksmd),
			Switches(at+55, 7, Ksmd, Sleeps, Swapper),
		)
	}
	return append(ev, Switches(1000*int64(n)+900, 6, Busy[6], Preempted, Busy[5]))
}
