package replay

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// A day on isolated CPU 7, in us: the poller, swapper, a foreign task, a kernel
// thread of the CPU, a task pinned there, and the recorder.
func mixedDay() []parser.Event {
	ksoftirqd, pinned, perf := aTask(60, "ksoftirqd/7", 120), aTask(61, "pinned", 120), aTask(62, "perf", 120)
	return append(crowd()[:7],
		switches(100, 7, poller, preempted, ksoftirqd),
		switches(130, 7, ksoftirqd, sleeps, poller),
		switches(300, 7, poller, sleeps, swapper),
		switches(350, 7, swapper, runnable, pinned),
		switches(360, 7, pinned, sleeps, perf),
		switches(380, 7, perf, sleeps, other),
		switches(450, 7, other, sleeps, swapper),
		lost(600, 7, 500, 9),
		switches(700, 7, poller, sleeps, swapper),
		switches(1000, 6, busy[6], preempted, busy[6]),
	)
}

func TestClassesAndTime(t *testing.T) {
	h := bench("6.1.0", 7)
	h.Task[61] = parser.TaskInfo{PID: 61, Comm: "pinned", Affinity: fact.Seen(cpumask.Of(7), "")}
	h.Task[other.PID] = parser.TaskInfo{PID: other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	s := replayScene(t, record(mixedDay()...), h, Plan{})
	k := s.cpu(t, 7)
	if k.Owner == nil || k.Owner.PID != poller.PID || k.OwnerFrom != fact.Observed {
		t.Errorf("owner %+v (%s)", k.Owner, k.OwnerFrom)
	}
	want := map[Class]int64{
		ClassOwner: 99 + 170, ClassHousekeeping: 30, ClassPinned: 10, ClassRecorder: 20, ClassForeign: 70,
		ClassIdle: 50 + 50 + 300, ClassUnknown: 200,
	}
	sum := int64(0)
	for c, ns := range k.Time {
		sum += ns
		if ns != want[c]*us {
			t.Errorf("%s for %d us, want %d", c, ns/us, want[c])
		}
	}
	if sum != s.End-s.Start {
		t.Errorf("times sum to %d us of a window of %d", sum/us, (s.End-s.Start)/us)
	}
	got := map[string]OtherTask{}
	for _, o := range k.Others {
		got[o.Task.Comm] = o
	}
	for comm, want := range map[string]OtherTask{
		"ksoftirqd/7": {Class: ClassHousekeeping, Runs: 1, RunNS: 30 * us}, "pinned": {Class: ClassPinned, Runs: 1, RunNS: 10 * us},
		"perf": {Class: ClassRecorder, Runs: 1, RunNS: 20 * us},
	} {
		if o := got[comm]; o.Class != want.Class || o.Runs != want.Runs || o.RunNS != want.RunNS {
			t.Errorf("%s: %+v, want %+v", comm, o, want)
		}
	}
	if len(got) != 3 || len(k.Stays) != 1 || k.Stays[0].Task.PID != other.PID {
		t.Errorf("%d others, stays %+v", len(got), k.Stays)
	}
}

func TestOwner(t *testing.T) {
	second := aTask(71, "second", 120)
	ev := append(crowd()[:7],
		switches(100, 7, poller, preempted, second), switches(150, 7, second, preempted, other),
		switches(900, 7, other, preempted, poller), switches(1000, 7, poller, sleeps, swapper))
	within := fact.Seen(cpumask.Of(7), "")
	for _, c := range []struct {
		name   string
		flag   string
		change func(*parser.Host)
		want   int32 // NoPID for none
		from   fact.Provenance
	}{
		{"by affinity, the one that ran most", "", func(h *parser.Host) { h.Task[71] = parser.TaskInfo{PID: 71, Comm: "second", Affinity: within} }, poller.PID, fact.Observed},
		{"the flag's name wins", "second", nil, 71, fact.Observed},
		{"the flag's pid wins", "300", nil, other.PID, fact.Observed},
		{"a flag that fits nobody", "ghost", nil, parser.NoPID, fact.Unknown},
		{"without a bundle those never seen elsewhere", "", func(h *parser.Host) { h.Task = nil }, other.PID, fact.Assumed},
		{"nobody within the isolated set", "", func(h *parser.Host) {
			for _, p := range []parser.Task{poller, second, other} {
				h.Task[p.PID] = parser.TaskInfo{PID: p.PID, Comm: p.Comm, Affinity: fact.Seen(cpumask.Range(0, 7), "")}
			}
		}, parser.NoPID, fact.Unknown},
		{"a stated affinity outweighs the bundle", "", func(h *parser.Host) {
			h.Stated = []parser.StatedAffinity{{Name: "other", PID: parser.NoPID, CPUs: cpumask.Of(7)}}
		}, other.PID, fact.Observed},
		{"a kernel thread is no owner", "", func(h *parser.Host) {
			h.Task[poller.PID] = parser.TaskInfo{PID: poller.PID, Comm: "poller", Affinity: within, Kthread: fact.Seen(true, "")}
			h.Task[other.PID] = parser.TaskInfo{PID: other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
			h.Task[71] = parser.TaskInfo{PID: 71, Comm: "second", Affinity: within}
		}, 71, fact.Observed},
	} {
		h := bench("6.1.0", 7)
		if c.change != nil {
			c.change(h)
		}
		k := replayScene(t, record(ev...), h, Plan{Owner: c.flag}).cpu(t, 7)
		got := int32(parser.NoPID)
		if k.Owner != nil {
			got = k.Owner.PID
		}
		if got != c.want || k.OwnerFrom != c.from {
			t.Errorf("%s: owner %d (%s), want %d (%s)", c.name, got, k.OwnerFrom, c.want, c.from)
		}
	}
}

// The owner's sch delay, without an intruder and with one on the core between
// waking and switch-in.
func TestOwnerDelay(t *testing.T) {
	ev := append(crowd()[:7],
		waking(50, 7, swapper, poller, 7), wakeup(51, 7, swapper, poller, 7), switches(54, 7, swapper, runnable, poller), // 4 us alone
		switches(100, 7, poller, sleeps, other),
		waking(120, 7, other, poller, 7), wakeup(121, 7, other, poller, 7), switches(150, 7, other, preempted, poller), // 30 us, all other's
		switches(200, 7, poller, sleeps, other),
		switches(230, 7, other, sleeps, swapper),
		waking(235, 7, swapper, poller, 7), wakeup(236, 7, swapper, poller, 7), switches(240, 7, swapper, runnable, poller), // 5 us, it was gone
		switches(300, 7, poller, sleeps, swapper),
		waking(310, 0, busy[0], poller, 7), switches(315, 7, swapper, runnable, other), wakeup(318, 7, other, poller, 7),
		switches(330, 7, other, sleeps, poller),                                                // 20 us, of which other ran 15
		switches(400, 7, poller, preempted, other), switches(410, 7, other, preempted, poller), // no waking, no delay
		switches(500, 7, poller, sleeps, swapper),
	)
	h := bench("6.1.0", 7)
	h.Task[other.PID] = parser.TaskInfo{PID: other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	s := replayScene(t, record(ev...), h, Plan{})
	k := s.cpu(t, 7)
	if n, top := k.OwnerDelay.Count(), k.OwnerDelay.Max(); n != 2 || top != 5*us {
		t.Errorf("alone: %d delays up to %d ns, want 2 up to 5000", n, top)
	}
	if n, top, mean := k.OwnerDelayIntruded.Count(), k.OwnerDelayIntruded.Max(), k.OwnerDelayIntruded.Mean(); n != 2 || top != 30*us || mean != 25*us {
		t.Errorf("intruded: %d delays up to %d ns, %d in the mean, want 2 up to 30000, 25000", n, top, mean)
	}
	if k.WorstDelay != 30*us || k.WorstDelayAt != 150*us {
		t.Errorf("the worst is %d ns at %d", k.WorstDelay, k.WorstDelayAt)
	}
	st := k.Stays[0]
	if st.DelayedOwner != 2 || st.DelayedOwnerNS != 45*us {
		t.Errorf("the stay delayed the owner %d times by %d ns, want 2 by 45000", st.DelayedOwner, st.DelayedOwnerNS)
	}
	var delays []int64
	for _, r := range s.runs {
		if r.Class == ClassOwner && r.Delay != parser.NoTime {
			delays = append(delays, r.Delay/us)
			if r.Intruded != (r.Delay >= 20*us) {
				t.Errorf("run at %d: intruded %v", r.Start/us, r.Intruded)
			}
		}
	}
	if len(delays) != 4 {
		t.Errorf("delays %v", delays)
	}
}

// --cpu chooses among the isolated CPUs.
func TestFocus(t *testing.T) {
	ev := mixedDay()
	for _, c := range []struct {
		iso  []int
		look cpumask.Mask
		want []int
	}{
		{[]int{7}, cpumask.Mask{}, []int{7}},
		{[]int{6, 7}, cpumask.Mask{}, []int{6, 7}},
		{[]int{6, 7}, cpumask.Of(6), []int{6}},
		{[]int{7}, cpumask.Of(3), nil},
		{nil, cpumask.Mask{}, nil},
	} {
		s := replayScene(t, record(ev...), bench("6.1.0", c.iso...), Plan{CPUs: c.look})
		if len(s.Focus) != len(c.want) || len(s.CPUs) != len(c.want) {
			t.Errorf("isolated %v, --cpu %s: looked at %v, want %v", c.iso, c.look, s.Focus, c.want)
			continue
		}
		for i, cpu := range c.want {
			if s.Focus[i] != cpu || s.CPUs[i].CPU != cpu {
				t.Errorf("isolated %v, --cpu %s: looked at %v, want %v", c.iso, c.look, s.Focus, c.want)
			}
		}
	}
}

// More stays than are kept are counted.
func TestStaysAreBounded(t *testing.T) {
	ev := crowd()
	const n = MaxStays + 5
	for i := range int64(n) {
		ev = append(ev, migrates(100+10*i, 0, busy[0], other, 0, 7), migrates(105+10*i, 0, busy[0], other, 7, 0))
	}
	h := bench("6.1.0", 7)
	h.Task[other.PID] = parser.TaskInfo{PID: other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	s := replayScene(t, record(ev...), h, Plan{})
	if k := s.cpu(t, 7); len(k.Stays) != MaxStays || k.StaysDropped != 5 || len(s.stays) != n {
		t.Errorf("%d stays kept, %d dropped, %d delivered", len(k.Stays), k.StaysDropped, len(s.stays))
	}
}

// A task first seen by an arrival was on the CPU before only where a wakeup or a
// move to it would have been recorded.
func TestFirstSeenArriving(t *testing.T) {
	arrives := switches(100, 7, swapper, runnable, other)
	rest := []parser.Event{switches(150, 7, other, sleeps, swapper), waking(200, 7, swapper, other, 7), wakeup(201, 7, swapper, other, 7), switches(202, 7, swapper, runnable, other), switches(250, 7, other, sleeps, swapper)}
	idle, elsewhere := switches(50, 7, poller, sleeps, swapper), switches(40, 6, busy[6], preempted, busy[6])
	onlySwitches := []parser.Event{elsewhere, idle, arrives, switches(150, 7, other, sleeps, swapper), switches(202, 7, swapper, runnable, other), switches(250, 7, other, sleeps, swapper)}
	for _, c := range []struct {
		name    string
		events  []parser.Event
		partial bool
		how     How
		certain int64 // of the wakings, on CPU 7 under the patched kernel
		run     int64 // us that surely remain
	}{
		{"of every CPU: woken just before the window", append([]parser.Event{elsewhere, idle, arrives}, rest...), false, CameBefore, 1, 98},
		{"of every CPU, by the lines of one: it may have come from another", append([]parser.Event{idle, arrives}, rest...), false, CameUnseen, 0, 0},
		{"of one CPU: it may have come from one not recorded", append([]parser.Event{idle, arrives}, rest...), true, CameUnseen, 0, 0},
		{"of one CPU, by the wakeup from another", append([]parser.Event{idle, wakeup(99, 7, swapper, other, 7), arrives}, rest...), true, CameUnseen, 0, 0},
		{"of one CPU, asleep there: it ran there last", append([]parser.Event{idle, waking(98, 7, swapper, other, 7), wakeup(99, 7, swapper, other, 7), arrives}, rest...), true, CameBefore, 2, 98},
		{"of one CPU, current there at the first event", append([]parser.Event{switches(50, 7, other, sleeps, swapper)}, rest...), true, CameBefore, 1, 48},
		{"of switches alone", onlySwitches, false, CameUnseen, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := bench("6.1.0", 7)
			h.Task[other.PID] = parser.TaskInfo{PID: other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
			rec := record(c.events...)
			if c.partial {
				rec.meta.RecordedCPUs = cpumask.Of(7)
			}
			stays := replayScene(t, rec, h, Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}}).cpu(t, 7).Stays
			if len(stays) != 1 {
				t.Fatalf("%d stays", len(stays))
			}
			if s := stays[0]; s.How != c.how || s.PatchedCertain != c.certain || s.PatchedRunNS != c.run*us {
				t.Errorf("came by %s; under the patched kernel %d wakings surely there, %d us; want %s, %d, %d", s.How, s.PatchedCertain, s.PatchedRunNS/us, c.how, c.certain, c.run)
			}
		})
	}
}
