package findings

import (
	"cmp"
	"slices"

	"schedreplay/parser"
	"schedreplay/replay"
	"schedreplay/stats"
)

// Delays are waits of owners, of one kind. The zero value holds none.
type Delays struct {
	free, intruded, patched stats.Dist
	// Causes are what they went to.
	Causes Causes
}

func (d *Delays) add(w *replay.Waits) {
	d.free.Merge(w.Free)
	d.intruded.Merge(w.Intruded)
	d.patched.Merge(w.Patched)
	d.Causes = d.Causes.merge(CausesOf(w.Parts))
}

func (d *Delays) merge(o *Delays) {
	d.free.Merge(&o.free)
	d.intruded.Merge(&o.intruded)
	d.patched.Merge(&o.patched)
	d.Causes = d.Causes.merge(o.Causes)
}

// Dist holds all of them.
func (d *Delays) Dist() *stats.Dist { return stats.Merged(&d.free, &d.intruded) }

// Count is the number of waits.
func (d *Delays) Count() int64 { return d.free.Count() + d.intruded.Count() }

// WorstNS is the longest in ns, exactly; 0 without any.
func (d *Delays) WorstNS() int64 { return max(d.free.Max(), d.intruded.Max()) }

// Percentile returns the wait in ns that p percent of them do not exceed, to three digits.
// It is not known where no wait lies above it: a p99 takes 100 of them.
func (d *Delays) Percentile(p float64) (ns int64, known bool) {
	return d.Dist().Percentile(p)
}

// Waited reports whether a wait of either kind was measured.
func (s *CPU) Waited() bool { return s.Told().Count() > 0 }

// Told are the waits by which the owner's latency is told, those of Kind.
func (s *CPU) Told() *replay.Waits { return &s.Waits[s.Kind()] }

// neverSleeps is the part of the window, one in so many, that a task may have slept that
// never sleeps.
const neverSleeps = 100

// Kind is the kind of waits by which the owner's latency is told: sch delays, or off-CPU
// gaps where it was never woken, or slept for less than 1 % of the window. A poll-mode
// driver sleeps when it starts, and what it waited then says nothing.
func (s *CPU) Kind() replay.WaitKind {
	delay, gap := &s.Waits[replay.SchDelay], &s.Waits[replay.OffCPUGap]
	slept := s.WindowNS - s.UnknownNS - s.Time[replay.ClassOwner] - delay.Sum() - gap.Sum()
	if gap.Count() > 0 && (delay.Count() == 0 || slept < s.WindowNS/neverSleeps) {
		return replay.OffCPUGap
	}
	return replay.SchDelay
}

// WorstWait is the longest wait of an owner.
type WorstWait struct {
	// Known is false where no wait was measured.
	Known bool
	Kind  replay.WaitKind
	NS    int64
	// CPU it was on; AtNS is when it ended, parser.NoTime if that is not known.
	CPU  int
	AtNS int64
	// Intruded: a foreign task ran on the CPU meanwhile.
	Intruded bool
	// Causes are what it went to, as far as a [Collector] saw it.
	Causes Causes
}

// WorstWait is the longest wait of an owner on any of the CPUs, of the kind by which that
// owner's latency is told.
func (f *Findings) WorstWait() WorstWait {
	w := WorstWait{CPU: -1, AtNS: parser.NoTime}
	for _, c := range f.CPUs {
		t := c.Told()
		if t.Count() == 0 || w.Known && t.Worst() < w.NS {
			continue
		}
		w = WorstWait{Known: true, Kind: c.Kind(), NS: t.Worst(), CPU: c.CPU, AtNS: t.WorstAt, Intruded: t.Intruded.Count() > 0 && t.Intruded.Max() >= t.Worst()}
		if l := c.LongestWaits[w.Kind]; len(l) > 0 {
			w.Causes = CausesOf(l[0].Parts)
		}
	}
	return w
}

// Causes are the parts of waits by what they went to, the costliest first. Those of one
// wait sum to it. They merge.
type Causes []replay.Part

// CausesOf orders the parts of waits.
func CausesOf(parts []replay.Part) Causes { return Causes(nil).merge(parts) }

func (c Causes) merge(o Causes) Causes {
	out := slices.Clone(c)
	for _, p := range o {
		i := slices.IndexFunc(out, func(x replay.Part) bool { return x.Cause == p.Cause && x.Task == p.Task && x.Name == p.Name })
		if i < 0 {
			out = append(out, p)
		} else {
			out[i].NS += p.NS
		}
	}
	slices.SortStableFunc(out, func(a, b replay.Part) int {
		return cmp.Or(cmp.Compare(b.NS, a.NS), cmp.Compare(a.Cause, b.Cause), cmp.Compare(a.Task.PID, b.Task.PID), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// ByCause sums the parts up by cause.
func (c Causes) ByCause() (ns [replay.Causes]int64) {
	for _, p := range c {
		ns[p.Cause] += p.NS
	}
	return ns
}
