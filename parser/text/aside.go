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
	var number int64 = -1
	task, target := ev.Task, ev.TargetCPU
	ok := true
	switch aside {
	case parser.NoAside:
		return false
	case parser.IRQEntry:
		if number, ok = firstInt(b, "irq="); ok {
			var irq []byte
			_, irq, ok = bytes.Cut(b, []byte(" name="))
			what = names.Intern(short(bytes.TrimRight(irq, " \r")))
		}
	case parser.IRQExit:
		number, ok = firstInt(b, "irq=")
	case parser.SoftirqEntry, parser.SoftirqExit, parser.SoftirqRaise:
		number, ok = firstInt(b, "vec=")
		what = parser.SoftirqName(number)
	case parser.HrtimerEntry, parser.TimerEntry:
		what, ok = symbol(b, "function=", names)
	case parser.WorkStart:
		what, ok = symbol(b, ": function ", names)
	case parser.WorkEnd: // it names the function from 5.8 on
		what, _ = symbol(b, ": function ", names)
	case parser.VectorEntry, parser.VectorExit:
		number, ok = firstInt(b, "vector=")
	case parser.IPIEntry, parser.IPIExit:
		if what != "" {
			number, ok = firstInt(b, "vector=")
			break
		}
		what = names.Intern(short(bytes.Trim(b, "() \r")))
	case parser.IPISend:
		var cpu int64
		if cpu, ok = firstInt(b, "cpu="); ok {
			target, ok = CPU(cpu)
			if what, _ = symbol(b, "callback=", names); what == "0x0" || what == "" {
				what, _ = symbol(b, "callsite=", names) // reschedule: who asked for it
			}
		}
	case parser.IPIRaise:
		mask, reason, cut := bytes.Cut(bytes.TrimPrefix(b, []byte("target_mask=")), []byte(" ("))
		target, ok = oneCPU(mask)
		ok = ok && cut
		what = names.Intern(short(bytes.TrimRight(reason, ") \r")))
	case parser.CPUIdle:
		number, ok = firstInt(b, "state=")
	case parser.ProcessHang:
		ok = commPID(&task, b, "comm=", " pid=", names)
	}
	if ok {
		ev.Aside, ev.Text, ev.Count, ev.Task, ev.TargetCPU = aside, what, number, task, target
	}
	return ok
}

// firstInt reads the number behind the first key.
func firstInt(b []byte, key string) (int64, bool) {
	i := bytes.Index(b, []byte(key))
	if i < 0 {
		return 0, false
	}
	n, _, ok := Int(b[i+len(key):])
	return n, ok
}

// short bounds a name that the kernel does not bound.
func short(b []byte) []byte { return b[:min(len(b), MaxName)] }

// symbol reads the kernel function behind a key, without the offset and size that some
// tools print.
func symbol(b []byte, key string, names *parser.Names) (string, bool) {
	i := bytes.Index(b, []byte(key))
	if i < 0 {
		return "", false
	}
	b = b[i+len(key):]
	if i := bytes.IndexAny(b, " +/\r"); i >= 0 {
		b = b[:i]
	}
	return names.Intern(short(b)), len(b) > 0
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
