package replay

import (
	"reflect"
	"slices"

	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/parser"
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

// scenarioOf is a kernel on the recorded host.
func scenarioOf(k *rules.Kernel) Scenario { return Scenario{Name: k.Name, Kernel: k} }

// side is one scenario of a pass: the baseline, or an alternative in its own world.
type side struct {
	Scenario
	// m is the machine with the domains that this kernel builds, nil if the topology is
	// unknown.
	m *topo.Machine
	// llcs gives the machine's LLCs their numbers among those of all sides.
	llcs  []int
	sel   place.Selector
	world *world
	// differs says where an alternative can differ from the baseline.
	differs difference

	// The decision in hand: what is asked, the baseline's ask where the worlds are the
	// same, and the outcomes of the baseline and of this side under the same answers.
	ask place.Wakeup
	now *place.Wakeup
	// may is the wakee's affinity under this kernel where it is another (ownMay).
	may    affinity
	ownMay bool
	runs   []bothRun
	answered

	runsAgain []bothRun // those in hindsight
	memo      idleMemo
	idx       []int
}

// answered is how a side came to its answer.
type answered struct {
	state state
	// complete: every combination of facts was tried.
	complete bool
	// parts: the side was asked; else it does what the baseline does.
	parts bool
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
func newSide(sc Scenario, m *topo.Machine, index int) *side {
	a := &side{Scenario: sc, m: m, world: newWorld()}
	a.sel = a.selector(sc.Kernel)
	a.sel.Index = index
	return a
}

// allow puts the wakee's affinity under this kernel into what is asked.
func (a *side) allow(q *place.Wakeup) {
	if a.ownMay {
		q.Allowed, q.AllowedFrom, q.OneCPU = a.may.mask, a.may.from, a.may.one()
	}
}

// selector runs a kernel on the side's machine.
func (a *side) selector(k *rules.Kernel) place.Selector {
	sel := place.Selector{Rules: &k.Rules, Machine: a.m}
	if v := k.Variants(); len(v) > 1 {
		sel.Variants = v
	}
	return sel
}

// compare says how far two sides can differ.
func (a *side) compare(b *side) difference {
	if a.m == nil {
		return neverDiffers
	}
	x, y := a.effective(), b.effective()
	switch {
	case a.m != b.m || a.Kernel.Tasks != b.Kernel.Tasks || a.sel.Variants != nil || b.sel.Variants != nil || !x.AgreeWithoutLeaks(&y):
		return mayDiffer
	case x.CoreSpan != y.CoreSpan:
		return coreLeakDiffers
	case x.SMTSpan != y.SMTSpan:
		return leakDiffers
	}
	return neverDiffers
}

// effective are the kernel's rules, those alike that come to the same on its machine.
func (a *side) effective() rules.Rules {
	x := a.Kernel.Rules
	x.PendingLast = false // how a CPU looks is the baseline's
	if !a.m.LeaksAnywhere() {
		x.SMTSpan, x.CoreSpan = true, true
	}
	return x
}

// llc is the number of the CPU's LLC among those of all sides, -1 if it has none or is
// not known.
func (a *side) llc(cpu int) int {
	if cpu < 0 {
		return -1
	}
	if i := a.m.LLC(cpu); i >= 0 {
		return a.llcs[i]
	}
	return -1
}

// leaks reports whether a sibling of the CPU lies outside its LLC's domain.
func (a *side) leaks(cpu int) bool {
	llc := a.m.LLC(cpu)
	return llc >= 0 && !a.m.SMT(cpu).SubsetOf(a.m.LLCSpan(llc))
}

// mayPart reports whether the side may do otherwise than the baseline, whose runs are
// given, all there can be if complete, although their worlds are the same.
func (a *side) mayPart(runs []place.Outcome, complete bool) bool {
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
		if llc := a.m.LLC(o.Target); a.differs == coreLeakDiffers && llc >= 0 {
			for c := range a.m.LLCSpan(llc).All() {
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
func (a *side) number(all []llcSpan) []llcSpan {
	if a.m == nil {
		return all
	}
next:
	for i := range a.m.NumLLC() {
		l := llcSpan{a.m.LLCSpan(i), a.m.LLCImbalancePct(i)}
		for j := range all {
			if all[j].pct == l.pct && all[j].span.Equal(l.span) {
				a.llcs = append(a.llcs, j)
				continue next
			}
		}
		a.llcs = append(a.llcs, len(all))
		all = append(all, l)
	}
	return all
}

// bothRun holds the outcomes of one run of two kernels under the same answers: the
// baseline's and an alternative's.
type bothRun struct {
	o, p place.Outcome
}

// agree reports whether the alternative does what the baseline does under every
// combination.
func (a *side) agree() bool {
	return !slices.ContainsFunc(a.runs, func(b bothRun) bool { return b.o.CPU != b.p.CPU })
}

// consistent lists the runs in which the baseline yields the recorded CPU, none if there
// are none.
func (a *side) consistent(recorded int) []int {
	a.idx = a.idx[:0]
	for i := range a.runs {
		if a.runs[i].o.CPU == recorded {
			a.idx = append(a.idx, i)
		}
	}
	return a.idx
}

// fitting lists the runs that fit the recording, all if none does.
func (a *side) fitting(recorded int) []int {
	if len(a.consistent(recorded)) == 0 {
		for i := range a.runs {
			a.idx = append(a.idx, i)
		}
	}
	return a.idx
}

// cleared tells what core scans did to has_idle_cores over runs of a side: the LLC whose
// flag some run clears, -1 if none does, and whether every run clears it or found it so.
func (a *side) cleared(n int, run func(int) *place.Outcome) (llc int, all bool) {
	llc, all = -1, true
	for i := range n {
		if l := a.llc(run(i).ClearIdleCores); l >= 0 {
			llc = l
		}
	}
	for i := range n {
		o := run(i)
		clears := o.ClearIdleCores >= 0 && a.llc(o.ClearIdleCores) == llc
		unset := o.IdleCores == 0 && a.llc(o.Target) == llc // as it was read, and is left
		all = all && (clears || unset)
	}
	return llc, all
}
