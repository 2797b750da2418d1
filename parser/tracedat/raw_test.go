package tracedat

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

func newRaw(raw *Raw) (parser.Capture, error) {
	src, err := RawSource("in", raw)
	if err != nil {
		return nil, err
	}
	return New(src)
}

// Buffers copied out of tracefs tell what trace-cmd's file of them tells.
func TestRaw(t *testing.T) {
	for name, o := range eventtest.Orders {
		t.Run(name, func(t *testing.T) {
			w := newWriter(o, "none")
			w.story()
			file, err := New(eventtest.Source("in", w.v6()))
			if err != nil {
				t.Fatal(err)
			}
			page := w.headerInfo()[len("header_page\x00")+8:]
			page = page[:bytes.Index(page, []byte("header_event"))]
			raw := &Raw{
				HeaderPage: page, Cmdlines: []byte("7 seven\n8 eight\n"), Clock: []byte("local [mono] boot\n"),
				Formats: map[string][]byte{"sched/sched_switch": []byte(eventtest.SwitchFormat), "sched/sched_waking": []byte(eventtest.WakingFormat)},
			}
			for cpu, b := range w.cpus {
				c := RawCPU{CPU: cpu, At: bytes.NewReader(b), Size: int64(len(b))}
				if cpu == 0 {
					c.Stats = []byte("entries: 0\noverrun: 42\ncommit overrun: 0\ndropped events: 5\nread events: 1\n")
				}
				raw.CPUs = append(raw.CPUs, c)
			}
			c, err := newRaw(raw)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(eventtest.Told(t, file), eventtest.Told(t, c)); d != "" {
				t.Errorf("-trace.dat +raw:\n%s", d)
			}
			if c.Meta().Clock.Name != "mono" {
				t.Errorf("clock %+v", c.Meta().Clock)
			}
			// A buffer cut at any place loses no more than what was cut.
			for cut := range 20 {
				b := w.cpus[0][:cut*len(w.cpus[0])/20]
				raw.CPUs[0] = RawCPU{CPU: 0, At: bytes.NewReader(b), Size: int64(len(b))}
				c, err := newRaw(raw)
				if err != nil {
					t.Fatal(err)
				}
				if broken, _, _ := eventtest.Check(c); broken != nil {
					t.Error(broken)
				}
			}
		})
	}
}
