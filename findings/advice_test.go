package findings

import (
	"slices"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/loop"
	"schedreplay/parser"
	"schedreplay/replay"
)

// The isolcpus= to boot with keeps the flags of the present one; what else is on the command
// line is not repeated.
func TestIsolcpus(t *testing.T) {
	for cmdline, want := range map[string]string{
		"":                            "isolcpus=42-43",
		"ro isolcpus=43 nohz_full=43": "isolcpus=42-43",
		"isolcpus=nohz,domain,managed_irq,43 quiet":  "isolcpus=nohz,domain,managed_irq,42-43",
		"isolcpus=nohz,1 isolcpus=domain,$(reboot),": "isolcpus=domain,42-43",
	} {
		a := &Advice{f: &Findings{Result: &replay.Result{Host: &parser.Host{Cmdline: fact.Of(cmdline, fact.Observed, "cmdline")}}}}
		if got := a.Isolcpus(cpumask.Of(42).Or(cpumask.Of(43))); got != want {
			t.Errorf("%q: %q, want %q", cmdline, got, want)
		}
	}
}

// What would take the CPU from a real-time task that never sleeps, by kernel and host.
func TestRTLimit(t *testing.T) {
	for _, c := range []struct {
		kernel string
		us     int64
		cpus   int
		want   RTLimit
	}{
		{"4.19.90", 950_000, 8, RTBorrows},
		{"4.19.90", 950_000, 1, RTThrottled},
		{"4.19.90", -1, 8, RTUnlimited},
		{"5.10", 950_000, 8, RTThrottled},
		{"6.1.192", -1, 8, RTUnlimited},
		{"6.12.117", 950_000, 8, RTServer},
		{"6.12.117", -1, 8, RTServer},
	} {
		k, err := rules.ParseKernel(c.kernel, "")
		if err != nil {
			t.Fatal(err)
		}
		res := &replay.Result{Baseline: replay.RoleOriginal, Original: k, Host: &parser.Host{CPU: make([]parser.CPUInfo, c.cpus), Tunables: map[string]int64{"sched_rt_runtime_us": c.us}}}
		if got := rtLimitOf(res); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// Remedies rank by the harm that is left, then by effort; what starves kernel threads is last
// whatever it gains, and differences of a hundredth of the harm count for nothing.
func TestAdviceRanks(t *testing.T) {
	known := func(mid, hi int64) loop.Band { return loop.Band{Lo: mid, Mid: mid, Hi: hi, Known: true} }
	a := &Advice{f: &Findings{CPUs: []*CPU{{CPUResult: &replay.CPUResult{CPU: 3}}}}}
	outcome := func(b loop.Band) loop.Outcome {
		return loop.Outcome{Isolated: []loop.IsolatedOutcome{{CPU: 3, Held: b}, {CPU: 9, Held: known(1e12, 1e12)}}}
	}
	r := &loop.Result{Recorded: outcome(known(9e8, 9e8)), Outcomes: []loop.Outcome{outcome(known(9e8, 9e8))}}
	for _, m := range []struct {
		Remedy
		held loop.Band
	}{
		{Remedy{Kind: RemedyCores, Reboot: true}, known(0, 0)},
		{Remedy{Kind: RemedyRT, Starves: true}, known(0, 0)},
		{Remedy{Kind: RemedyKSM}, known(2e6, 2e6)},
		{Remedy{Kind: RemedyTaskset}, known(3e6, 3e6)},
		{Remedy{Kind: RemedyPartition}, known(0, 8e8)},
		{Remedy{Kind: RemedyFix, Reboot: true}, known(5e8, 8e8)},
	} {
		a.Remedies = append(a.Remedies, m.Remedy)
		r.Outcomes = append(r.Outcomes, outcome(m.held))
	}
	a.Judge(r)
	var got []RemedyKind
	for _, m := range a.Remedies {
		got = append(got, m.Kind)
	}
	if want := []RemedyKind{RemedyTaskset, RemedyKSM, RemedyCores, RemedyPartition, RemedyFix, RemedyRT}; !slices.Equal(got, want) {
		t.Errorf("ranked %v, want %v", got, want)
	}
	if g := a.Groups(); len(g) != 2 || g[0].Reboot || len(g[0].Remedies) != 4 || len(g[1].Remedies) != 2 {
		t.Errorf("groups %+v", g)
	}
	if a.Understated() || a.Recorded.Held.Mid != 9e8 {
		t.Errorf("understated, recorded %+v", a.Recorded)
	}
}
