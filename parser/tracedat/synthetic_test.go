package tracedat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

var wantStory = []string{
	`900 [001] @0 overwritten count=3`,
	`900 [001] @0 sched_switch "prev_comm=nine prev_pid=9 prev_prio=120 prev_state=R+ ==> next_comm=ten next_pid=10 next_prio=139" cur=9 "" task`,
	`1000 [000] @0 sched_switch "prev_comm=seven prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=139" cur=7 "seven" task`,
	`1500 [000] @0 sched_waking "comm=a b\nc pid=8 prio=120 target_cpu=001" cur=0 "<idle>" hardirq`,
	`1073743425 [000] @0 sched_waking "comm=ten pid=10 prio=120 target_cpu=001" cur=0 "<idle>" softirq`,
	`2147483648 [000] @0 lost start=1073743425 count=42`,
	`2147483648 [000] @0 sched_waking "comm=x pid=9 prio=120 target_cpu=000" cur=7 "seven" task`,
	`4294967296 [000] @0 lost start=2147483648`,
	`4294967296 [000] @0 sched_waking "comm=y pid=9 prio=120 target_cpu=000" cur=7 "seven" task`,
	`4294967296 [000] @0 damaged "ring buffer page: an event of 16 bytes with 4 left"`,
	`8589934601 [000] @0 sched_waking "comm=z pid=9 prio=120 target_cpu=000" cur=8 "eight" task`,
	`8589934601 [000] @0 lost start=1000 count=5`,
}

func told(t *testing.T, b []byte) []string {
	t.Helper()
	c, err := New(eventtest.Source("synthetic", b))
	if err != nil {
		t.Fatal(err)
	}
	return eventtest.Told(t, c)
}

// files wraps a story in every container.
func files(change func(w *writer)) map[string][]byte {
	all := make(map[string][]byte)
	for name, o := range eventtest.Orders {
		for _, codec := range []string{"none", "zstd", "zlib"} {
			w := newWriter(o, codec)
			w.story()
			change(w)
			all[name+"-"+codec] = w.v7()
			if codec == "none" {
				all[name+"-v6"] = w.v6()
			}
		}
	}
	return all
}

func TestStory(t *testing.T) {
	for name, b := range files(func(*writer) {}) {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(wantStory, told(t, b)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestDescription(t *testing.T) {
	const want = `dialect trace.dat (magic bytes), resolution 1 ns, wakings true, may reorder false
clock {Name:mono PerCPU:false Relative:false WallOffset:4096000 HasWall:true}
hostname "box" (trace.dat option UNAME)
release "6.1.0-18-amd64" (trace.dat option UNAME)
arch "aarch64" (trace.dat option UNAME)
present "0-1" (trace.dat option CPUCOUNT)
note "recorded by trace-cmd 3.2"
note "42 events of CPU 0 were overwritten before they could be read"
note "5 events of CPU 0 found no room"
`
	for name, b := range files(func(w *writer) { w.option(optDate, "0x1000\x00") }) {
		t.Run(name, func(t *testing.T) {
			c, err := New(eventtest.Source("x", b))
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			eventtest.Dump(&out, c)
			got := out.String()[:strings.Index(out.String(), "900 [001]")]
			if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestClocks(t *testing.T) {
	for _, c := range []struct {
		clock   string
		option  func(w *writer)
		refused bool
		first   string // time of the first event
		note    string
	}{
		{clock: "mono", first: "900"},
		{clock: "local", first: "900", note: "may disagree"},
		{clock: "global", first: "900"},
		{clock: "uptime", first: "9000000000", note: "10 ms"},
		{clock: "counter", refused: true},
		{clock: "x86-tsc", refused: true},
		{clock: "x86-tsc", option: func(w *writer) { w.option(optTSC2NSEC, 3<<20, 21, uint64(7)) }, first: "1350", note: "factors"},
		{clock: "mono", option: func(w *writer) { w.option(optOffset, "-800\x00") }, first: "100", note: "--ts-offset"},
		{clock: "mono", option: func(w *writer) { w.option(optTimeShift, uint64(1), 0, 0) }, first: "900", note: "TIME_SHIFT"},
	} {
		for name, b := range files(func(w *writer) {
			w.clock = c.clock
			if c.option != nil {
				c.option(w)
			}
		}) {
			t.Run(c.clock+"/"+name, func(t *testing.T) {
				capture, err := New(eventtest.Source("x", b))
				if c.refused {
					if !errors.Is(err, parser.ErrUnsupported) || !strings.Contains(err.Error(), c.clock) {
						t.Fatalf("got %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				for e := range capture.Events() {
					if got := fmt.Sprint(e.Time); got != c.first {
						t.Errorf("first event at %s, want %s", got, c.first)
					}
					break
				}
				if notes := strings.Join(capture.Meta().Notes, "\n"); !strings.Contains(notes, c.note) {
					t.Errorf("no note with %q in %s", c.note, notes)
				}
				if got := capture.Meta().Clock.PerCPU; got != (c.clock == "local") {
					t.Errorf("PerCPU %v", got)
				}
			})
		}
	}
}

func TestErrors(t *testing.T) {
	w := newWriter(binary.LittleEndian, "none")
	w.story()
	v7, v6 := w.v7(), w.v6()
	replace := func(b []byte, old, new string) []byte {
		if !strings.Contains(string(b), old) {
			panic(old)
		}
		return []byte(strings.Replace(string(b), old, new, 1))
	}
	for _, c := range []struct {
		name string
		in   []byte
		want error
		text string
	}{
		{"empty", nil, parser.ErrFormat, "it begins"},
		{"text", []byte("# tracer: nop\n"), parser.ErrFormat, "it begins"},
		{"cut magic", []byte("\x17\x08\x44tr"), parser.ErrTruncated, "file header"},
		{"version 8", replace(v7, "tracing7", "tracing8"), parser.ErrUnsupported, "version"},
		{"compression", replace(v7, "none\x00", "lzma\x00"), parser.ErrUnsupported, "lzma"},
		{"latency", replace(v6, "flyrecord\x00", "latency  \x00"), parser.ErrUnsupported, "latency"},
		{"kind of data", replace(v6, "flyrecord\x00", "flyrecorX\x00"), parser.ErrDamaged, "flyrecorX"},
		{"cut before options", v7[:8192], parser.ErrTruncated, "behind its end"},
		{"no sched events", replace(replace(v6, "name: sched_switch", "name: sched_swatch"), "name: sched_waking", "name: sched_wakinX"), parser.ErrUnsupported, "scheduler events"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(eventtest.Source("in", c.in))
			var pe *parser.Error
			if !errors.As(err, &pe) || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.text)
			}
		})
	}
	src := eventtest.Source("in", v7)
	src.At = nil
	if _, err := New(src); !errors.Is(err, parser.ErrUnsupported) {
		t.Errorf("without random access: %v", err)
	}
}

// A file cut inside its data gives what is there, then says where it ends.
func TestCutData(t *testing.T) {
	w := newWriter(binary.LittleEndian, "none")
	w.story()
	b := w.v6()
	got := told(t, b[:len(b)-testPage-100]) // CPU 1's page and the end of CPU 0's
	last := got[len(got)-1]
	if !strings.HasPrefix(last, "error ") || !strings.Contains(last, "cut short") || len(got) < 8 {
		t.Errorf("%d lines, the last %q", len(got), last)
	}
}

// A compressed file of version 7 has the table of its data at the end; without
// it the data is found all the same.
func TestCutTable(t *testing.T) {
	w := newWriter(binary.LittleEndian, "zstd")
	w.story()
	b := w.v7()
	whole := told(t, b)
	for _, n := range []int{1, 20, 60, 110} {
		got := told(t, b[:len(b)-n])
		if d := cmp.Diff(whole, got[:len(got)-1]); d != "" {
			t.Errorf("cut by %d bytes: -want +got:\n%s", n, d)
		}
		if last := got[len(got)-1]; !strings.HasPrefix(last, "error ") || !strings.Contains(last, "cut short") {
			t.Errorf("cut by %d bytes: %q", n, last)
		}
	}
	// Cut inside the data of CPU 1, which was aligned to a page; then inside
	// that of CPU 0.
	table := len(b) &^ (testPage - 1)
	if got := told(t, b[:table-testPage+10]); len(got) < 10 || !strings.Contains(got[len(got)-1], "cut short") {
		t.Errorf("%q", got)
	}
	if _, err := New(eventtest.Source("x", b[:table-2*testPage+100])); !errors.Is(err, parser.ErrTruncated) {
		t.Errorf("cut inside the first chunk: %v", err)
	}
}

// Time that runs backwards on a CPU is told, not delivered.
func TestBackwards(t *testing.T) {
	w := newWriter(binary.LittleEndian, "none")
	w.story()
	w.cpus[1] = append(w.page(500, 0, 0, w.event(0, false, w.Waking(1, 0, "a", 2, 1))),
		w.page(400, 0, 0, w.event(0, false, w.Waking(1, 0, "b", 2, 1)))...)
	got := strings.Join(told(t, w.v6()), "\n")
	if !strings.Contains(got, `500 [001] @0 damaged "time runs backwards by 100 ns: one event left out"`) {
		t.Error(got)
	}
}
