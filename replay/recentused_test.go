package replay_test

import (
	"context"
	"testing"

	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// rcu_sched comes to the isolated CPU by recent_used_cpu. Kernels without that field, and
// those of which unbound kernel threads keep off isolated CPUs or a boot-isolated CPU
// shares no LLC id, surely keep it out; one with both fixes does not.
func TestRecentUsedEntryElsewhere(t *testing.T) {
	t.Parallel()
	const dir = "../testdata/traces/k419-smt8-isolated3-original"
	names := []string{"3.10", "6.19", "7.0", "7.2"}
	var kernels []rules.Candidate
	for _, n := range names {
		k, err := rules.ParseKernel(n, "")
		if err != nil {
			t.Fatal(err)
		}
		kernels = append(kernels, rules.Candidate{Kernel: k})
	}
	c, h := openCapture(t, dir, "ftrace.txt.gz")
	res, err := replay.Run(context.Background(), c, h, replay.Plan{Alternatives: replay.Sweep(kernels), HoldsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range res.Swept(kernels) {
		hold := &row.Holds[0]
		if keeps := hold.Entries == 0; hold.CPU != 3 || keeps != (names[i] != "6.19") {
			t.Errorf("%s: %+v", names[i], *hold)
		}
	}
}
