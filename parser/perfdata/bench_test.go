package perfdata

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

// million writes a capture of a million events on 2 CPUs, each drained in
// stretches of n events.
func million(b *testing.B, events, n int, change func(*writer)) (path string) {
	b.Helper()
	w := newWriter(binary.LittleEndian)
	names := []string{"swapper/0", "ksmd", "pmd-c", "kworker/u8:3", "sh"}
	time := [cpus]uint64{1000, 1100}
	for i := 0; i < events; {
		for cpu := range cpus {
			for range n {
				prev, next := i%len(names), (i+1)%len(names)
				if i%2 == 0 {
					w.add(w.sample(idSwitch, cpu, prev, time[cpu], w.Switch(names[prev], prev, 1, names[next], next)))
				} else {
					w.add(w.sample(idWaking, cpu, prev, time[cpu], w.Waking(prev, 8, names[next], next, cpu)))
				}
				time[cpu] += 500 + uint64(i%77)
				i++
			}
		}
		w.add(w.record(68, 0, nil))
	}
	change(w)
	path = filepath.Join(b.TempDir(), "perf.data")
	if err := os.WriteFile(path, w.file(), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func benchmarkPass(b *testing.B, path string, events int) {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	src := eventtest.Source(path, nil)
	src.At, src.Size = f, info.Size()
	head := make([]byte, fileHeader)
	if _, err := f.ReadAt(head, 0); err != nil {
		b.Fatal(err)
	}
	src.Open = eventtest.Source(path, head).Open
	b.SetBytes(info.Size())
	eventtest.Pass(b, events, func() (parser.Capture, error) { return New(src) })
}

// Opening and one pass over a million events.
func BenchmarkMillion(b *testing.B) {
	const events = 1_000_000
	b.Run("stretches of 10", func(b *testing.B) { benchmarkPass(b, million(b, events, 10, func(*writer) {}), events) })
	b.Run("stretches of 10000", func(b *testing.B) { benchmarkPass(b, million(b, events, 10000, func(*writer) {}), events) })
	b.Run("compressed", func(b *testing.B) {
		benchmarkPass(b, million(b, events, 1000, func(w *writer) { w.compress(recCompressed, 60000) }), events)
	})
}
