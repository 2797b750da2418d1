package say

import (
	"fmt"

	"schedreplay/findings"
	"schedreplay/replay"
)

// tonight says what keeps the foreign tasks out without a boot; empty where none came,
// where too little is known of the machine to name CPUs, or where the load balancer brings
// other tasks for those that are moved.
func tonight(f *findings.Findings) []string {
	if f.Result.Host == nil || f.Recorded() == nil {
		return nil
	}
	a := findings.AdviceOf(f)
	if a.Balanced() {
		return nil
	}
	var now []string
	var who []replay.TaskRef
	for i := range a.Remedies {
		if m := &a.Remedies[i]; m.Kind == findings.RemedyTaskset || m.Kind == findings.RemedyWorkqueue {
			commands, _ := remedyCommands(a, m)
			now, who = append(now, Each(commands, Code)...), append(who, m.Tasks...)
		}
	}
	var out []string
	if len(who) > 0 {
		takes, whom, until, rest := "takes", CommName(who[0]), "it ends", ""
		if len(now) > 1 {
			takes = "take"
		}
		if len(who) > 1 {
			whom, until = pronoun(len(who)), "they end"
		}
		if len(now) > 3 {
			rest = "; " + Code("schedreplay advise") + " lists them all"
		}
		out = append(out, fmt.Sprintf("%s %s %s from %s at once, until %s or the machine boots%s",
			JoinUpTo(now, 3, "command"), takes, CPUNoun(f.Result.Isolated.Value), whom, until, rest))
	}
	return append(out, unmovable(a)...)
}

// unmovable says which foreign tasks no taskset helps against.
func unmovable(a *findings.Advice) []string {
	var out []string
	if len(a.Bound) > 0 {
		out = append(out, fmt.Sprintf("user space may not move %s (PF_NO_SETAFFINITY)", tasks(a.Bound)))
	}
	if len(a.Pinned) > 0 {
		out = append(out, fmt.Sprintf("%s may run on isolated CPUs alone: who set that affinity has to move it", tasks(a.Pinned)))
	}
	return out
}
