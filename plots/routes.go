package plots

// maxRoutes bounds the pairs of CPUs told apart: those of a machine of 256 CPUs,
// or the common ones of a larger one.
const maxRoutes = 1 << 16

// route is where a wakeup went: from the CPU the task was on to the one chosen.
type route struct{ from, to int32 }

// routes counts wakeups by route: recorded, and under both kernels.
type routes struct {
	n map[route]*[3]int64
	// left counts those of pairs beyond maxRoutes.
	left int64
}

func newRoutes() routes { return routes{n: map[route]*[3]int64{}} }

func (r *routes) add(kernel, from, to int) {
	if from < 0 || to < 0 {
		return
	}
	k := route{int32(from), int32(to)}
	c := r.n[k]
	if c == nil {
		if len(r.n) == maxRoutes {
			r.left++
			return
		}
		c = new([3]int64)
		r.n[k] = c
	}
	c[kernel]++
}
