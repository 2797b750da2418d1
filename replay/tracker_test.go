package replay

import (
	"fmt"
	"strings"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/internal/made"
)

// A day on isolated CPU 7, in us: the poller, swapper, a foreign task, a kernel
// thread of the CPU, a task pinned there, and the recorder.
func mixedDay() []parser.Event {
	ksoftirqd, pinned, perf := made.ATask(60, "ksoftirqd/7", 120), made.ATask(61, "pinned", 120), made.ATask(62, "perf", 120)
	return append(made.Crowd()[:7],
		made.Switches(100, 7, made.Poller, made.Preempted, ksoftirqd),
		made.Switches(130, 7, ksoftirqd, made.Sleeps, made.Poller),
		made.Switches(300, 7, made.Poller, made.Sleeps, made.Swapper),
		made.Switches(350, 7, made.Swapper, made.Runnable, pinned),
		made.Switches(360, 7, pinned, made.Sleeps, perf),
		made.Switches(380, 7, perf, made.Sleeps, made.Other),
		made.Switches(450, 7, made.Other, made.Sleeps, made.Swapper),
		made.Lost(600, 7, 500, 9),
		made.Switches(700, 7, made.Poller, made.Sleeps, made.Swapper),
		made.Switches(1000, 6, made.Busy[6], made.Preempted, made.Busy[6]),
	)
}

func TestClassesAndTime(t *testing.T) {
	h := made.Bench("6.1.0", 7)
	h.Task[61] = parser.TaskInfo{PID: 61, Comm: "pinned", Affinity: fact.Seen(cpumask.Of(7), "")}
	h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	s := replayScene(t, made.Record(mixedDay()...), h, Plan{})
	k := s.cpu(t, 7)
	if k.Owner == nil || k.Owner.PID != made.Poller.PID || k.OwnerFrom != fact.Observed {
		t.Errorf("owner %+v (%s)", k.Owner, k.OwnerFrom)
	}
	want := map[account.Class]int64{
		account.ClassOwner: 99 + 170, account.ClassHousekeeping: 30, account.ClassPinned: 10, account.ClassRecorder: 20, account.ClassForeign: 70,
		account.ClassIdle: 50 + 50 + 300, account.ClassUnknown: 200,
	}
	sum := int64(0)
	for c, ns := range k.Time {
		sum += ns
		if ns != want[c]*made.Microsecond {
			t.Errorf("%s for %d us, want %d", c, ns/made.Microsecond, want[c])
		}
	}
	if sum != s.End-s.Start {
		t.Errorf("times sum to %d us of a window of %d", sum/made.Microsecond, (s.End-s.Start)/made.Microsecond)
	}
	got := map[string]account.OtherTask{}
	for _, o := range k.Others {
		got[o.Task.Comm] = o
	}
	for comm, want := range map[string]account.OtherTask{
		"ksoftirqd/7": {Class: account.ClassHousekeeping, Runs: 1, RunNS: 30 * made.Microsecond}, "pinned": {Class: account.ClassPinned, Runs: 1, RunNS: 10 * made.Microsecond},
		"perf": {Class: account.ClassRecorder, Runs: 1, RunNS: 20 * made.Microsecond},
	} {
		if o := got[comm]; o.Class != want.Class || o.Runs != want.Runs || o.RunNS != want.RunNS {
			t.Errorf("%s: %+v, want %+v", comm, o, want)
		}
	}
	if len(got) != 3 || len(k.Stays) != 1 || k.Stays[0].Task.PID != made.Other.PID {
		t.Errorf("%d others, stays %+v", len(got), k.Stays)
	}
}

// A kernel may leave its switches out of idle out of the recording: from what shows another
// task on, and from when that has run, the CPU is that task's. Before, it was idle if the task
// had been woken there, and is unknown else.
func TestRunAfterHole(t *testing.T) {
	for _, woken := range []bool{true, false} {
		hole := made.At(500, parser.KindHole, 7)
		hole.Start, hole.Task, hole.Next, hole.Runtime = 300*made.Microsecond, made.Other, made.Swapper, 40*made.Microsecond
		charged := made.At(500, parser.KindStatRuntime, 7)
		charged.Task, charged.Cur, charged.Runtime = made.Other, made.Other, hole.Runtime
		ev := append(made.Crowd()[:7], made.Switches(300, 7, made.Poller, made.Sleeps, made.Swapper))
		if woken {
			ev = append(ev, made.Waking(450, 6, made.Busy[6], made.Other, 7), made.Wakeup(455, 6, made.Busy[6], made.Other, 7))
		}
		ev = append(ev, hole, charged, made.Switches(510, 7, made.Other, made.Sleeps, made.Swapper), made.Switches(1000, 6, made.Busy[6], made.Preempted, made.Busy[6]))
		h := made.Bench("6.1.0", 7)
		h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
		k := replayScene(t, made.Record(ev...), h, Plan{}).cpu(t, 7)
		unknown, cut := int64(160), int64(1)
		if woken {
			unknown, cut = 0, 0
		}
		if len(k.Stays) != 1 || k.Stays[0].Task.PID != made.Other.PID || k.Stays[0].RunNS != 50*made.Microsecond || k.Stays[0].CutRuns != cut {
			t.Errorf("woken there: %v: stays %+v", woken, k.Stays)
		}
		if got := k.Time[account.ClassUnknown]; got != unknown*made.Microsecond {
			t.Errorf("woken there: %v: unknown for %d us", woken, got/made.Microsecond)
		}
	}
}

func TestOwner(t *testing.T) {
	second := made.ATask(71, "second", 120)
	ev := append(made.Crowd()[:7],
		made.Switches(100, 7, made.Poller, made.Preempted, second), made.Switches(150, 7, second, made.Preempted, made.Other),
		made.Switches(900, 7, made.Other, made.Preempted, made.Poller), made.Switches(1000, 7, made.Poller, made.Sleeps, made.Swapper))
	within := fact.Seen(cpumask.Of(7), "")
	for _, c := range []struct {
		name   string
		flag   string
		change func(*parser.Host)
		want   int32 // NoPID for none
		from   fact.Provenance
	}{
		{"by affinity, the one that ran most", "", func(h *parser.Host) { h.Task[71] = parser.TaskInfo{PID: 71, Comm: "second", Affinity: within} }, made.Poller.PID, fact.Observed},
		{"the flag's name wins", "second", nil, 71, fact.Observed},
		{"the flag's pid wins", "300", nil, made.Other.PID, fact.Observed},
		{"a flag that fits nobody", "ghost", nil, parser.NoPID, fact.Unknown},
		{"without a bundle nobody who had less than nearly all of the time", "", func(h *parser.Host) { h.Task = nil }, parser.NoPID, fact.Unknown},
		{"nobody within the isolated set", "", func(h *parser.Host) {
			for _, p := range []parser.Task{made.Poller, second, made.Other} {
				h.Task[p.PID] = parser.TaskInfo{PID: p.PID, Comm: p.Comm, Affinity: fact.Seen(cpumask.Range(0, 7), "")}
			}
		}, parser.NoPID, fact.Unknown},
		{"a stated affinity outweighs the bundle", "", func(h *parser.Host) {
			h.Stated = []parser.StatedAffinity{{Name: "other", PID: parser.NoPID, CPUs: cpumask.Of(7)}}
		}, made.Other.PID, fact.Observed},
		{"a kernel thread is no owner", "", func(h *parser.Host) {
			h.Task[made.Poller.PID] = parser.TaskInfo{PID: made.Poller.PID, Comm: "poller", Affinity: within, Kthread: fact.Seen(true, "")}
			h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
			h.Task[71] = parser.TaskInfo{PID: 71, Comm: "second", Affinity: within}
		}, 71, fact.Observed},
	} {
		h := made.Bench("6.1.0", 7)
		if c.change != nil {
			c.change(h)
		}
		k := replayScene(t, made.Record(ev...), h, Plan{Owner: c.flag}).cpu(t, 7)
		got := int32(parser.NoPID)
		if k.Owner != nil {
			got = k.Owner.PID
		}
		if got != c.want || k.OwnerFrom != c.from {
			t.Errorf("%s: owner %d (%s), want %d (%s)", c.name, got, k.OwnerFrom, c.want, c.from)
		}
	}
}

// Where nothing states an affinity, nearly all of a CPU's time tells whose it is.
func TestOwnerByTime(t *testing.T) {
	h := made.Bench("6.1.0", 7)
	h.Task = nil
	ev := append(made.Crowd()[:7],
		made.Switches(150, 7, made.Poller, made.Preempted, made.Other),
		made.Switches(9900, 7, made.Other, made.Sleeps, made.Swapper))
	k := replayScene(t, made.Record(ev...), h, Plan{}).cpu(t, 7)
	if k.Owner == nil || k.Owner.PID != made.Other.PID || k.OwnerFrom != fact.Assumed {
		t.Errorf("owner %+v (%s), want %d (assumed)", k.Owner, k.OwnerFrom, made.Other.PID)
	}
}

// A task that is seen on the CPU and nowhere else for a thousandth of the time, as one that
// installs a package, is not its owner.
func TestOwnerOnEvidence(t *testing.T) {
	h := made.Bench("6.1.0", 7)
	h.Task = nil
	dpkg := made.ATask(880, "dpkg-deb", 120)
	ev := append(made.Crowd()[:7],
		made.Switches(100, 7, made.Poller, made.Sleeps, made.Swapper), made.Waking(5000, 7, made.Swapper, dpkg, 7), made.Wakeup(5001, 7, made.Swapper, dpkg, 7),
		made.Switches(5005, 7, made.Swapper, made.Runnable, dpkg), made.Switches(5015, 7, dpkg, made.Sleeps, made.Swapper), made.Switches(10_000, 6, made.Busy[6], made.Preempted, made.Busy[6]))
	if k := replayScene(t, made.Record(ev...), h, Plan{}).cpu(t, 7); k.Owner != nil {
		t.Errorf("owner %+v", k.Owner)
	}
}

// The owner's sch delay, without an intruder and with one on the core between
// waking and switch-in.
func TestOwnerDelay(t *testing.T) {
	ev := append(made.Crowd()[:7],
		made.Waking(50, 7, made.Swapper, made.Poller, 7), made.Wakeup(51, 7, made.Swapper, made.Poller, 7), made.Switches(54, 7, made.Swapper, made.Runnable, made.Poller), // 4 us alone
		made.Switches(100, 7, made.Poller, made.Sleeps, made.Other),
		made.Waking(120, 7, made.Other, made.Poller, 7), made.Wakeup(121, 7, made.Other, made.Poller, 7), made.Switches(150, 7, made.Other, made.Preempted, made.Poller), // 30 us, all other's
		made.Switches(200, 7, made.Poller, made.Sleeps, made.Other),
		made.Switches(230, 7, made.Other, made.Sleeps, made.Swapper),
		made.Waking(235, 7, made.Swapper, made.Poller, 7), made.Wakeup(236, 7, made.Swapper, made.Poller, 7), made.Switches(240, 7, made.Swapper, made.Runnable, made.Poller), // 5 us, it was gone
		made.Switches(300, 7, made.Poller, made.Sleeps, made.Swapper),
		made.Waking(310, 0, made.Busy[0], made.Poller, 7), made.Switches(315, 7, made.Swapper, made.Runnable, made.Other), made.Wakeup(318, 7, made.Other, made.Poller, 7),
		made.Switches(330, 7, made.Other, made.Sleeps, made.Poller),                                                                    // 20 us, of which other ran 15
		made.Switches(400, 7, made.Poller, made.Preempted, made.Other), made.Switches(410, 7, made.Other, made.Preempted, made.Poller), // no waking: a gap of 10
		made.Switches(500, 7, made.Poller, made.Sleeps, made.Swapper),
	)
	h := made.Bench("6.1.0", 7)
	h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	s := replayScene(t, made.Record(ev...), h, Plan{})
	k := s.cpu(t, 7)
	w, gaps := &k.Waits[account.SchDelay], &k.Waits[account.OffCPUGap]
	if n, top := w.Free.Count(), w.Free.Max(); n != 2 || top != 5*made.Microsecond {
		t.Errorf("alone: %d delays up to %d ns, want 2 up to 5000", n, top)
	}
	if n, top, mean := w.Intruded.Count(), w.Intruded.Max(), w.Intruded.Mean(); n != 2 || top != 30*made.Microsecond || mean != 25*made.Microsecond {
		t.Errorf("intruded: %d delays up to %d ns, %d in the mean, want 2 up to 30000, 25000", n, top, mean)
	}
	if w.Worst() != 30*made.Microsecond || w.WorstAt != 150*made.Microsecond {
		t.Errorf("the worst is %d ns at %d", w.Worst(), w.WorstAt)
	}
	st := k.Stays[0]
	if gaps.Intruded.Count() != 1 || gaps.Free.Count() != 0 || gaps.Sum() != 10*made.Microsecond {
		t.Errorf("gaps: %d, %d without the intruder, %d ns in all", gaps.Intruded.Count(), gaps.Free.Count(), gaps.Sum())
	}
	if st.DelayedOwner != 3 || st.DelayedOwnerNS != 55*made.Microsecond {
		t.Errorf("the stay delayed the owner %d times by %d ns, want 3 by 55000", st.DelayedOwner, st.DelayedOwnerNS)
	}
	var delays []int64
	for _, r := range s.runs {
		if r.Class == account.ClassOwner && r.Delay != parser.NoTime {
			delays = append(delays, r.Delay/made.Microsecond)
			if r.Intruded != (r.Delay >= 20*made.Microsecond) {
				t.Errorf("run at %d: intruded %v", r.Start/made.Microsecond, r.Intruded)
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
		s := replayScene(t, made.Record(ev...), made.Bench("6.1.0", c.iso...), Plan{CPUs: c.look})
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
	ev := made.Crowd()
	const n = account.MaxStays + 5
	for i := range int64(n) {
		ev = append(ev, made.Migrates(100+10*i, 0, made.Busy[0], made.Other, 0, 7), made.Migrates(105+10*i, 0, made.Busy[0], made.Other, 7, 0))
	}
	h := made.Bench("6.1.0", 7)
	h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
	s := replayScene(t, made.Record(ev...), h, Plan{})
	if k := s.cpu(t, 7); len(k.Stays) != account.MaxStays || k.StaysDropped != 5 || len(s.stays) != n {
		t.Errorf("%d stays kept, %d dropped, %d delivered", len(k.Stays), k.StaysDropped, len(s.stays))
	}
}

// A task first seen by an arrival was on the CPU before only where a wakeup or a
// move to it would have been recorded.
func TestFirstSeenArriving(t *testing.T) {
	arrives := made.Switches(100, 7, made.Swapper, made.Runnable, made.Other)
	rest := []parser.Event{made.Switches(150, 7, made.Other, made.Sleeps, made.Swapper), made.Waking(200, 7, made.Swapper, made.Other, 7), made.Wakeup(201, 7, made.Swapper, made.Other, 7), made.Switches(202, 7, made.Swapper, made.Runnable, made.Other), made.Switches(250, 7, made.Other, made.Sleeps, made.Swapper)}
	idle, elsewhere := made.Switches(50, 7, made.Poller, made.Sleeps, made.Swapper), made.Switches(40, 6, made.Busy[6], made.Preempted, made.Busy[6])
	onlySwitches := []parser.Event{elsewhere, idle, arrives, made.Switches(150, 7, made.Other, made.Sleeps, made.Swapper), made.Switches(202, 7, made.Swapper, made.Runnable, made.Other), made.Switches(250, 7, made.Other, made.Sleeps, made.Swapper)}
	for _, c := range []struct {
		name    string
		events  []parser.Event
		partial bool
		how     account.How
		certain int64 // of the wakings, on CPU 7 under the patched kernel
		run     int64 // us that surely remain
	}{
		{"of every CPU: woken just before the window", append([]parser.Event{elsewhere, idle, arrives}, rest...), false, account.CameBefore, 1, 98},
		{"of every CPU, by the lines of one: it may have come from another", append([]parser.Event{idle, arrives}, rest...), false, account.CameUnseen, 0, 0},
		{"of one CPU: it may have come from one not recorded", append([]parser.Event{idle, arrives}, rest...), true, account.CameUnseen, 0, 0},
		{"of one CPU, by the wakeup from another", append([]parser.Event{idle, made.Wakeup(99, 7, made.Swapper, made.Other, 7), arrives}, rest...), true, account.CameUnseen, 0, 0},
		{"of one CPU, asleep there: it ran there last", append([]parser.Event{idle, made.Waking(98, 7, made.Swapper, made.Other, 7), made.Wakeup(99, 7, made.Swapper, made.Other, 7), arrives}, rest...), true, account.CameBefore, 2, 98},
		{"of one CPU, current there at the first event", append([]parser.Event{made.Switches(50, 7, made.Other, made.Sleeps, made.Swapper)}, rest...), true, account.CameBefore, 1, 48},
		{"of switches alone", onlySwitches, false, account.CameUnseen, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := made.Bench("6.1.0", 7)
			h.Task[made.Other.PID] = parser.TaskInfo{PID: made.Other.PID, Comm: "other", Affinity: fact.Seen(cpumask.Range(0, 7), "")}
			rec := made.Record(c.events...)
			if c.partial {
				rec.About.RecordedCPUs = cpumask.Of(7)
			}
			stays := replayScene(t, rec, h, Plan{Original: "6.1.0", Patched: []string{"6.1.0+smt-span+core-span"}}).cpu(t, 7).Stays
			if len(stays) != 1 {
				t.Fatalf("%d stays", len(stays))
			}
			if s := stays[0]; s.How != c.how || s.PatchedCertain != c.certain || s.PatchedRunNS != c.run*made.Microsecond {
				t.Errorf("came by %s; under the patched kernel %d wakings surely there, %d us; want %s, %d, %d", s.How, s.PatchedCertain, s.PatchedRunNS/made.Microsecond, c.how, c.certain, c.run)
			}
		})
	}
}

// A task that is called otherwise from one run to the next is by each what goes for that name.
func TestRenamedOnIsolatedCPU(t *testing.T) {
	early, late := made.ATask(500, "early", 120), made.ATask(500, "late", 120)
	h := made.Bench("6.1.0", 7)
	h.Stated = []parser.StatedAffinity{{Name: "early", PID: parser.NoPID, CPUs: cpumask.Range(0, 7)}, {Name: "late", PID: parser.NoPID, CPUs: cpumask.Of(7)}}
	ev := append(made.Crowd()[:7],
		made.Switches(4000, 7, made.Poller, made.Sleeps, early), made.Switches(4100, 7, early, made.Sleeps, made.Swapper),
		made.Switches(4200, 7, made.Swapper, made.Runnable, late), made.Switches(4300, 7, late, made.Sleeps, made.Swapper))
	var got []string
	for _, r := range replayScene(t, made.Record(ev...), h, Plan{}).runs {
		if r.Task.PID == 500 {
			got = append(got, fmt.Sprint(r.Task.Comm, " ", r.Class))
		}
	}
	if want := "early foreign, late pinned"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %s", got, want)
	}
}
