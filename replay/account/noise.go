package account

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"schedreplay/parser"
	"schedreplay/replay/noise"
	"schedreplay/replay/timeline"
)

// Noise is what took an isolated CPU from its owner, or would have: its noise budget.
type Noise struct {
	// Known says of which kinds the recording tells. One of which it does not is not
	// none.
	Known [noise.Kinds]bool
	// Items by kind and name, the costliest of a kind first.
	Items []NoiseItem
	// Left are those beyond the names that are kept, by kind.
	Left [noise.Kinds]NoiseLeft
	// InOwner, InIdle and InUnknown are the time in ns of interrupts and softirqs over the
	// owner's own runs, over idleness, and over what is not known.
	InOwner, InIdle, InUnknown int64
	// Unpaired counts beginnings of interrupts without an end and ends without a
	// beginning: their time counts as that of what they interrupted.
	Unpaired int64
}

// NoiseItem is one source of noise. Its time is its own: what interrupted it counts for
// that.
type NoiseItem struct {
	Kind noise.Kind
	// Name is the task's, the interrupt's or the softirq's.
	Name string
	// Count is how often it ran, NS for how long in all, Longest of them when it ended at
	// LongestAt.
	Count, NS, Longest, LongestAt int64
	// OwnerNS is the part of NS in which the owner was on the CPU or waited for it.
	OwnerNS int64
	// Causes are what led to it, the most frequent first; MoreCauses counts those that
	// were not kept.
	Causes     []NoiseCause
	MoreCauses int64
}

// NoiseCause is a cause and how often it was one.
type NoiseCause struct {
	noise.Cause
	Count int64
}

// NoiseLeft counts what is not told by name.
type NoiseLeft struct{ Count, NS int64 }

// The bounds on what is kept of a CPU's noise.
const (
	maxNoiseItems  = 512
	maxNoiseCauses = 16
	// maxSegments bounds the stretches of interrupts kept of one wait of the owner; those
	// before them count as what they interrupted.
	maxSegments = 4096
)

// segment is a stretch of an interrupt, or of an idle state, in a wait of the owner.
type segment struct {
	noise.Span
	cause Cause
	name  string
}

// beside is what a tracked CPU does beside its tasks.
type beside struct {
	items map[itemKey]*noiseTally
	left  [noise.Kinds]NoiseLeft
	// inner is the time of interrupts in the present run, waited of it while the owner
	// waited.
	inner, waited int64
	// causes are those of the present run.
	causes []noise.Cause
	// segments of the owner's present wait.
	segments                   []segment
	inOwner, inIdle, inUnknown int64
	// idleFrom is since when the CPU rests again in its idle state after an interrupt,
	// NoTime if there was none.
	idleFrom int64
}

type itemKey struct {
	kind noise.Kind
	name string
}

type noiseTally struct {
	NoiseItem
	causes map[noise.Cause]int64
}

// Aside takes what a CPU says that it does beside its tasks.
func (t *Tracker) Aside(ev *parser.Event) {
	if len(t.list) == 0 || !timeline.UsableCPU(ev.CPU) || int(ev.CPU) >= t.NCPU || t.Survey.Start == parser.NoTime {
		return // without an event of the scheduler there is no window
	}
	if t.noise == nil {
		t.noise = make([]noise.CPU, t.NCPU)
	}
	c := &t.noise[ev.CPU]
	t.Host.NameFunction(ev)
	switch ev.Aside {
	case parser.IPISend, parser.IPIRaise:
		if to := ev.TargetCPU; timeline.UsableCPU(to) && int(to) < t.NCPU {
			t.noise[to].Sent(ev)
		}
		return
	case parser.HrtimerEntry:
		t.unnamed = t.unnamed || ev.Text == "" || strings.HasPrefix(ev.Text, "0x")
	}
	k := t.at(ev.CPU)
	if k == nil {
		c.Take(ev)
		return
	}
	b := &k.beside
	switch ev.Aside {
	case parser.WorkStart:
		if ev.Text != "" && len(b.causes) < maxNoiseCauses {
			b.causes = append(b.causes, noise.Cause{By: noise.ByFunction, Name: ev.Text, PID: parser.NoPID, CPU: parser.NoCPU})
		}
		return
	case parser.CPUIdle, parser.IRQEntry, parser.VectorEntry, parser.IPIEntry, parser.HrtimerEntry, parser.TimerEntry, parser.SoftirqEntry:
		t.leavesIdle(k, c, ev)
	}
	for _, in := range c.Take(ev) {
		t.interrupted(k, &in)
	}
}

// noiseSwitched takes a switch of tasks: no interrupt goes on over it.
func (t *Tracker) noiseSwitched(ev *parser.Event) {
	if t.noise != nil && timeline.UsableCPU(ev.CPU) && int(ev.CPU) < t.NCPU {
		t.noise[ev.CPU].Switched()
	}
}

// leavesIdle ends the stretch of an idle state at the CPU's first sign of life.
func (t *Tracker) leavesIdle(k *trackedCPU, c *noise.CPU, ev *parser.Event) {
	state, since, ok := c.InIdle()
	if !ok {
		return
	}
	if at := k.beside.idleFrom; at != parser.NoTime && at > since {
		since = at // it was interrupted there
	}
	if !c.Interrupted() {
		t.segment(k, segment{noise.Span{From: since, To: ev.Time}, CauseIdleState, idleState(state)})
	}
	k.beside.idleFrom = ev.Time
}

// idleState names an idle state by its number, as cpu_idle does.
func idleState(n int64) string { return "state " + strconv.FormatInt(n, 10) }

// segment keeps a stretch of what the CPU did beside its tasks, as long as the owner waits.
func (t *Tracker) segment(k *trackedCPU, s segment) {
	b := &k.beside
	_, since := t.ownerWaits(k)
	if since == parser.NoTime || s.To <= since {
		return
	}
	if len(b.segments) == maxSegments {
		b.segments = b.segments[:copy(b.segments, b.segments[maxSegments/2:])]
	}
	b.segments = append(b.segments, s)
}

// within is the time in ns of the segments in a stretch. They do not overlap.
func (b *beside) within(from, to int64) int64 {
	ns := int64(0)
	for i := range b.segments {
		ns += max(0, min(to, b.segments[i].To)-max(from, b.segments[i].From))
	}
	return ns
}

// ownerWaits is since when the CPU's owner waits for a CPU, and how; NoTime if it does not.
func (t *Tracker) ownerWaits(k *trackedCPU) (WaitKind, int64) {
	if k.res.Owner == nil {
		return SchDelay, parser.NoTime
	}
	if o := t.Timeline.Find(k.res.Owner.PID); o != nil {
		return t.waiting(o)
	}
	return SchDelay, parser.NoTime
}

// interrupted takes an interrupt or softirq that ended on a tracked CPU.
func (t *Tracker) interrupted(k *trackedCPU, in *noise.Interruption) {
	b := &k.beside
	cause, name := CauseHardirq, in.Name
	switch in.Kind {
	case noise.Softirq:
		cause = CauseSoftirq
	case noise.Tick:
		name += " (tick)"
	}
	owner := int64(0)
	_, since := t.ownerWaits(k)
	for i, s := range in.Spans {
		// The scheduler's first and last events bound the window.
		in.NS -= max(0, min(s.To, t.Survey.Start)-s.From) + max(0, s.To-max(s.From, t.Survey.End))
		s.From, s.To = max(s.From, t.Survey.Start), min(s.To, t.Survey.End)
		in.Spans[i] = s
		t.segment(k, segment{s, cause, name})
		if since != parser.NoTime && s.To > since {
			owner += s.To - max(s.From, since)
		}
	}
	if o := k.res.Owner; o != nil && k.known && k.cur == o.PID {
		owner = in.NS
		b.inOwner += in.NS
	}
	switch {
	case !k.known || k.cur < 0:
		b.inUnknown += in.NS
	case k.cur == 0:
		b.inIdle += in.NS
	}
	if in.NS <= 0 && in.Start < in.End {
		return // outside of it
	}
	if f := t.cfg.Interrupted; f != nil {
		f(k.res.CPU, in)
	}
	b.inner += in.NS
	b.waited += owner
	b.add(in.Kind, in.Name, in.NS, owner, in.End, in.Causes)
	if in.Outermost && b.idleFrom != parser.NoTime {
		b.idleFrom = in.End
	}
}

// doubted counts what interrupted the present run as over what is not known: another task
// ran than it seemed.
func (k *trackedCPU) doubted() {
	b := &k.beside
	switch o := k.res.Owner; {
	case !k.known || k.cur < 0:
		return // it is counted so
	case k.cur == 0:
		b.inIdle -= b.inner
	case o != nil && k.cur == o.PID:
		b.inOwner -= b.inner
	}
	b.inUnknown += b.inner
}

// runsBeside takes a task's run on a tracked CPU, less what interrupted it.
func (t *Tracker) runsBeside(k *trackedCPU, p *timeline.Task, run *Slice) {
	b := &k.beside
	if run.Class != ClassOwner && run.Class != ClassIdle {
		kind := noise.Task
		if t.Timeline.Affinities.Of(p).Kthread {
			kind = noise.Kthread
		}
		owner := int64(0)
		if _, since := t.ownerWaits(k); since != parser.NoTime && run.End > since {
			owner = max(0, run.End-max(run.Start, since)-b.waited)
		}
		b.add(kind, run.Task.Comm, max(0, run.End-run.Start-b.inner), owner, run.End, b.causes)
	}
}

// add adds to an item.
func (b *beside) add(kind noise.Kind, name string, ns, owner, at int64, causes []noise.Cause) {
	key := itemKey{kind, name}
	i := b.items[key]
	if i == nil {
		if len(b.items) >= maxNoiseItems {
			b.left[kind].Count++
			b.left[kind].NS += ns
			return
		}
		i = &noiseTally{NoiseItem: NoiseItem{Kind: kind, Name: strings.Clone(name)}}
		if b.items == nil {
			b.items = map[itemKey]*noiseTally{}
		}
		b.items[key] = i
	}
	i.Count++
	i.NS += ns
	i.OwnerNS += owner
	if ns > i.Longest || i.Count == 1 {
		i.Longest, i.LongestAt = ns, at
	}
	for _, c := range causes {
		if _, known := i.causes[c]; !known && len(i.causes) >= maxNoiseCauses {
			i.MoreCauses++
			continue
		}
		if i.causes == nil {
			i.causes = map[noise.Cause]int64{}
		}
		i.causes[c]++
	}
}

// noiseOf is a CPU's noise at the end.
func (t *Tracker) noiseOf(k *trackedCPU) *Noise {
	b := &k.beside
	n := &Noise{Left: b.left, InOwner: b.inOwner, InIdle: b.inIdle, InUnknown: b.inUnknown}
	a := t.Survey.Asides
	n.Known = [noise.Kinds]bool{
		noise.Task: true, noise.Kthread: true, noise.Hardirq: a.Has(parser.IRQEntry), noise.Softirq: a.Has(parser.SoftirqEntry),
		noise.Tick: a.Has(parser.HrtimerEntry) && !t.unnamed, noise.IPI: a.Has(parser.IPIEntry),
	}
	if t.noise != nil {
		n.Unpaired = t.noise[k.cpu].Unpaired
	}
	for _, i := range b.items {
		for c, count := range i.causes {
			i.Causes = append(i.Causes, NoiseCause{c, count})
		}
		slices.SortFunc(i.Causes, func(x, y NoiseCause) int {
			return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.By, y.By), cmp.Compare(x.Name, y.Name), cmp.Compare(x.CPU, y.CPU), cmp.Compare(x.PID, y.PID))
		})
		n.Items = append(n.Items, i.NoiseItem)
	}
	slices.SortFunc(n.Items, func(x, y NoiseItem) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(y.NS, x.NS), cmp.Compare(y.Count, x.Count), cmp.Compare(x.Name, y.Name))
	})
	return n
}
