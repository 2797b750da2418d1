package replay

import (
	"schedreplay/cpumask"
)

// unknowns lists what the capture and the host leave open.
func (r *pass) unknowns() []Unknown {
	var u []Unknown
	add := func(k UnknownKind) { u = append(u, Unknown{Kind: k}) }
	if r.base.m == nil {
		add(UnknownTopology)
	}
	if !r.isolated.Known() {
		u = append(u, Unknown{Kind: UnknownIsolation, CPUs: r.looksIsolated()})
	}
	switch {
	case r.s.slicesAlone():
		add(UnknownSliceWakeups)
	case !r.s.hasWaking && !r.s.hasWakeup:
		add(UnknownWakeups)
	case !r.s.hasWaking:
		add(UnknownWakings)
	}
	if len(r.host.Task) == 0 && len(r.host.Stated) == 0 {
		add(UnknownAffinity)
	}
	if only := r.s.only; !only.Empty() {
		k := UnknownElsewhere
		if r.c.Meta().RecordedCPUs.Empty() {
			k = UnknownSilentElsewhere
		}
		u = append(u, Unknown{Kind: k, CPUs: only})
	}
	if n := r.silentCPUs(); n > 0 {
		u = append(u, Unknown{Kind: UnknownSilent, N: int64(n)})
	}
	if r.base.m != nil {
		if r.base.Kernel.Rules.SlowPath > 0 {
			add(UnknownHidden)
		}
		if len(r.base.Kernel.Unknown) > 0 {
			u = append(u, Unknown{Kind: UnknownFixes, Release: r.base.Kernel.Release})
		}
	}
	if n := r.res.BalancerIgnored; n > 0 {
		u = append(u, Unknown{Kind: UnknownBalancer, N: n})
	}
	return u
}

// silentCPUs counts the online CPUs without any event.
func (r *pass) silentCPUs() int {
	n := 0
	online := r.t.aff.all
	if m, ok := r.host.Online.Get(); ok {
		online = m
	}
	for c := range online.All() {
		if r.s.silent(c) && r.base.m != nil {
			n++
		}
	}
	return n
}

// looksIsolated guesses the isolated CPUs where nothing tells them: those on
// which user tasks ran that were seen nowhere else, and no others. A few such
// tasks on every CPU of a machine would prove nothing, so it must be less than
// half of the CPUs that recorded anything, unless only those were recorded.
func (r *pass) looksIsolated() cpumask.Mask {
	var pinned, shared cpumask.Mask
	for pid, ts := range r.s.task.All() {
		a := r.t.aff.find(pid, ts.comm, 0)
		if a.kthread || a.recorder || pid == 0 || ts.seen.Empty() {
			continue
		}
		long := false
		for c := range ts.seen.All() {
			long = long || r.s.ranNS[runKey{int32(c), pid}] > (r.s.end-r.s.start)/100
		}
		if ts.seen.Weight() == 1 && long {
			pinned = pinned.Or(ts.seen)
		} else {
			shared = shared.Or(ts.seen)
		}
	}
	look := pinned.AndNot(shared)
	if r.s.only.Empty() && 2*look.Weight() >= r.s.recorded.Weight() {
		return cpumask.Mask{}
	}
	return look
}
