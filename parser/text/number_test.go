package text

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/parser"
)

func TestTime(t *testing.T) {
	tests := []struct {
		in     string
		ns     int64
		digits int
		rest   string
		ok     bool
	}{
		{"632.213923: x", 632213923000, 6, ": x", true},
		{"0.000001", 1000, 6, "", true},
		{"410.308626194:", 410308626194, 9, ":", true},
		{"1795353411.982973:", 1795353411982973000, 6, ":", true}, // 61 bits
		{"9223372035.999999999", 9223372035999999999, 9, "", true},
		{"12.345 ", 12345000000, 3, " ", true},
		{"-1.5", -1500000000, 1, "", true},
		{"9223372036.0", 0, 0, "", false},
		{"99999999999999999999.0", 0, 0, "", false},
		{"1.0000000001", 0, 0, "", false},
		{"65868", 0, 0, "", false},
		{"65868:", 0, 0, "", false},
		{"1.", 0, 0, "", false},
		{".5", 0, 0, "", false},
		{"", 0, 0, "", false},
		{"-", 0, 0, "", false},
	}
	for _, test := range tests {
		ns, digits, rest, ok := Time([]byte(test.in))
		if ok != test.ok || ok && (ns != test.ns || digits != test.digits || string(rest) != test.rest) {
			t.Errorf("%q: %d, %d digits, %q, %v", test.in, ns, digits, rest, ok)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Int64Range(0, math.MaxInt64/1_000_000_000*1_000_000_000-1).Draw(t, "ns")
		got, digits, rest, ok := Time(fmt.Appendf(nil, "%d.%09d:", ns/1e9, ns%1e9))
		if !ok || got != ns || digits != 9 || string(rest) != ":" {
			t.Fatalf("%d: %d, %v", ns, got, ok)
		}
	})
}

func TestInt(t *testing.T) {
	tests := []struct {
		in   string
		n    int64
		rest string
		ok   bool
	}{
		{"120 x", 120, " x", true},
		{"007", 7, "", true},
		{"-1/7275", -1, "/7275", true},
		{"0x78 (120) prev", 120, " prev", true},
		{"0xffffffff (-1)", -1, "", true},
		{"0x20", 32, "", true},
		{"0x20 (x", 32, " (x", true},
		{"0x", 0, "x", true},
		{"0x00000000000000001", 0, "", false},
		{"9223372036854775807", math.MaxInt64, "", true},
		{"9223372036854775808", 0, "", false},
		{"", 0, "", false},
		{"-", 0, "", false},
	}
	for _, test := range tests {
		n, rest, ok := Int([]byte(test.in))
		if ok != test.ok || ok && (n != test.n || string(rest) != test.rest) {
			t.Errorf("%q: %d, %q, %v", test.in, n, rest, ok)
		}
	}
}

// One kernel value, the letters that kernels and tools print for it.
func TestStates(t *testing.T) {
	const (
		R, S, D, T, tr = parser.StateRunning, parser.StateSleeping, parser.StateBlocked, parser.StateStopped, parser.StateTraced
		X, Z, P, I     = parser.StateDead, parser.StateZombie, parser.StateParked, parser.StateIdle
		plus, off      = parser.StatePreempted, parser.StateOff
	)
	kernel := map[string]parser.State{
		"R": R, "S": S, "D": D, "T": T, "t": tr, "X": X, "Z": Z, "P": P, "I": I, "R+": R | plus, "S+": S | plus, "+": plus,
		"D|K": D, "D|W": D, "S|K": S, "x": X, "K": off, "W": off, "D|N": I, "S|D": S | D, "T|K": T,
		"0": R, "1": S, "2": D, "128": I, "256": R | plus, "0x20 (32)": Z, "0x100 (256)": R | plus,
		// Numbers of kernels before 4.14.
		"1024": R | plus, "2048": R | plus, "4096": R | plus, "512": 0, "130": D, "129": S, "0x402 (1026)": I, "80": off,
		"": 0, "?": 0, "SD": 0, "S|": S, "|S": 0, "y": 0,
	}
	for in, want := range kernel {
		if got := KernelState([]byte(in)); got != want {
			t.Errorf("kernel %q: %s, want %s", in, got, want)
		}
	}
	both := map[string]parser.State{"R": R, "S": S, "D": D, "T": T, "t": tr, "X": off, "Z": off, "x": P, "P": P, "I": I, "?": 0, "": 0, "S|D": S | D, "R+": R | plus}
	for _, perf := range []bool{false, true} {
		for in, want := range both {
			if got := LyingState([]byte(in), perf); got != want {
				t.Errorf("tool %q: %s, want %s", in, got, want)
			}
		}
	}
	for in, want := range map[string]parser.State{"W": R | plus, "K": I} {
		if got := LyingState([]byte(in), true); got != want {
			t.Errorf("perf %q: %s, want %s", in, got, want)
		}
	}
	if got := LyingState([]byte("W"), false); got != I {
		t.Errorf("libtraceevent W: %s", got)
	}
}

// Whatever a name holds, the payload around it is read and the name comes out
// byte for byte.
func TestPayload(t *testing.T) {
	marks := []string{" pid=1", " prio=2", " ==> next_comm=", " next_pid=3", " prev_state=S", "prev_comm=", " child_comm=", "\n", " success=0", "comm=", "="}
	name := rapid.Custom(func(t *rapid.T) string {
		b := []byte(rapid.SampledFrom(marks).Draw(t, "mark"))
		for range rapid.IntRange(0, 3).Draw(t, "more") {
			b = append(b, rapid.SampledFrom(marks).Draw(t, "mark")...)
			b = append(b, rapid.Byte().Draw(t, "byte"))
		}
		b = b[:min(len(b), rapid.IntRange(0, 15).Draw(t, "length"))]
		for i, c := range b {
			if c == 0 {
				b[i] = 'x' // the end of a name in the kernel
			}
		}
		return string(b)
	})
	rapid.Check(t, func(t *rapid.T) {
		var names parser.Names
		task := rapid.Custom(func(t *rapid.T) parser.Task {
			return parser.Task{PID: rapid.Int32Range(0, math.MaxInt32).Draw(t, "pid"), Prio: rapid.Int32Range(-1, 139).Draw(t, "prio"), Comm: name.Draw(t, "comm")}
		})
		a, b := task.Draw(t, "a"), task.Draw(t, "b")
		cpu, cpu2 := rapid.Int32Range(0, 8191).Draw(t, "cpu"), rapid.Int32Range(0, 8191).Draw(t, "cpu2")
		check := func(want parser.Event, format string, args ...any) {
			text := fmt.Sprintf(format, args...)
			got := parser.NewEvent(want.Kind, 0, 0)
			if !Payload(&got, []byte(text), &names) {
				t.Fatalf("%s: not read: %q", want.Kind, text)
			}
			if got != want {
				t.Fatalf("%q:\n got %+v\nwant %+v", text, got, want)
			}
		}
		sw := parser.NewEvent(parser.KindSwitch, 0, 0)
		sw.Task, sw.Next, sw.State = a, b, parser.StateRunning|parser.StatePreempted
		check(sw, "prev_comm=%s prev_pid=%d prev_prio=%d prev_state=R+ ==> next_comm=%s next_pid=%d next_prio=%d", a.Comm, a.PID, a.Prio, b.Comm, b.PID, b.Prio)
		waking := parser.NewEvent(parser.KindWaking, 0, 0)
		waking.Task, waking.TargetCPU = a, cpu
		check(waking, "comm=%s pid=%d prio=%d target_cpu=%03d", a.Comm, a.PID, a.Prio, cpu)
		migrate := parser.NewEvent(parser.KindMigrate, 0, 0)
		migrate.Task, migrate.OrigCPU, migrate.TargetCPU = a, cpu, cpu2
		check(migrate, "comm=%s pid=%d prio=%d orig_cpu=%d dest_cpu=%d", a.Comm, a.PID, a.Prio, cpu, cpu2)
		a.Prio, b.Prio = parser.NoPrio, parser.NoPrio
		fork := parser.NewEvent(parser.KindFork, 0, 0)
		fork.Task, fork.Next = a, b
		check(fork, "comm=%s pid=%d child_comm=%s child_pid=%d", a.Comm, a.PID, b.Comm, b.PID)
		runtime := parser.NewEvent(parser.KindStatRuntime, 0, 0)
		runtime.Task, runtime.Runtime = a, 12345
		check(runtime, "comm=%s pid=%d runtime=12345 [ns] vruntime=1 [ns]", a.Comm, a.PID)
	})
}

// Two lines are never taken for one record.
func TestPayloadOfTwoLines(t *testing.T) {
	var names parser.Names
	ev := parser.NewEvent(parser.KindSwitch, 0, 0)
	if Payload(&ev, []byte("prev_comm=rm pr\n   a-1  [000] d..2.  1.000000: sched_switch: prev_comm=a prev_pid=1 prev_prio=1 prev_state=S ==> next_comm=b next_pid=1 next_prio=1"), &names) {
		t.Errorf("read as one: %+v", ev)
	}
}
