package supply

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/cpumask"
	"schedreplay/loop/work"
	"schedreplay/replay/noise"
)

// Whatever interrupts there are, the time until so much is left of a CPU is that in which they
// take the rest; and in pieces they take as much as at once.
func TestSupply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []work.Interrupt
		sum := int64(0)
		for at := int64(0); len(all) < 20; {
			at += rapid.Int64Range(0, 50).Draw(t, "apart")
			ns := rapid.Int32Range(1, 30).Draw(t, "ns")
			all = append(all, work.Interrupt{Start: at, NS: ns})
			sum += int64(ns)
			at += rapid.Int64Range(0, int64(ns)).Draw(t, "overlap")
		}
		u := CPU{All: Stretches(all), Owed: rapid.Int64Range(0, 40).Draw(t, "owed")}
		for i := 1; i < len(u.All); i++ {
			if u.All[i].Start <= u.All[i-1].End || u.All[i].Before != u.All[i-1].Before+u.All[i-1].End-u.All[i-1].Start {
				t.Fatalf("out of order: %+v", u.All)
			}
		}
		if last := u.All[len(u.All)-1]; last.Before+last.End-last.Start != sum {
			t.Fatalf("interrupts of %d ns are %d", sum, last.Before+last.End-last.Start)
		}
		now, want := int64(0), rapid.Int64Range(0, 400).Draw(t, "ns")
		until := u.After(now, want)
		for pieces := rapid.IntRange(1, 5).Draw(t, "pieces"); pieces > 0; pieces-- {
			to := until
			if pieces > 1 {
				to = rapid.Int64Range(now, until).Draw(t, "to")
			}
			want -= to - now - u.Takes(now, to)
			if now = to; u.After(now, want) != until && now != until {
				t.Fatalf("at %d it ends at %d, before at %d", now, u.After(now, want), until)
			}
		}
		if want != 0 || u.Owed != 0 {
			t.Fatalf("%d ns are left, and %d owed", want, u.Owed)
		}
	})
}

// Offline CPUs take no interrupts of devices.
func TestInterruptsOfOfflineCPUs(t *testing.T) {
	p := &work.Program{CPUs: 4, Sources: []work.Source{{Kind: noise.Hardirq, Name: "eth0"}, {Kind: noise.IPI, Name: "reschedule"}}}
	p.Interrupts = [][]work.Interrupt{{{Start: 1, NS: 9}}, {{Start: 4, NS: 3}, {Start: 20, NS: 3, Source: 1}}, {}, {}}
	m := Moves{}
	m.Offline(p, cpumask.Of(1))
	if got := m.Apply(p); len(got[0]) != 1 || len(got[1]) != 1 || len(got[2]) != 1 || got[2][0].Start != 4 {
		t.Errorf("%v", got)
	}
}
