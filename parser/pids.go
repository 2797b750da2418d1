package parser

import (
	"iter"
	"maps"
	"slices"
)

// ByPID keeps a value for each of some tasks; the zero value of V stands for
// nothing kept. Pids below 1<<17, all of most machines, are found without hashing.
// The zero ByPID is empty and ready to use; it is not safe for concurrent use.
type ByPID[V comparable] struct {
	low  []V // by pid
	high map[int32]V
	n    int
}

const lowPIDs = 1 << 17

// Len is the number of tasks of which something is kept.
func (b *ByPID[V]) Len() int { return b.n }

// Get returns what is kept of a task, the zero value if there is nothing.
func (b *ByPID[V]) Get(pid int32) (v V) {
	if uint(pid) < uint(len(b.low)) {
		return b.low[pid]
	}
	if uint(pid) < lowPIDs {
		return v
	}
	return b.high[pid]
}

// Set keeps v of a task; the zero value forgets it.
func (b *ByPID[V]) Set(pid int32, v V) {
	var none V
	switch was := b.Get(pid); {
	case was == none && v == none:
		return
	case was == none:
		b.n++
	case v == none:
		b.n--
	}
	switch {
	case uint(pid) < lowPIDs:
		if more := int(pid) + 1 - len(b.low); more > 0 {
			b.low = append(b.low, make([]V, more)...)
		}
		b.low[pid] = v
	case v == none:
		delete(b.high, pid)
	default:
		if b.high == nil {
			b.high = make(map[int32]V)
		}
		b.high[pid] = v
	}
}

// All yields every task of which something is kept, and what; pids below 1<<17
// first, the others in ascending order. Nothing may be kept of another task
// meanwhile.
func (b *ByPID[V]) All() iter.Seq2[int32, V] {
	return func(yield func(int32, V) bool) {
		var none V
		for pid, v := range b.low {
			if v != none && !yield(int32(pid), v) {
				return
			}
		}
		for _, pid := range slices.Sorted(maps.Keys(b.high)) {
			if !yield(pid, b.high[pid]) {
				return
			}
		}
	}
}
