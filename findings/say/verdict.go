package say

import (
	"fmt"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Paragraph is one paragraph of the verdict.
type Paragraph struct {
	// Label says what it is about, in a word or two.
	Label string
	Text  string
}

// The labels of findings, in the order of the report.
const (
	labelWhat     = "What happened"
	labelCost     = "What it cost"
	labelHow      = "How it came in"
	labelWhy      = "Why"
	labelFix      = "With the fix"
	labelResident = "Already there"
	labelElse     = "Elsewhere"
	labelSure     = "How sure"
)

// Verdict says in sentences what a result amounts to. It is a function of the
// result alone; cpus are its summaries, the one held longest first.
func Verdict(f *findings.Findings) []Paragraph {
	res, cpus := f.Result, f.CPUs
	var out []Paragraph
	add := func(label string, sentences ...string) {
		var s []string
		for _, t := range sentences {
			if t != "" {
				s = append(s, Sentence(t))
			}
		}
		if len(s) > 0 {
			out = append(out, Paragraph{label, strings.Join(s, " ")})
		}
	}
	iso, known := res.Isolated.Get()
	held := f.Visited()
	switch {
	case !known:
		add(labelWhat, "which CPUs are isolated is not known: neither the capture nor a description of the host says so. "+
			"Name them with --isolated CPULIST, or give a host bundle with --host, to learn who intruded on them")
	case iso.Empty():
		add(labelWhat, fmt.Sprintf("no CPU of this host is isolated (%s), so there is nothing to intrude on", SourceOf(res.Isolated)))
	case len(cpus) == 0:
		add(labelWhat, fmt.Sprintf("none of the CPUs looked at is isolated; isolated: %s", CPUNoun(iso)))
	case len(held) == 0:
		add(labelWhat, nobody(res, cpus))
	default:
		c := held[0]
		if len(cpus) > 1 {
			add(labelWhat, several(res, cpus, held), WhatHeld(c))
		} else {
			add(labelWhat, WhatHeld(c))
		}
		About(f, c, add)
	}
	if len(held) == 0 {
		for _, c := range cpus[:min(len(cpus), 1)] {
			add(labelCost, costWords(c))
		}
	}
	label := labelElse
	if len(cpus) == 0 {
		label = labelFix
	}
	add(label, elsewhere(f))
	add(labelSure, FidelityWords(res))
	return out
}

// About adds what there is to say of one CPU beyond what held it.
func About(f *findings.Findings, c *findings.CPU, add func(string, ...string)) {
	res := f.Result
	add(labelCost, costWords(c))
	if m := c.Came.Main; m != nil {
		add(labelHow, entryWords(c, m), consequence(m))
		if m.Entry != nil {
			add(labelWhy, whyWords(f, m.Entry))
		}
		add(labelFix, fixWords(f, c)...)
	}
	add(labelResident, residentWords(res, c))
}

// SourceOf names where a fact is from: "by isolcpus= of /proc/cmdline".
func SourceOf[T any](f fact.Fact[T]) string {
	if f.Source == "" {
		return f.From.String()
	}
	return "by " + Clean(f.Source)
}

// nobody says that no foreign task ran on the CPUs, and how well that is known.
func nobody(res *replay.Result, cpus []*findings.CPU) string {
	var m cpumask.Mask
	var unknown int64
	for _, c := range cpus {
		m.Set(c.CPU)
		unknown += c.UnknownNS
	}
	s := fmt.Sprintf("no foreign task ran on isolated %s in the %s recorded", CPUNoun(m), Duration(res.End-res.Start))
	if unknown > 0 {
		s += fmt.Sprintf(", as far as the recording shows: it does not tell who ran there for %s", Duration(unknown))
	}
	return s
}

// several introduces the CPU that the rest is about.
func several(res *replay.Result, cpus, held []*findings.CPU) string {
	var ns int64
	for _, c := range held {
		ns += c.All.NS
	}
	s := fmt.Sprintf("foreign tasks ran on %d of the %d isolated CPUs looked at, for %s in all", len(held), len(cpus), Duration(ns))
	if len(held) > 1 {
		s += fmt.Sprintf("; what follows is about CPU %d, the others are told of further down", held[0].CPU)
	}
	return s
}

// WhatHeld says who held the CPU and how long.
func WhatHeld(c *findings.CPU) string {
	h := &c.Came
	if h.Stays() == 0 {
		return fmt.Sprintf("no foreign task came to CPU %d in the %s recorded, but %s", c.CPU, Duration(c.WindowNS), residentHeld(c))
	}
	belongs := ""
	if c.Owner != nil {
		belongs = fmt.Sprintf(", where %s belongs,", TaskName(*c.Owner))
	}
	var names []string
	var list []string
	for _, t := range c.Tasks {
		if t.Stays() == t.Residents {
			continue
		}
		names = append(names, TaskName(t.Task))
		ns, runs := t.NS, t.Runs
		list = append(list, fmt.Sprintf("%s %s in %s", TaskName(t.Task), Duration(ns), Counted(runs, "run")))
	}
	if h.Runs == 0 {
		return fmt.Sprintf("%s came to CPU %d%s but the recording shows no run of %s there",
			JoinUpTo(names, 3, "task"), c.CPU, strings.TrimSuffix(belongs, ",")+mark(belongs), map[bool]string{true: "it", false: "them"}[len(names) == 1])
	}
	s := fmt.Sprintf("CPU %d%s was held %s%s (%s of the %s recorded) in %s by ", c.CPU, belongs, AtLeast(h.CutRuns > 0), Duration(h.NS),
		Percent(h.NS, c.WindowNS), Duration(c.WindowNS), Counted(h.Runs, "run"))
	if len(names) == 1 {
		s += names[0]
	} else {
		s += fmt.Sprintf("%d foreign tasks: %s", len(names), JoinUpTo(list, 3, "task"))
	}
	if h.CutRuns > 0 {
		s += fmt.Sprintf(" (%s cut by the window’s edge or a gap)", Counted(h.CutRuns, "run is", "runs are"))
	}
	return s
}

// mark closes an inserted clause.
func mark(clause string) string {
	if clause == "" {
		return ""
	}
	return ","
}

// costWords says what the owner suffered.
func costWords(c *findings.CPU) string {
	free, intruded := c.Delays()
	if c.Owner == nil {
		if c.All.Stays() == 0 {
			return ""
		}
		return fmt.Sprintf("whom it delayed is not known: no task that belongs to CPU %d was seen; name it with --owner", c.CPU)
	}
	switch {
	case free+intruded == 0:
		return fmt.Sprintf("the recording shows no waking of %s, so its sch delay is not known", TaskName(*c.Owner))
	case intruded == 0 && c.All.Stays() == 0:
		return fmt.Sprintf("%s waited at most %s to run on CPU %d, in %s", TaskName(*c.Owner), Duration(c.Worst()), c.CPU, Counted(free, "waking"))
	case intruded == 0:
		return fmt.Sprintf("none of the %s of %s fell into an intruder’s run; it waited at most %s", Counted(free, "waking"), TaskName(*c.Owner), Duration(c.Worst()))
	}
	s := fmt.Sprintf("%s of the %s of %s met an intruder on the core and waited ", Count(intruded), Counted(free+intruded, "waking"), TaskName(*c.Owner))
	if intruded == 1 {
		s += Duration(c.OwnerDelayIntruded.Max())
	} else {
		s += fmt.Sprintf("%s at the median and up to %s", Duration(c.OwnerDelayIntruded.Percentile(50)), Duration(c.OwnerDelayIntruded.Max()))
	}
	if free > 0 {
		s += fmt.Sprintf("; without one, %s at the median and up to %s", Duration(c.OwnerDelay.Percentile(50)), Duration(c.OwnerDelay.Max()))
	}
	return s
}

// entryWords says when and how the main stay began.
func entryWords(c *findings.CPU, m *replay.Stay) string {
	at := m.Arrived
	if m.Entry != nil {
		at = m.Entry.Time
	}
	s := fmt.Sprintf("%s came in once, at %s", TaskName(m.Task), Clock(at))
	if c.Came.Stays() > 1 {
		s = fmt.Sprintf("%s; the stay that cost most is that of %s from %s on", cameTimes(&c.Came), TaskName(m.Task), Clock(at))
	} else if m.How == replay.CameUnseen {
		s = fmt.Sprintf("%s was first seen there at %s", TaskName(m.Task), Clock(at))
	}
	switch m.How {
	case replay.CameByMigration:
		s += fmt.Sprintf(": it was moved there%s while runnable, by the load balancer, a change of its affinity or the stopper (%s outside a wakeup)", fromCPU(m.FromCPU), Code("sched_migrate_task"))
		return s
	case replay.CameByWakeup:
	default:
		return s + "; how it came, and whether it was there before, the recording does not show"
	}
	e := m.Entry
	if e == nil {
		return s + fmt.Sprintf(", by a wakeup%s", fromCPU(m.FromCPU))
	}
	return s + ": " + WakingWords(e) + ", " + chosenWords(e)
}

// cameTimes counts the stays that began within the capture, and apart those of
// which that is not known.
func cameTimes(h *findings.Held) string {
	n := h.Stays()
	switch {
	case h.Entries.Unseen == n:
		return fmt.Sprintf("foreign tasks were found there %s", Times(n))
	case h.Entries.Unseen > 0:
		return fmt.Sprintf("foreign tasks came in %s and were found there %s more", Times(n-h.Entries.Unseen), Times(h.Entries.Unseen))
	}
	return fmt.Sprintf("foreign tasks came in %s", Times(n))
}

func fromCPU(cpu int) string {
	if cpu < 0 {
		return ""
	}
	return fmt.Sprintf(" from CPU %d", cpu)
}

// WakingWords says who woke the task. A task that an interrupt was over is not
// blamed.
func WakingWords(e *replay.Entry) string {
	on := ""
	if e.WakerCPU >= 0 {
		on = fmt.Sprintf(" on CPU %d", e.WakerCPU)
	}
	verb := "woken"
	switch e.Kind {
	case place.KindWakeupNew:
		verb = "created"
	case place.KindExec:
		return "at its exec" + on
	}
	current := ""
	if e.Waker.PID > 0 {
		current = fmt.Sprintf(" while %s was current there", TaskName(e.Waker))
	} else if e.Waker.PID == 0 {
		current = " while that CPU was idle"
	}
	switch e.WakerContext {
	case replay.WakerTask:
		if e.Waker.PID >= 0 {
			return fmt.Sprintf("%s by %s%s", verb, TaskName(e.Waker), on)
		}
		return verb + " by a task" + on
	case replay.WakerSoftirq, replay.WakerHardirq:
		return fmt.Sprintf("%s in an interrupt (%s)%s%s", verb, e.WakerContext, on, current)
	case replay.WakerIdle:
		if on == "" {
			return verb + " in an interrupt on an idle CPU"
		}
		return fmt.Sprintf("%s in an interrupt%s, which was idle", verb, on)
	}
	if e.Waker.PID > 0 {
		return fmt.Sprintf("%s%s%s (the recording does not tell whether that task or an interrupt over it did it)", verb, on, current)
	}
	return verb + on
}

// chooser names the kernel function that a path ends in.
var chooser = map[place.Path]string{
	place.PathIdleSMT: "select_idle_smt", place.PathIdleCore: "select_idle_core", place.PathIdleCPU: "select_idle_cpu",
	place.PathIdleCapacity: "select_idle_capacity", place.PathTargetIdle: "select_idle_sibling",
	place.PathPrevIdle: "select_idle_sibling", place.PathPerCPUKthread: "select_idle_sibling", place.PathRecentUsed: "select_idle_sibling",
	place.PathNoLLC: "select_idle_sibling", place.PathTarget: "select_idle_sibling", place.PathClusterPrev: "select_idle_sibling",
	place.PathClusterRecent: "select_idle_sibling", place.PathSlow: "find_idlest_cpu", place.PathEAS: "find_energy_efficient_cpu",
	place.PathRT: "select_task_rq_rt", place.PathDeadline: "select_task_rq_dl", place.PathStop: "select_task_rq_stop",
	place.PathFallback: "select_fallback_rq", place.PathCurrentCPU: "select_task_rq_fair",
}

// explained reports whether the model of the original can lead to the CPU that
// was recorded.
func explained(w *replay.Wakeup) bool {
	return !w.ModelMiss && w.RecordedCPU >= 0
}

// chosenWords says which CPU was chosen and by which path.
func chosenWords(e *replay.Entry) string {
	prev := "its " + Code("prev_cpu") + " not known"
	if e.PrevCPU >= 0 {
		prev = fmt.Sprintf("its %s being CPU %d", Code("prev_cpu"), e.PrevCPU)
	}
	if !explained(&e.Wakeup) || e.Path == place.PathUnknown {
		return fmt.Sprintf("%s; the kernel put it on CPU %d", prev, e.RecordedCPU)
	}
	switch f := chooser[e.Path]; {
	case e.Path == place.PathNoSelection:
		return fmt.Sprintf("%s, without a selection (%s)", prev, e.Original.Reason)
	case f != "":
		return fmt.Sprintf("%s; %s chose CPU %d (path %s)", prev, Code(f), e.RecordedCPU, e.Path)
	}
	return fmt.Sprintf("%s; the kernel put it on CPU %d (path %s)", prev, e.RecordedCPU, e.Path)
}

// consequence says what became of the task once it was there.
func consequence(m *replay.Stay) string {
	if m.Wakings == 0 {
		return ""
	}
	s := fmt.Sprintf("From then on CPU %d was its %s: ", m.CPU, Code("prev_cpu"))
	if m.SelectionsUnknown > 0 {
		return s + fmt.Sprintf("it was woken there %s more", Times(m.Wakings))
	}
	if m.Selections == 0 {
		return s + fmt.Sprintf("it was woken there %s more, each time without a selection", Times(m.Wakings))
	}
	s += fmt.Sprintf("it was woken there %s more", Times(m.Wakings))
	switch {
	case m.Selections == m.Wakings && m.StayedPut == m.Selections:
		if m.Wakings == 1 {
			return s + ", and the kernel chose the same CPU again"
		}
		return s + ", and each time the kernel chose the same CPU again"
	case m.StayedPut == m.Selections:
		return s + fmt.Sprintf(", %s of them with a selection, which chose the same CPU every time", Count(m.Selections))
	}
	return s + fmt.Sprintf(", %s of them with a selection, which chose the same CPU %s", Count(m.Selections), Times(m.StayedPut))
}

// affinityWords adds what is known of a task's affinity.
func affinityWords(res *replay.Result, t replay.TaskRef) string {
	if res.Host == nil {
		return ""
	}
	info, ok := res.Host.Task[t.PID]
	if m, known := info.Affinity.Get(); ok && known && (info.Comm == "" || t.Comm == "" || strings.HasPrefix(t.Comm, info.Comm) || strings.HasPrefix(info.Comm, t.Comm)) {
		return " (" + m.String() + ")"
	}
	return ""
}

// whyWords explains the entry from the original kernel's rules.
func whyWords(f *findings.Findings, e *replay.Entry) string {
	res := f.Result
	if res.Original == nil {
		return ""
	}
	k, cpu := Clean(res.Original.Name), e.RecordedCPU
	o := &e.Original
	switch {
	case !o.Bounded && f.TopologyKnown():
		return "the recording does not tell who woke it, and where, so no model of the kernel can say why"
	case !o.Bounded:
		return "the machine’s topology is not known, so no model of the kernel can say why; give a host bundle with --host"
	case e.ModelMiss:
		return fmt.Sprintf("the model of %s does not lead to CPU %d whatever the unknown facts are (it predicts CPU %d, path %s), so this entry is not explained", k, cpu, o.CPU, o.Path)
	case o.CPU != cpu && o.Possible.Test(cpu):
		return fmt.Sprintf("the model of %s holds CPU %d possible but finds CPU %d (path %s) likelier; which facts decide it is in the section below", k, cpu, o.CPU, o.Path)
	case o.CPU != cpu:
		return fmt.Sprintf("the model of %s predicts CPU %d (path %s) instead, so this entry is not explained", k, o.CPU, o.Path)
	}
	aff := fmt.Sprintf("%s’s affinity%s", CommName(e.Task), affinityWords(res, e.Task))
	outside := fmt.Sprintf("isolation takes CPU %d out of every sched domain but not out of %s", cpu, aff)
	switch o.Path {
	case place.PathIdleSMT:
		if !res.Original.Rules.SMTSpan {
			return fmt.Sprintf("%s of %s looks for an idle SMT sibling and tests only the task’s affinity, not %s; %s, and it was idle", Code("select_idle_smt"), k, Code("sched_domain_span(sd)"), outside)
		}
	case place.PathIdleCore:
		if !res.Original.Rules.CoreSpan {
			return fmt.Sprintf("the core scan of %s takes its fallback CPU by the task’s affinity alone, not by %s; %s, and it was idle", k, Code("sched_domain_span(sd)"), outside)
		}
	case place.PathRecentUsed:
		if res.Host != nil && res.Host.IsolatedLater.Value.Test(cpu) {
			break
		}
		return fmt.Sprintf("CPU %d was the task’s %s and idle, and the test asks for a shared LLC and the affinity only: a CPU isolated at boot has %s 0, as the LLC of CPU 0 has", cpu, Code("recent_used_cpu"), Code("sd_llc_id"))
	case place.PathNoLLC, place.PathPrevIdle:
		if e.PrevCPU == cpu {
			return fmt.Sprintf("CPU %d was its %s already: a task on a CPU without sched domain stays there", cpu, Code("prev_cpu"))
		}
	case place.PathRT, place.PathDeadline:
		return fmt.Sprintf("the %s class selects by priority and affinity, and %s contains CPU %d; select_idle_smt has no part in it", map[place.Path]string{place.PathRT: "real-time", place.PathDeadline: "deadline"}[o.Path], aff, cpu)
	case place.PathFallback:
		return fmt.Sprintf("no CPU selected was usable for the task, and %s took CPU %d", Code("select_fallback_rq"), cpu)
	case place.PathNoSelection:
		return fmt.Sprintf("nothing selected it: the task was put back where it was (%s)", o.Reason)
	}
	if o.Path == place.PathTargetIdle {
		return fmt.Sprintf("CPU %d was the target of the wakeup and idle: the waker ran there or it was %s", cpu, Code("prev_cpu"))
	}
	return fmt.Sprintf("the model of %s leads there by path %s", k, o.Path)
}

func FixNames(fs []rules.Fix) string {
	var names []string
	for _, f := range fs {
		name := string(f)
		if _, commits := f.Describe(); commits != "" {
			name += " (" + commits + ")"
		}
		names = append(names, name)
	}
	return Join(names)
}

// under introduces the patched kernel.
func under(f *findings.Findings) string {
	res, more, fewer := f.Result, f.Fix.Adds, f.Fix.Drops
	name := Clean(res.Patched.Name)
	switch {
	case len(more) > 0 && len(fewer) == 0:
		return fmt.Sprintf("under %s, which has %s,", name, FixNames(more))
	case len(more)+len(fewer) > 0:
		return fmt.Sprintf("under %s", name)
	}
	return "under " + name
}

// fixWords says what becomes of the stays that began within the capture under
// the patched kernel.
func fixWords(f *findings.Findings, c *findings.CPU) []string {
	res := f.Result
	if res.Patched == nil {
		return nil
	}
	if f.Fix.Same {
		return []string{fmt.Sprintf("the two kernels compared follow the same rules (%s), so nothing changes; name another with --patched", Clean(res.Patched.Name))}
	}
	h := &c.Came
	u := under(f)
	var out []string
	m := h.Main
	switch {
	case h.Unreproduced():
		s := fmt.Sprintf("whether %s would prevent it is not known, since the model does not reproduce the entry as recorded", strings.TrimPrefix(u, "under "))
		if o, p := &m.Entry.Original, &m.Entry.Patched; o.CPU >= 0 && o.CPU == p.CPU {
			s += fmt.Sprintf(": it puts %s on CPU %d under either kernel", CommName(m.Task), o.CPU)
		}
		return []string{s}
	case h.Entries.Unseen == h.Stays():
		s := fmt.Sprintf("whether %s would have kept %s out is not known, since the way in was not recorded", strings.TrimPrefix(u, "under "), pronoun(h))
		if h.Remains.MaxNS >= h.NS {
			s += "; once there, " + noFixMoves(h)
		} else {
			s += fmt.Sprintf("; of the %s at most %s remains", Duration(h.NS), Duration(h.Remains.MaxNS))
		}
		out = append(out, s)
	case h.Wakings == 0 && h.Entries.Wakeup == 0:
		out = append(out, fmt.Sprintf("no wakeup brought %s in, so a kernel that only wakes differently changes nothing the model can show; %s the time held is taken as recorded", pronoun(h), u))
	case h.Remains.MaxNS == 0 && h.Remains.Certain+h.Remains.Possible == 0:
		s := u + " none of it remains: "
		if m.Entry != nil {
			s += insteadWords(m.Entry) + ", and "
		}
		switch {
		case h.Wakings == 1:
			s += "that one wakeup was all"
		case h.Stays() == 1:
			s += fmt.Sprintf("not one of its %s (the entry and %s after it) lands on an isolated CPU", Counted(h.Wakings, "waking"), Count(h.Wakings-1))
		default:
			s += fmt.Sprintf("not one of the %s of the foreign tasks lands on an isolated CPU", Counted(h.Wakings, "waking"))
		}
		out = append(out, s)
	case h.Remains.MinNS >= h.NS && h.NS > 0:
		s := u + " all of it remains"
		if m.Entry != nil && m.Entry.Moved == replay.MovedNo {
			s += ": the entry is decided alike by both kernels"
		}
		out = append(out, s)
	case h.Remains.MinNS == 0 && h.Remains.MaxNS >= h.NS:
		out = append(out, fmt.Sprintf("%s it is not known what remains: anything from none of the %s to all of it", u, Duration(h.NS)), likely(m))
	case h.Remains.MinNS == h.Remains.MaxNS:
		out = append(out, fmt.Sprintf("%s %s of the %s remains", u, Duration(h.Remains.MinNS), Duration(h.NS)))
	default:
		low := "none"
		if h.Remains.MinNS > 0 {
			low = Duration(h.Remains.MinNS)
		}
		out = append(out, fmt.Sprintf("%s between %s and %s of the %s remains; what is not known leaves it open", u, low, Duration(h.Remains.MaxNS), Duration(h.NS)), likely(m))
	}
	switch {
	case res.KernelsFrom == fact.Assumed:
		out = append(out, "This is at most possible: which kernel was recorded is assumed")
	case m.Entry != nil && (m.Entry.Original.From == fact.Assumed || m.Entry.Patched.From == fact.Assumed):
		out = append(out, "This is at most possible: it leans on what is assumed, such as an affinity by rule of thumb")
	}
	if c.StaysDropped > 0 {
		out = append(out, fmt.Sprintf("%s beyond the first %s are not in these sums", Counted(c.StaysDropped, "stay"), Count(replay.MaxStays)))
	}
	return out
}

// likely says where the patched kernel puts the task at the entry, as a
// sentence of its own.
func likely(m *replay.Stay) string {
	if m.Entry == nil || m.Entry.Patched.CPU < 0 {
		return ""
	}
	return insteadWords(m.Entry)
}

// insteadWords says where the patched kernel would have put the task.
func insteadWords(e *replay.Entry) string {
	p := &e.Patched
	if p.CPU < 0 {
		return "the entry does not happen"
	}
	if p.Certain() {
		return fmt.Sprintf("at the entry it puts %s on CPU %d (path %s)", CommName(e.Task), p.CPU, p.Path)
	}
	s := fmt.Sprintf("at the entry it puts %s most likely on CPU %d (path %s)", CommName(e.Task), p.CPU, p.Path)
	if p.Bounded {
		s += fmt.Sprintf(" and surely on one of %s", CPUNoun(p.Possible))
	}
	return s
}

// pronoun stands for the tasks of some stays.
func pronoun(h *findings.Held) string {
	if h.Stays() == 1 {
		return "it"
	}
	return "them"
}

// noFixMoves says why tasks remain on an isolated CPU.
func noFixMoves(h *findings.Held) string {
	return fmt.Sprintf("no fix moves %s: a task whose %s is an isolated CPU has no sched domain there to leave by", pronoun(h), Code("prev_cpu"))
}

// residentHeld says who was on the CPU from the start and for how long.
func residentHeld(c *findings.CPU) string {
	h := &c.Resident
	var names []string
	for _, t := range c.Tasks {
		if t.Residents > 0 {
			names = append(names, TaskName(t.Task))
		}
	}
	were := "was"
	if len(names) > 1 {
		were = "were"
	}
	return fmt.Sprintf("%s %s there when the capture begins and ran %s%s in %s", JoinUpTo(names, 4, "task"), were, AtLeast(h.CutRuns > 0), Duration(h.NS), Counted(h.Runs, "run"))
}

// residentWords tells of the tasks that were there when the capture begins.
func residentWords(res *replay.Result, c *findings.CPU) string {
	h := &c.Resident
	if h.Stays() == 0 {
		return ""
	}
	s := "How they came is outside the capture"
	if h.Stays() == 1 {
		s = "How it came is outside the capture"
	}
	if c.Came.Stays() > 0 {
		s = residentHeld(c) + ". " + s
	}
	switch {
	case res.Patched == nil:
	case h.Remains.MinNS >= h.NS && h.Remains.Possible == 0:
		s += ", and " + noFixMoves(h)
	case h.Remains.MinNS == h.Remains.MaxNS:
		s += fmt.Sprintf("; under %s %s of %s remains", Clean(res.Patched.Name), Duration(h.Remains.MinNS), Duration(h.NS))
	default:
		s += fmt.Sprintf("; under %s between %s and %s of %s remains", Clean(res.Patched.Name), Duration(h.Remains.MinNS), Duration(h.Remains.MaxNS), Duration(h.NS))
	}
	return s
}

// elsewhere says what the patch changes beyond the intruders' wakeups.
func elsewhere(f *findings.Findings) string {
	res := f.Result
	if res.Patched == nil || f.Fix.Same {
		return ""
	}
	if !f.TopologyKnown() {
		return "what the patch changes is not known, since the machine’s topology is not"
	}
	if res.Unplaced > 0 && res.Fidelity.Decisions <= res.Fidelity.Unjudged {
		return "what the patch changes is not known, since the recording does not tell enough of any wakeup"
	}
	e := &f.Elsewhere
	certain, possible, tasks := e.Certain, e.Possible, e.Tasks
	who := "other tasks"
	if e.Any {
		who = "any task"
	}
	if tasks == 0 {
		return fmt.Sprintf("the patch changes no recorded wakeup of %s", who)
	}
	var s string
	switch {
	case certain > 0 && possible > 0:
		s = fmt.Sprintf("the patch changes %s of %s for certain and %s possibly", Counted(certain, "wakeup"), Counted(tasks, "other task"), Count(possible))
	case certain > 0:
		s = fmt.Sprintf("the patch changes %s of %s for certain", Counted(certain, "wakeup"), Counted(tasks, "other task"))
	default:
		s = fmt.Sprintf("the patch may change %s of %s", Counted(possible, "wakeup"), Counted(tasks, "other task"))
	}
	if e.Any {
		s = strings.Replace(s, "other task", "task", 1)
	}
	var parts []string
	if e.Leave > 0 {
		parts = append(parts, Counted(e.Leave, "leaves an isolated CPU", "leave an isolated CPU"))
	}
	if e.Come > 0 {
		parts = append(parts, Counted(e.Come, "comes to one", "come to one"))
	}
	if e.Within > 0 {
		parts = append(parts, Counted(e.Within, "moves between other CPUs", "move between other CPUs"))
	}
	return s + ": " + Join(parts)
}

// FidelityWords says how well the model explains the recording.
func FidelityWords(res *replay.Result) string {
	f := &res.Fidelity
	judged := f.Decisions - f.Unjudged
	if res.Original == nil || judged <= 0 {
		why := "the recording holds no decision that could be judged"
		if f.Unjudged > 0 {
			why = fmt.Sprintf("none of the %s could be judged, since the topology is not known", Counted(f.Decisions, "decision"))
		}
		return "how well the model fits this recording is not known: " + why
	}
	s := fmt.Sprintf("the model of %s gives exactly the recorded CPU in %s of %s and holds it possible in %s, with %.1f CPUs possible on average", Clean(res.Original.Name),
		Percent(f.Exact, judged), Counted(judged, "decision"), Percent(f.Covered, judged), f.PossibleMean())
	if f.Unjudged > 0 {
		s += fmt.Sprintf("; %s more could not be judged", Count(f.Unjudged))
	}
	if res.KernelsFrom == fact.Assumed {
		s += ". The kernel itself is assumed"
	}
	return s
}

// KeyNumber is one of the numbers that matter.
type KeyNumber struct {
	Label, Value, Note string
}

// KeyNumbers are the four numbers of the first page.
func KeyNumbers(f *findings.Findings) []KeyNumber {
	res, cpus := f.Result, f.CPUs
	out := make([]KeyNumber, 0, 4)
	var entries, residents, unseen, ns, window, worst, delays, cut int64
	var worstAt int64 = parser.NoTime
	worstCPU, onWorst := -1, ""
	owners := 0
	for _, c := range cpus {
		entries += c.All.Entries.Total()
		residents += c.All.Residents
		unseen += c.All.Entries.Unseen
		ns += c.All.NS
		cut += c.All.CutRuns
		window = c.WindowNS
		if c.Owner != nil {
			owners++
		}
		free, intruded := c.Delays()
		if delays += free + intruded; free+intruded > 0 && c.Worst() >= worst {
			worst, worstCPU, worstAt = c.Worst(), c.CPU, c.WorstDelayAt
			onWorst = ""
			if intruded > 0 && c.OwnerDelayIntruded.Max() >= worst {
				onWorst = ", behind an intruder"
			}
		}
	}
	where := "isolated CPUs"
	if len(cpus) == 1 {
		where = fmt.Sprintf("CPU %d", cpus[0].CPU)
	}
	if len(cpus) == 0 {
		out = append(out, KeyNumber{"times entered", "not known", "no isolated CPU to look at"}, KeyNumber{"time held", "not known", "no isolated CPU to look at"},
			KeyNumber{"worst delay of the owner", "not known", "no isolated CPU to look at"})
		if iso, ok := res.Isolated.Get(); ok && iso.Empty() {
			for i := range out {
				out[i].Value, out[i].Note = "–", "no CPU is isolated"
			}
		}
	} else {
		note := where
		if residents > 0 {
			note += fmt.Sprintf("; %s there before", Counted(residents, "task was", "tasks were"))
		}
		if unseen > 0 {
			note += fmt.Sprintf("; %s of them found there, the way in not recorded", Count(unseen))
		}
		out = append(out, KeyNumber{"times entered", Count(entries), note})
		note = fmt.Sprintf("%s of %s", Percent(ns, window*int64(len(cpus))), Duration(window))
		if len(cpus) > 1 {
			note = fmt.Sprintf("%s of %s on %d CPUs", Percent(ns, window*int64(len(cpus))), Duration(window), len(cpus))
		}
		out = append(out, KeyNumber{"time held", AtLeast(cut > 0) + Duration(ns), note})
		switch {
		case delays > 0:
			note := fmt.Sprintf("on CPU %d%s", worstCPU, onWorst)
			if worstAt != parser.NoTime && worstAt != 0 {
				note += fmt.Sprintf(", at %s", Clock(worstAt))
			}
			out = append(out, KeyNumber{"worst delay of the owner", Duration(worst), note})
		case owners == 0:
			out = append(out, KeyNumber{"worst delay of the owner", "not known", "the owner is not known"})
		default:
			out = append(out, KeyNumber{"worst delay of the owner", "not known", "no waking of the owner recorded"})
		}
	}
	fid := &res.Fidelity
	if judged := fid.Decisions - fid.Unjudged; judged > 0 {
		out = append(out, KeyNumber{"fidelity of the model", Percent(fid.Exact, judged) + " exact", fmt.Sprintf("%s covered, %.1f CPUs possible on average", Percent(fid.Covered, judged), fid.PossibleMean())})
	} else {
		out = append(out, KeyNumber{"fidelity of the model", "not known", "no decision could be judged"})
	}
	return out
}
