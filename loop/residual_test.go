package loop

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/loop/work"
)

// Of the exits near in time it is the one from an idleness as long that counts, and of several of
// those the nearest; the recorded one of the very waking before all.
func TestExit(t *testing.T) {
	var all []work.Exit
	for i := range int64(40) {
		e := work.Exit{Time: 1000 * i, NS: i, Rested: work.Rested(100)}
		if i%5 == 0 {
			e.Rested = work.Rested(1 << 20)
		}
		all = append(all, e)
	}
	r := &residuals{exits: [][]work.Exit{all}}
	for _, c := range []struct{ now, idle, own, want int64 }{
		{6100, 100, work.None, 6},
		{6100, 1 << 20, work.None, 5},
		{8100, 1 << 20, work.None, 10},
		{15_100, 1 << 20, work.None, 15},
		{99_000, 1 << 40, work.None, 35},
		{6100, 1 << 20, 77, 77},
	} {
		if got := r.exit(0, c.now, c.idle, c.own); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
	if got := r.exit(1, 5, 5, work.None); got != 0 {
		t.Errorf("of no exits: %d", got)
	}
}

// A CPU is idle since swapper runs there, whatever interrupts it is charged for since.
func TestIdleSince(t *testing.T) {
	s := hogs(t, "6.12", cpumask.Of(2), 10)
	c := &s.cpus[2]
	s.run(t.Context(), 2*second)
	if c.curr != nil {
		t.Fatal("it is not idle")
	}
	at := c.swapper
	s.charge(c)
	if at < second || at > second+1000 || c.swapper != at || c.since != 2*second {
		t.Errorf("idle since %d, charged up to %d", c.swapper, c.since)
	}
}
