package perfetto

import (
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/internal/eventtest"
	"schedreplay/internal/traceprocessor"
	"schedreplay/parser"
	"schedreplay/parser/perfetto/pb"
)

// Events that Perfetto knows, and those that a trace describes, tell what they do beside
// tasks.
func TestAsides(t *testing.T) {
	event := func(m pb.Message, time uint64, num protowire.Number, body pb.Message) pb.Message {
		return m.Sub(pb.BundleEvent, pb.Message(nil).Uint(pb.EventTimestamp, time).Uint(pb.EventPID, 7).Sub(num, body).Uint(pb.EventFlags, 0x08))
	}
	described := pb.Message(nil).Uint(pb.DescriptorField, 65540).Text(pb.DescriptorGroup, "timer").
		Sub(pb.DescriptorProto, pb.Message(nil).Text(pb.MessageName, "hrtimer_expire_entry").
			Sub(pb.MessageField, pb.Message(nil).Text(pb.FieldName, "function").Uint(pb.FieldNumber, 3)))
	trace := ftraceBundle(1, 1, func(m pb.Message) pb.Message {
		m = waking(100, 9)(m)
		m = event(m, 110, 36, pb.Message(nil).Uint(1, 41).Text(2, "eth0"))
		m = event(m, 120, 37, pb.Message(nil).Uint(1, 41).Uint(2, 1))
		m = event(m, 130, 24, pb.Message(nil).Uint(1, 3))
		m = event(m, 140, 13, pb.Message(nil).Uint(1, parser.IdleExit).Uint(2, 1))
		m = event(m, 150, 58, pb.Message(nil).Uint(1, 5).Uint(2, 0xffffffff81234560))
		m = event(m, 155, 553, pb.Message(nil).Uint(1, 1).Uint(2, 9).Uint(3, 1))
		m = event(m, 156, 554, pb.Message(nil).Uint(1, 1))
		m = event(m, 157, 58, pb.Message(nil).Uint(1, 5).Uint(2, 2))
		m = event(m, 158, 557, pb.Message(nil).Uint(3, 3))
		m = event(m, 159, 559, pb.Message(nil).Uint(1, 236))
		return event(m, 160, 65540, pb.Message(nil).Uint(3, 0xffffffff81234561)).Sub(pb.BundleDescriptor, described)
	})
	// The names of the functions that it numbers: those of another sequence are others, the
	// third is not there, as where packets were lost.
	symbols := func(sequence uint64, names ...string) []byte {
		var m pb.Message
		for i, name := range names {
			m = m.Sub(pb.InternedKernelSymbols, pb.Message(nil).Uint(pb.InternedIID, uint64(i+1)).Text(pb.InternedText, name))
		}
		return packet(pb.Message(nil).Sub(pb.PacketInterned, m).Uint(pb.PacketSequenceID, sequence))
	}
	trace = slices.Concat(symbols(2, "a", "b", "c"), trace, symbols(1, "tick_nohz_handler", "vmstat_update"), symbols(3, "x"), symbols(3, "y"))
	c, err := New(eventtest.Source("trace", trace))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if name, told := c.(*capture).symbols[symbolKey{3, 1}]; name != "" || !told {
		t.Errorf("a number that is told twice is %q", name)
	}
	want := []struct {
		aside parser.Aside
		text  string
		count int64
	}{
		{parser.IRQEntry, "eth0", 41},
		{parser.IRQExit, "", 41},
		{parser.SoftirqEntry, "NET_RX", 3},
		{parser.CPUIdle, "", parser.IdleExit},
		{parser.WorkStart, "0xffffffff81234560", -1},
		{parser.HrtimerEntry, "tick_nohz_handler", -1},
		{parser.HrtimerExit, "", -1},
		{parser.WorkStart, "vmstat_update", -1},
		{parser.TimerEntry, "", -1},
		{parser.VectorEntry, "local_timer", 236},
		{parser.HrtimerEntry, "0xffffffff81234561", -1},
	}
	n := 0
	for ev, err := range c.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind != parser.KindOther {
			continue
		}
		if n == len(want) || ev.Aside != want[n].aside || ev.Text != want[n].text || ev.Count != want[n].count || ev.Context != parser.ContextHardirq {
			t.Errorf("%d: %+v", n, ev)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d of %d events", n, len(want))
	}
}

// The names of kernel functions, and the numbers of the messages that hold them, are what
// Perfetto's own trace processor makes of the same trace.
func TestSymbolsOfTraceProcessor(t *testing.T) {
	names := []string{"tick_nohz_handler", "vmstat_update", "process_timeout"}
	var interned pb.Message
	for i, name := range names {
		interned = interned.Sub(pb.InternedKernelSymbols, pb.Message(nil).Uint(pb.InternedIID, uint64(i+1)).Text(pb.InternedText, name))
	}
	b := waking(90, 9)(pb.Message(nil).Uint(pb.BundleCPU, 1))
	for i, event := range []protowire.Number{553, 58, 557, 559} {
		body := pb.Message(nil).Uint(map[protowire.Number]protowire.Number{553: 3, 58: 2, 557: 3, 559: 1}[event], uint64(i+1))
		b = b.Sub(pb.BundleEvent, pb.Message(nil).Uint(pb.EventTimestamp, uint64(100+i)).Uint(pb.EventPID, 7).Sub(event, body))
	}
	trace := packet(pb.Message(nil).Uint(pb.PacketSequenceFlags, pb.SequenceStateCleared).Sub(pb.PacketInterned, interned).
		Sub(pb.PacketFtraceEvents, b).Uint(pb.PacketSequenceID, 1))
	rows := traceprocessor.Query(t, trace, `select e.name, a.key, a.display_value as value from ftrace_event e join args a using (arg_set_id)
		where a.key in ('function', 'vector') order by e.ts`)[0]
	c, err := New(eventtest.Source("trace", trace))
	for i, ev := range read(t, c, err)[1:] {
		want := ev.Text
		if ev.Aside == parser.VectorEntry {
			want = strconv.FormatInt(ev.Count, 10)
		}
		if i >= len(rows) || rows[i]["name"] != ev.Name() || rows[i]["value"] != want && rows[i]["value"] != strconv.Itoa(i+1) {
			t.Errorf("%s %s; the trace processor has %v", ev.Name(), want, rows)
		}
		if i < len(names) && ev.Text != names[i] {
			t.Errorf("%s: %q", ev.Name(), ev.Text)
		}
	}
	if len(rows) != 4 || rows[0]["value"] != names[0] || rows[1]["value"] != names[1] {
		t.Errorf("the trace processor has %v", rows)
	}
}
