package ftrace

import (
	"bytes"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// nameWidth is the width that trace-cmd pads the event name and its colon to,
// with two blanks behind.
const nameWidth = 20

// pluginPayload decodes what libtraceevent's sched_switch plugin
// (plugin_sched_switch.c) prints in place of the kernel's print format:
//
//	asm:23322 [120] X ==> asm:23323 [120]
//	asm:23324 [120] CPU:000
//	asm:23324 [120] success=1 CPU:000
//
// It reports false for a text that is not of this form.
func pluginPayload(ev *parser.Event, h *header, names *parser.Names) bool {
	b := h.payload
	// The name is padded to a fixed width; blanks beyond it begin the task's name.
	if pad := max(nameWidth-len(h.name)-1, 0) + 2; h.pad > pad {
		b = b[:len(b):cap(b)]
		b = append(bytes.Repeat([]byte{' '}, h.pad-pad), b...)
	}
	switch ev.Kind {
	case parser.KindSwitch:
		return pluginSwitch(ev, b, names)
	case parser.KindWakeup, parser.KindWakeupNew, parser.KindWaking:
		const cpu = " CPU:"
		i := bytes.LastIndex(b, []byte(cpu))
		if i < 0 {
			return false
		}
		n, rest, ok := text.Uint(b[i+len(cpu):])
		if !ok || len(rest) > 0 && rest[0] != ' ' {
			return false
		}
		if ev.TargetCPU, ok = text.CPU(n); !ok {
			return false
		}
		b = b[:i]
		if s := bytes.LastIndex(b, []byte("] success=")); s >= 0 {
			if n, _, ok := text.Int(b[s+len("] success="):]); ok && n == 0 {
				ev.Kind, ev.Text = parser.KindOther, ev.Kind.String()
			}
			b = b[:s+1]
		}
		return pluginTask(&ev.Task, b, names)
	}
	return false
}

func pluginSwitch(ev *parser.Event, b []byte, names *parser.Names) bool {
	const arrow = " ==> "
	// trace-cmd report -w appends the wakeup latency.
	if i := bytes.LastIndex(b, []byte(" Latency: ")); i >= 0 && bytes.HasSuffix(b, []byte(" usecs")) {
		b = b[:i]
	}
	for end := len(b); ; {
		i := bytes.LastIndex(b[:end], []byte(arrow))
		if i < 0 || len(b)-i > text.MaxName {
			return false
		}
		prev, next := b[:i], b[i+len(arrow):]
		if s := bytes.LastIndexByte(prev, ' '); s >= 0 &&
			pluginTask(&ev.Task, prev[:s], names) && pluginTask(&ev.Next, next, names) {
			ev.State = text.LyingState(prev[s+1:], false)
			return true
		}
		end = i + len(arrow) - 1
	}
}

// pluginTask decodes "comm:pid [prio]", which must end b.
func pluginTask(t *parser.Task, b []byte, names *parser.Names) bool {
	const open = " ["
	i := bytes.LastIndex(b, []byte(open))
	if i < 0 {
		return false
	}
	n, rest, ok := text.Int(b[i+len(open):])
	if !ok || len(rest) != 1 || rest[0] != ']' || n <= parser.NoPrio || n > 999 {
		return false
	}
	colon := bytes.LastIndexByte(b[:i], ':')
	if colon < 0 || !text.ValidComm(b[:colon]) {
		return false
	}
	pid, rest, ok := text.Int(b[colon+1 : i])
	if !ok || len(rest) > 0 {
		return false
	}
	t.Prio = int32(n)
	t.Comm = names.Intern(b[:colon])
	t.PID, ok = text.PID(pid)
	return ok
}
