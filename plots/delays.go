package plots

import (
	"fmt"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/findings/stats"
	"schedreplay/plots/internal/columns"
	"schedreplay/replay"
)

func delayFigures(res *replay.Result, t *cpuTrack, c *findings.CPU) (overTime, cdf *Figure, why string) {
	free, intruded := c.Delays()
	if c.Owner == nil {
		return nil, nil, fmt.Sprintf("There is no figure of delays: the owner of CPU %d is not known.", c.CPU)
	}
	if free+intruded == 0 {
		return nil, nil, fmt.Sprintf("There is no figure of delays: the recording shows no waking of %s.", OwnerName(c))
	}
	kinds := delayKinds(say.Plain(intruderWords(c)))
	ax := axisFor(res.Start, res.End)
	var worst *replay.Slice
	if len(c.LongestDelays) > 0 {
		worst = &c.LongestDelays[0].Run
	}
	title := fmt.Sprintf("%s waited at most %s for CPU %d", OwnerName(c), say.Duration(c.Worst()), c.CPU)
	if intruded > 0 && free > 0 {
		title = fmt.Sprintf("%s waited up to %s for CPU %d with an intruder on it, up to %s without",
			OwnerName(c), say.Duration(c.OwnerDelayIntruded.Max()), c.CPU, say.Duration(c.OwnerDelay.Max()))
	}
	overTime = &Figure{
		Name: figureName(c.CPU, "delay"), Title: title,
		Caption: "The owner’s sch delay (from waking to running) over time: a line from the least to the greatest of each pixel column, a marker on the greatest.",
		desc:    delayDescription(c),
		height: func(s size) float64 {
			if s.narrow {
				return 19
			}
			return 18
		},
		draw:  drawDelayTime([2]columns.Extents{t.delay, t.intruded}, kinds, ax, worst),
		chart: chartDelay(t, [2]columns.Extents{t.delay, t.intruded}, kinds, ax),
	}
	if free+intruded < 3 {
		return overTime, nil, fmt.Sprintf("There is no distribution: the recording shows only %s of %s.", say.Counted(free+intruded, "waking"), OwnerName(c))
	}
	cdf = &Figure{
		Name:    figureName(c.CPU, "delay-cdf"),
		Title:   fmt.Sprintf("Distribution of %s’s sch delay on CPU %d", OwnerName(c), c.CPU),
		Caption: "The share of the owner’s wakings that waited no longer, on a scale of nines. A percentile is labelled if at least one waking lies above it.",
		desc:    delayDescription(c),
		height: func(s size) float64 {
			if s.narrow {
				return 21
			}
			return 20
		},
		draw:  drawDelayCDF([2]*replay.DelayHistogram{c.OwnerDelay, c.OwnerDelayIntruded}, kinds),
		chart: chartCDF([2]*replay.DelayHistogram{c.OwnerDelay, c.OwnerDelayIntruded}, kinds),
	}
	return overTime, cdf, ""
}

func delayDescription(c *findings.CPU) string {
	var parts []string
	for i, h := range []*replay.DelayHistogram{c.OwnerDelay, c.OwnerDelayIntruded} {
		if h == nil || h.Count() == 0 {
			continue
		}
		with := [2]string{"without", "with"}[i]
		s := fmt.Sprintf("%s %s an intruder on the core: median %s", say.Counted(h.Count(), "waking"), with, say.Duration(h.Percentile(50)))
		for _, p := range []float64{99, 99.9} {
			if stats.HasPercentile(p, h.Count()) {
				s += fmt.Sprintf(", p%g %s", p, say.Duration(h.Percentile(p)))
			}
		}
		parts = append(parts, s+fmt.Sprintf(", longest %s", say.Duration(h.Max())))
	}
	return say.Join(parts) + "."
}

// runsFigure shows the run lengths and the period of the intruder that held
// the CPU longest.
func runsFigure(t *cpuTrack, c *findings.CPU) (*Figure, string) {
	list := t.byTime()
	if len(list) == 0 {
		return nil, ""
	}
	k := list[0]
	if k == t.rest && len(list) > 1 {
		k = list[1]
	}
	if k.length.Count() < 2 {
		return nil, fmt.Sprintf("There is no histogram of runs: the recording shows %s of %s from beginning to end.",
			map[bool]string{true: "one run", false: "no run"}[k.length.Count() == 1], say.TaskName(k.task))
	}
	panels := []histPanel{{
		title: "how long each run was", axis: "length of a run, logarithmic", noun: "runs", h: k.length, clr: intruderRd,
	}}
	caption := "How long the intruder’s runs were"
	if k.period.Count() > 1 {
		panels = append(panels, histPanel{
			title: "how long from run to run", axis: "from one run’s start to the next’s, logarithmic", noun: "intervals", h: k.period, clr: intruderRd,
		})
		caption += ", and how regularly it came back: a narrow peak is a timer"
	}
	f := &Figure{
		Name:    figureName(c.CPU, "runs"),
		Title:   fmt.Sprintf("%s ran %s at a time on CPU %d, mostly", say.CommName(k.task), say.Duration(k.length.Median()), c.CPU),
		Caption: caption + ". Runs cut by the window’s edge are left out.",
		desc:    fmt.Sprintf("%s: median %s, longest %s.", say.Counted(k.length.Count(), "run"), say.Duration(k.length.Median()), say.Duration(k.length.Max())),
		height:  histHeight(len(panels)),
		draw:    drawHists(panels),
	}
	if k.period.Count() > 1 {
		f.Title = fmt.Sprintf("%s ran on CPU %d about every %s, for %s (medians)", say.CommName(k.task), c.CPU, say.Duration(k.period.Median()), say.Duration(k.length.Median()))
		f.desc += fmt.Sprintf(" From run to run: median %s, longest %s.", say.Duration(k.period.Median()), say.Duration(k.period.Max()))
	}
	return f, ""
}
