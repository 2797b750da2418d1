package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/export/outdir"
	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/replay"
	"schedreplay/stats"
)

func sampleOf(name string, s *scene) *findings.Sample {
	x := findings.NewSample(name)
	x.Checksum = strings.Repeat(name[:1], 64)
	x.Finish(s.play(x.Observer()))
	return x
}

// pair is a capture with and one without an intruder, made once.
var pair = sync.OnceValue(func() [2]*findings.Sample {
	sp := incidentSpec()
	sp.enter = -1
	return [2]*findings.Sample{sampleOf("before", build(incidentSpec())), sampleOf("after | <b>", build(sp))}
})

func comparison(t *testing.T) *Comparison {
	t.Helper()
	before, after := pair()[0], pair()[1]
	c, err := Compare([]*findings.Sample{before, after}, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestComparisonGolden(t *testing.T) {
	if testing.Short() {
		t.Skip("writes whole comparisons")
	}
	dir := filepath.Join(t.TempDir(), "out")
	d, err := outdir.New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := comparison(t)
	if err := errors.Join(c.Write(d), d.Keep()); err != nil {
		t.Fatal(err)
	}
	first, err := readTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "comparison.txtar", "compare.md", first["compare.md"])
	golden(t, "comparison.txtar", "compare.json", first["compare.json"])
	if !json.Valid(first["compare.json"]) {
		t.Error("compare.json is no JSON")
	}
	sp := incidentSpec()
	sp.enter = -1
	c, err = Compare([]*findings.Sample{sampleOf("before", build(incidentSpec())), sampleOf("after | <b>", build(sp))}, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	if d, err = outdir.New(dir, nil); err != nil { // replaces its own
		t.Fatal(err)
	}
	if err := errors.Join(c.Write(d), d.Keep()); err != nil {
		t.Fatal(err)
	}
	again, err := readTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != len(again) || len(first) != 2+8+1 {
		t.Fatalf("%d files, then %d", len(first), len(again))
	}
	for name, b := range first {
		if !bytes.Equal(b, again[name]) {
			t.Errorf("%s differs the second time", name)
		}
		if strings.HasSuffix(name, ".svg") {
			wellFormed(t, name, b)
		}
	}
}

func TestComparisonNeedsTwo(t *testing.T) {
	s := sampleOf("one", build(incidentSpec()))
	if _, err := Compare([]*findings.Sample{s}, testOptions); !errors.Is(err, ErrSamples) {
		t.Errorf("one capture: %v", err)
	}
	if _, err := Compare([]*findings.Sample{s, findings.NewSample("unfinished")}, testOptions); err == nil {
		t.Error("an unfinished sample was taken")
	}
	nine := make([]*findings.Sample, findings.MaxSamples+1)
	for i := range nine {
		nine[i] = s
	}
	if _, err := Compare(nine, testOptions); !errors.Is(err, ErrSamples) {
		t.Errorf("nine captures: %v", err)
	}
}

// A capture compared with itself differs in nothing, and is recognised.
func TestComparisonWithItself(t *testing.T) {
	a, b := sampleOf("x", build(incidentSpec())), sampleOf("x", build(incidentSpec()))
	c, err := Compare([]*findings.Sample{a, b}, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := findings.Superiority(&a.Sum.Waits[replay.SchDelay], &b.Sum.Waits[replay.SchDelay]); !ok || math.Abs(p-0.5) > 1e-9 {
		t.Errorf("superiority %v", p)
	}
	for i, p := range findings.Percentiles[:3] {
		r := findings.Ratio(&a.Waits[replay.SchDelay], &b.Waits[replay.SchDelay], i)
		if r.Value != 1 || r.Low > 1 || r.High < 1 {
			t.Errorf("p%g: ratio %+v", p, r)
		}
	}
	text := strings.Join(c.Verdict(), " ")
	if strings.Contains(text, "better") || strings.Contains(text, "worse") || !strings.Contains(text, "negligible") {
		t.Errorf("verdict %q", text)
	}
	if len(c.Doubts) != 1 || !strings.Contains(c.Doubts[0], "same file") {
		t.Errorf("doubts %q", c.Doubts)
	}
}

// The bands hold what they must: of captures drawn from one distribution, about
// 95 % of the bands of the median hold the true one.
func TestBootstrapBands(t *testing.T) {
	if testing.Short() {
		t.Skip("draws many samples")
	}
	rnd := lcg(3)
	in, all := 0, 24
	for range all {
		res := newResult(makeHost(4, 4, cpumask.Of(3)), 0, 6_000_000_000)
		c := &replay.CPUResult{CPU: 3, Time: map[replay.Class]int64{}}
		res.CPUs = []*replay.CPUResult{c}
		s := findings.NewSample("x")
		o := s.Observer()
		o.Begin(res)
		for i := range int64(1200) {
			d := 1_000 + rnd.next(9_000) // uniform: the median is 5,500
			c.Waits[replay.SchDelay].Add(d, d, i*5_000_000, false, nil)
			o.Run(&replay.Slice{CPU: 3, Class: replay.ClassOwner, Stay: -1, Start: i * 5_000_000, End: i*5_000_000 + 1000, Delay: d, Gap: parser.NoTime})
		}
		s.Finish(res)
		p := s.Waits[replay.SchDelay].Percentile[0]
		if !p.Known || p.Low > p.Value || p.High < p.Value {
			t.Fatalf("band %+v", p)
		}
		if p.Low <= 5_500 && 5_500 <= p.High {
			in++
		}
	}
	if in < all*85/100 {
		t.Errorf("only %d of %d bands hold the true median", in, all)
	}
}

func TestPoissonBand(t *testing.T) {
	for _, c := range []struct {
		n      int64
		lo, hi float64 // exact
	}{{0, 0, 3.69}, {1, 0.0253, 5.57}, {10, 4.80, 18.39}, {100, 81.4, 121.6}} {
		lo, hi := stats.PoissonBand(c.n)
		if math.Abs(hi-c.hi) > 0.06*c.hi || math.Abs(lo-c.lo) > math.Max(0.03, 0.02*c.lo) {
			t.Errorf("%d: %.3f to %.3f, exactly %.3f to %.3f", c.n, lo, hi, c.lo, c.hi)
		}
	}
}

func TestDoubts(t *testing.T) {
	made := sampleOf("a", build(incidentSpec()))
	base := func() *findings.Sample {
		s, f, res := *made, *made.Findings, *made.Result
		cpu := *res.CPUs[0]
		res.CPUs = []*replay.CPUResult{&cpu}
		s.Findings, f.Result = &f, &res
		return &s
	}
	for _, c := range []struct {
		name   string
		change func(*findings.Sample)
		want   string
	}{
		{"machine", func(s *findings.Sample) { s.Result.Host = makeHost(8, 8, cpumask.Of(43)) }, "different CPUs"},
		{"hostname", func(s *findings.Sample) {
			h := *s.Result.Host
			h.Hostname = fact.Seen("other", "")
			s.Result.Host = &h
		}, "different names"},
		{"release", func(s *findings.Sample) { h := *s.Result.Host; h.Release = fact.Seen("6.6.1", ""); s.Result.Host = &h }, "different kernels"},
		{"isolation", func(s *findings.Sample) { s.Result.Isolated = fact.Seen(cpumask.Of(42), "") }, "different CPUs are isolated"},
		{"isolation unknown", func(s *findings.Sample) { s.Result.Isolated = fact.Fact[cpumask.Mask]{} }, "not known in one"},
		{"command line", func(s *findings.Sample) {
			h := *s.Result.Host
			h.Cmdline = fact.Seen("isolcpus=43 nohz_full=43", "")
			s.Result.Host = &h
		}, "command lines"},
		{"clock", func(s *findings.Sample) { m := *s.Result.Meta; m.Clock.Name = "local"; s.Result.Meta = &m }, "clocks differ"},
		{"resolution", func(s *findings.Sample) { m := *s.Result.Meta; m.Resolution = 1; s.Result.Meta = &m }, "time stamps"},
		{"format", func(s *findings.Sample) { m := *s.Result.Meta; m.Dialect = parser.DialectPerfData; s.Result.Meta = &m }, "formats differ"},
		{"window", func(s *findings.Sample) { s.Result.End += 4 * s.WindowNS() }, "windows differ"},
		{"losses", func(s *findings.Sample) { s.Result.Lost = 17 }, "lost events (17"},
		{"holes", func(s *findings.Sample) { s.Result.Holes = 1 }, "1 break of unknown size"},
		{"cut short", func(s *findings.Sample) { s.Result.Partial = parser.ErrTruncated }, "cut short"},
		{"few CPUs", func(s *findings.Sample) { s.Result.Recorded = cpumask.Of(43) }, "recording of few CPUs"},
		{"owner", func(s *findings.Sample) { s.Result.CPUs[0].Owner = &replay.TaskRef{PID: 9, Comm: "rx"} }, "owners"},
		{"wakings", func(s *findings.Sample) { s.Result.Events = map[parser.Kind]int64{parser.KindSwitch: 1} }, "sched_waking"},
		{"fidelity", func(s *findings.Sample) { s.Fidelity.Exact /= 2 }, "fits them differently"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := base(), base()
			b.Checksum = "other"
			if d := say.Doubts(a, b); len(d) != 0 {
				t.Fatalf("doubts without reason: %q", d)
			}
			c.change(b)
			if d := strings.Join(say.Doubts(a, b), "\n"); !strings.Contains(d, c.want) {
				t.Errorf("%q is not in %q", c.want, d)
			}
		})
	}
}

func TestGate(t *testing.T) {
	c := comparison(t)
	p99 := func(ns int64) findings.Gate { return findings.Gate{Measure: findings.OwnerP99, Max: ns} }
	entries := func(n int64) findings.Gate { return findings.Gate{Measure: findings.EntryCount, Max: n} }
	if b := c.Broken([]findings.Gate{p99(200_000), entries(0)}); len(b) != 0 {
		t.Errorf("broken without reason: %q", b)
	}
	if b := c.Broken([]findings.Gate{p99(1_000)}); len(b) != 1 || !strings.Contains(b[0], "p99") {
		t.Errorf("p99 of the after: %q", b)
	}
	// The other way round the intruder is in the after.
	back, err := Compare([]*findings.Sample{c.samples[1], c.samples[0]}, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	if b := back.Broken([]findings.Gate{entries(0)}); len(b) != 1 || !strings.Contains(b[0], "1 entry") {
		t.Errorf("intrusions: %q", b)
	}
	// What is not known does not hold.
	un := sampleOf("x", unisolated())
	c, err = Compare([]*findings.Sample{c.samples[0], un}, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	if b := c.Broken([]findings.Gate{p99(1 << 40), entries(1 << 40)}); len(b) != 2 {
		t.Errorf("unknown: %q", b)
	}
}
