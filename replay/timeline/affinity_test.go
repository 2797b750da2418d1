package timeline

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// Where a task may run, by what is known of it.
func TestAffinity(t *testing.T) {
	h := made.Bench("6.1.0", 7)
	h.NohzFull = fact.Seen(cpumask.Of(5), "")
	h.Task[1] = parser.TaskInfo{PID: 1, Comm: "init", Affinity: fact.Seen(cpumask.Range(0, 3), "")}
	h.Task[42] = parser.TaskInfo{PID: 42, Comm: "shell", Affinity: fact.Seen(cpumask.Range(0, 6), "")}
	h.Task[30] = parser.TaskInfo{PID: 30, Comm: "old", Affinity: fact.Seen(cpumask.Of(2), "")}
	h.Stated = []parser.StatedAffinity{
		{Name: "named", PID: parser.NoPID, CPUs: cpumask.Of(1)}, {PID: 41, CPUs: cpumask.Of(2)}, {Name: "named", PID: parser.NoPID, CPUs: cpumask.Of(3)},
	}
	rec := made.Record(
		made.Switches(1, 0, made.ATask(1, "init", 120), made.Runnable, made.ATask(30, "new", 120)),
		made.Forks(2, 0, made.ATask(1, "init", 120), made.ATask(31, "child", 120)),
		made.Switches(3, 7, made.ATask(32, "alone", 120), made.Sleeps, made.ATask(33, "perf", 120)),
		made.Switches(4, 6, made.ATask(34, "both", 120), made.Sleeps, made.ATask(1, "init", 120)),
		made.Switches(5, 7, made.Swapper, made.Runnable, made.ATask(34, "both", 120)),
		made.Forks(6, 0, made.ATask(42, "shell", 120), made.ATask(43, "stray", 120)),
		made.Forks(7, 7, made.Poller, made.ATask(44, "helper", 120)),
		made.Switches(8, 7, made.ATask(34, "both", 120), made.Sleeps, made.ATask(43, "stray", 120)),
		made.Switches(9, 7, made.ATask(43, "stray", 120), made.Sleeps, made.ATask(44, "helper", 120)),
	)
	sv := SurveyOf(rec, h, nil)
	r := Of(rec, h, sv)
	all := cpumask.Range(0, 7)
	// 4.19 lets unbound kernel threads run under nohz_full too.
	r.aff.settle(rules.KthreadsAnywhere)
	if a := r.aff.Find(53, "khugepaged", 0); !a.Mask.Equal(all) {
		t.Errorf("khugepaged before 5.9: %s", a.Mask)
	}
	r.aff.settle(rules.KthreadsDomain) // 7.0: off the isolated ones, with or without nohz_full
	if a := r.aff.Find(53, "khugepaged", 0); !a.Mask.Equal(cpumask.Range(0, 6)) {
		t.Errorf("khugepaged in 7.0: %s", a.Mask)
	}
	r.aff.settle(rules.KthreadsNoHZ)
	for _, c := range []struct {
		pid               int32
		comm              string
		want              cpumask.Mask
		from              fact.Provenance
		kthread, recorder bool
	}{
		{made.Ksmd.PID, "ksmd", all, fact.Observed, true, false},
		{40, "named", cpumask.Of(3), fact.Observed, false, false},
		{41, "any", cpumask.Of(2), fact.Observed, false, false},
		{1, "init", cpumask.Of(0, 1, 2, 3, 6), fact.Assumed, false, false}, // it was seen on CPU 6
		{30, "new", cpumask.Range(0, 6), fact.Assumed, false, false},       // the pid is another's now
		{31, "child", cpumask.Of(0, 1, 2, 3, 6), fact.Assumed, false, false},
		{32, "alone", cpumask.Of(7), fact.Assumed, false, false},
		{33, "perf", all, fact.Assumed, false, true},
		{34, "both", all, fact.Assumed, false, false},
		{43, "stray", all, fact.Assumed, false, false},                  // its parent's, and where it got to
		{44, "helper", cpumask.Of(7), fact.Reconstructed, false, false}, // its parent's
		{50, "ksoftirqd/5", cpumask.Of(5), fact.Assumed, true, false},
		{51, "kworker/3:1H", cpumask.Of(3), fact.Assumed, true, false},
		{52, "kworker/u16:2", all.AndNot(cpumask.Of(5)), fact.Assumed, true, false},
		{53, "khugepaged", all.AndNot(cpumask.Of(5)), fact.Assumed, true, false},
		{54, "bash", cpumask.Range(0, 6), fact.Assumed, false, false},
		{55, "ksoftirqd/99", all.AndNot(cpumask.Of(5)), fact.Assumed, true, false},
		{56, "", cpumask.Range(0, 6), fact.Assumed, false, false},
	} {
		a := r.aff.Find(c.pid, c.comm, 0)
		if !a.Mask.Equal(c.want) || a.From != c.from || a.Kthread != c.kthread || a.Recorder != c.recorder {
			t.Errorf("%s (%d): %s (%s), kthread %v, recorder %v; want %s (%s), %v, %v", c.comm, c.pid, a.Mask, a.From, a.Kthread, a.Recorder, c.want, c.from, c.kthread, c.recorder)
		}
	}
}

// A worker made in the window may be placed anywhere, and wakes on its CPU once it has
// run: it is bound by then.
func TestBoundOnceItHasRun(t *testing.T) {
	h := made.Bench("6.1.0", 7)
	worker := made.ATask(64, "kworker/6:1H", 120)
	events := []parser.Event{
		made.Forks(1, 0, made.ATask(2, "kthreadd", 120), worker),
		made.Switches(2, 5, made.Swapper, made.Runnable, worker),
		made.Switches(3, 5, worker, made.Sleeps, made.Swapper),
	}
	rec := made.Record(events...)
	k, err := rules.ParseKernel("6.1", "")
	if err != nil {
		t.Fatal(err)
	}
	l := Of(rec, h, SurveyOf(rec, h, nil)).Begin(k)
	for i, want := range []cpumask.Mask{cpumask.Range(0, 7), cpumask.Of(6), cpumask.Of(6)} {
		l.Apply(&events[i])
		if a := l.Affinities.Of(l.Get(worker.PID)); !a.Mask.Equal(want) {
			t.Errorf("after event %d: %s, want %s", i, a.Mask, want)
		}
	}
}

// What an unbound kernel thread may do is its kernel's gift: under another kernel it
// has what that one gives, unless its affinity was changed.
func TestAffinityUnderAnotherKernel(t *testing.T) {
	h := made.Bench("6.1.0", 7)
	h.Task[60] = parser.TaskInfo{PID: 60, Comm: "moved", Kthread: fact.Seen(true, ""), Affinity: fact.Seen(cpumask.Range(0, 1), "")}
	rec := made.Record(made.Switches(1, 0, made.ATask(61, "init", 120), made.Runnable, made.ATask(62, "new", 120)))
	r := Of(rec, h, SurveyOf(rec, h, nil))
	r.aff.settle(rules.KthreadsNoHZ)
	for _, c := range []struct {
		pid  int32
		comm string
		rule rules.KthreadRule
		want cpumask.Mask
	}{
		{made.Ksmd.PID, "ksmd", rules.KthreadsNoHZ, cpumask.Range(0, 7)},
		{made.Ksmd.PID, "ksmd", rules.KthreadsDomain, cpumask.Range(0, 6)},
		{60, "moved", rules.KthreadsDomain, cpumask.Range(0, 1)},
		{63, "ksoftirqd/7", rules.KthreadsDomain, cpumask.Of(7)},
		{61, "init", rules.KthreadsDomain, cpumask.Range(0, 6)},
	} {
		p := &Task{PID: c.pid, Comm: c.comm}
		a := *r.aff.Of(p)
		other := r.aff.Under(p, c.rule, &a)
		if !a.Mask.Equal(c.want) || other != (c.comm == "ksmd" && c.rule == rules.KthreadsDomain) {
			t.Errorf("%s under rule %d: %s, another %v; want %s", c.comm, c.rule, a.Mask, other, c.want)
		}
	}
}
