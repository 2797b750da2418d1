package world

import (
	"reflect"

	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/parser"
	"schedreplay/replay/hidden"
	"schedreplay/replay/timeline"
)

// Scenario is a kernel on a host.
type Scenario struct {
	// Name is the kernel's, or what the user calls the scenario.
	Name   string
	Kernel *rules.Kernel
	// Host is the machine as it would be, nil as it was recorded. Its topology and
	// isolation make the sched domains; tasks and CPUs are the recording's.
	Host *parser.Host
}

// ScenarioOf is a kernel on the recorded host.
func ScenarioOf(k *rules.Kernel) Scenario { return Scenario{Name: k.Name, Kernel: k} }

// Side is one scenario of a pass: the baseline, or an alternative in its own world.
type Side struct {
	Scenario
	// Machine is the machine with the domains that this kernel builds, nil if the topology is
	// unknown.
	Machine *topo.Machine
	// LLCs gives the machine's LLCs their numbers among those of all sides.
	LLCs     []int
	Selector place.Selector
	World    *World
	// differs says where an alternative can differ from the baseline.
	differs difference
	// idlePolicy: some task is of SCHED_IDLE.
	idlePolicy bool

	// The decision in hand: what is asked, the baseline's ask where that is the same here, and
	// what answers.
	Ask   place.Wakeup
	Asked *place.Wakeup
	// Allowed is the wakee's affinity under this kernel where it is another (ownMay).
	Allowed    timeline.Affinity
	OwnAllowed bool
	State      State
	Memo       Memo
	// Wakee and Waker are where the two tasks of it are in this world, nil as recorded.
	Wakee, Waker *Divergence
	// Places are where the wakee may be in this world after it, the likeliest first.
	Places []int
}

// difference is how far two kernels can differ while their worlds are the same.
type difference uint8

const (
	// neverDiffers: on this machine the kernels do the same.
	neverDiffers difference = iota
	// leakDiffers: only where a sibling lies outside the domain of a target or prev
	// (select_idle_smt).
	leakDiffers
	// coreLeakDiffers: only where one does so anywhere in the LLC (select_idle_core).
	coreLeakDiffers
	// mayDiffer: anywhere.
	mayDiffer
)

// newSide makes a scenario ready to be asked; index tells it apart in explorations.
func newSide(sc Scenario, m *topo.Machine, index int, idlePolicy bool) *Side {
	a := &Side{Scenario: sc, Machine: m, World: newWorld(), idlePolicy: idlePolicy}
	a.Selector = a.Selects(sc.Kernel)
	a.Selector.Index = index
	return a
}

// Allow puts the wakee's affinity under this kernel into what is asked.
func (a *Side) Allow(q *place.Wakeup) {
	if a.OwnAllowed {
		q.Allowed, q.AllowedFrom, q.OneCPU = a.Allowed.Mask, a.Allowed.From, a.Allowed.One()
	}
}

// Selects runs a kernel on the side's machine.
func (a *Side) Selects(k *rules.Kernel) place.Selector {
	sel := place.Selector{Rules: &k.Rules, Machine: a.Machine, NoSchedIdle: !a.idlePolicy}
	if v := k.Variants(); len(v) > 1 {
		sel.Variants = v
	}
	return sel
}

// compare says how far two sides can differ.
func (a *Side) compare(b *Side) difference {
	if a.Machine == nil {
		return neverDiffers
	}
	x, y := a.effective(), b.effective()
	switch {
	case a.Machine != b.Machine || a.Kernel.Tasks != b.Kernel.Tasks || a.Selector.Variants != nil || b.Selector.Variants != nil || !x.AgreeWithoutLeaks(&y):
		return mayDiffer
	case x.CoreSpan != y.CoreSpan:
		return coreLeakDiffers
	case x.SMTSpan != y.SMTSpan:
		return leakDiffers
	}
	return neverDiffers
}

// effective are the kernel's rules, those alike that come to the same on its machine.
func (a *Side) effective() rules.Rules {
	x := a.Kernel.Rules
	x.PendingLast, x.Throttle = false, 0 // how a CPU looks is the baseline's
	if !a.Machine.LeaksAnywhere() {
		x.SMTSpan, x.CoreSpan = true, true
	}
	x.Cluster = x.Cluster && a.Machine.ClusterActive()
	if !a.idlePolicy {
		x.SchedIdle, x.SchedIdleSecond, x.SchedIdleOthers = false, false, false
	}
	return x
}

// ReachesAs reports whether the kernel may come to the same CPUs as another side's where not
// all was tried and both are asked the same.
func (a *Side) ReachesAs(o *Side) bool {
	x, y := a.Selector.Rules, o.Selector.Rules
	return a == o || a.Machine == o.Machine && a.Selector.Variants == nil && o.Selector.Variants == nil &&
		x.Leaks() == y.Leaks() && x.RecentUsedMask == y.RecentUsedMask && x.HousekeepingAny == y.HousekeepingAny
}

// LLC is the number of the CPU's LLC among those of all sides, -1 if it has none or is
// not known.
func (a *Side) LLC(cpu int) int {
	if cpu < 0 {
		return -1
	}
	if i := a.Machine.LLC(cpu); i >= 0 {
		return a.LLCs[i]
	}
	return -1
}

// leaks reports whether a sibling of the CPU lies outside its LLC's domain.
func (a *Side) leaks(cpu int) bool {
	llc := a.Machine.LLC(cpu)
	return llc >= 0 && !a.Machine.SMT(cpu).SubsetOf(a.Machine.LLCSpan(llc))
}

// MayPart reports whether the side may do otherwise than the baseline, whose runs are
// given, all there can be if complete, although their worlds are the same.
func (a *Side) MayPart(runs []place.Outcome, complete bool) bool {
	switch {
	case a.differs == neverDiffers:
		return false
	case a.differs == mayDiffer || !complete:
		return true
	}
	for i := range runs {
		o := &runs[i]
		if !o.Selected() {
			continue
		}
		if o.Target < 0 || o.Prev < 0 || a.leaks(o.Target) || a.leaks(o.Prev) {
			return true
		}
		if llc := a.Machine.LLC(o.Target); a.differs == coreLeakDiffers && llc >= 0 {
			for c := range a.Machine.LLCSpan(llc).All() {
				if a.leaks(c) {
					return true
				}
			}
		}
	}
	return false
}

// machines builds each machine once: kernels whose domains are equal share theirs.
type machines struct {
	recorded *parser.Host
	built    []builtMachine
}

type builtMachine struct {
	host *parser.Host
	row  string // of the kernel; its domains are those of the row
	m    *topo.Machine
}

// of returns the machine of a scenario, nil if its topology is unknown.
func (b *machines) of(sc *Scenario) *topo.Machine {
	host := sc.Host
	if host == nil {
		host = b.recorded
	}
	for _, x := range b.built {
		if x.host == host && x.row == sc.Kernel.Row {
			return x.m
		}
	}
	m := BuildMachine(host, sc.Kernel.Domains)
	for _, x := range b.built {
		if m != nil && reflect.DeepEqual(m, x.m) {
			m = x.m
			break
		}
	}
	b.built = append(b.built, builtMachine{host, sc.Kernel.Row, m})
	return m
}

// number gives the LLCs of a side their numbers among all.
func (a *Side) number(all []hidden.LLC) []hidden.LLC {
	if a.Machine == nil {
		return all
	}
next:
	for i := range a.Machine.NumLLC() {
		l := hidden.LLC{Span: a.Machine.LLCSpan(i), Pct: a.Machine.LLCImbalancePct(i)}
		for j := range all {
			if all[j].Pct == l.Pct && all[j].Span.Equal(l.Span) {
				a.LLCs = append(a.LLCs, j)
				continue next
			}
		}
		a.LLCs = append(a.LLCs, len(all))
		all = append(all, l)
	}
	return all
}

// Cleared tells what core scans did to has_idle_cores over runs of a side: the LLC whose
// flag some run clears, -1 if none does, and whether every run clears it or found it so.
func (a *Side) Cleared(n int, run func(int) *place.Outcome) (llc int, all bool) {
	llc, all = -1, true
	for i := range n {
		if l := a.LLC(run(i).ClearIdleCores); l >= 0 {
			llc = l
		}
	}
	for i := range n {
		o := run(i)
		clears := o.ClearIdleCores >= 0 && a.LLC(o.ClearIdleCores) == llc
		unset := o.IdleCores == 0 && a.LLC(o.Target) == llc // as it was read, and is left
		all = all && (clears || unset)
	}
	return llc, all
}
