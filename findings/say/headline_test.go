package say

import (
	"errors"
	"strings"
	"testing"

	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

func TestHeadline(t *testing.T) {
	kernel := func(name string) *rules.Kernel {
		k, err := rules.ParseKernel(name, "")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	with, without := kernel("6.1.192"), kernel("6.1.192-smt-span")
	// Its name is one of the program's own phrases.
	entry := &replay.Contradiction{Time: 24_569_910_000, Task: replay.TaskRef{PID: 240, Comm: ": compared are"}, CPU: 43}
	for _, c := range []struct {
		name    string
		settled replay.Settlement
		role    replay.Role
		want    []string
	}{
		{"nothing to say", replay.Settlement{Claimed: without, Fix: replay.FixAdded}, replay.RoleOriginal, nil},
		{"no release", replay.Settlement{Assumed: "6.1.0"}, replay.RoleOriginal, []string{"The capture does not tell its kernel, so 6.1.0 is assumed. Name it with --original."}},
		{"not covered", replay.Settlement{Release: "banana", Uncovered: errors.New("no number"), Assumed: "6.1.0"}, replay.RoleOriginal, []string{
			`The model does not cover the recorded release "banana" (no number), so 6.1.0 is assumed. Name a kernel with --original.`,
		}},
		{"contradicted", replay.Settlement{Claimed: with, Fix: replay.FixContradicted, Contradiction: entry}, replay.RoleOriginal, []string{
			"Kernel 6.1.192 behaved as if it lacked fix 8aeaffef8c6e (smt-span): at 24.569910 s it put : compared are (pid 240) on isolated CPU 43, and only a select_idle_smt without that fix does so.",
			"So the recording is taken as one of 6.1.192 without smt-span and compared with 6.1.192.",
		}},
		{"contradicted, and another kernel named", replay.Settlement{Claimed: with, Fix: replay.FixContradicted, Contradiction: entry, PatchedNamed: true}, replay.RoleOriginal, []string{
			"Kernel 6.1.192 behaved as if it lacked fix 8aeaffef8c6e (smt-span): at 24.569910 s it put : compared are (pid 240) on isolated CPU 43, and only a select_idle_smt without that fix does so.",
		}},
		{"fixed already", replay.Settlement{Claimed: with, Fix: replay.FixPresent}, replay.RolePatched, []string{
			"Your kernel has the fix: 6.1.192 carries smt-span (8aeaffef8c6e).", "So it is compared with 6.1.192 without smt-span.",
		}},
		{"named, and fixed", replay.Settlement{Claimed: with, Fix: replay.FixNamed}, replay.RoleOriginal, []string{"6.1.192 has smt-span already: original and patched are the same kernel."}},
		{"too old", replay.Settlement{Claimed: kernel("4.4.1"), Fix: replay.FixMeaningless}, replay.RoleOriginal, []string{"4.4.1 has no select_idle_smt: there is nothing for smt-span to change."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, h := range Headline(&replay.Result{Original: without, Patched: with, Baseline: c.role, Settled: c.settled}) {
				got = append(got, Plain(h))
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
