package say

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay"
)

// unselected says why a wakeup selected no CPU.
var unselected = map[place.Reason]string{
	place.ReasonCurrent:           "the task woke itself",
	place.ReasonOnRq:              "it was still queued",
	place.ReasonOnCPUQueue:        "it was still switching out, and is queued on that CPU",
	place.ReasonDelayed:           "it slept but was still queued (delayed dequeue)",
	place.ReasonOneCPU:            "its affinity is one CPU",
	place.ReasonMigrationDisabled: "it is inside migrate_disable()",
}

// Field is a line of facts under a name.
type Field struct{ Name, Text string }

// DecisionFacts says who was woken by whom, and what is known of it.
func DecisionFacts(d *findings.Decision) []Field {
	w := d.Wakeup
	prev := "; which CPU it was on is not known"
	if w.PrevCPU >= 0 {
		prev = ", last on " + decisionCPU(d, w.PrevCPU)
	}
	recorded := "which CPU it came to is not in the capture"
	if w.RecordedCPU >= 0 {
		recorded = fmt.Sprintf("%s (%s)", decisionCPU(d, w.RecordedCPU), w.RecordedFrom)
	}
	affinity := "neither in the bundle nor given with --affinity: taken by rule of thumb"
	if aff, ok := d.Affinity.Get(); ok {
		affinity = fmt.Sprintf("%s (%s: %s)", aff, d.Affinity.From, Source(d.Affinity.Source))
	}
	return []Field{
		{"woken", TaskName(w.Task) + priority(w.Task.Prio) + prev},
		{"by", waker(d)},
		{"recorded", recorded},
		{"affinity", affinity},
	}
}

// Source names where a fact is from.
func Source(s string) string { return cmp.Or(Clean(s), "as the capture says") }

// decisionCPU names a CPU, and that it is isolated.
func decisionCPU(d *findings.Decision, cpu int) string {
	s := fmt.Sprintf("CPU %d", cpu)
	if iso, ok := d.Result.Isolated.Get(); ok && iso.Test(cpu) {
		s += ", isolated"
	}
	return s
}

func priority(prio int32) string {
	switch {
	case prio == parser.NoPrio:
		return ""
	case prio < 0:
		return ", deadline"
	case prio < place.MaxRTPrio:
		return fmt.Sprintf(", real-time priority %d", place.MaxRTPrio-1-prio)
	}
	return fmt.Sprintf(", nice %d", prio-120)
}

// waker tells who did the waking. A task that was only interrupted is not blamed.
func waker(d *findings.Decision) string {
	w := d.Wakeup
	on := ""
	if w.WakerCPU >= 0 {
		on = " on " + decisionCPU(d, w.WakerCPU)
	}
	switch w.WakerContext {
	case replay.WakerTask:
		return TaskName(w.Waker) + on
	case replay.WakerSoftirq, replay.WakerHardirq:
		irq := "a softirq"
		if w.WakerContext == replay.WakerHardirq {
			irq = "a hardware interrupt"
		}
		switch {
		case w.Waker.PID > 0:
			return fmt.Sprintf("%s%s, over %s, which only happened to run there", irq, on, TaskName(w.Waker))
		case w.Waker.PID == 0:
			return irq + on + ", which was idle"
		}
		return irq + on
	case replay.WakerIdle:
		return "an interrupt" + on + ", which was idle"
	}
	if w.Waker.PID > 0 {
		return fmt.Sprintf("something%s, where %s was current: whether that task or an interrupt over it did the waking is not recorded", on, TaskName(w.Waker))
	}
	return "something" + on + " that is not recorded"
}

// DecisionPlaced tells where one kernel puts the task.
func DecisionPlaced(d *findings.Decision, of findings.Side) string {
	k, p := d.Kernel(of)
	var what string
	switch {
	case p.Path == place.PathNoSelection:
		what = fmt.Sprintf("no selection: %s; it stays on CPU %s", unselected[p.Reason], CPUText(p.CPU))
	case p.CPU < 0 && p.Path == place.PathNotModelled:
		what = "not modelled: CPUs of different capacity"
	case p.CPU < 0:
		what = "cannot be told"
	default:
		what = fmt.Sprintf("%s, by %s", decisionCPU(d, p.CPU), p.Path)
	}
	switch {
	case !p.Bounded && p.CPU >= 0:
		what += "; any other CPU is possible too"
	case p.Bounded && !p.Certain():
		if what += "; possible: " + p.May().String(); p.Widened {
			what += " (not every combination of what is open was tried)"
		}
	case p.Certain() && p.Path != place.PathNoSelection:
		what += ", no other is possible"
	}
	if p.CPU >= 0 && p.From <= fact.Estimated {
		what += fmt.Sprintf(" (leans on %s facts)", p.From)
	}
	if p.Prev >= 0 && p.Prev != d.Wakeup.PrevCPU {
		what += fmt.Sprintf("; there the task was on CPU %d before", p.Prev)
	}
	return fmt.Sprintf("%s %s: %s", of, k.Name, what)
}

// NoSteps says why no test is told, "" if some are.
func NoSteps(d *findings.Decision) string {
	switch {
	case !d.Told && len(d.Result.Host.CPU) > 0:
		return "No step can be told: a CPU of this wakeup is not known to the model."
	case !d.Told:
		return "No step can be told: the topology of the machine is not known. Give a host bundle with --host."
	case len(d.Steps) == 0:
		return "No test of this path needs to be told."
	}
	return ""
}

// StepLine is a test of a decision of some time, or several alike, with its answer and where
// that comes from.
func StepLine(alike []findings.SideStep, at int64) string {
	s := &alike[0].Step
	text := Test(s) + ": " + Answer(s)
	if who := Occupant(&alike[0].Occupant, at); who != "" {
		text += ", " + who
	}
	if len(alike) > 1 {
		cpus := Each(alike, func(s findings.SideStep) string {
			text := strconv.Itoa(s.CPU)
			if o := &s.Occupant; o.How != replay.OccupiesUnknown {
				text += " (" + CommName(o.Task) + ", " + o.How.String() + ")"
			}
			return text
		})
		text = "available_idle_cpu of " + strings.Join(cpus, ", ") + ", in this order: " + Answer(s)
	}
	if from := Provenance(s); from != "" {
		text += " [" + from + "]"
	}
	return text
}

// Sight says what a kernel saw of a CPU.
func Sight(s findings.Sight) string {
	return [...]string{"busy", "idle", "SCHED_IDLE tasks only", "outside the domain: passed over"}[s]
}

// Candidates lists CPUs in the order in which they were looked at, neighbours alike
// together.
func Candidates(list []findings.Candidate) string {
	var parts []string
	for i := 0; i < len(list); {
		c := list[i]
		var cpus []string
		for ; i < len(list) && list[i].Seen == c.Seen && list[i].Open == c.Open; i++ {
			cpus = append(cpus, strconv.Itoa(list[i].CPU))
		}
		part := strings.Join(cpus, ", ") + " " + Sight(c.Seen)
		if c.Open {
			part += " (perhaps)"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// DecisionVerdict says what follows from the steps of both kernels.
func DecisionVerdict(d *findings.Decision) []string {
	w := d.Wakeup
	var out []string
	if w.DivergedSince > 0 {
		out = append(out, fmt.Sprintf("In the patched kernel's world the task is elsewhere since wakeup %d: this is that wakeup's consequence.", w.DivergedSince))
	}
	if p := d.PartsAt(); p >= 0 {
		out = append(out, fmt.Sprintf("The kernels part in %s.", d.Steps[p].Func))
	} else if len(d.Steps) > 0 {
		out = append(out, "The kernels do not part: every test and every answer is the same.")
	}
	if d.Told && !d.Result.Isolated.Known() {
		out = append(out, "Which CPUs are isolated is not known: all are taken to be inside the sched domains. Name the isolated ones with --isolated.")
	}
	switch {
	case w.Original.CPU < 0 || w.Patched.CPU < 0:
	case w.Moved == replay.MovedCertain && !w.ModelMiss && w.RecordedCPU >= 0:
		out = append(out, fmt.Sprintf("Whatever made the original choose CPU %d, the patched kernel puts the task elsewhere.", w.RecordedCPU))
	case w.Moved == replay.MovedCertain:
		out = append(out, "Whatever is not known, the patched kernel puts the task elsewhere.")
	case w.Moved == replay.MovedPossible && w.Original.CPU != w.Patched.CPU:
		out = append(out, "The patched kernel most likely puts the task elsewhere; what is not known decides.")
	case w.Moved == replay.MovedPossible:
		out = append(out, "The patched kernel may put the task elsewhere; what is not known decides.")
	default:
		out = append(out, "Both kernels put the task on the same CPU.")
	}
	switch {
	case w.ModelMiss:
		out = append(out, fmt.Sprintf("The model of %s cannot lead to CPU %d, which was recorded: it lacks a fact, or the kernel is another one (schedreplay kernels --explain tells).", d.Result.BaselineKernel().Name, w.RecordedCPU))
	case d.Told && w.RecordedCPU >= 0 && w.Original.CPU >= 0 && w.Original.CPU != w.RecordedCPU && w.Selection:
		out = append(out, fmt.Sprintf("The likeliest answers lead to CPU %d; the tests above are answered so that they lead to CPU %d, which was recorded.", w.Original.CPU, w.RecordedCPU))
	}
	return out
}
