package replay

import (
	"schedreplay/cpumask"
	"schedreplay/replay/timeline"
)

// unknowns lists what the capture and the host leave open.
func (r *pass) unknowns() []Unknown {
	var u []Unknown
	add := func(k UnknownKind) { u = append(u, Unknown{Kind: k}) }
	if r.Base.Machine == nil {
		add(UnknownTopology)
	}
	if !r.Isolated.Known() {
		u = append(u, Unknown{Kind: UnknownIsolation, CPUs: r.looksIsolated()})
	}
	switch {
	case r.Survey.SlicesAlone():
		add(UnknownSliceWakeups)
	case !r.Survey.HasWaking && !r.Survey.HasWakeup:
		add(UnknownWakeups)
	case !r.Survey.HasWaking:
		add(UnknownWakings)
	}
	if len(r.Host.Task) == 0 && len(r.Host.Stated) == 0 {
		add(UnknownAffinity)
	}
	if only := r.Survey.Only; !only.Empty() {
		k := UnknownElsewhere
		if r.Capture.Meta().RecordedCPUs.Empty() {
			k = UnknownSilentElsewhere
		}
		u = append(u, Unknown{Kind: k, CPUs: only})
	}
	if silent := r.silentCPUs(); !silent.Empty() {
		var passed cpumask.Mask
		for c := range silent.All() {
			if r.Hidden.Passed[c] >= surePassed {
				passed.Set(c)
			}
		}
		u = append(u, Unknown{Kind: UnknownSilent, N: int64(silent.Weight()), CPUs: passed})
	}
	if r.Base.Machine != nil {
		if r.Base.Kernel.Rules.SlowPath > 0 {
			add(UnknownHidden)
		}
		if len(r.Base.Kernel.Unknown) > 0 {
			u = append(u, Unknown{Kind: UnknownFixes, Release: r.Base.Kernel.Release})
		}
	}
	for i := range r.res.AffinityChanges {
		u = append(u, Unknown{Kind: UnknownAffinityChange, Change: &r.res.AffinityChanges[i]})
	}
	if n := r.res.BalancerIgnored; n > 0 {
		u = append(u, Unknown{Kind: UnknownBalancer, N: n})
	}
	return u
}

// surePassed is how many decisions must have passed over a CPU to call it busy.
const surePassed = 2

// silentCPUs are the online CPUs without any event.
func (r *pass) silentCPUs() (silent cpumask.Mask) {
	online := r.Timeline.Affinities.All
	if m, ok := r.Host.Online.Get(); ok {
		online = m
	}
	for c := range online.All() {
		if r.Survey.Silent(c) && r.Base.Machine != nil && c < r.NCPU {
			silent.Set(c)
		}
	}
	return silent
}

// looksIsolated guesses the isolated CPUs where nothing tells them: those on
// which user tasks ran that were seen nowhere else, and no others. A few such
// tasks on every CPU of a machine would prove nothing, so it must be less than
// half of the CPUs that recorded anything, unless only those were recorded.
func (r *pass) looksIsolated() cpumask.Mask {
	var pinned, shared cpumask.Mask
	for pid, ts := range r.Survey.Task.All() {
		a := r.Timeline.Affinities.Find(pid, ts.Comm, 0)
		if a.Kthread || a.Recorder || pid == 0 || ts.Seen.Empty() {
			continue
		}
		long := false
		for c := range ts.Seen.All() {
			long = long || r.Survey.RanNS[timeline.RunKey{CPU: int32(c), PID: pid}] > (r.Survey.End-r.Survey.Start)/100
		}
		if ts.Seen.Weight() == 1 && long {
			pinned = pinned.Or(ts.Seen)
		} else {
			shared = shared.Or(ts.Seen)
		}
	}
	look := pinned.AndNot(shared)
	if r.Survey.Only.Empty() && 2*look.Weight() >= r.Survey.Recorded.Weight() {
		return cpumask.Mask{}
	}
	return look
}
