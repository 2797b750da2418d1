package say

import (
	"cmp"
	"fmt"
	"strings"

	"schedreplay/findings"
	"schedreplay/findings/fleet"
	"schedreplay/parser"
	"schedreplay/replay"
)

// HostName names a host, or the one recording that stands for a host without a name.
func HostName(h *fleet.Host) string {
	if h.Name != "" {
		return string(MarkName) + parser.DisplayComm(h.Name) + string(MarkEnd)
	}
	return fmt.Sprintf("host of %s (%s)", string(MarkName)+parser.DisplayComm(h.File)+string(MarkEnd), h.Capture[:min(8, len(h.Capture))])
}

// IntruderName names foreign tasks counted together.
func IntruderName(name string) string {
	if name == "" {
		return "others"
	}
	return CommName(replay.TaskRef{Comm: name})
}

// SourceName names the costliest source of a kind of noise.
func SourceName(s *fleet.Source) string {
	if s.Name == "" {
		return "others"
	}
	return Code(s.Name)
}

// FleetKernel names a kernel by a summary's word.
func FleetKernel(name string) string { return cmp.Or(Clean(name), "not known") }

// Shape describes a machine in short.
func Shape(s fleet.Shape) string {
	if s.CPUs == 0 {
		return "not known"
	}
	words := []string{Counted(int64(s.CPUs), "CPU")}
	if s.Threads > 1 {
		words = append(words, fmt.Sprintf("cores of %d", s.Threads))
	}
	if s.LLC > 0 {
		words = append(words, fmt.Sprintf("caches of %d", s.LLC))
	}
	if s.Nodes > 1 {
		words = append(words, fmt.Sprintf("%d nodes", s.Nodes))
	}
	return strings.Join(words, ", ")
}

// Way says how foreign tasks came.
func Way(how, path string) string {
	switch {
	case how == "":
		return "in any way"
	case path != "":
		return "woken there, by " + Code(path)
	}
	return map[replay.How]string{
		replay.CameByWakeup: "woken there", replay.CameByMigration: "moved there while runnable",
		replay.CameBefore: "there when the recording begins", replay.CameUnseen: "way in not recorded",
	}[replay.How(how)]
}

// Left says what the other kernel, with the fix or, where the recorded one has it, without
// it, leaves of what foreign tasks did.
func Left(h *findings.Held, hasFix bool, s fleet.Shape) string {
	switch r := h.Remains; {
	case s.CPUs == 0:
		return "not known"
	case hasFix:
		return "has the fix"
	case h.Wakings == 0:
		return "no wakeup had a part in it"
	case r.Nothing():
		return "none of it"
	case r.MinNS == r.MaxNS:
		return Duration(r.MinNS)
	default:
		return Duration(r.MinNS) + " to " + Duration(r.MaxNS)
	}
}

// FleetVerdict says in a few sentences what a fleet's answer is.
func FleetVerdict(a *fleet.Answer) []string {
	if len(a.Hosts) == 0 {
		return []string{"No host can be judged: " + fleetGaps(a) + "."}
	}
	held, window, unknown := a.Held()
	n := int64(len(a.Hosts))
	first := fmt.Sprintf("Foreign tasks were on isolated CPUs of %s of %s that can be judged: %s%s of the time looked at (%s), with %s.",
		Bold(Count(a.Hit())), Counted(n, "host"), AtLeast(held.AtLeast()), Percent(held.NS, window), Duration(held.NS), Counted(held.Entries.Total(), "entry", "entries"))
	if a.Hit() == 0 {
		first = fmt.Sprintf("No foreign task was on an isolated CPU of %s.", Counted(n, "host that can be judged", "hosts that can be judged"))
	}
	if unknown > 0 {
		first += fmt.Sprintf(" Who ran in %s of the time is not known.", Percent(unknown, window))
	}
	out := []string{first}
	if len(a.Causes) > 0 {
		c := &a.Causes[0]
		s := fmt.Sprintf("The commonest root cause, on %s: %s, %s, kernel %s, machines of %s. It held isolated CPUs for %s",
			Counted(c.Hosts, "host"), IntruderName(c.Intruder), Way(string(c.How), c.Path), FleetKernel(c.Kernel), Shape(c.Shape), Duration(c.Held.NS))
		if c.Held.Delayed > 0 {
			s += fmt.Sprintf(" and delayed the owner %s, by %s in all", Times(c.Held.Delayed), Duration(c.Held.DelayedNS))
		}
		s += "."
		if !c.HasFix && c.Shape.CPUs > 0 && c.Held.Wakings > 0 {
			s += fmt.Sprintf(" With the fix %s remains.", Left(&c.Held, false, c.Shape))
		}
		out = append(out, s)
	}
	if s := fleetNoise(a); s != "" {
		out = append(out, s)
	}
	if gaps := fleetGaps(a); gaps != "" {
		out = append(out, Sentence(gaps))
	}
	return out
}

// fleetNoise says which kind of interrupt took most of the isolated cores, "" if no recording
// tells of one.
func fleetNoise(a *fleet.Answer) string {
	var most *fleet.KindNoise
	var kind replay.NoiseKind
	for i := range a.Noise {
		if k := &a.Noise[i]; !replay.NoiseKind(i).OfTask() && k.Hit > 0 && (most == nil || k.NS > most.NS) {
			most, kind = k, replay.NoiseKind(i)
		}
	}
	if most == nil {
		return ""
	}
	s := fmt.Sprintf("Of interrupts %s took most of isolated cores (mostly %s): %s on %s", NoiseKinds(kind), SourceName(most.Most), Duration(most.NS), Counted(most.Hit, "host"))
	if _, known := most.Share(); known {
		s += fmt.Sprintf(", %s of the time", Percent(most.NS, most.ToldNS))
	}
	if most.Worst != nil && most.Hit > 1 {
		s += "; most on " + HostName(most.Worst)
	}
	return s + "."
}

// fleetGaps says what an answer is not about, "" if it is about everything.
func fleetGaps(a *fleet.Answer) string {
	var words []string
	n := int64(0)
	for i := range a.Doubtful {
		if !a.Doubtful[i].Judged {
			n++
		}
	}
	if n > 0 {
		words = append(words, Counted(n, "host")+" cannot be judged")
	}
	if n := int64(len(a.Dead)); n > 0 {
		words = append(words, Counted(n, "capture")+" could not be summed up")
	}
	return Join(words)
}

// FleetTiles are the numbers that matter of a fleet.
func FleetTiles(a *fleet.Answer) []Tile {
	held, window, _ := a.Held()
	out := []Tile{
		{"hosts with a foreign task", Count(a.Hit()), fmt.Sprintf("of %s judged, by %s", Counted(int64(len(a.Hosts)), "host"), Counted(a.Judged, "recording"))},
		{"time foreign tasks held", AtLeast(held.AtLeast()) + Duration(held.NS), fmt.Sprintf("%s of %s on isolated CPUs", Percent(held.NS, window), Duration(window))},
		{"entries of foreign tasks", Count(held.Entries.Total()), fmt.Sprintf("%s there before", Counted(held.Residents, "task was", "tasks were"))},
	}
	wait := Tile{"longest wait of an owner", "not known", "no wait of an owner was recorded"}
	d, of := &a.Delays, Counted(a.Delays.Count(), "waking")
	if a.Gaps.Max() > a.Delays.Max() {
		d, of = &a.Gaps, Counted(a.Gaps.Count(), "off-CPU gap")
	}
	if d.Count() > 0 {
		wait.Value, wait.Note = Duration(d.Max()), "of "+of
		if p, ok := d.Percentile(99); ok {
			wait.Note += ", p99 " + Duration(p)
		}
	}
	return append(out, wait)
}

// FleetDoubt says what is doubted of a recording, and why that matters.
func FleetDoubt(d fleet.Doubt) string {
	return map[fleet.Doubt]string{
		fleet.IsolationUnknown: "which CPUs are isolated is not known; give a host bundle, or --isolated",
		fleet.NoneIsolated:     "no CPU is isolated",
		fleet.NotRecorded:      "no isolated CPU was recorded",
		fleet.Partial:          "the recording could not be read to its end",
		fleet.TimeUnknown:      "over 1 % of the time on isolated CPUs it does not tell who ran",
		fleet.TopologyUnknown:  "the topology is not known, so no kernel can be asked where it would place a task",
		fleet.KernelUnknown:    "the kernel is not known",
		fleet.OwnerUnknown:     "the owner is not known",
		fleet.ModelDoubtful:    "the model explains too few decisions",
	}[d]
}

// DeadLetter says how the process for a capture ended.
func DeadLetter(d *fleet.DeadLetter) string {
	switch d.End {
	case fleet.ByTimeout:
		return "took longer than --timeout"
	case fleet.ByMemory:
		return "needed more than --memory"
	case fleet.BySignal:
		return "was ended by a signal: " + Clean(d.Signal)
	case fleet.ByStart:
		return "could not be started: " + Clean(d.Line)
	case fleet.ByClash:
		return "has the bytes of " + Clean(d.Line) + " and another host bundle: name one of them"
	case fleet.ByNothing:
		return "left no row set: " + Clean(d.Line)
	}
	return fmt.Sprintf("exit status %d: %s", d.Status, Clean(d.Line))
}
