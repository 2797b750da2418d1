// Package show holds what the command line chooses to show.
package show

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/replay"
)

// Filter shapes what is shown; it never changes what is replayed.
type Filter struct {
	From, To int64
	CPUs     cpumask.Mask // empty: all
	Task     string       // empty: all
	PID      int32        // the task as a number, -1 if it is a name
}

// Time reports whether a time is shown.
func (f *Filter) Time(ns int64) bool { return f.From <= ns && ns <= f.To }

// Overlaps reports whether a span has a part in the time shown.
func (f *Filter) Overlaps(start, end int64) bool { return start <= f.To && end >= f.From }

// IsTask reports whether a task is shown.
func (f *Filter) IsTask(pid int32, comm string) bool {
	return f.Task == "" || f.PID >= 0 && f.PID == pid || f.PID < 0 && f.Task == comm
}

// IsCPU reports whether any of the CPUs is shown.
func (f *Filter) IsCPU(cpus ...int) bool {
	if f.CPUs.Empty() {
		return true
	}
	return slices.ContainsFunc(cpus, func(c int) bool { return c >= 0 && f.CPUs.Test(c) })
}

// Active reports whether anything is filtered.
func (f *Filter) Active() bool {
	return f.From != math.MinInt64 || f.To != math.MaxInt64 || f.Task != "" || !f.CPUs.Empty()
}

// String says what is shown, for the head of a text.
func (f *Filter) String() string {
	var s []string
	if f.From != math.MinInt64 {
		s = append(s, "from "+replay.Seconds(f.From)+" s")
	}
	if f.To != math.MaxInt64 {
		s = append(s, "to "+replay.Seconds(f.To)+" s")
	}
	if f.Task != "" {
		s = append(s, fmt.Sprintf("task %q", f.Task))
	}
	if !f.CPUs.Empty() {
		s = append(s, "CPUs "+f.CPUs.String())
	}
	return strings.Join(s, ", ")
}
