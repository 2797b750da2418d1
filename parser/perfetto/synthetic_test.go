package perfetto

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
	"schedreplay/parser/perfetto/pb"
)

// packet ends a message of a trace.
func packet(m pb.Message) []byte { return pb.Message(nil).Sub(pb.TracePacket, m) }

// bundle makes a packet of events of a CPU.
func ftraceBundle(sequence, cpu uint64, more func(pb.Message) pb.Message) []byte {
	m := more(pb.Message(nil).Uint(pb.BundleCPU, cpu))
	return packet(pb.Message(nil).Sub(pb.PacketFtraceEvents, m).Uint(pb.PacketSequenceID, sequence))
}

// waking makes a sched_waking told alone.
func waking(time, pid uint64) func(pb.Message) pb.Message {
	return func(m pb.Message) pb.Message {
		w := pb.Message(nil).Text(pb.WakeComm, "x").Uint(pb.WakePID, pid).Int(pb.WakePrio, 120).Uint(pb.WakeTargetCPU, 1)
		return m.Sub(pb.BundleEvent, pb.Message(nil).Uint(pb.EventTimestamp, time).Uint(pb.EventPID, 7).Sub(pb.EventSchedWaking, w).Uint(pb.EventFlags, 0x10))
	}
}

func packed(vs ...uint64) pb.Message {
	var m pb.Message
	for _, v := range vs {
		m = append(m, pb.Message(nil).Uint(1, v)[1:]...)
	}
	return m
}

// columns makes two switches and a waking, at 100, 110 and 105.
func columns(m pb.Message) pb.Message {
	c := pb.Message(nil).Text(pb.CompactIntern, "a").Text(pb.CompactIntern, "swapper/0").
		Sub(pb.CompactSwitchTime, packed(100, 10)).Sub(pb.CompactSwitchState, packed(1, 0x100)).Sub(pb.CompactSwitchPID, packed(0, 5)).
		Sub(pb.CompactSwitchPrio, packed(120, 120)).Sub(pb.CompactSwitchComm, packed(1, 0)).
		Sub(pb.CompactWakingTime, packed(105)).Sub(pb.CompactWakingPID, packed(5)).Sub(pb.CompactWakingTargetCPU, packed(0)).
		Sub(pb.CompactWakingPrio, packed(120)).Sub(pb.CompactWakingComm, packed(0)).Sub(pb.CompactWakingFlags, packed(0x08))
	return m.Sub(pb.BundleCompact, c)
}

func told(t *testing.T, trace ...[]byte) []string {
	t.Helper()
	c, err := New(eventtest.Source("trace", bytes.Join(trace, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return eventtest.Told(t, c)
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const (
	switch1 = `100 [000] @0 sched_switch "prev_comm= prev_pid=-1 prev_prio=-1000 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=120"`
	waking1 = `105 [000] @0 sched_waking "comm=a pid=5 prio=120 target_cpu=000" cur=0 "swapper/0" hardirq`
	switch2 = `110 [000] @0 sched_switch "prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R+ ==> next_comm=a next_pid=5 next_prio=120" cur=0 "swapper/0" unknown`
	alone   = ` sched_waking "comm=x pid=9 prio=120 target_cpu=001" cur=7 "" softirq`
)

// Columns are read in order of time, and what they leave out follows from them.
func TestColumns(t *testing.T) {
	same(t, told(t, ftraceBundle(2, 0, columns)), switch1, waking1, switch2)
	// Numbers that are not packed.
	loose := ftraceBundle(2, 0, func(m pb.Message) pb.Message {
		c := pb.Message(nil).Text(pb.CompactIntern, "a").Uint(pb.CompactWakingTime, 5).Uint(pb.CompactWakingTime, 1).Uint(pb.CompactWakingPID, 1).
			Uint(pb.CompactWakingPID, 2).Uint(pb.CompactWakingTargetCPU, 0).Uint(pb.CompactWakingTargetCPU, 1).
			Uint(pb.CompactWakingPrio, 120).Uint(pb.CompactWakingPrio, 120).Uint(pb.CompactWakingComm, 0).Uint(pb.CompactWakingComm, 0)
		return m.Sub(pb.BundleCompact, c)
	})
	same(t, told(t, loose), `5 [000] @0 sched_waking "comm=a pid=1 prio=120 target_cpu=000"`, `6 [000] @0 sched_waking "comm=a pid=2 prio=120 target_cpu=001"`)
}

// Bundles of several writers are merged; those that were dropped or overwritten are losses.
func TestLosses(t *testing.T) {
	stats := func(phase, overrun, dropped uint64) []byte {
		n := pb.Message(nil).Uint(pb.CPUStatsCPU, 1).Uint(pb.CPUStatsOverrun, overrun).Uint(pb.CPUStatsDropped, dropped)
		return packet(pb.Message(nil).Sub(pb.PacketFtraceStats, pb.Message(nil).Uint(pb.StatsPhase, phase).Sub(pb.StatsCPU, n)))
	}
	dropped := func(b []byte) []byte {
		r := pb.Read(b)
		r.Next()
		return packet(append(slices.Clone(r.Bytes), pb.Message(nil).Bool(pb.PacketPreviousDropped, true)...))
	}
	overwritten := func(m pb.Message) pb.Message { return waking(50, 9)(m).Uint(pb.BundlePreviousEnd, 40) }
	same(t, told(t,
		ftraceBundle(3, 1, overwritten),
		ftraceBundle(2, 0, columns),
		dropped(ftraceBundle(3, 1, waking(60, 9))),
		ftraceBundle(4, 2, func(m pb.Message) pb.Message { return waking(55, 9)(m).Bool(pb.BundleLostEvents, true) }),
		ftraceBundle(2, 0, func(m pb.Message) pb.Message { return columns(m).Bool(pb.BundleLostEvents, true) }),
		stats(1, 5, 0), stats(2, 7, 3)),
		"50 [001] @0 overwritten", "50 [001] @0"+alone, "55 [002] @0 overwritten", "55 [002] @0"+alone, "60 [001] @0 lost start=50", "60 [001] @0"+alone,
		"60 [001] @0 lost start=50 count=3", switch1, waking1, switch2,
		"110 [000] @0 damaged \"time runs backwards by 10 ns: one event left out\"", "110 [000] @0 damaged \"time runs backwards by 5 ns: one event left out\"",
		"110 [000] @0 lost start=110", `110 [000] @0 sched_switch "prev_comm= prev_pid=-1 prev_prio=-1000 prev_state=R+ ==> next_comm=a next_pid=5 next_prio=120"`)
}

// What cannot be read is told and costs nothing else.
func TestDamage(t *testing.T) {
	long := func(m pb.Message) pb.Message { // one time too many
		c := pb.Message(nil).Text(pb.CompactIntern, "a").Sub(pb.CompactWakingTime, packed(105, 1)).Sub(pb.CompactWakingPID, packed(5)).
			Sub(pb.CompactWakingTargetCPU, packed(0)).Sub(pb.CompactWakingPrio, packed(120)).Sub(pb.CompactWakingComm, packed(0))
		return m.Sub(pb.BundleCompact, c)
	}
	got := told(t, ftraceBundle(2, 0, long), ftraceBundle(2, 9000, columns), ftraceBundle(2, 1, waking(200, 9)),
		ftraceBundle(2, 1, func(m pb.Message) pb.Message {
			return m.Sub(pb.BundleEvent, pb.Message{0xff}).Sub(pb.BundleError, pb.Message(nil).Uint(pb.ErrorStatus, 6))
		}))
	same(t, got, `105 [-01] @0 damaged "a bundle of events of CPU 9000"`,
		`105 [000] @0 sched_waking "comm=a pid=5 prio=120 target_cpu=000"`, `105 [000] @0 damaged "`+badColumns+`"`,
		"200 [001] @0"+alone,
		`200 [001] @0 damaged "the recorder could not read the ring buffer here (ftrace_parse_status 6)"`, `200 [001] @0 damaged "an event without a time stamp"`)
}

// Compressed packets hold what others hold.
func TestCompressed(t *testing.T) {
	inside := slices.Concat(ftraceBundle(2, 0, columns), ftraceBundle(2, 1, waking(107, 9)))
	var deflated bytes.Buffer
	z := zlib.NewWriter(&deflated)
	z.Write(inside)
	z.Close()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string][]byte{
		"deflate": packet(pb.Message(nil).Text(pb.PacketDeflated, deflated.String())),
		"zstd":    packet(pb.Message(nil).Text(pb.PacketZstd, string(e.EncodeAll(inside, nil)))),
	} {
		t.Run(name, func(t *testing.T) {
			same(t, told(t, p, ftraceBundle(2, 3, waking(200, 9))), switch1, waking1, "107 [001] @0"+alone, switch2, "200 [003] @0"+alone)
			// Cut inside: what came before stands.
			c, err := New(eventtest.Source("trace", p[:len(p)-1]))
			if err == nil || !errors.Is(err, parser.ErrTruncated) {
				t.Errorf("%v, %v", c, err)
			}
		})
	}
}

// What is no trace, or none of use, is refused in a word.
func TestRefused(t *testing.T) {
	for text, want := range map[string]error{
		"# tracer: nop\n": parser.ErrFormat,
		"":                nil,
		string(packet(pb.Message(nil).Uint(pb.EventPID, 1))):     parser.ErrUnsupported,
		string(ftraceBundle(2, 0, columns)[:30]):                 parser.ErrTruncated,
		string(ftraceBundle(2, 0, columns)) + "\x0a\xff\xff\x7f": nil,
	} {
		if c, err := New(eventtest.Source("in", []byte(text))); want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %v", text, err)
		} else if err == nil {
			c.Close()
		}
	}
	if _, err := New(parser.Source{Name: "-", Open: func() (io.ReadCloser, error) { return nil, io.EOF }}); !errors.Is(err, parser.ErrUnsupported) {
		t.Error(err)
	}
	for _, text := range []string{"\n# tracer: nop\n#\n#           TASK-PID", "\n\n\n", "\n  some text that a person wrote, of some length", "\n\n10: x\n"} {
		if Looks([]byte(text)) {
			t.Errorf("%q looks like a trace", text)
		}
	}
	many := ftraceBundle(2, 0, func(m pb.Message) pb.Message {
		for i := range uint64(100) {
			m = waking(i, 9)(m)
		}
		return m
	})
	if !Looks(many[:512]) {
		t.Error("the beginning of a packet does not look like a trace")
	}
	for _, name := range recorded {
		if b := eventtest.Unpack(t, "testdata/"+name+".pftrace.zst"); !Looks(b[:4096]) {
			t.Error("a trace does not look like one")
		}
	}
}

var open = func(b []byte) (parser.Capture, error) { return New(eventtest.Source("in", b)) }

func seeds() map[string][]byte {
	return map[string][]byte{
		"columns": ftraceBundle(2, 0, columns),
		"alone":   slices.Concat(ftraceBundle(2, 0, waking(5, 9)), ftraceBundle(3, 1, waking(6, 9))),
	}
}

func FuzzNew(f *testing.F) {
	eventtest.Corpus(f, "FuzzNew", seeds())
	f.Fuzz(func(t *testing.T, b []byte) {
		Looks(b)
		if err := eventtest.Exercise(open, b); err != nil {
			t.Error(err)
		}
	})
}

func TestMutilated(t *testing.T) {
	for name, b := range seeds() {
		t.Run(name, func(t *testing.T) { eventtest.Mutilate(t, b, 1, 400, maxHeld, open) })
	}
	if testing.Short() {
		return
	}
	for _, name := range recorded {
		t.Run(name, func(t *testing.T) {
			eventtest.Mutilate(t, eventtest.Unpack(t, "testdata/"+name+".pftrace.zst"), 4096, 25, maxHeld, open)
		})
	}
}

// sched_stat_runtime is an event that Perfetto does not know: older traces name its
// fields in each event, newer ones describe them once.
func TestStatRuntime(t *testing.T) {
	field := func(name string, num uint64) pb.Message {
		return pb.Message(nil).Text(pb.FieldName, name).Uint(pb.FieldNumber, num)
	}
	const id = pb.EventFirstDescribed + 3
	described := func(m pb.Message) pb.Message {
		d := pb.Message(nil).Text(pb.MessageName, pb.StatRuntimeEvent).Sub(pb.MessageField, field("comm", 1)).
			Sub(pb.MessageField, field("pid", 2)).Sub(pb.MessageField, field("runtime", 3))
		ev := pb.Message(nil).Text(1, "x").Uint(2, 9).Uint(3, 777)
		return m.Sub(pb.BundleEvent, pb.Message(nil).Uint(pb.EventTimestamp, 30).Uint(pb.EventPID, 9).Sub(id, ev)).
			Sub(pb.BundleDescriptor, pb.Message(nil).Uint(pb.DescriptorField, id).Text(pb.DescriptorGroup, pb.GroupSched).Sub(pb.DescriptorProto, d))
	}
	named := func(m pb.Message) pb.Message {
		value := func(name string) pb.Message { return pb.Message(nil).Text(pb.GenericFieldName, name) }
		ev := pb.Message(nil).Text(pb.GenericName, pb.StatRuntimeEvent).Sub(pb.GenericField, value("comm").Text(pb.GenericText, "x")).
			Sub(pb.GenericField, value("pid").Int(pb.GenericInt, 9)).Sub(pb.GenericField, value("runtime").Uint(pb.GenericUint, 778))
		return m.Sub(pb.BundleEvent, pb.Message(nil).Uint(pb.EventTimestamp, 40).Uint(pb.EventPID, 9).Sub(pb.EventGeneric, ev))
	}
	same(t, told(t, ftraceBundle(2, 0, waking(20, 9)), ftraceBundle(2, 0, described), ftraceBundle(2, 0, named)),
		"20 [000] @0"+alone, `30 [000] @0 sched_stat_runtime "comm=x pid=9 runtime=777" cur=9 "" unknown`,
		`40 [000] @0 sched_stat_runtime "comm=x pid=9 runtime=778" cur=9 "" unknown`)
}
