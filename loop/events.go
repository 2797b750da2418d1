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

func (a *agenda) before(i, j int) bool {
	x, y := &a.heap[i], &a.heap[j]
	return x.at < y.at || x.at == y.at && x.seq < y.seq
}

func (a *agenda) plan(at int64, kind eventKind, id, n int32) {
	a.seq++
	a.heap = append(a.heap, happening{at, a.seq, kind, id, n})
	for i := len(a.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !a.before(i, up) {
			break
		}
		a.heap[i], a.heap[up] = a.heap[up], a.heap[i]
		i = up
	}
}

// next takes the earliest happening; there is one.
func (a *agenda) next() happening {
	first, last := a.heap[0], len(a.heap)-1
	a.heap[0] = a.heap[last]
	a.heap = a.heap[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			return first
		}
		if down+1 < last && a.before(down+1, down) {
			down++
		}
		if !a.before(down, i) {
			return first
		}
		a.heap[i], a.heap[down] = a.heap[down], a.heap[i]
		i = down
	}
}
