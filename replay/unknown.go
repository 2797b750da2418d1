package replay

import (
	"fmt"

	"schedreplay/cpumask"
)

// unknowns lists what the capture and the host leave open, what each costs and
// what would tell.
func (r *pass) unknowns() []Unknown {
	var u []Unknown
	add := func(what, cost, remedy string) { u = append(u, Unknown{what, cost, remedy}) }
	if r.base.m == nil {
		add("The CPU topology: SMT siblings, caches, NUMA nodes", "no wakeup can be placed by the model; only what ran where is told", "give a host bundle with --host (schedreplay collect makes one)")
	}
	if !r.isolated.Known() {
		what, remedy := "Which CPUs are isolated", "name them with --isolated, or give a host bundle with --host"
		if look := r.looksIsolated(); !look.Empty() {
			what += fmt.Sprintf(" (%s %s so, assumed: every user task seen there ran there alone)", cpus(look), looks(look))
			remedy = "if that is right, say --isolated " + look.String() + "; a host bundle with --host tells"
		}
		add(what, "no stays of foreign tasks can be told", remedy)
	}
	if r.s.slicesAlone() {
		add("Wakeups: the capture holds none", "one is taken to have come where a slice has a sch delay, that long before it, to 1 us; who woke the task is not known, and placements cannot be judged", "print with perf sched timehist -w -n -M --state, or give the perf.data")
	} else if !r.s.hasWaking && !r.s.hasWakeup {
		add("Wakeups: the capture holds none", "placements cannot be judged", "record sched_waking, sched_wakeup and sched_migrate_task")
	} else if !r.s.hasWaking {
		add("sched_waking: the capture holds none", "the CPU before a wakeup is taken from where the task last ran", "record sched_waking (4.3 and later)")
	}
	if len(r.host.Task) == 0 && len(r.host.Stated) == 0 {
		add("The affinity of tasks", "kernel threads are assumed free to run anywhere, user tasks on housekeeping CPUs and wherever they were seen", "give a host bundle with --host, or --affinity NAME=CPULIST")
	}
	if only := r.s.only; !only.Empty() {
		why := ": the recorder was limited to it"
		if r.c.Meta().RecordedCPUs.Empty() {
			why = ": the capture holds no event of theirs"
		}
		add("Every CPU but "+only.String()+why, "idleness, queues and wakings elsewhere are unknown, so a placement that depends on them stays a set; how a task came here from elsewhere is not shown", "record with -a")
	}
	if silent := r.silentCPUs(); silent > 0 {
		add(plural(silent, "CPU")+" without any event", "assumed idle throughout; one that ran a single task without a switch would look the same", "")
	}
	if r.base.m != nil {
		if r.base.Kernel.Rules.SlowPath > 0 {
			add("WF_SYNC, load averages and nr_idle_scan are in no event", "they are estimated from the run history and from what other decisions show; where the estimate does not decide, every answer is kept as possible", "")
		}
		if len(r.base.Kernel.Unknown) > 0 {
			add("Which fixes "+r.base.Kernel.Release+" carries", "both forms are kept possible", "name the kernel exactly with --original")
		}
	}
	if r.res.BalancerIgnored > 0 {
		add("The load balancer under the patched kernel", plural(int(r.res.BalancerIgnored), "recorded move")+" of tasks that are elsewhere by then could not be applied", "")
	}
	return u
}

// silentCPUs counts the online CPUs without any event.
func (r *pass) silentCPUs() int {
	n := 0
	online := r.t.aff.all
	if m, ok := r.host.Online.Get(); ok {
		online = m
	}
	for c := range online.All() {
		if r.s.silent(c) && r.base.m != nil {
			n++
		}
	}
	return n
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// looksIsolated guesses the isolated CPUs where nothing tells them: those on
// which user tasks ran that were seen nowhere else, and no others. A few such
// tasks on every CPU of a machine would prove nothing, so it must be less than
// half of the CPUs that recorded anything, unless only those were recorded.
func (r *pass) looksIsolated() cpumask.Mask {
	var pinned, shared cpumask.Mask
	for pid, ts := range r.s.task.All() {
		a := r.t.aff.find(pid, ts.comm, 0)
		if a.kthread || a.recorder || pid == 0 || ts.seen.Empty() {
			continue
		}
		long := false
		for c := range ts.seen.All() {
			long = long || r.s.ranNS[runKey{int32(c), pid}] > (r.s.end-r.s.start)/100
		}
		if ts.seen.Weight() == 1 && long {
			pinned = pinned.Or(ts.seen)
		} else {
			shared = shared.Or(ts.seen)
		}
	}
	look := pinned.AndNot(shared)
	if r.s.only.Empty() && 2*look.Weight() >= r.s.recorded.Weight() {
		return cpumask.Mask{}
	}
	return look
}

func cpus(m cpumask.Mask) string {
	if m.Weight() == 1 {
		return "CPU " + m.String()
	}
	return "CPUs " + m.String()
}

func looks(m cpumask.Mask) string {
	if m.Weight() == 1 {
		return "looks"
	}
	return "look"
}
