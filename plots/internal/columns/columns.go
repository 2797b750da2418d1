package columns

// maxColumns is the number of columns a track may hold: twice the pixels of the
// widest figure, so that halving the resolution never shows.
const maxColumns = 2048

// Timebase maps times to columns while the end of the window is not known yet:
// when a time falls outside, columns double in width and pairs of them merge.
// All tracks of a report share one.
type Timebase struct {
	T0, Width int64
	first     int64 // the first time seen
	started   bool
	growths   []bool // true: grew to the left
	n         int64  // columns, maxColumns if 0; even
}

// columns is the number of columns.
func (b *Timebase) columns() int64 {
	if b.n == 0 {
		return maxColumns
	}
	return b.n
}

// MaxSpan bounds how far from the first time others are told apart: 36 years.
// A capture whose stamps jump further is damaged, and arithmetic must not
// overflow on it.
const MaxSpan = 1 << 60

// Clamp limits a time to what the columns can reach; the first time seen is
// where they begin.
func (b *Timebase) Clamp(t int64) int64 {
	if !b.started {
		t = max(-2*MaxSpan, min(2*MaxSpan, t))
		b.T0, b.first, b.Width, b.started = t, t, 1, true
	}
	return max(b.first-MaxSpan, min(b.first+MaxSpan, t))
}

// Cover makes [start, end] fit.
func (b *Timebase) Cover(start, end int64) {
	start, end = b.Clamp(start), b.Clamp(end)
	for end-b.T0 >= b.columns()*b.Width {
		b.Width *= 2
		b.growths = append(b.growths, false)
	}
	for start < b.T0 {
		b.T0 -= b.columns() * b.Width
		b.Width *= 2
		b.growths = append(b.growths, true)
	}
}

// Column is the column of a time that is covered.
func (b *Timebase) Column(t int64) int { return int((t - b.T0) / b.Width) }

// Track is one value per column.
type Track[T any] struct {
	base  *Timebase
	Cells []T
	seen  int // growths applied
	merge func(T, T) T
}

func newTrack[T any](b *Timebase, merge func(T, T) T) *Track[T] {
	return &Track[T]{base: b, merge: merge}
}

// Sync makes the cells and applies the growths of the base since the last call.
func (t *Track[T]) Sync() {
	if t.Cells == nil {
		t.Cells, t.seen = make([]T, t.base.columns()), len(t.base.growths)
		return
	}
	for ; t.seen < len(t.base.growths); t.seen++ {
		var zero T
		half := make([]T, len(t.Cells))
		off := 0
		if t.base.growths[t.seen] {
			off = len(t.Cells) / 2
		}
		for i := 0; i < len(t.Cells); i += 2 {
			half[off+i/2] = t.merge(t.Cells[i], t.Cells[i+1])
		}
		for i := range t.Cells {
			t.Cells[i] = zero
		}
		copy(t.Cells, half)
	}
}

// at returns the cell of a column, up to date.
func (t *Track[T]) at(col int) *T { t.Sync(); return &t.Cells[col] }

// Coverage is a track of the ns covered in each column.
type Coverage struct{ *Track[int64] }

// NewCoverage returns one that covers nothing.
func NewCoverage(b *Timebase) Coverage {
	return Coverage{newTrack(b, func(a, c int64) int64 { return a + c })}
}

// Add covers [start, end).
func (c Coverage) Add(start, end int64) {
	start, end = c.base.Clamp(start), c.base.Clamp(end)
	if end <= start {
		return
	}
	b := c.base
	b.Cover(start, end)
	c.Sync()
	for i := b.Column(start); i <= b.Column(end-1); i++ {
		lo := b.T0 + int64(i)*b.Width
		c.Cells[i] += min(end, lo+b.Width) - max(start, lo)
	}
}

// Merge adds another coverage of the same columns, times by.
func (c Coverage) Merge(o Coverage, by int64) {
	c.Sync()
	o.Sync()
	for i, v := range o.Cells {
		c.Cells[i] += by * v
	}
}

// Columns returns the shares covered of equal columns that make up
// [start, end]: the track's own columns, or as many of them together as it
// takes for no more than limit. The first begins at most one column early, so
// that no slice is smeared over two.
func (c Coverage) Columns(start, end int64, limit int) []float64 {
	b := c.base
	start, end = b.Clamp(start), max(b.Clamp(start)+1, b.Clamp(end))
	b.Cover(start, end-1)
	c.Sync()
	first, last := b.Column(start), b.Column(end-1)
	n := last - first + 1
	k := (n + limit - 1) / max(limit, 1)
	out := make([]float64, 0, n/k+1)
	for i := first; i <= last; i += k {
		var sum int64
		for j := i; j < min(i+k, last+1); j++ {
			sum += c.Cells[j]
		}
		lo, hi := b.T0+int64(i)*b.Width, b.T0+int64(min(i+k, last+1))*b.Width
		if room := min(hi, end) - max(lo, start); room > 0 {
			out = append(out, min(1, float64(sum)/float64(room)))
		} else {
			out = append(out, 0)
		}
	}
	return out
}

// Extent is the range of the values that fell into a column.
type Extent struct{ Min, Max, N int64 }

// MergeExtent is the range of both.
func MergeExtent(a, b Extent) Extent {
	if a.N == 0 {
		return b
	}
	if b.N == 0 {
		return a
	}
	return Extent{min(a.Min, b.Min), max(a.Max, b.Max), a.N + b.N}
}

// Extents is a track of ranges.
type Extents struct{ *Track[Extent] }

// NewExtents returns one without values.
func NewExtents(b *Timebase) Extents { return Extents{newTrack(b, MergeExtent)} }

// Add takes a value at a time.
func (e Extents) Add(at, v int64) {
	at = e.base.Clamp(at)
	e.base.Cover(at, at)
	c := e.at(e.base.Column(at))
	*c = MergeExtent(*c, Extent{v, v, 1})
}

// Between merges the columns whose start lies in [start, end).
func (e Extents) Between(start, end float64) Extent {
	e.Sync()
	b := e.base
	var x Extent
	for i := max(0, int((start-float64(b.T0))/float64(b.Width))); i < maxColumns; i++ {
		lo := float64(b.T0) + float64(i)*float64(b.Width)
		if lo >= end {
			break
		}
		if lo >= start {
			x = MergeExtent(x, e.Cells[i])
		}
	}
	return x
}
