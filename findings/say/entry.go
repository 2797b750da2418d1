package say

import (
	"fmt"
	"strings"

	"schedreplay/findings"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

// entry says when and how the main stay began.
func entry(c *findings.CPU, m *replay.Stay) []string {
	at := Clock(arrived(m))
	who := TaskName(m.Task)
	if m.Cgroup != "" {
		who += " of control group " + Code(m.Cgroup)
	}
	s := fmt.Sprintf("%s came in once, at %s", who, at)
	switch {
	case c.Came.Stays() > 1:
		s = fmt.Sprintf("%s; the stay that cost most is that of %s from %s on", cameTimes(&c.Came), who, at)
	case m.How == replay.CameUnseen:
		s = fmt.Sprintf("%s was first seen there at %s", who, at)
	}
	switch e := m.Entry; {
	case m.How == replay.CameByMigration:
		return []string{
			fmt.Sprintf("%s, moved%s while runnable, not by a wakeup", s, fromCPU(m.FromCPU)),
			fmt.Sprintf("The load balancer, a change of its affinity or the stopper did it (%s)", Code("sched_migrate_task")),
		}
	case m.How != replay.CameByWakeup:
		return []string{s, "The recording shows neither how it came nor whether it was there before"}
	case e == nil:
		return []string{fmt.Sprintf("%s, by a wakeup%s", s, fromCPU(m.FromCPU))}
	default:
		out := []string{s + ", " + WakingWords(e), chosen(e)}
		if busy := foundBusy(e); busy != "" {
			out = append(out, busy)
		}
		return out
	}
}

// arrived is when a stay began: at the wakeup if one began it.
func arrived(m *replay.Stay) int64 {
	if m.Entry != nil {
		return m.Entry.Time
	}
	return m.Arrived
}

// cameTimes counts the stays that began within the capture, and apart those of
// which that is not known.
func cameTimes(h *findings.Held) string {
	n, unseen := h.Stays(), h.Entries.Unseen
	switch {
	case unseen == n:
		return fmt.Sprintf("foreign tasks were found there %s", Times(n))
	case unseen > 0:
		return fmt.Sprintf("foreign tasks came in %s and were found there %s more", Times(n-unseen), Times(unseen))
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

// explained reports whether the model of the original can lead to the CPU that
// was recorded.
func explained(w *replay.Wakeup) bool {
	return !w.ModelMiss && w.RecordedCPU >= 0
}

// chosen says which CPU was chosen and by which path.
func chosen(e *replay.Entry) string {
	prev := fmt.Sprintf("its %s is not known", Code("prev_cpu"))
	if e.PrevCPU >= 0 {
		prev = fmt.Sprintf("its %s was CPU %d", Code("prev_cpu"), e.PrevCPU)
	}
	if !explained(&e.Wakeup) || e.Path == place.PathUnknown {
		return fmt.Sprintf("%s, and the kernel put it on CPU %d", prev, e.RecordedCPU)
	}
	switch f := place.LastCall(e.Path); {
	case e.Path == place.PathNoSelection:
		return fmt.Sprintf("%s, and there was no selection (%s)", prev, e.Original.Reason)
	case f != "":
		return fmt.Sprintf("%s, and %s chose CPU %d (path %s)", prev, Code(f), e.RecordedCPU, e.Path)
	}
	return fmt.Sprintf("%s, and the kernel put it on CPU %d (path %s)", prev, e.RecordedCPU, e.Path)
}

// maxBusy bounds the CPUs of which a sentence says who kept them busy.
const maxBusy = 4

// foundBusy says who kept the CPUs busy that the kernel looked at before it chose one, "" if
// there were none or it is not known of any.
func foundBusy(e *replay.Entry) string {
	if !explained(&e.Wakeup) {
		return ""
	}
	busy := findings.FoundBusy(e)
	var who []string
	for i := range busy {
		o, cpu := &busy[i].Occupant, busy[i].CPU
		switch {
		case len(who) == maxBusy || o.How == replay.OccupiesUnknown:
			continue
		case o.How == replay.OccupiesRunning:
			who = append(who, fmt.Sprintf("%s ran on CPU %d", CommName(o.Task), cpu))
		case o.How == replay.OccupiesPending:
			who = append(who, fmt.Sprintf("%s was on the wake list of CPU %d", CommName(o.Task), cpu))
		default:
			who = append(who, fmt.Sprintf("%s was queued on CPU %d", CommName(o.Task), cpu))
		}
	}
	switch more := len(busy) - len(who); {
	case len(who) == 0:
		return ""
	case more > 0:
		who = append(who, Counted(int64(more), "other CPU")+map[bool]string{true: " was", false: " were"}[more == 1]+" busy too")
	}
	if len(busy) == 1 {
		return "The CPU that the kernel tried before was busy: " + who[0]
	}
	return "The CPUs that the kernel tried before were busy: " + Join(who)
}

// consequence says what became of the task once it was there.
func consequence(m *replay.Stay) string {
	if m.Wakings == 0 {
		return ""
	}
	s := fmt.Sprintf("From then on CPU %d was its %s: it was woken there %s more", m.CPU, Code("prev_cpu"), Times(m.Wakings))
	switch {
	case m.SelectionsUnknown > 0:
		return s
	case m.Selections == 0:
		return s + ", each time without a selection"
	case m.Selections == m.Wakings && m.StayedPut == m.Selections && m.Wakings == 1:
		return s + ", and the kernel chose the same CPU again"
	case m.Selections == m.Wakings && m.StayedPut == m.Selections:
		return s + ", and each time the kernel chose the same CPU again"
	case m.StayedPut == m.Selections:
		return s + fmt.Sprintf(", %s of them with a selection, which chose the same CPU every time", Count(m.Selections))
	}
	return s + fmt.Sprintf(", %s of them with a selection, which chose the same CPU %s", Count(m.Selections), Times(m.StayedPut))
}

// affinity adds what is known of a task's affinity.
func affinity(res *replay.Result, t replay.TaskRef) string {
	if res.Host == nil {
		return ""
	}
	info, ok := res.Host.Task[t.PID]
	if m, known := info.Affinity.Get(); ok && known && (info.Comm == "" || t.Comm == "" || strings.HasPrefix(t.Comm, info.Comm) || strings.HasPrefix(info.Comm, t.Comm)) {
		return " (" + m.String() + ")"
	}
	return ""
}

// why explains an entry from the rules of the kernel that made the recording.
func why(f *findings.Findings, e *replay.Entry) []string {
	if f.Recorded() == nil {
		return nil
	}
	k, cpu, o := Kernel(f.Recorded()), e.RecordedCPU, e.Made()
	switch {
	case !o.Bounded && f.TopologyKnown():
		return []string{"the recording does not tell who woke it, and where, so no model of the kernel can say why"}
	case !o.Bounded:
		return []string{"the machine’s topology is not known, so no model of the kernel can say why", "Give a host bundle with --host"}
	case e.ModelMiss:
		return []string{
			fmt.Sprintf("the model of %s does not explain this entry", k),
			fmt.Sprintf("It does not lead to CPU %d whatever the unknown facts are; it predicts CPU %d (path %s)", cpu, o.CPU, o.Path),
		}
	case o.CPU != cpu && o.Possible.Test(cpu):
		return []string{
			fmt.Sprintf("the model of %s holds CPU %d possible but finds CPU %d (path %s) likelier", k, cpu, o.CPU, o.Path),
			"The section below shows which facts decide it",
		}
	case o.CPU != cpu:
		return []string{fmt.Sprintf("the model of %s does not explain this entry: it predicts CPU %d (path %s)", k, o.CPU, o.Path)}
	}
	return byPath(f, e, o)
}

// byPath explains an entry that the model predicts.
func byPath(f *findings.Findings, e *replay.Entry, o *replay.Placed) []string {
	k, cpu := f.Recorded(), e.RecordedCPU
	aff := fmt.Sprintf("%s’s affinity%s", CommName(e.Task), affinity(f.Result, e.Task))
	span := Code("sched_domain_span(sd)")
	outside := fmt.Sprintf("Isolation takes CPU %d out of every sched domain but not out of %s, and CPU %d was idle", cpu, aff, cpu)
	switch o.Path {
	case place.PathIdleSMT:
		if !k.Rules.SMTSpan {
			return []string{fmt.Sprintf("%s of %s looks for an idle SMT sibling and tests only the task’s affinity, not %s", Code("select_idle_smt"), Kernel(k), span), outside}
		}
	case place.PathIdleCore:
		if !k.Rules.CoreSpan {
			return []string{fmt.Sprintf("the core scan of %s takes its fallback CPU by the task’s affinity alone, not by %s", Kernel(k), span), outside}
		}
	case place.PathRecentUsed:
		if h := f.Result.Host; h != nil && h.IsolatedLater.Value.Test(cpu) {
			break
		}
		return []string{
			fmt.Sprintf("CPU %d was the task’s %s and idle", cpu, Code("recent_used_cpu")),
			fmt.Sprintf("The test asks for a shared LLC and the affinity only, and a CPU isolated at boot has %s 0, as the LLC of CPU 0 has", Code("sd_llc_id")),
		}
	case place.PathNoLLC, place.PathPrevIdle:
		if e.PrevCPU == cpu {
			return []string{fmt.Sprintf("CPU %d was its %s already: a task on a CPU without sched domain stays there", cpu, Code("prev_cpu"))}
		}
	case place.PathRT, place.PathDeadline:
		class := map[place.Path]string{place.PathRT: "real-time", place.PathDeadline: "deadline"}[o.Path]
		return []string{fmt.Sprintf("the %s class selects by priority and affinity, and %s contains CPU %d; %s has no part in it", class, aff, cpu, Code("select_idle_smt"))}
	case place.PathFallback:
		return []string{fmt.Sprintf("the task could use none of the CPUs selected, and %s took CPU %d", Code("select_fallback_rq"), cpu)}
	case place.PathNoSelection:
		return []string{fmt.Sprintf("nothing selected it: the kernel put the task back where it was (%s)", o.Reason)}
	case place.PathTargetIdle:
		return []string{fmt.Sprintf("CPU %d was the target of the wakeup and idle: the waker ran there or it was %s", cpu, Code("prev_cpu"))}
	}
	return []string{fmt.Sprintf("the model of %s leads there by path %s", Kernel(k), o.Path)}
}
