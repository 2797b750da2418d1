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
	// OwnerP99 is the p99 of the owners' sch delay, in ns; the longest delay where there
	// are too few wakings for one.
	OwnerP99
	// OwnerWorst is the longest of these delays, in ns.
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
	// Isolation says why nothing can be told of isolated CPUs, Unwoken that no waking of
	// an owner was recorded. Value is then not known.
	Isolation Isolation
	Unwoken   bool
	// Value is what was found, in the measure's unit.
	Value int64
	// Unknown is what may come on top: time of which the recording does not tell who ran,
	// entries of tasks that may have been there before (they are in Value), or the places
	// where an unknown number of events is lost.
	Unknown int64
	// Wakings is the number of the owner's wakings. TooFew: they give no p99.
	Wakings int64
	TooFew  bool
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
	d := &f.Sum.Delays
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
		j.Wakings, j.Value = d.Count(), d.WorstNS
		j.Unwoken = j.Wakings == 0
		if g.Measure == OwnerP99 {
			if v, ok := d.Percentile(99); ok {
				j.Value = v
			} else {
				j.TooFew = true
			}
		}
		j.Holds = !j.Unwoken && j.Value <= g.Max
	}
	return j
}

// ScenarioFigure is a measure of the scenario, at the 95th of a hundred runs: the worst
// owner's, the sum over the CPUs looked at.
func ScenarioFigure(res *replay.Result, r *loop.Result, m Measure) (found int64, known bool) {
	o := &r.Outcomes[1]
	for _, c := range res.CPUs {
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
				b := o.Tasks[i].Delay.P99
				if m == OwnerWorst {
					b = o.Tasks[i].Delay.Max
				}
				found, known = max(found, b.Hi), known || b.Known
			}
		}
	}
	return found, known
}
