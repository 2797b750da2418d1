package findings

import (
	"schedreplay/cpumask"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

// Effect is what it means for a task that the kernels choose different CPUs.
type Effect uint8

// The effects.
const (
	EffectLeaves  Effect = iota // from an isolated CPU to another
	EffectEnters                // to an isolated CPU
	EffectLoses                 // an idle CPU becomes a busy one
	EffectGains                 // a busy CPU becomes an idle one
	EffectNeutral               // one CPU for another of its kind
	EffectSame                  // the predictions agree, other answers do not
	// Effects is their number.
	Effects
)

// EffectOf judges a changed decision by where the kernels put the task, else by
// whether their searches found an idle CPU.
func EffectOf(w *replay.Wakeup, isolated cpumask.Mask) Effect {
	o, p := &w.Original, &w.Patched
	from, to := o.CPU >= 0 && isolated.Test(o.CPU), p.CPU >= 0 && isolated.Test(p.CPU)
	switch {
	case from && !to:
		return EffectLeaves
	case to && !from:
		return EffectEnters
	case o.CPU == p.CPU:
		return EffectSame
	case foundIdle(o.Path) && p.Path == place.PathTarget:
		return EffectLoses
	case o.Path == place.PathTarget && foundIdle(p.Path):
		return EffectGains
	}
	return EffectNeutral
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
