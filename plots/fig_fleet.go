package plots

import (
	"fmt"

	"schedreplay/findings/say"
	"schedreplay/replay"
	"schedreplay/stats"
)

// FleetDelayFigure is the distribution of the owners' sch delays over a fleet, and of those
// with an intruder on the CPU meanwhile; nil where there are too few.
func FleetDelayFigure(all, intruded *stats.Dist) *Figure {
	if all.Count() < 3 {
		return nil
	}
	hists := []*stats.Dist{all, intruded}
	kinds := delayKinds("")
	kinds[0].name, kinds[1].name = "all wakings", "an intruder ran before it"
	return &Figure{
		Name: "fleet-delay-cdf", Title: "Distribution of the owners’ sch delay over the fleet",
		Caption: "The share of the owners’ wakings that waited no longer, on a scale of nines, of all hosts together. A percentile is labelled if at least one waking lies above it.",
		desc:    fmt.Sprintf("%s, longest %s.", say.Counted(all.Count(), "waking"), say.Duration(all.Max())),
		height:  high(20, 21),
		draw:    drawDelayCDF(hists, kinds[:], replay.SchDelay),
		chart:   chartCDF(hists, kinds[:], replay.SchDelay),
	}
}
