// Package kept holds what figures show one by one: slices, interrupts and waits while they
// are few, and what ran around the beginnings of stays.
package kept

import (
	"schedreplay/findings"
	"schedreplay/replay"
)

// Bounds on what a page may hold one by one; beyond them it has columns.
const (
	maxSlivers    = 8_000   // slices of one CPU
	maxInterrupts = 4_000   // and interrupts
	maxAll        = 400_000 // of all, while the replay goes
)

// Sliver is a slice or an interrupt on an isolated CPU as the page shows it.
type Sliver struct {
	Start, End int64
	PID        int32
	Class      replay.Class
	Intruder   bool
	Patched    replay.Moved
	// Kind is an interrupt's.
	Kind replay.NoiseKind
}

// Point is one wait of the owner.
type Point struct {
	At, NS   int64
	Kind     replay.WaitKind
	Intruded bool
}

// Detail is every slice and wait of one CPU, or every interrupt, until they are too many.
type Detail struct {
	slivers []Sliver
	// Points are the waits.
	Points []Point
	// Over: there were more, and none are kept.
	Over bool
}

// Run keeps a run; all counts what all CPUs keep.
func (d *Detail) Run(r *replay.Slice, all *int) {
	if !d.add(Sliver{Start: r.Start, End: r.End, PID: r.Task.PID, Class: r.Class, Intruder: findings.IsIntruder(r), Patched: r.Patched}, maxSlivers, all) {
		return
	}
	if kind, ns, ok := r.OwnerWait(); ok {
		d.Points = append(d.Points, Point{r.Start, ns, kind, r.Intruded})
	}
}

// Interrupt keeps an interrupt.
func (d *Detail) Interrupt(in *replay.Interruption, all *int) {
	for _, s := range in.Spans {
		if s.From < s.To {
			d.add(Sliver{Start: s.From, End: s.To, Kind: in.Kind}, maxInterrupts, all)
		}
	}
}

func (d *Detail) add(s Sliver, most int, all *int) bool {
	if d.Over {
		return false
	}
	if len(d.slivers) == most || *all >= maxAll {
		*all -= len(d.slivers)
		d.slivers, d.Points, d.Over = nil, nil, true
		return false
	}
	*all++
	d.slivers = append(d.slivers, s)
	return true
}

// Pick returns the slivers that are wanted as gap, length, gap, length … from an origin on,
// neighbours joined.
func (d *Detail) Pick(want func(*Sliver) bool, origin int64) []int64 {
	var out []int64
	at := origin
	for i := range d.slivers {
		s := &d.slivers[i]
		if !want(s) || s.End <= s.Start {
			continue
		}
		if n := len(out); n > 0 && s.Start == at {
			out[n-1] += s.End - s.Start
		} else {
			out = append(out, s.Start-at, s.End-s.Start)
		}
		at = s.End
	}
	return out
}
