package perfetto

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/internal/eventtest"
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
		return event(m, 160, 65540, pb.Message(nil).Uint(3, 0xffffffff81234561)).Sub(pb.BundleDescriptor, described)
	})
	c, err := New(eventtest.Source("trace", bytes.Clone(trace)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
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
