package main

import (
	"io"
	"path/filepath"
	"testing"
)

// BenchmarkProfile runs the commands that read most, in this process: with -cpuprofile it
// makes the profile that a release is built with.
func BenchmarkProfile(b *testing.B) {
	const text = "../../testdata/traces/smt44-isolated43-original"
	binary, out := b.TempDir(), filepath.Join(b.TempDir(), "report")
	repeatIncident(b, binary, 20)
	for b.Loop() {
		for _, args := range [][]string{{"wakeups", binary}, {"fidelity", text}, {"report", text, "-o", out}, {"sweep", text}} {
			if status := run(b.Context(), append(args, "-q"), nil, io.Discard, io.Discard); status != 0 {
				b.Fatalf("%v: status %d", args, status)
			}
		}
	}
}
