package timeline

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"schedreplay/parser"
	"schedreplay/replay/still"
)

// This file finds where a recording was interrupted on several CPUs at once, as where
// it was stopped and goes on. Of one CPU a break is only seen at its next event
// ([parser.KindHole]), which may be long after. But the breaks of several have a moment in
// common, and from that on each of them stands as its first event after it tells, as at the
// start of a capture. What a CPU does about a break of its own is not known.

// interruptions are the seams of a recording, and the breaks that CPUs have of their own.
type interruptions struct {
	seams []seam
	gaps  []gap
}

// seam is a moment at which several CPUs' recording was interrupted, with their breaks, the
// tasks of which a later event tells how they stood, and what they did over the time after it.
type seam struct {
	at     int64
	breaks []chainBreak
	// unheard is when some of the CPUs that perf left were not recorded.
	unheard span
	tasks   []seamTask
	shares  []seamShare
	over    int64 // ns in which the shares were measured
}

// gap is where a CPU is not known any more because of a break of its own, or known again: the
// task that is current from then on, NoPID if it is not known which.
type gap struct {
	at        int64
	cpu       int32
	cur, prio int32
}

// seamShare is the share of a task in the time after a seam.
type seamShare struct {
	pid int32
	share
}

// chainBreak is a break in a CPU's chain of switches. It lies between the last event that
// fits the task current before it and the first that does not; hole is when it was seen.
type chainBreak struct {
	cpu            int32
	from, to, hole int64
	// cur is the task current after it, NoPID if unknown, and by the one whose arrival tells so,
	// NoPID if it was no arrival: for a decision about that task the state counts as unknown.
	cur, prio, by int32
	// open is from when on cur may have run if the break is the CPU's own, ran from when on
	// it did, NoTime if that is not told. woken: one switch out of idle is missing, to a task
	// that was to run there; slept: it had gone to sleep there, and an interrupt over swapper
	// woke it just before.
	open, ran    int64
	woken, slept bool
	kept         bool // see [recall.Log.Break]
}

// seamTask is a task as its first event after a seam tells that it was there.
type seamTask struct {
	pid, cpu int32
	was      seamState
}

// seamState is where a task stood.
type seamState uint8

const (
	wasAsleep seamState = iota
	wasQueued
	wasFlying // on its CPU's wake list
)

// current follows which task a CPU's events say is current.
type current struct {
	pid int32 // valid if known
	// sureAt is the last event that fits pid.
	sureAt int64
	known  bool
	// broken: the next event shows what came after the break of number last; uncharged: the
	// next charge of pid tells how long it has run since.
	broken, uncharged bool
	last              int
	// left: pid came to another CPU, and nothing shows how it left this one.
	left bool
}

const (
	// maxBreaks bounds the breaks kept, seamReach those looked at for one that has a moment
	// in common with another.
	maxBreaks = 1 << 16
	seamReach = 1 << 10
)

// follow takes from an event which task is current.
func (s *surveyor) follow(ev *parser.Event) {
	c := &s.cpuAt(ev.CPU).run
	if c.left && still.Writes(ev.Kind) && len(s.breaks) < maxBreaks {
		now := ev.Cur
		if ev.Kind == parser.KindSwitch {
			now = ev.Task
		}
		c.left, s.breaks = false, append(s.breaks, chainBreak{
			cpu: ev.CPU, from: c.sureAt, to: ev.Time, hole: parser.NoTime, cur: now.PID, prio: now.Prio, by: arrives(ev),
			kept: s.lately.Break(c.sureAt, ev.Time),
		})
	}
	if c.broken {
		b := &s.breaks[c.last]
		b.by, c.broken = arrives(ev), false
	}
	if c.uncharged && ev.Kind == parser.KindStatRuntime && ev.Task.PID == c.pid && ev.Cur.PID == c.pid {
		b := &s.breaks[c.last]
		b.ran, c.uncharged = min(b.to, ev.RanSince(b.open)), false
	}
	switch {
	case ev.Kind == parser.KindSwitch:
		*c = current{pid: ev.Next.PID, known: ev.Next.PID != parser.NoPID, sureAt: ev.Time}
	case !c.known || ev.Cur.PID == parser.NoPID || ev.Kind == parser.KindSlice:
	case ev.Kind == parser.KindExec && ev.OldPID == c.pid:
		c.pid, c.sureAt = ev.Task.PID, ev.Time
	case ev.Cur.PID == c.pid:
		c.sureAt = ev.Time
	}
}

// arrives is the task whose arrival an event is, NoPID if it is none.
func arrives(ev *parser.Event) int32 {
	switch ev.Kind {
	case parser.KindSwitch:
		return ev.Next.PID
	case parser.KindWakeup:
		return ev.Task.PID
	}
	return parser.NoPID
}

// recorderLeft notes that a task came to another CPU than it was current on. perf stops
// and starts each CPU's recording while it is there itself (evlist__disable,
// tools/perf/util/evlist.c, 5.6+), so that its pause breaks no chain of switches. What it
// finds on a CPU is then not known before that CPU records again.
func (s *surveyor) recorderLeft(t *parser.Task, from int32) {
	c := &s.cpuAt(from).run
	c.left = c.left || c.known && c.pid == t.PID && parser.IsRecorder(t.Comm)
}

// breaksOff notes a break in a CPU's chain of switches, before the event that shows it.
func (s *surveyor) breaksOff(hole *parser.Event) {
	if !UsableCPU(hole.CPU) || len(s.breaks) >= maxBreaks {
		return
	}
	c := &s.cpuAt(hole.CPU).run
	from := max(hole.Start, c.sureAt)
	open, here, asleep := from, false, false
	if t := s.Task.Get(hole.Task.PID); t != nil && hole.Next.PID == 0 {
		open, here, asleep = max(from, t.toldAt), t.toldCPU == hole.CPU, t.asleep
	}
	s.breaks = append(s.breaks, chainBreak{
		cpu: hole.CPU, from: from, to: hole.Time, hole: hole.Time, cur: hole.Task.PID, prio: hole.Task.Prio, by: parser.NoPID, open: open, ran: parser.NoTime, woken: here && !asleep, slept: here && asleep,
		kept: s.lately.Break(from, hole.Time),
	})
	*c = current{pid: hole.Task.PID, known: true, sureAt: hole.Time, broken: true, uncharged: true, last: len(s.breaks) - 1}
}

// seams are the moments that the breaks of two CPUs or more have in common, and gaps those
// at which the breaks of one begin and end. Where most are breaks of one, the kernel leaves
// switches out of the recording, and what breaks have in common is chance, but for perf's
// pauses.
func seams(breaks []chainBreak) (all []seam, gaps []gap) {
	var lone []chainBreak
	slices.SortStableFunc(breaks, func(a, b chainBreak) int { return cmp.Compare(a.to, b.to) })
	taken := make([]bool, len(breaks))
	since := make([]int64, len(breaks)+1) // the earliest begin of a break and those behind it
	since[len(breaks)] = math.MaxInt64
	for i := len(breaks) - 1; i >= 0; i-- {
		since[i] = min(since[i+1], breaks[i].from)
	}
	for i := range breaks {
		if taken[i] {
			continue
		}
		one := seam{at: breaks[i].from, breaks: breaks[i : i+1 : i+1]}
		for j := i + 1; j < min(len(breaks), i+seamReach) && since[j] < breaks[i].to; j++ {
			b := &breaks[j]
			if taken[j] || b.from >= breaks[i].to || slices.ContainsFunc(one.breaks, func(o chainBreak) bool { return o.cpu == b.cpu }) {
				continue
			}
			taken[j], one.at, one.breaks = true, max(one.at, b.from), append(one.breaks, *b)
		}
		if len(one.breaks) > 1 {
			one.unheard = span{one.at, one.at}
			for j := range one.breaks {
				if b := &one.breaks[j]; b.left() {
					one.unheard = span{min(one.unheard.from, b.from), max(one.unheard.to, b.to)}
				}
			}
			all = append(all, one)
		} else {
			lone = append(lone, breaks[i])
		}
	}
	if 2*len(lone) > len(breaks) {
		all = slices.DeleteFunc(all, func(one seam) bool {
			chance := !slices.ContainsFunc(one.breaks, func(b chainBreak) bool { return b.left() })
			if chance {
				lone = append(lone, one.breaks...)
			}
			return chance
		})
	}
	for i := range lone {
		b := &lone[i]
		if b.left() {
			continue
		}
		if !b.woken && (!b.slept || b.ran == parser.NoTime) {
			gaps = append(gaps, gap{b.open, b.cpu, parser.NoPID, parser.NoPrio})
		}
		if b.ran != parser.NoTime {
			gaps = append(gaps, gap{b.ran, b.cpu, b.cur, b.prio})
		}
	}
	slices.SortStableFunc(gaps, func(a, b gap) int { return cmp.Compare(a.at, b.at) })
	slices.SortStableFunc(all, func(a, b seam) int { return cmp.Compare(a.at, b.at) })
	return all, gaps
}

// left reports a break that shows in nothing but that perf was elsewhere.
func (b *chainBreak) left() bool { return b.hole == parser.NoTime }

// afterSeams finds how the tasks stood after each seam, and what they did. Mostly the survey has
// kept what tells, else the capture is read once more.
func (s *surveyor) afterSeams(c parser.Capture) {
	switch {
	case len(s.seams) == 0 || !s.HasWaking:
	case s.recalled():
		s.after(s.lately.All())
	default:
		s.after(parser.Ahead(c))
	}
}

// recalled reports whether the survey kept what comes after each seam.
func (s *surveyor) recalled() bool {
	return s.lately.Whole() && !slices.ContainsFunc(s.seams, func(one seam) bool {
		return !slices.ContainsFunc(one.breaks, func(b chainBreak) bool { return b.kept })
	})
}

// after takes from events how the tasks stood after each seam: from their first since.
func (s *surveyor) after(events iter.Seq2[*parser.Event, error]) {
	next, kept := 0, 0
	var seen, waited parser.ByPID[int] // number of the last seam after which it was so
	var after *shares                  // measured since that seam
	tell := func(pid, cpu int32, was seamState, says bool) {
		if pid <= 0 || seen.Get(pid) == next {
			return
		}
		if was != wasAsleep {
			waited.Set(pid, next)
		}
		if seen.Set(pid, next); says && UsableCPU(cpu) && kept < maxBreaks {
			one := &s.seams[next-1]
			one.tasks, kept = append(one.tasks, seamTask{pid, cpu, was}), kept+1
		}
	}
	for ev, err := range events {
		if err != nil {
			return
		}
		for next < len(s.seams) && s.seams[next].at < ev.Time {
			kept += s.measured(after, next-1, min(s.seams[next].at, after.end()), kept)
			after = sharesAfter(&s.seams[next])
			next++
		}
		if after != nil && ev.Time > after.end() {
			kept += s.measured(after, next-1, after.end(), kept)
			after = nil
		}
		if next == 0 || !UsableCPU(ev.CPU) || !still.Writes(ev.Kind) || ev.Kind == parser.KindOther {
			continue
		}
		stands(ev, tell)
		if after != nil {
			after.take(ev, func(pid int32) bool { return waited.Get(pid) == next })
		}
	}
	if s.Err == nil {
		s.measured(after, next-1, min(s.End, after.end()), kept)
	}
}

// stands tells where an event's tasks stood before it, and whether it says so.
func stands(ev *parser.Event, tell func(pid, cpu int32, was seamState, says bool)) {
	switch ev.Kind {
	case parser.KindSwitch:
		was := wasQueued
		if ev.Task.PID == 0 {
			was = wasFlying // its wakeup came before
		}
		tell(ev.Task.PID, ev.CPU, wasQueued, false)
		tell(ev.Next.PID, ev.CPU, was, true)
	case parser.KindWaking:
		tell(ev.Task.PID, ev.TargetCPU, wasAsleep, true)
	case parser.KindWakeup:
		tell(ev.Task.PID, ev.TargetCPU, wasFlying, true)
	case parser.KindMigrate:
		tell(ev.Task.PID, ev.OrigCPU, wasQueued, true)
	default:
		tell(ev.Task.PID, ev.CPU, wasAsleep, false)
	}
	tell(ev.Cur.PID, ev.CPU, wasQueued, false)
}

// sharesAfter begins to measure the tasks after a seam.
func sharesAfter(s *seam) *shares {
	a := &shares{from: s.at}
	for i := range s.breaks {
		a.runs(s.breaks[i].cur, s.breaks[i].prio)
	}
	return a
}

// measured notes with the seam of that number what was measured up to an end, if kept leaves
// room for it, and returns of how many tasks.
func (s *Survey) measured(after *shares, number int, end int64, kept int) (n int) {
	if after == nil || kept >= maxBreaks {
		return 0
	}
	after.settle(end)
	one := &s.seams[number]
	one.over = end - after.from
	for pid, k := range after.task.All() {
		if !k.born {
			one.shares = append(one.shares, seamShare{pid, k.share})
		}
	}
	return len(one.shares)
}

// Resume brings the CPUs past the seams that lie before a time, and reports whether there
// was one. It lets those with a break of their own go on, too.
func (t *Timeline) Resume(now int64) (resumed bool) {
	for ; t.broke < len(t.Survey.gaps) && t.Survey.gaps[t.broke].at < now; t.broke++ {
		if g := &t.Survey.gaps[t.broke]; !t.Slices && int(g.cpu) < len(t.CPU) {
			t.Now = max(t.Now, g.at)
			t.goesOn(g.cpu, parser.Task{PID: g.cur, Prio: g.prio}, g.at)
		}
	}
	for ; t.past < len(t.Survey.seams) && t.Survey.seams[t.past].at < now; t.past++ {
		if resumed = true; !t.Slices {
			t.resume(&t.Survey.seams[t.past])
		}
	}
	return resumed
}

// unheard returns the seam about which some CPU was not recorded at a time, nil if there is
// none: the one passed last, or the next.
func (t *Timeline) unheard(at int64) *seam {
	all := t.Survey.seams
	for i := max(0, t.past-1); i <= t.past && i < len(all); i++ {
		if m := &all[i]; at > m.unheard.from && at < m.unheard.to {
			return m
		}
	}
	return nil
}

// resume lets CPUs and tasks stand as they did after a seam.
func (t *Timeline) resume(s *seam) {
	t.Now = max(t.Now, s.at)
	for i := range s.breaks {
		if b := &s.breaks[i]; int(b.cpu) < len(t.CPU) {
			t.empty(b.cpu, s.at)
			k := &t.CPU[b.cpu]
			k.resumed = b.hole
			k.Cur, k.Prio, k.Known, k.guard, k.IdleAt = b.cur, b.prio, b.cur != parser.NoPID, b.by, parser.NoTime
			if b.cur > 0 {
				t.displace(t.Get(b.cur))
			}
		}
	}
	stood := func(x seamTask) bool { return int(x.cpu) < len(t.CPU) && t.CPU[x.cpu].Cur != x.pid }
	for _, x := range s.tasks {
		if stood(x) {
			t.displace(t.Get(x.pid))
		}
	}
	t.rewarm(s)
	for i := range s.breaks {
		if b := &s.breaks[i]; b.cur > 0 && int(b.cpu) < len(t.CPU) {
			if p := t.Get(b.cur); !p.Queued { // perf is what all CPUs show that it left
				t.enqueue(p, b.cpu)
				p.Running, t.CPU[b.cpu].CFS.Running = true, p.Fair()
			}
		}
	}
	for _, x := range s.tasks {
		if stood(x) {
			t.stand(x)
		}
	}
	for _, p := range t.task.All() {
		t.attach(p, p.CPU)
	}
	for c := range t.CPU {
		t.Touched.Set(c)
		t.changed(int32(c), s.at, s.at, s.at)
	}
}

// displace takes a task off the queue or wake list that it was thought to be on.
func (t *Timeline) displace(p *Task) {
	if p.Queued {
		t.forget(p)
	}
	t.land(p)
}

// stand puts a task where it stood after a seam.
func (t *Timeline) stand(x seamTask) {
	p := t.Get(x.pid)
	switch p.CPU, p.QueuedKnown = x.cpu, true; x.was {
	case wasQueued:
		t.enqueue(p, x.cpu)
	case wasFlying:
		t.startFlight(p)
	}
}

// Resumed reports a hole of which the timeline knows already.
func (t *Timeline) Resumed(hole *parser.Event) bool {
	return hole.Kind == parser.KindHole && UsableCPU(hole.CPU) && int(hole.CPU) < len(t.CPU) && t.CPU[hole.CPU].resumed == hole.Time
}

// goesOn lets a CPU run, after a hole in its recording, the task that its next event shows to
// be current, NoPID if it is too early to tell. If it was idle and that task was woken there,
// or slept there, one switch is missing, as where a kernel records none out of idle. Else what
// was queued there is not known any more.
func (t *Timeline) goesOn(c int32, cur parser.Task, at int64) {
	k, p := &t.CPU[c], t.Find(cur.PID)
	if k.Known && k.Cur == cur.PID {
		return
	}
	if !k.Known || k.Cur != 0 || p == nil || p.CPU != c || p.seat.cpu == parser.NoCPU && p.Inflight == parser.NoCPU && !p.QueuedKnown {
		t.empty(c, at)
		t.changed(c, at, at, at)
	}
	if cur.PID >= 0 {
		sw := parser.NewEvent(parser.KindSwitch, at, c)
		sw.Next = cur
		t.applySwitch(&sw)
	}
}
