package say

import (
	"fmt"
	"strings"

	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// Headline says how the kernels were chosen where that is not plain: what the recording
// shows of the kernel that made it, then what is compared.
func Headline(res *replay.Result) []string {
	out := Recorded(res)
	s := &res.Settled
	switch {
	case res.Original == nil || res.Patched == nil || s.PatchedNamed:
	case s.Fix == replay.FixContradicted:
		out = append(out, fmt.Sprintf("So the recording is taken as one of %s and compared with %s.", Kernel(res.Original), Kernel(res.Patched)))
	case s.Fix == replay.FixPresent && res.Baseline == replay.RolePatched:
		out = append(out, fmt.Sprintf("So it is compared with %s.", Kernel(res.Original)))
	}
	return out
}

// KernelDoubts says why the model of the recorded kernel may not be that kernel's.
func KernelDoubts(res *replay.Result) []string {
	out := ForeignScheduler(res.Host)
	if k := res.BaselineKernel(); k != nil && k.Newer() {
		for _, n := range k.Notes {
			if n.Kind == rules.NoteNewer {
				out = append(out, KernelNote(n))
			}
		}
	}
	switch s := &res.Settled; {
	case s.Uncovered != nil:
		out = append(out, fmt.Sprintf("The model does not cover the recorded release %q (%s), so %s is assumed. Name a kernel with --original.", Clean(s.Release), Clean(s.Uncovered.Error()), s.Assumed))
	case s.Assumed != "":
		out = append(out, fmt.Sprintf("The capture does not tell its kernel, so %s is assumed. Name it with --original.", s.Assumed))
	}
	return out
}

// Recorded says what the recording shows of the kernel that made it, where that is not
// plain.
func Recorded(res *replay.Result) []string {
	s, out := &res.Settled, KernelDoubts(res)
	if s.Claimed == nil {
		return out
	}
	k := Kernel(s.Claimed)
	switch c := s.Contradiction; {
	case s.Fix == replay.FixMeaningless && s.OtherFix == "" && !s.PatchedNamed:
		out = append(out, fmt.Sprintf("%s has no %s: there is nothing for smt-span to change.", k, Code("select_idle_smt")))
	case s.Fix == replay.FixContradicted && c != nil:
		out = append(out, fmt.Sprintf("Kernel %s behaved as if it lacked fix %s (smt-span): at %s it put %s on isolated CPU %d, and only a %s without that fix does so.",
			k, commit(rules.FixSMTSpan), Clock(c.Time), TaskName(c.Task), c.CPU, Code("select_idle_smt")))
	case s.Fix == replay.FixNamed && !s.PatchedNamed:
		out = append(out, fmt.Sprintf("%s has smt-span already: original and patched are the same kernel.", k))
	case s.Fix == replay.FixPresent && res.Baseline == replay.RolePatched:
		out = append(out, fmt.Sprintf("Your kernel has the fix: %s carries smt-span (%s).", k, commit(rules.FixSMTSpan)))
	}
	return out
}

// commit names the commit by which a fix came last.
func commit(f rules.Fix) string {
	_, commits := f.Describe()
	return commits[strings.LastIndexByte(commits, ' ')+1:]
}
