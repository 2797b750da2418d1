package plots

import (
	"cmp"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/replay"
)

// cpuPlace is where a CPU stands on an axis: its node, its LLC and its core.
type cpuPlace struct {
	cpu, node int // node -1: not known
	llc, core int // the first CPU of it; the CPU itself if not known
}

// places puts CPUs in order: those of a node together, within it those of an
// LLC, within that those of a core. known is false if the topology is not.
func places(h *parser.Host, cpus cpumask.Mask) (list []cpuPlace, known bool) {
	for _, cpu := range cpus.Slice() {
		p := cpuPlace{cpu, -1, cpu, cpu}
		if h != nil {
			for _, n := range h.Node {
				if n.CPUs.Test(cpu) {
					p.node = n.ID
				}
			}
			if cpu < len(h.CPU) && h.CPU[cpu].Known {
				known = true
				if m := h.CPU[cpu].LLC; m.Test(cpu) {
					p.llc = m.First()
				}
				if m := h.CPU[cpu].Siblings; m.Test(cpu) {
					p.core = m.First()
				}
			}
		}
		list = append(list, p)
	}
	if !known { // one group
		for i := range list {
			list[i].llc = -1
		}
		return list, false
	}
	slices.SortFunc(list, func(a, b cpuPlace) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.llc, b.llc), cmp.Compare(a.core, b.core), cmp.Compare(a.cpu, b.cpu))
	})
	return list, true
}

// hostCPUs is every CPU of the machine, as far as that is known, and those
// given.
func hostCPUs(res *replay.Result, more cpumask.Mask) cpumask.Mask {
	all := more.Clone()
	if res.Host == nil {
		return all
	}
	if m, ok := res.Host.Possible.Get(); ok {
		all = all.Or(m)
	}
	for cpu, info := range res.Host.CPU {
		if info.Known {
			all.Set(cpu)
		}
	}
	return all
}
