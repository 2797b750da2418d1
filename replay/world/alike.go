package world

import (
	"iter"
	"slices"

	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// Alike tells which of many sides do the same about a decision where they see the same:
// those on machines that look the same to a selection, whose kernels agree about the
// switches that one of them has read. So each thing that a kernel can do is worked out once.
type Alike struct {
	sides []*Side
	// machines are, by side, the first that looks the same.
	machines []*topo.Machine
	rules    []rules.Rules // by side, those alike that come to the same
	done     []bool
	by       map[rules.Parts]*Classes
	// near are those asked for lately.
	near [64]struct {
		parts rules.Parts
		*Classes
	}
}

// Classes are the sides by what they have of some parts.
type Classes struct {
	of      []int // by side
	members [][]int
}

// NewAlike compares sides. One with variants is like no other.
func NewAlike(sides []*Side) Alike {
	l := Alike{sides: sides, done: make([]bool, len(sides)), by: map[rules.Parts]*Classes{}}
	like := map[*topo.Machine]*topo.Machine{}
	for _, a := range sides {
		var r rules.Rules // where no machine is known no model is asked
		if a.Machine != nil {
			r = a.effective()
		}
		l.rules = append(l.rules, r)
		if _, known := like[a.Machine]; !known {
			like[a.Machine] = firstLike(a.Machine, l.machines)
		}
		l.machines = append(l.machines, like[a.Machine])
	}
	return l
}

// firstLike is the first of some machines that looks the same as another, itself if none does.
func firstLike(m *topo.Machine, all []*topo.Machine) *topo.Machine {
	for i, o := range all {
		if m != nil && o != nil && !slices.Contains(all[:i], o) && m.PlacesAs(o) {
			return o
		}
	}
	return m
}

// Begin turns to another decision.
func (l *Alike) Begin() { clear(l.done) }

// Done reports whether a side has its answer, its own or another's.
func (l *Alike) Done(i int) bool { return l.done[i] }

// To yields the sides that have no answer yet and get that of side i, which may hang on some
// parts of its switches: itself and those like it.
func (l *Alike) To(i int, parts rules.Parts) iter.Seq[int] {
	c := l.By(parts)
	return func(yield func(int) bool) {
		for _, j := range c.members[c.of[i]] {
			if !l.done[j] {
				l.done[j] = true
				if !yield(j) {
					return
				}
			}
		}
	}
}

// Same reports whether two sides are alike in the parts.
func (c *Classes) Same(i, j int) bool { return c.of[i] == c.of[j] }

// By tells the sides apart by some parts.
func (l *Alike) By(parts rules.Parts) *Classes {
	type key struct {
		m     *topo.Machine
		rules rules.Rules
		alone int
	}
	near := &l.near[uint32(parts)*0x9e3779b1>>26]
	if near.Classes != nil && near.parts == parts {
		return near.Classes
	}
	c, known := l.by[parts]
	if !known {
		c = &Classes{}
		l.by[parts] = c
	}
	near.parts, near.Classes = parts, c
	if known {
		return c
	}
	seen := map[key]int{}
	for i, a := range l.sides {
		k := key{m: l.machines[i], rules: l.rules[i].Only(parts)}
		if a.Selector.Variants != nil {
			k.alone = i + 1
		}
		n, ok := seen[k]
		if !ok {
			n = len(c.members)
			seen[k] = n
			c.members = append(c.members, nil)
		}
		c.of, c.members[n] = append(c.of, n), append(c.members[n], i)
	}
	return c
}
