package say

import (
	"fmt"
	"slices"
	"strings"

	"schedreplay/findings"
	"schedreplay/loop"
	"schedreplay/replay"
)

// Remedy is a remedy in words.
type Remedy struct {
	Title, Figures string
	// Now is to be pasted, Lasting makes it last; Warnings are what it costs, and when it
	// does not help.
	Now, Lasting, Warnings []string
}

// RemedyOf puts a remedy into words.
func RemedyOf(a *findings.Advice, m *findings.Remedy) Remedy {
	r := Remedy{Title: RemedyTitle(m), Figures: HarmFigures(&m.Harm), Warnings: remedyWarnings(a, m)}
	if !m.Tried() {
		r.Figures = "not tried, as this kernel is built without CONFIG_NO_HZ_FULL; in the recording ticks took " + Duration(m.TookNS) + " of the owner's time"
	}
	r.Now, r.Lasting = remedyCommands(a, m)
	return r
}

// GroupTitle is the heading of a group of remedies.
func GroupTitle(g *findings.Group) string {
	if g.Reboot {
		return "with the next boot"
	}
	return "without a boot"
}

// RemedyTitle names a remedy in a line.
func RemedyTitle(m *findings.Remedy) string {
	switch m.Kind {
	case findings.RemedyTaskset:
		return "Take the isolated CPUs from " + tasks(m.Tasks)
	case findings.RemedyWorkqueue:
		return "Take the isolated CPUs from unbound workqueues: " + tasks(m.Tasks)
	case findings.RemedyIRQ:
		return "Send device interrupts to other CPUs: " + JoinUpTo(Each(m.Interrupts, Code), 4, "handler")
	case findings.RemedyNohz:
		return "Stop the tick of " + CPUNoun(m.CPUs) + " while one task runs there (nohz_full)"
	case findings.RemedyKSM:
		return "Stop kernel samepage merging"
	case findings.RemedyLimit:
		return fmt.Sprintf("Lift the CPU limit of control group %s, %s in each %s", Code(m.Group), Duration(m.Limit.Quota.Value), Duration(m.Limit.Period.Value))
	case findings.RemedyRT:
		return "Make " + tasks(m.Tasks) + " a real-time task"
	case findings.RemedyPartition:
		return "Isolate the sibling threads too, by a cpuset partition: " + CPUNoun(m.CPUs)
	case findings.RemedyFix:
		return "A kernel with the fix (8aeaffef8c6e, before 6.1 df3cb4ea1fb6)"
	}
	return "Isolate whole cores: CPUs " + m.CPUs.String()
}

func tasks(list []replay.TaskRef) string { return JoinUpTo(Each(list, TaskName), 4, "task") }

// mostHandlers bounds the commands for interrupts.
const mostHandlers = 4

// remedyCommands are what to paste, and what makes it last.
func remedyCommands(a *findings.Advice, m *findings.Remedy) (now, lasting []string) {
	switch m.Kind {
	case findings.RemedyTaskset:
		user := false
		for i, t := range m.Tasks {
			now = append(now, fmt.Sprintf("taskset -pc %s %d", m.Masks[i], t.PID))
			if name := findings.Name(t); name != "" {
				lasting = append(lasting, fmt.Sprintf("at every boot: taskset -pc %s $(pgrep -x %s)", m.Masks[i], name))
			} else {
				user = true
			}
		}
		if len(lasting) > 0 {
			lasting = append(lasting, "tuned: isolated_cores= in the profile's variables moves kernel threads at start")
		}
		if user {
			lasting = append(lasting, "CPUAffinity= in the systemd units of those that are no kernel threads")
		}
	case findings.RemedyWorkqueue:
		now = []string{"echo " + m.CPUs.Hex() + " > /sys/devices/virtual/workqueue/cpumask"}
		lasting = []string{"w /sys/devices/virtual/workqueue/cpumask - - - - " + m.CPUs.Hex() + " in /etc/tmpfiles.d/workqueue.conf"}
	case findings.RemedyIRQ:
		for _, name := range m.Interrupts[:min(len(m.Interrupts), mostHandlers)] {
			now = append(now, fmt.Sprintf("for i in $(grep -wF -- %s /proc/interrupts | cut -d: -f1); do echo %s > /proc/irq/$i/smp_affinity_list; done", ShellWord(name), m.CPUs))
		}
		lasting = []string{
			"irqaffinity=" + m.CPUs.String() + " on the kernel command line, for interrupts that nothing else places",
			"where irqbalance runs, which moves them back: IRQBALANCE_BANNED_CPULIST=" + a.Isolated().String() + " in /etc/sysconfig/irqbalance or /etc/default/irqbalance",
		}
	case findings.RemedyNohz:
		lasting = []string{fmt.Sprintf("nohz_full=%s rcu_nocbs=%s on the kernel command line", m.CPUs, m.CPUs)}
	case findings.RemedyKSM:
		now = []string{"echo 0 > /sys/kernel/mm/ksm/run"}
		lasting = []string{"w /sys/kernel/mm/ksm/run - - - - 0 in /etc/tmpfiles.d/ksm.conf", "where ksmtuned runs, which writes 1 again: systemctl disable --now ksmtuned"}
	case findings.RemedyLimit:
		now, lasting = limitCommands(m)
	case findings.RemedyRT:
		for _, t := range m.Tasks {
			now = append(now, fmt.Sprintf("chrt -f -p 1 %d", t.PID))
		}
		lasting = []string{"CPUSchedulingPolicy=fifo and CPUSchedulingPriority=1 in the owner's systemd unit"}
	case findings.RemedyPartition:
		now = []string{
			"echo +cpuset > /sys/fs/cgroup/cgroup.subtree_control",
			"mkdir /sys/fs/cgroup/siblings",
			fmt.Sprintf("echo %s > /sys/fs/cgroup/siblings/cpuset.cpus", m.CPUs),
			"echo isolated > /sys/fs/cgroup/siblings/cpuset.cpus.partition",
			"cat /sys/fs/cgroup/siblings/cpuset.cpus.partition",
		}
		lasting = []string{"the same from a systemd unit at boot, or isolcpus= with the siblings"}
	case findings.RemedyFix:
		lasting = []string{"boot a kernel that carries it: see " + Code("schedreplay sweep") + " for the first release of each line", "or a live patch (kpatch) of select_idle_smt: one test"}
	case findings.RemedyCores:
		lasting = []string{a.Isolcpus(m.CPUs) + " on the kernel command line, in place of the present list"}
	}
	return now, lasting
}

// limitCommands lift a limit where it was read, and where it comes from.
func limitCommands(m *findings.Remedy) (now, lasting []string) {
	file, none := m.Limit.Quota.Source, "max"
	if strings.HasSuffix(file, "_us") { // cgroup v1
		none = "-1"
	}
	now = []string{"echo " + none + " > " + ShellWord(file)}
	unit := m.Group[strings.LastIndexByte(m.Group, '/')+1:]
	if strings.HasSuffix(unit, ".service") || strings.HasSuffix(unit, ".slice") || strings.HasSuffix(unit, ".scope") {
		return now, []string{"systemctl set-property " + ShellWord(unit) + " CPUQuota="}
	}
	return now, []string{"where the group is made: no cpu under limits of the pod's containers, no --cpus or --cpu-quota of the container, CPUQuota= empty in the systemd unit"}
}

// remedyWarnings are what a remedy costs, and when it does not help.
func remedyWarnings(a *findings.Advice, m *findings.Remedy) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	recent := func(of string) {
		switch {
		case a.RecentUsed:
			say("An entry came by recent_used_cpu: %s does not stop that one.", of)
		case a.RecentPossible:
			say("An entry by recent_used_cpu remains possible: a task that ran on the isolated CPU before may still go there.")
		}
	}
	residents := func() {
		if len(a.Residents) > 0 && m.Held.Hi > 0 {
			say("%s was there when the recording began, and so is in every run: this keeps tasks from entering and moves none away.", tasks(a.Residents))
		}
	}
	switch m.Kind {
	case findings.RemedyTaskset:
		say("It holds for these tasks alone, until they end or the machine boots; another task can enter the same way.")
		if a.Balanced() {
			say("The load balancer brings tasks here: the CPU is not isolated, and others will come for those that are moved. Look for what gave it a sched domain first.")
		}
		if a.RecentPossible {
			say("For another task an entry by recent_used_cpu remains possible too, where it ran on the isolated CPU before.")
		}
		for _, s := range unmovable(a) {
			say("%s", Sentence(s))
		}
		if slices.ContainsFunc(m.Tasks, func(t replay.TaskRef) bool { return findings.Name(t) == "" }) && !a.KeepsAffinity() {
			say("Up to 6.1 a change of a task's cpuset undoes it.")
		}
	case findings.RemedyWorkqueue:
		say("Work that was queued to that very CPU, by bound workqueues, still runs there. A workqueue with a cpumask of its own below /sys/devices/virtual/workqueue keeps what that has in common with this one.")
	case findings.RemedyIRQ:
		say("The other CPUs take them. An interrupt that the kernel manages, as a queue of nvme, refuses the write: from 5.6 on isolcpus=managed_irq,domain,%s keeps those away.", a.Isolated())
	case findings.RemedyNohz:
		say("It takes a kernel with CONFIG_NO_HZ_FULL. Every entry to the kernel on these CPUs costs more; the tick comes back while a second task is runnable there. CPU 0, or another, has to keep the time for them.")
	case findings.RemedyKSM:
		say("Pages are merged no more; memory that was saved comes back as it is written.")
	case findings.RemedyLimit:
		say("The limit has stopped the group's tasks %s since it was made. Without it they may take all of the CPUs that they may run on from others there.", Times(m.Limit.Throttled.Value))
		if a.ExpiresQuota() {
			say("From 5.4 on limits stop fewer tasks that keep them: before, what a CPU had taken of the quota was lost with each period.")
		}
	case findings.RemedyRT:
		out = append(out, realTime(a, m)...)
	case findings.RemedyFix:
		recent("the fix")
		residents()
	case findings.RemedyPartition:
		say("The siblings are lost to everything else; kernel threads without a cpuset may still run there.")
		say("It takes cgroup v2; the last command has to print isolated, or another group holds these CPUs.")
		recent("isolating the sibling")
		residents()
	case findings.RemedyCores:
		say("The siblings are lost to everything else.")
		recent("isolating the sibling")
		residents()
	}
	return out
}

// realTime tells what a real-time owner costs.
func realTime(a *findings.Advice, m *findings.Remedy) []string {
	out := []string{"The intruder comes as before and waits for the owner to sleep. Within the kernel it gives up its CPU where that looks for it, unless the kernel is fully preemptible."}
	if m.Starves {
		out[0] = "Do not: the owner never sleeps, and nothing would take the CPU from it. The intruder and the CPU's own kernel threads (ksoftirqd, kworkers, RCU) would wait for good, and the machine hangs on them."
	}
	switch a.RTLimit {
	case findings.RTBorrows:
		out = append(out, "Kernel threads of that CPU wait too, without limit: up to 5.9 CPUs borrow each other's real-time runtime, and a busy owner is never throttled.")
	case findings.RTUnlimited:
		out = append(out, "Kernel threads of that CPU wait too, without limit: sched_rt_runtime_us is -1.")
	case findings.RTThrottled:
		out = append(out, "Kernel threads of that CPU wait too, but for what throttling (sched_rt_runtime_us) takes from an owner that is busy throughout: by default 50 ms of each second, all at once.")
	case findings.RTServer:
		out = append(out, "Kernel threads of that CPU wait too, but for the 50 ms of each second that the fair server gives those who wait, all at once.")
	}
	return out
}

// HarmFigures tells in a line what a scenario comes to.
func HarmFigures(h *findings.Harm) string {
	var s []string
	if h.Held.Hi == 0 {
		s = append(s, "no foreign task runs there")
	} else {
		held := "held for " + Duration(h.Held.Mid)
		if hi := Duration(h.Held.Hi); hi != Duration(h.Held.Lo) {
			held += " in the middle of the runs, " + hi + " in 95 of 100"
		}
		s = append(s, held, Counted(h.Entries.Mid, "entry", "entries"))
	}
	if h.P99.Known {
		s = append(s, "the owner's p99 "+Duration(h.P99.Mid))
	}
	if h.Gap.Known {
		who := "which never sleeps"
		if h.Limited {
			who = "which has a CPU limit"
		}
		gap := "the owner, " + who + ", is off its CPU for " + Duration(h.Gap.Mid) + " in all"
		if h.GapMax.Known {
			gap += ", " + Duration(h.GapMax.Mid) + " at the longest"
		}
		s = append(s, gap)
	}
	if h.Taken.Known {
		s = append(s, "interrupts take "+Duration(h.Taken.Mid)+" of the owner's time")
	}
	if len(h.Worse) > 0 {
		s = append(s, Counted(int64(len(h.Worse)), "task")+" surely worse off")
	}
	return strings.Join(s, "; ")
}

// NoiseUntold says of which noise an advice cannot tell, "" if of none.
func NoiseUntold(a *findings.Advice) string {
	interrupts, ticks := a.NoiseKnown()
	var words []string
	if !interrupts {
		words = append(words, "device interrupts")
	}
	if !ticks {
		words = append(words, "ticks")
	}
	if words == nil {
		return ""
	}
	return fmt.Sprintf("What %s took of the owners' time is not known, as they are not recorded: whether to move interrupts or to stop ticks takes %s.", Join(words), Code("schedreplay record --noise"))
}

// AsItIs tells what the recorded kernel does in the loop.
func AsItIs(a *findings.Advice) string {
	return "As it is, in the loop: " + HarmFigures(&a.Baseline) + "."
}

// Understated says that the recorded kernel's runs show too little to hold a remedy against,
// "" if they do not.
func Understated(a *findings.Advice) string {
	if !a.Understated() {
		return ""
	}
	return fmt.Sprintf("The recording has more: %s. Most runs hardly show the intrusion, so what a remedy gains is understated, and its rank is a guess.", HarmFigures(&a.Recorded))
}

// WorseOff names the tasks that a remedy makes surely worse off, "" if there are none.
func WorseOff(r *loop.Result, h *findings.Harm) string {
	if len(h.Worse) == 0 {
		return ""
	}
	return "Surely worse off: " + JoinUpTo(Each(h.Worse, func(i int) string {
		return TaskName(replay.TaskRef{PID: r.Program.Tasks[i].PID, Comm: r.Program.Tasks[i].Comm})
	}), 6, "task") + "."
}
