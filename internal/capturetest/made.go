package capturetest

import (
	"encoding/binary"

	"schedreplay/parser"
)

// Made makes events of any bytes, eight for each and a name's: of every kind, on few CPUs,
// in order of time, with whatever numbers the bytes give. Writers are fuzzed with them.
func Made(b []byte) []parser.Event {
	var events []parser.Event
	time := int64(0)
	for len(b) >= 8 {
		word := binary.LittleEndian.Uint64(b)
		b = b[8:]
		n := min(int(word>>60), len(b))
		name := string(b[:n])
		b = b[n:]
		time += int64(word >> 8 & 0xfff)
		ev := parser.NewEvent(parser.Kind(word&0x1f)%(parser.KindDamaged+1), time, int32(word>>5&7)-1)
		pid, other := int32(word>>20&0xff)-1, int32(word>>28&0xff)-1
		ev.Pos = int64(len(events)) + 1
		ev.Task = parser.Task{PID: pid, Prio: int32(word >> 36 & 0xff), Comm: name}
		ev.Cur = parser.Task{PID: other, Prio: parser.NoPrio, Comm: name}
		ev.Context = parser.Context(word >> 44 & 7 % 5)
		switch ev.Kind {
		case parser.KindSwitch, parser.KindFork:
			ev.Next = parser.Task{PID: other, Prio: parser.NoPrio, Comm: name}
			ev.State = parser.State(word >> 44 & 0x3fff)
		case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew, parser.KindMigrate:
			ev.TargetCPU, ev.OrigCPU = int32(word>>52&7)-1, int32(word>>55&7)-1
		case parser.KindStatRuntime, parser.KindSlice:
			ev.Runtime, ev.Wait, ev.Delay, ev.Start = int64(word>>8), int64(word>>20), parser.NoTime, time-int64(word>>40)
		case parser.KindLost, parser.KindHole:
			ev.Start, ev.Count = time-int64(word>>50), int64(word>>40)
		case parser.KindExec, parser.KindDamaged:
			ev.Text = name
		case parser.KindOther:
			ev.Text = name
			ev.Aside = parser.Aside(word>>36&0x1f) % (parser.ProcessHang + 1)
			ev.Count, ev.TargetCPU = int64(word>>44&0xf)-1, int32(word>>52&7)-1
		}
		events = append(events, ev)
	}
	return events
}

// MadeSeeds are seeds for what takes [Made]: every kind once, with a hostile name.
func MadeSeeds() [][]byte {
	var all []byte
	for k := range uint64(parser.KindDamaged) + 1 {
		all = binary.LittleEndian.AppendUint64(all, k|1<<5|7<<8|(k+3)<<20|5<<28|120<<36|uint64(len("<|\"\n\xff`,=\x1b"))<<60)
		all = append(all, "<|\"\n\xff`,=\x1b"...)
	}
	return [][]byte{all, all[:60], nil}
}
