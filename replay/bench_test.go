package replay

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
	"schedreplay/replay/timeline"
)

// generated is a capture made on the fly, so that its events take no memory.
type generated struct {
	made.Recording
	make func(yield func(*parser.Event) bool)
}

func (g *generated) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		g.make(func(e *parser.Event) bool { return yield(*e, nil) })
	}
}

// storm is a machine on which n tasks are forked, run once and die.
func storm(n int) *generated {
	return &generated{made.Recording{About: parser.Meta{Resolution: 1000, Host: &parser.Host{}}}, func(yield func(*parser.Event) bool) {
		for i := range int64(n) {
			p, t, cpu := made.ATask(int32(1000+i), "short", 120), 100*i+10, int32(i%7)
			for _, e := range []parser.Event{
				made.Forks(t, cpu, made.Busy[cpu], p), made.WakeupNew(t+1, cpu, made.Busy[cpu], p, cpu), made.Switches(t+2, cpu, made.Busy[cpu], made.Preempted, p),
				made.Exits(t+50, cpu, p), made.Switches(t+52, cpu, p, parser.StateZombie, made.Busy[cpu]),
			} {
				if !yield(&e) {
					return
				}
			}
		}
	}}
}

func heapAfter(b *testing.B, n int) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	rec, err := timeline.Read(context.Background(), storm(n), made.Bench("6.1.0", 7), nil)
	plan := &Plan{}
	if err == nil {
		err = settle(context.Background(), rec, plan)
	}
	r := newPass(rec, plan, nil)
	if err == nil {
		err = r.run(context.Background(), 2)
	}
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(r)
	return float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
}

// BenchmarkForkStorm tells what a task that came and went costs in time and, at
// the end, in memory.
func BenchmarkForkStorm(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(heapAfter(b, 100_000), "B/task")
	}
}

// crowded is n tasks that wake each other in turn on seven CPUs, with a loss on
// every CPU now and then.
func crowded(tasks, rounds int) *generated {
	return &generated{made.Recording{About: parser.Meta{Resolution: 1000, Host: &parser.Host{}}}, func(yield func(*parser.Event) bool) {
		now := int64(10)
		for r := range rounds {
			for i := range int32(7) {
				p, q := made.ATask(1000+(int32(r)*7+i)%int32(tasks), "task", 120), made.ATask(1000+(int32(r+1)*7+i)%int32(tasks), "task", 120)
				now += 10
				for _, e := range []parser.Event{made.Waking(now, i, p, q, i), made.Wakeup(now+2, i, p, q, i), made.Switches(now+5, i, p, made.Sleeps, q)} {
					if !yield(&e) {
						return
					}
				}
			}
			if e := made.Lost(now+6, -1, now, 1); r%10 == 9 && !yield(&e) {
				return
			}
		}
	}}
}

// BenchmarkManyTasks tells whether the time per event grows with the tasks.
func BenchmarkManyTasks(b *testing.B) {
	for _, tasks := range []int{100, 100_000} {
		b.Run(fmt.Sprint(tasks), func(b *testing.B) {
			const rounds = 3_000 // so that each task is met
			for b.Loop() {
				if _, err := Run(context.Background(), crowded(tasks, rounds), made.Bench("6.1.0", 7), Plan{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(rounds*21), "ns/event")
		})
	}
}

// sharing is a machine of n CPUs, two threads a core, with llc CPUs to an LLC and the last
// CPU isolated, on which a quarter of the CPUs is busy: tasks of each LLC wake one another
// in turn, as a selection would place them, and one task of all strays to the isolated CPU.
func sharing(n, llc, rounds int) (*generated, *parser.Host) {
	all, iso := cpumask.Range(0, n-1), cpumask.Of(n-1)
	h := &parser.Host{
		Possible: fact.Seen(all, ""), Online: fact.Seen(all, ""), Isolated: fact.Seen(iso, "isolcpus="), Arch: fact.Seen("x86_64", ""),
		Release: fact.Seen("6.1.0", ""), Config: map[string]string{}, Tunables: map[string]int64{}, Task: map[int32]parser.TaskInfo{},
	}
	for c := range n {
		core, span := cpumask.Range(c&^1, c|1), cpumask.Range(c/llc*llc, c/llc*llc+llc-1)
		h.CPU = append(h.CPU, parser.CPUInfo{Known: true, Siblings: core, Cluster: core, LLC: span, Package: all, Die: all, LLCLevel: 3, CoreID: c / 2})
	}
	const busy = 8 // CPUs that run tasks, whatever the machine has
	cpus := make([]int32, 0, busy)
	for i := range busy {
		cpus = append(cpus, int32(i*n/busy))
	}
	return &generated{made.Recording{About: parser.Meta{Resolution: 1, Host: &parser.Host{}, HasWakings: true}}, func(yield func(*parser.Event) bool) {
		now := int64(10)
		for c := range int32(n) { // each CPU has recorded something
			if e := made.Switches(now, c, made.ATask(5000+c, "before", 120), made.Sleeps, made.Swapper); !yield(&e) {
				return
			}
			now++
		}
		for r := range rounds {
			for i, c := range cpus {
				p, q := made.ATask(1000+int32(i*16+r%16), "task", 120), made.ATask(1000+int32(i*16+(r+1)%16), "task", 120)
				now += 10
				to := c + int32(r+1)%2
				for _, e := range []parser.Event{
					made.Waking(now, c+int32(r)%2, p, q, to), made.Wakeup(now+2, to, made.Swapper, q, to),
					made.Switches(now+4, to, made.Swapper, made.Runnable, q), made.Switches(now+5, c+int32(r)%2, p, made.Sleeps, made.Swapper),
				} {
					if !yield(&e) {
						return
					}
				}
			}
		}
	}}, h
}

// BenchmarkMachines tells what an event costs on machines of many CPUs of which a few are
// busy, and in large LLCs.
func BenchmarkMachines(b *testing.B) {
	for _, m := range []struct{ cpus, llc int }{{8, 4}, {128, 4}, {1024, 4}, {128, 64}, {1024, 64}, {1024, 256}} {
		b.Run(fmt.Sprintf("%d-of-%d", m.cpus, m.llc), func(b *testing.B) {
			const rounds = 5000
			for b.Loop() {
				g, h := sharing(m.cpus, m.llc, rounds)
				if _, err := Run(context.Background(), g, h, Plan{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(rounds*32), "ns/event")
		})
	}
}
