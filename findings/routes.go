package findings

import (
	"cmp"
	"maps"
	"slices"

	"schedreplay/cpumask"
)

// MaxRoutes bounds the pairs of CPUs told apart: those of a machine of 256 CPUs,
// or the common ones of a larger one.
const MaxRoutes = 1 << 16

// Route is where a wakeup went: from the CPU the task was on to the one chosen.
type Route struct{ From, To int32 }

// Chosen counts decisions as recorded, under the original and under the patched kernel.
type Chosen [3]int64

// The indices of Chosen.
const (
	AsRecorded = iota
	AsOriginal
	AsPatched
)

// OtherOf is the index of the first alternative in Chosen.
func (f *Findings) OtherOf() int {
	if f.HasFix() {
		return AsOriginal
	}
	return AsPatched
}

// Routes counts decisions by where they went.
type Routes struct {
	N map[Route]*Chosen
	// Left counts those of pairs beyond MaxRoutes.
	Left int64
	// CPU counts them by the CPU chosen.
	CPU map[int]*Chosen
}

func newRoutes() Routes { return Routes{N: map[Route]*Chosen{}, CPU: map[int]*Chosen{}} }

func (r *Routes) add(kernel, from, to int) {
	if to < 0 {
		return
	}
	if r.CPU[to] == nil {
		r.CPU[to] = new(Chosen)
	}
	r.CPU[to][kernel]++
	if from < 0 {
		return
	}
	k := Route{int32(from), int32(to)}
	c := r.N[k]
	if c == nil {
		if len(r.N) == MaxRoutes {
			r.Left++
			return
		}
		c = new(Chosen)
		r.N[k] = c
	}
	c[kernel]++
}

// Sorted lists the routes, those onto isolated CPUs first, then by how often a kernel (an
// index of Chosen) takes them.
func (r *Routes) Sorted(isolated cpumask.Mask, kernel int) []Route {
	return slices.SortedFunc(maps.Keys(r.N), func(a, b Route) int {
		return cmp.Or(isolated.Compare(int(a.To), int(b.To)), cmp.Compare(r.N[b][kernel], r.N[a][kernel]), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
}
