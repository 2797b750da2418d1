package hidden

import (
	"math"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/parser"
)

// WakerContext says who did the waking.
type WakerContext string

// The waker contexts of the wakeups contract.
const (
	WakerTask    WakerContext = "task"
	WakerSoftirq WakerContext = "softirq"
	WakerHardirq WakerContext = "hardirq"
	WakerIdle    WakerContext = "idle"
	WakerUnknown WakerContext = "unknown"
)

// syncHabits learns from scored decisions which wakers pass WF_SYNC: the flag
// is in no event, but a code path either passes it always or never, and a waker
// mostly wakes a given task from one path. Of a path that no decision speaks of yet those
// like it tell: a waker that signals one worker of a pool signals the others too.
type syncHabits struct {
	path map[wakePath]*habit
}

// wakePath stands for the code that woke a task. The waker counts only where it
// was the one that woke: an interrupt's is the task that was interrupted.
type wakePath struct {
	context     WakerContext
	waker, task string
	// kin is how much of it is left out: see wider.
	kin kinship
}

// kinship is what paths have in common.
type kinship uint8

const (
	samePath  kinship = iota
	sameNames         // the names of both but for their numbers
	sameWaker         // that of the waker, or in an interrupt nothing
	numKin
)

// wider is the kin of a path that has so much in common with it.
func (k wakePath) wider(kin kinship) wakePath {
	k.kin = kin
	if kin == samePath {
		return k
	}
	if k.waker = parser.NameStem(k.waker); kin == sameWaker {
		k.task = ""
	}
	k.task = parser.NameStem(k.task)
	return k
}

// habit is what decisions have shown of a path.
type habit struct {
	yes, no float64
	// always, never and mixed are how well the decisions fit a path that passes the flag
	// always, never, or now and then, and often how likely the last one does the next time;
	// valid if settled.
	always, never, mixed, often float64
	settled                     bool
}

// lastHabit is what is known of the path that woke a task last, and of its kin; made is how
// many habits there were then.
type lastHabit struct {
	path wakePath
	kin  [numKin]*habit
	made int
}

// What is believed of a path before any decision speaks: that it passes the flag
// always or never, by the rule of thumb mostly the one, and that one path in ten
// does both. At most one decision in five that seems to prove the contrary has
// other reasons. What kin show counts like their share, as if kinDoubt decisions more had
// shown what was believed before. A decision that leads only likelier to the recorded CPU by
// one answer counts like syncLean.
const (
	syncLean   = 0.25
	pathRule   = 0.85
	pathMixed  = 0.1
	proofFalse = 0.2
	kinDoubt   = 2
)

// settle computes what follows from the decisions.
func (h *habit) settle() {
	yes, no := h.yes, h.no
	// Of a path that does both, any mixture is as likely as another.
	all, _ := math.Lgamma(yes + no + 2)
	one, _ := math.Lgamma(yes + 1)
	other, _ := math.Lgamma(no + 1)
	h.mixed, h.often = pathMixed*math.Exp(one+other-all), (yes+1)/(yes+no+2)
	h.always, h.never = (1-pathMixed)*math.Pow(proofFalse, no), (1-pathMixed)*math.Pow(proofFalse, yes)
	h.settled = true
}

// likely is how likely the path passes the flag the next time, if it was so likely before
// any decision spoke.
func (h *habit) likely(before float64) float64 {
	if !h.settled {
		h.settle()
	}
	always, never := h.always*before, h.never*(1-before)
	return (always + h.mixed*h.often) / (always + never + h.mixed)
}

// maxHabits bounds the paths remembered, maxProofs the decisions that speak for
// one.
const (
	maxHabits = 65_536
	maxProofs = 256
)

func (w *Waking) path() wakePath {
	k := wakePath{context: w.Context, task: w.WakeeComm}
	if k.context == WakerTask || k.context == WakerUnknown {
		k.waker = w.WakerComm
	}
	return k
}

// guess answers for a wakeup. Timers wake from hard interrupts and never pass
// the flag, and who passes it wakes interruptible sleepers
// (docs/kernel/try_to_wake_up.md#wf_sync); elsewhere it stays open until it is
// plain what the path does. Kernel threads rarely pass it. last is the wakee's.
func (s *syncHabits) guess(w *Waking, last *lastHabit) explore.Answer {
	if w.Context == WakerHardirq || w.Deep {
		return explore.Known(false, fact.Reconstructed)
	}
	rule := 1 - pathRule
	if w.Context == WakerTask && !w.Kthread {
		rule = pathRule
	}
	if path := w.path(); last.path != path || last.made != len(s.path) {
		*last = lastHabit{path: path, made: len(s.path)}
		for kin := range numKin {
			last.kin[kin] = s.path[path.wider(kin)]
		}
	}
	yes := rule
	for kin := numKin - 1; kin > samePath; kin-- {
		if h, less := last.kin[kin], last.kin[kin-1]; h != nil {
			var own habit // that of closer kin counts there
			if less != nil {
				own = *less
			}
			y, n := max(0, h.yes-own.yes), max(0, h.no-own.no)
			yes = (y + kinDoubt*yes) / (y + n + kinDoubt)
		}
	}
	if h := last.kin[samePath]; h != nil {
		yes = h.likely(yes)
	} else if yes == rule {
		return explore.Either(rule == pathRule, fact.Estimated)
	}
	const whole = 1 << 32
	return explore.Rarely(yes > 0.5, explore.DoubtOf(uint64(min(yes, 1-yes)*whole), whole), fact.Estimated)
}

// learn takes that a waking passed the flag, or did not, and how much that is worth.
func (s *syncHabits) learn(w *Waking, yes bool, proof float64) {
	if w.Deep {
		return // of no use to those that sleep otherwise
	}
	for kin := range numKin {
		k := w.path().wider(kin)
		h := s.path[k]
		if h == nil {
			if len(s.path) >= maxHabits {
				continue
			}
			h = &habit{}
			s.path[k] = h
		}
		if yes {
			h.yes += proof
		} else {
			h.no += proof
		}
		if h.yes+h.no > maxProofs {
			h.yes, h.no = h.yes/2, h.no/2
		}
		h.settled = false
	}
}
