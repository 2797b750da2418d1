package loop

// happening is something that is due at a time.
type happening struct {
	at   int64
	seq  uint64 // ties are broken by the order in which they were planned
	kind eventKind
	id   int32 // CPU or task
	n    int32 // step of a wake, generation of a run
}

type eventKind uint8

const (
	evRun      eventKind = iota // the current task of a CPU comes to its next milestone
	evTick                      // a CPU's tick
	evHRTick                    // the slice of a CPU's current task ends
	evWake                      // a task's timer or something outside wakes it
	evActivate                  // a wakeup reaches its queue
	evResched                   // a CPU switches
	evNohz                      // an idle CPU balances for all idle ones
	evRTPeriod                  // a limit of real-time tasks begins anew
	evRebind                    // a task's affinity changes
	evPeriod                    // a period of a group's limit begins, or its slack is given out
)

// agenda is a heap of happenings, the earliest first.
type agenda struct {
	heap []happening
	seq  uint64
}

func (h *happening) before(o *happening) bool {
	return h.at < o.at || h.at == o.at && h.seq < o.seq
}

func (a *agenda) plan(at int64, kind eventKind, id, n int32) {
	a.seq++
	h := happening{at, a.seq, kind, id, n}
	a.heap = append(a.heap, h)
	i := len(a.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !h.before(&a.heap[up]) {
			break
		}
		a.heap[i] = a.heap[up]
		i = up
	}
	a.heap[i] = h
}

// next takes the earliest happening; there is one.
func (a *agenda) next() happening {
	first, left := a.heap[0], len(a.heap)-1
	last := a.heap[left]
	a.heap = a.heap[:left]
	if left == 0 {
		return first
	}
	i := 0
	for {
		down := 2*i + 1
		if down >= left {
			break
		}
		if down+1 < left && a.heap[down+1].before(&a.heap[down]) {
			down++
		}
		if !a.heap[down].before(&last) {
			break
		}
		a.heap[i] = a.heap[down]
		i = down
	}
	a.heap[i] = last
	return first
}
