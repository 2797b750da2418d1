package replay

import (
	"iter"
	"maps"
	"slices"
)

// byPID finds what is kept of a task. Pids below 1<<17, all of most machines,
// are found without hashing. The zero byPID is empty and ready to use.
type byPID[T any] struct {
	low  []*T // by pid
	high map[int32]*T
	n    int
}

const lowPIDs = 1 << 17

// get returns what is kept of a task, nil if there is nothing.
func (b *byPID[T]) get(pid int32) *T {
	if uint(pid) < lowPIDs {
		if int(pid) < len(b.low) {
			return b.low[pid]
		}
		return nil
	}
	return b.high[pid]
}

// put keeps v, which is not nil, of a task.
func (b *byPID[T]) put(pid int32, v *T) {
	if b.get(pid) == nil {
		b.n++
	}
	if uint(pid) >= lowPIDs {
		if b.high == nil {
			b.high = map[int32]*T{}
		}
		b.high[pid] = v
		return
	}
	if int(pid) >= len(b.low) {
		b.low = append(b.low, make([]*T, int(pid)+1-len(b.low))...)
	}
	b.low[pid] = v
}

// drop forgets a task.
func (b *byPID[T]) drop(pid int32) {
	if b.get(pid) == nil {
		return
	}
	b.n--
	if uint(pid) >= lowPIDs {
		delete(b.high, pid)
	} else {
		b.low[pid] = nil
	}
}

// all yields every task of which something is kept, by pid, which must not be
// put meanwhile.
func (b *byPID[T]) all() iter.Seq2[int32, *T] {
	return func(yield func(int32, *T) bool) {
		for pid, v := range b.low {
			if v != nil && !yield(int32(pid), v) {
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
