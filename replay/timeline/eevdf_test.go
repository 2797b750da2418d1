package timeline

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/fact"
	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

const ms = 1_000_000 // ns

func TestBaseSlice(t *testing.T) {
	for cpus, want := range map[int]int64{1: 700_000, 2: 1_400_000, 3: 1_400_000, 4: 2_100_000, 7: 2_100_000, 8: 2_800_000, 44: 2_800_000, 0: 700_000} {
		if got := fair.BaseSliceFor(cpus, true); got != want {
			t.Errorf("%d CPUs: %d ns, want %d", cpus, got, want)
		}
	}
}

// fairTask is a task on a fair queue.
func fairTask(pid int32, v, deadline, weight int64) *Task {
	p := &Task{PID: pid, Prio: 120}
	p.Virtual = virtual{v: v, deadline: deadline, On: 0}
	p.Entity.Weight = weight
	return p
}

func fairQueueOf(slice int64, tasks ...*Task) *fairQueue {
	q := &fairQueue{slice: slice, tick: ms}
	for _, p := range tasks {
		q.add(p)
	}
	return q
}

// The mean is the weighted one, within its rounding.
func TestFairAverage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q fairQueue
		num, den := new(big.Int), new(big.Int)
		for i := range rapid.IntRange(1, 20).Draw(t, "n") {
			v := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "v")
			w := load.WeightOf(rapid.Int32Range(100, 139).Draw(t, "prio"))
			q.add(fairTask(int32(i), v, 0, w))
			num.Add(num, new(big.Int).Mul(big.NewInt(v), big.NewInt(w)))
			den.Add(den, big.NewInt(w))
		}
		mean, weight := q.average()
		want, _ := new(big.Rat).SetFrac(num, den).Float64()
		if d := math.Abs(float64(mean) - want); d > 256 || weight != den.Int64() {
			t.Fatalf("mean %d of weight %d, want %.1f of %d", mean, weight, want, den)
		}
	})
}

// A sleeper stays queued if others are and it is not eligible.
func TestDelayedSleep(t *testing.T) {
	for _, c := range []struct {
		name    string
		v       int64   // of the sleeper
		others  []int64 // of the others
		delayed bool
	}{
		{"alone", 5 * ms, nil, false},
		{"behind: it ran less than its share", 1 * ms, []int64{3 * ms}, false},
		{"ahead: it ran more", 3 * ms, []int64{1 * ms}, true},
		{"level", 2 * ms, []int64{2 * ms}, false},
		{"ahead of most", 3 * ms, []int64{1 * ms, 4 * ms, 1 * ms}, true},
	} {
		p := fairTask(1, c.v, 0, 1024)
		q := fairQueueOf(3*ms, p)
		for i, v := range c.others {
			q.add(fairTask(int32(i+2), v, 0, 1024))
		}
		n := len(q.tasks)
		if got := q.sleep(p, true); got != c.delayed || p.Virtual.Delayed != c.delayed {
			t.Errorf("%s: delayed %v, want %v", c.name, got, c.delayed)
		}
		if !c.delayed {
			n--
		}
		if len(q.tasks) != n || (p.Virtual.On < 0) == c.delayed {
			t.Errorf("%s: %d queued, want %d", c.name, len(q.tasks), n)
		}
	}
}

// The CPU drops delayed tasks that are eligible and due before the task that it
// picks.
func TestPickDropsDelayed(t *testing.T) {
	winner := fairTask(1, 2*ms, 10*ms, 1024)
	due := fairTask(2, 1*ms, 5*ms, 1024)
	later := fairTask(3, 1*ms, 20*ms, 1024)
	ahead := fairTask(4, 9*ms, 6*ms, 1024)
	awake := fairTask(5, 1*ms, 4*ms, 1024)
	for _, p := range []*Task{due, later, ahead} {
		p.Virtual.Delayed = true
	}
	q := fairQueueOf(3*ms, ahead, winner, later, due, awake)
	got := q.pick(winner)
	if len(got) != 1 || got[0] != due || due.Virtual.On != parser.NoCPU || due.Virtual.Delayed || len(q.tasks) != 4 {
		t.Fatalf("dropped %d, left %d", len(got), len(q.tasks))
	}
	if due.Virtual.vlag != 0 {
		t.Errorf("its lag had become positive and is %d, not zero", due.Virtual.vlag)
	}
	// Swapper comes only when none is left.
	if got := q.pick(nil); len(got) == 0 {
		t.Error("nothing is dropped before swapper")
	}
}

// A task that comes back finds the lag it left with.
func TestPlaceKeepsLag(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := fairQueue{slice: 3_000_000, tick: ms}
		for i := range rapid.IntRange(1, 6).Draw(t, "n") {
			q.add(fairTask(int32(i+2), rapid.Int64Range(0, 1<<30).Draw(t, "v"), 0, load.WeightOf(rapid.Int32Range(100, 139).Draw(t, "prio"))))
		}
		p := fairTask(1, 0, 0, load.WeightOf(rapid.Int32Range(100, 139).Draw(t, "own")))
		p.Virtual.On = parser.NoCPU
		lag := fair.ClampLag(rapid.Int64Range(-1<<30, 1<<30).Draw(t, "lag"), p.Entity.Weight, q.slice, q.tick, rapid.Bool().Draw(t, "rule"))
		p.Virtual.vlag = lag
		n := len(q.tasks)
		q.place(p, 3)
		mean, _ := q.average()
		// The mean moves by what the task brings; lag is against the new one.
		if d := mean - p.Virtual.v - lag; math.Abs(float64(d)) > 512+math.Abs(float64(lag))/100 || len(q.tasks) != n+1 || p.Virtual.On != 3 {
			t.Fatalf("lag %d became %d", lag, mean-p.Virtual.v)
		}
		if p.Virtual.deadline != p.Virtual.v+fair.CalcDeltaFair(q.slice, p.Entity.Weight) {
			t.Fatalf("deadline %d after %d", p.Virtual.deadline, p.Virtual.v)
		}
	})
	// Alone it is level; a newborn's first slice is half.
	q := fairQueue{slice: 3_000_000, tick: ms}
	p := fairTask(1, 0, 0, 1024)
	p.Virtual.vlag, p.born = -500, true
	if q.place(p, 0); p.Virtual.v != 0 || p.Virtual.deadline != 1_500_000 {
		t.Errorf("placed alone: %+v", p.Virtual)
	}
}

// Woken while delayed a task stays where it is, but for lag it has gained.
func TestWakeInPlace(t *testing.T) {
	for _, c := range []struct{ v, other, want int64 }{{5_000_000, 1_000_000, 5_000_000}, {1_000_000, 5_000_000, 5_000_000}} {
		p := fairTask(1, c.v, 0, 1024)
		p.Virtual.Delayed = true
		q := fairQueueOf(3_000_000, p, fairTask(2, c.other, 0, 1024))
		q.wakeInPlace(p)
		if p.Virtual.Delayed || p.Virtual.On != 0 || len(q.tasks) != 2 || p.Virtual.v != c.want {
			t.Errorf("at %d beside %d: %+v, want %d", c.v, c.other, p.Virtual, c.want)
		}
	}
}

// Before swapper the queue is emptied by picks: no delayed task keeps a lag.
func TestIdleLeavesNoLag(t *testing.T) {
	var all []*Task
	q := fairQueue{slice: 3 * ms, tick: ms}
	for i, v := range []int64{9 * ms, 1 * ms, 5 * ms} {
		p := fairTask(int32(i+1), v, v+3*ms, 1024)
		p.Virtual.Delayed = true
		all = append(all, p)
		q.add(p)
	}
	if got := q.pick(nil); len(got) != 3 || len(q.tasks) != 0 {
		t.Fatalf("%d dropped, %d left", len(got), len(q.tasks))
	}
	for _, p := range all {
		if p.Virtual.vlag != 0 || p.Virtual.On != parser.NoCPU {
			t.Errorf("task %d: %+v", p.PID, p.Virtual)
		}
	}
}

// A slice ends at a tick; a task that is current after it was picked again, and
// what was due before it is gone.
func TestSliceEnds(t *testing.T) {
	cur := fairTask(1, 0, 3*ms, 1024)
	due := fairTask(2, 1*ms, 4*ms, 1024)
	due.Virtual.Delayed = true
	wait := fairTask(3, 4*ms, 9*ms, 1024)
	for _, c := range []struct {
		run, deadline int64
		dropped       int
	}{{2 * ms, 3 * ms, 0}, {3400_000, 6400_000, 0}, {5 * ms, 6500_000, 1}} {
		x, y, z := *cur, *due, *wait
		q := fairQueueOf(3*ms, &x, &y, &z)
		if got := q.advance(&x, c.run); len(got) != c.dropped || x.Virtual.deadline != c.deadline || x.Virtual.v != c.run {
			t.Errorf("after %d: %d dropped, at %d with deadline %d, want %d dropped and %d", c.run, len(got), x.Virtual.v, x.Virtual.deadline, c.dropped, c.deadline)
		}
	}
	// Once it had a second slice every tick that finds it not eligible is a pick.
	for _, unprotected := range []bool{false, true} {
		x, y := *cur, *due
		y.Virtual.deadline = 9 * ms
		q := fairQueueOf(3*ms, &x, &y)
		q.unprotected = unprotected
		if got := q.advance(&x, 2*ms); len(got) == 1 != unprotected {
			t.Errorf("unprotected %v: %d dropped", unprotected, len(got))
		}
	}
	// Whatever the clock does, it ends.
	q := fairQueueOf(1, cur)
	q.advance(cur, math.MaxInt64)
}

// A run past its slice that ends in a sleep, though another waits, had no tick: the
// clock stood still, and the next task pays.
func TestStall(t *testing.T) {
	for _, c := range []struct {
		name      string
		run       int64
		alone     bool
		own, next int64
	}{
		{"within its slice", 2 * ms, false, 2 * ms, 1 * ms}, {"past it", 20 * ms, false, 1 * ms, 20 * ms}, {"nobody waits", 20 * ms, true, 20 * ms, 1 * ms},
	} {
		cur, next := fairTask(1, 0, 3*ms, 1024), fairTask(2, 0, 3*ms, 1024)
		q := fairQueueOf(3*ms, cur)
		if !c.alone {
			q.add(next)
		}
		q.stall(cur, c.run)
		q.advance(cur, c.run)
		if c.alone {
			q.add(next)
		}
		q.drop(cur)
		q.advance(next, c.run+1*ms)
		if cur.Virtual.v != c.own || next.Virtual.v != c.next {
			t.Errorf("%s: %d and then %d, want %d and %d", c.name, cur.Virtual.v, next.Virtual.v, c.own, c.next)
		}
	}
}

// Who is preempted by a task that came was not eligible; who was not, was.
func TestJudge(t *testing.T) {
	const us, limit = 1000, 5600_000
	for _, c := range []struct {
		name      string
		lead      int64 // of the task that came, ahead of the one that ran
		back      int64
		preempted bool
		low, high int64
	}{
		{"level and chosen: it was owed something", 0, limit, true, -limit, -1},
		{"owed and chosen", -500 * us, 0, true, -500 * us, -500 * us},
		{"owed but not chosen: it was level", -500 * us, limit, false, 0, 0},
		{"level and not chosen", 0, limit, false, 0, 0},
	} {
		cur, p := fairTask(1, 0, 2000*us, 1024), fairTask(2, c.lead, c.lead+2800*us, 1024)
		p.Virtual.back = c.back
		q := fairQueueOf(2800*us, cur, p)
		q.came(p, cur, 10)
		q.advance(cur, 100*us) // it went on a little
		q.judge(cur, p, c.preempted, 5)
		if v := p.Virtual.v; v < c.low || v > c.high || p.Virtual.deadline-v != 2800*us {
			t.Errorf("%s: at %d, deadline %d", c.name, v, p.Virtual.deadline)
		}
		if p.Virtual.came != parser.NoTime {
			t.Errorf("%s: not settled", c.name)
		}
	}
}

// A task that the CPU picks was eligible, whatever was thought of it before.
func TestPickedIsEligible(t *testing.T) {
	for _, c := range []struct {
		v, want int64
	}{{900, 900}, {1000, 1000}, {9000, 1000}} {
		p := fairTask(1, c.v, c.v+2800, 1024)
		q := fairQueueOf(2800, p, fairTask(2, 500, 3300, 1024), fairTask(3, 1500, 4300, 1024))
		q.picked(p)
		if !q.eligible(p) || p.Virtual.v != c.want || p.Virtual.deadline-p.Virtual.v != 2800 {
			t.Errorf("from %d: at %d, deadline %d, eligible %v; want %d", c.v, p.Virtual.v, p.Virtual.deadline, q.eligible(p), c.want)
		}
	}
	alone := fairTask(1, 900, 3700, 1024)
	if q := fairQueueOf(2800, alone); !q.eligible(alone) {
		t.Error("alone and not eligible")
	} else if q.picked(alone); alone.Virtual.v != 900 {
		t.Errorf("alone: at %d", alone.Virtual.v)
	}
}

// A CPU that goes idle holds no delayed task, though one with a better claim was thought to be
// queued there: that one is still on its way.
func TestIdleHoldsNoneDelayed(t *testing.T) {
	begin, end := made.Switches(0, 0, made.Busy[0], made.Sleeps, made.Other), made.Switches(900, 0, made.Other, made.Sleeps, made.Swapper)
	l := New(SurveyOf(made.Record(begin, end), &parser.Host{}, nil), 8, true)
	l.Apply(&begin)
	p := l.Get(made.Ksmd.PID)
	p.Prio, p.CPU, p.QueuedKnown = 120, 0, true
	at := 100 * int64(made.Microsecond)
	l.Activate(p, 1, 0, Window{Est: at, Lo: at, Hi: at})
	l.Apply(&end)
	if o := l.Get(made.Other.PID); o.Virtual.Delayed || o.Virtual.On != parser.NoCPU || l.CPU[0].Fair.Delayed != 0 {
		t.Errorf("on the queue of an idle CPU: %+v", o.Virtual)
	}
}

// Whom the CPU passed over for a task was not eligible, or has a later deadline, whatever was
// thought of it before: it is where it takes least to be so. Of a task that sleeps, and of one
// that may be on its way, a pick proves nothing.
func TestPassedOverIsNotDue(t *testing.T) {
	for _, c := range []struct {
		name             string
		v, left          int64
		delayed, assumed bool
		want             int64
		ineligible       bool
	}{
		{"due: its deadline is not before", 900, 2700, false, false, 1000, false},
		{"due by far: it was not eligible", 900, 1000, false, false, 1501, true},
		{"a later deadline", 900, 2900, false, false, 900, false},
		{"not eligible", 3000, 10, false, false, 3000, true},
		{"asleep", 900, 1000, true, false, 900, false},
		{"on its way", 900, 1000, false, true, 900, false},
	} {
		p := fairTask(1, 900, 3700, 1024)
		o := fairTask(2, c.v, c.v+c.left, 1024)
		o.Virtual.Delayed = c.delayed
		if c.assumed {
			o.assumed = 1
		}
		q := fairQueueOf(2800, p, o, fairTask(3, 2100, 9000, 1024))
		q.picked(p)
		if o.Virtual.v != c.want || o.Virtual.deadline-o.Virtual.v != c.left || q.eligible(o) == c.ineligible {
			t.Errorf("%s: at %d, deadline %d, eligible %v; want %d", c.name, o.Virtual.v, o.Virtual.deadline, q.eligible(o), c.want)
		}
	}
}

// Stopped and dying tasks leave at once, whatever they are owed.
func TestSpecialStatesAreNotDelayed(t *testing.T) {
	p := fairTask(1, 9, 20, 1024)
	q := fairQueueOf(3_000_000, p, fairTask(2, 0, 10, 1024))
	if q.sleep(p, false) || p.Virtual.On != parser.NoCPU || len(q.tasks) != 1 {
		t.Errorf("%+v", p.Virtual)
	}
}

// A task that is moved while queued keeps its deadline's distance, and a delayed
// task woken in place is put level with what the current task's last update says.
func TestFairQueueOfTimeline(t *testing.T) {
	l := New(SurveyOf(made.Record(made.Switches(0, 0, made.Busy[0], made.Preempted, made.Other)), &parser.Host{}, nil), 8, true)
	apply := func(evs ...parser.Event) {
		for i := range evs {
			l.Apply(&evs[i])
		}
	}
	apply(made.Switches(0, 0, made.Busy[0], made.Preempted, made.Other), made.Switches(1000, 0, made.Other, made.Preempted, made.Busy[0]), made.Switches(1100, 0, made.Busy[0], made.Preempted, made.Other))
	p := l.Get(made.Busy[0].PID)
	left := p.Virtual.deadline - p.Virtual.v
	move := made.At(1200, parser.KindMigrate, 1)
	move.Task, move.OrigCPU, move.TargetCPU = made.Busy[0], 0, 1
	apply(move)
	if p.Virtual.On != 1 || p.Virtual.deadline-p.Virtual.v != left {
		t.Errorf("moved: %+v, %d were left", p.Virtual, left)
	}
	l.Get(made.Ksmd.PID).Virtual.back = 0 // it has nothing left over from before
	apply(made.Wakeup(1300, 0, made.Other, made.Ksmd, 0), made.Switches(1310, 0, made.Other, made.Preempted, made.Ksmd), made.Switches(1410, 0, made.Ksmd, made.Sleeps, made.Other))
	k, o := l.Get(made.Ksmd.PID), l.Get(made.Other.PID)
	if !k.Virtual.Delayed {
		t.Fatalf("ahead and not delayed: %+v", k.Virtual)
	}
	was := k.Virtual.v
	if v := o.Virtual.v + 400*made.Microsecond; was > v || was <= (1024*o.Virtual.v+335*was)/(1024+335) {
		t.Fatalf("at %d between %d and %d: this tells nothing", was, o.Virtual.v, v)
	}
	apply(made.Wakeup(1810, 0, made.Other, made.Ksmd, 0))
	if k.Virtual.Delayed || k.Virtual.v != was {
		t.Errorf("woken in place at %d, was at %d", k.Virtual.v, was)
	}
}

// The balancer moves a task whose dequeue is delayed with what it weighs. A busy CPU keeps it
// so, an idle one drops it.
func TestDelayedIsMoved(t *testing.T) {
	for _, idle := range []bool{false, true} {
		on1 := made.Switches(1, 1, made.Swapper, made.Runnable, made.Busy[1])
		if idle {
			on1 = made.Switches(1, 1, made.Busy[1], made.Sleeps, made.Swapper)
		}
		move := made.Migrates(1500, 1, on1.Next, made.Other, 0, 1)
		events := []parser.Event{
			on1, made.Switches(2, 0, made.Busy[0], made.Preempted, made.Other), made.Switches(1000, 0, made.Other, made.Sleeps, made.Busy[0]), move,
		}
		l := New(SurveyOf(made.Record(events...), &parser.Host{}, nil), 8, true)
		p := l.Get(made.Other.PID)
		for i := range events[:3] {
			l.Apply(&events[i])
		}
		if !p.Virtual.Delayed || p.Virtual.On != 0 || !l.MayBeDelayed(p) {
			t.Fatalf("asleep and not delayed: %+v", p.Virtual)
		}
		left, from, to := p.Virtual.deadline-p.Virtual.v, &l.CPU[0], &l.CPU[1]
		weight := from.CFS.Weight
		l.Apply(&events[3])
		if x := &p.Virtual; x.Delayed == idle || (x.On == 1) == idle || l.MayBeDelayed(p) == idle || !idle && x.deadline-x.v != left {
			t.Errorf("moved to an idle CPU %v: %+v, %d were left", idle, p.Virtual, left)
		}
		if from.Fair.Delayed != 0 || to.Fair.Delayed == 1 == idle || from.CFS.Weight >= weight || p.Entity.Attached != 1 || p.Queued || p.CPU != 1 {
			t.Errorf("moved to an idle CPU %v: %d and %d delayed, weight %d of %d, attached to %d", idle, from.Fair.Delayed, to.Fair.Delayed, from.CFS.Weight, weight, p.Entity.Attached)
		}
	}
}

// Without sched_wakeup a task is queued before the charge that its enqueue makes is
// read; it stands where that charge puts the average, not where the clock did.
func TestPlacedByItsCharge(t *testing.T) {
	charge := func(t int64, ns int64) parser.Event {
		ev := made.At(t, parser.KindStatRuntime, 0)
		ev.Task, ev.Runtime = made.Other, ns
		return ev
	}
	begin, first, second := made.Switches(0, 0, made.Busy[0], made.Sleeps, made.Other), charge(650, 1_100_000), charge(750, 100_000)
	l := New(SurveyOf(made.Record(begin, first, second), &parser.Host{}, nil), 8, true)
	l.Apply(&begin)
	l.Now = 600 * made.Microsecond
	p := l.Get(made.Ksmd.PID)
	p.Prio, p.CPU = 120, 0
	l.enqueue(p, 0)
	cur := l.Get(made.Other.PID)
	early := p.Virtual.v
	l.Charge(&first)
	if p.Virtual.v != cur.Virtual.v || p.Virtual.v == early {
		t.Errorf("placed at %d, was at %d before the charge; the current task is at %d", p.Virtual.v, early, cur.Virtual.v)
	}
	l.Charge(&second)
	if d := cur.Virtual.v - p.Virtual.v; d != 100_000 {
		t.Errorf("the next charge left them %d ns apart, want that charge", d)
	}
}

// The sums that are kept are those of the tasks that are there.
func TestFairTotals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []*Task
		for i := range 6 {
			p := fairTask(int32(i+1), 0, 0, load.WeightOf(rapid.Int32Range(100, 139).Draw(t, "prio")))
			p.Virtual.On, p.Virtual.came = parser.NoCPU, parser.NoTime
			all = append(all, p)
		}
		q := fairQueue{slice: 3_000_000, tick: ms}
		now := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			p := rapid.SampledFrom(all).Draw(t, "task")
			switch op := rapid.IntRange(0, 4).Draw(t, "op"); {
			case p.Virtual.On < 0:
				if q.place(p, 0); len(q.tasks) > 1 && op == 0 {
					q.came(p, q.tasks[0], now)
				}
			case p.Virtual.Delayed:
				q.wakeInPlace(p)
			case op < 2:
				now += rapid.Int64Range(0, 1<<38).Draw(t, "run")
				q.advance(p, now)
			case op == 2:
				q.sleep(p, rapid.Bool().Draw(t, "may"))
			case op == 3:
				q.judge(p, rapid.SampledFrom(q.tasks).Draw(t, "next"), rapid.Bool().Draw(t, "preempted"), 0)
			default:
				q.pick(p)
				q.picked(p)
			}
			sum, weight, delayed := int64(0), int64(0), 0
			for _, p := range q.tasks {
				sum += p.Virtual.v * p.Entity.Weight
				weight += p.Entity.Weight
				if p.Virtual.Delayed {
					delayed++
				}
			}
			if s, w := q.sum(0); s != sum || w != weight || q.Delayed != delayed {
				t.Fatalf("sum %d of weight %d, %d delayed, want %d of %d, %d", s, w, q.Delayed, sum, weight, delayed)
			}
		}
	})
}

// A CPU ticks as often as the host's kernel was built to, as distributions build it where
// nothing tells; and by its release it keeps a lag.
func TestTicks(t *testing.T) {
	for hz, want := range map[int]int64{0: 4 * ms, 1000: ms, 100: 10 * ms} {
		k, err := rules.ParseKernel(map[bool]string{false: "6.12", true: "7.0"}[hz > 0], "")
		if err != nil {
			t.Fatal(err)
		}
		h := &parser.Host{Tunables: map[string]int64{"base_slice_ns": 5 * ms}}
		if hz > 0 {
			h.HZ = fact.Seen(hz, "config")
		}
		c := made.Record(made.Crowd()...)
		l := Of(c, h, SurveyOf(c, h, nil)).Begin(k)
		if q := &l.CPU[0].Fair; l.tick != want || q.tick != want || q.slice != 5*ms || q.lagTick != (hz > 0) {
			t.Errorf("HZ %d: a tick each %d ns, in the queue %d, slice %d, lag %v", hz, l.tick, q.tick, q.slice, q.lagTick)
		}
	}
}
