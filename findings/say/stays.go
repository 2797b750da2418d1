package say

import (
	"cmp"
	"fmt"

	"schedreplay/cpumask"
	"schedreplay/findings"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

// Conclusion says where one kernel puts a task.
func Conclusion(p *replay.Placed) string {
	if p.CPU < 0 {
		return "no prediction"
	}
	s := fmt.Sprintf("CPU %d, path %s", p.CPU, p.Path)
	if p.Bounded && p.May().Weight() > 1 {
		s += fmt.Sprintf("; possible: %s", CPUNoun(p.May()))
	}
	return Bold(s)
}

// CameWords says how a stay began, for a table.
func CameWords(s *replay.Stay) string {
	switch s.How {
	case replay.CameByWakeup:
		if s.Entry != nil && s.Entry.Path != "" && explained(&s.Entry.Wakeup) {
			return fmt.Sprintf("%s%s", s.Entry.Path, fromCPU(s.FromCPU))
		}
		return "wakeup" + fromCPU(s.FromCPU)
	case replay.CameByMigration:
		return "moved" + fromCPU(s.FromCPU) + moverWords(s.MovedBy)
	case replay.CameBefore:
		return "there before"
	}
	return "not seen"
}

// moverWords says what moved a task, empty if that is not known.
func moverWords(m replay.Mover) string {
	if m == replay.MovedUnknown || m == "" {
		return ""
	}
	return ", by " + MoverName(m)
}

// MoverName names what moved a task.
func MoverName(m replay.Mover) string {
	return map[replay.Mover]string{
		replay.MovedNewidle: "newidle balancing", replay.MovedPeriodic: "periodic balancing", replay.MovedNohz: "NOHZ balancing",
		replay.MovedStopper: "the stopper (active balance or affinity)", replay.MovedAffinity: "a change of affinity",
		replay.MovedWakeup: "the selection of a wakeup", replay.MovedFork: "the selection of a new task", replay.MovedUnknown: "not known",
	}[m]
}

// RemainsWords prints the bounds of a time that remains, for a table.
func RemainsWords(min, max int64) string {
	switch {
	case max < min || min == max:
		return Duration(min)
	case min == 0:
		return "0 to " + Duration(max)
	}
	return Duration(min) + " to " + Duration(max)
}

// Sign stands before a length that is a lower bound.
func Sign(atLeast bool) string {
	if atLeast {
		return "≥ "
	}
	return ""
}

// CPUOr prints a CPU, "not known" for parser.NoCPU.
func CPUOr(cpu int) string {
	if cpu < 0 {
		return "not known"
	}
	return fmt.Sprint(cpu)
}

// CPUPath prints a CPU with the path that leads to it.
func CPUPath(cpu int, p place.Path) string {
	if cpu < 0 {
		return "not known"
	}
	return fmt.Sprintf("%d by %s", cpu, p)
}

// MaskWords prints a set of CPUs as a list, "none" if it is empty.
func MaskWords(m cpumask.Mask) string { return cmp.Or(m.String(), "none") }

// Effect says what an effect is, and whether that is good.
func Effect(e findings.Effect) (what, judged string) {
	switch e {
	case findings.EffectLeaves:
		return "leaves an isolated CPU", "good"
	case findings.EffectEnters:
		return "comes to an isolated CPU", "bad"
	case findings.EffectLoses:
		return "queues on its target where it found an idle CPU before", "bad"
	case findings.EffectGains:
		return "finds an idle CPU where it queued on its target before", "good"
	}
	if e == findings.EffectSame {
		return "is predicted alike; other CPUs are possible", "open"
	}
	return "goes to another CPU that is as good", "neither"
}
