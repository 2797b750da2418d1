package fair

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/rules"
)

func TestBaseSlice(t *testing.T) {
	for cpus, want := range map[int]int64{1: 700_000, 2: 1_400_000, 3: 1_400_000, 4: 2_100_000, 8: 2_800_000, 44: 2_800_000} {
		if got := BaseSliceFor(cpus, true); got != want {
			t.Errorf("%d CPUs: %d, want %d", cpus, got, want)
		}
	}
	if got := BaseSliceFor(8, false); got != 3*ms {
		t.Errorf("8 CPUs, longer: %d, want 3 ms", got)
	}
}

// Two tasks that never sleep share the CPU by their weights, a slice at a time.
func TestEEVDFFairness(t *testing.T) {
	q := EEVDF{Slice: 2_800_000, Jiffy: ms, Delay: true}
	a, b := &Entity{Weight: 1024}, &Entity{ID: 1, Weight: 335}
	q.Enqueue(a, Moved, 0)
	q.Enqueue(b, Moved, 0)
	q.Pick(0)
	switches := 0
	for now := int64(0); now <= 10_000*ms; now += ms {
		if q.Tick(now) {
			was := q.curr
			q.Put(now)
			if got, _ := q.Pick(now); got != was {
				switches++
			}
		}
	}
	if share := float64(a.Sum) / float64(a.Sum+b.Sum); share < 0.74 || share > 0.77 {
		t.Errorf("nice 0 beside nice 5 got %.3f, want 0.753", share)
	}
	if switches < 1000 || switches > 3000 {
		t.Errorf("%d switches in 10 s", switches)
	}
}

// A task that got more than its share and sleeps stays on the queue, until it is woken
// there or would be picked.
func TestDelayedDequeue(t *testing.T) {
	start := func() (q *EEVDF, a, b *Entity) {
		q = &EEVDF{Slice: 2_800_000, Jiffy: ms, Delay: true}
		a, b = &Entity{Weight: 1024}, &Entity{ID: 1, Weight: 1024}
		q.Enqueue(a, Moved, 0)
		q.Pick(0)
		q.Enqueue(b, Moved, 0)
		if q.Dequeue(a, true, 2*ms) || !a.Delayed || q.Running() != 2 {
			t.Fatal("it ran 2 ms beside another, and left")
		}
		q.Put(2 * ms)
		if got, dropped := q.Pick(2 * ms); got != b || dropped != nil {
			t.Fatalf("picked %+v, dropped %v", got, dropped)
		}
		return q, a, b
	}
	q, a, _ := start()
	q.Requeue(a, 3*ms)
	if a.Delayed || !a.OnRq || q.Running() != 2 {
		t.Error("woken in place, it is not there")
	}
	q, a, b := start()
	if !q.Dequeue(b, true, 3*ms) {
		t.Error("b got less than its share, and stayed")
	}
	q.Put(3 * ms)
	if got, dropped := q.Pick(3 * ms); got != nil || len(dropped) != 1 || dropped[0] != a || q.Running() != 0 {
		t.Errorf("picked %+v, dropped %v: an idle CPU holds no delayed task", got, dropped)
	}
	q = &EEVDF{Slice: 3 * ms, Jiffy: ms}
	q.Enqueue(a, Moved, 0)
	q.Pick(0)
	q.Enqueue(b, Moved, 0)
	if !q.Dequeue(a, true, 2*ms) {
		t.Error("before 6.12 nothing stays")
	}
}

// A task that wakes where it slept takes the CPU from one that has run since it was last
// charged: it is placed beside that one's virtual time of then.
func TestRequeuePreempts(t *testing.T) {
	q := EEVDF{Slice: 2_800_000, Jiffy: ms, Delay: true}
	a, b := &Entity{Weight: 1024}, &Entity{ID: 1, Weight: 1024}
	q.Enqueue(a, Moved, 0)
	q.Pick(0)
	q.Enqueue(b, Moved, 0)
	q.Dequeue(a, true, ms)
	q.Put(ms)
	q.Pick(ms)
	q.UpdateCurr(3 * ms) // a tick: by now a is owed time
	q.Requeue(a, 3*ms+500_000)
	if !q.WakeupPreempt(a, 3*ms+500_000) {
		t.Errorf("a at %d does not take the CPU from b at %d", a.Vruntime, b.Vruntime)
	}
}

// RUN_TO_PARITY: an eligible task keeps the CPU in its first slice, whoever wakes; one that
// has used up its lag does not.
func TestEEVDFWakeup(t *testing.T) {
	q := EEVDF{Slice: 3 * ms, Jiffy: ms}
	hog, sleeper := &Entity{Weight: 1024}, &Entity{ID: 1, Weight: 1024, Sum: 1}
	q.Enqueue(hog, Wakeup, 0)
	q.Pick(0)
	sleeper.Lag = -2 * ms
	q.Enqueue(sleeper, Wakeup, ms)
	if q.WakeupPreempt(sleeper, ms) {
		t.Error("a task with debt takes the CPU from one that is eligible")
	}
	q.Dequeue(sleeper, true, ms)
	late := &Entity{ID: 2, Weight: 1024, Sum: 1, Lag: 3 * ms}
	q.Enqueue(late, Wakeup, 2*ms)
	if q.Eligible(hog) || !q.WakeupPreempt(late, 2*ms) {
		t.Error("a task that is owed time does not take the CPU from one that is not eligible")
	}
}

// Whatever happens: no time is lost, lag stays within bounds, who is picked is eligible, and
// the lags of a queue sum to nothing.
func TestEEVDFProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := EEVDF{Slice: BaseSliceFor(rapid.IntRange(1, 64).Draw(t, "cpus"), true), Jiffy: ms, Delay: rapid.Bool().Draw(t, "delay")}
		all := make([]*Entity, rapid.IntRange(1, 6).Draw(t, "tasks"))
		asleep, busy, now := map[*Entity]bool{}, int64(0), int64(0)
		for i := range all {
			all[i] = &Entity{ID: i, Weight: load.WeightOf(rapid.Int32Range(100, 139).Draw(t, "prio"))}
			asleep[all[i]] = true
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			d := rapid.Int64Range(0, 20*ms).Draw(t, "d")
			if now += d; q.curr != nil {
				busy += d
			}
			switch se := all[rapid.IntRange(0, len(all)-1).Draw(t, "who")]; rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				if asleep[se] && se.Delayed {
					q.Requeue(se, now)
					delete(asleep, se)
				} else if asleep[se] {
					q.Enqueue(se, Wakeup, now)
					q.WakeupPreempt(se, now)
					delete(asleep, se)
				}
			case 1:
				if !asleep[se] {
					curr := se == q.curr
					q.Dequeue(se, true, now)
					if curr {
						q.Put(now)
					}
					asleep[se] = true
				}
			case 2:
				q.Put(now)
				if se, _ := q.Pick(now); se != nil && !q.Eligible(se) {
					t.Fatalf("picked %+v, not eligible", se)
				}
			case 3:
				q.Tick(now)
			}
			q.UpdateCurr(now)
			run := int64(0)
			for _, e := range all {
				run += e.Sum
				if limit := calcDeltaFair(max(2*q.Slice, q.Jiffy), e); e.Lag > limit || e.Lag < -limit {
					t.Fatalf("lag %d beyond %d", e.Lag, limit)
				}
			}
			if run != busy {
				t.Fatalf("%d ns ran, %d were charged", busy, run)
			}
			if len(q.all) == 0 {
				continue
			}
			if m := q.mean(); m.Lag(q.AvgVruntime()) < 0 || m.Lag(q.AvgVruntime()) > m.Weight {
				t.Fatalf("the lags sum to %d of weight %d", m.Lag(q.AvgVruntime()), m.Weight)
			}
		}
	})
}

// The current entity is kept on its CPU up to its deadline, while it is eligible. A new weight
// ends that up to 6.19.
func TestProtection(t *testing.T) {
	for rule, want := range map[rules.ProtectRule]bool{rules.ProtectMark: false, rules.ProtectTime: false, rules.ProtectScaled: true} {
		q := EEVDF{Slice: 3 * ms, Jiffy: ms, Delay: true, Rules: rules.FairRules{Protect: rule}}
		a, b := &Entity{Weight: 1024}, &Entity{ID: 1, Weight: 1024}
		q.Enqueue(a, Moved, 0)
		q.Enqueue(b, Moved, 0)
		a.Deadline += 10 * ms // one that has been given a long slice
		q.remove(b)
		q.Pick(0)
		if q.UpdateCurr(ms); !q.protected(a) {
			t.Errorf("%d: not protected", rule)
		}
		q.Reweight(a, 64, ms) // its virtual time goes sixteen times as fast
		if q.UpdateCurr(2 * ms); q.protected(a) != want {
			t.Errorf("%d: protected %v after a new weight", rule, !want)
		}
	}
}

// Past the protected slice each update reschedules since 6.17; before, only if the current
// entity is not eligible.
func TestProtectionEnds(t *testing.T) {
	for rule, want := range map[rules.ProtectRule]bool{rules.ProtectMark: false, rules.ProtectTime: true, rules.ProtectScaled: true} {
		q := EEVDF{Slice: 3 * ms, Jiffy: ms, Delay: true, Rules: rules.FairRules{Protect: rule}}
		a, b := &Entity{Weight: 1024}, &Entity{ID: 1, Weight: 1024}
		q.Enqueue(a, Moved, 0)
		q.Pick(0)
		q.UpdateCurr(4 * ms) // alone, past its slice
		b.Lag = -4 * ms
		q.Enqueue(b, Moved, 4*ms)
		q.need = false
		if got := q.Tick(4*ms + 1000); got != want {
			t.Errorf("%d: rescheduled %v", rule, got)
		}
	}
}

// A new weight leaves an entity its lag; from 6.13 to 7.0 it takes one that runs farther from the
// average, which counts it already: beside an equal, a quarter as far again.
func TestPlaceCurrent(t *testing.T) {
	for rule, want := range map[bool]int64{false: -ms / 2, true: -ms / 2 * 5 / 4} {
		q := EEVDF{Slice: 3 * ms, Jiffy: 4 * ms, Delay: true, Rules: rules.FairRules{PlaceCurrent: rule}}
		a, b := &Entity{Weight: 1024}, &Entity{ID: 1, Weight: 1024}
		q.Enqueue(a, Moved, 0)
		q.Pick(0)
		q.Enqueue(b, Moved, 0)
		q.Reweight(a, 1024, ms) // it has run a millisecond more than the other
		if got := q.AvgVruntime() - a.Vruntime; got != want {
			t.Errorf("%v: a lag of %d, want %d", rule, got, want)
		}
	}
}

// The timer of a slice goes off when the virtual deadline is reached: of a light task after the
// same time as of a heavy one.
func TestLeft(t *testing.T) {
	for _, weight := range []int64{1024, 335} {
		q := EEVDF{Slice: 3 * ms, Jiffy: 4 * ms}
		a := &Entity{Weight: weight}
		q.Enqueue(a, Wakeup, 0)
		q.Enqueue(&Entity{ID: 1, Weight: 1024}, Wakeup, 0)
		q.Pick(0)
		if got := q.Left(ms); q.curr == a && (got < 2*ms-10 || got > 2*ms+10) {
			t.Errorf("weight %d: %d ns left of 3 ms after 1", weight, got)
		}
		if q.Tick(2 * ms) {
			t.Errorf("weight %d: its slice is over after 2 ms of 3", weight)
		}
		if end := 2*ms + q.Left(2*ms); !q.Tick(end + 20) {
			t.Errorf("weight %d: its slice is not over at %d", weight, end)
		}
	}
	c := CFS{Tunables: CFSTunablesFor(8)}
	a, b := &Entity{Weight: 1024}, &Entity{ID: 1, Weight: 1024}
	c.Enqueue(a, Wakeup, 0)
	c.Enqueue(b, Wakeup, 0)
	if c.Pick(0); 10*ms-c.Left(2*ms) > 10 {
		t.Errorf("CFS: %d ns left of half of 24 ms after 2", c.Left(2*ms))
	}
}

// A delayed task that wakes beside one that has run since is ahead of it up to 7.2, and takes the
// CPU; from 7.3 on the other is charged first, and keeps it.
func TestRequeueCharges(t *testing.T) {
	for _, charges := range []bool{false, true} {
		q := &EEVDF{Slice: 2_800_000, Jiffy: ms, Delay: true, Rules: rules.FairRules{EEVDF: true, Protect: rules.ProtectScaled, RequeueCharges: charges}}
		a, b := &Entity{Weight: 1024}, &Entity{ID: 1, Weight: 1024}
		q.Enqueue(a, Moved, 0)
		q.Pick(0)
		q.Enqueue(b, Moved, 0)
		if q.Dequeue(a, true, ms/2) || !a.Delayed {
			t.Fatal("it ran beside another, and left")
		}
		q.Put(ms / 2)
		q.Pick(ms / 2)
		q.UpdateCurr(ms/2 + ms/4)
		q.Requeue(a, ms+ms/4)
		if got := q.WakeupPreempt(a, ms+ms/4); got == charges {
			t.Errorf("charged first: %v, preempts: %v", charges, got)
		}
	}
}
