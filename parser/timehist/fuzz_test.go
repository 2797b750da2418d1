package timehist

import (
	"testing"

	"schedreplay/internal/goldentest"
)

func FuzzRead(f *testing.F) { goldentest.Fuzz(f, "testdata", New) }

func BenchmarkEvents(b *testing.B) {
	goldentest.Benchmark(b, []string{
		"     %s [0000]  perf[16161]                                                      awakened: migration/0[18]",
		"     %s [0000]  perf[16161]                         0.000      0.000      0.000      D  next: migration/0[18]         ",
	}, New)
}
