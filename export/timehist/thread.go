package timehist

import (
	"fmt"
	"unicode/utf8"

	"schedreplay/parser"
)

// thread is what is kept of a task.
type thread struct {
	tid int32
	// tgid is its thread group: NoPID if not known; 0, as in perf, of one that is
	// known by a wakeup only.
	tgid int32
	// ppid is who made it, NoPID if not known.
	ppid int32
	// recorded is its name by the recorder's own records, which may tell more than
	// the event does ("kworker/14:1-mm"); comm is its name by the events.
	recorded, comm string
	dead           bool
	// ready is since when it waits to run, out when it last left a CPU; NoTime if
	// unknown. left is the state in which it did.
	ready, out int64
	left       parser.State

	stats
}

func newThread(tgid, tid int32) thread {
	return thread{tid: tid, tgid: tgid, ppid: parser.NoPID, ready: parser.NoTime, out: parser.NoTime}
}

// The space that perf has for a task's label and for the next task, in bytes.
const (
	maxLabel = 31
	maxNext  = 29
)

// find returns a thread as perf's machine__findnew_thread does: the first to tell
// a thread group is believed, and the leader of the group exists, too.
func (p *Printer) find(tgid, tid int32) *thread {
	k := p.threads[tid]
	switch {
	case k == nil:
		t := newThread(tgid, tid)
		if tid == 0 {
			t.tgid, t.recorded = 0, "swapper"
		}
		k = &t
		p.threads[tid] = k
		if tgid != tid && tgid != parser.NoPID {
			p.find(tgid, tgid)
		}
	case k.tgid == parser.NoPID && tgid != parser.NoPID:
		k.tgid = tgid
	}
	return k
}

// get returns the thread of a task that is known by its pid alone.
func (p *Printer) get(pid int32) *thread {
	k := p.threads[pid]
	if k == nil {
		t := newThread(parser.NoPID, pid)
		k = &t
		p.threads[pid] = k
	}
	if g, ok := p.group[pid]; ok {
		k.tgid = g
	}
	return k
}

// subject returns the thread that a tracepoint names, and keeps its latest name.
func (p *Printer) subject(t *parser.Task) *thread {
	if p.perf {
		return p.find(0, t.PID)
	}
	k := p.get(t.PID)
	if t.PID > 0 && t.Comm != "" {
		k.comm = t.Comm
	}
	return k
}

// current returns the thread in which an event was recorded.
func (p *Printer) current(ev *parser.Event) *thread {
	if p.perf {
		return p.find(ev.Thread.TGID, ev.Thread.TID)
	}
	return p.get(ev.Cur.PID)
}

// leaving returns the thread that a switch takes off its CPU: to perf the one in
// which it was recorded. One already released has the tid -1 there.
func (p *Printer) leaving(ev *parser.Event) *thread {
	if !p.perf {
		if ev.Next.PID > 0 {
			p.subject(&ev.Next)
		}
		return p.subject(&ev.Task)
	}
	k := p.find(ev.Thread.TGID, ev.Thread.TID)
	if ev.Task.PID == 0 {
		return k
	}
	if k.tid == 0 {
		k = p.find(ev.Thread.TGID, ev.Thread.TGID)
	}
	p.find(ev.Thread.TGID, ev.Thread.TGID)
	return k
}

// renamed is a task's new name.
func (p *Printer) renamed(ev *parser.Event) {
	if !p.perf {
		p.get(ev.Task.PID).recorded = ev.Task.Comm
		return
	}
	if ev.Cur.PID != parser.NoPID {
		return // task_rename: perf's own record tells it, too
	}
	if ev.Thread.PPID != parser.NoPID {
		p.fork(ev.Thread)
	}
	p.find(ev.Thread.TGID, ev.Thread.TID).recorded = ev.Task.Comm
}

// forked is a new task: what was known of its pid is of an older one.
func (p *Printer) forked(ev *parser.Event) {
	switch {
	case !p.perf:
		delete(p.threads, ev.Next.PID)
		p.subject(&ev.Next).ppid = ev.Task.PID
	case ev.Cur.PID == parser.NoPID:
		p.fork(ev.Thread)
	}
}

// fork makes a thread as perf's machine__process_fork_event does.
func (p *Printer) fork(t parser.Thread) {
	parent := p.find(parser.NoPID, t.PPID)
	delete(p.threads, t.TID)
	k := p.find(t.TGID, t.TID)
	k.recorded, k.ppid = parent.recorded, parent.tid
}

// exited is a task that ends.
func (p *Printer) exited(ev *parser.Event) {
	pid := ev.Task.PID
	if p.perf {
		pid = ev.Thread.TID
	}
	if k := p.threads[pid]; k != nil {
		k.dead = true
	}
}

// label names a task as the column does, which grows with the widest so far; idle
// is the idle task's name.
func (p *Printer) label(k *thread, t *parser.Task, idle string) string {
	name := p.name(k, t)
	s := name
	switch {
	case t.PID == 0 && (!p.perf || k.tgid == 0):
		s = idle
	case p.perf && k.tgid == 0:
	case !p.perf && (t.PID == parser.NoPID || name == ""):
		if name == "" {
			s = "?"
		}
		if t.PID != parser.NoPID {
			s = fmt.Sprintf(":%d", t.PID)
		}
	case k.tgid != k.tid && (p.perf || k.tgid != parser.NoPID):
		s = fmt.Sprintf("%s[%d/%d]", name, k.tid, k.tgid)
	default:
		s = fmt.Sprintf("%s[%d]", name, k.tid)
	}
	s = parser.DisplayComm(s[:min(len(s), maxLabel)])
	p.width = max(p.width, utf8.RuneCountInString(s))
	return s
}

// name is a task's name: the recorder's, else the event's, else the last one
// that any event gave. perf has the recorder's only.
func (p *Printer) name(k *thread, t *parser.Task) string {
	switch {
	case k.recorded != "":
		return k.recorded
	case p.perf:
		return fmt.Sprintf(":%d", k.tid)
	case t.Comm == "":
		return k.comm
	}
	return t.Comm
}

// taskLabel names a task at the edge of a gap, which perf has no line for.
func (p *Printer) taskLabel(t *parser.Task) string {
	name := t.Comm
	if k := p.threads[t.PID]; k != nil && (k.recorded != "" || name == "") {
		name = p.name(k, t)
	}
	switch {
	case t.PID == 0:
		return "<idle>"
	case name == "":
		return fmt.Sprintf(":%d", t.PID)
	}
	return parser.DisplayComm(fmt.Sprintf("%s[%d]", name, t.PID))
}
