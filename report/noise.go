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

// jsonNoise is the noise budget of a CPU.
type jsonNoise struct {
	// Known says by kind whether the recording tells of it.
	Known    map[string]bool  `json:"known"`
	InOwner  int64            `json:"in_owner_ns"`
	InIdle   int64            `json:"in_idle_ns"`
	InGaps   int64            `json:"in_unknown_ns"`
	Unpaired int64            `json:"unpaired"`
	Unnamed  map[string]int64 `json:"unnamed"`
	Items    []jsonNoiseItem  `json:"items"`
}

type jsonNoiseItem struct {
	Kind       string           `json:"kind"`
	Name       string           `json:"name"`
	Count      int64            `json:"count"`
	NS         int64            `json:"ns"`
	Longest    int64            `json:"longest_ns"`
	LongestAt  int64            `json:"longest_at_ns"`
	OwnerNS    *int64           `json:"owner_ns"`
	Causes     []jsonNoiseCause `json:"causes"`
	MoreCauses int64            `json:"more_causes"`
}

type jsonNoiseCause struct {
	jsonInstigator
	Count int64 `json:"count"`
}

// jsonInstigator is who woke a task, raised a softirq or sent an interrupt.
type jsonInstigator struct {
	By   string  `json:"by"`
	Name *string `json:"name"`
	PID  *int32  `json:"pid"`
	CPU  *int32  `json:"cpu"`
}

func jsonInstigatorOf(c *replay.Instigator) jsonInstigator {
	j := jsonInstigator{By: c.By.String(), Name: strPtr(parser.DisplayComm(c.Name))}
	if c.PID >= 0 {
		j.PID = &c.PID
	}
	if c.CPU >= 0 {
		j.CPU = &c.CPU
	}
	return j
}

func jsonNoiseOf(c *findings.CPU) *jsonNoise {
	if !c.NoiseTold() {
		return nil
	}
	j := &jsonNoise{Known: map[string]bool{}, InOwner: c.Noise.InOwner, InIdle: c.Noise.InIdle, InGaps: c.Noise.InUnknown, Unpaired: c.Noise.Unpaired, Unnamed: map[string]int64{}, Items: []jsonNoiseItem{}}
	for kind, s := range c.NoiseByKind() {
		j.Known[replay.NoiseKind(kind).String()], j.Unnamed[replay.NoiseKind(kind).String()] = s.Known, s.Unnamed
	}
	for i := range c.Noise.Items {
		n := &c.Noise.Items[i]
		item := jsonNoiseItem{
			Kind: n.Kind.String(), Name: parser.DisplayComm(n.Name), Count: n.Count, NS: n.NS, Longest: n.Longest, LongestAt: n.LongestAt,
			Causes: []jsonNoiseCause{}, MoreCauses: n.MoreCauses,
		}
		if c.Owner != nil {
			item.OwnerNS = &n.OwnerNS
		}
		for k := range n.Causes {
			item.Causes = append(item.Causes, jsonNoiseCause{jsonInstigatorOf(&n.Causes[k].Cause), n.Causes[k].Count})
		}
		j.Items = append(j.Items, item)
	}
	return j
}

// jsonChain is one of the owner's longest sch delays, by who woke whom.
type jsonChain struct {
	AtNS    int64      `json:"woken_at_ns"`
	DelayNS int64      `json:"delay_ns"`
	Wakings []jsonWake `json:"wakings"`
	// Cut: it goes on beyond what is kept.
	Cut bool `json:"cut"`
}

// jsonWake is a waking of a chain: the owner's, that of its waker, and so on.
type jsonWake struct {
	AtNS int64    `json:"at_ns"`
	Task jsonTask `json:"task"`
	jsonInstigator
}

func jsonChainsOf(c *findings.CPU) []jsonChain {
	out := []jsonChain{}
	for _, r := range c.Chains(maxChainRows) {
		_, ns := r.Wait()
		j := jsonChain{AtNS: r.Woken.At, DelayNS: ns}
		for _, w := range findings.Chain(r.Woken) {
			j.Wakings, j.Cut = append(j.Wakings, jsonWake{w.At, jsonTaskOf(w.Task), jsonInstigatorOf(&w.By)}), w.Cut
		}
		out = append(out, j)
	}
	return out
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

// jsonSpare is how long CPUs were idle while tasks waited.
type jsonSpare struct {
	NS      int64           `json:"ns"`
	Count   int64           `json:"waits"`
	WaitNS  int64           `json:"waits_ns"`
	Longest []jsonSpareWait `json:"longest"`
}

type jsonSpareWait struct {
	Task   jsonTask `json:"task"`
	FromNS int64    `json:"from_ns"`
	NS     int64    `json:"ns"`
	CPU    int      `json:"cpu"`
	Idle   string   `json:"idle_cpus"`
	First  int      `json:"first_idle_cpu"`
}

func jsonSpareOf(s *replay.Spare) *jsonSpare {
	if s == nil || !s.Known {
		return nil
	}
	j := &jsonSpare{NS: s.NS, Count: s.Count, WaitNS: s.WaitNS, Longest: []jsonSpareWait{}}
	for i := range s.Longest {
		w := &s.Longest[i]
		j.Longest = append(j.Longest, jsonSpareWait{jsonTaskOf(w.Task), w.From, w.NS(), w.CPU, w.Idle.String(), w.First})
	}
	return j
}

// idleWords names the CPUs that were idle in a wait.
func idleWords(w *replay.SpareWait) string {
	if w.Idle.Weight() == 1 {
		return say.CPUNoun(w.Idle)
	}
	return fmt.Sprintf("%s, at first %d", say.CPUNoun(w.Idle), w.First)
}
