package fair

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/kernelmodel/rules"
)

// flatShares gives every group of a one-CPU machine its whole weight.
func flatShares(shares map[int]int64) func(int, int64, int64) int64 {
	return func(group int, _, _ int64) int64 { return shares[group] }
}

func queues() map[string]func() Queue {
	return map[string]func() Queue{
		"CFS":   func() Queue { return &CFS{Tunables: CFSTunablesFor(2)} },
		"EEVDF": func() Queue { return &EEVDF{Slice: BaseSliceFor(2, true), Jiffy: ms, Delay: true} },
	}
}

// Groups share the CPU by their weights, whatever the number of their tasks; tasks share what
// their group gets.
func TestTreeShares(t *testing.T) {
	for name, newQueue := range queues() {
		above := map[int]int{1: Root, 2: Root, 3: 2}
		q := &Tree{New: newQueue, Above: func(g int) int { return above[g] }, Shares: flatShares(map[int]int64{1: 1024, 2: 2048, 3: 1024})}
		var all []*Entity
		for i, g := range []int{1, 1, 1, 2, 3, 3} { // group 3 is in group 2, beside one task
			all = append(all, &Entity{ID: i, Group: g, Weight: 1024})
			q.Enqueue(all[i], Moved, 0)
		}
		q.Pick(0)
		const end = 30_000 * ms
		for now := int64(0); now <= end; now += ms {
			if q.Tick(now) {
				q.Put(now)
				q.Pick(now)
			}
		}
		for i, want := range []float64{1. / 9, 1. / 9, 1. / 9, 1. / 3, 1. / 6, 1. / 6} {
			if got := float64(all[i].Sum) / end; got < want*0.97 || got > want*1.03 {
				t.Errorf("%s: task %d of group %d got %.3f, want %.3f", name, i, all[i].Group, got, want)
			}
		}
	}
}

// Who wakes is compared where the two have a queue in common: a task of the group that runs
// as a task, one of another group as its group.
func TestTreePreempts(t *testing.T) {
	q := &Tree{New: queues()["CFS"], Above: func(int) int { return Root }, Shares: flatShares(map[int]int64{1: 1024, 2: 1024})}
	hog, mate, other := &Entity{ID: 0, Group: 1, Weight: 1024}, &Entity{ID: 1, Group: 1, Weight: 1024}, &Entity{ID: 2, Group: 2, Weight: 1024}
	q.Enqueue(hog, Moved, 0)
	q.Pick(0)
	q.UpdateCurr(100 * ms)
	q.Enqueue(mate, Wakeup, 100*ms)
	if !q.WakeupPreempt(mate, 100*ms) {
		t.Error("a sleeper of the same group does not take the CPU from one that ran 100 ms")
	}
	q.Enqueue(other, Wakeup, 100*ms)
	if !q.WakeupPreempt(other, 100*ms) {
		t.Error("a sleeper of another group does not take the CPU from a group that ran 100 ms")
	}
	q.Put(100 * ms)
	q.Pick(100 * ms)
	if q.WakeupPreempt(mate, 100*ms) && q.WakeupPreempt(hog, 100*ms) && q.WakeupPreempt(other, 100*ms) {
		t.Error("everybody takes the CPU from who has just got it")
	}
}

// Whatever happens: no time is lost, an empty tree picks nothing and a tree with runnable
// tasks picks one of them, and what was dropped slept.
func TestTreeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"CFS", "EEVDF"}).Draw(t, "kind")
		shares := map[int]int64{}
		above := map[int]int{}
		for g := 1; g <= 4; g++ {
			shares[g] = rapid.Int64Range(2, 10_000).Draw(t, "shares")
			above[g] = rapid.IntRange(0, g-1).Draw(t, "above")
		}
		q := &Tree{New: queues()[kind], Above: func(g int) int { return above[g] }, Shares: func(g int, load, _ int64) int64 {
			return shares[g] * (load + 1) / (load + 1024)
		}}
		const (
			asleep = iota
			delayed
			queued
		)
		all := make([]*Entity, rapid.IntRange(1, 6).Draw(t, "tasks"))
		state := map[*Entity]int{}
		for i := range all {
			all[i] = &Entity{ID: i, Group: rapid.IntRange(0, 4).Draw(t, "group"), Weight: 1024}
		}
		now, busy := int64(0), int64(0)
		var curr *Entity
		pick := func() {
			q.Put(now)
			var dropped []*Entity
			curr, dropped = q.Pick(now)
			for _, e := range dropped {
				if state[e] != delayed {
					t.Fatalf("task %d is dropped, and does not sleep", e.ID)
				}
				state[e] = asleep
			}
			runnable := 0
			for _, s := range state {
				if s == queued {
					runnable++
				}
			}
			if (curr == nil) != (runnable == 0) || curr != nil && state[curr] != queued {
				t.Fatalf("of %d runnable tasks %+v is picked", runnable, curr)
			}
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			d := rapid.Int64Range(0, 20*ms).Draw(t, "d")
			if now += d; curr != nil {
				busy += d
			}
			se := all[rapid.IntRange(0, len(all)-1).Draw(t, "who")]
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				switch state[se] {
				case asleep:
					q.Enqueue(se, Wakeup, now)
					q.WakeupPreempt(se, now)
				case delayed:
					q.Requeue(se, now)
				}
				state[se] = queued
				if curr == nil {
					pick()
				}
			case 1:
				if state[se] != queued {
					continue
				}
				state[se] = asleep
				if !q.Dequeue(se, true, now) {
					state[se] = delayed
				}
				if se == curr {
					pick()
				}
			case 2:
				pick()
			case 3:
				if q.Tick(now) {
					pick()
				}
			}
			q.UpdateCurr(now)
			sum := int64(0)
			for _, e := range all {
				sum += e.Sum
			}
			if sum != busy {
				t.Fatalf("%d ns ran, %d were charged", busy, sum)
			}
		}
	})
}

// A group that a task leaves to sleep is picked again before one with an earlier deadline
// (PICK_BUDDY, from 6.14 on), once, and as long as it is eligible.
func TestPickBuddy(t *testing.T) {
	for _, c := range []struct {
		pick bool
		ran  int64
		want int
	}{{true, 0, 1}, {false, 0, 3}, {true, 2 * ms, 3}} {
		newQueue := func() Queue {
			return &EEVDF{Slice: 2_800_000, Jiffy: ms, Rules: rules.FairRules{EEVDF: true, PickBuddy: c.pick}}
		}
		q := &Tree{New: newQueue, Above: func(int) int { return Root }, Shares: flatShares(map[int]int64{1: 1024, 2: 1024})}
		all := []*Entity{{ID: 0, Group: 1, Weight: 1024}, {ID: 1, Group: 1, Weight: 1024}, {ID: 3, Group: 2, Weight: 1024}}
		for _, se := range all[:2] {
			q.Enqueue(se, Moved, 0)
		}
		q.Pick(0)
		q.Enqueue(all[2], Moved, 0)
		q.at(2).se.Deadline = 1 // earlier than the first group's
		q.Dequeue(all[0], true, c.ran)
		q.Put(c.ran)
		root := q.at(Root).Queue.(*EEVDF)
		root.last = nil // its slice does not protect it
		if got, _ := q.Pick(c.ran); got.ID != c.want || root.next != nil && c.pick && c.want == 1 {
			t.Errorf("pick %v, after %d ns: task %d, want %d; next %v", c.pick, c.ran, got.ID, c.want, root.next)
		}
	}
}
