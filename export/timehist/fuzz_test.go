package timehist

import (
	"bytes"
	"math"
	"testing"
	"unicode/utf8"

	"schedreplay/internal/capturetest"
)

// FuzzPrinter prints any events, with all columns: whole lines of plain text.
func FuzzPrinter(f *testing.F) {
	for _, s := range capturetest.MadeSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		p := New(&out, Options{From: math.MinInt64, To: math.MaxInt64})
		events := capturetest.Made(b)
		for i := range events {
			p.Survey(&events[i])
		}
		for i := range events {
			if err := p.Print(&events[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		for _, r := range out.String() {
			if r < ' ' && r != '\n' || r == 0x7f {
				t.Fatalf("%q is printed", r)
			}
		}
		if !utf8.Valid(out.Bytes()) || out.Len() > 0 && !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
			t.Errorf("no whole lines of UTF-8: %q", out.Bytes())
		}
	})
}
