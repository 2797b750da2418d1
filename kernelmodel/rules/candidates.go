package rules

import (
	"strconv"
	"strings"
)

// Candidate is one distinct vector of switches, with every name it goes by.
type Candidate struct {
	Kernel *Kernel
	// Same are the other kernels of the table with the same switches.
	Same []string
}

// Releases returns the kernels of the table, each mainline release and each
// point release at which its stable branch changed placement, oldest first,
// equal ones joined.
func Releases() []Candidate {
	var names []string
	for i := range rows {
		r := &rows[i]
		names = append(names, r.Name())
		last := 0
		for _, b := range r.backports {
			if b.patch != last {
				names = append(names, pointName(r, b.patch))
				last = b.patch
			}
		}
	}
	return distinct(names)
}

// Candidates returns the releases and beside them every combination of fixes
// that means something on them, equal ones joined, and the named kernels. A kernel's
// plainest name comes first.
func Candidates(named ...string) []Candidate {
	var names []string
	for _, c := range Releases() {
		names = append(names, c.Kernel.Name)
		names = append(names, c.Same...)
	}
	for i := range rows {
		r := &rows[i]
		for set := 1; set < 1<<len(fixTable); set++ {
			name, ok := r.Name(), true
			for j := range fixTable {
				f := &fixTable[j]
				if set>>j&1 == 0 {
					continue
				}
				if !f.applies(&r.Rules) || f.name == FixHousekeepingAny {
					ok = false
					break
				}
				sign := "+"
				if *f.get(&r.Rules) {
					sign = "-"
				}
				name += sign + string(f.name)
			}
			if ok {
				names = append(names, name)
			}
		}
	}
	return distinct(append(names, named...))
}

func pointName(r *Row, patch int) string {
	var b strings.Builder
	b.WriteString(r.Name())
	b.WriteByte('.')
	b.WriteString(strconv.Itoa(patch))
	return b.String()
}

// distinct parses the names and joins those with equal switches; sched domains,
// which the host decides first of all, do not count.
func distinct(names []string) []Candidate {
	var out []Candidate
	type switches struct {
		rules Rules
		tasks TaskRules
	}
	seen := map[switches]int{}
	for _, n := range names {
		k, err := ParseKernel(n, "")
		if err != nil {
			continue
		}
		key := switches{k.Rules, k.Tasks}
		key.rules.PendingLast, key.rules.Throttle = false, 0 // how a CPU looks, not what is chosen then
		if i, ok := seen[key]; ok {
			out[i].Same = append(out[i].Same, n)
			continue
		}
		seen[key] = len(out)
		out = append(out, Candidate{Kernel: k})
	}
	return out
}
