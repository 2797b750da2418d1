package anonymize

import (
	"bytes"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// What a CPU was interrupted for is a word of the kernel, and stays; where in memory it has that
// word does not, nor do other texts.
func TestReasons(t *testing.T) {
	const format = "name: ipi_entry\nID: 7\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" +
		"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n" +
		"\n\tfield:const char * reason;\toffset:8;\tsize:8;\tsigned:0;\n\nprint fmt: \"x\"\n"
	const printk = "0xffffffff81234560 : \"secret %d\\n\"\n0xffffffff81234570 : \"CPU stop (for crash dump) interrupts\"\n0xffffffff81234580 : \"Function call interrupts\"\n"
	for name, o := range eventtest.Orders {
		w := eventtest.Writer{Order: o}
		b := append(w.Preamble("0.6", 4096), w.Cat("header_page\x00", uint64(0), "header_event\x00", uint64(0), 0, 1, "ipi\x00", 1, uint64(len(format)), format)...)
		b = append(b, w.Cat(5, "abcde", len(printk), printk, uint64(0))...)
		p := &perf{n: NewNames(nil)}
		if err := p.tracingData(b); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("secret")) || bytes.Contains(b, []byte("ffffff8")) || bytes.Contains(b, []byte("abcde")) {
			t.Errorf("%s: %q", name, b)
		}
		d, err := tep.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		table := tep.NewTable(d.Order)
		if _, err = d.HeaderPage(); err == nil {
			err = d.FtraceEvents(table)
		}
		if err == nil {
			err = d.Events(table)
		}
		if err == nil {
			err = d.Symbols(table)
		}
		if err == nil {
			err = d.Printk(table)
		}
		if err != nil {
			t.Fatal(err)
		}
		for address, want := range map[uint64]string{0xffffffff81234570: "CPU stop (for crash dump) interrupts", 0xffffffff81234580: "Function call interrupts", 0xffffffff81234560: "", 5: ""} {
			raw := w.Cat(uint16(7), uint8(0), uint8(0), 1, address)
			p.table.Scrub(raw, func([]byte, bool) {})
			ev := parser.NewEvent(parser.KindOther, 0, 0)
			if err := table.Decode(raw, &ev); err != nil || ev.Aside != parser.IPIEntry || ev.Text != want {
				t.Errorf("%s: %#x is %+v, %v, want %q", name, address, ev, err, want)
			}
			if n := o.Uint64(raw[8:]); n > 2 {
				t.Errorf("%s: %#x became %#x", name, address, n)
			}
		}
	}
}
