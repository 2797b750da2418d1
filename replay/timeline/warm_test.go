package timeline

import (
	"testing"

	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// What was before the capture is taken to have been as what comes after its
// start: a task that runs half of the time has half a CPU's utilisation at once.
func TestWarmStart(t *testing.T) {
	var evs []parser.Event
	for i := int64(0); i < 100; i++ { // every 4 ms: it runs 2 ms, waits 1 ms and sleeps 1 ms
		evs = append(evs,
			made.Switches(4000*i, 0, made.Other, made.Runnable, made.Busy[0]),
			made.Switches(4000*i+2000, 0, made.Busy[0], made.Sleeps, made.Other),
			made.Waking(4000*i+3000, 0, made.Other, made.Busy[0], 0),
		)
	}
	c := made.Record(evs...)
	s := SurveyOf(c, &parser.Host{}, nil)
	l := New(s, 8, false)
	l.warm(startShares(c, s, false))
	near := func(what string, got, want int64) {
		if d := got - want; d < -16 || d > 16 {
			t.Errorf("%s: %d, want about %d", what, got, want)
		}
	}
	e := &l.Get(made.Busy[0].PID).Entity
	near("util", e.Util, 512)
	near("runnable", e.Runnable, 768)
	near("load", e.Load, 768)
	if e.Est < 512 || e.Est > 600 {
		t.Errorf("util_est %d: about what it is when it goes to sleep", e.Est)
	}
	q := &l.CPU[0].CFS
	near("the CPU's util", q.Util, 1024)
	if q.NR != 2 || q.Weight != 2048 {
		t.Errorf("%d queued of weight %d", q.NR, q.Weight)
	}
	// It counts once, when the events come.
	for i := range evs[:2] {
		l.Apply(&evs[i])
	}
	if q.NR != 1 || q.Weight != 1024 || q.Util > 1100 {
		t.Errorf("after it slept: %d queued of weight %d, util %d", q.NR, q.Weight, q.Util)
	}
}
