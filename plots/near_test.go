package plots

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/plots/internal/columns"
	"schedreplay/replay"
)

// What the CPUs of the LLC ran at an entry is kept, also slices that end long after it,
// and what is not known is not idle.
func TestNear(t *testing.T) {
	c := NewCollector()
	host := &parser.Host{Isolated: fact.Seen(cpumask.Of(3), "")}
	for range 4 {
		host.CPU = append(host.CPU, parser.CPUInfo{Known: true, LLC: cpumask.Range(0, 3)})
	}
	c.Begin(&replay.Result{Host: host, Isolated: host.Isolated})
	slice := func(cpu int, pid int32, start, end int64) {
		c.Near(&replay.Slice{CPU: cpu, Task: replay.TaskRef{PID: pid, Comm: "t"}, Start: start, End: end})
	}
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
	s, left := besideStrip(&c.near, 3, 50, 30, 100, base)
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
	if s, _ := besideStrip(&c.near, 3, 51, 30, 100, base); s != nil {
		t.Error("a strip of no entry")
	}
}
