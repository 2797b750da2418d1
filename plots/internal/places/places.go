package places

import (
	"cmp"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Place is where a CPU stands on an axis: its node, its LLC and its core.
type Place struct {
	CPU, Node int // node -1: not known
	LLC, Core int // the first CPU of it; the CPU itself if not known
}

// Order puts CPUs in order: those of a node together, within it those of an
// LLC, within that those of a core. known is false if the topology is not.
func Order(h *parser.Host, cpus cpumask.Mask) (list []Place, known bool) {
	for _, cpu := range cpus.Slice() {
		p := Place{cpu, -1, cpu, cpu}
		if h != nil {
			for _, n := range h.Node {
				if n.CPUs.Test(cpu) {
					p.Node = n.ID
				}
			}
			if cpu < len(h.CPU) && h.CPU[cpu].Known {
				known = true
				if m := h.CPU[cpu].LLC; m.Test(cpu) {
					p.LLC = m.First()
				}
				if m := h.CPU[cpu].Siblings; m.Test(cpu) {
					p.Core = m.First()
				}
			}
		}
		list = append(list, p)
	}
	if !known { // one group
		for i := range list {
			list[i].LLC = -1
		}
		return list, false
	}
	slices.SortFunc(list, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.LLC, b.LLC), cmp.Compare(a.Core, b.Core), cmp.Compare(a.CPU, b.CPU))
	})
	return list, true
}

// Known is every online CPU of the machine, as far as that is known, and those given. A
// virtual machine may have many more that are possible.
func Known(res *replay.Result, more cpumask.Mask) cpumask.Mask {
	all := more.Clone()
	if res.Host == nil {
		return all
	}
	if m, ok := res.Host.Online.Get(); ok {
		return all.Or(m)
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
