package axes

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"

	"schedreplay/findings/say"
	"schedreplay/plots/internal/columns"
)

// NiceStep returns a step of 1, 2 or 5 times a power of ten that makes at most
// n steps of span.
func NiceStep(span float64, n int) float64 {
	if span <= 0 || n < 1 {
		return 1
	}
	e := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, k := range []float64{1, 2, 5, 10} {
		if span/(k*e) <= float64(n) {
			return k * e
		}
	}
	return 10 * e
}

// Ticks returns labelled ticks at multiples of a step.
func Ticks(lo, hi, step float64, label func(float64) string) []Tick {
	var out []Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+step*1e-9; i++ {
		out = append(out, Tick{Value: i * step, Label: label(i * step)})
	}
	return out
}

// Time says how a span of time is put on an axis.
type Time struct {
	Start, End int64 // ns
	// Origin is the time at 0, in ns; Unit is the ns in one.
	Origin int64
	Unit   float64
	name   string
}

// TimeFor chooses unit and origin: seconds of the capture's clock where that
// reads well, else a smaller unit counted from a round time.
func TimeFor(start, end int64) Time {
	switch span := end - start; {
	case span <= 0: // an empty window, or one that overflows
		end = start + 1
	case span > columns.MaxSpan:
		end = start + columns.MaxSpan
	}
	a := Time{Start: start, End: end, Unit: 1e9, name: "s"}
	switch span := end - start; {
	case span < 5_000:
		a.Unit, a.name = 1, "ns"
	case span < 5_000_000:
		a.Unit, a.name = 1e3, "µs"
	case span < 1_000_000_000:
		a.Unit, a.name = 1e6, "ms"
	}
	if a.name == "s" && start > -1e14 && end < 1e14 {
		return a
	}
	// Round down to what is about the span.
	round := int64(1)
	for round < (end-start)/2 {
		round *= 10
	}
	a.Origin = start - ((start%round)+round)%round
	return a
}

// Value is a time's place on the axis.
func (a *Time) Value(t int64) float64 { return float64(t-a.Origin) / a.Unit }

// label is the axis label, with the unit.
func (a *Time) label() string {
	if a.Origin == 0 {
		return "time on the capture’s clock, " + a.name
	}
	return fmt.Sprintf("time, %s after %s", a.name, say.Clock(a.Origin))
}

// Named is the label of an axis of lengths of time, with the unit.
func (a *Time) Named(what string) string { return what + ", " + a.name }

// Apply sets up a plot's x axis of about w points.
func (a *Time) Apply(p *Pair, w vg.Length) {
	p.X.Min, p.X.Max = a.Value(a.Start), a.Value(a.End)
	span := p.X.Max - p.X.Min
	// As many labels as fit with the room of one between them.
	step, prec := span, 0
	for n := 12; n >= 2; n-- {
		step = NiceStep(span, n)
		prec = max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
		if p.Style.Tick.Width(strconv.FormatFloat(p.X.Max, 'f', prec, 64))*1.8*vg.Length(span/step) <= w {
			break
		}
	}
	p.X.Ticks = Ticks(p.X.Min, p.X.Max, step, func(v float64) string {
		if math.Abs(v) < step/2 {
			return "0"
		}
		return strconv.FormatFloat(v, 'f', prec, 64)
	})
	p.X.Label = a.label()
}

// DurationTicks returns ticks for a logarithmic axis of ns: every decade
// labelled with its unit, or every n-th where they would be too many; 2 and 5
// too where there are few. At most about n labels.
func DurationTicks(lo, hi float64, n int) []Tick {
	var out []Tick
	first, last := math.Floor(math.Log10(lo)+1e-9), math.Ceil(math.Log10(hi)-1e-9)
	every := int(math.Ceil((last - first + 1) / float64(max(n, 2))))
	fine := 3*(last-first)+1 <= float64(n)
	for e := first; e <= last; e++ {
		for k := 1.0; k < 10; k++ {
			v := k * math.Pow(10, e)
			if v < lo*0.999 || v > hi*1.001 {
				continue
			}
			t := Tick{Value: v}
			if k == 1 && (every <= 1 || int(e)%every == 0) || fine && (k == 2 || k == 5) {
				t.Label = RoundDuration(v)
			}
			if every <= 1 || k == 1 {
				out = append(out, t)
			}
		}
	}
	return out
}

// RoundDuration prints a round number of ns: "10 µs".
func RoundDuration(ns float64) string {
	for _, u := range []struct {
		ns   float64
		name string
	}{{1e9, " s"}, {1e6, " ms"}, {1e3, " µs"}} {
		if ns >= u.ns*0.999 {
			return say.Count(int64(math.Round(ns/u.ns))) + u.name
		}
	}
	return say.Count(int64(math.Round(ns))) + " ns"
}
