package plots

import (
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/columns"
	"schedreplay/plots/internal/kept"
	"schedreplay/replay"
)

// interruptCaption says what the lanes of interrupts are.
const interruptCaption = " The narrow lanes on top are what interrupted it, whatever ran: a mark where one did, at least half of the lane high."

// interruptLanes are when interrupts ran on the CPU, one narrow lane for each kind that is
// recorded.
func interruptLanes(t *cpuTrack, c *findings.CPU) []lane {
	return kindLanes(c, func(kind replay.NoiseKind) lane {
		return lane{solid: coverOrNil(t.interrupts[kind]), pickSolid: func(s *kept.Sliver) bool { return s.Kind == kind }}
	})
}

// markLanes are the same of a close-up; hatched where they were not kept.
func markLanes(k *kept.Clip, c *findings.CPU, start, end int64, base *columns.Timebase) []lane {
	return kindLanes(c, func(kind replay.NoiseKind) lane {
		on, unknown := columns.NewCoverage(base), columns.NewCoverage(base)
		for _, m := range k.Marks {
			if m.Kind == kind {
				on.Add(max(m.From, start), min(m.To, end))
			}
		}
		unknown.Add(start, min(k.MarksFrom, end))
		unknown.Add(max(k.MarksTo, start), end)
		return lane{solid: &on, possible: &unknown}
	})
}

// kindLanes makes the lane of each kind of interrupt of which the recording tells.
func kindLanes(c *findings.CPU, of func(replay.NoiseKind) lane) []lane {
	var lanes []lane
	for i, s := range c.NoiseByKind() {
		if kind := replay.NoiseKind(i); !kind.OfTask() && s.Told() {
			l := of(kind)
			l.name, l.style, l.note = say.NoiseKind(kind), laneInterrupt, "none"
			lanes = append(lanes, l)
		}
	}
	return lanes
}

// coverOrNil is a coverage, nil if nothing was ever added.
func coverOrNil(c columns.Coverage) *columns.Coverage {
	if c.Track == nil {
		return nil
	}
	return &c
}
