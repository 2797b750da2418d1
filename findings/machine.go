package findings

import (
	"fmt"
	"slices"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Machine is a host as a kernel's scheduler sees it.
type Machine struct {
	Host   *parser.Host
	Kernel *rules.Kernel
	// Assumed: which kernel runs is not known.
	Assumed bool
	// Topo is nil where the topology is not known.
	Topo   *topo.Machine
	Rules  rules.DomainRules
	Online cpumask.Mask
}

// Split is a core that isolation splits.
type Split struct{ Isolated, Housekeeping cpumask.Mask }

// MachineOf makes a machine of a host and a kernel.
func MachineOf(h *parser.Host, k *rules.Kernel, assumed bool) *Machine {
	v := &Machine{Host: h, Kernel: k, Assumed: assumed, Rules: k.Domains, Topo: replay.BuildMachine(h, k.Domains), Online: h.Online.Value}
	if !h.Online.Known() {
		for i := range h.CPU {
			if h.CPU[i].Known {
				v.Online.Set(i)
			}
		}
	}
	return v
}

// groups returns the distinct non-empty masks of the online CPUs, by their
// first CPU.
func (v *Machine) groups(of func(cpu int) cpumask.Mask) []cpumask.Mask {
	var out []cpumask.Mask
	var done cpumask.Mask
	for cpu := range v.Online.All() {
		if m := of(cpu).And(v.Online); !m.Empty() && !done.Test(cpu) {
			done = done.Or(m)
			out = append(out, m)
		}
	}
	return out
}

func (v *Machine) info(cpu int) parser.CPUInfo {
	if cpu < len(v.Host.CPU) {
		return v.Host.CPU[cpu]
	}
	return parser.CPUInfo{}
}

// Cores are the sets of SMT siblings, nil if they are not known.
func (v *Machine) Cores() []cpumask.Mask {
	return v.groups(func(c int) cpumask.Mask { return v.info(c).Siblings })
}

// Caches are the sets of CPUs that share a last-level cache.
func (v *Machine) Caches() []cpumask.Mask {
	return v.groups(func(c int) cpumask.Mask { return v.info(c).LLC })
}

// Packages are the sets of CPUs of a package.
func (v *Machine) Packages() []cpumask.Mask {
	return v.groups(func(c int) cpumask.Mask { return v.info(c).Package })
}

// Splits are the cores of which some CPUs are isolated and some are not.
func (v *Machine) Splits() []Split {
	iso, ok := v.Host.Isolated.Get()
	if !ok {
		return nil
	}
	var out []Split
	for _, core := range v.Cores() {
		if in, rest := core.And(iso), core.AndNot(iso); !in.Empty() && !rest.Empty() {
			out = append(out, Split{in, rest})
		}
	}
	return out
}

// DomainChain is the stack of sched domains that some CPUs have in common.
type DomainChain struct {
	CPUs    cpumask.Mask
	Domains []topo.Domain
}

// Chains groups the CPUs by their domains.
func (v *Machine) Chains() []DomainChain {
	var out []DomainChain
	byFirst := map[int][]int{} // of out, by the first CPU of the lowest domain
	for cpu := range v.Online.All() {
		sd := v.Topo.Domains().CPU[cpu].SD
		first := -1
		if len(sd) > 0 {
			first = sd[0].Span.First()
		}
		i := -1
		for _, k := range byFirst[first] {
			if slices.EqualFunc(out[k].Domains, sd, func(x, y topo.Domain) bool {
				return x.Name == y.Name && x.Span.Equal(y.Span) && x.Flags == y.Flags && x.ImbalancePct == y.ImbalancePct
			}) {
				i = k
				break
			}
		}
		if i < 0 {
			i = len(out)
			out = append(out, DomainChain{Domains: sd})
			byFirst[first] = append(byFirst[first], i)
		}
		out[i].CPUs.Set(cpu)
	}
	return out
}

// Disagreements compares the computed domains with the kernel's own, CPU by
// CPU.
func (v *Machine) Disagreements() []string {
	var out []string
	for cpu := range v.Online.All() {
		own, ok := v.Host.Domains[cpu]
		if !ok {
			continue
		}
		if s := v.disagreement(v.Topo.Domains().CPU[cpu].SD, own); s != "" {
			out = append(out, fmt.Sprintf("CPU %d: %s", cpu, s))
		}
	}
	return out
}

func (v *Machine) disagreement(sd []topo.Domain, own []parser.DomainInfo) string {
	if len(sd) != len(own) {
		return fmt.Sprintf("computed %d domains, the kernel has %d", len(sd), len(own))
	}
	for i := range sd {
		c, k := &sd[i], &own[i]
		flags := v.Rules.FlagNames(c.Flags)
		switch {
		case k.Name != "" && k.Name != c.Name:
			return fmt.Sprintf("domain %d is %s, the kernel's %q", i, c.Name, k.Name)
		case !k.Span.Empty() && !k.Span.Equal(c.Span):
			return fmt.Sprintf("%s spans %s, the kernel's %s", c.Name, c.Span, k.Span)
		case k.Flags != nil && !slices.Equal(k.Flags, flags):
			return fmt.Sprintf("%s has flags %s, the kernel's %s", c.Name, strings.Join(flags, " "), strings.Join(k.Flags, " "))
		case k.ImbalancePct > 0 && k.ImbalancePct != c.ImbalancePct:
			return fmt.Sprintf("%s has imbalance_pct %d, the kernel's %d", c.Name, c.ImbalancePct, k.ImbalancePct)
		}
	}
	return ""
}
