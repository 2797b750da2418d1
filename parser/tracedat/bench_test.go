package tracedat

import (
	"encoding/binary"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

// million fills the pages of 2 CPUs with a million events.
func million(w *writer, events int) {
	names := []string{"swapper/0", "ksmd", "pmd-c", "kworker/u8:3", "sh"}
	w.cpus = make([][]byte, 2)
	for cpu := range w.cpus {
		stamp := uint64(1000 + cpu)
		var page [][]byte
		size, start := 0, stamp
		flush := func() {
			w.cpus[cpu] = append(w.cpus[cpu], w.page(start, 0, 0, page...)...)
			page, size = nil, 0
		}
		for i := range events / 2 {
			prev, next := i%len(names), (i+1)%len(names)
			delta := uint32(500 + i%77)
			if size == 0 {
				start, delta = stamp, 0
			}
			var e []byte
			if i%2 == 0 {
				e = w.event(delta, false, w.Switch(names[prev], prev, 1, names[next], next))
			} else {
				e = w.event(delta, false, w.Waking(prev, 8, names[next], next, cpu))
			}
			stamp += uint64(500 + i%77)
			page = append(page, e)
			if size += len(e); size > testPage-16-100 {
				flush()
			}
		}
		flush()
	}
}

// Opening and one pass over a million events.
func BenchmarkMillion(b *testing.B) {
	const events = 1_000_000
	for _, codec := range []string{"none", "zstd"} {
		b.Run(codec, func(b *testing.B) {
			w := newWriter(binary.LittleEndian, codec)
			million(w, events)
			src := eventtest.Source("x", w.v7())
			b.SetBytes(src.Size)
			eventtest.Pass(b, events, func() (parser.Capture, error) { return New(src) })
		})
	}
}
