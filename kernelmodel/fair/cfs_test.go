package fair

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/kernelmodel/load"
)

const ms = 1_000_000

// calc_delta against the exact quotient: what the rounded inverse of the divisor loses.
func TestCalcDelta(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		delta := rapid.Int64Range(0, 1<<38).Draw(t, "delta")
		weight := load.WeightOf(rapid.Int32Range(100, 139).Draw(t, "prio"))
		lw := rapid.Int64Range(weight, 64*88761).Draw(t, "lw")
		exact := new(big.Int).Mul(big.NewInt(delta), big.NewInt(weight))
		exact.Div(exact, big.NewInt(lw))
		got, want := calcDelta(delta, weight, lw), exact.Int64()
		if got > want || float64(want-got) > float64(want)*float64(lw)/(1<<31)+2 {
			t.Fatalf("%d * %d / %d is %d, want %d", delta, weight, lw, got, want)
		}
	})
}

// What the kernel's own numbers give on a machine of eight CPUs and more.
func TestSchedSlice(t *testing.T) {
	for _, c := range []struct {
		name    string
		weights []int64
		base    bool
		want    int64 // of the first, within a microsecond
	}{
		{"alone", []int64{1024}, true, 24 * ms},
		{"one of two", []int64{1024, 1024}, true, 12 * ms},
		{"nice 5 beside nice 0", []int64{335, 1024}, true, 5_916_114},
		{"one of eight", slices.Repeat([]int64{1024}, 8), true, 3 * ms},
		{"one of nine", slices.Repeat([]int64{1024}, 9), true, 3 * ms},
		{"nice 19 beside nice 0", []int64{15, 1024}, true, 3 * ms},
		{"the same before 5.13", []int64{15, 1024}, false, 346_487},
	} {
		q := CFS{Tunables: CFSTunablesFor(8), BaseSlice: c.base}
		var first *Entity
		for _, w := range c.weights {
			se := &Entity{Weight: w}
			q.Enqueue(se, Moved, 0)
			if first == nil {
				first = se
			}
		}
		if got := q.SchedSlice(first); max(got-c.want, c.want-got) > 1000 {
			t.Errorf("%s: %d ns, want %d", c.name, got, c.want)
		}
	}
	for cpus, want := range map[int]CFSTunables{
		1: {6 * ms, 750_000, 1 * ms}, 2: {12 * ms, 1_500_000, 2 * ms}, 7: {18 * ms, 2_250_000, 3 * ms}, 8: {24 * ms, 3 * ms, 4 * ms}, 44: {24 * ms, 3 * ms, 4 * ms},
	} {
		if got := CFSTunablesFor(cpus); got != want {
			t.Errorf("%d CPUs: %+v, want %+v", cpus, got, want)
		}
	}
}

// A task that slept is placed half a latency back at most, and preempts who is ahead of
// it by more than the wakeup granularity.
func TestWakeup(t *testing.T) {
	q := CFS{Tunables: CFSTunablesFor(8)}
	hog, sleeper, nice := &Entity{Weight: 1024}, &Entity{Weight: 1024}, &Entity{Weight: 335}
	q.Enqueue(hog, Moved, 0)
	q.Pick(0)
	q.UpdateCurr(100 * ms)
	q.Enqueue(sleeper, Wakeup, 100*ms)
	if sleeper.Vruntime != 88*ms {
		t.Errorf("placed at %d, want 88 ms", sleeper.Vruntime)
	}
	if !q.WakeupPreempt(sleeper, 100*ms) {
		t.Error("12 ms behind, and it does not preempt")
	}
	// 4 ms at nice 5 are 12.2 ms of virtual time.
	nice.Vruntime = 88 * ms
	q.Enqueue(nice, Wakeup, 100*ms)
	if q.WakeupPreempt(nice, 100*ms) {
		t.Error("nice 5 preempts though it is only 12 ms behind")
	}
	q.Put(100 * ms)
	if got, _ := q.Pick(100 * ms); got != sleeper {
		t.Errorf("picked %+v, want the next buddy", got)
	}
	idle := &Entity{Weight: 3, Idle: true}
	q.Enqueue(idle, Moved, 100*ms)
	if idle.Vruntime -= 1000 * ms; q.WakeupPreempt(idle, 100*ms) {
		t.Error("SCHED_IDLE preempts")
	}
}

// Whatever happens, virtual time only goes on, no time is lost, and the queue keeps
// its order.
func TestCFSProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := CFS{Tunables: CFSTunablesFor(rapid.IntRange(1, 64).Draw(t, "cpus")), BaseSlice: rapid.Bool().Draw(t, "base")}
		all := make([]*Entity, rapid.IntRange(1, 6).Draw(t, "tasks"))
		asleep := map[*Entity]bool{}
		now, busy, low := int64(0), int64(0), int64(0)
		for i := range all {
			all[i] = &Entity{ID: i, Weight: load.WeightOf(rapid.Int32Range(100, 139).Draw(t, "prio"))}
			asleep[all[i]] = true
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			d := rapid.Int64Range(0, 20*ms).Draw(t, "d")
			if now += d; q.Curr() != nil {
				busy += d
			}
			switch se := all[rapid.IntRange(0, len(all)-1).Draw(t, "who")]; rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				if asleep[se] {
					q.Enqueue(se, Wakeup, now)
					q.WakeupPreempt(se, now)
					delete(asleep, se)
				}
			case 1:
				if !asleep[se] {
					curr := se == q.Curr()
					q.Dequeue(se, true, now)
					if curr {
						q.Put(now)
					}
					asleep[se] = true
				}
			case 2:
				q.Put(now)
				if len(q.tree) > 0 {
					q.Pick(now)
				}
			case 3:
				q.Tick(now)
			}
			q.UpdateCurr(now)
			if q.MinVruntime() < low {
				t.Fatalf("min_vruntime fell from %d to %d", low, q.MinVruntime())
			}
			low = q.MinVruntime()
			sum, weight := int64(0), int64(0)
			for _, e := range all {
				if sum += e.Sum; !asleep[e] {
					weight += e.Weight
				}
			}
			if sum != busy {
				t.Fatalf("%d ns ran, %d were charged", busy, sum)
			}
			if weight != q.Load() || q.Running() != len(all)-len(asleep) {
				t.Fatalf("load %d of %d tasks, want %d of %d", q.Load(), q.Running(), weight, len(all)-len(asleep))
			}
			if !slices.IsSortedFunc(q.tree, func(a, b *Entity) int { return int(min(1, max(-1, a.Vruntime-b.Vruntime))) }) {
				t.Fatal("the queue is out of order")
			}
		}
	})
}

// Two tasks that never sleep share the CPU by their weights.
func TestFairness(t *testing.T) {
	q := CFS{Tunables: CFSTunablesFor(8), BaseSlice: true}
	a, b := &Entity{Weight: 1024}, &Entity{Weight: 335}
	q.Enqueue(a, Moved, 0)
	q.Enqueue(b, Moved, 0)
	q.Pick(0)
	for now := int64(0); now <= 10_000*ms; now += ms {
		if q.Tick(now) {
			q.Put(now)
			q.Pick(now)
		}
	}
	if share := float64(a.Sum) / float64(a.Sum+b.Sum); share < 0.74 || share > 0.77 {
		t.Errorf("nice 0 beside nice 5 got %.3f, want 0.753", share)
	}
}
