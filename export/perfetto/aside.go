package perfetto

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/parser"
	"schedreplay/parser/perfetto/pb"
)

// ftraceSequence names the sequence of packets with events whose functions have names.
const ftraceSequence = 2

// asideMessages are the numbers of the messages of asides, by the event's name.
var asideMessages = func() map[string]protowire.Number {
	m := map[string]protowire.Number{}
	for num, a := range pb.Asides {
		m[a.Name[strings.IndexByte(a.Name, ':')+1:]] = num
	}
	return m
}()

// aside encodes what a CPU does beside its tasks, as a generic event where Perfetto has no
// message for it; nil for what does not say enough.
func (t *Writer) aside(ev *parser.Event) (field protowire.Number, m pb.Message) {
	name := ev.Name()
	if a, _ := parser.AsideOf([]byte(name)); a != ev.Aside || a == parser.NoAside || a == parser.IPIRaise {
		return 0, nil
	}
	f := ev.Aside.Fields()
	number, known, text, function := ev.Count, ev.Count >= 0, "", ""
	switch ev.Aside {
	case parser.IRQEntry:
		text = ev.Text
	case parser.HrtimerEntry, parser.TimerEntry, parser.WorkStart, parser.WorkEnd:
		function = ev.Text
	case parser.IPIEntry, parser.IPIExit:
		if !known {
			text = ev.Text
		}
	case parser.IPISend:
		number, known, function = int64(ev.TargetCPU), ev.TargetCPU >= 0, ev.Text
	case parser.ProcessHang:
		number, known, text = int64(ev.Task.PID), ev.Task.PID >= 0, ev.Task.Comm
	}
	if f.Number != "" && !f.Optional && !known {
		return 0, nil
	}
	num, ok := asideMessages[name]
	if !ok {
		g := generic(name)
		if known {
			g.number(f.Number, number)
		}
		g.text(f.Text, text)
		g.text(f.Function, function)
		return pb.EventGeneric, g.Message
	}
	m = pb.Message{}
	fields := pb.Asides[num].Fields
	for n := protowire.Number(1); n <= 3; n++ {
		switch what := fields[n]; {
		case what == "":
		case what == f.Number && known:
			m = m.Int(n, number)
		case what == f.Text && text != "":
			m = m.Text(n, parser.DisplayComm(text))
		case what == f.Function && function != "":
			m = m.Uint(n, t.symbol(function))
		case what == "cpu_id":
			m = m.Uint(n, uint64(ev.CPU))
		}
	}
	return num, m
}

// symbol is the number by which events name a kernel function; of one that has only an
// address that.
func (t *Writer) symbol(name string) uint64 {
	if digits, hex := strings.CutPrefix(name, "0x"); hex {
		if address, err := strconv.ParseUint(digits, 16, 64); err == nil {
			return address
		}
	}
	n, ok := t.symbols[name]
	if !ok {
		if t.symbols == nil {
			t.symbols = map[string]uint64{}
		}
		n = uint64(len(t.symbols) + 1)
		t.symbols[name] = n
		t.interned = t.interned.Sub(pb.InternedKernelSymbols, pb.Message(nil).Uint(pb.InternedIID, n).Text(pb.InternedText, parser.DisplayComm(name)))
	}
	return n
}

// named makes a packet of events one whose functions have names, if any was met so far: it
// tells those that none before it did.
func (t *Writer) named(p pb.Message) pb.Message {
	if len(t.symbols) == 0 {
		return p
	}
	p = p.Uint(pb.PacketSequenceID, ftraceSequence)
	if len(t.interned) == 0 {
		return p
	}
	if !t.cleared {
		p, t.cleared = p.Uint(pb.PacketSequenceFlags, pb.SequenceStateCleared), true
	}
	p = p.Sub(pb.PacketInterned, slices.Clone(t.interned))
	t.interned = t.interned[:0]
	return p
}

// genericEvent is a GenericFtraceEvent in the making: as Perfetto writes events that it does
// not know.
type genericEvent struct{ pb.Message }

func generic(name string) *genericEvent {
	return &genericEvent{pb.Message(nil).Text(pb.GenericName, name)}
}

func (g *genericEvent) field(name string, v func(pb.Message) pb.Message) {
	g.Message = g.Sub(pb.GenericField, v(pb.Message(nil).Text(pb.GenericFieldName, name)))
}

func (g *genericEvent) number(name string, n int64) {
	g.field(name, func(f pb.Message) pb.Message { return f.Int(pb.GenericInt, n) })
}

// text adds a text field that has a name and says something.
func (g *genericEvent) text(name, s string) {
	if name != "" && s != "" {
		g.field(name, func(f pb.Message) pb.Message { return f.Text(pb.GenericText, parser.DisplayComm(s)) })
	}
}
