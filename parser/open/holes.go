package open

import (
	"iter"

	"schedreplay/cpumask"
	"schedreplay/parser"
)

// chain is where a CPU's chain of switches stands.
type chain struct {
	// pid is the task that the last switch brought in; known is false before the
	// first switch and after a loss.
	pid   int32
	known bool
	// next is that task as the switch named it, at the switch's time.
	next parser.Task
	time int64
}

// usable reports whether a CPU number is one that a mask can hold.
func usable(cpu int32) bool { return cpu >= 0 && cpu < cpumask.MaxCPUs }

// withHoles delivers events and, before a switch whose previous task is not
// the one that the CPU's last switch brought in, a KindHole from that switch to
// this one: Task left, Next had entered. Some kernels and recorders drop switches
// without a word, and what a CPU did meanwhile is not known.
//
// A loss on the CPU explains the break, so no hole is added to it. An exec by a
// thread that is not the group leader changes its pid (de_thread) and breaks
// nothing.
func withHoles(events iter.Seq2[*parser.Event, error], yield func(*parser.Event, error) bool) {
	var cpus []chain
	at := func(cpu int32) *chain {
		for int(cpu) >= len(cpus) {
			cpus = append(cpus, chain{})
		}
		return &cpus[cpu]
	}
	for ev, err := range events {
		if err == nil {
			switch ev.Kind {
			case parser.KindSwitch:
				if !usable(ev.CPU) {
					break
				}
				c := at(ev.CPU)
				if c.known && c.pid != ev.Task.PID && ev.Task.PID != parser.NoPID {
					hole := parser.NewEvent(parser.KindHole, ev.Time, ev.CPU)
					hole.Start, hole.Pos, hole.Task, hole.Next = c.time, ev.Pos, ev.Task, c.next
					if !yield(&hole, nil) {
						return
					}
				}
				*c = chain{pid: ev.Next.PID, known: ev.Next.PID != parser.NoPID, next: ev.Next, time: ev.Time}
			case parser.KindExec:
				if !usable(ev.CPU) || ev.OldPID == parser.NoPID {
					break
				}
				if c := at(ev.CPU); c.known && c.pid == ev.OldPID {
					c.pid = ev.Task.PID
				}
			case parser.KindLost, parser.KindOverwritten:
				if usable(ev.CPU) {
					at(ev.CPU).known = false
					break
				}
				for i := range cpus {
					cpus[i].known = false
				}
			}
		}
		if !yield(ev, err) {
			return
		}
	}
}
