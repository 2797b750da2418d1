package account

import (
	"slices"

	"schedreplay/stats"

	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/decide"
	"schedreplay/replay/timeline"
)

// WaitKind tells the two kinds of waits of an owner apart. They are never counted
// together: one begins with a waking, the other without.
type WaitKind uint8

// The kinds.
const (
	// SchDelay is from waking to running.
	SchDelay WaitKind = iota
	// OffCPUGap is off its CPU while runnable, not having slept: see [timeline.OffCPU].
	OffCPUGap
	// WaitKinds is how many there are.
	WaitKinds
)

// Waits are the waits of one kind of an isolated CPU's owner that ended there. The zero
// value is none.
type Waits struct {
	// Free and Intruded are those without and with a foreign task's run in them.
	Free, Intruded *stats.Dist
	// Patched are all of them less the runs that the first alternative surely takes
	// elsewhere: one that such runs filled is not among them.
	Patched *stats.Dist
	// WorstAt is when the longest ended.
	WorstAt int64
	// Parts are what they went to, in the order in which the causes were first seen;
	// their sum is that of the waits.
	Parts []Part
}

// Worst is the longest in ns, 0 without any.
func (w *Waits) Worst() int64 { return max(w.Free.Max(), w.Intruded.Max()) }

// Count is the number of waits, Sum their time in ns.
func (w *Waits) Count() int64 { return w.Free.Count() + w.Intruded.Count() }

// Sum is the time of all waits in ns.
func (w *Waits) Sum() int64 { return w.Free.Sum() + w.Intruded.Sum() }

// Cause says what a part of an owner's wait went to.
type Cause uint8

// The causes.
const (
	// CauseUnknown: the recording does not tell.
	CauseUnknown Cause = iota
	// CauseForeign, CausePinned, CauseHousekeeping and CauseRecorder: a task of that
	// class ran on the CPU.
	CauseForeign
	CausePinned
	CauseHousekeeping
	CauseRecorder
	// CauseThrottled: the owner is of a real-time class, and left the CPU to a task that
	// is not: RT throttling, or from 6.12 on the fair server (docs/kernel/waits.md).
	CauseThrottled
	// CauseIdle: the CPU was idle and the owner runnable: an exit from deep idle, or a
	// virtual machine's CPU that its host did not run.
	CauseIdle
	// CauseElsewhere: the owner waited on another CPU, before it was moved to this one.
	CauseElsewhere
	// CauseHardirq and CauseSoftirq: an interrupt or softirq ran on the CPU, Name.
	CauseHardirq
	CauseSoftirq
	// CauseIdleState: the CPU rested in an idle state, Name, as power:cpu_idle tells, and
	// was to leave it.
	CauseIdleState
	// Causes is how many there are.
	Causes
)

// String names the cause for programs.
func (c Cause) String() string {
	return [Causes]string{"unknown", "foreign", "pinned", "housekeeping", "recorder", "throttled", "idle", "elsewhere", "hardirq", "softirq", "idle-state"}[c]
}

// Part is the part of a wait, or of many, that went to one cause.
type Part struct {
	Cause Cause
	// Task is who ran meanwhile; its PID is NoPID where that is nobody, or too many.
	Task timeline.TaskRef
	// Name is that of an interrupt, softirq or idle state.
	Name string
	NS   int64
}

// Same reports whether two parts have one cause.
func (p *Part) Same(o *Part) bool {
	return p.Cause == o.Cause && p.Task.PID == o.Task.PID && p.Name == o.Name
}

// maxParts bounds the causes told apart of one wait, and of all of a CPU; what is beyond
// counts as unknown.
const maxParts = 64

// addPart adds a part to those of its cause and task.
func addPart(list []Part, p Part) []Part {
	i := slices.IndexFunc(list, func(o Part) bool { return o.Same(&p) })
	switch {
	case i >= 0:
		list[i].NS += p.NS
	case len(list) < maxParts:
		list = append(list, p)
	default:
		if list[0].Cause != CauseUnknown {
			list = slices.Insert(list, 0, Part{Task: nobody})
		}
		list[0].NS += p.NS
	}
	return list
}

// waiting is since when a task waits for a CPU, and how; NoTime if it does not.
func (t *Tracker) waiting(p *timeline.Task) (WaitKind, int64) {
	if p.WokenAt != parser.NoTime {
		return SchDelay, p.WokenAt
	}
	return OffCPUGap, p.OffCPU.Since(t.Timeline.LostAt)
}

// spell is a stretch in which one task, or idle, had the CPU.
type spell struct {
	task     timeline.TaskRef
	class    Class
	fair     bool
	from, to int64
	// gone: the first alternative surely has the task elsewhere.
	gone bool
	stay *openStay
}

// maxSpells bounds the spells kept of one wait: the part of a longer one before them is
// unknown.
const maxSpells = 512

// meanwhile keeps what had the CPU from its last switch until now, as long as the owner
// waits, or may be found to have waited.
func (t *Tracker) meanwhile(k *trackedCPU, p *timeline.Task, run *Slice, stay *openStay) {
	if k.res.Owner == nil || run.Class == ClassOwner {
		return
	}
	if !t.Timeline.Slices {
		o := t.Timeline.Find(k.res.Owner.PID)
		if o == nil {
			return
		}
		if _, since := t.waiting(o); since == parser.NoTime {
			k.lately, k.ownerCame, k.beside.segments = k.lately[:0], parser.NoTime, k.beside.segments[:0]
			return
		}
	}
	if len(k.lately) == maxSpells {
		k.lately = k.lately[:copy(k.lately, k.lately[maxSpells/2:])]
	}
	k.lately = append(k.lately, spell{run.Task, run.Class, p.Fair(), run.Start, run.End, run.Patched == decide.MovedNo, stay})
}

// part is what a spell adds to a wait of the owner from since to in.
func (s *spell) part(owner *timeline.TaskRef, kind WaitKind, since, in int64) Part {
	p := Part{Task: s.task}
	if from, to := max(since, s.from), min(in, s.to); from < to {
		p.NS = to - from
	}
	switch s.class {
	case ClassForeign:
		p.Cause = CauseForeign
	case ClassPinned:
		p.Cause = CausePinned
	case ClassHousekeeping:
		p.Cause = CauseHousekeeping
	case ClassRecorder:
		p.Cause = CauseRecorder
	case ClassIdle:
		p.Cause, p.Task = CauseIdle, nobody
	}
	if rt := owner.Prio >= 0 && owner.Prio < place.MaxRTPrio; rt && kind == OffCPUGap && (s.class == ClassIdle || s.fair) {
		p.Cause = CauseThrottled
	}
	return p
}

// nobody is the task of a part that no task is the cause of.
var nobody = timeline.TaskRef{PID: parser.NoPID}

// waited takes the owner's wait that ends with its run, and clears what was gathered of it.
func (t *Tracker) waited(k *trackedCPU, kind WaitKind, since, in int64) {
	ns, here, left := in-since, since, in-since
	k.kept = ns
	tell := func(p *Part) bool {
		if p.NS = min(p.NS, left); p.NS <= 0 { // where a CPU's clock goes back, spells overlap
			return false
		}
		left -= p.NS
		k.told = addPart(k.told, *p)
		return true
	}
	if came := k.ownerCame; came != parser.NoTime && came > since && came <= in {
		here = came
		tell(&Part{Cause: CauseElsewhere, Task: nobody, NS: came - since})
	}
	for _, s := range k.beside.segments {
		if from, to := max(here, s.From), min(in, s.To); from < to {
			tell(&Part{Cause: s.cause, Task: nobody, Name: s.name, NS: to - from})
		}
	}
	for i := range k.lately {
		s := &k.lately[i]
		p := s.part(k.res.Owner, kind, here, in)
		if p.NS > 0 {
			p.NS -= k.beside.within(max(here, s.from), min(in, s.to))
		}
		if !tell(&p) {
			continue
		}
		if s.gone {
			k.kept -= p.NS
		}
		if st := s.stay; st != nil {
			k.intruded = true
			if st.toldAt != in || st.DelayedOwner == 0 {
				st.DelayedOwner, st.toldAt = st.DelayedOwner+1, in
			}
			st.DelayedOwnerNS += p.NS
		}
	}
	tell(&Part{Task: nobody, NS: left})
	k.lately, k.ownerCame, k.beside.segments = k.lately[:0], parser.NoTime, k.beside.segments[:0]
	k.res.Waits[kind].Add(ns, k.kept, in, k.intruded, k.told)
}

// Dist holds all of them.
func (w *Waits) Dist() *stats.Dist { return stats.Merged(w.Free, w.Intruded) }

// Add takes a wait of ns, what the first alternative leaves of it, when it ended and what it
// went to.
func (w *Waits) Add(ns, kept, in int64, intruded bool, parts []Part) {
	if w.Free == nil {
		w.Free, w.Intruded, w.Patched = &stats.Dist{}, &stats.Dist{}, &stats.Dist{}
	}
	if w.Count() == 0 || ns > w.Worst() {
		w.WorstAt = in
	}
	if intruded {
		w.Intruded.Add(ns)
	} else {
		w.Free.Add(ns)
	}
	if kept > 0 {
		w.Patched.Add(kept)
	}
	for _, p := range parts {
		w.Parts = addPart(w.Parts, p)
	}
}
