package plots

import (
	"cmp"
	"slices"

	"schedreplay/findings"
	"schedreplay/parser"
	"schedreplay/plots/internal/columns"
	"schedreplay/plots/internal/kept"
	"schedreplay/plots/internal/near"
	"schedreplay/replay"
	"schedreplay/stats"
)

// Bounds on what is kept while a replay goes.
const (
	maxIntruders = 32 // intruders told apart per CPU; the rest are summed
)

// Collector gathers what the figures and tables need from the stream.
type Collector struct {
	base columns.Timebase
	cpus map[int]*cpuTrack
	// near is what ran on the CPUs beside the isolated ones.
	near near.Near
	// kept counts the slices and points kept by all CPUs.
	kept int
}

// cpuTrack is what is kept of one isolated CPU.
type cpuTrack struct {
	cpu       int
	base      *columns.Timebase
	class     map[replay.Class]columns.Coverage
	intruders map[int32]*taskTrack
	rest      *taskTrack // intruders beyond maxIntruders
	waits     [replay.WaitKinds]waitTrack
	// interrupts are when they ran, by kind.
	interrupts        [replay.NoiseKinds]columns.Coverage
	clips             kept.Clips
	runs, interrupted kept.Detail
	kept              *int
}

// waitTrack is what is kept of the owner's waits of one kind: without an intruder in them
// and with one.
type waitTrack struct {
	over [2]columns.Extents
	heat columns.Heat
}

// taskTrack is what is kept of one intruder on one CPU.
type taskTrack struct {
	task  replay.TaskRef
	runs  int64
	ns    int64
	cover columns.Coverage
	// certain and possible: the part that stays under the patched kernel.
	certain, possible columns.Coverage
	length, period    *stats.Lengths
	lastStart         int64
}

// NewCollector returns an empty collector.
func NewCollector() *Collector {
	return &Collector{
		cpus: map[int]*cpuTrack{}, near: near.New(),
	}
}

func (c *Collector) cpu(n int) *cpuTrack {
	t := c.cpus[n]
	if t == nil {
		t = &cpuTrack{
			cpu: n, base: &c.base, class: map[replay.Class]columns.Coverage{}, intruders: map[int32]*taskTrack{}, kept: &c.kept,
		}
		for i := range t.waits {
			t.waits[i] = waitTrack{[2]columns.Extents{columns.NewExtents(&c.base), columns.NewExtents(&c.base)}, columns.NewHeat()}
		}
		c.cpus[n] = t
	}
	return t
}

// Wakeup takes a decision.
func (c *Collector) Wakeup(w *replay.Wakeup) {
	c.near.Entry(w)
}

// Begin takes what is known before the first decision.
func (c *Collector) Begin(res *replay.Result) { c.near.Begin(res) }

// Near takes a slice on a CPU that shares an LLC with an isolated one.
func (c *Collector) Near(r *replay.Slice) { c.near.Slice(r) }

// Run takes a slice on an isolated CPU.
func (c *Collector) Run(r *replay.Slice) {
	t := c.cpu(r.CPU)
	c.near.Slice(r)
	if findings.IsIntruder(r) {
		t.intruder(r)
	} else {
		k := t.class[r.Class]
		if k.Track == nil {
			k = columns.NewCoverage(&c.base)
			t.class[r.Class] = k
		}
		k.Add(r.Start, r.End)
	}
	if kind, ns, ok := r.OwnerWait(); ok {
		w, i := &t.waits[kind], 0
		if r.Intruded {
			i = 1
		}
		w.over[i].Add(r.Start, ns)
		w.heat.Add(r.Start, ns)
	}
	t.runs.Run(r, t.kept)
	t.clips.Run(r)
}

// Interrupted takes an interrupt on an isolated CPU.
func (c *Collector) Interrupted(cpu int, in *replay.Interruption) {
	t := c.cpu(cpu)
	k := &t.interrupts[in.Kind]
	if k.Track == nil {
		*k = columns.NewCoverage(&c.base)
	}
	for _, s := range in.Spans {
		k.Add(s.From, s.To)
	}
	t.interrupted.Interrupt(in, t.kept)
	t.clips.Interrupt(in)
}

func (t *cpuTrack) intruder(r *replay.Slice) {
	k := t.intruders[r.Task.PID]
	if k == nil {
		switch {
		case len(t.intruders) < maxIntruders:
			k = newTaskTrack(t.base, r.Task)
			t.intruders[r.Task.PID] = k
		case t.rest == nil:
			t.rest = newTaskTrack(t.base, replay.TaskRef{PID: parser.NoPID})
			fallthrough
		default:
			k = t.rest
		}
	}
	if k != t.rest {
		k.task = r.Task
		if k.lastStart != parser.NoTime {
			k.period.Add(r.Start - k.lastStart)
		}
		k.lastStart = r.Start
	}
	k.runs++
	k.ns += r.End - r.Start
	if !r.CutStart && !r.CutEnd {
		k.length.Add(r.End - r.Start)
	}
	k.cover.Add(r.Start, r.End)
	switch r.Patched {
	case replay.MovedCertain:
		k.certain.Add(r.Start, r.End)
	case replay.MovedPossible:
		k.possible.Add(r.Start, r.End)
	}
}

func newTaskTrack(b *columns.Timebase, task replay.TaskRef) *taskTrack {
	return &taskTrack{
		task: task, cover: columns.NewCoverage(b), certain: columns.NewCoverage(b), possible: columns.NewCoverage(b),
		length: stats.NewLengths(), period: stats.NewLengths(), lastStart: parser.NoTime,
	}
}

// byTime returns the intruders of a CPU, the longest first, and the sum of
// those not told apart, if any.
func (t *cpuTrack) byTime() []*taskTrack {
	var list []*taskTrack
	for _, k := range t.intruders {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b *taskTrack) int {
		return cmp.Or(cmp.Compare(b.ns, a.ns), cmp.Compare(a.task.PID, b.task.PID))
	})
	if t.rest != nil {
		list = append(list, t.rest)
	}
	return list
}
