package plots

import (
	"slices"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/plots/internal/columns"
	"schedreplay/replay"
)

// besideCPU3 begins a machine of one LLC with CPU 3 isolated; slice tells what a CPU ran.
func besideCPU3() (c *Collector, slice func(cpu int, pid int32, start, end int64)) {
	c = NewCollector()
	host := &parser.Host{Isolated: fact.Seen(cpumask.Of(3), "")}
	for range 4 {
		host.CPU = append(host.CPU, parser.CPUInfo{Known: true, LLC: cpumask.Range(0, 3)})
	}
	c.Begin(&replay.Result{Host: host, Isolated: host.Isolated})
	return c, func(cpu int, pid int32, start, end int64) {
		c.Near(&replay.Slice{CPU: cpu, Task: replay.TaskRef{PID: pid, Comm: "t"}, Start: start, End: end})
	}
}

// What the CPUs of the LLC ran at an entry is kept, also slices that end long after it,
// and what is not known is not idle.
func TestNear(t *testing.T) {
	c, slice := besideCPU3()
	slice(0, 7, 10, 40)
	slice(2, 0, 0, 45)
	c.Wakeup(&replay.Wakeup{Time: 50, RecordedCPU: 3, PrevCPU: 2, Selection: true})
	slice(0, 0, 40, 48)
	slice(2, 9, 45, 60)
	slice(0, 8, 48, 10_000)
	if busy, of := c.near.BusyAt(3, 50); busy.String() != "0,2" || of != 3 {
		t.Errorf("busy %s of %d", busy, of)
	}
	base := &columns.Timebase{}
	base.Cover(30, 100)
	s, left := besideStrip(&c.near, 3, 50, 30, 100, base, nil)
	if s == nil || len(s.lanes) != 3 || left != 0 {
		t.Fatalf("strip %+v, left %d", s, left)
	}
	sum := func(v *columns.Coverage) (n int64) {
		v.Sync()
		for _, x := range v.Cells {
			n += x
		}
		return n
	}
	for i, want := range [3][2]int64{{10 + 52, 0}, {0, 70}, {15, 40}} {
		if busy, open := sum(s.lanes[i].solid), sum(s.lanes[i].possible); busy != want[0] || open != want[1] {
			t.Errorf("CPU %d: busy %d, not known %d, want %v", i, busy, open, want)
		}
	}
	if s, _ := besideStrip(&c.near, 3, 51, 30, 100, base, nil); s != nil {
		t.Error("a strip of no entry")
	}
}

// A task that was queued beside is drawn until it runs there, or up to the entry.
func TestWaiting(t *testing.T) {
	c, slice := besideCPU3()
	slice(0, 7, 10, 48)
	c.Wakeup(&replay.Wakeup{Time: 50, RecordedCPU: 3, PrevCPU: 2, Selection: true})
	slice(0, 0, 48, 60)
	slice(0, 8, 60, 70)
	slice(2, 5, 55, 60)
	var steps []replay.Step
	for _, o := range []struct {
		cpu   int
		pid   int32
		how   replay.Occupies
		since int64
	}{
		{0, 8, replay.OccupiesQueued, 44},
		{1, 9, replay.OccupiesQueued, parser.NoTime},
		{2, 12, replay.OccupiesPending, 45},
		{1, 13, replay.OccupiesRunning, 20},
		{7, 14, replay.OccupiesQueued, 20},
	} {
		steps = append(steps, replay.Step{
			Step:     place.Step{Kind: place.AskIdle, CPU: o.cpu, Answer: place.No},
			Occupant: replay.Occupant{Task: replay.TaskRef{PID: o.pid}, How: o.how, Since: o.since},
		})
	}
	got := waitingAt(&c.near, 3, &replay.Entry{Wakeup: replay.Wakeup{Time: 50}, Explanation: &replay.Explanation{Original: steps}})
	want := []waiting{{0, replay.TaskRef{PID: 8}, 44, 60}, {2, replay.TaskRef{PID: 12}, 45, 50}}
	if !slices.Equal(got, want) {
		t.Errorf("waiting %+v, want %+v", got, want)
	}
}
