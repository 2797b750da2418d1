package text

import (
	"bytes"

	"schedreplay/parser"
)

// Aside decodes the text of a tracepoint, "name" or "system:name", that tells what its CPU
// did beside its tasks, into ev, a KindOther. It reports false, and leaves ev as it is, of
// any other tracepoint and of a text that does not say what it should.
func Aside(ev *parser.Event, name, b []byte, names *parser.Names) bool {
	aside, what := parser.AsideOf(name)
	f := aside.Fields()
	var v parser.AsideValues
	switch aside {
	case parser.NoAside:
		return false
	case parser.WorkStart, parser.WorkEnd:
		v.Function = symbol(b, ": function ", names)
	case parser.IPIEntry, parser.IPIExit:
		if what == "" {
			v.Text = names.Intern(short(bytes.Trim(b, "() \r")))
			break
		}
		if v.Number, v.Known = firstInt(b, f.Number); !v.Known {
			return false
		}
	case parser.IPIRaise:
		mask, reason, cut := bytes.Cut(bytes.TrimPrefix(b, []byte("target_mask=")), []byte(" ("))
		cpu, ok := oneCPU(mask)
		v.Number, v.Known, v.Text = int64(cpu), ok && cut, names.Intern(short(bytes.TrimRight(reason, ") \r")))
	case parser.ProcessHang:
		var task parser.Task
		v.Known = commPID(&task, b, "comm=", " pid=", names)
		v.Number, v.Text = int64(task.PID), task.Comm
	default:
		if f.Number != "" {
			v.Number, v.Known = firstInt(b, f.Number)
		}
		if f.Text != "" { // the last field
			_, rest, found := bytes.Cut(b, []byte(" "+f.Text+"="))
			v.Known, v.Text = v.Known && found, names.Intern(short(bytes.TrimRight(rest, " \r")))
		}
		v.Function, v.Else = symbol(b, f.Function+"=", names), symbol(b, f.Else+"=", names)
	}
	switch aside {
	case parser.HrtimerEntry, parser.TimerEntry, parser.WorkStart:
		if v.Function == "" {
			return false
		}
	}
	return ev.SetAside(aside, what, &v)
}

// firstInt reads the number of the first field of a name.
func firstInt(b []byte, name string) (int64, bool) {
	i := bytes.Index(b, []byte(name+"="))
	if i < 0 {
		return 0, false
	}
	n, _, ok := Int(b[i+len(name)+1:])
	return n, ok
}

// short bounds a name that the kernel does not bound.
func short(b []byte) []byte { return b[:min(len(b), MaxName)] }

// symbol reads the kernel function behind a key, without the offset and size that some
// tools print; empty if there is none, and of a null pointer.
func symbol(b []byte, key string, names *parser.Names) string {
	i := bytes.Index(b, []byte(key))
	if key == "=" || i < 0 {
		return ""
	}
	b = b[i+len(key):]
	if i := bytes.IndexAny(b, " +/\r"); i >= 0 {
		b = b[:i]
	}
	if string(b) == "0x0" {
		return ""
	}
	return names.Intern(short(b))
}

// oneCPU is the CPU of a mask in the kernel's hexadecimal words that has no other.
func oneCPU(mask []byte) (int32, bool) {
	cpu, bit := int32(parser.NoCPU), int32(0)
	for i := len(mask) - 1; i >= 0; i-- {
		c := mask[i]
		var digit byte
		switch {
		case c == ',':
			continue
		case c-'0' <= 9:
			digit = c - '0'
		case c-'a' < 6:
			digit = c - 'a' + 10
		default:
			return parser.NoCPU, false
		}
		for j := range int32(4) {
			if digit&(1<<j) != 0 {
				if cpu >= 0 {
					return parser.NoCPU, false
				}
				cpu = bit + j
			}
		}
		bit += 4
	}
	return cpu, cpu >= 0 && cpu < maxCPUs
}
