package places

import (
	"schedreplay/cpumask"
	"schedreplay/replay"
)

// Group is a stretch of CPUs that stand together on an axis: an LLC.
type Group struct {
	Name string
	CPUs []int
}

// maxCPUs bounds the CPUs on an axis.
const maxCPUs = 256

// Groups arranges the CPUs of the host by LLC; where they are too many for
// a figure, those that were used, and counts the others.
func Groups(res *replay.Result, used, isolated cpumask.Mask) ([]Group, int) {
	all := Known(res, used.Or(isolated))
	known := res.Host.TopologyKnown()
	left := 0
	if all.Weight() > maxCPUs {
		n := all.Weight()
		all = used.Or(isolated)
		for all.Weight() > maxCPUs {
			all.Clear(all.Last())
		}
		left = n - all.Weight()
	}
	if !known {
		return []Group{{"", all.Slice()}}, left
	}
	var groups []Group
	rest := all.Clone()
	for cpu := rest.First(); cpu >= 0; cpu = rest.First() {
		llc := cpumask.Of(cpu)
		name := ""
		if cpu < len(res.Host.CPU) && res.Host.CPU[cpu].Known && res.Host.CPU[cpu].LLC.Test(cpu) {
			llc = res.Host.CPU[cpu].LLC
			name = llc.String()
		}
		members := llc.And(rest)
		groups = append(groups, Group{name, members.Slice()})
		rest.Remove(members)
	}
	return groups, left
}
