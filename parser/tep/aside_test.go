package tep

import (
	"encoding/binary"
	"strings"
	"testing"

	"schedreplay/parser"
)

// asideTable makes a table of one event of a system, its fields as Linux 6.18 has them.
func asideTable(t *testing.T, system, name, fields string) *Table {
	t.Helper()
	f, err := ParseFormat([]byte("name: " + name + "\nID: 9\nformat:\n" + commonFields + fields + "\nprint fmt: \"\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	f.System = system
	tab := NewTable(Little)
	tab.Add(f)
	if len(tab.Notes()) > 0 {
		t.Errorf("%s: %v", name, tab.Notes())
	}
	return tab
}

// Records tell what they do beside tasks.
func TestAsides(t *testing.T) {
	const function = "\tfield:void * hrtimer;\toffset:8;\tsize:8;\tsigned:0;\n\tfield:s64 now;\toffset:16;\tsize:8;\tsigned:1;\n\tfield:void * function;\toffset:24;\tsize:8;\tsigned:0;\n"
	const reason = "\tfield:const char * reason;\toffset:8;\tsize:8;\tsigned:0;\n"
	const at = uint64(0xffffffff81234560)
	for _, c := range []struct {
		system, name, fields string
		record               []byte
		aside                parser.Aside
		text                 string
		count                int64
		cpu                  int32
	}{
		{
			"irq", "irq_handler_entry", "\tfield:int irq;\toffset:8;\tsize:4;\tsigned:1;\n\tfield:__data_loc char[] name;\toffset:12;\tsize:4;\tsigned:0;\n",
			raw(0, 1, 36, 5<<16|16, "eth0\x00"), parser.IRQEntry, "eth0", 36, -1,
		},
		{"irq", "softirq_entry", "\tfield:unsigned int vec;\toffset:8;\tsize:4;\tsigned:0;\n", raw(0, 1, 3), parser.SoftirqEntry, "NET_RX", 3, -1},
		{"timer", "hrtimer_expire_entry", function, raw(0, 1, uint64(1), uint64(2), at), parser.HrtimerEntry, "tick_nohz_handler", -1, -1},
		{"timer", "hrtimer_expire_entry", function, raw(0, 1, uint64(1), uint64(2), at-1), parser.HrtimerEntry, "0xffffffff8123455f", -1, -1},
		{"timer", "hrtimer_expire_exit", "\tfield:void * hrtimer;\toffset:8;\tsize:8;\tsigned:0;\n", raw(0, 1, uint64(1)), parser.HrtimerExit, "", -1, -1},
		{"irq_vectors", "local_timer_entry", "\tfield:int vector;\toffset:8;\tsize:4;\tsigned:1;\n", raw(0, 1, 236), parser.VectorEntry, "local_timer", 236, -1},
		{"power", "cpu_idle", "\tfield:u32 state;\toffset:8;\tsize:4;\tsigned:0;\n", raw(0, 1, -1), parser.CPUIdle, "", parser.IdleExit, -1},
		{
			"ipi", "ipi_send_cpu", "\tfield:unsigned int cpu;\toffset:8;\tsize:4;\tsigned:0;\n\tfield:void * callsite;\toffset:16;\tsize:8;\tsigned:0;\n\tfield:void * callback;\toffset:24;\tsize:8;\tsigned:0;\n",
			raw(0, 1, 5, 0, at+9, uint64(0)), parser.IPISend, "tick_nohz_handler", -1, 5,
		},
		{"ipi", "ipi_entry", reason, raw(0, 1, at+16), parser.IPIEntry, "Rescheduling interrupts", -1, -1},
		{"ipi", "ipi_exit", reason, raw(0, 1, at+17), parser.IPIExit, "", -1, -1},
		{
			"ipi", "ipi_raise", "\tfield:__data_loc unsigned long[] target_cpus;\toffset:8;\tsize:4;\tsigned:0;\n\tfield:const char * reason;\toffset:16;\tsize:8;\tsigned:0;\n",
			raw(0, 1, 8<<16|24, 0, at+16, uint64(1)<<41), parser.IPIRaise, "Rescheduling interrupts", -1, 41,
		},
		{
			"ipi", "ipi_raise", "\tfield:__data_loc cpumask_t target_cpus;\toffset:8;\tsize:4;\tsigned:0;\n\tfield:const char * reason;\toffset:16;\tsize:8;\tsigned:0;\n",
			raw(0, 1, 8<<16|24, 0, at+16, uint64(3)<<41), parser.NoAside, "ipi:ipi_raise", -1, -1,
		},
	} {
		tab := asideTable(t, c.system, c.name, c.fields)
		tab.symbols = parseSymbols([]byte("ffffffff81234560 t tick_nohz_handler\nffffffff81234560 d data\n0000000000000000 T hidden\nffffffff81234561 D data [mod]\n"))
		tab.printk = parsePrintk([]byte("0xffffffff81234570 : \"Rescheduling interrupts\"\n0xffffffff81234580 : \"no end\n: \"\"\n0x0 : \"null\"\n"))
		ev := parser.NewEvent(parser.KindOther, 0, 0)
		if err := tab.Decode(c.record, &ev); err != nil {
			t.Fatal(err)
		}
		if ev.Aside != c.aside || ev.Text != c.text || ev.Count != c.count || ev.TargetCPU != c.cpu || !strings.HasSuffix(ev.Name(), c.name) {
			t.Errorf("%s: %+v", c.name, ev)
		}
		// A copy that leaves the company tells the same, but where the kernel lies.
		tab.Scrub(c.record, func(text []byte, _ bool) { copy(text, "ABCDEFGH") })
		ev = parser.NewEvent(parser.KindOther, 0, 0)
		if err := tab.Decode(c.record, &ev); err != nil || ev.Aside != c.aside || ev.Count != c.count || ev.TargetCPU != c.cpu {
			t.Errorf("%s scrubbed: %+v %v", c.name, ev, err)
		}
		if ev.Text != "" && ev.Text != c.text && ev.Text != "ABCD" {
			t.Errorf("%s scrubbed: %q", c.name, ev.Text)
		}
		for i := 0; i+8 <= len(c.record); i++ {
			if binary.LittleEndian.Uint64(c.record[i:]) == at {
				t.Errorf("%s scrubbed: the address is still there", c.name)
			}
		}
	}
}

// A format without the field that counts tells nothing, and says so.
func TestAsideWithoutField(t *testing.T) {
	f, err := ParseFormat([]byte("name: softirq_entry\nID: 9\nformat:\n" + commonFields + "\nprint fmt: \"\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	f.System = "irq"
	tab := NewTable(Little)
	tab.Add(f)
	ev := parser.NewEvent(parser.KindOther, 0, 0)
	if err := tab.Decode(raw(0, 1), &ev); err != nil || ev.Aside != parser.NoAside || ev.Text != "irq:softirq_entry" || len(tab.Notes()) != 1 {
		t.Errorf("%+v %v %v", ev, err, tab.Notes())
	}
}
