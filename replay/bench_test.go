package replay

import (
	"context"
	"iter"
	"runtime"
	"testing"

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
	for _, tasks := range []int{100, 10_000} {
		b.Run(map[int]string{100: "100", 10_000: "10000"}[tasks], func(b *testing.B) {
			for b.Loop() {
				if _, err := Run(context.Background(), crowded(tasks, 2000), made.Bench("6.1.0", 7), Plan{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(2000*21), "ns/event")
		})
	}
}
