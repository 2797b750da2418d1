package timeline

import (
	"math"

	"schedreplay/cpumask"
	"schedreplay/parser"
)

// This file tells which CPUs were not recorded all the time. A recorder enables one CPU
// after another, on a busy machine seconds apart, and what a flight recorder holds of one
// begins where it likes.

const (
	// partlyAfter is how long, in ns, after it was given a task a CPU that records has
	// recorded something, unless it does not run.
	partlyAfter = 100_000_000
	// partlySettles is how long what was not seen is taken to tell, in ns.
	partlySettles = 50_000_000
	// muteAfter is how long, in ns, a CPU is known before its first event and after its
	// last: there is no more reason to doubt that it recorded than anywhere.
	muteAfter = 200_000_000
	// outAfter is how long before a task sleeps it may be woken on its way out, in ns.
	outAfter = 10_000_000
	// strayShare is one over the share of the wakings that seem to be strays where
	// sched_wakeup is not recorded.
	strayShare = 50
)

// voice is when a CPU recorded.
type voice struct {
	// on and off bound, with perf, when its recording began and ended; see enabled.
	on, off int64
	// from and to are its first and last event of any kind, valid if spoke.
	spoke    bool
	from, to int64
	// givenAt is when it was first given a task since its last event, valid if given.
	given   bool
	givenAt int64
}

// speaks notes that the CPU recorded something.
func (v *voice) speaks(at int64) {
	if !v.spoke {
		v.spoke, v.from, v.to, v.on, v.off = true, at, at, math.MinInt64, math.MaxInt64
	}
	v.from, v.to = min(v.from, at), max(v.to, at)
}

// gives notes that a task came to a CPU by what another one recorded.
func (s *Survey) gives(cpu, by int32, at int64) {
	if cpu != by && UsableCPU(cpu) {
		if c := s.cpuAt(cpu); !c.given {
			c.given, c.givenAt = true, at
		}
	}
}

// hears notes an event that a CPU recorded, and what it gave to others. A CPU that
// recorded nothing until long after it was given a task was not recorded then.
func (s *surveyor) hears(c *startCPU, ev *parser.Event) {
	if c.given && !c.spoke && ev.Time-c.givenAt > partlyAfter {
		s.whole.from = max(s.whole.from, ev.Time+partlySettles)
	}
	c.given = false
	c.speaks(ev.Time)
	switch ev.Kind {
	case parser.KindSlice:
		if ev.Start != parser.NoTime {
			c.speaks(min(ev.Start, ev.Time))
		}
	case parser.KindMigrate:
		s.gives(ev.TargetCPU, ev.CPU, ev.Time)
		s.taskAt(ev.Task.PID).told(ev.TargetCPU, ev.Time)
	case parser.KindWakeup, parser.KindWakeupNew:
		if ev.Kind == parser.KindWakeup {
			s.gives(ev.TargetCPU, ev.CPU, ev.Time)
		}
		ts := s.taskAt(ev.Task.PID)
		ts.told(ev.TargetCPU, ev.Time)
		ts.asleep = false
	case parser.KindWaking:
		ts := s.taskAt(ev.Task.PID)
		ts.told(ev.TargetCPU, ev.Time)
		if !ts.asleep {
			ts.outAt = ev.Time // it may be on its way out
		}
		if ts.asleep = false; ts.last != parser.NoCPU && ts.last != ev.TargetCPU {
			s.gives(ev.TargetCPU, ev.CPU, ev.Time) // it was there, and nothing shows how it came
		}
	case parser.KindSwitch:
		if n := s.taskAt(ev.Next.PID); ev.Next.PID > 0 {
			if n.asleep && s.Lost+s.LostUnknown+s.Holes == 0 && len(s.strays) < maxSpans {
				s.strays = append(s.strays, ev.Time)
			}
			n.told(ev.CPU, ev.Time)
			n.asleep = false
		}
		if p := s.taskAt(ev.Task.PID); ev.Task.PID > 0 {
			p.told(ev.CPU, ev.Time)
			p.asleep = ev.State.Known() && !ev.State.Runnable() && (p.outAt == parser.NoTime || ev.Time-p.outAt > outAfter)
		}
	}
}

// told notes where an event says that the task is.
func (t *TaskSurvey) told(cpu int32, at int64) { t.toldCPU, t.toldAt = cpu, at }

// missed notes that events are missing since a time, as is often seen only later: what woke
// a task since then may be one of them.
func (s *surveyor) missed(since int64) {
	for n := len(s.strays); n > 0 && s.strays[n-1] >= since; n-- {
		s.strays = s.strays[:n-1]
	}
}

// parts settles, at the end, when not all of the online CPUs were recorded.
func (s *surveyor) parts(online cpumask.Mask) {
	s.whole.to = math.MaxInt64
	if !s.Only.Empty() {
		return
	}
	for i := range s.cpu {
		switch c := &s.cpu[i]; {
		case !c.given || s.End-c.givenAt <= partlyAfter:
		case c.spoke:
			s.whole.to = min(s.whole.to, c.to)
		default:
			s.whole.to = s.Start
		}
	}
	// Without sched_wakeup a task that is woken on its way to sleep may seem to be a stray.
	strays := int64(len(s.strays))
	if !s.HasWakeup {
		strays -= s.Events[parser.KindWaking] / strayShare
	}
	if s.HasWaking && strays > 0 && !online.SubsetOf(s.Recorded) {
		s.whole.to = s.Start
	}
}

// visit is perf's first way from CPU to CPU: the CPU that it moved to last, and when.
type visit struct {
	cpu int32
	at  int64
}

// take follows it.
func (v *visit) take(ev *parser.Event) {
	if ev.Kind == parser.KindMigrate && parser.IsRecorder(ev.Task.Comm) && IsStopper(ev.Cur.Comm) && ev.TargetCPU == v.cpu+1 {
		v.cpu, v.at = ev.TargetCPU, ev.Time
	}
}

// enabled bounds when each CPU's recording began and ended where perf made it, which
// enables one CPU after another, in their order, and disables them so
// (evlist__enable, evlist__disable): one that recorded shows that those before it were
// enabled, and one that still does that those after it are. It has itself moved to each
// first. Between from and to all record.
func enabled(n int, at func(i int) *voice, v visit, start, end int64) (from, to int64) {
	from, to = start, end
	on := int64(math.MaxInt64)
	for i := n - 1; i >= 0; i-- {
		if c := at(i); c.spoke {
			on = min(on, c.from)
			c.on = min(on, max(start+muteAfter, v.at+muteAfter/10))
			from = max(from, c.on)
		}
	}
	off := int64(math.MinInt64)
	for i := range n {
		if c := at(i); c.spoke {
			off = max(off, c.to)
			c.off = max(off, end-muteAfter)
			to = min(to, c.off)
		}
	}
	return from, to
}

// Enabling tells of a recording by perf, which enables one CPU after another, when all of
// them record.
type Enabling struct {
	voices     []voice
	visit      visit
	began      bool
	start, end int64
}

// Take takes the next event, of any kind.
func (e *Enabling) Take(ev *parser.Event) {
	switch ev.Kind {
	case parser.KindLost, parser.KindHole, parser.KindDamaged, parser.KindOverwritten, parser.KindComm:
		return
	}
	if !UsableCPU(ev.CPU) {
		return
	}
	for int(ev.CPU) >= len(e.voices) {
		e.voices = append(e.voices, voice{})
	}
	if !e.began {
		e.began = true
		e.start, e.end = ev.Time, ev.Time
	}
	e.start, e.end = min(e.start, ev.Time), max(e.end, ev.Time)
	e.voices[ev.CPU].speaks(ev.Time)
	e.visit.take(ev)
}

// Common is the time in which all CPUs record.
func (e *Enabling) Common() (from, to int64) {
	return enabled(len(e.voices), func(i int) *voice { return &e.voices[i] }, e.visit, e.start, e.end)
}

// Partly reports whether at a time some CPU seems not to have been recorded that did
// something: what it did to others is not known, nor what it did to hidden facts.
func (t *Timeline) Partly(at int64) bool {
	return at < t.Survey.whole.from || at > t.Survey.whole.to || t.unheard(at) != nil
}

// mute reports whether a CPU recorded nothing until long after a time, or since long
// before it, or while its recording paused.
func (t *Timeline) mute(c int, at int64) bool {
	if c >= len(t.Survey.cpu) || !t.Survey.cpu[c].spoke {
		return false
	}
	if m := t.unheard(at); m != nil {
		for i := range m.breaks {
			if b := &m.breaks[i]; int(b.cpu) == c && b.left() && at > b.from && at < b.to {
				return true
			}
		}
	}
	k := &t.Survey.cpu[c]
	return at < max(k.from-muteAfter, k.on) || at > min(k.to+muteAfter, k.off)
}

// Mute reports whether a CPU recorded nothing before somebody looks at it, or nothing
// after that, so that only its neighbours in time tell of it.
func (t *Timeline) Mute(c int, by *Looker) bool {
	return c != by.Here && t.mute(c, by.Window.Est)
}
