package replay

import (
	"iter"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// recording is a capture that a test made up.
type recording struct {
	meta   parser.Meta
	events []parser.Event
	err    error // ends the reading early
}

func (r *recording) Meta() *parser.Meta { return &r.meta }

func (r *recording) Close() error { return nil }

func (r *recording) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		for i := range r.events {
			if !yield(r.events[i], nil) {
				return
			}
		}
		if r.err != nil {
			yield(parser.Event{}, r.err)
		}
	}
}

func record(events ...parser.Event) *recording {
	return &recording{meta: parser.Meta{Name: "scene", Resolution: 1000, Host: &parser.Host{}, HasWakings: true}, events: events}
}

// us is a time in microseconds.
const us = 1000

func aTask(pid int32, comm string, prio int32) parser.Task {
	return parser.Task{PID: pid, Prio: prio, Comm: comm}
}

// The cast. busy[c] keeps housekeeping CPU c busy; poller is the isolated
// CPU's own task; ksmd is the one that gets lost.
var (
	swapper = aTask(0, "swapper", 120)
	poller  = aTask(70, "poller", 120)
	ksmd    = aTask(240, "ksmd", 125)
	other   = aTask(300, "other", 120)
	busy    = [8]parser.Task{
		aTask(10, "busy0", 120), aTask(11, "busy1", 120), aTask(12, "busy2", 120), aTask(13, "busy3", 120),
		aTask(14, "busy4", 120), aTask(15, "busy5", 120), aTask(16, "busy6", 120), aTask(17, "busy7", 120),
	}
)

const (
	sleeps    = parser.StateSleeping
	preempted = parser.StateRunning | parser.StatePreempted
	runnable  = parser.StateRunning
	dies      = parser.StateDead
)

func at(t int64, k parser.Kind, cpu int32) parser.Event { return parser.NewEvent(k, t*us, cpu) }

func switches(t int64, cpu int32, prev parser.Task, s parser.State, next parser.Task) parser.Event {
	e := at(t, parser.KindSwitch, cpu)
	e.Task, e.State, e.Next, e.Cur = prev, s, next, prev
	return e
}

// waking is a waking by an interrupt over cur.
func waking(t int64, cpu int32, cur, p parser.Task, prev int32) parser.Event {
	e := at(t, parser.KindWaking, cpu)
	e.Task, e.Cur, e.TargetCPU, e.Context = p, cur, prev, parser.ContextHardirq
	return e
}

func wakeup(t int64, cpu int32, cur, p parser.Task, target int32) parser.Event {
	e := at(t, parser.KindWakeup, cpu)
	e.Task, e.Cur, e.TargetCPU = p, cur, target
	return e
}

func wakeupNew(t int64, cpu int32, cur, p parser.Task, target int32) parser.Event {
	e := wakeup(t, cpu, cur, p, target)
	e.Kind = parser.KindWakeupNew
	return e
}

func migrates(t int64, cpu int32, cur, p parser.Task, from, to int32) parser.Event {
	e := at(t, parser.KindMigrate, cpu)
	e.Task, e.Cur, e.OrigCPU, e.TargetCPU = p, cur, from, to
	return e
}

func forks(t int64, cpu int32, parent, child parser.Task) parser.Event {
	e := at(t, parser.KindFork, cpu)
	e.Task, e.Next, e.Cur = parent, child, parent
	return e
}

func exits(t int64, cpu int32, p parser.Task) parser.Event {
	e := at(t, parser.KindExit, cpu)
	e.Task, e.Cur = p, p
	return e
}

func lost(t int64, cpu int32, from, count int64) parser.Event {
	e := at(t, parser.KindLost, cpu)
	e.Start, e.Count = from*us, count
	return e
}

// ran is a slice as perf sched timehist prints it.
func ran(t int64, cpu int32, p parser.Task, from, delay int64) parser.Event {
	e := at(t, parser.KindSlice, cpu)
	e.Task, e.Start, e.Runtime, e.Delay, e.Wait = p, from*us, (t-from)*us, delay*us, 0
	return e
}

// bench is a host of four cores with two threads each, (0,1) (2,3) (4,5) (6,7),
// one LLC and the given isolated CPUs; ksmd may run everywhere, the poller on
// the isolated CPUs only, the busy tasks on the others, and everything else is
// left to rules of thumb.
func bench(release string, isolated ...int) *parser.Host {
	all, iso := cpumask.Range(0, 7), cpumask.Of(isolated...)
	h := &parser.Host{
		Possible: fact.Seen(all, ""), Online: fact.Seen(all, ""), Isolated: fact.Seen(iso, "isolcpus="),
		Arch: fact.Seen("x86_64", ""), Config: map[string]string{}, Tunables: map[string]int64{},
		Task: map[int32]parser.TaskInfo{
			ksmd.PID:   {PID: ksmd.PID, Comm: "ksmd", Affinity: fact.Seen(all, ""), Kthread: fact.Seen(true, "")},
			poller.PID: {PID: poller.PID, Comm: "poller", Affinity: fact.Seen(iso, "")},
		},
	}
	for c, p := range busy {
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

// crowd keeps CPUs 0 to 6 busy from the start; CPU 7 is idle.
func crowd() []parser.Event {
	var ev []parser.Event
	for c := range int32(7) {
		ev = append(ev, switches(int64(c)+1, c, aTask(20+c, "before", 120), sleeps, busy[c]))
	}
	return append(ev, switches(8, 7, poller, sleeps, swapper))
}

// incident is ksmd's way into isolated CPU 7 on a machine whose other CPUs are
// busy, n wakings there and their runs of 50 us: the story that the program is
// made for. Wakings are 1 ms apart, from 1 ms on; before them ksmd was woken once
// on CPU 6, when CPU 7 was busy.
func incident(n int) []parser.Event {
	ev := append(crowd()[:7],
		waking(100, 6, busy[6], ksmd, 6), wakeup(101, 6, busy[6], ksmd, 6), switches(105, 6, busy[6], preempted, ksmd),
		switches(150, 6, ksmd, sleeps, busy[6]), switches(200, 7, poller, sleeps, swapper))
	for i := range int64(n) {
		at, prev := 1000*(i+1), int32(7)
		if i == 0 {
			prev = 6
			ev = append(ev, waking(at, 6, busy[6], ksmd, 6), migrates(at+1, 6, busy[6], ksmd, 6, 7))
		} else {
			ev = append(ev, waking(at, 7, swapper, ksmd, prev))
		}
		ev = append(ev,
			wakeup(at+3, 7, swapper, ksmd, 7),
			switches(at+5, 7, swapper, runnable, ksmd),
			switches(at+55, 7, ksmd, sleeps, swapper),
		)
	}
	return append(ev, switches(1000*int64(n)+900, 6, busy[6], preempted, busy[5]))
}
