// Package events prints decoded events: as perf script does, or as JSON.
package events

import (
	"fmt"
	"strings"

	"schedreplay/export/rows"
	"schedreplay/findings/say"
	"schedreplay/parser"
)

// AppendText appends an event as perf script prints it, names made printable.
func AppendText(b []byte, ev *parser.Event) []byte {
	comm := parser.DisplayComm(ev.Cur.Comm)
	switch {
	case comm != "":
	case ev.Cur.PID == 0:
		comm = "swapper"
	case ev.Cur.PID > 0:
		comm = fmt.Sprintf(":%d", ev.Cur.PID)
	}
	pid, cpu := "", "[ - ]"
	if ev.Cur.PID != parser.NoPID {
		pid = fmt.Sprint(ev.Cur.PID)
	}
	if ev.CPU >= 0 {
		cpu = fmt.Sprintf("[%03d]", ev.CPU)
	}
	name := ev.Kind.String()
	if ev.Kind == parser.KindOther {
		name = parser.DisplayComm(ev.Text)
	}
	line := fmt.Sprintf("%16s %7s %s %s: %18s: %s", comm, pid, cpu, say.Stamp(ev.Time), name, payload(ev))
	return append(append(b, strings.TrimRight(line, " ")...), '\n')
}

// payload prints the fields of an event in the kernel's words; unknown ones as
// a question mark.
func payload(ev *parser.Event) string {
	task := func(prefix string, t *parser.Task, prio bool) string {
		s := fmt.Sprintf("%scomm=%s %spid=%s", prefix, parser.DisplayComm(t.Comm), prefix, number(t.PID, parser.NoPID))
		if prio {
			s += fmt.Sprintf(" %sprio=%s", prefix, number(t.Prio, parser.NoPrio))
		}
		return s
	}
	switch ev.Kind {
	case parser.KindSwitch:
		return task("prev_", &ev.Task, true) + " prev_state=" + ev.State.String() + " ==> " + task("next_", &ev.Next, true)
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		return task("", &ev.Task, true) + " target_cpu=" + cpuDigits(ev.TargetCPU)
	case parser.KindMigrate:
		return task("", &ev.Task, true) + " orig_cpu=" + number(ev.OrigCPU, parser.NoCPU) + " dest_cpu=" + number(ev.TargetCPU, parser.NoCPU)
	case parser.KindFork:
		return task("", &ev.Task, false) + " " + task("child_", &ev.Next, false)
	case parser.KindExec:
		return "filename=" + parser.DisplayComm(ev.Text) + " pid=" + number(ev.Task.PID, parser.NoPID) + " old_pid=" + number(ev.OldPID, parser.NoPID)
	case parser.KindExit:
		return task("", &ev.Task, true)
	case parser.KindStatRuntime:
		return task("", &ev.Task, false) + " runtime=" + nanoseconds(ev.Runtime) + " [ns]"
	case parser.KindSlice:
		return task("", &ev.Task, true) + " start=" + say.Stamp(ev.Start) + " wait=" + nanoseconds(ev.Wait) + " delay=" + nanoseconds(ev.Delay) +
			" runtime=" + nanoseconds(ev.Runtime) + " [ns] state=" + ev.State.String()
	case parser.KindComm:
		return task("", &ev.Task, false)
	case parser.KindLost, parser.KindOverwritten:
		count := "unknown"
		if ev.Count >= 0 {
			count = fmt.Sprint(ev.Count)
		}
		s := "events=" + count
		if ev.Start != parser.NoTime {
			s += " since=" + say.Stamp(ev.Start)
		}
		return s
	case parser.KindHole:
		return "entered " + task("", &ev.Next, false) + " since=" + say.Stamp(ev.Start) + " left " + task("", &ev.Task, false)
	case parser.KindDamaged:
		return fmt.Sprintf("at=%d %s", ev.Pos, parser.DisplayComm(ev.Text))
	}
	return ""
}

func number(n, unknown int32) string {
	if n == unknown {
		return "?"
	}
	return fmt.Sprint(n)
}

func cpuDigits(cpu int32) string {
	if cpu < 0 {
		return "?"
	}
	return fmt.Sprintf("%03d", cpu)
}

func nanoseconds(ns int64) string {
	if ns == parser.NoTime {
		return "?"
	}
	return fmt.Sprint(ns)
}

// AppendJSON appends an event as an object: kind, time, CPU, context and current
// task always, and the fields of its kind.
func AppendJSON(b []byte, ev *parser.Event) []byte {
	var o rows.Object
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
		o.Comm("name", ev.Text)
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
	return append(b, o.Line()...)
}
