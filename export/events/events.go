// Package events prints decoded events: as perf script does, or as JSON.
package events

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"schedreplay/export/rows"
	"schedreplay/findings/say"
	"schedreplay/parser"
)

// AppendText appends an event as perf script prints it, names made printable.
func AppendText(b []byte, ev *parser.Event) []byte {
	start := len(b)
	b = appendCurrent(b, ev)
	if ev.CPU >= 0 {
		b = append(right(append(b, " ["...), int64(ev.CPU), 3, '0'), "] "...)
	} else {
		b = append(b, " [ - ] "...)
	}
	b = append(say.AppendStamp(b, ev.Time), ": "...)
	name := parser.DisplayComm(ev.Name())
	b = append(append(fill(b, 18-utf8.RuneCountInString(name), ' '), name...), ": "...)
	b = appendPayload(b, ev)
	return append(b[:start+len(bytes.TrimRight(b[start:], " "))], '\n')
}

// appendCurrent appends the task that was current, and its pid.
func appendCurrent(b []byte, ev *parser.Event) []byte {
	comm := parser.DisplayComm(ev.Cur.Comm)
	switch {
	case comm != "":
	case ev.Cur.PID == 0:
		comm = "swapper"
	case ev.Cur.PID > 0:
		comm = ":" + strconv.Itoa(int(ev.Cur.PID))
	}
	b = append(append(fill(b, 16-utf8.RuneCountInString(comm), ' '), comm...), ' ')
	if ev.Cur.PID == parser.NoPID {
		return fill(b, 7, ' ')
	}
	return right(b, int64(ev.Cur.PID), 7, ' ')
}

// fill appends a mark n times.
func fill(b []byte, n int, mark byte) []byte {
	for ; n > 0; n-- {
		b = append(b, mark)
	}
	return b
}

// right appends a number, with marks before it that make it so wide.
func right(b []byte, n int64, width int, mark byte) []byte {
	var digits [20]byte
	d := strconv.AppendInt(digits[:0], n, 10)
	return append(fill(b, width-len(d), mark), d...)
}

// appendPayload appends the fields of an event in the kernel's words; unknown ones as
// a question mark.
func appendPayload(b []byte, ev *parser.Event) []byte {
	switch ev.Kind {
	case parser.KindSwitch:
		b = append(appendTask(b, "prev_", &ev.Task, true), " prev_state="...)
		b = append(append(b, ev.State.String()...), " ==> "...)
		return appendTask(b, "next_", &ev.Next, true)
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		b = append(appendTask(b, "", &ev.Task, true), " target_cpu="...)
		if ev.TargetCPU < 0 {
			return append(b, '?')
		}
		return right(b, int64(ev.TargetCPU), 3, '0')
	case parser.KindMigrate:
		b = number(append(appendTask(b, "", &ev.Task, true), " orig_cpu="...), ev.OrigCPU, parser.NoCPU)
		return number(append(b, " dest_cpu="...), ev.TargetCPU, parser.NoCPU)
	case parser.KindFork:
		return appendTask(append(appendTask(b, "", &ev.Task, false), ' '), "child_", &ev.Next, false)
	case parser.KindExec:
		b = append(append(b, "filename="...), parser.DisplayComm(ev.Text)...)
		b = number(append(b, " pid="...), ev.Task.PID, parser.NoPID)
		return number(append(b, " old_pid="...), ev.OldPID, parser.NoPID)
	case parser.KindExit:
		return appendTask(b, "", &ev.Task, true)
	case parser.KindStatRuntime:
		b = append(appendTask(b, "", &ev.Task, false), " runtime="...)
		return append(nanoseconds(b, ev.Runtime), " [ns]"...)
	case parser.KindSlice:
		b = say.AppendStamp(append(appendTask(b, "", &ev.Task, true), " start="...), ev.Start)
		b = nanoseconds(append(b, " wait="...), ev.Wait)
		b = nanoseconds(append(b, " delay="...), ev.Delay)
		b = nanoseconds(append(b, " runtime="...), ev.Runtime)
		return append(append(b, " [ns] state="...), ev.State.String()...)
	case parser.KindComm:
		return appendTask(b, "", &ev.Task, false)
	case parser.KindLost, parser.KindOverwritten:
		if b = append(b, "events="...); ev.Count >= 0 {
			b = strconv.AppendInt(b, ev.Count, 10)
		} else {
			b = append(b, "unknown"...)
		}
		if ev.Start != parser.NoTime {
			b = say.AppendStamp(append(b, " since="...), ev.Start)
		}
	case parser.KindHole:
		b = append(appendTask(append(b, "current "...), "", &ev.Next, false), " until="...)
		return appendTask(append(say.AppendStamp(b, ev.Start), " then "...), "", &ev.Task, false)
	case parser.KindOther:
		return appendAside(b, ev)
	case parser.KindDamaged:
		return append(append(strconv.AppendInt(append(b, "at="...), ev.Pos, 10), ' '), parser.DisplayComm(ev.Text)...)
	}
	return b
}

// appendAside appends what an event tells beside the tasks of its CPU.
func appendAside(b []byte, ev *parser.Event) []byte {
	what := func(key string) []byte {
		if ev.Text == "" {
			return append(append(b, key...), '?')
		}
		return append(append(b, key...), parser.DisplayComm(ev.Text)...)
	}
	switch ev.Aside {
	case parser.IRQEntry:
		b = append(strconv.AppendInt(append(b, "irq="...), ev.Count, 10), ' ')
		return what("name=")
	case parser.IRQExit:
		return strconv.AppendInt(append(b, "irq="...), ev.Count, 10)
	case parser.SoftirqEntry, parser.SoftirqExit, parser.SoftirqRaise:
		b = append(strconv.AppendInt(append(b, "vec="...), ev.Count, 10), ' ')
		return what("action=")
	case parser.HrtimerEntry, parser.TimerEntry, parser.WorkStart, parser.WorkEnd:
		return what("function=")
	case parser.VectorEntry, parser.VectorExit:
		return strconv.AppendInt(append(b, "vector="...), ev.Count, 10)
	case parser.IPIEntry, parser.IPIExit:
		if ev.Count >= 0 {
			return strconv.AppendInt(append(b, "vector="...), ev.Count, 10)
		}
		return what("reason=")
	case parser.IPISend, parser.IPIRaise:
		b = append(number(append(b, "cpu="...), ev.TargetCPU, parser.NoCPU), ' ')
		return what("for=")
	case parser.CPUIdle:
		if ev.Count == parser.IdleExit {
			return append(b, "state=exit"...)
		}
		return strconv.AppendInt(append(b, "state="...), ev.Count, 10)
	case parser.ProcessHang:
		return appendTask(b, "", &ev.Task, false)
	}
	return b
}

// appendTask appends a task's name and pid, and its priority.
func appendTask(b []byte, prefix string, t *parser.Task, prio bool) []byte {
	b = append(append(append(b, prefix...), "comm="...), parser.DisplayComm(t.Comm)...)
	b = number(append(append(append(b, ' '), prefix...), "pid="...), t.PID, parser.NoPID)
	if prio {
		b = number(append(append(append(b, ' '), prefix...), "prio="...), t.Prio, parser.NoPrio)
	}
	return b
}

func number(b []byte, n, unknown int32) []byte {
	if n == unknown {
		return append(b, '?')
	}
	return strconv.AppendInt(b, int64(n), 10)
}

func nanoseconds(b []byte, ns int64) []byte {
	if ns == parser.NoTime {
		return append(b, '?')
	}
	return strconv.AppendInt(b, ns, 10)
}

// AppendJSON appends an event as an object: kind, time, CPU, context and current
// task always, and the fields of its kind.
func AppendJSON(b []byte, ev *parser.Event) []byte {
	o := rows.ObjectOn(b)
	o.Begin()
	o.Time("time_ns", ev.Time)
	o.CPU("cpu", int(ev.CPU))
	o.Word("kind", ev.Kind.String())
	o.Number("pos", ev.Pos, true)
	o.Word("context", ev.Context.String())
	o.Task("cur_", ev.Cur.PID, ev.Cur.Comm)
	prio := func(k string, t *parser.Task) { o.Number(k, int64(t.Prio), t.Prio != parser.NoPrio) }
	state := func(k string) {
		if ev.State.Known() {
			o.Word(k, ev.State.String())
		} else {
			o.Null(k)
		}
	}
	switch ev.Kind {
	case parser.KindOther:
		o.Comm("name", ev.Name())
		jsonAside(&o, ev)
	case parser.KindSwitch:
		o.Task("prev_", ev.Task.PID, ev.Task.Comm)
		prio("prev_prio", &ev.Task)
		state("prev_state")
		o.Task("next_", ev.Next.PID, ev.Next.Comm)
		prio("next_prio", &ev.Next)
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		o.Task("", ev.Task.PID, ev.Task.Comm)
		prio("prio", &ev.Task)
		o.CPU("target_cpu", int(ev.TargetCPU))
	case parser.KindMigrate:
		o.Task("", ev.Task.PID, ev.Task.Comm)
		prio("prio", &ev.Task)
		o.CPU("orig_cpu", int(ev.OrigCPU))
		o.CPU("dest_cpu", int(ev.TargetCPU))
	case parser.KindFork:
		o.Task("", ev.Task.PID, ev.Task.Comm)
		o.Task("child_", ev.Next.PID, ev.Next.Comm)
	case parser.KindExec:
		o.Comm("filename", ev.Text)
		o.Number("pid", int64(ev.Task.PID), ev.Task.PID != parser.NoPID)
		o.Number("old_pid", int64(ev.OldPID), ev.OldPID != parser.NoPID)
	case parser.KindExit, parser.KindComm:
		o.Task("", ev.Task.PID, ev.Task.Comm)
	case parser.KindStatRuntime:
		o.Task("", ev.Task.PID, ev.Task.Comm)
		o.Time("runtime_ns", ev.Runtime)
	case parser.KindSlice:
		o.Task("", ev.Task.PID, ev.Task.Comm)
		o.Time("start_ns", ev.Start)
		o.Time("wait_ns", ev.Wait)
		o.Time("delay_ns", ev.Delay)
		o.Time("runtime_ns", ev.Runtime)
		state("state")
	case parser.KindLost, parser.KindOverwritten:
		o.Time("since_ns", ev.Start)
		o.Number("count", ev.Count, ev.Count >= 0)
	case parser.KindHole:
		o.Time("since_ns", ev.Start)
		o.Task("entered_", ev.Next.PID, ev.Next.Comm)
		o.Task("left_", ev.Task.PID, ev.Task.Comm)
	case parser.KindDamaged:
		o.Comm("why", ev.Text)
	}
	o.End()
	return o.Line()
}

// jsonAside adds what an event tells beside the tasks of its CPU.
func jsonAside(o *rows.Object, ev *parser.Event) {
	named := func(key string) {
		if ev.Text == "" {
			o.Null(key)
		} else {
			o.Comm(key, ev.Text)
		}
	}
	switch ev.Aside {
	case parser.IRQEntry, parser.IRQExit:
		o.Number("irq", ev.Count, true)
		if ev.Aside == parser.IRQEntry {
			named("handler")
		}
	case parser.SoftirqEntry, parser.SoftirqExit, parser.SoftirqRaise:
		o.Number("vec", ev.Count, true)
		named("action")
	case parser.HrtimerEntry, parser.TimerEntry, parser.WorkStart, parser.WorkEnd:
		named("function")
	case parser.VectorEntry, parser.VectorExit:
		o.Number("vector", ev.Count, true)
	case parser.IPIEntry, parser.IPIExit:
		o.Number("vector", ev.Count, ev.Count >= 0)
		named("reason")
	case parser.IPISend, parser.IPIRaise:
		o.CPU("target_cpu", int(ev.TargetCPU))
		named("for")
	case parser.CPUIdle:
		o.Number("state", ev.Count, ev.Count != parser.IdleExit) // null: left
	case parser.ProcessHang:
		o.Task("", ev.Task.PID, ev.Task.Comm)
	}
}
