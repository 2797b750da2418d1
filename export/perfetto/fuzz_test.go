package perfetto

import (
	"bytes"
	"testing"

	"schedreplay/internal/capturetest"
	"schedreplay/internal/eventtest"
	"schedreplay/parser"
	"schedreplay/parser/perfetto"
)

// FuzzWriter writes any events and reads them again: as many of each kind, in order.
func FuzzWriter(f *testing.F) {
	for _, s := range capturetest.MadeSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		w := NewWriter(&out, Options{})
		var want, got parser.Tally
		for _, ev := range capturetest.Made(b) {
			if field, _ := w.payload(&ev); field != 0 && ev.CPU >= 0 {
				want.Add(ev.Kind)
			}
			w.Event(&ev)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		c, err := perfetto.New(eventtest.Source("trace", out.Bytes()))
		if err != nil {
			return // no scheduler events
		}
		defer c.Close()
		if broken, _, end := eventtest.Check(c); broken != nil || end != nil {
			t.Fatal(broken, end)
		}
		for ev := range c.Events() {
			switch ev.Kind {
			case parser.KindDamaged:
				t.Fatalf("%s", ev.Text)
			case parser.KindLost, parser.KindOverwritten:
			default:
				got.Add(ev.Kind)
			}
		}
		if got != want {
			t.Errorf("read %v, written %v", got.Map(), want.Map())
		}
	})
}
