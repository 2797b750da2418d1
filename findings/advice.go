package findings

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/loop"
	"schedreplay/loop/work"
	"schedreplay/parser"
	"schedreplay/replay"
)

// RemedyKind is a way to keep foreign tasks off an isolated CPU, or its owner unharmed.
type RemedyKind uint8

// The remedies, cheapest first.
const (
	// RemedyTaskset takes the isolated CPUs from the intruders' affinities.
	RemedyTaskset RemedyKind = iota
	// RemedyWorkqueue takes them from the unbound workqueues, whose workers user space may not
	// move one by one.
	RemedyWorkqueue
	// RemedyKSM stops kernel samepage merging.
	RemedyKSM
	// RemedyLimit lifts the CPU limit of an owner's control group.
	RemedyLimit
	// RemedyRT makes the owner a real-time task: intruders come and do not run.
	RemedyRT
	// RemedyIRQ sends device interrupts to other CPUs.
	RemedyIRQ
	// RemedyPartition takes the sibling threads of the isolated CPUs from the others, by an
	// isolated cpuset partition (6.1+).
	RemedyPartition
	// RemedyFix is a kernel with the fix.
	RemedyFix
	// RemedyCores isolates the sibling threads of the isolated CPUs too.
	RemedyCores
	// RemedyNohz stops the tick of the isolated CPUs while one task runs there.
	RemedyNohz
)

// Remedy is one remedy, tried in the closed loop where that can.
type Remedy struct {
	Kind RemedyKind
	// Scenario is what the loop tried; without changes where it takes a kernel built anew.
	Scenario loop.Scenario
	// Reboot: it takes effect with the next boot.
	Reboot bool
	// Tasks are those it changes: intruders, or the owners.
	Tasks []replay.TaskRef
	// Masks are the affinities that [RemedyTaskset] gives its Tasks.
	Masks []cpumask.Mask
	// CPUs are those of the partition of [RemedyPartition], the isolated CPUs of
	// [RemedyCores], those whose tick [RemedyNohz] stops, or those that are left to
	// workqueues and interrupts.
	CPUs cpumask.Mask
	// Interrupts are, of [RemedyIRQ], the handlers' names, the costliest first.
	Interrupts []string
	// Group is, of [RemedyLimit], the path of the control group, and Limit what is known of it.
	Group string
	Limit parser.CgroupInfo
	// TookNS is what the interrupts or ticks took of the owners' time in the recording.
	TookNS int64
	// Kernel is that of [RemedyFix].
	Kernel *rules.Kernel
	// Starves: of [RemedyRT], that nothing takes the CPU from an owner that never sleeps, so
	// that the CPU's own kernel threads wait for good.
	Starves bool
	Harm
}

// Harm is what foreign tasks do to all isolated CPUs and their owners together in a
// scenario.
type Harm struct {
	// Held is their run time in ns, Entries their arrivals.
	Held, Entries loop.Band
	// P99 is that of the sch delay, the worst of the owners that sleep.
	P99 loop.Band
	// Gap is how long the owners that never sleep, or that a CPU limit stops, were off their CPUs
	// while runnable, in ns in all; GapMax the longest time. Limited: a limit stops one.
	Gap, GapMax loop.Band
	Limited     bool
	// Taken is what interrupts and ticks took of the owners' time in ns, where they are
	// recorded.
	Taken loop.Band
	// Worse are the tasks that are surely worse off than in the baseline, as indexes of the
	// program's tasks.
	Worse []int
	// rank is what remedies are ranked by, in ns: to an owner that never sleeps its gaps, on
	// other CPUs what foreign tasks run; and what interrupts take of it.
	rank loop.Band
}

// Advice is what would have helped.
type Advice struct {
	f *Findings
	// Intruders are the foreign tasks that can be moved, Workers those of unbound
	// workqueues, Bound others of which user space may not set the affinity, and Pinned those
	// that have no other CPUs. Residents are those of all that were there when the recording
	// began.
	Intruders, Workers, Bound, Pinned, Residents []replay.TaskRef
	house                                        cpumask.Mask     // the CPUs that are not isolated
	limited                                      map[int32]string // the control group whose limit has stopped an owner
	// RecentUsed: an entry came by recent_used_cpu, which the fix does not stop.
	// RecentPossible: the kernel has it, so another may.
	RecentUsed, RecentPossible bool
	// RTLimit tells what real-time tasks leave to others.
	RTLimit  RTLimit
	Remedies []Remedy
	// Recorded is the recording's, Baseline the recorded kernel's in the loop: what a remedy
	// is held against.
	Recorded, Baseline Harm
}

// RTLimit is what takes the CPU from a real-time task that never sleeps.
type RTLimit uint8

// The limits.
const (
	// RTBorrows: nothing does, as CPUs borrow each other's runtime (up to 5.9).
	RTBorrows RTLimit = iota
	// RTUnlimited: nothing does, as sched_rt_runtime_us is -1.
	RTUnlimited
	// RTThrottled: throttling leaves a twentieth of each second, whoever else wants it.
	RTThrottled
	// RTServer: the fair server leaves a twentieth of each second to fair tasks that wait
	// (6.12+).
	RTServer
)

// AdviceOf proposes the remedies that fit what was found; Judge fills their figures.
func AdviceOf(f *Findings) *Advice {
	res := f.Result
	a := &Advice{f: f, house: houseOf(res), RTLimit: rtLimitOf(res), RecentPossible: recentPossible(res)}
	var owners []replay.TaskRef
	seen := map[int32]bool{}
	for _, c := range res.CPUs {
		if c.Owner != nil && !seen[c.Owner.PID] {
			seen[c.Owner.PID] = true
			owners = append(owners, *c.Owner)
		}
		for _, s := range c.Stays {
			if s.Class != replay.ClassForeign || s.RunNS == 0 {
				continue
			}
			a.RecentUsed = a.RecentUsed || s.Entry != nil && s.Entry.Path == place.PathRecentUsed
			if s.How == replay.CameBefore {
				a.Residents = append(a.Residents, s.Task)
			}
			if !seen[s.Task.PID] {
				seen[s.Task.PID] = true
				list := a.classed(s.Task)
				*list = append(*list, s.Task)
			}
		}
	}
	for _, list := range [][]replay.TaskRef{a.Intruders, a.Workers, a.Bound, a.Pinned, a.Residents} {
		slices.SortFunc(list, func(x, y replay.TaskRef) int { return cmp.Compare(x.PID, y.PID) })
	}
	if a.Intruded() {
		a.againstIntruders(res, owners)
	}
	a.noise()
	a.limits(owners)
	return a
}

// Intruded reports whether a foreign task ran on an isolated CPU.
func (a *Advice) Intruded() bool {
	return len(a.Intruders)+len(a.Workers)+len(a.Bound)+len(a.Pinned) > 0
}

// classed is the list that a foreign task belongs to. Workers of unbound workqueues are
// kworker/uN:M; all workers have PF_NO_SETAFFINITY (create_worker).
func (a *Advice) classed(t replay.TaskRef) *[]replay.TaskRef {
	info := a.f.Result.Host.Task[t.PID]
	own, known := info.Affinity.Get()
	switch {
	case parser.UnboundWorker(t.Comm):
		return &a.Workers
	case info.Bound.Value:
		return &a.Bound
	case known && !own.Empty() && !own.Intersects(a.house):
		return &a.Pinned
	}
	return &a.Intruders
}

// againstIntruders proposes what keeps foreign tasks away, or their owners unharmed.
func (a *Advice) againstIntruders(res *replay.Result, owners []replay.TaskRef) {
	a.taskset(res)
	if len(a.Workers) > 0 && res.BaselineKernel().Since(4, 2) && !a.house.Empty() {
		a.propose(Remedy{Kind: RemedyWorkqueue, Tasks: a.Workers, CPUs: a.house}, "workqueues", change("workqueue", "", a.house.String()))
	}
	if i := slices.IndexFunc(a.Intruders, func(t replay.TaskRef) bool { return t.Comm == "ksmd" }); i >= 0 {
		a.propose(Remedy{Kind: RemedyKSM, Tasks: a.Intruders[i : i+1]}, "ksm-off", change("without", pid(a.Intruders[i]), ""))
	}
	if len(owners) > 0 {
		var list []loop.Change
		for _, o := range owners {
			list = append(list, change("policy", pid(o), "fifo:1"))
		}
		a.propose(Remedy{Kind: RemedyRT, Tasks: owners, Starves: a.starves()}, "owner-fifo", list...)
	}
	if k := res.BaselineKernel(); !k.Rules.SMTSpan && k.Rules.Sibling != rules.SiblingNone {
		if fixed, err := k.With(rules.FixSMTSpan, true); err == nil {
			a.propose(Remedy{Kind: RemedyFix, Reboot: true, Kernel: fixed}, "fix", change("kernel", "", fixed.Name))
		}
	}
	a.cores(res)
}

// noise proposes what keeps interrupts and ticks from the owners, where the recording tells
// that they took time from them.
func (a *Advice) noise() {
	devices := map[string]int64{}
	irq, tick := Remedy{Kind: RemedyIRQ, CPUs: a.house}, Remedy{Kind: RemedyNohz, Reboot: true}
	for _, c := range a.f.CPUs {
		if c.Noise == nil || c.Owner == nil {
			continue
		}
		for i := range c.Noise.Items {
			switch n := &c.Noise.Items[i]; a.keepsAway(c, n) {
			case RemedyIRQ:
				devices[n.Name] += n.OwnerNS
				irq.TookNS += n.OwnerNS
			case RemedyNohz:
				tick.CPUs.Set(c.CPU)
				tick.TookNS += n.OwnerNS
			}
		}
	}
	irq.Interrupts = slices.SortedFunc(maps.Keys(devices), func(x, y string) int { return cmp.Or(cmp.Compare(devices[y], devices[x]), cmp.Compare(x, y)) })
	if irq.TookNS > 0 && !a.house.Empty() {
		var list []loop.Change
		for _, name := range irq.Interrupts {
			list = append(list, change("irq", name, a.house.String()))
		}
		a.propose(irq, "interrupts", list...)
	}
	switch host := a.f.Result.Host; {
	case tick.TookNS == 0:
	case host.Config["NO_HZ_FULL"] == "n":
		a.propose(tick, "nohz-full")
	case !a.house.Empty():
		a.propose(tick, "nohz-full", change("nohz_full", "", tick.CPUs.Or(host.NohzFull.Value).String()))
	}
}

// limits proposes to lift the CPU limits that have stopped owners.
func (a *Advice) limits(owners []replay.TaskRef) {
	host := a.f.Result.Host
	a.limited = map[int32]string{}
	var paths []string
	of := map[string][]replay.TaskRef{}
	for _, o := range owners {
		path, info, ok := host.Throttling(o.PID)
		if task, listed := host.Task[o.PID]; !ok || !info.Quota.Known() || !listed || !parser.SameComm(o.Comm, task.Comm) {
			continue
		}
		if a.limited[o.PID] = path; of[path] == nil {
			paths = append(paths, path)
		}
		of[path] = append(of[path], o)
	}
	for i, path := range paths {
		name := "no-limit"
		if i > 0 {
			name += strconv.Itoa(i + 1)
		}
		a.propose(Remedy{Kind: RemedyLimit, Tasks: of[path], Group: path, Limit: host.Cgroups.Info[path]}, name, change("max", path, "max"))
	}
}

// noRemedy is what keeps away what nothing does.
const noRemedy = RemedyKind(255)

// keepsAway is the remedy that keeps a source of noise from the owner of a CPU from whom it took
// time.
func (a *Advice) keepsAway(c *CPU, n *replay.NoiseItem) RemedyKind {
	switch {
	case n.OwnerNS == 0:
	case work.Source{Kind: n.Kind, Name: n.Name}.Device():
		return RemedyIRQ
	case n.Kind == replay.NoiseTick && !a.f.Result.Host.NohzFull.Value.Test(c.CPU):
		return RemedyNohz
	}
	return noRemedy
}

// NoiseKnown reports whether the recording tells of device interrupts, and of ticks, on
// every isolated CPU that has an owner.
func (a *Advice) NoiseKnown() (interrupts, ticks bool) {
	interrupts, ticks = true, true
	for _, c := range a.f.CPUs {
		if c.Owner != nil {
			interrupts = interrupts && c.Noise != nil && c.Noise.Known[replay.NoiseHardirq]
			ticks = ticks && c.Noise != nil && c.Noise.Known[replay.NoiseTick]
		}
	}
	return interrupts, ticks
}

// recentPossible reports whether a task may come back to an isolated CPU by
// recent_used_cpu: one that had no domain since boot has sd_llc_id 0, so that it shares a
// cache with CPU 0's LLC for cpus_share_cache (update_top_cache_domain is never called for
// it); one that left its domains later has its own number.
func recentPossible(res *replay.Result) bool {
	return res.BaselineKernel().Rules.RecentUsed != rules.RecentUsedNone && !res.Isolated.Value.SubsetOf(res.Host.IsolatedLater.Value)
}

func rtLimitOf(res *replay.Result) RTLimit {
	rt := res.BaselineKernel().RT
	us, set := res.Host.Tunables["sched_rt_runtime_us"]
	switch {
	case rt.Server:
		return RTServer
	case set && us < 0:
		return RTUnlimited
	case rt.Own || len(res.Host.CPU) == 1:
		return RTThrottled
	}
	return RTBorrows
}

// starves reports whether an owner never sleeps and nothing would take the CPU from it if
// it were a real-time task.
func (a *Advice) starves() bool {
	return a.RTLimit < RTThrottled && slices.ContainsFunc(a.f.CPUs, func(c *CPU) bool { return c.Owner != nil && c.Kind() == replay.OffCPUGap })
}

func change(key, task, value string) loop.Change {
	return loop.Change{Key: key, Task: task, Value: value}
}

func pid(t replay.TaskRef) string { return strconv.Itoa(int(t.PID)) }

func (a *Advice) propose(r Remedy, name string, changes ...loop.Change) {
	r.Scenario = loop.Scenario{Name: name, Changes: changes}
	a.Remedies = append(a.Remedies, r)
}

// taskset proposes to take the isolated CPUs from every intruder that can be moved: what
// else it may run on is left to it.
func (a *Advice) taskset(res *replay.Result) {
	if len(a.Intruders) == 0 || a.house.Empty() {
		return
	}
	var list []loop.Change
	var masks []cpumask.Mask
	for _, t := range a.Intruders {
		m := a.house
		if own, ok := res.Host.Task[t.PID].Affinity.Get(); ok && !own.Empty() {
			m = own.And(m)
		}
		masks = append(masks, m)
		list = append(list, change("affinity", pid(t), m.String()))
	}
	a.propose(Remedy{Kind: RemedyTaskset, Tasks: a.Intruders, Masks: masks}, "taskset", list...)
}

func houseOf(res *replay.Result) cpumask.Mask {
	online := res.Host.Online.Value
	if online.Empty() {
		online = res.Host.Possible.Value
	}
	return online.AndNot(res.Isolated.Value)
}

// cores proposes to isolate whole cores, where a sibling of an isolated CPU is not.
func (a *Advice) cores(res *replay.Result) {
	iso := res.Isolated.Value
	whole := iso
	for c := iso.First(); c >= 0; c = iso.Next(c) {
		if c < len(res.Host.CPU) {
			whole = whole.Or(res.Host.CPU[c].Siblings)
		}
	}
	if whole.Equal(iso) {
		return
	}
	if rest := whole.AndNot(iso); res.BaselineKernel().Since(6, 1) {
		a.propose(Remedy{Kind: RemedyPartition, CPUs: rest}, "partition", change("partition", "", rest.String()))
	}
	a.propose(Remedy{Kind: RemedyCores, Reboot: true, CPUs: whole}, "cores", change("isolated", "", whole.String()))
}

// Isolcpus is the isolcpus= that isolates CPUs, with the flags that the recorded command
// line gives it (housekeeping_isolcpus_setup, 4.15+).
func (a *Advice) Isolcpus(cpus cpumask.Mask) string {
	flags := ""
	for word := range strings.FieldsSeq(a.f.Result.Host.Cmdline.Value) {
		list, ok := strings.CutPrefix(word, "isolcpus=")
		if !ok {
			continue
		}
		flags = ""
		for f := range strings.SplitSeq(list, ",") {
			if f == "nohz" || f == "domain" || f == "managed_irq" {
				flags += f + ","
			}
		}
	}
	return "isolcpus=" + flags + cpus.String()
}

// Balanced reports whether the load balancer came to a CPU that is said to be isolated: it
// brings other tasks for those that are moved.
func (a *Advice) Balanced() bool {
	return slices.ContainsFunc(a.f.CPUs, func(c *CPU) bool { return c.Balanced() != nil })
}

// Isolated are the isolated CPUs.
func (a *Advice) Isolated() cpumask.Mask { return a.f.Result.Isolated.Value }

// KeepsAffinity reports whether what a task's affinity was set to outlives a change of its
// cpuset (user_cpus_ptr, 8f9ea86fdf99, 6.2+).
func (a *Advice) KeepsAffinity() bool { return a.f.Result.BaselineKernel().Since(6, 2) }

// ExpiresQuota reports whether the recorded kernel takes from CPUs at each period what they have
// of a control group's quota.
func (a *Advice) ExpiresQuota() bool { return a.f.Result.BaselineKernel().Limits.Expire }

// Tried reports whether the closed loop can try a remedy.
func (m *Remedy) Tried() bool { return len(m.Scenario.Changes) > 0 }

// Scenarios are those of the remedies that the loop can try, in their order.
func (a *Advice) Scenarios() []loop.Scenario {
	var out []loop.Scenario
	for i := range a.Remedies {
		if m := &a.Remedies[i]; m.Tried() {
			out = append(out, m.Scenario)
		}
	}
	return out
}

// Judge takes the figures from the closed loop, which ran the scenarios in their order, and
// ranks: first what does not starve kernel threads, then by the harm left in the middle of
// the runs and in 95 of a hundred, then what needs no boot, then where fewer tasks are worse
// off, then the cheapest; last what it cannot try, by what it took.
func (a *Advice) Judge(r *loop.Result) {
	a.Recorded = a.harm(r, &r.Recorded)
	a.Recorded.Worse = nil // than itself
	a.Baseline = a.harm(r, &r.Outcomes[0])
	n := 0
	for i := range a.Remedies {
		if m := &a.Remedies[i]; m.Tried() {
			n++
			m.Harm = a.harm(r, &r.Outcomes[n])
		}
	}
	step := max(harmStep, a.Baseline.rank.Mid/harmPart)
	slices.SortStableFunc(a.Remedies, func(x, y Remedy) int {
		p, q := x.rank, y.rank
		return cmp.Or(cmp.Compare(btoi(!x.Tried()), btoi(!y.Tried())), cmp.Compare(btoi(x.Starves), btoi(y.Starves)), cmp.Compare(p.Mid/step, q.Mid/step), cmp.Compare(p.Hi/step, q.Hi/step),
			cmp.Compare(btoi(x.Reboot), btoi(y.Reboot)), cmp.Compare(len(x.Worse)/worseStep, len(y.Worse)/worseStep), cmp.Compare(y.TookNS, x.TookNS), cmp.Compare(x.Kind, y.Kind))
	})
}

// Remedies count as equal within a step of harm of a millisecond, or of a hundredth of the
// baseline's, and where the tasks worse off differ by fewer than worseStep.
const (
	harmStep  = 1_000_000
	harmPart  = 100
	worseStep = 5
)

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Understated reports whether the recorded kernel's runs show much less of the intrusion
// than the recording: what a remedy gains cannot be told from them.
func (a *Advice) Understated() bool { return understated(a.Recorded.Held, a.Baseline.Held) }

func understated(recorded, base loop.Band) bool {
	return recorded.Mid > 0 && base.Mid < recorded.Mid/4
}

// harm sums over the recorded isolated CPUs.
func (a *Advice) harm(r *loop.Result, o *loop.Outcome) Harm {
	var h Harm
	for _, c := range a.f.CPUs {
		rank := loop.Band{}
		for _, k := range o.Isolated {
			if k.CPU == c.CPU {
				add(&h.Held, k.Held)
				add(&h.Entries, k.Entries)
				rank = k.Held
			}
		}
		i := -1
		if c.Owner != nil {
			i = r.Program.Find(c.Owner.PID)
		}
		if i >= 0 {
			a.owners(&h, &rank, c, &o.Tasks[i], r.Program.Interrupts != nil)
		}
		add(&h.rank, rank)
	}
	h.Worse = r.Worse(o)
	return h
}

// owners adds what the owner of a CPU got, and to the CPU's rank what of it counts there.
func (a *Advice) owners(h *Harm, rank *loop.Band, c *CPU, got *loop.TaskOutcome, interrupts bool) {
	never, limited := c.Kind() == replay.OffCPUGap, a.limited[c.Owner.PID] != ""
	switch {
	case never:
		*rank = got.OffCPU.Sum
	case limited:
		add(rank, got.OffCPU.Sum)
	}
	if !never {
		dearer(&h.P99, got.Delay.P99)
	}
	if h.Limited = h.Limited || limited; never || limited {
		add(&h.Gap, got.OffCPU.Sum)
		dearer(&h.GapMax, got.OffCPU.Max)
	}
	if interrupts {
		add(&h.Taken, got.Taken)
		add(rank, got.Taken)
	}
}

func add(to *loop.Band, b loop.Band) {
	*to = loop.Band{Lo: to.Lo + b.Lo, Mid: to.Mid + b.Mid, Hi: to.Hi + b.Hi, Known: to.Known || b.Known}
}

func dearer(to *loop.Band, b loop.Band) {
	if b.Known && (!to.Known || b.Mid > to.Mid) {
		*to = b
	}
}

// Group is a list of remedies under one heading.
type Group struct {
	// Reboot: they take effect with the next boot.
	Reboot   bool
	Remedies []*Remedy
}

// Groups are the remedies as they are told, best first in each group; none is empty.
func (a *Advice) Groups() []Group {
	var out []Group
	for _, boot := range [...]bool{false, true} {
		g := Group{Reboot: boot}
		for i := range a.Remedies {
			if a.Remedies[i].Reboot == boot {
				g.Remedies = append(g.Remedies, &a.Remedies[i])
			}
		}
		if len(g.Remedies) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// Name tells an intruder's name for a command line: a kernel thread's is safe, any
// other is left to its pid.
func Name(t replay.TaskRef) string {
	if parser.IsKthreadName(t.Comm) && !strings.ContainsAny(t.Comm, " /") {
		return t.Comm
	}
	return ""
}
