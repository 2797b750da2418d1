package eventtest

import (
	"testing"

	"schedreplay/parser"
)

// Pass measures opening a capture and one pass over its events, which are all
// switches and wakings.
func Pass(b *testing.B, events int, open func() (parser.Capture, error)) {
	b.ReportAllocs()
	for b.Loop() {
		c, err := open()
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for e, err := range c.Events() {
			if err != nil {
				b.Fatal(err)
			}
			if e.Kind == parser.KindSwitch || e.Kind == parser.KindWaking {
				n++
			}
		}
		if n != events {
			b.Fatalf("%d events", n)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
}
