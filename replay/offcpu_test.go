package replay

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/internal/capturetest"
	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/internal/made"
)

// The off-CPU gap of a task that never sleeps: it begins where the task leaves its CPU
// runnable, and ends where it runs again.
func TestOffCPUGap(t *testing.T) {
	ksoftirqd := made.ATask(60, "ksoftirqd/7", 120)
	from := func(state parser.State, ev ...parser.Event) []parser.Event {
		head := append(made.Crowd()[:7], made.Switches(50, 7, made.Swapper, made.Runnable, made.Poller), made.Switches(100, 7, made.Poller, state, made.Other))
		return append(append(head, ev...), made.Switches(900, 7, made.Poller, made.Sleeps, made.Swapper))
	}
	back := made.Switches(180, 7, made.Other, made.Sleeps, made.Poller)
	type part struct {
		cause account.Cause
		us    int64
	}
	for _, c := range []struct {
		name   string
		events []parser.Event
		gaps   []int64 // us
		parts  []part  // of all of them
		other  int64   // us by which the foreign task delayed the owner
	}{
		{"preempted by a foreign task", from(made.Preempted, back), []int64{80}, []part{{account.CauseForeign, 80}}, 80},
		{"left the CPU by itself, still runnable", from(made.Runnable, back), []int64{80}, []part{{account.CauseForeign, 80}}, 80},
		{"went to sleep: no gap, and its waking is not recorded", from(made.Sleeps, back), nil, nil, 0},
		{"in a state that is not known", from(0, back), nil, nil, 0},
		{"by two, one after the other", from(made.Preempted, made.Switches(150, 7, made.Other, made.Preempted, ksoftirqd), made.Switches(180, 7, ksoftirqd, made.Sleeps, made.Poller)), []int64{80}, []part{{account.CauseForeign, 50}, {account.CauseHousekeeping, 30}}, 50},
		{"over an idle CPU", from(made.Preempted, made.Switches(150, 7, made.Other, made.Sleeps, made.Swapper), made.Switches(180, 7, made.Swapper, made.Runnable, made.Poller)), []int64{80}, []part{{account.CauseForeign, 50}, {account.CauseIdle, 30}}, 50},
		{"events lost meanwhile", from(made.Preempted, made.Lost(170, 7, 120, 3), back), nil, nil, 0},
		{"twice", from(made.Preempted, back, made.Switches(300, 7, made.Poller, made.Preempted, made.Other), made.Switches(320, 7, made.Other, made.Sleeps, made.Poller)), []int64{80, 20}, []part{{account.CauseForeign, 100}}, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := made.Bench("6.1.0", 7)
			h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
			s := replayScene(t, made.Record(c.events...), h, Plan{})
			k := s.cpu(t, 7)
			var gaps []int64
			for _, r := range s.runs {
				if kind, ns, ok := r.OwnerWait(); ok && kind == account.OffCPUGap {
					gaps = append(gaps, ns/made.Microsecond)
				}
			}
			var parts []part
			for _, p := range k.Waits[account.OffCPUGap].Parts {
				parts = append(parts, part{p.Cause, p.NS / made.Microsecond})
			}
			if !slices.Equal(gaps, c.gaps) || !slices.Equal(parts, c.parts) {
				t.Errorf("gaps of %v us, which went to %v; want %v and %v", gaps, parts, c.gaps, c.parts)
			}
			if k.Waits[account.SchDelay].Count() != 0 {
				t.Error("a gap counts as a sch delay")
			}
			delayed := int64(0)
			for _, st := range k.Stays {
				delayed += st.DelayedOwnerNS / made.Microsecond
			}
			if delayed != c.other {
				t.Errorf("the foreign task delayed the owner by %d us, want %d", delayed, c.other)
			}
		})
	}
}

// A real-time owner gives way to a fair task, or to none, only where it is throttled; to
// one of its own kind it does without.
func TestThrottled(t *testing.T) {
	rt := made.Poller
	rt.Prio = 49
	peer := made.ATask(61, "peer", 49)
	h := made.Bench("6.1.0", 7)
	h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	h.Task[peer.PID] = parser.TaskInfo{PID: peer.PID, Comm: "peer", Affinity: fact.Seen(cpumask.Of(7), "")}
	s := replayScene(t, made.Record(append(made.Crowd()[:7],
		made.Switches(50, 7, made.Swapper, made.Runnable, rt), made.Switches(100, 7, rt, made.Preempted, made.Other),
		made.Switches(150, 7, made.Other, made.Sleeps, made.Swapper), made.Switches(190, 7, made.Swapper, made.Runnable, rt),
		made.Switches(400, 7, rt, made.Preempted, peer), made.Switches(420, 7, peer, made.Sleeps, rt),
		made.Switches(900, 7, rt, made.Sleeps, made.Swapper))...), h, Plan{Owner: "poller"})
	k := s.cpu(t, 7)
	ns := map[account.Cause]int64{}
	for _, p := range k.Waits[account.OffCPUGap].Parts {
		ns[p.Cause] += p.NS / made.Microsecond
	}
	if len(ns) != 2 || ns[account.CauseThrottled] != 90 || ns[account.CausePinned] != 20 {
		t.Errorf("gaps went to %v us", ns)
	}
	if st := k.Stays[0]; st.DelayedOwnerNS != 50*made.Microsecond {
		t.Errorf("the foreign task delayed the owner by %d ns", st.DelayedOwnerNS)
	}
}

// In what timehist printed, the gap is the wait time of a task that left runnable; without
// the state column, of one that no waking ended.
func TestOffCPUGapPrinted(t *testing.T) {
	ran := func(at, from, wait, delay int64, state parser.State) parser.Event {
		e := made.Ran(at, 7, made.Poller, from, delay)
		e.Wait, e.State = wait*made.Microsecond, state
		return e
	}
	other := made.Ran(180, 7, made.Other, 100, 0)
	for _, c := range []struct {
		name   string
		events []parser.Event
		gaps   int64
		ns     int64
	}{
		{"runnable", []parser.Event{ran(100, 0, 0, 0, made.Preempted), other, ran(300, 180, 80, 0, made.Sleeps)}, 1, 80 * made.Microsecond},
		{"asleep", []parser.Event{ran(100, 0, 0, 0, made.Sleeps), other, ran(300, 180, 80, 0, made.Sleeps)}, 0, 0},
		{"no states, woken elsewhere", []parser.Event{ran(100, 0, 0, 0, 0), other, ran(300, 180, 80, 0, 0), ran(500, 400, 100, 7, 0)}, 1, 80 * made.Microsecond},
		{"no states, no delays", []parser.Event{ran(100, 0, 0, 0, 0), other, ran(300, 180, 80, 0, 0)}, 0, 0},
	} {
		h := made.Bench("6.1.0", 7)
		h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
		w := &replayScene(t, made.Record(c.events...), h, Plan{}).cpu(t, 7).Waits[account.OffCPUGap]
		if w.Count() != c.gaps || w.Sum() != c.ns || w.Intruded.Count() != c.gaps {
			t.Errorf("%s: %d gaps of %d ns, %d with an intruder; want %d of %d", c.name, w.Count(), w.Sum(), w.Intruded.Count(), c.gaps, c.ns)
		}
	}
}

// adds holds the parts of a wait, and what the patched kernel leaves of it, against it.
func adds(s *account.Slice) error {
	_, ns, ok := s.OwnerWait()
	if !ok {
		return nil
	}
	left := ns
	for _, p := range s.Parts {
		if p.NS <= 0 {
			return fmt.Errorf("a part %+v", p)
		}
		left -= p.NS
	}
	if left != 0 || s.Kept > ns || s.Kept < 0 {
		return fmt.Errorf("a wait of %d ns: its parts leave %d, the patched kernel %d", ns, left, s.Kept)
	}
	return nil
}

// The waits of a CPU add up: to their parts, and those of foreign tasks to what the stays
// delayed the owner by.
func addsUp(k *account.CPUResult) error {
	var intruded, delayed int64
	for _, w := range k.Waits {
		left := w.Sum()
		for _, p := range w.Parts {
			left -= p.NS
			if p.Cause == account.CauseForeign || p.Cause == account.CauseThrottled {
				intruded += p.NS
			}
		}
		if left != 0 {
			return fmt.Errorf("CPU %d: the parts of its waits leave %d of %d ns", k.CPU, left, w.Sum())
		}
	}
	for _, s := range k.Stays {
		delayed += s.DelayedOwnerNS
	}
	if delayed > intruded {
		return fmt.Errorf("CPU %d: stays delayed the owner by %d ns, the parts say %d", k.CPU, delayed, intruded)
	}
	return nil
}

// On recordings too the waits add up.
func TestWaitsAddUp(t *testing.T) {
	list := []string{"smt8-isolated3-original", "k419-smt8-isolated3-poller"}
	for _, folder := range list {
		dir := filepath.Join("../testdata/traces", folder)
		in, h := capturetest.Open(t, filepath.Join(dir, "ftrace.txt.gz"), filepath.Join(dir, "host.tar.gz"))
		n := 0
		res, err := Run(context.Background(), in, h, Plan{Observer: Observer{Run: func(s *account.Slice) {
			if _, _, ok := s.OwnerWait(); ok {
				n++
			}
			if err := adds(s); err != nil {
				t.Errorf("%s: %v", folder, err)
			}
		}}})
		if err != nil || n < 40 {
			t.Fatalf("%s: %d waits, %v", folder, n, err)
		}
		for _, k := range res.CPUs {
			if err := addsUp(k); err != nil {
				t.Errorf("%s: %v", folder, err)
			}
		}
	}
}
