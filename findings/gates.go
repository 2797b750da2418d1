package findings

import (
	"schedreplay/loop"
	"schedreplay/replay"
)

// Measure is what a gate bounds.
type Measure uint8

// The measures.
const (
	// ForeignTime is the run time of foreign tasks on isolated CPUs, in ns.
	ForeignTime Measure = iota
	// EntryCount is the number of their entries, see [Entries].
	EntryCount
	// OwnerP99 is the p99 of the owners' sch delay, or of the off-CPU gaps of those that
	// never sleep, in ns; the longest where there are too few for one.
	OwnerP99
	// OwnerWorst is the longest of these waits, in ns.
	OwnerWorst
	// LostEvents counts events that are known to be missing.
	LostEvents
)

// Gate is a bound that a recording must keep.
type Gate struct {
	Measure Measure
	// Max is the greatest value that holds.
	Max int64
	// IgnoreResidents leaves the tasks out that were there when the recording begins,
	// AllowUnknown the time of which it does not tell who ran. Both are of [ForeignTime].
	IgnoreResidents, AllowUnknown bool
}

// Judgement is how a gate came out. What is not known does not hold.
type Judgement struct {
	Gate
	Holds bool
	// Isolation says why nothing can be told of isolated CPUs, Unwoken that no wait of an
	// owner was recorded. Value is then not known.
	Isolation Isolation
	Unwoken   bool
	// Value is what was found, in the measure's unit.
	Value int64
	// Unknown is what may come on top: time of which the recording does not tell who ran,
	// entries of tasks that may have been there before (they are in Value), or the places
	// where an unknown number of events is lost.
	Unknown int64
	// Kind is the kind of waits judged, Waits their number. TooFew: they give no p99.
	Kind   replay.WaitKind
	Waits  int64
	TooFew bool
}

// Judge holds a recording against a gate. It is the only judge there is: check and compare
// ask it, so that they agree.
func (f *Findings) Judge(g Gate) Judgement {
	j := Judgement{Gate: g}
	if g.Measure == LostEvents {
		r := f.Result
		j.Value, j.Unknown = r.Lost+r.Overwritten, r.LostUnknown+r.Holes
		j.Holds = j.Value <= g.Max && j.Unknown == 0
		return j
	}
	if j.Isolation = f.Isolation(); j.Isolation != IsolationSeen {
		return j
	}
	switch g.Measure {
	case ForeignTime:
		j.Value, j.Unknown = f.Sum.Held.NS, f.Sum.UnknownNS
		if g.IgnoreResidents {
			j.Value = 0
			for _, c := range f.CPUs {
				j.Value += c.Came.NS
			}
		}
		if g.AllowUnknown {
			j.Unknown = 0
		}
		j.Holds = j.Value+j.Unknown <= g.Max
	case EntryCount:
		j.Value, j.Unknown = f.Sum.Held.Entries.Total(), f.Sum.Held.Entries.Unseen
		j.Holds = j.Value <= g.Max
	default:
		f.judgeWaits(&j)
	}
	return j
}

// judgeWaits holds the owners' waits against a gate: each kind by itself, and the one
// that is longer is told.
func (f *Findings) judgeWaits(j *Judgement) {
	j.Unwoken = true
	for kind := range replay.WaitKinds {
		var d Delays
		for _, c := range f.CPUs {
			if c.Kind() == kind {
				d.add(&c.Waits[kind])
			}
		}
		if d.Count() == 0 {
			continue
		}
		v, ok := d.WorstNS(), false
		if j.Measure == OwnerP99 {
			if p, known := d.Percentile(99); known {
				v, ok = p, true
			}
		}
		if j.Unwoken || v > j.Value {
			j.Unwoken, j.Kind, j.Waits, j.Value, j.TooFew = false, kind, d.Count(), v, j.Measure == OwnerP99 && !ok
		}
	}
	j.Holds = !j.Unwoken && j.Value <= j.Max
}

// ScenarioFigure is a measure of the scenario, at the 95th of a hundred runs: the worst
// owner's, whose waits are of the kind told, or the sum over the CPUs looked at.
func (f *Findings) ScenarioFigure(r *loop.Result, m Measure) (found int64, kind replay.WaitKind, known bool) {
	o := &r.Outcomes[1]
	for _, c := range f.CPUs {
		switch m {
		case ForeignTime, EntryCount:
			for _, k := range o.Isolated {
				if k.CPU != c.CPU {
					continue
				}
				b := k.Held
				if m == EntryCount {
					b = k.Entries
				}
				found, known = found+b.Hi, true
			}
		default:
			if c.Owner == nil {
				continue
			}
			if i := r.Program.Find(c.Owner.PID); i >= 0 {
				t := &o.Tasks[i]
				b, worst := t.Delay.P99, t.Delay.Max
				if c.Kind() == replay.OffCPUGap {
					b, worst = t.OffCPU.P99, t.OffCPU.Max
				}
				if m == OwnerWorst {
					b = worst
				}
				if b.Known && (!known || b.Hi > found) {
					found, kind, known = b.Hi, c.Kind(), true
				}
			}
		}
	}
	return found, kind, known
}
