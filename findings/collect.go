package findings

import (
	"cmp"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

// Bounds on what a Collector keeps.
const (
	maxWorst    = 100 // longest runs and delays, per CPU
	maxExamples = 6   // changed wakeups of each effect
)

// Collector gathers, while a replay goes, what the result alone does not hold: which
// decisions the alternative changes and how, the longest runs of intruders and the longest
// waits of owners. Its memory is bounded.
type Collector struct {
	isolated cpumask.Mask
	turns    map[Turn]*Count
	effects  map[int32]*[Effects]Count
	// certain and possible are the first changed decisions of each effect.
	certain, possible [Effects][]Example
	cpus              map[int]*worst
	routes            Routes
}

// Turn is a change of path from one kernel to the other.
type Turn struct {
	From place.Path `json:"original"`
	To   place.Path `json:"patched"`
}

// Count counts changed decisions.
type Count struct {
	Certain  int64 `json:"certain"`
	Possible int64 `json:"possible"`
}

// TurnCount counts the decisions of one turn.
type TurnCount struct {
	Turn
	Count
}

// Example is a changed wakeup, kept.
type Example struct {
	Effect             Effect
	N, Time            int64
	Task               replay.TaskRef
	Recorded, From, To int
	Turn               Turn
}

// Changes are the decisions that the first alternative changes.
type Changes struct {
	// Turns by path, the most certain first.
	Turns []TurnCount
	// Effects by task and by what the change means for it.
	Effects map[int32]*[Effects]Count
	// Certain and Possible are the first of each effect.
	Certain, Possible [Effects][]Example
}

// worst is what is kept of one CPU.
type worst struct {
	runs  []replay.Slice
	waits [replay.WaitKinds][]replay.Slice
}

// NewCollector returns an empty collector.
func NewCollector() *Collector {
	return &Collector{turns: map[Turn]*Count{}, effects: map[int32]*[Effects]Count{}, cpus: map[int]*worst{}, routes: newRoutes()}
}

// Begin takes what is known before the first decision.
func (c *Collector) Begin(res *replay.Result) {
	if m, ok := res.Isolated.Get(); ok {
		c.isolated = m.Clone()
	} else if res.Host != nil {
		c.isolated = res.Host.Isolated.Value.Clone()
	}
}

// Wakeup takes a decision.
func (c *Collector) Wakeup(w *replay.Wakeup) {
	if w.Selection {
		c.routes.add(AsRecorded, w.PrevCPU, w.RecordedCPU)
		c.routes.add(AsOriginal, w.Original.Prev, w.Original.CPU)
		c.routes.add(AsPatched, w.Patched.Prev, w.Patched.CPU)
	}
	if w.Moved != replay.MovedCertain && w.Moved != replay.MovedPossible {
		return
	}
	k := Turn{w.Original.Path, w.Patched.Path}
	if c.turns[k] == nil {
		c.turns[k] = new(Count)
	}
	if c.effects[w.Task.PID] == nil {
		c.effects[w.Task.PID] = new([Effects]Count)
	}
	e := EffectOf(w, c.isolated)
	turn, byTask, list := c.turns[k], &c.effects[w.Task.PID][e], &c.possible[e]
	if w.Moved == replay.MovedCertain {
		turn.Certain++
		byTask.Certain++
		list = &c.certain[e]
	} else {
		turn.Possible++
		byTask.Possible++
	}
	if len(*list) < maxExamples {
		*list = append(*list, Example{
			Effect: e, N: w.N, Time: w.Time, Task: w.Task, Recorded: w.RecordedCPU, From: w.Original.CPU, To: w.Patched.CPU, Turn: k,
		})
	}
}

// Run takes a slice on an isolated CPU.
func (c *Collector) Run(r *replay.Slice) {
	k := c.cpus[r.CPU]
	if k == nil {
		k = &worst{}
		c.cpus[r.CPU] = k
	}
	if IsIntruder(r) {
		k.runs = keepWorst(k.runs, *r, func(r *replay.Slice) int64 { return r.End - r.Start })
	}
	if kind, ns, ok := r.OwnerWait(); ok {
		wait := func(r *replay.Slice) int64 { _, ns := r.Wait(); return ns }
		if list := k.waits[kind]; len(list) < maxWorst || ns > wait(&list[maxWorst-1]) {
			k.waits[kind] = keepWorst(list, *r, wait)
		}
	}
}

// keepWorst keeps those with the greatest value, the earlier one of equals first.
func keepWorst[T any](list []T, x T, value func(*T) int64) []T {
	if len(list) == maxWorst && value(&x) <= value(&list[maxWorst-1]) {
		return list
	}
	i, _ := slices.BinarySearchFunc(list, value(&x), func(e T, v int64) int {
		if value(&e) >= v {
			return -1
		}
		return 1
	})
	list = slices.Insert(list, i, x)
	return list[:min(len(list), maxWorst)]
}

// Findings computes the findings of the result with what was gathered on the way.
func (c *Collector) Findings(res *replay.Result) *Findings {
	f := Of(res)
	f.Routes = c.routes
	f.Changes = Changes{Effects: c.effects, Certain: c.certain, Possible: c.possible}
	for k, n := range c.turns {
		f.Changes.Turns = append(f.Changes.Turns, TurnCount{k, *n})
	}
	slices.SortFunc(f.Changes.Turns, func(a, b TurnCount) int {
		return cmp.Or(cmp.Compare(b.Certain, a.Certain), cmp.Compare(b.Possible, a.Possible), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	for _, s := range f.CPUs {
		if k := c.cpus[s.CPU]; k != nil {
			s.LongestRuns, s.LongestWaits = k.runs, k.waits
		}
	}
	return f
}
