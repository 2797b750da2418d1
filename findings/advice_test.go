package findings

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/loop"
	"schedreplay/loop/work"
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
		m.Scenario.Changes = []loop.Change{change("kernel", "", "6.1")}
		a.Remedies = append(a.Remedies, m.Remedy)
		r.Outcomes = append(r.Outcomes, outcome(m.held))
	}
	a.Remedies = slices.Insert(a.Remedies, 2, Remedy{Kind: RemedyIRQ, TookNS: 5}) // not tried
	a.Judge(r)
	var got []RemedyKind
	for _, m := range a.Remedies {
		got = append(got, m.Kind)
	}
	if want := []RemedyKind{RemedyTaskset, RemedyKSM, RemedyCores, RemedyPartition, RemedyFix, RemedyRT, RemedyIRQ}; !slices.Equal(got, want) {
		t.Errorf("ranked %v, want %v", got, want)
	}
	if g := a.Groups(); len(g) != 2 || g[0].Reboot || len(g[0].Remedies) != 5 || len(g[1].Remedies) != 2 {
		t.Errorf("groups %+v", g)
	}
	if a.Understated() || a.Recorded.Held.Mid != 9e8 {
		t.Errorf("understated, recorded %+v", a.Recorded)
	}
}

// Who came decides what helps: a task's own affinity is kept but for the isolated CPUs,
// workers of unbound workqueues go by the workqueues' mask, and others cannot be moved.
func TestAdviceByIntruder(t *testing.T) {
	k, err := rules.ParseKernel("6.1.83", "")
	if err != nil {
		t.Fatal(err)
	}
	host := &parser.Host{Online: fact.Of(cpumask.Range(0, 43), fact.Observed, "test"), Task: map[int32]parser.TaskInfo{
		1: {Affinity: fact.Of(cpumask.Range(40, 43), fact.Observed, "test")},
		3: {Bound: fact.Of(true, fact.Observed, "test")},
		5: {Affinity: fact.Of(cpumask.Of(43), fact.Observed, "test")},
	}}
	cpu := &replay.CPUResult{CPU: 43, Owner: &replay.TaskRef{PID: 99, Comm: "pmd"}}
	for i, comm := range []string{"rpc", "ksmd", "rcu_par_gp", "kworker/u88:1", "probe"} {
		cpu.Stays = append(cpu.Stays, &replay.Stay{CPU: 43, Task: replay.TaskRef{PID: int32(i + 1), Comm: comm}, Class: replay.ClassForeign, RunNS: 1})
	}
	cpu.Noise = &replay.Noise{Items: []replay.NoiseItem{
		{Kind: replay.NoiseHardirq, Name: "eth0-rx", OwnerNS: 5},
		{Kind: replay.NoiseHardirq, Name: "local_timer", OwnerNS: 9},
		{Kind: replay.NoiseHardirq, Name: "$(reboot)", OwnerNS: 7},
		{Kind: replay.NoiseHardirq, Name: "idle", OwnerNS: 0},
		{Kind: replay.NoiseTick, OwnerNS: 3},
	}}
	cpu.Noise.Known[replay.NoiseHardirq] = true
	res := &replay.Result{Baseline: replay.RoleOriginal, Original: k, Host: host, CPUs: []*replay.CPUResult{cpu}}
	res.Isolated = fact.Of(cpumask.Of(43), fact.Observed, "test")
	a := AdviceOf(Of(res))
	var got []string
	for i := range a.Remedies {
		m := &a.Remedies[i]
		got = append(got, fmt.Sprint(m.Kind, m.Masks, m.CPUs, m.Interrupts, m.TookNS, m.Scenario.Changes))
	}
	want := []string{
		fmt.Sprint(RemedyTaskset, "[40-42 0-42]", "", "[]", 0, "[affinity:1=40-42 affinity:2=0-42]"),
		fmt.Sprint(RemedyWorkqueue, "[]", "0-42", "[]", 0, "[workqueue=0-42]"),
		fmt.Sprint(RemedyKSM, "[]", "", "[]", 0, "[without:2]"),
		fmt.Sprint(RemedyRT, "[]", "", "[]", 0, "[policy:99=fifo:1]"),
		fmt.Sprint(RemedyIRQ, "[]", "0-42", "[$(reboot) eth0-rx]", 12, "[irq:$(reboot)=0-42 irq:eth0-rx=0-42]"),
		fmt.Sprint(RemedyNohz, "[]", "43", "[]", 3, "[nohz_full=43]"),
	}
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], " ", "")
	}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], " ", "")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if len(a.Bound) != 1 || a.Bound[0].PID != 3 || len(a.Pinned) != 1 || a.Pinned[0].PID != 5 {
		t.Errorf("bound %v, pinned %v", a.Bound, a.Pinned)
	}
	if interrupts, ticks := a.NoiseKnown(); !interrupts || ticks {
		t.Errorf("known: interrupts %v, ticks %v", interrupts, ticks)
	}
}

// A limit that stopped the owner's control group is lifted where it was read; one that never did,
// or that no task of the bundle is in, is left alone. The owner's time off its CPU counts.
func TestAdviceLifts(t *testing.T) {
	k, err := rules.ParseKernel("5.3", "")
	if err != nil {
		t.Fatal(err)
	}
	in := func(path string) parser.TaskInfo {
		return parser.TaskInfo{Comm: "pmd", Cgroup: fact.Seen(path, "test")}
	}
	host := &parser.Host{
		Online: fact.Of(cpumask.Range(0, 7), fact.Observed, "test"), Task: map[int32]parser.TaskInfo{1: in("/a/b"), 2: in("/a/b"), 3: in("/c"), 4: {Comm: "other", Cgroup: fact.Seen("/a", "test")}},
		Cgroups: parser.Cgroups{Info: map[string]parser.CgroupInfo{
			"/a": {Quota: fact.Seen(int64(20_000_000), "/sys/fs/cgroup/a/cpu.max"), Period: fact.Seen(int64(100_000_000), "test"), Throttled: fact.Seen(int64(4), "test")},
			"/c": {Quota: fact.Seen(int64(20_000_000), "test"), Period: fact.Seen(int64(100_000_000), "test"), Throttled: fact.Seen(int64(0), "test")},
		}},
	}
	res := &replay.Result{Baseline: replay.RoleOriginal, Original: k, Host: host}
	for i := range int32(4) {
		res.CPUs = append(res.CPUs, &replay.CPUResult{CPU: int(i), Owner: &replay.TaskRef{PID: i + 1, Comm: "pmd"}})
	}
	res.Isolated = fact.Of(cpumask.Range(0, 3), fact.Observed, "test")
	a := AdviceOf(Of(res))
	if len(a.Remedies) != 1 || a.Intruded() || !a.ExpiresQuota() {
		t.Fatalf("%+v", a.Remedies)
	}
	m := &a.Remedies[0]
	if m.Kind != RemedyLimit || m.Group != "/a" || len(m.Tasks) != 2 || fmt.Sprint(m.Scenario.Changes) != "[max:/a=max]" || m.Limit.Quota.Source != "/sys/fs/cgroup/a/cpu.max" {
		t.Errorf("%+v", m)
	}
	band := func(ns int64) loop.Band { return loop.Band{Lo: ns, Mid: ns, Hi: ns, Known: true} }
	r := &loop.Result{Program: &work.Program{Tasks: []work.Task{{PID: 1}, {PID: 2}, {PID: 3}}}}
	o := &loop.Outcome{Tasks: []loop.TaskOutcome{{OffCPU: loop.Gaps{Sum: band(5), Max: band(3)}}, {OffCPU: loop.Gaps{Sum: band(7), Max: band(6)}}, {OffCPU: loop.Gaps{Sum: band(100), Max: band(90)}}}}
	if h := a.harm(r, o); !h.Limited || h.Gap.Mid != 12 || h.GapMax.Mid != 6 || h.rank.Mid != 12 {
		t.Errorf("%+v", h)
	}
}
