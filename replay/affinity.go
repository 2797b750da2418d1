package replay

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// affinity is what is known of where a task may run.
type affinity struct {
	done bool
	mask cpumask.Mask
	from fact.Provenance
	// kthread and bound: a kernel thread; one that user space can't move.
	kthread, bound bool
	// recorder: the program that made the recording.
	recorder bool
	// policy is SCHED_IDLE (5) or another policy, -1 if unknown.
	policy int
}

// one reports whether nr_cpus_allowed is 1.
func (a *affinity) one() explore.Answer {
	return explore.Known(a.mask.Weight() == 1, a.from)
}

// idlePolicy says whether the task's policy is SCHED_IDLE.
func (a *affinity) idlePolicy() explore.Answer {
	if a.policy < 0 {
		return explore.Known(false, fact.Assumed)
	}
	return explore.Known(a.policy == 5, fact.Observed)
}

// affinities finds tasks' affinities: stated by flag, in the bundle, inherited
// from a parent in either, else by rule of thumb.
type affinities struct {
	host     *parser.Host
	survey   *survey
	all      cpumask.Mask // every CPU of the machine
	house    cpumask.Mask // without the isolated ones
	isolated cpumask.Mask
	kthreads cpumask.Mask // where unbound kthreads may run
}

// settle sets where unbound kernel threads may run under the kernel that made the
// recording.
func (a *affinities) settle(rule rules.KthreadRule) { a.kthreads = a.ofKthreads(rule) }

// ofKthreads says where unbound kernel threads may run under a kernel.
func (a *affinities) ofKthreads(rule rules.KthreadRule) cpumask.Mask {
	switch nohz, ok := a.host.NohzFull.Get(); {
	case rule == rules.KthreadsDomain:
		return a.house
	case ok && rule == rules.KthreadsNoHZ:
		return a.all.AndNot(nohz)
	}
	return a.all
}

// under returns the affinity of a task under another kernel than the one that made
// the recording, and whether it is another: a kernel thread that has what its kernel
// gives to every unbound one would have what that kernel gives.
func (a *affinities) under(p *task, rule rules.KthreadRule) (affinity, bool) {
	own := *a.of(p)
	theirs := a.ofKthreads(rule)
	if !own.kthread || own.bound || !own.mask.Equal(a.kthreads) || theirs.Equal(a.kthreads) {
		return own, false
	}
	own.mask, own.from = theirs, min(own.from, fact.Reconstructed)
	return own, true
}

// of returns the task's affinity; the answer is kept in the task.
func (a *affinities) of(p *task) *affinity {
	if !p.aff.done {
		p.aff = a.find(p.pid, p.comm, 0)
	}
	return &p.aff
}

func (a *affinities) find(pid int32, comm string, depth int) affinity {
	r := affinity{done: true, policy: -1, recorder: parser.IsRecorder(comm)}
	info, listed := a.host.Task[pid]
	ts := a.survey.task.Get(pid)
	if listed && info.Comm != "" && comm != "" && !parser.SameComm(comm, info.Comm) {
		// The pid was taken over by another task after the window.
		listed = false
	}
	if listed {
		r.kthread = info.Kthread.Value
		r.bound = info.Bound.Value
		if v, ok := info.Policy.Get(); ok {
			r.policy = v
		}
	} else {
		r.kthread = parser.MayBeKthread(comm)
	}
	for i := len(a.host.Stated) - 1; i >= 0; i-- {
		if s := &a.host.Stated[i]; s.PID == pid || s.PID == parser.NoPID && s.Name == comm {
			r.mask, r.from = s.CPUs, fact.Observed
			return r
		}
	}
	if m, ok := info.Affinity.Get(); listed && ok {
		r.mask, r.from = m.And(a.all), info.Affinity.From
		if ts != nil && !ts.seen.SubsetOf(r.mask) {
			// It ran elsewhere: its affinity changed, or the pid is another's.
			r.mask, r.from = r.mask.Or(ts.seen), fact.Assumed
		}
		if !r.mask.Empty() {
			return r
		}
	}
	if c, ok := parser.BoundCPU(comm); ok && a.all.Test(c) {
		r.bound = true
		r.mask, r.from = cpumask.Of(c), fact.Assumed
		if ts != nil && !ts.seen.SubsetOf(r.mask) {
			r.mask = r.mask.Or(ts.seen)
		}
		return r
	}
	r.from = fact.Assumed
	switch {
	case r.kthread:
		r.mask = a.kthreads
	default:
		r.mask = a.house
		if ts != nil && ts.parent != parser.NoPID && ts.parent != 2 && depth < 8 {
			if parent := a.survey.task.Get(ts.parent); parent != nil {
				up := a.find(ts.parent, parent.comm, depth+1)
				r.mask = up.mask
				if up.from > fact.Assumed {
					r.from = fact.Reconstructed
				}
			}
		}
		if ts != nil && r.from == fact.Assumed && !a.isolated.Empty() && !ts.seen.Empty() && ts.seen.SubsetOf(a.isolated) && !r.recorder {
			// Never seen anywhere else: pinned there, like the owner of the CPU. One
			// whose parent's affinity is known is not: it inherited that.
			r.mask = ts.seen
		}
	}
	if ts != nil && !ts.seen.SubsetOf(r.mask) {
		r.mask, r.from = r.mask.Or(ts.seen), fact.Assumed
	}
	return r
}
