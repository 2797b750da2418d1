package goldentest

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"schedreplay/parser"
)

// Fuzz holds a reader against any bytes, beginning with the captures of dir.
func Fuzz(f *testing.F, dir string, open func(parser.Source) (parser.Capture, error)) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files in %s: %v", dir, err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(Beginning(Unescape(a.Files[0].Data)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := open(Source("x", b))
		if err == nil {
			Contract(t, c)
			return
		}
		var pe *parser.Error
		if c != nil || !errors.As(err, &pe) || bytes.ContainsRune([]byte(err.Error()), '\n') {
			t.Fatalf("not one line of a parser.Error alone: %v, %q", c, err)
		}
	})
}

// seedBytes is how long a seed is at most: mutating and reading more of one capture
// finds nothing that reading more often does not.
const seedBytes = 2 << 10

// Beginning returns the first lines of a capture, as a seed.
func Beginning(b []byte) []byte {
	if len(b) <= seedBytes {
		return b
	}
	b = b[:seedBytes]
	return b[:bytes.LastIndexByte(b, '\n')+1]
}

// Benchmark reads 100 000 lines, which have to be events: lines are printed one
// after another with their formats' only operand, a time in seconds.
func Benchmark(b *testing.B, lines []string, open func(parser.Source) (parser.Capture, error)) {
	const events = 100_000
	var input bytes.Buffer
	for i := range events {
		fmt.Fprintf(&input, lines[i%len(lines)]+"\n", fmt.Sprintf("%d.%06d", 100+i/1_000_000, i%1_000_000))
	}
	c, err := open(Source("x", input.Bytes()))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(input.Len()))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for ev, err := range c.Events() {
			if err != nil || ev.Kind == parser.KindDamaged || ev.Kind == parser.KindOther {
				b.Fatal(Line(&ev), err)
			}
			n++
		}
		if n != events {
			b.Fatalf("%d events of %d", n, events)
		}
	}
	b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
