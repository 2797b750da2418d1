package perfscript

import (
	"bytes"
	"slices"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// pass is one run over the capture; it implements [text.Dialect].
type pass struct {
	*capture
	out   *text.Stream
	names parser.Names
	// forks and exits begin as those of the capture and become true with the first
	// tracepoint.
	forks, exits bool
}

// Decode implements [text.Dialect].
func (p *pass) Decode(ev *parser.Event, line []byte, n int64) (text.Fit, bool) {
	c, ok := split(line)
	if !ok {
		return text.FitNone, false
	}
	if bytes.HasPrefix(c.name, []byte("PERF_RECORD_")) {
		p.record(ev, &c, n)
		return text.FitWhole, c.aligned
	}
	name, known := c.event()
	kind := parser.KindOther
	if known {
		kind = text.KindOf(name)
	}
	switch kind {
	case parser.KindFork:
		p.forks = true
	case parser.KindExit:
		p.exits = true
	}
	p.event(ev, kind, &c, n)
	switch {
	case kind == parser.KindOther && text.Aside(ev, c.name, c.payload, &p.names):
	case kind == parser.KindOther:
		ev.Text = p.names.Intern(name)
	case !text.Payload(ev, c.payload, &p.names):
		return text.FitPart, c.aligned
	}
	return text.FitWhole, c.aligned
}

func (p *pass) event(ev *parser.Event, kind parser.Kind, c *columns, n int64) {
	ev.Renew(kind, c.time, c.cpu)
	ev.Pos = n
	ev.Cur.PID = c.tid
	if c.tid > 0 {
		ev.Cur.Comm = p.names.Intern(c.comm)
	}
}

// record makes *ev the event of one of perf's own records
// (perf_event__fprintf, tools/perf/util/event.c). Those with the time 0 are not
// of the recording: perf wrote down the tasks it found when it began.
func (p *pass) record(ev *parser.Event, c *columns, n int64) {
	p.event(ev, parser.KindOther, c, n)
	ev.Text = p.names.Intern(c.name)
	initial := c.time == 0
	if initial {
		ev.Time, ev.CPU = parser.NoTime, parser.NoCPU
	}
	switch string(c.name) {
	case "PERF_RECORD_LOST", "PERF_RECORD_LOST_SAMPLES":
		count, ok := bytes.CutPrefix(c.payload, []byte(" lost "))
		lost, _, isNumber := text.Uint(count)
		ev.Kind, ev.Text = parser.KindLost, ""
		if ok && isNumber {
			ev.Count = lost
		}
		if string(c.name) == "PERF_RECORD_LOST_SAMPLES" {
			// A total that perf writes at the end: no place, no time.
			ev.CPU, ev.Time = parser.NoCPU, p.out.Last()
		}
	case "PERF_RECORD_COMM":
		p.comm(ev, c.payload)
	case "PERF_RECORD_FORK":
		child, parent, ok := forkTasks(c.payload)
		if ok && !initial && !p.forks {
			ev.Kind, ev.Text, ev.Task.PID, ev.Next.PID = parser.KindFork, "", parent, child
		}
	case "PERF_RECORD_EXIT":
		task, _, ok := forkTasks(c.payload)
		if ok && !initial && !p.exits {
			ev.Kind, ev.Text, ev.Task.PID = parser.KindExit, "", task
		}
	}
}

// comm reads ": name:pid/tid" or " exec: name:pid/tid".
func (p *pass) comm(ev *parser.Event, b []byte) {
	b, exec := bytes.CutPrefix(b, []byte(" exec"))
	b, ok := bytes.CutPrefix(b, []byte(": "))
	colon := bytes.LastIndexByte(b, ':')
	if !ok || colon < 0 {
		return
	}
	_, rest, ok := text.Int(b[colon+1:])
	if !ok || len(rest) < 2 || rest[0] != '/' {
		return
	}
	tid, rest, ok := text.Int(rest[1:])
	pid, valid := text.PID(tid)
	if !ok || len(rest) > 0 || !valid {
		return
	}
	ev.Kind, ev.Text = parser.KindComm, ""
	ev.Task.PID, ev.Task.Comm = pid, p.names.Intern(b[:colon])
	if exec {
		ev.Text = "exec"
	}
}

// forkTasks reads "(pid:tid):(ppid:ptid)".
func forkTasks(b []byte) (child, parent int32, ok bool) {
	read := func() (int32, bool) {
		var tid int64
		if len(b) == 0 || b[0] != '(' {
			return 0, false
		}
		if _, b, ok = text.Int(b[1:]); !ok || len(b) == 0 || b[0] != ':' {
			return 0, false
		}
		if tid, b, ok = text.Int(b[1:]); !ok || len(b) == 0 || b[0] != ')' {
			return 0, false
		}
		b = b[1:]
		return text.PID(tid)
	}
	if child, ok = read(); !ok || len(b) == 0 || b[0] != ':' {
		return 0, 0, false
	}
	b = b[1:]
	parent, ok = read()
	return child, parent, ok
}

// Deliver implements [text.Dialect].
func (p *pass) Deliver(ev *parser.Event) {
	switch {
	case ev.Kind == parser.KindLost:
		p.out.LostAt(ev.CPU, ev.Time, ev.Count, ev.Pos)
	case ev.Kind == parser.KindOther && ev.Time == parser.NoTime:
		p.out.Skip(ev.Text)
	default:
		p.out.Event(ev)
	}
}

// Lead implements [text.Dialect]: the name.
func (p *pass) Lead() int { return commColumn }

// Remark implements [text.Dialect].
func (p *pass) Remark(line []byte, n int64) bool {
	switch {
	case len(line) > 0 && line[0] == '\t', bytes.HasPrefix(line, []byte("# ")), string(line) == "#":
		return true // a callchain, the header
	case text.PerfLoss(line):
		p.out.LostAt(parser.NoCPU, p.out.Last(), -1, n)
		return true
	}
	return false
}

// Torn implements [text.Dialect].
func (p *pass) Torn(line []byte) bool {
	keys := []string{"sched:", "pid=", "comm=", "_cpu=", "prio=", " ==> "}
	return slices.ContainsFunc(keys, func(s string) bool { return bytes.Contains(line, []byte(s)) })
}

// Whole implements [text.Dialect].
func (p *pass) Whole(ev *parser.Event, line []byte) bool {
	if (ev.Kind == parser.KindLost || ev.Kind == parser.KindComm) && bytes.Contains(line, []byte("PERF_RECORD_")) {
		return false // they end in a count or a pid
	}
	return text.PayloadEnds(line)
}
