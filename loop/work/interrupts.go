package work

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strings"

	"schedreplay/parser"
	"schedreplay/replay/noise"
)

// Source is what an interrupt is told by: a softirq that follows from an interrupt has that
// one's.
type Source struct {
	Kind noise.Kind
	Name string
}

// Interrupt is a stretch of time that a CPU spent on an interrupt or softirq, in ns. Source is
// an index of Program.Sources.
type Interrupt struct {
	Start  int64
	NS     int32
	Source int32
}

// End is when it ends.
func (i *Interrupt) End() int64 { return i.Start + int64(i.NS) }

// besides is what one CPU does beside its tasks, while the recording is read.
type besides struct {
	noise.CPU
	// taken is what interrupts took of the current task since it was last charged.
	taken int64
	all   []Interrupt
	ticks []Sample
	// recent are those since the last switch, wakings the wakings by those that run.
	recent  []recent
	wakings []interruptWaking
	// last is the source of the one that ended last, at lastEnd; named and soft are those of
	// the last run of each interrupt and softirq.
	last        int32
	lastEnd     int64
	named, soft map[string]int32
}

// recent is an interrupt since the CPU's last switch: the stretch of it, and the first of it in
// all.
type recent struct {
	start, end, ns int64
	kind           noise.Kind
	first          int
}

// interruptWaking is a waking that an interrupt did: of a task's step, at a time.
type interruptWaking struct {
	task, step int
	time       int64
}

// rest is what was left of the interrupt after a waking, up to the next or its end.
type rest struct {
	interruptWaking
	cpu    int32
	to     int64
	source int32
}

// mostRecent is how many interrupts since a switch are kept.
const mostRecent = 64

// noSource is that of what a task brought about itself.
const noSource = -1

// followsWithin is how long after an interrupt a softirq begins that it raised, where what
// raised it is not recorded.
const followsWithin = 5_000

// aside takes what a CPU does beside its tasks.
func (x *extraction) aside(ev *parser.Event) {
	if ev.CPU < 0 || int(ev.CPU) >= x.p.CPUs || ev.Aside == parser.NoAside {
		return
	}
	if x.beside == nil {
		x.beside = make([]besides, x.p.CPUs)
		for c := range x.beside {
			x.beside[c] = besides{named: map[string]int32{}, soft: map[string]int32{}, last: noSource}
		}
	}
	b := &x.beside[ev.CPU]
	x.host.NameFunction(ev)
	for _, in := range b.Take(ev) {
		x.interrupted(b, ev.CPU, &in)
	}
	if !b.Interrupted() {
		b.wakings = b.wakings[:0]
	}
}

// source tells what an interrupt is of: noSource where a task of its own doing brought it
// about, as the softirq of a packet that it sends to itself; or where it runs in ksoftirqd,
// whose work it is.
func (x *extraction) source(b *besides, cpu int32, in *noise.Interruption) int32 {
	cur := x.cur[cpu]
	if in.Kind != noise.Softirq {
		s := x.sourceOf(Source{in.Kind, in.Name})
		b.named[in.Name] = s
		return s
	}
	s := int32(noSource)
	i, ok := x.at[cur]
	switch by := (&noise.Cause{By: noise.ByFunction}); {
	case ok && strings.HasPrefix(x.tasks[i].Comm, "ksoftirqd/"):
	default:
		if len(in.Causes) > 0 {
			by = &in.Causes[0]
		}
		known := false
		switch by.By {
		case noise.ByHardirq:
			s, known = b.named[by.Name]
		case noise.BySoftirq:
			s, known = b.soft[by.Name]
		case noise.ByTask:
			s, known = noSource, by.PID == cur && cur > 0
		default:
			s, known = b.last, in.Start-b.lastEnd <= followsWithin
		}
		if !known && cur > 0 && by.By == noise.ByFunction {
			s = noSource
		} else if !known {
			s = x.sourceOf(Source{noise.Softirq, in.Name})
		}
	}
	b.soft[in.Name] = s
	return s
}

// sourceOf is the number of a source.
func (x *extraction) sourceOf(s Source) int32 {
	i, ok := x.sources[s]
	if !ok {
		if x.sources == nil {
			x.sources = map[Source]int32{}
		}
		i = int32(len(x.p.Sources))
		x.sources[s] = i
		x.p.Sources = append(x.p.Sources, s)
	}
	return i
}

// interrupted takes an interrupt or softirq that has ended.
func (x *extraction) interrupted(b *besides, cpu int32, in *noise.Interruption) {
	s := x.source(b, cpu, in)
	b.last, b.lastEnd = s, in.End
	if s == noSource {
		return
	}
	kind := x.p.Sources[s].Kind
	r := recent{start: in.Start, end: in.End, kind: kind, first: len(b.all)}
	tick := kind == noise.Tick && x.cur[cpu] > 0 // over idleness it is not the scheduler's
	for _, span := range in.Spans {
		span.From = max(span.From, x.p.Start)
		ns := min(span.To-span.From, math.MaxInt32)
		if ns <= 0 {
			continue
		}
		if r.ns += ns; !tick {
			b.all = append(b.all, Interrupt{span.From, int32(ns), s})
		}
	}
	if x.cur[cpu] > 0 {
		b.taken += r.ns
	}
	if len(b.recent) == mostRecent {
		b.recent = b.recent[:copy(b.recent, b.recent[mostRecent/2:])]
	}
	b.recent = append(b.recent, r)
	switch n := len(b.ticks); {
	case !tick || r.ns == 0:
	case in.Kind == noise.Softirq && n > 0:
		b.ticks[n-1].NS += r.ns
	default:
		b.ticks = append(b.ticks, Sample{Time: in.Start, NS: r.ns})
	}
	x.rests(b, cpu, in, s)
}

// rests notes of the wakings that an interrupt did what it was, and what was left of it.
func (x *extraction) rests(b *besides, cpu int32, in *noise.Interruption, source int32) {
	i := len(b.wakings)
	for i > 0 && b.wakings[i-1].time >= in.Start {
		i--
	}
	to := in.End
	for k := len(b.wakings) - 1; k >= i; k-- {
		w := b.wakings[k]
		then := &x.tasks[w.task].Steps[w.step].Then
		if x.p.Sources[source].Device() {
			then.Edge, then.Source = EdgeOutside, source+1
		}
		x.left = append(x.left, rest{w, cpu, to, source})
		to = w.time
	}
	b.wakings = b.wakings[:i]
}

// Device reports whether it is a device's.
func (s Source) Device() bool { return noise.Device(s.Kind, s.Name) }

// wokenIn notes that an interrupt woke the task whose last step that ends.
func (x *extraction) wokenIn(p *tasking, ev *parser.Event) {
	if x.beside == nil || ev.CPU < 0 || p.waking.Edge == EdgeTask {
		return
	}
	if b := &x.beside[ev.CPU]; b.Interrupted() {
		b.wakings = append(b.wakings, interruptWaking{x.at[p.PID], len(p.Steps) - 1, ev.Time})
	}
}

// context is the context of a waking: where the record does not say, that it was done in an
// interrupt that is recorded.
func (x *extraction) context(ev *parser.Event) parser.Context {
	if ev.Context == parser.ContextUnknown && x.beside != nil && ev.CPU >= 0 && x.beside[ev.CPU].Interrupted() {
		return parser.ContextHardirq
	}
	return ev.Context
}

// takenOn is what interrupts took of what the CPU's current task ran for since it was last
// charged.
func (x *extraction) takenOn(cpu int32, run int64) int64 {
	if x.beside == nil || cpu < 0 {
		return 0
	}
	return min(max(0, run), x.beside[cpu].taken)
}

// charged begins to count anew.
func (x *extraction) charged(cpu int32) {
	if x.beside != nil && cpu >= 0 {
		x.beside[cpu].taken = 0
	}
}

// gives leaves the interrupts that another CPU sent to have a task run there to that waking:
// they are in the time from its wakeup to its run, as the scheduler causes them.
func (x *extraction) gives(ev *parser.Event) {
	i, ok := x.at[ev.Next.PID]
	if x.beside == nil || !ok || x.tasks[i].state != queued || !x.tasks[i].slept {
		return
	}
	b := &x.beside[ev.CPU]
	for k := range b.recent {
		r := &b.recent[k]
		if r.kind != noise.IPI || r.end <= x.tasks[i].runnable {
			continue
		}
		for j := r.first; j < len(b.all) && b.all[j].Start < r.end; j++ {
			if x.p.Sources[b.all[j].Source].Kind == noise.IPI {
				b.all[j].NS = 0
			}
		}
		b.taken = max(0, b.taken-r.ns)
		r.ns = 0
	}
}

// less takes from a time that ends with a switch what interrupts took of it.
func (x *extraction) less(cpu int32, from, to int64) int64 {
	ns := to - from
	if x.beside == nil {
		return ns
	}
	for _, r := range x.beside[cpu].recent {
		if r.end > from {
			ns -= min(r.ns, r.end-max(from, r.start))
		}
	}
	return max(0, ns)
}

// asideSwitched notes a CPU's switch: no interrupt goes on over it.
func (x *extraction) asideSwitched(cpu int32) {
	if x.beside != nil {
		b := &x.beside[cpu]
		b.Switched()
		b.recent, b.wakings = b.recent[:0], b.wakings[:0]
	}
}

// beginAside begins the window.
func (x *extraction) beginAside() {
	x.left = nil
	for c := range x.beside {
		b := &x.beside[c]
		b.taken, b.all, b.ticks, b.recent, b.wakings = 0, nil, nil, b.recent[:0], b.wakings[:0]
	}
}

// settleInterrupts gives the program its interrupts. What is left of one after it woke a task
// by that one's timer goes with the waking, whenever and wherever that is.
func (x *extraction) settleInterrupts(to []int) {
	if x.beside == nil {
		return
	}
	x.p.Interrupts, x.p.Ticks = make([][]Interrupt, x.p.CPUs), make([][]Sample, x.p.CPUs)
	for c := range x.beside {
		slices.SortFunc(x.beside[c].all, func(a, b Interrupt) int { return cmp.Compare(a.Start, b.Start) })
	}
	for _, r := range x.left {
		then := &x.p.Tasks[to[r.task]].Steps[r.step].Then
		if then.Edge != EdgeTimer && then.Edge != EdgeGrid {
			continue
		}
		then.Rest = int32(min(x.beside[r.cpu].cut(r.time, r.to, x.p.Sources[r.source].Kind == noise.Tick), math.MaxInt32))
	}
	for c := range x.beside {
		b := &x.beside[c]
		b.all = slices.DeleteFunc(b.all, func(i Interrupt) bool { return i.NS <= 0 })
		slices.SortFunc(b.all, func(a, b Interrupt) int { return cmp.Compare(a.Start, b.Start) })
		x.p.Interrupts[c], x.p.Ticks[c] = slices.Clone(b.all), slices.Clone(b.ticks)
	}
}

// cut takes a stretch out of the interrupts, or of the tick that it is in, and returns how much
// of it there was.
func (b *besides) cut(from, to int64, tick bool) (ns int64) {
	n := len(b.all)
	for i := sort.Search(n, func(i int) bool { return b.all[i].End() > from }); i < n && b.all[i].Start < to; i++ {
		in := &b.all[i]
		s, e := max(from, in.Start), min(to, in.End())
		if s >= e {
			continue
		}
		ns += e - s
		if e < in.End() && s > in.Start {
			b.all = append(b.all, Interrupt{e, int32(in.End() - e), in.Source}) // after those in order
			in = &b.all[i]
		} else if e < in.End() {
			in.Start, in.NS = e, int32(in.End()-e)
			continue
		}
		in.NS = int32(s - in.Start)
	}
	if ns > 0 || !tick {
		return ns
	}
	i := sort.Search(len(b.ticks), func(i int) bool { return b.ticks[i].Time > from }) - 1
	if i < 0 {
		return 0
	}
	ns = min(to-from, b.ticks[i].NS)
	b.ticks[i].NS -= ns
	return ns
}
