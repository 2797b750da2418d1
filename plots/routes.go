package plots

// maxRoutes bounds the pairs of CPUs told apart: those of a machine of 256 CPUs,
// or the common ones of a larger one.
const maxRoutes = 1 << 16

// route is where a wakeup went: from the CPU the task was on to the one chosen.
type route struct{ From, To int32 }

// routes counts wakeups by route: recorded, and under both kernels.
type routes struct {
	N map[route]*[3]int64
	// left counts those of pairs beyond maxRoutes.
	left int64
}

func newRoutes() routes { return routes{N: map[route]*[3]int64{}} }

func (r *routes) add(kernel, from, to int) {
	if from < 0 || to < 0 {
		return
	}
	k := route{int32(from), int32(to)}
	c := r.N[k]
	if c == nil {
		if len(r.N) == maxRoutes {
			r.left++
			return
		}
		c = new([3]int64)
		r.N[k] = c
	}
	c[kernel]++
}
