package findings

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/loop"
	"schedreplay/parser"
	"schedreplay/replay"
)

// RemedyKind is a way to keep foreign tasks off an isolated CPU, or its owner unharmed.
type RemedyKind uint8

// The remedies, cheapest first.
const (
	// RemedyTaskset takes the isolated CPUs from the intruders' affinities.
	RemedyTaskset RemedyKind = iota
	// RemedyKSM stops kernel samepage merging.
	RemedyKSM
	// RemedyRT makes the owner a real-time task: intruders come and do not run.
	RemedyRT
	// RemedyPartition takes the sibling threads of the isolated CPUs from the others, by an
	// isolated cpuset partition (6.1+).
	RemedyPartition
	// RemedyFix is a kernel with the fix.
	RemedyFix
	// RemedyCores isolates the sibling threads of the isolated CPUs too.
	RemedyCores
)

// Remedy is one remedy tried in the closed loop.
type Remedy struct {
	Kind     RemedyKind
	Scenario loop.Scenario
	// Reboot: it takes effect with the next boot.
	Reboot bool
	// Tasks are those it changes: intruders, or the owners.
	Tasks []replay.TaskRef
	// CPUs is the affinity of [RemedyTaskset], the CPUs of the partition of
	// [RemedyPartition], or the isolated CPUs of [RemedyCores].
	CPUs cpumask.Mask
	// Kernel is that of [RemedyFix].
	Kernel *rules.Kernel

	// Held and Entries are of all isolated CPUs together, in the middle of the runs and at
	// the 95th of a hundred. P99 is the worst owner's.
	Held, HeldHi, Entries, EntriesHi int64
	P99                              loop.Band
	// Worse are the tasks that are surely worse off, as indexes of the program's tasks.
	Worse []int
}

// Advice is what would have helped.
type Advice struct {
	// Intruders are the foreign tasks that can be moved, Bound those that cannot: user
	// space may not set their affinity.
	Intruders, Bound []replay.TaskRef
	// RecentUsed: an entry came by recent_used_cpu, which the fix does not stop.
	// RecentPossible: the kernel has it, so another may.
	RecentUsed, RecentPossible bool
	Remedies                   []Remedy
	// Baseline is the recorded kernel's: what a remedy is held against.
	Baseline Remedy
}

// AdviceOf proposes the remedies that fit what was found; Judge fills their figures.
func AdviceOf(res *replay.Result) *Advice {
	a := &Advice{RecentPossible: res.BaselineKernel().Rules.RecentUsed != rules.RecentUsedNone}
	var owners []replay.TaskRef
	seen := map[int32]bool{}
	for _, c := range res.CPUs {
		if c.Owner != nil && !seen[c.Owner.PID] {
			seen[c.Owner.PID] = true
			owners = append(owners, *c.Owner)
		}
		for _, s := range c.Stays {
			if s.Entry != nil && s.Entry.Path == place.PathRecentUsed {
				a.RecentUsed = true
			}
			if s.Class != replay.ClassForeign || s.RunNS == 0 || seen[s.Task.PID] {
				continue
			}
			seen[s.Task.PID] = true
			if res.Host.Task[s.Task.PID].Bound.Value {
				a.Bound = append(a.Bound, s.Task)
			} else {
				a.Intruders = append(a.Intruders, s.Task)
			}
		}
	}
	byPID := func(x, y replay.TaskRef) int { return cmp.Compare(x.PID, y.PID) }
	slices.SortFunc(a.Intruders, byPID)
	slices.SortFunc(a.Bound, byPID)
	if len(a.Intruders)+len(a.Bound) == 0 {
		return a
	}
	a.taskset(res)
	if i := slices.IndexFunc(a.Intruders, func(t replay.TaskRef) bool { return t.Comm == "ksmd" }); i >= 0 {
		a.propose(Remedy{Kind: RemedyKSM, Tasks: a.Intruders[i : i+1]}, "ksm-off", change("without", pid(a.Intruders[i]), ""))
	}
	if len(owners) > 0 {
		var list []loop.Change
		for _, o := range owners {
			list = append(list, change("policy", pid(o), "fifo:1"))
		}
		a.propose(Remedy{Kind: RemedyRT, Tasks: owners}, "owner-fifo", list...)
	}
	if k := res.BaselineKernel(); !k.Rules.SMTSpan && k.Rules.Sibling != rules.SiblingNone {
		if fixed, err := k.With(rules.FixSMTSpan, true); err == nil {
			a.propose(Remedy{Kind: RemedyFix, Reboot: true, Kernel: fixed}, "fix", change("kernel", "", fixed.Name))
		}
	}
	a.cores(res)
	return a
}

func change(key, task, value string) loop.Change {
	return loop.Change{Key: key, Task: task, Value: value}
}

func pid(t replay.TaskRef) string { return strconv.Itoa(int(t.PID)) }

func (a *Advice) propose(r Remedy, name string, changes ...loop.Change) {
	r.Scenario = loop.Scenario{Name: name, Changes: changes}
	a.Remedies = append(a.Remedies, r)
}

// taskset proposes to take the isolated CPUs from every intruder that can be moved.
func (a *Advice) taskset(res *replay.Result) {
	online := res.Host.Online.Value
	if online.Empty() {
		online = res.Host.Possible.Value
	}
	house := online.AndNot(res.Isolated.Value)
	if len(a.Intruders) == 0 || house.Empty() {
		return
	}
	var list []loop.Change
	for _, t := range a.Intruders {
		list = append(list, change("affinity", pid(t), house.String()))
	}
	a.propose(Remedy{Kind: RemedyTaskset, Tasks: a.Intruders, CPUs: house}, "taskset", list...)
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

// Scenarios are those of the remedies, in their order.
func (a *Advice) Scenarios() []loop.Scenario {
	var out []loop.Scenario
	for i := range a.Remedies {
		out = append(out, a.Remedies[i].Scenario)
	}
	return out
}

// Judge takes the figures from the closed loop, which ran the scenarios in their order, and
// ranks: the least time held first, then what needs no boot, then where fewer tasks are
// worse off, then the cheapest.
func (a *Advice) Judge(res *replay.Result, r *loop.Result) {
	a.Baseline.judge(res, r, &r.Outcomes[0])
	for i := range a.Remedies {
		a.Remedies[i].judge(res, r, &r.Outcomes[i+1])
	}
	slices.SortStableFunc(a.Remedies, func(x, y Remedy) int {
		return cmp.Or(cmp.Compare(x.Held/heldStep, y.Held/heldStep), cmp.Compare(btoi(x.Reboot), btoi(y.Reboot)),
			cmp.Compare(len(x.Worse)/worseStep, len(y.Worse)/worseStep), cmp.Compare(x.Kind, y.Kind))
	})
}

// heldStep is the time held, worseStep the number of tasks worse off, within which remedies
// count as equal.
const (
	heldStep  = 1_000_000
	worseStep = 5
)

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// judge sums over the recorded isolated CPUs.
func (m *Remedy) judge(res *replay.Result, r *loop.Result, o *loop.Outcome) {
	for _, c := range res.CPUs {
		for _, k := range o.Isolated {
			if k.CPU == c.CPU {
				m.Held += k.Held.Mid
				m.HeldHi += k.Held.Hi
				m.Entries += k.Entries.Mid
				m.EntriesHi += k.Entries.Hi
			}
		}
		if c.Owner == nil {
			continue
		}
		if i := r.Program.Find(c.Owner.PID); i >= 0 {
			if d := o.Tasks[i].Delay.P99; d.Known && d.Mid > m.P99.Mid {
				m.P99 = d
			}
		}
	}
	m.Worse = r.Worse(o)
}

// Name tells an intruder's name for a command line: a kernel thread's is safe, any
// other is left to its pid.
func Name(t replay.TaskRef) string {
	if parser.IsKthreadName(t.Comm) && !strings.ContainsAny(t.Comm, " /") {
		return t.Comm
	}
	return ""
}
