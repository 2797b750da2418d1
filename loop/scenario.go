package loop

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/loop/work"
	"schedreplay/parser"
)

// ErrScenario is wrapped by errors about scenarios that make no sense or are not
// modelled.
var ErrScenario = errors.New("no such scenario")

// Change is one thing that a scenario changes: Key, or Key of Task, becomes Value.
type Change struct {
	Key, Task, Value string
}

// String writes the change as it is read.
func (c Change) String() string {
	s := c.Key
	if c.Task != "" {
		s += ":" + c.Task
	}
	if c.Value != "" {
		s += "=" + c.Value
	}
	return s
}

// Scenario is a machine and its tasks as they would be: the recorded ones with changes.
type Scenario struct {
	Name    string
	Changes []Change
}

// keys are the changes there are; task ones name a task. The others that the design
// knows (weight, smt, feature, partition) are not modelled.
var keys = map[string]struct{ task, value bool }{
	"kernel": {false, true}, "isolated": {false, true}, "base_slice": {false, true},
	"affinity": {true, true}, "nice": {true, true}, "policy": {true, true}, "period": {true, true}, "work": {true, true}, "without": {true, false},
}

// ParseScenario reads NAME=CHANGE,…: a change is kernel=KERNEL, isolated=CPULIST,
// base_slice=DURATION, affinity:TASK=CPULIST, nice:TASK=N, policy:TASK=fifo:N|rr:N|
// other|batch|idle, period:TASK=DURATION, work:TASK=FACTOR or without:TASK. TASK is a
// name or a pid. A list of CPUs may hold commas: a part without a key belongs to the
// change before it. The error wraps [ErrScenario].
func ParseScenario(s string) (Scenario, error) {
	name, list, ok := strings.Cut(s, "=")
	if !ok || name == "" || list == "" {
		return Scenario{}, fmt.Errorf("%w: %q; write NAME=CHANGE,…, as in taskset=affinity:ksmd=0-41", ErrScenario, s)
	}
	sc := Scenario{Name: name}
	for _, part := range strings.Split(list, ",") {
		head, value, _ := strings.Cut(part, "=")
		key, task, named := strings.Cut(head, ":")
		k, known := keys[key]
		switch {
		case !known && len(sc.Changes) > 0 && part != "" && strings.Trim(part, "0123456789-") == "":
			sc.Changes[len(sc.Changes)-1].Value += "," + part
			continue
		case !known:
			return sc, fmt.Errorf("%w: %s: %q is no change; there are %s", ErrScenario, name, key, strings.Join(Keys(), ", "))
		case k.task != (named && task != ""), k.value != (value != ""):
			return sc, fmt.Errorf("%w: %s: %q is not how %s is written", ErrScenario, name, part, key)
		}
		sc.Changes = append(sc.Changes, Change{key, task, value})
	}
	return sc, nil
}

// Keys are the words that begin a change.
func Keys() []string {
	var out []string
	for k := range keys {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// apply makes the scenario's world of the baseline's.
func (sc *Scenario) apply(p *work.Program, h *parser.Host, base *world) (*world, error) {
	fail := func(c Change, format string, a ...any) error {
		return fmt.Errorf("%w: %s: %s: %s", ErrScenario, sc.Name, c, fmt.Sprintf(format, a...))
	}
	kernel, host := base.kernel, *h
	for _, c := range sc.Changes {
		switch c.Key {
		case "kernel":
			k, err := rules.ParseKernel(c.Value, h.Version.Value)
			if err != nil {
				return nil, fmt.Errorf("%w: %s: %w", ErrScenario, sc.Name, err)
			}
			kernel = k
		case "isolated":
			m, err := cpumask.ParseList(c.Value, p.CPUs)
			if err != nil {
				return nil, fail(c, "%v", err)
			}
			if cpumask.Range(0, p.CPUs-1).SubsetOf(m) {
				return nil, fail(c, "it leaves no CPU for anything else")
			}
			host.Isolated = fact.Of(m, fact.Observed, "scenario "+sc.Name)
			host.IsolatedLater = fact.Fact[cpumask.Mask]{}
		}
	}
	w := newWorld(p, &host, kernel)
	w.pulls, w.scanCost = base.pulls, base.scanCost
	w.isolate(h.Isolated.Value, host.Isolated.Value)
	all, nohz := cpumask.Range(0, p.CPUs-1), h.NohzFull.Value
	w.kthreads(base.kernel.Tasks.Kthreads.CPUs(all, h.Isolated.Value, nohz), kernel.Tasks.Kthreads.CPUs(all, host.Isolated.Value, nohz))
	for _, c := range sc.Changes {
		if c.Key == "base_slice" {
			d, err := time.ParseDuration(c.Value)
			if err != nil || d <= 0 {
				return nil, fail(c, "a duration is written as 3ms")
			}
			w.slice, w.tun.MinGranularity = int64(d), int64(d)
			continue
		}
		if c.Task == "" {
			continue
		}
		found := false
		for i := range p.Tasks {
			t := &p.Tasks[i]
			if parser.DisplayComm(t.Comm) != c.Task && t.Comm != c.Task && strings.TrimSpace(t.Comm) != c.Task && strconv.Itoa(int(t.PID)) != c.Task {
				continue
			}
			found = true
			if err := w.tasks[i].change(c, p.CPUs); err != nil {
				return nil, fail(c, "%v", err)
			}
		}
		if !found {
			return nil, fail(c, "no such task in the recording")
		}
	}
	return w, nil
}

// isolate takes newly isolated CPUs from tasks that may run on all others, and gives those
// back that no longer are: what tasks inherit from init.
func (w *world) isolate(before, after cpumask.Mask) {
	all := cpumask.Range(0, w.prog.CPUs-1)
	house, now := all.AndNot(before), all.AndNot(after)
	if house.Equal(now) {
		return
	}
	for i := range w.tasks {
		t := &w.tasks[i]
		if !w.prog.Tasks[i].Kthread && house.SubsetOf(t.allowed) {
			t.allowed = t.allowed.AndNot(after).Or(now)
		}
	}
}

// kthreads gives the kernel threads that have what the recorded kernel gives to all of
// them what the scenario's kernel gives on its machine.
func (w *world) kthreads(before, after cpumask.Mask) {
	for i := range w.tasks {
		t, p := &w.tasks[i], &w.prog.Tasks[i]
		if p.Kthread && !p.PerCPU && t.allowed.Equal(before) {
			t.allowed = after
		}
	}
}

func (t *tasking) change(c Change, cpus int) error {
	switch c.Key {
	case "affinity":
		m, err := cpumask.ParseList(c.Value, cpus)
		if err != nil {
			return err
		}
		if m.Empty() {
			return errors.New("it names no CPU")
		}
		t.allowed = m
	case "nice":
		n, err := strconv.Atoi(c.Value)
		if err != nil || n < -20 || n > 19 {
			return errors.New("nice is -20 to 19")
		}
		t.prio, t.setPrio = int32(120+n), true
	case "policy":
		return t.policy(c.Value)
	case "period":
		d, err := time.ParseDuration(c.Value)
		if err != nil || d <= 0 {
			return errors.New("a duration is written as 200ms")
		}
		t.period = int64(d)
	case "work":
		f, err := strconv.ParseFloat(c.Value, 64)
		if err != nil || f <= 0 || f > 1000 {
			return errors.New("a factor is written as 0.5")
		}
		t.scale = f
	case "without":
		t.out = true
	}
	return nil
}

func (t *tasking) policy(s string) error {
	name, level, _ := strings.Cut(s, ":")
	switch name {
	case "fifo", "rr":
		n, err := strconv.Atoi(level)
		if err != nil || n < 1 || n > 99 {
			return errors.New("a real-time priority is 1 to 99")
		}
		t.prio, t.setPrio = int32(99-n), true
	case "other":
		t.prio, t.setPrio, t.idle, t.batch = 120, true, false, false
	case "batch":
		t.batch = true
	case "idle":
		t.idle = true
	default:
		return errors.New("a policy is fifo:N, rr:N, other, batch or idle")
	}
	return nil
}
