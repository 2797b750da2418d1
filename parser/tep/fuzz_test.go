package tep

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

// kernelFormats are format files as kernels print them.
func kernelFormats(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/format-*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no format files in testdata (%v)", err)
	}
	all := make(map[string][]byte)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[f] = b
	}
	return all
}

// The files of real kernels make the events usable.
func TestKernelFormats(t *testing.T) {
	for name, text := range kernelFormats(t) {
		f, err := ParseFormat(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f.System = "sched"
		if f.Name == "task_rename" {
			f.System = "task"
		}
		tab := NewTable(Little)
		tab.Add(f)
		kind, text, ok := tab.Kind(f.ID)
		if !ok || kind == parser.KindOther || len(tab.Notes()) > 0 {
			t.Errorf("%s: %v %s %v", name, kind, text, tab.Notes())
		}
	}
}

func FuzzParseFormat(f *testing.F) {
	for _, text := range kernelFormats(f) {
		f.Add(text, make([]byte, 72))
	}
	f.Fuzz(func(t *testing.T, text, record []byte) {
		format, err := ParseFormat(text)
		if err != nil {
			if format != nil {
				t.Error("a format beside an error")
			}
			return
		}
		for _, system := range []string{"sched", "task"} {
			format.System = system
			tab := NewTable(Order(len(text)%2 == 0))
			tab.Add(format)
			e := parser.NewEvent(parser.KindOther, 0, 0)
			_ = tab.Decode(record, &e)
			for n := range record {
				_ = tab.Decode(record[:n:n], &e)
			}
		}
	})
}

func FuzzParseFlags(f *testing.F) {
	for _, print := range statePrints {
		f.Add(print, int64(1))
	}
	f.Fuzz(func(t *testing.T, print string, v int64) {
		table := newStateTable(print)
		s := table.state(v)
		if v != 0 && !table.known && s.Known() {
			t.Errorf("%v without a table", s)
		}
		if table.known && !s.Known() {
			t.Errorf("%#x is unknown in spite of a table", v)
		}
	})
}

// FuzzReader takes the input for the block that perf.data and trace.dat
// embed.
func FuzzReader(f *testing.F) {
	whole, err := os.ReadFile("testdata/tracing-data.bin")
	if err != nil {
		f.Fatal(err)
	}
	eventtest.Corpus(f, "FuzzReader", map[string][]byte{"perf-6.1": whole, "cut": whole[:300], "no-formats": whole[:17]})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		tab := NewTable(d.Order)
		if _, err = d.HeaderPage(); err == nil {
			err = d.FtraceEvents(tab)
		}
		if err == nil {
			err = d.Events(tab)
		}
		if err == nil {
			err = d.Symbols(tab)
		}
		if err == nil {
			err = d.Printk(tab)
		}
		if err == nil {
			_, err = d.Cmdlines()
		}
		if d.Offset() > int64(len(b)) {
			t.Errorf("%d bytes read of %d (%v)", d.Offset(), len(b), err)
		}
	})
}

func TestReaderOnRealData(t *testing.T) {
	b, err := os.ReadFile("testdata/tracing-data.bin")
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if d.Version != "0.6" || d.Order != Little || d.LongSize != 8 || d.PageSize != 4096 {
		t.Errorf("%+v", d.Preamble)
	}
	tab := NewTable(d.Order)
	page, err := d.HeaderPage()
	if err != nil || page.Data != 16 {
		t.Fatalf("%+v, %v", page, err)
	}
	if err := d.FtraceEvents(tab); err != nil {
		t.Fatal(err)
	}
	if err := d.Events(tab); err != nil {
		t.Fatal(err)
	}
	if !tab.Has(parser.KindSwitch) || !tab.Has(parser.KindWaking) || tab.Len() == 0 {
		t.Errorf("%d events", tab.Len())
	}
	for n := range b {
		d, err := NewReader(bytes.NewReader(b[:n]))
		if err != nil {
			continue
		}
		if _, err := d.HeaderPage(); err == nil && n < 300 {
			t.Errorf("%d bytes are enough for a header", n)
		}
	}
}
