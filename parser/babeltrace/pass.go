package babeltrace

import (
	"bytes"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// pass is one run over the capture; it implements [text.Dialect].
type pass struct {
	out   *text.Stream
	names parser.Names
	// last is the time of the event before, midnight what was added since.
	last, midnight int64
}

const day = 24 * 3600 * 1e9

// fields are what an event's own fields say. Numbers that are not told hold absent.
type fields struct {
	pid, tid, prio, target, orig, dest, runtime, state, success, flags, current, old int64
	comm, file                                                                       []byte
}

const absent = int64(-1 << 62)

func noFields() fields {
	return fields{absent, absent, absent, absent, absent, absent, absent, absent, absent, absent, absent, absent, nil, nil}
}

// Decode implements [text.Dialect].
func (p *pass) Decode(ev *parser.Event, line []byte, n int64) (text.Fit, bool) {
	c, ok := split(line)
	if !ok {
		return text.FitNone, false
	}
	if c.ofDay {
		if c.time+p.midnight < p.last-day/2 {
			p.midnight += day
		}
		c.time += p.midnight
		p.last = c.time
	}
	name := c.name[bytes.LastIndexByte(c.name, ':')+1:] // perf writes "sched:sched_switch"
	ev.Renew(text.KindOf(name), c.time, c.cpu)
	ev.Pos = n
	if ev.Kind == parser.KindOther {
		if !p.aside(ev, c) {
			ev.Text = p.names.Intern(c.name)
		}
		return text.FitWhole, true
	}
	one, other := noFields(), noFields()
	if !eachField(c.last, func(key, v []byte) { p.field(ev.Kind, &one, &other, key, v) }) {
		return text.FitPart, true
	}
	context := noFields()
	eachField(c.between, func(key, v []byte) { p.field(parser.KindOther, &context, &context, key, v) })
	if !p.fill(ev, &one, &other, &context) {
		return text.FitPart, true
	}
	return text.FitWhole, true
}

// kernelNames are the beginnings of names that LTTng has otherwise than the kernel
// (lttng-modules, include/instrumentation/events): its own, and the kernel's.
var kernelNames = [...][2]string{{"irq_softirq_", "softirq_"}, {"timer_hrtimer_", "hrtimer_"}, {"power_cpu_", "cpu_"}, {"x86_irq_vectors_", ""}}

// aside decodes what an event tells beside the tasks of its CPU; false if nothing of use.
func (p *pass) aside(ev *parser.Event, c columns) bool {
	name := c.name
	for _, k := range kernelNames {
		if rest, ok := bytes.CutPrefix(name, []byte(k[0])); ok {
			name = append([]byte(k[1]), rest...)
			break
		}
	}
	if aside, _ := parser.AsideOf(name); aside == parser.NoAside {
		return false
	}
	values := map[string]parser.Value{}
	whole := eachField(c.last, func(key, v []byte) {
		if n, ok := number(v); ok {
			values[string(key)] = parser.Value{N: n}
		} else if t := unquote(v); t != nil {
			values[string(key)] = parser.Value{Text: t}
		}
	})
	if !whole || !ev.SetAsideOf(name, &p.names, values) {
		return false
	}
	context := noFields()
	eachField(c.between, func(key, v []byte) { p.field(parser.KindOther, &context, &context, key, v) })
	if context.tid != absent {
		ev.Cur.PID, _ = text.PID(context.tid)
	}
	return true
}

// field takes a field of an event: one is the task that it is about, other the one that it
// goes to or makes.
func (p *pass) field(kind parser.Kind, one, other *fields, key, v []byte) {
	k := one
	switch kind {
	case parser.KindSwitch:
		if rest, ok := bytes.CutPrefix(key, []byte("next_")); ok {
			k, key = other, rest
		} else if rest, ok := bytes.CutPrefix(key, []byte("prev_")); ok {
			key = rest
		}
	case parser.KindFork:
		if rest, ok := bytes.CutPrefix(key, []byte("child_")); ok {
			k, key = other, rest
		} else if rest, ok := bytes.CutPrefix(key, []byte("parent_")); ok {
			key = rest
		}
	}
	to := map[string]*int64{
		"pid": &k.pid, "tid": &k.tid, "prio": &k.prio, "target_cpu": &k.target, "orig_cpu": &k.orig, "dest_cpu": &k.dest,
		"runtime": &k.runtime, "old_pid": &k.old, "old_tid": &k.old, "state": &k.state, "success": &k.success, "common_flags": &one.flags, "common_pid": &one.current,
	}[string(key)]
	switch {
	case to != nil:
		if n, ok := number(v); ok {
			*to = n
		}
	case string(key) == "comm", string(key) == "newcomm":
		k.comm = unquote(v)
	case string(key) == "filename":
		k.file = unquote(v)
	}
}

// number reads a number, or that behind an enumeration's label: ( "TASK_RUNNING" :
// container = 0 ).
func number(v []byte) (int64, bool) {
	if i := bytes.LastIndex(v, []byte("container = ")); i >= 0 && v[0] == '(' {
		v = v[i+len("container = "):]
	}
	n, _, ok := text.Int(v)
	return n, ok
}

// unquote reads a text as babeltrace2 escapes it, as C does.
func unquote(v []byte) []byte {
	if len(v) < 2 || v[0] != '"' {
		return nil
	}
	v = v[1 : len(v)-1]
	if bytes.IndexByte(v, '\\') < 0 {
		return v
	}
	var out []byte
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '\\' && i+1 < len(v) {
			i++
			if j := bytes.IndexByte([]byte(`abtnvfr`), v[i]); j >= 0 {
				c = "\a\b\t\n\v\f\r"[j]
			} else if c = v[i]; c == 'e' {
				c = 0x1b
			}
		}
		out = append(out, c)
	}
	return out
}

// task makes a task of fields: LTTng's, which have a tid, or perf's.
func (p *pass) task(f *fields) (k parser.Task, ok bool) {
	k = parser.Task{PID: parser.NoPID, Prio: parser.NoPrio, Comm: p.names.Intern(f.comm)}
	pid, prio := f.pid, f.prio
	if f.tid != absent {
		const maxRTPrio = 100 // MAX_RT_PRIO, which LTTng takes off
		pid, prio = f.tid, f.prio+maxRTPrio
	}
	if f.prio != absent {
		if prio < -1 || prio > 139 {
			return k, false
		}
		k.Prio = int32(prio)
	}
	k.PID, ok = text.PID(pid)
	return k, ok
}

// fill makes the event of its fields; false if one that it needs is missing.
func (p *pass) fill(ev *parser.Event, one, other, context *fields) bool {
	switch {
	case one.current != absent:
		ev.Cur.PID, _ = text.PID(one.current)
	case context.tid != absent:
		ev.Cur.PID, _ = text.PID(context.tid)
	}
	if one.flags != absent {
		ev.Context = parser.FlagsContext(uint64(one.flags))
	}
	var ok bool
	if ev.Kind == parser.KindComm && one.pid == absent && one.tid == absent {
		one.pid = int64(ev.Cur.PID)
	}
	if ev.Task, ok = p.task(one); !ok {
		return false
	}
	cpu := func(n int64) int32 {
		c, valid := text.CPU(n)
		ok = ok && valid
		return c
	}
	switch ev.Kind {
	case parser.KindSwitch:
		ev.Next, ok = p.task(other)
		if one.state != absent {
			ev.State = text.StateNumber(one.state)
		}
	case parser.KindFork:
		ev.Next, ok = p.task(other)
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		if one.success == 0 { // kernels before 4.3: nobody was woken
			ev.Text, ev.Kind = ev.Kind.String(), parser.KindOther
			return true
		}
		ev.TargetCPU = cpu(one.target)
	case parser.KindMigrate:
		ev.OrigCPU, ev.TargetCPU = cpu(one.orig), cpu(one.dest)
	case parser.KindStatRuntime:
		ev.Runtime = one.runtime
		ok = one.runtime >= 0
	case parser.KindExec:
		ev.Text = p.names.Intern(one.file)
		ev.OldPID, _ = text.PID(one.old)
	}
	return ok
}

// Deliver implements [text.Dialect].
func (p *pass) Deliver(ev *parser.Event) { p.out.Event(ev) }

// Lead implements [text.Dialect]: the time comes first.
func (p *pass) Lead() int { return 0 }

// Remark implements [text.Dialect]. What was discarded is told on another stream, which
// may have been kept too.
func (p *pass) Remark(line []byte, n int64) bool {
	_, rest, ok := bytes.Cut(line, []byte("racer discarded "))
	if !ok {
		return bytes.HasPrefix(line, []byte("WARNING: ")) || bytes.HasPrefix(line, []byte("[warning]"))
	}
	count, _, isNumber := text.Uint(rest)
	if !isNumber {
		count = -1
	}
	p.out.LostAt(parser.NoCPU, p.out.Last(), count, n)
	return true
}

// Torn implements [text.Dialect].
func (p *pass) Torn(line []byte) bool {
	return bytes.Contains(line, []byte("cpu_id = ")) || bytes.Contains(line, []byte("_comm = "))
}

// Whole implements [text.Dialect]: a record ends in a bracket.
func (p *pass) Whole(_ *parser.Event, line []byte) bool { return bytes.HasSuffix(line, []byte(" }")) }
