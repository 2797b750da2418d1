package say

import (
	"fmt"
	"slices"
	"strings"

	"schedreplay/findings"
	"schedreplay/parser"
	"schedreplay/replay"
)

// SweepEmpty says why a sweep has nothing to tell, "" if it has.
func SweepEmpty(s *findings.Sweep) string {
	switch s.Why {
	case findings.UnsweepableIsolation:
		return "Which CPUs are isolated is not known, so no entry can be told under any kernel; name them with --isolated, or give a host bundle with --host."
	case findings.UnsweepableNone:
		return fmt.Sprintf("No CPU is isolated (%s): there is nothing to enter under any kernel.", source(s.Result.Isolated))
	case findings.UnsweepableTopology:
		return "The topology of the machine is not known, so no kernel's placements can be told; give a host bundle with --host."
	}
	return ""
}

// SweepStays tells of the tasks on one CPU that no kernel could have kept out, and of
// those of which that is not known.
func SweepStays(r *findings.SweptCPU) []string {
	var out []string
	if names, ns := whoStayed(r.Residents); names != "" {
		out = append(out, fmt.Sprintf("Residents hold CPU %d under every kernel: %s came otherwise than by a wakeup in the capture and ran %s there.", r.CPU, names, Milliseconds(ns)))
	}
	if names, ns := whoStayed(r.Unseen); names != "" {
		out = append(out, fmt.Sprintf("How %s came to CPU %d is not recorded, nor whether it was there before. The %s that ran there stand under every kernel, though any of them may have kept it out.", names, r.CPU, Milliseconds(ns)))
	}
	return out
}

// whoStayed lists whose stays they are, at most eight, and sums up the run time in ns.
func whoStayed(stays []*replay.Stay) (string, int64) {
	var names []string
	ns := int64(0)
	for _, st := range stays {
		if n := ShortTask(st.Task); !slices.Contains(names, n) {
			names = append(names, n)
		}
		ns += st.RunNS
	}
	more := ""
	if n := len(names); n > 8 {
		names, more = names[:8], fmt.Sprintf(" and %d more", n-8)
	}
	return strings.Join(names, ", ") + more, ns
}

// ShortTask is name[pid] as terminals print it, "<idle>" of an idle task. The name is
// marked.
func ShortTask(t replay.TaskRef) string {
	name := parser.DisplayComm(t.Comm)
	if name != "" {
		name = string(MarkName) + name + string(MarkEnd)
	}
	switch {
	case t.PID == 0 && name == "":
		return "<idle>"
	case t.PID == parser.NoPID && name == "":
		return "?"
	case t.PID == parser.NoPID:
		return name + "[?]"
	}
	return fmt.Sprintf("%s[%d]", name, t.PID)
}

// NoSweptEntry says why there is nothing to prevent, "" if there is.
func NoSweptEntry(s *findings.Sweep) string {
	unseen := slices.ContainsFunc(s.CPUs, func(c *findings.CPU) bool { return c.All.Entries.Unseen > 0 })
	switch {
	case s.AnyEntry():
		return ""
	case unseen:
		return "No kernel is seen to let a task in; but how the tasks above came is not recorded, so the capture does not tell which kernels would have kept them out."
	}
	return "Under no kernel does a task enter: there is nothing to prevent, as far as the capture shows."
}
