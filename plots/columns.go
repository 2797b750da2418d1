package plots

// maxColumns is the number of columns a track may hold: twice the pixels of the
// widest figure, so that halving the resolution never shows.
const maxColumns = 2048

// timebase maps times to columns while the end of the window is not known yet:
// when a time falls outside, columns double in width and pairs of them merge.
// All tracks of a report share one.
type timebase struct {
	t0, width int64
	first     int64 // the first time seen
	started   bool
	growths   []bool // true: grew to the left
	n         int64  // columns, maxColumns if 0; even
}

// columns is the number of columns.
func (b *timebase) columns() int64 {
	if b.n == 0 {
		return maxColumns
	}
	return b.n
}

// maxSpan bounds how far from the first time others are told apart: 36 years.
// A capture whose stamps jump further is damaged, and arithmetic must not
// overflow on it.
const maxSpan = 1 << 60

// clamp limits a time to what the columns can reach; the first time seen is
// where they begin.
func (b *timebase) clamp(t int64) int64 {
	if !b.started {
		t = max(-2*maxSpan, min(2*maxSpan, t))
		b.t0, b.first, b.width, b.started = t, t, 1, true
	}
	return max(b.first-maxSpan, min(b.first+maxSpan, t))
}

// cover makes [start, end] fit.
func (b *timebase) cover(start, end int64) {
	start, end = b.clamp(start), b.clamp(end)
	for end-b.t0 >= b.columns()*b.width {
		b.width *= 2
		b.growths = append(b.growths, false)
	}
	for start < b.t0 {
		b.t0 -= b.columns() * b.width
		b.width *= 2
		b.growths = append(b.growths, true)
	}
}

// column is the column of a time that is covered.
func (b *timebase) column(t int64) int { return int((t - b.t0) / b.width) }

// track is one value per column.
type track[T any] struct {
	base  *timebase
	cells []T
	seen  int // growths applied
	merge func(T, T) T
}

func newTrack[T any](b *timebase, merge func(T, T) T) *track[T] {
	return &track[T]{base: b, merge: merge}
}

// sync makes the cells and applies the growths of the base since the last call.
func (t *track[T]) sync() {
	if t.cells == nil {
		t.cells, t.seen = make([]T, t.base.columns()), len(t.base.growths)
		return
	}
	for ; t.seen < len(t.base.growths); t.seen++ {
		var zero T
		half := make([]T, len(t.cells))
		off := 0
		if t.base.growths[t.seen] {
			off = len(t.cells) / 2
		}
		for i := 0; i < len(t.cells); i += 2 {
			half[off+i/2] = t.merge(t.cells[i], t.cells[i+1])
		}
		for i := range t.cells {
			t.cells[i] = zero
		}
		copy(t.cells, half)
	}
}

// at returns the cell of a column, up to date.
func (t *track[T]) at(col int) *T { t.sync(); return &t.cells[col] }

// coverage is a track of the ns covered in each column.
type coverage struct{ *track[int64] }

func newCoverage(b *timebase) coverage {
	return coverage{newTrack(b, func(a, c int64) int64 { return a + c })}
}

// add covers [start, end).
func (c coverage) add(start, end int64) {
	start, end = c.base.clamp(start), c.base.clamp(end)
	if end <= start {
		return
	}
	b := c.base
	b.cover(start, end)
	c.sync()
	for i := b.column(start); i <= b.column(end-1); i++ {
		lo := b.t0 + int64(i)*b.width
		c.cells[i] += min(end, lo+b.width) - max(start, lo)
	}
}

// columns returns the shares covered of equal columns that make up
// [start, end]: the track's own columns, or as many of them together as it
// takes for no more than limit. The first begins at most one column early, so
// that no slice is smeared over two.
func (c coverage) columns(start, end int64, limit int) []float64 {
	b := c.base
	start, end = b.clamp(start), max(b.clamp(start)+1, b.clamp(end))
	b.cover(start, end-1)
	c.sync()
	first, last := b.column(start), b.column(end-1)
	n := last - first + 1
	k := (n + limit - 1) / max(limit, 1)
	out := make([]float64, 0, n/k+1)
	for i := first; i <= last; i += k {
		var sum int64
		for j := i; j < min(i+k, last+1); j++ {
			sum += c.cells[j]
		}
		lo, hi := b.t0+int64(i)*b.width, b.t0+int64(min(i+k, last+1))*b.width
		if room := min(hi, end) - max(lo, start); room > 0 {
			out = append(out, min(1, float64(sum)/float64(room)))
		} else {
			out = append(out, 0)
		}
	}
	return out
}

// extent is the range of the values that fell into a column.
type extent struct{ min, max, n int64 }

func mergeExtent(a, b extent) extent {
	if a.n == 0 {
		return b
	}
	if b.n == 0 {
		return a
	}
	return extent{min(a.min, b.min), max(a.max, b.max), a.n + b.n}
}

// extents is a track of ranges.
type extents struct{ *track[extent] }

func newExtents(b *timebase) extents { return extents{newTrack(b, mergeExtent)} }

func (e extents) add(at, v int64) {
	at = e.base.clamp(at)
	e.base.cover(at, at)
	c := e.at(e.base.column(at))
	*c = mergeExtent(*c, extent{v, v, 1})
}

// between merges the columns whose start lies in [start, end).
func (e extents) between(start, end float64) extent {
	e.sync()
	b := e.base
	var x extent
	for i := max(0, int((start-float64(b.t0))/float64(b.width))); i < maxColumns; i++ {
		lo := float64(b.t0) + float64(i)*float64(b.width)
		if lo >= end {
			break
		}
		if lo >= start {
			x = mergeExtent(x, e.cells[i])
		}
	}
	return x
}
