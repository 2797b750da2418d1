package say

import (
	"fmt"
	"strings"

	"schedreplay/findings"
	"schedreplay/parser"
	"schedreplay/replay"
)

// NoiseKind names a kind of noise.
func NoiseKind(k replay.NoiseKind) string { return k.String() }

// NoiseKinds names a kind of noise in the plural.
func NoiseKinds(k replay.NoiseKind) string { return k.String() + "s" }

// NoiseName names a source of noise.
func NoiseName(n *replay.NoiseItem) string {
	if n.Name == "" {
		return "not named"
	}
	return Code(n.Name)
}

// NoiseEvents names the tracepoints that tell of a kind of noise.
func NoiseEvents(k replay.NoiseKind) string {
	return [replay.NoiseKinds]string{
		"sched:sched_switch", "sched:sched_switch", "irq:irq_handler_entry", "irq:softirq_entry",
		"timer:hrtimer_expire_entry with the names of functions", "irq_vectors:reschedule_entry and call_function_*, or ipi:ipi_entry",
	}[k]
}

// Instigator says who woke a task, raised a softirq or sent an interrupt.
func Instigator(c *replay.Instigator, kind replay.NoiseKind) string {
	verb := "woken"
	if kind == replay.NoiseSoftirq {
		verb = "raised"
	}
	switch c.By {
	case replay.ByFunction:
		return Code(c.Name)
	case replay.BySender:
		return fmt.Sprintf("sent from CPU %d by %s", c.CPU, whoRuns(c))
	case replay.ByTask:
		return verb + " by " + whoRuns(c) + onCPU(c)
	}
	return verb + " in " + interruptWords(c) + onCPU(c)
}

// whoRuns names a task, or the idle task.
func whoRuns(c *replay.Instigator) string {
	if c.PID == 0 {
		return "the idle task"
	}
	return TaskName(replay.TaskRef{PID: c.PID, Comm: c.Name})
}

func onCPU(c *replay.Instigator) string {
	if c.CPU < 0 {
		return ""
	}
	return fmt.Sprintf(" on CPU %d", c.CPU)
}

// interruptWords names an interrupt or softirq.
func interruptWords(c *replay.Instigator) string {
	what, any := "interrupt", "an interrupt"
	if c.By == replay.BySoftirq {
		what, any = "softirq", "a softirq"
	}
	if c.Name == "" {
		return any
	}
	return what + " " + Code(c.Name)
}

// NoiseCauses says what led to a source of noise, the most frequent first.
func NoiseCauses(n *replay.NoiseItem) string {
	if len(n.Causes) == 0 {
		return "not known"
	}
	return JoinUpTo(Each(n.Causes, func(c replay.NoiseCause) string {
		w := Instigator(&c.Cause, n.Kind)
		if n.Count > 1 {
			w += " " + Times(c.Count)
		}
		return w
	}), 2, "cause")
}

// Noise says what a CPU did beside its tasks.
func Noise(c *findings.CPU) []string {
	sum, longest := c.Interruptions()
	var out []string
	s := fmt.Sprintf("Interrupts and softirqs took %s of CPU %d (%s of the time recorded)", Duration(sum.NS), c.CPU, Percent(sum.NS, c.WindowNS-c.UnknownNS))
	if c.Owner != nil {
		s += fmt.Sprintf(", %s of it while %s ran or waited there", Duration(sum.OwnerNS), TaskName(*c.Owner))
	}
	out = append(out, s)
	if longest != nil {
		out = append(out, fmt.Sprintf("The longest was %s %s with %s, which ended at %s", NoiseKind(longest.Kind), NoiseName(longest), Duration(longest.Longest), Clock(longest.LongestAt)))
	}
	if unknown := NoiseUnknown(c); unknown != "" {
		out = append(out, unknown)
	}
	if n := c.Noise.Unpaired; n > 0 {
		out = append(out, fmt.Sprintf("Of %s the beginning or the end is not recorded: their time counts as that of what they interrupted", Counted(n, "interrupt")))
	}
	return out
}

// NoiseUnknown says of which kinds of noise the recording does not tell, empty if of none.
func NoiseUnknown(c *findings.CPU) string {
	var words []string
	for kind, s := range c.NoiseByKind() {
		if !s.Known {
			kind := replay.NoiseKind(kind)
			what := NoiseKinds(kind)
			if kind == replay.NoiseHardirq {
				what += " of devices"
			}
			words = append(words, fmt.Sprintf("%s (%s)", what, NoiseEvents(kind)))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "Not recorded, so not known: " + Join(words)
}

// maxChainWords bounds the wakings told of a chain.
const maxChainWords = 6

// Chain says who woke whom, from a task to the root.
func Chain(w *replay.Wake) string {
	if w == nil {
		return "its waking is not recorded"
	}
	var words []string
	chain := findings.Chain(w)
	for i, l := range chain {
		if i == maxChainWords {
			return strings.Join(words, " ← ") + " ← and so on"
		}
		switch l.By.By {
		case replay.ByTask:
			words = append(words, whoRuns(&l.By)+onCPU(&l.By))
		default:
			words = append(words, interruptWords(&l.By)+onCPU(&l.By))
		}
	}
	last := chain[len(chain)-1]
	switch {
	case last.Cut:
		words = append(words, "and so on")
	case last.By.By == replay.ByTask && last.By.PID > 0:
		words = append(words, "running since before its waking was recorded")
	case last.By.PID == parser.NoPID && last.By.By == replay.ByTask:
		words = append(words, "not recorded")
	}
	return strings.Join(words, " ← ")
}

// Spare says how long CPUs were idle while tasks waited on others.
func Spare(f *findings.Findings) []string {
	s := f.Result.Spare
	switch {
	case s == nil:
		return nil
	case !s.Known:
		return []string{"Whether CPUs were idle while tasks waited is not known: that takes the topology, and switches of all CPUs"}
	case s.Count == 0:
		return []string{"No CPU was idle while a task that it could have run was seen waiting on another"}
	}
	w := &s.Longest[0]
	return []string{
		fmt.Sprintf("For %s (%s of the window) a runnable task waited behind another while a CPU of its domain that it may use was idle: %s, %s in all",
			Duration(s.NS), Percent(s.NS, f.WindowNS()), Counted(s.Count, "wait"), Duration(s.WaitNS)),
		fmt.Sprintf("The longest: %s waited %s on CPU %d from %s on, while CPU %d was idle", TaskName(w.Task), Duration(w.NS()), w.CPU, Clock(w.From), w.First),
		"A CPU that is asked to run a task, or of which the recording does not tell, does not count as idle. On a virtual machine this includes time in which its host ran none of these CPUs",
	}
}
