package say

import (
	"fmt"
	"slices"

	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/parser"
	"schedreplay/replay"
)

// KernelNote is the sentence of a remark on a KERNEL.
func KernelNote(n rules.Note) string {
	release := Clean(n.Release)
	switch n.Kind {
	case rules.NoteHas:
		return fmt.Sprintf("%s has %s already.", release, n.Fix)
	case rules.NoteLacks:
		return fmt.Sprintf("%s lacks %s already.", release, n.Fix)
	case rules.NoteVendor:
		return fmt.Sprintf("%s is a vendor release: it is taken as mainline %s, and the vendor's backports may differ.", release, n.Version)
	case rules.NotePointUnknown:
		return fmt.Sprintf("The point release of %s is not known; /proc/version would tell it.", release)
	case rules.NotePoint:
		return fmt.Sprintf("%s is %s by /proc/version.", release, n.Version)
	}
	return fmt.Sprintf("%s is newer than %s, the newest kernel whose source the model was held against: it is taken as %s.", n.Version, n.Row, n.Row)
}

// KernelNotes are the sentences of all remarks on some kernels, each once.
func KernelNotes(kernels ...*rules.Kernel) []string {
	var out []string
	for _, k := range kernels {
		if k == nil {
			continue
		}
		for _, n := range k.Notes {
			if s := KernelNote(n); !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// ForeignScheduler says that the recorded kernel's scheduler is not mainline's; empty if
// nothing shows that.
func ForeignScheduler(h *parser.Host) []string {
	if h == nil || len(h.ForeignParams()) == 0 {
		return nil
	}
	names := JoinUpTo(Each(h.ForeignParams(), Code), 3, "parameter")
	return []string{fmt.Sprintf("The kernel was started with %s, which no mainline kernel knows: its scheduler does more than its release tells, so answers are less sure.", names)}
}

// Notes are the remarks on a run's kernels and on the run.
func Notes(res *replay.Result) []string {
	out := append(KernelNotes(res.Original, res.Patched), ForeignScheduler(res.Host)...)
	if n := res.StoodStill; n > 0 {
		out = append(out, fmt.Sprintf("%s wrote many events at one time: the clock stood still while a tick was late (an unstable time stamp counter). "+
			"Such events are taken to be later than they say, and what other CPUs did meanwhile is less certain.", Counted(int64(n), "CPU")))
	}
	if h := &res.Hung; h.Count > 0 {
		who := Each(h.First, func(t replay.HungTask) string { return fmt.Sprintf("%s at %s", TaskName(t.Task), Clock(t.At)) })
		out = append(out, fmt.Sprintf("The kernel reported %s (sched_process_hang), first %s.", Counted(h.Count, "hung task"), JoinUpTo(who, 3, "task")))
	}
	return append(out, throttled(res)...)
}

// throttled says which owners a CPU limit may have delayed: no event of a recording
// shows that a control group has used up its time.
func throttled(res *replay.Result) []string {
	var out []string
	for _, c := range res.CPUs {
		if c.Owner == nil || res.Host == nil {
			continue
		}
		path, g, ok := res.Host.Throttling(c.Owner.PID)
		if !ok {
			continue
		}
		s := fmt.Sprintf("The CPU limit of control group %s stopped its tasks %s since it was made", Code(path), Times(g.Throttled.Value))
		if ns, known := g.ThrottledNS.Get(); known {
			s += ", for " + Duration(ns) + " in all"
		}
		s += fmt.Sprintf(". %s is one of them: the limit may be the cause of a delay, and no event of the recording shows it.", TaskName(*c.Owner))
		out = append(out, s)
	}
	return out
}

// DomainNote is the sentence of a remark on how sched domains were built.
func DomainNote(n topo.Note) string {
	if n.Kind == topo.NoteDistances {
		return fmt.Sprintf("the NUMA distances are unknown: %d within a node and %d between nodes are assumed", n.Within, n.Between)
	}
	return fmt.Sprintf("the %s masks of CPUs %s overlap in part: the kernel refuses to build their sched domains", n.Level, n.CPUs)
}
