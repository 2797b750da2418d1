package place

import (
	"fmt"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/topo"
)

// benchMachine is cores of two threads in LLCs of the given size, CPU 43 isolated.
func benchMachine(release string, llc, ncpu int) *topo.Machine {
	t := topo.Regular{Nodes: 1, Packages: 1, LLCs: ncpu / llc, Cores: llc / 2, Threads: 2}.Topology()
	return machineFor(t, release, cpumask.Of(43), cpumask.Mask{})
}

// One decision of both kernels of a machine of which everything is known.
func BenchmarkSelectKnown(b *testing.B) {
	for _, release := range []string{"4.19", "5.10", "6.1", "6.12"} {
		b.Run(release, func(b *testing.B) {
			m := benchMachine(release, 4, 44)
			st := newFakeState(44).idle(3, 17, 41, 43).scans(exactly(4))
			s := Selector{Rules: kernelRules(b, release), Machine: m, State: st}
			w := wakeupOf(44, 2, 42)
			var x explore.Explorer
			run := func() { s.Select(&x, w) }
			b.ReportAllocs()
			for b.Loop() {
				x.Explore(64, run)
			}
		})
	}
}

// partial is a machine of which one CPU was recorded.
func partial(ncpu, seen int) *fakeState {
	st := newFakeState(ncpu).cores(explore.Either(false, fact.Unknown)).scans(explore.Range{Lo: 0, Best: int64(ncpu), Hi: int64(ncpu), From: fact.Unknown})
	for c := range ncpu {
		if c != seen {
			st.openIdle(false, c)
			k := &st.cpu[c]
			k.load, k.util, k.runAvg = explore.Range{Lo: 0, Best: 0, Hi: 1 << 20, From: fact.Unknown}, explore.Range{Lo: 0, Best: 0, Hi: 1024, From: fact.Unknown}, explore.Range{Lo: 0, Best: 0, Hi: 1024, From: fact.Unknown}
		}
	}
	return st
}

// One decision of both kernels where one CPU was recorded and nothing is known
// of the others: the exploration up to its bound, and the widening.
func BenchmarkSelectOneCPURecorded(b *testing.B) {
	for _, shape := range []struct{ llc, ncpu int }{{4, 44}, {44, 44}, {64, 64}} {
		for _, release := range []string{"4.19", "6.1", "6.12"} {
			b.Run(fmt.Sprintf("LLC=%d/%s", shape.llc, release), func(b *testing.B) {
				m := benchMachine(release, shape.llc, shape.ncpu)
				st := partial(shape.ncpu, 43)
				s := Selector{Rules: kernelRules(b, release), Machine: m, State: st}
				w := wakeupOf(shape.ncpu, 2, 42)
				w.RecentUsed, w.Cur.Flips, w.Flips = nil, nil, nil
				w.Sync = explore.Either(false, fact.Unknown)
				w.InTask, w.Cur.PerCPUKthread = explore.Either(true, fact.Unknown), explore.Either(false, fact.Unknown)
				var x explore.Explorer
				var out cpumask.Mask
				run := func() { o := s.Select(&x, w); out.Set(o.CPU) }
				b.ReportAllocs()
				for b.Loop() {
					if !x.Explore(64, run) {
						out.CopyFrom(s.Widest(w))
					}
				}
			})
		}
	}
}
