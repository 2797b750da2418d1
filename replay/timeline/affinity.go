package timeline

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// Affinity is what is known of where a task may run.
type Affinity struct {
	done bool
	Mask cpumask.Mask
	From fact.Provenance
	// Kthread and Bound: a kernel thread; one that user space can't move.
	Kthread, Bound bool
	// Recorder: the program that made the recording.
	Recorder bool
	// Policy is SCHED_IDLE (5) or another policy, -1 if unknown.
	Policy int
}

// One reports whether nr_cpus_allowed is 1.
func (a *Affinity) One() explore.Answer {
	return explore.Known(a.Mask.Weight() == 1, a.From)
}

// IdlePolicy says whether the task's policy is SCHED_IDLE.
func (a *Affinity) IdlePolicy() explore.Answer {
	if a.Policy < 0 {
		return explore.Known(false, fact.Assumed)
	}
	return explore.Known(a.Policy == 5, fact.Observed)
}

// Affinities finds tasks' Affinities: stated by flag, in the bundle, inherited
// from a parent in either, else by rule of thumb.
type Affinities struct {
	host     *parser.Host
	survey   *Survey
	All      cpumask.Mask // every CPU of the machine
	house    cpumask.Mask // without the isolated ones
	isolated cpumask.Mask
	kthreads cpumask.Mask // where unbound kthreads may run
	names    parser.KthreadNames
}

// settle sets where unbound kernel threads may run under the kernel that made the
// recording.
func (a *Affinities) settle(rule rules.KthreadRule) { a.kthreads = a.ofKthreads(rule) }

// ofKthreads says where unbound kernel threads may run under a kernel.
func (a *Affinities) ofKthreads(rule rules.KthreadRule) cpumask.Mask {
	return rule.CPUs(a.All, a.isolated, a.host.NohzFull.Value)
}

// Under finds the affinity of a task under another kernel than the one that made
// the recording, and reports whether it is another: a kernel thread that has what its kernel
// gives to every unbound one would have what that kernel gives.
func (a *Affinities) Under(p *Task, rule rules.KthreadRule, other *Affinity) bool {
	own := a.Of(p)
	if !own.Kthread || own.Bound || !own.Mask.Equal(a.kthreads) {
		return false
	}
	theirs := a.ofKthreads(rule)
	if theirs.Equal(a.kthreads) {
		return false
	}
	*other = *own
	other.Mask, other.From = theirs, min(own.From, fact.Reconstructed)
	return true
}

// Of returns the task's affinity; the answer is kept in the task.
func (a *Affinities) Of(p *Task) *Affinity {
	if !p.aff.done {
		p.aff = a.Find(p.PID, p.Comm, 0)
		if p.aff.Bound && (p.Forked || p.born) {
			// What makes it binds it once it has run (kthread_bind, kernel/kthread.c), so
			// this is not kept.
			p.aff.Mask, p.aff.From, p.aff.done = a.kthreads, fact.Assumed, false
		}
	}
	return &p.aff
}

// ForgetAffinity lets a task's affinity be found anew.
func (t *Task) ForgetAffinity() { t.aff.done = false }

// Find works out a task's affinity; depth is how many of its descendants ask.
func (a *Affinities) Find(pid int32, comm string, depth int) Affinity {
	r := Affinity{done: true, Policy: -1, Recorder: parser.IsRecorder(comm)}
	info, listed := a.host.Task[pid]
	ts := a.survey.Task.Get(pid)
	if listed && info.Comm != "" && comm != "" && !parser.SameComm(comm, info.Comm) {
		// The pid was taken over by another task after the window.
		listed = false
	}
	if listed {
		r.Kthread = info.Kthread.Value
		r.Bound = info.Bound.Value
		if v, ok := info.Policy.Get(); ok {
			r.Policy = v
		}
	} else {
		r.Kthread = a.names.MayBeKthread(comm)
	}
	if cpus, ok := a.host.StatedFor(pid, comm); ok {
		r.Mask, r.From = cpus, fact.Observed
		return r
	}
	if m, ok := info.Affinity.Get(); listed && ok {
		r.Mask, r.From = m.And(a.All), info.Affinity.From
		if r.widen(ts); !r.Mask.Empty() {
			return r
		}
	}
	r.From = fact.Assumed
	switch c, ok := a.names.BoundCPU(comm); {
	case ok && a.All.Test(c):
		r.Bound, r.Mask = true, cpumask.Of(c)
	case r.Kthread:
		r.Mask = a.kthreads
	default:
		a.inherit(&r, ts, depth)
	}
	r.widen(ts)
	return r
}

// widen adds the CPUs that a task was seen on: its affinity changed, or the pid is
// another's. A kernel thread made in the window ran elsewhere before it was bound.
func (r *Affinity) widen(ts *TaskSurvey) {
	if ts != nil && !ts.Seen.SubsetOf(r.Mask) && (!r.Bound || ts.parent == parser.NoPID) {
		r.Mask, r.From = r.Mask.Or(ts.Seen), fact.Assumed
	}
}

// inherit gives a user task its parent's affinity, else the housekeeping CPUs.
func (a *Affinities) inherit(r *Affinity, ts *TaskSurvey, depth int) {
	r.Mask = a.house
	if ts == nil {
		return
	}
	if parent := a.survey.Task.Get(ts.parent); ts.parent != parser.NoPID && ts.parent != 2 && depth < 8 && parent != nil {
		up := a.Find(ts.parent, parent.Comm, depth+1)
		r.Mask = up.Mask
		if up.From > fact.Assumed {
			r.From = fact.Reconstructed
		}
	}
	if r.From == fact.Assumed && !a.isolated.Empty() && !ts.Seen.Empty() && ts.Seen.SubsetOf(a.isolated) && !r.Recorder {
		// Never seen anywhere else: pinned there, like the owner of the CPU. One
		// whose parent's affinity is known is not: it inherited that.
		r.Mask = ts.Seen
	}
}
