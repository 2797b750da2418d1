package plots

import (
	"schedreplay/findings"
	"schedreplay/replay"
)

// Bounds on the slices and delays that a page may hold one by one; beyond them
// it has columns.
const (
	maxDetail    = 8_000   // of one CPU
	maxDetailAll = 400_000 // of all, while the replay goes
)

// sliver is a slice on an isolated CPU as the page shows it.
type sliver struct {
	start, end int64
	pid        int32
	class      replay.Class
	intruder   bool
	patched    replay.Moved
}

// point is one wait of the owner.
type point struct {
	at, ns   int64
	kind     replay.WaitKind
	intruded bool
}

// detail is every slice and delay of one CPU, until they are too many.
type detail struct {
	slivers []sliver
	points  []point
	// over: there were more, and none are kept.
	over bool
}

// add keeps a run; kept counts what all CPUs keep.
func (d *detail) add(r *replay.Slice, kept *int) {
	if d.over {
		return
	}
	if len(d.slivers) == maxDetail || *kept >= maxDetailAll {
		*kept -= len(d.slivers)
		d.slivers, d.points, d.over = nil, nil, true
		return
	}
	*kept++
	d.slivers = append(d.slivers, sliver{r.Start, r.End, r.Task.PID, r.Class, findings.IsIntruder(r), r.Patched})
	if kind, ns, ok := r.OwnerWait(); ok {
		d.points = append(d.points, point{r.Start, ns, kind, r.Intruded})
	}
}
