package tep

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"schedreplay/parser"
)

// table makes a table of one event with the given fields, "type name size",
// laid out one after the other.
func table(t testing.TB, order Order, name string, fields ...string) *Table {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\nID: 9\nformat:\n%s", name, commonFields)
	off := 8
	for _, f := range fields {
		i := strings.LastIndexByte(f, ' ')
		var size int
		if _, err := fmt.Sscan(f[i+1:], &size); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\tfield:%s;\toffset:%d;\tsize:%d;\tsigned:1;\n", f[:i], off, size)
		off += size
	}
	f, err := ParseFormat([]byte(b.String() + "print fmt: " + statePrints["4.19"] + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	f.System = "sched"
	if name == "task_rename" {
		f.System = "task"
	}
	tab := NewTable(order)
	tab.Add(f)
	return tab
}

// raw builds a record: header, then numbers by size and strings.
func raw(flags byte, pid int32, parts ...any) []byte {
	b := []byte{9, 0, flags, 0}
	b = binary.LittleEndian.AppendUint32(b, uint32(pid))
	for _, p := range parts {
		switch v := p.(type) {
		case int:
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		case uint64:
			b = binary.LittleEndian.AppendUint64(b, v)
		case string:
			b = append(b, v...)
		}
	}
	return b
}

func comm(s string) string { return s + strings.Repeat("\x00", 16-len(s)) }

// Each event in the layouts of kernels of different ages.
func TestDecode(t *testing.T) {
	event := func(k parser.Kind, change func(*parser.Event)) parser.Event {
		e := parser.NewEvent(k, 5, 1)
		e.Context, e.Cur.PID = parser.ContextTask, 77
		change(&e)
		return e
	}
	task := func(pid, prio int32, comm string) parser.Task { return parser.Task{PID: pid, Prio: prio, Comm: comm} }
	for _, c := range []struct {
		name   string
		event  string
		fields []string
		raw    []byte
		want   parser.Event
	}{
		{
			"waking", "sched_waking",
			[]string{"char comm[16] 16", "pid_t pid 4", "int prio 4", "int target_cpu 4"},
			raw(0, 77, comm("a b"), 8, -1, 3),
			event(parser.KindWaking, func(e *parser.Event) { e.Task, e.TargetCPU = task(8, -1, "a b"), 3 }),
		},
		{
			"wakeup of 4.2", "sched_wakeup",
			[]string{"char comm[16] 16", "pid_t pid 4", "int prio 4", "int success 4", "int target_cpu 4"},
			raw(0, 77, comm("full sixteen byt"), 8, 99, 1, 3),
			event(parser.KindWakeup, func(e *parser.Event) { e.Task, e.TargetCPU = task(8, 99, "full sixteen byt"), 3 }),
		},
		{
			"nobody woken", "sched_wakeup",
			[]string{"char comm[16] 16", "pid_t pid 4", "int prio 4", "int success 4", "int target_cpu 4"},
			raw(0, 77, comm("x"), 8, 99, 0, 3),
			event(parser.KindOther, func(e *parser.Event) { e.Text = "sched:sched_wakeup" }),
		},
		{
			"migrate of 6.18", "sched_migrate_task",
			[]string{"__data_loc char[] comm 4", "pid_t pid 4", "int prio 4", "int orig_cpu 4", "int dest_cpu 4"},
			raw(0, 77, 5<<16|28, 8, 120, 1, 2, "ksmd\x00junk"),
			event(parser.KindMigrate, func(e *parser.Event) { e.Task, e.OrigCPU, e.TargetCPU = task(8, 120, "ksmd"), 1, 2 }),
		},
		{
			"migrate by __rel_loc", "sched_migrate_task",
			[]string{"__rel_loc char[] comm 4", "pid_t pid 4", "int prio 4", "int orig_cpu 4", "int dest_cpu 4"},
			raw(0, 77, 5<<16|16, 8, 120, 1, 2, "ksmd\x00"),
			event(parser.KindMigrate, func(e *parser.Event) { e.Task, e.OrigCPU, e.TargetCPU = task(8, 120, "ksmd"), 1, 2 }),
		},
		{
			"runtime", "sched_stat_runtime",
			[]string{"char comm[16] 16", "pid_t pid 4", "char pad 4", "u64 runtime 8", "u64 vruntime 8"},
			raw(0, 77, comm("x"), 8, 0, uint64(1)<<40, uint64(7)),
			event(parser.KindStatRuntime, func(e *parser.Event) { e.Task, e.Runtime = task(8, parser.NoPrio, "x"), 1<<40 }),
		},
		{
			"fork", "sched_process_fork",
			[]string{"char parent_comm[16] 16", "pid_t parent_pid 4", "char child_comm[16] 16", "pid_t child_pid 4"},
			raw(0, 77, comm("sh"), 8, comm("sh"), 9),
			event(parser.KindFork, func(e *parser.Event) { e.Task, e.Next = task(8, parser.NoPrio, "sh"), task(9, parser.NoPrio, "sh") }),
		},
		{
			"exec", "sched_process_exec",
			[]string{"__data_loc char[] filename 4", "pid_t pid 4", "pid_t old_pid 4"},
			raw(0, 77, 8<<16|20, 8, 9, "/bin/sh\x00"),
			event(parser.KindExec, func(e *parser.Event) { e.Task, e.OldPID, e.Text = task(8, parser.NoPrio, ""), 9, "/bin/sh" }),
		},
		{
			"exit", "sched_process_exit",
			[]string{"char comm[16] 16", "pid_t pid 4", "int prio 4"},
			raw(0, 77, comm(""), 8, 120),
			event(parser.KindExit, func(e *parser.Event) { e.Task = task(8, 120, "") }),
		},
		{
			"rename of 6.12", "task_rename",
			[]string{"pid_t pid 4", "char oldcomm[16] 16", "char newcomm[16] 16"},
			raw(0, 77, 8, comm("old"), comm("new")),
			event(parser.KindComm, func(e *parser.Event) { e.Task = task(8, parser.NoPrio, "new") }),
		},
		{
			"rename without a pid", "task_rename",
			[]string{"char oldcomm[16] 16", "char newcomm[16] 16"},
			raw(0, 77, comm("old"), comm("new")),
			event(parser.KindComm, func(e *parser.Event) { e.Task = task(77, parser.NoPrio, "new") }),
		},
		{
			"another event", "sched_stat_wait",
			[]string{"char comm[16] 16"},
			raw(0, 77, comm("x")),
			event(parser.KindOther, func(e *parser.Event) { e.Text = "sched:sched_stat_wait" }),
		},
		{
			"pid missing", "sched_waking",
			[]string{"char comm[16] 16", "int prio 4"},
			raw(0, 77, comm("x"), 1),
			event(parser.KindOther, func(e *parser.Event) { e.Text = "sched:sched_waking" }),
		},
		{
			"fields missing", "sched_switch",
			[]string{"pid_t prev_pid 4", "pid_t next_pid 4"},
			raw(0, 77, 1, 2),
			event(parser.KindSwitch, func(e *parser.Event) { e.Task, e.Next = task(1, parser.NoPrio, ""), task(2, parser.NoPrio, "") }),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := table(t, Little, c.event, c.fields...)
			got := parser.NewEvent(parser.KindOther, 5, 1)
			if err := tab.Decode(c.raw, &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			// No prefix of the record brings the decoder down.
			for n := range c.raw {
				e := parser.NewEvent(parser.KindOther, 5, 1)
				if err := tab.Decode(c.raw[:n:n], &e); err == nil && n < 8 {
					t.Errorf("%d bytes are enough", n)
				}
			}
		})
	}
}

func TestContext(t *testing.T) {
	tab := table(t, Little, "any")
	for flags, want := range map[byte]parser.Context{
		0: parser.ContextTask, 1: parser.ContextTask, 2: parser.ContextTask, 4 | 0x20: parser.ContextTask, 0x80: parser.ContextTask,
		0x10: parser.ContextSoftirq, 0x90: parser.ContextSoftirq, 8: parser.ContextHardirq, 0x18: parser.ContextHardirq,
		0x40: parser.ContextNMI, 0x58: parser.ContextNMI,
	} {
		e := parser.NewEvent(parser.KindOther, 0, 0)
		if err := tab.Decode(raw(flags, 1), &e); err != nil || e.Context != want {
			t.Errorf("%#x: %v, %v, want %v", flags, e.Context, err, want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	tab := table(t, Little, "sched_process_exec", "__data_loc char[] filename 4", "pid_t pid 4")
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"empty":         {nil, ErrRecord},
		"short":         {[]byte{9, 0, 0}, ErrRecord},
		"unknown":       {[]byte{8, 0, 0, 0, 0, 0, 0, 0}, ErrUnknownEvent},
		"fields":        {raw(0, 1, 0), ErrRecord},
		"text outside":  {raw(0, 1, 9<<16|16, 2, "short"), ErrRecord},
		"text far away": {raw(0, 1, 1<<16|0xffff, 2, "short"), ErrRecord},
	} {
		e := parser.NewEvent(parser.KindOther, 0, 0)
		if err := tab.Decode(c.raw, &e); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// Decoding gives back what was written, in both byte orders.
func TestDecodeProperty(t *testing.T) {
	tables := map[Order]*Table{}
	for _, o := range []Order{Little, Big} {
		tables[o] = table(t, o, "sched_switch", "char prev_comm[16] 16", "pid_t prev_pid 4", "int prev_prio 4", "long prev_state 8",
			"char next_comm[16] 16", "pid_t next_pid 4", "int next_prio 4")
	}
	rapid.Check(t, func(t *rapid.T) {
		o := Order(rapid.Bool().Draw(t, "big"))
		name := rapid.StringOfN(rapid.RuneFrom([]rune("ab \n\x1b=>é")), 0, 7, 15)
		prio := rapid.Int32Range(-1, 139)
		pid := rapid.Int32Range(0, 1<<22)
		prev := parser.Task{PID: pid.Draw(t, "pid"), Prio: prio.Draw(t, "prio"), Comm: name.Draw(t, "comm")}
		next := parser.Task{PID: pid.Draw(t, "pid"), Prio: prio.Draw(t, "prio"), Comm: name.Draw(t, "comm")}
		var order interface {
			binary.ByteOrder
			binary.AppendByteOrder
		} = binary.LittleEndian
		if o == Big {
			order = binary.BigEndian
		}
		b := order.AppendUint16(nil, 9)
		b = append(b, 8, 0)
		b = order.AppendUint32(b, uint32(prev.PID))
		b = append(b, comm(prev.Comm)...)
		b = order.AppendUint32(b, uint32(prev.PID))
		b = order.AppendUint32(b, uint32(prev.Prio))
		b = order.AppendUint64(b, 0x100)
		b = append(b, comm(next.Comm)...)
		b = order.AppendUint32(b, uint32(next.PID))
		b = order.AppendUint32(b, uint32(next.Prio))
		e := parser.NewEvent(parser.KindOther, 1, 2)
		if err := tables[o].Decode(b, &e); err != nil {
			t.Fatal(err)
		}
		want := parser.NewEvent(parser.KindSwitch, 1, 2)
		want.Task, want.Next, want.State, want.Context = prev, next, parser.StateRunning|parser.StatePreempted, parser.ContextHardirq
		want.Cur.PID = prev.PID
		if e != want {
			t.Fatalf("%+v, want %+v", e, want)
		}
	})
}

// What is decoded in one piece comes out as it does field by field, of the formats of kernels.
func TestPlain(t *testing.T) {
	files, err := filepath.Glob("testdata/format-*.txt")
	if err != nil {
		t.Fatal(err)
	}
	plain := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := ParseFormat(text)
		if err != nil {
			t.Fatal(err)
		}
		f.System = "sched"
		tab := NewTable(Little)
		tab.Add(f)
		e := tab.events[f.ID]
		if !e.plain {
			continue
		}
		plain++
		r := rand.New(rand.NewPCG(1, uint64(plain)))
		for range 20_000 {
			b := make([]byte, e.need+r.IntN(40))
			for i := range b {
				if r.IntN(3) > 0 {
					b[i] = byte(r.Uint32() >> r.IntN(32))
				}
			}
			for _, l := range e.loc {
				if l.place == DataLoc { // most lie within
					binary.LittleEndian.PutUint32(b[l.off:], uint32(r.IntN(20))<<16|uint32(r.IntN(len(b))))
				}
			}
			fast, slow := parser.NewEvent(e.kind, 1, 2), parser.NewEvent(e.kind, 1, 2)
			ok, err := tab.decodePlain(e, b, &fast), tab.decode(e, b, &slow)
			if ok != (err == nil) || ok && fast != slow {
				t.Fatalf("%s: %x gives %v %+v, field by field %v %+v", file, b, ok, fast, err, slow)
			}
		}
	}
	if plain < 12 {
		t.Errorf("of %d formats %d are plain", len(files), plain)
	}
}

func BenchmarkDecode(b *testing.B) {
	tab := table(b, Little, "sched_switch", "char prev_comm[16] 16", "pid_t prev_pid 4", "int prev_prio 4", "long prev_state 8",
		"char next_comm[16] 16", "pid_t next_pid 4", "int next_prio 4")
	r := raw(1, 7, comm("kworker/u8:3"), 7, 120, uint64(1), comm("ksmd"), 8, 125)
	b.ReportAllocs()
	for b.Loop() {
		e := parser.NewEvent(parser.KindOther, 1, 2)
		if err := tab.Decode(r, &e); err != nil {
			b.Fatal(err)
		}
	}
}
