package replay

import (
	"math"

	"schedreplay/fact"
	"schedreplay/kernelmodel"
)

// syncHabits learns from scored decisions which wakers pass WF_SYNC: the flag
// is in no event, but a code path either passes it always or never, and a waker
// mostly wakes a given task from one path.
type syncHabits struct {
	path map[wakePath]*habit
}

// wakePath stands for the code that woke a task. The waker counts only where it
// was the one that woke: an interrupt's is the task that was interrupted.
type wakePath struct {
	context     WakerContext
	waker, task string
}

type habit struct{ yes, no int32 }

// What is believed of a path before any decision speaks: that it passes the flag
// always or never, by the rule of thumb mostly the one, and that one path in ten
// does both. At most one decision in five that seems to prove the contrary has
// other reasons.
const (
	pathRule   = 0.85
	pathMixed  = 0.1
	proofFalse = 0.2
	// syncDoubt is the likelihood below which an answer counts as excluded.
	syncDoubt = 1.0 / 64
)

// likely is the likelihood that the path passes the flag the next time; rule is
// that of the rule of thumb.
func (h *habit) likely(rule float64) float64 {
	yes, no := float64(h.yes), float64(h.no)
	always := (1 - pathMixed) * rule * math.Pow(proofFalse, no)
	never := (1 - pathMixed) * (1 - rule) * math.Pow(proofFalse, yes)
	// Of a path that does both, any mixture is as likely as another.
	all, _ := math.Lgamma(yes + no + 2)
	one, _ := math.Lgamma(yes + 1)
	other, _ := math.Lgamma(no + 1)
	mixed := pathMixed * math.Exp(one+other-all)
	return (always + mixed*(yes+1)/(yes+no+2)) / (always + never + mixed)
}

// maxHabits bounds the paths remembered, maxProofs the decisions that speak for
// one.
const (
	maxHabits = 65_536
	maxProofs = 256
)

func pathOf(line *Wakeup) wakePath {
	k := wakePath{context: line.WakerContext, task: line.Task.Comm}
	if k.context == WakerTask || k.context == WakerUnknown {
		k.waker = line.Waker.Comm
	}
	return k
}

// guess answers for a wakeup. Timers wake from hard interrupts and never pass
// the flag (details, "WF_SYNC sites"); elsewhere it stays open until it is
// plain what the path does. Kernel threads rarely pass it.
func (s *syncHabits) guess(line *Wakeup, kthread bool) kernelmodel.Answer {
	if line.WakerContext == WakerHardirq {
		return kernelmodel.Known(false, fact.Reconstructed)
	}
	rule := 1 - pathRule
	if line.WakerContext == WakerTask && !kthread {
		rule = pathRule
	}
	h := s.path[pathOf(line)]
	if h == nil {
		return kernelmodel.Either(rule > 0.5, fact.Estimated)
	}
	yes := h.likely(rule)
	return kernelmodel.Answer{Value: yes > 0.5, Open: yes > syncDoubt && yes < 1-syncDoubt, From: fact.Estimated}
}

func (s *syncHabits) learn(line *Wakeup, yes bool) {
	k := pathOf(line)
	h := s.path[k]
	if h == nil {
		if len(s.path) >= maxHabits {
			return
		}
		h = &habit{}
		s.path[k] = h
	}
	if yes {
		h.yes++
	} else {
		h.no++
	}
	if h.yes+h.no > maxProofs {
		h.yes, h.no = h.yes/2, h.no/2
	}
}
