package say

import (
	"fmt"

	"schedreplay/parser"
	"schedreplay/replay"
)

// Doubt says what is not known, what that costs, and what would tell: clauses, the last
// one empty where nothing would.
type Doubt struct {
	What   string `json:"what"`
	Cost   string `json:"cost"`
	Remedy string `json:"remedy"`
}

// doubts are those that are always the same.
var doubts = map[replay.UnknownKind]Doubt{
	replay.UnknownTopology: {
		"the CPU topology: SMT siblings, caches, NUMA nodes", "the model can place no wakeup, so only what ran where is told",
		"give a host bundle with --host (schedreplay collect makes one)",
	},
	replay.UnknownIsolation: {
		"which CPUs are isolated", "no stays of foreign tasks can be told",
		"name them with --isolated, or give a host bundle with --host",
	},
	replay.UnknownSliceWakeups: {
		"wakeups: the capture holds none",
		"a slice with a sch delay is taken to follow a wakeup that long before it, to 1 us; who woke the task is not known, and placements cannot be judged",
		"print with perf sched timehist -w -n -M --state, or give the perf.data",
	},
	replay.UnknownWakeups: {
		"wakeups: the capture holds none", "placements cannot be judged", "record sched_waking, sched_wakeup and sched_migrate_task",
	},
	replay.UnknownWakings: {
		"sched_waking: the capture holds none", "the CPU before a wakeup is taken from where the task last ran", "record sched_waking (4.3 and later)",
	},
	replay.UnknownAffinity: {
		"the affinity of tasks",
		"kernel threads are assumed free to run anywhere, user tasks on housekeeping CPUs and wherever they were seen",
		"give a host bundle with --host, or --affinity NAME=CPULIST",
	},
	replay.UnknownHidden: {
		"WF_SYNC, load averages and nr_idle_scan are in no event",
		"they are estimated from the run history and from what other decisions show; where the estimate does not decide, every answer stays possible", "",
	},
}

// Unknown says what is not known.
func Unknown(u replay.Unknown) Doubt {
	d := doubts[u.Kind]
	const elsewhere = "idleness, queues and wakings elsewhere are unknown, so a placement that depends on them stays a set; how a task came here from elsewhere is not shown"
	switch u.Kind {
	case replay.UnknownIsolation:
		if !u.CPUs.Empty() {
			looks := map[bool]string{true: "looks", false: "look"}[u.CPUs.Weight() == 1]
			d.What += fmt.Sprintf(" (%s %s so, assumed: every user task seen there ran there alone)", CPUNoun(u.CPUs), looks)
			d.Remedy = fmt.Sprintf("if that is right, say --isolated %s; a host bundle with --host tells", u.CPUs)
		}
	case replay.UnknownElsewhere:
		d = Doubt{fmt.Sprintf("every CPU but %s: the recorder was limited to it", u.CPUs), elsewhere, "record with -a"}
	case replay.UnknownSilentElsewhere:
		d = Doubt{fmt.Sprintf("every CPU but %s: the capture holds no event of theirs", u.CPUs), elsewhere, "record with -a"}
	case replay.UnknownSilent:
		d = Doubt{Counted(u.N, "CPU") + " without any event", "idle throughout, or running one task that never sleeps: where nothing tells, both stay possible", ""}
		if n := int64(u.CPUs.Weight()); n > 0 {
			d.Cost = fmt.Sprintf("%s (%s) passed over when an idle CPU was wanted, and so busy; of any others that is not known", wereOf(n, u.N), CPUNoun(u.CPUs))
		}
	case replay.UnknownFixes:
		d = Doubt{fmt.Sprintf("which fixes %s carries", Clean(u.Release)), "both forms stay possible", "name the kernel exactly with --original"}
	case replay.UnknownAffinityChange:
		d = affinityChange(u.Change)
	case replay.UnknownBalancer:
		d = Doubt{"the load balancer under the alternative kernel", Counted(u.N, "recorded move") + " of tasks that are elsewhere by then could not be applied", ""}
	}
	return d
}

// wereOf says that n of all were something.
func wereOf(n, all int64) string {
	switch {
	case n == all && n == 1:
		return "it was"
	case n == all:
		return "all were"
	case n == 1:
		return "1 was"
	}
	return fmt.Sprintf("%d were", n)
}

func affinityChange(c *replay.AffinityChange) Doubt {
	until := "to the end"
	if c.Until != parser.NoTime {
		until = "to " + replay.Seconds(c.Until) + " s"
	}
	return Doubt{
		fmt.Sprintf("the affinity of %s from %s s %s: it went to %s only, against %s that its affinity of %s does not explain",
			TaskName(c.Task), replay.Seconds(c.From), until, CPUNoun(c.CPUs), Counted(int64(c.Misses), "decision"), c.Believed),
		"it is taken to have had no others (taskset, sched_setaffinity or a cpuset)", "",
	}
}

// Line is a doubt in one line.
func (d Doubt) Line() string {
	s := d.What + ": " + d.Cost
	if d.Remedy != "" {
		s += "; " + d.Remedy
	}
	return s
}
