package report

import (
	"fmt"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/plots"
	"schedreplay/replay"
)

// noiseSection tells what else was on the core, where the recording does.
func noiseSection(c *findings.CPU, f *plots.CPUFigures) section {
	if !c.NoiseTold() {
		return section{}
	}
	s := section{ID: fmt.Sprintf("cpu%d-noise", c.CPU), Title: "What else was on the core", Level: 3}
	for _, t := range say.Noise(c) {
		s.text(say.Sentence(t))
	}
	if f != nil {
		s.figure(f.Noise, "")
	}
	s.table(noiseTable(c))
	return s
}

// noiseTable is the CPU's noise budget.
func noiseTable(c *findings.CPU) *table {
	t := &table{
		Caption: fmt.Sprintf("Noise budget of CPU %d over the %s recorded", c.CPU, say.Duration(c.WindowNS)), Short: maxShortNoise,
		Cols: cols("Kind", "What", "#Times", "#Time", "#Share", "#Longest", "#Cost the owner", "What led to it"),
		Note: "Each time is its own: an interrupt over a softirq counts for itself. Cost the owner: the part while it ran or waited there. The owner’s own runs are no noise.",
	}
	known := c.WindowNS - c.UnknownNS
	sums := c.NoiseByKind()
	items := c.Noise.Items
	for kind := range replay.NoiseKinds {
		s, name, none := sums[kind], word(say.NoiseKind(kind)), val{"", "0"}
		n := 0
		for ; len(items) > 0 && items[0].Kind == kind; items = items[1:] {
			i := &items[0]
			if n++; n > maxNoiseRows {
				s.Unnamed += i.Count
				continue
			}
			cost := length(i.OwnerNS)
			if c.Owner == nil {
				cost.text = "?"
			}
			t.row(name, word(say.NoiseName(i)), count(i.Count), length(i.NS), val{say.Percent(i.NS, known), key(i.NS)}, length(i.Longest), cost, word(say.NoiseCauses(i)))
		}
		switch {
		case s.Unnamed > 0:
			t.row(name, word("others"), count(s.Unnamed), val{}, val{}, val{}, val{}, val{})
		case !s.Known:
			what := "not recorded"
			if n > 0 {
				what = "others not recorded"
			}
			t.row(name, word(what), word("?"), word("?"), word("?"), word("?"), word("?"), val{})
		case s.Count == 0:
			t.row(name, word("none"), count(0), length(0), none, none, none, val{})
		}
	}
	return t
}

// maxShortNoise bounds the rows in Markdown, maxNoiseRows those of one kind.
const maxShortNoise = 40

const maxNoiseRows = 12

// maxChainRows bounds the wakings of the owner that are told to the root.
const maxChainRows = 5

// chainTable tells who woke whom before the owner's longest delays.
func chainTable(c *findings.CPU) *table {
	t := &table{
		Caption: fmt.Sprintf("Who woke %s before its longest delays, to the root", plots.OwnerName(c)),
		Cols:    cols("#Woken at", "#"+say.WaitNoun(replay.SchDelay), "By whom, and who had woken that"),
	}
	for _, r := range c.Chains(maxChainRows) {
		_, ns := r.Wait()
		t.fixed(say.Clock(r.Woken.At), say.Duration(ns), say.Chain(r.Woken))
	}
	return t
}

// noiseObject is the noise budget of a CPU, null where the recording tells of tasks alone.
func noiseObject(c *findings.CPU) any {
	if !c.NoiseTold() {
		return nil
	}
	told, unnamed := map[string]bool{}, map[string]int64{}
	for kind, s := range c.NoiseByKind() {
		told[replay.NoiseKind(kind).String()], unnamed[replay.NoiseKind(kind).String()] = s.Known, s.Unnamed
	}
	return object{
		{"known", told}, // whether the recording tells of the kind
		{"in_owner_ns", c.Noise.InOwner},
		{"in_idle_ns", c.Noise.InIdle},
		{"in_unknown_ns", c.Noise.InUnknown},
		{"unpaired", c.Noise.Unpaired},
		{"unnamed", unnamed},
		{"items", say.Each(c.Noise.Items, func(n replay.NoiseItem) object {
			return object{
				{"kind", n.Kind.String()},
				{"name", parser.DisplayComm(n.Name)},
				{"count", n.Count},
				{"ns", n.NS},
				{"longest_ns", n.Longest},
				{"longest_at_ns", n.LongestAt},
				{"owner_ns", known(n.OwnerNS, c.Owner != nil)},
				{"causes", say.Each(n.Causes, func(x replay.NoiseCause) object { return append(instigator(&x.Cause), field{"count", x.Count}) })},
				{"more_causes", n.MoreCauses},
			}
		})},
	}
}

// instigator is who woke a task, raised a softirq or sent an interrupt.
func instigator(c *replay.Instigator) object {
	return object{{"by", c.By.String()}, {"name", nonempty(parser.DisplayComm(c.Name))}, {"pid", known(c.PID, c.PID >= 0)}, {"cpu", known(c.CPU, c.CPU >= 0)}}
}

// chainObjects are the owner's longest sch delays, by who woke whom: its own waking, that of
// its waker, and so on.
func chainObjects(c *findings.CPU) []object {
	return say.Each(c.Chains(maxChainRows), func(r *replay.Slice) object {
		_, ns := r.Wait()
		var wakings []object
		cut := false // it goes on beyond what is kept
		for _, w := range findings.Chain(r.Woken) {
			wakings, cut = append(wakings, append(object{{"at_ns", w.At}, {"task", taskObject(w.Task)}}, instigator(&w.By)...)), w.Cut
		}
		return object{{"woken_at_ns", r.Woken.At}, {"delay_ns", ns}, {"wakings", wakings}, {"cut", cut}}
	})
}

// maxSpareRows bounds the waits told of in which a CPU was idle.
const maxSpareRows = 10

// spareSection tells how long CPUs were idle while tasks waited.
func spareSection(f *findings.Findings) section {
	s := section{ID: "spare", Title: "Idle while others waited", Level: 2}
	for _, t := range say.Spare(f) {
		s.text(say.Sentence(t))
	}
	if len(s.Blocks) == 0 {
		return s
	}
	t := &table{
		Caption: "The longest waits while a CPU was idle",
		Cols:    cols("Task", "#From", "#Waited", "#On CPU", "Idle meanwhile"),
	}
	list := f.Result.Spare.Longest
	for i := range list[:min(len(list), maxSpareRows)] {
		w := &list[i]
		t.fixed(say.TaskName(w.Task), say.Clock(w.From), say.Duration(w.NS()), fmt.Sprint(w.CPU), idleWords(w))
	}
	s.table(t)
	return s
}

// spareObject tells how long CPUs were idle while tasks waited, null where that is not known.
func spareObject(s *replay.Spare) any {
	if s == nil || !s.Known {
		return nil
	}
	return object{
		{"ns", s.NS},
		{"waits", s.Count},
		{"waits_ns", s.WaitNS},
		{"longest", say.Each(s.Longest, func(w replay.SpareWait) object {
			return object{
				{"task", taskObject(w.Task)},
				{"from_ns", w.From},
				{"ns", w.NS()},
				{"cpu", w.CPU},
				{"idle_cpus", w.Idle.String()},
				{"first_idle_cpu", w.First},
			}
		})},
	}
}

// idleWords names the CPUs that were idle in a wait.
func idleWords(w *replay.SpareWait) string {
	if w.Idle.Weight() == 1 {
		return say.CPUNoun(w.Idle)
	}
	return fmt.Sprintf("%s, at first %d", say.CPUNoun(w.Idle), w.First)
}
