package tep

// Heap merges the sources of a recording: the source that comes first is at
// index 0.
type Heap[T interface{ Before(T) bool }] []T

// Init orders the sources.
func (h Heap[T]) Init() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

// Next puts the first source where it belongs once it has moved on. A source
// that has nothing left leaves the heap.
func (h *Heap[T]) Next(more bool) {
	if s := *h; !more {
		last := len(s) - 1
		s[0] = s[last]
		*h = s[:last]
	}
	h.down(0)
}

func (h Heap[T]) down(i int) {
	for k := 2*i + 1; k < len(h); k = 2*i + 1 {
		if k+1 < len(h) && h[k+1].Before(h[k]) {
			k++
		}
		if !h[k].Before(h[i]) {
			return
		}
		h[i], h[k] = h[k], h[i]
		i = k
	}
}
