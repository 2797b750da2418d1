package topo

import (
	"iter"

	"schedreplay/cpumask"
)

// wrapFrom yields the CPUs of a mask in ascending order from start on, around to
// those before it (for_each_cpu_wrap).
func wrapFrom(m cpumask.Mask, start int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for c := m.Next(start - 1); c >= 0; c = m.Next(c) {
			if !yield(c) {
				return
			}
		}
		for c := m.First(); c >= 0 && c < start; c = m.Next(c) {
			if !yield(c) {
				return
			}
		}
	}
}

// rings holds the groups from each group on. All groups of a circle share one list:
// what a machine takes grows with its CPUs, not with their square.
type rings map[*schedGroup][]DomainGroup

// from returns the groups from first on, each once: overlapping masks below NUMA
// can tie the ring into a knot, in which old kernels would go round for ever.
func (r rings) from(first *schedGroup) []DomainGroup {
	if list, ok := r[first]; ok {
		return list
	}
	var nodes []*schedGroup
	seen := map[*schedGroup]bool{}
	g := first
	for ; g != nil && !seen[g]; g = g.next {
		seen[g] = true
		nodes = append(nodes, g)
	}
	n := len(nodes)
	twice := make([]DomainGroup, 0, 2*n)
	for _, g := range append(nodes, nodes...) {
		twice = append(twice, g.DomainGroup)
	}
	if g != first {
		return twice[:n:n] // no circle: each start has a list of its own
	}
	for i, g := range nodes {
		r[g] = twice[i : i+n : i+n]
	}
	return r[first]
}

// linkRing links the groups of a span into a ring, from a CPU on around, and
// returns the first. group gives the group of a CPU that those before it do not
// cover, nil for none.
func linkRing(span cpumask.Mask, cpu int, group func(cpu int) *schedGroup) *schedGroup {
	var first, last *schedGroup
	var covered cpumask.Mask
	ring := &groupRing{span: span}
	for i := range wrapFrom(span, cpu) {
		if covered.Test(i) {
			continue
		}
		g := group(i)
		if g == nil {
			continue
		}
		ring.weight += g.Span.Weight()
		g.ring = ring
		for c := range g.Span.All() {
			covered.Set(c)
		}
		if first == nil {
			first = g
		} else {
			last.next = g
		}
		last = g
	}
	if last != nil {
		last.next = first
	}
	ring.parts = ring.weight == covered.Weight()
	return first
}

// buildSchedGroups models build_sched_groups: one group for each child domain in
// the span. The CPUs of a span share the groups, and so the last of them to come
// here orders the ring.
func buildSchedGroups(sd *schedDomain, cpu int) {
	// Groups that do not overlap stand in one order wherever the walk begins.
	if g := getGroup(cpu, sd.tl); g.ring != nil && g.ring.parts && g.ring.span.Equal(sd.Span) {
		sd.groups = g
		return
	}
	sd.groups = linkRing(sd.Span, cpu, func(i int) *schedGroup { return getGroup(i, sd.tl) })
}

// getGroup models get_group: the group that holds a CPU at a level, kept by the
// first CPU of its child domain.
func getGroup(cpu int, tl *topologyLevel) *schedGroup {
	var child *schedDomain
	if sd := tl.sd[cpu]; sd != nil { // else its domains end below this level
		child = sd.child
	}
	if child != nil {
		cpu = child.Span.First()
	}
	if tl.sg[cpu] == nil {
		tl.sg[cpu] = &schedGroup{}
	}
	g := tl.sg[cpu]
	if g.used {
		return g
	}
	g.used = true
	if child != nil {
		g.Span, g.Flags = child.Span, child.Flags
	} else {
		g.Span = cpumask.Of(cpu)
	}
	g.BalanceMask = g.Span
	return g
}

// buildOverlapSchedGroups models build_overlap_sched_groups: groups of NUMA
// levels are the child domains of CPUs not yet covered, and may overlap.
func (b *domainBuilder) buildOverlapSchedGroups(sd *schedDomain, cpu int) {
	sd.groups = linkRing(sd.Span, cpu, func(i int) *schedGroup {
		sibling := sd.tl.sd[i]
		if sibling == nil || !sibling.Span.Test(i) {
			return nil // its domains end below this level
		}
		if b.r.Descended && sibling.child != nil && !sibling.child.Span.SubsetOf(sd.Span) {
			sibling = findDescendedSibling(sd, sibling)
		}
		g := &schedGroup{}
		if sibling.child != nil {
			g.Span, g.Flags = sibling.child.Span, sibling.child.Flags
		} else {
			g.Span = sibling.Span
		}
		g.BalanceMask = sibling.tl.balanceMask(g.Span)
		return g
	})
}

// findDescendedSibling models find_descended_sibling: the domain below a sibling
// whose child lies within the span, past those that will be dropped.
func findDescendedSibling(sd, sibling *schedDomain) *schedDomain {
	for sibling.child != nil && !sibling.child.Span.SubsetOf(sd.Span) {
		sibling = sibling.child
	}
	for sibling.child != nil && sibling.child.Span.Equal(sibling.Span) {
		sibling = sibling.child
	}
	return sibling
}

// balanceMask models build_balance_mask: the CPUs of a group whose own domains lead to
// that very group. Every CPU of a NUMA level has groups of its own with the same spans, so
// each span is worked out once.
func (tl *topologyLevel) balanceMask(span cpumask.Mask) cpumask.Mask {
	if tl.balance == nil {
		tl.balance = map[int][]DomainGroup{}
	}
	first := span.First()
	for _, g := range tl.balance[first] {
		if g.Span.Equal(span) {
			return g.BalanceMask
		}
	}
	var m cpumask.Mask
	for i := range span.All() {
		if s := tl.sd[i]; s != nil && s.child != nil && s.child.Span.Equal(span) {
			m.Set(i)
		}
	}
	tl.balance[first] = append(tl.balance[first], DomainGroup{Span: span, BalanceMask: m})
	return m
}
