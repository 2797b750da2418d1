package report

import (
	"testing"

	"schedreplay/export/outdir"
	"schedreplay/plots"
)

// BenchmarkWrite measures a whole report.
func BenchmarkWrite(b *testing.B) {
	s := build(incidentSpec())
	for b.Loop() {
		d, err := outdir.New(b.TempDir(), nil)
		if err != nil {
			b.Fatal(err)
		}
		r, err := NewReport(d, Options{Program: "schedreplay 0.1.0"})
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Write(s.play(r.Observer()), nil); err != nil {
			b.Fatal(err)
		}
		d.Drop()
	}
}

// BenchmarkRun measures what a slice costs while the replay goes.
func BenchmarkRun(b *testing.B) {
	s := build(incidentSpec())
	c := plots.NewCollector()
	i := 0
	for b.Loop() {
		c.Run(&s.runs[i%len(s.runs)])
		i++
	}
}
