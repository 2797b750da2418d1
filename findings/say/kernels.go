package say

import (
	"fmt"

	"schedreplay/findings"
	"schedreplay/kernelmodel/rules"
)

// Kernel names a kernel in prose: "6.1.192 without smt-span".
func Kernel(k *rules.Kernel) string {
	if k == nil {
		return "an unknown kernel"
	}
	s := Clean(k.Release)
	with, without := k.Changed()
	if len(with) > 0 {
		s += " with " + fixes(with)
	}
	if len(with) > 0 && len(without) > 0 {
		s += " and"
	}
	if len(without) > 0 {
		s += " without " + fixes(without)
	}
	return s
}

// fixes names fixes.
func fixes(fs []rules.Fix) string { return Join(Fixes(fs)) }

// FixNames names fixes with their commits.
func FixNames(fs []rules.Fix) string {
	return Join(Each(fs, func(f rules.Fix) string {
		if _, commits := f.Describe(); commits != "" {
			return string(f) + " (" + commits + ")"
		}
		return string(f)
	}))
}

// patched names the patched kernel with the fixes that make the difference, and with their
// commits if they are wanted.
func patched(f *findings.Findings, commits bool) string {
	k := f.Result.Patched
	names := fixes
	if commits {
		names = FixNames
	}
	switch with, without := k.Changed(); {
	case !f.Fix.Only():
		return Kernel(k)
	case len(with) == len(f.Fix.Adds) && len(without) == 0:
		return Clean(k.Release) + " with " + names(with)
	}
	return fmt.Sprintf("%s, which has %s,", Kernel(k), names(f.Fix.Adds))
}
