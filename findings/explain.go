package findings

import (
	"slices"

	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Side says which of two kernels make a step.
type Side uint8

// The sides.
const (
	Both Side = iota
	OriginalAlone
	PatchedAlone
)

// String is the side as programs read it.
func (s Side) String() string { return [...]string{"both", "original", "patched"}[s] }

// SideStep is a step and who makes it.
type SideStep struct {
	replay.Step
	Side Side
}

// Decision is one wakeup told test by test, the two kernels side by side.
type Decision struct {
	Result *replay.Result
	Wakeup *replay.Wakeup
	// Steps are those of both kernels, in order. Told is false where no step can be told,
	// for want of a topology.
	Steps []SideStep
	Told  bool
	// Affinity is the wakee's where the host's description tells it.
	Affinity fact.Fact[parser.CPUs]
}

// DecisionOf makes a decision of a wakeup that was explained. It holds on to both, which
// are valid as long as the replay's observer has them.
func DecisionOf(res *replay.Result, w *replay.Wakeup) *Decision {
	d := &Decision{Result: res, Wakeup: w}
	if e := w.Explanation; e != nil {
		d.Steps, d.Told = align(e.Original, e.Patched), true
	}
	if t, ok := res.Host.Task[w.Task.PID]; ok && parser.SameComm(t.Comm, w.Task.Comm) {
		d.Affinity = t.Affinity
	}
	if cpus, ok := res.Host.StatedFor(w.Task.PID, w.Task.Comm); ok {
		d.Affinity = fact.Seen(cpus, "--affinity")
	}
	return d
}

// maxAligned bounds the product of two lists' lengths that are aligned.
const maxAligned = 1 << 20

// align puts the two kernels' steps into one list, those that both make once: a longest
// common subsequence. Lists that are too long for that share their beginning only.
func align(o, p []replay.Step) []SideStep {
	var out []SideStep
	k := 0
	for k < len(o) && k < len(p) && o[k].Same(&p[k].Step) {
		out = append(out, both(o[k], p[k]))
		k++
	}
	o, p = o[k:], p[k:]
	n, m := len(o), len(p)
	longest := make([][]int32, n+1)
	if n*m <= maxAligned {
		for i := range longest {
			longest[i] = make([]int32, m+1)
		}
		for i := n - 1; i >= 0; i-- {
			for j := m - 1; j >= 0; j-- {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
				if o[i].Same(&p[j].Step) {
					longest[i][j] = longest[i+1][j+1] + 1
				}
			}
		}
	}
	i, j := 0, 0
	for i < n || j < m {
		switch {
		case i < n && j < m && longest[i] != nil && o[i].Same(&p[j].Step):
			out = append(out, both(o[i], p[j]))
			i, j = i+1, j+1
		case j == m || i < n && (longest[i] == nil || longest[i+1][j] >= longest[i][j+1]):
			out = append(out, SideStep{o[i], OriginalAlone})
			i++
		default:
			out = append(out, SideStep{p[j], PatchedAlone})
			j++
		}
	}
	return out
}

// both is a step that both kernels make. Who is on the CPU is told if it is so for both.
func both(o, p replay.Step) SideStep {
	if o.Occupant != p.Occupant {
		o.Occupant = replay.Occupant{}
	}
	return SideStep{o, Both}
}

// PartsAt is the index of the first step that one kernel makes alone, -1 if there is none.
func (d *Decision) PartsAt() int {
	return slices.IndexFunc(d.Steps, func(s SideStep) bool { return s.Side != Both })
}

// Kernel is the kernel of a side and what it makes of the wakeup.
func (d *Decision) Kernel(s Side) (*rules.Kernel, *replay.Placed) {
	if s == PatchedAlone {
		return d.Result.Patched, &d.Wakeup.Patched
	}
	return d.Result.Original, &d.Wakeup.Original
}

// CallPath is the chain of functions to where a kernel puts the task, nil if that is not
// known.
func (d *Decision) CallPath(s Side) []string {
	k, p := d.Kernel(s)
	return place.CallPath(p.Path, p.Reason, d.Wakeup.Kind, &k.Rules)
}

// Sight is what a kernel sees of a CPU that it looks at.
type Sight uint8

// The sights.
const (
	SeenBusy Sight = iota
	SeenIdle
	// SeenSchedIdle: it runs SCHED_IDLE tasks only.
	SeenSchedIdle
	// PassedOver: it lies outside the domain.
	PassedOver
)

// Candidate is a CPU that a kernel looked at.
type Candidate struct {
	CPU  int
	Seen Sight
	// Open: it may have seen something else.
	Open bool
	// Occupant is who keeps a busy one busy.
	Occupant replay.Occupant
}

// Candidates are the CPUs that one kernel looks at, in that order.
func (d *Decision) Candidates(of Side) []Candidate {
	var steps []replay.Step
	for i := range d.Steps {
		if s := &d.Steps[i]; s.Side == Both || s.Side == of {
			steps = append(steps, s.Step)
		}
	}
	return candidates(steps)
}

// candidates are the CPUs that the steps of a kernel look at.
func candidates(steps []replay.Step) []Candidate {
	var out []Candidate
	for i := range steps {
		s := &steps[i]
		seen, ok := looksAt(s)
		if !ok {
			continue
		}
		at := slices.IndexFunc(out, func(c Candidate) bool { return c.CPU == s.CPU })
		switch {
		case at < 0:
			out = append(out, Candidate{s.CPU, seen, s.Fact.Open, s.Occupant})
		case seen == SeenSchedIdle: // asked after available_idle_cpu
			out[at].Seen = seen
		}
	}
	return out
}

// looksAt says what a step sees of the CPU it asks about.
func looksAt(s *replay.Step) (Sight, bool) {
	switch {
	case s.Kind == place.AskIdle && s.Answer == place.Yes:
		return SeenIdle, true
	case s.Kind == place.AskIdle:
		return SeenBusy, true
	case s.Kind == place.AskSchedIdle:
		return SeenSchedIdle, true
	case s.Kind == place.AskSpan && s.Answer == place.No:
		return PassedOver, true
	}
	return 0, false
}

// Alike counts the steps from i on that ask of one CPU after another whether it is idle and
// get the same answer.
func (d *Decision) Alike(i int) int {
	first := &d.Steps[i]
	if first.Kind != place.AskIdle {
		return 1
	}
	n := 1
	for parts := d.PartsAt(); i+n < len(d.Steps) && i+n != parts; n++ {
		s := &d.Steps[i+n]
		if s.Kind != first.Kind || s.Side != first.Side || s.Func != first.Func || s.Answer != first.Answer || s.Fact != first.Fact {
			break
		}
	}
	return n
}

// EntryDecision is the decision by which a stay began; Told is false if it was not
// explained.
func EntryDecision(res *replay.Result, e *replay.Entry) *Decision {
	w := e.Wakeup
	w.Explanation = e.Explanation
	return DecisionOf(res, &w)
}

// Estimates are the steps whose answers were computed with a margin, each question once.
func (d *Decision) Estimates() []SideStep {
	var out []SideStep
	for i := range d.Steps {
		s := &d.Steps[i]
		if s.Fact.From == fact.Estimated && !slices.ContainsFunc(out, func(o SideStep) bool { return o.Same(&s.Step.Step) }) {
			out = append(out, *s)
		}
	}
	return out
}

// Deciding is the test by which the kernels part, as each of them makes it; nil for one
// that does not come to it.
func (d *Decision) Deciding() (original, patched *replay.Step) {
	i := d.PartsAt()
	if i < 0 {
		return nil, nil
	}
	by := map[Side]*replay.Step{}
	first := &d.Steps[i].Step
	for k := range d.Steps[i:] {
		s := &d.Steps[i+k]
		if s.Side != Both && by[s.Side] == nil && s.Func == first.Func && s.Kind == first.Kind && s.CPU == first.CPU && s.Other == first.Other {
			by[s.Side] = &s.Step
		}
	}
	return by[OriginalAlone], by[PatchedAlone]
}
