package kernelmodel

import "schedreplay/cpumask"

// TmpMachine is a stand-in until the domain builder lands.
func TmpMachine(smt, llc, node []cpumask.Mask, iso cpumask.Mask) *Machine {
	n := len(smt)
	m := &Machine{ncpu: n, isolated: iso}
	for c := range n {
		m.active.Set(c)
	}
	house := m.active.AndNot(iso)
	idx := map[string]int{}
	m.smt = smt
	m.domains = make([][]level, n)
	m.llcOf, m.llcID, m.llcSizes, m.shareID, m.llcLevels = make([]int, n), make([]int, n), make([]int, n), make([]int, n), make([]int, n)
	m.cluster = make([]cpumask.Mask, n)
	m.node, m.root = node, make([]cpumask.Mask, n)
	for c := range n {
		m.llcOf[c], m.llcLevels[c] = -1, -1
		if smt[c].Weight() > 1 {
			m.smtActive = true
		}
		if iso.Test(c) {
			m.root[c] = iso
			continue
		}
		m.root[c] = house
		m.llcID[c], m.llcSizes[c] = c, 1
		flags := flagWakeAffine | flagBalanceFork | flagBalanceExec
		var lv []level
		if s := smt[c].And(house); s.Weight() > 1 {
			var g []cpumask.Mask
			for x := range s.All() {
				g = append(g, cpumask.Of(x))
			}
			lv = append(lv, level{Span: s, ImbalancePct: 110, flags: flags, Groups: g})
			m.llcLevels[c] = 0
		}
		if s := llc[c].And(house); s.Weight() > 1 {
			var g []cpumask.Mask
			seen := cpumask.Mask{}
			for x := range s.All() {
				if !seen.Test(x) {
					k := smt[x].And(house)
					g = append(g, k)
					seen = seen.Or(k)
				}
			}
			if len(g) > 1 || len(lv) == 0 {
				lv = append(lv, level{Span: s, ImbalancePct: 117, flags: flags, Groups: g})
			}
			m.llcLevels[c] = len(lv) - 1
			m.llcID[c], m.llcSizes[c] = s.First(), s.Weight()
			i, ok := idx[s.String()]
			if !ok {
				i = len(m.llcSpan)
				idx[s.String()] = i
				m.llcSpan = append(m.llcSpan, s)
			}
			m.llcOf[c] = i
		}
		if !house.Equal(llc[c].And(house)) {
			var g []cpumask.Mask
			seen := cpumask.Mask{}
			for x := range house.All() {
				if !seen.Test(x) {
					k := llc[x].And(house)
					g = append(g, k)
					seen = seen.Or(k)
				}
			}
			lv = append(lv, level{Span: house, ImbalancePct: 117, flags: flags, Groups: g})
		}
		m.domains[c] = lv
	}
	return m
}
