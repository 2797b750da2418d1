package hidden

import (
	"math"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/replay/timeline"
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
	context     timeline.WakerContext
	waker, task string
}

// habit is what decisions have shown of a path.
type habit struct {
	yes, no int32
	// likely is what follows of the flag's likelihood, by whether the rule of thumb
	// speaks for it; valid if settled.
	likely  [2]float64
	settled bool
}

// lastHabit is the habit of the path that woke a task last, nil if the path has
// none.
type lastHabit struct {
	path wakePath
	*habit
}

// What is believed of a path before any decision speaks: that it passes the flag
// always or never, by the rule of thumb mostly the one, and that one path in ten
// does both. At most one decision in five that seems to prove the contrary has
// other reasons.
const (
	pathRule   = 0.85
	pathMixed  = 0.1
	proofFalse = 0.2
)

// settle computes the likelihood that the path passes the flag the next time.
func (h *habit) settle() {
	yes, no := float64(h.yes), float64(h.no)
	// Of a path that does both, any mixture is as likely as another.
	all, _ := math.Lgamma(yes + no + 2)
	one, _ := math.Lgamma(yes + 1)
	other, _ := math.Lgamma(no + 1)
	mixed := pathMixed * math.Exp(one+other-all)
	for i, rule := range [...]float64{1 - pathRule, pathRule} {
		always := (1 - pathMixed) * rule * math.Pow(proofFalse, no)
		never := (1 - pathMixed) * (1 - rule) * math.Pow(proofFalse, yes)
		h.likely[i] = (always + mixed*(yes+1)/(yes+no+2)) / (always + never + mixed)
	}
	h.settled = true
}

// maxHabits bounds the paths remembered, maxProofs the decisions that speak for
// one.
const (
	maxHabits = 65_536
	maxProofs = 256
)

func (w *Waking) path() wakePath {
	k := wakePath{context: w.Context, task: w.WakeeComm}
	if k.context == timeline.WakerTask || k.context == timeline.WakerUnknown {
		k.waker = w.WakerComm
	}
	return k
}

// guess answers for a wakeup. Timers wake from hard interrupts and never pass
// the flag (docs/kernel/try_to_wake_up.md#wf_sync); elsewhere it stays open until it is
// plain what the path does. Kernel threads rarely pass it. last is the wakee's.
func (s *syncHabits) guess(w *Waking, last *lastHabit) explore.Answer {
	if w.Context == timeline.WakerHardirq {
		return explore.Known(false, fact.Reconstructed)
	}
	rule := 0
	if w.Context == timeline.WakerTask && !w.Kthread {
		rule = 1
	}
	if path := w.path(); last.habit == nil || last.path != path {
		*last = lastHabit{path, s.path[path]}
	}
	h := last.habit
	if h == nil {
		return explore.Either(rule == 1, fact.Estimated)
	}
	if !h.settled {
		h.settle()
	}
	yes := h.likely[rule]
	const whole = 1 << 32
	return explore.Rarely(yes > 0.5, explore.DoubtOf(uint64(min(yes, 1-yes)*whole), whole), fact.Estimated)
}

// learn takes that a waking passed the flag, or did not.
func (s *syncHabits) learn(w *Waking, yes bool) {
	k := w.path()
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
	h.settled = false
}
