package plots

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/near"
	"schedreplay/plots/internal/places"
	"schedreplay/replay"
)

// Bounds on the figures of one report.
const (
	MaxFigureCPUs = 4 // CPUs that get figures
	maxStripLanes = 5 // intruders told apart in a strip
	MaxLandings   = 3 // intruders whose landing is drawn
	maxEntryMarks = 400
)

// Set is the figures of a report by section, and the sentences that stand
// where one would be empty.
type Set struct {
	// CPU holds the figures of an isolated CPU, by number.
	CPU map[int]*CPUFigures
	// Landing are those of where wakeups land, placements if there is no
	// intruder.
	Landing []*Figure
	// NoLanding says why there is none.
	NoLanding string
	// Matrix is from where to where all wakeups went, nil if that is not known.
	Matrix *Figure
	// Topology is the machine, noTopology why there is none.
	Topology   *Figure
	NoTopology string
}

// CPUFigures are those of one isolated CPU, nil where there is none.
type CPUFigures struct {
	Strip, Entry, Runs, Noise *Figure
	// Waits are the owner's, by kind.
	Waits [replay.WaitKinds]WaitFigures
	// Why a figure is not there.
	NoEntry, NoRuns string
}

// WaitFigures are those of the owner's waits of one kind: over time, their distribution,
// both together, and what they went to. Why one is not there.
type WaitFigures struct {
	Time, Dist, Heat, Causes *Figure
	Why                      string
}

// All returns the figures in the order of the report.
func (s *Set) All(cpus []*findings.CPU) []*Figure {
	var out []*Figure
	for _, c := range cpus {
		if f := s.CPU[c.CPU]; f != nil {
			out = append(out, f.Strip, f.Entry)
			for _, w := range f.Waits {
				out = append(out, w.Time, w.Dist, w.Heat, w.Causes)
			}
			out = append(out, f.Runs, f.Noise)
		}
	}
	out = append(append(out, s.Landing...), s.Matrix, s.Topology)
	return slices.DeleteFunc(out, func(f *Figure) bool { return f == nil })
}

// BuildFigures makes the figures of a report.
func BuildFigures(f *findings.Findings, col *Collector) *Set {
	res, cpus := f.Result, f.CPUs
	set := &Set{CPU: map[int]*CPUFigures{}}
	for _, c := range cpus {
		// CPUs that nobody held come last; one of them still shows that.
		if len(set.CPU) == MaxFigureCPUs || len(set.CPU) > 0 && c.All.Stays() == 0 {
			break
		}
		if t := col.cpus[c.CPU]; t != nil {
			set.CPU[c.CPU] = buildCPUFigures(res, t, c, &col.near)
		}
	}
	set.landings(f)
	set.Matrix = matrixFigure(f)
	set.Topology, set.NoTopology = topologyFigure(f)
	return set
}

func buildCPUFigures(res *replay.Result, t *cpuTrack, c *findings.CPU, n *near.Near) *CPUFigures {
	f := &CPUFigures{Strip: stripFigure(res, t, c)}
	f.Entry, f.NoEntry = entryFigure(t, c, n)
	for kind := range replay.WaitKinds {
		f.Waits[kind] = waitFigures(res, t, c, kind)
	}
	f.Runs, f.NoRuns = runsFigure(t, c)
	f.Noise = noiseFigure(c)
	return f
}

// name of a figure's file.
func figureName(cpu int, what string) string { return fmt.Sprintf("cpu%d-%s", cpu, what) }

// shortName is a task's name for tight places.
func shortName(t replay.TaskRef) string { return say.Plain(say.CommName(t)) }

// fullName is a task's name with its pid.
func fullName(t replay.TaskRef) string { return say.Plain(say.TaskName(t)) }

// intruderWords names those who held a CPU: "ksmd", "3 tasks".
func intruderWords(c *findings.CPU) string {
	switch n := len(c.Tasks); n {
	case 0:
		return "a foreign task"
	case 1:
		return say.CommName(c.Tasks[0].Task)
	case 2:
		return say.CommName(c.Tasks[0].Task) + " or " + say.CommName(c.Tasks[1].Task)
	default:
		return fmt.Sprintf("one of %d foreign tasks", n)
	}
}

// OwnerName names the owner in a title.
func OwnerName(c *findings.CPU) string {
	if c.Owner == nil {
		return "the owner"
	}
	return say.CommName(*c.Owner)
}

// landings draws where the intruders' wakeups land; without intruders, where
// all of them do.
func (s *Set) landings(all *findings.Findings) {
	res := all.Result
	iso, _ := res.Isolated.Get()
	ns := map[int32]int64{}
	for _, c := range all.CPUs {
		for _, h := range c.Tasks {
			ns[h.Task.PID] += h.NS
		}
	}
	list := slices.Clone(res.Landings)
	slices.SortStableFunc(list, func(a, b *replay.Landing) int {
		return cmp.Or(cmp.Compare(ns[b.Task.PID], ns[a.Task.PID]), cmp.Compare(a.Task.PID, b.Task.PID))
	})
	for _, l := range list {
		if len(s.Landing) == MaxLandings {
			break
		}
		if len(l.Recorded)+len(l.Original)+len(l.Patched) > 0 {
			s.landing(res, iso, taskLanding(all, l, iso), "How often the task’s wakeups landed on each CPU", [3]map[int]int64{l.Recorded, l.Original, l.Patched})
		}
	}
	if len(s.Landing) > 0 {
		return
	}
	if len(all.Routes.CPU) == 0 {
		s.NoLanding = "There is no figure of where wakeups land: the recording shows no selection of a CPU."
		return
	}
	var m [3]map[int]int64
	for i := range m {
		m[i] = map[int]int64{}
		for cpu, n := range all.Routes.CPU {
			if n[i] > 0 {
				m[i][cpu] = n[i]
			}
		}
	}
	f := &Figure{Name: "placements", Title: "Where the wakeups of all tasks land", desc: fmt.Sprintf("Recorded: %s.", landingWords(m[0]))}
	s.landing(res, iso, f, "How often each CPU was chosen, over all decisions", m)
}

// taskLanding is the figure of where a task's wakeups land, still to be drawn.
func taskLanding(all *findings.Findings, l *replay.Landing, iso cpumask.Mask) *Figure {
	other := [...]map[int]int64{l.Recorded, l.Original, l.Patched}[all.OtherOf()]
	onto := func(m map[int]int64) (sum int64) {
		for cpu, n := range m {
			if iso.Test(cpu) {
				sum += n
			}
		}
		return sum
	}
	where := "isolated CPUs"
	if iso.Weight() == 1 {
		where = fmt.Sprintf("CPU %d", iso.First())
	}
	return &Figure{
		Name:  fmt.Sprintf("landing-%d", l.Task.PID),
		Title: fmt.Sprintf("Wakeups of %s that landed on %s: %s recorded, %s %s", say.CommName(l.Task), where, say.Count(onto(l.Recorded)), say.Count(onto(other)), withPatch(all)),
		desc:  fmt.Sprintf("Recorded: %s. Predicted under the other kernel: %s.", landingWords(l.Recorded), landingWords(other)),
	}
}

// landing draws counts by CPU: recorded, and under both kernels.
func (s *Set) landing(res *replay.Result, iso cpumask.Mask, f *Figure, what string, counts [3]map[int]int64) {
	rows := []landingRow{{"recorded", ink, counts[0]}}
	if len(counts[1]) > 0 && res.Original != nil {
		rows = append(rows, landingRow{"model of " + say.Kernel(res.Original), ownerBlue, counts[1]})
	}
	if len(counts[2]) > 0 && res.Patched != nil {
		rows = append(rows, landingRow{"model of " + say.Kernel(res.Patched), patchGreen, counts[2]})
	}
	var used cpumask.Mask
	for _, r := range rows {
		for cpu := range r.counts {
			used.Set(cpu)
		}
	}
	f.Caption = what + ": as recorded, and as the model predicts it under both kernels."
	if len(rows) == 1 {
		f.Caption = what + ", as recorded; the model has no prediction."
	}
	groups, left := places.Groups(res, used, iso)
	if left > 0 {
		f.Caption += fmt.Sprintf(" CPUs that were never chosen are left out where there are too many (%d).", left)
	}
	f.height = func(size) float64 { return landingRowEm*float64(len(rows)) + 3.4 }
	f.draw = drawLanding(rows, groups, iso, "wakeups that landed on the CPU")
	s.Landing = append(s.Landing, f)
}

// landingWords lists the CPUs chosen most.
func landingWords(m map[int]int64) string {
	var words []string
	for _, cpu := range slices.SortedFunc(maps.Keys(m), func(a, b int) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) }) {
		words = append(words, fmt.Sprintf("CPU %d %s", cpu, say.Times(m[cpu])))
	}
	if len(words) == 0 {
		return "none"
	}
	return say.JoinUpTo(words, 8, "CPU")
}

// withPatch says what the other kernel is to the recorded one.
func withPatch(all *findings.Findings) string {
	if all.HasFix() {
		return "without the fix"
	}
	return "with the patch"
}
