package topo

import (
	"reflect"

	"schedreplay/kernelmodel/rules"
)

// placingFlags are the flags that the code which places tasks asks of a domain.
const placingFlags = rules.SDWakeAffine | rules.SDBalanceFork | rules.SDBalanceExec | rules.SDNUMA

// PlacesAs reports whether the code that places tasks sees the same in two machines: what
// their domains are called and how they are balanced may differ.
func (m *Machine) PlacesAs(o *Machine) bool {
	if m == o {
		return true
	}
	a, b := *m, *o
	x, y := *m.domains, *o.domains
	a.domains, b.domains = nil, nil
	x.CPU, x.Notes, y.CPU, y.Notes = nil, nil, nil, nil
	if !reflect.DeepEqual(&a, &b) || !reflect.DeepEqual(&x, &y) {
		return false
	}
	for c := range m.domains.CPU {
		if !m.domains.CPU[c].placesAs(&o.domains.CPU[c]) {
			return false
		}
	}
	return true
}

func (c *CPUDomains) placesAs(o *CPUDomains) bool {
	a, b := *c, *o
	a.SD, b.SD = nil, nil
	if !reflect.DeepEqual(&a, &b) || len(c.SD) != len(o.SD) {
		return false
	}
	for i := range c.SD {
		x, y := &c.SD[i], &o.SD[i]
		if x.ImbalancePct != y.ImbalancePct || x.ImbNUMA != y.ImbNUMA || (x.Flags^y.Flags)&placingFlags != 0 ||
			len(x.Groups) != len(y.Groups) || !x.Span.Equal(y.Span) {
			return false
		}
		for j := range x.Groups {
			if !x.Groups[j].Span.Equal(y.Groups[j].Span) {
				return false
			}
		}
	}
	return true
}
