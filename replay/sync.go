package replay

import (
	"schedreplay/fact"
	"schedreplay/kernelmodel"
)

// syncHabits learns from scored decisions which wakers pass WF_SYNC: the flag
// is in no event, but a code path either passes it always or never, and a waker
// mostly wakes a given task from one path.
type syncHabits struct {
	pair map[[2]string]*habit
}

type habit struct{ yes, no int32 }

// syncProof is by how many decisions more than twice as many must speak for an
// answer before it is believed against the rule of thumb: a single one can have
// other reasons.
const syncProof = 3

// maxHabits bounds the pairs remembered.
const maxHabits = 65_536

// guess answers for a wakeup. Timers wake from hard interrupts and never pass
// the flag (details, "WF_SYNC sites"); elsewhere it stays open. Kernel threads
// rarely pass it.
func (s *syncHabits) guess(line *Wakeup, kthread bool) kernelmodel.Answer {
	if line.WakerContext == WakerHardirq {
		return kernelmodel.Known(false, fact.Reconstructed)
	}
	prefer := line.WakerContext == WakerTask && !kthread
	if h := s.pair[[2]string{line.Waker.Comm, line.Task.Comm}]; h != nil {
		switch {
		case h.yes > 2*h.no+syncProof:
			prefer = true
		case h.no > 2*h.yes+syncProof:
			prefer = false
		}
	}
	return kernelmodel.Either(prefer, fact.Estimated)
}

func (s *syncHabits) learn(line *Wakeup, yes bool) {
	k := [2]string{line.Waker.Comm, line.Task.Comm}
	h := s.pair[k]
	if h == nil {
		if len(s.pair) >= maxHabits {
			return
		}
		h = &habit{}
		s.pair[k] = h
	}
	if yes {
		h.yes = min(h.yes+1, 1<<20)
	} else {
		h.no = min(h.no+1, 1<<20)
	}
}
