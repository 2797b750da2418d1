package findings

import (
	"schedreplay/cpumask"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

// Effect is what it means for a task that the kernels choose different CPUs.
type Effect uint8

const (
	effectLeaves  Effect = iota // from an isolated CPU to another
	effectEnters                // to an isolated CPU
	effectLoses                 // an idle CPU becomes a busy one
	effectGains                 // a busy CPU becomes an idle one
	effectNeutral               // one CPU for another of its kind
	effectSame                  // the predictions agree, other answers do not
	Effects
)

// Words says what an effect is, and whether that is good.
func (e Effect) Words() (what, judged string) {
	switch e {
	case effectLeaves:
		return "leaves an isolated CPU", "good"
	case effectEnters:
		return "comes to an isolated CPU", "bad"
	case effectLoses:
		return "queues on its target where it found an idle CPU before", "bad"
	case effectGains:
		return "finds an idle CPU where it queued on its target before", "good"
	}
	if e == effectSame {
		return "is predicted alike; other CPUs are possible", "open"
	}
	return "goes to another CPU that is as good", "neither"
}

// EffectOf judges a changed decision by where the kernels put the task, else by
// whether their searches found an idle CPU.
func EffectOf(w *replay.Wakeup, isolated cpumask.Mask) Effect {
	o, p := &w.Original, &w.Patched
	from, to := o.CPU >= 0 && isolated.Test(o.CPU), p.CPU >= 0 && isolated.Test(p.CPU)
	switch {
	case from && !to:
		return effectLeaves
	case to && !from:
		return effectEnters
	case o.CPU == p.CPU:
		return effectSame
	case foundIdle(o.Path) && p.Path == place.PathTarget:
		return effectLoses
	case o.Path == place.PathTarget && foundIdle(p.Path):
		return effectGains
	}
	return effectNeutral
}

// foundIdle reports whether a path ends at a CPU that was idle.
func foundIdle(p place.Path) bool {
	switch p {
	case place.PathTargetIdle, place.PathPrevIdle, place.PathRecentUsed, place.PathIdleSMT, place.PathIdleCore,
		place.PathIdleCPU, place.PathIdleCapacity, place.PathClusterPrev, place.PathClusterRecent:
		return true
	}
	return false
}
