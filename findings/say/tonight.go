package say

import (
	"fmt"
	"slices"

	"schedreplay/findings"
	"schedreplay/replay"
)

// tonight says what keeps the foreign tasks out without a boot; empty where none came,
// where too little is known of the machine to name CPUs, or where the load balancer brings
// other tasks for those that are moved.
func tonight(f *findings.Findings) []string {
	if f.Result.Host == nil || f.Recorded() == nil || slices.ContainsFunc(f.CPUs, func(c *findings.CPU) bool { return c.Balanced() != nil }) {
		return nil
	}
	a := findings.AdviceOf(f.Result)
	var out []string
	if i := slices.IndexFunc(a.Remedies, func(m findings.Remedy) bool { return m.Kind == findings.RemedyTaskset }); i >= 0 {
		m := &a.Remedies[i]
		now, _ := remedyCommands(a, m)
		for j := range now {
			now[j] = Code(now[j])
		}
		takes, who, until, rest := "takes", CommName(m.Tasks[0]), "it ends", ""
		if len(now) > 1 {
			takes, who, until = "take", pronoun(len(now)), "they end"
		}
		if len(now) > 3 {
			rest = "; " + Code("schedreplay advise") + " lists them all"
		}
		out = append(out, fmt.Sprintf("%s %s %s from %s at once, until %s or the machine boots%s",
			JoinUpTo(now, 3, "command"), takes, CPUNoun(f.Result.Isolated.Value), who, until, rest))
	}
	if len(a.Bound) > 0 {
		out = append(out, unmovable(a.Bound))
	}
	return out
}

// unmovable says that no taskset helps against tasks.
func unmovable(bound []replay.TaskRef) string {
	return fmt.Sprintf("user space may not move %s (PF_NO_SETAFFINITY)", tasks(bound))
}
