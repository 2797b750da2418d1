package say

import (
	"fmt"
	"strings"

	"schedreplay/findings"
	"schedreplay/replay"
)

// RemedyTitle names a remedy in a line.
func RemedyTitle(m *findings.Remedy) string {
	switch m.Kind {
	case findings.RemedyTaskset:
		return "Take the isolated CPUs from " + tasks(m.Tasks)
	case findings.RemedyKSM:
		return "Stop kernel samepage merging"
	case findings.RemedyRT:
		return "Make " + tasks(m.Tasks) + " a real-time task"
	case findings.RemedyPartition:
		return "Isolate the sibling threads too, by a cpuset partition: CPUs " + m.CPUs.String()
	case findings.RemedyFix:
		return "A kernel with the fix (8aeaffef8c6e, before 6.1 df3cb4ea1fb6)"
	}
	return "Isolate whole cores: CPUs " + m.CPUs.String()
}

func tasks(list []replay.TaskRef) string {
	var out []string
	for _, t := range list {
		out = append(out, TaskName(t))
	}
	return JoinUpTo(out, 4, "task")
}

// RemedyCommands are what to paste, and what makes it last.
func RemedyCommands(m *findings.Remedy) (now, lasting []string) {
	switch m.Kind {
	case findings.RemedyTaskset:
		for _, t := range m.Tasks {
			now = append(now, fmt.Sprintf("taskset -pc %s %d", m.CPUs, t.PID))
			if name := findings.Name(t); name != "" {
				lasting = append(lasting, fmt.Sprintf("at every boot: taskset -pc %s $(pgrep -x %s)", m.CPUs, name))
			}
		}
		lasting = append(lasting, "tuned: isolated_cores= in the profile's variables moves kernel threads at start")
	case findings.RemedyKSM:
		now = []string{"echo 0 > /sys/kernel/mm/ksm/run"}
		lasting = []string{"w /sys/kernel/mm/ksm/run - - - - 0 in /etc/tmpfiles.d/ksm.conf"}
	case findings.RemedyRT:
		for _, t := range m.Tasks {
			now = append(now, fmt.Sprintf("chrt -f -p 1 %d", t.PID))
		}
		lasting = []string{"CPUSchedulingPolicy=fifo and CPUSchedulingPriority=1 in the owner's systemd unit"}
	case findings.RemedyPartition:
		now = []string{
			"mkdir /sys/fs/cgroup/siblings",
			"echo +cpuset > /sys/fs/cgroup/cgroup.subtree_control",
			fmt.Sprintf("echo %s > /sys/fs/cgroup/siblings/cpuset.cpus", m.CPUs),
			"echo isolated > /sys/fs/cgroup/siblings/cpuset.cpus.partition",
		}
		lasting = []string{"the same from a systemd unit at boot, or isolcpus= with the siblings"}
	case findings.RemedyFix:
		lasting = []string{"boot a kernel that carries it: see " + Code("schedreplay sweep") + " for the first release of each line", "or a live patch (kpatch) of select_idle_smt: one test"}
	case findings.RemedyCores:
		lasting = []string{"isolcpus=" + m.CPUs.String() + " on the kernel command line, in place of the present list"}
	}
	return now, lasting
}

// RemedyWarnings are what a remedy costs, and when it does not help.
func RemedyWarnings(a *findings.Advice, m *findings.Remedy) []string {
	var out []string
	recent := func(of string) {
		switch {
		case a.RecentUsed:
			out = append(out, "An entry came by recent_used_cpu: "+of+" does not stop that one.")
		case a.RecentPossible:
			out = append(out, "An entry by recent_used_cpu remains possible: a task that ran on the isolated CPU before and may still go there.")
		}
	}
	switch m.Kind {
	case findings.RemedyTaskset:
		out = append(out, "It holds for these tasks alone, until they end or the machine boots; another task can enter the same way.")
		if len(a.Bound) > 0 {
			out = append(out, "User space may not move "+tasks(a.Bound)+" (PF_NO_SETAFFINITY).")
		}
		recent("a taskset of these tasks")
	case findings.RemedyKSM:
		out = append(out, "Pages are merged no more; memory that was saved comes back as it is written.")
	case findings.RemedyRT:
		out = append(out, "Kernel threads of that CPU wait too: a busy owner starves them, but for the 5 % that RT throttling or, from 6.12 on, the fair server leaves. The intruder stays there and waits.",
			"Up to 5.9 CPUs borrow each other's real-time runtime: a busy owner is never throttled.")
	case findings.RemedyFix:
		recent("the fix")
	case findings.RemedyPartition:
		out = append(out, "The siblings are lost to everything else; kernel threads without a cpuset may still run there.", "cgroup v2 alone has it.")
		recent("isolating the sibling")
	case findings.RemedyCores:
		out = append(out, "The siblings are lost to everything else.")
		recent("isolating the sibling")
	}
	return out
}

// RemedyFigures tells in a line what the remedy comes to.
func RemedyFigures(m *findings.Remedy) string {
	s := fmt.Sprintf("held for %s in the middle of the runs, %s in 95 of 100; %s", Duration(m.Held), Duration(m.HeldHi), Counted(m.Entries, "entry", "entries"))
	if m.P99.Known {
		s += "; the owner's p99 " + Duration(m.P99.Mid)
	}
	if len(m.Worse) > 0 {
		s += "; " + Counted(int64(len(m.Worse)), "task") + " surely worse off"
	}
	return strings.TrimSpace(s)
}
