package place

import "schedreplay/cpumask"

// widest gathers the CPUs that a wakeup could go to.
type widest struct {
	s *Selector
	w *Wakeup
	// leaks: some row can place outside the sched domain; strays: some row tests
	// another CPU's affinity for recent_used_cpu.
	leaks, strays bool
	out           cpumask.Mask
}

// Widest returns every CPU that Select could return for w whatever the open
// facts are: the affinity within the LLCs of the waker's and the previous CPUs
// and within whatever shares their LLC id, those CPUs themselves, the siblings
// that the row can leak to, and where select_fallback_rq could end.
func (s *Selector) Widest(w *Wakeup) cpumask.Mask {
	m := s.Machine
	x := widest{s: s, w: w, leaks: s.Rules.Leaks(), strays: !s.Rules.RecentUsedMask}
	for _, v := range s.Variants {
		x.leaks, x.strays = x.leaks || v.Leaks(), x.strays || !v.RecentUsedMask
	}
	for _, c := range w.Prev {
		x.near(c)
		if w.ThisIsPrev {
			x.top(c)
		}
		if w.Prio < MaxRTPrio {
			x.add(m.RootSpan(c))
		}
	}
	// The waker's CPU is a target only where wake_affine can pull to it, from
	// inside a domain, and only if it is allowed.
	if m.Levels(w.This) > 0 {
		if w.Allowed.Test(w.This) && !w.ThisIsPrev {
			x.near(w.This)
		}
		x.top(w.This)
	}
	for _, c := range w.RecentUsed {
		x.out.Set(c)
	}
	if s.Rules.HousekeepingAny {
		if c := m.HousekeepingAny(w.This); c >= 0 {
			x.out.Set(c)
		}
	}
	if w.Allowed.Weight() == 1 {
		x.out.Set(w.Allowed.First())
	}
	x.fallbacks()
	return x.out
}

// add takes in the allowed CPUs of a set.
func (x *widest) add(set cpumask.Mask) { x.out.AddBoth(set, x.w.Allowed) }

// near takes in a CPU that may be target or prev, and what is searched from it.
func (x *widest) near(c int) {
	m := x.s.Machine
	if c < 0 || c >= m.NumCPU() {
		return
	}
	x.out.Set(c)
	if x.w.RecentUsed == nil {
		// Any CPU that shares the LLC id of a target may be a recent one.
		x.add(m.Sharers(c))
	}
	switch l := m.LLC(c); {
	case l >= 0 && x.leaks:
		x.add(m.LLCCores(l))
	case l >= 0:
		x.add(m.LLCSpan(l))
	}
}

// top takes in the widest domain of a CPU, which forks and execs search.
func (x *widest) top(c int) {
	if m := x.s.Machine; x.w.Kind != KindWakeup && m.Levels(c) > 0 {
		x.add(m.Level(c, m.Levels(c)-1).Span)
	}
}

// fallbacks takes in where select_fallback_rq ends, if some CPU so far may not be used.
func (x *widest) fallbacks() {
	if x.strays && x.w.RecentUsed == nil || !x.out.SubsetOf(x.w.Allowed) || !x.out.SubsetOf(x.s.Machine.Active()) {
		for _, c := range x.w.Prev {
			if f := x.s.fallback(x.w, c); f >= 0 {
				x.out.Set(f)
			}
		}
	}
}
