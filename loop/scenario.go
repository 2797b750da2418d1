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
	"schedreplay/loop/supply"
	"schedreplay/loop/work"
	"schedreplay/parser"
)

// machineOf makes the scenario's kernel and host; off are the CPUs that it takes offline.
func machineOf(sc *Scenario, h *parser.Host, base *rules.Kernel, cpus int) (kernel *rules.Kernel, host parser.Host, off cpumask.Mask, err error) {
	kernel, host = base, *h
	for _, c := range sc.Changes {
		switch c.Key {
		case "kernel":
			if kernel, err = rules.ParseKernel(c.Value, h.Version.Value); err != nil {
				return nil, host, off, fmt.Errorf("%w: %s: %w", ErrScenario, sc.Name, err)
			}
		case "isolated", "partition":
			m, err := cpumask.ParseList(c.Value, cpus)
			if err != nil {
				return nil, host, off, sc.Fail(c, "%v", err)
			}
			host.IsolatedLater = fact.Fact[cpumask.Mask]{}
			if c.Key == "partition" {
				host.IsolatedLater = fact.Of(m, fact.Observed, "scenario "+sc.Name)
				m = m.Or(h.Isolated.Value)
			}
			if cpumask.Range(0, cpus-1).SubsetOf(m) {
				return nil, host, off, sc.Fail(c, "it leaves no CPU for anything else")
			}
			host.Isolated = fact.Of(m, fact.Observed, "scenario "+sc.Name)
		case "nohz_full":
			if err := nohzFullOf(c.Value, cpus, &host); err != nil {
				return nil, host, off, sc.Fail(c, "%v", err)
			}
		case "smt":
			if off = siblings(h); c.Value != "off" || off.Empty() {
				return nil, host, off, sc.Fail(c, "say smt=off, where a core is known to have two threads")
			}
		}
	}
	return kernel, host, off, nil
}

// apply makes the scenario's world of the baseline's.
func apply(sc *Scenario, p *work.Program, h *parser.Host, base *world) (*world, error) {
	kernel, host, off, err := machineOf(sc, h, base.kernel, p.CPUs)
	if err != nil {
		return nil, err
	}
	isolated := host.Isolated.Value
	if !off.Empty() { // outside every domain, as isolated CPUs are
		host.Isolated = fact.Of(isolated.Or(off), fact.Observed, "scenario "+sc.Name)
	}
	w := newWorld(p, &host, kernel)
	w.res, w.pulls, w.scanCost, w.owners = base.res, base.pulls, base.scanCost, base.owners
	w.isolate(h.Isolated.Value, isolated)
	w.isolated = isolated.AndNot(off)
	all := cpumask.Range(0, p.CPUs-1)
	w.kthreads(base.kernel.Tasks.Kthreads.CPUs(all, h.Isolated.Value, h.NohzFull.Value), kernel.Tasks.Kthreads.CPUs(all, isolated, host.NohzFull.Value))
	w.offline(off)
	moves := supply.Moves{}
	for _, c := range sc.Changes {
		switch {
		case c.Key == "irq":
			if err := moves.Move(p, c.Task, c.Value, off); err != nil {
				return nil, sc.Fail(c, "%v", err)
			}
		case c.Key == "workqueue":
			if err := w.workqueues(c.Value); err != nil {
				return nil, sc.Fail(c, "%v", err)
			}
		case c.Key == "max":
			if err := w.groupLimit(c); err != nil {
				return nil, sc.Fail(c, "%v", err)
			}
		case c.Key == "feature":
			if !w.feature(c.Task, c.Value) {
				return nil, sc.Fail(c, "the features known are NI_RANDOM, RT_RUNTIME_SHARE, SIS_PROP and SIS_UTIL, on or off, on kernels that have them")
			}
		case c.Key == "base_slice":
			d, err := time.ParseDuration(c.Value)
			if err != nil || d <= 0 {
				return nil, sc.Fail(c, "a duration is written as 3ms")
			}
			w.slice, w.tun.MinGranularity = int64(d), int64(d)
		case c.Task != "":
			if err := changeTasks(sc, w, c); err != nil {
				return nil, err
			}
		}
	}
	if moves.Offline(p, off); len(moves) > 0 {
		w.takeInterrupts(p, moves)
	} else {
		w.ticks, w.irqs = base.ticks, base.irqs
	}
	return w, nil
}

// changeTasks makes a change to the tasks of its name or pid.
func changeTasks(sc *Scenario, w *world, c Change) error {
	found := false
	if c.Key == "weight" && strings.HasPrefix(c.Task, "/") {
		if err := w.groupWeight(c); err != nil {
			return sc.Fail(c, "%v", err)
		}
		return nil
	}
	for i := range w.tasks {
		t := &w.prog.Tasks[i]
		if parser.DisplayComm(t.Comm) != c.Task && t.Comm != c.Task && strings.TrimSpace(t.Comm) != c.Task && strconv.Itoa(int(t.PID)) != c.Task {
			continue
		}
		found = true
		if err := w.tasks[i].change(c, w.prog.CPUs); err != nil {
			return sc.Fail(c, "%v", err)
		}
	}
	if !found {
		return sc.Fail(c, "no such task in the recording")
	}
	return nil
}

// siblings are the CPUs that smt=off takes offline: all threads of a core but the first.
func siblings(h *parser.Host) cpumask.Mask {
	var m cpumask.Mask
	for c := range h.CPU {
		if s := h.CPU[c].Siblings; h.CPU[c].Known && s.Weight() > 1 && s.First() != c {
			m.Set(c)
		}
	}
	return m
}

// offline takes CPUs away: with them go the tasks bound there by the kernel, others that may
// run nowhere else may run anywhere (select_fallback_rq).
func (w *world) offline(off cpumask.Mask) {
	for i := range w.tasks {
		t := &w.tasks[i]
		if t.allowed.SubsetOf(off) && (w.prog.Tasks[i].PerCPU || w.prog.Tasks[i].Stop) {
			t.out = true
			continue
		}
		t.remask(func(m cpumask.Mask) cpumask.Mask {
			if left := m.AndNot(off); !left.Empty() {
				return left
			}
			return cpumask.Range(0, w.prog.CPUs-1).AndNot(off)
		})
	}
}

// feature sets a feature of the scheduler, and reports whether the kernel has it and it is
// modelled.
func (w *world) feature(name, value string) bool {
	on := value == "on"
	if !on && value != "off" {
		return false
	}
	k := *w.kernel
	switch name {
	case "SIS_UTIL", "SIS_PROP":
		has := k.Rules.Budget == rules.BudgetUtil
		if name == "SIS_PROP" {
			has = k.Rules.Budget == rules.BudgetAvgIdle || k.Rules.Budget == rules.BudgetWakeAvgIdle
		}
		if !has {
			return false
		}
		if !on {
			k.Rules.Budget = rules.BudgetNone
		}
	case "NI_RANDOM":
		w.random = on
	case "RT_RUNTIME_SHARE":
		if k.RT.Server {
			return false
		}
		k.RT.Own = !on
	default:
		return false
	}
	w.kernel = &k
	w.rt = newRTLimit(w, w.tunables)
	return true
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
		if w.prog.Tasks[i].Kthread {
			continue
		}
		w.tasks[i].remask(func(m cpumask.Mask) cpumask.Mask {
			if house.SubsetOf(m) {
				return m.AndNot(after).Or(now)
			}
			return m
		})
	}
}

// kthreads gives the kernel threads that have what the recorded kernel gives to all of
// them what the scenario's kernel gives on its machine.
func (w *world) kthreads(before, after cpumask.Mask) {
	for i := range w.tasks {
		t, p := &w.tasks[i], &w.prog.Tasks[i]
		if !p.Kthread || p.PerCPU {
			continue
		}
		t.remask(func(m cpumask.Mask) cpumask.Mask {
			if m.Equal(before) {
				return after
			}
			return m
		})
	}
}

// cgroupWeight reads a weight as cpu.weight has it, in shares.
func cgroupWeight(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > 10_000 {
		return 0, errors.New("a weight is 1 to 10000 as in cpu.weight, where 100 is that of nice 0")
	}
	return parser.WeightShares(n), nil
}

// groupWeight gives a control group a weight as that of cpu.weight.
func (w *world) groupWeight(c Change) error {
	n, err := cgroupWeight(c.Value)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(w.groups, func(g work.Group) bool { return g.Name == c.Task })
	if i < 0 {
		return errors.New("the bundle knows no such control group with a weight: give the weight to tasks")
	}
	w.groups = slices.Clone(w.groups)
	w.groups[i].Shares = n
	return nil
}

// remask changes the affinity and those that are to come.
func (t *tasking) remask(to func(cpumask.Mask) cpumask.Mask) {
	t.allowed = to(t.allowed)
	for i := range t.later {
		t.later[i].Allowed = to(t.later[i].Allowed)
	}
}

// mayRun reports whether a task may ever run on a CPU.
func (t *tasking) mayRun(cpu int) bool {
	return t.allowed.Test(cpu) || slices.ContainsFunc(t.later, func(r work.Rebind) bool { return r.Allowed.Test(cpu) })
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
		t.allowed, t.later = m, nil // in place of whatever the recording has
	case "nice":
		n, err := strconv.Atoi(c.Value)
		if err != nil || n < -20 || n > 19 {
			return errors.New("nice is -20 to 19")
		}
		t.prio, t.setPrio = int32(120+n), true
	case "weight":
		n, err := cgroupWeight(c.Value)
		if err != nil {
			return err
		}
		t.weight = n
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
		if err != nil || !(f > 0 && f <= 1000) { // nor NaN
			return errors.New("a factor is written as 0.5")
		}
		t.scale = f
	case "without":
		t.out = true
	}
	return nil
}

func (t *tasking) policy(s string) error {
	name, level, leveled := strings.Cut(s, ":")
	if leveled && name != "fifo" && name != "rr" {
		name = ""
	}
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
