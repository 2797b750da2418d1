package world

import (
	"iter"

	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// Alike tells which of many sides do the same about a decision where they see the same:
// those on one machine whose kernels agree about the switches that one of them has read. So
// each thing that a kernel can do is worked out once.
type Alike struct {
	sides []*Side
	rules []rules.Rules // by side, those alike that come to the same
	done  []bool
	by    map[rules.Parts]*classes
	// last are the classes of lastParts, asked for last.
	last      *classes
	lastParts rules.Parts
}

// classes are the sides by what they have of some parts.
type classes struct {
	of      []int // by side
	members [][]int
}

// NewAlike compares sides. One with variants is like no other.
func NewAlike(sides []*Side) Alike {
	l := Alike{sides: sides, done: make([]bool, len(sides)), by: map[rules.Parts]*classes{}}
	for _, a := range sides {
		var r rules.Rules // where no machine is known no model is asked
		if a.Machine != nil {
			r = a.effective()
		}
		l.rules = append(l.rules, r)
	}
	return l
}

// Begin turns to another decision.
func (l *Alike) Begin() { clear(l.done) }

// Done reports whether a side has its answer, its own or another's.
func (l *Alike) Done(i int) bool { return l.done[i] }

// To yields the sides that have no answer yet and get that of side i, which may hang on some
// parts of its switches: itself and those like it.
func (l *Alike) To(i int, parts rules.Parts) iter.Seq[int] {
	c := l.classes(parts)
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

// Same reports whether two sides are alike in some parts.
func (l *Alike) Same(i, j int, parts rules.Parts) bool {
	if l.last == nil || l.lastParts != parts {
		l.last, l.lastParts = l.classes(parts), parts
	}
	return l.last.of[i] == l.last.of[j]
}

func (l *Alike) classes(parts rules.Parts) *classes {
	type key struct {
		m     *topo.Machine
		rules rules.Rules
		tasks rules.TaskRules
		alone int
	}
	if c := l.by[parts]; c != nil {
		return c
	}
	c, seen := &classes{}, map[key]int{}
	l.by[parts] = c
	for i, a := range l.sides {
		k := key{m: a.Machine, rules: l.rules[i].Only(parts), tasks: a.Kernel.Tasks}
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
