package places

import (
	"cmp"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/topo"
)

// DomainRow is a row of sched domains of one level whose spans do not meet.
type DomainRow struct {
	Name  string
	Spans []cpumask.Mask
}

// Some keeps as many CPUs as there is room for, by whole cores: those with isolated
// CPUs first, then the rest of their LLCs, then others.
func Some(list []Place, iso cpumask.Mask, room int) (kept []Place, left int) {
	size, hasIso, llcHasIso := map[int]int{}, map[int]bool{}, map[int]bool{}
	for _, p := range list {
		size[p.Core]++
		hasIso[p.Core] = hasIso[p.Core] || iso.Test(p.CPU)
		llcHasIso[p.LLC] = llcHasIso[p.LLC] || iso.Test(p.CPU)
	}
	keep := map[int]bool{}
	for _, wanted := range []func(Place) bool{
		func(p Place) bool { return hasIso[p.Core] },
		func(p Place) bool { return llcHasIso[p.LLC] },
		func(Place) bool { return true },
	} {
		for _, p := range list {
			if c := p.Core; !keep[c] && wanted(p) && size[c] <= room {
				keep[c] = true
				room -= size[c]
			}
		}
	}
	kept = slices.DeleteFunc(slices.Clone(list), func(p Place) bool { return !keep[p.Core] })
	return kept, len(list) - len(kept)
}

// Domains lays out the domains of the CPUs drawn, the lowest level first.
func Domains(m *topo.Machine, list []Place) []DomainRow {
	type level struct {
		name   string
		height int
		spans  []cpumask.Mask
	}
	var levels []*level
	domains := m.Domains()
	for _, p := range list {
		if p.CPU >= len(domains.CPU) {
			continue
		}
		for i, sd := range domains.CPU[p.CPU].SD {
			// Some CPUs lack a level, and NUMA levels share their name.
			same := 0
			for _, o := range domains.CPU[p.CPU].SD[:i] {
				if o.Name == sd.Name {
					same++
				}
			}
			var l *level
			for _, o := range levels {
				if o.name == sd.Name {
					if same == 0 {
						l = o
						break
					}
					same--
				}
			}
			if l == nil {
				l = &level{name: sd.Name}
				levels = append(levels, l)
			}
			l.height = max(l.height, i)
			if !slices.ContainsFunc(l.spans, sd.Span.Equal) {
				l.spans = append(l.spans, sd.Span)
			}
		}
	}
	slices.SortStableFunc(levels, func(a, b *level) int { return cmp.Compare(a.height, b.height) })
	var rows []DomainRow
	for _, l := range levels {
		first := len(rows)
	next:
		for _, s := range l.spans {
			for i := first; i < len(rows); i++ {
				if !slices.ContainsFunc(rows[i].Spans, func(o cpumask.Mask) bool { return !o.And(s).Empty() }) {
					rows[i].Spans = append(rows[i].Spans, s)
					continue next
				}
			}
			rows = append(rows, DomainRow{l.name, []cpumask.Mask{s}})
		}
	}
	return rows
}
